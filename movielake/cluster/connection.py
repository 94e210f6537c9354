"""The connection to a dask cluster: a cluster that runs already, or a new local one.

`connect` gives each user an object that passes for a `distributed.Client`. The client and its
cluster close only when the last of these users is done. distributed 2026.8.0 has no plainer way:

- `Client.close` closes the client for all its users. It counts no users and calls no callbacks.
- `weakref.finalize` runs on a forgotten client only when the process ends. The periodic callbacks
  of its event loop keep it alive (https://github.com/dask/distributed/issues/7770).
- `Client.as_current` and ``with Client`` are bound to the context, such as a notebook's cell, in
  which they began. `worker_client` works only in a task. `get_client` finds a client, but does not
  close it.
- A subclass, or a second client for each user, would own the futures that it makes. Another
  client refuses to gather these futures.
"""

from __future__ import annotations

import atexit
import json
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from movielake.cluster.certificates import certificate_folder, load_certificates, warn_of_insecurity
from movielake.cluster.slurm import Job, read_job
from movielake.cluster.workers import choose_shuffle, local_cluster, running_client

if TYPE_CHECKING:
    from distributed import Client, Security


class ConnectedClient:
    """One user's hold on a dask client, which closes only a client that `connect` opened.

    It passes every attribute on to the client, except `close` and the context manager. ``with``
    gives the client itself.

    Parameters
    ----------
    client : distributed.Client
        The client that all users share.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def close(self) -> None:
        """Close the client if `connect` opened it and this was its last user."""
        with _LOCK:
            opened = _OPENED.get(self.client)
            if opened is None:
                return
            opened.users.discard(self)
            if not opened.users:
                _close(self.client)

    def __enter__(self) -> Client:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.client)})

    def __repr__(self) -> str:
        return repr(self.client)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # so that isinstance(self, Client) holds
        return type(self.client)


@dataclass(eq=False)
class _Opened:
    """A client that `connect` opened: the stack that closes it, and its users."""

    stack: ExitStack
    users: WeakSet[ConnectedClient] = field(default_factory=WeakSet)


_ATTEMPT: Final = 10.0
"""Seconds to wait for a scheduler's answer before its file is read again."""

_LOCK: Final = threading.RLock()
_OPENED: Final[dict[Client, _Opened]] = {}


def connect(
    *,
    scheduler_file: str | Path | None = None,
    workers: int | None = None,
    memory: int | str | None = None,
    scratch: str | Path | None = None,
    tls: bool | None = None,
    dashboard_port: int = 0,
    timeout: float = 60,
) -> ConnectedClient:
    """Connect to a running dask cluster, or start one on this machine.

    The first of these that exists is used:

    1. the cluster of ``scheduler_file``
    2. the running client
    3. the scheduler at ``DASK_SCHEDULER_ADDRESS``
    4. the scheduler of the file ``MOVIELAKE_SCHEDULER_FILE``
    5. a new local cluster of single-threaded workers, sized from Slurm's variables or the machine

    Parameters
    ----------
    scheduler_file : str or Path, optional
        A dask scheduler file. Its certificates must be beside it (see
        `movielake.cluster.certificates.certificate_folder`), or in the folder ``MOVIELAKE_TLS``.
    workers, memory, scratch, tls, dashboard_port : optional
        Settings of a local cluster. See `movielake.cluster.workers.local_cluster`.
    timeout : float, optional
        Seconds to wait for the scheduler of an existing cluster.

    Notes
    -----
    If you have not set dask's ``dataframe.shuffle.method``, it becomes ``"tasks"`` in this process.
    The method that dask chooses on a cluster cannot move rows with lists or maps.

    Returns
    -------
    ConnectedClient
        An object to use as a `distributed.Client`. Close it, best with ``with``. When its last user
        closes it, a client and a cluster that `connect` started end. They also end with the
        process. A client or a cluster that was running before is left running.

    Raises
    ------
    ValueError
        If an argument or a variable has an invalid value.
    OSError
        If the scheduler is missing or does not answer, or its certificates are missing.

    Examples
    --------
    >>> from movielake.cluster.connection import connect
    >>> with connect(workers=1) as client:
    ...     client.submit(sum, [1, 2]).result()
    3
    """
    job = read_job(scheduler_file=scheduler_file, scratch=scratch)
    with _LOCK:
        for closed in [client for client in _OPENED if client.status == "closed"]:
            _close(closed)  # a user closed this client itself, but not its cluster
        client = running_client()
        if client is None or scheduler_file:
            found = _find_scheduler(job, bool(scheduler_file), timeout)
            if found is None:
                client = _open(_started(workers, memory, scratch, tls, dashboard_port))
            elif client is None or not _is_at(client, found[0]):
                client = _open(_joined(job, *found, timeout))
        connected = ConnectedClient(client)
        if client in _OPENED:
            _OPENED[client].users.add(connected)
    choose_shuffle()
    return connected


