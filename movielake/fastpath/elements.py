"""The elements of a block's records, and the proof that they are nested as XML demands.

For tables with one row per record: their texts hardly repeat. So nothing here is done per distinct
text, and nothing per text in Python. Start tags and sequences of end tags do repeat; each distinct
one is parsed once. The rest is arithmetic on their numbers.

A segment is a start tag and everything up to the next one. Each segment begins one element. Its
level follows from the tags opened and closed before it in its record. An element's ancestor at a
level is the last element before it that began at this level. The proof compares two sequences for
each segment: the names that its end tags close, and the names of the open elements from the
innermost outwards. If they agree, all end tags of a record fit. `movielake.fastpath.nesting`
explains why this suffices, and why the reference can read any other record alone.

A record is also irregular if an element is not in the schema or not at its place, if an element
repeats that is no list, if the items of a list do not stand together, or if text stands beside
elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from movielake.fastpath.segments import (
    Bytes,
    Codes,
    Flags,
    Ints,
    checked_bytes,
    cut_block,
    read_distinct,
    read_texts,
    split_segments,
)
from movielake.fastpath.tree import DEEPEST, NO_NAME, UNKNOWN_NAME, EndTags, OpenTag, Tree
from movielake.fastpath.unrecognised import NotRecognised, Reason

_LONG: Final = 1 << 20
"""Most bytes of a regular record: less than each of the parser's limits."""


@dataclass(frozen=True)
class Elements:
    """The elements of a block, in the order of the document.

    Parameters
    ----------
    starts : np.ndarray of int64, shape (n,)
        Position in the block where each element begins.
    tags : list of OpenTag
        The distinct start tags.
    tag_of : np.ndarray of int32, shape (n,)
        Position of each element's start tag in `tags`.
    nodes : np.ndarray of int8, shape (n,)
        Node of each element in the tree; -1 in irregular records.
    parents : np.ndarray of int64, shape (n,)
        Position of the element around each element.
    closes : np.ndarray of uint8, shape (n,)
        How many elements end before the next one begins, from the innermost outwards.
    texts : pa.StringArray, shape (n,)
        Text of each element, resolved and stripped.
    says : np.ndarray of bool, shape (n,)
        Whether the text is not empty.
    continued, goes_on : np.ndarray of bool, shape (n,)
        Whether the sibling before the element, and the one after it, belong to the same list.
    first, last : np.ndarray of int64, shape (records,)
        The first and the last element of each record.
    reasons : np.ndarray of uint8, shape (records,)
        The `Reason` why a record is left to the reference; 0 for a regular record.
    """

    starts: Ints
    tags: list[OpenTag]
    tag_of: Codes
    nodes: Any
    parents: Ints
    closes: Bytes
    texts: pa.Array
    says: Flags
    continued: Flags
    goes_on: Flags
    first: Ints
    last: Ints
    reasons: Bytes


def read_elements(block: memoryview, tree: Tree) -> Elements:
    """Find the elements of a block, and prove for each record that it is regular.

    Parameters
    ----------
    block : memoryview of bytes
        UTF-8 that begins with ``<`` and ends with a record's end tag.
    tree : Tree
        The elements of a regular record.

    Returns
    -------
    Elements

    Raises
    ------
    NotRecognised
        If a byte cannot occur in XML in UTF-8, or something stands between two records.
    """
    starts, cut = cut_block(block)
    data, offsets = checked_bytes(cut)
    opening, behind, closing, why = split_segments(data, offsets)
    tags, tag_of = read_distinct(opening, tree.tag)
    ends, end_of = read_distinct(closing, tree.ends)
    texts = read_texts(behind, data, why)
    says = np.diff(np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1]) > 0
    names = np.array([tag.name for tag in tags], np.uint8)[tag_of]
    first, last = _find_records(names == 0, np.array([end.ends_record for end in ends])[end_of])
    is_empty = np.array([tag.is_empty for tag in tags])[tag_of]
    closes = np.array([end.number for end in ends])[end_of] + is_empty
    levels = _levels(closes, first, last)
    nodes, around = _place(names, levels, tree)
    _check_ends(names, around, is_empty, ends, end_of, why)
    why[says & (is_empty | ~tree.is_leaf[nodes])] = Reason.TEXT
    why[nodes < 0] = Reason.ORDER
    why[names == UNKNOWN_NAME] = Reason.TAG
    parents = np.maximum(around[0], 0)
    continued, goes_on = _find_lists(nodes, levels, parents, tree, why)
    reasons = np.maximum.reduceat(why, first)
    reasons[np.diff(np.append(starts[first], len(block))) > _LONG] = Reason.LENGTH
    nodes[np.repeat(reasons > 0, last - first + 1)] = -1
    small = np.minimum(closes, NO_NAME).astype(np.uint8)
    return Elements(
        starts, tags, tag_of, nodes, parents, small, texts, says, continued, goes_on,
        first, last, reasons,
    )  # fmt: skip


