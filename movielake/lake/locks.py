"""Locks: one process at a time changes a partition, on any file system.

On a disk, a lock is a folder that contains one file, named after the holder of the lock. A process
creates the folder in another place and renames it. The rename fails while a folder with a file
exists under the name of the lock. To release a lock, also that of a dead holder, a process removes
the file of exactly this holder. So a process never takes the wrong lock, and neither ``flock`` nor
links are needed.

An object store cannot rename. There, a process first writes its file into the folder of the lock,
and then lists the folder. It holds the lock if it is alone there. If not, it removes its file and
tries again later. Of two processes, at least the later one sees the file of the other.

The clocks of two hosts are never compared. A holder is dead in three cases:

- its process on this host has ended
- its file does not change while another process watches it for `LEASE` seconds
- it is the same thread that asks. This thread would not ask while it changes a partition, so an
  interrupt has prevented it from releasing the lock.

A process that derives data from all partitions writes a draft next to the locks. Then it waits
until the current locks are released. A process that holds a lock removes all drafts before it
changes a commit. If the two run at the same time, at least one of them notices the other.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from movielake.lake.owners import has_ended, name_owner
from movielake.names.folders import changed_at
from movielake.names.layout import WORK_FOLDER, Folder

LOCK_FOLDER: Final = f"{WORK_FOLDER}/locks"
"""Folder of locks and drafts in a lake. It is one folder, so that NFS lists both together."""

LEASE: Final = 60.0
"""Seconds without a change after which a holder counts as dead. Its work takes milliseconds."""

_PAUSE: Final = 0.02


class Lock:
    """The right to change one partition of a lake, until it is released.

    Parameters
    ----------
    lake : Folder
        A lake on a local or shared file system.
    name : str
        Name of the lock.
    among : str, optional
        Folder of the lock in the lake.
    """

    def __init__(self, lake: Folder, name: str, among: str = LOCK_FOLDER) -> None:
        self._lake = lake
        self._name = name
        self._place = f"{among}/{name}"
        self._owner = name_owner()
        self._folder = lake.join(self._place)
        self._mine = f"{self._folder}/{self._owner}"

    def acquire(self, *, patient: bool = True) -> bool:
        """Take the lock as soon as no living process holds it.

        Parameters
        ----------
        patient : bool, optional
            Whether to wait for a living process that holds it.

        Returns
        -------
        bool
            Whether the lock was taken. It is False only if not patient.
        """
        made, watch = Path(self._lake.join(WORK_FOLDER, self._owner)), _Watch()
        made.mkdir(parents=True)
        try:
            made.joinpath(self._owner).touch()
            while not self._take(made):
                if not watch.release_dead(self._lake, self._place) and not patient:
                    return False
                time.sleep(_PAUSE)
        finally:  # after the lock was taken, this folder no longer exists
            shutil.rmtree(made, ignore_errors=True)
        return True

    def _take(self, made: Path) -> bool:
        for _ in range(2):
            try:
                made.rename(self._folder)
            except FileNotFoundError:  # this is the first lock in the lake: try again at once
                Path(self._folder).parent.mkdir(parents=True, exist_ok=True)
                continue
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            break
        # Check the file system: NFS may report an error although the rename succeeded.
        return Path(self._mine).exists()

    def renew(self) -> None:
        """Show that the holder lives. Call this before each change that needs the lock.

        Raises
        ------
        OSError
            If another process took the lock because this process did not run for too long.
        """
        try:
            os.utime(self._mine)
        except FileNotFoundError:
            raise self._lost() from None

    def _lost(self) -> OSError:
        return OSError(
            f"{self._name}: this process was stopped for more than {LEASE:.0f} s and another "
            "process took its lock; run the same command again"
        )

    def release(self) -> None:
        """Release the lock."""
        _release(self._lake, f"{self._place}/{self._owner}")


class ObjectLock(Lock):
    """The right to change one partition of a lake that is not on a local file system.

    Parameters
    ----------
    lake : Folder
        The lake. Its store must list a file as soon as the file is written. The known stores do.
    name : str
        Name of the lock.
    among : str, optional
        Folder of the lock in the lake.
    """

    def acquire(self, *, patient: bool = True) -> bool:
        """Take the lock as soon as no living process holds it. See `Lock.acquire`."""
        watch = _Watch()
        while not self._take_alone():
            if not watch.release_dead(self._lake, self._place) and not patient:
                return False
            time.sleep(_PAUSE * random.uniform(1, 10))  # noqa: S311  (not a secret)
        return True

    def _take_alone(self) -> bool:
        if self._holders():  # a look first, because a file that comes and goes makes others wait
            return False
        self._write()
        if self._holders() == {self._owner}:
            return True
        self.release()
        return False

    def _holders(self) -> set[str]:
        return set(_signs(self._lake, self._place))

    def _write(self) -> None:
        self._lake.make(self._place)
        self._lake.fs.pipe_file(self._mine, str(time.time_ns()).encode())
        self._written = time.monotonic()

    def renew(self) -> None:
        """Show that the holder lives. Call this before each change that needs the lock.

        A file that was written a short time ago is left alone, because every request takes time.

        Raises
        ------
        OSError
            If another process took the lock because this process did not run for too long.
        """
        if time.monotonic() - self._written > LEASE / 4:
            if not self._lake.fs.exists(self._mine):
                raise self._lost()
            self._write()


def new_lock(lake: Folder, name: str, among: str = LOCK_FOLDER) -> Lock:
    """Make a lock of the kind that the file system needs. It is not taken yet."""
    return (Lock if lake.is_local else ObjectLock)(lake, name, among)


@contextmanager
def hold_partition(lake: Folder, date_stamp: str, country: str) -> Iterator[Lock]:
    """Hold the lock of a partition.

    Parameters
    ----------
    lake : Folder
        The lake.
    date_stamp, country : str
        The partition.

    Yields
    ------
    Lock
        The lock. Renew it before each change.

    Examples
    --------
    >>> import tempfile
    >>> from movielake.names.layout import Folder
    >>> from movielake.lake.locks import hold_partition
    >>> with tempfile.TemporaryDirectory() as lake:
    ...     with hold_partition(Folder(lake), "20191206", "can") as lock:
    ...         lock.renew()
    """
    lock = new_lock(lake, f"{date_stamp}-{country}")
    try:
        lock.acquire()  # in the try block, because an interrupt can come just after it
        yield lock
    finally:
        lock.release()


def wait_for_holders(
    lake: Folder, among: str = LOCK_FOLDER, names: Container[str] | None = None
) -> None:
    """Wait until every lock that is held now has been released or its holder is dead.

    The locks are those in the folder ``among``, or only those with these names.
    """
    held, watch = _holders(lake, among), _Watch()
    if names is not None:
        held = {holder for holder in held if holder.partition("/")[0] in names}
    while held:
        for name in {holder.partition("/")[0] for holder in held}:
            watch.release_dead(lake, f"{among}/{name}")
        if held := held & _holders(lake, among):
            time.sleep(_PAUSE)


def name_draft() -> str:
    """Return the path of a new draft: data derived from all partitions, not yet published."""
    return f"{LOCK_FOLDER}/{name_owner()}"


def remove_drafts(lake: Folder) -> None:
    """Remove all drafts, so that none is published after the partition has changed."""
    while drafts := [name for name in _names(lake, LOCK_FOLDER) if "/" not in name]:
        for name in drafts:
            with suppress(FileNotFoundError):
                lake.fs.rm_file(lake.join(LOCK_FOLDER, name))
        if lake.is_local:
            break  # elsewhere, a draft has two files, and the second can come meanwhile


def _holders(lake: Folder, among: str) -> set[str]:
    """List the locks that are held, each as LOCK/HOLDER."""
    return {name for name in _names(lake, among) if "/" in name}


def _names(lake: Folder, among: str) -> list[str]:
    """List the drafts and locks: a draft as DRAFT, a lock as LOCK/HOLDER."""
    return [path.removeprefix(f"{among}/") for path in lake.names(among)]


def _signs(lake: Folder, lock: str) -> dict[str, Any]:
    """Map each holder of a lock to the last change of its file."""
    if lake.is_local:
        with suppress(FileNotFoundError):
            return {place.name: _modified(place) for place in Path(lake.join(lock)).iterdir()}
        return {}
    found = lake.find(lock)
    return {
        path.rpartition("/")[2]: (info.get("ETag"), changed_at(info))
        for path, info in found.items()
    }


def _modified(place: Path) -> int:
    with place.open("rb") as file:  # opened, because NFS refreshes the time only then
        return os.fstat(file.fileno()).st_mtime_ns


def _release(lake: Folder, holder: str) -> None:
    place = lake.join(holder)
    with suppress(FileNotFoundError):
        lake.fs.rm_file(place)
    if lake.is_local:
        with suppress(OSError):  # another process has already taken the lock
            Path(place).parent.rmdir()


class _Watch:
    """The last known change of each holder's file, measured with the clock of this process."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Any, float]] = {}

    def release_dead(self, lake: Folder, lock: str) -> bool:
        """Release a lock if its holder is dead. Return whether no living process holds it."""
        living = 0
        for owner, sign in _signs(lake, lock).items():
            if has_ended(owner) or self._is_still(owner, sign):
                _release(lake, f"{lock}/{owner}")
            else:
                living += 1
        return not living

    def _is_still(self, owner: str, sign: Any) -> bool:
        now = time.monotonic()
        before, since = self._seen.get(owner, (None, now))
        if before != sign:
            since = now
        self._seen[owner] = (sign, since)
        return now - since > LEASE
