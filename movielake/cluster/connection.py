"""A dask cluster to work on: the one that is there, or one started here and closed with us."""

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
from movielake.cluster.workers import local_cluster, running_client

if TYPE_CHECKING:
    from distributed import Client, Security


class ConnectedClient:
    """A dask client that knows what was started for it, and closes only that.

    It has all that the client has, and passes for one; its own are `close` and being a context
    manager, which gives the bare client.

    Parameters
    ----------
    client : distributed.Client
        The client.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    def close(self) -> None:
        """Leave what was found; close what `connect` started, if nobody else uses it any more."""
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
    def __class__(self) -> type:  # for the libraries that ask for an instance of Client
        return type(self.client)


@dataclass(eq=False)
class _Opened:
    """What `connect` opened: how to close it, and who uses it."""

    stack: ExitStack
    users: WeakSet[ConnectedClient] = field(default_factory=WeakSet)


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
    """Connect to a dask cluster: the one in use, else one to join, else one of this machine.

    In this order: the cluster of ``scheduler_file``; the running client; the scheduler at
    ``DASK_SCHEDULER_ADDRESS``; the one of the file ``MOVIELAKE_SCHEDULER_FILE``; a local cluster,
    with single-threaded workers, sized from Slurm's variables or the machine.

    Parameters
    ----------
    scheduler_file : str or Path, optional
        A dask scheduler file. Certificates are expected beside it (see
        `movielake.cluster.certificates.certificate_folder`), or in the folder ``MOVIELAKE_TLS``.
    workers, memory, scratch, tls, dashboard_port : optional
        For a local cluster; see `movielake.cluster.workers.local_cluster`.
    timeout : float, optional
        Seconds to wait for a scheduler to join.

    Returns
    -------
    ConnectedClient
        Usable as a `distributed.Client`. Closing it, best with ``with``, closes what was started
        here, when nobody else uses it; the end of the process does so too.

    Raises
    ------
    ValueError
        If an argument or a variable makes no sense.
    OSError
        If there is no such scheduler, it does not answer, or its certificates are missing.

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
            _close(closed)  # by its user's own hand
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
    # not `with Client`, which is bound to the context, in a notebook the cell, that it began in
    with started as cluster, closing(Client(cluster)) as client:
        yield client


@contextmanager
def _joined(job: Job, address: str, source: str, timeout: float) -> Iterator[Client]:
    from distributed import Client

    security = _security(job, address, source)
    if job.is_slurm and address.startswith("tcp://"):
        warn_of_insecurity(f"scheduler at {address}")
    try:
        client = Client(address, security=security, timeout=timeout)
    except OSError as error:
        raise ConnectionError(
            f"expected a dask scheduler at {address} (see {source}), "
            f"found none that answers in {timeout:g} s; is it still running? ({error})"
        ) from error
    with closing(client):
        yield client


def _is_at(client: Client, address: str) -> bool:
    return client.scheduler is not None and client.scheduler.address == address


def _find_scheduler(job: Job, prefer_file: bool, timeout: float) -> tuple[str, str] | None:
    """Find the address of a scheduler to join, and the variable or file that tells it."""
    if job.scheduler_address and not prefer_file:
        return job.scheduler_address, "DASK_SCHEDULER_ADDRESS"
    if job.scheduler_file:
        return _read_scheduler_file(job.scheduler_file, timeout), job.scheduler_file
    return None


def _read_scheduler_file(path: str, timeout: float) -> str:
    """Read the address in a scheduler file, waiting until the scheduler has written it."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return str(json.loads(Path(path).read_text())["address"])
        except (OSError, ValueError, KeyError) as error:
            if time.monotonic() >= deadline:
                raise FileNotFoundError(
                    f"expected a dask scheduler file at {path} (scheduler_file or "
                    f"MOVIELAKE_SCHEDULER_FILE), found none in {timeout:g} s: {error!r}"
                ) from error
        time.sleep(0.1)


def _security(job: Job, address: str, source: str) -> Security | None:
    """Load the certificates for an address; None if it needs none, or dask itself knows them."""
    import dask

    if not address.startswith("tls://"):
        return None
    beside = certificate_folder(source)
    if beside.exists():
        return load_certificates(beside)
    if not job.certificates and dask.config.get("distributed.comm.tls.ca-file", None):
        return None
    return load_certificates(job.certificates or beside)
