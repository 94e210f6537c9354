"""Current showings and latest facts, compared with DuckDB and plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pyarrow as pa
import pytest

from movielake import (
    CurrentShowings,
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    convert,
    current_showings,
    latest,
)
from tests.conftest import Ask
from tests.current import current_sql
from tests.feeds import all_rows, houses, movies, showing, times, write_feed


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


def tuples(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return [tuple(row.values()) for row in table.to_pylist()]


# Current showings


def test_only_selected_snapshots_supersede_showings(sample_lake: Path, duck: Ask) -> None:
    lake, where = str(sample_lake), "date_stamp <= '20191213' and country = 'deu'"
    reader = ShowingsReader(lake, date_stamps=slice("20191213"), countries="deu")
    (selected,) = duck(current_sql("count(*)", where=where))
    assert (len(current_showings(reader)),) == selected
    among = CurrentShowings(reader, among=ShowingsReader(lake, countries="deu"))
    sql = current_sql("count(*)", where="country = 'deu'") + "where date_stamp <= '20191213'"
    assert tuples(among.count_by()) == duck(sql) < [selected]
    frame = current_showings(ShowingsReader(lake, countries="deu"))
    early = frame[frame.date_stamp != "20191220"]  # the filtered rows still supersede others
    assert [(len(early),)] == duck(sql)


def test_large_and_negative_ids_are_told_apart(tmp_path: Path) -> None:
    ids = [2**31 - 1, -(2**31), -1, 0]
    shows = [showing(movie, theater) for movie in ids for theater in ids]
    feed = write_feed(
        tmp_path / "feed",
        {
            "20191206/movies_deu.zip": {"S.XML": times(*shows)},
            "20191213/movies_deu.zip": {"S.XML": times(*shows[:5], shows[10])},
        },
    )
    convert(feed, str(tmp_path / "lake"), workers=1)
    current = current_showings(ShowingsReader(tmp_path / "lake")).compute()
    pairs = [(movie, theater) for movie in ids for theater in ids]
    assert tuples(current[current.date_stamp == "20191206"][["movie_id", "theater_id"]]) == (
        pairs[5:10] + pairs[11:]
    )


# The latest


@pytest.mark.parametrize(
    ("reader", "table", "key"),
    [(MoviesReader, "movies", "movie_id"), (TheatersReader, "theaters", "theater_id")],
)
def test_the_latest_of_the_sample_matches_duckdb(
    reader: type[MoviesReader], table: str, key: str, sample_lake: Path, duck: Ask
) -> None:
    found = latest(reader(str(sample_lake)))
    stamps = duck(
        f"select {key}, min(date_stamp), max(date_stamp) from {table} where {key} is not null "
        f"group by {key} order by {key}"
    )
    assert tuples(found[[key, "first_date_stamp", "last_date_stamp"]]) == stamps
    # The rows come in the order of stamp and country, so the dict keeps the newest row of an id.
    newest = {row[key]: row for row in all_rows(sample_lake, table)}
    columns = [name for name in found.columns if name in newest[stamps[0][0]]]
    assert tuples(found[columns]) == [
        tuple(newest[number][name] for name in columns) for number, *_ in stamps
    ]
    assert found["date_stamp"].equals(found["last_date_stamp"].rename("date_stamp"))
    assert set(map(str, found.dtypes)) & {"object", "category"} == set()


def test_the_latest_of_a_small_feed_is_right(tmp_path: Path) -> None:
    films = "<movies><movie><title>No id</title></movie></movies>"
    feed = write_feed(
        tmp_path / "feed",
        {
            "20191206/movies_deu.zip": {"I.XML": movies("old 1", "old 2", "old 3")},
            "20191206/movies_swe.zip": {"I.XML": movies("old 1 swe")},
            "20191213/movies_can.zip": {"I.XML": films},
            "20191213/movies_deu.zip": {
                "1I.XML": movies("new 1", "new 2"),
                "2I.XML": movies("last 1"),
            },
            "20191213/movies_can2.zip": {"I.XML": movies("ignored")},
        },
    )
    convert(feed, str(tmp_path / "lake"), workers=1)
    found = latest(MoviesReader(tmp_path / "lake"))
    columns = ["movie_id", "title", "country", "first_date_stamp", "last_date_stamp"]
    assert tuples(found[columns]) == [
        (1, "last 1", "deu", "20191206", "20191213"),
        (2, "new 2", "deu", "20191206", "20191213"),
        (3, "old 3", "deu", "20191206", "20191206"),
    ]
    early = latest(MoviesReader(tmp_path / "lake", date_stamps="20191206"))
    assert early["title"].tolist() == ["old 1 swe", "old 2", "old 3"]
    assert len(latest(MoviesReader(tmp_path / "lake", countries="can"))) == 0


def test_the_latest_of_a_lake_without_records_is_empty(tmp_path: Path) -> None:
    content = {"I.XML": movies(), "T.XML": houses()}
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": content})
    convert(feed, str(tmp_path / "lake"), workers=1)
    for reader in (MoviesReader, TheatersReader):
        found = latest(reader(tmp_path / "lake"))
        assert (len(found), found.columns.tolist()[-2:]) == (
            0,
            ["first_date_stamp", "last_date_stamp"],
        )


def test_the_latest_of_showings_is_an_error(sample_lake: Path) -> None:
    with pytest.raises(TypeError, match="found one of showings"):
        latest(ShowingsReader(str(sample_lake)))  # type: ignore[arg-type]
