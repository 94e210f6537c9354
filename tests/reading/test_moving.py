"""Rows with lists and maps move between the workers of a client, and equal those of pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest
from distributed import Client

from movielake import MoviesReader, ShowingsReader, connect, current_showings, join_showings
from movielake.cluster.workers import local_cluster

METHOD = "dataframe.shuffle.method"
VIEWS = ["movies", "showings", "joined", "current"]


@pytest.fixture(scope="module")
def views(sample_lake: Path) -> dict[str, Any]:
    """Make the views before a client runs. Each has several partitions."""
    lake = str(sample_lake)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("movielake.reading.holdings.ROW_GROUP", 100)
        showings = ShowingsReader(lake, countries=["nzl", "swe"])
        found = {
            "movies": MoviesReader(lake, countries=["nzl", "swe"]).dataframe,
            "showings": showings.dataframe,
            "joined": join_showings(showings, movie_columns=["genre", "intl"]),
            "current": current_showings(showings),
        }
    assert min(view.npartitions for view in found.values()) > 2
    return found


@pytest.fixture(scope="module")
def client(views: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    scratch = tmp_path_factory.mktemp("scratch")
    with local_cluster(2, scratch=scratch) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture(autouse=True)
def unset_method(client: Client) -> Iterator[None]:
    """Let dask choose how rows move, as it does for a user who set nothing."""
    before = dask.config.get(METHOD, None)
    dask.config.set({METHOD: None})
    yield
    dask.config.set({METHOD: before})


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "drop_duplicates": lambda rows: rows.drop_duplicates(subset=["movie_id"]).movie_id,
    "set_index": lambda rows: rows.set_index("movie_id").source_xml,
    "sort_values": lambda rows: rows.sort_values("movie_id").movie_id,
    "merge": lambda rows: rows.merge(rows[["movie_id"]].drop_duplicates(), on="movie_id").movie_id,
    "merge of lists": lambda rows: (
        rows.merge(
            rows.drop_duplicates(subset=["movie_id"]), on="movie_id", suffixes=("", "_other")
        ).movie_id
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", VIEWS)
def test_rows_move_without_settings(name: str, operation: str, views: dict[str, Any]) -> None:
    view = views[name]
    found = OPERATIONS[operation](view).compute()
    wanted = OPERATIONS[operation](view.compute(scheduler="sync"))
    assert sorted(map(str, found)) == sorted(map(str, wanted))


@pytest.mark.parametrize("name", VIEWS)
def test_whole_rows_are_the_same_after_they_moved(name: str, views: dict[str, Any]) -> None:
    view = views[name]
    moved = view.shuffle("movie_id").compute()
    before = view.compute(scheduler="sync")
    assert sorted(map(repr, moved.to_dict("records"))) == sorted(
        map(repr, before.to_dict("records"))
    )
    assert (moved.dtypes == before.dtypes).all()


def test_functions_of_groups_get_whole_groups(views: dict[str, Any]) -> None:
    view = views["movies"]
    sizes = view.groupby("movie_id").apply(len, meta=pd.Series(dtype="int64")).compute()
    assert dict(sizes) == dict(view.compute(scheduler="sync").groupby("movie_id").size())


@pytest.mark.parametrize("method", ["disk", "tasks", "p2p"])
def test_the_method_of_the_user_is_kept(method: str, views: dict[str, Any]) -> None:
    with dask.config.set({METHOD: method}):
        connect().close()
        views["movies"].drop_duplicates(subset=["movie_id"]).optimize()
        assert dask.config.get(METHOD) == method


def test_connect_chooses_the_method_also_for_a_client_that_was_there() -> None:
    connect().close()
    assert dask.config.get(METHOD) == "tasks"
