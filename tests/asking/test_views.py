"""The views in SQL, compared with movielake's own views on both layouts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from movielake import (
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    compact,
    convert,
    duckdb_connection,
    join_showings,
    sql,
)
from tests.feeds import houses, movies, showing, times, write_feed

READERS = {"showings": ShowingsReader, "movies": MoviesReader, "theaters": TheatersReader}


@pytest.fixture(scope="module", params=["leaves", "compact"])
def lake(
    request: pytest.FixtureRequest, sample_lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    if request.param == "leaves":
        return str(sample_lake)
    return compact(str(sample_lake), str(tmp_path_factory.mktemp("compact") / "it's [odd]*"))


def counted(table: pa.Table) -> Counter[Any]:
    """Count the rows of a table with one column for the number."""
    *keys, number = table.to_pydict().values()
    return Counter(dict(zip(zip(*keys, strict=True), number, strict=True)))


@pytest.mark.parametrize("name", READERS)
def test_a_view_has_the_rows_and_the_keys_as_texts(lake: str, name: str) -> None:
    found = sql(lake, f"select date_stamp, country, count(*) from {name} group by all")
    assert [field.type for field in found.schema][:2] == [pa.string()] * 2
    view = READERS[name](lake).count_by("date_stamp", "country")
    assert counted(found) == counted(pa.Table.from_pandas(view, preserve_index=False))


@pytest.mark.parametrize("rule", ["movie", "theater"])
def test_current_showings_are_those_of_the_reader(lake: str, rule: Any) -> None:
    query = "select country, date_stamp, movie_id, count(*) from current_showings group by all"
    found = counted(sql(lake, query, current=rule))
    view = ShowingsReader(lake, current=rule).count_by("country", "date_stamp", "movie_id")
    expected = Counter({(r.country, r.date_stamp, _id(r.movie_id)): r.count_ for r in _rows(view)})
    assert found == expected
    assert sum(found.values()) < len(ShowingsReader(lake).dataframe)


def _rows(frame: Any) -> Any:
    return frame.rename(columns={"count": "count_"}).itertuples(index=False)


def _id(value: Any) -> int | None:
    return None if value is None or value != value else int(value)


def test_only_selected_snapshots_supersede_each_other(lake: str) -> None:
    only = {"date_stamps": "20191206", "countries": ["deu", "swe"]}
    with duckdb_connection(lake, **only) as connection:
        query = "select country, count(*) from current_showings group by all"
        found = dict(connection.sql(query).fetchall())
        ((stamps,),) = connection.sql("select list(distinct date_stamp) from movies").fetchall()
    whole = ShowingsReader(lake, **only).count_by("country")
    assert found == dict(zip(whole["country"], whole["count"], strict=True))
    assert stamps == ["20191206"]


@pytest.mark.parametrize("view", ["joined", "joined_showings"])
def test_joined_is_the_join_of_the_library(lake: str, view: str) -> None:
    columns = ["title", "running_time", "release_date", "theater_city", "theater_name"]
    names = ", ".join(["country", "record", *columns])
    found = sql(lake, f"select {names} from {view} where date_stamp = '20191213'")
    showings = ShowingsReader(lake, current=view == "joined")
    frame = join_showings(showings).compute()
    frame = frame[frame["date_stamp"] == "20191213"][["country", "record", *columns]]
    expected = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    assert Counter(map(repr, map(_plain, found.to_pylist()))) == Counter(
        map(repr, map(_plain, expected))
    )


def _plain(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(str(value) if value is not None else None for value in row.values())


def test_the_last_of_two_rows_with_an_id_is_joined(tmp_path: Path) -> None:
    """Two members of one zip, and two rows in the second one."""
    twice = movies("Second").replace("</movies>", movies("Third").removeprefix("<movies>"))
    zips = {
        "20191206/movies_deu.zip": {
            "191206I.XML": movies("First"),
            "191206I2.XML": twice,
            "191206T.XML": houses("Roxy"),
            "191206S.XML": times(showing(1)),
        }
    }
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    copy = compact(str(tmp_path / "lake"), str(tmp_path / "compact"))
    ours = join_showings(ShowingsReader(str(tmp_path / "lake"))).compute()["title"].tolist()
    for lake in (str(tmp_path / "lake"), copy):
        assert sql(lake, "select title from joined")["title"].to_pylist() == ours


def test_a_lake_without_movies_has_empty_views_of_them(tmp_path: Path) -> None:
    zips = {"20191206/movies_chn.zip": {"S.XML": times(showing(7))}}
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    lake = str(tmp_path / "lake")
    assert sql(lake, "select count(*) as n from movies")["n"].to_pylist() == [0]
    assert sql(lake, "select movie_id, title from joined").to_pylist() == [
        {"movie_id": 7, "title": None}
    ]


@pytest.mark.parametrize("rule", ["movie", "theater"])
def test_an_announcement_without_a_time_supersedes_no_time(tmp_path: Path, rule: str) -> None:
    """Film 1 has a time and then none. Film 2 has none twice, so its newest snapshot counts."""
    zips = {
        f"{stamp}/movies_deu.zip": {
            "S.XML": times(
                showing(1, theater=1, date="20191213", at=text),
                showing(2, theater=2, date="20191213", at="TBA"),
            )
        }
        for stamp, text in (("20191206", "13:20"), ("20191213", "TBA"))
    }
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    query = "select movie_id, date_stamp from current_showings order by all"
    found = sql(str(tmp_path / "lake"), query, current=rule).to_pylist()
    assert [tuple(row.values()) for row in found] == [(1, "20191206"), (2, "20191213")]


@pytest.mark.parametrize("rule", ["movie", "theater"])
@pytest.mark.parametrize(
    "days",
    [
        {"20191206": ["20191206"], "20191213": ["20191213"], "20191220": ["20191220"]},
        {"20191206": ["20191206"], "20191213": ["20191213"], "20191220": ["20191213", "20191220"]},
        {stamp: ["20191220"] for stamp in ("20191206", "20191213", "20191220")},
    ],
    ids=["none", "some", "every"],
)
def test_partitions_that_nothing_supersedes_are_read_as_they_are(
    tmp_path: Path, days: dict[str, list[str]], rule: Any
) -> None:
    zips = {
        f"{stamp}/movies_deu.zip": {"S.XML": times(*(showing(1, date=day) for day in shown))}
        for stamp, shown in days.items()
    }
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    lake = str(tmp_path / "lake")
    query = "select date_stamp, show_date, movie_id from current_showings order by all"
    found = sql(lake, query, current=rule).to_pylist()
    frame = ShowingsReader(lake, current=rule).dataframe.compute()
    ours = sorted(zip(frame["date_stamp"], frame["show_date"], frame["movie_id"], strict=True))
    assert [tuple(map(str, row.values())) for row in found] == [tuple(map(str, r)) for r in ours]
