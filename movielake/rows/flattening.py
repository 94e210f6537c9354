"""Records to rows: the tables' columns out of nested records, a batch at a time.

Two shapes of table: movies and theaters are one row per record; showings are exploded, a record
to its show_dates and each of these to its times (see `movielake.rows.screenings`). Both take their
columns from the schema through the functions here. A *node* is a dict of a record's elements: the
record itself, or one item of a repeated element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from movielake.rows.extras import Node, collect_extras, map_array
from movielake.rows.problems import ProblemCounter
from movielake.rows.values import regroup, split_list, typed
from movielake.schema.tables import Column, Table


def flatten_records(records: Sequence[Node], table: Table, problems: ProblemCounter) -> pa.Table:
    """Flatten a batch of movies or theaters, one row per record.

    Parameters
    ----------
    records : sequence of dict
        As `movielake.feed.records` gives them.
    table : Table
        Their schema.
    problems : ProblemCounter
        Where problems are counted.

    Returns
    -------
    pa.Table
        With the schema ``table.arrow`` and as many rows as records.

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
    """Return what movielake itself wrote into each record under a key."""
    return pa.array([record.get(key) for record in records], pa.string())


def node_column(
    nodes: Sequence[Node], column: Column, problems: ProblemCounter, below: str = ""
) -> pa.Array:
    """Make one typed column out of nodes.

    Parameters
    ----------
    nodes : sequence of dict, length n
        Where the column's elements are looked up.
    column : Column
        Its paths and type.
    problems : ProblemCounter
        Where values that cannot be typed are counted.
    below : str, optional
        Use only the column's paths below this element, where the nodes are; all by default.

    Returns
    -------
    pa.Array, shape (n,)
        Of type ``column.arrow``.
    """
    paths = [p.removeprefix(below) for p in column.paths if p.startswith(below)]
    if column.type == "structs":
        return _structs(nodes, paths, column, problems)
    if column.type == "list" and not column.separator:
        return _united_lists(nodes, paths)
    texts = node_texts(nodes, paths, joiner_of(column))
    if column.type == "list":
        return split_list(texts, column.separator)
    return typed(texts, column, problems)


def joiner_of(column: Column) -> str | None:
    """Tell what joins the texts of a repeated element; None where only the first one counts."""
    if column.type == "markup":
        return "\n"
    return {"list": column.separator, "showtimes": ","}.get(column.type)


def node_texts(nodes: Sequence[Node], paths: Sequence[str], joiner: str | None) -> pa.Array:
    """Look up the text at the first of the paths that has one, for each node.

    Parameters
    ----------
    nodes : sequence of dict, length n
        Where to look.
    paths : sequence of str
        Element paths below the nodes.
    joiner : str or None
        See `joiner_of`.

    Returns
    -------
    pa.StringArray, shape (n,)
    """
    arrays = [_texts(_values_at(nodes, path), joiner) for path in paths]
    if not arrays:
        return pa.nulls(len(nodes), pa.string())
    return pc.coalesce(*arrays)


def _values_at(nodes: Sequence[Node], path: str) -> list[Any]:
    if "/" not in path:
        return [node.get(path) for node in nodes]
    found = [list(_find(node, path.split("/"))) for node in nodes]
    return [values[0] if len(values) == 1 else values or None for values in found]


def _find(value: Any, parts: Sequence[str]) -> Iterator[Any]:
    """Go down a path, through every item of a repeated element."""
    if isinstance(value, list):
        for item in value:
            yield from _find(item, parts)
    elif not parts:
        yield value
    elif isinstance(value, dict) and parts[0] in value:
        yield from _find(value[parts[0]], parts[1:])


def _texts(values: list[Any], joiner: str | None) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):  # some are nested or repeated
        return pa.array([text_of(value, joiner) for value in values], pa.string())


def text_of(value: Any, joiner: str | None = None) -> str | None:
    """Reduce a record's value to one text.

    Parameters
    ----------
    value : str, None, dict or list
        As in a record.
    joiner : str, optional
        Join the texts of repeated elements with it; without, the first text counts. With a line
        end, nested elements count as well.

    Returns
    -------
    str or None

    Examples
    --------
    >>> text_of({"@id": "1", "#text": "Cinestar"}), text_of(["a", "b"]), text_of(["a", "b"], ",")
    ('Cinestar', 'a', 'a,b')
    """
    if isinstance(value, dict):
        if joiner != "\n":
            return cast("str | None", value.get("#text"))
        value = [nested for key, nested in value.items() if not key.startswith("@")]
    if not isinstance(value, list):
        return cast("str | None", value)
    texts = [text for item in value if (text := text_of(item, joiner))]
    if not texts:
        return None
    return texts[0] if joiner is None else joiner.join(texts)


def _united_lists(nodes: Sequence[Node], paths: Sequence[str]) -> pa.Array:
    items, parents = _items(nodes, paths)
    return regroup(pa.array(map(text_of, items), pa.string()), parents, len(nodes))


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
    """List the items at all the paths, wrapped and direct united, and whose they are."""
    items: list[Any] = []
    parents: list[int] = []
    parts = [path.split("/") for path in paths]
    for position, node in enumerate(nodes):
        for first, *rest in parts:
            if first in node:  # most nodes have none of the element
                found = list(_find(node[first], rest))
                items += found
                parents += [position] * len(found)
    return items, pa.array(parents, pa.int64())
