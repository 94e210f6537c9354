"""Lookups: the rows of showings with columns of their movies and theaters, partition by partition.

A showing and its movie and theater have the same date_stamp and country. So a join needs one
partition of each table and no shuffle. It looks up the position of each showing's id among the ids
of the other table. This cannot add or lose a showing, even if the other table misses an id or has
it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dask.tokenize import normalize_token

from movielake.joining.positions import Positions, find_positions, merge_runs
from movielake.reading.codes import decoded
from movielake.reading.files import Merged, PlainRows, read_whole
from movielake.reading.groups import FileGroup, HeldFile
from movielake.reading.holdings import Holdings
from movielake.reading.rowgroups import Coded
from movielake.reading.views import Attach
from movielake.schema.tables import Table, table

ID: Final = {"movies": "movie_id", "theaters": "theater_id"}
"""Name of each table that showings refer to, with the column of its id."""


class AttachPartitions:
    """Function that adds to groups of showings the movies and theaters of the same partitions."""

    def __init__(self, first: Attach, held: Iterable[Holdings]) -> None:
        self._first = first
        self._held = tuple(held)
        self._partitions = {holdings.table.name: _by_partition(holdings) for holdings in self._held}

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (normalize_token(self._first), *(holdings.token for holdings in self._held))

    def __call__(self, groups: list[FileGroup]) -> list[FileGroup]:
        """Add the files to each group, under the names of their tables."""
        groups = self._first(groups)
        for holdings in self._held:
            name = holdings.table.name
            find = partial(_of_partition, self._partitions[name])
            groups = [group.with_beside(name, find, holdings.token) for group in groups]
        return groups


_Partitions = dict[tuple[str, str], list[HeldFile]]


def _of_partition(partitions: _Partitions, file: HeldFile) -> tuple[HeldFile, ...]:
    return tuple(partitions.get((file.date_stamp, file.country), ()))


def _by_partition(held: Holdings) -> _Partitions:
    partitions: _Partitions = {}
    for file in held.held(held.kind) if len(held) else ():
        partitions.setdefault((file.date_stamp, file.country), []).append(file)
    return partitions


class JoinedRows(PlainRows):
    """Reader of showings with columns of their movies and theaters.

    Parameters
    ----------
    showings : PlainRows
        The reader of the showings.
    joined : dict
        For each table's name, the URL of its lake and its columns. The columns are a dict from the
        name in the join to the name in the table. If the showings have a column of the name in the
        join, it keeps its values, and the table only fills its nulls.
    """

    def __init__(self, showings: PlainRows, joined: dict[str, tuple[str, dict[str, str]]]) -> None:
        super().__init__(showings.url, showings.table, showings.categories)
        self._showings = showings
        self._joined = joined
        self.keeps_rows = showings.keeps_rows

    @property
    def schema(self) -> pa.Schema:
        """The columns of the showings, then those of the movies and theaters."""
        schema = self.table.arrow
        for name, (_, columns) in self._joined.items():
            for shown, stored in columns.items():
                if shown not in schema.names:
                    schema = schema.append(pa.field(shown, table(name)[stored].arrow))
        return schema

    def keeps(self, group: FileGroup) -> list[bool]:
        """Return for each file of showings whether it yields as many rows as it has."""
        return self._showings.keeps(group)

    def parts(
        self, group: FileGroup, columns: list[str], *, coded: Coded = False
    ) -> list[pa.Table]:
        """Read columns of each file of showings of a group. Partition keys are not allowed."""
        if not group.files:
            return []
        rows, lengths = self.whole(group, columns, coded=coded)
        ends = accumulate(lengths, initial=0)
        return [rows.slice(start, end - start) for start, end in pairwise(ends)]

    def whole(
        self, group: FileGroup, columns: list[str], *, coded: Coded = False
    ) -> tuple[pa.Table, list[int]]:
        """Read columns of all files of a group, and return the number of rows of each file."""
        wanted = self._wanted(columns)
        rows, lengths = self._showings.whole(group, self._stored(columns, wanted), coded=coded)
        return self._joined_to(rows, lengths, group, wanted).select(columns), lengths

    def merged(self, group: FileGroup, columns: list[str]) -> Merged:
        """Read columns as `whole` does, coded. Showings of a film in a cinema can be one row."""
        wanted = self._wanted(columns)
        stored = self._stored(columns, wanted)
        if not set(stored) <= set(ID.values()):
            return super().merged(group, columns)
        showings, all_lengths = self._showings.whole(group, stored, coded=True)
        rows, lengths, weights = merge_runs(showings, all_lengths)
        return self._joined_to(rows, lengths, group, wanted).select(columns), lengths, weights

    def _wanted(self, columns: list[str]) -> dict[str, dict[str, str]]:
        """Return the columns of other tables that are needed, by the table's name."""
        wanted = {
            name: {shown: stored for shown, stored in shown_as.items() if shown in columns}
            for name, (_, shown_as) in self._joined.items()
        }
        return {name: chosen for name, chosen in wanted.items() if chosen}

    def _stored(self, columns: list[str], wanted: Iterable[str]) -> list[str]:
        """Return the columns of the showings that are needed."""
        own = [name for name in columns if name in self.table.arrow.names]
        return list(dict.fromkeys([*own, *(ID[name] for name in wanted)]))

    def _joined_to(
        self,
        rows: pa.Table,
        lengths: list[int],
        group: FileGroup,
        wanted: dict[str, dict[str, str]],
    ) -> pa.Table:
        """Add columns of other tables to rows of a group with the ids."""
        for name, chosen in wanted.items():
            others = [beside[name] for beside in group.beside]
            found = self._look_up(name, others, rows[ID[name]], lengths, chosen)
            for shown, values in found.items():
                rows = _filled(rows, shown, values)
        return rows

    def _look_up(
        self,
        name: str,
        others: Sequence[tuple[HeldFile, ...]],
        ids: pa.ChunkedArray,
        lengths: Sequence[int],
        chosen: dict[str, str],
    ) -> dict[str, pa.ChunkedArray]:
        """Return columns of the other table for the showings of all partitions of a group.

        An id that is missing gives a null. Texts are dictionary-coded, so that a showing takes a
        small number instead of a text.
        """
        url, columns = self._joined[name][0], list(dict.fromkeys(chosen.values()))
        # A film has several showings one behind the other, so look up each run once.
        runs, of_files, times = merge_runs(pa.table({"id": ids}), lengths)
        whole, of_runs = look_up(
            url, table(name), others, runs["id"], of_files, columns, coded=True
        )
        positions = np.repeat(of_runs, times)
        taken = {stored: _taken(whole[stored], positions) for stored in columns}
        return {shown: taken[stored] for shown, stored in chosen.items()}


