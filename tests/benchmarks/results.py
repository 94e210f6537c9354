"""Results of benchmarks, stored as JSON and shown as tables.

A `Section` is one table. Its cells are texts. Its figures are the numbers behind the cells.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
LIBRARIES = ("pyarrow", "dask", "lxml", "duckdb", "polars")


@dataclass(frozen=True)
class Section:
    """One table of results."""

    name: str
    title: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Mapping[str, Any]
    machine: str = field(default_factory=lambda: describe_machine())

    def markdown(self) -> str:
        """Write the table in Markdown, with numbers aligned to the right."""
        lines = [row(self.columns), row(["---"] + ["---:"] * (len(self.columns) - 1))]
        return "\n".join([*lines, *map(row, self.rows)]) + "\n"


def row(cells: Sequence[str]) -> str:
    """Write one line of a table."""
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


def describe_machine() -> str:
    """Describe the machine and the versions of the libraries."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{time.strftime('%Y-%m-%d')}, {len(os.sched_getaffinity(0))} cores of a shared machine "
        f"({platform.machine()}), Python {platform.python_version()}, {libraries}"
    )


def read_results() -> list[Section]:
    """Read the stored sections."""
    return [Section(**section) for section in json.loads(RESULTS.read_text("utf-8"))]


def keep(section: Section) -> None:
    """Store a section, and replace an earlier one with the same name."""
    sections = {known.name: known for known in read_results()} | {section.name: section}
    content = [asdict(known) for known in sections.values()]
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
