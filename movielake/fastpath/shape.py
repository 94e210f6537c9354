"""The shape of a regular record: its tags, derived from the schema.

A regular record is an element that contains leaves and repeated containers. All containers have
one name and contain leaves too. For showings::

    <showtime> (leaf | <show_date date="…"> leaf* </show_date> | <show_date>text</show_date>)*

Leaves are elements of text without attributes. The paths of the table's columns define the names
and levels of the leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from movielake.schema.tables import Table

RECORD: Final = 0
"""Level of the direct children of a record."""
CONTAINER: Final = 1
"""Level of the children of a container."""


class Kind(IntEnum):
    """The kind of element that a segment's start tag begins."""

    UNKNOWN = 0
    RECORD = 1
    CONTAINER = 2
    FLAT = 3
    """A container that has a text instead of leaves."""
    LEAF = 4
    EMPTY = 5
    """An empty leaf that its own tag closes, such as ``<show_with/>``."""


class Tag(NamedTuple):
    """A start tag that was recognised.

    Parameters
    ----------
    kind : Kind
        The kind of element that it begins.
    leaf : int
        Position of its name in `Shape.leaves`; `NO_LEAF` if it is not a leaf.
    attribute : str or None
        Value of a container's attribute.
    """

    kind: Kind
    leaf: int
    attribute: str | None = None


class Ends(NamedTuple):
    """The elements that a sequence of end tags closes.

    Parameters
    ----------
    leaf : int
        Position of a leaf's name in `Shape.leaves`; `NO_LEAF` if no leaf is closed.
    container, record : bool
        Whether a container is closed after it, and then a record.
    regular : bool
        Whether these are all the end tags. If False, only `record` is meaningful. It states
        whether the last end tag is that of a record.
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
        Names of three elements, and of the container's attribute.
    leaves : tuple of str
        Names of the leaves at either level.
    levels : tuple of frozenset of str
        Names of the leaves that are allowed directly in a record, and in a container.
    times : str
        Name of the leaf that contains the times.
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
            The tag from ``<`` to ``>``, in valid UTF-8.

        Returns
        -------
        Tag
            The tag, or `UNKNOWN_TAG` if a regular record does not have it.

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
        """Recognise a sequence of end tags.

        Parameters
        ----------
        text : str
            All from the first ``</`` on, including blanks; empty if a segment has no end tag.

        Returns
        -------
        Ends
            The elements that the tags close.

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
    """Derive the shape of a table's regular records from its schema.

    Parameters
    ----------
    table : Table
        A table with one repeatable column that has an attribute: showings.

    Returns
    -------
    Shape
        The names and levels of the table's elements.
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
