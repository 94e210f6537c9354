"""Current showings and latest facts, compared with DuckDB and plain Python."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from tests.feeds import all_rows, houses, movies, showing, times, write_feed
from tests.strategies import examples

# This uses no window function. DuckDB 2.0.0 applies a filter on a partition key after a window.
CURRENT = """
    with chosen as materialized (select * from showings where {where}),
    newest as (
        select country, movie_id, theater_id, show_date, max(date_stamp) as newest
        from chosen group by all
    )
    select {what} from chosen left join newest using (country, movie_id, theater_id, show_date)
    where date_stamp = newest or movie_id is null or theater_id is null or show_date is null
"""


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


def tuples(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return [tuple(row.values()) for row in table.to_pylist()]


# Current showings


def test_current_showings_of_the_sample_match_duckdb(sample_lake: Path, duck: Ask) -> None:
    columns = ["source_xml", "record", "starts_at", "show_attributes", "date_stamp", "country"]
    current = current_showings(ShowingsReader(str(sample_lake)))
    found = tuples(current[columns].compute())
    expected = duck(CURRENT.format(what=", ".join(columns), where="true"))
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert len(current) == len(expected) < duck("select count(*) from showings")[0][0]


def test_only_selected_snapshots_supersede_showings(sample_lake: Path, duck: Ask) -> None:
    reader = ShowingsReader(str(sample_lake), date_stamps=slice("20191213"), countries="deu")
    where = "date_stamp <= '20191213' and country = 'deu'"
    assert [(len(current_showings(reader)),)] == duck(CURRENT.format(what="count(*)", where=where))
    frame = current_showings(ShowingsReader(str(sample_lake), countries="deu"))
    early = frame[frame.date_stamp != "20191220"]  # the filtered rows still supersede others
    sql = CURRENT.format(what="*", where="country = 'deu'")
    expected = duck(f"select count(*) from ({sql}) where date_stamp <> '20191220'")
    assert [(len(early),)] == expected


def test_counts_of_current_showings_match_duckdb(sample_lake: Path, duck: Ask) -> None:
    view = CurrentShowings(ShowingsReader(str(sample_lake)))
    sql = CURRENT.format(what="*", where="true")
    for columns in ("country, date_stamp", "movie_id", "country, show_date"):
        expected = duck(f"select {columns}, count(*) from ({sql}) group by all order by all")
        assert sorted(tuples(view.count_by(*columns.split(", "))), key=str) == sorted(
            expected, key=str
        )
    assert tuples(view.count_by()) == duck(f"select count(*) from ({sql})")


STAMPS = ("20191206", "20191213", "20191220")
DATES = st.sampled_from(
    ["20191206", "20191213", "20191214", "20191220", "20191227", "00010101", "99991231", "", "soon"]
)
IDS = st.sampled_from([1, 2, None])
MEMBER = st.lists(st.tuples(IDS, IDS, DATES), max_size=4)
ZIP = st.lists(MEMBER, min_size=1, max_size=2)
FEEDS = st.dictionaries(st.tuples(st.sampled_from(STAMPS), st.sampled_from(["deu", "swe"])), ZIP)


def showtime(movie: int | None, theater: int | None, date: str) -> str:
    ids = f"<movie_id>{movie or ''}</movie_id><theater_id>{theater or ''}</theater_id>"
    dated = f'<show_date date="{date}"><showtimes>9:05, 20:15</showtimes></show_date>'
    return f"<showtime>{ids}{dated}</showtime>"


@examples(max_examples=60)
@given(feed=FEEDS.filter(len))
def test_current_showings_of_any_feed_match_plain_python(
    feed: dict[tuple[str, str], list[list[tuple[Any, ...]]]],
) -> None:
    zips = {
        f"{stamp}/movies_{country}.zip": {
            f"{number}S.XML": times(*(showtime(*show) for show in member))
            for number, member in enumerate(members)
        }
        for (stamp, country), members in feed.items()
    }
    expected = []
    for (stamp, country), members in sorted(feed.items()):
        later = {
            show
            for (other_stamp, other_country), others in feed.items()
            if other_country == country and other_stamp > stamp
            for member in others
            for show in member
        }
        for show in (show for member in members for show in member):
            is_block = None not in show and show[2] not in ("", "soon")
            if not (is_block and show in later):
                expected += [(stamp, country, *show[:2])] * 2
    with tempfile.TemporaryDirectory() as folder:
        convert(write_feed(Path(folder, "feed"), zips), f"{folder}/lake", workers=1)
        current = current_showings(ShowingsReader(f"{folder}/lake"))
        columns = ["date_stamp", "country", "movie_id", "theater_id"]
        assert tuples(current[columns].compute()) == expected
        assert len(current) == len(expected)


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
