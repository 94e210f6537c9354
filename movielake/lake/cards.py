"""Cards: how a lake, a reader or a join shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

_COUNTRIES: Final = 60
"""Codes that are listed before the rest is counted."""


def html_card(title: str, facts: Mapping[str, object], *tables: str) -> str:
    """Write a title and facts as HTML; every text in them is escaped.

    Parameters
    ----------
    title : str
        What it is.
    facts : mapping
        Name to value; whole numbers get commas.
    *tables : str
        HTML to stand below, such as `html_table` writes.

    Returns
    -------
    str

    Examples
    --------
    >>> from movielake.lake.cards import html_card
    >>> html_card("Lake", {"path": "a<b"})
    '<div class="tex2jax_ignore"><strong>Lake</strong><table><tr><th style="text-align:left">path\
</th><td style="text-align:left">a&lt;b</td></tr></table></div>'
    """
    left = ' style="text-align:left"'
    rows = "".join(
        f"<tr><th{left}>{escape(name)}</th><td{left}>{_cell(value)}</td></tr>"
        for name, value in facts.items()
    )
    # The class keeps a notebook from reading what is between two prices as mathematics.
    top = f'<div class="tex2jax_ignore"><strong>{escape(title)}</strong>'
    return f"{top}<table>{rows}</table>{''.join(tables)}</div>"


def html_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write rows as an HTML table; every text in it is escaped.

    Examples
    --------
    >>> from movielake.lake.cards import html_table
    >>> html_table(["column", "count"], [["<P>", 1234]])
    '<table><tr><th>column</th><th>count</th></tr><tr><td>&lt;P&gt;</td><td>1,234</td></tr></table>'
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in headings)
    body = ("".join(f"<td>{_cell(value)}</td>" for value in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{cells}</tr>' for cells in body)}</table>"


def show_stamps(stamps: Sequence[str]) -> str:
    """Write how many stamps there are, and from when to when."""
    return f"{len(stamps)} ({stamps[0]} to {stamps[-1]})" if stamps else "none"


def show_countries(countries: Sequence[str]) -> str:
    """List countries."""
    listed = ", ".join(countries[:_COUNTRIES])
    more = len(countries) - _COUNTRIES
    return f"{len(countries)} ({listed}{f' and {more} more' if more > 0 else ''})"


def _cell(value: object) -> str:
    return escape(f"{value:,}" if isinstance(value, int) else str(value))
