"""Recoding: a member's bytes as UTF-8, with a beginning that every XML parser reads.

All code that reads a member reads it through `Recoded`, so all of it sees the same characters. A
parser never looks up an encoding by itself. libxml2 drops a whole block when it finds a byte that
is not valid in the declared encoding, and it lacks many names of encodings.

Some writers put blanks, an empty line or a second byte order mark before the XML declaration. XML
forbids this, but it costs nothing here: the declaration is then overwritten with blanks. Lines and
columns stay those of the member.
"""

from __future__ import annotations

import io
import re
from typing import IO, Any, Final, cast

from movielake.feed.archives import UNREADABLE
from movielake.feed.decoding import Decoded, RecodingError
from movielake.feed.encodings import codec_of, contradiction, is_wide, look_at

_MARK: Final = b"\xef\xbb\xbf"
_LEAD: Final = re.compile(rb"(?>[ \t\r\n]++|\xef\xbb\xbf)++")
_DECLARATION: Final = re.compile(rb"<\?xml[ \t\r\n][^<>]*\?>")
_ENCODING: Final = re.compile(rb"[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*(?:\"([^\"]*)\"|'([^']*)')")
_VISIBLE: Final = re.compile(rb"[^\r\n]")
_HEAD: Final = 4096
_BLANKS: Final = 1 << 16


class Recoded(io.RawIOBase):
    r"""A member as UTF-8. An error of its stream is raised after all bytes before it.

    Parameters
    ----------
    stream : binary file
        The member from its beginning.
    keep_odd : bool, optional
        Whether a byte that is not valid in the encoding becomes a surrogate, which UTF-8 does not
        allow, and `raw` can be used. By default, such a byte raises `RecodingError`. The bytes of
        a member in UTF-8 are never changed.

    Attributes
    ----------
    encoding : str
        Description of the encoding.
    contradiction : str
        How the declared encoding contradicts the bytes. Empty if it does not.

    Raises
    ------
    EncodingError
        If the member declares an encoding that is not read.

    Examples
    --------
    >>> xml = b'\n<?xml version="1.0" encoding="latin-1"?><times>\xe9</times>'
    >>> Recoded(io.BytesIO(xml)).read().strip()
    b'<times>\xc3\xa9</times>'
    """

    def __init__(self, stream: IO[bytes], keep_odd: bool = False) -> None:
        ahead = _Ahead(stream)
        seen = look_at(ahead.peek(4))
        ahead.skip(len(seen.mark))
        self._decoded: Decoded | None = None
        self._raw_begin = ahead.position
        if seen.codec and is_wide(seen.codec):
            described = f"encoding {seen.codec}"
            self._decoded = Decoded(_file(ahead), seen.codec, described, 1, keep_odd)
            ahead = _Ahead(_file(self._decoded))
        self._lines, self._blanks = ahead.skip_lead()
        lead = self._lines + self._blanks
        label = ahead.read_declaration(overwrite=lead > 0)
        codec = seen.codec or _codec_of_single_bytes(label)
        self.contradiction = contradiction(label or "", codec)
        self.encoding = _describe(label, codec, self.contradiction)
        self._offset = ahead.position - lead  # from our positions to those below
        self._rest: _Ahead | Decoded = ahead
        if self._decoded is None and codec != "utf-8":
            line = 1 + self._lines
            self._decoded = Decoded(_file(ahead), codec, self.encoding, line, keep_odd)
            self._rest, self._raw_begin, self._offset = self._decoded, ahead.position, -lead

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read a block. Without a size, read all."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_BLANKS), b""))
        if self._lines:
            lines = min(self._lines, size)
            self._lines -= lines
            return b"\n" * lines
        if self._blanks:
            blanks = min(self._blanks, size)
            self._blanks -= blanks
            return b" " * blanks
        return self._rest.read(size)

    def readinto(self, buffer: Any) -> int:
        """Read a block into a buffer."""
        if self._rest is not self._decoded and not self._lines + self._blanks:
            return self._rest.readinto(buffer)
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def raw(self, begin: int, content: bytes) -> tuple[int, bytes]:
        """Return the position and the raw bytes of a piece in the member, as long as they are kept.

        Parameters
        ----------
        begin : int
            Position of the piece in this stream.
        content : bytes
            The piece, as it was read from this stream.

        Returns
        -------
        position : int
            Position in the member.
        raw : bytes
            The bytes of the member.
        """
        at = begin + self._offset
        if self._decoded is None:
            return at, content
        position, raw = self._decoded.raw(at, at + len(content))
        return self._raw_begin + position, raw

    def forget(self, before: int) -> None:
        """Keep no longer the raw bytes before a position in this stream."""
        if self._decoded is not None:
            self._decoded.forget(before + self._offset)


def _codec_of_single_bytes(label: str | None) -> str:
    """Return the codec for a declaration that is written in single bytes."""
    codec = "utf-8" if label is None else codec_of(label)
    return "utf-8" if is_wide(codec) else codec


def _describe(label: str | None, codec: str, contradiction: str) -> str:
    if contradiction:
        return f"encoding {codec} ({contradiction})"
    return f"declared encoding {label}" if label else f"encoding {codec}"


def _file(stream: io.RawIOBase) -> IO[bytes]:
    return cast("IO[bytes]", stream)


class _Ahead(io.RawIOBase):
    """A stream whose beginning can be read ahead. An error there is raised after its bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: Any = stream
        self._held = b""
        self._failure: Exception | None = None
        self.position = 0

    def peek(self, size: int) -> bytes:
        """Return so many of the next bytes, or all that are left."""
        try:
            while len(self._held) < size and not self._failure:
                block = self._stream.read(size - len(self._held))
                if not block:
                    break
                self._held += block
        except (*UNREADABLE, RecodingError) as error:
            self._failure = error
        return self._held

    def skip(self, size: int) -> None:
        self._held = self._held[size:]
        self.position += size

    def skip_lead(self) -> tuple[int, int]:
        """Skip blanks and byte order marks. Return their line ends, and the blanks after these."""
        lines = blanks = 0
        size = _HEAD
        while lead := _LEAD.match(self.peek(size)):
            size = _BLANKS
            text = lead[0].replace(_MARK, b"")
            _, line_end, last = text.rpartition(b"\n")
            lines += text.count(b"\n")
            blanks = len(last) if line_end else blanks + len(last)
            self.skip(lead.end())
        return lines, blanks

    def read_declaration(self, *, overwrite: bool) -> str | None:
        """Return the declared encoding, and overwrite it with blanks unless it is UTF-8.

        With ``overwrite``, the whole declaration is overwritten.
        """
        head = self.peek(_HEAD)
        declaration = _DECLARATION.match(head)
        if declaration is None:
            return None
        named = _ENCODING.search(declaration[0])
        label = (named[1] or named[2] or b"").decode("utf-8", "replace") if named else None
        hidden = declaration[0] if overwrite else b""
        if named and not overwrite and (label or "").lower() != "utf-8":
            hidden = named[0]
        self._held = head.replace(hidden, _VISIBLE.sub(b" ", hidden), 1)
        return label

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._held:
            block, self._held = self._held[:size], self._held[size:]
            self.position += len(block)
            return block
        if self._failure:
            raise self._failure
        return bytes(self._stream.read(size))

    def readinto(self, buffer: Any) -> int:
        if not self._held and not self._failure:
            return int(self._stream.readinto(buffer))
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)
