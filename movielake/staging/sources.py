"""Sources: lakes to read from, as a folder or as a pack that is read without unpacking."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from tarfile import BLOCKSIZE
from typing import IO, Any, Final, TypeVar

from movielake.lake.commits import Commit
from movielake.lake.opening import check_lake
from movielake.lake.writers import WrittenFile
from movielake.names.layout import Folder
from movielake.staging.packs import (
    DamagedPackError,
    Index,
    Span,
    files_of,
    index_size,
    place,
    read_index,
    scan,
)

Given = TypeVar("Given")
Result = TypeVar("Result")

BLOCK: Final = 1 << 22
"""Largest number of bytes per read from afar, where each request takes time."""

DISK_BLOCK: Final = 1 << 19
"""Largest number of bytes per read from a disk. Larger blocks are slow to write to new files."""

_LARGEST: Final = 1 << 30
"""Largest member that is read in one piece. A commit is never so large."""


def ahead(
    pool: Executor, function: Callable[[Given], Result], items: Iterable[Given], most: int
) -> Iterator[Result]:
    """Apply a function to items and yield the results in order. At most ``most`` items wait."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # after an error, cancel all calls that have not started
        for future in waiting:
            future.cancel()


class DifferentFileError(ValueError):
    """Raised if a file is missing or differs from its commit."""


