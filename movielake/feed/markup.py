"""Markup: elements in which text and elements alternate, such as ``One <b>two</b> three``.

A record has the form of xmltodict, which puts all text of an element into one string. So it loses
the order of text and elements. The value of such an element is therefore a `Marked`: a dict as in
xmltodict that also has the element's markup and its text in document order. JSON Lines show only
the dict.

An element is marked if its record loses order:

- An element with text and elements.
- Below it, at any level, an element with text and elements.
- If the element fills a column: elements side by side that are not blocks, or whose names
  alternate. Only the document has their order, and the blanks between them.

An element that only groups others (``genres``, ``show_date``) counts alone. Elements inside it are
marked for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final

from lxml import etree

from movielake.schema.tables import Table

MARKUP: Final = "#markup"
"""Last part of the key in ``extra`` under which the rows keep the markup of an element."""

_INLINE: Final = re.compile(
    r"(?:.*:)?(?:a|abbr|acronym|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|img|ins|kbd|label|mark|"
    r"nobr|q|s|samp|small|span|strike|strong|sub|sup|time|tt|u|var|wbr)",
    re.IGNORECASE,
)
"""Elements of HTML that continue a line. All other elements begin and end lines of their own."""
_UNDECLARED: Final = re.compile(r"&(?!#|(?:amp|lt|gt|quot|apos);)")
_DIGIT_GAP: Final = "  "
"""Between digits on both sides of a tag: ``12<sup>50</sup>`` is neither 1250 nor 12 50."""


class Marked(dict[str, Any]):
    """An element's value as in xmltodict, with its markup.

    Parameters
    ----------
    value : dict
        The value.
    markup : str
        The element as XML.
    lines : list of str
        Its text in document order. Each block begins and ends a line. Lines without text are
        left out.

    Examples
    --------
    >>> from lxml import etree
    >>> element = etree.fromstring("<synopsis>One. <P>Two.</P> Three.</synopsis>")
    >>> Marked.of(element, {"P": "Two.", "#text": "One.  Three."}).lines
    ['One.', 'Two.', 'Three.']
    """

    def __init__(self, value: dict[str, Any], markup: str, lines: list[str]) -> None:
        super().__init__(value)
        self.markup = markup
        self.lines = lines

    @classmethod
    def of(cls, element: etree._Element, value: dict[str, Any]) -> Marked:
        """Add the markup of an element to its value."""
        written = etree.tostring(element, encoding="unicode", with_tail=False)
        # Entities that are not declared stay text, as in the value.
        return cls(value, _UNDECLARED.sub("&amp;", written), lines_of(element))


def without(node: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a copy of a node without one of its keys. A marked node stays marked."""
    rest = {name: value for name, value in node.items() if name != key}
    return Marked(rest, node.markup, node.lines) if isinstance(node, Marked) else rest


def mark(
    element: etree._Element, value: Any, table: Table, name_of: Callable[[etree._Element], str]
) -> Any:
    """Replace the values inside a record that lose the order of its element.

    Parameters
    ----------
    element : etree._Element
        A record.
    value : dict, str or None
        Its value as in xmltodict. Its nested values are replaced in place.
    table : Table
        Schema of the record.
    name_of : callable
        Function that returns the key of an element in its parent's value.

    Returns
    -------
    dict, str or None
        The value, or a `Marked` with the same items.
    """
    return _Marker(table, name_of).marked(element, value, "")


class _Marker:
    def __init__(self, table: Table, name_of: Callable[[etree._Element], str]) -> None:
        self._groups = group_paths(table)
        self._columns = _column_paths(table)
        self._name_of = name_of

    def marked(self, element: etree._Element, value: Any, path: str) -> Any:
        if not isinstance(value, dict) or not len(element):
            return value
        if path in self._groups:
            for child, name, place in self._children(element):
                below = f"{path}/{name}" if path else name
                if isinstance(value[name], list):
                    value[name][place] = self.marked(child, value[name][place], below)
                else:
                    value[name] = self.marked(child, value[name], below)
            lost = has_text_and_elements(element)
        else:
            lost = any(map(has_text_and_elements, element.iter(etree.Element)))
            lost = lost or (path in self._columns and self._loses_order(element))
        return Marked.of(element, value) if lost else value

    def _children(self, element: etree._Element) -> Iterator[tuple[etree._Element, str, int]]:
        seen: dict[str, int] = {}
        for child in element.iterchildren(etree.Element):
            name = self._name_of(child)
            seen[name] = seen.get(name, -1) + 1
            yield child, name, seen[name]

    def _loses_order(self, element: etree._Element) -> bool:
        for each in element.iter(etree.Element):
            names = [self._name_of(child) for child in each.iterchildren(etree.Element)]
            runs = sum(a != b for a, b in pairwise(names)) + 1
            if len(names) > 1 and (runs > len(set(names)) or any(map(_is_inline, names))):
                return True
        return False


@cache
def group_paths(table: Table) -> frozenset[str]:
    """List the paths of the elements that only group others. The record has the empty path."""
    paths = [path for column in table.with_fields for path in column.paths if "/@" not in path]
    return frozenset(
        {""} | {path[:end] for path in paths for end in range(len(path)) if path[end] == "/"}
    )


@cache
def group_names(table: Table) -> frozenset[str]:
    """List the names of the elements that only group others, with that of the record."""
    return frozenset({table.record} | {path.rpartition("/")[2] for path in group_paths(table)})


@cache
def _column_paths(table: Table) -> frozenset[str]:
    return frozenset(path for column in table.with_fields for path in column.paths)


def has_text_and_elements(element: etree._Element) -> bool:
    """Return whether an element has text beside elements. Blanks, comments and so on do not count.

    Parameters
    ----------
    element : etree._Element
        Any element.

    Returns
    -------
    bool
    """
    if next(element.iterchildren(etree.Element), None) is None:
        return False
    texts = [element.text, *(child.tail for child in element)]
    entities = element.iterchildren(etree.Entity)
    return any(text and text.strip() for text in texts) or next(entities, None) is not None


def lines_of(element: etree._Element) -> list[str]:
    """Return the text of an element in document order.

    Parameters
    ----------
    element : etree._Element
        Any element.

    Returns
    -------
    list of str
        Its lines, without blanks around them. A block begins and ends a line.
    """
    lines: list[list[str]] = [[]]
    _add(element, lines)
    stripped = ("".join(pieces).strip() for pieces in lines)
    return [line for line in stripped if line]


def _add(element: etree._Element, lines: list[list[str]]) -> None:
    _write(element.text, lines, at_tag=True)
    for child in element:
        is_element = isinstance(child.tag, str)
        if isinstance(child, etree._Entity):
            _write(child.text, lines)
        elif is_element:
            breaks = not _is_inline(child.tag.rpartition("}")[2])
            if breaks:
                lines.append([])
            _add(child, lines)
            if breaks:
                lines.append([])
        _write(child.tail, lines, at_tag=is_element)


def _write(text: str | None, lines: list[list[str]], at_tag: bool = False) -> None:
    if text:
        before = lines[-1][-1][-1] if lines[-1] else ""
        if at_tag and before.isdigit() and text[0].isdigit():
            lines[-1].append(_DIGIT_GAP)
        lines[-1].append(text)


def _is_inline(name: str) -> bool:
    return _INLINE.fullmatch(name) is not None
