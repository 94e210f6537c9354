"""Keys: grouping of whole numbers in arrays, by an array lookup if they are few, else by a sort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

_DENSE: Final = 1 << 24
"""Most counts that are kept in an array, at 8 bytes each, instead of sorted."""

Integers = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]
Numbers = np.ndarray[Any, Any]


def starts_of(columns: Sequence[Integers]) -> Integers:
    """Return where a value differs from the one before it."""
    changes = np.ones(len(columns[0]), bool)
    changes[1:] = columns[0][1:] != columns[0][:-1]
    for column in columns[1:]:
        changes[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changes)


def code(numbers: Integers) -> tuple[Integers, Integers]:
    """Return the distinct numbers, and the place of each number among them."""
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    if high - low >= 8 * _DENSE:
        return np.unique(numbers, return_inverse=True)
    shifted = numbers - low
    present = np.zeros(high - low + 1, bool)
    present[shifted] = True
    distinct = np.flatnonzero(present)
    if not len(numbers):
        distinct = distinct[:0]
    return distinct + low, (np.cumsum(present) - 1)[shifted]


def sum_by(keys: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """Return the distinct keys in order, and the sum of the counts of each."""
    if len(keys) and int(keys.max()) < _DENSE:
        sums = np.bincount(keys, weights=counts)  # exact: the counts are below 2**53
        present = np.flatnonzero(sums)
        return present, sums[present].astype(np.int64)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = starts_of([ordered])
    sums = np.add.reduceat(counts[order], starts) if len(starts) else counts
    return ordered[starts], sums


def distinct_of(keys: Integers) -> Integers:
    """Return the distinct keys in order."""
    if len(keys) and int(keys.max()) < 8 * _DENSE:
        present = np.zeros(int(keys.max()) + 1, bool)
        present[keys] = True
        return np.flatnonzero(present)
    return np.unique(keys)


def reduce_runs(function: np.ufunc, values: Numbers, starts: Integers) -> Numbers:
    """Reduce each run of values to one value. The runs begin at ``starts``."""
    return np.asarray(function.reduceat(values, starts)) if len(starts) else values[:0]


def medians_of_runs(values: Integers, starts: Integers, lengths: Integers) -> Numbers:
    """Return the median of each run of sorted values, as double. An empty run gets any value."""
    if not len(values):
        return np.zeros(len(starts))
    last = len(values) - 1
    low = np.minimum(starts + np.maximum(lengths - 1, 0) // 2, last)
    high = np.minimum(starts + lengths // 2, last)
    return np.asarray((values[low] + values[high]) / 2)
