"""Habits of pandas on the DataFrame of a lake: comparisons, filters, joins and descriptions."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import MoviesReader, ShowingsReader, TheatersReader, current_showings, join_showings
from movielake.dataframes.describing import describe, quantiles
from movielake.dataframes.fitting import fit, kind_of
from movielake.dataframes.habits import LakeFrame, LakeSeries
from movielake.dataframes.keys import fit_keys
from movielake.reading.frames import LakeRows
from tests.strategies import examples

STAMPS = pd.CategoricalDtype(["20191206", "20191213"], ordered=True)
DATE, TIME, MOMENT = (
    pd.ArrowDtype(arrow) for arrow in (pa.date32(), pa.time64("us"), pa.timestamp("ms"))
)
CHRISTMAS = dt.date(2019, 12, 25)
NO_NUMBERS = st.floats().filter(lambda value: not value.is_integer())


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute without threads, on frames of several partitions."""
    monkeypatch.setattr("movielake.reading.holdings.ROW_GROUP", 2_000)
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture
def frame(sample_lake: Path) -> dd.DataFrame:
    return ShowingsReader(str(sample_lake)).dataframe


@pytest.fixture
def rows(frame: dd.DataFrame) -> pd.DataFrame:
    return frame.compute()


def same(found: Any, expected: Any) -> None:
    check = pd.testing.assert_frame_equal
    if isinstance(expected, pd.Series):
        check = pd.testing.assert_series_equal
    check(found.compute(), expected)


# Comparisons

COMPARISONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "date >= text": (
        lambda f: f.show_date >= "2019-12-20",
        lambda f: f.show_date >= dt.date(2019, 12, 20),
    ),
    "date == text": (lambda f: f.show_date == "2019-12-25", lambda f: f.show_date == CHRISTMAS),
    "date == other text": (lambda f: f.show_date == "20191225", lambda f: f.show_date == CHRISTMAS),
    "text == date": (lambda f: "2019-12-25" == f.show_date, lambda f: f.show_date == CHRISTMAS),  # noqa: SIM300
    "date != timestamp": (
        lambda f: f.show_date != pd.Timestamp("2019-12-25"),
        lambda f: f.show_date != CHRISTMAS,
    ),
    "date < datetime64": (
        lambda f: f.show_date < np.datetime64("2019-12-25"),
        lambda f: f.show_date < CHRISTMAS,
    ),
    "date between texts": (
        lambda f: f.show_date.between("2019-12-24", "2019-12-25"),
        lambda f: f.show_date.between(dt.date(2019, 12, 24), CHRISTMAS),
    ),
    "date in texts": (
        lambda f: f.show_date.isin(["2019-12-24", "2019-12-25"]),
        lambda f: f.show_date.isin([dt.date(2019, 12, 24), CHRISTMAS]),
    ),
    "moment >= text": (
        lambda f: f.starts_at >= "2019-12-20 18:00",
        lambda f: f.starts_at >= pd.Timestamp("2019-12-20 18:00"),
    ),
    "moment < date": (
        lambda f: f.starts_at < CHRISTMAS,
        lambda f: f.starts_at < pd.Timestamp(CHRISTMAS),
    ),
    "moment in texts": (
        lambda f: f.starts_at.isin(["2019-12-20 18:00"]),
        lambda f: f.starts_at.isin([pd.Timestamp("2019-12-20 18:00")]),
    ),
    "time > text": (lambda f: f.show_time > "18:00", lambda f: f.show_time > dt.time(18)),
    "stamp == number": (
        lambda f: f.date_stamp == 20191213,
        lambda f: f.date_stamp == "20191213",
    ),
    "stamp != numpy number": (
        lambda f: f.date_stamp != np.int64(20191213),
        lambda f: f.date_stamp != "20191213",
    ),
    "stamp == ISO date": (
        lambda f: f.date_stamp == "2019-12-13",
        lambda f: f.date_stamp == "20191213",
    ),
    "stamp == float": (lambda f: f.date_stamp == 20191213.0, lambda f: f.date_stamp == "20191213"),
    "number == text": (lambda f: f.movie_id == "103200", lambda f: f.movie_id == 103200),
    "number >= text": (lambda f: f.movie_id >= "109000", lambda f: f.movie_id >= 109000),
    "stamp == date": (
        lambda f: f.date_stamp == dt.date(2019, 12, 13),
        lambda f: f.date_stamp == "20191213",
    ),
    "stamp >= text": (
        lambda f: f.date_stamp >= "20191213",
        lambda f: f.date_stamp.astype(str) >= "20191213",
    ),
    "stamp >= a day without a snapshot": (
        lambda f: f.date_stamp >= "20191210",
        lambda f: f.date_stamp.astype(str) >= "20191210",
    ),
    "stamp < number without a snapshot": (
        lambda f: f.date_stamp < 20191214,
        lambda f: f.date_stamp.astype(str) < "20191214",
    ),
    "stamp in numbers": (
        lambda f: f.date_stamp.isin([20191206, 20191220]),
        lambda f: f.date_stamp.isin(["20191206", "20191220"]),
    ),
    "stamp between numbers": (
        lambda f: f.date_stamp.between(20191201, 20191213),
        lambda f: f.date_stamp.astype(str).between("20191201", "20191213"),
    ),
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_column_is_compared_with_a_value_of_another_type(
    frame: dd.DataFrame, rows: pd.DataFrame, name: str
) -> None:
    ours, pandas = COMPARISONS[name]
    expected = rows[pandas(rows)]
    assert 0 < len(expected) < len(rows)
    for part in (frame, frame.assign(one=1), frame.dropna(subset=["movie_id"])):
        assert ours(part).compute().sum() == pandas(rows)[part.index.compute()].sum()
    same(frame[ours(frame)], expected)


