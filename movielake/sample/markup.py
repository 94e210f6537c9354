"""XML as text: escaping, leaves and lists, without building a tree."""

from __future__ import annotations

from collections.abc import Iterable


def escape(text: str) -> str:
    """Escape the characters that XML text must not hold.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str

    Examples
    --------
    >>> escape("Tom & Maria < 3")
    'Tom &amp; Maria &lt; 3'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def leaf(name: str, value: object) -> str:
    r"""Write an element with text, or an empty one, on a line.

    Parameters
    ----------
    name
        The element's name.
    value
        Its text; None writes an element closed at once.

    Returns
    -------
    str

    Examples
    --------
    >>> leaf("title", "Tom & Maria"), leaf("rating", None)
    ('<title>Tom &amp; Maria</title>\n', '<rating />\n')
    """
    return f"<{name} />\n" if value is None else f"<{name}>{escape(str(value))}</{name}>\n"


def leaves(name: str, values: Iterable[object]) -> str:
    r"""Write the same element once for each value.

    Parameters
    ----------
    name
        The element's name.
    values
        The texts.

    Returns
    -------
    str

    Examples
    --------
    >>> leaves("genre", ["Drama", "War"])
    '<genre>Drama</genre>\n<genre>War</genre>\n'
    """
    return "".join(leaf(name, value) for value in values)


def element(name: str, content: str) -> str:
    r"""Wrap markup in an element.

    Parameters
    ----------
    name
        The element's name.
    content
        Its markup, line by line.

    Returns
    -------
    str

    Examples
    --------
    >>> element("genres", leaf("genre", "War"))
    '<genres>\n<genre>War</genre>\n</genres>\n'
    """
    return f"<{name}>\n{content}</{name}>\n"
