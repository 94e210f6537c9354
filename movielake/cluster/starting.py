"""The start of worker processes: they do not run the user's script again and ignore interrupts."""

from __future__ import annotations

import signal
import sys
import threading
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Final


class BareMain:
    """A context in which new processes do not run the user's script again and ignore interrupts.

    Python runs the main script in each new process, so a script must guard its code with
    ``if __name__ == "__main__"``. Our workers need no code from that script, so scripts need no
    such guard. The interrupt of a terminal or of a notebook's cell reaches its whole process group.
    Without this context, each worker would print a trace.

    Examples
    --------
    >>> from movielake.cluster.starting import BARE_MAIN
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
                resource_tracker.ensure_running()  # now, because its start would undo the mask
            self._entered += 1
        self._mine.block()

    def __exit__(self, *_: object) -> None:
        self._mine.restore()
        with self._lock:
            self._entered -= 1
            if not self._entered and self._main:
                sys.modules["__main__"] = self._main


class _Mask(threading.local):
    """The mask that blocks interrupts in a thread that starts processes.

    New threads and processes inherit the mask. Dask starts several processes on one thread, in
    turns, so the mask counts how often it is entered.
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
"""The instance that this whole process shares, because it has one main module."""


class BareProcess(SpawnProcess):
    """A new process that starts within `BARE_MAIN`."""

    def start(self) -> None:
        """Start the process."""
        with BARE_MAIN:
            super().start()


class BareContext(SpawnContext):
    """A context of `multiprocessing` whose processes are of the kind `BareProcess`.

    They are spawned, because a fork would copy locks of other threads.
    """

    Process = BareProcess
