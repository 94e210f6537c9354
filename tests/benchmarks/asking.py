"""Ten questions in SQL by `movielake.sql`, by the views, and by DuckDB alone.

Each question is asked of the lake as converted and of its compact copy. Each run is a new process,
so that its peak memory is measured alone. The rounds alternate between the contenders. The time is
the CPU time of the question, including opening the lake, with files in the cache. All contenders
must give the same answer, or the benchmark stops.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from movielake import JoinedShowings, ShowingsReader, compact, sql
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import cpu_seconds, peak_megabytes
from tests.benchmarks.synthetic_lake import write_lake

ROWS = 130e6
SECONDS = 300
CONTENDERS = ("sql compact", "sql leaves", "views compact", "views leaves", "DuckDB leaves")
RATIO = "DuckDB leaves ÷ sql compact"


def counted(*by: str, of: str | None = None, distinct: str | None = None, **selection: Any) -> Any:
    """Count by columns, with the views."""
    return lambda lake: ShowingsReader(lake, **selection).count_by(*by, of=of, distinct=distinct)


def count_joined(lake: str) -> Any:
    """Count screenings with a place in one country by running time, with the views."""
    both = JoinedShowings(
        ShowingsReader(lake, countries="deu"),
        movie_columns=["running_time"],
        theater_columns=["theater_lat"],
    )
    return both.count_by("country", "running_time", of="theater_lat")


QUESTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "country × date_stamp": (
        "select country, date_stamp, count(*) from showings group by all",
        counted("country", "date_stamp"),
    ),
    "theaters by country × date_stamp": (
        "select country, date_stamp, count(distinct theater_id) from showings group by all",
        counted("country", "date_stamp", distinct="theater_id"),
    ),
    "all by movie": (
        "select movie_id, count(*) from showings group by all",
        counted("movie_id"),
    ),
    "country × show_time": (
        "select country, show_time, count(*) from showings group by all",
        counted("country", "show_time"),
    ),
    "screenings by show_date": (
        "select show_date, count(show_time) from showings where show_time is not null group by all",
        counted("show_date", of="show_time"),
    ),
    "one country by movie": (
        "select movie_id, count(*) from showings where country = 'deu' group by all",
        counted("movie_id", countries="deu"),
    ),
    "theaters of one country by show_date": (
        "select show_date, count(distinct theater_id) from showings where country = 'deu' "
        "group by all",
        counted("show_date", distinct="theater_id", countries="deu"),
    ),
    "join, one country": (
        "select country, running_time, count(*) from joined_showings "
        "where country = 'deu' and theater_lat is not null group by all",
        count_joined,
    ),
    "current, one country by movie": (
        "select movie_id, count(*) from current_showings "
        "where country = 'deu' and show_time is not null group by all",
        counted("movie_id", of="show_time", current=True, countries="deu"),
    ),
    "current by country": (
        "select country, count(*) from current_showings where show_time is not null group by all",
        counted("country", of="show_time", current=True),
    ),
}
"""Each question in SQL and by the views."""

PLAIN = """
    create view {name} as select * from read_parquet('{lake}/parquet/{name}/*/*/*.parquet',
        hive_partitioning = true, hive_types_autocast = false)
"""
PLAIN_CURRENT = """
    create view current_showings as select s.* from showings s left join (
        select country, movie_id, theater_id, show_date, coalesce(
            max(date_stamp) filter (show_time is not null), max(date_stamp)) as source
        from showings group by all
    ) using (country, movie_id, theater_id, show_date)
    where source is null or source = date_stamp
"""
PLAIN_JOINED = """
    create view joined_showings as select s.*, m.running_time, t.theater_lat from showings s
    left join movies m using (date_stamp, country, movie_id)
    left join theaters t using (date_stamp, country, theater_id)
"""


def ask_plain(lake: str, query: str) -> Any:
    """Ask DuckDB without movielake: it lists the files and reads each one's footer."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    for name in ("showings", "movies", "theaters"):
        connection.execute(PLAIN.format(name=name, lake=lake))
    connection.execute(PLAIN_CURRENT)
    connection.execute(PLAIN_JOINED)
    return connection.sql(query).to_arrow_table()


def digest(answer: Any) -> str:
    """Return a digest of an answer, whatever the order of its rows and the width of its types."""
    table = answer if isinstance(answer, pa.Table) else pa.Table.from_pandas(answer)
    rows = sorted(map(repr, zip(*(c.to_pylist() for c in table.columns), strict=True)))
    return f"{len(rows)} rows {hashlib.sha256(''.join(rows).encode()).hexdigest()}"


def run(places: dict[str, str], question: str, contender: str, result: Any) -> None:
    """Ask a question once in this process. The time does not include imports."""
    import duckdb  # noqa: F401

    way, layout = contender.split()
    query, view = QUESTIONS[question]
    lake, answers = places[layout], []
    ways = {"sql": lambda: sql(lake, query), "views": lambda: view(lake)}
    ask = ways.get(way, lambda: ask_plain(lake, query))
    began = time.perf_counter()
    seconds = cpu_seconds(lambda: answers.append(ask()))
    elapsed = time.perf_counter() - began
    result.put((seconds, elapsed, peak_megabytes(), digest(answers[0])))


def measure(places: dict[str, str], question: str, contender: str) -> Any:
    """Ask a question in a new process."""
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    process = context.Process(target=run, args=(places, question, contender, result))
    process.start()
    process.join(SECONDS)
    if process.is_alive() or process.exitcode:
        process.kill()
        process.join()
        raise RuntimeError(
            f"expected an answer in {SECONDS} s, found none: {question}, {contender}"
        )
    return result.get()


def alternate(places: dict[str, str], question: str, rounds: int) -> dict[str, Any]:
    """Ask all contenders in turns; return median CPU seconds, elapsed seconds and megabytes."""
    found: dict[str, list[Any]] = {contender: [] for contender in CONTENDERS}
    for _ in range(rounds):
        for contender, runs in found.items():
            runs.append(measure(places, question, contender))
    answers = {run[3]: contender for contender, runs in found.items() for run in runs}
    if len(answers) != 1:
        raise RuntimeError(f"expected equal answers to {question!r}, found {answers}")
    return {
        contender: [statistics.median(run[i] for run in runs) for i in range(3)]
        for contender, runs in found.items()
    }


def sections(rounds: int, lake: str | None, copy: str | None = None) -> Iterator[Section]:
    """Ask all questions. Without a given lake, write one first; likewise its compact copy."""
    with tempfile.TemporaryDirectory() as folder:
        if lake is None:
            lake = f"{folder}/lake"
            write_lake(lake, ROWS)
        places = {"leaves": lake, "compact": copy or compact(lake, f"{folder}/compact")}
        rows = int(ShowingsReader(lake).count_by()["count"].sum())
        figures = {question: alternate(places, question, rounds) for question in QUESTIONS}
    yield Section(
        name="sql",
        title="Questions in SQL",
        text=f"{rows / 1e6:.0f} million screenings. CPU time and peak memory of the whole question "
        "by movielake sql, by its twin with the views, and by DuckDB alone on the lake as "
        f"converted, with equal answers. Rounds: {rounds}. The last column is the CPU time of "
        "DuckDB alone divided by that of movielake sql on the compact copy.",
        columns=["question", *CONTENDERS, RATIO],
        rows=[
            [
                question,
                *(f"{found[c][0]:.2g} s, {found[c][2]:.0f} MB" for c in CONTENDERS),
                f"{found['DuckDB leaves'][0] / found['sql compact'][0]:.1f}",
            ]
            for question, found in figures.items()
        ],
        figures=figures,
    )
