"""Everything that shares out work also works inside dask's tasks, which hold a worker's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster, get_client, rejoin, secede, worker_client

from movielake import (
    JoinedShowings,
    MoviesReader,
    ShowingsReader,
    convert,
    join_showings,
    latest,
    orphans,
    validate,
    write_report,
)
from movielake.cluster.workers import local_cluster, share_out

SECONDS = 120
"""How long a test waits for tasks that take a few seconds. A task that hangs fails the test."""


@pytest.fixture(scope="module", params=[True, False], ids=["process", "thread"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of one worker with one thread, in a process of its own or in ours."""
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=request.param, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def count(lake: str) -> int:
    return len(ShowingsReader(lake, countries="nzl").count_by("movie_id"))


def count_current(lake: str) -> int:
    return len(ShowingsReader(lake, countries="nzl", current=True).count_by("movie_id"))


def count_in_partitions(lake: str) -> list[int]:
    reader = ShowingsReader(lake, countries="nzl")
    return list(reader.map_partitions(lambda _: count(lake)))


def count_joined(lake: str) -> int:
    return len(JoinedShowings(ShowingsReader(lake, countries="nzl")).count_by("genre"))


def join(lake: str) -> int:
    return len(join_showings(ShowingsReader(lake, countries="nzl")))


def count_orphans(lake: str) -> int:
    return len(orphans(ShowingsReader(lake, countries="nzl")))


def find_latest(lake: str) -> int:
    return len(latest(MoviesReader(lake, countries="nzl")))


def count_records(lake: str) -> int:
    return int(MoviesReader(lake, countries="nzl").bag.count().compute())


def count_after_secede(lake: str) -> int:
    secede()
    counted = count(lake)
    rejoin()
    return counted


def count_with_client(lake: str) -> int:
    with worker_client():
        return count(lake)


def count_on_threads(lake: str) -> list[int]:
    get_client()
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(count, [lake] * 2))


async def count_in_coroutine(lake: str) -> int:
    return count(lake)


async def count_on_thread_of_coroutine(lake: str) -> int:
    return await asyncio.to_thread(count, lake)


def count_in_tasks(lake: str, depth: int = 2) -> int:
    if not depth:
        return count(lake)
    with worker_client() as client:
        return int(client.submit(count_in_tasks, lake, depth - 1, pure=False).result())


def share_out_counts(lake: str) -> list[tuple[int, int | ChildProcessError]]:
    return sorted(share_out(count, [lake] * 3))


def check(lake: str) -> list[str]:
    return [str(finding) for finding in validate(lake)]


def results(client: Client, function: Callable[..., Any], *arguments: list[Any]) -> list[Any]:
    futures = client.map(function, *arguments, pure=False)
    return [future.result(timeout=SECONDS) for future in futures]


@pytest.mark.parametrize(
    "function",
    [
        count,
        count_current,
        count_in_partitions,
        count_joined,
        join,
        count_orphans,
        find_latest,
        count_records,
        share_out_counts,
        check,
    ],
)
def test_tasks_on_one_thread_give_the_same_result_as_no_task(
    function: Callable[[str], Any], client: Client, sample_lake: Path
) -> None:
    lake = str(sample_lake)
    tasks = 10 if function is count else 3
    assert results(client, function, [lake] * tasks) == [function(lake)] * tasks


@pytest.mark.parametrize(
    "function",
    [
        count_after_secede,
        count_with_client,
        count_in_coroutine,
        count_on_thread_of_coroutine,
        count_in_tasks,
    ],
)
def test_tasks_of_every_form_can_count(
    function: Callable[[str], Any], client: Client, sample_lake: Path
) -> None:
    lake = str(sample_lake)
    assert results(client, function, [lake] * 4) == [count(lake)] * 4


def test_threads_of_a_task_can_count(sample_lake: Path) -> None:
    lake = str(sample_lake)
    with local_cluster(1) as cluster, Client(cluster) as client:
        assert results(client, count_on_threads, [lake] * 3) == [[count(lake)] * 2] * 3


def test_tasks_can_convert(client: Client, sample_feed: Path, tmp_path: Path) -> None:
    lakes = [str(tmp_path / name) for name in "abc"]
    convert_some = partial(convert, str(sample_feed), countries=["nzl"], date_stamps="20191206")
    made = results(client, convert_some, lakes)
    assert [len(each.commits) for each in made] == [1, 1, 1]
    assert {count(lake) for lake in lakes} == {count(lakes[0])}


def test_tasks_can_write_reports(client: Client, sample_lake: Path, tmp_path: Path) -> None:
    files = [str(tmp_path / f"{name}.html") for name in "ab"]
    written = results(client, write_report, [str(sample_lake)] * 2, files)
    assert len({each.bytes for each in written}) == 1
    assert all(Path(file).exists() for file in files)
