"""Attributes: screenings by what their film, theater or showing states, such as a genre or a chain.

The screenings of a film in a partition are counted before its attributes are looked up, so that a
list of genres is read once and not once for each screening.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import pyarrow as pa

from movielake.analyses.keys import Integers, code, starts_of, sum_by
from movielake.joining.lookups import ID
from movielake.joining.positions import find_positions
from movielake.reading.blocks import TIME
from movielake.reading.files import PlainRows, decoded, read_parts
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


@dataclass(frozen=True)
class AttributePass:
    """Function that counts the screenings of a group of files by attributes.

    Parameters
    ----------
    source : PlainRows
        The reader of the showings.
    urls : dict
        The lake of the movies and that of the theaters. The groups have their files beside them.
    asked : tuple of str
        The attributes, out of `ATTRIBUTES`.
    """

    source: PlainRows
    urls: dict[str, str]
    asked: tuple[str, ...]

    def __call__(self, group: FileGroup) -> pa.Table:
        """Return a table of the schema `COUNTED`. A value can be null, and can be there twice."""
        needed = {ATTRIBUTES[by][0] for by in self.asked}
        columns = [ID[name] for name in ID if name in needed]
        columns += ["show_attributes"] if "showings" in needed else []
        untimed = any(file.untimed for file in group.files)
        rows, lengths = self.source.whole(group, columns + [TIME] * untimed)
        file = np.repeat(np.arange(len(lengths)), lengths)
        if untimed:
            timed = rows[TIME].is_valid()
            rows, file = rows.filter(timed), file[timed.to_numpy()]
        countries = pa.array([file.country for file in group.files], pa.string())
        parts = [COUNTED.empty_table()]
        for by, of_file, values, counts in self._counts(group, rows, file):
            found = pa.table(
                {
                    "by": pa.repeat(pa.scalar(by), len(counts)),
                    "country": countries.take(pa.array(of_file)),
                    "value": values,
                    "screenings": pa.array(counts),
                }
            )
            parts.append(add_up(found))
        return pa.concat_tables(parts)

    def _counts(
        self, group: FileGroup, rows: pa.Table, file: Integers
    ) -> Iterator[tuple[str, Integers, pa.Array, Integers]]:
        """Yield file, value and count of entries for each attribute, and for all screenings."""
        files = len(group.files)
        yield (
            ALL,
            np.arange(files),
            pa.nulls(files, pa.string()),
            np.bincount(file, minlength=files),
        )
        for name in ("movies", "theaters"):
            wanted = [by for by in self.asked if ATTRIBUTES[by][0] == name]
            if wanted:
                of_file, ids, counts = _count_ids(file, rows[ID[name]])
                columns = {by: ATTRIBUTES[by][1] for by in wanted}
                found = self._look_up(name, group, of_file, ids, [*columns.values()])
                for by, column in columns.items():
                    entries, values = items(found[column])
                    yield by, of_file[entries], values, counts[entries]
        if "format" in self.asked:
            starts = list_runs(file, rows["show_attributes"])
            counts = np.diff(starts, append=rows.num_rows)
            entries, values = items(rows["show_attributes"].take(pa.array(starts)))
            yield "format", file[starts][entries], values, counts[entries]

    def _look_up(
        self, name: str, group: FileGroup, of_file: Integers, ids: pa.Array, columns: list[str]
    ) -> pa.Table:
        """Return columns of the movies or theaters of ids in files. A missing id gives nulls."""
        beside = [others[name] for others in group.beside]
        files = list(dict.fromkeys(file for others in beside for file in others))
        names, other = [ID[name], *columns], table(name)
        parts = read_parts(self.urls[name], files, other, names)
        tables = dict(zip(files, parts, strict=True))
        bounds = np.searchsorted(of_file, np.arange(len(beside) + 1)).tolist()
        sought, known, rows = [], [], []
        for others, run in groupby(range(len(beside)), beside.__getitem__):
            numbers = list(run)
            begin, end = bounds[numbers[0]], bounds[numbers[-1] + 1]
            sought.append(pa.chunked_array([ids[begin:end]]))
            part = [tables[file] for file in others]
            rows += part
            known.append(
                pa.chunked_array([c for t in part for c in t[ID[name]].chunks], pa.int32())
            )
        places = find_positions(sought, known)
        empty = pa.schema([other.arrow.field(column) for column in names]).empty_table()
        whole = pa.concat_tables([empty, *rows])
        return whole.select(columns).take(pa.array(places, mask=places < 0))


def _count_ids(file: Integers, column: pa.ChunkedArray) -> tuple[Integers, pa.Array, Integers]:
    """Count the rows of each id in each file. A null is an id of its own."""
    valid = column.is_valid().to_numpy()
    numbers = column.fill_null(0).to_numpy() if column.null_count else column.to_numpy()
    starts = starts_of([file, numbers, valid])
    counts = np.diff(starts, append=len(file))
    distinct, place = code(numbers[starts])
    width = 2 * max(len(distinct), 1)
    key = file[starts] * np.int64(width) + place * 2 + valid[starts]
    keys, sums = sum_by(key, counts)
    ids = pa.array(distinct[keys % width // 2].astype(np.int32), mask=keys % 2 == 0)
    return keys // width, ids, sums


def items(column: pa.ChunkedArray) -> tuple[Integers, pa.Array]:
    """Return the place and the value of each different item of lists, or of single texts.

    A list without an item has one null.
    """
    array = _whole(decoded(column))
    if not pa.types.is_list(array.type):
        return np.arange(len(array)), array
    parents, flat = _parents(array), array.flatten()
    valid = flat.is_valid().to_numpy(zero_copy_only=False)
    coded = flat.dictionary_encode()
    width = max(len(coded.dictionary), 1)
    key = parents[valid] * np.int64(width) + coded.indices.drop_null().to_numpy()
    keys = np.unique(key)
    without = np.setdiff1d(np.arange(len(array)), keys // width)
    values = pa.concat_arrays(
        [coded.dictionary.take(pa.array(keys % width)), pa.nulls(len(without), pa.string())]
    )
    return np.concatenate([keys // width, without]), values


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _lengths(array: pa.Array) -> Integers:
    lengths: Integers = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64)


def _parents(array: pa.Array) -> Integers:
    return np.repeat(np.arange(len(array)), _lengths(array))


def list_runs(file: Integers, column: pa.ChunkedArray) -> Integers:
    """Return where a file begins, or a list differs from the one before it."""
    array = _whole(column)
    lengths = _lengths(array)
    coded = array.flatten().dictionary_encode()
    item = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    parents = _parents(array)
    before = np.arange(len(item)) - lengths[parents]  # the same item of the list before, if alike
    starts = np.zeros(len(array), bool)
    starts[starts_of([file, lengths])] = True
    starts[parents[item != item[np.maximum(before, 0)]]] = True
    return np.flatnonzero(starts)


def add_up(counts: pa.Table) -> pa.Table:
    """Add up the screenings of the same attribute, country and value."""
    sums = counts.group_by(COUNTED.names[:-1], use_threads=False)
    return sums.aggregate([("screenings", "sum")]).rename_columns(COUNTED.names)
