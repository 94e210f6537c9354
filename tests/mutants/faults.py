"""The faults of ``mutants.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """One fault: what is replaced by what in a file, and the tests that should notice."""

    file: str
    fault: str
    find: str
    replace: str
    tests: tuple[str, ...]

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
