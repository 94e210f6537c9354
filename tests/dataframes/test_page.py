"""Each line of docs/pandas-habits.md: the lines that fail still fail, the others work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "pandas-habits.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)
FAILING = re.findall(r"^\| `([^`]+)` \| (.+?) \| `([^`]+)` \|$", TEXT, re.M)
WORKING = re.findall(r"^\| `([^`]+)` \| ([^|`]*)\|$", TEXT, re.M)


@pytest.fixture(scope="module")
def names(sample_lake: Path) -> Iterator[dict[str, Any]]:
    """Run the blocks of the page, in a folder in which the sample lake is named `lake`."""
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch, dask.config.set(scheduler="sync"):
        patch.chdir(sample_lake.parent)
        for block in BLOCKS:
            exec(compile(block, PAGE.name, "exec"), found)
        yield found


def run(line: str, names: dict[str, Any]) -> Any:
    found = eval(line, names)
    return found.compute() if hasattr(found, "compute") else found


def test_each_row_of_the_tables_is_tested() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    assert len(rows) == len(FAILING) + len(WORKING) > 40


@pytest.mark.parametrize("line", [line for line, _ in WORKING])
def test_a_line_that_works(names: dict[str, Any], line: str) -> None:
    found = run(line, names)
    assert not hasattr(found, "__len__") or len(found)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("line", "note", "instead"), FAILING)
def test_a_line_that_fails_and_the_line_to_write_instead(
    names: dict[str, Any], tmp_path: Path, monkeypatch: Any, line: str, note: str, instead: str
) -> None:
    monkeypatch.chdir(tmp_path)
    right = run(instead, names)
    if note.startswith("Silent: "):
        assert run(line, names) != right
    else:
        with pytest.raises(Exception):  # noqa: B017  (libraries raise many types)
            run(line, names)
