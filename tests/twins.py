"""The twins in SQL of the analyses, as docs/analyses.md shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb

from tests.current import current_sql

PAGE = Path(__file__).parents[1] / "docs" / "analyses.md"
_BLOCK = re.compile(r"```sql\n-- (\w+)\n(.*?)```", re.S)

SHOWN = dict(_BLOCK.findall(PAGE.read_text("utf-8")))
"""Each SQL of the page, by the name in its first line."""


def connect_to(lake: Path, rule: str | None = "movie", where: str = "true") -> Any:
    """Open a connection with the tables of a lake of any layout, and its current showings."""
    connection = duckdb.connect()
    connection.sql("set enable_progress_bar = false")
    connection.sql("set threads = 1")  # keeps the order of rows, for last()
    compact = json.loads((lake / "lake.json").read_text("utf-8"))["layout"] == "compact"
    for table in ("movies", "theaters", "showings"):
        files = f"{lake}/parquet/{table}/{'*' if compact else '*/*'}/*.parquet"
        connection.sql(
            f"create view {table} as select * from read_parquet('{files}', "
            f"hive_partitioning = true, hive_types_autocast = false) where {where}"
        )
    current = current_sql(rule=rule) if rule else "from showings"
    connection.sql(f"create view current_showings as {current}")
    return connection


def twin_sql(name: str) -> str:
    """Return the whole query of a twin."""
    own = SHOWN[name].strip()
    if not re.search("screened|started|released", own):
        return own if own.startswith("select") else f"with {own}"
    return f"{SHOWN['screened'].strip()}{', ' if not own.startswith('select') else ' '}{own}"


def ask_twin(connection: Any, name: str) -> list[tuple[Any, ...]]:
    """Return the rows of a twin."""
    rows: list[tuple[Any, ...]] = connection.sql(twin_sql(name)).fetchall()
    return rows
