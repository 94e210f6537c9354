"""Locks: one holder at a time, also if holders die, stop, or run on another host."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from movielake.lake import locks
from movielake.lake.ledger import mark_behind
from movielake.lake.leftovers import remove_leftovers
from movielake.lake.locks import (
    LOCK_FOLDER,
    Lock,
    ObjectLock,
    hold_partition,
    name_draft,
    remove_drafts,
    wait_for_holders,
)
from movielake.lake.owners import is_alive, name_owner
from movielake.names.layout import Folder
from tests.crashes import fork

NAME = "20191206-can"
T = TypeVar("T")


@pytest.fixture(params=["disk", "store"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """Return a lake on the disk, or in memory, where the locks of object stores are used."""
    return Folder(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path.name}")


only_on_disk = pytest.mark.parametrize("lake", ["disk"], indirect=True)


def left(lake: Folder) -> list[str]:
    """List the locks that are held, and the drafts."""
    return [path.removeprefix(f"{LOCK_FOLDER}/") for path in lake.names(".work")]


def held_by(lake: Folder, owner: str) -> str:
    """Create the lock file of another owner, and return its path."""
    lake.make(LOCK_FOLDER, NAME)
    place = lake.join(LOCK_FOLDER, NAME, owner)
    lake.fs.pipe_file(place, b"")
    return place


def dead_owner() -> str:
    process = fork.Process(target=int)
    process.start()
    process.join()
    return name_owner().replace(f"-{os.getpid()}-", f"-{process.pid}-")


def in_another_thread(do: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(do).result()


def test_an_owner_is_alive_or_dead_or_unknown() -> None:
    assert is_alive(name_owner()) is True
    assert is_alive(name_owner().replace(f"-{os.getpid()}-", "-1-")) is True  # a process of root
    assert is_alive(dead_owner()) is False
    assert is_alive(f"elsewhere-{os.getpid()}-1-0123456789ab") is None
    assert is_alive("strange") is None


def test_a_lock_is_held_and_released(lake: Folder) -> None:
    with hold_partition(lake, "20191206", "can") as lock:
        (holder,) = left(lake)
        name, owner = holder.split("/")
        assert (name, is_alive(owner)) == (NAME, True)
        lock.renew()
    assert left(lake) == []


def test_partitions_do_not_wait_for_each_other(lake: Folder) -> None:
    with hold_partition(lake, "20191206", "can"), hold_partition(lake, "20191206", "deu"):
        assert len(left(lake)) == 2


def test_a_lock_is_released_after_an_error(lake: Folder) -> None:
    with pytest.raises(KeyError), hold_partition(lake, "20191206", "can"):
        raise KeyError
    assert left(lake) == []


def test_the_lock_of_a_dead_process_is_taken_at_once(lake: Folder) -> None:
    held_by(lake, dead_owner())
    begin = time.monotonic()
    with hold_partition(lake, "20191206", "can"):
        assert time.monotonic() - begin < locks.LEASE / 2
        assert len(left(lake)) == 1


def test_a_holder_on_another_host_without_a_sign_of_life_counts_as_dead(
    lake: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LEASE", 0.2)
    held_by(lake, "elsewhere-1-1-0123456789ab")
    with hold_partition(lake, "20191206", "can"):
        assert "elsewhere" not in left(lake)[0]


def test_a_holder_with_a_wrong_clock_is_alive_while_its_file_changes(
    lake: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks are not compared, because the clock of another host may show any time."""
    monkeypatch.setattr(locks, "LEASE", 0.5)
    place = held_by(lake, "elsewhere-1-1-0123456789ab")
    signs = iter(range(60))
    pause = time.sleep

    def live(_seconds: float) -> None:
        sign = next(signs, None)
        if sign is None:
            if lake.fs.exists(place):
                lake.fs.rm_file(place)
        elif lake.is_local:
            os.utime(place, (sign, sign))
        else:
            lake.fs.pipe_file(place, str(sign).encode())
        pause(0.02)

    monkeypatch.setattr(time, "sleep", live)
    with hold_partition(lake, "20191206", "can"):
        assert next(signs, None) is None, "the lock of a living holder was taken"


def lock_of(lake: Folder, name: str) -> Lock:
    return (Lock if lake.is_local else ObjectLock)(lake, name)


