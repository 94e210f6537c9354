"""Conversion of one member of a feed zip to the lake's files: JSON Lines, Parquet, quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import IO, Final, cast

from movielake.conversion.bundles import Key, Ready
from movielake.fastpath.blocks import STEP
from movielake.fastpath.reading import FastMember
from movielake.fastpath.unrecognised import NotRecognised
from movielake.feed.archives import UNREADABLE, Member
from movielake.feed.damage import Damage, describe_damaged, one_line
from movielake.feed.limits import most_kept
from movielake.feed.records import Record, Records, Unreadable, read_root
from movielake.feed.salvage import Salvaged
from movielake.feed.signatures import FINDER, HEAD, is_document, is_of_finder, packed_format
from movielake.feed.zips import FeedZip
from movielake.lake.commits import COMPLETE, DAMAGED, EMPTY, OTHER, REFUSED, Fallback, MemberCommit
from movielake.lake.outputs import Batch, JsonLinesWriter, RowsWriter, to_lines
from movielake.lake.quarantine import Quarantine, SetAside
from movielake.lake.writers import Workspace
from movielake.names.layout import distinct, json_folder, lake_stem, parquet_folder
from movielake.rows.problems import ENCODING, ENTITY, ProblemCounter
from movielake.rows.screenings import HEAVIEST, flatten_batch, weigh
from movielake.schema.tables import Table, table, table_of_root

BATCH: Final = 1024
"""Most records to flatten at a time; fewer if they are heavy. This limits the memory."""


@dataclass(frozen=True)
class MemberConverter:
    """Converts the members of one feed zip, one after the other.

    Parameters
    ----------
    zip_ : FeedZip
        The feed zip that contains the members.
    space : Workspace
        The place for the new files.
    with_json : bool
        Whether to write JSON Lines in addition to Parquet.
    quarantine : Quarantine
        The place for members that cannot be read.
    ready : mapping, optional
        Members that were flattened before, from `movielake.conversion.bundles`.
    """

    zip_: FeedZip
    space: Workspace
    with_json: bool
    quarantine: Quarantine
    ready: Mapping[Key, Ready] = field(default_factory=dict)
    # Names used so far: two members with the same name get different files.
    _taken: set[str] = field(default_factory=set)

    def convert(self, member: Member) -> MemberCommit:
        """Convert one member.

        Parameters
        ----------
        member : Member
            A member from `movielake.feed.zips.open_members`.

        Returns
        -------
        MemberCommit
            The member's result. Its files are in the workspace.
        """
        if is_of_finder(member.name):
            return MemberCommit(member.name, OTHER, reason=FINDER)
        return self._take_name(self._convert(member))

    def convert_by_reference(self, member: Member) -> MemberCommit:
        """Convert one member of any table, without the fast path."""
        return self._take_name(self._convert_by_reference(member))

    def _take_name(self, commit: MemberCommit) -> MemberCommit:
        """Keep the name of a member's files. Until now, each attempt gets the same name."""
        if commit.table:
            distinct(lake_stem(commit.member, table(commit.table)), self._taken)
        return commit

    def _convert(self, member: Member) -> MemberCommit:
        try:
            return self._convert_fast(member)
        except NotRecognised as error:
            reason = str(error)
        except UNREADABLE:
            reason = "bytes that could not be read"
        commit = self._convert_by_reference(member)
        if not commit.table:
            return commit
        return replace(commit, fallbacks=(Fallback(reason, commit.records),))

    def _convert_fast(self, member: Member) -> MemberCommit:
        ready = self.ready.get(Key.of(member))
        if ready:
            return self._convert_ready(member, ready)
        with member.open(STEP, quick=True) as stream:
            source = FastMember(stream, None, self.zip_.labels(member.name), self.with_json)
            commit = replace(self._write(member, source.table, source), xml_bytes=stream.tell())
        _count_contradiction(source.contradiction, source.problems)
        return _described(commit, source.root, source.problems, source.left)

    def _convert_ready(self, member: Member, ready: Ready) -> MemberCommit:
        """Write a member that was flattened together with others."""
        flat = ready.flat
        commit = replace(self._write(member, ready.table, [flat.batch]), xml_bytes=ready.xml_bytes)
        _count_contradiction(ready.contradiction, flat.problems)
        return _described(commit, flat.root, flat.problems, flat.left)

    def _convert_by_reference(self, member: Member) -> MemberCommit:
        try:
            with member.open() as stream:
                root = read_root(stream)
        except Unreadable as error:
            return self._refuse(member, error.damage)
        except UNREADABLE as error:
            return self._refuse(member, Damage(one_line(error)))
        if root is None:
            return MemberCommit(member.name, EMPTY)
        table = table_of_root(root)
        if table is None:
            reason = f"expected the root movies, houses or times, found {root}"
            return self._refuse(member, Damage(reason))
        return self._convert_table(member, table)

    def _refuse(self, member: Member, damage: Damage) -> MemberCommit:
        """Quarantine XML that cannot be read, and archives. Only list a member that is neither."""
        found = packed_format(_head(member))
        if found == FINDER:
            return MemberCommit(member.name, OTHER, reason=FINDER)
        if found and not is_document(member.name):
            damage = Damage(f"expected XML, found {found}; pack its files into the feed zip itself")
        elif not member.name.lower().endswith(".xml"):
            return MemberCommit(member.name, OTHER, reason="not an XML file of the feed")
        refused = self._with_damage(MemberCommit(member.name, REFUSED), member, damage)
        return replace(refused, xml_bytes=sum(file.bytes for file in refused.quarantine[:-1]))

    def _with_damage(
        self,
        commit: MemberCommit,
        member: Member,
        damage: Damage,
        aside: SetAside | None = None,
        *,
        is_read: bool = False,
    ) -> MemberCommit:
        """Add the damage and the files in quarantine.

        With ``is_read``, ``aside`` has everything that is not in the lake.
        """
        most, source = most_kept(member.packed), None if is_read else member.open
        kept = commit.records
        files = self.quarantine.add(member.name, source, damage, kept, most, aside)
        return replace(commit, **vars(damage), quarantine=files)

    def _convert_table(self, member: Member, table: Table) -> MemberCommit:
        with member.open() as stream:
            records = Records(stream, table, self.zip_.labels(member.name))
            commit = replace(self._read(member, table, records), xml_bytes=stream.tell())
        if records.is_local:
            return self._salvage(member, table)
        if records.damage is None:
            return commit
        return self._with_damage(replace(commit, status=DAMAGED), member, records.damage)

    def _salvage(self, member: Member, table: Table) -> MemberCommit:
        """Read a member again, without its damaged records."""
        aside = self.quarantine.begin(member.name, most_kept(member.packed))
        with member.open() as stream:
            salvaged = Salvaged(stream, table, aside.add)
            records = Records(cast("IO[bytes]", salvaged), table, self.zip_.labels(member.name))
            records.contradiction = salvaged.contradiction
            commit = replace(self._read(member, table, records), xml_bytes=stream.tell())
        commit = replace(commit, status=DAMAGED, damaged_records=aside.records)
        damage = describe_damaged(aside.records, aside.first, records.damage)
        is_read = records.damage is None
        return self._with_damage(commit, member, damage, aside, is_read=is_read)

    def _read(self, member: Member, table: Table, records: Records) -> MemberCommit:
        problems = ProblemCounter()
        commit = self._write(member, table, self._batches(records, table, problems))
        _count_contradiction(records.contradiction, problems)
        if records.entities and records.entities.count:
            problems.add("", ENTITY, records.entities.count, records.entities.first)
        return replace(commit, root=records.root, problems=problems.problems())

    def _batches(self, records: Records, table: Table, problems: ProblemCounter) -> Iterator[Batch]:
        count = 0
        for batch in _batched(records, table):
            lines = to_lines(batch).encode() if self.with_json else b""
            yield Batch(len(batch), lines, flatten_batch(batch, table, problems, first=count))
            count += len(batch)

    def _write(self, member: Member, table: Table, batches: Iterable[Batch]) -> MemberCommit:
        """Write a member's files, one batch at a time."""
        key = (self.zip_.date_stamp, self.zip_.country)
        stem = distinct(lake_stem(member.name, table), set(self._taken))
        json_path = f"{json_folder(*key)}/{stem}.jsonl.zst"
        rows_path = f"{parquet_folder(table.name, *key)}/{stem}.parquet"
        count = 0
        with ExitStack() as stack:
            json_file = stack.enter_context(self.space.open(json_path)) if self.with_json else None
            lines = stack.enter_context(JsonLinesWriter(json_file)) if json_file else None
            rows_file = stack.enter_context(self.space.open(rows_path))
            rows = stack.enter_context(RowsWriter(rows_file, table))
            for batch in batches:
                if lines:
                    lines.write(batch.lines)
                rows.write(batch.rows, batch.digest)
                count += batch.records
        return MemberCommit(
            member=member.name,
            status=COMPLETE,
            table=table.name,
            records=count,
            rows=rows.rows,
            screenings=rows.screenings,
            first_date=rows.first_date,
            last_date=rows.last_date,
            digest=rows.digest,
            json=json_file.written(json_path) if json_file else None,
            parquet=rows_file.written(rows_path),
        )


def _described(
    commit: MemberCommit, root: dict[str, str], problems: ProblemCounter, left: Counter[str]
) -> MemberCommit:
    fallbacks = tuple(Fallback(*item) for item in sorted(left.items()))
    return replace(commit, root=root, problems=problems.problems(), fallbacks=fallbacks)


def _count_contradiction(contradiction: str, problems: ProblemCounter) -> None:
    if contradiction:
        problems.add("", ENCODING, 1, contradiction)


def _head(member: Member) -> bytes:
    """Read the first bytes of a member, as far as they can be read."""
    try:
        with member.open() as stream:
            return stream.read(HEAD)
    except UNREADABLE:
        return b""


def _batched(records: Iterable[Record], table: Table) -> Iterator[list[Record]]:
    """Yield records in batches that fit in memory."""
    batch: list[Record] = []
    weight = 0
    for record in records:
        more = weigh(record, table)
        if len(batch) == BATCH or (batch and weight + more > HEAVIEST):
            yield batch
            batch, weight = [], 0
        batch.append(record)
        weight += more
    if batch:
        yield batch
