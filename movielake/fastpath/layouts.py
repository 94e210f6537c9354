"""The two layouts of a block: showings, of which each record becomes many rows, and one row each.

A layout reads a block into a `Structure`, which makes its lines and rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from movielake.fastpath.columns import ColumnMaker
from movielake.fastpath.dates import Dates
from movielake.fastpath.elements import read_elements
from movielake.fastpath.fragments import LineMaker
from movielake.fastpath.nesting import prove_nesting
from movielake.fastpath.order import OtherRows
from movielake.fastpath.rows import Found, RowMaker
from movielake.fastpath.segments import Bytes, Ints, split_block
from movielake.fastpath.shape import shape_of
from movielake.fastpath.tree import tree_of
from movielake.fastpath.unrecognised import Reason
from movielake.fastpath.writing import LinesOfElements
from movielake.feed.records import Record
from movielake.schema.tables import Table

_LONG: Final = 1 << 14
"""Most bytes of a regular showing: its rows never exceed `movielake.rows.screenings.HEAVIEST`."""

Labels = Mapping[str, str]
Made = tuple[pa.Table, dict[tuple[str, str], Found]]


class Structure(Protocol):
    """The structure of a block.

    Parameters
    ----------
    starts : np.ndarray of int64
        Position in the block where each segment begins.
    first, last : np.ndarray of int64, shape (records,)
        The first and the last segment of each record.
    reasons : np.ndarray of uint8, shape (records,)
        The `Reason` why a record is left to the reference; 0 for a regular record.
    """

    starts: Ints
    first: Ints
    last: Ints
    reasons: Bytes

    def lines(self, others: Sequence[Record]) -> pa.Buffer:
        """Make the JSON Lines of the block, with the irregular records."""

    def rows(self, number: int, others: OtherRows | None) -> Made:
        """Make the rows, and the problems found. ``number`` is that of the first record."""


class Layout(Protocol):
    """How to read the blocks of a member."""

    def read(self, block: memoryview) -> Structure:
        """Find the structure of a block."""


def layout_of(table: Table, labels: Labels) -> Layout:
    """Return the layout of a table's members.

    Parameters
    ----------
    table : Table
        The members' table.
    labels : mapping
        Keys and values that end each record's line.

    Returns
    -------
    Layout
    """
    return (
        _ShowingsLayout(table, labels) if table.name == "showings" else _TreeLayout(table, labels)
    )


class _ShowingsLayout:
    def __init__(self, table: Table, labels: Labels) -> None:
        self.table, self.labels, self.shape = table, labels, shape_of(table)
        self.maker = LineMaker(self.shape, labels)

    def read(self, block: memoryview) -> Structure:
        return _ShowingsBlock(self, block)


class _ShowingsBlock:
    def __init__(self, layout: _ShowingsLayout, block: memoryview) -> None:
        self._layout = layout
        self._segments = split_block(block, layout.shape)
        self._nesting = prove_nesting(self._segments, layout.shape)
        self.starts: Any = self._segments.starts
        self.first, self.last = self._nesting.first, self._nesting.last
        self.reasons = self._nesting.reasons
        sizes = np.diff(np.append(self.starts[self.first], len(block)))
        self.reasons[sizes > _LONG] = Reason.LENGTH

    def lines(self, others: Sequence[Record]) -> pa.Buffer:
        return self._layout.maker.lines(self._segments, self._nesting, others)

    def rows(self, number: int, others: OtherRows | None) -> Made:
        layout, dates = self._layout, Dates(self._segments, self._nesting)
        maker = RowMaker(layout.table, layout.shape, self._segments, dates)
        return maker.rows(number, layout.labels.get("source_xml", ""), others), maker.found


class _TreeLayout:
    def __init__(self, table: Table, labels: Labels) -> None:
        self.table, self.labels, self.tree = table, labels, tree_of(table)
        self.maker = LinesOfElements(self.tree, labels)

    def read(self, block: memoryview) -> Structure:
        return _TreeBlock(self, block)


class _TreeBlock:
    def __init__(self, layout: _TreeLayout, block: memoryview) -> None:
        self._layout = layout
        self._elements = read_elements(block, layout.tree)
        self.starts: Any = self._elements.starts
        self.first, self.last = self._elements.first, self._elements.last
        self.reasons = self._elements.reasons

    def lines(self, others: Sequence[Record]) -> pa.Buffer:
        return self._layout.maker.lines(self._elements, others)

    def rows(self, number: int, others: OtherRows | None) -> Made:
        layout, labels = self._layout, self._layout.labels
        maker = ColumnMaker(layout.table, layout.tree, self._elements, labels.get("country", ""))
        return maker.rows(labels.get("source_xml", ""), others), maker.found
