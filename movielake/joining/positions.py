"""Positions: where the rows of another table are, found by id in an array instead of a hash.

The ids of the films and cinemas of a partition are numbers in a narrow range. So an array with a
place for each number of the range takes less time than a hash. Ids far apart are looked up with
Arrow's hash.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_WIDE: Final = 16
"""Places for each row of both tables above which a hash is faster than an array."""

_SMALL: Final = 1 << 16
"""Number of places that an array may always have."""

Positions = np.ndarray[Any, np.dtype[np.int64]]


def find_positions(ids: pa.ChunkedArray, known: pa.ChunkedArray) -> Positions:
    """Find the position of each id among known ids.

    Parameters
    ----------
    ids : pa.ChunkedArray of int32
        The ids to find.
    known : pa.ChunkedArray of int32
        The ids of the other table. If an id occurs twice, its last position counts.

    Returns
    -------
    array of int64
        The positions, or -1 where an id is null or not known.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.joining.positions import find_positions
    >>> known = pa.chunked_array([[70, 80, 70]], pa.int32())
    >>> find_positions(pa.chunked_array([[80, None, 70, 90]], pa.int32()), known).tolist()
    [1, -1, 2, -1]
    """
    if known.null_count == len(known) or not len(ids):
        return np.full(len(ids), -1)
    low, high = (end.as_py() for end in pc.min_max(known).values())
    width = high - low + 1
    if width > max(_WIDE * (len(ids) + len(known)), _SMALL):
        return _hashed(ids, known)
    places = np.full(width + 2, -1)  # the first and the last place are for all other ids
    given = known.to_numpy() if not known.null_count else pc.fill_null(known, high).to_numpy()
    numbers = np.arange(len(given))
    if known.null_count:
        valid = known.is_valid().to_numpy()
        given, numbers = given[valid], numbers[valid]
    places[given.astype(np.int64) - (low - 1)] = numbers
    sought = pc.fill_null(ids, low - 1) if ids.null_count and low > -(2**31) else ids
    if sought.null_count:
        return _hashed(ids, known)
    index = np.clip(sought.to_numpy().astype(np.int64) - (low - 1), 0, width + 1)
    positions: Positions = places[index]
    return positions


def _hashed(ids: pa.ChunkedArray, known: pa.ChunkedArray) -> Positions:
    # Arrow finds the first of equal values, and the last in the feed counts.
    backwards = known.combine_chunks().take(pa.array(np.arange(len(known) - 1, -1, -1)))
    places = pc.index_in(ids, value_set=backwards, skip_nulls=True)
    positions: Positions = pc.fill_null(places, len(known)).to_numpy().astype(np.int64)
    return len(known) - 1 - positions
