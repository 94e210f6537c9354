"""JSON Lines of a lake: the records, and the rows made from them."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import pyarrow as pa
from zstandard import ZstdDecompressor, ZstdError

from movielake.conversion.members import BATCH
from movielake.feed.records import OWN_KEYS, Record
from movielake.lake.commits import MemberCommit
from movielake.rows.problems import OF_XML, Problem, ProblemCounter
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import Table
from movielake.staging.packs import Pair
from movielake.validation.findings import Finding
from movielake.validation.markup import Kept, restore
from movielake.validation.rules import found, reason

UNREADABLE: Final = (
    *(OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError),
    *(OverflowError, pa.ArrowException, ZstdError),
)
"""Errors that reading and flattening raise if a file has the wrong content."""


@dataclass
class RecordsOfMember:
    """The records of one member's JSON Lines, read once and in order.

    Parameters
    ----------
    content : bytes
        The JSON Lines, in one Zstandard frame.
    member : MemberCommit
        The member in its commit.
    table : Table
        Table of the records.
    labels : dict
        The ``country``, ``date_stamp`` and ``source_xml`` that each record must have.
    markup : dict
        The markup that the rows keep, by number of the record.
    """

    content: bytes
    member: MemberCommit
    table: Table
    labels: dict[str, str]
    markup: dict[int, Kept] = field(default_factory=dict)
    count: int = 0
    astray: int = 0
    error: str = ""
    problems: ProblemCounter = field(default_factory=ProblemCounter)

    @property
    def path(self) -> str:
        """Path of the file."""
        return self.member.json.path if self.member.json else ""

    def rows(self) -> Iterator[pa.Table]:
        """Flatten the records a batch at a time, up to the first invalid record."""
        records = self._records()
        try:
            while batch := list(islice(records, BATCH)):
                labels = self.labels.items()
                self.astray += sum(any(r.get(k) != v for k, v in labels) for r in batch)
                rows = flatten_batch(batch, self.table, self.problems, self.count)
                self.count += len(batch)
                yield rows
        except UNREADABLE as error:
            self.error = reason(error)

    def _records(self) -> Iterator[Record]:
        stream = ZstdDecompressor().stream_reader(self.content)
        for number, line in enumerate(io.TextIOWrapper(stream, "utf-8", newline="\n")):
            record = json.loads(line)
            yield restore(record, self.markup[number]) if number in self.markup else record

    def findings(self) -> Iterator[Finding]:
        """Compare the records with the commit, after all records have been read."""
        path = self.path
        if self.error:
            message = f"record {self.count:,} or one soon after it is not valid ({self.error})"
            yield found("unreadable-file", path, message)
            return
        if self.count != self.member.records:
            message = f"expected {self.member.records:,} records, found {self.count:,}"
            yield found("record-count", path, message)
        if self.astray:
            expected = ", ".join(f"{key} {self.labels[key]}" for key in OWN_KEYS)
            message = f"expected {expected}, found others in {self.astray:,} of {self.count:,}"
            message += " records"
            yield found("wrong-source", path, message, count=self.astray)
        counted, committed = (
            count_values(self.problems.problems()),
            count_values(self.member.problems),
        )
        for key in sorted({key for key, _ in counted.items() ^ committed.items()}):
            have, want = counted.get(key, 0), committed.get(key, 0)
            message = f"{' '.join(key)}: expected {want:,} as in the commit, found {have:,}"
            yield found("problem-count", path, message)


def labels_of(pair: Pair, member: MemberCommit) -> dict[str, str]:
    """Return the labels that each record of a member must have."""
    stamp, country = pair
    source_xml = f"{stamp}/{country}/{member.member}"
    return {"country": country, "date_stamp": stamp, "source_xml": source_xml}


def count_values(problems: Iterable[Problem]) -> dict[tuple[str, str], int]:
    """Count the problems of values. The JSON Lines do not show those of the XML's encoding."""
    values = (problem for problem in problems if problem.kind not in OF_XML)
    return {(problem.kind, problem.column): problem.count for problem in values}


def compare(records: RecordsOfMember, groups: Iterator[pa.Table]) -> Iterator[Finding]:
    """Flatten the records again, and compare the result with the rows in Parquet."""
    made = records.rows()
    difference = first_difference(made, groups)
    deque(made, maxlen=0)
    if difference and not records.error:
        message = f"the rows in Parquet differ from these records: {difference}"
        yield found("json-rows", records.path, message)
    yield from records.findings()


def first_difference(ours: Iterator[pa.Table], theirs: Iterator[pa.Table]) -> str:
    """Compare two streams of rows. Each can be divided into tables in its own way.

    Parameters
    ----------
    ours, theirs : iterator of pa.Table
        Expected and found rows, with the same columns. They are read up to the first difference.

    Returns
    -------
    str
        Place and values of the first difference, or an empty string if the rows are the same.

    Examples
    --------
    >>> import pyarrow as pa
    >>> rows = pa.table({"n": [1, 2, 3]})
    >>> first_difference(iter([rows]), iter([rows[:2], rows[2:]]))
    ''
    >>> first_difference(iter([rows]), iter([rows[:1], rows[:2]]))
    'row 1, column n: expected 2, found 1'
    """
    position = 0
    mine: pa.Table | None = None
    other: pa.Table | None = None
    while True:
        mine = mine if mine is not None and mine.num_rows else _next(ours)
        other = other if other is not None and other.num_rows else _next(theirs)
        if mine is None or other is None:
            return "" if mine is other else f"one has {position:,} rows, the other has more"
        size = min(mine.num_rows, other.num_rows)
        if not mine.slice(0, size).equals(other.slice(0, size)):
            return _difference(mine.slice(0, size), other.slice(0, size), position)
        position += size
        mine, other = mine.slice(size), other.slice(size)


def _next(tables: Iterator[pa.Table]) -> pa.Table | None:
    return next((table for table in tables if table.num_rows), None)


def _difference(mine: pa.Table, other: pa.Table, position: int) -> str:
    for row in range(mine.num_rows):
        if not mine.slice(row, 1).equals(other.slice(row, 1)):
            for name in mine.column_names:
                want, have = mine[name][row].as_py(), other[name][row].as_py()
                if want != have:
                    at = f"row {position + row:,}, column {name}"
                    return f"{at}: expected {want!r}, found {have!r}"
    return f"rows after row {position:,} differ"
