"""Plain processes: their results, the death of a worker, and the death of the parent process."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from movielake.cluster.processes import do_pieces, in_order
from movielake.cluster.starting import BARE_MAIN
from tests.crashes import kill_each

SECONDS = 30
"""How long a test waits for a step that takes one or two seconds."""


def getpid(_: object) -> int:
    return os.getpid()


def signals(_: object) -> set[signal.Signals]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def die_at(piece: int | Path) -> int:
    """Die of the number 0, and of a path that does not exist yet, which is then made."""
    if isinstance(piece, Path):
        with suppress(FileExistsError):
            piece.mkdir()
            piece = 0
    if piece == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def hang_or_raise(piece: tuple[str, Path]) -> None:
    """Write the process id to the FIFO and hang, or read an id from there and raise it."""
    what, fifo = piece
    if what == "hang":
        fifo.write_text(str(os.getpid()))
        signal.pause()
    raise KeyError(int(fifo.read_text()))


def test_every_piece_is_done_once_on_as_many_processes() -> None:
    done = dict(do_pieces(getpid, range(50), 2))
    assert set(done) == set(range(50))
    assert len(set(done.values())) <= 2
    assert os.getpid() not in done.values()
    assert not any(psutil.pid_exists(pid) for pid in done.values())


def test_pieces_begin_in_order_and_no_unneeded_process_starts() -> None:
    assert [number for number, _ in do_pieces(abs, range(9), 1)] == list(range(9))
    assert len({pid for _, pid in do_pieces(getpid, [1], 5)}) == 1
    assert list(do_pieces(getpid, [], 5)) == []


def test_a_large_piece_and_a_large_result_arrive() -> None:
    large = os.urandom(1 << 23)
    assert list(do_pieces(bytes, [large], 1)) == [(0, large)]


def test_results_are_yielded_in_order() -> None:
    assert list(in_order(iter([(2, "c"), (0, "a"), (1, "b"), (3, "d")]))) == list("abcd")


def test_zero_workers_are_an_error() -> None:
    with pytest.raises(ValueError, match="expected a positive number of workers, found 0"):
        next(do_pieces(abs, [1], 0))


def test_an_error_is_raised_with_its_trace_and_stops_the_other_processes(tmp_path: Path) -> None:
    os.mkfifo(fifo := tmp_path / "fifo")
    with pytest.raises(KeyError) as caught:
        list(do_pieces(hang_or_raise, [("hang", fifo), ("raise", fifo)], 2))
    assert "in hang_or_raise" in "".join(caught.value.__notes__)
    assert not psutil.pid_exists(caught.value.args[0])


def test_a_piece_whose_process_dies_is_done_by_another_process(tmp_path: Path) -> None:
    done = dict(do_pieces(die_at, [1, tmp_path / "died", 2], 1))
    assert (tmp_path / "died").exists()
    assert sorted(done) == [0, 1, 2]
    assert done[0] != done[1] == done[2]


def test_a_piece_that_kills_every_process_does_not_affect_other_pieces() -> None:
    done = dict(do_pieces(die_at, [1, 0, 2, 3], 2))
    assert isinstance(done[1], ChildProcessError)
    assert str(done.pop(1)) == "its worker died, perhaps for lack of memory"
    assert all(isinstance(pid, int) for pid in done.values())


def test_worker_processes_ignore_interrupts() -> None:
    assert dict(do_pieces(signals, [0], 1))[0] >= {signal.SIGINT}
    assert signal.SIGINT not in signals(0)


def test_threads_that_start_processes_at_once_get_their_interrupts_back() -> None:
    """The first thread can leave while another one is still without the main module."""
    main = sys.modules["__main__"]
    entered, left = threading.Event(), threading.Event()

    def enter() -> tuple[set[signal.Signals], ModuleType]:
        with BARE_MAIN:
            entered.set()
            assert left.wait(SECONDS)
        return signals(0), sys.modules["__main__"]

    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # its thread begins here, with interrupts
        with BARE_MAIN:
            other = pool.submit(enter)
            assert entered.wait(SECONDS)
        assert signal.SIGINT not in signals(0)
        assert sys.modules["__main__"] is not main
        left.set()
        mask, restored = other.result()
    assert signal.SIGINT not in mask
    assert restored is main


def test_processes_end_when_the_caller_stops_reading_results() -> None:
    results = do_pieces(getpid, range(9), 2)
    _, pid = next(results)
    assert isinstance(pid, int)
    others = spawned(psutil.Process())
    assert pid in {each.pid for each in others}
    results.close()
    assert not any(each.is_running() for each in others)


SCRIPT = """
import os
from movielake.cluster.processes import do_pieces

os.write(1, b"once\\n")
hang = "__import__('os').write(1, b'busy\\\\n') and __import__('signal').pause()"
for _ in do_pieces(eval, [hang, hang], 2):
    pass
"""


@pytest.mark.parametrize(
    "kill", [os.kill, os.killpg, kill_each], ids=["it", "its group", "each of them"]
)
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left_when_the_parent_is_killed(kill, sign, tmp_path: Path) -> None:
    """The script has no `if __name__ == "__main__"`, and still runs only once."""
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, tmp_path / "script.py"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(3)] == ["once\n", "busy\n", "busy\n"]
        others = spawned(psutil.Process(process.pid))
        assert len(others) == 2
        kill(process.pid, sign)
        out, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, out) == (-sign, "")
        assert err.count("Traceback") == (sign == signal.SIGINT)  # the script's own
        assert psutil.wait_procs(others, timeout=SECONDS)[1] == []


def spawned(process: psutil.Process) -> list[psutil.Process]:
    return [each for each in process.children() if "spawn_main" in " ".join(each.cmdline())]


def test_a_worker_does_without_pandas_and_can_still_import_it():
    code = (
        "import sys, pyarrow as pa\n"
        "from movielake.cluster.lean import leave_out_pandas\n"
        "leave_out_pandas()\n"
        "table = pa.table({'movie_id': [7]})\n"
        "assert 'pandas' not in sys.modules\n"
        "print(table.to_pandas()['movie_id'].tolist())\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[7]\n"
