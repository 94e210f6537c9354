"""Whole records to JSON Lines and rows, with the help of the reference where they are irregular."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from movielake.fastpath.layouts import Structure, layout_of
from movielake.fastpath.order import OtherRows
from movielake.fastpath.rows import Found
from movielake.fastpath.segments import Ints
from movielake.fastpath.unrecognised import REASONS, TOO_MANY, TOO_MUCH, NotRecognised
from movielake.feed.records import Record, Records
from movielake.lake.outputs import Buffer
from movielake.rows.problems import Problem, ProblemCounter
from movielake.rows.screenings import HEAVIEST, flatten_batch, weigh
from movielake.schema.tables import Table

NO_LINES: Final = b""

_FEW: Final = 1000
"""Up to this many records of a block are read alone. With more, the reference reads all faster."""


@dataclass(frozen=True)
class Flat:
    """The records of a block, flattened.

    Parameters
    ----------
    begins : np.ndarray of int64, shape (n,)
        Position in the block where each record begins.
    irregular : np.ndarray of int64, shape (m,)
        Numbers of the records that were left to the reference.
    reasons : list of str, length m
        Why they were.
    others : list of dict, length m
        These records, as read by the reference.
    found : dict
        For each column and kind of problem, the `Found` in the regular records.
    counted : ProblemCounter
        The problems in the irregular records.
    lines : buffer of bytes
        The records as JSON Lines.
    rows : pa.Table
        Their rows.
    """

    begins: Ints
    irregular: Ints
    reasons: list[str]
    others: list[Record]
    found: dict[tuple[str, str], Found]
    counted: ProblemCounter
    lines: Buffer
    rows: pa.Table


class Flattener:
    """Flattens blocks of whole records of one table.

    Parameters
    ----------
    table : Table
        The table of the records.
    root : bytes
        The start tag of their root.
    labels : mapping
        Keys and values that are added to each record: country, date_stamp and source_xml.
    with_json : bool
        Whether to make JSON Lines.
    """

    def __init__(
        self, table: Table, root: bytes, labels: Mapping[str, str], with_json: bool
    ) -> None:
        self.table = table
        self._root = root
        self._labels = dict(labels)
        self._with_json = with_json
        self._layout = layout_of(table, self._labels)

    def flatten(self, block: memoryview, first: int) -> Flat:
        """Flatten a block.

        Parameters
        ----------
        block : memoryview of bytes
            UTF-8 that begins with ``<`` and ends with a record's end tag.
        first : int
            Number of the block's first record in its member.

        Returns
        -------
        Flat

        Raises
        ------
        NotRecognised
            If the block has something else than records, or if the reference reads it faster.
        """
        structure = self._layout.read(block)
        irregular = np.flatnonzero(structure.reasons)
        if len(irregular) > max(_FEW, len(structure.reasons) // 4):
            raise NotRecognised(TOO_MANY)
        records = [self._refer(block, structure, number) for number in irregular]
        counted, others = ProblemCounter(), None
        if records:
            others = self._other_rows(irregular, records, counted)
        rows, found = structure.rows(first, others)
        return Flat(
            begins=structure.starts[structure.first],
            irregular=irregular,
            reasons=[REASONS[reason] for reason in structure.reasons[irregular]],
            others=records,
            found=found,
            counted=counted,
            lines=structure.lines(records) if self._with_json else NO_LINES,
            rows=rows,
        )

    def read_root(self) -> dict[str, str]:
        """Let the reference read the root's start tag, and return its attributes.

        Raises
        ------
        NotRecognised
            If it is damaged.
        """
        if self._root == f"<{self.table.root}>".encode():
            return {}
        alone = self._alone(b"")
        if list(alone) or alone.damage:
            raise NotRecognised("a beginning that is not plain")
        return alone.root

    def _alone(self, content: bytes) -> Records:
        xml = self._root + content + f"</{self.table.root}>".encode()
        return Records(io.BytesIO(xml), self.table, self._labels)

    def _refer(self, block: memoryview, found: Structure, number: Any) -> Record:
        """Let the reference read one record alone, and check that it is exactly one."""
        begin, last = found.starts[found.first[number]], found.last[number]
        end = found.starts[last + 1] if last + 1 < len(found.starts) else len(block)
        alone = self._alone(bytes(block[begin:end]))
        records = list(alone)
        if len(records) != 1 or alone.damage:
            raise NotRecognised("a record that is not well-formed")
        return records[0]

    def _other_rows(
        self, irregular: Ints, records: list[Record], counted: ProblemCounter
    ) -> OtherRows:
        if sum(weigh(record, self.table) for record in records) > HEAVIEST:
            raise NotRecognised(TOO_MUCH)
        rows = flatten_batch(records, self.table, counted, 0)
        of_rows = rows["record"].to_numpy() if "record" in rows.column_names else slice(None)
        return OtherRows(rows, irregular[of_rows])


def add_problems(
    problems: ProblemCounter,
    table: Table,
    found: Mapping[tuple[str, str], Found],
    counted: ProblemCounter,
    irregular: Ints,
    others: Sequence[Record],
) -> None:
    """Add up problems, and keep as example of each the first one in the member.

    Parameters
    ----------
    problems : ProblemCounter
        The member's problems so far.
    table : Table
        The table of the records.
    found : mapping
        Problems of the regular records, by column and kind.
    counted : ProblemCounter
        Problems of the irregular records.
    irregular : np.ndarray of int64, shape (n,)
        Numbers of the irregular records, on the scale of ``found``.
    others : sequence of dict, length n
        The irregular records.
    """
    rest = dict(found)
    for problem in counted.problems():
        regular = rest.pop((problem.column, problem.kind), None)
        both = [(problem.count, problem.example)]
        if regular:
            ahead = not problems.knows(problem.column, problem.kind) and (
                regular.record < irregular[_first_with(problem, table, others)]
            )
            both.insert(0 if ahead else 1, (regular.count, regular.example))
        for count, example in both:
            problems.add(problem.column, problem.kind, count, example)
    for (column, kind), regular in rest.items():
        problems.add(column, kind, regular.count, regular.example)


def _first_with(problem: Problem, table: Table, others: Sequence[Record]) -> int:
    """Return the position of the first record with this problem."""
    for number, record in enumerate(others):
        alone = ProblemCounter()
        flatten_batch([record], table, alone, 0)
        if alone.knows(problem.column, problem.kind):
            return number
    return len(others)
