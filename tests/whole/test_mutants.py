"""The deliberate faults fit the code, and `python -m tests.mutants` has tried each of them.

The quick faults are tried here, which also tests the trial itself.
"""

from __future__ import annotations

import ast
import shutil
from collections import Counter

import pytest

from tests.mutants.faults import ROOT, SURVIVED, Mutant, read_mutants, read_results
from tests.mutants.trial import NotRunError, check_without_fault, try_mutant

MUTANTS = read_mutants()
RESULTS = read_results()
QUICK = [mutant for mutant in MUTANTS if mutant.quick]

SHOWTIMES = "rows/showtimes.py"
TESTED = "rows/test_showtimes.py"
HARMLESS = Mutant(SHOWTIMES, "none", "depth = 0\n", "depth = int()\n", (TESTED,))


IMPORTANT = [
    "cluster/slurm",
    "lake/locks",
    "lake/ledger",
    "staging/sources",
    "staging/packs",
    "staging/targets",
    "staging/copies",
    "joining/lookups",
    "joining/joins",
    "reading/current",
    "conversion/publishing",
    "conversion/runs",
    "conversion/zips",
    "fastpath/together",
]
"""Modules in which a fault would lose data or give a wrong answer."""


def named(mutant: Mutant) -> str:
    return f"{mutant.file}: {mutant.fault}"


def exists(test: str) -> bool:
    """Return whether a test module exists, and contains the test if one is named."""
    file, _, name = test.partition("::")
    text = (ROOT / "tests" / file).read_text("utf-8")
    return not name or f"def {name}(" in text


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_a_fault_fits_and_changes_the_code(mutant, tmp_path):
    (tmp_path / mutant.file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "movielake" / mutant.file, tmp_path / mutant.file)
    before = ast.dump(ast.parse((tmp_path / mutant.file).read_text("utf-8")))
    mutant.apply(tmp_path)
    assert ast.dump(ast.parse((tmp_path / mutant.file).read_text("utf-8"))) != before
    assert mutant.tests
    assert [test for test in mutant.tests if not exists(test)] == []


def test_each_important_module_has_enough_faults():
    wings = Counter(mutant.file.partition("/")[0] for mutant in MUTANTS)
    assert len(MUTANTS) >= 80
    assert all(wings[part] >= 5 for part in ("fastpath", "validation", "report"))
    files = Counter(mutant.file for mutant in MUTANTS)
    assert [part for part in IMPORTANT if files[f"{part}.py"] < 2] == []


# --- stored results


def test_each_fault_was_tried_in_its_current_form():
    stale = "run: python -m tests.mutants --new && python docs/pages.py"
    assert [result.key for result in RESULTS] == [m.result(SURVIVED).key for m in MUTANTS], stale
    assert [result.survives for result in RESULTS] == [m.survives for m in MUTANTS], stale


def test_each_fault_was_noticed_or_has_a_reason():
    assert [result for result in RESULTS if not result.is_well] == []


def test_the_tests_that_noticed_faults_exist():
    tests = {result.by.partition("[")[0] for result in RESULTS if result.by}
    assert [test for test in sorted(tests) if not exists(test)] == [], "try these mutants again"


# --- trials of quick faults


@pytest.mark.parametrize("mutant", QUICK, ids=named)
def test_a_quick_fault_is_noticed(mutant):
    file, _, test = try_mutant(mutant).partition("::")
    assert test
    assert [name for name in mutant.tests if name.startswith(file)]


def test_a_harmless_change_is_not_noticed():
    assert len(QUICK) >= 4
    assert try_mutant(HARMLESS) == SURVIVED
    check_without_fault([f"{TESTED}::test_times_are_read[12 AM]", SURVIVED])


def test_a_trial_with_missing_tests_raises_an_error():
    lost = Mutant(SHOWTIMES, "none", "depth = 0\n", "depth = int()\n", ("test_nothing.py",))
    with pytest.raises(NotRunError, match=r"test_nothing\.py"):
        try_mutant(lost)
    with pytest.raises(NotRunError, match=r"test_nothing\.py"):
        check_without_fault(["test_nothing.py::test_nothing"])
