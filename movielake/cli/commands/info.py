"""``movielake info``: show the contents of a lake."""

from __future__ import annotations

import click

from movielake.cli.completion import PATH
from movielake.cli.options import examples
from movielake.cli.output import show


@click.command("info")
@click.argument("lake", type=PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the output.",
)
@click.option(
    "--current",
    type=click.Choice(["movie", "theater"]),
    help="Also count the screenings that no later snapshot supersedes: those of a film in a "
    "theater on a day (movie), or of a whole day in a theater (theater). Reads showings.",
)
@examples(
    "movielake info lake",
    "movielake info lake --current movie",
    "movielake info lake --format json",
)
def info_command(lake: str, form: str, current: str | None) -> None:
    """Show the contents of LAKE: tables, stamps, countries, rows, problems."""
    import json

    from movielake.cli.console import overview_tables
    from movielake.lake.overview import describe_lake

    overview = describe_lake(lake)
    count = _count_current(lake, current) if current else None
    if form == "json":
        counted = {"current": {"rule": current, "screenings": count}} if current else {}
        click.echo(json.dumps(overview.to_dict() | counted, indent=2))
        return
    for shown in overview_tables(overview, count):
        show(shown)


def _count_current(lake: str, rule: str) -> int:
    from movielake.reading.readers import ShowingsReader

    return int(ShowingsReader(lake, current=rule).count_by(of="show_time")["count"].sum())
