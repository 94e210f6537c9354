"""Time and memory of queries on a lake with all partitions, compared with DuckDB and Polars.

All three engines read the same Parquet files on the same cores, first those of the lake as
converted and then those of its compact copy. Each run is a new process, so that
its peak memory is measured alone. The rounds alternate between the engines. The time is the CPU
time of the query only, with files in the cache, as the median of the rounds. The table marks a
run that exceeds the memory limit or takes more than five minutes.

If movielake offers two ways, a DataFrame and counting in Arrow, the table shows both.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from movielake import ShowingsReader, compact
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import peak_megabytes
from tests.benchmarks.synthetic_lake import write_lake

Question = Callable[[str], Any]

KEYS = ["country", "date_stamp"]
ENGINES = ("movielake", "DataFrame", "duckdb", "polars")
ROWS = 130e6
LIMIT = 16
"""GB of memory for a run."""
SECONDS = 300


def is_compact(lake: str) -> bool:
    """Return whether a lake has the compact layout."""
    return bool(json.loads(Path(lake, "lake.json").read_text())["layout"] == "compact")


def duck(sql: str) -> Question:
    """Query DuckDB; {showings}, {movies} and {theaters} are placeholders for the tables."""

    def ask(lake: str) -> Any:
        import duckdb

        folders = "*" if is_compact(lake) else "*/*"
        tables = {
            name: f"read_parquet('{lake}/parquet/{name}/{folders}/*.parquet', "
            "hive_partitioning=true, hive_types_autocast=false)"
            for name in ("showings", "movies", "theaters")
        }
        duckdb.sql("set enable_progress_bar = false")
        return duckdb.sql(sql.format(**tables)).fetchall()

    return ask


def polars(build: Callable[[Callable[[str], Any], Any], Any]) -> Question:
    """Query Polars; ``build`` gets a function that scans a table, and the module polars."""

    def ask(lake: str) -> Any:
        import polars as pl

        def scan(name: str) -> Any:
            folder = f"{lake}/parquet/{name}/**/*.parquet"
            keys = {"country": pl.String}
            if not is_compact(lake):
                keys = {"date_stamp": pl.String, **keys}
            return pl.scan_parquet(folder, hive_partitioning=True, hive_schema=keys)

        return build(scan, pl).collect(engine="streaming")

    return ask


def view(ask: Callable[[Any], Any], **selection: Any) -> Question:
    """Query a ShowingsReader; the time includes opening it."""

    def answer(lake: str) -> Any:
        return ask(ShowingsReader(lake, **selection))

    return answer


def joined(**selection: Any) -> Question:
    """Join the three tables and group the result, in Arrow."""

    def answer(lake: str) -> Any:
        from movielake import JoinedShowings

        showings = ShowingsReader(lake, **selection)
        both = JoinedShowings(
            showings,
            movie_columns=["running_time"],
            theater_columns=["theater_address", "theater_lat"],
        )
        return both.count_by("country", "running_time", of="theater_lat")

    return answer


def joined_frame(**selection: Any) -> Question:
    """Join the three tables and group the result, as a dask DataFrame."""

    def answer(lake: str) -> Any:
        from movielake import join_showings

        showings = ShowingsReader(lake, **selection)
        both = join_showings(
            showings, movie_columns=["running_time"], theater_columns=["theater_lat"]
        )
        rows = both[both["theater_lat"].notnull()]
        return rows.groupby(["country", "running_time"], observed=True).size().compute()

    return answer


JOIN = """
    select s.country, m.running_time, count(t.theater_lat) from {{showings}} s
    left join {{movies}} m using (date_stamp, country, movie_id)
    left join {{theaters}} t using (date_stamp, country, theater_id) {where} group by all
