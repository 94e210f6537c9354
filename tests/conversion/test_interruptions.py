"""Interrupted runs: the next run removes their leftovers and completes the lake."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import movielake
from tests.conversion.place import DEU, HIVE, Place, beside, done
from tests.feeds import showing, times, week, zipped

# --- leftovers


def workspace_of(place: Place, owner: str) -> Path:
    folder = place.lake_path / ".work" / f"{owner}-1-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "0").write_bytes(b"half")
    return folder


def test_workspaces_of_dead_processes_are_removed(place):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = workspace_of(place, f"{socket.gethostname()}-{dead.pid}")
    place.write({DEU: week()}).convert()
    assert not folder.exists()


def test_workspaces_of_running_processes_are_kept(place):
    mine = workspace_of(place, f"{socket.gethostname()}-{os.getpid()}")
    other = workspace_of(place, "some-other-node-1")
    place.write({DEU: week()}).convert()
    assert [(folder / "0").read_bytes() for folder in (mine, other)] == [b"half", b"half"]


def test_an_old_commit_that_a_killed_run_left_is_removed(place):
    """The run was killed after writing its commit, before removing the old one."""
    place.write({DEU: week()}).convert()
    before = place.files()
    (place.lake_path / "manifest/20191206/deu.replaced").write_bytes(b"{}")
    assert done(place.convert()) == []
    assert place.files() == before


def test_files_that_a_killed_run_left_without_a_commit_are_removed(place):
    place.write({DEU: week()}).convert()
    before = place.files()
    (place.lake_path / "manifest/20191206/deu.json").unlink()
    for stale in ("json/20191206/deu/zS.jsonl.zst", f"parquet/movies/{HIVE}/z.parquet"):
        (place.lake_path / stale).write_bytes(b"half")
    place.convert()
    assert place.files() == before


# --- interrupted


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Place:
    """Return a feed that takes some seconds to convert, with its complete lake."""
    place = Place(tmp_path_factory.mktemp("large"))
    one = zipped({"191206S.XML": times(*(showing(n % 500, n % 97) for n in range(12_000)))})
    place.write({f"201912{day:02}/movies_deu.zip": one for day in range(1, 9)})
    place.convert()
    return place


def commits(place: Place) -> list[Path]:
    return sorted(place.lake_path.glob("manifest/*/*.json"))


@pytest.fixture
def started(large, tmp_path) -> Iterator[Callable[[int], tuple[Place, subprocess.Popen]]]:
    """Start a conversion in another process and wait for its first commit."""
    processes = []

    def start(workers: int) -> tuple[Place, subprocess.Popen]:
        place = beside(large, tmp_path)
        command = [sys.executable, "-m", "movielake", "convert", place.feed, place.lake]
        process = subprocess.Popen(
            [*command, "--workers", str(workers)],
            cwd=Path(movielake.__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        while not commits(place):
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"ended before its first commit: {process.communicate(timeout=0.01)}")
        return place, process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def interrupt(
    place: Place, process: subprocess.Popen, send=os.kill, *, stuck: bool = False
) -> None:
    """Send Ctrl-C to the process or, like a terminal, to its group. Check how the process ends."""
    children = psutil.Process(process.pid).children(recursive=True)
    for child in children if stuck else ():
        if "spawn_main" in " ".join(child.cmdline()):
            child.suspend()
    send(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert err == "movielake: interrupted; run the same command again to continue\n"
    assert (process.returncode, out) == (130, "")
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert place.names(".work") == []


def complete(place: Place, large: Place) -> None:
    """Run again, and check that only missing zips are converted and the lake is complete."""
    first = len(commits(place))
    assert 1 <= first < 8
    assert len(done(place.convert())) == 8 - first
    assert place.files() == large.files()


@pytest.mark.parametrize(
    ("workers", "send", "stuck"),
    [(1, os.kill, False), (2, os.killpg, False), (2, os.kill, True)],
    ids=["one process", "two workers at a terminal", "two workers that do not answer"],
)
def test_ctrl_c_ends_cleanly_and_the_next_run_continues(large, started, workers, send, stuck):
    place, process = started(workers)
    interrupt(place, process, send, stuck=stuck)
    complete(place, large)


def test_workers_report_an_unwritable_lake_in_one_line(large, tmp_path):
    """Without care, dask would log a worker's error with its trace."""
    place = beside(large, tmp_path)
    place.convert()
    shutil.rmtree(Path(place.lake) / "json")
    (Path(place.lake) / "json").write_text("a file")
    command = [sys.executable, "-m", "movielake", "convert", place.feed, place.lake]
    result = subprocess.run(
        [*command, "--workers", "2", "--force"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert re.fullmatch(
        r"movielake: [^\n]+; fix this and run the same command again\n",
        "".join(line for line in result.stderr.splitlines(True) if "convert: " not in line),
    )


def test_a_killed_run_leaves_a_lake_that_the_next_run_completes(large, started):
    place, process = started(1)
    process.kill()
    process.wait()
    complete(place, large)
