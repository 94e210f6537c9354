"""Problems with values: counted per column, each with its first example."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

UNTYPED: Final = "untyped"
"""A value that is not of its column's type: null in Parquet, as it was in JSON."""

REPEATED: Final = "repeated"
"""An element that the schema does not list as repeatable, more than once in its parent."""

UNKNOWN: Final = "unknown"
"""An element or attribute that the schema does not know: kept in ``extra``."""

MEANING: Final = {
    UNTYPED: "values that could not be typed (null in Parquet, kept in JSON)",
    REPEATED: "elements repeated against the schema",
    UNKNOWN: "elements the schema does not know (kept in extra)",
}

EXAMPLE_LENGTH: Final = 200
"""Characters of an example that are kept."""

MOST_NAMES: Final = 1000
"""Unknown elements of one member that are told apart, the first by name."""

OTHERS: Final = "(others)"
"""What the rest of them is called."""


@dataclass(frozen=True)
class Problem:
    """One kind of problem in one column of one member.

    Parameters
    ----------
    column : str
        Column name; for elements the path below the record.
    kind : str
        ``untyped``, ``repeated`` or ``unknown``.
    count : int
        How many values it concerns.
    example : str
        The first of them, cut at 200 characters.
    """

    column: str
    kind: str
    count: int
    example: str


class ProblemCounter:
    """Collects problems while a member is flattened.

    Examples
    --------
    >>> counter = ProblemCounter()
    >>> counter.add("running_time", UNTYPED, 1, "two hours")
    >>> counter.add("running_time", UNTYPED, 2, "n/a")
    >>> counter.problems()
    (Problem(column='running_time', kind='untyped', count=3, example='two hours'),)
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, str]] = {}

    def add(self, column: str, kind: str, count: int, example: str) -> None:
        """Count problems; the first example of a column and kind stays."""
        before, first = self._found.get((column, kind), (0, example[:EXAMPLE_LENGTH]))
        self._found[column, kind] = (before + count, first)
        if len(self._found) > 4 * MOST_NAMES:
            self._unite_others()

    def _unite_others(self) -> None:
        """Count the last names together: those kept do not depend on the order of adding."""
        names = sorted(name for name, kind in self._found if kind == UNKNOWN and name != OTHERS)
        rest = [self._found.pop((name, UNKNOWN))[0] for name in names[MOST_NAMES:]]
        if rest:
            before, _ = self._found.get((OTHERS, UNKNOWN), (0, ""))
            self._found[OTHERS, UNKNOWN] = (before + sum(rest), "very many elements")

    def knows(self, column: str, kind: str) -> bool:
        """Tell whether there was one already, so that its example stays."""
        return (column, kind) in self._found

    def problems(self) -> tuple[Problem, ...]:
        """Return what was counted, in a fixed order."""
        self._unite_others()
        return tuple(Problem(*key, *self._found[key]) for key in sorted(self._found))


def total(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Add up problems of several members.

    Parameters
    ----------
    problems : iterable of Problem
        In the order in which a first example is wanted.

    Returns
    -------
    tuple of Problem
    """
    counter = ProblemCounter()
    for p in problems:
        counter.add(p.column, p.kind, p.count, p.example)
    return counter.problems()
