"""Texts of a feed as a terminal may see them."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Escape control characters: nothing out of an archive goes raw to a terminal.

    Parameters
    ----------
    text : str
        May hold names and values of the feed.

    Returns
    -------
    str

    Examples
    --------
    >>> from movielake.cli.escaping import printable
    >>> print(printable("up\x1b[2J"))
    up\x1b[2J
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
