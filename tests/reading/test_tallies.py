"""Counts and maps by partition in Arrow, compared with DuckDB."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client

from movielake import JoinedShowings, MoviesReader, ShowingsReader, TheatersReader, convert
from movielake.cluster.workers import local_cluster
from tests.conftest import Ask
from tests.feeds import all_rows, showing, times, write_feed


@pytest.fixture(params=[1, 64])
def showings(
    request: pytest.FixtureRequest, sample_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> ShowingsReader:
    """A reader that counts one file per task, or all files in one task."""
    monkeypatch.setattr("movielake.reading.views._FILES", request.param)
    return ShowingsReader(str(sample_lake))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    scratch = tmp_path_factory.mktemp("scratch")
    with local_cluster(1, scratch=scratch) as cluster, Client(cluster, set_as_default=False) as c:
        yield c


@pytest.fixture
def spoilt(sample_lake: Path, tmp_path: Path) -> Path:
    """A copy of the lake with unreadable data files of the right sizes."""
    copy = Path(shutil.copytree(sample_lake, tmp_path / "copy"))
    for path in copy.glob("parquet/*/*/*/*"):
        path.write_bytes(bytes(path.stat().st_size))
    return copy


def counted(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    assert frame["count"].dtype == pd.ArrowDtype(pa.int64())
    return [
        tuple(None if value is pd.NA else value for value in row)
        for row in frame.astype(object).itertuples(index=False, name=None)
    ]


def sql(*columns: str, count: str = "count(*)", table: str = "showings", more: str = "") -> str:
    names = ", ".join(columns)
    if not columns:
        return f"select {count} from {table} {more}"
    order = ", ".join(f"{name} nulls last" for name in columns)
    return f"select {names}, {count} from {table} {more} group by {names} order by {order}"


COLUMNS = [
    (),
    ("country",),
    ("date_stamp",),
    ("country", "date_stamp"),
    ("date_stamp", "country"),
    ("movie_id",),
    ("country", "movie_id", "theater_id"),
    ("show_date",),
    ("show_time",),
    ("bargain", "country"),
    ("show_passes",),
    ("starts_at",),
    ("movie_cnname", "date_stamp"),
    ("source_xml", "record"),
    ("release_date",),
]


@pytest.mark.parametrize("columns", COLUMNS)
def test_counts_of_rows_match_duckdb(
    showings: ShowingsReader, duck: Ask, columns: tuple[str, ...]
) -> None:
    found = showings.count_by(*columns)
    assert counted(found) == duck(sql(*columns))
    assert found.columns.tolist() == [*columns, "count"]


@pytest.mark.parametrize("of", ["show_time", "movie_id", "movie_cnname", "date_stamp"])
@pytest.mark.parametrize("columns", [(), ("country", "date_stamp"), ("movie_id",)])
def test_counts_of_values_match_duckdb(
    showings: ShowingsReader, duck: Ask, columns: tuple[str, ...], of: str
) -> None:
    expected = duck(sql(*columns, more=f"where {of} is not null"))
    assert counted(showings.count_by(*columns, of=of)) == expected


@pytest.mark.parametrize("distinct", ["movie_id", "theater_id", "show_time", "country"])
@pytest.mark.parametrize("columns", [(), ("country", "date_stamp"), ("movie_id",), ("show_date",)])
def test_counts_of_distinct_values_match_duckdb(
    showings: ShowingsReader, duck: Ask, columns: tuple[str, ...], distinct: str
) -> None:
    where = f"where {distinct} is not null"
    expected = duck(sql(*columns, count=f"count(distinct {distinct})", more=where))
    assert counted(showings.count_by(*columns, distinct=distinct)) == expected


@pytest.mark.parametrize("at_once", [1, 2, 3, 64])
def test_a_value_in_two_files_of_a_partition_is_one_value(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This also holds if two tasks read the two files."""
    monkeypatch.setattr("movielake.reading.views._FILES", at_once)
    one, other = (times(showing(theater=number)) for number in (1, 2))
    swe = {"191206S.XML": one}
    deu = {"191206S.XML": one, "191207S.XML": one, "191208S.XML": other}
    zips = {"20191206/movies_deu.zip": deu, "20191206/movies_swe.zip": swe}
    write_feed(tmp_path / "feed", zips)
    convert(str(tmp_path / "feed"), str(tmp_path / "lake"), workers=1)
    found = ShowingsReader(str(tmp_path / "lake")).count_by(
        "date_stamp", "country", distinct="theater_id"
    )
    assert counted(found) == [("20191206", "deu", 2), ("20191206", "swe", 1)]


def test_distinct_values_can_be_counted_where_another_column_has_a_value(
    showings: ShowingsReader, duck: Ask
) -> None:
    where = "where theater_id is not null and show_time is not null"
    expected = duck(sql("country", "date_stamp", count="count(distinct theater_id)", more=where))
    found = showings.count_by("country", "date_stamp", of="show_time", distinct="theater_id")
    assert counted(found) == expected


