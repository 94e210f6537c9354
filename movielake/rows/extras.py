"""Extras: keeps content of the feed that has no column, so that no data is lost.

These are unknown elements, repeats of single elements, and the markup of elements whose record
loses the order of text and elements (see `movielake.feed.markup`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from movielake.feed.markup import MARKUP, Marked
from movielake.feed.records import OWN_KEYS
from movielake.rows.problems import REPEATED, UNKNOWN, ProblemCounter
from movielake.schema.tables import Table

Node = dict[str, Any]
"""A record's elements by name: the record itself, or one item of a repeated element."""

_LIST_TYPES = ("list", "structs", "showtimes")


def collect_extras(
    nodes: Sequence[Node], table: Table, problems: ProblemCounter, below: str = ""
) -> list[Node | None]:
    """Collect content without a column: unknown elements, repeats of single elements, and markup.

    Parameters
    ----------
    nodes : sequence of dict, length n
        Records, or items of the element ``below``.
    table : Table
        Schema of the records.
    problems : ProblemCounter
        Counter for unknown and repeated elements, by their path.
    below : str, optional
        Path of the nodes with a final slash. Empty for records.

    Returns
    -------
    list of dict or None, length n
        For each node, path to text, with nested values as JSON. None if a node has no extras. The
        markup of an element is under its path and ``#markup``.
    """
    known = _known(table)
    # The common case must be fast: a known leaf with a text or None.
    plain = {path.removeprefix(below) for path in known.leaves if path.startswith(below)}
    result: list[Node | None] = []
    for node in nodes:
        extra: Node = {}
        _keep_markup(node, below.rstrip("/"), extra)
        for key, value in node.items():
            if (value is None or type(value) is str) and key in plain:
                continue
            _collect(value, below + key, known, extra, problems)
        result.append(_as_texts(extra) if extra else None)
    return result


class _Known:
    """Paths of a table: of the elements that fill columns, and of the wrappers around them."""

    def __init__(self, table: Table) -> None:
        self.columns = {path: c for c in table.columns for path in c.paths}
        for column in table.columns:
            for field in column.field:
                for path in column.paths:
                    self.columns |= {f"{path}/{leaf}": field for leaf in field.paths}
        self.leaves = frozenset(p for p, c in self.columns.items() if c.type != "structs")
        self.leaves |= {f"{path}/#text" for path in self.leaves} | set(OWN_KEYS)
        self.wrappers = frozenset(
            path[:end] for path in self.columns for end in range(len(path)) if path[end] == "/"
        )


_known = cache(_Known)


def _collect(value: Any, path: str, known: _Known, extra: Node, problems: ProblemCounter) -> None:
    leaf = path in known.leaves
    if value is None and (leaf or path in known.wrappers or path in known.columns):
        return
    if leaf and isinstance(value, str):
        return
    if not leaf and path not in known.wrappers and path not in known.columns:
        _keep(value, path, extra, problems, UNKNOWN)
    elif isinstance(value, list):
        _collect_repeated(value, path, known, extra, problems)
    elif isinstance(value, dict):
        _collect_nested(value, path, known, extra, problems)
    else:  # a text where only elements are expected
        _keep(value, path + "/#text", extra, problems, UNKNOWN)


def _collect_repeated(
    items: list[Any], path: str, known: _Known, extra: Node, problems: ProblemCounter
) -> None:
    column = known.columns.get(path)
    if column is None or not column.repeatable:
        single = column is not None and column.type not in _LIST_TYPES
        _keep(items, path, extra if single else {}, problems, REPEATED)
        if single:
            return  # extra contains all items now
    for item in items:
        _collect(item, path, known, extra, problems)


def _collect_nested(
    item: Node, path: str, known: _Known, extra: Node, problems: ProblemCounter
) -> None:
    column = known.columns.get(path)
    _keep_markup(item, path, extra)
    for key, value in item.items():
        if column is not None and column.type == "markup" and not key.startswith("@"):
            _collect_attributes(value, f"{path}/{key}", extra, problems)
        else:
            _collect(value, f"{path}/{key}", known, extra, problems)


def _collect_attributes(value: Any, path: str, extra: Node, problems: ProblemCounter) -> None:
    """Collect the attributes in markup. Its nested elements are part of the column's text."""
    for item in value if isinstance(value, list) else [value]:
        for key, nested in item.items() if isinstance(item, dict) else ():
            if key.startswith("@"):
                _keep(nested, f"{path}/{key}", extra, problems, UNKNOWN)
            else:
                _collect_attributes(nested, f"{path}/{key}", extra, problems)


def _keep(value: Any, path: str, extra: Node, problems: ProblemCounter, kind: str) -> None:
    text = value if isinstance(value, str) or value is None else _as_json(value)
    _add(text, path, extra)
    problems.add(path, kind, 1, text or "")
    for item in value if isinstance(value, list) else [value]:
        _keep_markup(item, path, extra)


def _keep_markup(value: Any, path: str, extra: Node) -> None:
    """Keep the markup of a marked element. Its content is no problem, so it is not counted."""
    if isinstance(value, Marked):
        _add(value.markup, f"{path}/{MARKUP}" if path else MARKUP, extra)


def _add(text: str | None, path: str, extra: Node) -> None:
    if path not in extra:
        extra[path] = text
    elif isinstance(extra[path], list):
        extra[path].append(text)
    else:  # a second value below a repeated parent: a map has each key only once
        extra[path] = [extra[path], text]


def _as_texts(extra: Node) -> Node:
    return {path: _as_json(v) if type(v) is list else v for path, v in extra.items()}


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def map_array(extra: Sequence[Node | None]) -> pa.Array:
    """Return the ``extra`` column, with null for nodes without extras."""
    return pa.array(
        [None if node is None else list(node.items()) for node in extra],
        pa.map_(pa.string(), pa.string()),
    )
