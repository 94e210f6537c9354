"""The demo: from nothing to answers, as a user would go."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from movielake.console import conversion_lines, overview_tables, rows_table, sample_lines
from movielake.conversion import convert
from movielake.overview import describe_lake
from movielake.report import write_report
from movielake.sample import write_sample
from movielake.validation import validate
from movielake.verdict import Verdict, open_verdict


def run_demo(folder: str, show: Callable[[Any], None]) -> None:
    """Write a sample feed, convert it, validate the lake, ask it two questions, write its report.

    Parameters
    ----------
    folder : str
        Local folder for the feed, the lake and the report; must be empty or absent.
    show : callable
        Prints a text or a rich renderable.

    Raises
    ------
    FileExistsError
        If there is something in the folder.
    """
    place = Path(folder)
    if place.exists() and any(place.iterdir()):
        raise FileExistsError(f"expected an empty folder for the demo, found files in {folder}")
    feed, lake, report = (str(place / name) for name in ("feed", "lake", "report.html"))
    began = time.monotonic()
    show(f"$ movielake sample {feed}")
    for line in sample_lines(feed, write_sample(feed)):
        show(line)
    show(f"\n$ movielake convert {feed} {lake}")
    for line in conversion_lines(lake, convert(feed, lake)):
        show(line)
    show(f"\n$ movielake validate {lake}")
    show(_verdict(lake).summary())
    show(f"\n$ movielake info {lake}")
    for shown in overview_tables(describe_lake(lake)):
        show(shown)
    show("\nScreenings by country, with dask.dataframe:")
    show(_screenings_by_country(lake))
    show("\nMost frequent titles of the first stamp, with dask.bag:")
    show(_frequent_titles(lake))
    show(f"\n$ movielake report {lake} -o {report}")
    write_report(lake, report)
    show(f"{report}: open it in a browser")
    show(f"\ndone in {time.monotonic() - began:.0f} s; the lake is in {lake}")


def _verdict(lake: str) -> Verdict:
    verdict = open_verdict(lake)
    for finding in validate(lake, on_checked=verdict.count):
        verdict.add(finding)
    return verdict


def _screenings_by_country(lake: str) -> Any:
    import dask.dataframe as dd

    rows = dd.read_parquet(f"{lake}/parquet/showings", columns=["show_time", "country"])
    counts = rows.dropna(subset=["show_time"]).groupby("country", observed=True).size().compute()
    by_country = sorted((str(country), f"{count:,}") for country, count in counts.items())
    return rows_table(["country", "screenings"], [list(row) for row in by_country])


def _frequent_titles(lake: str) -> Any:
    import json

    import dask.bag as db

    stamp = min(path.name for path in Path(lake, "json").iterdir())
    records = db.read_text(f"{lake}/json/{stamp}/*/*S.jsonl.zst").map(json.loads)
    names = records.map(lambda record: record.get("movie_name"))
    top = names.frequencies().topk(5, key=1).compute()
    return rows_table(["title", "records"], [[str(name), f"{count:,}"] for name, count in top])
