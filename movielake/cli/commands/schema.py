"""``movielake schema``: print the schemas of the tables, for people and for other tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from movielake.cli.options import examples

if TYPE_CHECKING:
    from movielake.schema.tables import Table

_ENGINES = ("duckdb", "polars", "arrow", "spark", "clickhouse")


@click.command("schema", short_help="Print every column of a table and its source in the feed.")
@click.argument("table", required=False, type=click.Choice(["movies", "theaters", "showings"]))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json-schema", "datapackage", "markdown", *_ENGINES]),
    default="text",
    show_default=True,
    help="Format of the output: text for people, JSON Schema of the JSON records, Frictionless "
    "data package of the lake, data dictionary in Markdown, or the column types for an engine "
    "that reads the Parquet or JSON Lines.",
)
@examples(
    "movielake schema showings",
    "movielake schema showings --format json-schema > showings.schema.json",
    "movielake schema --format datapackage",
    "movielake schema --format markdown",
    "movielake schema --format duckdb > lake.sql",
)
def schema_command(table: str | None, form: str) -> None:
    """Print the schema of TABLE, or of all tables: every column and its source in the feed."""
    from movielake.schema.tables import TABLES
    from movielake.schema.tables import table as read_table

    tables = [read_table(name) for name in ([table] if table else TABLES)]
    click.echo(_written(tables, form), nl=False)


def _written(tables: Sequence[Table], form: str) -> str:
    from movielake.lake import descriptors
    from movielake.schema import dictionary, engines, jsonschemas

    if form == "datapackage":
        return _as_json(descriptors.describe_package(tables))
    if form == "json-schema":
        only = len(tables) == 1
        make = jsonschemas.json_schema(tables[0]) if only else jsonschemas.json_schemas(tables)
        return _as_json(make)
    if form in _ENGINES:
        return engines.engine_types(tables, form)
    write = dictionary.text_dictionary if form == "text" else dictionary.markdown_dictionary
    return "\n".join(write(table) for table in tables)


def _as_json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
