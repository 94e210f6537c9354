"""Entities: references that a document does not declare stay texts, and are counted.

A document type can declare entities in another file, which movielake never reads. So ``&nbsp;``
has no meaning there, and libxml2 leaves it out of attributes without an error. Here such a
reference becomes the text ``&nbsp;``, in texts and in attributes. Without such a document type, the
reference is an error in the XML.
"""

from __future__ import annotations

import io
import re
from typing import IO, Final

_EXTERNAL: Final = re.compile(
    rb"""(?!<\?xml\s[^>]*\sstandalone\s*=\s*["']yes)"""
    rb"""(?>\s+|<\?.*?\?>|<!--.*?-->)*+"""
    rb"""<!DOCTYPE\s+[^\s>\[]+\s*(?:\s(?:SYSTEM|PUBLIC)\s|\[[^\]]*%)""",
    re.DOTALL,
)
"""The beginning of a document with declarations in another file."""

_PLAIN: Final = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
"""Where references are plain text: how such a piece begins and ends."""

_NAME: Final = rb"[A-Za-z_:\x80-\xff][-.0-9A-Za-z_:\x80-\xff]{0,255}"
_TOKEN: Final = re.compile(rb"<!--|<!\[CDATA\[|<\?|&(?!(?:amp|lt|gt|quot|apos);)" + _NAME + rb";")
_LONGEST: Final = 258


class Escaped(io.RawIOBase):
    """A stream of XML in UTF-8 in which references to entities that are not declared are texts.

    The stream must not declare entities itself. `movielake.feed.records.read_root` refuses such
    documents.

    Parameters
    ----------
    stream : binary file
        A document from its beginning.

    Attributes
    ----------
    count : int
        Number of references that became texts so far.
    first : str
        The first of them, such as ``&nbsp;``. Empty if there are none.

    Examples
    --------
    >>> import io
    >>> stream = Escaped(io.BytesIO(b'<!DOCTYPE a SYSTEM "a.dtd"><a b="&x;">&y; &amp;</a>'))
    >>> stream.read(100) + stream.read(100)
    b'<!DOCTYPE a SYSTEM "a.dtd"><a b="&amp;x;">&amp;y; &amp;</a>'
    >>> stream.count, stream.first
    (2, '&x;')
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._is_active: bool | None = None
        self._rest = b""
        self._end = b""  # of the comment, for example, in which the rest begins
        self.count = 0
        self.first = ""

    def read(self, size: int = -1) -> bytes:
        """Read a block. It can be longer than the size."""
        while block := self._stream.read(size):
            if self._is_active is None and not block.isspace():
                self._is_active = _EXTERNAL.match(block) is not None
            if not self._is_active:
                return block
            if done := self._escape(self._rest + block):
                return done
        block, self._rest = self._rest, b""
        return block

    def _escape(self, data: bytes) -> bytes:
        """Escape a block, and keep the end of it that can be the beginning of a token."""
        done, at = [], 0
        while True:
            begin = at
            if self._end:
                found = data.find(self._end, at)
                if found < 0:
                    break
                at = found + len(self._end)
                self._end = b""
            elif token := _TOKEN.search(data, at):
                at = token.end()
                self._end = _PLAIN.get(token[0], b"")
                if not self._end:
                    self._count(token[0])
                    done.append(data[begin : token.start()] + b"&amp;")
                    begin = token.start() + 1
            else:
                break
            done.append(data[begin:at])
        cut = self._cut(data, at)
        self._rest = data[cut:]
        return b"".join([*done, data[at:cut]])

    def _cut(self, data: bytes, at: int) -> int:
        if self._end:
            return max(at, len(data) - len(self._end) + 1)
        last = len(data)
        starts = (data.rfind(b"<", max(at, last - 8)), data.rfind(b"&", max(at, last - _LONGEST)))
        return min((start for start in starts if start >= 0), default=last)

    def _count(self, reference: bytes) -> None:
        self.count += 1
        self.first = self.first or reference.decode("utf-8", "replace")
