"""Fuzzing, as much of it as there is time for; ``python -m tests.fuzz`` is the long run."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.corpus import CORPORA
from tests.fuzz.targets import TARGETS, count_records

ROOT = Path(__file__).parents[2]
RUNS = {"member": 600, "zip": 1200, "tar": 500}


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus(target):
    corpus = list(CORPORA[target]())
    assert corpus == list(CORPORA[target]())
    for data in corpus:
        TARGETS[target](data)


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this platform"
)
@pytest.mark.parametrize("target", TARGETS)
def test_fuzzing(target, tmp_path):
    """Do a fixed number of runs, from a fixed seed; 20 s for one are a hang."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, f"-runs={RUNS[target]}", "-seed=1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    assert f"Done {RUNS[target]} runs" in result.stderr


@pytest.mark.parametrize(
    ("content", "counted"),
    [
        (b"<times><showtime/><showtime>x</showtime></times>", ("times", 2, False, "")),
        (b"<movies> <movie><movie/></movie>\n</movies>", ("movies", 1, False, "")),
        (b"<houses><theater/><movie/></houses>", ("houses", 1, True, "")),
        (b"<houses>x<theater/></houses>", ("houses", 1, True, "")),
        (b"<times><showtime/><showtime>", ("times", 1, False, "no element found")),
        (b"<html/>", ("html", 0, False, "")),
        (b"<!DOCTYPE times><times/>", None),
        (b"<a:times/>", None),
        (b"<?xml version='1.0' encoding='x'?><times/>", None),
    ],
)
def test_the_independent_count(content, counted):
    assert count_records(content) == counted
