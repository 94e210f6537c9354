"""Claims: while one process converts a feed zip, other processes leave this zip to it.

Many conversions can work on one lake at once, for example the tasks of a job array. Each one takes
the zips that no other one has claimed. So any number of them together convert every zip once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from movielake.lake.locks import LEASE, Lock, new_lock, wait_for_holders
from movielake.names.layout import WORK_FOLDER, Folder

CLAIM_FOLDER: Final = f"{WORK_FOLDER}/claims"
"""Folder of the claims in a lake. A claim is a lock, held as long as the conversion takes."""


@contextmanager
def claim_partition(lake: Folder, date_stamp: str, country: str) -> Iterator[bool]:
    """Claim the conversion of a partition, unless a living process has claimed it.

    Parameters
    ----------
    lake : Folder
        The lake.
    date_stamp, country : str
        The partition.

    Yields
    ------
    bool
        Whether this process has the claim. The claim is renewed until the end of the context.

    Examples
    --------
    >>> import tempfile
    >>> from movielake.lake.claims import claim_partition
    >>> from movielake.names.layout import Folder
    >>> with tempfile.TemporaryDirectory() as lake:
    ...     with claim_partition(Folder(lake), "20191206", "can") as is_mine:
    ...         is_mine
    True
    """
    lock = new_lock(lake, _name(date_stamp, country), CLAIM_FOLDER)
    try:
        is_mine = lock.acquire(patient=False)
        with _renewed(lock if is_mine else None):
            yield is_mine
    finally:
        lock.release()


def wait_for_claims(lake: Folder, partitions: Iterable[tuple[str, str]]) -> None:
    """Wait until the claims that processes have now on these partitions are released.

    Parameters
    ----------
    lake : Folder
        The lake.
    partitions : iterable of (str, str)
        Stamp and country of each partition. The claims of dead processes are removed.
    """
    wait_for_holders(lake, CLAIM_FOLDER, {_name(*pair) for pair in partitions})


def _name(date_stamp: str, country: str) -> str:
    return f"{date_stamp}-{country}"


@contextmanager
def _renewed(lock: Lock | None) -> Iterator[None]:
    """Renew a lock from time to time, in a thread of its own."""
    if lock is None:
        yield
        return
    ended = threading.Event()

    def renew() -> None:
        with suppress(OSError):  # the claim is lost, and another process converts the zip again
            while not ended.wait(LEASE / 4):
                lock.renew()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