def test_distinct_values_of_a_column_to_count_by_are_counted(
    showings: ShowingsReader, duck: Ask
) -> None:
    where = "where movie_id is not null"
    expected = duck(sql("movie_id", count="count(distinct movie_id)", more=where))
    assert counted(showings.count_by("movie_id", distinct="movie_id")) == expected


def test_a_column_named_twice_counts_once(showings: ShowingsReader) -> None:
    assert showings.count_by("bargain", "bargain").equals(showings.count_by("bargain"))


def test_movies_and_theaters_can_be_counted(sample_lake: Path, duck: Ask) -> None:
    films, theaters = MoviesReader(str(sample_lake)), TheatersReader(str(sample_lake))
    assert counted(films.count_by("rating")) == duck(sql("rating", table="movies"))
    assert counted(films.count_by("date_stamp")) == duck(sql("date_stamp", table="movies"))
    expected = duck(sql("country", table="theaters", count="count(distinct theater_id)"))
    assert counted(theaters.count_by("country", distinct="theater_id")) == expected


def test_only_the_selection_is_counted(sample_lake: Path, duck: Ask) -> None:
    showings = ShowingsReader(str(sample_lake), countries="deu", date_stamps=slice("20191213"))
    where = "where country = 'deu' and date_stamp <= '20191213'"
    assert counted(showings.count_by("date_stamp")) == duck(sql("date_stamp", more=where))
    assert counted(showings.count_by("bargain")) == duck(sql("bargain", more=where))


def test_counts_by_the_keys_need_only_the_manifest(spoilt: Path, duck: Ask) -> None:
    showings = ShowingsReader(str(spoilt))
    assert counted(showings.count_by()) == duck(sql())
    assert counted(showings.count_by("country", "date_stamp")) == duck(sql("country", "date_stamp"))
    times = duck(sql("country", more="where show_time is not null"))
    assert counted(showings.count_by("country", of="show_time")) == times
    assert counted(JoinedShowings(showings).count_by("country")) == duck(sql("country"))
    with pytest.raises(ValueError, match=r"cannot read .*S\.parquet"):
        showings.count_by("country", distinct="movie_id")


def test_a_country_without_rows_is_not_counted(tmp_path: Path) -> None:
    shown = {"deu": times(showing(1)), "swe": times()}
    zips = {f"20191206/movies_{c}.zip": {"191206S.XML": xml} for c, xml in shown.items()}
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    showings = ShowingsReader(str(tmp_path / "lake"))
    assert counted(showings.count_by("country")) == [("deu", 1)]
    assert counted(showings.count_by("country", distinct="movie_id")) == [("deu", 1)]


@pytest.mark.parametrize("name", ["contry", "Country", ""])
def test_an_unknown_column_is_an_error(showings: ShowingsReader, name: str) -> None:
    for ask in (
        lambda: showings.count_by(name),
        lambda: showings.count_by("country", distinct=name or "x"),
        lambda: showings.count_by("country", of=name or "x"),
        lambda: showings.map_partitions(len, columns=[name]),
    ):
        with pytest.raises(ValueError, match=r"expected one of the columns \['record', .* found '"):
            ask()


def test_counting_by_structs_or_maps_is_an_error(sample_lake: Path) -> None:
    films = MoviesReader(str(sample_lake))
    for name in ("intl", "extra"):
        with pytest.raises(ValueError, match=f"lists of them, found '{name}', .*map_partitions"):
            films.count_by("country", name)
        with pytest.raises(ValueError, match=f"lists of them, found '{name}'"):
            films.count_by(distinct=name)


def exploded(frame: pd.DataFrame, lists: list[str], by: list[str]) -> list[tuple[Any, ...]]:
    """Count with pandas, after it has exploded lists."""
    for name in lists:
        frame = frame.explode(name)
    counts = frame.astype(object).groupby(by, dropna=False).size().reset_index()
    return sorted(
        (tuple(None if pd.isna(value) else value for value in row) for row in counts.to_numpy()),
        key=str,
    )


