"""Contents of a partition's files. This code opens and reads the files, and runs on workers."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.commits import Commit, MemberCommit
from movielake.lake.writers import WrittenFile
from movielake.schema.tables import Table, table
from movielake.staging.packs import Pair
from movielake.staging.sources import Source
from movielake.validation.findings import ERROR, Checked, Finding
from movielake.validation.markup import read_markup
from movielake.validation.places import check_places
from movielake.validation.records import UNREADABLE, RecordsFile, first_difference
from movielake.validation.references import check_keys, check_references
from movielake.validation.rows import RowsFile, check_footer, read_rows
from movielake.validation.rules import found, mend, reason


@dataclass(frozen=True)
class Depth:
    """Depth of a check.

    Parameters
    ----------
    url : str
        Path or URL of the lake.
    fast : bool
        Whether to read only the footers of the Parquet files.
    max_orphans : float or None
        See `movielake.validation.references.check_references`.
    places : bool
        Whether to check that theaters lie inside their country.
    """

    url: str
    fast: bool
    max_orphans: float | None
    places: bool


@dataclass(frozen=True)
class Batch:
    """Partitions that are checked together, and those of their files that have the right size."""

    commits: tuple[Commit, ...]
    present: frozenset[str]


def check_batch(depth: Depth, batch: Batch) -> tuple[list[Finding], Checked]:
    """Check the files of some partitions.

    Parameters
    ----------
    depth : Depth
        Depth of the check.
    batch : Batch
        The partitions.

    Returns
    -------
    findings : list of Finding
    checked : Checked
        How much was checked.
    """
    findings: list[Finding] = []
    checked = Checked()
    source = Source(depth.url)
    for commit in batch.commits:
        partition = _Partition(source, depth, commit, batch.present)
        findings += partition.check()
        checked += partition.checked
    return findings, checked


@dataclass
class _Partition:
    """One partition during its check."""

    source: Source
    depth: Depth
    commit: Commit
    present: frozenset[str]
    checked: Checked = field(default_factory=partial(Checked, partitions=1))
    ids: dict[str, dict[str, list[pa.ChunkedArray]]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    seen: list[RowsFile] = field(default_factory=list)

    @property
    def pair(self) -> Pair:
        return self.commit.date_stamp, self.commit.country

    def check(self) -> Iterator[Finding]:
        check = self._footer if self.depth.fast else self._member
        for finding in (f for member in self.commit.members for f in check(member)):
            if finding.severity == ERROR:
                yield replace(finding, message=f"{finding.message}; {mend(self.pair)}")
            else:
                yield finding
        if not self.depth.fast:
            yield from self._together()

    def _footer(self, member: MemberCommit) -> Iterator[Finding]:
        """Compare the footer of a member's Parquet file; other files were compared by size."""
        there = [file.bytes for file in member.files if file.path in self.present]
        self.checked += Checked(files=len(there), bytes=sum(there))
        file = member.parquet
        if file is None or member.table is None or file.path not in self.present:
            return
        place = self.source.join(file.path)
        try:
            with (
                pa.OSFile(place) if self.source.is_local else self.source.fs.open(place, "rb")
            ) as raw:
                parquet = pq.ParquetFile(raw)
                self._count(parquet, member)
                yield from check_footer(parquet, member, table(member.table))
        except UNREADABLE as error:
            yield _unreadable(file, error)

    def _member(self, member: MemberCommit) -> Iterator[Finding]:
        contents: dict[str, bytes] = {}
        for file in member.files:
            result = self._read(file)
            if isinstance(result, bytes):
                contents[file.path] = result
            elif result:
                yield result
        if member.table is None or member.parquet is None:
            return
        content = contents.get(member.parquet.path)
        lines = contents.get(member.json.path) if member.json else None
        if content is None:
            self.unread.add(member.table)
            return
        try:
            parquet = pq.ParquetFile(pa.BufferReader(content))
            self._count(parquet, member)
            broken = list(check_footer(parquet, member, table(member.table)))
            yield from broken
            if any(finding.rule == "wrong-schema" for finding in broken):
                self.unread.add(member.table)
                return
            yield from self._rows(parquet, lines, member, table(member.table))
        except UNREADABLE as error:
            self.unread.add(member.table)
            yield _unreadable(member.parquet, error)

    def _count(self, parquet: pq.ParquetFile, member: MemberCommit) -> None:
        self.checked += Checked(rows=parquet.metadata.num_rows, records=member.records)

    def _read(self, file: WrittenFile) -> bytes | Finding | None:
        """Return a file's content, a finding if it is wrong, or None if one was reported before."""
        if file.path not in self.present:
            return None
        try:
            content = b"".join(self.source.blocks(file))
        except OSError as error:
            return _unreadable(file, error)
        self.checked += Checked(files=1, bytes=len(content))
        if hashlib.sha256(content).hexdigest() == file.sha256:
            return content
        message = f"expected the SHA-256 {file.sha256[:12]}…, found other bytes"
        return found("wrong-checksum", file.path, message)

    def _rows(
        self, parquet: pq.ParquetFile, lines: bytes | None, member: MemberCommit, schema: Table
    ) -> Iterator[Finding]:
        """Read all rows once, and compare them with the JSON records if the JSON exists."""
        stamp, country = self.pair
        source_xml = f"{stamp}/{country}/{member.member}"
        rows = RowsFile(member, schema, stamp, source_xml)
        groups = rows.watch(read_rows(parquet, schema, whole=lines is not None))
        if lines is not None:
            labels = {"country": country, "date_stamp": stamp, "source_xml": source_xml}
            markup = read_markup(parquet)
            yield from _compare(RecordsFile(lines, member, schema, labels, markup), groups)
        deque(groups, maxlen=0)
        yield from rows.findings()
        self.seen.append(rows)
        for name, values in rows.ids.items():
            self.ids.setdefault(schema.name, {}).setdefault(name, []).extend(values)

    def _together(self) -> Iterator[Finding]:
        """Check keys, references and places across all files of the partition."""
        tables = {
            name: {column: _joined(values) for column, values in ids.items()}
            for name, ids in self.ids.items()
            if name not in self.unread
        }
        yield from check_keys(self.pair, tables)
        yield from check_references(self.pair, tables, self.depth.max_orphans)
        if self.depth.places:
            places = [place for rows in self.seen for place in rows.places]
            yield from check_places(self.pair, places)


def _compare(records: RecordsFile, groups: Iterator[pa.Table]) -> Iterator[Finding]:
    """Flatten the records again, and compare the result with the rows in Parquet."""
    made = records.rows()
    difference = first_difference(made, groups)
    deque(made, maxlen=0)
    if difference and not records.error:
        message = f"the rows in Parquet differ from these records: {difference}"
        yield found("json-rows", records.path, message)
    yield from records.findings()


def _joined(values: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for value in values for chunk in value.chunks], values[0].type)


def _unreadable(file: WrittenFile, error: BaseException) -> Finding:
    return found("unreadable-file", file.path, f"cannot be read ({reason(error)})")
