"""The queries of docs/engines.md give the same answers in all engines."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pytest

from movielake import JoinedShowings, ShowingsReader

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
SECTIONS = {
    title: re.findall(r"```python\n(.*?)```", text, re.S)
    for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.S | re.M)
}

Answers = dict[str, dict[str, int]]


@pytest.fixture
def run(sample_lake, tmp_path, monkeypatch):
    """Run the code of a section in a folder in which the sample lake is named `lake`."""

    def run_section(title: str) -> dict[str, Any]:
        (code,) = SECTIONS[title]
        names: dict[str, Any] = {}
        exec(compile(code, f"{PAGE.name}: {title}", "exec"), names)
        return names

    (tmp_path / "lake").symlink_to(sample_lake)
    monkeypatch.chdir(tmp_path)
    with dask.config.set(scheduler="sync"):
        yield run_section


@pytest.fixture(scope="module")
def answers(sample_lake) -> Answers:
    """The answers of movielake, computed in another way than on the page."""
    counts = ShowingsReader(str(sample_lake)).count_by("country", of="show_time")
    sweden = ShowingsReader(str(sample_lake), countries="swe")
    rows = JoinedShowings(sweden, movie_columns=["genre"], theater_columns=[])
    found: Answers = {
        "screenings": dict(zip(counts["country"], counts["count"], strict=True)),
        "theaters": {},
        "documentaries": {},
    }
    for rows_of_stamp in rows.map_partitions(lambda rows: [rows.to_pylist()]):
        timed = [row for row in rows_of_stamp[0] if row["show_time"] is not None]
        stamp = timed[0]["date_stamp"]
        found["theaters"][stamp] = len({row["theater_id"] for row in timed} - {None})
        found["documentaries"][stamp] = sum("Documentary" in (row["genre"] or ()) for row in timed)
    return found


def test_the_answers_are_not_trivial(answers):
    assert len(answers["screenings"]) == 8
    assert len(answers["theaters"]) == len(answers["documentaries"]) == 3
    assert all(count > 0 for answer in answers.values() for count in answer.values())


def pairs(answer: Any) -> Iterator[tuple[Any, Any]]:
    """Yield an engine's answer as pairs of a text and a number."""
    if isinstance(answer, pd.Series):
        return zip(answer.index, answer, strict=True)
    if isinstance(answer, pd.DataFrame):
        return answer.itertuples(index=False, name=None)
    for rows in ("rows", "fetchall"):
        if hasattr(answer, rows):
            return (tuple(row) for row in getattr(answer, rows)())
    raise AssertionError(type(answer))


def same(names: dict[str, Any], answers: Answers) -> None:
    for question, expected in answers.items():
        found = {key: int(count) for key, count in pairs(names[question])}
        assert all(isinstance(key, str) for key in found)
        assert found == expected, question


@pytest.mark.parametrize("title", ["DuckDB", "Polars", "pandas", "movielake"])
def test_an_engine_gives_the_same_answers(title, run, answers):
    same(run(title), answers)


def test_spark_gives_the_same_answers(sample_lake, tmp_path, answers):
    """Run Spark in a separate process, so that its Java process ends with this test."""
    pytest.importorskip("pyspark", reason="pyspark is not installed; it is too large for each test")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    options = [
        *("--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"),
        *("--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.log.level=OFF"),
        *("--conf", "spark.sql.shuffle.partitions=1", "pyspark-shell"),
    ]
    (code,) = SECTIONS["Spark"]
    collect = f"import json; found = {{q: dict(eval(q).collect()) for q in {list(answers)}}}"
    (tmp_path / "lake").symlink_to(sample_lake)
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\n{collect}\nprint(json.dumps(found))"],
        cwd=tmp_path,
        env={**os.environ, "PYSPARK_SUBMIT_ARGS": " ".join(options)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout.splitlines()[-1]) == answers


def test_local_times_can_be_converted_to_utc(run):
    timed = run("Local times in UTC")["timed"].compute()
    assert timed["starts_at_utc"].notna().sum() > 10_000


def test_every_section_of_the_page_is_tested():
    assert set(SECTIONS) == {
        "DuckDB",
        "Polars",
        "pandas",
        "Spark",
        "movielake",
        "Local times in UTC",
        "Traps behind the engines",
    }
    without = {title for title, blocks in SECTIONS.items() if not blocks}
    assert without == {"Traps behind the engines"}
    assert all(len(blocks) <= 1 for blocks in SECTIONS.values())


def test_each_trap_has_a_script_that_runs_its_version():
    rows = re.findall(r"^\| (.*?) \|.*\| `([\w-]+)` \|$", PAGE.read_text(), re.M)
    assert len(rows) == 14
    for tool, script in rows:
        text = (PAGE.parents[1] / "findings" / f"{script}.sh").read_text()
        assert all(
            re.search(rf"[=@]{version}\b", text) for version in re.findall(r" ([\d.]+)", tool)
        )
