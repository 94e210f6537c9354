"""Worker processes on this machine, through dask.distributed: started, secured, swept up.

Everything they listen on is on loopback; under Slurm, where other users share the node, they
answer only to who has the cluster's certificates. When this process ends, however it ends, they
end, and what they wrote to scratch goes.
"""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from movielake.certificates import make_certificates, warn_of_insecurity
from movielake.slurm import Job, read_job

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, Nanny

_LOOPBACK: Final = "127.0.0.1"

_SWEEPER: Final = """
trap '' HUP INT TERM
read -r word
test "$word" = done || for pause in 0 1; do sleep $pause; rm -rf -- "$1"; done
"""
"""Waits until its input ends; if that was without a word, our process was killed, and it sweeps.

Twice, since workers that are just dying may still write.
"""


@contextmanager
def worker_client(workers: int | None = None) -> Iterator[Client]:
    """Give a client with workers: the running one, or a local cluster for the time being.

    Parameters
    ----------
    workers : int, optional
        Processes of the local cluster; by default as many as there are CPUs for this process.

    Yields
    ------
    distributed.Client
        A running client is left as it is; a local cluster is closed at the end, and its scratch
        files are removed.

    Examples
    --------
    >>> from movielake.workers import worker_client
    >>> with worker_client(1) as client:
    ...     client.submit(sum, [1, 2]).result()
    3
    """
    from distributed import Client

    running = running_client()
    if running is not None:
        yield running
        return
    with local_cluster(workers) as cluster, Client(cluster, set_as_default=False) as client:
        yield client


def running_client() -> Client | None:
    """Find the dask client that is in use in this process, if there is one.

    Returns
    -------
    distributed.Client or None
        In a task, the client of its worker.

    Examples
    --------
    >>> from movielake.workers import running_client
    >>> running_client() is None
    True
    """
    if "distributed" not in sys.modules:
        return None
    from distributed import get_client

    try:
        client = get_client()
    except ValueError:
        return None
    return client if client.status == "running" else None


@contextmanager
def local_cluster(
    workers: int | None = None,
    memory: int | str | None = None,
    *,
    scratch: str | Path | None = None,
    tls: bool | None = None,
    dashboard_port: int | None = None,
) -> Iterator[LocalCluster]:
    """Start a scheduler and single-threaded worker processes on this machine, for the time being.

    Parameters
    ----------
    workers : int, optional
        How many; by default as many as there are CPUs for this process.
    memory : int or str, optional
        Limit of each worker, in bytes or like ``"4 GB"``; by default its even share.
    scratch : str or Path, optional
        Where they spill and write; by default ``SLURM_TMPDIR``, else the system's folder for
        temporary files. It is a new folder there, removed at the end.
    tls : bool, optional
        Whether to demand certificates of who connects; by default under Slurm, unless
        ``MOVIELAKE_INSECURE=1``.
    dashboard_port : int, optional
        Port of dask's dashboard on loopback, 0 for any; None for no dashboard.

    Yields
    ------
    distributed.LocalCluster

    Raises
    ------
    ValueError
        If ``workers`` is no positive number, or a variable of the job makes no sense.
    OSError
        If the scratch cannot be written.

    Examples
    --------
    >>> from movielake.workers import local_cluster
    >>> with local_cluster(1) as cluster:
    ...     len(cluster.workers)
    1
    """
    from distributed import LocalCluster

    job = read_job(scratch=scratch)
    count = job.cpus if workers is None else workers
    if count < 1:
        raise ValueError(f"expected a positive number of workers, found {workers}")
    _hide_closing()
    with scratch_folder(job.scratch) as folder:
        security = make_certificates(folder / "tls") if _wants_tls(job, tls) else None
        with LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=job.memory // count if memory is None else memory,
            host=_LOOPBACK,
            security=security,
            dashboard_address=f"{_LOOPBACK}:{dashboard_port or 0}",
            scheduler_kwargs={
                "dashboard": dashboard_port is not None,
                "local_directory": str(folder),
            },
            worker_class=_nanny_class(),
            local_directory=str(folder),
            preload=[__name__],
        ) as cluster:
            yield cluster


def dask_setup(_worker: object) -> None:
    """Let a worker survive the interrupt that stops a notebook's cell; dask calls this in it.

    A terminal and Jupyter send it to the workers too, being of one process group.

    Examples
    --------
    >>> from movielake.workers import dask_setup
    >>> dask_setup.__name__  # the name is dask's
    'dask_setup'
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _hide_closing()


_CLOSING: Final = (
    "Batched Comm Closed",
    "Failed to communicate with scheduler during heartbeat",
    "Scheduler was unaware of this worker",
    "Worker process still alive",
    "ended with CancelledError",
    "Failed to remove",
)
"""What dask logs, often with a trace, of a cluster that is closed while its workers work."""


def _hide_closing() -> None:
    """Keep these lines off the terminal, where an interrupt is to be no more than one."""
    for handler in logging.getLogger("distributed").handlers:
        handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not any(words in str(record.msg) for words in _CLOSING)


@contextmanager
def scratch_folder(parent: str | None = None) -> Iterator[Path]:
    """Make a folder that goes when this process ends, even if it is killed.

    Parameters
    ----------
    parent : str, optional
        Where to make it; by default in the system's folder for temporary files.

    Yields
    ------
    pathlib.Path
        The folder, for its owner alone.

    Raises
    ------
    OSError
        If the parent cannot be written.

    Examples
    --------
    >>> from movielake.workers import scratch_folder
    >>> with scratch_folder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="movielake-", dir=parent))
    except OSError as error:
        raise OSError(
            f"expected a folder to write to in SLURM_TMPDIR or scratch=, found {parent!r}: {error}"
        ) from error
    sweeper = subprocess.Popen(  # noqa: S603  # nothing in it is from outside but the folder
        ["/bin/sh", "-c", _SWEEPER, "movielake-sweeper", folder],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that what kills our process group spares it
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sweeper.communicate(b"" if folder.exists() else b"done\n")


def _wants_tls(job: Job, tls: bool | None) -> bool:
    wants = job.is_slurm and not job.insecure if tls is None else tls
    if job.is_slurm and not wants:
        warn_of_insecurity("MOVIELAKE_INSECURE=1" if tls is None else "tls=False")
    return wants


class _BareMain:
    """While entered, a new process finds no script of the user's to run again, and no interrupt.

    Python's way of starting processes runs the main script in each, which must then guard what it
    does with ``if __name__ == "__main__"``; workers need nothing from it, as none in a notebook.
    The interrupt that comes before `dask_setup` would make each of them show a trace.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self._main: ModuleType | None = None
        self._mask: set[int] = set()

    def __enter__(self) -> None:
        with self._lock:
            if not self._entered:
                self._main = sys.modules["__main__"]
                sys.modules["__main__"] = ModuleType("__main__")
                resource_tracker.ensure_running()  # its start would end the mask again
                # Of dask's own thread, whose threads and processes inherit it.
                self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            self._entered += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._entered -= 1
            if not self._entered and self._main:
                sys.modules["__main__"] = self._main
                signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


_BARE_MAIN: Final = _BareMain()


def _nanny_class() -> type[Nanny]:
    from distributed import Nanny

    class BareNanny(Nanny):
        """Starts its worker, now or again, without the user's script."""

        async def instantiate(self) -> Any:
            with _BARE_MAIN:
                return await super().instantiate()

    return BareNanny
