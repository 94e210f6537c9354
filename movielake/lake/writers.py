"""Writers of lake files, which appear complete or not at all, with their sizes and checksums."""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from movielake.lake.owners import name_owner
from movielake.names.folders import lacks_container
from movielake.names.layout import WORK_FOLDER, Folder


@dataclass(frozen=True)
class WrittenFile:
    """A file of the lake, as listed in the manifest.

    Parameters
    ----------
    path : str
        Path relative to the lake.
    bytes : int
        Size of the file.
    sha256 : str
        SHA-256 checksum of the content, in hexadecimal.
    """

    path: str
    bytes: int
    sha256: str


@contextmanager
def named(path: str) -> Iterator[None]:
    """Add the path of the file to an operating system error, for example of a full disk."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # an error of an object store has only a text
            raise OSError(_number(error), str(error), path) from error
        error.filename = error.filename or path
        raise
    except Exception as error:
        if not lacks_container(error):
            raise
        raise FileNotFoundError(errno.ENOENT, "the container does not exist", path) from error


def _number(error: OSError) -> int:
    numbers = {FileNotFoundError: errno.ENOENT, PermissionError: errno.EACCES}
    return numbers.get(type(error), errno.EIO)


def is_within(error: OSError, folder: Folder) -> bool:
    """Return whether an operating system error concerns a file in a folder."""
    return bool(error.strerror) and str(error.filename or "").startswith(folder.join(""))


@contextmanager
def explained(folder: Folder) -> Iterator[None]:
    """Explain in one line why a write to a folder failed (a full disk, for example), and the fix.

    Raises
    ------
    OSError
        With this explanation, in place of the original error.
    FileNotFoundError
        If the folder is in a bucket that does not exist.
    """
    try:
        yield
    except OSError as error:
        if not is_within(error, folder):
            raise
        if isinstance(error, FileNotFoundError) and folder.is_object_store:
            raise FileNotFoundError(
                f"expected an existing bucket for {folder.url}, found none; correct its name, or "
                "create it first"
            ) from error
        file = str(error.filename).removeprefix(folder.join(""))
        where = "" if file.startswith(".") else f" ({file})"
        raise OSError(
            f"{folder.url}: {error.strerror}{where}; fix this and run the same command again"
        ) from error


class CountingFile(io.RawIOBase):
    """A file opened for writing that counts the bytes.

    Parameters
    ----------
    raw : binary file
        The file that receives the bytes. It is closed together with this one.
    name : str, optional
        Name of the file in error messages.
    """

    def __init__(self, raw: IO[bytes], name: str = "") -> None:
        self._raw = raw
        self._name = name
        self.size = 0

    def writable(self) -> bool:
        """Return True, because the file can be written."""
        return True

    def write(self, data: Any) -> int:
        """Write bytes and count them."""
        view = memoryview(data).cast("B")
        with named(self._name):
            self._raw.write(view)
        self.size += len(view)
        return len(view)

    def tell(self) -> int:
        """Return the position, which is the number of bytes written."""
        return self.size

    def close(self) -> None:
        """Close this file and the file that receives the bytes."""
        if not self.closed:
            super().close()
            with named(self._name):
                self._raw.close()


class HashingFile(CountingFile):
    """A file opened for writing that counts the bytes and computes their checksum.

    Parameters
    ----------
    raw : binary file
        The file that receives the bytes. It is closed together with this one.
    name : str, optional
        Name of the file in error messages.
    """

    def __init__(self, raw: IO[bytes], name: str = "") -> None:
        super().__init__(raw, name)
        self._digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Write bytes, count them and update the checksum."""
        written = super().write(data)
        self._digest.update(memoryview(data).cast("B"))
        return written

    def written(self, path: str) -> WrittenFile:
        """Return the path in the lake, the size and the checksum of the file."""
        return WrittenFile(path, self.size, self._digest.hexdigest())


