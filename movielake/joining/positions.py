"""Positions: where the rows of another table are, found by id in an array instead of a hash.

The ids of the films and cinemas of a partition are numbers in a narrow range. So an array with a
place for each partition and each number of the range takes less time than a hash. Ids far apart are
looked up with Arrow's hash, partition by partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_WIDE: Final = 16
"""Places for each row of both tables above which a hash is faster than an array."""

_SMALL: Final = 1 << 16
"""Number of places that an array may always have."""

Positions = np.ndarray[Any, np.dtype[np.int32]]


def find_positions(
    ids: pa.ChunkedArray, sizes: Sequence[int], known: pa.ChunkedArray, known_sizes: Sequence[int]
) -> Positions:
    """Find the position of each id among the known ids of its partition.

    Parameters
    ----------
    ids : pa.ChunkedArray of int32
        The ids to find, one partition after the other.
    sizes : sequence of int
        Number of ids to find in each partition.
    known : pa.ChunkedArray of int32
        The ids of the other table, in the same order of partitions. If an id occurs twice in a
        partition, its last position counts.
    known_sizes : sequence of int
        Number of known ids in each partition.

    Returns
    -------
    array of int32
        For each id, its position in all known ids. It is -1 where an id is null or not known.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.joining.positions import find_positions
    >>> ids = pa.chunked_array([[80, None, 70, 90, 70]], pa.int32())
    >>> known = pa.chunked_array([[70, 80, 70, 70]], pa.int32())
    >>> find_positions(ids, [4, 1], known, [3, 1]).tolist()
    [1, -1, 2, -1, 3]
    """
    if known.null_count == len(known) or not len(ids):
        return np.full(len(ids), -1, np.int32)
    low, high = (end.as_py() for end in pc.min_max(known).values())
    width = high - low + 1
    if len(sizes) * width > max(_WIDE * (len(ids) + len(known)), _SMALL):
        return _hashed(ids, sizes, known, known_sizes)
    places = np.full(len(sizes) * width + 1, -1, np.int32)  # the last one is for unknown ids
    valid = known.is_valid().to_numpy()
    numbers = _filled(known, low).astype(np.int64) - low + _first(known_sizes, width)
    places[numbers[valid]] = np.flatnonzero(valid)
    index = _filled(ids, low) + (_first(sizes, width) - low)
    is_unknown = _outside(ids, low, high)
    if is_unknown is not None:
        index[is_unknown] = len(places) - 1
    found: Positions = places[index]
    return found


def _filled(ids: pa.ChunkedArray, value: int) -> np.ndarray[Any, Any]:
    filled: np.ndarray[Any, Any] = (pc.fill_null(ids, value) if ids.null_count else ids).to_numpy()
    return filled


def merge_runs(
    rows: pa.Table, lengths: Sequence[int]
) -> tuple[pa.Table, list[int], np.ndarray[Any, np.dtype[np.int64]]]:
    """Merge equal neighbours in the same file.

    Parameters
    ----------
    rows : pa.Table
        Rows of ids. At least one column.
    lengths : sequence of int
        Number of rows of each file.

    Returns
    -------
    pa.Table
        The first row of each run.
    list of int
        Number of runs of each file.
    array of int
        Number of rows of each run.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.joining.positions import merge_runs
    >>> rows = pa.table({"movie_id": pa.array([7, 7, 7, None], pa.int32())})
    >>> runs, lengths, weights = merge_runs(rows, [2, 2])
    >>> runs["movie_id"].to_pylist(), lengths, weights.tolist()
    ([7, 7, None], [1, 2], [2, 1, 1])
    """
    ends = np.cumsum(lengths)
    is_first = np.zeros(rows.num_rows + 1, bool)
    is_first[[0, *ends]] = True
    columns = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        known = pc.fill_null(column, 0) if column.null_count else column
        parts = [known.to_numpy()]
        if column.null_count:
            parts.append(column.is_valid().to_numpy())
        for part in parts:
            is_first[1:-1] |= part[1:] != part[:-1]
        columns[name] = parts
    bounds = np.flatnonzero(is_first)
    starts = bounds[:-1]
    runs = {}
    for name, (numbers, *valid) in columns.items():
        runs[name] = pa.array(numbers[starts], mask=~valid[0][starts] if valid else None)
    return pa.table(runs), np.diff(np.searchsorted(bounds, [0, *ends])).tolist(), np.diff(bounds)


def _first(sizes: Sequence[int], width: int) -> np.ndarray[Any, Any]:
    """Return for each row the first place of its partition."""
    return np.repeat(np.arange(len(sizes)) * width, sizes)


def _outside(sought: pa.ChunkedArray, low: int, high: int) -> np.ndarray[Any, Any] | None:
    """Return which ids are null or outside the range, or None if no id is."""
    ends = pc.min_max(sought).as_py()
    if not sought.null_count and low <= ends["min"] and ends["max"] <= high:
        return None
    inside = pc.and_(pc.greater_equal(sought, low), pc.less_equal(sought, high))
    outside: np.ndarray[Any, Any] = ~pc.fill_null(inside, False).to_numpy()
    return outside


def _hashed(
    ids: pa.ChunkedArray, sizes: Sequence[int], known: pa.ChunkedArray, known_sizes: Sequence[int]
) -> Positions:
    parts, start, begin = [], 0, 0
    for size, known_size in zip(sizes, known_sizes, strict=True):
        sought, given = ids.slice(start, size), known.slice(begin, known_size)
        # Arrow finds the first of equal values, and the last in the feed counts.
        backwards = pa.concat_arrays([pa.array([], pa.int32()), *given.chunks])[::-1]
        places = pc.index_in(sought, value_set=backwards, skip_nulls=True)
        last = begin + known_size - 1
        parts.append(pc.fill_null(pc.subtract(last, places), -1).to_numpy())
        start, begin = start + size, begin + known_size
    return np.concatenate(parts).astype(np.int32)
