"""Other programs read a lake without movielake."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import duckdb
import fsspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from movielake.conversion.runs import convert
from tests.feeds import files, houses, movies, showing, times, write_feed, zipped

# dask calls a function that this pandas version deprecates.
PANDAS4 = pytest.mark.filterwarnings("ignore:The inplace keyword")

PLACES = [(stamp, c) for stamp in ("20191206", "20191213") for c in ("can", "deu", "swe")]


def content(number: int) -> dict[str, str]:
    shows = [
        showing(n, number, at="13:20, (15:40), TBA" if n % 2 else "9:05")
        for n in range(1, number + 3)
    ]
    return {
        "191206S.XML": times(*shows),
        "191206I.XML": movies("Amélie", "[REC]"),
        "191206T.XML": houses("Kino <![CDATA[&]]> Lux"),
    }


FEED = {f"{stamp}/movies_{c}.zip": content(n) for n, (stamp, c) in enumerate(PLACES, 1)}
XML = "".join(members["191206S.XML"] for members in FEED.values())
RECORDS = len(re.findall("<showtime>", XML))
SCREENINGS = len(re.findall(r"\d:\d\d", XML))
ROWS = SCREENINGS + XML.count("TBA")
BY_COUNTRY = {
    country: sum(
        len(re.findall(r"\d:\d\d", members["191206S.XML"]))
        for path, members in FEED.items()
        if country in path
    )
    for country in ("can", "deu", "swe")
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    convert(write_feed(root / "feed", FEED), str(root / "lake"), workers=1)
    return root / "lake"


def test_the_numbers_are_not_trivial():
    assert (RECORDS, SCREENINGS, ROWS) == (33, 51, 69)


# --- pandas


def test_pandas_reads_the_rows(lake):
    frame = pd.read_parquet(lake / "parquet" / "showings")
    assert len(frame) == ROWS
    assert frame["show_time"].notna().sum() == SCREENINGS
    assert frame.groupby(["source_xml", "record"]).ngroups == RECORDS
    assert set(frame["country"].astype(str)) == {"can", "deu", "swe"}
    assert set(frame["date_stamp"].astype(str)) == {"20191206", "20191213"}


def test_pandas_reads_one_partition_by_filter(lake):
    frame = pd.read_parquet(lake / "parquet" / "showings", filters=[("country", "=", "deu")])
    assert frame["show_time"].notna().sum() == BY_COUNTRY["deu"]


def test_pandas_reads_dates_and_times(lake):
    frame = pd.read_parquet(lake / "parquet" / "showings", columns=["starts_at", "show_date"])
    assert frame["starts_at"].dtype.kind == "M"
    assert frame["starts_at"].min() == pd.Timestamp("2019-12-06 09:05")
    assert frame["show_date"].iloc[0] == datetime.date(2019, 12, 6)


@pytest.mark.parametrize(("table", "count"), [("movies", 12), ("theaters", 6)])
def test_pandas_reads_the_other_tables(lake, table, count):
    assert len(pd.read_parquet(lake / "parquet" / table)) == count


def test_pandas_reads_the_manifest(lake):
    frame = pd.read_parquet(lake / "manifest.parquet")
    assert frame.groupby("table")["records"].sum().to_dict() == {
        "movies": 12,
        "showings": RECORDS,
        "theaters": 6,
    }
    assert frame["screenings"].sum() == SCREENINGS


def test_pandas_reads_the_json_lines(lake):
    path = lake / "json" / "20191206" / "deu" / "191206S.jsonl.zst"
    frame = pd.read_json(path, lines=True, dtype=False)
    assert frame["movie_id"].tolist() == ["1", "2", "3", "4"]


# --- dask


@PANDAS4
def test_dask_dataframe_reads_the_rows(lake):
    import dask.dataframe as dd

    frame = dd.read_parquet(lake / "parquet" / "showings")
    assert len(frame) == ROWS
    assert frame.npartitions >= 1
    counts = frame.dropna(subset=["show_time"]).groupby("country", observed=True).size().compute()
    assert {str(country): int(count) for country, count in counts.items()} == BY_COUNTRY


@PANDAS4
def test_dask_dataframe_reads_one_partition(lake):
    import dask.dataframe as dd

    frame = dd.read_parquet(lake / "parquet" / "showings", filters=[("date_stamp", "==", 20191206)])
    assert frame["show_time"].notnull().sum().compute() == sum(
        len(re.findall(r"\d:\d\d", members["191206S.XML"]))
        for path, members in FEED.items()
        if path.startswith("20191206")
    )


def test_dask_bag_reads_the_records(lake):
    import dask.bag as db

    records = db.read_text(f"{lake}/json/*/*/*S.jsonl.zst").map(json.loads)
    assert records.count().compute(scheduler="sync") == RECORDS
    films = records.pluck("movie_id").frequencies().compute(scheduler="sync")
    assert dict(films)["1"] == len(PLACES)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("*/*/*I", 12),
        ("*/*/*T", 6),
        ("20191206/*/*S", 12),
        ("*/deu/*S", 11),
        ("*/*/*", RECORDS + 18),
    ],
)
def test_dask_bag_reads_the_files_of_a_glob(lake, pattern, count):
    import dask.bag as db

    records = db.read_text(f"{lake}/json/{pattern}.jsonl.zst")
    assert records.count().compute(scheduler="sync") == count


# --- DuckDB


def query(lake: Path, sql: str) -> list[tuple]:
    source = f"read_parquet('{lake}/parquet/showings/**/*.parquet', hive_partitioning=true)"
    with duckdb.connect() as connection:
        return connection.execute(sql.format(showings=source, lake=lake)).fetchall()


def test_duckdb_reads_the_rows(lake):
    assert query(lake, "SELECT count(*), count(show_time) FROM {showings}") == [(ROWS, SCREENINGS)]
    assert query(lake, "SELECT count(DISTINCT (source_xml, record)) FROM {showings}") == [
        (RECORDS,)
    ]


def test_duckdb_groups_by_partition(lake):
    found = query(lake, "SELECT country, count(show_time) FROM {showings} GROUP BY ALL")
    assert dict(found) == BY_COUNTRY


def test_duckdb_reads_the_types(lake):
    columns = query(lake, "DESCRIBE SELECT * FROM {showings}")
    types = {name: type_ for name, type_, *_ in columns}
    expected = {
        "record": "INTEGER",
        "movie_id": "INTEGER",
        "show_date": "DATE",
        "show_time": "TIME",
        "bargain": "BOOLEAN",
        "starts_at": "TIMESTAMP",
        "show_attributes": "VARCHAR[]",
        "extra": "MAP(VARCHAR, VARCHAR)",
        "country": "VARCHAR",
    }
    assert {name: types[name] for name in expected} == expected | {"starts_at": types["starts_at"]}
    assert types["starts_at"].startswith("TIMESTAMP")
    assert "TIME ZONE" not in types["starts_at"]


def test_duckdb_joins_the_tables(lake):
    sql = """
        SELECT m.title, count(*) FROM {showings} s
        JOIN read_parquet('{lake}/parquet/movies/**/*.parquet', hive_partitioning=true) m
        USING (movie_id, date_stamp, country) GROUP BY ALL
    """
    assert dict(query(lake, sql)) == {"Amélie": 18, "[REC]": 6}


def test_duckdb_reads_the_json_lines(lake):
    sql = "SELECT count(*) FROM read_json('{lake}/json/*/*/*S.jsonl.zst', format='nd')"
    assert query(lake, sql) == [(RECORDS,)]


# --- Polars


def test_polars_reads_the_rows(lake):
    frame = pl.scan_parquet(lake / "parquet" / "showings", hive_partitioning=True)
    counts = frame.select(
        pl.len(), pl.col("show_time").count(), pl.struct("source_xml", "record").n_unique()
    )
    assert counts.collect().row(0) == (ROWS, SCREENINGS, RECORDS)


def test_polars_groups_by_partition(lake):
    frame = pl.scan_parquet(lake / "parquet" / "showings", hive_partitioning=True)
    found = frame.group_by("country").agg(pl.col("show_time").count()).collect()
    assert dict(found.rows()) == BY_COUNTRY


def test_polars_reads_the_types(lake):
    frame = pl.scan_parquet(lake / "parquet" / "showings", hive_partitioning=True)
    types = frame.collect_schema()
    assert types["show_time"] == pl.Time
    assert types["show_attributes"] == pl.List(pl.String)
    assert types["starts_at"] == pl.Datetime("ms")
    assert types["country"] == pl.String


# --- PyArrow


def test_pyarrow_reads_the_keys_as_strings_with_a_schema(lake):
    keys = pa.schema([("date_stamp", pa.string()), ("country", pa.string())])
    data = ds.dataset(
        lake / "parquet" / "showings", partitioning=ds.partitioning(keys, flavor="hive")
    )
    assert data.count_rows() == ROWS
    german = data.to_table(
        filter=(ds.field("country") == "deu") & (ds.field("date_stamp") > "20191206")
    )
    assert set(german["source_xml"].to_pylist()) == {"20191213/deu/191206S.XML"}


def test_every_file_of_a_table_has_the_same_schema(lake):
    for table in ("movies", "theaters", "showings"):
        paths = sorted((lake / "parquet" / table).rglob("*.parquet"))
        schemas = {pa.parquet.read_schema(path).to_string() for path in paths}
        assert len(paths) == len(PLACES)
        assert len(schemas) == 1


def test_other_readers_accept_a_table_without_rows(tmp_path):
    feed = {"20191206/movies_deu.zip": {"S.XML": times(showing())}}
    feed["20191206/movies_swe.zip"] = {"S.XML": "<times/>"}
    lake = tmp_path / "lake"
    convert(write_feed(tmp_path / "feed", feed), str(lake), workers=1)
    assert len(pd.read_parquet(lake / "parquet" / "showings")) == 1
    assert pl.scan_parquet(lake / "parquet" / "showings").collect().height == 1
    assert query(lake, "SELECT count(*) FROM {showings}") == [(1,)]


# --- lakes in memory, and a lake that stays unchanged


def test_pandas_reads_a_lake_in_memory():
    with fsspec.open("memory://other-feed/20191206/movies_deu.zip", "wb") as file:
        file.write(zipped(content(1)))
    convert("memory://other-feed", "memory://other-lake")
    path = "memory://other-lake/parquet/showings/date_stamp=20191206/country=deu/191206S.parquet"
    assert pd.read_parquet(path)["show_time"].notna().sum() == 5


def test_reading_changes_nothing(lake):
    before = files(lake)
    pd.read_parquet(lake / "parquet" / "showings")
    query(lake, "SELECT * FROM {showings}")
    assert files(lake) == before
