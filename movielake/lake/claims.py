"""Claims: while one process converts a feed zip, other processes leave this zip to it.

Many conversions can work on one lake at once, for example the tasks of a job array. Each one takes
the zips that no other one has claimed. So any number of them together convert every zip once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from movielake.lake.locks import LEASE, Lock, new_lock, wait_for_holders
from movielake.names.layout import WORK_FOLDER, Folder

CLAIM_FOLDER: Final = f"{WORK_FOLDER}/claims"
"""Folder of the claims in a lake. A claim is a lock, held as long as the conversion takes."""


@contextmanager
def claim_partitions(
    lake: Folder, partitions: Iterable[tuple[str, str]]
) -> Iterator[frozenset[tuple[str, str]]]:
    """Claim the conversion of those partitions that no living process has claimed.

    Parameters
    ----------
    lake : Folder
        The lake.
    partitions : iterable of (str, str)
        Stamp and country of each partition.

    Yields
    ------
    frozenset of (str, str)
        The partitions that this process has claimed. The claims are renewed until the end of the
        context.

    Examples
    --------
    >>> import tempfile
    >>> from movielake.lake.claims import claim_partitions
    >>> from movielake.names.layout import Folder
    >>> with tempfile.TemporaryDirectory() as lake:
    ...     with claim_partitions(Folder(lake), [("20191206", "can")]) as mine:
    ...         sorted(mine)
    [('20191206', 'can')]
    """
    locks = {pair: new_lock(lake, _name(*pair), CLAIM_FOLDER) for pair in partitions}
    try:
        mine = [pair for pair, lock in locks.items() if lock.acquire(patient=False)]
        with _renewed([locks[pair] for pair in mine]):
            yield frozenset(mine)
    finally:
        for lock in locks.values():
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
def _renewed(locks: Sequence[Lock]) -> Iterator[None]:
    """Renew locks from time to time, in a thread of their own."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(LEASE / 4):
            for lock in locks:
                with suppress(OSError):  # the claim is lost, and another process converts the zip
                    lock.renew()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
