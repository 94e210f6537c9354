"""Plain processes on this machine: each does one piece of work after the other, and nothing else.

They are for pieces that are named by a path and leave a file, as in conversion and validation.
dask's workers, which views need since they hold data, are busy with more: their loops, reports and
profiles, and a scheduler's in our process, take part of the cores that the work could have. On two
cores 10 GB of XML took two of them 57 s, and takes two processes 44.

When this process ends, however it ends, its processes end at once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any, Final, Generic, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_ATTEMPTS: Final = 3
"""Processes that may die of a piece: the first may have been killed for another one's memory."""

_ANEW: Final = object()
"""Instead of a result: the piece is being done once more."""

_SECONDS: Final = 5
"""How long a process with nothing left to do may take to end."""


def do_pieces(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], processes: int
) -> Iterator[tuple[int, Result | ChildProcessError]]:
    """Do pieces of work on processes that are started for it, and ended after it.

    Parameters
    ----------
    work : callable
        What to do with a piece; a function that pickle finds by its name.
    pieces : sequence
        The first are begun first.
    processes : int
        How many, at the most.

    Yields
    ------
    number : int
        Which of the pieces is done.
    result : Result or ChildProcessError
        What it gave; an error if one process after the other died of it.

    Raises
    ------
    ValueError
        If ``processes`` is no positive number.
    Exception
        What the work raises, with the trace as a note; what others are doing is broken off.

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
                if result is _ANEW:
                    continue
                if waiting:  # before anything else is done with the result
                    process.give(*waiting.popleft())
                else:
                    busy.remove(process)
                    process.end()
                yield number, result
    finally:
        for process in busy:
            process.kill()


def in_order(results: Iterable[tuple[int, Result]]) -> Iterator[Result]:
    """Give results in the order of their numbers, each as soon as those before it are there.

    Parameters
    ----------
    results : iterable of (int, Result)
        In any order; the numbers go up from 0.

    Yields
    ------
    Result

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
    """Say why a piece has no result."""
    return ChildProcessError("its worker died, perhaps for lack of memory")


def attempt(work: Callable[[Piece], Result], piece: Piece) -> tuple[bool, Any]:
    """Do a piece of work on a worker, and pack what comes of it, be it an error.

    Parameters
    ----------
    work : callable
        What to do.
    piece : Piece
        With what.

    Returns
    -------
    done : bool
        Whether nothing was raised.
    outcome : Result or Exception
        What it gave, or the error with its trace as a note. A worker of dask would log the trace
        of what it sees raised, beside our one clear line.

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
    """Give what `attempt` packed, or raise it.

    Parameters
    ----------
    attempted : tuple of (bool, Result or Exception)
        From a worker.

    Returns
    -------
    Result

    Raises
    ------
    Exception
        What the work raised.

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
    """A process that is given a piece of work, gives its result back, and so on."""

    def __init__(self, work: Callable[[Piece], Result]) -> None:
        self._work = work
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks of other threads
        self.pipe, far = context.Pipe()
        with far, BARE_MAIN:
            self._process = context.Process(target=_serve, args=(self._work, far), daemon=True)
            self._process.start()

    def give(self, number: int, piece: Piece) -> None:
        self._number, self._piece, self._attempts = number, piece, 0
        self._send()

    def _send(self) -> None:
        self._attempts += 1
        with suppress(ConnectionError):  # it is dead, which `take` will find
            self.pipe.send(self._piece)

    def take(self) -> tuple[int, Any]:
        """Receive what came of the piece; if that is the process's death, start it once more."""
        try:
            return self._number, unwrap(self.pipe.recv())
        except (EOFError, ConnectionError):
            self.kill()
            self._start()
        if self._attempts == _ATTEMPTS:
            return self._number, worker_died()
        self._send()
        return self._number, _ANEW

    def end(self) -> None:
        """Let it end by itself: there is nothing more to come."""
        self.pipe.close()
        self._process.join(_SECONDS)
        self.kill()

    def kill(self) -> None:
        self._process.kill()  # a mere request would not reach one that is stopped
        self._process.join()


def _serve(work: Callable[[Any], Any], pipe: Connection) -> None:
    """Do pieces of work as they come; this is what runs in a process."""
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError):
        while True:
            pipe.send(attempt(work, pipe.recv()))
    os._exit(0)  # without C++'s last rites, as the command line


def _follow_parent() -> None:
    """End at once when the parent has ended, whatever is being done."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


class BareMain:
    """While entered, a new process finds no script of the user's to run again, and no interrupt.

    Python's way of starting processes runs the main script in each, which must then guard what it
    does with ``if __name__ == "__main__"``; workers need nothing from it, as none in a notebook.
    The interrupt of a terminal or of a notebook's cell reaches workers too, being of one process
    group; each would show a trace.

    Examples
    --------
    >>> from movielake.cluster.processes import BARE_MAIN
    >>> import sys
    >>> with BARE_MAIN:
    ...     hasattr(sys.modules["__main__"], "__file__")
    False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self._main: ModuleType | None = None
        self._mine = _Mask()

    def __enter__(self) -> None:
        with self._lock:
            if not self._entered:
                self._main = sys.modules["__main__"]
                sys.modules["__main__"] = ModuleType("__main__")
                resource_tracker.ensure_running()  # its start would end the mask again
            self._entered += 1
        self._mine.block()

    def __exit__(self, *_: object) -> None:
        self._mine.restore()
        with self._lock:
            self._entered -= 1
            if not self._entered and self._main:
                sys.modules["__main__"] = self._main


class _Mask(threading.local):
    """Keeps interrupts off a thread that starts processes, whose threads and processes inherit it.

    Dask starts several on one thread, in turns; so it is counted.
    """

    entered = 0

    def block(self) -> None:
        if not self.entered:
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self.entered += 1

    def restore(self) -> None:
        self.entered -= 1
        if not self.entered:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


BARE_MAIN: Final = BareMain()
"""The one of this process; there is one main module, too."""
