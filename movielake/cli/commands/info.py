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
@examples("movielake info lake", "movielake info lake --format json")
def info_command(lake: str, form: str) -> None:
    """Show the contents of LAKE: tables, stamps, countries, rows, problems."""
    import json

    from movielake.cli.console import overview_tables
    from movielake.lake.overview import describe_lake

    overview = describe_lake(lake)
    if form == "json":
        click.echo(json.dumps(overview.to_dict(), indent=2))
        return
    for shown in overview_tables(overview):
        show(shown)
