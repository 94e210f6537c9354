"""Locks: one process at a time changes a partition, on any file system that renames folders.

A lock is a folder with one file in it, named after its holder. It is made aside and renamed into
place, which fails while a folder with something in it stands there; it is given back, or taken
from a dead holder, by removing the file of just that holder. So nobody can take what he does not
mean, neither ``flock`` nor links are needed, and no clocks are compared: a holder whose process is
gone from this host, or whose file does not change while somebody watches it for `LEASE` seconds,
is dead. So is the very thread that looks: it would not look while it changes a partition, so an
interrupt has kept it from giving back.

Whoever derives something from all partitions leaves a draft beside the locks, and waits for those
that are held. Whoever holds a lock removes the drafts before changing anything: of two that meet,
one sees the other.
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
"""Where in a lake the locks and drafts are; in one folder, so that NFS shows them together."""

LEASE: Final = 60.0
"""Seconds without a sign of life after which a holder counts as dead; it needs milliseconds."""

_PAUSE: Final = 0.02
_OWNER: Final = re.compile(r"(.+)-([0-9]+)-[0-9]+-[0-9a-f]{12}")


def name_owner() -> str:
    """Name who does what now: host, ids of process and thread, and what nobody else has."""
    return f"{_this_thread()}{uuid.uuid4().hex[:12]}"


def _this_thread() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{threading.get_native_id()}-"


def is_alive(owner: str) -> bool | None:
    """Tell whether the process of a name that `name_owner` gave lives; None if nobody here knows.

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
    """Tell whether an owner is no longer at it; None if nobody here knows.

    It is not if its process has gone, nor if it is this thread, which is busy with asking.
    """
    if owner.startswith(_this_thread()):
        return True
    alive = is_alive(owner)
    return None if alive is None else not alive


class Lock:
    """The right to change one partition of a lake, for the time being.

    Parameters
    ----------
    lake : Folder
        A lake on a local or shared file system; on others nothing is locked.
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
        """Wait until nobody alive holds it, and take it."""
        if not self._lake.is_local:
            return
        made, watch = Path(self._lake.join(WORK_FOLDER, self._owner)), _Watch()
        made.mkdir(parents=True)
        try:
            made.joinpath(self._owner).touch()
            while not self._take(made):
                watch.release_dead(self._lake, self._name)
                time.sleep(_PAUSE)
        finally:  # where it has been taken, nothing is there any more
            shutil.rmtree(made, ignore_errors=True)

    def _take(self, made: Path) -> bool:
        try:
            made.rename(self._folder)
        except FileNotFoundError:  # the lake's first lock
            Path(self._folder).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        # Asked, not believed: NFS may report a failure of what was done.
        return Path(self._mine).exists()

    def renew(self) -> None:
        """Show that its holder lives, before each change that needs it.

        Raises
        ------
        OSError
            If it was taken away, since this process stood still for too long.
        """
        if not self._lake.is_local:
            return
        try:
            os.utime(self._mine)
        except FileNotFoundError:
            raise OSError(
                f"{self._name}: this process stood still for more than {LEASE:.0f} s and another "
                "one took over; run the same command again"
            ) from None

    def release(self) -> None:
        """Give it back."""
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
        Which partition.

    Yields
    ------
    Lock
        To be renewed before each change.

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
        lock.acquire()  # in here, since an interrupt may come when it has just been taken
        yield lock
    finally:
        lock.release()


def wait_for_holders(lake: Folder) -> None:
    """Wait until all who hold a lock now have given it back, or are dead."""
    held, watch = _holders(lake), _Watch()
    while held:
        for name in {holder.partition("/")[0] for holder in held}:
            watch.release_dead(lake, name)
        if held := held & _holders(lake):
            time.sleep(_PAUSE)


def name_draft() -> str:
    """Say where in a lake to write what is derived from all partitions, before it is published."""
    return f"{LOCK_FOLDER}/{name_owner()}"


def remove_drafts(lake: Folder) -> None:
    """Remove all drafts: they can no longer be published, since a partition is to be changed."""
    for name in _names(lake):
        if "/" not in name:
            with suppress(FileNotFoundError):
                lake.fs.rm_file(lake.join(LOCK_FOLDER, name))


def _holders(lake: Folder) -> set[str]:
    """List what is held, each as the lock's name and its holder."""
    return {name for name in _names(lake) if "/" in name}


def _names(lake: Folder) -> list[str]:
    """List drafts, and after a slash each the holders of locks."""
    return [path.removeprefix(f"{LOCK_FOLDER}/") for path in lake.names(LOCK_FOLDER)]


def _release(lake: Folder, holder: str) -> None:
    place = Path(lake.join(LOCK_FOLDER, holder))
    with suppress(FileNotFoundError):
        place.unlink()
    with suppress(OSError):  # another one has taken it
        place.parent.rmdir()


def remove_leftovers(lake: Folder, older_than: float = 24 * 3600) -> int:
    """Remove workspaces and drafts of processes that were killed, or of this thread's own past.

    On this host a process id tells whether the owner still lives; what is another host's counts
    as abandoned once it is a day old.

    Parameters
    ----------
    lake : Folder
        A lake on a local file system; elsewhere nothing is removed.
    older_than : float, optional
        Age in seconds at which what is another host's is abandoned.

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
    """What one process has seen of holders, by its own clock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def release_dead(self, lake: Folder, name: str) -> None:
        """Give back a lock whose holder is dead."""
        folder = Path(lake.join(LOCK_FOLDER, name))
        with suppress(FileNotFoundError):
            for place in folder.iterdir():
                if _has_ended(place.name) or self._is_still(place):
                    _release(lake, f"{name}/{place.name}")

    def _is_still(self, place: Path) -> bool:
        with place.open("rb") as file:  # opened, since NFS looks anew only then
            modified = os.fstat(file.fileno()).st_mtime_ns
        now = time.monotonic()
        before, since = self._seen.get(place.name, (None, now))
        if before != modified:
            since = now
        self._seen[place.name] = (modified, since)
        return now - since > LEASE
