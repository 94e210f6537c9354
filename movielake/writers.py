"""Writing the lake: files that appear whole or not at all, counted and digested."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from movielake.layout import WORK_FOLDER, Folder


@dataclass(frozen=True)
class WrittenFile:
    """A file of the lake, as the manifest knows it.

    Parameters
    ----------
    path : str
        Relative to the lake.
    bytes : int
        Its size.
    sha256 : str
        Hexadecimal digest of its content.
    """

    path: str
    bytes: int
    sha256: str


class HashingFile(io.RawIOBase):
    """A file opened for writing that counts and digests what passes.

    Parameters
    ----------
    raw : binary file
        Where the bytes go; closed together with this one.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Tell that writing works."""
        return True

    def write(self, data: Any) -> int:
        """Write, count and digest."""
        view = memoryview(data).cast("B")
        self._raw.write(view)
        self._digest.update(view)
        self.size += len(view)
        return len(view)

    def tell(self) -> int:
        """Return the position, which is the number of bytes written."""
        return self.size

    def close(self) -> None:
        """Close the file below too."""
        if not self.closed:
            super().close()
            self._raw.close()

    def written(self, path: str) -> WrittenFile:
        """Describe the file under the name that it gets in the lake."""
        return WrittenFile(path, self.size, self._digest.hexdigest())


class Workspace:
    """A folder of the lake for what one process is writing; nobody looks there.

    Files are written here, and renamed into the lake when all of them are complete.

    Parameters
    ----------
    lake : Folder
        The lake.
    """

    def __init__(self, lake: Folder) -> None:
        self._lake = lake
        self._name = f"{WORK_FOLDER}/{_owner()}-{uuid.uuid4().hex[:12]}"
        self._renames: dict[str, str] = {}

    def open(self, path: str) -> HashingFile:
        """Open a file for writing that is to stand at ``path`` in the lake.

        What was written for that path before is dropped.
        """
        count = len(self._renames)
        temporary = self._renames.setdefault(path, self._lake.join(self._name, str(count)))
        self._lake.fs.makedirs(self._lake.join(self._name), exist_ok=True)
        return HashingFile(self._lake.fs.open(temporary, "wb"))

    def publish(self) -> None:
        """Rename all files to where they belong, each replacing what stood there."""
        for path, temporary in self._renames.items():
            rename(self._lake, temporary, path)
        self._renames.clear()

    def close(self) -> None:
        """Remove the folder and whatever is still in it."""
        with suppress(FileNotFoundError):
            self._lake.fs.rm(self._lake.join(self._name), recursive=True)


@contextmanager
def workspace(lake: Folder) -> Iterator[Workspace]:
    """Make a `Workspace` and remove it at the end, whatever happened."""
    space = Workspace(lake)
    try:
        yield space
    finally:
        space.close()


def write_atomically(lake: Folder, path: str, content: bytes) -> WrittenFile:
    """Write one small file of the lake so that it appears whole or not at all.

    Parameters
    ----------
    lake : Folder
        The lake.
    path : str
        Relative to it.
    content : bytes
        The whole content.

    Returns
    -------
    WrittenFile
    """
    with workspace(lake) as space:
        with space.open(path) as file:
            file.write(content)
        space.publish()
    return file.written(path)


def rename(lake: Folder, temporary: str, path: str) -> None:
    """Move a finished file to its place in the lake, replacing what stood there."""
    target = lake.join(path)
    lake.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
    if lake.is_local:
        os.replace(temporary, target)  # noqa: PTH105  (fsspec's paths are texts)
    else:
        lake.fs.mv(temporary, target)


def _owner() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def remove_leftovers(lake: Folder, older_than: float = 24 * 3600) -> int:
    """Remove workspaces of processes that were killed.

    On this host a process id tells whether the owner still lives; another host's workspace counts
    as abandoned once it is a day old.

    Parameters
    ----------
    lake : Folder
        A lake on a local file system; elsewhere nothing is removed.
    older_than : float, optional
        Age in seconds at which another host's workspace is abandoned.

    Returns
    -------
    int
        Number of workspaces removed.
    """
    work = Path(lake.join(WORK_FOLDER))
    if not lake.is_local or not work.is_dir():
        return 0
    abandoned = [folder for folder in work.iterdir() if _is_abandoned(folder, older_than)]
    for folder in abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return len(abandoned)


def _is_abandoned(folder: Path, older_than: float) -> bool:
    host, _, pid = folder.name.rpartition("-")[0].rpartition("-")
    if host == socket.gethostname() and pid.isdecimal():
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False
    with suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime > older_than
    return False
