"""The results of injected faults. Tests record them, and docs/trust.md shows them in a table.

After a test has injected a fault and checked the result, it calls

    from tests.faults import record

    record("Broken zips", "cut in the middle", saw=line, lost=0, partial=0, tried=1)

- `kind` groups rows, and `case` describes the fault. Both are constants that stand literally in a
  test module, for example as data of a parametrized test. Each pair of kind and case is one row.
  Calls with the same pair are added up: a test with 50 parameters makes one row of 50 inputs.
- `saw` is the line that the user saw, taken from the real output. It must not contain parts that
  differ between runs or machines, such as paths below tmp_path, times or process ids. All calls of
  a row give the same line.
- `lost` counts the readable records that are in neither the lake nor the quarantine. `partial`
  counts the visible files that are incomplete. The test must count both in the real result.

`pytest --write-docs tests/whole/test_hostile.py …` writes the rows of these modules into the table
and keeps the other rows. Run whole modules, because the inputs are counted. Without the option, a
run fails at its end if a recorded row differs from the table. If only some tests of a row ran
(because of -k, a failure or a skip), a smaller number of inputs is not a difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "trust.md"
BEGIN: Final = "<!-- faults: written by pytest --write-docs -->\n"
END: Final = "<!-- end of faults -->\n"
HEAD: Final = (
    "| kind | fault injected | inputs tried | records lost | partial files | what the user saw |\n"
    "| --- | --- | ---: | ---: | ---: | --- |\n"
)


@dataclass(frozen=True)
class Row:
    """A row of the table: a fault, the number of inputs tried and the result."""

    kind: str
    case: str
    tried: int
    lost: int
    partial: int
    saw: str

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.case

    def markdown(self) -> str:
        seen = f"`` {self.saw} ``" if self.saw else "no error message"
        cells = [self.kind, self.case, self.tried, self.lost, self.partial, seen]
        return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |\n"


RECORDED: dict[tuple[str, str], Row] = {}
"""The rows that the tests of this run have recorded."""


def record(kind: str, case: str, *, saw: str, lost: int, partial: int, tried: int = 1) -> None:
    """Record the result of a fault, as the module's docstring describes."""
    assert saw.isprintable(), f"expected one printable line, found {saw!r}"
    row = Row(kind, case, tried, lost, partial, saw)
    if before := RECORDED.get(row.key):
        assert saw == before.saw, f"{kind}, {case}: the same fault has two different messages"
        row = replace(
            row,
            tried=tried + before.tried,
            lost=lost + before.lost,
            partial=partial + before.partial,
        )
    RECORDED[row.key] = row


def shown() -> dict[tuple[str, str], Row]:
    """Read the table from the page."""
    table = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = {}
    for line in table.splitlines()[2:]:
        cells = [cell.replace(r"\|", "|") for cell in re.split(r" (?<!\\)\| ", line[2:-2])]
        kind, case, *counts, seen = cells
        saw = seen.removeprefix("`` ").removesuffix(" ``") if seen.startswith("``") else ""
        rows[kind, case] = Row(kind, case, *map(int, counts), saw)
    return rows


def differences(*, whole: bool) -> list[str]:
    """List the recorded rows that differ from the page."""
    there = shown()
    stale = []
    for key, row in sorted(RECORDED.items()):
        old = there.get(key)
        if old and not whole and row.tried < old.tried:
            row = replace(row, tried=old.tried)
        if row != old:
            stale.append(f"docs/trust.md is stale: {', '.join(key)}: run pytest --write-docs")
    return stale


def write() -> None:
    """Write the recorded rows into the page's table."""
    rows = shown() | RECORDED
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    table = HEAD + "".join(rows[key].markdown() for key in sorted(rows))
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], "utf-8")
