"""``movielake diff``: compare two snapshots of a lake."""

from __future__ import annotations

import click

from movielake.cli.options import countries_option, examples
from movielake.cli.output import show, summarise, warn


@click.command("diff", short_help="Compare the snapshots OLD and NEW of LAKE.")
@click.argument("lake")
@click.argument("old")
@click.argument("new")
@click.option(
    "--each",
    type=click.Choice(["movies", "theaters", "screenings"]),
    help="List each one that differs, instead of counts.",
)
@countries_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the output. JSON has one object per line.",
)
@examples(
    "movielake diff lake 20191206 20191213",
    "movielake diff lake 20191206 20191213 --each movies --countries deu",
    "movielake diff lake 20191206 20191213 --format json",
)
def diff_command(
    lake: str, old: str, new: str, each: str | None, countries: str | None, form: str
) -> None:
    """Compare the snapshots OLD and NEW of LAKE by country. Needs the extra sql.

    OLD and NEW are date stamps such as 20191206. Counts the movies, theaters and screenings that
    went, came or changed. A country that one of the snapshots lacks has no counts.
    """
    import json

    from movielake.asking.comparing import diff
    from movielake.cli.console import rows_table

    found = diff(lake, old, new, countries=countries, each=each)
    rows = found.to_pylist()
    if form == "json":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False, default=str))
    elif rows:
        cells = [["" if cell is None else str(cell) for cell in row.values()] for row in rows]
        show(rows_table(found.column_names, cells))
    else:
        summarise("no differences")
    lacking = sorted({row["country"] for row in rows if "old" in row and row["old"] is None})
    if lacking:
        warn(f"not compared, since one of the snapshots lacks them: {', '.join(lacking)}")
