"""The parts of a dask cluster over the nodes of a job, each a command of its own.

``jobs/multinode.sbatch`` runs them as ``python -m movielake.cluster.multinode PART``: a scheduler
on the first node and workers on each. They find each other by the scheduler file that
``MOVIELAKE_SCHEDULER_FILE`` names, and accept each other only by the certificates beside it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import warnings
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from movielake.cluster.certificates import (
    certificate_folder,
    load_certificates,
    make_certificates,
    warn_of_insecurity,
)
from movielake.cluster.slurm import Job, read_job

if TYPE_CHECKING:
    from distributed import Security

_LOOPBACK: Final = "127.0.0.1"

_PRELOAD: Final = ["movielake.cluster.workers"]
"""What all parts load: it keeps the noise of closing out of the job's output."""


async def run_scheduler(job: Job, dashboard_port: int = 0) -> None:
    """Run the scheduler until it is told to end, by SIGTERM or by a client.

    Parameters
    ----------
    job : Job
        The job; its scheduler file is written, its certificates are there already.
    dashboard_port : int, optional
        Port of the dashboard on loopback; 0 for any.
    """
    from distributed import Scheduler

    async with Scheduler(
        host=node_address(job),
        port=0,
        **_protocol(job),
        scheduler_file=_scheduler_file(job),
        dashboard=True,
        dashboard_address=f"{_LOOPBACK}:{dashboard_port}",
        preload=_PRELOAD,
    ) as scheduler:
        await _until_told(scheduler.finished())


async def run_workers(job: Job) -> None:
    """Run a single-threaded worker for each CPU of this node, until the scheduler ends.

    Parameters
    ----------
    job : Job
        The job; its scheduler is waited for.
    """
    from distributed import Nanny

    async with AsyncExitStack() as stack:
        nannies = [
            Nanny(
                scheduler_file=_scheduler_file(job),
                nthreads=1,
                memory_limit=job.memory // job.cpus,
                name=f"{job.node}-{number}",
                local_directory=str(Path(job.scratch or ".") / "movielake" / "workers"),
                host=node_address(job),
                **_protocol(job),
                death_timeout=60,
                dashboard=False,
                dashboard_address=f"{_LOOPBACK}:0",  # it has one all the same, for its health
                preload=_PRELOAD,
                preload_nanny=_PRELOAD,
            )
            for number in range(job.cpus)
        ]
        await asyncio.gather(*(stack.enter_async_context(nanny) for nanny in nannies))
        await _until_told(*(nanny.finished() for nanny in nannies))
        # Nobody waits for their tasks any more, and Slurm gives little time.
        await asyncio.gather(*(nanny.close(timeout=1, reason="job-ends") for nanny in nannies))


def wait_for_workers(job: Job, lake: str) -> int:
    """Wait until the workers of all nodes are there, and check that they see the lake.

    Parameters
    ----------
    job : Job
        The job.
    lake : str
        Where the lake is staged.

    Returns
    -------
    int
        How many workers there are.

    Raises
    ------
    FileNotFoundError
        If the lake is elsewhere on another node, so that no program could work on all.
    """
    from movielake.cluster.connection import connect

    with connect(scheduler_file=_scheduler_file(job)) as client:
        client.wait_for_workers(job.nodes * job.cpus)
        found = client.run(os.path.isdir, lake)
    blind = [worker for worker, is_there in found.items() if not is_there]
    if blind:
        raise FileNotFoundError(
            f"expected the staged lake at {lake} on every node, found none there at {blind[0]}; "
            "set SLURM_TMPDIR to a folder that has one name on all nodes"
        )
    return len(found)


def node_address(job: Job) -> str:
    """Find the address of this node at which the job's other nodes reach it.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    str
        Loopback if there are no others.

    Examples
    --------
    >>> from movielake.cluster.multinode import node_address
    >>> from movielake.cluster.slurm import read_job
    >>> node_address(read_job({"SLURM_JOB_ID": "1", "SLURM_JOB_NODELIST": "n1"}))
    '127.0.0.1'
    """
    from distributed.utils import get_ip

    if job.nodes == 1:
        return _LOOPBACK
    for node in job.node_list:
        if node != job.node:
            try:
                return str(get_ip(socket.gethostbyname(node)))
            except OSError:  # this cluster does not name its nodes as Slurm does
                break
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # without a network, loopback is right
        return str(get_ip())


def free_ports(count: int) -> list[int]:
    """Find ports on loopback that nobody uses now.

    Parameters
    ----------
    count : int
        How many.

    Returns
    -------
    list of int

    Examples
    --------
    >>> from movielake.cluster.multinode import free_ports
    >>> len(set(free_ports(2)))
    2
    """
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind((_LOOPBACK, 0))
        return [each.getsockname()[1] for each in held]


def _scheduler_file(job: Job) -> str:
    if job.scheduler_file is None:
        raise ValueError("expected the path of the scheduler file in MOVIELAKE_SCHEDULER_FILE")
    return job.scheduler_file


def _protocol(job: Job) -> dict[str, Any]:
    """Tell how the parts talk: only with each other's certificates, unless TLS was turned off."""
    if job.insecure:
        return {"protocol": "tcp", "security": None}
    security: Security = load_certificates(certificate_folder(_scheduler_file(job)))
    return {"protocol": "tls", "security": security}


async def _until_told(*ends: Coroutine[Any, Any, Any]) -> None:
    """Wait until all have ended, or for SIGTERM or SIGINT."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(told.wait()), asyncio.gather(*ends)]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


@click.group()
def main() -> None:
    """Run one part of a dask cluster over the nodes of a Slurm job; see multinode.sbatch."""


@main.command()
def certificates() -> None:
    """Make the certificates of the cluster, beside its scheduler file."""
    job = read_job()
    if job.insecure:
        warn_of_insecurity("MOVIELAKE_INSECURE=1")
    else:
        make_certificates(certificate_folder(_scheduler_file(job)))


@main.command()
@click.option("--dashboard-port", default=0, help="On loopback; any by default.")
def scheduler(dashboard_port: int) -> None:
    """Run the scheduler, on this node."""
    asyncio.run(run_scheduler(read_job(), dashboard_port))


@main.command()
def workers() -> None:
    """Run the workers of this node."""
    asyncio.run(run_workers(read_job()))


@main.command()
@click.argument("lake")
def wait(lake: str) -> None:
    """Wait until the workers of all nodes are there, and see LAKE."""
    job = read_job()
    click.echo(f"{wait_for_workers(job, lake)} workers on {job.nodes} nodes")


@main.command()
@click.argument("count", type=int)
def ports(count: int) -> None:
    """Print COUNT free ports of loopback."""
    click.echo(" ".join(map(str, free_ports(count))))


if __name__ == "__main__":
    main()
