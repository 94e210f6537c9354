"""JSON Lines out of segments: one prepared piece of text for each, put in a row.

A record's line is the pieces of its segments one behind the other. So one take from an
array of distinct pieces makes the text of a block: the data buffer of the result is the output.

A piece depends on its segment, and on whether the next one goes on with the list of containers.
Where commas go: a line ends in movielake's own labels, so what stands directly in a record has a
comma behind it. A container begins with its attribute, so what stands in it has one before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.fastpath.nesting import Nesting
from movielake.fastpath.segments import (
    ENDS_CONTAINER,
    ENDS_RECORD,
    Bytes,
    Codes,
    Flags,
    Ints,
    Segments,
)
from movielake.fastpath.shape import Kind, Shape
from movielake.outputs import to_lines
from movielake.records import Record

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NULL: Final = "null"


class LineMaker:
    """Makes the JSON Lines of a member's blocks.

    Parameters
    ----------
    shape : Shape
        Names of the elements.
    labels : mapping
        What ends each record.
    """

    def __init__(self, shape: Shape, labels: Mapping[str, str]) -> None:
        self._shape = shape
        self._end = _encode(dict(labels))[1:] + "\n"

    def lines(self, segments: Segments, nesting: Nesting, others: Sequence[Record]) -> pa.Buffer:
        """Make the lines of a block.

        Parameters
        ----------
        segments, nesting
            Of the block.
        others : sequence of dict
            Its irregular records, as the reference reads them.

        Returns
        -------
        pa.Buffer
            UTF-8.
        """
        pieces = _Pieces()
        which = np.zeros(len(segments.codes), np.int32)
        # Whether another container follows the one that is closed here.
        goes_on = np.append(_begins_container(nesting.kinds[1:]), False)
        goes_on &= nesting.ends == ENDS_CONTAINER
        which[nesting.first] = pieces.add(pa.array(["{", "{" + self._end]))
        which[nesting.first] += nesting.ends[nesting.first] & ENDS_RECORD
        self._leaves(segments, nesting, goes_on, pieces, which)
        self._containers(segments, nesting, goes_on, pieces, which)
        if others:
            irregular = nesting.reasons > 0
            used = np.repeat(~irregular, nesting.last - nesting.first + 1)
            used[nesting.first] = True
            start = pieces.add(pa.array([to_lines([record]) for record in others]))
            which[nesting.first[irregular]] = start + np.arange(len(others))
            which = which[used]
        return pieces.text(which)

    def _leaves(
        self, segments: Segments, nesting: Nesting, goes_on: Flags, pieces: _Pieces, which: Codes
    ) -> None:
        """Prepare the distinct leaves, for each place where they are."""
        on = goes_on[nesting.leaves]
        names = pa.array([f"{_encode(name)}:" for name in self._shape.leaves])
        for before, chosen, behind in (
            ("", ~nesting.in_container, (",", "," + self._end, "", "")),
            (",", nesting.in_container & ~on, ("", "", "}],", "}]," + self._end)),
            (",", nesting.in_container & on, ("", "", "},", "")),
        ):
            at = nesting.leaves[chosen]
            distinct, of = _compact(segments.codes[at], len(segments.kinds))
            name = names.take(pa.array(segments.leaves[distinct]))
            value = _quoted(segments.texts.take(pa.array(distinct)))
            after = pa.array(behind).take(pa.array(segments.ends[distinct]))
            which[at] = of + pieces.add(pc.binary_join_element_wise(before, name, value, after, ""))

    def _containers(
        self, segments: Segments, nesting: Nesting, goes_on: Flags, pieces: _Pieces, which: Codes
    ) -> None:
        """Prepare the distinct containers, first ones and others, last ones and others."""
        at = nesting.containers
        is_first = nesting.ends[at - 1] < ENDS_CONTAINER
        key = f"{_encode(self._shape.container)}:["
        attribute = f"{{{_encode('@' + self._shape.attribute)}:"
        for before, first in ((key, True), ("", False)):
            for on, end, flat_end in ((True, "},", ","), (False, "}],", "],")):
                chosen = at[(is_first == first) & (goes_on[at] == on)]
                distinct, of = _compact(segments.codes[chosen], len(segments.kinds))
                is_flat = segments.kinds[distinct] == Kind.FLAT
                opening = pc.if_else(pa.array(is_flat), before, before + attribute)
                value = _quoted(segments.texts.take(pa.array(distinct)))
                ends = segments.ends[distinct] + np.where(is_flat, 4, 0)
                closings = ("", "", end, end + self._end, "", "", flat_end, flat_end + self._end)
                closing = pa.array(closings).take(pa.array(ends))
                start = pieces.add(pc.binary_join_element_wise(opening, value, closing, ""))
                which[chosen] = of + start


def _begins_container(kinds: Bytes) -> Flags:
    begins: Flags = (kinds == Kind.CONTAINER) | (kinds == Kind.FLAT)
    return begins


class _Pieces:
    """Pieces of text, numbered as they come."""

    def __init__(self) -> None:
        self._arrays: list[pa.Array] = []
        self._count = 0

    def add(self, array: pa.Array) -> int:
        """Add some, and give the number of the first."""
        self._arrays.append(array)
        self._count += len(array)
        return self._count - len(array)

    def text(self, which: Codes) -> pa.Buffer:
        """Put pieces in a row."""
        row = pa.concat_arrays(self._arrays).take(pa.array(which))
        _, offsets, data = row.buffers()
        end = int(np.frombuffer(offsets, np.int32)[len(row)])
        return data.slice(0, end) if data else pa.py_buffer(b"")


def _compact(codes: Codes, count: int) -> tuple[Ints, Codes]:
    """Give the codes that are used, and for each place the position among them."""
    used = np.zeros(count, np.bool_)
    used[codes] = True
    distinct = np.flatnonzero(used)
    position = np.zeros(count, np.int32)
    position[distinct] = np.arange(len(distinct))
    return distinct, position[codes]


def _quoted(texts: pa.Array) -> pa.Array:
    """Write texts as JSON does, null for those that are null."""
    quoted = pc.binary_join_element_wise('"', texts, '"', "")
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    odd = (data == ord('"')) | (data == ord("\\")) | (data < 0x20)
    if odd.any():
        texts = texts.fill_null("")
        has_odd = pc.match_substring_regex(texts, r'["\\\x00-\x1f]')
        found = [_encode(text) for text in texts.filter(has_odd).to_pylist()]
        quoted = pc.replace_with_mask(quoted, has_odd, pa.array(found, pa.string()))
    return quoted.fill_null(_NULL)
