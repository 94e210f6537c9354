"""The faults of ``mutants.toml``, and what the tests made of each: ``results.json``."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")

SURVIVED = ""
"""Stands for the test that noticed a mutant where none did."""


@dataclass(frozen=True)
class Result:
    """What came of a mutant: ``by`` names the test that noticed it first, or is `SURVIVED`."""

    file: str
    fault: str
    change: str
    by: str
    survives: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells a mutant from all others, also from what it was before it was changed."""
        return self.file, self.fault, self.change

    @property
    def is_well(self) -> bool:
        """Whether a test noticed it, or it is said why none can."""
        return bool(self.by) != bool(self.survives)


@dataclass(frozen=True)
class Mutant:
    """One fault: what is replaced by what in a file, and the tests that should notice.

    Of one that no test can notice, ``survives`` tells why. Those that are ``quick`` are put to the
    proof in every run of the tests.
    """

    file: str
    fault: str
    find: str
    replace: str
    tests: tuple[str, ...]
    survives: str = ""
    quick: bool = False

    @property
    def change(self) -> str:
        """Tell this change of the code from any other, as a short digest."""
        return hashlib.sha256(f"{self.find}\0{self.replace}".encode()).hexdigest()[:8]

    def result(self, by: str) -> Result:
        """Say which test noticed it."""
        return Result(self.file, self.fault, self.change, by, self.survives)

    def apply(self, package: Path) -> None:
        path = package / self.file
        text = path.read_text("utf-8")
        if text.count(self.find) != 1:
            raise ValueError(
                f"{self.file}: expected once, found {text.count(self.find)} times: {self.find}"
            )
        path.write_text(text.replace(self.find, self.replace), "utf-8")


def read_mutants() -> list[Mutant]:
    content = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text("utf-8"))
    return [Mutant(**m | {"tests": tuple(m["tests"].split())}) for m in content["mutant"]]


def read_results() -> list[Result]:
    """Read what came of the mutants when they were tried."""
    return [Result(**result) for result in json.loads(RESULTS.read_text("utf-8"))]


def write_results(found: list[Result]) -> None:
    """Add results to those that are known, in the order of the mutants; forget what is gone."""
    known = {result.key: result for result in [*read_results(), *found]}
    kept = [known[m.result("").key] for m in read_mutants() if m.result("").key in known]
    content = json.dumps([asdict(result) for result in kept], ensure_ascii=False, indent=1)
    RESULTS.write_text(content + "\n", "utf-8")
