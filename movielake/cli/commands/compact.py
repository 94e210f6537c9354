"""``movielake compact``: copy a lake into few large files."""

from __future__ import annotations

from typing import Any

import click

from movielake.cli.completion import PATH
from movielake.cli.options import countries_option, examples, stamps_option


@click.command("compact", short_help="Copy SOURCE into few large files, which are fast to read.")
@click.argument("source", type=PATH)
@click.argument("to", type=PATH)
@click.option(
    "--span",
    type=click.Choice(["year", "quarter", "month", "all"]),
    help="Stamps that share a file. Default: as in an earlier copy, or year.",
)
@click.option("--tables", metavar="LIST", help="Only these tables, e.g. movies,showings.")
@stamps_option
@countries_option
@click.option("--json/--no-json", default=True, help="Copy JSON Lines too, for bags of records.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of files to write at the same time."
)
@examples(
    "movielake compact lake compact",
    "movielake compact lake germany --countries deu --tables showings --no-json",
)
def compact_command(source: str, to: str, stamps: str | None, **options: Any) -> None:
    """Copy SOURCE, a lake or a pack, into the folder TO as few large files.

    The copy is a lake with the same rows and records: one file for each table, country and year.
    The next run writes only the files that have changed.
    """
    from movielake.cli.output import progress, summarise
    from movielake.staging.compacting import compact as compact_lake

    files = bytes_ = 0
    with progress("compact") as bar:

        def on_progress(path: str, size: int) -> None:
            nonlocal files, bytes_
            files, bytes_ = files + 1, bytes_ + size
            bar.file(path, size)

        compact_lake(source, to, date_stamps=stamps, on_progress=on_progress, **options)
    summarise(f"{to}: {files} new files, {bytes_:,} bytes")
