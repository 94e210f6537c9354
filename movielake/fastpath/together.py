"""Small members of several zips, flattened together.

Most of the time for a small member is spent on calls, which cost the same for one record as for a
thousand. So the records of many small members are put one behind the other, flattened as one block,
and cut apart again. What concerns one member only is added after that: its labels, the numbers of
its records, and its problems.

If the members cannot be flattened together, each half of them is tried, so that one damaged member
does not hold up the others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from movielake.fastpath.flat import NO_LINES, Flat, Flattener, add_problems
from movielake.fastpath.segments import Ints
from movielake.fastpath.unrecognised import NotRecognised
from movielake.feed.records import Record
from movielake.lake.outputs import Batch, Buffer
from movielake.lake.partdigests import digests_of_parts
from movielake.rows.extras import collect_extras
from movielake.rows.flattening import occurs
from movielake.rows.problems import OF_NAMES, ProblemCounter
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import Table

_MARK: Final = "\0"
"""Stands for each label until the members are cut apart. No XML document has this character."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Part:
    """A small member, to be flattened together with others of its table.

    Parameters
    ----------
    labels : dict
        Keys and values that are added to each record: country, date_stamp and source_xml. All
        parts have the same country.
    content : bytes
        Its records, from the first ``<`` to the end of the last one.
    """

    labels: dict[str, str]
    content: bytes


@dataclass(frozen=True)
class FlatMember:
    """A member that was flattened together with others.

    Parameters
    ----------
    batch : Batch
        All its records.
    problems : ProblemCounter
        Its problems.
    left : Counter
        Number of records that were left to the reference, by reason.
    root : dict
        Attributes of the root element, as ``"@name"``.
    """

    batch: Batch
    problems: ProblemCounter
    left: Counter[str]
    root: dict[str, str]


def flatten_together(
    parts: Sequence[Part], table: Table, root: bytes, with_json: bool
) -> list[FlatMember | None]:
    r"""Flatten small members of one table and country whose roots have the same start tag.

    Parameters
    ----------
    parts : sequence of Part, length n
        The members.
    table : Table
        Their table.
    root : bytes
        The start tag of their root.
    with_json : bool
        Whether to make JSON Lines.

    Returns
    -------
    list of FlatMember or None, length n
        For each member what `movielake.fastpath.reading.FastMember` gives for it; None if the
        member must be read alone.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> labels = [{"country": "can", "date_stamp": s, "source_xml": s} for s in ("1", "2")]
    >>> xml = [b"<showtime><movie_id>7</movie_id></showtime>"] * 2
    >>> parts = [Part(*each) for each in zip(labels, xml)]
    >>> members = flatten_together(parts, table("showings"), b"<times>", True)
    >>> members[1].batch.lines
    b'{"movie_id":"7","country":"can","date_stamp":"2","source_xml":"2"}\n'
    """
    try:
        return list(_Members(parts, table, root, with_json).members())
    except NotRecognised:
        if len(parts) == 1:
            return [None]
    half = len(parts) // 2
    return [
        member
        for some in (parts[:half], parts[half:])
        for member in flatten_together(some, table, root, with_json)
    ]


class _Members:
    """Members that are flattened as one block."""

    def __init__(self, parts: Sequence[Part], table: Table, root: bytes, with_json: bool) -> None:
        self._parts = parts
        self._table = table
        marked = dict.fromkeys(parts[0].labels, _MARK) | {"country": parts[0].labels["country"]}
        self._end = _end_of_line(marked)
        flattener = Flattener(table, root, marked, with_json)
        self._root = flattener.read_root()
        self._flat = flattener.flatten(memoryview(b"".join(p.content for p in parts)), 0)

    def members(self) -> list[FlatMember]:
        """Cut the members apart."""
        flat = self._flat
        bounds = _bounds(self._parts, flat)
        ends = _rows_before(flat.rows, bounds)
        lines = _lines_before(flat.lines, bounds)
        rows = self._labelled(bounds, ends)
        return [
            FlatMember(
                Batch(
                    int(end - begin),
                    self._lines(part, flat.lines[low:high]),
                    rows[first:last],
                    digest,
                ),
                *self._problems(int(begin), int(end)),
                self._root,
            )
            for part, digest, (begin, end), (low, high), (first, last) in zip(
                self._parts,
                digests_of_parts(rows, ends),
                pairwise(bounds),
                pairwise(lines),
                pairwise(ends),
                strict=True,
            )
        ]

    def _lines(self, part: Part, lines: Buffer) -> Buffer:
        """Replace the marks by the member's labels."""
        if not lines:
            return NO_LINES
        return bytes(lines).replace(self._end, _end_of_line(part.labels))

    def _labelled(self, bounds: Ints, ends: Ints) -> pa.Table:
        """Return the rows of all members with their member's label, numbered in their member."""
        rows, lengths = self._flat.rows, np.diff(ends)
        labels = pa.array([part.labels["source_xml"] for part in self._parts])
        members = np.repeat(np.arange(len(labels)), lengths)
        new = {"source_xml": labels.take(pa.array(members))}
        if "record" in rows.column_names:
            before = np.repeat(bounds[:-1].astype(np.int32), lengths)
            new["record"] = pa.array(rows["record"].to_numpy() - before)
        for name, column in new.items():
            at = rows.column_names.index(name)
            rows = rows.set_column(at, rows.field(at), column)
        return rows

    def _problems(self, begin: int, end: int) -> tuple[ProblemCounter, Counter[str]]:
        flat, problems, counted = self._flat, ProblemCounter(), ProblemCounter()
        low, high = np.searchsorted(flat.irregular, [begin, end])
        others = flat.others[low:high]
        if others:
            self._recount(others, counted)
        inside = {key: found.within(begin, end) for key, found in flat.found.items()}
        found = {key: part for key, part in inside.items() if part}
        add_problems(problems, self._table, found, counted, flat.irregular[low:high], others)
        return problems, Counter(flat.reasons[low:high])

    def _recount(self, others: Sequence[Record], counted: ProblemCounter) -> None:
        """Count the problems of one member's irregular records. Few values are typed again."""
        table, among = self._table, self._flat.counted.problems()
        odd = {p.column.partition(".")[0] for p in among if p.kind not in OF_NAMES}
        paths = [path for column in table.columns if column.name in odd for path in column.paths]
        if table.name == "showings" or occurs(paths, others):
            flatten_batch(others, table, counted, 0)
        else:
            collect_extras(others, table, counted)


def _end_of_line(labels: dict[str, str]) -> bytes:
    """Return the labels and the end of a line. Inside a text, its quotes would be escaped."""
    return f"{_encode(labels)[1:]}\n".encode()


def _bounds(parts: Sequence[Part], flat: Flat) -> Ints:
    """Return the number of the first record of each member, and that of all records."""
    begins = np.cumsum([0, *(len(part.content) for part in parts)])
    at = np.searchsorted(flat.begins, begins)
    if (flat.begins[at[:-1]] != begins[:-1]).any():
        raise NotRecognised("a record that does not end in its member")
    return at


def _rows_before(rows: pa.Table, records: Ints) -> Any:
    """Return how many rows there are before each of these records."""
    if "record" not in rows.column_names:
        return records
    return np.searchsorted(rows["record"].to_numpy(), records)


def _lines_before(lines: Buffer, records: Ints) -> Any:
    """Return the position of the line of each of these records."""
    if not lines:
        return np.zeros_like(records)
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n")) + 1
    return np.append(0, ends)[records]
