"""Saved rows: what pandas, dask, DuckDB and Polars read back, and where the files are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from movielake import (
    JoinedShowings,
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    current_showings,
    latest,
    write_parquet,
)

STAMP = "20191213"

# dask 2026.8 reads Parquet with an argument that pandas 3.1 no longer wants.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute without threads, on frames of several partitions."""
    monkeypatch.setattr("movielake.reading.holdings.ROW_GROUP", 2_000)
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture
def joined(sample_lake: Path) -> JoinedShowings:
    showings = ShowingsReader(str(sample_lake), countries=["chn", "deu", "swe"])
    return JoinedShowings(
        showings, movie_columns=["title", "genre"], theater_columns=["theater_name"]
    )


def all_files(path: str) -> str:
    return path if path.endswith(".parquet") else f"{path}/**/*.parquet"


def as_rows(frame: pd.DataFrame, name: str) -> list[dict[str, Any]]:
    return frame[name].astype(object).where(frame[name].notna(), None).tolist()


def from_pandas(path: str) -> dict[str, list[Any]]:
    frame = pd.read_parquet(path)
    return {name: as_rows(frame, name) for name in frame.columns}


def from_dask(path: str) -> dict[str, list[Any]]:
    frame = dd.read_parquet(path).compute()
    return {name: as_rows(frame, name) for name in frame.columns}


def from_duckdb(path: str) -> dict[str, list[Any]]:
    table = duckdb.sql(f"from read_parquet('{all_files(path)}')")
    return dict(zip(table.columns, zip(*table.fetchall(), strict=True), strict=True))


def from_polars(path: str) -> dict[str, list[Any]]:
    return pl.read_parquet(all_files(path)).to_dict(as_series=False)


ENGINES = {"pandas": from_pandas, "dask": from_dask, "duckdb": from_duckdb, "polars": from_polars}


def comparable(value: Any) -> Any:
    """Return a value that is equal in all engines. They have lists, tuples, arrays or dicts."""
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, dict):
        value = value.items()
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return tuple(map(comparable, value))
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def same_rows(found: dict[str, list[Any]], expected: pd.DataFrame) -> None:
    wanted = {name: pa.array(expected[name]).to_pylist() for name in expected.columns}
    assert list(found) == list(wanted)
    rows = [
        Counter(zip(*(map(comparable, values) for values in each.values()), strict=True))
        for each in (found, wanted)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("path", "partition_on"),
    [
        ("rows.parquet", None),
        ("rows", None),
        ("by country", "country"),
        ("by two", ["date_stamp", "country"]),
        ("by date", ["show_date"]),
        ("by name", "theater_name"),
    ],
)
def test_every_engine_reads_the_same_rows_with_the_same_types(
    joined: JoinedShowings, tmp_path: Path, engine: str, path: str, partition_on: Any
) -> None:
    target = f"{tmp_path}/{path}"
    joined.to_parquet(target, partition_on=partition_on)
    same_rows(ENGINES[engine](target), joined.dataframe.compute())


SAVED: dict[str, Callable[[str], Any]] = {
    "reader": lambda lake: TheatersReader(lake),
    "movies": lambda lake: MoviesReader(lake),
    "current": lambda lake: current_showings(ShowingsReader(lake, countries="deu")),
    "filtered": lambda lake: (lambda f: f[f.country == "swe"])(MoviesReader(lake).dataframe),
    "latest": lambda lake: latest(MoviesReader(lake)),
    "assigned": lambda lake: TheatersReader(lake).dataframe.assign(one=1, text="x"),
    "plain dask": lambda lake: dd.concat([TheatersReader(lake).dataframe] * 2),
    "no rows": lambda lake: (lambda f: f[f.movie_id < 0])(MoviesReader(lake).dataframe),
}


@pytest.mark.parametrize("path", ["rows.parquet", "rows"])
@pytest.mark.parametrize("name", SAVED)
def test_views_and_frames_are_read_back(
    sample_lake: Path, tmp_path: Path, name: str, path: str
) -> None:
    rows, target = SAVED[name](str(sample_lake)), str(tmp_path / path)
    write_parquet(rows, target)
    frame = getattr(rows, "dataframe", rows)
    expected = frame if isinstance(frame, pd.DataFrame) else frame.compute()
    for engine in ENGINES:
        found = ENGINES[engine](target) if len(expected) or engine != "duckdb" else None
        if found is not None:
            same_rows(found, expected)
    types = {name: str(t) for name, t in pd.read_parquet(target).dtypes.items()}
    assert types["date_stamp"] == types["country"] in ("string", "str")


