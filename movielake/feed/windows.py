"""Windows: a part of a stream in memory, with searches that read on as far as they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from movielake.feed.guarding import LONGEST

_STEP: Final = 1 << 18


class Window:
    """A part of a stream that is held in memory. All positions are positions in the stream.

    Parameters
    ----------
    read : callable
        A function that reads at most so many bytes, and returns no bytes at the end.

    Attributes
    ----------
    data : bytearray
        The bytes that are held.
    begin : int
        Position of the first byte that is held.
    is_whole : bool
        Whether the stream was read to its end.

    Examples
    --------
    >>> import io
    >>> window = Window(io.BytesIO(b"<times><showtime/>").read)
    >>> window.find(b"<", 1), window.find(b"<", 8)
    (7, -1)
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.data = bytearray()
        self.begin = 0
        self.is_whole = False
        self._seen: dict[bytes, tuple[int, int, int]] = {}

    @property
    def end(self) -> int:
        """Position after the last byte that is held."""
        return self.begin + len(self.data)

    def move(self, begin: int) -> None:
        """Forget the bytes before a position. All searches end `LONGEST` bytes after it."""
        del self.data[: begin - self.begin]
        self.begin = begin

    def more(self) -> bool:
        """Read as much again as is held. Return False at the end of the stream or of the search."""
        if self.is_whole or len(self.data) > LONGEST:
            return False
        block = self._read(max(_STEP, len(self.data)))
        self.data += block
        self.is_whole = not block
        return not self.is_whole

    def find(self, sign: bytes, at: int) -> int:
        """Return the first position of a sign behind a position, or -1."""
        while True:
            found = self.data.find(sign, at - self.begin, LONGEST)
            if found >= 0:
                return found + self.begin
            at = max(at, self.end - len(sign) + 1)
            if not self.more():
                return -1

    def find_far(self, sign: bytes, at: int) -> int:
        """Return the same as `find`. Many searches for one far sign take no more time than one."""
        begin, found, searched = self._seen.get(sign, (at, -1, at))
        if begin <= at <= found:
            return found
        if at < begin or found >= 0:
            begin = searched = at
        found = self.find(sign, max(at, searched))
        searched = max(at, self.begin + min(len(self.data), LONGEST) - len(sign) + 1)
        self._seen[sign] = (begin, found, searched)
        return found

    def starts(self, sign: bytes, at: int) -> bool:
        """Return whether a sign stands at a position."""
        while self.end < at + len(sign) and self.more():
            pass
        return self.data.startswith(sign, at - self.begin)

    def piece(self, begin: int, end: int) -> bytes:
        """Return the bytes between two positions."""
        return bytes(self.data[begin - self.begin : end - self.begin])
