"""``movielake sql``: ask a lake in SQL."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

import click

from movielake.cli.options import countries_option, examples, stamps_option
from movielake.cli.output import show, summarise, warn

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 100
"""Rows of an answer that are shown as a table."""


@click.command("sql", short_help="Ask LAKE in SQL, and show or save the answer.")
@click.argument("lake")
@click.argument("query", required=False)
@click.option("-f", "--file", "source", type=click.File("r"), help="Read the query from this file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet", "xlsx"]),
    help="Format of the answer. Default: by the ending of the output, or a table.",
)
@click.option("-o", "--output", metavar="FILE", help="Write the answer to this file.")
@stamps_option
@countries_option
@click.option(
    "--current",
    type=click.Choice(["movie", "theater"]),
    default="movie",
    show_default=True,
    help="What a later snapshot replaces in current_showings and joined: a film in a theater on a "
    "day, or a whole day in a theater.",
)
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@examples(
    'movielake sql lake "select country, count(*) from current_showings group by all"',
    "movielake sql lake -f weeks.sql -o weeks.xlsx",
    "echo 'describe joined' | movielake sql lake",
)
def sql_command(
    lake: str,
    query: str | None,
    source: IO[str] | None,
    form: str | None,
    output: str | None,
    stamps: str | None,
    countries: str | None,
    current: str,
    force: bool,
) -> None:
    """Ask LAKE in SQL, and show or save the answer. Needs the extra sql.

    The views are showings, movies, theaters, current_showings (each screening once) and joined
    (current showings with their movie and theater). QUERY is one SELECT in the SQL of DuckDB.
    It comes from the command line, from a file or from standard input. It changes nothing, and
    reads no file outside LAKE and no network.
    """
    from movielake.asking.forms import form_of, write_file
    from movielake.asking.queries import ask

    text = _query(query, source)
    if output and form != "table":
        form_of(output, form)  # a wrong ending is an error before the query begins
    selection = {"countries": countries, "date_stamps": stamps}
    with ask(lake, text, current=current, **selection) as batches:
        if output and form != "table":
            rows = write_file(batches, output, form=form, force=force)
            summarise(f"{output}: {rows:,} rows")
        else:
            _print(batches, form or "table", output)


def _query(query: str | None, source: IO[str] | None) -> str:
    """Return the query from one of its three places."""
    if query and source:
        raise click.UsageError("expected a query or --file, found both")
    if query and query != "-":
        return query
    if source:
        return source.read()
    if query is None and sys.stdin.isatty():
        raise click.UsageError(
            'expected a query such as "select count(*) from current_showings", found none; give it '
            "as an argument, with --file or on standard input"
        )
    return sys.stdin.read()


def _print(batches: pa.RecordBatchReader, form: str, output: str | None) -> None:
    """Print an answer to standard output."""
    from movielake.asking.forms import write_stream

    if output:
        raise click.UsageError("expected --format csv, json, parquet or xlsx for --output")
    if form != "table":
        if form in ("parquet", "xlsx") and sys.stdout.isatty():
            raise click.UsageError(f"expected --output for {form}, found a terminal")
        write_stream(batches, sys.stdout.buffer, form)
        return
    from movielake.asking.cells import flat
    from movielake.cli.console import rows_table

    rows, more = _first(batches)
    table = flat(rows)
    cells = zip(*(column.to_pylist() for column in table.columns), strict=True)
    show(rows_table(table.column_names, [["" if c is None else str(c) for c in r] for r in cells]))
    if more:
        warn(f"only the first {_SHOWN} rows are shown; to see all, use --format csv or --output")


def _first(batches: pa.RecordBatchReader) -> tuple[pa.Table, bool]:
    """Read the first rows, and tell whether there are more."""
    import pyarrow as pa

    found: list[pa.RecordBatch] = []
    for batch in batches:
        found.append(batch)
        if sum(b.num_rows for b in found) > _SHOWN:
            break
    table = pa.Table.from_batches(found, batches.schema)
    return table.slice(0, _SHOWN), table.num_rows > _SHOWN
