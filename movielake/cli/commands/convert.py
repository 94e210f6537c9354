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
@click.option("--dry-run", is_flag=True, help="Only list the work. Change no file.")
@limit_options
@examples(
    "movielake convert feed lake",
    "movielake convert feed lake --stamps '2020*' --countries deu,swe --workers 4",
)
def convert_command(
    feed: str, lake: str, stamps: str | None, countries: str | None, **options: Any
) -> None:
    """Convert the new and the changed feed zips of FEED into LAKE.

    The exit code is 1 if the selected part of the feed has damage, also if an earlier run
    converted the damaged zip. The output distinguishes new damage from old damage.
    """
    from movielake.cli.console import conversion_lines, dry_run_lines
    from movielake.cli.output import is_quiet, progress
    from movielake.conversion.runs import convert as convert_feed

    with progress("convert") as bar:
        result = convert_feed(
            feed,
            lake,
            date_stamps=stamps,
            countries=countries,
            on_plan=bar.plan,
            on_progress=bar.outcome,
            **options,
        )
    if options["dry_run"]:
        lines = dry_run_lines(lake, result.plan, options["prune"])
    else:
        lines = conversion_lines(lake, result)
    # Quiet conversions show only damage; the first line is the summary.
    for line in lines[is_quiet() :] if not (is_quiet() and result.is_clean) else ():
        click.echo(line)
    if not result.is_clean:
        sys.exit(1)
