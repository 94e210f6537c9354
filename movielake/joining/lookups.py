"""Lookups: the rows of showings with columns of their movies and theaters, partition by partition.

A showing and its movie and theater have the same date_stamp and country. So a join needs one
partition of each table and no shuffle. It looks up the position of each showing's id among the ids
of the other table. This cannot add or lose a showing, even if the other table misses an id or has
it twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dask.tokenize import normalize_token

from movielake.reading.files import PlainRows, read_columns
from movielake.reading.holdings import FileGroup, HeldFile, Holdings
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

    def parts(self, group: FileGroup, columns: list[str]) -> list[pa.Table]:
        """Read columns of each file of showings of a group. Partition keys are not allowed."""
        own = [name for name in columns if name in self.table.arrow.names]
        wanted = {
            name: {shown: stored for shown, stored in shown_as.items() if shown in columns}
            for name, (_, shown_as) in self._joined.items()
        }
        wanted = {name: chosen for name, chosen in wanted.items() if chosen}
        stored = list(dict.fromkeys([*own, *(ID[name] for name in wanted)]))
        parts = self._showings.parts(group, stored)
        pairs = zip(parts, group.beside, strict=True)
        return [self._join(rows, beside, wanted).select(columns) for rows, beside in pairs]

    def _join(
        self,
        rows: pa.Table,
        beside: dict[str, tuple[HeldFile, ...]],
        wanted: dict[str, dict[str, str]],
    ) -> pa.Table:
        for name, chosen in wanted.items():
            found = self._looked_up(name, beside[name], rows[ID[name]], chosen)
            for shown, values in found.items():
                rows = _filled(rows, shown, values)
        return rows

    def _looked_up(
        self, name: str, files: Sequence[HeldFile], ids: pa.ChunkedArray, chosen: dict[str, str]
    ) -> dict[str, pa.ChunkedArray]:
        """Return columns of the other table for each showing, with null for a missing id."""
        url, other = self._joined[name][0], table(name)
        key = ID[name]
        names = list(dict.fromkeys([key, *chosen.values()]))
        parts = [read_columns(url, file, other, names) for file in files]
        rows = pa.concat_tables(parts or [_empty(other, tuple(names))]).combine_chunks()
        # If an id occurs twice, the last in the feed counts. So search from the end.
        backwards = rows.take(pa.array(np.arange(rows.num_rows - 1, -1, -1)))
        places = pc.index_in(ids, value_set=backwards[key].combine_chunks(), skip_nulls=True)
        return {shown: backwards[stored].take(places) for shown, stored in chosen.items()}


def _filled(rows: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    """Add a column, or fill the nulls of the column that has its name."""
    if name not in rows.column_names:
        return rows.append_column(name, values)
    place = rows.column_names.index(name)
    return rows.set_column(place, rows.schema.field(name), pc.coalesce(rows[name], values))


@cache
def _empty(other: Table, names: tuple[str, ...]) -> pa.Table:
    return pa.schema([other.arrow.field(name) for name in names]).empty_table()
