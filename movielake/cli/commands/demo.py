"""``movielake demo``: all steps, from a sample feed to a report."""

from __future__ import annotations

import click

from movielake.cli.completion import PATH
from movielake.cli.options import examples
from movielake.cli.output import show


@click.command("demo", short_help="Run all steps, from a sample to a report, in about a minute.")
@click.argument("folder", default="movielake-demo", metavar="[DIR]", type=PATH)
@examples("movielake demo")
def demo_command(folder: str) -> None:
    """Run all steps in DIR, in about a minute: sample, convert, validate, stage, query, report."""
    from movielake.cli.walkthrough import run_demo

    run_demo(folder, show)