def _open(client: AbstractContextManager[Client]) -> Client:
    stack = ExitStack()
    opened = stack.enter_context(client)
    atexit.register(stack.close)
    _OPENED[opened] = _Opened(stack)
    return opened


def _close(client: Client) -> None:
    stack = _OPENED.pop(client).stack
    atexit.unregister(stack.close)
    stack.close()


@contextmanager
def _started(
    workers: int | None,
    memory: int | str | None,
    scratch: str | Path | None,
    tls: bool | None,
    dashboard_port: int,
) -> Iterator[Client]:
    from distributed import Client

    started = local_cluster(
        workers, memory, scratch=scratch, tls=tls, dashboard_port=dashboard_port
    )
    # `with Client` must end in the context, such as a notebook's cell, in which it began.
    with started as cluster, closing(Client(cluster)) as client:
        yield client


@contextmanager
def _joined(job: Job, address: str, source: str, timeout: float) -> Iterator[Client]:
    with closing(_join(job, address, source, timeout)) as client:
        yield client


def _join(job: Job, address: str, source: str, timeout: float) -> Client:
    """Connect to a scheduler. If it does not answer, read its file again: it can be an old one."""
    from distributed import Client
    from distributed.comm.core import FatalCommClosedError

    deadline = time.monotonic() + timeout
    while True:
        security = _security(job, address, source)
        left = max(deadline - time.monotonic(), 0.1)
        try:
            client = Client(address, security=security, timeout=min(left, _ATTEMPT))
            break
        except OSError as error:
            newer = _read_scheduler_file(source, left) if source == job.scheduler_file else address
            is_over = isinstance(error, FatalCommClosedError) or time.monotonic() >= deadline
            if newer == address and is_over:
                raise ConnectionError(
                    f"expected a dask scheduler at {address} (from {source}), found no answer in "
                    f"{timeout:g} s; check that it is still running ({error})"
                ) from error
            address = newer
    if job.is_slurm and address.startswith("tcp://"):
        warn_of_insecurity(f"scheduler at {address}")
    return client


def _is_at(client: Client, address: str) -> bool:
    return client.scheduler is not None and client.scheduler.address == address


def _find_scheduler(job: Job, prefer_file: bool, timeout: float) -> tuple[str, str] | None:
    """Find the address of a scheduler to join, and the variable or file that contains it."""
    if job.scheduler_address and not prefer_file:
        return job.scheduler_address, "DASK_SCHEDULER_ADDRESS"
    if job.scheduler_file:
        return _read_scheduler_file(job.scheduler_file, timeout), job.scheduler_file
    return None


def _read_scheduler_file(path: str, timeout: float) -> str:
    """Wait until the scheduler has written its file, and read its address."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return str(json.loads(Path(path).read_text())["address"])
        except (OSError, ValueError, KeyError) as error:
            if time.monotonic() >= deadline:
                raise FileNotFoundError(
                    f"expected a dask scheduler file at {path} (scheduler_file or "
                    f"MOVIELAKE_SCHEDULER_FILE), found no address in it within {timeout:g} s; "
                    f"check the path and the scheduler ({error!r})"
                ) from error
        time.sleep(0.1)


def _security(job: Job, address: str, source: str) -> Security | None:
    """Load the certificates for an address.

    Return None for an address without TLS, or if dask's own configuration has certificates.
    """
    import dask

    if not address.startswith("tls://"):
        return None
    beside = certificate_folder(source)
    if beside.exists():
        return load_certificates(beside)
    if not job.certificates and dask.config.get("distributed.comm.tls.ca-file", None):
        return None
    return load_certificates(job.certificates or beside)
