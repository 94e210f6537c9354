"""Recoding: converts a member to UTF-8 if libxml2 would convert its encoding in blocks.

When libxml2 finds a byte that is not valid in the declared encoding, it drops the whole block that
it is converting. This can be some thousands of valid bytes. It does not happen in the encodings
that libxml2 reads itself, so this module does not convert those.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import IO, Final, cast

from movielake.feed.archives import UNREADABLE

_DECLARED: Final = re.compile(rb"\A<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z][\w.-]*)[\"']")
_READ_BY_LIBXML2: Final = frozenset({"utf-8", "utf-16", "iso8859-1", "ascii"})
_HEAD: Final = 512
_STEP: Final = 4096


class RecodingError(ValueError):
    """Raised at a byte that is not valid in the declared encoding, after all bytes before it.

    Parameters
    ----------
    encoding : str
        The declared encoding.
    line : int
        Line of the byte, counted from 1.
    """

    def __init__(self, encoding: str, line: int) -> None:
        super().__init__(f"a byte is not valid in the declared encoding {encoding}")
        self.line = line


def recoded(stream: IO[bytes]) -> tuple[IO[bytes], str | None]:
    """Return a member's stream in an encoding that libxml2 reads itself.

    Parameters
    ----------
    stream : binary file
        The member from its beginning.

    Returns
    -------
    stream : binary file
        The same bytes, or UTF-8.
    encoding : str or None
        The encoding to give to the parser. None if the parser must find it by itself.
    """
    chained = _Chained(stream)
    whole = cast("IO[bytes]", chained)
    name = python_codec(chained.head)
    if name is None:
        return whole, None
    return cast("IO[bytes]", _Recoding(whole, name)), "utf-8"


def python_codec(head: bytes) -> str | None:
    """Return the Python codec with which a member must be recoded.

    Parameters
    ----------
    head : bytes
        The member's beginning, with the XML declaration if it has one.

    Returns
    -------
    str or None
        Name of the codec. None if libxml2 reads or refuses the encoding itself.

    Examples
    --------
    >>> python_codec(b'<?xml version="1.0" encoding="windows-1252"?><times/>')
    'windows-1252'
    """
    declared = _DECLARED.match(head)
    if declared is None:
        return None
    name = declared[1].decode("ascii")
    try:
        known = codecs.lookup(name)
    except LookupError:
        return None  # libxml2 reports it
    return None if known.name in _READ_BY_LIBXML2 or not known._is_text_encoding else name


class _Chained(io.RawIOBase):
    """A stream whose head is already read. An error in the head is raised after its bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._rest = stream
        self._failure: Exception | None = None
        self.head = b""
        try:
            while len(self.head) < _HEAD and (block := stream.read(_HEAD - len(self.head))):
                self.head += block
        except UNREADABLE as error:
            self._failure = error

    def read(self, size: int = -1) -> bytes:
        if self.head:
            block, self.head = self.head, b""
            return block
        if self._failure is not None:
            raise self._failure
        return self._rest.read(size)


class _Recoding(io.RawIOBase):
    """A stream that converts another encoding to UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._lines = 1
        self._odd: RecodingError | None = None

    def read(self, size: int = -1) -> bytes:
        while self._odd is None:
            block = self._stream.read(_STEP)
            text = self._decode(block)
            self._lines += text.count("\n")
            if text or (not block and self._odd is None):
                return text.encode("utf-8")
        raise self._odd

    def _decode(self, block: bytes) -> str:
        before = self._decoder.getstate()
        try:
            return self._decoder.decode(block, final=not block)
        except UnicodeDecodeError:
            self._decoder.setstate(before)
            return self._up_to_the_odd_byte(block)

    def _up_to_the_odd_byte(self, block: bytes) -> str:
        text = ""
        try:
            for number in range(len(block)):
                text += self._decoder.decode(block[number : number + 1])
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            line = self._lines + text.count("\n")
            self._odd = RecodingError(self._encoding, line)
        return text
