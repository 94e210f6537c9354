"""XML as text: escaping, leaves and lists. No tree is built."""

from __future__ import annotations

from collections.abc import Iterable


def escape(text: str) -> str:
    """Escape the characters that XML text must not contain.

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
    r"""Write an element with text, or an empty element, on one line.

    Parameters
    ----------
    name
        The element's name.
    value
        Its text. None writes a self-closing element.

    Returns
    -------
    str

    Examples
    --------
    >>> leaf("title", "Tom & Maria"), leaf("rating", None)
    ('<title>Tom &amp; Maria</title>\n', '<rating />\n')
    """
    return f"<{name} />\n" if value is None else f"<{name}>{escape(str(value))}</{name}>\n"


def optional_leaf(name: str, value: str, habit: int) -> str:
    r"""Write an element with text, or an empty element in the form that the country uses.

    Parameters
    ----------
    name
        The element's name.
    value
        Its text. If it is empty, the habit decides the form.
    habit
        The form of empty elements: 0 for no element, 1 for ``<a />``, 2 for ``<a></a>``.

    Returns
    -------
    str

    Examples
    --------
    >>> optional_leaf("rating", "PG-13", 0)
    '<rating>PG-13</rating>\n'
    >>> [optional_leaf("rating", "", habit) for habit in (0, 1, 2)]
    ['', '<rating />\n', '<rating></rating>\n']
    """
    if value or habit == 2:
        return leaf(name, value)
    return leaf(name, None) if habit == 1 else ""


def leaves(name: str, values: Iterable[object]) -> str:
    r"""Write one element per value, all with the same name.

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
        The markup inside the element. It ends with a line end.

    Returns
    -------
    str

    Examples
    --------
    >>> element("genres", leaf("genre", "War"))
    '<genres>\n<genre>War</genre>\n</genres>\n'
    """
    return f"<{name}>\n{content}</{name}>\n"
