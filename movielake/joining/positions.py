"""Positions: where the rows of another table are, found by id in an array instead of a hash.

The ids of the films and cinemas of a partition are numbers in a narrow range. So an array with a
place for each partition and each number of the range takes less time than a hash. Ids far apart are
looked up with Arrow's hash, partition by partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_WIDE: Final = 16
"""Places for each row of both tables above which a hash is faster than an array."""

_SMALL: Final = 1 << 16
"""Number of places that an array may always have."""

Positions = np.ndarray[Any, np.dtype[np.int32]]


def find_positions(ids: Sequence[pa.ChunkedArray], known: Sequence[pa.ChunkedArray]) -> Positions:
    """Find the position of each id among the known ids of its partition.

    Parameters
    ----------
    ids : sequence of pa.ChunkedArray of int32
        The ids to find, one array for each partition.
    known : sequence of pa.ChunkedArray of int32
        The ids of the other table, one array for each partition. If an id occurs twice in a
        partition, its last position counts.

    Returns
    -------
    array of int32
        For the ids of all partitions, the positions in all known ids, one partition after the
        other. They are -1 where an id is null or not known.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.joining.positions import find_positions
    >>> ids = [pa.chunked_array([part], pa.int32()) for part in ([80, None, 70, 90], [70])]
    >>> known = [pa.chunked_array([part], pa.int32()) for part in ([70, 80, 70], [70])]
    >>> find_positions(ids, known).tolist()
    [1, -1, 2, -1, 3]
    """
    sought, given = _together(ids), _together(known)
    if given.null_count == len(given) or not len(sought):
        return np.full(len(sought), -1, np.int32)
    low, high = (end.as_py() for end in pc.min_max(given).values())
    width = high - low + 1
    if len(known) * width > max(_WIDE * (len(sought) + len(given)), _SMALL):
        return _hashed(ids, known)
    places = np.full(len(known) * width + 1, -1, np.int32)  # the last one is for unknown ids
    valid = given.is_valid().to_numpy(zero_copy_only=False)
    numbers = pc.fill_null(given, low).to_numpy().astype(np.int64) - low + _first(known, width)
    places[numbers[valid]] = np.flatnonzero(valid)
    index = pc.fill_null(sought, low).to_numpy() + (_first(ids, width) - low)
    is_unknown = _outside(sought, low, high)
    if is_unknown is not None:
        index[is_unknown] = len(places) - 1
    found: Positions = places[index]
    return found


def _together(arrays: Sequence[pa.ChunkedArray]) -> pa.Array:
    chunks = [chunk for array in arrays for chunk in array.chunks]
    return pa.concat_arrays(chunks) if chunks else pa.array([], pa.int32())


def _first(arrays: Sequence[pa.ChunkedArray], width: int) -> np.ndarray[Any, Any]:
    """Return for each row the first place of its partition."""
    return np.repeat(np.arange(len(arrays)) * width, [len(array) for array in arrays])


def _outside(sought: pa.Array, low: int, high: int) -> np.ndarray[Any, Any] | None:
    """Return which ids are null or outside the range, or None if no id is."""
    ends = pc.min_max(sought).as_py()
    if not sought.null_count and low <= ends["min"] and ends["max"] <= high:
        return None
    inside = pc.and_(pc.greater_equal(sought, low), pc.less_equal(sought, high))
    outside: np.ndarray[Any, Any] = ~pc.fill_null(inside, False).to_numpy(zero_copy_only=False)
    return outside


def _hashed(ids: Sequence[pa.ChunkedArray], known: Sequence[pa.ChunkedArray]) -> Positions:
    starts = accumulate((len(array) for array in known), initial=0)
    parts = []
    for sought, given, start in zip(ids, known, starts, strict=False):
        # Arrow finds the first of equal values, and the last in the feed counts.
        backwards = _together([given])[::-1]
        places = pc.index_in(_together([sought]), value_set=backwards, skip_nulls=True)
        parts.append(pc.fill_null(pc.subtract(start + len(given) - 1, places), -1).to_numpy())
    return np.concatenate(parts).astype(np.int32)
