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
from movielake.fastpath.shape import CONTAINER, RECORD, Kind, Shape
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
    first, last : np.ndarray of int64, shape (records,)
        The segments that each record begins and ends with.
    reasons : np.ndarray of uint8, shape (records,)
        Why a record is left to the reference; 0 for the regular ones.
    containers : np.ndarray of int64, shape (containers,)
        Segments of the containers' starts, those of irregular records too.
    owners : np.ndarray of int64, shape (containers,)
        Their records.
    leaves : np.ndarray of int64, shape (leaves,)
        Segments of the leaves, those of irregular records too.
    in_container : np.ndarray of bool, shape (leaves,)
        Whether each is in a container, or directly in its record.
    slots : np.ndarray of int32, shape (names, records + containers)
        Code of the distinct segment of each leaf in each parent; -1 where there is none.
    """

    kinds: Bytes
    first: Ints
    last: Ints
    reasons: Bytes
    containers: Ints
    owners: Ints
    leaves: Ints
    in_container: Flags
    slots: Any


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
    first, last = _find_records(kinds)
    is_frame = (kinds >= Kind.RECORD_START) & (kinds <= Kind.CONTAINER_END)
    frame = np.flatnonzero(is_frame)
    outline = kinds[frame]
    is_start = (outline == Kind.CONTAINER_START) | (outline == Kind.CONTAINER_TEXT)
    containers = frame[is_start]
    record = np.cumsum(outline == Kind.RECORD_START) - 1  # of each tag of the frame
    # A leaf belongs to the container that the last tag of the frame opened, else to its record.
    parent = np.where(outline == Kind.CONTAINER_START, len(first) + np.cumsum(is_start) - 1, record)
    leaves = np.flatnonzero((kinds == Kind.LEAF_START) | (kinds == Kind.LEAF_EMPTY))
    parents = parent[np.cumsum(is_frame, dtype=np.int32)[leaves] - 1]
    why = _check_pairs(segments, kinds, frame, shape)
    slots = _fill_slots(segments, leaves, parents, len(first) + len(containers), why, shape)
    reasons = np.zeros(len(first), np.uint8)
    odd = np.flatnonzero(why)
    np.maximum.at(reasons, np.searchsorted(first, odd, "right") - 1, why[odd])
    owners = record[is_start]
    dated = owners[kinds[containers] == Kind.CONTAINER_START]
    with_times = slots[shape.leaves.index(shape.times)] >= 0
    np.maximum.at(reasons, dated[with_times[dated]], Reason.TIMES)
    for level, held in ((RECORD, slots[:, : len(first)]), (CONTAINER, slots[:, len(first) :])):
        foreign = [n for n, leaf in enumerate(shape.leaves) if leaf not in shape.levels[level]]
        misplaced = np.flatnonzero((held[foreign] >= 0).any(axis=0))
        at = misplaced if level == RECORD else owners[misplaced]
        np.maximum.at(reasons, at, Reason.ORDER)
    in_container = parents >= len(first)
    return Nesting(kinds, first, last, reasons, containers, owners, leaves, in_container, slots)


def _find_records(kinds: Bytes) -> tuple[Ints, Ints]:
    """Find where records begin and end: in turn, and one right behind the other."""
    first = np.flatnonzero(kinds == Kind.RECORD_START)
    last = np.flatnonzero(kinds == Kind.RECORD_END)
    begins = np.append(0, last[:-1] + 1)
    if (
        not len(last)
        or len(first) != len(last)
        or last[-1] != len(kinds) - 1
        or (first != begins).any()
    ):
        raise NotRecognised("something between the records")
    return first, last


def _check_pairs(segments: Segments, kinds: Bytes, frame: Ints, shape: Shape) -> Bytes:
    """Mark the segments whose neighbour must not follow them: (1) and (2)."""
    why = segments.reasons[segments.codes] if segments.reasons.any() else np.zeros_like(kinds)
    allowed, in_frame = _pairs(len(shape.leaves))
    symbols = (segments.leaves * np.int32(_KINDS) + segments.kinds)[segments.codes]
    fits = allowed[symbols[:-1] * np.int32(len(shape.leaves) * _KINDS) + symbols[1:]]
    if not fits.all():
        wrong = np.flatnonzero(~fits)
        why[wrong] = np.maximum(why[wrong], Reason.ORDER)
    before, after = kinds[frame[:-1]], kinds[frame[1:]]
    wrong = ~in_frame[before, after]
    # The dates of a record are one list, so nothing may stand between them.
    apart = (before == Kind.CONTAINER_END) & (after != Kind.RECORD_END) & (np.diff(frame) > 1)
    at = frame[:-1][wrong | apart]
    why[at] = np.maximum(why[at], Reason.ORDER)
    return why


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


def _fill_slots(
    segments: Segments, leaves: Ints, parents: Ints, count: int, why: Bytes, shape: Shape
) -> Any:
    """Sort leaves by name and parent; mark those that are twice there, or out of place: (3)."""
    codes = segments.codes[leaves]
    which = segments.leaves[codes]
    slots = np.full((len(shape.leaves), count), -1, np.int32)
    slots[which, parents] = codes
    if np.count_nonzero(slots >= 0) < len(leaves):
        order = np.arange(len(leaves), dtype=np.int32)
        last = np.full_like(slots, -1)
        last[which, parents] = order
        why[leaves[last[which, parents] != order]] = Reason.REPEATED
    return slots
