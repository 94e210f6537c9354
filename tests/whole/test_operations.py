"""Lines of pandas users on the four views, on threads and on a cluster, compared with pandas."""

from __future__ import annotations

import collections
import datetime as dt
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client

from movielake import JoinedShowings, MoviesReader, ShowingsReader, TheatersReader
from movielake.cluster.workers import local_cluster
from tests.whole.operations import DIFFERING, OPERATIONS

Views = dict[str, Any]

TABLES = {
    "names": pd.DataFrame({"movie_id": [103200, 104400, 109200], "name": ["a", "b", "c"]}),
    "holidays": pd.DataFrame(
        {"show_date": [dt.date(2019, 12, 25), dt.date(2019, 12, 26)], "name": ["25th", "26th"]}
    ),
    "releases": pd.DataFrame({"day": [dt.date(2019, 11, 28), dt.date(2019, 12, 12)], "x": [1, 2]}),
    "stamps": pd.DataFrame({"date_stamp": ["20191206", "20191213"], "week": [49, 50]}),
    "countries": pd.DataFrame({"country": ["deu", "swe"], "population": [83, 10]}),
}


@pytest.fixture(scope="module")
def views(sample_lake: Path) -> Views:
    """The four views of a part of the sample, each with several partitions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("movielake.reading.holdings.ROW_GROUP", 4_000)
        countries = {"countries": ["deu", "swe", "chn"]}
        showings = ShowingsReader(str(sample_lake), **countries)
        found = {"showings": showings.dataframe, "joined": JoinedShowings(showings).dataframe}
        patch.setattr("movielake.reading.holdings.ROW_GROUP", 150)
        found["movies"] = MoviesReader(str(sample_lake), **countries).dataframe
        patch.setattr("movielake.reading.holdings.ROW_GROUP", 20)
        found["theaters"] = TheatersReader(str(sample_lake), **countries).dataframe
    return found


@pytest.fixture(scope="module")
def in_pandas(views: Views) -> Callable[[str, str], Any]:
    """Return a function that computes an operation in pandas, on all rows at once."""
    wholes = {name: view.compute(scheduler="sync") for name, view in views.items()}

    @cache
    def compute(view: str, line: str) -> Any:
        return run(line, wholes[view])

    return compute


@pytest.fixture(scope="module", params=["threads", "cluster"])
def scheduler(request: pytest.FixtureRequest, views: Views) -> Iterator[str]:
    if request.param == "threads":
        with dask.config.set(scheduler="threads", num_workers=2):
            yield request.param
    else:
        with local_cluster(2) as cluster, Client(cluster):
            yield request.param


def assigned(frame: Any, name: str, make: Callable[[Any], Any]) -> Any:
    """Assign a column with ``frame[name] = …``."""
    frame = frame.copy()
    frame[name] = make(frame)
    return frame


def first_row(group: pd.DataFrame) -> pd.DataFrame:
    return group.head(1)


def run(line: str, df: Any) -> Any:
    """Evaluate a line and compute its answer."""
    in_dask = isinstance(df, dd.DataFrame)
    names = {
        "df": df,
        "lib": dd if in_dask else pd,
        "meta": lambda meta: {"meta": meta} if in_dask else {},
        "first": {"npartitions": -1} if in_dask else {},
        "assigned": assigned,
        "first_row": first_row,
        "dt": dt,
        "pd": pd,
        **TABLES,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dask warns of what pandas will change
        found = eval(line, names)
        return found.compute() if hasattr(found, "compute") else found


def cell(value: Any) -> str:
    """Write a value in a form that does not depend on the library that computed it."""
    if isinstance(value, list | tuple | np.ndarray):
        return f"[{','.join(map(cell, value))}]"
    if isinstance(value, pd.ArrowDtype):
        return str(value.pyarrow_dtype.id)  # engines name the items of lists and maps differently
    if isinstance(value, dict):
        return cell(sorted(value.items()))
    if pd.isna(value):
        return "null"
    if isinstance(value, float | np.floating):
        return f"{value:.9g}"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    return str(value)


def rows(answer: Any) -> Any:
    """Write an answer as names of columns and rows. Row numbers are left out.

    After a merge or a shuffle, dask numbers and orders rows in its own way.
    """
    if isinstance(answer, pd.api.extensions.ExtensionArray):
        answer = pd.Series(answer)
    if isinstance(answer, pd.Series | pd.Index):
        answer = answer.to_frame("" if answer.name is None else answer.name)
    if not isinstance(answer, pd.DataFrame):
        return cell(answer)
    plain = answer.index.name is None and pd.api.types.is_integer_dtype(answer.index.dtype)
    named = answer.reset_index(drop=plain)
    columns = [[cell(v) for v in named.iloc[:, i].astype(object)] for i in range(named.shape[1])]
    return [str(name) for name in named.columns], list(zip(*columns, strict=True))


def is_same(found: Any, expected: Any) -> bool:
    """Return whether two frames are equal in everything. If not, their rows can still be."""
    if type(found) is not type(expected) or not isinstance(found, pd.DataFrame | pd.Series):
        return False
    named = found.index.names == expected.index.names
    if isinstance(found, pd.Series):
        named = named and found.name == expected.name
    return named and bool(found.equals(expected))


def difference(found: Any, expected: Any, in_order: bool) -> str:
    """Describe how two answers differ. An empty text means that they are equal."""
    if is_same(found, expected):  # most are, and comparing cell by cell takes seconds
        return ""
    if isinstance(expected, pd.api.extensions.ExtensionArray):
        found = pd.Series(found).array
    ours, theirs = rows(found), rows(expected)
    if isinstance(ours, str) or isinstance(theirs, str):
        return "" if ours == theirs else f"{ours} instead of {theirs}"[:500]
    if ours[0] != theirs[0]:
        return f"columns {ours[0]} instead of {theirs[0]}"
    if ours[1] == theirs[1]:
        return ""
    counts = [collections.Counter(each[1]) for each in (ours, theirs)]
    if counts[0] == counts[1]:
        return "another order" if in_order else ""
    more, less = counts[0] - counts[1], counts[1] - counts[0]
    return f"{more.total()} rows such as {list(more)[:1]} instead of {list(less)[:1]}"[:500]


def compare(view: Any, line: str, expected: Any) -> str:
    try:
        found = run(line, view)
    except Exception as error:  # whatever the operation raises is a difference
        return f"{type(error).__name__}: {error}"
    return difference(found, expected, in_order="sort_values" in line)


@pytest.mark.parametrize(("view", "line"), OPERATIONS, ids=lambda text: text[:60])
def test_an_operation_gives_the_answer_of_pandas(
    views: Views, in_pandas: Callable[[str, str], Any], scheduler: str, view: str, line: str
) -> None:
    expected = in_pandas(view, line)
    differs = compare(views[view], line, expected)
    if (view, line) in DIFFERING:
        assert differs, "this operation works now: remove it from DIFFERING and from the page"
    else:
        assert not differs


def test_enough_operations_are_tried_and_few_differ() -> None:
    assert len(set(OPERATIONS)) == len(OPERATIONS) >= 400
    assert len(DIFFERING) <= 12
    assert DIFFERING.keys() <= set(OPERATIONS)


def test_the_views_have_several_partitions(views: Views) -> None:
    assert {name: view.npartitions > 1 for name, view in views.items()} == dict.fromkeys(
        views, True
    )


@pytest.mark.parametrize(
    ("found", "expected", "in_order"),
    [
        (1, 2, False),
        (pd.Series([1, 2]), pd.Series([1, 3]), False),
        (pd.Series([1, 2]), pd.Series([2, 1]), True),
        (pd.Series([1], ["a"]), pd.Series([1], ["b"]), False),
        (pd.Series([None]), pd.Series([0]), False),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), False),
    ],
)
def test_differences_are_found(found: Any, expected: Any, in_order: bool) -> None:
    assert difference(found, expected, in_order)