class Workspace:
    """A hidden folder of the lake for the files that one process is writing.

    Files are written here, and renamed into the lake when all of them are complete. Readers ignore
    this folder.

    Parameters
    ----------
    lake : Folder
        The lake.
    """

    def __init__(self, lake: Folder) -> None:
        self._lake = lake
        self._name = f"{WORK_FOLDER}/{name_owner()}"
        self._numbers = itertools.count()
        self._renames: dict[str, str] = {}

    def open(self, path: str) -> HashingFile:
        """Open a file for writing that will be published at ``path`` in the lake.

        Earlier content for the same path is dropped.
        """
        return HashingFile(*self._open(path))

    def open_plain(self, path: str) -> CountingFile:
        """Open a file as `open` does, for bytes whose checksum is compared where they are read."""
        return CountingFile(*self._open(path))

    def _open(self, path: str) -> tuple[IO[bytes], str]:
        temporary = self._lake.join(self._name, str(next(self._numbers)))
        temporary = self._renames.setdefault(path, temporary)
        self._lake.make(self._name)
        return self._lake.fs.open(temporary, "wb"), temporary

    def publish(
        self, before: Callable[[], None] = lambda: None, *, is_durable: bool = True
    ) -> None:
        """Rename all files to their paths in the lake. Each replaces an older file.

        Parameters
        ----------
        before : callable, optional
            Function to call before each rename. If it raises, the remaining files are not renamed.
        is_durable : bool, optional
            Write the bytes to the disk first. A copy for one job does not need it.
        """
        for path, temporary in self._renames.items():
            before()
            rename(self._lake, temporary, path, is_durable=is_durable)
        self._renames.clear()

    def close(self) -> None:
        """Remove the folder and all files that are still in it."""
        if self._lake.is_object_store:
            for temporary in self._renames.values():
                with suppress(FileNotFoundError):
                    self._lake.fs.rm_file(temporary)
            return
        with suppress(FileNotFoundError):
            self._lake.fs.rm(self._lake.join(self._name), recursive=True)


@contextmanager
def workspace(lake: Folder) -> Iterator[Workspace]:
    """Create a `Workspace` and always remove it at the end, also after an error."""
    space = Workspace(lake)
    try:
        yield space
    finally:
        space.close()


def write_atomically(
    lake: Folder, path: str, content: bytes, *, is_durable: bool = True
) -> WrittenFile:
    """Write one small file of the lake so that it appears complete or not at all.

    An object of a store appears in this way by itself.

    Parameters
    ----------
    lake : Folder
        The lake.
    path : str
        Path relative to the lake.
    content : bytes
        The whole content.
    is_durable : bool, optional
        Write the bytes to the disk before the file appears. A copy for one job does not need it.

    Returns
    -------
    WrittenFile
    """
    if lake.is_object_store:
        with named(lake.join(path)):
            lake.fs.pipe_file(lake.join(path), content)
        return WrittenFile(path, len(content), hashlib.sha256(content).hexdigest())
    with workspace(lake) as space:
        with space.open(path) as file:
            file.write(content)
        space.publish(is_durable=is_durable)
    return file.written(path)


def rename(lake: Folder, temporary: str, path: str, *, is_durable: bool = True) -> None:
    """Move a finished file to its place in the lake, and replace the old file there.

    Unless ``is_durable`` is false, the bytes are written to the disk before the name. Then a crash
    never leaves a name without its bytes. In an object store, the file is copied within the store,
    and appears at once.
    """
    target, folder = lake.join(path), path.split("/")[:-1]
    if lake.is_local:
        if is_durable:
            with Path(temporary).open("rb") as file:
                os.fsync(file.fileno())
        try:
            os.replace(temporary, target)  # noqa: PTH105  (paths of fsspec are strings)
        except FileNotFoundError:  # most often the folder is there, so it is not made first
            lake.make(*folder)
            os.replace(temporary, target)  # noqa: PTH105
    elif lake.is_object_store:
        lake.fs.cp_file(temporary, target)
        lake.fs.rm_file(temporary)
    else:
        lake.make(*folder)
        lake.fs.mv(temporary, target)
