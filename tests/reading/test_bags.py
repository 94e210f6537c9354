"""Bags in a plain script, whose code has no guard: the script runs once, and results are right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.feeds import all_records

SCRIPT = """
from dataclasses import dataclass
from movielake import MoviesReader

print("once")
films = MoviesReader("lake").bag
KEY = "title"

@dataclass
class Film:
    title: str

def title(record):
    return record[KEY]

{}
"""

TITLES = "sorted(Counter(r['title'] for r in records).items())"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("print(films.count().compute())", "len(records)"),
        ("print(sorted(films.map(title).frequencies().compute()))", TITLES),
        ("print(sorted(films.pluck(KEY).frequencies().topk(999, key=1).compute()))", TITLES),
        ("print(films.map(lambda r: len(r)).sum().compute())", "sum(map(len, records))"),
        ("print(len(films.groupby(title).compute()))", "len({r['title'] for r in records})"),
        ("print(len(films.distinct(key=title).compute()))", "len({r['title'] for r in records})"),
        ("print(films.map(title).take(1)[0])", "records[0]['title']"),
        ("print(films.map(title).map(Film).take(1)[0].title)", "records[0]['title']"),
        ("print(films.repartition(2).persist().count().compute())", "len(records)"),
        (
            "from movielake import ShowingsReader, join_records\n"
            "joined = join_records(ShowingsReader('lake', countries='nzl'))\n"
            "print(joined.filter(lambda r: r['movie'] is None).count().compute() >= 0)",
            "True",
        ),
        ("import dask; print(dask.compute(films.count(), films.count())[1])", "len(records)"),
    ],
)
def test_a_script_without_a_guard_computes_a_bag(
    line: str, expected: str, sample_lake: Path, tmp_path: Path
) -> None:
    (tmp_path / "lake").symlink_to(sample_lake)
    (tmp_path / "script.py").write_text(SCRIPT.format(line))
    result = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stderr == ""
    records = all_records(sample_lake, "I")
    wanted = eval(expected, {"records": records, "Counter": Counter})  # an expression of this file
    assert result.stdout.splitlines() == ["once", str(wanted)]
