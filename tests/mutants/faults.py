"""The faults in ``mutants.toml`` and the result of each fault in ``results.json``."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")

SURVIVED = ""
"""The value of ``by`` for a mutant that no test noticed."""


@dataclass(frozen=True)
class Result:
    """The result of a mutant: ``by`` names the test that noticed it first, or is `SURVIVED`."""

    file: str
    fault: str
    change: str
    by: str
    survives: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The key that identifies a mutant. It changes if the mutant changes."""
        return self.file, self.fault, self.change

    @property
    def is_well(self) -> bool:
        """Whether a test noticed the mutant, or a reason explains why no test can."""
        return bool(self.by) != bool(self.survives)


@dataclass(frozen=True)
class Mutant:
    """One fault: a text in a file, its replacement, and the tests that should notice it.

    If no test can notice the fault, ``survives`` gives the reason. Every run of the tests tries the
    faults that are ``quick``.
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
        """A short digest that identifies this change of the code."""
        return hashlib.sha256(f"{self.find}\0{self.replace}".encode()).hexdigest()[:8]

    def result(self, by: str) -> Result:
        """Return the result, given the test that noticed the mutant."""
        return Result(self.file, self.fault, self.change, by, self.survives)

    def apply(self, package: Path) -> None:
        path = package / self.file
        text = path.read_text("utf-8")
        if text.count(self.find) != 1:
            raise ValueError(
                f"{self.file}: expected the text to replace once, found it "
                f"{text.count(self.find)} times: {self.find}"
            )
        path.write_text(text.replace(self.find, self.replace), "utf-8")


def read_mutants() -> list[Mutant]:
    content = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text("utf-8"))
    return [Mutant(**m | {"tests": tuple(m["tests"].split())}) for m in content["mutant"]]


def read_results() -> list[Result]:
    """Read the stored results of the mutants."""
    return [Result(**result) for result in json.loads(RESULTS.read_text("utf-8"))]


def write_results(found: list[Result]) -> None:
    """Add results to the stored ones, in the order of the mutants; drop those without a mutant."""
    known = {result.key: result for result in [*read_results(), *found]}
    kept = [known[m.result("").key] for m in read_mutants() if m.result("").key in known]
    content = json.dumps([asdict(result) for result in kept], ensure_ascii=False, indent=1)
    RESULTS.write_text(content + "\n", "utf-8")
