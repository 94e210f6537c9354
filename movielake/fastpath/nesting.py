"""The proof that records are nested as XML demands, and the positions of their texts.

A record is regular if this grammar derives its segments. Each name in capitals is one segment: a
start tag and everything up to the next start tag. Brackets show the end tags that it can contain::

    record    = RECORD (leaf | dates)* [ends record]                dates at most once
    dates     = date+
    date      = CONTAINER leaf* [ends container] | FLAT [ends container]
    leaf      = LEAF | EMPTY

The check of each distinct segment (see `movielake.fastpath.segments`) shows three things: a leaf
is closed by its own end tag, no element is closed twice, and which other elements the segment
closes. So a leaf cannot overlap another element. It remains to prove three statements:

1. Records follow each other: each record begins directly after the end of the one before.
2. Containers do not overlap. Only segments that begin or end an element other than a leaf matter.
   Each of them leaves a container open or not, and each requires an open container or not. So it
   is enough to compare neighbours among them.
3. No leaf occurs twice under one parent, and each leaf is at a level where the schema has it.

A record with this proof is one well-formed element. Every other record goes to the reference,
alone. If the reference finds exactly one record and no damage, this too is one well-formed element.
Any XML parser reads a sequence of well-formed elements, with only blanks between them, as exactly
these elements: its result for the first n bytes does not depend on the bytes after them.
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
    """The structure of a block: its records, containers and leaves.

    Parameters
    ----------
    kinds, ends : np.ndarray of uint8, shape (segments,)
        The element that each segment begins, and the elements that it closes.
    first, last : np.ndarray of int64, shape (records,)
        The first and the last segment of each record.
    reasons : np.ndarray of uint8, shape (records,)
        The `Reason` why a record is left to the reference; 0 for a regular record.
    containers : np.ndarray of int64, shape (containers,)
        Segments that begin a container, including those of irregular records.
    owners : np.ndarray of int64, shape (containers,)
        The record of each container.
    leaves : np.ndarray of int64, shape (leaves,)
        Segments of the leaves, including those of irregular records.
    in_container : np.ndarray of bool, shape (leaves,)
        Whether the leaf is in a container (True) or directly in its record (False).
    slots : np.ndarray of int32, shape (names, records + containers)
        For each leaf name and parent, the code of the distinct segment; -1 for a missing leaf.
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
    """Find the records of a block. Prove for each that it is regular, or note the reason why not.

    Parameters
    ----------
    segments : Segments
        Segments of whole records.
    shape : Shape
        The elements of a regular record.

    Returns
    -------
    Nesting
        The block's structure, with the reasons of its irregular records.

    Raises
    ------
    NotRecognised
        If text or an element stands between two records, or a record does not end.
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
    # If the step before a leaf left a container open, the leaf is in it; otherwise in the record.
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
    """Find where records begin and end, and check that they follow each other: statement 1."""
    first = np.flatnonzero(kinds == Kind.RECORD)
    last = np.flatnonzero(ends & ENDS_RECORD == ENDS_RECORD)  # faster of flags than of numbers
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
    """Find the steps that must not follow the step before them: statement 2."""
    closes = ended >= ENDS_CONTAINER
    is_record = begun == Kind.RECORD
    # A step needs an open container only if it closes one that it has not begun itself.
    wrong: Flags = np.append(False, is_open[:-1]) != (closes & ~is_start)
    wrong |= is_record & closes
    wrong |= is_open & (ended > 0)
    # The dates of a record form one list, so no other element may stand between them.
    wrong[1:] |= is_start[1:] & ~is_record[:-1] & (np.diff(steps) > 1)
    return wrong


def _fill_slots(
    segments: Segments, leaves: Ints, parents: Ints, count: int, why: Bytes, shape: Shape
) -> Any:
    """Sort leaves by name and parent, and mark those that occur twice: statement 3."""
    codes = segments.codes[leaves]
    which = segments.leaves[codes]
    slots = np.full((len(shape.leaves), count), -1, np.int32)
    places = which * np.int64(count) + parents  # one index is faster than two
    slots.ravel()[places] = codes.astype(np.int32)
    if np.count_nonzero(slots >= 0) < len(leaves):
        order = np.arange(len(leaves), dtype=np.int32)
        last = np.full_like(slots, -1)
        last[which, parents] = order
        why[leaves[last[which, parents] != order]] = Reason.REPEATED
    return slots


def _check_levels(slots: Any, owners: Ints, reasons: Bytes, shape: Shape) -> None:
    """Mark records with a leaf at a level where the schema does not have it: statement 3."""
    records = len(reasons)
    for level, held in ((RECORD, slots[:, :records]), (CONTAINER, slots[:, records:])):
        foreign = [n for n, leaf in enumerate(shape.leaves) if leaf not in shape.levels[level]]
        misplaced = np.flatnonzero((held[foreign] >= 0).any(axis=0))
        at = misplaced if level == RECORD else owners[misplaced]
        np.maximum.at(reasons, at, Reason.ORDER)