def test_a_named_index_is_kept(joined: JoinedShowings, tmp_path: Path) -> None:
    counts = joined.dataframe.groupby("title").size().to_frame("screenings")
    write_parquet(counts, f"{tmp_path}/counts.parquet")
    found = pd.read_parquet(tmp_path / "counts.parquet")
    pd.testing.assert_frame_equal(found, counts.compute(), check_index_type=False)
    by_theater = joined.dataframe.set_index("theater_id")[["movie_id"]]
    by_theater.to_parquet(f"{tmp_path}/plain", write_index=False)
    assert pd.read_parquet(tmp_path / "plain").columns.tolist() == ["movie_id"]


def test_each_value_has_a_folder_with_a_safe_name_and_no_file_is_empty(tmp_path: Path) -> None:
    names = ["a/b", "../..", "c=d", "a%2Fb", "", None, "_x", "10", "Kino", "x" * 400, "ü" * 200]
    rows = pd.DataFrame({"name": pd.array(names, "string[pyarrow]"), "n": range(len(names))})
    write_parquet(dd.from_pandas(rows, npartitions=3), f"{tmp_path}/out", partition_on="name")
    files = sorted((tmp_path / "out").rglob("*.parquet"))
    assert len(files) == len(names)
    assert {len(file.relative_to(tmp_path).parts) for file in files} == {3}
    assert all(pq.read_metadata(file).num_rows == 1 for file in files)
    assert not any(set(file.parent.name) & set('/\\=*?"<>|') for file in files)
    for engine in ENGINES:
        found = ENGINES[engine](f"{tmp_path}/out")
        assert dict(zip(found["n"], found["name"], strict=True)) == dict(enumerate(names))


def test_a_categorical_without_rows_makes_no_file(sample_lake: Path, tmp_path: Path) -> None:
    frame = ShowingsReader(str(sample_lake)).dataframe
    small = frame[frame.country.isin(["deu", "swe"]) & (frame.date_stamp == STAMP)]
    small.to_parquet(f"{tmp_path}/out", partition_on=["date_stamp", "country"])
    folders = {str(f.parent.relative_to(tmp_path)) for f in tmp_path.rglob("*.parquet")}
    assert folders == {f"out/{STAMP}/deu", f"out/{STAMP}/swe"}


def test_a_path_of_the_user_is_never_replaced(sample_lake: Path, tmp_path: Path) -> None:
    theaters = TheatersReader(str(sample_lake))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("mine")
    for path in ("notes", "notes/diary.txt"):
        with pytest.raises(FileExistsError, match="choose another"):
            theaters.to_parquet(f"{tmp_path}/{path}")
    with pytest.raises(FileExistsError, match="found other files"):
        theaters.to_parquet(f"{tmp_path}/notes", overwrite=True)
    assert (tmp_path / "notes" / "diary.txt").read_text() == "mine"
    with pytest.raises(ValueError, match="outside lakes and feeds"):
        theaters.to_parquet(f"{sample_lake}/saved.parquet")


@pytest.mark.parametrize("path", ["rows.parquet", "rows"])
def test_saved_rows_are_replaced_only_on_request(
    sample_lake: Path, tmp_path: Path, path: str
) -> None:
    target = str(tmp_path / path)
    TheatersReader(str(sample_lake)).to_parquet(target)
    with pytest.raises(FileExistsError, match="or set overwrite=True"):
        MoviesReader(str(sample_lake)).to_parquet(target)
    assert "theater_name" in pd.read_parquet(target).columns
    MoviesReader(str(sample_lake)).to_parquet(target, overwrite=True)
    assert "title" in pd.read_parquet(target).columns
    assert [each.name for each in tmp_path.iterdir()] == [path]


def test_a_failure_leaves_no_file(sample_lake: Path, tmp_path: Path) -> None:
    def fail(rows: pd.DataFrame) -> pd.DataFrame:
        if len(rows):
            raise RuntimeError("broken")
        return rows

    frame = TheatersReader(str(sample_lake)).dataframe
    broken = frame.map_partitions(fail, meta=frame._meta)
    for path in ("rows.parquet", "rows"):
        with pytest.raises(RuntimeError, match="broken"):
            write_parquet(broken, f"{tmp_path}/{path}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("contry", "found 'contry'.*country"),
        (["country", "extra"], "expected a column of single values in partition_on, found 'extra'"),
    ],
)
def test_a_wrong_key_is_named(sample_lake: Path, tmp_path: Path, keys: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TheatersReader(str(sample_lake)).to_parquet(f"{tmp_path}/rows", partition_on=keys)


def test_rows_are_saved_to_an_object_store(sample_lake: Path) -> None:
    theaters = TheatersReader(str(sample_lake), countries="deu")
    theaters.to_parquet("memory://saved/rows", partition_on="date_stamp")
    theaters.to_parquet("memory://saved/rows", partition_on="date_stamp", overwrite=True)
    assert len(pd.read_parquet("memory://saved/rows")) == len(theaters.dataframe)
