"""The trial of a mutant: tests run on a copy of the package that contains the fault."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.faults import ROOT, SURVIVED, Mutant

COPIED = ("movielake", "schemas", "jobs", "docs", "tests", "pyproject.toml", "README.md")
SECONDS = 900


class NotRunError(Exception):
    """Raised if the tests neither passed nor failed, for example if they could not start."""


def try_mutant(mutant: Mutant) -> str:
    """Return the name of the first test that notices a fault, or `SURVIVED`."""
    with tempfile.TemporaryDirectory() as folder:
        copy_to(Path(folder))
        mutant.apply(Path(folder, "movielake"))
        result = run_tests(folder, mutant.tests)
    if result.returncode == 0:
        return SURVIVED
    begins = ("FAILED tests/", "ERROR tests/")  # not a line of a log
    failed = [line for line in result.stdout.splitlines() if line.startswith(begins)]
    if result.returncode != 1 or not failed:
        raise NotRunError(f"{result.stdout}{result.stderr}"[-2000:])
    return failed[0].partition(" ")[2].split(" - ")[0].removeprefix("tests/")


def check_without_fault(noticed_by: Iterable[str]) -> None:
    """Check that the tests that noticed a fault pass without it. Otherwise they prove nothing."""
    # Parameters are removed, because pytest can print them differently than it accepts them.
    tests = sorted({by.partition("[")[0] for by in noticed_by if by != SURVIVED})
    if not tests:
        return
    with tempfile.TemporaryDirectory() as folder:
        copy_to(Path(folder))
        result = run_tests(folder, tests)
    if result.returncode:
        raise NotRunError(
            f"these tests also fail without a fault:\n{result.stdout}{result.stderr}"[-2000:]
        )


def copy_to(folder: Path) -> None:
    """Copy the package and the files that its tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            leave = shutil.ignore_patterns("_build", ".hypothesis")
            shutil.copytree(source, folder / name, ignore=leave)
        else:
            shutil.copy(source, folder / name)


def run_tests(folder: str, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    # Run from the copy's folder, so that Python finds the copy before any installed package.
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    # The copy's run must not measure coverage and must not inherit options of this run.
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COVERAGE_") and name != "PYTEST_ADDOPTS"
    }
    return subprocess.run(
        [*command, *(f"tests/{name}" for name in tests)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
