"""The shape of a regular record: which tags it is made of, as the schema tells it.

A regular record is a record element that holds leaves and repeats of one container, which holds
leaves too. For showings::

    <showtime> (leaf | <show_date date="…"> leaf* </show_date> | <show_date>text</show_date>)*

Leaves are elements of text without attributes. Which there are, and at which level, comes from
the paths of the table's columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from movielake.schema.tables import Table

RECORD: Final = 0
"""Level of what stands directly in a record."""
CONTAINER: Final = 1
"""Level of what stands in a container."""


class Kind(IntEnum):
    """What a segment's start tag begins."""

    UNKNOWN = 0
    RECORD = 1
    CONTAINER = 2
    FLAT = 3
    """A container with a text instead of leaves."""
    LEAF = 4
    EMPTY = 5
    """A leaf closed at once, by its own tag."""


class Tag(NamedTuple):
    """A start tag that was recognised.

    Parameters
    ----------
    kind : Kind
        What it begins.
    leaf : int
        Position of its name in `Shape.leaves`; `NO_LEAF` for what is no leaf.
    attribute : str or None
        Value of a container's attribute.
    """

    kind: Kind
    leaf: int
    attribute: str | None = None


class Ends(NamedTuple):
    """What a row of end tags closes, one after the other.

    Parameters
    ----------
    leaf : int
        Position of a leaf's name in `Shape.leaves`; `NO_LEAF` if none is closed.
    container, record : bool
        Whether a container and a record are closed after it.
    regular : bool
        Whether there is nothing else; if not, only `record` counts: whether a record's end tag
        is the last one.
    """

    leaf: int
    container: bool
    record: bool
    regular: bool


NO_LEAF: Final = 255
UNKNOWN_TAG: Final = Tag(Kind.UNKNOWN, NO_LEAF)

_TAG: Final = re.compile(
    rb"<([A-Za-z_][\w.-]*)"
    rb"(?:[ \t\r\n]+([A-Za-z_][\w.-]*)[ \t\r\n]*=[ \t\r\n]*(\"[^\"<&\t\r\n]*\"|'[^'<&\t\r\n]*'))?"
    rb"[ \t\r\n]*(/?)>"
)
_BLANK: Final = " \t\r\n"
_END: Final = re.compile(r"</([^<>]*)>[ \t\r\n]*")
_ENDS: Final = re.compile(rf"(?:{_END.pattern})*")


@dataclass(frozen=True)
class Shape:
    """Names of a regular record's elements.

    Parameters
    ----------
    root, record, container, attribute : str
        Names; the attribute is the container's.
    leaves : tuple of str
        Names of the leaves at either level.
    levels : tuple of frozenset of str
        Names of the leaves that belong into a record and into a container.
    times : str
        Name of the leaf that holds the times.
    """

    root: str
    record: str
    container: str
    attribute: str
    leaves: tuple[str, ...]
    levels: tuple[frozenset[str], frozenset[str]]
    times: str

    def tag(self, text: bytes) -> Tag:
        """Recognise a start tag.

        Parameters
        ----------
        text : bytes
            From ``<`` to ``>``, valid UTF-8.

        Returns
        -------
        Tag
            `UNKNOWN_TAG` for all that a regular record does not have.

        Examples
        --------
        >>> from movielake.schema.tables import table
        >>> shape_of(table("showings")).tag(b'<show_date date="20191206">')
        Tag(kind=<Kind.CONTAINER: 2>, leaf=255, attribute='20191206')
        """
        match = _TAG.fullmatch(text)
        if match is None:
            return UNKNOWN_TAG
        name, attribute, value, empty = match.groups()
        element = name.decode("ascii")
        if attribute is not None:
            expected = element == self.container and attribute.decode("ascii") == self.attribute
            if empty or not expected:
                return UNKNOWN_TAG
            return Tag(Kind.CONTAINER, NO_LEAF, value[1:-1].decode("utf-8"))
        if element in self.leaves:
            return Tag(Kind.EMPTY if empty else Kind.LEAF, self.leaves.index(element))
        if empty or element not in (self.record, self.container):
            return UNKNOWN_TAG
        return Tag(Kind.RECORD if element == self.record else Kind.FLAT, NO_LEAF)

    def ends(self, text: str) -> Ends:
        """Recognise a row of end tags.

        Parameters
        ----------
        text : str
            From the first ``</`` on, with the blanks behind it; empty for none.

        Returns
        -------
        Ends

        Examples
        --------
        >>> from movielake.schema.tables import table
        >>> shape_of(table("showings")).ends("</show_date></showtime>")
        Ends(leaf=255, container=True, record=True, regular=True)
        """
        names = [name.rstrip(_BLANK) for name in _END.findall(text)]
        whole = _ENDS.fullmatch(text) is not None
        name, _, behind = text.rpartition("</")[2].partition(">")
        record = name.rstrip(_BLANK) == self.record and not behind.strip(_BLANK)
        rest = names[:-1] if record else names
        container = bool(rest) and rest[-1] == self.container
        rest = rest[:-1] if container else rest
        leaf = self.leaves.index(rest[0]) if rest and rest[0] in self.leaves else NO_LEAF
        regular = whole and len(rest) == (leaf != NO_LEAF)
        return Ends(leaf, container, record, regular)


@lru_cache
def shape_of(table: Table) -> Shape:
    """Read the shape of a table's regular records off its schema.

    Parameters
    ----------
    table : Table
        With one repeatable column that has an attribute: showings.

    Returns
    -------
    Shape
    """
    paths = [path for column in table.columns for path in column.paths]
    container, _, attribute = next(path for path in paths if "/@" in path).partition("/@")
    within = [p.removeprefix(container + "/") for p in paths if p.startswith(container + "/")]
    levels = (
        frozenset(path for path in paths if "/" not in path) - {container},
        frozenset(path for path in within if "/" not in path and not path.startswith("@")),
    )
    leaves = tuple(sorted(levels[RECORD] | levels[CONTAINER]))
    times = next(c for c in table.columns if c.type == "showtimes").elements[0]
    return Shape(table.root, table.record, container, attribute, leaves, levels, times)
