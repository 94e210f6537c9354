"""Counts of the rows of one group of files, by columns and partition keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.reading.blocks import TIME
from movielake.reading.codes import Codes, Mask, Weights, count, count_distinct, encode, plain
from movielake.reading.files import KEYS, PlainRows, rows_of_group
from movielake.reading.groups import FileGroup


class GroupCounter:
    """Function that counts the rows of a group. It is small, so that dask can send it fast.

    Parameters
    ----------
    source : PlainRows
        The reader of the group.
    columns : tuple of str
        Columns to count by. Can be empty. A row counts once for each item of a list.
    of : str or None
        Count only rows in which this column has a value.
    distinct : str or None
        Count the distinct values of this column instead of rows.
    """

    def __init__(
        self,
        source: PlainRows,
        columns: tuple[str, ...],
        of: str | None = None,
        distinct: str | None = None,
    ) -> None:
        self._source = source
        self._columns = columns
        self._of = of
        self._distinct = distinct

    def __call__(self, group: FileGroup) -> pa.Table:
        """Count all files of one group together. Each call has a fixed cost."""
        asked = list(dict.fromkeys((*self._columns, *filter(None, (self._distinct,)))))
        types = [self._source.schema.field(name).type for name in asked if name not in KEYS]
        counts = None
        if group.files and not any(map(pa.types.is_list, types)):
            counts = self._count_codes(group, asked)
        if counts is None:
            counts = self._count_rows(group, asked)
        return plain(counts.select([*self._columns, "count"]))

    def _count_codes(self, group: FileGroup, asked: list[str]) -> pa.Table | None:
        stored = [name for name in asked if name not in KEYS]
        of = None if self._of in KEYS else self._of
        if of == TIME and not any(file.untimed for file in group.files):
            of = None  # the manifest states that each row has a time
        needed = list(dict.fromkeys((*stored, *filter(None, (of,)))))
        # Without columns, read one to learn the number of rows.
        any_column = [self._source.schema.names[0]]
        rows, lengths, weights = self._source.merged(group, needed or any_column)
        mask = _mask(rows, of)
        if not asked:
            return pa.table({"count": pa.array([_number(rows, mask, weights)], pa.int64())})
        codes = {name: encode(name, rows[name]) for name in stored}
        keys = [name for name in self._columns if name in KEYS]
        by = [_key_codes(group, lengths, keys)] if keys else []
        by += [codes[name] for name in self._columns if name in codes]
        if self._distinct is None:
            return count(by, mask, weights)
        if self._distinct in self._columns or self._distinct in KEYS:
            return None
        return count_distinct(by, codes[self._distinct], mask) if by else None

    def _count_rows(self, group: FileGroup, asked: list[str]) -> pa.Table:
        wanted = dict.fromkeys((*asked, *filter(None, (self._of,))))
        rows = rows_of_group(self._source, group, list(wanted) or [KEYS[0]])
        if self._of:
            rows = rows.filter(rows[self._of].is_valid())
        rows = _exploded(rows, asked)
        if self._of in asked:
            rows = rows.filter(rows[self._of].is_valid())  # an item of a list can be null
        counts = _count_rows(rows, asked)
        return count_values(counts, self._columns, self._distinct) if self._distinct else counts


def _number(rows: pa.Table, mask: Mask | None, weights: Weights | None) -> int:
    """Return the number of rows that are to be counted."""
    if weights is not None:
        return int(weights.sum() if mask is None else weights[mask].sum())
    return rows.num_rows if mask is None else int(mask.sum())


def _mask(rows: pa.Table, of: str | None) -> Mask | None:
    """Return which rows have a value in a column, or None if all have."""
    if of is None:
        return None
    column = rows[of]
    if pa.types.is_dictionary(column.type) and any(c.dictionary.null_count for c in column.chunks):
        codes = encode(of, column)
        is_value: Mask = codes.values[of].is_valid().to_numpy()
        return is_value[codes.numbers]
    mask: Mask = column.is_valid().to_numpy()
    return mask if column.null_count else None


def _key_codes(group: FileGroup, lengths: list[int], keys: list[str]) -> Codes:
    """Code the partition keys. They are constant in each file."""
    pairs = [tuple(getattr(file, key) for key in keys) for file in group.files]
    numbers = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
    codes = np.array([numbers[pair] for pair in pairs], np.int32)
    # In most groups, the country is the same in all rows.
    is_constant = len(numbers) == 1
    of_rows = np.broadcast_to(codes[0], sum(lengths)) if is_constant else np.repeat(codes, lengths)
    values = [pa.array(texts, pa.string()) for texts in zip(*numbers, strict=True)]
    return Codes(of_rows, pa.table(values, names=keys))


def count_values(counts: pa.Table, columns: Sequence[str], distinct: str) -> pa.Table:
    """Count the distinct values in counts by columns and by the column ``distinct``."""
    return _count_rows(counts.filter(counts[distinct].is_valid()), list(columns))


def _exploded(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Repeat each row for each item of its lists, as explode does in pandas and dask.

    A null or empty list becomes one row with a null.
    """
    for name in columns:
        if pa.types.is_list(rows.schema.field(name).type):
            lists = rows[name].combine_chunks()
            lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
            copies = np.maximum(lengths, 1)
            is_item = np.repeat(lengths > 0, copies)
            places = pa.array(np.cumsum(is_item) - 1, mask=~is_item)
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, pa.nulls(rows.num_rows))
            rows = rows.take(pa.array(np.repeat(np.arange(len(lengths)), copies)))
            rows = rows.set_column(place, name, lists.flatten().take(places))
    return rows


def _count_rows(rows: pa.Table, columns: list[str]) -> pa.Table:
    counts = rows.group_by(columns, use_threads=False).aggregate([([], "count_all")])
    return counts.rename_columns([*columns, "count"])
