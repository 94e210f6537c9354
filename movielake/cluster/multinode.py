"""The parts of a dask cluster over the nodes of a job, as separate commands.

``jobs/multinode.sbatch`` runs ``python -m movielake.cluster.multinode PART``. A scheduler runs on
the first node, and workers run on each node. They find each other by the scheduler file that
``MOVIELAKE_SCHEDULER_FILE`` names. They accept only connections with the certificates beside it.
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
"""The module that all parts load, to keep dask's messages of closing out of the job's output."""


async def run_scheduler(job: Job, dashboard_port: int = 0) -> None:
    """Run the scheduler until a signal (SIGTERM or SIGINT) or a client ends it.

    Parameters
    ----------
    job : Job
        The job. Its certificates must exist. Its scheduler file is written.
    dashboard_port : int, optional
        Port of the dashboard on loopback. 0 takes any free port.
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
        await _until_ended(scheduler.finished())


async def run_workers(job: Job) -> None:
    """Run a single-threaded worker for each CPU of this node, until the scheduler ends.

    Parameters
    ----------
    job : Job
        The job. The workers wait for its scheduler.
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
                dashboard_address=f"{_LOOPBACK}:0",  # for the health page, which is always served
                preload=_PRELOAD,
                preload_nanny=_PRELOAD,
            )
            for number in range(job.cpus)
        ]
        await asyncio.gather(*(stack.enter_async_context(nanny) for nanny in nannies))
        await _until_ended(*(nanny.finished() for nanny in nannies))
        # The program no longer waits for tasks, and Slurm gives little time.
        await asyncio.gather(*(nanny.close(timeout=1, reason="job-ends") for nanny in nannies))


def wait_for_workers(job: Job, lake: str) -> int:
    """Wait for the workers of all nodes, and check that they see the lake.

    Parameters
    ----------
    job : Job
        The job.
    lake : str
        The folder of the staged lake.

    Returns
    -------
    int
        The number of workers.

    Raises
    ------
    FileNotFoundError
        If a node does not have the lake in this folder. A program needs the same path on all nodes.
    """
    from movielake.cluster.connection import connect

    with connect(scheduler_file=_scheduler_file(job)) as client:
        client.wait_for_workers(job.nodes * job.cpus)
        found = client.run(os.path.isdir, lake)
    blind = [worker for worker, is_there in found.items() if not is_there]
    if blind:
        raise FileNotFoundError(
            f"expected the staged lake at {lake} on every node, found no lake there for the worker "
            f"{blind[0]}; set SLURM_TMPDIR to a folder that has the same path on all nodes"
        )
    return len(found)


def node_address(job: Job) -> str:
    """Find the address at which the job's other nodes reach this node.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    str
        An IP address. It is loopback if the job has one node.

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
            except OSError:  # the network does not use Slurm's names of the nodes
                break
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # without a network, loopback is right
        return str(get_ip())


def free_ports(count: int) -> list[int]:
    """Find ports on loopback that are free now.

    Parameters
    ----------
    count : int
        The number of ports.

    Returns
    -------
    list of int
        Different port numbers.

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
        raise ValueError(
            "expected the path of the scheduler file in MOVIELAKE_SCHEDULER_FILE, found no value; "
            "set it, as multinode.sbatch does"
        )
    return job.scheduler_file


def _protocol(job: Job) -> dict[str, Any]:
    """Return dask's settings for the connections: TLS, unless the job turned it off."""
    if job.insecure:
        return {"protocol": "tcp", "security": None}
    security: Security = load_certificates(certificate_folder(_scheduler_file(job)))
    return {"protocol": "tls", "security": security}


async def _until_ended(*ends: Coroutine[Any, Any, Any]) -> None:
    """Wait until all coroutines have ended, or SIGTERM or SIGINT arrives."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    tasks: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(stopped.wait()),
        asyncio.gather(*ends),
    ]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


@click.group()
def main() -> None:
    """Run one part of a dask cluster over the nodes of a Slurm job, as multinode.sbatch does."""


@main.command()
def certificates() -> None:
    """Make the certificates of the cluster beside its scheduler file."""
    job = read_job()
    if job.insecure:
        warn_of_insecurity("MOVIELAKE_INSECURE=1")
    else:
        make_certificates(certificate_folder(_scheduler_file(job)))


@main.command()
@click.option("--dashboard-port", default=0, help="Port on loopback. Any free port by default.")
def scheduler(dashboard_port: int) -> None:
    """Run the scheduler on this node."""
    asyncio.run(run_scheduler(read_job(), dashboard_port))


@main.command()
def workers() -> None:
    """Run the workers of this node."""
    asyncio.run(run_workers(read_job()))


@main.command()
@click.argument("lake")
def wait(lake: str) -> None:
    """Wait for the workers of all nodes, and check that they see LAKE."""
    job = read_job()
    click.echo(f"{wait_for_workers(job, lake)} workers on {job.nodes} nodes")


@main.command()
@click.argument("count", type=int)
def ports(count: int) -> None:
    """Print COUNT free ports on loopback."""
    click.echo(" ".join(map(str, free_ports(count))))


if __name__ == "__main__":
    main()
