"""Locks: one process at a time changes a partition, on any file system that can rename folders.

A lock is a folder that contains one file, named after the holder of the lock. A process creates
the folder in another place and renames it. The rename fails while a folder with a file exists
under the name of the lock. To release a lock, also that of a dead holder, a process removes the
file of exactly this holder. So a process never takes the wrong lock, and neither ``flock`` nor
links are needed.

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
import re
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from movielake.names.layout import WORK_FOLDER, Folder

LOCK_FOLDER: Final = f"{WORK_FOLDER}/locks"
"""Folder of locks and drafts in a lake. It is one folder, so that NFS lists both together."""

LEASE: Final = 60.0
"""Seconds without a change after which a holder counts as dead. Its work takes milliseconds."""

_PAUSE: Final = 0.02
_OWNER: Final = re.compile(r"(.+)-([0-9]+)-[0-9]+-[0-9a-f]{12}")


def name_owner() -> str:
    """Return a unique name for a holder: host, ids of process and thread, and random digits."""
    return f"{_this_thread()}{uuid.uuid4().hex[:12]}"


def _this_thread() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{threading.get_native_id()}-"


def is_alive(owner: str) -> bool | None:
    """Return whether the process of an owner lives. Return None if this host cannot decide.

    The owner is a name that `name_owner` returned.

    Examples
    --------
    >>> from movielake.lake.locks import is_alive, name_owner
    >>> is_alive(name_owner()), is_alive("elsewhere-1-1-0123456789ab")
    (True, None)
    """
    match = _OWNER.fullmatch(owner)
    if match is None or match[1] != socket.gethostname():
        return None
    try:
        os.kill(int(match[2]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _has_ended(owner: str) -> bool | None:
    """Return whether an owner has stopped its work. Return None if this host cannot decide.

    An owner has stopped if its process has ended. It has also stopped if it is this thread,
    because this thread is now busy with this question.
    """
    if owner.startswith(_this_thread()):
        return True
    alive = is_alive(owner)
    return None if alive is None else not alive


class Lock:
    """The right to change one partition of a lake, until it is released.

    Parameters
    ----------
    lake : Folder
        A lake on a local or shared file system. On other file systems, a lock has no effect.
    name : str
        Name of the lock.
    """

    def __init__(self, lake: Folder, name: str) -> None:
        self._lake = lake
        self._name = name
        self._owner = name_owner()
        self._folder = lake.join(LOCK_FOLDER, name)
        self._mine = f"{self._folder}/{self._owner}"

    def acquire(self) -> None:
        """Wait until no living process holds the lock, and take it."""
        if not self._lake.is_local:
            return
        made, watch = Path(self._lake.join(WORK_FOLDER, self._owner)), _Watch()
        made.mkdir(parents=True)
        try:
            made.joinpath(self._owner).touch()
            while not self._take(made):
                watch.release_dead(self._lake, self._name)
                time.sleep(_PAUSE)
        finally:  # after the lock was taken, this folder no longer exists
            shutil.rmtree(made, ignore_errors=True)

    def _take(self, made: Path) -> bool:
        try:
            made.rename(self._folder)
        except FileNotFoundError:  # this is the first lock in the lake
            Path(self._folder).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        # Check the file system: NFS may report an error although the rename succeeded.
        return Path(self._mine).exists()

    def renew(self) -> None:
        """Show that the holder lives. Call this before each change that needs the lock.

        Raises
        ------
        OSError
            If another process took the lock because this process did not run for too long.
        """
        if not self._lake.is_local:
            return
        try:
            os.utime(self._mine)
        except FileNotFoundError:
            raise OSError(
                f"{self._name}: this process was stopped for more than {LEASE:.0f} s and another "
                "process took its lock; run the same command again"
            ) from None

    def release(self) -> None:
        """Release the lock."""
        if self._lake.is_local:
            _release(self._lake, f"{self._name}/{self._owner}")


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
    lock = Lock(lake, f"{date_stamp}-{country}")
    try:
        lock.acquire()  # in the try block, because an interrupt can come just after it
        yield lock
    finally:
        lock.release()


def wait_for_holders(lake: Folder) -> None:
    """Wait until every lock that is held now has been released or its holder is dead."""
    held, watch = _holders(lake), _Watch()
    while held:
        for name in {holder.partition("/")[0] for holder in held}:
            watch.release_dead(lake, name)
        if held := held & _holders(lake):
            time.sleep(_PAUSE)


def name_draft() -> str:
    """Return the path of a new draft: data derived from all partitions, not yet published."""
    return f"{LOCK_FOLDER}/{name_owner()}"


def remove_drafts(lake: Folder) -> None:
    """Remove all drafts, so that none is published after the partition has changed."""
    for name in _names(lake):
        if "/" not in name:
            with suppress(FileNotFoundError):
                lake.fs.rm_file(lake.join(LOCK_FOLDER, name))


def _holders(lake: Folder) -> set[str]:
    """List the locks that are held, each as LOCK/HOLDER."""
    return {name for name in _names(lake) if "/" in name}


def _names(lake: Folder) -> list[str]:
    """List the drafts and locks: a draft as DRAFT, a lock as LOCK/HOLDER."""
    return [path.removeprefix(f"{LOCK_FOLDER}/") for path in lake.names(LOCK_FOLDER)]


def _release(lake: Folder, holder: str) -> None:
    place = Path(lake.join(LOCK_FOLDER, holder))
    with suppress(FileNotFoundError):
        place.unlink()
    with suppress(OSError):  # another process has already taken the lock
        place.parent.rmdir()


def remove_leftovers(lake: Folder, older_than: float = 24 * 3600) -> int:
    """Remove workspaces and drafts of killed processes, and those that this thread left behind.

    On this host, the process id shows whether the owner still lives. A workspace or draft of
    another host counts as abandoned after one day.

    Parameters
    ----------
    lake : Folder
        A lake on a local file system. On other file systems, no file is removed.
    older_than : float, optional
        Age in seconds from which a workspace or draft of another host counts as abandoned.

    Returns
    -------
    int
        Number of workspaces and drafts removed.
    """
    work, locks = Path(lake.join(WORK_FOLDER)), Path(lake.join(LOCK_FOLDER))
    if not lake.is_local or not work.is_dir():
        return 0
    found = [path for path in work.iterdir() if path != locks]
    with suppress(FileNotFoundError):
        found += [path for path in locks.iterdir() if path.is_file()]
    abandoned = [path for path in found if _is_abandoned(path, older_than)]
    for path in abandoned:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(abandoned)


def _is_abandoned(path: Path, older_than: float) -> bool:
    ended = _has_ended(path.name)
    if ended is not None:
        return ended
    with suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > older_than
    return False


class _Watch:
    """The last known change of each holder's file, measured with the clock of this process."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def release_dead(self, lake: Folder, name: str) -> None:
        """Release a lock if its holder is dead."""
        folder = Path(lake.join(LOCK_FOLDER, name))
        with suppress(FileNotFoundError):
            for place in folder.iterdir():
                if _has_ended(place.name) or self._is_still(place):
                    _release(lake, f"{name}/{place.name}")

    def _is_still(self, place: Path) -> bool:
        with place.open("rb") as file:  # opened, because NFS refreshes the time only then
            modified = os.fstat(file.fileno()).st_mtime_ns
        now = time.monotonic()
        before, since = self._seen.get(place.name, (None, now))
        if before != modified:
            since = now
        self._seen[place.name] = (modified, since)
        return now - since > LEASE
