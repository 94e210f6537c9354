"""Records to rows: builds the tables' columns from nested records, one batch at a time.

Tables have two shapes. Movies and theaters have one row per record. Showings are exploded: a record
to its show_dates, and each show_date to its times (see `movielake.rows.screenings`). Both shapes
get their columns from the schema through the functions here. A *node* is a dict of a record's
elements: the record itself, or one item of a repeated element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from movielake.feed.markup import Marked
from movielake.rows.extras import Node, collect_extras, map_array
from movielake.rows.problems import ProblemCounter
from movielake.rows.values import regroup, split_list, typed
from movielake.schema.tables import Column, Table


def flatten_records(records: Sequence[Node], table: Table, problems: ProblemCounter) -> pa.Table:
    """Flatten a batch of movies or theaters, one row per record.

    Parameters
    ----------
    records : sequence of dict
        Records from `movielake.feed.records`.
    table : Table
        Schema of the records.
    problems : ProblemCounter
        Counter for problems.

    Returns
    -------
    pa.Table
        One row per record, with the schema ``table.arrow``.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> record = {"movie_id": "7", "title": "Up", "genres": {"genre": ["Drama", None]}}
    >>> rows = flatten_records([record], table("movies"), ProblemCounter())
    >>> rows.select(["movie_id", "title", "genre"]).to_pylist()
    [{'movie_id': 7, 'title': 'Up', 'genre': ['Drama']}]
    """
    columns = {c.name: node_column(records, c, problems) for c in table.columns if c.paths}
    columns["extra"] = map_array(collect_extras(records, table, problems))
    columns["source_xml"] = label(records, "source_xml")
    return pa.table([columns[name] for name in table.arrow.names], schema=table.arrow)


def label(records: Sequence[Node], key: str) -> pa.Array:
    """Return the values that movielake itself added to each record under a key."""
    return pa.array([record.get(key) for record in records], pa.string())


def node_column(
    nodes: Sequence[Node], column: Column, problems: ProblemCounter, below: str = ""
) -> pa.Array:
    """Build one typed column from nodes.

    Parameters
    ----------
    nodes : sequence of dict, length n
        Nodes that contain the column's elements.
    column : Column
        The column, with its paths and its type.
    problems : ProblemCounter
        Counter for values that cannot be typed.
    below : str, optional
        Path of the nodes. Only the column's paths below it are used; by default, all paths.

    Returns
    -------
    pa.Array, shape (n,)
        The column, of type ``column.arrow``.
    """
    paths = [p.removeprefix(below) for p in column.paths if p.startswith(below)]
    if not occurs(paths, nodes):  # most members lack most columns
        return pa.nulls(len(nodes), column.arrow)
    if column.type == "structs":
        return _structs(nodes, paths, column, problems)
    if column.type == "list" and not column.separator:
        return _united_lists(nodes, paths)
    texts = node_texts(nodes, paths, joiner_of(column))
    if column.type == "list":
        return split_list(texts, column.separator)
    country = nodes[0].get("country", "") if nodes else ""  # the label of the feed zip
    return typed(texts, column, problems, country=country)


def occurs(paths: Sequence[str], nodes: Sequence[Node]) -> bool:
    """Return whether any node has the first element of any of the paths."""
    firsts = {path.partition("/")[0] for path in paths}
    return not all(map(firsts.isdisjoint, nodes))


def joiner_of(column: Column) -> str | None:
    """Return the string between the texts of a repeated element; None if only the first counts."""
    if column.type == "markup":
        return "\n"
    return {"list": column.separator, "showtimes": ","}.get(column.type)


def node_texts(nodes: Sequence[Node], paths: Sequence[str], joiner: str | None) -> pa.Array:
    """Return for each node the text at the first path that has one.

    Parameters
    ----------
    nodes : sequence of dict, length n
        Nodes to search.
    paths : sequence of str
        Element paths below the nodes.
    joiner : str or None
        See `joiner_of`.

    Returns
    -------
    pa.StringArray, shape (n,)
        Null if a node has no text at any path.
    """
    arrays = [_texts(_values_at(nodes, path), joiner) for path in paths]
    if not arrays:
        return pa.nulls(len(nodes), pa.string())
    return pc.coalesce(*arrays)


def _values_at(nodes: Sequence[Node], path: str) -> list[Any]:
    if "/" not in path:
        return [node.get(path) for node in nodes]
    parts = path.split("/")
    found = [_find(node, parts) for node in nodes]
    return [values[0] if len(values) == 1 else values or None for values in found]


def _find(value: Any, parts: Sequence[str]) -> list[Any]:
    """Follow a path through every item of repeated elements."""
    values = _items_of(value)
    for part in parts:
        inner = [value[part] for value in values if isinstance(value, dict) and part in value]
        values = _items_of(inner)
    return values


def _items_of(value: Any) -> list[Any]:
    """Return the items of lists, also of lists in lists, or a list of one other value."""
    if not isinstance(value, list):
        return [value]
    if list not in map(type, value):
        return value
    return [inner for item in value for inner in _items_of(item)]


def _texts(values: list[Any], joiner: str | None) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):  # some values are nested or repeated
        return pa.array([text_of(value, joiner) for value in values], pa.string())


def text_of(value: Any, joiner: str | None = None) -> str | None:
    """Reduce a record's value to one text.

    The text of a marked element is in document order. Each block inside it, such as ``P`` or
    ``br``, ends a line.

    Parameters
    ----------
    value : str, None, dict or list
        A value from a record.
    joiner : str, optional
        String between the texts of repeated elements, and in place of line ends. Without it, only
        the first of repeated elements counts. If it is a line end, the texts of an element and of
        the elements in it count all.

    Returns
    -------
    str or None
        The text; None if the value has no text.

    Examples
    --------
    >>> text_of({"@id": "1", "#text": "Cinestar"}), text_of(["a", "b"]), text_of(["a", "b"], ",")
    ('Cinestar', 'a', 'a,b')
    """
    if isinstance(value, Marked):
        return ("\n" if joiner is None else joiner).join(value.lines) or None
    if isinstance(value, dict):
        if joiner != "\n" and "#text" in value:
            return cast("str | None", value["#text"])
        nested = [each for key, each in value.items() if not key.startswith("@")]
        return text_of(nested, joiner or "\n")
    if not isinstance(value, list):
        return cast("str | None", value)
    texts = [text for item in value if (text := text_of(item, joiner))]
    if not texts:
        return None
    return texts[0] if joiner is None else joiner.join(texts)


def _united_lists(nodes: Sequence[Node], paths: Sequence[str]) -> pa.Array:
    items, parents = _items(nodes, paths)
    return regroup(_texts(items, None), parents, len(nodes))


def _structs(
    nodes: Sequence[Node], paths: Sequence[str], column: Column, problems: ProblemCounter
) -> pa.Array:
    items, parents = _items(nodes, paths)
    inner = [item if isinstance(item, dict) else {} for item in items]
    arrays = []
    for field in column.field:
        texts = node_texts(inner, field.paths, None)
        arrays.append(typed(texts, field, problems, f"{column.name}.{field.name}"))
    filled = pa.array([not item for item in inner], pa.bool_())
    structs = pa.StructArray.from_arrays(arrays, fields=list(column.arrow.value_type), mask=filled)
    return regroup(structs, parents, len(nodes))


def _items(nodes: Sequence[Node], paths: Sequence[str]) -> tuple[list[Any], pa.Array]:
    """List the items at all paths, wrapped and direct, and the position of each item's node."""
    items: list[Any] = []
    parents: list[int] = []
    parts = [path.split("/") for path in paths]
    for position, node in enumerate(nodes):
        for first, *rest in parts:
            if first in node:  # most nodes do not have the element
                found = _find(node[first], rest)
                items += found
                parents += [position] * len(found)
    return items, pa.array(parents, pa.int64())
