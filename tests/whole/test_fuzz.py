"""A short run of the fuzzers. ``python -m tests.fuzz`` runs them for longer."""

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
def test_the_corpus_is_reproducible_and_passes(target):
    corpus = list(CORPORA[target]())
    assert corpus == list(CORPORA[target]())
    for data in corpus:
        TARGETS[target](data)


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this platform"
)
@pytest.mark.parametrize("target", TARGETS)
def test_a_short_run_finds_no_fault(target, tmp_path):
    """The number of runs and the seed are fixed. A run of more than 20 s counts as a hang."""
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
        (b"<?xml version='1.0x'?><times/>", None),
        (b"<?xml version='1.0'?><times/>", ("times", 0, False, "")),
    ],
)
def test_records_are_counted_independently(content, counted):
    assert count_records(content) == counted
