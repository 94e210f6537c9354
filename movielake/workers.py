"""Local worker processes through dask.distributed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from movielake.slurm import available_cpus, scratch

if TYPE_CHECKING:
    from distributed import Client


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
        files are removed. It listens on loopback only, without a dashboard.
    """
    from distributed import Client, LocalCluster, default_client

    try:
        running = default_client()
    except ValueError:
        running = None
    if running is not None:
        yield running
        return
    with (
        tempfile.TemporaryDirectory(prefix="movielake-", dir=scratch()) as folder,
        LocalCluster(
            n_workers=workers or available_cpus(),
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=folder,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
