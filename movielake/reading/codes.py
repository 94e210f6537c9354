"""Codes: columns as small integers, so that counting is an array lookup instead of a hash.

The values of a column in a group of files are few: films, cinemas, days, times. If the combinations
of the codes of all columns are few as well, ``numpy.bincount`` counts them. Otherwise the caller
groups with Arrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MOST: Final = 1 << 22
"""Most combinations of codes that are counted in an array. It has 8 bytes for each."""

_SPREAD: Final = 1 << 20
"""Largest span of integers that are coded by subtraction."""

_BLOCK: Final = 1 << 18
"""Rows that are coded or counted at a time."""

Numbers = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Weights = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Codes:
    """A code for each row, and the values of each code.

    Parameters
    ----------
    numbers : array of int
        The codes of the rows, from ``low`` on.
    values : pa.Table
        One row for each code, with the values of one or more columns.
    low : int, optional
        The lowest code. Ids are their own codes, so that no row is written anew.
    """

    numbers: Numbers
    values: pa.Table
    low: int = 0

    def __len__(self) -> int:
        return int(self.values.num_rows)


def encode(name: str, column: pa.ChunkedArray) -> Codes:
    """Code a column of single values. A null gets a code of its own.

    Parameters
    ----------
    name : str
        Name of the column in the values.
    column : pa.ChunkedArray
        Values of any type but lists, structs and maps. They can be dictionary-coded. A dictionary
        can have a value several times.

    Returns
    -------
    Codes

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.reading.codes import encode
    >>> codes = encode("movie_id", pa.chunked_array([[7, 9, None, 7]]))
    >>> codes.values["movie_id"].take(codes.numbers - codes.low).to_pylist()
    [7, 9, None, 7]
    """
    if pa.types.is_dictionary(column.type):
        return _recoded(name, column)
    step = _MINUTE if column.type == pa.time64("us") else 1
    integers = _integers(column)
    if integers is not None and len(integers) > integers.null_count:
        low, high = (end.as_py() // step for end in pc.min_max(integers).values())
        if high - low < _SPREAD:
            known = pc.fill_null(integers, low * step) if integers.null_count else integers
            numbers = _plain_numbers(known) if step == 1 else _minutes(known)
            if numbers is not None:
                values = pa.array((np.arange(high - low + 1) + low) * step).cast(integers.type)
                return _codes(name, numbers, low, values.cast(column.type), column)
    return _recoded(name, column.dictionary_encode())


_MINUTE: Final = 60_000_000
"""A minute in microseconds. Times of screenings are whole minutes."""


def _plain_numbers(column: pa.ChunkedArray) -> Numbers:
    """Return integers without nulls. A single chunk is not copied, unlike by its column."""
    numbers: Numbers = (column.chunk(0) if column.num_chunks == 1 else column).to_numpy()
    return numbers


def _minutes(column: pa.ChunkedArray) -> Numbers | None:
    """Return microseconds as minutes, or None if one is not a whole minute."""
    found, end = np.empty(len(column), np.int32), 0
    for chunk in column.chunks:  # without a copy of the whole column
        numbers = chunk.to_numpy()
        for start in range(0, len(numbers), _BLOCK):
            block = numbers[start : start + _BLOCK]
            # A minute is 256 times 234,375 µs. A day / 256 fits into 32 bits, which divide faster.
            parts = (block >> 8).astype(np.int32)
            begin, end = end, end + len(block)
            whole = np.floor_divide(parts, 234_375, out=found[begin:end])
            if np.bitwise_or.reduce(block) & 0xFF or (whole * 234_375 != parts).any():
                return None
    return found


def _integers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return integers, days and times as integers, or None for another type."""
    if pa.types.is_integer(column.type):
        return column
    if pa.types.is_time64(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.int32()) if pa.types.is_date32(column.type) else None


def _recoded(name: str, column: pa.ChunkedArray) -> Codes:
    """Code the values of a column by its dictionaries."""
    empty = pa.array([], column.type.value_type)
    coded = pa.concat_arrays([empty, *(c.dictionary for c in column.chunks)]).dictionary_encode()
    values = pa.concat_arrays([coded.dictionary, pa.nulls(1, empty.type)])
    null = len(values) - 1
    numbers = pc.fill_null(coded.indices, null).to_numpy()
    of_rows, start = [np.arange(0, dtype=np.int32)], 0
    for chunk in column.chunks:
        end = start + len(chunk.dictionary)
        known = np.append(numbers[start:end], null)
        indices = chunk.indices
        if indices.null_count:
            indices = pc.fill_null(indices, end - start)
        of_rows.append(known[indices.to_numpy()])
        start = end
    return Codes(np.concatenate(of_rows), pa.table({name: values}))