@pytest.mark.parametrize(
    "name", [name for name in COMPARISONS if name.startswith("stamp") and "numpy" not in name]
)
def test_a_comparison_of_stamps_skips_files(frame: dd.DataFrame, name: str) -> None:
    ours, _ = COMPARISONS[name]
    read = list(frame[ours(frame)].optimize(fuse=False).expr.find_operations(LakeRows))
    files = {file.path for part in read for group in part.groups for file in group.files}
    assert 0 < len(files) < 24


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("show_date", "tomorrow", "expected a date such as '2019-12-20', found 'tomorrow'"),
        ("show_date", "2019-12-20 18:00", "expected a date without a time of day, found '2019-12"),
        ("starts_at", "tonight", "expected a date such as '2019-12-20', found 'tonight'"),
        ("movie_id", "Tiger", "expected a whole number such as 103200, found 'Tiger'"),
        ("show_time", "8 pm", "expected a time such as '13:20', found '8 pm'"),
    ],
)
def test_a_text_that_is_no_date_or_time_is_an_error(
    frame: dd.DataFrame, column: str, value: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _ = frame[column] >= value


@given(value=st.one_of(st.none(), st.booleans(), NO_NUMBERS, st.just(pd.NA), st.just(pd.NaT)))
def test_other_values_stay_as_they_are(value: Any) -> None:
    for dtype in (DATE, TIME, MOMENT, STAMPS, pd.ArrowDtype(pa.int32()), np.dtype("int64")):
        assert fit(value, kind_of(dtype)) is value


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (DATE, "date"),
        (TIME, "time"),
        (MOMENT, "timestamp"),
        (STAMPS, "stamp"),
        (pd.ArrowDtype(pa.int32()), "number"),
        (pd.CategoricalDtype(["a"]), ""),
        (pd.CategoricalDtype([1, 2], ordered=True), ""),
        (pd.ArrowDtype(pa.timestamp("ms", "UTC")), ""),
        (np.dtype("datetime64[ns]"), ""),
        (None, ""),
    ],
)
def test_only_columns_of_a_lake_have_a_kind(dtype: Any, kind: str) -> None:
    assert kind_of(dtype) == kind


# Silent mistakes in plain dask DataFrames


def plain(frame: dd.DataFrame) -> dd.DataFrame:
    """Return the rows as dask's own class, as `dd.concat` does."""
    return dd.DataFrame(frame.expr)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (lambda f: f[f.date_stamp == 20191213], "date_stamp is never equal to 20191213, .* '2019"),
        (lambda f: len(f[f.date_stamp != 20191213]), "date_stamp is never equal to 20191213"),
        (lambda f: f[f.show_date == "2019-12-25"], "show_date is never equal to '2019-12-25'"),
        (lambda f: f.assign(one=1)[f.starts_at == CHRISTMAS].one.sum(), "starts_at is never"),
        (
            lambda f: f.merge(pd.DataFrame({"show_date": ["2019-12-25"]}), on="show_date"),
            r"keys of the types date32\[day\]\[pyarrow\] and \w+ never match \(show_date, show_d",
        ),
        (
            lambda f: f.merge(pd.DataFrame({"date_stamp": [20191213]}), on="date_stamp"),
            "keys of the types category and int64 never match",
        ),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*Merging dataframes with merge column data type mismatches")
