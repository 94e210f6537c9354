"""Decoding: a stream of another encoding as UTF-8, and the way back to its raw bytes."""

from __future__ import annotations

import codecs
import io
from collections import deque
from typing import IO, Any, Final, NamedTuple

from movielake.feed.damage import odd_byte

_GROWTH: Final = 3  # one byte becomes at most so many bytes of UTF-8
_ODD: Final = "movielake.odd"
_FIRST_ODD: Final = 0xDC00
# Python's cp932 gives four bytes private characters. For browsers, these bytes are not valid.
_PRIVATE: Final = {0xF8F0: 0xDCA0, 0xF8F1: 0xDCFD, 0xF8F2: 0xDCFE, 0xF8F3: 0xDCFF}


class RecodingError(ValueError):
    """Raised at a byte that is not valid in the encoding, after all bytes before it.

    Parameters
    ----------
    encoding : str
        Description of the encoding.
    line : int
        Line of the byte, counted from 1.
    """

    def __init__(self, encoding: str, line: int) -> None:
        super().__init__(odd_byte(encoding))
        self.line = line


def _to_surrogates(error: UnicodeError) -> tuple[str, int]:
    """Replace each byte that is not valid by a surrogate, which UTF-8 does not allow."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.encoding == "big5hkscs":  # lacks six characters of Python's big5
        pair = error.object[error.start : error.start + 2]
        try:
            return pair.decode("big5"), error.start + len(pair)
        except UnicodeDecodeError:
            pass
    odd = error.object[error.start : error.end]
    return "".join(chr(_FIRST_ODD + byte) for byte in odd), error.end


codecs.register_error(_ODD, _to_surrogates)


class _Block(NamedTuple):
    """A block of raw bytes, and the state of the decoder before it."""

    begin: int
    raw_begin: int
    state: tuple[bytes, int]
    raw: bytes


class Decoded(io.RawIOBase):
    r"""A stream of another encoding as UTF-8.

    Parameters
    ----------
    stream : binary file
        The raw bytes.
    codec : str
        Python's name of their encoding.
    encoding : str
        Description of the encoding, for an error.
    line : int
        Line of the first byte.
    keep_odd : bool
        Whether a byte that is not valid in the encoding becomes a surrogate, and `raw` can be used.
        Otherwise, it raises.

    Examples
    --------
    >>> stream = Decoded(io.BytesIO(b"Am\xe9lie"), "cp1252", "windows-1252", 1, True)
    >>> stream.read(99), stream.raw(2, 4)
    (b'Am\xc3\xa9lie', (2, b'\xe9'))
    """

    def __init__(
        self, stream: IO[bytes], codec: str, encoding: str, line: int, keep_odd: bool
    ) -> None:
        self._stream = stream
        self._codec = codec
        self._encoding = encoding
        self._line = line
        self._keep_odd = keep_odd
        self._decoder = self._make_decoder()
        self._odd: RecodingError | None = None
        self._blocks: deque[_Block] = deque()
        self._end = 0
        self._raw_end = 0

    def _make_decoder(self) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder(self._codec)(_ODD)

    def read(self, size: int = -1) -> bytes:
        """Read at most this many bytes of UTF-8.

        Raises
        ------
        RecodingError
            At a byte that is not valid in the encoding, unless such bytes are kept.
        """
        while self._odd is None:
            block = self._stream.read(max(size // _GROWTH, 1))
            if self._keep_odd:
                state = self._decoder.getstate()
                self._blocks.append(_Block(self._end, self._raw_end, state, block))
            text = self._encode(self._decode(block))
            self._end += len(text)
            self._raw_end += len(block)
            if text or (not block and self._odd is None):
                return text
        raise self._odd

    def readinto(self, buffer: Any) -> int:
        """Read a block into a buffer."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def _decode(self, block: bytes) -> str:
        text = self._decoder.decode(block, final=not block)
        return text.translate(_PRIVATE) if self._codec == "cp932" else text

    def _encode(self, text: str) -> bytes:
        if self._keep_odd:
            return text.encode("utf-8", "surrogatepass")
        try:
            encoded = text.encode("utf-8")
        except UnicodeEncodeError as error:
            text = text[: error.start]
            encoded = text.encode("utf-8")
            self._odd = RecodingError(self._encoding, self._line + text.count("\n"))
        self._line += text.count("\n")
        return encoded

    def raw(self, begin: int, end: int) -> tuple[int, bytes]:
        """Return the position and the raw bytes of a piece of the decoded stream.

        Parameters
        ----------
        begin, end : int
            The piece in bytes of UTF-8. It was read, and it was not forgotten.

        Returns
        -------
        position : int
            Position of the raw bytes in their stream.
        raw : bytes
            The raw bytes.
        """
        here = [block for block in self._blocks if block.begin < end]
        first = max((n for n, block in enumerate(here) if block.begin <= begin), default=0)
        skipped = self._count_raw(here[first], begin)
        raw = b"".join(block.raw for block in here[first:-1])
        raw += here[-1].raw[: self._count_raw(here[-1], end)]
        return here[first].raw_begin + skipped, raw[skipped:]

    def _count_raw(self, block: _Block, at: int) -> int:
        """Return how many raw bytes of a block give the text up to a position."""
        low, high = 0, len(block.raw)
        while low < high:
            middle = (low + high) // 2
            decoder = self._make_decoder()
            decoder.setstate(block.state)
            text = decoder.decode(block.raw[:middle])
            if block.begin + len(text.encode("utf-8", "surrogatepass")) < at:
                low = middle + 1
            else:
                high = middle
        return low

    def forget(self, before: int) -> None:
        """Forget the raw bytes of the blocks that end before a position."""
        while len(self._blocks) > 1 and self._blocks[1].begin <= before:
            self._blocks.popleft()
