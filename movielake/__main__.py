"""Run the command line as ``python -m movielake``."""

from movielake.cli import main

main(prog_name="movielake")