def _codes(
    name: str, numbers: Numbers, low: int, values: pa.Array, column: pa.ChunkedArray
) -> Codes:
    if column.null_count:
        numbers = np.where(column.is_valid().to_numpy(), numbers - low, len(values))
        low, values = 0, pa.concat_arrays([values, pa.nulls(1, values.type)])
    return Codes(numbers, pa.table({name: values}), low)


def count(
    columns: Sequence[Codes], mask: Mask | None = None, weights: Weights | None = None
) -> pa.Table | None:
    """Count the rows of each combination of codes that occurs.

    Parameters
    ----------
    columns : sequence of Codes
        The columns to count by. At least one.
    mask : array of bool, optional
        The rows to count. All by default.
    weights : array of int, optional
        How often each row counts. Once by default.

    Returns
    -------
    pa.Table or None
        The values of all columns, and ``count`` (int64). None if there are too many combinations.
    """
    sizes = [len(codes) for codes in columns]
    if prod(sizes) > _MOST:
        return None
    counts = np.zeros(prod(sizes), np.int64)
    for numbers, times in _flat(columns, mask, weights, len(counts)):
        counts += _count_block(numbers, times, len(counts))
    present = np.flatnonzero(counts)
    return _decoded(columns, present).append_column("count", pa.array(counts[present]))


def _count_block(numbers: Numbers, times: Weights | None, size: int) -> Any:
    """Count each number of a block. Runs of one number, such as a film's id, count at once."""
    # The sums of weights are doubles, which are exact for the rows of a group.
    if times is not None:
        return np.bincount(numbers, times, size).astype(np.int64)
    changes = numbers[1:] != numbers[:-1]
    if 4 * np.count_nonzero(changes) >= len(numbers):
        return np.bincount(numbers, minlength=size)
    ends = np.append(np.flatnonzero(changes), len(numbers) - 1)
    lengths = ends + 1
    lengths[1:] -= lengths[:-1].copy()
    return np.bincount(numbers[ends], lengths, size).astype(np.int64)


def count_distinct(
    columns: Sequence[Codes], distinct: Codes, mask: Mask | None = None
) -> pa.Table | None:
    """Count the distinct codes of one column for each combination of the others.

    Returns
    -------
    pa.Table or None
        The values of the columns, and ``count`` (int64) above zero. A null of ``distinct`` is not
        counted. None if there are too many combinations.
    """
    sizes = [len(codes) for codes in columns]
    if prod(sizes) * len(distinct) > 8 * _MOST:  # a bit of this array takes a byte
        return None
    seen = np.zeros(prod(sizes) * len(distinct), bool)
    for numbers, _ in _flat([*columns, distinct], mask):
        seen[numbers] = True
    is_value = distinct.values.column(0).is_valid().to_numpy()
    counts = (seen.reshape(-1, len(distinct)) & is_value).sum(axis=1, dtype=np.int64)
    present = np.flatnonzero(counts)
    return _decoded(columns, present).append_column("count", pa.array(counts[present]))


def _flat(
    columns: Sequence[Codes],
    mask: Mask | None,
    weights: Weights | None = None,
    least: int = 0,
) -> Iterator[tuple[Numbers, Weights | None]]:
    """Yield one number for each row, which stands for the codes of all columns, and the weights.

    The numbers come in blocks of at least ``least`` rows. Arrays of a whole group would not fit
    into the processor's cache, and the system would fetch new memory for each of them.
    """
    several = [codes for codes in columns if len(codes) > 1] or columns[:1]
    step = max(_BLOCK, least)
    for start in range(0, len(several[0].numbers), step):
        rows = slice(start, start + step)
        flat = several[0].numbers[rows] - several[0].low
        for codes in several[1:]:
            flat = flat * np.int64(len(codes)) + (codes.numbers[rows] - codes.low)
        times = None if weights is None else weights[rows]
        if mask is None:
            yield flat, times
        else:
            yield flat[mask[rows]], None if times is None else times[mask[rows]]


def _decoded(columns: Sequence[Codes], present: Numbers) -> pa.Table:
    places = np.unravel_index(present, [len(codes) for codes in columns])
    table: dict[str, Any] = {}
    for codes, numbers in zip(columns, places, strict=True):
        chosen = codes.values.take(pa.array(numbers))
        table |= dict(zip(chosen.column_names, chosen.columns, strict=True))
    return pa.table(table)


def plain(rows: pa.Table) -> pa.Table:
    """Convert dictionary-coded columns to plain columns, for short tables and for users."""
    for number, column in enumerate(rows.columns):
        if pa.types.is_dictionary(column.type):
            rows = rows.set_column(number, rows.column_names[number], decoded(column))
    return rows


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values of a column without a dictionary. The values can be of any type."""
    if not pa.types.is_dictionary(column.type):
        return column
    chunks = [chunk.dictionary.take(chunk.indices) for chunk in column.chunks]
    return pa.chunked_array(chunks, column.type.value_type)
