"""The demo: it runs all steps, and the Python lines that it shows give the results it shows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from movielake import convert
from movielake.cli.walkthrough import run_demo
from movielake.sample import write_sample

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, in dask


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Return the output of a demo with a small sample."""
    everything: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        small = partial(write_sample, weeks=2, scale=0.02)
        patch.setattr("movielake.cli.walkthrough.write_sample", small)
        patch.setattr("movielake.cli.walkthrough.convert", partial(convert, workers=1))
        run_demo(str(tmp_path_factory.mktemp("demo")), everything.append)
    return everything


def starting(shown: list[Any], start: str) -> list[str]:
    return [line.strip() for line in shown if isinstance(line, str) and start in line[:5]]


def test_the_demo_runs_all_steps(shown: list[Any]) -> None:
    commands = [line.split()[2] for line in starting(shown, "$ ")]
    assert commands == ["sample", "convert", "validate", "info", "stage", "report"]
    lake = Path(starting(shown, "$ ")[-1].split()[3])
    (verdict,) = (line for line in shown if str(line).startswith(f"{lake}: valid"))
    assert ": 0 errors, " in verdict
    assert f"{lake.with_name('report.html')}: open it in a browser" in shown
    assert lake.with_name("report.html").read_bytes().startswith(b"<!doctype html>")


def test_the_shown_python_lines_give_the_shown_results(shown: list[Any]) -> None:
    tables = [entry for entry in shown[shown.index(_first(shown)) :] if isinstance(entry, Table)]
    names: dict[str, Any] = {}
    answers = []
    for line in (line.removeprefix(">>> ") for line in starting(shown, ">>> ")):
        if "import" in line or " = " in line:
            exec(line, names)
        else:
            answers.append(eval(line, names))
    counts, genres, titles = answers
    assert _pairs(tables[0]) == dict(zip(counts["country"], counts["count"], strict=True))
    assert _pairs(tables[1]) == genres.to_dict()
    assert _pairs(tables[2]) == dict(titles)
    assert all(_pairs(table) for table in tables)


def _first(shown: list[Any]) -> str:
    return next(line for line in shown if isinstance(line, str) and ">>> " in line)


def _pairs(table: Table) -> dict[str, int]:
    keys, counts = (map(str, column.cells) for column in table.columns)
    return {key: int(count.replace(",", "")) for key, count in zip(keys, counts, strict=True)}
