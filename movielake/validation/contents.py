"""Contents of a partition's files. This code opens and reads the files, and runs on workers."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat
from typing import Final

import pyarrow as pa

from movielake.lake.commits import Commit, MemberCommit
from movielake.lake.writers import WrittenFile
from movielake.names.layout import parquet_folder
from movielake.schema.tables import TABLES, Table, table
from movielake.staging.packs import Pair
from movielake.staging.sources import BLOCK, Source
from movielake.validation.findings import ERROR, Checked, Finding
from movielake.validation.manifests import Start
from movielake.validation.markup import MARKUP_COLUMNS, read_markup
from movielake.validation.parts import OpenFile, open_raw
from movielake.validation.places import check_places
from movielake.validation.records import UNREADABLE, RecordsOfMember, compare, labels_of
from movielake.validation.references import check_keys, check_references
from movielake.validation.rows import RowsOfMember, check_footer, joined
from movielake.validation.rules import MEND_COPY, found, mend, reason
from movielake.validation.shared import SharedFile, SharedFiles
from movielake.validation.together import Agreed, compare_together

_WHOLE: Final = Start(0, 0)
"""The start of a member in a file of its own."""


@dataclass(frozen=True)
class Depth:
    """Depth of a check.

    Parameters
    ----------
    url : str
        Path or URL of the lake.
    fast : bool
        Whether to read only the footers of the Parquet files.
    checksums : bool
        Whether to read the whole Parquet files of a compact lake. A sample does not.
    max_orphans : float or None
        See `movielake.validation.references.check_references`.
    places : bool
        Whether to check that theaters lie inside their country.
    """

    url: str
    fast: bool
    checksums: bool
    max_orphans: float | None
    places: bool


@dataclass(frozen=True)
class Batch:
    """Partitions that are checked together.

    Parameters
    ----------
    commits : tuple of Commit
        The partitions.
    present : frozenset of str
        Paths of those of their files that have the right size.
    starts : tuple of tuple of Start, optional
        Compact lakes only: for each partition, where its members begin.
    shared : tuple of SharedFile, optional
        Compact lakes only: Parquet files to check as a whole. No other batch has them.
    """

    commits: tuple[Commit, ...]
    present: frozenset[str]
    starts: tuple[tuple[Start, ...], ...] = ()
    shared: tuple[SharedFile, ...] = ()


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
    with SharedFiles(source) as files:
        for shared in batch.shared:
            findings += files.check(shared, checksums=depth.checksums)
            checked += Checked(files=1, bytes=shared.file.bytes)
        starts = batch.starts or (None,) * len(batch.commits)
        alone = depth.fast or bool(batch.starts)
        agreed = repeat({}) if alone else compare_together(source, batch.commits, batch.present)
        for commit, begins, known in zip(batch.commits, starts, agreed, strict=False):
            partition = _Partition(source, depth, commit, batch.present, begins, files, known)
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
    starts: tuple[Start, ...] | None
    shared: SharedFiles
    agreed: Agreed
    checked: Checked = field(default_factory=partial(Checked, partitions=1))
    ids: dict[str, dict[str, list[pa.ChunkedArray]]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    seen: list[RowsOfMember] = field(default_factory=list)

    @property
    def pair(self) -> Pair:
        return self.commit.date_stamp, self.commit.country

    @property
    def is_compact(self) -> bool:
        return self.starts is not None

    def check(self) -> Iterator[Finding]:
        advice = MEND_COPY if self.is_compact else mend(self.pair)
        for finding in self._members():
            more = f"; {advice}" if finding.severity == ERROR else ""
            yield self._placed(replace(finding, message=f"{finding.message}{more}"))
        if not self.depth.fast:
            yield from map(self._placed, self._together())

    def _placed(self, finding: Finding) -> Finding:
        """Name the partition, unless the path names it."""
        if not self.is_compact:
            return finding
        return replace(finding, message=f"{' '.join(self.pair)}: {finding.message}")

    def _members(self) -> Iterator[Finding]:
        check = self._footer if self.depth.fast else self._member
        members = self.commit.members
        starts = self.starts or (_WHOLE,) * len(members)
        for member, start in zip(members, starts, strict=True):
            yield from check(member, start)

    def _shares(self, file: WrittenFile, member: MemberCommit) -> bool:
        """Return whether a file is a Parquet file of many members, which is checked as a whole."""
        return self.is_compact and file == member.parquet

    def _count_file(self, file: WrittenFile, start: int) -> None:
        """Count a file, or a frame of one. A file counts with its first frame."""
        self.checked += Checked(files=int(start == 0), bytes=file.bytes)

    def _count(self, rows: int, member: MemberCommit) -> None:
        self.checked += Checked(rows=rows, records=member.records)

    def _footer(self, member: MemberCommit, start: Start) -> Iterator[Finding]:
        """Compare the footer of a leaf; other files were compared by size or as a whole."""
        for each in member.files:
            if each.path in self.present and not self._shares(each, member):
                self._count_file(each, _begin(each, member, start))
        file = member.parquet
        if file is None or member.table is None or file.path not in self.present:
            return
        if self.is_compact:
            self._count(member.rows, member)
            return
        try:
            with open_raw(self.source, file.path) as raw:
                footer = OpenFile(raw, table(member.table)).footer
            self._count(footer.num_rows, member)
            yield from check_footer(footer, file.path, table(member.table).arrow, member.rows)
        except UNREADABLE as error:
            yield _unreadable(file, error)

    def _member(self, member: MemberCommit, start: Start) -> Iterator[Finding]:
        if member.parquet in self.agreed:
            yield from self._agreed(member, self.agreed[member.parquet])
            return
        contents: dict[WrittenFile, bytes] = {}
        for file in member.files:
            if not self._shares(file, member):
                result = self._read(file, _begin(file, member, start))
                if isinstance(result, bytes):
                    contents[file] = result
                elif result:
                    yield result
        if member.table is None or member.parquet is None:
            return
        schema = table(member.table)
        lines = contents.get(member.json) if member.json else None
        try:
            opened, findings = self._open(member.parquet, member, contents, schema)
            yield from findings
            if opened is None:
                self.unread.add(schema.name)
                return
            yield from self._rows(opened, lines, member, schema, start.row or 0)
        except UNREADABLE as error:
            self.unread.add(schema.name)
            yield _unreadable(member.parquet, error)

    def _agreed(self, member: MemberCommit, found: pa.Table) -> Iterator[Finding]:
        """Check the values of rows that were already compared with their records and commit."""
        for file in member.files:
            self._count_file(file, 0)
        self._count(len(found), member)
        labels = labels_of(self.pair, member)
        schema = table(str(member.table))
        rows = RowsOfMember(member, schema, labels["date_stamp"], labels["source_xml"], None)
        yield from self._collect(rows, rows.watch([found] if len(found) else []))

    def _open(
        self,
        file: WrittenFile,
        member: MemberCommit,
        contents: dict[WrittenFile, bytes],
        schema: Table,
    ) -> tuple[OpenFile | None, list[Finding]]:
        """Open a Parquet file, or return None and the findings because of which it is not read."""
        if self.is_compact:
            there = file.path in self.present
            opened = self.shared.open(file.path, schema.name) if there else None
            if opened:
                self._count(member.rows, member)
            return opened, []
        if file not in contents:
            return None, []
        opened = OpenFile(pa.BufferReader(contents[file]), schema)
        self._count(opened.footer.num_rows, member)
        findings = list(check_footer(opened.footer, file.path, schema.arrow, member.rows))
        is_other = any(finding.rule == "wrong-schema" for finding in findings)
        return None if is_other else opened, findings

    def _read(self, file: WrittenFile, start: int) -> bytes | Finding | None:
        """Return the content of a file or frame, or a finding if it is wrong.

        The result is None if the file is missing or has another size, which was reported before.
        """
        if file.path not in self.present:
            return None
        end = start + file.bytes
        try:
            content = b"".join(
                self.source.read(file.path, place, min(BLOCK, end - place))
                for place in range(start, end, BLOCK)
            )
        except OSError as error:
            return _unreadable(file, error)
        self._count_file(file, start)
        if hashlib.sha256(content).hexdigest() == file.sha256:
            return content
        message = f"expected the SHA-256 {file.sha256:.12}…, found other bytes"
        return found("wrong-checksum", file.path, message)

    def _rows(
        self, file: OpenFile, lines: bytes | None, member: MemberCommit, schema: Table, first: int
    ) -> Iterator[Finding]:
        """Read all rows once, and compare them with the JSON records if the JSON exists."""
        labels = labels_of(self.pair, member)
        span = (first, member.rows) if self.is_compact else (0, file.footer.num_rows)
        rows = RowsOfMember(member, schema, labels["date_stamp"], labels["source_xml"])
        groups = rows.watch(file.rows(file.schema.names, *span))
        if lines is not None:
            names = [name for name in MARKUP_COLUMNS if name in schema.arrow.names]
            markup = read_markup(file.rows(names, *span))
            yield from compare(RecordsOfMember(lines, member, schema, labels, markup), groups)
        yield from self._collect(rows, groups)

    def _collect(self, rows: RowsOfMember, groups: Iterator[pa.Table]) -> Iterator[Finding]:
        """Read the rows to their end, and keep what concerns the partition as a whole."""
        deque(groups, maxlen=0)
        yield from rows.findings()
        self.seen.append(rows)
        for name, values in rows.ids.items():
            self.ids.setdefault(rows.table.name, {}).setdefault(name, []).extend(values)

    def _path(self, name: str) -> str:
        """Return the path of the rows of a table."""
        paths = [m.parquet.path for m in self.commit.members if m.table == name and m.parquet]
        return paths[0] if self.is_compact and paths else parquet_folder(name, *self.pair)

    def _together(self) -> Iterator[Finding]:
        """Check keys, references and places across all files of the partition."""
        tables = {
            name: {column: joined(values, name, column) for column, values in ids.items()}
            for name, ids in self.ids.items()
            if name not in self.unread
        }
        paths = {name: self._path(name) for name in TABLES}
        yield from check_keys(paths, tables)
        yield from check_references(paths, tables, self.depth.max_orphans)
        if self.depth.places:
            places = [place for rows in self.seen for place in rows.places]
            yield from check_places(self.commit.country, paths["theaters"], places)


def _unreadable(file: WrittenFile, error: BaseException) -> Finding:
    return found("unreadable-file", file.path, f"cannot be read ({reason(error)})")


def _begin(file: WrittenFile, member: MemberCommit, start: Start) -> int:
    """Return the first byte of a member in its JSON Lines file, or 0 for another file."""
    return (start.byte or 0) if file == member.json else 0
