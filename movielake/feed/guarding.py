"""Guarding: a member's bytes on their way to libxml2, ended before what it would choke on.

libxml2 has limits of its own: 256 levels, 10 MB of text, 50,000 letters of a name. It has none to
attributes of one tag, which it links up in quadratic time, nor to what stands between one record
and the next, all of which it keeps.
"""

from __future__ import annotations

import io
from typing import IO, Final

from movielake.feed.limits import OverLimitError

LONGEST: Final = 20 << 20
"""Bytes from the end of one record to that of the next; the fast path reads none as long."""

MOST_ATTRIBUTES: Final = 4096
"""Attributes of one tag."""


class Guarded(io.RawIOBase):
    """A stream that raises at what is hostile, after all that is before it.

    Parameters
    ----------
    stream : binary file
        A member from its beginning, in an encoding that libxml2 reads itself.

    Attributes
    ----------
    since_record : int
        Bytes read since a record ended; set to 0 by whoever sees one end.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._is_tag = False
        self._signs = 0  # equals signs since a tag began
        self._failure: OverLimitError | None = None
        self.since_record = 0

    def read(self, size: int = -1) -> bytes:
        """Read a block."""
        if self.since_record > LONGEST:
            raise OverLimitError(f"expected the end of a record within {LONGEST:,} bytes")
        block = b"" if self._failure else self._before_flood(self._stream.read(size))
        if self._failure and not block:
            raise self._failure
        if not block.isspace():  # which costs nothing before the root, and libxml2 ends inside it
            self.since_record += len(block)
        return block

    def _before_flood(self, block: bytes) -> bytes:
        """Cut a block off where a tag with far too many attributes begins.

        No ``<`` stands inside a tag, and each attribute has an equals sign.
        """
        if self._signs + block.count(b"=") <= MOST_ATTRIBUTES:
            last = block.rfind(b"<")
            self._count(block, max(last, 0), len(block))
            return block
        begin = 0
        while begin < len(block):
            end = block.find(b"<", begin + 1) % (len(block) + 1)
            self._count(block, begin, end)
            if self._is_tag and self._signs > MOST_ATTRIBUTES:
                most = f"at most {MOST_ATTRIBUTES:,} attributes"
                self._failure = OverLimitError(f"expected {most} in a tag, found more")
                return block[:begin]
            begin = end
        return block

    def _count(self, block: bytes, begin: int, end: int) -> None:
        if block[begin : begin + 1] == b"<":
            self._is_tag = block[begin + 1 : begin + 2] not in (b"!", b"?")
            self._signs = 0
        self._signs += block.count(b"=", begin, end)
