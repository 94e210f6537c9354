"""Archives: the members of a zip as streams. The sizes that the zip states are not trusted.

Members are never unpacked to disk. Their names are never used as paths. A stream never returns more
bytes than the limits allow.
"""

from __future__ import annotations

import errno
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Any, Final, cast

from movielake.feed.directories import (
    LEAST_HEADER,
    Entry,
    MissingDirectoryError,
    find_content,
    read_directory,
)
from movielake.feed.inflating import crc32
from movielake.feed.limits import Limits, OverLimitError
from movielake.feed.signatures import HEAD, describe_file, is_other_archive
from movielake.feed.unpacking import Content, Packed, require_method, unpacked

UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OverLimitError,  # a member that unpacks to too many bytes
)
"""Exceptions that a damaged, unsupported or hostile zip raises while it is read."""

_STEP: Final = 1 << 13
"""Bytes to unpack at a time. Damage in packed bytes loses at most this many bytes before it."""


@dataclass(frozen=True)
class Member:
    """One file of a feed zip.

    Parameters
    ----------
    name : str
        Name in the zip. It is never used as a path.
    size : int
        Unpacked bytes, as stated in the zip's directory. -1 if it does not state them.
    packed : int
        Stored bytes.
    check : str
        CRC of the content. For an unzipped file, its modification time.
    open : callable
        Function that opens a stream of the content. Its arguments are the number of bytes to
        unpack at a time, by default few; and ``quick=True`` if the caller wants nothing of a
        damaged member.
    """

    name: str
    size: int
    packed: int
    check: str
    open: Callable[..., IO[bytes]] = field(compare=False)


@contextmanager
def open_archive(raw: IO[bytes], limits: Limits) -> Iterator[list[Member]]:
    """Open a zip and list its members.

    Parameters
    ----------
    raw : binary file
        The zip.
    limits : Limits
        Limits on the unpacked size of each member.

    Yields
    ------
    list of Member
        The members in the order of their names, without folders. Their streams can be read only
        inside the context.

    Raises
    ------
    zipfile.BadZipFile
        If the file is not a zip, or if its directory cannot be read.
    """
    with _as_bad_zip():
        size = raw.seek(0, 2)
        raw.seek(0)
        head = raw.read(HEAD)
        if is_other_archive(head):
            raise zipfile.BadZipFile(describe_file(head, size))
        try:
            entries, end = read_directory(raw)
        except MissingDirectoryError as error:
            raise zipfile.BadZipFile(describe_file(head, size)) from error
    rooms = sorted(_rooms(entries, end), key=lambda it: (it[0].name, it[0].offset))
    yield [_zip_member(raw, *item, limits) for item in rooms if not item[0].is_folder]


def _rooms(entries: list[Entry], end: int) -> list[tuple[Entry, int]]:
    """List the members, each with the number of bytes available for its packed content.

    Members can overlap and still have no more bytes together than the zip. Then the zip is only
    damaged, and each member can be read.
    """
    entries = sorted(entries, key=lambda entry: entry.offset)
    ends = [entry.offset for entry in entries[1:]] + [end]
    begins = [entry.offset + LEAST_HEADER for entry in entries]
    rooms = [max(end - begin, 0) for begin, end in zip(begins, ends, strict=False)]
    entries = [
        replace(entry, packed=min(entry.packed, room))
        if entry.offset + entry.packed > end  # an impossible size
        else entry
        for entry, room in zip(entries, rooms, strict=True)
    ]
    if sum(entry.packed for entry in entries) <= end:
        rooms = [entry.packed for entry in entries]
    return list(zip(entries, rooms, strict=True))


@contextmanager
def _as_bad_zip() -> Iterator[None]:
    """Raise BadZipFile also for damage on which the unpackers raise other exceptions."""
    try:
        yield
    except (ValueError, IndexError, struct.error) as error:
        raise zipfile.BadZipFile(str(error)) from error
    except OSError as error:
        # bz2's own errors have no number. EINVAL is a seek to before the file's beginning.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise zipfile.BadZipFile(str(error)) from error


def _zip_member(raw: IO[bytes], entry: Entry, room: int, limits: Limits) -> Member:
    def opened(step: int = _STEP, quick: bool = False) -> IO[bytes]:
        require_method(entry)
        if entry.packed > room:  # otherwise bytes would be unpacked twice
            raise zipfile.BadZipFile("it overlaps another member, as in a zip bomb")
        with _as_bad_zip():
            packed = Packed(raw, find_content(raw, entry), entry.packed)
            content = unpacked(packed, entry, quick)
        return cast("IO[bytes]", _MemberStream(content, entry, step, limits))

    size = -1 if entry.size is None else entry.size
    return Member(entry.name, size, entry.packed, f"{entry.crc:08x}", opened)


class _MemberStream(io.RawIOBase):
    """A member's bytes, in short reads. A damaged member raises only after all readable bytes.

    The CRC shows damage only after the last byte. Bytes beyond the limits are damage too.
    """

    def __init__(self, raw: Content, entry: Entry, step: int, limits: Limits) -> None:
        self._raw = raw
        self._entry = entry
        self._step = step
        self._running = 0
        self._size = 0
        self._limits = limits
        self._left = limits.most(entry.packed)

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def readinto(self, buffer: Any) -> int:
        if self._left < 0:
            raise self._limits.excess(self._entry.packed)
        with _as_bad_zip():
            block = self._raw.read1(min(len(buffer), self._step))
        if not block:
            self._check_end()
        self._running = crc32(block, self._running)
        self._size += len(block)
        self._left -= len(block)
        if self._left < 0:  # return the bytes within the limit; the next read raises
            block = block[: self._left]
            if not block:
                raise self._limits.excess(self._entry.packed)
        buffer[: len(block)] = block
        return len(block)

    def _check_end(self) -> None:
        if self._running != self._entry.crc:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self._entry.name!r}")
        if self._entry.size not in (None, self._size):
            stated = f"{self._entry.size:,} bytes, as the zip states"
            raise zipfile.BadZipFile(f"expected {stated}, found {self._size:,}")
