"""Attributes: screenings by what their film, theater or showing states, such as a genre or a chain.

The screenings of a film in a partition are counted before its attributes are looked up, so that a
list of genres is read once and not once for each screening.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from movielake.analyses.keys import Integers, code, distinct_of, starts_of, sum_by
from movielake.joining.lookups import ID, look_up
from movielake.reading.blocks import Mask
from movielake.reading.codes import decoded
from movielake.reading.groups import FileGroup
from movielake.schema.tables import table

ATTRIBUTES: Final = {
    "genre": ("movies", "genre"),
    "distributor": ("movies", "distributor"),
    "language": ("movies", "lang"),
    "chain": ("theaters", "theater_chain"),
    "format": ("showings", "show_attributes"),
}
"""For each attribute, its table and its column."""

ALL: Final = "all"
"""In place of an attribute, for the number of all screenings."""

COUNTED: Final = pa.schema(
    [
        ("by", pa.string()),
        ("country", pa.string()),
        ("value", pa.string()),
        ("screenings", pa.int64()),
    ]
)


@dataclass(frozen=True, eq=False)
class Found:
    """What a group of files has by attributes.

    Parameters
    ----------
    counts : pa.Table
        A table of the schema `COUNTED`. A value can be null, and can be there twice.
    by_id : dict
        For each table that was looked up, the screenings by member and id.
    """

    counts: pa.Table
    by_id: dict[str, IdCounts]


@dataclass(frozen=True, eq=False)
class IdCounts:
    """Screenings by member and id, as parallel arrays.

    Parameters
    ----------
    members : list of (str, str)
        Country and date stamp of each member.
    member : array of int
        The number of the member.
    ids : pa.Array of int32
        The movie_id or theater_id. It can be null.
    counts : array of int
        Number of screenings.
    is_known : array of bool
        Whether the partition describes the film or theater.
    """

    members: list[tuple[str, str]]
    member: Integers
    ids: pa.Array
    counts: Integers
    is_known: Mask


@dataclass(frozen=True)
class AttributeCounter:
    """Counter of the screenings of a group of files by attributes.

    Parameters
    ----------
    urls : dict
        The lake of the movies and that of the theaters. The groups have their files beside them.
    asked : tuple of str
        The attributes, out of `ATTRIBUTES`.
    """

    urls: dict[str, str]
    asked: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The columns of showings that it needs. Lists should be dictionary-coded."""
        needed = {ATTRIBUTES[by][0] for by in self.asked}
        columns = [ID[name] for name in ID if name in needed]
        return columns + ["show_attributes"] * ("showings" in needed)

    def count(self, group: FileGroup, rows: pa.Table, file: Integers) -> Found:
        """Count screenings, given the number of the file of each."""
        countries = pa.array([member.country for member in group.files], pa.string())
        by_id = {name: self._count_ids(name, group, rows, file) for name in self._tables()}
        parts = [COUNTED.empty_table()]
        for by, of_file, values, counts in self._counts(len(group.files), rows, file, by_id):
            found = pa.table(
                {
                    "by": pa.repeat(pa.scalar(by), len(counts)),
                    "country": countries.take(pa.array(of_file)),
                    "value": values,
                    "screenings": pa.array(counts),
                }
            )
            parts.append(add_up(found))
        return Found(pa.concat_tables(parts), {name: ids for name, (ids, _) in by_id.items()})

    def _tables(self) -> list[str]:
        needed = {ATTRIBUTES[by][0] for by in self.asked}
        return [name for name in ID if name in needed]

    def _count_ids(
        self, name: str, group: FileGroup, rows: pa.Table, file: Integers
    ) -> tuple[IdCounts, pa.Table]:
        """Count screenings by the ids of a table, and look up its attributes."""
        columns = [column for by, (of, column) in ATTRIBUTES.items() if of == name]
        asked = [column for by, (_, column) in ATTRIBUTES.items() if by in self.asked]
        columns = [column for column in columns if column in asked]
        of_file, ids, counts = _count_ids(file, rows[ID[name]])
        found, is_known = self._look_up(name, group, of_file, ids, columns)
        members = [(member.country, member.date_stamp) for member in group.files]
        return IdCounts(members, of_file, ids, counts, is_known), found

    def _counts(
        self,
        files: int,
        rows: pa.Table,
        file: Integers,
        by_id: dict[str, tuple[IdCounts, pa.Table]],
    ) -> Iterator[tuple[str, Integers, pa.Array, Integers]]:
        """Yield file, value and count of entries for each attribute, and for all screenings."""
        everything = np.bincount(file, minlength=files)
        yield ALL, np.arange(files), pa.nulls(files, pa.string()), everything
        for by in self.asked:
            name, column = ATTRIBUTES[by]
            if name in by_id:
                ids, found = by_id[name]
                entries, values = items(found[column])
                yield by, ids.member[entries], values, ids.counts[entries]
            else:
                lists = whole_of(rows[column])
                starts = list_runs(file, lists)
                counts = np.diff(starts, append=rows.num_rows)
                entries, values = items(lists.take(pa.array(starts)))
                yield by, file[starts][entries], values, counts[entries]

    def _look_up(
        self, name: str, group: FileGroup, of_file: Integers, ids: pa.Array, columns: list[str]
    ) -> tuple[pa.Table, Mask]:
        """Return columns of the movies or theaters of ids in files, and which of them exist.

        A missing id gives nulls.
        """
        beside = [others[name] for others in group.beside]
        lengths = np.bincount(of_file, minlength=len(beside)).tolist()
        sought = pa.chunked_array([ids])
        whole, places = look_up(self.urls[name], table(name), beside, sought, lengths, columns)
        is_known = places >= 0
        return whole.take(pa.array(places, mask=~is_known)), is_known


