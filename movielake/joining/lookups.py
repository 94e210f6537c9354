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

import pyarrow as pa
import pyarrow.compute as pc
from dask.tokenize import normalize_token

from movielake.joining.positions import Positions, find_positions
from movielake.reading.files import PlainRows, decoded, read_parts
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
        own = [name for name in columns if name in self.table.arrow.names]
        wanted = {
            name: {shown: stored for shown, stored in shown_as.items() if shown in columns}
            for name, (_, shown_as) in self._joined.items()
        }
        wanted = {name: chosen for name, chosen in wanted.items() if chosen}
        stored = list(dict.fromkeys([*own, *(ID[name] for name in wanted)]))
        rows, lengths = self._showings.whole(group, stored, coded=coded)
        starts = accumulate(lengths, initial=0)
        places = list(zip(starts, lengths, strict=False))
        for name, chosen in wanted.items():
            others = [beside[name] for beside in group.beside]
            ids = [rows[ID[name]].slice(*place) for place in places]
            found = self._look_up(name, others, ids, chosen)
            for shown, values in found.items():
                rows = _filled(rows, shown, values)
        return rows.select(columns), lengths

    def _look_up(
        self,
        name: str,
        others: Sequence[Sequence[HeldFile]],
        ids: Sequence[pa.ChunkedArray],
        chosen: dict[str, str],
    ) -> dict[str, pa.ChunkedArray]:
        """Return columns of the other table for the showings of all partitions of a group.

        An id that is missing gives a null. Texts are dictionary-coded, so that a showing takes a
        small number instead of a text.
        """
        url, other = self._joined[name][0], table(name)
        names = list(dict.fromkeys([ID[name], *chosen.values()]))
        files = list(dict.fromkeys(file for beside in others for file in beside))
        tables = dict(zip(files, read_parts(url, files, other, names, coded=True), strict=True))
        sought, known, rows = [], [], []
        for beside, run in groupby(zip(others, ids, strict=True), itemgetter(0)):
            sought.append(_chunked([array for _, array in run]))
            rows += [tables[file] for file in beside]
            known.append(_chunked([tables[file][ID[name]] for file in beside]))
        positions = find_positions(sought, known)
        whole = pa.concat_tables(rows or [_empty(other, tuple(names))]).select(
            list(dict.fromkeys(chosen.values()))
        )
        taken = {stored: _taken(whole[stored], positions) for stored in whole.column_names}
        return {shown: taken[stored] for shown, stored in chosen.items()}


def _chunked(arrays: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    return pa.chunked_array([c for array in arrays for c in array.chunks], pa.int32())


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