@pytest.mark.parametrize(
    ("table", "columns", "lists"),
    [
        (MoviesReader, ["genre"], ["genre"]),
        (MoviesReader, ["director"], ["director"]),
        (MoviesReader, ["country", "cast", "genre"], ["cast", "genre"]),
        (TheatersReader, ["type", "date_stamp"], ["type"]),
        (ShowingsReader, ["show_attributes"], ["show_attributes"]),
        (ShowingsReader, ["show_comments", "movie_id"], ["show_comments"]),
    ],
)
def test_counts_of_items_of_lists_match_pandas(
    sample_lake: Path, table: type[MoviesReader], columns: list[str], lists: list[str]
) -> None:
    reader = table(str(sample_lake))
    frame = reader.dataframe[columns].compute()
    expected = exploded(frame, lists, columns)
    assert sorted(counted(reader.count_by(*columns)), key=str) == expected
    name = lists[0]
    items = frame.explode(name)[name].dropna()
    assert counted(reader.count_by(distinct=name)) == [(items.nunique(),)]
    assert counted(reader.count_by(of=name)) == [(frame[name].count(),)]
    assert counted(reader.count_by(name, of=name)) == sorted(Counter(items).items())
    per_country = reader.dataframe[["country", name]].compute().explode(name)
    assert dict(counted(reader.count_by("country", distinct=name))) == {
        country: number
        for country, number in per_country.groupby("country", observed=True)[name].nunique().items()
        if number
    }


def test_a_row_without_an_item_counts_under_null(tmp_path: Path) -> None:
    genres = ["<genre>Drama</genre><genre>Drama</genre><genre>War</genre>", "<genres/>", ""]
    films = "".join(f"<movie><movie_id>1</movie_id>{text}</movie>" for text in genres)
    zips = {"20191206/movies_deu.zip": {"191206I.XML": f"<movies>{films}</movies>"}}
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    films = MoviesReader(str(tmp_path / "lake"))
    assert counted(films.count_by("genre")) == [("Drama", 2), ("War", 1), (None, 2)]


def test_the_films_of_screenings_can_be_counted_by_genre(sample_lake: Path) -> None:
    showings = ShowingsReader(str(sample_lake), countries="deu")
    joined = JoinedShowings(showings, movie_columns=["genre"])
    expected = exploded(joined.dataframe[["genre"]].compute(), ["genre"], ["genre"])
    assert sorted(counted(joined.count_by("genre")), key=str) == expected


# map_partitions


def key_and_size(rows: pa.Table) -> tuple[Any, ...]:
    return rows["date_stamp"][0].as_py(), rows["country"][0].as_py(), rows.num_rows


def bargains(rows: pa.Table) -> pa.Table:
    return rows.filter(rows["bargain"]).select(["country", "movie_id"])


def test_results_come_in_the_order_of_stamp_and_country(
    showings: ShowingsReader, duck: Ask
) -> None:
    assert showings.map_partitions(key_and_size) == duck(sql("date_stamp", "country"))


def test_tables_are_concatenated(showings: ShowingsReader, sample_lake: Path) -> None:
    found = showings.map_partitions(bargains, columns=["country", "bargain", "movie_id"])
    expected = [row for row in all_rows(sample_lake) if row["bargain"]]
    assert found["movie_id"].to_pylist() == [row["movie_id"] for row in expected]
    assert found["country"].to_pylist() == [row["source_xml"].split("/")[1] for row in expected]


def test_the_function_gets_the_chosen_columns_in_order(showings: ShowingsReader) -> None:
    names = showings.map_partitions(lambda rows: rows.schema, columns=["country", "movie_id"])
    assert set(map(str, names)) == {"country: string\nmovie_id: int32"}
    (first, *_) = showings.map_partitions(lambda rows: rows.column_names)
    assert first == showings.columns


def test_an_error_in_the_users_function_is_raised(showings: ShowingsReader) -> None:
    with pytest.raises(ZeroDivisionError):
        showings.map_partitions(lambda rows: rows.num_rows / 0)


def test_all_members_of_a_zip_belong_to_one_partition(sample_lake: Path) -> None:
    showings = ShowingsReader(str(sample_lake), countries="deu", date_stamps="20191220")
    rows = [pq.read_metadata(path).num_rows for path in showings.files]
    assert len(rows) == 2
    assert showings.map_partitions(len) == [sum(rows)]


def test_a_cluster_gives_the_same_results_as_threads(
    showings: ShowingsReader, cluster: Client, duck: Ask
) -> None:
    columns = ("country", "movie_id")
    with cluster.as_current():
        counts = showings.count_by(*columns, distinct="theater_id")
        sizes = showings.map_partitions(key_and_size)
        tables = showings.map_partitions(bargains)
        tasks = cluster.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)
    assert tasks > 0  # the cluster has done the work
    assert counts.equals(showings.count_by(*columns, distinct="theater_id"))
    assert sizes == duck(sql("date_stamp", "country"))
    assert tables.equals(showings.map_partitions(bargains))


def test_a_lake_in_memory_is_counted_without_the_cluster(
    sample_feed: Path, cluster: Client, duck: Ask
) -> None:
    import fsspec

    from movielake import convert

    convert(str(sample_feed), "memory://tallies", countries="chn", workers=1)
    try:
        with cluster.as_current():
            found = ShowingsReader("memory://tallies").count_by("theater_id")
        assert counted(found) == duck(sql("theater_id", more="where country = 'chn'"))
    finally:
        fsspec.filesystem("memory").rm("/tallies", recursive=True)
