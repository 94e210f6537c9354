"""Regular records and their dates: two levels, and which text stands where in each.

A *date* is a container of a record; a record without any has one empty date in its place, so that
it too has a row, as in `movielake.rows.screenings`.
"""

from __future__ import annotations

import numpy as np

from movielake.fastpath.nesting import Nesting
from movielake.fastpath.segments import Codes, Segments


class Dates:
    """The regular records of a block and their dates.

    A code is that of a distinct segment; -1 stands where there is none.

    Parameters
    ----------
    segments, nesting
        Of the block.

    Attributes
    ----------
    records : np.ndarray of int64, shape (records,)
        Which records of the block they are.
    owners : np.ndarray of int64, shape (dates,)
        For each date the position of its record in `records`.
    starts : np.ndarray of int32, shape (dates,)
        Codes of the containers' starts.
    """

    def __init__(self, segments: Segments, nesting: Nesting) -> None:
        is_regular = nesting.reasons == 0
        self.records = np.flatnonzero(is_regular)
        kept = np.flatnonzero(is_regular[nesting.owners])
        position = np.cumsum(is_regular) - 1
        containers = np.bincount(position[nesting.owners[kept]], minlength=len(self.records))
        dates = np.maximum(containers, 1)
        self.owners = np.repeat(np.arange(len(self.records)), dates)
        self._real = np.repeat(containers > 0, dates)
        self._slots = nesting.slots
        self._columns = len(nesting.first) + kept
        self.starts = self._spread(segments.codes[nesting.containers[kept]])

    def inside(self, leaf: int) -> Codes:
        """Give the codes of a leaf in each date."""
        return self._spread(self._slots[leaf, self._columns])

    def direct(self, leaf: int) -> Codes:
        """Give the codes of a leaf that stands directly in each record."""
        codes: Codes = self._slots[leaf, self.records]
        return codes

    def _spread(self, codes: Codes) -> Codes:
        """Leave out the dates that stand for none."""
        if len(codes) == len(self._real):
            return codes
        spread = np.full(len(self._real), -1, np.int32)
        spread[self._real] = codes
        return spread
