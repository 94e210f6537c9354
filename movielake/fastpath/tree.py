"""The tree of a record's elements, derived from the schema, for tables with one row per record.

Each element that the schema names is a node: the record, a leaf with a text (``title``), a wrapper
around a list (``genres``), or an item with leaves of its own (``intl``). A node knows which
attributes it can have, and whether it can repeat. Movies and theaters differ only in this tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from movielake.schema.tables import Table

DEEPEST: Final = 2
"""Level of the deepest elements. The record has level 0."""

UNKNOWN_NAME: Final = 254
NO_NAME: Final = 255
_BLANK: Final = " \t\r\n"
_VALUE: Final = r"(?:\"[^\"<&\t\r\n]*\"|'[^'<&\t\r\n]*')"
_NAME: Final = r"[A-Za-z_][\w.-]*"
_IS: Final = r"[ \t\r\n]*=[ \t\r\n]*"
_ATTRIBUTE: Final = re.compile(rf"[ \t\r\n]+({_NAME}){_IS}({_VALUE})", re.A)
_TAG: Final = re.compile(rf"<({_NAME})((?:[ \t\r\n]+{_NAME}{_IS}{_VALUE})*)[ \t\r\n]*/?>", re.A)
_END: Final = re.compile(r"</([^<>]*)>[ \t\r\n]*")
_ENDS: Final = re.compile(rf"(?:{_END.pattern})*")


class OpenTag(NamedTuple):
    """A start tag.

    Parameters
    ----------
    name : int
        Position of the element's name in `Tree.names`; `UNKNOWN_NAME` if it is not recognised.
    is_empty : bool
        Whether the tag also closes its element: ``<rating/>``.
    attributes : tuple of (str, str)
        Names and values of its attributes, in order.
    """

    name: int
    is_empty: bool = False
    attributes: tuple[tuple[str, str], ...] = ()


class EndTags(NamedTuple):
    """A sequence of end tags.

    Parameters
    ----------
    names : tuple of int
        Positions of the names in `Tree.names`, in order, filled up with `NO_NAME`.
    number : int
        Number of end tags.
    ends_record : bool
        Whether the last one is that of a record, with only blanks behind it.
    regular : bool
        Whether there is nothing else, and as many end tags as there can be levels.
    """

    names: tuple[int, ...]
    number: int
    ends_record: bool
    regular: bool


@dataclass(frozen=True)
class Tree:
    """The elements of a table's regular records.

    Parameters
    ----------
    record : str
        Name of the record's element. It is node 0.
    paths : tuple of str
        Path of each node below the record; that of the record is empty.
    attributes : dict
        For each name of an element, the names of the attributes that it can have.
    repeatable : frozenset of str
        Names of the elements that are always a list in JSON.
    """

    record: str
    paths: tuple[str, ...]
    attributes: dict[str, frozenset[str]]
    repeatable: frozenset[str]

    @cached_property
    def node_names(self) -> tuple[str, ...]:
        """Name of each node's element."""
        return (self.record, *(path.rpartition("/")[2] for path in self.paths[1:]))

    @cached_property
    def names(self) -> dict[str, int]:
        """Number of each name."""
        return {name: n for n, name in enumerate(dict.fromkeys(self.node_names))}

    @cached_property
    def is_leaf(self) -> Any:
        """Whether each node is a leaf, which has a text instead of elements."""
        groups = {path.rpartition("/")[0] for path in self.paths[1:]}
        return np.array([path not in groups for path in self.paths])

    @cached_property
    def is_list(self) -> Any:
        """Whether each node can repeat."""
        return np.array([name in self.repeatable for name in self.node_names])

    @cached_property
    def children(self) -> Any:
        """The child of each node (row) with each name (column); -1 if it has none.

        The last row is that of -1, which is no node.
        """
        children = np.full((len(self.paths) + 1, NO_NAME + 1), -1, np.int8)
        for node, path in enumerate(self.paths[1:], 1):
            above, _, name = path.rpartition("/")
            children[self.paths.index(above), self.names[name]] = node
        return children

    def tag(self, text: str) -> OpenTag:
        """Recognise a start tag, from ``<`` to ``>``.

        Examples
        --------
        >>> from movielake.schema.tables import table
        >>> tree_of(table("theaters")).tag('<theater_chain id="7">').attributes
        (('id', '7'),)
        """
        match = _TAG.fullmatch(text)
        if match is None or match[1] not in self.names:
            return OpenTag(UNKNOWN_NAME)
        found = tuple((name, value[1:-1]) for name, value in _ATTRIBUTE.findall(match[2]))
        names = {name for name, _ in found}
        if len(names) < len(found) or not names <= self.attributes.get(match[1], frozenset()):
            return OpenTag(UNKNOWN_NAME)
        return OpenTag(self.names[match[1]], match[0].endswith("/>"), found)

    def ends(self, text: str) -> EndTags:
        r"""Recognise a sequence of end tags: all from the first ``</`` on, including blanks.

        Examples
        --------
        >>> from movielake.schema.tables import table
        >>> tree_of(table("theaters")).ends("</theater_lon>\n</theater>").number
        2
        """
        found = [name.rstrip(_BLANK) for name in _END.findall(text)]
        name, _, behind = text.rpartition("</")[2].partition(">")
        ends_record = name.rstrip(_BLANK) == self.record and not behind.strip(_BLANK)
        regular = _ENDS.fullmatch(text) is not None and len(found) <= DEEPEST + 1
        names = [self.names.get(name, UNKNOWN_NAME) for name in found[: DEEPEST + 1]]
        names += [NO_NAME] * (DEEPEST + 1 - len(names))
        return EndTags(tuple(names), len(found), ends_record, regular)


@lru_cache
def tree_of(table: Table) -> Tree:
    """Derive the tree of a table's records from its schema.

    Parameters
    ----------
    table : Table
        A table with one row per record.

    Returns
    -------
    Tree

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> tree = tree_of(table("theaters"))
    >>> [path for path, is_leaf in zip(tree.paths, tree.is_leaf) if not is_leaf]
    ['', 'theater_types']
    """
    written = [path for column in table.with_fields for path in column.paths]
    paths = [""]
    for path in written:
        parts = path.partition("/@")[0].split("/")
        paths += ["/".join(parts[: end + 1]) for end in range(len(parts))]
    nodes = tuple(dict.fromkeys(paths))
    owners: dict[str, list[frozenset[str]]] = {}
    for node in nodes[1:]:
        own = frozenset(p.removeprefix(f"{node}/@") for p in written if p.startswith(f"{node}/@"))
        owners.setdefault(node.rpartition("/")[2], []).append(own)
    # A name that is at several places can have an attribute only if it can have it at each.
    attributes = {name: frozenset.intersection(*own) for name, own in owners.items()}
    return Tree(table.record, nodes, attributes, table.repeatable)
