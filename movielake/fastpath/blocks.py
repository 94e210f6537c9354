"""Blocks of whole records, in UTF-8, read from a member.

The beginning of a document (up to the root's start tag) and its end are only a few bytes. They
must be plain: a declaration, the root. The reference reads all other documents.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from movielake.fastpath.unrecognised import NotRecognised
from movielake.feed.decoding import RecodingError
from movielake.feed.encodings import EncodingError
from movielake.feed.recoding import Recoded
from movielake.schema.tables import Table, table_of_root

BLOCK: Final = 1 << 23
"""Bytes read at a time; no record may be longer."""

_SMALL: Final = 1 << 16
"""Most bytes of a member that needs no buffer for whole blocks: to fill one takes milliseconds."""

STEP: Final = 1 << 18
"""Bytes to unpack at a time. Passed to `movielake.feed.zips.Member.open`."""

_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_HEAD: Final = re.compile(
    rb"(?:<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:\"1\.0\"|'1\.0')"
    rb"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:\"(?i:utf-8)\"|'(?i:utf-8)'))?"
    rb"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:\"(?:yes|no)\"|'(?:yes|no)'))?"
    rb"[ \t\r\n]*\?>)?[ \t\r\n]*(<([A-Za-z_][\w.-]*)(?:[ \t\r\n][^<>]*)?>)[ \t\r\n]*"
)
_HEAD_BYTES: Final = 1 << 14


class Blocks:
    """The records of a member, in blocks.

    Parameters
    ----------
    stream : binary file
        The member, positioned at its beginning.
    table : Table, optional
        The member's table. By default, the root element decides.
    size : int, optional
        Number of bytes to read from the member at a time.

    Attributes
    ----------
    table : Table
        The member's table.
    root : bytes
        The root's start tag, exactly as in the document.
    contradiction : str
        How the declared encoding contradicts the bytes. Empty if it does not.
    """

    def __init__(self, stream: IO[bytes], table: Table | None = None, size: int = BLOCK) -> None:
        with _of_the_encoding():
            recoded = Recoded(stream)
        self.contradiction = recoded.contradiction
        # A raw stream may return fewer bytes than requested.
        self._stream = io.BufferedReader(recoded)
        self._size = size
        self._rest = b""
        self.root, self.table = self._read_head(table)
        self._end = f"</{self.table.record}>".encode()
        root = re.escape(self.table.root)
        self._last = re.compile(rf"</{root}[ \t\r\n]*>[ \t\r\n]*".encode())

    def __iter__(self) -> Iterator[memoryview]:
        """Yield blocks that begin with ``<`` and end with a record's end tag.

        All blocks use the same buffer: the next block overwrites the current one.

        Raises
        ------
        NotRecognised
            If a record is longer than a block, or the document's end is not plain.
        """
        self._rest += self._read(min(self._size, _SMALL))
        size = self._size if len(self._rest) >= _SMALL else min(self._size, _SMALL)
        buffer = bytearray(2 * max(size, len(self._rest)))
        view = memoryview(buffer)
        filled = len(self._rest)
        view[:filled] = self._rest
        more = True
        while more:
            count = self._read_into(view[filled : filled + len(view) // 2])
            more, filled = count > 0, filled + count
            cut = buffer.rfind(self._end, 0, filled) + len(self._end)
            if cut >= len(self._end):
                yield view[_first_tag(buffer) : cut]
                filled -= cut
                view[:filled] = bytes(view[cut : cut + filled])
            elif filled > len(view) // 2:
                raise NotRecognised("a record that is too long")
        if not self._last.fullmatch(buffer, _first_tag(buffer), filled):
            raise NotRecognised("an end that is not plain")

    def _read_into(self, view: memoryview) -> int:
        """Read about one block and return its length; 0 only at the end."""
        with _of_the_encoding():
            return self._stream.readinto(view)

    def _read(self, size: int) -> bytes:
        """Read so many bytes; fewer only at the end."""
        with _of_the_encoding():
            return self._stream.read(size)

    def _read_head(self, table: Table | None) -> tuple[bytes, Table]:
        """Read up to the root's start tag, and return the tag and its table."""
        head = self._read(min(self._size, _HEAD_BYTES))
        match = _HEAD.match(head)
        found = table_of_root(match[2].decode()) if match else None
        if match is None or found is None or (table and found is not table):
            raise NotRecognised("a beginning that is not plain")
        self._rest = head[match.end() :]
        return match[1], found


@contextmanager
def _of_the_encoding() -> Iterator[None]:
    """Leave a member to the reference if it is not of its encoding."""
    try:
        yield
    except EncodingError:
        raise NotRecognised("an encoding that is not read") from None
    except RecodingError:
        raise NotRecognised("bytes that are not of the declared encoding") from None


def _first_tag(text: bytearray) -> int:
    """Return the position of the first ``<`` after blanks."""
    blanks = _BLANKS.match(text)
    begin = blanks.end() if blanks else 0
    if not text.startswith(b"<", begin):
        raise NotRecognised("text between the records")
    return begin