def look_up(
    url: str,
    other: Table,
    beside: Sequence[tuple[HeldFile, ...]],
    ids: pa.ChunkedArray,
    lengths: Sequence[int],
    columns: Sequence[str],
    *,
    coded: Coded = False,
) -> tuple[pa.Table, Positions]:
    """Find ids of files of showings in the movies or theaters beside each file.

    Parameters
    ----------
    url : str
        Any URL on the other table's file system.
    other : Table
        The other table: movies or theaters.
    beside : sequence of tuple of HeldFile
        For each file of showings, the files of the other table in its partition.
    ids : pa.ChunkedArray of int32
        The ids of all files of showings.
    lengths : sequence of int
        Number of ids of each file of showings.
    columns : sequence of str
        Columns of the other table.
    coded : bool or "lists", optional
        Which texts are dictionary-coded, as for `read_parts`.

    Returns
    -------
    pa.Table
        These columns of the other table.
    array of int32
        For each id, its row in this table, or -1.
    """
    files, numbers, sizes = [], [], []
    for others, run in groupby(zip(beside, lengths, strict=True), itemgetter(0)):
        sizes.append(sum(length for _, length in run))
        numbers.append(len(others))
        files += others
    names = list(dict.fromkeys([ID[other.name], *columns]))
    rows: list[int] = []
    whole = _empty(other, tuple(names))
    if files:
        whole, rows = read_whole(url, files, other, names, coded=coded)
    before = [0, *accumulate(rows)]
    ends = [0, *accumulate(numbers)]
    known_sizes = [before[end] - before[begin] for begin, end in pairwise(ends)]
    positions = find_positions(ids, sizes, whole[ID[other.name]], known_sizes)
    return whole.select(list(columns)), positions


def _taken(column: pa.ChunkedArray, positions: Positions) -> pa.ChunkedArray:
    """Return the values at positions, dictionary-coded. A position of -1 gives a null.

    The dictionary is the column itself, which is much shorter than the showings. So a showing gets
    a number, whatever the type of the values.
    """
    values = column.cast(column.type.value_type) if _is_coded(column) else column
    flat = values.combine_chunks()
    if isinstance(flat, pa.ChunkedArray):
        flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], values.type)
    all_found = bool(len(positions)) and positions.min() >= 0
    indices = pa.array(positions, mask=None if all_found else positions < 0)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, flat)])


def _is_coded(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type))


def _filled(rows: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    """Add a column, or fill the nulls of the column that has its name."""
    if name not in rows.column_names:
        return rows.append_column(name, values)
    place, own = rows.column_names.index(name), rows[name]
    if own.null_count < len(own):
        values = pc.coalesce(*(decoded(column) for column in (own, values)))
    return rows.set_column(place, name, values)


@cache
def _empty(other: Table, names: tuple[str, ...]) -> pa.Table:
    return pa.schema([other.arrow.field(name) for name in names]).empty_table()
