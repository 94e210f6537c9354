"""The workers: plain processes, a running client's workers, or a dask cluster on this machine.

Plain processes have no ports. The processes of a cluster listen only on loopback. Under Slurm,
where other users share the node, they accept only connections with the cluster's certificates. When
this process ends, even if it is killed, its workers end and their files on scratch are removed.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from movielake.cluster.certificates import make_certificates, warn_of_insecurity
from movielake.cluster.processes import Piece, Result, attempt, do_pieces, unwrap, worker_died
from movielake.cluster.scratch import scratch_folder
from movielake.cluster.slurm import Job, read_job, variables_kept
from movielake.cluster.starting import BARE_MAIN

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, Nanny

_LOOPBACK: Final = "127.0.0.1"

_SHUFFLE: Final = "dataframe.shuffle.method"
"""Dask's setting of the method by which rows move between partitions. None lets dask choose."""

AHEAD: Final = 1_000_000
"""The priority of work for which a task waits. It goes ahead of tasks that have not begun."""


def share_out(
    work: Callable[[Piece], Result], pieces: Sequence[Piece], workers: int | None = None
) -> Iterator[tuple[int, Result | ChildProcessError]]:
    """Do pieces of work on the running client's workers, or on plain processes of this machine.

    It yields and raises the same as `movielake.cluster.processes.do_pieces`.

    Parameters
    ----------
    work, pieces
        As for `movielake.cluster.processes.do_pieces`.
    workers : int, optional
        The number of plain processes, by default one for each CPU of this process. A running client
        uses its own workers instead.

    Yields
    ------
    number : int
        The index of a finished piece.
    result : Result or ChildProcessError
        The return value for the piece, or an error if its workers died.

    Examples
    --------
    >>> from movielake.cluster.workers import share_out
    >>> sorted(share_out(abs, [-3, -5], 1))
    [(0, 3), (1, 5)]
    """
    with shared_client() as client:
        if client is not None:
            yield from _on_client(client, work, pieces)
        elif current_process().daemon:  # such a process cannot start others
            yield from ((number, work(piece)) for number, piece in enumerate(pieces))
        else:
            yield from do_pieces(work, pieces, read_job().cpus if workers is None else workers)


def _on_client(
    client: Client, work: Callable[[Piece], Result], pieces: Sequence[Piece]
) -> Iterator[tuple[int, Result | ChildProcessError]]:
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    futures = {
        client.submit(attempt, work, piece, pure=False, priority=AHEAD - number): number
        for number, piece in enumerate(pieces)
    }
    try:
        for future in as_completed(futures, loop=client.loop):
            died = isinstance(future.exception(), KilledWorker)
            yield futures[future], worker_died() if died else unwrap(future.result())
            future.release()
    finally:  # after an error or Ctrl-C, the waiting pieces must not start
        client.cancel(list(futures))


@contextmanager
def shared_client() -> Iterator[Client | None]:
    """Find the client that can do work for this thread, which waits for it within the context.

    A task that waits leaves its thread to other tasks of its worker meanwhile. So the work can be
    done even if each thread of each worker waits for work. Submit the work with priority `AHEAD`,
    or each waiting task would let one more task begin.

    Yields
    ------
    distributed.Client or None
        The running client. None if there is no client, or if the wait could hold a worker's thread
        for ever: in a coroutine, and in a thread that a task has started. Do the work yourself
        then.

    Examples
    --------
    >>> from movielake.cluster.workers import shared_client
    >>> with shared_client() as client:
    ...     client is None
    True
    """
    client = running_client()
    if client is None or client.asynchronous:
        yield None
        return
    from distributed import worker_client

    if _runs_task():
        with worker_client() as own:
            yield own
    else:
        yield None if _belongs_to_task() else client


def _runs_task() -> bool:
    """Return whether this is a thread of a worker, which can leave the worker's pool."""
    from distributed.utils import thread_state  # type: ignore[attr-defined]

    return hasattr(thread_state, "start_time")


def _belongs_to_task() -> bool:
    """Return whether a task waits for this thread, as far as one can know."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return current_process().daemon  # a worker's process, unless a worker runs in ours
    return True


def running_client() -> Client | None:
    """Return the running dask client of this process, or None.

    Returns
    -------
    distributed.Client or None
        The client. In a task, this is the client of its worker.

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


def choose_shuffle() -> None:
    """Let dask move rows between workers as tasks, if the user has chosen no other method.

    The method that dask chooses on a cluster, ``p2p``, cannot move lists and maps. It names Arrow
    types in texts that pandas 3.1 cannot read. Without distributed, dask shuffles on the disk,
    which works, so this function then changes nothing.

    Examples
    --------
    >>> from movielake.cluster.workers import choose_shuffle
    >>> choose_shuffle()
    """
    import dask

    if "distributed" in sys.modules and dask.config.get(_SHUFFLE, None) is None:
        dask.config.set({_SHUFFLE: "tasks"})


@contextmanager
def local_cluster(
    workers: int | None = None,
    memory: int | str | None = None,
    *,
    scratch: str | Path | None = None,
    tls: bool | None = None,
    dashboard_port: int | None = None,
) -> Iterator[LocalCluster]:
    """Run a scheduler and single-threaded worker processes on this machine, within a context.

    Parameters
    ----------
    workers : int, optional
        The number of workers, by default one for each CPU of this process.
    memory : int or str, optional
        The memory limit of each worker, in bytes or like ``"4 GB"``. By default, the workers share
        the job's memory evenly.
    scratch : str or Path, optional
        The folder for temporary files, by default ``SLURM_TMPDIR`` or the system's folder. The
        workers spill to a new folder in it, which is removed at the end.
    tls : bool, optional
        Whether connections need the cluster's certificates. By default, they do under Slurm, unless
        ``MOVIELAKE_INSECURE=1``.
    dashboard_port : int, optional
        Port of dask's dashboard on loopback. 0 takes any free port, None means no dashboard.

    Yields
    ------
    distributed.LocalCluster
        The running cluster.

    Raises
    ------
    ValueError
        If ``workers`` is not a positive number, or a variable of the job has an invalid value.
    OSError
        If the scratch folder is not writable.

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
        security = make_certificates(folder / "tls") if _needs_tls(job, tls) else None
        with variables_kept():  # dask sets its workers' variables in our own environment
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
    """Make a worker ignore the interrupt that stops a notebook's cell.

    Dask calls this function in each worker. A terminal and Jupyter send the interrupt to the whole
    process group, so it also reaches workers.

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
"""Messages that dask logs, often with a trace, when a cluster closes while its workers work."""


def _hide_closing() -> None:
    """Keep these messages off the terminal, so that an interrupt shows only one line."""
    for handler in logging.getLogger("distributed").handlers:
        handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not any(words in str(record.msg) for words in _CLOSING)


def _needs_tls(job: Job, tls: bool | None) -> bool:
    needs = job.is_slurm and not job.insecure if tls is None else tls
    if job.is_slurm and not needs:
        warn_of_insecurity("MOVIELAKE_INSECURE=1" if tls is None else "tls=False")
    return needs


def _nanny_class() -> type[Nanny]:
    from distributed import Nanny

    class BareNanny(Nanny):
        """A nanny that starts and restarts its worker without the user's script."""

        async def instantiate(self) -> Any:
            with BARE_MAIN:
                return await super().instantiate()

    return BareNanny
