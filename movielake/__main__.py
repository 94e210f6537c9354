"""Run the command line as ``python -m movielake``."""

from movielake.cli import run

run()
