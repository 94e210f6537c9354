"""Answers of every view of a lake, to compare two layouts of the same lake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import pandas as pd

from movielake import (
    JoinedShowings,
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    current_showings,
    join_records,
    join_showings,
    latest,
    orphans,
)

READERS = (MoviesReader, TheatersReader, ShowingsReader)
Answer = list[Any]


def rows_of(frame: pd.DataFrame) -> Answer:
    """List the columns of a frame, and its rows as texts."""
    rows = frame.astype(object).itertuples(index=False, name=None)
    return [frame.columns.to_list(), *([str(value) for value in row] for row in rows)]


def facts(lake: Path) -> Answer:
    return [(r.count, r.movie_ids if hasattr(r, "movie_ids") else None) for r in _readers(lake)]


def bags(lake: Path) -> Answer:
    return [reader.bag.compute() for reader in _readers(lake)]


def heads(lake: Path) -> Answer:
    return [rows_of(reader.head(3)) for reader in _readers(lake)]


def frames(lake: Path) -> Answer:
    """A DataFrame of a compact lake comes country by country, so the rows are sorted."""
    return [sorted(rows_of(reader.dataframe.compute())[1:]) for reader in _readers(lake)]


def partitions(lake: Path) -> Answer:
    """Each call gets the rows of one stamp and country."""
    return [reader.map_partitions(lambda rows: rows).to_pylist() for reader in _readers(lake)]


def counts(lake: Path) -> Answer:
    showings, films = ShowingsReader(str(lake)), MoviesReader(str(lake))
    found = [
        showings.count_by(),
        showings.count_by("date_stamp", "country"),
        showings.count_by("movie_id", of="show_time"),
        showings.count_by("country", "show_date", distinct="movie_id"),
        showings.count_by("date_stamp", of="show_time", distinct="theater_id"),
        showings.count_by("show_time"),
        showings.count_by("country", current=True),
        showings.count_by("movie_name", distinct="country"),
        films.count_by("genre"),
    ]
    return [rows_of(table) for table in found]


def selections(lake: Path) -> Answer:
    chosen = ShowingsReader(str(lake), countries="deu", date_stamps=slice("20200101", None))
    found = [rows_of(chosen.head(9)), rows_of(chosen.count_by("movie_id")), chosen.bag.compute()]
    globs = (f"{lake}/json/{glob}" for glob in ("*/deu", "2020*/*", "20191227/*/"))
    return found + [ShowingsReader(glob).bag.compute() for glob in globs]


def joins(lake: Path) -> Answer:
    showings = ShowingsReader(str(lake))
    return [
        sorted(rows_of(join_showings(showings).compute())[1:]),
        rows_of(JoinedShowings(showings).count_by("country", "title", of="show_time")),
        rows_of(orphans(showings)),
        sorted(map(repr, join_records(showings).compute())),
    ]


def newest(lake: Path) -> Answer:
    showings = ShowingsReader(str(lake))
    both = [latest(MoviesReader(str(lake))), latest(TheatersReader(str(lake)))]
    current = [current_showings(showings, rule=rule).compute() for rule in ("movie", "theater")]
    return [*map(rows_of, both), *(sorted(rows_of(rows)[1:]) for rows in current)]


VIEWS: list[Callable[[Path], Answer]] = [
    facts,
    bags,
    heads,
    frames,
    partitions,
    counts,
    selections,
    joins,
    newest,
]


def assert_same_views(lake: Path, other: Path) -> None:
    """Assert that two lakes give the same answers, to the last value."""
    with dask.config.set(scheduler="sync"):
        for view in VIEWS:
            assert view(lake) == view(other), view.__name__


def _readers(lake: Path) -> list[Any]:
    return [reader(str(lake)) for reader in READERS]