def test_a_comparison_that_is_always_false_is_an_error_in_plain_dask(
    frame: dd.DataFrame, query: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        query(plain(frame)).compute()


def test_right_comparisons_in_plain_dask_are_no_error(
    frame: dd.DataFrame, rows: pd.DataFrame
) -> None:
    found = plain(frame)
    found = found[(found.show_date == CHRISTMAS) & (found.date_stamp == "20191220")]
    same(found, rows[(rows.show_date == CHRISTMAS) & (rows.date_stamp == "20191220")])


# Alignment

FILTERS: dict[str, Callable[[Any], Any]] = {
    "key": lambda f: f[f.country == "deu"],
    "column": lambda f: f[f.movie_id == 103200],
    "both": lambda f: f[(f.country == "swe") & (f.movie_id == 103200)],
    "dropna": lambda f: f.dropna(subset=["show_comments"]),
    "query": lambda f: f.query("country == 'deu'"),
    "twice": lambda f: f[f.country == "deu"].dropna(subset=["show_comments"]),
    "columns": lambda f: f[f.country == "deu"][["movie_id", "country"]],
    "loc": lambda f: f.loc[f.country == "deu"],
    "fillna": lambda f: f[f.country == "deu"].fillna({"bargain": False}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_column_of_the_whole_frame_is_aligned_with_a_filtered_frame(
    frame: dd.DataFrame, rows: pd.DataFrame, name: str
) -> None:
    found, expected = FILTERS[name](frame), FILTERS[name](rows).copy()
    found["hour"] = frame.starts_at.dt.hour
    expected["hour"] = rows.starts_at.dt.hour
    same(found, expected)
    assert len(found) == len(expected)
    same(found.hour, expected.hour)
    both = found.assign(two=lambda f: f.hour * 2 + frame.movie_id).two.compute()
    expected_both = expected.hour * 2 + rows.movie_id[expected.index]
    pd.testing.assert_series_equal(both, expected_both, check_names=False)


def test_a_filter_that_keeps_nothing_stays_empty(frame: dd.DataFrame) -> None:
    found = frame[frame.country == "usa"]
    found["hour"] = frame.starts_at.dt.hour
    assert len(found) == len(found.compute()) == 0


def test_a_column_of_the_filtered_frame_needs_no_alignment(frame: dd.DataFrame) -> None:
    deu = frame[frame.country == "deu"]
    assigned = deu.assign(hour=deu.starts_at.dt.hour, one=1)
    assert "alignedto" not in assigned.expr.tree_repr().lower()


def test_rows_of_all_partitions_have_different_numbers(sample_lake: Path) -> None:
    reader = ShowingsReader(str(sample_lake))
    for frame in (reader.dataframe, join_showings(reader), current_showings(reader)):
        assert frame.npartitions > 5
        assert frame.index.compute().is_unique
    assert list(reader.dataframe.index.compute()) == list(range(len(reader.dataframe)))


# Filters as text


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("country == 'deu'", lambda f: f.country == "deu"),
        ("country in ['deu', 'swe']", lambda f: f.country.isin(["deu", "swe"])),
        ("country not in ('deu', 'swe')", lambda f: ~f.country.isin(["deu", "swe"])),
        ("date_stamp == 20191213", lambda f: f.date_stamp == "20191213"),
        ("show_date >= '2019-12-25'", lambda f: f.show_date >= CHRISTMAS),
        ("104000 < movie_id <= 109000", lambda f: (f.movie_id > 104000) & (f.movie_id <= 109000)),
        ("bargain", lambda f: f.bargain),
        ("not bargain or movie_id < 0", lambda f: ~f.bargain),
        ("~(country == 'deu') & movie_id > 0", None),
        ("(country == 'deu') | (country == 'swe')", lambda f: f.country.isin(["deu", "swe"])),
        ("movie_id > record", lambda f: f.movie_id > f.record),
        ("movie_id + 1 > 109000", lambda f: f.movie_id >= 109000),
        ("movie_name.str.startswith('T')", lambda f: f.movie_name.str.startswith("T")),
        ("movie_id == @number", lambda f: f.movie_id == 103200),
    ],
)
def test_a_filter_as_text_is_a_filter(
    frame: dd.DataFrame, rows: pd.DataFrame, text: str, mask: Any
) -> None:
    options = {"local_dict": {"number": 103200}} if "@" in text else {}
    expected = rows[mask(rows)] if mask else rows.query(text)
    same(frame.query(text, **options), expected)


def test_a_filter_as_text_skips_files(frame: dd.DataFrame) -> None:
    query = frame.query("country == 'deu' and date_stamp >= 20191213").optimize(fuse=False)
    (read,) = query.expr.find_operations(LakeRows)
    files = [file for group in read.groups for file in group.files]
    assert {(f.date_stamp, f.country) for f in files} == {("20191213", "deu"), ("20191220", "deu")}


# Joins with other tables


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([CHRISTMAS], id="date"),
        pytest.param(["2019-12-25"], id="text"),
        pytest.param(pd.to_datetime(["2019-12-25"]), id="datetime64"),
        pytest.param([20191225], id="number"),
    ],
)
def test_a_table_of_days_matches(frame: dd.DataFrame, rows: pd.DataFrame, days: Any) -> None:
    holidays = pd.DataFrame({"show_date": days, "name": "Christmas"})
    expected = (rows.show_date == CHRISTMAS).sum()
    assert expected > 100
    assert len(frame.merge(holidays, on="show_date")) == expected
    assert len(frame.merge(holidays)) == expected
    renamed = holidays.rename(columns={"show_date": "day"})
    left = frame.merge(renamed, "left", None, "show_date", "day").compute()
    assert left.name.notna().sum() == expected
    assert len(left) == len(rows)
    in_dask = dd.from_pandas(holidays, npartitions=1)
    assert len(frame.merge(in_dask, on=["show_date"])) == expected
    by_day = holidays.set_index("show_date")
    assert len(frame.merge(by_day, left_on="show_date", right_index=True)) == expected
    joined = frame.join(by_day, on="show_date").compute()
    assert joined.name.notna().sum() == expected


