"""``movielake sample``: write a synthetic feed."""

from __future__ import annotations

import click

from movielake.cli.completion import PATH, complete_countries
from movielake.cli.options import examples


@click.command("sample", short_help="Write a synthetic feed with realistic quirks to FEED.")
@click.argument("feed", type=PATH)
@click.option("--weeks", default=8, show_default=True, help="Number of weeks, from 20191206.")
@click.option(
    "--countries",
    metavar="LIST",
    help="Countries, e.g. can,deu. Default: eight countries.",
    shell_complete=complete_countries,
)
@click.option("--scale", default=1.0, show_default=True, help="Size. 1 is about 40 MB of XML.")
@click.option("--seed", default=0, show_default=True, help="Each seed gives a different feed.")
@click.option("--damage", is_flag=True, help="Add a few unreadable files.")
@examples("movielake sample feed", "movielake sample feed --weeks 60 --countries deu,swe")
def sample_command(
    feed: str, weeks: int, countries: str | None, scale: float, seed: int, damage: bool
) -> None:
    """Write a synthetic feed to FEED, with the layout and the quirks of the real feed."""
    from movielake.cli.console import sample_lines
    from movielake.cli.output import progress
    from movielake.sample import write_sample

    chosen = [code.strip() for code in countries.split(",")] if countries else None
    with progress("sample") as bar:
        summary = write_sample(
            feed,
            weeks=weeks,
            countries=chosen,
            scale=scale,
            seed=seed,
            damage=damage,
            progress=bar.file,
        )
    for line in sample_lines(feed, summary):
        click.echo(line)
