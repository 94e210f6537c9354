"""Writing the lake: files that appear whole or not at all, counted and digested."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from movielake.lake.locks import name_owner
from movielake.names.layout import WORK_FOLDER, Folder


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


@contextmanager
def named(path: str) -> Iterator[None]:
    """Say in an error, such as that of a full disk, which file it is about."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or path
        raise


def is_within(error: OSError, folder: Folder) -> bool:
    """Tell whether an error of the system is about what is in a folder."""
    return bool(error.strerror) and str(error.filename or "").startswith(folder.join(""))


@contextmanager
def explained(folder: Folder) -> Iterator[None]:
    """Say in one line why a folder cannot be written, as on a full disk, and what to do.

    Raises
    ------
    OSError
        In place of the system's own.
    """
    try:
        yield
    except OSError as error:
        if not is_within(error, folder):
            raise
        file = str(error.filename).removeprefix(folder.join(""))
        where = "" if file.startswith(".") else f" ({file})"
        raise OSError(
            f"{folder.url}: {error.strerror}{where}; mend that and run the same command again"
        ) from error


class HashingFile(io.RawIOBase):
    """A file opened for writing that counts and digests what passes.

    Parameters
    ----------
    raw : binary file
        Where the bytes go; closed together with this one.
    name : str, optional
        What to call it where it cannot be written.
    """

    def __init__(self, raw: IO[bytes], name: str = "") -> None:
        self._raw = raw
        self._name = name
        self._digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Tell that writing works."""
        return True

    def write(self, data: Any) -> int:
        """Write, count and digest."""
        view = memoryview(data).cast("B")
        with named(self._name):
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
            with named(self._name):
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
        self._name = f"{WORK_FOLDER}/{name_owner()}"
        self._renames: dict[str, str] = {}

    def open(self, path: str) -> HashingFile:
        """Open a file for writing that is to stand at ``path`` in the lake.

        What was written for that path before is dropped.
        """
        count = len(self._renames)
        temporary = self._renames.setdefault(path, self._lake.join(self._name, str(count)))
        self._lake.fs.makedirs(self._lake.join(self._name), exist_ok=True)
        return HashingFile(self._lake.fs.open(temporary, "wb"), temporary)

    def publish(self, before: Callable[[], None] = lambda: None) -> None:
        """Rename all files to where they belong, each replacing what stood there.

        Parameters
        ----------
        before : callable, optional
            Called before each; may raise, and the rest stays where it is.
        """
        for path, temporary in self._renames.items():
            before()
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
    """Move a finished file to its place in the lake, replacing what stood there.

    Its bytes are on the disk before its name is: neither is lost without the other.
    """
    target = lake.join(path)
    lake.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
    if lake.is_local:
        with Path(temporary).open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105  (fsspec's paths are texts)
    else:
        lake.fs.mv(temporary, target)
