"""Put each fault into a copy of the package, alone, and run the tests that should notice.

``python -m tests.mutants [WORD]`` does all, or those with the word in their file or fault. The exit
code tells whether each was caught. Not part of the test run: it takes some minutes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.faults import ROOT, Mutant, read_mutants

COPIED = ("movielake", "schemas", "jobs", "docs", "tests", "pyproject.toml", "README.md")


def main(words: list[str]) -> int:
    chosen = [m for m in read_mutants() if all(w in f"{m.file} {m.fault}" for w in words)]
    tests = sorted({name for mutant in chosen for name in mutant.tests})
    with tempfile.TemporaryDirectory() as folder:
        copy_to(Path(folder))
        whole = run_tests(folder, tests)
    if whole.returncode:
        print(f"without any fault the tests fail already:\n{whole.stdout[-2000:]}")
        return 2
    survivors = [mutant for mutant in chosen if not caught(mutant)]
    print(f"{len(chosen)} mutants, {len(chosen) - len(survivors)} caught")
    return int(bool(survivors))


def caught(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        copy_to(Path(folder))
        mutant.apply(Path(folder, "movielake"))
        result = run_tests(folder, mutant.tests)
    verdict = {0: "SURVIVED", 1: "caught"}.get(result.returncode, "NOT RUN")
    failed = [line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    seen = failed[0].split(" - ")[0] if failed else result.stdout[-200:]
    print(f"{verdict:8} {mutant.file}: {mutant.fault} | {seen}", flush=True)
    return verdict == "caught"


def copy_to(folder: Path) -> None:
    """Copy the package and what its tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            leave = shutil.ignore_patterns("__pycache__", "_build", "benchmarks", ".hypothesis")
            shutil.copytree(source, folder / name, ignore=leave)
        else:
            shutil.copy(source, folder / name)


def run_tests(folder: str, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # From its folder, Python finds the copy first, whatever is installed.
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    paths = [f"tests/{name}" for name in tests if Path(folder, "tests", name).exists()]
    return subprocess.run(
        [*command, *paths], cwd=folder, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
