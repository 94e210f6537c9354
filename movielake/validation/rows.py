"""Check of the rows of one member: their schema, their commit and plausible values."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from movielake.lake.commits import MemberCommit
from movielake.lake.digests import RowsDigest
from movielake.schema.tables import Table
from movielake.schema.tables import table as read_table
from movielake.staging.merging import STAMP
from movielake.validation.findings import Finding
from movielake.validation.rules import COORDINATES, RUNNING_TIMES, SHOW_DATES, found

IDS: Final = {
    "movies": ("movie_id",),
    "theaters": ("theater_id",),
    "showings": ("movie_id", "theater_id"),
}
"""The id columns of each table."""

SOURCE: Final = "source_xml"


def check_footer(
    footer: pq.FileMetaData, path: str, schema: pa.Schema, rows: int
) -> Iterator[Finding]:
    """Compare the footer of a Parquet file with its schema and its commits.

    Parameters
    ----------
    footer : pq.FileMetaData
        The footer.
    path : str
        Path of the file in the lake.
    schema : pa.Schema
        The expected columns.
    rows : int
        The expected number of rows.

    Yields
    ------
    Finding
    """
    there = footer.schema.to_arrow_schema()
    if not there.equals(schema):
        yield found("wrong-schema", path, _schema_difference(there, schema))
    if footer.num_rows != rows:
        message = f"expected {rows:,} rows, found {footer.num_rows:,}"
        yield found("row-count", path, message)


def _schema_difference(schema: pa.Schema, expected: pa.Schema) -> str:
    fields = {field.name: field for field in schema}
    missing = [name for name in expected.names if name not in fields]
    unknown = [name for name in schema.names if name not in expected.names]
    if missing or unknown or len(schema) != len(fields):
        lacks = f"missing: {', '.join(missing) or '-'}, unknown: {', '.join(unknown) or '-'}"
        return f"expected the {len(expected)} columns of the table, found others ({lacks})"
    for field_ in expected:
        if not fields[field_.name].equals(field_):
            return f"expected {field_.name} of type {field_.type}, found {fields[field_.name].type}"
    return "expected the columns in the order of the schema, found another order"


@dataclass
class RowsOfMember:
    """Counts and values collected from the rows of one member, a row group at a time.

    Parameters
    ----------
    member : MemberCommit
        The member in its commit.
    table : Table
        Table of the rows.
    date_stamp, source_xml : str
        Stamp of the partition, and the ``source_xml`` that each row must have.
    digest : RowsDigest, optional
        Digest of no rows yet; None if the digest of the member was compared before.
    """

    member: MemberCommit
    table: Table
    date_stamp: str
    source_xml: str
    digest: RowsDigest | None = field(default_factory=RowsDigest)
    astray: dict[str, int] = field(default_factory=dict)
    screenings: int = 0
    dates: list[datetime.date] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)
    ids: dict[str, list[pa.ChunkedArray]] = field(init=False)
    places: list[pa.Table] = field(default_factory=list)
    odd: dict[str, tuple[int, Any]] = field(default_factory=dict)
    _last: int = -2

    def __post_init__(self) -> None:
        # A table without a record has ids too: none. Then no showing has its movie or theater.
        self.ids = {name: [] for name in IDS[self.table.name]}

    def watch(self, groups: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Collect counts and values from row groups, and yield the columns of the table."""
        for group in groups:
            for name in (SOURCE, STAMP.name):
                if name in group.column_names:
                    same = int(pc.sum(pc.equal(group[name], self._label(name))).as_py() or 0)
                    self.astray[name] = self.astray.get(name, 0) + group.num_rows - same
            rows = group.select(self.table.arrow.names)
            if self.digest:
                self.digest.update(rows)
            if self.table.name == "showings":
                rows_of_ids = self._watch_showings(rows)
            else:
                rows_of_ids = self._watch_others(rows)
            for name, values in self.ids.items():
                values.append(rows_of_ids[name])
            yield rows

    def _label(self, name: str) -> str:
        return self.source_xml if name == SOURCE else self.date_stamp

    def _watch_others(self, rows: pa.Table) -> pa.Table:
        if self.table.name == "movies":
            self._count_odd("running-time", rows["running_time"], *RUNNING_TIMES)
            return rows
        for name, most in zip(("theater_lat", "theater_lon"), COORDINATES, strict=True):
            self._count_odd("coordinates", rows[name], -most, most)
        self.places.append(rows.select(["theater_id", "theater_lat", "theater_lon"]))
        return rows

    def _watch_showings(self, rows: pa.Table) -> pa.Table:
        """Collect counts and values of showings, and return the first row of each record."""
        self.screenings += rows.num_rows - rows["show_time"].null_count
        self.dates += [day for day in pc.min_max(rows["show_date"]).as_py().values() if day]
        day = datetime.date.fromisoformat(self.date_stamp)
        low, high = (day + datetime.timedelta(days=days) for days in SHOW_DATES)
        self._count_odd("show-date", rows["show_date"], low, high)
        numbers = pc.fill_null(rows["record"], -1).to_numpy()
        starts = np.diff(numbers, prepend=self._last) != 0
        self._last = int(numbers[-1]) if len(numbers) else self._last
        self.numbers.append(numbers[starts])
        return rows.filter(pa.array(starts))

    def _count_odd(self, rule: str, values: pa.ChunkedArray, low: Any, high: Any) -> None:
        limits = (pa.scalar(limit, values.type) for limit in (low, high))
        odd = pc.or_(pc.less(values, next(limits)), pc.greater(values, next(limits)))
        if count := int(pc.sum(odd).as_py() or 0):
            before, first = self.odd.get(rule, (0, values.filter(odd)[0].as_py()))
            self.odd[rule] = (before + count, first)

    def findings(self) -> Iterator[Finding]:
        """Compare the collected values with the commit, after all row groups have been read."""
        path = self.member.parquet.path if self.member.parquet else ""
        rows = f"of {self.member.rows:,} rows"
        for name, count in self.astray.items():
            if count:
                message = f"expected {name} {self._label(name)}, found others in {count:,} {rows}"
                yield found("wrong-source", path, message, count=count)
        if self.digest and self.digest.hexdigest() != self.member.digest:
            message = f"expected rows with the digest {self.member.digest:.12}…, found other rows"
            yield found("rows-digest", path, message)
        if self.table.name == "showings":
            yield from self._counts(path)
        elif self.member.records != self.member.rows:
            message = f"expected one row for each of {self.member.records:,} records"
            yield found(
                "record-count", path, f"{message}, found {self.member.rows:,} in the commit"
            )
        for rule, (count, first) in self.odd.items():
            message = f"{count:,} {rows} are outside the limits, first value {first}"
            yield found(rule, path, message, count=count)

    def _counts(self, path: str) -> Iterator[Finding]:
        member = self.member
        numbers = np.concatenate([*self.numbers, np.arange(0)])
        if not np.array_equal(numbers, np.arange(member.records)):
            other = f"{len(numbers):,}" if len(numbers) != member.records else "other numbers"
            message = f"expected records 0 to {member.records - 1:,} in order"
            yield found("record-count", path, f"{message}, found {other}")
        if self.screenings != member.screenings:
            message = f"expected {member.screenings:,} rows with a time, found {self.screenings:,}"
            yield found("screening-count", path, message)
        span = [day.isoformat() for day in (min(self.dates), max(self.dates))] if self.dates else []
        expected = [day for day in (member.first_date, member.last_date) if day]
        if span != expected:
            want, have = (" to ".join(days) or "none" for days in (expected, span))
            yield found("date-span", path, f"expected show_dates from {want}, found {have}")


def joined(values: list[pa.ChunkedArray], name: str, column: str) -> pa.ChunkedArray:
    """Return the values of a table's column in several arrays as one. No value is copied."""
    chunks = [chunk for value in values for chunk in value.chunks]
    return pa.chunked_array(chunks, read_table(name).arrow.field(column).type)
