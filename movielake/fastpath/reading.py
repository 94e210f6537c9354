"""The fast path through a member: from blocks to JSON Lines and rows."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa

from movielake.fastpath.blocks import BLOCK, Blocks
from movielake.fastpath.layouts import Structure, layout_of
from movielake.fastpath.rows import Found, OtherRows
from movielake.fastpath.segments import Ints
from movielake.fastpath.unrecognised import REASONS, TOO_MANY, TOO_MUCH, NotRecognised
from movielake.feed.records import Record, Records
from movielake.lake.outputs import Batch
from movielake.rows.problems import Problem, ProblemCounter
from movielake.rows.screenings import HEAVIEST, flatten_batch, weigh
from movielake.schema.tables import Table

NO_LINES: Final = b""

_FEW: Final = 1000
"""Up to this many records of a block are read alone. With more, the reference reads all faster."""


class FastMember:
    r"""A member, read by the fast path.

    It returns the same as the reference (`movielake.feed.records`, then
    `movielake.rows.screenings`), or gives up.

    Parameters
    ----------
    stream : binary file
        The member, positioned at its beginning.
    table : Table or None
        The member's table. None if the root element decides.
    labels : mapping
        Keys and values that are added to each record: country, date_stamp and source_xml.
    with_json : bool
        Whether to make JSON Lines.
    size : int, optional
        Number of bytes in a block.

    Attributes
    ----------
    table : Table
        The member's table.
    root : dict
        Attributes of the root element, as ``"@name"``.
    problems : ProblemCounter
        Problems with values; complete after iterating.
    left : Counter
        Number of records that were left to the reference, by reason; complete after iterating.
    contradiction : str
        How the declared encoding contradicts the bytes. Empty if it does not.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> xml = b"<times><showtime><movie_id>7</movie_id></showtime></times>"
    >>> member = FastMember(io.BytesIO(xml), table("showings"), {"source_xml": "x"}, True)
    >>> [(batch.records, batch.lines.to_pybytes()) for batch in member]
    [(1, b'{"movie_id":"7","source_xml":"x"}\n')]
    """

    def __init__(
        self,
        stream: IO[bytes],
        table: Table | None,
        labels: Mapping[str, str],
        with_json: bool,
        size: int = BLOCK,
    ) -> None:
        self._blocks = Blocks(stream, table, size)
        self.table = self._blocks.table
        self._labels = dict(labels)
        self._layout = layout_of(self.table, self._labels)
        self._with_json = with_json
        self.contradiction = self._blocks.contradiction
        self._records = 0
        self.problems = ProblemCounter()
        self.left: Counter[str] = Counter()
        self.root = self._read_root()

    def __iter__(self) -> Iterator[Batch]:
        """Yield the records, one block at a time.

        Raises
        ------
        NotRecognised
            If the member is left to the reference. The batches so far are then void.
        """
        for block in self._blocks:
            yield self._batch(block)

    def _batch(self, block: memoryview) -> Batch:
        found = self._layout.read(block)
        irregular = np.flatnonzero(found.reasons)
        if len(irregular) > max(_FEW, len(found.reasons) // 4):
            raise NotRecognised(TOO_MANY)
        records = [self._refer(block, found, number) for number in irregular]
        for reason in found.reasons[irregular]:
            self.left[REASONS[reason]] += 1
        rows = self._rows(found, irregular, records)
        lines = found.lines(records) if self._with_json else NO_LINES
        self._records += len(found.reasons)
        return Batch(len(found.reasons), lines, rows)

    def _read_root(self) -> dict[str, str]:
        """Let the reference read the root's start tag, and return its attributes."""
        if self._blocks.root == f"<{self.table.root}>".encode():
            return {}
        alone = Records(self._wrapped(b""), self.table, self._labels)
        if list(alone) or alone.damage:
            raise NotRecognised("a beginning that is not plain")
        return alone.root

    def _wrapped(self, content: bytes) -> io.BytesIO:
        return io.BytesIO(self._blocks.root + content + f"</{self.table.root}>".encode())

    def _refer(self, block: memoryview, found: Structure, number: Any) -> Record:
        """Let the reference read one record alone, and check that it is exactly one."""
        begin, last = found.starts[found.first[number]], found.last[number]
        end = found.starts[last + 1] if last + 1 < len(found.starts) else len(block)
        alone = Records(self._wrapped(bytes(block[begin:end])), self.table, self._labels)
        records = list(alone)
        if len(records) != 1 or alone.damage:
            raise NotRecognised("a record that is not well-formed")
        return records[0]

    def _rows(self, found: Structure, irregular: Ints, records: list[Record]) -> pa.Table:
        counter = ProblemCounter()
        others = None
        if records:
            if sum(weigh(record, self.table) for record in records) > HEAVIEST:
                raise NotRecognised(TOO_MUCH)
            rows = flatten_batch(records, self.table, counter, 0)
            of_rows = rows["record"].to_numpy() if "record" in rows.column_names else slice(None)
            others = OtherRows(rows, irregular[of_rows])
        whole, problems = found.rows(self._records, others)
        self._count(problems, counter, irregular, records)
        return whole

    def _count(
        self,
        found: dict[tuple[str, str], Found],
        others: ProblemCounter,
        irregular: Ints,
        records: list[Record],
    ) -> None:
        """Add up problems, and keep as example of each the first one in the member."""
        rest = dict(found)
        for problem in others.problems():
            regular = rest.pop((problem.column, problem.kind), None)
            both = [(problem.count, problem.example)]
            if regular:
                ahead = not self.problems.knows(problem.column, problem.kind) and (
                    regular.record < irregular[self._first_with(problem, records)]
                )
                both.insert(0 if ahead else 1, (regular.count, regular.example))
            for count, example in both:
                self.problems.add(problem.column, problem.kind, count, example)
        for (column, kind), regular in rest.items():
            self.problems.add(column, kind, regular.count, regular.example)

    def _first_with(self, problem: Problem, records: list[Record]) -> int:
        """Return the position of the first record with this problem."""
        for number, record in enumerate(records):
            alone = ProblemCounter()
            flatten_batch([record], self.table, alone, 0)
            if alone.knows(problem.column, problem.kind):
                return number
        return len(records)
