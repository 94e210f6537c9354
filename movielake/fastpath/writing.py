"""JSON Lines made from elements: before and behind each text stands one of a few pieces.

The piece before a text depends on the start tag and on three things: whether a comma is due,
whether the element begins or continues a list, and whether it has a text or elements. The piece
behind it depends on which elements and lists end. Few combinations occur. So one Arrow ``take``
from the distinct pieces and the texts makes the lines of a block.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
import pyarrow as pa

from movielake.fastpath.elements import Elements
from movielake.fastpath.fragments import escaped
from movielake.fastpath.segments import Codes, Ints
from movielake.fastpath.tree import OpenTag, Tree
from movielake.feed.records import Record
from movielake.lake.outputs import to_lines

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_NULL: Final = 0
_TEXT: Final = 1
_OPEN: Final = 2
"""Forms of an element's value: nothing, a text, or elements."""

_ONE: Final = 0
_FIRST: Final = 1
_NEXT: Final = 2
"""Places of an element in a list: none, the first, or another."""

_PREFIXES: Final = 3 * 3 * 2
"""Most prefixes of a start tag: form, place in a list, comma."""

_SUFFIXES: Final = (3, 2, 2, 3, 2)
"""How many values each parameter of `_suffix` after the first can have."""


class LinesOfElements:
    """Makes the JSON Lines of a member's blocks.

    Parameters
    ----------
    tree : Tree
        The elements of a record.
    labels : mapping
        Keys and values that end each record's line.
    """

    def __init__(self, tree: Tree, labels: Mapping[str, str]) -> None:
        self._names = [_encode(name) for name in tree.names]
        self._is_list = tree.is_list
        end = _encode(dict(labels))[1:] + "\n"
        behind = f",{end}" if labels else end
        self._ends = pa.array(
            [_suffix(behind, *key) for key in product(*map(range, _SUFFIXES))] + ["{" + end]
        )

    def lines(self, elements: Elements, others: Sequence[Record]) -> pa.Buffer:
        """Make the lines of a block.

        Parameters
        ----------
        elements : Elements
            The block's elements.
        others : sequence of dict
            The block's irregular records, read by the reference.

        Returns
        -------
        pa.Buffer
            The lines in UTF-8.
        """
        forms = np.where(elements.closes == 0, _OPEN, elements.says.astype(np.int64))
        keys = self._prefix_keys(elements, forms)
        prefixes, which = _few(keys, len(elements.tags) * _PREFIXES, self._prefixes(elements.tags))
        suffixes = self._suffix_keys(elements, forms) + len(prefixes)
        records = elements.first[elements.closes[elements.first] == 1]
        suffixes[records] = len(prefixes) + len(self._ends) - 1
        which[records] = len(prefixes)  # an empty text: the suffix is all of the line
        base = len(prefixes) + len(self._ends)
        written = [prefixes, self._ends, escaped(elements.texts)]
        pieces = np.empty((len(forms), 3), np.int32)
        used = np.empty((len(forms), 3), np.bool_)
        pieces[:, 0], used[:, 0] = which, True
        pieces[:, 1], used[:, 1] = np.arange(base, base + len(forms)), elements.says
        pieces[:, 2], used[:, 2] = suffixes, True
        if others:
            irregular = elements.reasons > 0
            used[np.repeat(irregular, elements.last - elements.first + 1)] = False
            at = elements.first[irregular]
            pieces[at, 0], used[at, 0] = base + len(forms) + np.arange(len(others)), True
            written.append(pa.array([to_lines([record]) for record in others]))
        return _joined(written, pieces[used])

    def _prefix_keys(self, elements: Elements, forms: Ints) -> Ints:
        parents, nodes = elements.parents, elements.nodes
        has_attributes = np.array([bool(tag.attributes) for tag in elements.tags])
        is_first = parents == np.arange(-1, len(parents) - 1)
        comma = ~(is_first & ~has_attributes[elements.tag_of[parents]])
        comma[elements.first] = False
        place = np.where(elements.continued, _NEXT, _FIRST) * self._is_list[nodes]
        keys: Ints = ((elements.tag_of.astype(np.int64) * 3 + forms) * 3 + place) * 2 + comma
        keys[nodes < 0] = keys[0]  # irregular, and left out
        return keys

    def _prefixes(self, tags: list[OpenTag]) -> Callable[[int], str]:
        def prefix(key: int) -> str:
            of, comma = divmod(key, 2)
            of, place = divmod(of, 3)
            number, form = divmod(of, 3)
            return self._prefix(tags[number], form, place, "," * comma)

        return prefix

    def _prefix(self, tag: OpenTag, form: int, place: int, comma: str) -> str:
        attributes = ",".join(f"{_encode('@' + k)}:{_encode(v)}" for k, v in tag.attributes)
        if tag.name == 0:
            return "{"
        name = "" if place == _NEXT else self._names[tag.name] + (":[" if place == _FIRST else ":")
        if form == _OPEN:
            value = "{" + attributes
        elif not attributes:
            value = '"' if form == _TEXT else "null"
        else:
            value = "{" + attributes + (',"#text":"' if form == _TEXT else "")
        return comma + name + value

    def _suffix_keys(self, elements: Elements, forms: Ints) -> Codes:
        has_attributes = np.array([bool(tag.attributes) for tag in elements.tags], np.int64)
        ends_list = self._is_list[elements.nodes] & ~elements.goes_on
        is_nested = elements.nodes[elements.parents] > 0
        around = 1 + ends_list[elements.parents]
        outer = np.where(is_nested & (elements.closes >= 2), around, 0)
        ends = elements.closes >= np.where(is_nested, 3, 2)
        keys = (forms * 2 + has_attributes[elements.tag_of]) * 2 + ends_list
        codes: Codes = ((keys * 3 + outer) * 2 + ends).astype(np.int32)
        return codes


def _suffix(end: str, form: int, attributes: int, ends_list: int, around: int, ends: int) -> str:
    """Write what is behind a text: the ends of its element, the one around it, and the record."""
    if form == _OPEN:
        return ""
    own = '"' * (form == _TEXT) + "}" * attributes + "]" * ends_list
    return own + ("", "}", "}]")[around] + end * ends


def _few(keys: Ints, most: int, write: Callable[[int], str]) -> tuple[pa.Array, Codes]:
    """Write a piece for each key that occurs, and return the pieces and the piece of each key."""
    used = np.zeros(most, np.bool_)
    used[keys] = True
    distinct = np.flatnonzero(used)
    position = np.zeros(most, np.int32)
    position[distinct] = np.arange(len(distinct))
    return pa.array([write(key) for key in distinct.tolist()], pa.string()), position[keys]


def _joined(arrays: list[pa.Array], which: Codes) -> pa.Buffer:
    """Join the pieces with these numbers."""
    row = pa.concat_arrays(arrays).take(pa.array(which))
    _, offsets, data = row.buffers()
    end = int(np.frombuffer(offsets, np.int32)[len(row)])
    return data.slice(0, end) if data else pa.py_buffer(b"")
