"""Archives: the members of a zip as streams. The sizes that the zip states are not trusted.

Members are never unpacked to disk. Their names are never used as paths. A stream never returns more
bytes than the limits allow.
"""

from __future__ import annotations

import bz2
import errno
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final, Protocol, cast

from movielake.feed.limits import Limits, OverLimitError

UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # a compression or zip version that zipfile does not support
    RuntimeError,  # an encrypted member
    OverLimitError,  # a member that unpacks to too many bytes
)
"""Exceptions that a damaged, unsupported or hostile zip raises while it is read."""

_STEP: Final = 1 << 13
"""Bytes to unpack at a time. Damage in packed bytes loses at most this many bytes before it."""

_HEADER: Final = 30
"""Least size of the header before a member's packed content, in bytes."""

_PLACE: Final = ("orig_filename", "header_offset", "flag_bits", "compress_type", "compress_size")
_PACKED: Final = 4096
_LZMA_MEMORY: Final = 1 << 28
_UNKNOWN_SIZE: Final = 2**64 - 1
_ENDS_WITH_MARK: Final = 2  # flag of LZMA members: an end mark follows the content


@dataclass(frozen=True)
class Member:
    """One file of a feed zip.

    Parameters
    ----------
    name : str
        Name in the zip. It is never used as a path.
    size : int
        Unpacked bytes, as stated in the zip's directory.
    packed : int
        Stored bytes.
    check : str
        CRC of the content. For an unzipped file, its modification time.
    open : callable
        Function that opens a stream of the content. Its argument is the number of bytes to unpack
        at a time, by default few.
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
        If the zip's directory cannot be read.
    """
    with _as_bad_zip():
        archive = zipfile.ZipFile(raw)
    with archive:
        rooms = sorted(_rooms(archive), key=lambda it: (it[0].filename, it[0].header_offset))
        yield [
            _zip_member(archive, info, room, limits)
            for info, room in rooms
            if not info.filename.endswith("/")
        ]


def _rooms(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, int]]:
    """List the members, each with the number of bytes available for its packed content.

    Members can overlap and still have no more bytes together than the zip. Then the zip is only
    damaged, and each member can be read.
    """
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    ends = [info.header_offset for info in infos[1:]] + [archive.start_dir]
    begins = [info.header_offset + _HEADER for info in infos]
    rooms = [max(end - begin, 0) for begin, end in zip(begins, ends, strict=False)]
    for info, room in zip(infos, rooms, strict=True):
        if info.header_offset + info.compress_size > archive.start_dir:  # an impossible size
            info.compress_size = min(info.compress_size, room)
    if sum(info.compress_size for info in infos) <= archive.start_dir:
        rooms = [info.compress_size for info in infos]
    return list(zip(infos, rooms, strict=True))


@contextmanager
def _as_bad_zip() -> Iterator[None]:
    """Raise BadZipFile also for damage on which zipfile raises other exceptions."""
    try:
        yield
    except (ValueError, IndexError, struct.error) as error:
        raise zipfile.BadZipFile(str(error)) from error
    except OSError as error:
        # bz2's own errors have no number. EINVAL is a seek to before the file's beginning.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise zipfile.BadZipFile(str(error)) from error


def _zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, room: int, limits: Limits
) -> Member:
    def opened(step: int = _STEP) -> IO[bytes]:
        if info.flag_bits & 1:
            raise zipfile.BadZipFile("it is encrypted")
        if info.compress_size > room:  # otherwise bytes would be unpacked twice
            raise zipfile.BadZipFile("it overlaps another member, as in a zip bomb")
        with _as_bad_zip():
            raw = _unpacked(archive, info)
        stream = _MemberStream(raw, info, step, limits)
        return cast("IO[bytes]", stream)

    return Member(info.filename, info.file_size, info.compress_size, f"{info.CRC:08x}", opened)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Readable:
    """Open a member by its ZipInfo, because two members can have the same name."""
    unchecked = zipfile.ZipInfo(info.filename)  # without the CRC, which zipfile would check
    for name in _PLACE:
        setattr(unchecked, name, getattr(info, name))
    unchecked.file_size = _UNKNOWN_SIZE  # so that zipfile does not cut the content off
    method = info.compress_type
    if method not in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        return cast("zipfile.ZipExtFile", archive.open(unchecked))
    # With these methods, zipfile unpacks a whole block at once. A few bytes can become gigabytes.
    unchecked.compress_type, unchecked.file_size = zipfile.ZIP_STORED, info.compress_size
    raw = archive.open(unchecked)
    return _Unpacking(
        raw, bz2.BZ2Decompressor() if method == zipfile.ZIP_BZIP2 else _lzma(raw, info)
    )


def _lzma(raw: IO[bytes], info: zipfile.ZipInfo) -> lzma.LZMADecompressor:
    """Start to unpack LZMA. Build its usual header, which a zip does not store completely."""
    length = int.from_bytes(raw.read(4)[2:], "little")
    size = _UNKNOWN_SIZE if info.flag_bits & _ENDS_WITH_MARK else info.file_size
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE, _LZMA_MEMORY)
    unpacker.decompress(raw.read(length) + size.to_bytes(8, "little"), 0)
    return unpacker


class _Unpacking:
    """A packed stream that is unpacked only as far as it is read."""

    def __init__(
        self, raw: IO[bytes], unpacker: bz2.BZ2Decompressor | lzma.LZMADecompressor
    ) -> None:
        self._raw = raw
        self._unpacker = unpacker

    def read1(self, size: int) -> bytes:
        while not self._unpacker.eof:
            packed = self._raw.read(_PACKED) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("the packed bytes end too early")
            if block := self._unpacker.decompress(packed, size):
                return block
        return b""

    def close(self) -> None:
        self._raw.close()


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class _MemberStream(io.RawIOBase):
    """A member's bytes, in short reads. A damaged member raises only after all readable bytes.

    zipfile itself withholds the block in which it finds damage. If the CRC is wrong, this is the
    last block. Bytes beyond the limits are damage too.
    """

    def __init__(self, raw: _Readable, info: zipfile.ZipInfo, step: int, limits: Limits) -> None:
        self._raw = raw
        self._info = info
        self._step = step
        self._running = 0
        self._size = 0
        self._limits = limits
        self._left = limits.most(info.compress_size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left < 0:
            raise self._limits.excess(self._info.compress_size)
        with _as_bad_zip():
            block = self._raw.read1(min(len(buffer), self._step))
        if not block:
            self._check_end()
        self._running = zlib.crc32(block, self._running)
        self._size += len(block)
        self._left -= len(block)
        if self._left < 0:  # return the bytes within the limit; the next read raises
            block = block[: self._left]
            if not block:
                raise self._limits.excess(self._info.compress_size)
        buffer[: len(block)] = block
        return len(block)

    def _check_end(self) -> None:
        if self._running != self._info.CRC:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self._info.filename!r}")
        if self._size != self._info.file_size:
            stated = f"{self._info.file_size:,} bytes, as the zip states"
            raise zipfile.BadZipFile(f"expected {stated}, found {self._size:,}")

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._raw.close()
