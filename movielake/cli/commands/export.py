"""``movielake export``: write rows or counts of a lake to a file for other programs."""

from __future__ import annotations

import click

from movielake.cli.options import countries_option, examples, stamps_option
from movielake.cli.output import summarise


@click.command("export", short_help="Write rows or counts of LAKE to a CSV or spreadsheet.")
@click.argument("lake")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="File to write. Its ending says its form: .csv, .csv.gz, .xlsx, .parquet or .json.",
)
@click.option(
    "--table",
    type=click.Choice(["showings", "movies", "theaters"]),
    default="showings",
    show_default=True,
    help="The table.",
)
@click.option("--joined", is_flag=True, help="Add the columns of the movie and theater.")
@click.option(
    "--current",
    is_flag=False,
    flag_value="movie",
    type=click.Choice(["movie", "theater"]),
    help="Leave out screenings that a later snapshot supersedes: those of a film in a theater on a "
    "day (movie, the default rule), or of a whole day in a theater (theater).",
)
@click.option(
    "--columns",
    metavar="LIST",
    help="Columns of the file, e.g. movie_id,title,week. Default: all. Beside those of the table: "
    "country_name, and for showings week, weekday, hour and local_date.",
)
@click.option("--count", is_flag=True, help="Count the screenings for each value of the columns.")
@click.option(
    "--aggregate",
    is_flag=True,
    help="Count, and accept only columns without names and places below the country.",
)
@stamps_option
@countries_option
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@examples(
    "movielake export lake -o germany.csv.gz --current --joined --countries deu",
    "movielake export lake -o weeks.xlsx --current --joined --countries deu "
    "--columns movie_id,title,week --count",
    "movielake export lake -o shared.csv --aggregate --current --columns country,week,genre "
    "--joined",
)
def export_command(
    lake: str,
    output: str,
    table: str,
    joined: bool,
    current: str | None,
    columns: str | None,
    count: bool,
    aggregate: bool,
    stamps: str | None,
    countries: str | None,
    force: bool,
) -> None:
    """Write rows or counts of LAKE to one file. Needs the extra sql.

    The file appears complete or not at all. Lists become texts with semicolons. Memory is bounded,
    whatever the number of rows.
    """
    from movielake.asking.exporting import export

    rows = export(
        lake,
        output,
        table=table,
        joined=joined,
        current=current or False,
        columns=[name.strip() for name in columns.split(",")] if columns else None,
        count=count,
        aggregate=aggregate,
        countries=countries,
        date_stamps=stamps,
        force=force,
    )
    summarise(f"{output}: {rows:,} rows")
