"""The verdict of a validation: its findings as text, as JSON, and as GitHub annotations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from movielake.cli.escaping import printable
from movielake.validation import is_lake
from movielake.validation.findings import ERROR, IGNORE, WARNING, Checked, Finding
from movielake.validation.places import NO_PLACES, has_geography
from movielake.validation.places import RULE as PLACES
from movielake.validation.weeks import CountryWeeks

SHOWN: Final = 20
"""Number of findings of one rule that are shown. The rest is only counted."""

FULL: Final = "every file read"
FAST: Final = "sizes and footers only"


@dataclass
class Verdict:
    """Result of a validation.

    Parameters
    ----------
    path : str
        Path or URL of the lake or feed.
    kind : str
        ``lake`` or ``feed``.
    depth : str
        Depth of the check, in a few words.
    notes : tuple of str
        Checks that were left out, one line each.
    most : int or None
        Number of findings of one rule that are kept. The rest is only counted. None keeps all.
    weeks : list of CountryWeeks
        The weeks of each country of a lake.

    Examples
    --------
    >>> from movielake.validation.findings import Finding
    >>> verdict = Verdict("lake", "lake")
    >>> verdict.add(Finding("missing-file", "error", "json/1.jsonl.zst", "not found"))
    >>> verdict.lines()
    ['lake: INVALID: 1 error, 0 warnings', 'missing-file: 1 error', '  json/1.jsonl.zst: not found']
    """

    path: str
    kind: str
    depth: str = FULL
    notes: tuple[str, ...] = ()
    most: int | None = SHOWN
    checked: Checked = field(default_factory=Checked)
    weeks: list[CountryWeeks] = field(default_factory=list)
    _kept: dict[tuple[str, str], list[Finding]] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Add a finding."""
        key = (finding.severity, finding.rule)
        self._counts[key] = self._counts.get(key, 0) + 1
        kept = self._kept.setdefault(key, [])
        if self.most is None or len(kept) < self.most:
            kept.append(finding)

    def count(self, checked: Checked) -> None:
        """Add to the amount of checked data."""
        self.checked += checked

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(n for (severity, _), n in self._counts.items() if severity == ERROR)

    @property
    def warnings(self) -> int:
        """Number of findings that are warnings."""
        return sum(n for (severity, _), n in self._counts.items() if severity == WARNING)

    @property
    def is_valid(self) -> bool:
        """Whether the validation found no errors."""
        return not self.errors

    def summary(self) -> str:
        """Return one line with the result and the amount of checked data."""
        word = "valid" if self.is_valid else "INVALID"
        found = f"{_plural(self.errors, 'error')}, {_plural(self.warnings, 'warning')}"
        looked = self.checked
        if not looked.partitions:
            return f"{self.path}: {word}: {found}"
        amounts = ", ".join(_plural(n, name.removesuffix("s")) for name, n in vars(looked).items())
        return f"{self.path}: {word}: {found}; checked {amounts} ({self.depth})"

    def lines(self, *, verbose: bool = False) -> list[str]:
        """Return text lines: the summary, the findings of each rule, and the notes.

        Parameters
        ----------
        verbose : bool, optional
            Show the first findings of each rule. Default: show only the first one.

        Returns
        -------
        list of str
        """
        lines = [self.summary()]
        most = SHOWN if verbose else 1
        hidden = False
        for (severity, rule), kept in self._sorted():
            number = self._counts[severity, rule]
            lines.append(f"{rule}: {_plural(number, severity)}")
            lines += [f"  {_place(f)}: {printable(f.message)}" for f in kept[:most]]
            if number > most:
                lines.append(f"  and {number - most:,} more")
                hidden = True
        lines += [f"note: {printable(note)}" for note in self.notes]
        if hidden and not verbose:
            lines.append("note: -v shows more findings of each rule")
        return lines

    def annotations(self) -> list[str]:
        """Return commands for a GitHub workflow. GitHub shows them as annotations of files."""
        lines = [printable(self.summary())]
        lines += [f"::notice::{_escaped(note)}" for note in self.notes]
        for (severity, rule), kept in self._sorted():
            lines += [_annotation(finding, self.path) for finding in kept]
            if (more := self._counts[severity, rule] - len(kept)) > 0:
                lines.append(f"::{severity} title={rule}::and {more:,} more of {rule}")
        return lines

    def as_json(self) -> str:
        """Return one JSON object for programs. docs/validation.md describes it."""
        return json.dumps(self.result(), ensure_ascii=False, indent=1)

    def as_page(self, earlier: Sequence[Mapping[str, Any]] = ()) -> str:
        """Return a page for a browser.

        Parameters
        ----------
        earlier : sequence of mapping, optional
            Results of earlier validations, whose numbers the page shows too.

        Returns
        -------
        str
            HTML.
        """
        from movielake.validation.page import render_result

        return render_result(self.result(), earlier)

    def result(self) -> dict[str, Any]:
        """Return all that the JSON has."""
        rules = {
            rule: {"severity": severity, "findings": number}
            for (severity, rule), number in sorted(self._counts.items(), key=lambda item: item[0])
        }
        return {
            "path": self.path,
            "kind": self.kind,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "valid": self.is_valid,
            "errors": self.errors,
            "warnings": self.warnings,
            "depth": self.depth,
            "checked": asdict(self.checked),
            "notes": list(self.notes),
            "weeks": [asdict(weeks) for weeks in self.weeks],
            "rules": rules,
            "findings": [asdict(finding) for _, kept in self._sorted() for finding in kept],
        }

    def _sorted(self) -> Iterable[tuple[tuple[str, str], list[Finding]]]:
        """Group the findings by rule, errors first."""
        return sorted(self._kept.items(), key=lambda item: (item[0][0] != ERROR, item[0]))


def open_verdict(
    path: str,
    *,
    everything: bool = False,
    fast: bool = False,
    sample: int | None = None,
    rules: Mapping[str, str] | None = None,
    **_: object,
) -> Verdict:
    """Make an empty verdict for a validation.

    Parameters
    ----------
    path : str
        Path or URL of a lake or feed.
    everything : bool, optional
        Keep every finding.
    fast, sample, rules
        As for `movielake.validate`.

    Returns
    -------
    Verdict
    """
    most = None if everything else SHOWN
    if not is_lake(path):
        return Verdict(path, "feed", most=most)
    depth = FAST if fast else FULL if sample is None else f"files of at most {sample:,} partitions"
    wants_places = not fast and (rules or {}).get(PLACES) != IGNORE
    notes = (NO_PLACES,) if wants_places and not has_geography() else ()
    return Verdict(path, "lake", depth, notes, most)


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _place(finding: Finding) -> str:
    line = f", line {finding.line}" if finding.line else ""
    column = f", column {finding.column}" if finding.column else ""
    return printable(finding.path) + line + column


def _annotation(finding: Finding, top: str) -> str:
    properties = dict(_properties(finding, top))
    text = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    return f"::{finding.severity} {text}::{_escaped(f'{finding.path}: {finding.message}')}"


def _properties(finding: Finding, top: str) -> Iterator[tuple[str, str]]:
    yield "file", f"{top.rstrip('/')}/{finding.path}"
    if finding.line:
        yield "line", str(finding.line)
    if finding.column:
        yield "col", str(finding.column)
    yield "title", finding.rule


def _escaped(text: str, more: str = "") -> str:
    """Escape characters that end a command or a property for GitHub's runner."""
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return printable(text)
