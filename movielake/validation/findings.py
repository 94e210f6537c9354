"""Findings of a validation. Each belongs to a rule, and each rule has a severity."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import Final

ERROR: Final = "error"
"""The lake or feed cannot be trusted. The exit code is 1."""
WARNING: Final = "warning"
"""The feed is odd, but the data are the same as in the feed."""
IGNORE: Final = "ignore"
"""Findings of the rule are not reported."""

SEVERITIES: Final = (ERROR, WARNING, IGNORE)


@dataclass(frozen=True)
class Rule:
    """A rule of validation.

    Parameters
    ----------
    name : str
        Name, e.g. ``missing-file``. It never changes, because options and reports use it.
    severity : str
        Severity if no option sets another: one of `SEVERITIES`.
    meaning : str
        The expected state, in one line.
    """

    name: str
    severity: str
    meaning: str


@dataclass(frozen=True)
class Finding:
    """One violation of a rule.

    Parameters
    ----------
    rule : str
        Name of the rule.
    severity : str
        ``error`` or ``warning``.
    path : str
        Path of the file, relative to the lake or feed. A member of a feed zip is ``ZIP: MEMBER``.
    message : str
        The expected and the found state, and advice on what to do next, in one line.
    line, column : int or None
        Position in the file, if known.
    count : int
        Number of records, rows or values that the finding covers.
    """

    rule: str
    severity: str
    path: str
    message: str
    line: int | None = None
    column: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Checked:
    """Amount of checked data. Two amounts can be added.

    Parameters
    ----------
    partitions, files, bytes : int
        Number of partitions, of their files with the right size, and of the bytes in these files.
    rows, records : int
        Number of rows and records in these files.
    """

    partitions: int = 0
    files: int = 0
    bytes: int = 0
    rows: int = 0
    records: int = 0

    def __add__(self, other: Checked) -> Checked:
        return Checked(*map(add, vars(self).values(), vars(other).values()))
