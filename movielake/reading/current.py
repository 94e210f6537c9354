"""Current showings: the rows and records that no other snapshot supersedes.

Each date_stamp is a snapshot of the coming days, and snapshots overlap. A *block* is what a
snapshot replaces as a whole: a film in a theater on a day, or all films in a theater on a day. Each
block comes from one snapshot of its country: the newest one with a time for it or, if none has a
time, the newest one. Which snapshots can share a date is known from the manifest. All other files
are read as they are.
"""

from __future__ import annotations

import datetime
import operator
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import compress, groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.feed.records import Record
from movielake.reading.blocks import BLOCKS, TIME, Integers, Mask, Runs, find_runs
from movielake.reading.files import PlainRows, as_texts, read_parts, read_records
from movielake.reading.groups import FileGroup, HeldFile
from movielake.reading.holdings import Holdings
from movielake.reading.rowgroups import Coded
from movielake.rows.screenings import show_dates


class AttachSnapshots:
    """Function that adds to each file the other snapshots of its country that can share a date.

    They are under ``snapshots``. A file has none if no other snapshot can supersede its rows.
    Earlier snapshots matter only to a file with rows without a time.

    Parameters
    ----------
    held : Holdings
        The files.
    among : Holdings
        The snapshots that can supersede a showing.
    """

    def __init__(self, held: Holdings, among: Holdings) -> None:
        self._held = held
        self._among = among

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (self._held.token, self._among.token)

    def __call__(self, groups: list[FileGroup]) -> list[FileGroup]:
        """Add the other snapshots to the files of each group."""
        rivals, token = self._rivals, self._among.token
        find = lambda file: rivals.get(_key(file), ())  # noqa: E731  (called for each file)
        return [group.with_beside("snapshots", find, token) for group in groups]

    def to_records(self, groups: list[FileGroup]) -> list[FileGroup]:
        """Do the same for files of records. The file of the same rows is under ``rows``."""
        held = self._held
        rows = dict(zip(held.held("json"), held.held(held.kind), strict=True))
        return [
            group.with_beside("rows", lambda file: (rows[file],), held.token)
            for group in self(groups)
        ]

    def contested(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Find the partitions of which another snapshot can supersede rows.

        Returns
        -------
        contested : set of (str, str)
            Date stamp and country of these partitions. All others are current as a whole.
        involved : set of (str, str)
            These partitions, and those that can supersede their rows.
        """
        contested = {(stamp, country) for country, stamp, *_ in self._rivals}
        rivals = {(f.date_stamp, f.country) for files in self._rivals.values() for f in files}
        return contested, contested | rivals

    @cached_property
    def _rivals(self) -> dict[tuple[Any, ...], tuple[HeldFile, ...]]:
        """Map the properties of a file to the other snapshots, if any."""
        known = {}
        own, among = _by_country(self._held), _by_country(self._among)
        for country, files in own.items():
            others = among.get(country, [])
            first, last = _spans(files)[:, :, np.newaxis]
            other_first, other_last = _spans(others)
            shares = (first <= other_last) & (other_first <= last)
            stamp, other_stamp = _stamps(files)[:, np.newaxis], _stamps(others)
            untimed = np.array([file.untimed for file in files])[:, np.newaxis]
            superseding = shares & ((stamp < other_stamp) | untimed & (stamp != other_stamp))
            for row in np.flatnonzero(superseding.any(axis=1)):
                known[_key(files[row])] = tuple(others[n] for n in np.flatnonzero(shares[row]))
        return known


def _key(file: HeldFile) -> tuple[Any, ...]:
    return (file.country, file.date_stamp, file.dates, file.untimed)


def _stamps(files: Sequence[HeldFile]) -> np.ndarray[Any, Any]:
    return np.array([file.date_stamp for file in files])


def _by_country(held: Holdings) -> dict[str, list[HeldFile]]:
    files = defaultdict(list)
    for file in held.held(held.kind):
        files[file.country].append(file)
    return files


def _spans(files: Sequence[HeldFile]) -> Integers:
    """Return the first and the last day of each file, as numbers in two rows."""
    never, always = ("9999-12-31", "0001-01-01"), ("0001-01-01", "9999-12-31")
    unknown = {True: always, False: never}
    spans = [f.dates if f.dates[0] else unknown[f.length is None] for f in files]
    return np.array(spans, "datetime64[D]").astype(np.int64).reshape(-1, 2).T


def _with_days(files: Sequence[HeldFile], days: Integers) -> Iterator[HeldFile]:
    """Yield the files that can have one of these days. One odd date makes a span long."""
    if files:
        for file, first, last in zip(files, *_spans(files), strict=True):
            if ((days >= first) & (days <= last)).any():
                yield file


class _Snapshots:
    """Files of showings that are compared with each other. Each file is read once.

    Parameters
    ----------
    showings : PlainRows
        The reader of the showings.
    block : sequence of str
        The columns of a block.
    files : sequence of HeldFile
        The files whose rows are wanted.
    columns : sequence of str
        The columns that are wanted.
    coded : bool or "lists", optional
        Whether to read texts dictionary-coded.
    """

    def __init__(
        self,
        showings: PlainRows,
        block: Sequence[str],
        files: Sequence[HeldFile],
        columns: Sequence[str],
        coded: Coded = False,
    ) -> None:
        self._showings = showings
        self._coded = coded
        self._block = block
        self._columns = dict.fromkeys(files, tuple(columns))
        self._rows: dict[HeldFile, pa.Table] = {}
        self._runs: dict[HeldFile, Runs] = {}

    def read_together(self, files: Sequence[HeldFile]) -> None:
        """Read several files now. In a compact lake they share row groups, which take time."""
        for wanted, run in groupby(files, lambda file: self._columns.get(file, ())):
            batch = list(run)
            names = self._names(wanted, any(file.untimed for file in batch))
            url, table = self._showings.url, self._showings.table
            parts = read_parts(url, batch, table, names, coded=self._coded)
            for file, rows in zip(batch, parts, strict=True):
                self._keep(file, rows)

    def pop_rows(self, file: HeldFile, snapshots: Sequence[HeldFile]) -> tuple[pa.Table, pa.Array]:
        """Return the rows of a file, and whether each is current."""
        own, stamp = self._runs_of(file), file.date_stamp
        later, earlier, same = (
            [other for other in snapshots if compare(other.date_stamp, stamp)]
            for compare in (operator.gt, operator.lt, operator.eq)
        )
        gone = self._superseded(own, later, earlier, same)
        return self._rows.pop(file), pa.array(np.repeat(~gone, own.lengths))

    def _runs_of(self, file: HeldFile) -> Runs:
        if file not in self._runs:
            self.read_together([file])
        return self._runs[file]

    def _names(self, wanted: Sequence[str], untimed: bool) -> list[str]:
        return list(dict.fromkeys((*wanted, *self._block, *((TIME,) if untimed else ()))))

    def _keep(self, file: HeldFile, rows: pa.Table) -> None:
        self._runs[file] = find_runs(rows, self._block)
        if columns := self._columns.get(file):
            self._rows[file] = rows.select(columns)

    def _superseded(
        self,
        own: Runs,
        later: Sequence[HeldFile],
        earlier: Sequence[HeldFile],
        same: Sequence[HeldFile],
    ) -> Mask:
        gone = self._are_timed(own, later)
        silent = np.flatnonzero(own.is_block & ~own.is_timed & ~gone)
        if len(silent):
            few = own.only(silent)
            known = self._are_timed(few, earlier)
            for file in _with_days(later, few.days):
                known |= few.are_among(self._runs_of(file))
            gone[silent] = known & ~few.are_among(own.timed) & ~self._are_timed(few, same)
        return gone

    def _are_timed(self, runs: Runs, files: Sequence[HeldFile]) -> Mask:
        """Return for each run whether one of the files has a time for its block."""
        timed = np.zeros(len(runs.lengths), bool)
        for file in _with_days(files, runs.days):
            timed |= runs.are_among(self._runs_of(file).timed)
        return timed


class CurrentRows(PlainRows):
    """Reader of the showings that no other snapshot supersedes.

    Parameters
    ----------
    showings : PlainRows
        The reader of the showings.
    rule : {"movie", "theater"}
        The rule, which chooses the columns of a block.
    """

    def __init__(self, showings: PlainRows, rule: str) -> None:
        super().__init__(showings.url, showings.table, showings.categories)
        self.keeps_rows = False
        self._block = BLOCKS[rule]

    def keeps(self, group: FileGroup) -> list[bool]:
        """Return for each file whether no other snapshot can share a date with it."""
        return [not beside["snapshots"] for beside in group.beside]

    def parts(
        self, group: FileGroup, columns: list[str], *, coded: Coded = False
    ) -> list[pa.Table]:
        """Read columns of each file of a group. Partition keys are not allowed."""
        keeps = self.keeps(group)
        kept = list(compress(group.files, keeps))
        read = read_parts(self.url, kept, self.table, columns, coded=coded)
        whole = dict(zip(kept, read, strict=True))
        others = [
            (file, beside["snapshots"])
            for file, beside, keep in zip(group.files, group.beside, keeps, strict=True)
            if not keep
        ]
        current = self._current(others, columns, coded)
        return [whole[file] if file in whole else current[file] for file in group.files]

    def whole(
        self, group: FileGroup, columns: list[str], *, coded: Coded = False
    ) -> tuple[pa.Table, list[int]]:
        """Read columns of all files of a group, and return the number of rows of each file."""
        parts = self.parts(group, columns, coded=coded)
        return pa.concat_tables(parts), [part.num_rows for part in parts]

    def _current(
        self,
        files: Sequence[tuple[HeldFile, tuple[HeldFile, ...]]],
        columns: list[str],
        coded: Coded,
    ) -> dict[HeldFile, pa.Table]:
        """Read the current rows of files, each with the other snapshots."""
        own = [file for file, _ in files]
        snapshots = _Snapshots(self, self._block, own, columns, coded)
        later = {
            o: None for file, others in files for o in others if o.date_stamp > file.date_stamp
        }
        snapshots.read_together([*own, *(other for other in later if other not in set(own))])
        current = {}
        for file, others in files:
            rows, is_current = snapshots.pop_rows(file, others)
            current[file] = rows.filter(is_current)
        return current

    def records(self, group: FileGroup) -> Iterator[Iterator[Record]]:
        """Read the records of each file of a group, without the show_dates of superseded rows."""
        for file, beside, keeps in zip(group.files, group.beside, self.keeps(group), strict=True):
            records = read_records(self.url, file, self.table)
            yield records if keeps else self._current_records(records, beside)

    def _current_records(
        self, records: Iterator[Record], beside: dict[str, tuple[HeldFile, ...]]
    ) -> Iterator[Record]:
        files, columns = beside["rows"], ["record", "show_date"]
        snapshots = _Snapshots(self, self._block, files, columns)
        rows, is_current = snapshots.pop_rows(files[0], beside["snapshots"])
        kept = set(rows["record"].filter(is_current).to_pylist())
        gone: dict[int, set[datetime.date]] = defaultdict(set)
        superseded = rows.filter(pc.invert(is_current))
        for number, day in zip(*(column.to_pylist() for column in superseded), strict=True):
            gone[number].add(day)
        current = [(number, record) for number, record in enumerate(records) if number in kept]
        hurt = [as_texts(record) for number, record in current if number in gone]
        shown = iter(show_dates(hurt, self.table))
        for number, record in current:
            yield _without(record, next(shown), gone[number]) if number in gone else record


def _without(
    record: Record, shown: list[tuple[datetime.date | None, bool]], gone: set[datetime.date]
) -> Record:
    """Leave out superseded show_dates, and the times that applied to them alone."""
    items = zip(record["show_date"], shown, strict=False)
    kept = [(item, own) for item, (day, own) in items if day not in gone]
    without = {**record, "show_date": [item for item, _ in kept]}
    if all(own for _, own in kept) and not all(own for _, own in shown):
        without.pop("showtimes", None)
    return without
