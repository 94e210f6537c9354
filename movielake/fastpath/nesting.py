"""The proof that records are nested as XML demands, and where their texts stand.

A record is regular when its segments are derived by this grammar, where each name is one segment, a
tag with all that follows up to the next start tag, and brackets show the ends that it may have::

    record    = RECORD (leaf | dates)* [ends record]                dates at most once
    dates     = date+
    date      = CONTAINER leaf* [ends container] | FLAT [ends container]
    leaf      = LEAF | EMPTY

A distinct segment shows by itself that a leaf is closed by its own end tag, that nothing is closed
twice, and what it closes besides. So leaves cannot overlap anything. What is left to prove is

1. that records follow each other: each begins right behind the end of the one before;
2. that containers do not overlap. Only segments that begin or end something but a leaf matter. Each
   of them leaves a container open or not, and each must find one open or not; so it is enough to
   compare neighbours among them;
3. that no leaf is twice under one parent, and each stands at a level where the schema has it.

A record so proved is one well-formed element. Those that are not are given to the reference, each
alone: if it finds exactly one record there and no damage, that is one well-formed element too. And
a row of well-formed elements with nothing but blanks between them is read by any XML parser as just
these elements, since what it makes of the first n bytes does not depend on those behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from movielake.fastpath.segments import ENDS_CONTAINER, ENDS_RECORD, Bytes, Flags, Ints, Segments
from movielake.fastpath.shape import CONTAINER, RECORD, Kind, Shape
from movielake.fastpath.unrecognised import NotRecognised, Reason


@dataclass(frozen=True)
class Nesting:
    """What stands where in a block, as far as it was proved.

    Parameters
    ----------
    kinds, ends : np.ndarray of uint8, shape (segments,)
        What each segment begins and closes.
    first, last : np.ndarray of int64, shape (records,)
        The segments that each record begins and ends with.
    reasons : np.ndarray of uint8, shape (records,)
        Why a record is left to the reference; 0 for the regular ones.
    containers : np.ndarray of int64, shape (containers,)
        Segments that begin a container, those of irregular records too.
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
    ends: Bytes
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
    kinds, ends = segments.kinds[segments.codes], segments.ends[segments.codes]
    first, last = _find_records(kinds, ends)
    is_step = (kinds - np.uint8(Kind.RECORD) < Kind.LEAF - Kind.RECORD) | (ends > 0)
    steps = np.flatnonzero(is_step)
    begun, ended = kinds[steps], ends[steps]
    is_open = (begun == Kind.CONTAINER) & (ended < ENDS_CONTAINER)
    is_start = (begun == Kind.CONTAINER) | (begun == Kind.FLAT)
    containers = steps[is_start]
    record = np.cumsum(begun == Kind.RECORD) - 1  # of each step
    why = segments.reasons[segments.codes] if segments.reasons.any() else np.zeros_like(kinds)
    wrong = steps[_find_overlaps(steps, begun, ended, is_open, is_start)]
    why[wrong] = np.maximum(why[wrong], Reason.ORDER)
    # A leaf belongs to the container that the step before it left open, else to its record.
    parent = np.where(is_open, len(first) + np.cumsum(is_start) - 1, record)
    leaves = np.flatnonzero(kinds >= Kind.LEAF)
    behind = np.cumsum(is_step, dtype=np.int32)[leaves] - is_step[leaves] - 1
    parents = parent[behind]
    slots = _fill_slots(segments, leaves, parents, len(first) + len(containers), why, shape)
    reasons = np.zeros(len(first), np.uint8)
    odd = np.flatnonzero(why)
    np.maximum.at(reasons, np.searchsorted(first, odd, "right") - 1, why[odd])
    owners = record[is_start]
    _check_levels(slots, owners, reasons, shape)
    dated = owners[kinds[containers] == Kind.CONTAINER]
    with_times = slots[shape.leaves.index(shape.times)] >= 0
    np.maximum.at(reasons, dated[with_times[dated]], Reason.TIMES)
    in_container = parents >= len(first)
    return Nesting(
        kinds, ends, first, last, reasons, containers, owners, leaves, in_container, slots
    )


def _find_records(kinds: Bytes, ends: Bytes) -> tuple[Ints, Ints]:
    """Find where records begin and end: in turn, and one right behind the other: (1)."""
    first = np.flatnonzero(kinds == Kind.RECORD)
    last = np.flatnonzero(ends & ENDS_RECORD)
    begins = np.append(0, last[:-1] + 1)
    if (
        len(first) != len(last)
        or not len(last)
        or last[-1] != len(kinds) - 1
        or (first != begins).any()
    ):
        raise NotRecognised("something between the records")
    return first, last


def _find_overlaps(
    steps: Ints, begun: Bytes, ended: Bytes, is_open: Flags, is_start: Flags
) -> Flags:
    """Find the steps that must not follow the one before them: (2)."""
    closes = ended >= ENDS_CONTAINER
    is_record = begun == Kind.RECORD
    # Only what closes a container and has not begun it needs an open one.
    wrong: Flags = np.append(False, is_open[:-1]) != (closes & ~is_start)
    wrong |= is_record & closes
    wrong |= is_open & (ended > 0)
    # The dates of a record are one list, so nothing may stand between them.
    wrong[1:] |= is_start[1:] & ~is_record[:-1] & (np.diff(steps) > 1)
    return wrong


def _fill_slots(
    segments: Segments, leaves: Ints, parents: Ints, count: int, why: Bytes, shape: Shape
) -> Any:
    """Sort leaves by name and parent; mark those that are there twice: (3)."""
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


def _check_levels(slots: Any, owners: Ints, reasons: Bytes, shape: Shape) -> None:
    """Mark records with a leaf at a level where the schema does not have it: (3)."""
    records = len(reasons)
    for level, held in ((RECORD, slots[:, :records]), (CONTAINER, slots[:, records:])):
        foreign = [n for n, leaf in enumerate(shape.leaves) if leaf not in shape.levels[level]]
        misplaced = np.flatnonzero((held[foreign] >= 0).any(axis=0))
        at = misplaced if level == RECORD else owners[misplaced]
        np.maximum.at(reasons, at, Reason.ORDER)
