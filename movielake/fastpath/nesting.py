"""The proof that records are nested as XML demands, and where their texts stand.

A record is regular when its segments are derived by this grammar, where each name is one segment
(a tag and the text behind it) and only leaf starts and flat containers have a text::

    record    = RECORD_START (leaf | dates)* RECORD_END          dates at most once
    dates     = date+
    date      = CONTAINER_START leaf* CONTAINER_END | CONTAINER_TEXT CONTAINER_END
    leaf      = LEAF_START LEAF_END (of the same name) | LEAF_EMPTY

Three things prove it, none of which looks further than to a neighbour:

1. Each pair of neighbouring segments is in a table of allowed pairs. So a leaf's start is followed
   by its own end, and that end by nothing else: leaves cannot overlap anything.
2. Each pair of neighbours among the tags of records and containers alone is allowed: with (1),
   containers open and close in turn, inside of one record.
3. No leaf is twice under one parent, and each stands at a level where the schema has it.

A record so proved is one well-formed element. Those that are not are given to the reference, each
alone: if it finds exactly one record there and no damage, that is one well-formed element too. And
a row of well-formed elements with nothing but blanks between them is read by any XML parser as just
these elements, since what it makes of the first n bytes does not depend on those behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from movielake.fastpath.segments import Bytes, Flags, Ints, Segments
from movielake.fastpath.shape import RECORD, Kind, Shape
from movielake.fastpath.unrecognised import NotRecognised, Reason

_LEAF_ENDED: Final = (Kind.LEAF_END, Kind.LEAF_EMPTY)
_CONTAINERS: Final = (Kind.CONTAINER_START, Kind.CONTAINER_TEXT)
_FOLLOWERS: Final = {
    Kind.RECORD_START: {*_CONTAINERS, Kind.LEAF_START, Kind.LEAF_EMPTY, Kind.RECORD_END},
    Kind.RECORD_END: {Kind.RECORD_START},
    Kind.CONTAINER_START: {Kind.LEAF_START, Kind.LEAF_EMPTY, Kind.CONTAINER_END},
    Kind.CONTAINER_TEXT: {Kind.CONTAINER_END},
    Kind.CONTAINER_END: {*_CONTAINERS, Kind.LEAF_START, Kind.LEAF_EMPTY, Kind.RECORD_END},
    Kind.LEAF_START: {Kind.LEAF_END},
    Kind.LEAF_END: {
        *_CONTAINERS,
        Kind.CONTAINER_END,
        Kind.LEAF_START,
        Kind.LEAF_EMPTY,
        Kind.RECORD_END,
    },
}
_FOLLOWERS[Kind.LEAF_EMPTY] = _FOLLOWERS[Kind.LEAF_END]
_FRAME: Final = {
    (Kind.RECORD_START, Kind.RECORD_END),
    (Kind.RECORD_END, Kind.RECORD_START),
    *((Kind.RECORD_START, container) for container in _CONTAINERS),
    *((Kind.CONTAINER_END, container) for container in _CONTAINERS),
    *((container, Kind.CONTAINER_END) for container in _CONTAINERS),
    (Kind.CONTAINER_END, Kind.RECORD_END),
}
_KINDS: Final = len(Kind)


@dataclass(frozen=True)
class Nesting:
    """What stands where in a block, as far as it was proved.

    Parameters
    ----------
    kinds : np.ndarray of uint8, shape (segments,)
        What each segment's tag does.
    records : np.ndarray of int64, shape (segments,)
        In which record of the block each segment is.
    levels : np.ndarray of uint8, shape (segments,)
        Whether it stands in a container or directly in its record.
    first, last : np.ndarray of int64, shape (records,)
        The segments that each record begins and ends with.
    reasons : np.ndarray of uint8, shape (records,)
        Why a record is left to the reference; 0 for the regular ones.
    containers : np.ndarray of int64, shape (containers,)
        Segments of the containers' starts, those of irregular records too.
    leaves_of_records, leaves_of_containers : np.ndarray of int32, shape (leaves, …)
        Code of the distinct segment of each leaf in each record, and in each container; -1 where
        there is none.
    """

    kinds: Bytes
    records: Ints
    levels: Bytes
    first: Ints
    last: Ints
    reasons: Bytes
    containers: Ints
    leaves_of_records: Any
    leaves_of_containers: Any


def prove_nesting(segments: Segments, shape: Shape) -> Nesting:
    """Find the records of a block, and prove of each that it is regular, or say why not.

    Parameters
    ----------
    segments : Segments
        Of whole records.
    shape : Shape
        What a regular record has.

    Returns
    -------
    Nesting

    Raises
    ------
    NotRecognised
        If there is anything between records, or a record that does not end.
    """
    kinds = segments.kinds[segments.codes]
    first, last, records = _find_records(kinds)
    why = segments.reasons[segments.codes]
    is_frame = (kinds >= Kind.RECORD_START) & (kinds <= Kind.CONTAINER_END)
    frame = np.flatnonzero(is_frame)
    _check_pairs(segments, kinds, frame, why, shape)
    owners = np.cumsum(is_frame) - 1
    levels = (kinds[frame] == Kind.CONTAINER_START).view(np.uint8)[owners]
    leaves = np.flatnonzero((kinds == Kind.LEAF_START) | (kinds == Kind.LEAF_EMPTY))
    is_container = (kinds[frame] == Kind.CONTAINER_START) | (kinds[frame] == Kind.CONTAINER_TEXT)
    containers = frame[is_container]
    number = (np.cumsum(is_container) - 1)[owners]  # of the container that a segment is in
    parents = np.where(levels, len(first) + number, records)[leaves]
    codes = segments.codes[leaves]
    which = segments.leaves[codes].astype(np.int64)
    _check_places(shape, which, levels[leaves], leaves, why)
    with_dates = np.zeros(len(first), np.bool_)
    with_dates[records[containers[kinds[containers] == Kind.CONTAINER_START]]] = True
    direct = (which == shape.leaves.index(shape.times)) & (levels[leaves] == RECORD)
    why[leaves[direct & with_dates[records[leaves]]]] = Reason.TIMES
    slots = np.full((len(shape.leaves), len(first) + len(containers)), -1, np.int32)
    order = np.arange(len(leaves), dtype=np.int32)
    slots[which, parents] = order
    why[leaves[slots[which, parents] != order]] = Reason.REPEATED
    slots[which, parents] = codes
    reasons = np.zeros(len(first), np.uint8)
    odd = np.flatnonzero(why)
    np.maximum.at(reasons, records[odd], why[odd])
    return Nesting(
        kinds=kinds,
        records=records,
        levels=levels,
        first=first,
        last=last,
        reasons=reasons,
        containers=containers,
        leaves_of_records=slots[:, : len(first)],
        leaves_of_containers=slots[:, len(first) :],
    )


def _find_records(kinds: Bytes) -> tuple[Ints, Ints, Ints]:
    """Find where records begin and end: in turn, and one right behind the other."""
    first = np.flatnonzero(kinds == Kind.RECORD_START)
    last = np.flatnonzero(kinds == Kind.RECORD_END)
    begins = np.append(0, last[:-1] + 1)
    if len(first) != len(last) or last[-1] != len(kinds) - 1 or (first != begins).any():
        raise NotRecognised("something between the records")
    return first, last, np.repeat(np.arange(len(first)), last - first + 1)


def _check_pairs(segments: Segments, kinds: Bytes, frame: Ints, why: Bytes, shape: Shape) -> None:
    """Mark the segments whose neighbour must not follow them: (1) and (2)."""
    allowed, in_frame = _pairs(len(shape.leaves))
    width = np.int32(len(shape.leaves) * _KINDS)
    symbols = (segments.leaves * np.int32(_KINDS) + segments.kinds)[segments.codes]
    wrong = np.flatnonzero(~allowed[symbols[:-1] * width + symbols[1:]])
    why[wrong] = np.where(why[wrong], why[wrong], Reason.ORDER)
    outline = kinds[frame]
    wrong = ~in_frame[outline[:-1], outline[1:]]
    # The dates of a record are one list, so nothing may stand between them.
    wrong |= (
        (outline[:-1] == Kind.CONTAINER_END)
        & (outline[1:] != Kind.RECORD_END)
        & (np.diff(frame) > 1)
    )
    why[frame[:-1][wrong]] = Reason.ORDER


@cache
def _pairs(leaves: int) -> tuple[Flags, Any]:
    """Make the tables of allowed pairs: of all symbols, flat, and of the kinds in the frame."""
    symbols = [(Kind(n % _KINDS), n // _KINDS) for n in range(leaves * _KINDS)]
    allowed = [
        after in _FOLLOWERS.get(before, ())
        and (before != Kind.LEAF_START or leaf_before == leaf_after)
        for before, leaf_before in symbols
        for after, leaf_after in symbols
    ]
    in_frame = np.zeros((_KINDS, _KINDS), np.bool_)
    for before, after in _FRAME:
        in_frame[before, after] = True
    return np.array(allowed), in_frame


def _check_places(shape: Shape, which: Ints, levels: Bytes, leaves: Ints, why: Bytes) -> None:
    """Mark leaves at a level where the schema does not have them."""
    known = np.array([[leaf in names for leaf in shape.leaves] for names in shape.levels])
    why[leaves[~known[levels, which]]] = Reason.ORDER
