"""Blocks of whole records, in UTF-8, read from a member's bytes.

The beginning of a document (up to the root's start tag) and its end are only a few bytes. They
must be plain: a byte order mark, a declaration, the root. The reference reads all other documents.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import IO, Any, Final

from movielake.fastpath.shape import Shape
from movielake.fastpath.unrecognised import NotRecognised
from movielake.feed.recoding import python_codec

BLOCK: Final = 1 << 23
"""Bytes read at a time; no record may be longer."""

STEP: Final = 1 << 18
"""Bytes to unpack at a time. Passed to `movielake.feed.zips.Member.open`."""

_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_HEAD: Final = re.compile(
    rb"(?:<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:\"1\.0\"|'1\.0')"
    rb"(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:\"([\w.-]+)\"|'([\w.-]+)'))?"
    rb"(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:\"(?:yes|no)\"|'(?:yes|no)'))?"
    rb"[ \t\r\n]*\?>)?[ \t\r\n]*(<([A-Za-z_][\w.-]*)(?:[ \t\r\n][^<>]*)?>)[ \t\r\n]*"
)
_HEAD_BYTES: Final = 1 << 14
# Byte order mark, its codec (None: UTF-8, not recoded), and the encodings that may be declared.
_MARKS: Final = (
    (codecs.BOM_UTF8, None, (b"", b"utf-8")),
    (codecs.BOM_UTF16_LE, "utf-16-le", (b"", b"utf-16")),
    (codecs.BOM_UTF16_BE, "utf-16-be", (b"", b"utf-16")),
)
_LATIN: Final = re.compile(rb"<\?xml[^>]*?[ \t\r\n]encoding[^>]*?[\"']iso-8859-1[\"']", re.I)


class Blocks:
    """The records of a member, in blocks.

    Parameters
    ----------
    stream : binary file
        The member, positioned at its beginning.
    shape : Shape
        Names of root and record.
    size : int, optional
        Number of bytes to read from the member at a time.

    Attributes
    ----------
    root : bytes
        The root's start tag, exactly as in the document.
    """

    def __init__(self, stream: IO[bytes], shape: Shape, size: int = BLOCK) -> None:
        # A raw stream may return fewer bytes than requested.
        raw = isinstance(stream, io.RawIOBase)
        self._stream: Any = io.BufferedReader(stream) if raw else stream
        self._end = f"</{shape.record}>".encode()
        self._last = re.compile(rf"</{re.escape(shape.root)}[ \t\r\n]*>[ \t\r\n]*".encode())
        self._size = size
        self._decoder: codecs.IncrementalDecoder | None = None
        self._rest = b""
        self.root = self._read_head(shape)

    def __iter__(self) -> Iterator[memoryview]:
        """Yield blocks that begin with ``<`` and end with a record's end tag.

        All blocks use the same buffer: the next block overwrites the current one.

        Raises
        ------
        NotRecognised
            If a record is longer than a block, or the document's end is not plain.
        """
        buffer = bytearray(2 * max(self._size, len(self._rest)))
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
        """Read about one block as UTF-8 and return its length; 0 only at the end."""
        if self._decoder is None:
            return int(self._stream.readinto(view))
        text = b""
        while not text:
            block = self._stream.read(max(len(view) // 3, 1))  # text can grow in UTF-8
            text = self._recode(block)
            if not block:
                break
        view[: len(text)] = text
        return len(text)

    def _recode(self, block: bytes) -> bytes:
        if self._decoder is None:
            return block
        try:
            return self._decoder.decode(block, final=not block).encode()
        except UnicodeError:
            raise NotRecognised("bytes that are not of the declared encoding") from None

    def _read_head(self, shape: Shape) -> bytes:
        """Read up to the root's start tag and detect the encoding."""
        head = self._stream.read(min(self._size, _HEAD_BYTES))
        head, codec, declarable = _find_encoding(head)
        if codec:
            self._decoder = codecs.getincrementaldecoder(codec)()
        head = self._recode(head) if head else b""
        match = _HEAD.match(head)
        if match is None or match[4].decode() != shape.root:
            raise NotRecognised("a beginning that is not plain")
        if declarable is not None and (match[1] or match[2] or b"").lower() not in declarable:
            raise NotRecognised("an encoding that is not plain")
        self._rest = head[match.end() :]
        return match[3]


def _first_tag(text: bytearray) -> int:
    """Return the position of the first ``<`` after blanks."""
    blanks = _BLANKS.match(text)
    begin = blanks.end() if blanks else 0
    if not text.startswith(b"<", begin):
        raise NotRecognised("text between the records")
    return begin


def _find_encoding(head: bytes) -> tuple[bytes, str | None, tuple[bytes, ...] | None]:
    """Return the head without its mark, the codec to recode with, and the allowed declarations."""
    for mark, codec, declarable in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :], codec, declarable
    if codec := python_codec(head):
        return head, codec, None
    if _LATIN.match(head):
        return head, "iso-8859-1", (b"iso-8859-1",)
    return head, None, (b"", b"utf-8")
