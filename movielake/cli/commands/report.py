"""``movielake report``: describe a lake in a page for a browser."""

from __future__ import annotations

import click

from movielake.cli.options import countries_option, current_option, examples, stamps_option
from movielake.cli.output import summarise, warn


@click.command("report", short_help="Describe LAKE in one HTML file with plots, a map and tables.")
@click.argument("lake")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="report.html",
    help="File to write. Default: report.html.",
)
@click.option(
    "--index-stamp",
    metavar="STAMP",
    help="Compare screenings with this stamp. Default: the first stamp with every country.",
)
@stamps_option
@countries_option
@current_option
@click.option(
    "--aggregate",
    is_flag=True,
    help="Only numbers of countries: no titles, names, positions and texts of the feed.",
)
@click.option("--force", is_flag=True, help="Replace FILE even if it is not a report.")
@examples(
    "movielake report lake -o report.html",
    "movielake report lake --index-stamp 20191213 --countries deu,swe",
    "movielake report lake --aggregate -o shared.html",
)
def report_command(
    lake: str,
    output: str,
    index_stamp: str | None,
    stamps: str | None,
    countries: str | None,
    current: str | bool,
    aggregate: bool,
    force: bool,
) -> None:
    """Describe LAKE in one HTML file that a browser opens without a network.

    The file shows coverage, screenings over time and by hour, the top films, how films travel,
    runs, concentration, shares, a map of theaters and the data quality.
    """
    from movielake.report import write_report

    written = write_report(
        lake,
        output,
        countries=countries,
        date_stamps=stamps,
        index_stamp=index_stamp,
        current=current,
        aggregate=aggregate,
        force=force,
    )
    for note in written.notes:
        warn(note)
    summarise(
        f"{written.file}: {written.countries} countries, {written.date_stamps} date stamps, "
        f"{written.bytes / 1e6:.1f} MB; open it in a browser"
    )