def test_a_process_that_lost_its_lock_stops_before_the_next_change(
    lake: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = lock_of(lake, NAME)
    mine.acquire()
    lake.fs.rm_file(lake.join(LOCK_FOLDER, left(lake)[0]))  # as if it were dead
    other = lock_of(lake, NAME)
    other.acquire()
    monkeypatch.setattr(locks, "LEASE", 0.0)
    with pytest.raises(OSError, match="20191206-can: this process was stopped for more than 0 s"):
        mine.renew()
    mine.release()
    other.renew()
    other.release()


def count_up(lake: str, file: str, times: int, die_at: int) -> None:
    for turn in range(times):
        with hold_partition(Folder(lake), "20191206", "can"):
            number = int(Path(file).read_text())
            if turn == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            os.sched_yield()
            Path(file).write_text(str(number + 1))


@only_on_disk  # tests/whole/test_object_store.py does the same on a real store
def test_one_process_at_a_time_holds_a_lock_even_if_some_are_killed(
    lake: Folder, tmp_path: Path
) -> None:
    file = tmp_path / "number"
    file.write_text("0")
    plans = [(40, -1), (40, 7), (40, -1), (40, 20)]
    processes = [
        fork.Process(target=count_up, args=(lake.path, str(file), *plan)) for plan in plans
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, -9, 0, -9]
    assert file.read_text() == str(40 + 7 + 40 + 20)


def test_a_wait_lasts_until_the_current_holders_are_done(lake: Folder) -> None:
    lock, waited = lock_of(lake, NAME), threading.Event()
    lock.acquire()

    def wait() -> None:
        wait_for_holders(lake)
        waited.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not waited.wait(0.1)
    lock.release()
    thread.join(10)
    assert waited.is_set()


def test_a_wait_ignores_later_holders(lake: Folder, monkeypatch) -> None:
    """Otherwise the wait might never end in a busy lake."""
    lock, later = in_another_thread(lambda: (lock_of(lake, NAME), lock_of(lake, "20191213-can")))
    lock.acquire()
    pauses = iter([later.acquire, lock.release])
    monkeypatch.setattr("movielake.lake.locks.time.sleep", lambda _: next(pauses)())
    wait_for_holders(lake)
    assert [name.partition("/")[0] for name in left(lake)] == ["20191213-can"]


def test_a_wait_ignores_dead_holders(lake: Folder) -> None:
    held_by(lake, dead_owner())
    wait_for_holders(lake)
    assert left(lake) == []


def interrupt_at(step: int, do: Callable[[], None], only: str) -> None:
    """Call ``do``, with Ctrl-C at a step. Each line and (not in 3.12) instruction is a step.

    Only modules with ``only`` in their path have steps. Python ignores an interrupt in some others.
    """
    before, steps = sys.gettrace(), iter(range(step))

    def trace(frame, event, _arg):
        if only not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event != "call" and next(steps, None) is None:
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        do()
    finally:
        sys.settrace(before)


def test_an_interrupted_thread_does_not_wait_for_itself(lake: Folder, monkeypatch) -> None:
    """The thread takes the lock that it left, while the traceback is kept, as in a clean-up."""

    def hold() -> None:
        with hold_partition(lake, "20191206", "can"):
            pass

    def held() -> list[str]:
        return [name for name in left(lake) if name.startswith(NAME)]

    def pause(_seconds: float) -> None:
        assert held() == [], "the thread waits for itself"

    monkeypatch.setattr("movielake.lake.locks.time.sleep", pause)
    step, waited = 0, 0
    while True:
        try:
            interrupt_at(step, hold, only="" if lake.is_local else "locks.py")
            break
        except KeyboardInterrupt:
            waited += held() != []
            hold() if step % 2 else wait_for_holders(lake)
            remove_leftovers(lake)
            assert left(lake) == []
        step += 1
    assert 0 < waited < step


@pytest.mark.parametrize("remove", [remove_drafts, mark_behind])
def test_drafts_are_removed_but_locks_are_kept(lake: Folder, remove) -> None:
    with hold_partition(lake, "20191206", "can"):
        lake.fs.pipe_file(lake.join(name_draft()), b"")
        assert len(left(lake)) == 2
        remove(lake)
        assert [name.partition("/")[0] for name in left(lake)] == [NAME]
