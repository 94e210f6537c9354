"""JSON Lines out of segments: one prepared piece of text for each, put in a row.

A record's line is the pieces of its segments one behind the other. So one take from an
array of distinct pieces makes the text of a block: the data buffer of the result is the output.

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
from movielake.fastpath.segments import Bytes, Codes, Ints, Segments
from movielake.fastpath.shape import CONTAINER, RECORD, Kind, Shape
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
        self._leaves(segments, nesting, pieces, which)
        self._containers(segments, nesting, pieces, which)
        which[nesting.first] = pieces.add(pa.array(["{"]))
        which[nesting.last] = pieces.add(pa.array([self._end]))
        used = nesting.kinds != Kind.LEAF_END
        if others:
            irregular = nesting.reasons > 0
            used &= np.repeat(~irregular, nesting.last - nesting.first + 1)
            used[nesting.first] = True
            start = pieces.add(pa.array([to_lines([record]) for record in others]))
            which[nesting.first[irregular]] = start + np.arange(len(others))
        return pieces.text(which[used])

    def _leaves(self, segments: Segments, nesting: Nesting, pieces: _Pieces, which: Codes) -> None:
        """Prepare the distinct leaves, at each level where they are."""
        for level in (RECORD, CONTAINER):
            at = nesting.leaves[nesting.in_container == (level == CONTAINER)]
            distinct, of = _compact(segments.codes[at], len(segments.kinds))
            names = self._names(level).take(pa.array(segments.leaves[distinct]))
            values = _quoted(segments.texts.take(pa.array(distinct)))
            after = "," if level == RECORD else ""
            which[at] = of + pieces.add(pc.binary_join_element_wise(names, values, after, ""))

    def _names(self, level: int) -> pa.Array:
        before = "" if level == RECORD else ","
        return pa.array([f"{before}{_encode(name)}:" for name in self._shape.leaves])

    def _containers(
        self, segments: Segments, nesting: Nesting, pieces: _Pieces, which: Codes
    ) -> None:
        """Prepare the distinct containers' starts, and the ends, which depend on neighbours."""
        kinds, at = nesting.kinds, nesting.containers
        if not len(at):
            return
        distinct, of = _compact(segments.codes[at], len(segments.kinds))
        opening = {Kind.CONTAINER_START: f"{{{_encode('@' + self._shape.attribute)}:"}
        before = [opening.get(kind, "") for kind in segments.kinds[distinct]]
        values = _quoted(segments.texts.take(pa.array(distinct)))
        starts = pc.binary_join_element_wise(pa.array(before), values, "")
        key = f"{_encode(self._shape.container)}:["
        plain = pieces.add(starts)
        listed = pieces.add(pc.binary_join_element_wise(key, starts, ""))
        is_first = kinds[at - 1] != Kind.CONTAINER_END
        which[at] = of + np.where(is_first, listed, plain)
        self._ends(kinds, at, pieces, which)

    def _ends(self, kinds: Bytes, at: Ints, pieces: _Pieces, which: Codes) -> None:
        ends = np.flatnonzero(kinds == Kind.CONTAINER_END)
        start = pieces.add(pa.array(["},", "}],", ",", "],"]))
        is_last = (kinds[ends + 1] != Kind.CONTAINER_START) & (
            kinds[ends + 1] != Kind.CONTAINER_TEXT
        )
        is_flat = kinds[ends - 1] == Kind.CONTAINER_TEXT
        which[ends] = start + is_last + 2 * is_flat


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
