"""One member of a feed zip into the lake's files: JSON Lines, Parquet, quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from movielake.commits import COMPLETE, DAMAGED, EMPTY, OTHER, REFUSED, MemberCommit
from movielake.feed import UNREADABLE, FeedZip, Member
from movielake.layout import distinct, json_folder, lake_stem, parquet_folder
from movielake.problems import ProblemCounter
from movielake.quarantine import Quarantine, one_line
from movielake.records import Damage, Record, Records, Unreadable, read_root
from movielake.schema import Table, table_of_root
from movielake.screenings import flatten_batch
from movielake.writers import JsonLinesWriter, RowsWriter, Workspace

BATCH: Final = 1024
"""Records flattened at a time: the unit in which memory grows."""


@dataclass(frozen=True)
class MemberConverter:
    """Converts the members of one feed zip, one after the other.

    Parameters
    ----------
    zip_ : FeedZip
        Whose members they are.
    space : Workspace
        Where the files are written.
    with_json : bool
        Whether JSON Lines are written besides Parquet.
    quarantine : Quarantine
        Where unreadable members are set aside.
    """

    zip_: FeedZip
    space: Workspace
    with_json: bool
    quarantine: Quarantine
    # Names given so far: two members of one name are kept apart.
    _taken: set[str] = field(default_factory=set)

    def convert(self, member: Member) -> MemberCommit:
        """Convert one member.

        Parameters
        ----------
        member : Member
            As `movielake.feed.open_members` lists it.

        Returns
        -------
        MemberCommit
            What became of it. Its files are in the workspace.
        """
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
        """Set aside what cannot be read at all; what was never meant to be XML is only named."""
        if not member.name.lower().endswith(".xml"):
            return MemberCommit(member.name, OTHER, reason="no XML of the feed")
        refused = MemberCommit(member.name, REFUSED, xml_bytes=member.size)
        return self._with_damage(refused, member, damage)

    def _with_damage(self, commit: MemberCommit, member: Member, damage: Damage) -> MemberCommit:
        files = self.quarantine.add(member.name, member.open, damage, commit.records)
        return replace(commit, **vars(damage), quarantine=files)

    def _convert_table(self, member: Member, table: Table) -> MemberCommit:
        zip_ = self.zip_
        labels = {
            "country": zip_.country,
            "date_stamp": zip_.date_stamp,
            "source_xml": f"{zip_.date_stamp}/{zip_.country}/{member.name}",
        }
        problems = ProblemCounter()
        with member.open() as stream:
            records = Records(stream, table, labels)
            commit = self._write(member, table, records, problems)
        commit = replace(commit, root=records.root, problems=problems.problems())
        if records.damage is None:
            return commit
        return self._with_damage(replace(commit, status=DAMAGED), member, records.damage)

    def _write(
        self, member: Member, table: Table, records: Records, problems: ProblemCounter
    ) -> MemberCommit:
        """Write the records to their files, a batch at a time."""
        key = (self.zip_.date_stamp, self.zip_.country)
        stem = distinct(lake_stem(member.name, table), self._taken)
        json_path = f"{json_folder(*key)}/{stem}.jsonl.zst"
        rows_path = f"{parquet_folder(table.name, *key)}/{stem}.parquet"
        count = 0
        with ExitStack() as stack:
            json_file = stack.enter_context(self.space.open(json_path)) if self.with_json else None
            lines = stack.enter_context(JsonLinesWriter(json_file)) if json_file else None
            rows_file = stack.enter_context(self.space.open(rows_path))
            rows = stack.enter_context(RowsWriter(rows_file, table))
            for batch in _batches(records):
                if lines:
                    lines.write(batch)
                flat = flatten_batch(batch, table, problems, first=count)
                rows.write(flat)
                count += len(batch)
        return MemberCommit(
            member=member.name,
            status=COMPLETE,
            table=table.name,
            xml_bytes=member.size,
            records=count,
            rows=rows.rows,
            screenings=rows.screenings,
            first_date=rows.first_date,
            last_date=rows.last_date,
            json=json_file.written(json_path) if json_file else None,
            parquet=rows_file.written(rows_path),
        )


def _batches(records: Records) -> Iterator[list[Record]]:
    iterator = iter(records)
    while batch := list(islice(iterator, BATCH)):
        yield batch
