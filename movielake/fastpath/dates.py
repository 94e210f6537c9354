"""Regular records and their dates: two levels, and which text stands where in each.

A *date* is a container of a record; a record without any has one empty date in its place, so that
it too has a row, as in `movielake.screenings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from movielake.fastpath.nesting import Nesting
from movielake.fastpath.segments import Codes, Ints, Segments


@dataclass(frozen=True)
class Dates:
    """The regular records of a block and their dates.

    A code is that of a distinct segment with a text; -1 stands where there is no text.

    Parameters
    ----------
    records : np.ndarray of int64, shape (records,)
        Which records of the block they are.
    owners : np.ndarray of int64, shape (dates,)
        For each date the position of its record in `records`.
    starts : np.ndarray of int32, shape (dates,)
        Codes of the containers' starts.
    inside : np.ndarray of int32, shape (leaves, dates)
        Codes of the leaves in each date.
    direct : np.ndarray of int32, shape (leaves, records)
        Codes of the leaves that stand directly in each record.
    """

    records: Ints
    owners: Ints
    starts: Codes
    inside: Any
    direct: Any


def find_dates(segments: Segments, nesting: Nesting) -> Dates:
    """Sort out the regular records of a block, and give each its dates.

    Parameters
    ----------
    segments, nesting
        Of the block.

    Returns
    -------
    Dates
    """
    is_regular = nesting.reasons == 0
    records = np.flatnonzero(is_regular)
    owner = nesting.records[nesting.containers]  # of each container
    kept = np.flatnonzero(is_regular[owner])
    position = np.cumsum(is_regular) - 1
    containers = np.bincount(position[owner[kept]], minlength=len(records))
    owners = np.repeat(np.arange(len(records)), np.maximum(containers, 1))
    real = np.repeat(containers > 0, np.maximum(containers, 1))
    with_text = segments.texts.is_valid().to_numpy(zero_copy_only=False)
    # -1 takes the last one, which is -1 too
    code = np.append(np.where(with_text, np.arange(len(with_text)), -1), -1).astype(np.int32)
    starts = np.full(len(owners), -1, np.int32)
    starts[real] = code[segments.codes[nesting.containers[kept]]]
    inside = np.full((len(nesting.leaves_of_containers), len(owners)), -1, np.int32)
    inside[:, real] = code[nesting.leaves_of_containers[:, kept]]
    return Dates(records, owners, starts, inside, code[nesting.leaves_of_records[:, records]])
