"""``movielake convert``: convert a feed into a lake."""

from __future__ import annotations

import sys
from typing import Any

import click

from movielake.cli.completion import PATH
from movielake.cli.options import (
    countries_option,
    examples,
    limit_options,
    stamps_option,
)


@click.command("convert")
@click.argument("feed", type=PATH)
@click.argument("lake", type=PATH)
@stamps_option
@countries_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of processes. Default: one for each CPU, or one process for little work.",
)
@click.option("--force", is_flag=True, help="Convert unchanged feed zips again.")
@click.option("--strict", is_flag=True, help="Stop at the first damage.")
@click.option(
    "--json/--no-json", "with_json", default=True, help="Write JSON Lines in addition to Parquet."
)
@click.option("--prune", is_flag=True, help="Remove partitions whose feed zip no longer exists.")
@limit_options
@examples(
    "movielake convert feed lake",
    "movielake convert feed lake --stamps '2020*' --countries deu,swe --workers 4",
)
def convert_command(
    feed: str, lake: str, stamps: str | None, countries: str | None, **options: Any
) -> None:
    """Convert the new and the changed feed zips of FEED into LAKE."""
    from movielake.cli.console import conversion_lines
    from movielake.cli.progress import ProgressBar
    from movielake.conversion.runs import convert as convert_feed

    with ProgressBar("convert") as bar:
        result = convert_feed(
            feed,
            lake,
            date_stamps=stamps,
            countries=countries,
            on_plan=bar.plan,
            on_progress=bar.outcome,
            **options,
        )
    for line in conversion_lines(lake, result):
        click.echo(line)
    if not result.is_clean:
        sys.exit(1)
