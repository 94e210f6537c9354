"""Salvage: a damaged member as a well-formed one, without its damaged records.

`Salvaged` is a stream like that of the member. Behind it, every reader works as on a member without
damage. Each record that is not well-formed is set aside, and its line ends take its place, so the
other records keep their lines. `movielake.feed.boundaries` finds the records, and libxml2 reads
each of them alone. A sequence of well-formed elements is read as exactly these elements. So each
record that stays is read as in the whole member.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final, NamedTuple, cast

from movielake.feed.archives import UNREADABLE
from movielake.feed.boundaries import Units
from movielake.feed.checking import AtLimit, Frame, Place, find_frame
from movielake.feed.damage import Damage
from movielake.feed.guarding import Guarded
from movielake.feed.recoding import Recoded
from movielake.feed.windows import Window
from movielake.schema.tables import Table

_STEP: Final = 1 << 18
_BATCH: Final = 1 << 16


@dataclass(frozen=True)
class Piece:
    """A piece of a member that is set aside: a damaged record, or damage between the records.

    Parameters
    ----------
    position : int
        Position of its first byte in the member.
    raw : bytes
        Its bytes in the member.
    damage : Damage
        The reason, and the place in the member.
    records : int
        Number of damaged records. 0 for damage between the records.
    """

    position: int
    raw: bytes
    damage: Damage
    records: int


class _Part(NamedTuple):
    """A unit that waits for its check."""

    begin: int
    content: bytes
    records: int


class Salvaged(io.RawIOBase):
    """A damaged member in UTF-8, without its damaged records.

    From the first record on that has no believed end, or that exceeds a limit, the member is
    unchanged.

    Parameters
    ----------
    stream : binary file
        The member from its beginning.
    table : Table
        The member's schema.
    set_aside : callable, optional
        Function that is called with each `Piece` that is set aside.
    keep_columns : bool, optional
        Whether the text behind a piece also keeps its column.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> xml = b"<times><showtime>a & b</showtime><showtime/></times>"
    >>> pieces = []
    >>> Salvaged(io.BytesIO(xml), table("showings"), pieces.append).read()
    b'<times><showtime/></times>'
    >>> pieces[0].raw, pieces[0].damage.column
    (b'<showtime>a & b</showtime>', 21)
    """

    def __init__(
        self,
        stream: IO[bytes],
        table: Table,
        set_aside: Callable[[Piece], object] = lambda _: None,
        keep_columns: bool = False,
    ) -> None:
        self._recoded = Recoded(stream, keep_odd=True)
        self._guarded = Guarded(cast("IO[bytes]", self._recoded))
        self._table = table
        self._set_aside = set_aside
        self._keep_columns = keep_columns
        self._failure: Exception | None = None
        self._window = Window(self._read_below)
        self._end = 0  # of the bytes that were taken from the window
        self._place = Place()
        self._left = b""
        self._blocks = self._salvage()

    @property
    def contradiction(self) -> str:
        """How the declared encoding contradicts the bytes. Empty if it does not."""
        return self._recoded.contradiction

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read a block into a buffer."""
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = block
        count = min(len(self._left), len(buffer))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def _read_below(self, size: int) -> bytes:
        self._guarded.since_record = 0
        try:
            return b"" if self._failure else self._guarded.read(size)
        except UNREADABLE as error:
            self._failure = error
            return b""

    def _salvage(self) -> Iterator[bytes]:
        found = find_frame(self._window, self._table, self._recoded.encoding)
        if found:
            frame, self._end = found
            head = self._window.piece(0, self._end)
            self._place = self._place.behind(head)
            yield head
            self._window.move(self._end)
            with suppress(AtLimit):
                for batch in self._batches():
                    yield from self._checked(batch, frame)
        yield self._window.piece(self._end, self._window.end)
        while block := self._read_below(_STEP):
            yield block
        if self._failure:
            raise self._failure

    def _batches(self) -> Iterator[list[_Part]]:
        """Collect units, because libxml2 reads many in little more time than one."""
        units = Units(self._window, self._table.root, self._table.record)
        batch: list[_Part] = []
        size = 0
        for unit in units:
            content = self._window.piece(unit.begin, unit.end)
            records = 0 if content.isspace() else units.count_records(unit)
            batch.append(_Part(unit.begin, content, records))
            size += len(content)
            self._end = unit.end
            if size > _BATCH:
                yield batch
                self._recoded.forget(self._end)
                batch, size = [], 0
        yield batch

    def _checked(self, batch: list[_Part], frame: Frame) -> Iterator[bytes]:
        """Yield a batch without its damaged units."""
        whole = b"".join(part.content for part in batch)
        with suppress(AtLimit):  # then one of the units is at the limit
            if frame.check(whole, self._place) is None:
                self._place = self._place.behind(whole)
                yield whole
                return
        for number, part in enumerate(batch):
            try:
                damage = frame.check(part.content, self._place)
            except AtLimit:
                yield b"".join(rest.content for rest in batch[number:])
                raise
            before, self._place = self._place, self._place.behind(part.content)
            if damage is None:
                yield part.content
                continue
            position, raw = self._recoded.raw(part.begin, part.content)
            self._set_aside(Piece(position, raw, damage, part.records))
            yield self._blanks(before)

    def _blanks(self, before: Place) -> bytes:
        """Return what takes the place of the piece from a place to the present one."""
        lines = self._place.line - before.line
        if not self._keep_columns:
            return b"\n" * lines
        first = 1 if lines else before.column
        return b"\n" * lines + b" " * (self._place.column - first)
