"""Escaping of the feed's texts for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Escape control characters, so that texts from an archive cannot control the terminal.

    Parameters
    ----------
    text : str
        Text that can contain names and values of the feed.

    Returns
    -------
    str
        The text without control characters.

    Examples
    --------
    >>> from movielake.cli.escaping import printable
    >>> print(printable("up\x1b[2J"))
    up\x1b[2J
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