@pytest.mark.parametrize("stamps", [[20191206, 20191213], ["20191206", "20191213"]])
def test_a_table_of_stamps_matches(
    frame: dd.DataFrame, rows: pd.DataFrame, stamps: list[Any]
) -> None:
    weeks = pd.DataFrame({"date_stamp": stamps, "week": [49, 50]})
    merged = frame.merge(weeks, on="date_stamp")
    assert len(merged) == (rows.date_stamp < "20191220").sum()
    assert len(merged[merged.date_stamp == 20191213]) == (rows.date_stamp == "20191213").sum()


@pytest.mark.parametrize(("how", "lonely"), [("inner", 0), ("left", 0), ("right", 1), ("outer", 1)])
def test_a_stamp_that_the_lake_does_not_have_is_kept(
    frame: dd.DataFrame, rows: pd.DataFrame, how: str, lonely: int
) -> None:
    weeks = pd.DataFrame({"date_stamp": [20181206, 20191213], "week": [49, 50]})
    merged = frame.merge(weeks, how=how, on="date_stamp").compute()
    expected = (rows.date_stamp == "20191213").sum() if how in ("inner", "right") else len(rows)
    assert len(merged) == expected + lonely
    assert (merged.date_stamp == "20181206").sum() == lonely


def test_keys_keep_their_values() -> None:
    keys = pd.Series([dt.date(1969, 1, 2), None, pd.Timestamp("2019-12-25")])
    assert fit_keys(keys, DATE).tolist() == [dt.date(1969, 1, 2), pd.NA, CHRISTMAS]
    assert fit_keys(pd.Series(["2019-12-25 13:00"]), MOMENT)[0] == pd.Timestamp("2019-12-25 13:00")
    with pytest.raises(ValueError, match="expected a date without a time of day"):
        fit_keys(pd.Series([pd.Timestamp("2019-12-25 13:00")]), DATE)


# Descriptions and quantiles


@pytest.mark.parametrize("reader", [MoviesReader, TheatersReader, ShowingsReader])
def test_a_description_is_that_of_pandas(reader: type[ShowingsReader], sample_lake: Path) -> None:
    frame = reader(str(sample_lake)).dataframe
    same(frame.describe(), frame.compute().describe())


ARROW = {
    "int32": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "double": (pa.float64(), st.floats(-1e9, 1e9)),
    "date": (pa.date32(), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    "moment": (pa.timestamp("ms"), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))),
}


