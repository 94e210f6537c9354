"""Unpacking: the content of one member of a zip, unpacked only as far as it is read."""

from __future__ import annotations

import bz2
import lzma
import zipfile
from typing import IO, Final, Protocol

from movielake.feed.directories import Entry
from movielake.feed.inflating import Inflater

_STORED: Final = 0
_DEFLATE: Final = 8
_BZIP2: Final = 12
_LZMA: Final = 14
_METHODS: Final = {
    1: "Shrink",
    **dict.fromkeys(range(2, 6), "Reduce"),
    6: "Implode",
    9: "Deflate64",
    10: "PKWARE Implode",
    16: "IBM CMPSC",
    18: "IBM TERSE",
    19: "IBM LZ77",
    20: "Zstandard",
    93: "Zstandard",
    94: "MP3",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
"""Numbers and names of other methods, from section 4.4.5 of PKWARE's APPNOTE 6.3.10."""

_AES: Final = 99
_ENCRYPTED: Final = 1
_AGAIN: Final = "unpack the zip, and pack its files again with Deflate, the usual method"

_BLOCK: Final = 1 << 14
_LZMA_MEMORY: Final = 1 << 28
_UNKNOWN_SIZE: Final = 2**64 - 1
_ENDS_WITH_MARK: Final = 2  # flag of LZMA members: an end mark follows the content


class Content(Protocol):
    """The unpacked content of a member."""

    def read1(self, size: int, /) -> bytes:
        """Return at most this many bytes, and none at the end."""


def require_method(entry: Entry) -> None:
    """Require that a member can be unpacked.

    Parameters
    ----------
    entry : Entry
        The member's entry in the directory.

    Raises
    ------
    zipfile.BadZipFile
        If it is encrypted, or packed with another method. The message states what to do next.
    """
    method = entry.method
    if entry.flags & _ENCRYPTED or method == _AES:
        how = " with AES (compression method 99)" if method == _AES else ""
        advice = "unpack the zip with its password, and pack its files again without one"
        raise zipfile.BadZipFile(f"it is encrypted{how}; {advice}")
    if method not in (_STORED, _DEFLATE, _BZIP2, _LZMA):
        name = _METHODS.get(method, "an unknown method")
        packed = f"it is packed with {name} (compression method {method})"
        raise zipfile.BadZipFile(f"{packed}, which is not supported; {_AGAIN}")


class Packed:
    """The packed bytes of a member. Several members of one file can be read by turns."""

    def __init__(self, file: IO[bytes], place: int, size: int) -> None:
        self._file = file
        self._place = place
        self._end = place + size

    def read1(self, size: int) -> bytes:
        """Return at most this many bytes, and none at the end."""
        self._file.seek(self._place)
        block = self._file.read(min(size, self._end - self._place))
        self._place += len(block)
        return block


def unpacked(packed: Packed, entry: Entry, quick: bool = False) -> Content:
    """Unpack a member. A method that has no unpacker is refused by `require_method` before.

    Parameters
    ----------
    packed : Packed
        The member's packed bytes.
    entry : Entry
        The member's entry in the directory.
    quick : bool, optional
        Whether the caller wants nothing of a damaged member.

    Returns
    -------
    Content
        The content. It raises EOFError if the packed bytes end too early.
    """
    if entry.method == _STORED:
        return packed
    if entry.method == _DEFLATE:
        return _Unpacking(packed, Inflater(quick))
    if entry.method == _BZIP2:
        return _Unpacking(packed, bz2.BZ2Decompressor())
    return _Unpacking(packed, _lzma(packed, entry))


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def _lzma(packed: Packed, entry: Entry) -> lzma.LZMADecompressor:
    """Start to unpack LZMA. Build its usual header, which a zip does not store completely."""
    length = int.from_bytes(packed.read1(4)[2:], "little")
    is_open = entry.flags & _ENDS_WITH_MARK or entry.size is None
    size = _UNKNOWN_SIZE if is_open or entry.size is None else entry.size
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE, _LZMA_MEMORY)
    unpacker.decompress(packed.read1(length) + size.to_bytes(8, "little"), 0)
    return unpacker


class _Unpacking:
    """A packed stream that is unpacked only as far as it is read."""

    def __init__(self, packed: Packed, unpacker: _Unpacker) -> None:
        self._packed = packed
        self._unpacker = unpacker

    def read1(self, size: int) -> bytes:
        while not self._unpacker.eof:
            needs_input = self._unpacker.needs_input
            more = self._packed.read1(_BLOCK) if needs_input else b""
            if block := self._unpacker.decompress(more, size):
                return block
            if needs_input and not more and not self._unpacker.eof:
                raise EOFError("the packed bytes end too early")
        return b""
