"""Blocks of showings: what a snapshot replaces as a whole, and the search for it in another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.names.hints import suggest_name

BLOCKS: Final = {
    "movie": ("show_date", "theater_id", "movie_id"),
    "theater": ("show_date", "theater_id"),
}
"""For each rule, the columns of a block."""

Current = bool | str
"""Whether superseded showings are left out: a rule in `BLOCKS`, True for ``movie``, or False."""

TIME: Final = "show_time"
"""The column that has a value in each screening."""

_MOST: Final = 2**62
"""A number of different keys that just fits into a packed number."""

Integers = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def read_rule(current: Current) -> str | None:
    """Return the name of a rule in `BLOCKS`, or None for all showings.

    Raises
    ------
    ValueError
        If the rule does not exist.

    Examples
    --------
    >>> from movielake.reading.blocks import read_rule
    >>> read_rule(True), read_rule("theater"), read_rule(False)
    ('movie', 'theater', None)
    """
    if not isinstance(current, str):
        return "movie" if current else None
    if current not in BLOCKS:
        raise ValueError(
            f"expected the rule 'movie' or 'theater', or True or False, found {current!r}"
            f"{suggest_name(current, BLOCKS)}"
        )
    return current


@dataclass(frozen=True, eq=False)
class Runs:
    """Consecutive rows of one block as one entry. A film has several times on a day.

    Parameters
    ----------
    keys : list of array of int
        The columns of the block. The day comes first.
    is_block : array of bool
        False if a column is null. Such rows are always current.
    is_timed : array of bool
        Whether one of the rows has a time.
    lengths : array of int
        Number of rows.
    """

    keys: list[Integers]
    is_block: Mask
    is_timed: Mask
    lengths: Integers

    @cached_property
    def days(self) -> Integers:
        """The day of each block."""
        return self.keys[0] if self.is_block.all() else self.keys[0][self.is_block]

    @cached_property
    def timed(self) -> Runs:
        """The blocks with a time."""
        has_time = self.is_block & self.is_timed
        return self if has_time.all() else self.only(np.flatnonzero(has_time))

    def only(self, places: Integers) -> Runs:
        """Return some of the runs."""
        keys = [key[places] for key in self.keys]
        return Runs(keys, self.is_block[places], self.is_timed[places], self.lengths[places])

    def are_among(self, others: Runs) -> Mask:
        """Return for each run whether another snapshot has its block."""
        near, other_near = self._within(others.days), others._within(self.days)
        found = np.zeros(len(self.lengths), bool)
        if len(near) and len(other_near):
            keys, others_keys = (
                [key[places] for key in runs.keys]
                for runs, places in ((self, near), (others, other_near))
            )
            found[near] = _are_among(keys, others_keys)
        return found

    def _within(self, days: Integers) -> Integers:
        """Return the places of the blocks from the first to the last of some days."""
        if not len(days):
            return np.arange(0)
        day = self.keys[0]
        return np.flatnonzero(self.is_block & (day >= days.min()) & (day <= days.max()))


def _are_among(sought: list[Integers], known: list[Integers]) -> Mask:
    """Return which keys of several columns are known. The columns are packed into one number."""
    codes, others, size = np.zeros_like(sought[0]), np.zeros_like(known[0]), 1
    for key, other in zip(sought, known, strict=True):
        low, span = other.min(), int(other.max() - other.min()) + 1
        if size * span >= _MOST:
            distinct = np.unique(others)
            codes, others = _places(codes, distinct), np.searchsorted(distinct, others)
            size = len(distinct)
        inside = (codes >= 0) & (key >= low) & (key < low + span)
        codes = np.where(inside, codes * span + (key - low), -1)
        others, size = others * span + (other - low), size * span
    found: Mask = pc.is_in(pa.array(codes), pa.array(others)).to_numpy(zero_copy_only=False)
    return found


def _places(sought: Integers, distinct: Integers) -> Integers:
    """Return the place of each number in sorted numbers, or -1 if it is not there."""
    places = np.searchsorted(distinct, sought)
    places[places == len(distinct)] = 0
    places[distinct[places] != sought] = -1
    return places


def find_runs(rows: pa.Table, block: Sequence[str]) -> Runs:
    """Find the runs in rows.

    Parameters
    ----------
    rows : pa.Table
        Rows with the columns of ``block``. Without ``show_time``, each row counts as a screening.
    block : sequence of str
        The columns of a block: the values of `BLOCKS`.

    Returns
    -------
    Runs

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.reading.blocks import find_runs
    >>> rows = pa.table({"show_date": pa.array([1, 1, 2]), "theater_id": [7, 7, None]})
    >>> runs = find_runs(rows, ["show_date", "theater_id"])
    >>> runs.lengths.tolist(), runs.is_block.tolist()
    ([2, 1], [True, False])
    """
    valid = np.ones(rows.num_rows, bool)
    is_first = np.ones(rows.num_rows, bool)
    is_first[1:] = False
    keys = []
    for name in block:
        column = pc.cast(rows[name], pa.int32())
        if column.null_count:
            valid &= column.is_valid().to_numpy()
            column = pc.fill_null(column, 0)
        keys.append(column.to_numpy())
    for key in keys if valid.all() else (*keys, valid):
        is_first[1:] |= key[1:] != key[:-1]
    places = np.flatnonzero(is_first)
    timed = np.ones(len(places), bool)
    if TIME in rows.column_names and rows[TIME].null_count:
        timed = np.logical_or.reduceat(rows[TIME].is_valid().to_numpy(), places)
    lengths = np.diff(places, append=rows.num_rows)
    return Runs([key[places].astype(np.int64) for key in keys], valid[places], timed, lengths)