@pytest.mark.parametrize("name", ARROW)
@examples(max_examples=50)
@given(data=st.data())
def test_quantiles_are_those_of_pandas(name: str, data: st.DataObject) -> None:
    arrow, values = ARROW[name]
    found = data.draw(st.lists(st.one_of(values, st.none()), min_size=1, max_size=20))
    column = pd.Series(pa.array(found, arrow, safe=False), dtype=pd.ArrowDtype(arrow), name="x")
    if not column.notna().any():
        return
    qs = [0, 0.1, 0.25, 0.5, 0.9, 1]
    expected = column.quantile(qs)
    ours = quantiles(column.value_counts(), qs, "x", expected.dtype)
    described = describe(column.value_counts(), [0.25, 0.5, 0.75], "x", column.describe().dtype)
    if name in ("int32", "double"):
        pd.testing.assert_series_equal(ours, expected, rtol=1e-9, atol=1e-6)
        pd.testing.assert_series_equal(described, column.describe(), rtol=1e-9, atol=1e-5)
    else:
        assert ours.tolist() == expected.tolist()
        assert described.tolist() == column.describe().tolist()


# Orders, parts, duplicates, JSON


def test_times_have_parts(frame: dd.DataFrame, rows: pd.DataFrame) -> None:
    times = rows.show_time.dropna()
    for part in ("hour", "minute", "second"):
        found = getattr(frame.show_time.dt, part).compute()
        assert found.isna().equals(rows.show_time.isna())
        assert found.dropna().tolist() == [getattr(time, part) for time in times]


@pytest.mark.parametrize("rows_in_partition", [2_000, 1_000_000])
def test_screenings_can_be_resampled(
    sample_lake: Path, monkeypatch: pytest.MonkeyPatch, rows_in_partition: int
) -> None:
    monkeypatch.setattr("movielake.reading.holdings.ROW_GROUP", rows_in_partition)
    frame = ShowingsReader(str(sample_lake)).dataframe[["starts_at", "movie_id"]]
    by_day = frame.dropna().set_index("starts_at").movie_id.resample("D").count().compute()
    expected = frame.compute().dropna().set_index("starts_at").movie_id.resample("D").count()
    assert list(by_day.index) == list(expected.index)
    assert list(by_day) == list(expected)


def test_rows_with_lists_can_be_distinct(sample_lake: Path) -> None:
    frame = MoviesReader(str(sample_lake)).dataframe[["movie_id", "genre", "intl", "extra"]]
    distinct = {repr(row) for row in pa.Table.from_pandas(frame.compute()).to_pylist()}
    rows = [
        repr(row) for row in pa.Table.from_pandas(frame.drop_duplicates().compute()).to_pylist()
    ]
    strip = {row.rpartition(", '__index")[0] for row in distinct}
    assert sorted(row.rpartition(", '__index")[0] for row in rows) == sorted(strip)


def test_json_has_dates_as_texts(frame: dd.DataFrame, rows: pd.DataFrame, tmp_path: Path) -> None:
    deu = frame[frame.country == "deu"][["movie_id", "show_date"]]
    deu.to_json(str(tmp_path / "*.json"))
    parts = [pd.read_json(path, lines=True) for path in sorted(tmp_path.glob("*.json"))]
    found = pd.concat([part for part in parts if len(part)])
    expected = rows[rows.country == "deu"]
    assert found.show_date.astype(str).str[:10].tolist() == [str(d) for d in expected.show_date]


# The class


def test_results_of_methods_stay_frames_of_a_lake(frame: dd.DataFrame) -> None:
    found = [
        frame,
        frame[["movie_id", "show_date"]],
        frame[frame.country == "deu"],
        frame.loc[frame.country == "deu"],
        frame.assign(one=1).drop(columns="one").rename(columns={"movie_name": "name"}),
        frame.merge(frame[["movie_id"]].drop_duplicates(), on="movie_id"),
        frame.sort_values("movie_id").reset_index(drop=True),
        frame.partitions[0].repartition(npartitions=2),
        pickle.loads(pickle.dumps(frame)),
        frame.persist(),
    ]
    for each in found:
        assert type(each) is LakeFrame
        assert isinstance(each, dd.DataFrame)
        assert type(each.show_date) is type(each["show_date"]) is LakeSeries
    assert type(frame.groupby("movie_id").show_date.max()) is dd.Series


def test_minimum_and_maximum_of_dates_and_times_are_python_values(frame: dd.DataFrame) -> None:
    assert frame.show_date.max().compute() == dt.date(2019, 12, 29)
    assert isinstance(frame.show_time.min().compute(), dt.time)
    numbers = dd.from_pandas(pd.Series([dt.datetime(2019, 12, 6)]), npartitions=1)
    assert numbers.max().compute() == pd.Timestamp("2019-12-06")
