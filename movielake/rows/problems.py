"""Problems with values: counts per column and kind, each with its first example."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

UNTYPED: Final = "untyped"
"""A value that does not have its column's type: null in Parquet, unchanged in JSON."""

REPEATED: Final = "repeated"
"""An element that repeats in its parent but that the schema does not list as repeatable."""

UNKNOWN: Final = "unknown"
"""An element or attribute that is not in the schema: kept in ``extra``."""

ENCODING: Final = "encoding"
"""A member that declares another encoding than its bytes show. It is read as the bytes show."""

BESIDE: Final = "beside"
"""Text beside a time: the time is kept, and the text is only in JSON."""

UNORDERED: Final = "unordered"
"""A list of times that does not rise, so that the half or the day of its times is uncertain."""

OVERNIGHT: Final = "overnight"
"""A time that is after midnight only by its place in the list: it starts on the next day."""
ENTITY: Final = "entity"
"""A reference to an entity that the member does not declare, such as ``&nbsp;``: kept as text."""

OF_XML: Final = frozenset({ENCODING, ENTITY})
"""Kinds of problems of the XML. The records do not show them."""

OF_NAMES: Final = frozenset({REPEATED, UNKNOWN})
"""Kinds of problems with the names of elements. Their values do not matter."""

MEANING: Final = {
    UNTYPED: "values that could not be typed (null in Parquet, kept in JSON)",
    REPEATED: "repeated elements that the schema does not list as repeatable",
    UNKNOWN: "elements that are not in the schema (kept in extra)",
    ENCODING: "members in another encoding than declared (read as their bytes show)",
    BESIDE: "texts beside times (the times are kept, the texts are only in JSON)",
    UNORDERED: "lists of times that do not rise (the half or the day of their times is uncertain)",
    OVERNIGHT: "times after midnight by their place in the list (starts_at is on the next day)",
    ENTITY: "references to entities that are not declared (kept as text)",
}

EXAMPLE_LENGTH: Final = 200
"""Most characters of an example that are kept."""

MOST_NAMES: Final = 1000
"""Most unknown elements of one member that are counted separately: the first by name."""

OTHERS: Final = "(others)"
"""Name under which the other unknown elements are counted together."""


@dataclass(frozen=True)
class Problem:
    """One kind of problem in one column of one member.

    Parameters
    ----------
    column : str
        Column name, or for elements the path below the record. Empty for the whole member.
    kind : str
        A key of `MEANING`.
    count : int
        Number of values with the problem.
    example : str
        The first of the values, cut at 200 characters.
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
        """Add to the count of a column and kind. The first example is kept."""
        before, first = self._found.get((column, kind), (0, example[:EXAMPLE_LENGTH]))
        self._found[column, kind] = (before + count, first)
        if len(self._found) > 4 * MOST_NAMES:
            self._unite_others()

    def _unite_others(self) -> None:
        """Count the last names together, so that the kept names do not depend on the order."""
        names = sorted(name for name, kind in self._found if kind == UNKNOWN and name != OTHERS)
        rest = [self._found.pop((name, UNKNOWN))[0] for name in names[MOST_NAMES:]]
        if rest:
            before, _ = self._found.get((OTHERS, UNKNOWN), (0, ""))
            self._found[OTHERS, UNKNOWN] = (before + sum(rest), "very many elements")

    def knows(self, column: str, kind: str) -> bool:
        """Return whether this problem was already counted, so that it has an example."""
        return (column, kind) in self._found

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems in a fixed order."""
        self._unite_others()
        return tuple(Problem(*key, *self._found[key]) for key in sorted(self._found))


def total(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Add up problems of several members.

    Parameters
    ----------
    problems : iterable of Problem
        Problems of all members. The first one of a column and kind provides the example.

    Returns
    -------
    tuple of Problem
        One for each column and kind, in a fixed order.
    """
    counter = ProblemCounter()
    for p in problems:
        counter.add(p.column, p.kind, p.count, p.example)
    return counter.problems()
