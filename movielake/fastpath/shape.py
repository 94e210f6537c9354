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

from movielake.schema import Table

RECORD: Final = 0
"""Level of what stands directly in a record."""
CONTAINER: Final = 1
"""Level of what stands in a container."""


class Kind(IntEnum):
    """What a tag does; the two halves of an element are neighbours."""

    UNKNOWN = 0
    RECORD_START = 1
    RECORD_END = 2
    CONTAINER_START = 3
    CONTAINER_TEXT = 4
    """A container's start tag with the text behind it: the flat form of a date."""
    CONTAINER_END = 5
    LEAF_START = 6
    LEAF_END = 7
    LEAF_EMPTY = 8


class Tag(NamedTuple):
    """A tag that was recognised.

    Parameters
    ----------
    kind : Kind
        What it does.
    leaf : int
        Position of its name in `Shape.leaves`; 0 for what is no leaf.
    attribute : str or None
        Value of a container's attribute.
    """

    kind: Kind
    leaf: int = 0
    attribute: str | None = None


UNKNOWN_TAG: Final = Tag(Kind.UNKNOWN)

_TAG: Final = re.compile(
    rb"<(/?)([A-Za-z_][\w.-]*)"
    rb"(?:[ \t\r\n]+([A-Za-z_][\w.-]*)[ \t\r\n]*=[ \t\r\n]*(\"[^\"<&\t\r\n]*\"|'[^'<&\t\r\n]*'))?"
    rb"[ \t\r\n]*(/?)>"
)


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
        """Recognise a tag.

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
        >>> from movielake.schema import table
        >>> shape_of(table("showings")).tag(b'<show_date date="20191206">')
        Tag(kind=<Kind.CONTAINER_START: 3>, leaf=0, attribute='20191206')
        """
        match = _TAG.fullmatch(text)
        if match is None:
            return UNKNOWN_TAG
        end, name, attribute, value, empty = match.groups()
        element = name.decode("ascii")
        if attribute is not None:
            expected = element == self.container and attribute.decode("ascii") == self.attribute
            if end or empty or not expected:
                return UNKNOWN_TAG
            return Tag(Kind.CONTAINER_START, attribute=value[1:-1].decode("utf-8"))
        if end and empty:
            return UNKNOWN_TAG
        return self._plain_tag(element, bool(end), bool(empty))

    def _plain_tag(self, element: str, end: bool, empty: bool) -> Tag:
        if element in self.leaves:
            kind = Kind.LEAF_END if end else Kind.LEAF_EMPTY if empty else Kind.LEAF_START
            return Tag(kind, self.leaves.index(element))
        if empty:
            return UNKNOWN_TAG
        if element == self.record:
            return Tag(Kind.RECORD_END if end else Kind.RECORD_START)
        if element == self.container:
            return Tag(Kind.CONTAINER_END if end else Kind.CONTAINER_TEXT)
        return UNKNOWN_TAG


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
