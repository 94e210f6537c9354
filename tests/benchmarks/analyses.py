"""Time and memory of the analyses on a whole archive, compared with their twins in DuckDB.

Both read the same Parquet files on the same cores, and count current screenings. The twins are the
SQL of docs/analyses.md, with current showings in a form that is faster than the one of the tests.
Each run is a new process, so that its peak memory is measured alone. The engines take turns. The
time is CPU time without imports, because other work on a shared machine affects it little. The
answers must be equal.
"""

from __future__ import annotations

import hashlib
import resource
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

import movielake
from movielake.cluster.slurm import read_job
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import cpu_seconds, peak_megabytes
from tests.benchmarks.synthetic_lake import write_lake
from tests.benchmarks.views import LIMIT, ROWS, cell, in_new_process, ratio
from tests.twins import connect_to, twin_sql

ANALYSES: dict[str, Callable[[Any], Any]] = {
    "distribution": movielake.distribution,
    "premieres": movielake.premieres,
    "circulation": movielake.circulation,
    "runs": movielake.runs,
    "weeks": partial(movielake.runs, per="week"),
    "concentration": partial(movielake.concentration, per="month"),
    "shares": partial(movielake.shares, by="genre"),
    "formats": partial(movielake.shares, by="format"),
    "day_profile": movielake.day_profile,
}
"""Each analysis by the name of its twin."""

TOGETHER = "all of them, from shared counts"
CURRENT = """
    create or replace view current_showings as
    with blocks as (
        select country, movie_id, theater_id, show_date, date_stamp, count(show_time) > 0 as timed
        from showings
        where movie_id is not null and theater_id is not null and show_date is not null
        group by all
    ),
    sources as (
        select country, movie_id, theater_id, show_date,
            coalesce(max(date_stamp) filter (timed), max(date_stamp)) as source
        from blocks group by all
    )
    select showings.* from showings
    left join sources using (country, movie_id, theater_id, show_date)
    where source is null or date_stamp = source
"""
"""Current showings in the fastest of the forms that we tried."""


def ours(name: str, lake: str) -> list[Any]:
    """Answer with movielake: one analysis, or all from one object."""
    if name != TOGETHER:
        return [ANALYSES[name](lake)]
    counts = movielake.ScreeningCounts(lake)
    return [analysis(counts) for analysis in ANALYSES.values()]


def theirs(name: str, lake: str, *, current: bool) -> list[Any]:
    """Answer with DuckDB: the twin, with as many threads as movielake has."""
    connection = connect_to(Path(lake), None)
    if current:
        connection.sql(CURRENT)
    connection.sql(f"set threads = {read_job().cpus}")
    connection.sql(f"set memory_limit = '{LIMIT - 4} GB'")
    return [connection.sql(twin_sql(name)).to_arrow_table()]


ANSWERS: dict[str, Callable[[str, str], list[Any]]] = {
    "movielake": ours,
    "duckdb": partial(theirs, current=True),
    "duckdb, all snapshots": partial(theirs, current=False),
}


def digest(rows: Iterable[tuple[Any, ...]]) -> str:
    """Return a checksum of rows. Numbers are rounded to nine digits."""
    digest = hashlib.sha256()
    for row in rows:
        cells = (f"{v:.9g}" if isinstance(v, (int, float)) else str(v) for v in row)
        digest.update(repr(tuple(cells)).encode())
    return digest.hexdigest()


def rows_of(name: str, table: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of an answer. The twin of the profile has no rows without screenings."""
    for batch in table.to_batches():
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        yield from (row for row in rows if name != "day_profile" or row[3])


def run(lake: str, name: str, engine: str, result: Any) -> None:
    """Answer once in this process, and put seconds, megabytes and checksum into the queue."""
    resource.setrlimit(resource.RLIMIT_DATA, (int(LIMIT * 1e9),) * 2)
    found: list[Any] = []
    answer = ANSWERS[engine]
    _ = movielake.shares, duckdb.__version__  # loads the libraries
    seconds = cpu_seconds(lambda: found.extend(answer(name, lake)))
    peak = peak_megabytes()
    checksum = digest(rows_of(name, found[0])) if name != TOGETHER else ""
    result.put((seconds, peak, checksum))


def alternate(lake: str, name: str, rounds: int) -> dict[str, Any]:
    """Let the engines take turns. Return median seconds, highest megabytes, or a failure."""
    engines = list(ANSWERS)[:1] if name == TOGETHER else list(ANSWERS)
    found: dict[str, list[Any]] = {engine: [] for engine in engines}
    for _ in range(rounds):
        for engine, runs in found.items():
            if not (runs and isinstance(runs[-1], str)):
                runs.append(in_new_process(run, (lake, name, engine)))
    answers = {one[2] for runs in found.values() for one in runs if not isinstance(one, str)}
    if len(answers) != 1:
        raise ValueError(f"expected equal answers to {name}, found {len(answers)} different ones")
    return {engine: _summary(runs) for engine, runs in found.items()}


def _summary(runs: list[Any]) -> Any:
    if isinstance(runs[-1], str):
        return runs[-1]
    return statistics.median(one[0] for one in runs), max(one[1] for one in runs)


def sections(rounds: int, lake: str | None, copy: str | None) -> Iterator[Section]:
    """Run all analyses on both layouts. Without a given lake, write one first."""
    with tempfile.TemporaryDirectory() as folder:
        if lake is None:
            lake = f"{folder}/lake"
            write_lake(lake, ROWS)
        copy = copy or movielake.compact(lake, f"{folder}/compact")
        for layout, place in {"as converted": lake, "compact": copy}.items():
            names = [*ANALYSES, TOGETHER]
            figures = {name: alternate(place, name, rounds) for name in names}
            yield _table(layout, figures, rounds)


def _table(layout: str, figures: dict[str, dict[str, Any]], rounds: int) -> Section:
    return Section(
        name="analyses" if layout == "as converted" else "analyses-compact",
        title=f"Analyses of a whole archive, {layout}",
        text="48 countries × 260 weeks, 130 million screenings, current screenings only. CPU "
        "seconds and peak memory of the whole analysis, including opening the lake. DuckDB runs "
        "the SQL of the page on analyses on the same files, with the same number of threads. The "
        "answers are equal. *All snapshots* leaves out the search for superseded screenings, the "
        "most expensive part in SQL. The snapshots of this archive do not overlap, so the answers "
        f"are the same. An empty cell was not measured. Rounds: {rounds}.",
        columns=[
            "analysis",
            "movielake",
            "DuckDB",
            "DuckDB ÷ ours",
            "DuckDB, all snapshots",
            "this ÷ ours",
        ],
        rows=[
            [
                name,
                cell(found["movielake"]),
                *(
                    shown
                    for engine in list(ANSWERS)[1:]
                    for shown in (
                        cell(found.get(engine)),
                        ratio(found["movielake"], found.get(engine)),
                    )
                ),
            ]
            for name, found in figures.items()
        ],
        figures=figures,
    )
