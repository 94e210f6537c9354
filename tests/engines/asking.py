"""The questions to each engine, their answers in plain Python, and the runs of the engines."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from movielake import compact
from movielake.schema.engines import ENGINES, engine_types
from movielake.schema.tables import TABLES, table
from tests.engines import javascript
from tests.feeds import all_records

HERE: Final = Path(__file__).parent
COLUMNS: Final = ("date_stamp", "country", "show_time", "starts_at", "show_attributes", "extra")
SHOWN: Final = {
    "keys": "date_stamp",
    "times": "show_time",
    "lists": "show_attributes",
    "maps": "extra",
}
"""What the table shows of the row, and its column."""
LAYOUTS: Final = {
    "leaves": "rows",
    "compact": "rows",
    "json": "records",
    "json_compact": "records",
}
"""What an engine opens, and what its answers count."""


def engines() -> list[dict[str, Any]]:
    return list(tomllib.loads((HERE / "engines.toml").read_text(encoding="utf-8"))["engine"])


def installation(engine: dict[str, Any]) -> Path:
    """Return the folder where `python -m tests.engines` installs an engine."""
    return HERE.parents[1] / "build" / "engines" / engine["name"].replace(" ", "-").lower()


def installed(engine: dict[str, Any]) -> bool:
    """Say whether an engine can run here without its installation by `python -m tests.engines`."""
    if engine.get("language") == "javascript":
        return javascript.installed(installation(engine) / "node_modules")
    return all(find_spec(module) is not None for module in engine["modules"])


def prepare(folder: Path, lake: Path) -> None:
    """Put the lake in both layouts and the texts of the schema command into a folder."""
    (folder / "lake").symlink_to(lake)
    compact(str(lake), str(folder / "compact"))
    for engine in ENGINES:
        ending = "sql" if engine in ("duckdb", "clickhouse") else "py"
        text = engine_types(map(table, TABLES), engine)
        (folder / f"types_{engine}.{ending}").write_text(text)


def rows(lake: Path) -> list[dict[str, Any]]:
    """Read the showings file by file, with the keys from the names of the folders."""
    found = []
    for file in sorted((lake / "parquet" / "showings").rglob("*.parquet")):
        keys = dict(part.split("=") for part in file.parts if "=" in part)
        found += [row | keys for row in pq.ParquetFile(file).read().to_pylist()]
    return found


def question(lake: Path) -> dict[str, Any]:
    """Choose the record whose first screening the engines show. It has a list and a map."""
    records = defaultdict(list)
    for row in rows(lake):
        if row["extra"] and row["show_attributes"] and row["starts_at"]:
            records[row["source_xml"], row["record"]].append(row["starts_at"])
    source, record = min(key for key, times in records.items() if times.count(min(times)) == 1)
    return {
        "SOURCE": source,
        "RECORD": record,
        "WHERE": f"source_xml = '{source}' AND record = {record}",
        "COLUMNS": list(COLUMNS),
    }


def right(lake: Path) -> dict[str, dict[str, Any]]:
    """Answer both questions in plain Python, for the rows and for the records."""
    answers = {}
    timed = [row for row in rows(lake) if row["show_time"] is not None]
    for kind, items in (("rows", timed), ("records", all_records(lake, "S"))):
        theaters: dict[str, set[Any]] = defaultdict(set)
        for item in items:
            theaters[item["country"]] |= {item.get("theater_id")} - {None}
        here = [(r["country"], r["date_stamp"]) == ("swe", "20191206") for r in items]
        by = {country: len(ids) for country, ids in theaters.items()}
        answers[kind] = {"one": sum(here), "by": by}
    return answers


def outcome(answer: dict[str, Any], expected: dict[str, Any]) -> str:
    """Say what became of a question: right, wrong or refused."""
    if "error" in answer:
        return "refused"
    return "right" if {key: answer[key] for key in expected} == expected else "wrong"


def known(engine: dict[str, Any], layout: str) -> str:
    """Say what becomes of a question in a layout, according to engines.toml."""
    return str(engine.get("outcomes", {}).get(layout, "right"))


def ask(
    engine: dict[str, Any], names: dict[str, Any], folder: Path, python: str = sys.executable
) -> dict[str, Any]:
    """Run an engine in a process of its own, in a folder made by `prepare`."""
    if engine.get("language") == "javascript":
        command = javascript.command(engine, names, folder, installation(engine) / "node_modules")
    else:
        command = [python, str(HERE / "probe.py")]
    result = subprocess.run(
        command,
        input=json.dumps({"engine": engine, "names": names}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        return {"error": result.stderr[-2000:]}
    return dict(json.loads(result.stdout.splitlines()[-1])) | {"log": result.stderr[-2000:]}
