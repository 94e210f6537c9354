"""Regular records and their dates: two levels, and the position of each text in them.

A *date* is a container of a record. A record without containers gets one empty date, so that it
also becomes a row, as in `movielake.rows.screenings`.
"""

from __future__ import annotations

import numpy as np

from movielake.fastpath.nesting import Nesting
from movielake.fastpath.segments import Codes, Segments


class Dates:
    """The regular records of a block and their dates.

    A code identifies a distinct segment; -1 means "no segment".

    Parameters
    ----------
    segments : Segments
        The block's segments.
    nesting : Nesting
        The block's nesting.

    Attributes
    ----------
    records : np.ndarray of int64, shape (records,)
        Positions of the regular records in the block.
    owners : np.ndarray of int64, shape (dates,)
        For each date, the position of its record in `records`.
    starts : np.ndarray of int32, shape (dates,)
        For each date, the code of the container's start tag.
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
        """Return the code of a leaf in each date."""
        return self._spread(self._slots[leaf, self._columns])

    def direct(self, leaf: int) -> Codes:
        """Return the code of a leaf that is a direct child of each record."""
        codes: Codes = self._slots[leaf, self.records]
        return codes

    def _spread(self, codes: Codes) -> Codes:
        """Spread the codes of containers over all dates; -1 for the empty dates."""
        if len(codes) == len(self._real):
            return codes
        spread = np.full(len(self._real), -1, np.int32)
        spread[self._real] = codes
        return spread
