"""The Frictionless data package of a lake, ``datapackage.json``, made from the tables' schemas.

The resources are the files of metadata, which every lake has once. The tables are no resources: a
resource names its files one by one, and a lake has tens of thousands. Such a list would take some
megabytes, every conversion would have to write it again, and it would repeat the manifest, which
also has sizes and checksums. A pattern as the ``path`` of a resource makes Frictionless report a
missing file. So ``movielake_tables``, a property of our own, describes each table by a glob and a
Table Schema. A glob stays correct after each conversion, pack and stage, so the descriptor is the
same for every lake of a format. DuckDB, Polars and fsspec accept the glob unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from movielake.lake.opening import COMPACT, LEAVES
from movielake.lake.writers import write_atomically
from movielake.names.layout import (
    DESCRIPTOR_FILE,
    LAKE_FILE,
    MANIFEST_TABLE,
    Folder,
    json_folder,
    parquet_folder,
)
from movielake.schema.tables import FORMAT, TABLES, Column, Table
from movielake.schema.tables import table as read_table

PROFILE: Final = "https://datapackage.org/profiles/2.0/datapackage.json"
"""The profile of the Data Package standard, version 2.0."""

_TYPES: Final[Mapping[str, str]] = {
    "string": "string",
    "markup": "string",
    "int32": "integer",
    "int64": "integer",
    "float64": "number",
    "price": "number",
    "date": "date",
    "showtimes": "time",
    "timestamp": "datetime",
    "boolean": "boolean",
    "list": "array",
    "structs": "array",
    "map": "object",
}
_PATTERNS: Final = {"date_stamp": "[0-9]{8}", "country": "[a-z]{3}"}

_Descriptor = dict[str, Any]


def describe_package(tables: Iterable[Table], layout: str = LEAVES) -> _Descriptor:
    """Describe tables of a lake: the Parquet files and the JSON Lines of each.

    Parameters
    ----------
    tables : iterable of Table
        Schemas of the tables. Foreign keys to other tables are left out.
    layout : {"leaves", "compact"}, optional
        Layout of the lake, which decides the globs and the resources.

    Returns
    -------
    dict
        A data package descriptor, version 2, with paths relative to a lake.

    Examples
    --------
    >>> from movielake.lake.descriptors import describe_package
    >>> from movielake.schema.tables import table
    >>> package = describe_package([table("showings")])
    >>> [resource["path"] for resource in package["resources"]]
    ['lake.json']
    >>> (showings,) = package["movielake_tables"]
    >>> showings["files"], showings["records"]["files"]
    ('parquet/showings/date_stamp=*/country=*/*.parquet', 'json/*/*/*S.jsonl.zst')
    """
    named = {table.name: table for table in tables}
    return {
        "$schema": PROFILE,
        "name": "movielake",
        "title": "A lake of cinema showtimes",
        "description": (
            "Made by movielake from a licensed feed. Each conversion brings it up to date. "
            "movielake_tables describes the tables: files is a glob of many files, which no "
            "resource of the standard can name. So tools for data packages check the resources "
            f"only. movielake validate checks the tables. {MANIFEST_TABLE} lists every file with "
            "its size and checksum."
        ),
        "movielake_format": FORMAT,
        "resources": [_LAKE, _MANIFEST] if layout == COMPACT else [_LAKE],
        "movielake_tables": [_table(table, named, layout) for table in named.values()],
    }


_LAKE: Final[_Descriptor] = {
    "name": "lake",
    "title": "Format, layout and columns",
    "path": LAKE_FILE,
    "format": "json",
    "mediatype": "application/json",
    "encoding": "utf-8",
}
_MANIFEST: Final[_Descriptor] = {
    "name": "manifest",
    "type": "file",  # Frictionless reads a null of Parquet as NaN, and a list as a type error
    "title": "The files of the lake",
    "path": MANIFEST_TABLE,
    "format": "parquet",
    "mediatype": "application/vnd.apache.parquet",
}
"""In a lake as converted, the manifest can be missing for a while, so it is no resource there."""


def _table(table: Table, named: Mapping[str, Table], layout: str) -> _Descriptor:
    folder = parquet_folder(table.name, "*", "*")
    keys = "date_stamp and country"
    if layout == COMPACT:
        folder, keys = f"parquet/{table.name}/country=*", "country"
    return {
        "name": table.name,
        "title": f"Rows of {table.name}",
        "description": f"{table.description} A Hive dataset: the paths contain {keys}.",
        "files": f"{folder}/*.parquet",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "schema": _schema(table, named),
        "records": _records(table, layout),
    }


def _records(table: Table, layout: str) -> _Descriptor:
    files = f"{json_folder('*', '*')}/*{table.letter}.jsonl.zst"
    if layout == COMPACT:
        files = f"json/{table.name}/country=*/*.jsonl.zst"
    return {
        "title": f"Records of {table.name}",
        "description": (
            f"The feed's <{table.record}> elements, one per line and complete. "
            f"Its JSON Schema: movielake schema {table.name} --format json-schema"
        ),
        "files": files,
        "format": "jsonl",
        "mediatype": "application/jsonl",
        "encoding": "utf-8",
        "compression": "zst",
    }


def _schema(table: Table, named: Mapping[str, Table]) -> _Descriptor:
    partition = [column.name for column in table.columns if column.partition]
    schema: _Descriptor = {
        "fields": [_field(column) for column in table.columns],
        "missingValues": [],  # only null: an empty text of the feed is already null
    }
    if table.key:
        schema["primaryKey"] = [*partition, table.key]
    keys = [
        {
            "fields": [*partition, column.name],
            "reference": {
                "resource": column.references,
                "fields": [*partition, str(named[column.references].key)],
            },
        }
        for column in table.columns
        if column.references in named
    ]
    return schema | ({"foreignKeys": keys} if keys else {})


def _field(column: Column) -> _Descriptor:
    field: _Descriptor = {
        "name": column.name,
        "type": _TYPES[column.type],
        "description": column.description,
    }
    if column.unit:
        field["unit"] = column.unit
    if column.field:
        field["items"] = [_field(inner) for inner in column.field]
    if column.partition:
        field["constraints"] = {"required": True, "pattern": _PATTERNS[column.name]}
    return field


def descriptor_content(layout: str = LEAVES) -> bytes:
    """Return the content of ``datapackage.json``. It is the same for all lakes of a layout."""
    package = describe_package(map(read_table, TABLES), layout)
    return (json.dumps(package, ensure_ascii=False, indent=1) + "\n").encode()


def write_descriptor(lake: Folder) -> None:
    """Write ``datapackage.json`` unless it exists with the right content.

    Parameters
    ----------
    lake : Folder
        The lake.
    """
    content = descriptor_content()
    with suppress(FileNotFoundError):
        if lake.fs.cat_file(lake.join(DESCRIPTOR_FILE)) == content:
            return
    write_atomically(lake, DESCRIPTOR_FILE, content)
