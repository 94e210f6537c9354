"""Prefixes: the names of elements and attributes as written, with prefixes for namespaces."""

from __future__ import annotations

from typing import Final

from lxml import etree

from movielake.feed.limits import OverLimitError

MOST_NAMES: Final = 64
"""Most namespaces of an element, and most attributes of a tag that has one with a prefix."""

# Two prefixes can mean one namespace. Only libxml2 can return the prefix that was written.
_QUALIFIED_NAME: Final = etree.XPath("name(@*[local-name()=$local and namespace-uri()=$uri])")


def element_name(element: etree._Element) -> str:
    """Return the name of an element as written: with its prefix, without its namespace.

    Examples
    --------
    >>> element_name(etree.fromstring('<a:times xmlns:a="urn:1"/>'))
    'a:times'
    """
    tag = str(element.tag)
    if tag[0] != "{":
        return tag
    local = tag.rpartition("}")[2]
    return f"{element.prefix}:{local}" if element.prefix else local


def attribute_name(element: etree._Element, name: str) -> str:
    """Return the name of an attribute as written: with its prefix, without its namespace.

    Raises
    ------
    OverLimitError
        If the tag has too many attributes.

    Examples
    --------
    >>> times = etree.fromstring('<times xmlns:a="urn:1" a:id="7"/>')
    >>> attribute_name(times, "{urn:1}id")
    'a:id'
    """
    if name[0] != "{":
        return name
    if len(element.attrib) > MOST_NAMES:  # the time for each name grows with their number
        most = f"at most {MOST_NAMES} attributes"
        raise OverLimitError(f"expected {most} in a tag with a prefixed attribute, found more")
    uri, _, local = name[1:].rpartition("}")
    return str(_QUALIFIED_NAME(element, uri=uri, local=local))
