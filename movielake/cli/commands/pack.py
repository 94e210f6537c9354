"""``movielake pack``: write a lake into one file."""

from __future__ import annotations

import click

from movielake.cli.completion import PATH
from movielake.cli.options import examples


@click.command("pack", short_help="Pack LAKE into FILE, one ordinary tar.")
@click.argument("lake", type=PATH)
@click.argument("file", type=PATH)
@click.option("--leaves", is_flag=True, help="Pack the files as converted. Default: compact.")
@click.option("--force", is_flag=True, help="Replace FILE even if it is not a pack.")
@examples("movielake pack lake lake.tar")
def pack_command(lake: str, file: str, leaves: bool, force: bool) -> None:
    """Pack LAKE into FILE, one ordinary tar.

    One large file suits shared file systems that are slow with many small files. A pack is
    compact: it has one file for each table, country and year.
    """
    from movielake.cli.output import progress, summarise
    from movielake.staging.packing import pack as pack_lake

    with progress("pack") as bar:
        packed = pack_lake(lake, file, leaves=leaves, force=force, on_progress=bar.file)
    summarise(f"{file}: {packed.bytes:,} bytes")