class Source(Folder):
    """A folder of a lake to read from.

    Parameters
    ----------
    url : str
        Path or URL of the folder.
    """

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all open files."""

    @property
    def name(self) -> str:
        """Name of the lake: the last part of its path."""
        return Folder(self.url).path.rpartition("/")[2]

    @property
    def identity(self) -> str:
        """The full URL. It is the same for all spellings of the same place."""
        place = Folder(self.url)
        if place.is_local:
            return os.path.realpath(place.path)
        return str(place.fs.unstrip_protocol(place.path))

    @property
    def block(self) -> int:
        """Largest number of bytes per read."""
        return DISK_BLOCK if self.is_local else BLOCK

    def locate(self, commit: Commit) -> None:
        """Prepare to read the files of a commit, which must be the commit in the lake."""

    def read(self, path: str, start: int, size: int) -> bytes:
        """Read at most ``size`` bytes of a file, from ``start`` on."""
        if not self.is_local:
            return bytes(self.fs.cat_file(self.join(path), start=start, end=start + size))
        number = os.open(self.join(path), os.O_RDONLY)
        try:
            return os.pread(number, size, start)
        finally:
            os.close(number)

    def blocks(self, file: WrittenFile) -> Iterator[bytes]:
        """Read a file block by block, to its end or to one byte more than its commit states."""
        if not file.bytes:  # some stores refuse an empty range
            yield bytes(self.fs.cat_file(self.join(file.path)))
        most = self.block
        for start in range(0, file.bytes, most):
            left = file.bytes - start
            yield self.read(file.path, start, most if left > most else left + 1)

    def verified(self, file: WrittenFile) -> Iterator[bytes]:
        """Read a file block by block, and compare it with its commit.

        Parameters
        ----------
        file : WrittenFile
            The file, with its expected size and checksum.

        Yields
        ------
        bytes
            The blocks in order.

        Raises
        ------
        DifferentFileError
            At the beginning if the file is missing. At the end if its content differs.
        """
        digest, size = hashlib.sha256(), 0
        try:
            for block in self.blocks(file):
                digest.update(block)
                size += len(block)
                yield block
        except FileNotFoundError:
            raise DifferentFileError(
                f"{self.url}: {file.path} is missing although the manifest lists it"
            ) from None
        if (size, digest.hexdigest()) != (file.bytes, file.sha256):
            found = "other content" if size == file.bytes else f"{size} bytes or more"
            raise DifferentFileError(
                f"{self.url}: {file.path} differs from the manifest: expected {file.bytes} "
                f"bytes with sha256 {file.sha256[:12]}…, found {found}; convert or pack it again"
            )


class Pack(Source):
    """A pack, with the methods of the lake in it.

    Parameters
    ----------
    url : str
        Path or URL of the tar.

    Raises
    ------
    ValueError
        If the file is not a tar, is damaged, or has members that are not safe to unpack.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._tar = Source(url)
        self._number = os.open(self._tar.path, os.O_RDONLY) if self._tar.is_local else None
        self._size = int(self._tar.fs.size(self._tar.path) or 0)
        try:
            index = self._read_index()
            self._data = index.data if index else {}
            self._spans = index.spans if index else self._scanned()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the tar."""
        if self._number is not None:
            os.close(self._number)
            self._number = None

    @property
    def fs(self) -> Any:
        """The pack itself: it has the file system methods that `movielake.lake.manifest` needs."""
        return self

    @property
    def protocol(self) -> str:
        """The name of this file system."""
        return "pack"

    @property
    def path(self) -> str:
        """The lake's path on this file system."""
        return ""

    @property
    def name(self) -> str:
        """Name of the lake: the name of the tar without its ending."""
        return super().name.removesuffix(".tar")

    @property
    def block(self) -> int:
        """Largest number of bytes per read."""
        return self._tar.block

    def find(self, *parts: str) -> dict[str, dict[str, Any]]:
        """Return all files below a path, as path relative to the lake → size."""
        top = "".join(f"{part}/" for part in parts)
        return {p: {"size": self._spans[p].size} for p in sorted(self._spans) if p.startswith(top)}

    def names(self, *parts: str) -> list[str]:
        """List all files below a path, relative to the lake."""
        return list(self.find(*parts))

    def open(self, path: str, _: str = "rb") -> IO[bytes]:
        """Open a file for reading."""
        return io.BytesIO(self.cat_file(path))

    def cat_file(self, path: str) -> bytes:
        """Read a whole file. Check it if the index has its checksum."""
        return self._checked(path.removeprefix("/"), self._span(path))

    def locate(self, commit: Commit) -> None:
        """Compute the positions of the files of a commit, so that they can be read."""
        start = self._data.get((commit.date_stamp, commit.country))
        if start is not None:
            self._spans |= place(start, [(f.path, f.bytes) for f in files_of(commit)])[0]

    def read(self, path: str, start: int, size: int) -> bytes:
        """Read at most ``size`` bytes of a file, from ``start`` on."""
        span = self._span(path)
        return self._read(span.offset + start, min(size, span.size - start))

    def _span(self, path: str) -> Span:
        span = self._spans.get(path.removeprefix("/"))
        if span is None:
            raise FileNotFoundError(f"{self.url}: {path.removeprefix('/')} is not in the pack")
        return span

    def _read(self, start: int, size: int) -> bytes:
        if size <= 0 or not 0 <= start < self._size:
            return b""
        if self._number is not None:
            return os.pread(self._number, size, start)
        return bytes(self._tar.fs.cat_file(self._tar.path, start=start, end=start + size))

    def _checked(self, path: str, span: Span) -> bytes:
        content = self._read(span.offset, span.size) if span.size <= _LARGEST else b""
        if len(content) != span.size or span.crc not in (None, zlib.crc32(content)):
            raise DamagedPackError(f"{self.url}: {path} is damaged; pack the lake again")
        return content

    def _read_index(self) -> Index | None:
        """Read the index. Return None if the tar has no index."""
        length = index_size(self._read(0, BLOCKSIZE))
        if not 0 < length < min(self._size, _LARGEST):
            return None
        try:
            return read_index(self._read(0, length))
        except DamagedPackError as error:
            raise DamagedPackError(f"{self.url}: {error}") from None

    def _scanned(self) -> dict[str, Span]:
        with self._tar.fs.open(self._tar.path, "rb") as file:
            return scan(file, self.url)


def open_source(url: str) -> Source:
    """Open a lake for reading, from a folder or a pack.

    Parameters
    ----------
    url : str
        Path or URL of the folder of a lake, or of a pack.

    Returns
    -------
    Source
        The opened lake. Close it, or use it as a context manager.

    Raises
    ------
    FileNotFoundError
        If the path does not exist or is not a lake.
    ValueError
        If it is neither a lake nor a pack, or has another format.
    """
    folder = Folder(url)
    if not folder.fs.exists(folder.path):
        raise FileNotFoundError(f"expected a lake or a pack, found nothing at {url}")
    if folder.fs.isdir(folder.path):
        source = Source(url)
    elif folder.fs.isfile(folder.path):
        source = Pack(url)
    else:
        raise ValueError(f"expected a lake or a pack, found neither a folder nor a file at {url}")
    try:
        check_lake(source)
    except BaseException:
        source.close()
        raise
    return source
