"""``movielake info``: what is in a lake."""

from __future__ import annotations

import click

from movielake.cli.options import examples
from movielake.cli.output import show


@click.command("info")
@click.argument("lake")
@examples("movielake info lake")
def info_command(lake: str) -> None:
    """Tell what is in LAKE: tables, stamps, countries, rows, problems."""
    from movielake.console import overview_tables
    from movielake.overview import describe_lake

    for shown in overview_tables(describe_lake(lake)):
        show(shown)