"""


def polars_join(country: str | None) -> Question:
    """Join the three tables and group the result, in Polars."""

    def build(scan: Callable[[str], Any], pl: Any) -> Any:
        showings = scan("showings")
        if country:
            showings = showings.filter(pl.col("country") == country)
        movies = scan("movies").select(*KEYS, "movie_id", "running_time")
        theaters = scan("theaters").select(*KEYS, "theater_id", "theater_lat")
        rows = showings.join(movies, on=[*KEYS, "movie_id"], how="left")
        rows = rows.join(theaters, on=[*KEYS, "theater_id"], how="left")
        counted = rows.filter(pl.col("theater_lat").is_not_null())
        return counted.group_by(["country", "running_time"]).agg(pl.len())

    return polars(build)


QUESTIONS: dict[str, dict[str, Question]] = {
    "records": {"movielake": view(lambda s: s.count)},
    "rows": {
        "movielake": view(lambda s: len(s.dataframe)),
        "duckdb": duck("select count(*) from {showings}"),
        "polars": polars(lambda scan, pl: scan("showings").select(pl.len())),
    },
    "plan a DataFrame": {"movielake": view(lambda s: s.dataframe.npartitions)},
    "country × date_stamp": {
        "movielake": view(lambda s: s.count_by(*KEYS)),
        "duckdb": duck("select country, date_stamp, count(*) from {showings} group by all"),
        "polars": polars(lambda scan, pl: scan("showings").group_by(KEYS).agg(pl.len())),
    },
    "theaters by country × date_stamp": {
        "movielake": view(lambda s: s.count_by(*KEYS, distinct="theater_id")),
        "duckdb": duck(
            "select country, date_stamp, count(distinct theater_id) from {showings} group by all"
        ),
        "polars": polars(
            lambda scan, pl: scan("showings").group_by(KEYS).agg(pl.col("theater_id").n_unique())
        ),
    },
    "theaters with a screening by country × date_stamp": {
        "movielake": view(lambda s: s.count_by(*KEYS, of="show_time", distinct="theater_id")),
        "duckdb": duck(
            "select country, date_stamp, count(distinct theater_id) from {showings} "
            "where show_time is not null group by all"
        ),
        "polars": polars(
            lambda scan, pl: (
                scan("showings")
                .filter(pl.col("show_time").is_not_null())
                .group_by(KEYS)
                .agg(pl.col("theater_id").n_unique())
            )
        ),
    },
    "all by movie": {
        "movielake": view(lambda s: s.count_by("movie_id")),
        "duckdb": duck("select movie_id, count(*) from {showings} group by all"),
        "polars": polars(lambda scan, pl: scan("showings").group_by("movie_id").agg(pl.len())),
    },
    "country × show_time": {
        "movielake": view(lambda s: s.count_by("country", "show_time")),
        "duckdb": duck("select country, show_time, count(*) from {showings} group by all"),
        "polars": polars(
            lambda scan, pl: scan("showings").group_by(["country", "show_time"]).agg(pl.len())
        ),
    },
    "one country by movie": {
        "movielake": view(lambda s: s.count_by("movie_id"), countries="deu"),
        "DataFrame": view(
            lambda s: s.dataframe.groupby("movie_id").size().compute(), countries="deu"
        ),
        "duckdb": duck(
            "select movie_id, count(*) from {showings} where country='deu' group by all"
        ),
        "polars": polars(
            lambda scan, pl: (
                scan("showings")
                .filter(pl.col("country") == "deu")
                .group_by("movie_id")
                .agg(pl.len())
            )
        ),
    },
    "three-way join, one country": {
        "movielake": joined(countries="deu"),
        "DataFrame": joined_frame(countries="deu"),
        "duckdb": duck(JOIN.format(where="where s.country = 'deu'")),
        "polars": polars_join("deu"),
    },
    "three-way join, all": {
        "movielake": joined(),
        "DataFrame": joined_frame(),
        "duckdb": duck(JOIN.format(where="")),
        "polars": polars_join(None),
    },
    "head": {
        "movielake": view(lambda s: s.head(5)),
        "duckdb": duck("select * from {showings} limit 5"),
        "polars": polars(lambda scan, pl: scan("showings").head(5)),
    },
}

_OURS = ("movielake.joining.joins", "movielake.reading.frames", "dask.dataframe", "distributed")
LIBRARIES = {
    "movielake": _OURS,
    "DataFrame": _OURS,
    "duckdb": ("duckdb",),
    "polars": ("polars",),
}


def run(lake: str, question: str, engine: str, result: Any) -> None:
    """Run a query once in this process. The time does not include imports."""
    resource.setrlimit(resource.RLIMIT_DATA, (int(LIMIT * 1e9),) * 2)
    for name in LIBRARIES[engine]:
        __import__(name)
    began = time.process_time()
    QUESTIONS[question][engine](lake)
    seconds = time.process_time() - began
    result.put((seconds, peak_megabytes()))


def measure(lake: str, question: str, engine: str) -> tuple[float, float] | str:
    """Run a query in a new process; return seconds and megabytes, or the reason of a failure."""
    found: tuple[float, float] | str = in_new_process(run, (lake, question, engine))
    return found


def in_new_process(work: Callable[..., None], arguments: tuple[Any, ...]) -> Any:
    """Return what work puts into the queue, its last argument, or the reason of a failure."""
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    process = context.Process(target=work, args=(*arguments, result))
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        return f"over {SECONDS} s"
    if process.exitcode:
        return f"over {LIMIT} GB or failed"
    return result.get()


def alternate(lake: str, question: str, rounds: int) -> dict[str, Any]:
    """Measure all engines on a query in turns; return median seconds and highest megabytes."""
    found: dict[str, list[Any]] = {engine: [] for engine in QUESTIONS[question]}
    for _ in range(rounds):
        for engine, runs in found.items():
            if not (runs and isinstance(runs[-1], str)):
                runs.append(measure(lake, question, engine))
    return {engine: summary(runs) for engine, runs in found.items()}


def summary(runs: list[Any]) -> Any:
    """Return the median seconds and the highest megabytes, or the reason of a failure."""
    if isinstance(runs[-1], str):
        return runs[-1]
    return statistics.median(s for s, _ in runs), max(peak for _, peak in runs)


def cell(found: Any) -> str:
    """Show a measurement."""
    if found is None:
        return ""
    if isinstance(found, str):
        return found
    seconds, peak = found
    return f"{seconds:.{2 if seconds < 99.5 else 3}g} s, {peak:.0f} MB"


def ratio(ours: Any, theirs: Any) -> str:
    """Show the other engine's time as a multiple of ours."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return f"{theirs[0] / ours[0]:.1f}"
    return ""


