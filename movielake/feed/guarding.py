"""Guarding: stops a member's bytes before content that would overload libxml2.

libxml2 has its own limits: 256 levels, 10 MB of text, 50,000 letters of a name. It does not limit
the attributes of one tag, which it links in quadratic time. It also does not limit the content
between two records, which it keeps in memory.
"""

from __future__ import annotations

import io
from typing import IO, Any, Final

from movielake.feed.limits import OverLimitError

SAFE: Final[dict[str, Any]] = {"resolve_entities": False, "load_dtd": False, "no_network": True}
"""Options of every parser: entities, DTDs and network access are off."""

LONGEST: Final = 20 << 20
"""Most bytes from the end of one record to the end of the next. The fast path reads only fewer."""

MOST_ATTRIBUTES: Final = 4096
"""Most attributes of one tag."""


class Guarded(io.RawIOBase):
    """A stream that raises at hostile content, after it has returned all bytes before it.

    Parameters
    ----------
    stream : binary file
        A member from its beginning, in an encoding that libxml2 reads itself.

    Attributes
    ----------
    since_record : int
        Bytes read since the last record ended. The caller sets it to 0 at the end of each record.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._is_tag = False
        self._signs = 0  # equals signs since the last tag began
        self._failure: OverLimitError | None = None
        self.since_record = 0

    def read(self, size: int = -1) -> bytes:
        """Read a block."""
        if self.since_record > LONGEST:
            raise OverLimitError(f"expected the end of a record within {LONGEST:,} bytes")
        block = b"" if self._failure else self._before_flood(self._stream.read(size))
        if self._failure and not block:
            raise self._failure
        # Blanks do not count. Before the root they use no memory. Inside it libxml2 limits them.
        if not block.isspace():
            self.since_record += len(block)
        return block

    def _before_flood(self, block: bytes) -> bytes:
        """Cut a block off where a tag with too many attributes begins.

        A tag contains no second ``<``, and each of its attributes has an equals sign.
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
