"""The demo: all steps of a user, from a sample feed to the first results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from movielake.cli.console import conversion_lines, overview_tables, rows_table, sample_lines
from movielake.cli.verdict import Verdict, open_verdict
from movielake.conversion.runs import convert
from movielake.joining.joins import join_showings
from movielake.lake.overview import describe_lake
from movielake.reading.readers import ShowingsReader
from movielake.report import write_report
from movielake.sample import write_sample
from movielake.staging.copies import stage
from movielake.validation import validate

Show = Callable[[Any], None]
"""Prints a text or a rich renderable."""

_PROMPT: Final = ">>>"


def run_demo(folder: str, show: Show) -> None:
    """Write a sample feed, convert it, validate, stage and query the lake, and write its report.

    Parameters
    ----------
    folder : str
        Local folder for the feed, the lake and the report. It must be empty or not exist.
    show : callable
        Prints a text or a rich renderable.

    Raises
    ------
    FileExistsError
        If the folder is not empty.
    """
    place = Path(folder)
    if place.exists() and any(place.iterdir()):
        raise FileExistsError(f"expected an empty folder for the demo, found files in {folder}")
    names = ("feed", "lake", "staged", "report.html")
    feed, lake, staged, report = (str(place / name) for name in names)
    began = time.monotonic()
    show(f"$ movielake sample {feed}")
    sample = write_sample(feed)
    for line in sample_lines(feed, sample):
        show(line)
    show(f"\n$ movielake convert {feed} {lake}")
    for line in conversion_lines(lake, convert(feed, lake)):
        show(line)
    show(f"\n$ movielake validate {lake}")
    show(_verdict(lake).summary())
    show(f"\n$ movielake info {lake}")
    for shown in overview_tables(describe_lake(lake)):
        show(shown)
    show(f"\n$ movielake stage {lake} --to {staged}")
    show(stage(lake, staged))
    _ask(staged, sample.stamps[0], show)
    show(f"\n$ movielake report {lake} -o {report}")
    for note in write_report(lake, report).notes:
        show(note)
    show(f"{report}: open it in a browser")
    show(f"\ndone in {time.monotonic() - began:.0f} s; the lake is in {lake}")


def _verdict(lake: str) -> Verdict:
    verdict = open_verdict(lake)
    for finding in validate(lake, on_checked=verdict.count):
        verdict.add(finding)
    return verdict


def _ask(lake: str, stamp: str, show: Show) -> None:
    """Run three queries, and show the lines of Python that run them."""
    show(f"\n{_PROMPT} from movielake import ShowingsReader, join_showings")
    show(f'{_PROMPT} showings = ShowingsReader("{lake}", current=True)')
    showings = ShowingsReader(lake, current=True)

    show(f'\n{_PROMPT} showings.count_by("country", of="show_time")')
    counts = showings.count_by("country", of="show_time")
    show(_counted("country", "screenings", zip(counts["country"], counts["count"], strict=True)))

    show(f'\n{_PROMPT} joined = join_showings(showings, movie_columns=["genre"])')
    joined = join_showings(showings, movie_columns=["genre"])
    show(f'{_PROMPT} joined.explode("genre").groupby("genre").size().compute().nlargest(5)')
    genres = joined.explode("genre").groupby("genre").size().compute().nlargest(5)
    show(_counted("genre", "rows", genres.items()))

    show(f'\n{_PROMPT} records = ShowingsReader("{lake}", date_stamps="{stamp}").bag')
    records = ShowingsReader(lake, date_stamps=stamp).bag
    show(f'{_PROMPT} records.pluck("movie_name").frequencies().topk(5, key=1).compute()')
    titles = records.pluck("movie_name").frequencies().topk(5, key=1).compute()
    show(_counted("title", "records", titles))


def _counted(name: str, unit: str, counts: Iterable[tuple[Any, int]]) -> Any:
    return rows_table([name, unit], [[str(key), f"{count:,}"] for key, count in counts])
