"""Plain worker processes on this machine, each of which does one piece of work after the other.

Conversion and validation use them for pieces that are named by a path and leave a file. Views need
dask's workers, because those hold data. But the event loops, reports and profiles of dask's workers
and scheduler take CPU time from the work. On two cores, two dask workers took 57 s for 10 GB of
XML, and two plain processes take 44 s.

When this process ends, even if it is killed, its worker processes end at once.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Generic, TypeVar

from movielake.cluster.lean import leave_out_pandas
from movielake.cluster.slurm import seed_hashes
from movielake.cluster.starting import BareContext

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_ATTEMPTS: Final = 3
"""Tries for a piece, because its process can be killed for the memory that another one took."""

_AGAIN: Final = object()
"""A placeholder for a result, while the piece is done again."""

_SECONDS: Final = 5
"""How long a process that is out of work can take to end before it is killed."""


def do_pieces(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], processes: int
) -> Iterator[tuple[int, Result | ChildProcessError]]:
    """Start processes, do pieces of work on them, and end them.

    Parameters
    ----------
    work : callable
        The function to call with each piece. Pickle must find it by its name.
    pieces : sequence
        The arguments. Work on them starts in this order.
    processes : int
        The largest number of processes.

    Yields
    ------
    number : int
        The index of a finished piece.
    result : Result or ChildProcessError
        The return value for the piece, or an error if each process that tried it died.

    Raises
    ------
    ValueError
        If ``processes`` is not a positive number.
    Exception
        Any exception that the work raises, with the trace as a note. The other processes are
        killed.

    Examples
    --------
    >>> from movielake.cluster.processes import do_pieces
    >>> sorted(do_pieces(abs, [-3, -5], 2))
    [(0, 3), (1, 5)]
    """
    if processes < 1:
        raise ValueError(f"expected a positive number of workers, found {processes}")
    waiting = deque(enumerate(pieces))
    busy = [_Process(work) for _ in range(min(processes, len(pieces)))]
    try:
        for process in busy:
            process.give(*waiting.popleft())
        while busy:
            ready = wait([process.pipe for process in busy])
            for process in [process for process in busy if process.pipe in ready]:
                number, result = process.take()
                if result is _AGAIN:
                    continue
                if waiting:  # before the caller handles the result, so that the process stays busy
                    process.give(*waiting.popleft())
                else:
                    busy.remove(process)
                    process.end()
                yield number, result
    finally:
        for process in busy:
            process.kill()


def in_order(results: Iterable[tuple[int, Result]]) -> Iterator[Result]:
    """Yield results in the order of their numbers, each as soon as all earlier ones have come.

    Parameters
    ----------
    results : iterable of (int, Result)
        Numbered results in any order. The numbers count up from 0.

    Yields
    ------
    Result
        The next result in order.

    Examples
    --------
    >>> from movielake.cluster.processes import in_order
    >>> list(in_order([(1, "b"), (0, "a"), (2, "c")]))
    ['a', 'b', 'c']
    """
    early: dict[int, Result] = {}
    following = 0
    for number, result in results:
        early[number] = result
        while following in early:
            yield early.pop(following)
            following += 1


def worker_died() -> ChildProcessError:
    """Return the error for a piece that has no result."""
    return ChildProcessError("its worker died, perhaps for lack of memory")


def attempt(work: Callable[[Piece], Result], piece: Piece) -> tuple[bool, Any]:
    """Do a piece of work on a worker, and pack its result or its error.

    A dask worker logs the trace of an error that is raised in it. The user must see only one clear
    line, so the error is returned.

    Parameters
    ----------
    work : callable
        The function to call.
    piece : Piece
        Its argument.

    Returns
    -------
    done : bool
        False if the work raised an exception.
    outcome : Result or Exception
        The return value, or the exception with its trace as a note.

    Examples
    --------
    >>> from movielake.cluster.processes import attempt, unwrap
    >>> unwrap(attempt(abs, -3))
    3
    """
    try:
        return True, work(piece)
    except Exception as error:
        error.add_note(traceback.format_exc())
        return False, error


def unwrap(attempted: tuple[bool, Any]) -> Any:
    """Return the result that `attempt` packed, or raise the error.

    Parameters
    ----------
    attempted : tuple of (bool, Result or Exception)
        The return value of `attempt`, from a worker.

    Returns
    -------
    Result
        The return value of the work.

    Raises
    ------
    Exception
        The exception that the work raised.

    Examples
    --------
    >>> from movielake.cluster.processes import unwrap
    >>> unwrap((True, 3))
    3
    """
    done, outcome = attempted
    if not done:
        raise outcome
    return outcome


class _Process(Generic[Piece, Result]):
    """A worker process, which takes one piece of work at a time."""

    def __init__(self, work: Callable[[Piece], Result]) -> None:
        self._work = work
        self._start()

    def _start(self) -> None:
        context = BareContext()
        self.pipe, far = context.Pipe()
        with far:
            self._process = context.Process(target=_serve, args=(self._work, far), daemon=True)
            self._process.start()

    def give(self, number: int, piece: Piece) -> None:
        self._number, self._piece, self._attempts = number, piece, 0
        self._send()

    def _send(self) -> None:
        self._attempts += 1
        with suppress(ConnectionError):  # the process is dead, which `take` handles
            self.pipe.send(self._piece)

    def take(self) -> tuple[int, Any]:
        """Receive the result of the piece. If the process has died, start both again."""
        try:
            return self._number, unwrap(self.pipe.recv())
        except (EOFError, ConnectionError):
            self.kill()
            self._start()
        if self._attempts == _ATTEMPTS:
            return self._number, worker_died()
        self._send()
        return self._number, _AGAIN

    def end(self) -> None:
        """Let the process end by itself, because no more pieces will come."""
        self.pipe.close()
        self._process.join(_SECONDS)
        self.kill()

    def kill(self) -> None:
        self._process.kill()  # SIGKILL, because a stopped process does not react to SIGTERM
        self._process.join()


@contextmanager
def process_pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Run a pool of worker processes, for programs that need an executor, within a context.

    Parameters
    ----------
    processes : int
        The largest number of processes.

    Yields
    ------
    concurrent.futures.ProcessPoolExecutor
        The pool. After an error or an interrupt in the context, its processes are killed.

    Examples
    --------
    >>> from movielake.cluster.processes import process_pool
    >>> with process_pool(1) as pool:
    ...     pool.submit(abs, -3).result()
    3
    """
    seed_hashes()
    pool = ProcessPoolExecutor(processes, BareContext(), initializer=_watch_parent)
    try:
        yield pool
    except BaseException:
        for process in dict(pool._processes).values():  # Python 3.14 has pool.kill_workers()
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _serve(work: Callable[[Any], Any], pipe: Connection) -> None:
    """Do pieces of work as they come, in a worker process."""
    _watch_parent()
    leave_out_pandas()
    with suppress(EOFError):
        while True:
            pipe.send(attempt(work, pipe.recv()))
    os._exit(0)  # skip the destructors of C++ libraries, as the command line does


def _watch_parent() -> None:
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End this process at once when its parent has ended, even in the middle of its work."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
