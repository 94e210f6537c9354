"""Who does the work: plain processes, a running client, or a dask cluster on this machine.

Plain processes listen on nothing. All that a cluster's listen on is on loopback; under Slurm, where
other users share the node, they answer only to who has the cluster's certificates. When this
process ends, however it ends, they end, and what they wrote to scratch goes.
"""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from movielake.cluster.certificates import make_certificates, warn_of_insecurity
from movielake.cluster.processes import (
    BARE_MAIN,
    Piece,
    Result,
    attempt,
    do_pieces,
    unwrap,
    worker_died,
)
from movielake.cluster.slurm import Job, read_job, variables_kept

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


def share_out(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], workers: int | None = None
) -> Iterator[tuple[int, Result | ChildProcessError]]:
    """Do pieces of work on the running client's workers, or on processes of this machine.

    Parameters
    ----------
    work, pieces
        As for `movielake.cluster.processes.do_pieces`, like what is yielded and raised.
    workers : int, optional
        Processes, if there is no running client; by default as many as there are CPUs for this
        process.

    Yields
    ------
    number : int
    result : Result or ChildProcessError

    Examples
    --------
    >>> from movielake.cluster.workers import share_out
    >>> sorted(share_out(abs, [-3, -5], 1))
    [(0, 3), (1, 5)]
    """
    client = running_client()
    if client is None:
        yield from do_pieces(work, pieces, read_job().cpus if workers is None else workers)
    else:
        yield from _on_client(client, work, pieces)


def _on_client(
    client: Client, work: Callable[[Piece], Result], pieces: Sequence[Piece]
) -> Iterator[tuple[int, Result | ChildProcessError]]:
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    futures = {
        client.submit(attempt, work, piece, pure=False, priority=-number): number
        for number, piece in enumerate(pieces)
    }
    try:
        for future in as_completed(futures, loop=client.loop):
            died = isinstance(future.exception(), KilledWorker)
            yield futures[future], worker_died() if died else unwrap(future.result())
            future.release()
    finally:  # an error or Ctrl-C: what has not begun is not to begin
        client.cancel(list(futures))


def running_client() -> Client | None:
    """Find the dask client that is in use in this process, if there is one.

    Returns
    -------
    distributed.Client or None
        In a task, the client of its worker.

    Examples
    --------
    >>> from movielake.cluster.workers import running_client
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
    >>> from movielake.cluster.workers import local_cluster
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
        with variables_kept():  # dask puts what its workers are to have into our own
            cluster = LocalCluster(
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
            )
        with cluster:
            yield cluster


def dask_setup(_worker: object) -> None:
    """Let a worker survive the interrupt that stops a notebook's cell; dask calls this in it.

    A terminal and Jupyter send it to the workers too, being of one process group.

    Examples
    --------
    >>> from movielake.cluster.workers import dask_setup
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
    >>> from movielake.cluster.workers import scratch_folder
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


def _nanny_class() -> type[Nanny]:
    from distributed import Nanny

    class BareNanny(Nanny):
        """Starts its worker, now or again, without the user's script."""

        async def instantiate(self) -> Any:
            with BARE_MAIN:
                return await super().instantiate()

    return BareNanny