def _count_ids(file: Integers, column: pa.ChunkedArray) -> tuple[Integers, pa.Array, Integers]:
    """Count the rows of each id in each file. A null is an id of its own."""
    valid = column.is_valid().to_numpy()
    numbers = column.fill_null(0).to_numpy() if column.null_count else column.to_numpy()
    starts = starts_of([file, numbers, valid] if column.null_count else [file, numbers])
    counts = np.diff(starts, append=len(file))
    distinct, place = code(numbers[starts])
    width = 2 * max(len(distinct), 1)
    key = file[starts] * np.int64(width) + place * 2 + valid[starts]
    keys, sums = sum_by(key, counts)
    ids = pa.array(distinct[keys % width // 2].astype(np.int32), mask=keys % 2 == 0)
    return keys // width, ids, sums


def items(column: pa.ChunkedArray | pa.Array) -> tuple[Integers, pa.Array]:
    """Return the place and the value of each different item of lists, or of single texts.

    A list without an item has one null.
    """
    array = whole_of(column)
    if not pa.types.is_list(array.type):
        return np.arange(len(array)), array
    parents, coded = _parents(array), _coded(array)
    valid = coded.is_valid().to_numpy(zero_copy_only=False)
    width = max(len(coded.dictionary), 1)
    key = parents[valid] * np.int64(width) + coded.indices.drop_null().to_numpy()
    keys = distinct_of(key)
    is_without = np.ones(len(array), bool)
    is_without[keys // width] = False
    without = np.flatnonzero(is_without)
    values = pa.concat_arrays(
        [coded.dictionary.take(pa.array(keys % width)), pa.nulls(len(without), pa.string())]
    )
    return np.concatenate([keys // width, without]), values


def whole_of(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array."""
    if isinstance(column, pa.Array):
        return column
    column = decoded(column)
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _coded(lists: pa.Array) -> pa.DictionaryArray:
    """Return the items of all lists, dictionary-coded. Each text has one code."""
    flat = lists.flatten()
    return flat if pa.types.is_dictionary(flat.type) else flat.dictionary_encode()


def _lengths(array: pa.Array) -> Integers:
    lengths: Integers = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64)


def _parents(array: pa.Array) -> Integers:
    return np.repeat(np.arange(len(array)), _lengths(array))


def list_runs(file: Integers, lists: pa.Array) -> Integers:
    """Return where a file begins, or a list differs from the one before it."""
    lengths = _lengths(lists)
    item = _coded(lists).indices.fill_null(-1).to_numpy(zero_copy_only=False)
    ends, filled = np.cumsum(lengths), np.flatnonzero(lengths)
    # The place of the same item in the list before, if both lists have the same length. The running
    # sum repeats the length of a list for each of its items; np.repeat takes twice the time.
    steps = np.zeros(len(item), np.int64)
    steps[ends[filled] - lengths[filled]] = np.diff(lengths[filled], prepend=0)
    before = np.arange(len(item)) - np.cumsum(steps)
    differing = np.flatnonzero(item != item[before])
    starts = np.zeros(len(lists), bool)
    starts[starts_of([file, lengths])] = True
    starts[np.searchsorted(ends, differing, side="right")] = True
    return np.flatnonzero(starts)


def add_up(counts: pa.Table) -> pa.Table:
    """Add up the screenings of the same attribute, country and value."""
    sums = counts.group_by(COUNTED.names[:-1], use_threads=False)
    return sums.aggregate([("screenings", "sum")]).rename_columns(COUNTED.names)
