"""What happened when faults were injected: collected by the tests, shown in docs/trust.md.

A test that has injected a fault and looked at what came of it calls

    from faults import record

    record("Broken zips", "cut in the middle", saw=line, lost=0, partial=0, tried=1)

- `kind` groups rows, `case` says what was done to what; both are constants, written out in a test
  module, best as data of a parametrized test. Together they are the row: calls with the same two
  are added up, so a test with 50 parameters makes one row with 50 inputs tried.
- `saw` is the line that a user got to see, taken from what was really said, and without anything
  that differs from run to run or machine to machine (paths below tmp_path, times, process ids).
  It is the same in all calls of a row.
- `lost` counts records that could be had and are in neither the lake nor the quarantine, `partial`
  files that are visible and not whole: as counted by the test, not as hoped.

`pytest --write-docs tests/test_hostile_xml.py …` puts the rows of these modules into the table and
leaves the others as they are; run modules whole, as the inputs tried are counted. Without the
option a run fails at its end if a row that was recorded differs from the one in the table. Where
only some tests of a row ran (-k, a test failed or was skipped) fewer inputs than there are no
difference.
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
    """A row of the table: what was tried, how often, and what came of it."""

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
        seen = f"`` {self.saw} ``" if self.saw else "nothing: all is well"
        cells = [self.kind, self.case, self.tried, self.lost, self.partial, seen]
        return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |\n"


RECORDED: dict[tuple[str, str], Row] = {}
"""What the tests of this run have recorded."""


def record(kind: str, case: str, *, saw: str, lost: int, partial: int, tried: int = 1) -> None:
    """Record what came of a fault; see the module's text."""
    assert saw.isprintable(), f"not one line that a terminal can show: {saw!r}"
    row = Row(kind, case, tried, lost, partial, saw)
    if before := RECORDED.get(row.key):
        assert saw == before.saw, f"{kind}, {case}: the same fault is seen in two ways"
        row = replace(
            row,
            tried=tried + before.tried,
            lost=lost + before.lost,
            partial=partial + before.partial,
        )
    RECORDED[row.key] = row


def shown() -> dict[tuple[str, str], Row]:
    """Read the table as the page has it."""
    table = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = {}
    for line in table.splitlines()[2:]:
        cells = [cell.replace(r"\|", "|") for cell in re.split(r" (?<!\\)\| ", line[2:-2])]
        kind, case, *counts, seen = cells
        saw = seen.removeprefix("`` ").removesuffix(" ``") if seen.startswith("``") else ""
        rows[kind, case] = Row(kind, case, *map(int, counts), saw)
    return rows


def differences(*, whole: bool) -> list[str]:
    """Say which recorded rows the page does not have so."""
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
    """Put what was recorded into the page's table."""
    rows = shown() | RECORDED
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    table = HEAD + "".join(rows[key].markdown() for key in sorted(rows))
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], "utf-8")