def _find_records(begins: Flags, ends: Flags) -> tuple[Ints, Ints]:
    """Find where records begin and end, and check that they follow each other."""
    first, last = np.flatnonzero(begins), np.flatnonzero(ends)
    if (
        len(first) != len(last)
        or not len(last)
        or last[-1] != len(begins) - 1
        or (first != np.append(0, last[:-1] + 1)).any()
    ):
        raise NotRecognised("something between the records")
    return first, last


def _levels(closes: Any, first: Ints, last: Ints) -> Ints:
    """Return how many elements of its record are open before each element."""
    after = np.cumsum(1 - closes)
    before = np.append(0, after[:-1])
    levels: Ints = before - np.repeat(before[first], last - first + 1)
    return levels


def _place(names: Bytes, levels: Ints, tree: Tree) -> tuple[Any, list[Ints]]:
    """Return the node of each element, and the elements around it, from the inside out.

    -1 stands for no node and for no element.
    """
    count = len(names)
    nodes = np.full(count, -1, np.int8)
    nodes[(levels == 0) & (names == 0)] = 0
    around = [np.full(count, -1) for _ in range(DEEPEST)]
    numbers = np.arange(count)
    latest = [np.maximum.accumulate(np.where(levels == n, numbers, 0)) for n in range(DEEPEST)]
    for level in range(1, DEEPEST + 1):
        at = np.flatnonzero(levels == level)
        for distance in range(level):
            around[distance][at] = latest[level - 1 - distance][at]
        nodes[at] = tree.children[nodes[around[0][at]], names[at]]
    return nodes, around


def _check_ends(
    names: Bytes, around: list[Ints], is_empty: Flags, ends: list[EndTags], of: Codes, why: Bytes
) -> None:
    """Mark elements after which other elements end than those that are open."""
    closed = np.array([end.names for end in ends], np.uint8)
    regular = np.array([end.regular for end in ends])[of]
    padded = np.append(names, np.uint8(UNKNOWN_NAME - 1))  # the last one is that of -1
    unknown = padded[-1:].repeat(len(names))
    stack = [names, *(padded[each] for each in around), unknown]
    for place in range(DEEPEST + 1):
        found = closed[of, place]
        wanted = np.where(is_empty, stack[place + 1], stack[place])
        regular &= (found == NO_NAME) | (found == wanted)
    why[~regular & (why == 0)] = Reason.ORDER


def _find_lists(
    nodes: Any, levels: Ints, parents: Ints, tree: Tree, why: Bytes
) -> tuple[Flags, Flags]:
    """Find the items of lists, and mark elements that repeat without being a list's next item."""
    continued = np.zeros(len(nodes), np.bool_)
    goes_on = np.zeros(len(nodes), np.bool_)
    for level in range(1, DEEPEST + 1):
        at = np.flatnonzero(levels == level)
        same = (nodes[at[1:]] == nodes[at[:-1]]) & (parents[at[1:]] == parents[at[:-1]])
        continued[at[1:]], goes_on[at[:-1]] = same, same
    why[continued & ~tree.is_list[nodes] & (why == 0)] = Reason.REPEATED
    begins = np.flatnonzero(~continued & (nodes > 0))
    keys = parents[begins] * len(tree.paths) + nodes[begins]
    order = np.argsort(keys, kind="stable")
    again = begins[order[1:][keys[order[1:]] == keys[order[:-1]]]]
    why[again[why[again] == 0]] = Reason.REPEATED
    return continued, goes_on