def sections(rounds: int, lake: str | None, copy: str | None) -> Iterator[Section]:
    """Run all queries on both layouts. Without a given lake or copy, write it first."""
    with tempfile.TemporaryDirectory() as folder:
        if lake is None:
            lake = f"{folder}/lake"
            write_lake(lake, ROWS)
        copy = copy or compact(lake, f"{folder}/compact")
        places = {"as converted": lake, "compact": copy}
        rows = len(ShowingsReader(lake).dataframe)
        counts = {name: len(list(Path(p).rglob("*.parquet"))) - 1 for name, p in places.items()}
        figures = {
            layout: {question: alternate(place, question, rounds) for question in QUESTIONS}
            for layout, place in places.items()
        }
    for layout, found in figures.items():
        size = (
            f"48 countries × 260 weeks, {rows / 1e6:.0f} million screenings in {counts[layout]:,}"
        )
        name = "views" if layout == "as converted" else "views-compact"
        title = f"Queries on a whole lake, {layout}"
        yield table_of_questions(name, title, size, found, rounds)
    yield _across(figures)


def table_of_questions(
    name: str, title: str, size: str, figures: dict[str, dict[str, Any]], rounds: int
) -> Section:
    """Show what all engines needed for all questions on one lake."""
    return Section(
        name=name,
        title=title,
        text=f"{size} Parquet files. CPU seconds and peak memory of the whole query, including "
        "opening the lake, with files in the cache. DuckDB and Polars read the same files. The "
        f"last columns show their time divided by ours. {count_rounds(rounds)}.",
        columns=[
            "query",
            "movielake",
            "DataFrame",
            "DuckDB",
            "Polars",
            "DuckDB ÷ ours",
            "Polars ÷ ours",
        ],
        rows=[
            [
                question,
                *(cell(found.get(engine)) for engine in ENGINES),
                *(ratio(found["movielake"], found.get(rival)) for rival in ENGINES[2:]),
            ]
            for question, found in figures.items()
        ],
        figures=figures,
    )


def count_rounds(rounds: int) -> str:
    """Say how often something was measured."""
    return "Measured once" if rounds == 1 else f"Median of {rounds} rounds"


def _across(figures: dict[str, dict[str, dict[str, Any]]]) -> Section:
    """Compare movielake on the compact copy with the faster other engine on both layouts."""
    ratios = {
        question: [
            _over_faster(figures["compact"][question]["movielake"], figures[layout][question])
            for layout in figures
        ]
        for question in QUESTIONS
    }
    return Section(
        name="views-layouts",
        title="The compact copy against the other engines",
        text="The CPU time of the faster of DuckDB and Polars, divided by that of movielake on the "
        "compact copy.",
        columns=["query", "they read the lake as converted", "they read the compact copy"],
        rows=[
            [question, *(f"{found:.1f}" if found else "" for found in pair)]
            for question, pair in ratios.items()
        ],
        figures=ratios,
    )


def _over_faster(ours: Any, found: dict[str, Any]) -> float | None:
    rivals = [found[name][0] for name in ENGINES[2:] if isinstance(found.get(name), tuple)]
    return min(rivals) / ours[0] if rivals and isinstance(ours, tuple) else None
