"""The lake is the same for any number of processes, any order and any kind of storage."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import fsspec

import movielake
from movielake.cluster.workers import share_out
from movielake.conversion.runs import convert
from tests.conversion.place import beside, many_zips
from tests.feeds import files


def test_two_workers_make_the_same_lake(reference, tmp_path):
    other = beside(reference, tmp_path)
    result = other.convert(workers=2)
    keys = [outcome.zip_.key for outcome in result.outcomes]
    assert keys == sorted(keys)
    assert other.files() == reference.files()


def test_workers_are_started_only_for_much_work(reference, tmp_path, monkeypatch):
    started = []

    def start(work, tasks, workers):
        started.append(workers)
        return share_out(work, tasks, 1)

    monkeypatch.setattr("movielake.conversion.runs.share_out", start)
    other = beside(reference, tmp_path)
    other.convert(workers=None)
    assert started == []
    monkeypatch.setattr("movielake.conversion.runs._FEW", 0)
    other.convert(workers=None, force=True)
    assert started == [None]
    assert other.files() == reference.files()


def test_a_running_client_is_used_and_makes_the_same_lake(reference, tmp_path):
    from distributed import Client

    other = beside(reference, tmp_path)
    with Client(processes=False, threads_per_worker=2, dashboard_address=None) as client:

        def transitions() -> int:
            return client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)

        before = transitions()
        other.convert(workers=None)
        assert transitions() > before + 7  # several for each of the zips
        assert client.status == "running"
    assert other.files() == reference.files()


def test_reversed_order_makes_the_same_lake(reference, tmp_path):
    other = beside(reference, tmp_path)
    for path in reversed(list(many_zips())):
        stamp, country = re.match(r"(\d+)/movies_(\w+)", path).groups()
        other.convert(date_stamps=stamp, countries=country)
    assert other.files() == reference.files()


def test_two_jobs_at_once_make_the_same_lake(reference, tmp_path):
    other = beside(reference, tmp_path)
    jobs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "movielake",
                "convert",
                other.feed,
                other.lake,
                "--stamps",
                stamp,
                "--workers",
                "1",
            ],
            cwd=Path(movielake.__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for stamp in ("20191206", "20191213")
    ]
    outputs = [job.communicate(timeout=60)[0].decode() for job in jobs]
    assert [job.returncode for job in jobs] == [0, 1], outputs
    other.convert()
    assert other.files() == reference.files()


def files_in_memory(folder: str) -> dict[str, bytes]:
    memory = fsspec.filesystem("memory")
    return {path.removeprefix(folder): memory.cat_file(path) for path in memory.find(folder)}


def test_a_lake_in_memory_is_the_same_lake(reference):
    convert(reference.feed, "memory://conversion-lake")
    assert files_in_memory("/conversion-lake/") == reference.files()


def test_a_feed_in_memory_makes_the_same_tables(reference):
    for path, content in files(reference.feed).items():
        with fsspec.open(f"memory://conversion-feed/{path}", "wb") as file:
            file.write(content)
    result = convert("memory://conversion-feed", "memory://lake-of-memory", workers=2)
    found = files_in_memory("/lake-of-memory/")
    assert len(result.commits) == 7
    assert {p: c for p, c in found.items() if "manifest" not in p} == {
        p: c for p, c in reference.files().items() if "manifest" not in p
    }
    assert convert("memory://conversion-feed", "memory://lake-of-memory").outcomes == ()


def test_callbacks_get_the_plan_and_every_outcome(reference, tmp_path):
    calls: list[object] = []
    result = beside(reference, tmp_path).convert(on_plan=calls.append, on_progress=calls.append)
    assert calls[0] is result.plan
    assert {outcome.zip_.key for outcome in calls[1:]} == {o.zip_.key for o in result.outcomes}
    assert result.plan.bytes == sum(len(content) for content in files(reference.feed).values())


def test_the_biggest_zip_comes_first(reference, tmp_path):
    result = beside(reference, tmp_path).convert()
    sizes = [task.zip_.size for task in result.plan.tasks]
    assert sizes == sorted(sizes, reverse=True)
