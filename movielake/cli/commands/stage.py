"""``movielake stage``: copy a lake to the local disk of a node."""

from __future__ import annotations

from typing import Any

import click

from movielake.cli.completion import PATH
from movielake.cli.options import countries_option, examples, stamps_option
from movielake.cli.output import warn


@click.command("stage", short_help="Copy SOURCE, a lake or a pack, to this node's local disk.")
@click.argument("source", type=PATH)
@click.option(
    "--to", metavar="DIR", type=PATH, help="Target folder. Default: $SLURM_TMPDIR/movielake/NAME."
)
@click.option("--tables", metavar="LIST", help="Only these tables, e.g. movies,showings.")
@stamps_option
@countries_option
@click.option("--json/--no-json", default=True, help="Stage JSON Lines too, for bags of records.")
@click.option(
    "--compact/--leaves",
    default=None,
    help="Layout of the copy. Default: as in SOURCE. A compact SOURCE stays compact.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of partitions to copy and verify at the same time.",
)
@examples(
    "movielake stage lake.tar",
    "movielake stage lake --to /tmp/lake --countries deu --tables showings --no-json",
)
def stage_command(source: str, to: str | None, stamps: str | None, **options: Any) -> None:
    """Copy SOURCE, a lake or a pack, to this node's local disk, and print the path of the copy.

    Only the path goes to stdout: LAKE=$(movielake stage lake.tar). Without --to and outside Slurm
    the command copies no data and prints the path of SOURCE.
    """
    from movielake.cli.output import progress
    from movielake.cluster.slurm import read_job
    from movielake.staging.copies import stage as stage_lake

    with progress("stage") as bar:
        staged = stage_lake(source, to, date_stamps=stamps, on_progress=bar.file, **options)
    if to is None and read_job().scratch is None:
        warn("SLURM_TMPDIR is not set and --to is not given, so the source is used without staging")
    click.echo(staged)
