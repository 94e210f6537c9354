"""Small members of several partitions, compared with their records and commits together.

Most of the time for a small member is spent on calls, which cost the same for one record as for a
thousand. So the records of many small members of a table are flattened as one batch, by the same
reference as alone, and the result is compared with all their rows at once.

The only result is agreement. A member with anything to report is left out here and is checked
alone, so its findings do not depend on its neighbours. If members do not agree together, each half
of them is tried.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain, repeat
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from zstandard import ZstdDecompressor

from movielake.feed.records import Record
from movielake.lake.collector import collector_paused
from movielake.lake.commits import Commit, MemberCommit
from movielake.lake.partdigests import digests_of_parts
from movielake.lake.writers import WrittenFile
from movielake.rows.problems import OTHERS, Problem, ProblemCounter
from movielake.rows.recounts import count_again
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import Table
from movielake.schema.tables import table as read_table
from movielake.staging.packs import Pair
from movielake.staging.sources import Source
from movielake.validation.markup import MARKUP_COLUMNS, read_markup, restore
from movielake.validation.records import UNREADABLE, count_values, labels_of
from movielake.validation.rows import check_footer

Agreed = Mapping[WrittenFile | None, pa.Table]
"""Parquet file to the rows in it, of members whose rows agree with their records and commit."""

_SMALL: Final = 1 << 17
"""Most bytes of the files of a small member, and most of its rows and the bytes of its text."""
_ROWS: Final = 1 << 12
_TEXT: Final = 1 << 21

_WINDOW: Final = 128
"""Number of partitions whose small members are in memory at the same time."""

_RECORDS: Final = 4096
"""Number of records after which no further member is added."""


@dataclass(frozen=True)
class _Member:
    """A small member whose two files were read."""

    commit: MemberCommit
    rows: pa.Table
    records: list[Record]

    @property
    def file(self) -> WrittenFile | None:
        return self.commit.parquet

    @property
    def problems(self) -> dict[tuple[str, str], int]:
        return count_values(self.commit.problems)


def compare_together(
    source: Source, commits: Sequence[Commit], present: Set[str]
) -> Iterator[Agreed]:
    """Compare small members of partitions, each in files of its own.

    Parameters
    ----------
    source : Source
        The lake.
    commits : sequence of Commit, length n
        The partitions.
    present : set of str
        Paths of those of their files that have the right size.

    Yields
    ------
    Agreed
        For each partition in turn its members without a difference, maybe among those of others.
        These have no findings on their files, schema, number of rows and records, labels of
        records, digest and problems.
    """
    for start in range(0, len(commits), _WINDOW):
        window = commits[start : start + _WINDOW]
        agreed: dict[WrittenFile | None, pa.Table] = {}
        with collector_paused():
            for table, members in _bundles(source, window, present):
                agreed |= {member.file: member.rows for member in _agreeing(table, members)}
        yield from repeat(agreed, len(window))


def _bundles(
    source: Source, commits: Sequence[Commit], present: Set[str]
) -> Iterator[tuple[Table, list[_Member]]]:
    """Divide the small members into bundles. Prices depend on the country of a bundle.

    Members without problems are apart, because nothing has to be counted for each of them.
    """
    waiting: dict[tuple[str, str, bool], list[_Member]] = {}
    for commit in commits:
        for member in commit.members:
            read = _read(source, (commit.date_stamp, commit.country), member, present)
            if read is None:
                continue
            name = str(member.table)
            key = (name, commit.country if _has_prices(name) else "", bool(read.problems))
            bundle = waiting.setdefault(key, [])
            bundle.append(read)
            if sum(each.commit.records for each in bundle) >= _RECORDS:
                yield read_table(name), waiting.pop(key)
    for (name, _, _), bundle in waiting.items():
        yield read_table(name), bundle


@cache
def _has_prices(table: str) -> bool:
    return any(column.type == "price" for column in read_table(table).with_fields)


def _read(source: Source, pair: Pair, member: MemberCommit, present: Set[str]) -> _Member | None:
    """Read the files of a small member, or return None if there is any fault or oddity."""
    file, lines = member.parquet, member.json
    if not (member.table and file and lines and len(member.files) == 2):
        return None
    if file.bytes + lines.bytes > _SMALL or member.rows > _ROWS:
        return None
    schema, labels = read_table(member.table), labels_of(pair, member)
    try:
        contents = [_content(source, each, present) for each in (file, lines)]
        if None in contents:
            return None
        rows = _rows(contents[0], file, member, schema)
        records = None if rows is None else _records(contents[1], rows)
        if rows is None or records is None or len(records) != member.records:
            return None
        if any(record.get(key) != value for key, value in labels.items() for record in records):
            return None
    except UNREADABLE:
        return None
    return _Member(member, rows, records)


def _content(source: Source, file: WrittenFile, present: Set[str]) -> bytes | None:
    if file.path not in present:
        return None
    content = source.read(file.path, 0, file.bytes)
    return content if hashlib.sha256(content).hexdigest() == file.sha256 else None


def _rows(
    content: bytes | None, file: WrittenFile, member: MemberCommit, schema: Table
) -> pa.Table | None:
    parquet = pq.ParquetFile(pa.BufferReader(content))
    if any(check_footer(parquet.metadata, file.path, schema.arrow, member.rows)):
        return None
    rows = parquet.read(use_threads=False).select(schema.arrow.names)
    return rows if len(rows) == member.rows else None


def _records(content: bytes | None, rows: pa.Table) -> list[Record] | None:
    """Read the records, with the markup that their rows keep."""
    text = ZstdDecompressor().stream_reader(content or b"").read(_TEXT)
    if len(text) == _TEXT:
        return None
    lines = text.decode().removesuffix("\n").split("\n") if text else []
    records = [json.loads(line) for line in lines]
    if rows["extra"].null_count == len(rows):
        return records
    names = [name for name in MARKUP_COLUMNS if name in rows.column_names]
    for number, kept in read_markup([rows.select(names)]).items():
        records[number] = restore(records[number], kept)
    return records


def _agreeing(table: Table, members: list[_Member]) -> list[_Member]:
    """Return the members that agree. Each half is tried if they do not agree together."""
    try:
        agreeing = _compare(table, members)
    except UNREADABLE:
        agreeing = None
    if agreeing is not None or len(members) == 1:
        return agreeing or []
    half = len(members) // 2
    return _agreeing(table, members[:half]) + _agreeing(table, members[half:])


def _compare(table: Table, members: list[_Member]) -> list[_Member] | None:
    """Compare members together, and return None if their rows or all their problems differ."""
    records = list(chain.from_iterable(member.records for member in members))
    counter = ProblemCounter()
    made = flatten_batch(records, table, counter, 0)
    rows = pa.concat_tables([member.rows for member in members]).combine_chunks()
    bounds = list(accumulate((len(member.rows) for member in members), initial=0))
    if not _numbered(made, members, bounds).equals(rows):
        return None
    agreeing = [
        member
        for member, digest in zip(members, digests_of_parts(rows, bounds), strict=True)
        if digest == member.commit.digest
    ]
    return _with_their_problems(table, members, agreeing, counter.problems())


def _numbered(made: pa.Table, members: Sequence[_Member], bounds: Sequence[int]) -> pa.Table:
    """Let the numbers of each member's records begin at 0, as in its file."""
    if "record" not in made.column_names or len(made) != bounds[-1]:
        return made
    firsts = accumulate((len(member.records) for member in members[:-1]), initial=0)
    before = np.repeat(np.fromiter(firsts, np.int32), np.diff(bounds))
    at = made.column_names.index("record")
    return made.set_column(at, made.field(at), pa.array(made["record"].to_numpy() - before))


def _with_their_problems(
    table: Table, members: list[_Member], agreeing: list[_Member], found: Sequence[Problem]
) -> list[_Member]:
    """Return those agreeing members whose records have exactly the problems in their commit.

    If the sum of each problem is right, and it is right in each member whose commit has it, then no
    other member has it. So it is not counted there.
    """
    stated: Counter[tuple[str, str]] = Counter()
    for member in members:
        stated.update(member.problems)
    is_sum = stated == count_values(found) and all(p.column != OTHERS for p in found)
    if is_sum and all(_has_own(member, table, found) for member in members):
        return agreeing
    return [member for member in agreeing if _count(member, table, found) == member.problems]


def _has_own(member: _Member, table: Table, found: Sequence[Problem]) -> bool:
    """Return whether the records have the problems in the commit, and maybe others."""
    own = [problem for problem in found if (problem.kind, problem.column) in member.problems]
    counted = _count(member, table, own) if own else {}
    return all(counted.get(key) == count for key, count in member.problems.items())


def _count(member: _Member, table: Table, among: Sequence[Problem]) -> dict[tuple[str, str], int]:
    counter = ProblemCounter()
    count_again(member.records, table, among, counter)
    return count_values(counter.problems())
