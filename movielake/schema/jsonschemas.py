"""JSON Schema (2020-12) of the records in JSON Lines, made from the tables' schemas.

It states the form that `movielake.feed.records` guarantees for every record of any feed. A
repeatable element is always a list. Every other element is a text, null, or an object of attributes
and elements. It is a list only if the feed repeats it, although the schema does not list it as
repeatable. Numbers and booleans do not occur. Elements that are not in the schema follow the same
rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from movielake.schema.tables import FORMAT, Column, Table

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
"""The version of JSON Schema."""

_OWN: Final = {
    "country": "^[a-z]{3}$",
    "date_stamp": "^[0-9]{8}$",
    "source_xml": "^[0-9]{8}/[a-z]{3}/",
}

_Schema = dict[str, Any]


def json_schema(table: Table) -> _Schema:
    """Describe the records of a table.

    Parameters
    ----------
    table : Table
        The schema of the table.

    Returns
    -------
    dict
        A JSON Schema without references to other files.

    Examples
    --------
    >>> from movielake.schema.jsonschemas import json_schema
    >>> from movielake.schema.tables import table
    >>> json_schema(table("showings"))["properties"]["show_date"]["$ref"]
    '#/$defs/list'
    """
    own = {
        name: {"type": "string", "pattern": pattern, "description": table[name].description}
        for name, pattern in _OWN.items()
    }
    known = [column for column in table.with_fields if column.paths]
    definitions = _definitions(table)
    return {
        "$schema": DIALECT,
        "$id": f"urn:movielake:format:{FORMAT}:{table.name}",
        "title": f"A record of {table.name}",
        "description": f"One line of JSON Lines: one <{table.record}> of the feed.",
        "type": "object",
        "required": list(_OWN),
        "properties": definitions["once"]["properties"] | _properties(known, table, "") | own,
        "patternProperties": _ATTRIBUTE,
        "additionalProperties": {"$ref": "#/$defs/element"},
        "$defs": definitions,
    }


def json_schemas(tables: Iterable[Table]) -> _Schema:
    """Describe the records of several tables in one document.

    Parameters
    ----------
    tables : iterable of Table
        The schemas of the tables.

    Returns
    -------
    dict
        A JSON Schema that accepts a record of any of the tables. The schema of each table is under
        ``$defs``.
    """
    schemas = {table.name: json_schema(table) for table in tables}
    return {
        "$schema": DIALECT,
        "$id": f"urn:movielake:format:{FORMAT}",
        "title": f"A record of {', '.join(schemas)}",
        "anyOf": [{"$ref": schema["$id"]} for schema in schemas.values()],
        "$defs": schemas,
    }


_ATTRIBUTE: Final = {"^@": {"type": "string", "description": "An attribute of the element."}}
_TEXT: Final = {"type": "string", "minLength": 1}


def _definitions(table: Table) -> _Schema:
    """Define the forms of an element: once, as a list, or either. They apply at any depth."""
    once, often = {"$ref": "#/$defs/once"}, {"$ref": "#/$defs/list"}
    return {
        "once": {
            "description": "One element: null if it is empty, a text, or an object of its content.",
            "type": ["null", "string", "object"],
            "minLength": 1,
            "minProperties": 1,
            "properties": {"#text": _TEXT, **dict.fromkeys(sorted(table.repeatable), often)},
            "patternProperties": _ATTRIBUTE,
            "additionalProperties": {"$ref": "#/$defs/element"},
        },
        "list": {
            "description": "A repeatable element: always a list.",
            "type": "array",
            "minItems": 1,
            "items": once,
        },
        "element": {
            "description": "Any other element: a list only if the feed repeats it.",
            "if": {"type": "array"},
            "then": {"minItems": 2, "items": once},
            "else": once,
        },
    }


def _properties(known: Iterable[Column], table: Table, above: str) -> _Schema:
    """Describe the elements and attributes below a path that fill a column."""
    below: dict[str, list[Column]] = {}
    for column in known:
        for path in column.paths:
            if path.startswith(above):
                below.setdefault(path.removeprefix(above).split("/")[0], []).append(column)
    return {name: _property(name, columns, table, above) for name, columns in below.items()}


def _property(name: str, columns: list[Column], table: Table, above: str) -> _Schema:
    path = above + name
    own = next((column for column in columns if path in column.paths), None)
    about = _about(own, name in table.repeatable) if own else {}
    if name[0] == "@":
        return {"type": "string", **about}
    inner = _properties(columns, table, f"{path}/")
    if name in table.repeatable:
        items = {"items": {"properties": inner}} if inner else {}
        return {"$ref": "#/$defs/list", **about, **items}
    return {"$ref": "#/$defs/element", **about, **({"properties": inner} if inner else {})}


def _about(column: Column, repeatable: bool) -> _Schema:
    unit = f" Unit: {column.unit}." if column.unit else ""
    about: _Schema = {"description": column.description + unit}
    if column.type != "structs":  # the fields of a structs column have their own examples
        about["examples"] = [[column.example] if repeatable else column.example]
    return about
