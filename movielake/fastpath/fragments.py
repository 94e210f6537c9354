"""JSON Lines made from segments: each segment has a prepared piece of text.

A record's line consists of the pieces of its segments, one after the other. So one Arrow ``take``
from an array of distinct pieces makes the text of a block. The result's data buffer is the output.

A piece depends on its segment and on whether the next segment continues the list of containers.
Commas: a line ends in movielake's own labels, so each direct child of a record is followed by a
comma. A container begins with its attribute, so each leaf inside it is preceded by a comma.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

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
from movielake.feed.records import Record
from movielake.lake.outputs import to_lines

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NULL: Final = "null"


class LineMaker:
    """Makes the JSON Lines of a member's blocks.

    Parameters
    ----------
    shape : Shape
        Names of the elements.
    labels : mapping
        Keys and values that end each record's line.
    """

    def __init__(self, shape: Shape, labels: Mapping[str, str]) -> None:
        self._shape = shape
        self._end = _encode(dict(labels))[1:] + "\n"

    def lines(self, segments: Segments, nesting: Nesting, others: Sequence[Record]) -> pa.Buffer:
        """Make the lines of a block.

        Parameters
        ----------
        segments : Segments
            The block's segments.
        nesting : Nesting
            The block's nesting.
        others : sequence of dict
            The block's irregular records, read by the reference.

        Returns
        -------
        pa.Buffer
            The lines in UTF-8.
        """
        pieces = _Pieces()
        which = np.zeros(len(segments.codes), np.int32)
        # True where a container is closed and another container follows.
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
        """Prepare a piece for each distinct leaf, in each kind of position."""
        on = goes_on[nesting.leaves]
        for before, chosen, behind in (
            ("", ~nesting.in_container, (",", "," + self._end, "", "")),
            (",", nesting.in_container & ~on, ("", "", "}],", "}]," + self._end)),
            (",", nesting.in_container & on, ("", "", "},", "")),
        ):
            at = nesting.leaves[chosen]
            distinct, of = _compact(segments.codes[at], len(segments.kinds))
            names = [f"{before}{_encode(name)}:" for name in self._shape.leaves]
            leaf, end = segments.leaves[distinct], segments.ends[distinct]
            texts = segments.texts.take(pa.array(distinct))
            which[at] = of + pieces.add(_say(names, leaf, texts, behind, end))

    def _containers(
        self, segments: Segments, nesting: Nesting, goes_on: Flags, pieces: _Pieces, which: Codes
    ) -> None:
        """Prepare a piece for each distinct container: first or not, and last or not."""
        at = nesting.containers
        is_first = nesting.ends[at - 1] < ENDS_CONTAINER
        key = f"{_encode(self._shape.container)}:["
        attribute = f"{{{_encode('@' + self._shape.attribute)}:"
        for before, first in ((key, True), ("", False)):
            for on, end, flat_end in ((True, "},", ","), (False, "}],", "],")):
                chosen = at[(is_first == first) & (goes_on[at] == on)]
                if not len(chosen):
                    continue
                distinct, of = _compact(segments.codes[chosen], len(segments.kinds))
                is_flat = (segments.kinds[distinct] == Kind.FLAT).astype(np.int32)
                texts = segments.texts.take(pa.array(distinct))
                behind = ("", "", end, end + self._end, "", "", flat_end, flat_end + self._end)
                ends = segments.ends[distinct] + 4 * is_flat
                said = _say((before + attribute, before), is_flat, texts, behind, ends)
                which[chosen] = of + pieces.add(said)


def _begins_container(kinds: Bytes) -> Flags:
    begins: Flags = (kinds == Kind.CONTAINER) | (kinds == Kind.FLAT)
    return begins


class _Pieces:
    """Pieces of text, numbered in the order of adding."""

    def __init__(self) -> None:
        self._arrays: list[pa.Array] = []
        self._count = 0

    def add(self, array: pa.Array) -> int:
        """Add pieces and return the number of the first one."""
        self._arrays.append(array)
        self._count += len(array)
        return self._count - len(array)

    def text(self, which: Codes) -> pa.Buffer:
        """Join the pieces with these numbers."""
        row = pa.concat_arrays(self._arrays).take(pa.array(which))
        _, offsets, data = row.buffers()
        end = int(np.frombuffer(offsets, np.int32)[len(row)])
        return data.slice(0, end) if data else pa.py_buffer(b"")


def _compact(codes: Codes, count: int) -> tuple[Ints, Codes]:
    """Return the distinct codes, and for each place the position of its code among them."""
    used = np.zeros(count, np.bool_)
    used[codes] = True
    distinct = np.flatnonzero(used)
    position = np.zeros(count, np.int32)
    position[distinct] = np.arange(len(distinct))
    return distinct, position[codes]


def _say(
    before: Sequence[str], which: Any, texts: pa.Array, behind: Sequence[str], ends: Any
) -> pa.Array:
    """Quote each text and put a prefix and a suffix around it; write null for a null."""
    is_null = texts.is_null().to_numpy(zero_copy_only=False)
    opening = pa.array([f'{text}"' for text in before] + [f"{text}{_NULL}" for text in before])
    closing = pa.array([f'"{text}' for text in behind] + list(behind))
    return pc.binary_join_element_wise(
        opening.take(pa.array(which + np.where(is_null, len(before), 0))),
        escaped(texts.fill_null("")),
        closing.take(pa.array(ends + np.where(is_null, len(behind), 0))),
        "",
    )


def escaped(texts: pa.Array) -> pa.Array:
    r"""Escape texts for use inside JSON quotes.

    Parameters
    ----------
    texts : pa.StringArray, shape (n,)
        Texts without nulls, not sliced.

    Returns
    -------
    pa.StringArray, shape (n,)
        The same array if there is nothing to escape.

    Examples
    --------
    >>> escaped(pa.array(["Up", 'The "Best"'])).to_pylist()
    ['Up', 'The \\"Best\\"']
    """
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    at = np.flatnonzero((data == ord('"')) | (data == ord("\\")) | (data < 0x20))
    if not len(at):
        return texts
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1]
    odd = np.zeros(len(texts) + 1, np.bool_)
    odd[np.searchsorted(offsets, at, "right") - 1] = True
    mask = pa.array(odd[:-1])
    written = [_encode(text)[1:-1] for text in texts.filter(mask).to_pylist()]
    return pc.replace_with_mask(texts, mask, pa.array(written, pa.string()))
