"""Directories of zips: what a zip states about its members, as far as it can be read.

The module zipfile refuses a whole zip because of one name or one extra field. It also refuses each
member whose own header has another name than the directory. Here, a name is only a label, and an
extra field counts only if it can be read. The CRC shows whether the content is right.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_HEADER: Final = struct.Struct("<4s5H3L2H")
_FIELD: Final = struct.Struct("<2H")
_LONGEST_COMMENT: Final = 1 << 16
_ZIP64: Final = 1  # number of the extra field with long sizes
_IN_ZIP64: Final = 0xFFFFFFFF  # this size or offset stands in that field
_UTF8: Final = 1 << 11

LEAST_HEADER: Final = _HEADER.size
"""Least size of the header before a member's packed content, in bytes."""


class MissingDirectoryError(zipfile.BadZipFile):
    """Raised if a file has no directory of a zip. It is no zip, or its end is missing."""


@dataclass(frozen=True)
class Entry:
    r"""What the directory of a zip states about one member.

    Parameters
    ----------
    name : str
        The name, never used as a path. Bytes that are not UTF-8, where the zip states UTF-8, are
        written as ``\xff``.
    flags, method : int
        Flags, and the number of the compression method.
    crc : int
        CRC-32 of the content.
    packed : int
        Packed bytes.
    size : int or None
        Unpacked bytes. None if the field that has them cannot be read.
    offset : int
        Position of the member's header in the file.
    """

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int | None
    offset: int

    @property
    def is_folder(self) -> bool:
        """Whether the entry is a folder. Some programs end its name with a backslash."""
        return self.name.endswith(("/", "\\")) and not self.size


def read_directory(file: IO[bytes]) -> tuple[list[Entry], int]:
    """Read the directory of a zip.

    Parameters
    ----------
    file : binary file
        The zip. Other bytes can precede it, as in a program that unpacks itself.

    Returns
    -------
    entries : list of Entry
        The members in the order of the directory.
    start : int
        Position of the directory, which is the end of the members.

    Raises
    ------
    MissingDirectoryError
        If the file has no directory of a zip.
    zipfile.BadZipFile
        If the directory is damaged.
    """
    length = file.seek(0, 2)
    before = file.seek(max(length - _LONGEST_COMMENT - _END.size, 0))
    tail = file.read()
    place = tail.rfind(b"PK\5\6", 0, max(len(tail) - _END.size + 4, 0))
    if place < 0:
        raise MissingDirectoryError("its directory is missing")
    *_, size, offset, _ = _END.unpack_from(tail, place)
    size, offset, end = _long_sizes(file, size, offset, before + place)
    if size > end:
        raise zipfile.BadZipFile(f"its directory has {size:,} bytes before its end, found {end:,}")
    start = file.seek(end - size)
    return list(_entries(file.read(size), start - offset)), start


def _long_sizes(file: IO[bytes], size: int, offset: int, end: int) -> tuple[int, int, int]:
    """Return size, offset and end of the directory. In zip64, its own records have them."""
    file.seek(max(end - _END_64.size - _LOCATOR.size, 0))
    found = file.read(min(end, _END_64.size + _LOCATOR.size))
    if not (found.startswith(b"PK\6\6") and found[_END_64.size :].startswith(b"PK\6\7")):
        return size, offset, end
    *_, size, offset = _END_64.unpack_from(found)
    return size, offset, end - len(found)


def _entries(directory: bytes, shift: int) -> Iterator[Entry]:
    place = 0
    while place < len(directory):
        if len(directory) - place < _ENTRY.size or directory[place : place + 4] != b"PK\1\2":
            raise zipfile.BadZipFile("its directory is damaged")
        fields = _ENTRY.unpack_from(directory, place)
        flags, method, _, _, crc, packed, size, *lengths = fields[3:13]
        place += _ENTRY.size
        name = directory[place : place + lengths[0]]
        extra = directory[place + lengths[0] : place + lengths[0] + lengths[1]]
        place += sum(lengths)
        known = _from_zip64(extra, size, packed, fields[-1])
        yield Entry(
            name=name.decode("utf-8" if flags & _UTF8 else "cp437", "backslashreplace"),
            flags=flags,
            method=method,
            crc=crc,
            packed=packed if known[1] is None else known[1],
            size=known[0],
            offset=(fields[-1] if known[2] is None else known[2]) + shift,
        )


def _from_zip64(extra: bytes, *stated: int) -> list[int | None]:
    """Replace the numbers that stand in the extra field. None if they are not there."""
    long = _zip64_field(extra)
    known: list[int | None] = []
    for number in stated:
        if number != _IN_ZIP64:
            known.append(number)
        else:
            known.append(int.from_bytes(long[:8], "little") if len(long) >= 8 else None)
            long = long[8:]
    return known


def _zip64_field(extra: bytes) -> bytes:
    while len(extra) >= _FIELD.size:
        number, length = _FIELD.unpack_from(extra)
        content, extra = extra[_FIELD.size :][:length], extra[_FIELD.size + length :]
        if number == _ZIP64:
            return content
    return b""


def find_content(file: IO[bytes], entry: Entry) -> int:
    """Return the position of a member's packed content, after its header.

    Parameters
    ----------
    file : binary file
        The zip.
    entry : Entry
        The member's entry in the directory. The name in the header can differ from it.

    Raises
    ------
    zipfile.BadZipFile
        If there is no header at the member's position.
    """
    place = entry.offset
    if 0 <= place < file.seek(0, 2):  # a larger number is an OverflowError in `seek`
        file.seek(place)
        header = file.read(_HEADER.size)
        if len(header) == _HEADER.size and header.startswith(b"PK\3\4"):
            *_, name, extra = _HEADER.unpack(header)
            return place + len(header) + int(name) + int(extra)
    raise zipfile.BadZipFile(f"expected its header at byte {place:,}, found other bytes")
