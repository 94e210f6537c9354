"""Findings: what validation has to say, each by a rule that has a severity."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import Final

ERROR: Final = "error"
"""The lake or feed cannot be trusted; the exit code is 1."""
WARNING: Final = "warning"
"""Worth knowing; the data are as the feed gave them."""
IGNORE: Final = "ignore"
"""Not even looked for."""

SEVERITIES: Final = (ERROR, WARNING, IGNORE)


@dataclass(frozen=True)
class Rule:
    """Something that is checked.

    Parameters
    ----------
    name : str
        Its name, e.g. ``missing-file``; stable, since options and reports use it.
    severity : str
        What it is unless an option says otherwise: one of `SEVERITIES`.
    meaning : str
        What is expected, in one line.
    """

    name: str
    severity: str
    meaning: str


@dataclass(frozen=True)
class Finding:
    """One thing that is not as a rule expects it.

    Parameters
    ----------
    rule : str
        Name of the rule.
    severity : str
        ``error`` or ``warning``.
    path : str
        Which file, relative to the lake or feed; a feed zip's member as ``ZIP: MEMBER``.
    message : str
        What was expected, what was found, and what to do next, in one line.
    line, column : int or None
        Where in the file, if known.
    count : int
        How many records, rows or values it is about.
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
    """How much was looked at; adds up.

    Parameters
    ----------
    partitions, files, bytes : int
        Partitions, their files that are there in the right size, and the bytes of these.
    rows, records : int
        In these files.
    """

    partitions: int = 0
    files: int = 0
    bytes: int = 0
    rows: int = 0
    records: int = 0

    def __add__(self, other: Checked) -> Checked:
        return Checked(*map(add, vars(self).values(), vars(other).values()))
