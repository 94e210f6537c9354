"""The deliberate faults fit the code. `python -m tests.mutants` tells whether tests see them."""

from __future__ import annotations

import ast
import shutil

import pytest

from tests.mutants.faults import ROOT, read_mutants

MUTANTS = read_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{m.file}: {m.fault}" for m in MUTANTS])
def test_a_fault_fits_and_is_one(mutant, tmp_path):
    (tmp_path / mutant.file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "movielake" / mutant.file, tmp_path / mutant.file)
    before = ast.dump(ast.parse((tmp_path / mutant.file).read_text("utf-8")))
    mutant.apply(tmp_path)
    assert ast.dump(ast.parse((tmp_path / mutant.file).read_text("utf-8"))) != before
    assert mutant.tests


def test_there_are_enough_in_each_part():
    files = {mutant.file.partition("/")[0].removesuffix(".py") for mutant in MUTANTS}
    assert len(MUTANTS) >= 30
    assert {"conversion", "joins", "staging"} <= files
