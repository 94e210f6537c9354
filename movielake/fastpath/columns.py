"""Rows made from elements, for tables with one row per record.

Each column is a list of elements by the column's paths: their texts are taken at once, and the
functions of `movielake.rows.values` convert them. The result equals that of
`movielake.rows.flattening` for the records.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.fastpath.elements import Elements
from movielake.fastpath.order import Order, OtherRows
from movielake.fastpath.rows import Found
from movielake.fastpath.segments import Ints
from movielake.fastpath.tree import Tree
from movielake.rows.problems import UNTYPED, ProblemCounter
from movielake.rows.values import regroup, split_list, typed
from movielake.schema.tables import Column, Table


class ColumnMaker:
    """Makes the rows of one block.

    Parameters
    ----------
    table : Table
        The table of the rows.
    tree : Tree
        The elements of its records.
    elements : Elements
        The block's elements.
    country : str
        Code of the feed zip's country, for prices.

    Attributes
    ----------
    found : dict
        For each column and kind of problem, the problem that was found while making rows.
    """

    def __init__(self, table: Table, tree: Tree, elements: Elements, country: str) -> None:
        self._table = table
        self._elements = elements
        self._country = country
        self._records = np.flatnonzero(elements.reasons == 0)
        order = np.argsort(elements.nodes, kind="stable")
        counts = np.bincount(elements.nodes + 1, minlength=len(tree.paths) + 1)
        self._of_path = dict(
            zip(tree.paths, np.split(order, np.cumsum(counts)[:-1])[1:], strict=True)
        )
        texts = np.bincount(elements.nodes[elements.says] + 1, minlength=len(counts))
        self._says = dict(zip(tree.paths, texts[1:].tolist(), strict=True))
        self.found: dict[tuple[str, str], Found] = {}

    def rows(self, source: str, others: OtherRows | None) -> pa.Table:
        """Make the rows.

        Parameters
        ----------
        source : str
            The ``source_xml`` of all rows.
        others : OtherRows or None
            Rows of irregular records, to insert at their positions.

        Returns
        -------
        pa.Table
            The rows, with the schema ``table.arrow``.
        """
        order = Order(self._records, others)
        arrow, count = self._table.arrow, len(self._records)
        columns = {"source_xml": pa.repeat(pa.scalar(source), len(order.records))}
        for name in arrow.names:
            if name not in columns:
                column = self._table[name]
                values = self._column(column) if self._occurs(column) else None
                values = pa.nulls(count, column.arrow) if values is None else values
                columns[name] = order.sort(name, values)
        return pa.table([columns[name] for name in arrow.names], schema=arrow)

    def _at(self, path: str) -> Ints:
        """Return the elements at a path, which can end in an attribute."""
        return self._of_path[path.partition("/@")[0]]

    def _occurs(self, column: Column) -> bool:
        """Return whether any value of a column occurs: most columns have none in a small member."""
        if column.type == "structs":
            return any(len(self._at(path)) for path in column.paths)
        return any(self._has(path) for path in column.paths)

    def _has(self, path: str) -> bool:
        return len(self._at(path)) > 0 if "/@" in path else self._says[path] > 0

    def _column(self, column: Column) -> pa.Array:
        if column.type == "structs":
            return self._structs(column)
        if column.type == "list" and not column.separator:
            at, records = self._items(column.paths)
            return regroup(self._elements.texts.take(pa.array(at)), records, len(self._records))
        owners = self._elements.first[self._records]
        texts = self._texts(column.paths, owners)
        if column.type == "list":
            return split_list(texts, column.separator)
        return self._typed(texts, column, column.name, self._records, self._country)

    def _items(self, paths: Sequence[str]) -> tuple[Ints, pa.Array]:
        """Return the items of a list, wrapped and direct, and the place of each one's record."""
        at = np.concatenate([self._at(path) for path in paths])
        records = np.searchsorted(self._elements.first[self._records], at, "right") - 1
        if len(paths) > 1:
            order = np.argsort(records, kind="stable")
            at, records = at[order], records[order]
        return at, pa.array(records)

    def _texts(self, paths: Sequence[str], owners: Ints) -> pa.Array:
        """Return for each owner the text at the first path that has one."""
        found = [self._texts_at(path, owners) for path in paths if self._has(path)]
        return pc.coalesce(*found) if found else pa.nulls(len(owners), pa.string())

    def _texts_at(self, path: str, owners: Ints) -> pa.Array:
        elements, at = self._elements, self._at(path)
        attribute = path.partition("/@")[2]
        where = np.full(len(owners), -1)
        if not attribute:
            at = at[elements.says[at]]
        where[np.searchsorted(owners, at, "right") - 1] = at
        if not attribute:
            return elements.texts.take(pa.array(where, mask=where < 0))
        values = [dict(tag.attributes).get(attribute) for tag in elements.tags]
        of = pa.array(elements.tag_of[where], mask=where < 0)
        return pa.array(values, pa.string()).take(of)

    def _structs(self, column: Column) -> pa.Array:
        elements = self._elements
        at, records = self._items(column.paths)
        arrays = []
        of_item = self._records[records.to_numpy()]
        for field in column.field:
            paths = [f"{path}/{below}" for path in column.paths for below in field.paths]
            texts = self._texts(paths, at)
            arrays.append(self._typed(texts, field, f"{column.name}.{field.name}", of_item))
        has_attributes = np.array([bool(tag.attributes) for tag in elements.tags])
        empty = (elements.closes[at] > 0) & ~has_attributes[elements.tag_of[at]]
        fields = list(column.arrow.value_type)
        structs = pa.StructArray.from_arrays(arrays, fields=fields, mask=pa.array(empty))
        return regroup(structs, records, len(self._records))

    def _typed(
        self, texts: pa.Array, column: Column, name: str, records: Ints, country: str = ""
    ) -> pa.Array:
        """Convert texts, and note the texts that cannot be typed, with their records."""
        if column.type in ("string", "markup") and not any("@" in path for path in column.paths):
            return texts  # stripped already
        counter = ProblemCounter()
        values = typed(texts, column, counter, name, country)
        if counter.knows(name, UNTYPED):
            trimmed = pc.utf8_trim_whitespace(texts)
            is_text = pc.not_equal(trimmed, "")
            at = np.flatnonzero(pc.fill_null(pc.and_(pc.is_null(values), is_text), False))
            self.found[name, UNTYPED] = Found(records[at], np.ones_like(at), at, trimmed)
        return values
