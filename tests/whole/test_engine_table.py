"""Each engine that is installed opens the sample lake right, as docs/engine-table.md shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engines.asking import (
    LAYOUTS,
    ask,
    engines,
    installed,
    known,
    outcome,
    prepare,
    question,
    right,
)
from tests.engines.page import RESULTS

ENGINES = {engine["name"]: engine for engine in engines()}
ALWAYS = {"DuckDB", "Polars", "pandas", "pyarrow", "dask"}
"""Engines that the tests install. The extra `engines` has a few more."""


@pytest.fixture(scope="module")
def place(sample_lake, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("engines")
    prepare(folder, sample_lake)
    return folder


@pytest.fixture(scope="module")
def expected(sample_lake) -> dict[str, dict[str, Any]]:
    return right(sample_lake)


@pytest.fixture(scope="module")
def asked(sample_lake) -> dict[str, Any]:
    return question(sample_lake)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_answers_as_plain_python(name, place, asked, expected):
    engine = ENGINES[name]
    if not installed(engine):
        assert name not in ALWAYS
        pytest.skip(f"{name} is not installed; python -m tests.engines runs it")
    found = ask(engine, asked, place)
    for layout, counted in LAYOUTS.items():
        assert (layout in found) == (layout in engine), found
        if layout in engine:
            came = outcome(found[layout], expected[counted])
            assert came == known(engine, layout), (layout, found)
    if "leaves" in engine:
        assert found["leaves"]["row"] == found["compact"]["row"], "the layouts have the same values"


def test_the_answers_are_not_trivial(expected):
    assert expected["rows"]["one"] > 500
    assert expected["records"]["one"] > 10
    assert len(expected["rows"]["by"]) == len(expected["records"]["by"]) == 8


def test_the_last_run_of_each_engine_was_right(expected):
    """The sample lake is always the same, so the answers of an earlier run can be compared."""
    results = json.loads(RESULTS.read_text())
    assert results.keys() == ENGINES.keys()
    for name, found in results.items():
        for layout in ENGINES[name].keys() & LAYOUTS:
            came = outcome(found[layout], expected[LAYOUTS[layout]])
            assert came == known(ENGINES[name], layout), (name, layout)
