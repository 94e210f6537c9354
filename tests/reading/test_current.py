"""Current showings in every view, by both rules, compared with DuckDB and plain Python."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections import Counter
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
    JoinedShowings,
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    convert,
    current_showings,
    join_records,
    join_showings,
    orphans,
)
from movielake.rows.problems import ProblemCounter
from movielake.rows.screenings import flatten_showings
from movielake.schema.tables import table
from tests.conftest import Ask
from tests.current import RULES, current_sql
from tests.feeds import showing, times, write_feed
from tests.strategies import examples

KEYS = ["date_stamp", "country", "source_xml", "record"]


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture(params=RULES)
def rule(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tuples(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    return [tuple(row.values()) for row in rows.to_pylist()]


def ordered(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=str)


# The sample

COLUMNS = [*KEYS, "movie_id", "theater_id", "starts_at", "show_attributes"]


@pytest.mark.parametrize("where", ["true", "country = 'deu'", "date_stamp < '20191220'"])
def test_rows_of_the_dataframe_match_duckdb(
    sample_lake: Path, duck: Ask, rule: str, where: str
) -> None:
    selection = {"country = 'deu'": {"countries": "deu"}, "true": {}}
    chosen = selection.get(where, {"date_stamps": slice("20191213")})
    reader = ShowingsReader(str(sample_lake), **chosen, current=rule)
    expected = duck(current_sql(", ".join(COLUMNS), rule, where=where))
    found = tuples(reader.dataframe[COLUMNS].compute())
    assert found == sorted(found, key=lambda row: row[:4])
    assert ordered(found) == ordered(expected)
    assert len(reader.dataframe) == len(expected) < reader._held.total("rows")
    assert tuples(reader.head(3)[COLUMNS]) == found[:3]


@pytest.mark.parametrize("of", [None, "show_time", "show_passes"])
@pytest.mark.parametrize(
    "columns", ["", "country, date_stamp", "date_stamp", "movie_id", "country, show_date"]
)
def test_counts_match_duckdb(
    sample_lake: Path, duck: Ask, rule: str, columns: str, of: str | None
) -> None:
    names = columns.split(", ") if columns else []
    what = f"{columns}, count({of or '*'})" if columns else f"count({of or '*'})"
    expected = [row for row in duck(f"{current_sql(what, rule)} group by all") if row[-1]]
    reader = ShowingsReader(str(sample_lake), current=rule)
    assert ordered(tuples(reader.count_by(*names, of=of))) == ordered(expected)
    asked = ShowingsReader(str(sample_lake)).count_by(*names, of=of, current=rule)
    assert asked.equals(reader.count_by(*names, of=of))


def test_distinct_values_and_items_match_duckdb(sample_lake: Path, duck: Ask, rule: str) -> None:
    reader = ShowingsReader(str(sample_lake), current=rule)
    what = "country, date_stamp, count(distinct theater_id)"
    found = reader.count_by("country", "date_stamp", distinct="theater_id")
    assert ordered(tuples(found)) == ordered(duck(f"{current_sql(what, rule)} group by all"))
    items = "item, count(*) from (select unnest(show_attributes) as item from current) group by all"
    expected = duck(current_sql("*", rule).rpartition("select")[0] + f"select {items}")
    found = reader.count_by("show_attributes", of="show_attributes")
    assert ordered(tuples(found)) == ordered(expected)
    assert reader.movie_ids == [
        number
        for (number,) in duck(current_sql("distinct movie_id", rule) + " order by 1")
        if number is not None
    ]


def test_a_partition_has_its_current_rows(sample_lake: Path, duck: Ask, rule: str) -> None:
    reader = ShowingsReader(str(sample_lake), current=rule)

    def count(rows: pa.Table) -> pa.Table:
        keys = {name: rows[name].slice(0, 1) for name in KEYS[:2]}
        return pa.table({**keys, "n": [rows.num_rows]}) if rows.num_rows else rows.select(KEYS[:2])

    found = reader.map_partitions(count, columns=[*KEYS[:2], "movie_id"])
    what = "date_stamp, country, count(*)"
    expected = duck(f"{current_sql(what, rule)} group by all order by all")
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


def test_joins_and_orphans_match_duckdb(sample_lake: Path, duck: Ask, rule: str) -> None:
    showings = ShowingsReader(str(sample_lake), current=rule)
    joined = JoinedShowings(showings, movie_columns=["title"])
    titles = tuples(joined.count_by("title", of="show_time"))
    assert sum(count for _, count in titles) == duck(current_sql("count(show_time)", rule))[0][0]
    frame = join_showings(showings, movie_columns=["title"])[["title", "show_time"]].compute()
    sizes = frame[frame["show_time"].notna()].groupby("title", dropna=False).size()
    assert ordered([(None if t is pd.NA else t, n) for t, n in sizes.items()]) == ordered(titles)
    plain = ShowingsReader(str(sample_lake))
    assert tuples(JoinedShowings(plain, current=rule).count_by("country")) == tuples(
        joined.count_by("country")
    )
    assert tuples(joined.count_by("country", current=False)) == tuples(plain.count_by("country"))
    lost = orphans(showings)
    assert (
        lost["screenings"].sum()
        == duck(
            current_sql("count(show_time)", rule)
            + """ s where not (exists (select * from movies m where m.movie_id = s.movie_id
            and m.country = s.country and m.date_stamp = s.date_stamp)
        and exists (select * from theaters t where t.theater_id = s.theater_id
            and t.country = s.country and t.date_stamp = s.date_stamp))"""
        )[0][0]
    )
    assert lost.equals(orphans(plain, current=rule))


def rows_of(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    rows = flatten_showings(records, table("showings"), ProblemCounter(), 0).to_pylist()
    return [(*row["source_xml"].split("/")[:2], *list(row.values())[1:]) for row in rows]


def test_records_of_the_bag_have_exactly_the_current_rows(
    sample_lake: Path, duck: Ask, rule: str
) -> None:
    reader = ShowingsReader(str(sample_lake), current=rule)
    records = reader.bag.compute()
    rows = tuples(reader.dataframe.compute())
    assert rows_of(records) == [(*row[-2:], *row[1:-2]) for row in rows]
    expected = duck(current_sql("count(distinct (source_xml, record))", rule))
    assert [(len(records),)] == expected == [(reader.count,)]
    assert reader.take(4) == tuple(records[:4])
    assert [r | {"movie": 0, "theater": 0} for r in records] == [
        r | {"movie": 0, "theater": 0} for r in join_records(reader).compute()
    ]


def test_a_json_folder_of_another_program_gives_the_same_rows(
    sample_lake: Path, duck: Ask, rule: str, tmp_path: Path
) -> None:
    shutil.copytree(sample_lake / "json", tmp_path / "json")
    reader = ShowingsReader(f"{tmp_path}/json/*/swe", current=rule)
    where = "country = 'swe'"
    assert [(len(reader.dataframe),)] == duck(current_sql("count(*)", rule, where=where))
    records = "count(distinct (source_xml, record))"
    assert [(reader.count,)] == duck(current_sql(records, rule, where=where))
    assert reader.count == len(reader.bag.compute())
    counts = duck(current_sql("date_stamp, count(*)", rule, where=where) + "group by all")
    assert ordered(tuples(reader.count_by("date_stamp"))) == ordered(counts)


# Any feed

STAMPS = ("20191206", "20191213", "20191220")
DATES = st.sampled_from(
    ["20191206", "20191213", "20191214", "20191220", "00010101", "99991231", "", "soon"]
)
IDS = st.sampled_from([1, 2, None])
TEXTS = st.sampled_from(["9:05, 20:15", "", "TBA"])
SHOWTIME = st.tuples(IDS, IDS, st.lists(st.tuples(DATES, TEXTS), max_size=3), TEXTS)
MEMBER = st.lists(SHOWTIME, max_size=3)
FEEDS = st.dictionaries(
    st.tuples(st.sampled_from(STAMPS), st.sampled_from(["deu", "swe"])),
    st.lists(MEMBER, min_size=1, max_size=2),
    min_size=1,
)


def showtime(movie: int | None, theater: int | None, dates: list[Any], direct: str) -> str:
    ids = f"<movie_id>{movie or ''}</movie_id><theater_id>{theater or ''}</theater_id>"
    inside = "".join(
        f'<show_date date="{date}"><showtimes>{text}</showtimes></show_date>'
        for date, text in dates
    )
    return f"<showtime>{ids}{inside}<showtimes>{direct}</showtimes></showtime>"


Row = dict[str, Any]


def current_plainly(rows: list[Row], rule: str) -> list[Row]:
    """Find the current rows by the definition, block by block."""
    names = ["movie_id", "theater_id", "show_date"][rule == "theater" :]
    snapshots: dict[Any, dict[str, bool]] = {}
    for row in rows:
        block = (row["country"], *(row[name] for name in names))
        stamps = snapshots.setdefault(block, {})
        timed = row["show_time"] is not None
        stamps[row["date_stamp"]] = stamps.get(row["date_stamp"], False) or timed
    kept = []
    for row in rows:
        block = (row["country"], *(row[name] for name in names))
        stamps = snapshots[block]
        source = max([s for s in stamps if stamps[s]] or stamps)
        if None in block or row["date_stamp"] == source:
            kept.append(row)
    return kept


@examples(max_examples=100)
@given(feed=FEEDS)
def test_any_feed_matches_plain_python(feed: dict[tuple[str, str], list[Any]]) -> None:
    zips = {
        f"{stamp}/movies_{country}.zip": {
            f"{number}S.XML": times(*(showtime(*show) for show in member))
            for number, member in enumerate(members)
        }
        for (stamp, country), members in feed.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        convert(write_feed(Path(folder, "feed"), zips), f"{folder}/lake", workers=1)
        every = ShowingsReader(f"{folder}/lake").map_partitions(lambda rows: rows)
        for rule in RULES:
            expected = current_plainly(every.to_pylist(), rule)
            reader = ShowingsReader(f"{folder}/lake", current=rule)
            assert reader.map_partitions(lambda rows: rows).to_pylist() == expected
            assert tuples(reader.dataframe.compute()) == [tuple(r.values()) for r in expected]
            records = reader.bag.compute()
            without = [
                (row["date_stamp"], row["country"], *list(row.values())[1:-2]) for row in expected
            ]
            assert rows_of(records) == without
            assert reader.count == len(records)
            stamps = Counter(row["date_stamp"] for row in expected)
            assert dict(tuples(reader.count_by("date_stamp"))) == stamps


@pytest.mark.parametrize(("rule", "kept"), [("movie", 2), ("theater", 1)])
def test_a_film_that_a_later_snapshot_no_longer_has(tmp_path: Path, rule: str, kept: int) -> None:
    shows = [showing(1, date="20191213"), showing(2, date="20191213")]
    feed = {"20191206": shows, "20191213": shows[1:]}
    zips = {f"{stamp}/movies_deu.zip": {"S.XML": times(*some)} for stamp, some in feed.items()}
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    reader = ShowingsReader(tmp_path / "lake", current=rule)
    assert tuples(reader.count_by("movie_id")) == [(1, 1), (2, 1)][2 - kept :]


@pytest.mark.parametrize("rule", RULES)
def test_a_later_announcement_without_times_keeps_the_times(tmp_path: Path, rule: str) -> None:
    feed = {
        "20191206": showing(1, date="20191213", at="9:05, 20:15"),
        "20191213": showing(1, date="20191213", at="TBA"),
    }
    zips = {f"{stamp}/movies_deu.zip": {"S.XML": times(show)} for stamp, show in feed.items()}
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    reader = ShowingsReader(tmp_path / "lake", current=rule)
    assert tuples(reader.count_by("date_stamp", "show_time")[["date_stamp", "count"]]) == [
        ("20191206", 1),
        ("20191206", 1),
    ]
    later = ShowingsReader(tmp_path / "lake", date_stamps="20191213", current=rule)
    assert tuples(later.count_by("show_time")) == [(None, 1)]


# Planning


def snapshots(tmp_path: Path, *dates: str) -> str:
    """Make a lake of weekly snapshots of two films, each with the day of one week."""
    stamps = ["20191206", "20191213", "20191220"]
    zips = {
        f"{stamp}/movies_deu.zip": {"S.XML": times(showing(1, date=date), showing(2, date=date))}
        for stamp, date in zip(stamps, dates, strict=False)
    }
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    return str(tmp_path / "lake")


def spoil(lake: str, stamp: str) -> None:
    for path in Path(lake).glob(f"parquet/showings/date_stamp={stamp}/*/*"):
        path.write_bytes(bytes(path.stat().st_size))


def test_snapshots_that_share_no_date_are_counted_from_the_manifest(
    tmp_path: Path, rule: str
) -> None:
    lake = snapshots(tmp_path, "20191206", "20191213", "20191220")
    spoil(lake, "*")
    reader = ShowingsReader(lake, current=rule)
    assert tuples(reader.count_by("date_stamp", of="show_time"))[0] == ("20191206", 2)
    assert tuples(reader.count_by()) == [(6,)]
    assert reader.count == 6
    assert not any(group.beside[0]["snapshots"] for group in reader._groups_to_count())


def test_only_snapshots_that_share_a_date_are_read(tmp_path: Path, rule: str) -> None:
    lake = snapshots(tmp_path, "20191206", "20191213", "20191213")
    spoil(lake, "20191206")
    reader = ShowingsReader(lake, current=rule)
    assert tuples(reader.count_by("date_stamp")) == [("20191206", 2), ("20191220", 2)]
    assert reader.count == 4
    with pytest.raises(ValueError, match="cannot read"):
        reader.count_by("movie_id")


def test_the_rule_is_part_of_the_names_of_tasks(sample_lake: Path) -> None:
    frames = [ShowingsReader(str(sample_lake), current=rule).dataframe for rule in (False, *RULES)]
    assert len({frame._name for frame in frames}) == 3
    again = ShowingsReader(str(sample_lake), current=True).dataframe
    assert again._name == frames[1]._name
    lengths = [int(size) for size in dask.compute(*(f["movie_id"].size for f in frames))]
    assert lengths[0] > lengths[1] > lengths[2]


def test_a_current_reader_can_be_pickled(sample_lake: Path, rule: str) -> None:
    reader = ShowingsReader(str(sample_lake), current=rule)
    counts = reader.count_by("movie_id")
    assert pickle.loads(pickle.dumps(reader)).count_by("movie_id").equals(counts)
    assert f"current='{rule}'" in repr(reader)


def test_every_way_to_ask_gives_the_same_rows(sample_lake: Path, rule: str) -> None:
    plain, reader = (ShowingsReader(str(sample_lake), current=c) for c in (False, rule))
    expected = tuples(reader.count_by("country", "movie_id"))
    view = CurrentShowings(plain, rule=rule)
    assert tuples(view.count_by("country", "movie_id")) == expected
    assert tuples(CurrentShowings(reader, rule=rule).count_by("country", "movie_id")) == expected
    assert len(current_showings(plain, rule=rule)) == len(reader.dataframe)
    assert tuples(view.count_by("country", current=False)) == tuples(plain.count_by("country"))
    assert tuples(reader.count_by("country", current=False)) == tuples(plain.count_by("country"))
    assert tuples(view.count_by(current=True)) == tuples(plain.count_by(current="movie"))


def test_an_unknown_rule_is_an_error(sample_lake: Path) -> None:
    lake = str(sample_lake)
    with pytest.raises(ValueError, match="found 'movies'; did you mean movie"):
        ShowingsReader(lake, current="movies")
    with pytest.raises(ValueError, match="expected the rule 'movie' or 'theater'"):
        ShowingsReader(lake).count_by(current="film")
    for reader in (MoviesReader, TheatersReader):
        with pytest.raises(ValueError, match=r"found it for a \w+Reader; latest\(reader\) returns"):
            reader(lake, current=True)
        with pytest.raises(ValueError, match=r"found it for a \w+Reader"):
            reader(lake).count_by(current="theater")
        assert reader(lake).count_by(current=False).equals(reader(lake).count_by())
