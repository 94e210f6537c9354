"""Cards: how a notebook displays a lake, a reader or a join."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

_COUNTRIES: Final = 60
"""At most this many codes are listed. The rest is only counted."""


def html_card(title: str, facts: Mapping[str, object], *tables: str) -> str:
    """Return a title and facts as HTML. Every text in them is escaped.

    Parameters
    ----------
    title : str
        The heading of the card.
    facts : mapping
        Names and values. Whole numbers are written with commas.
    *tables : str
        HTML to append below the facts, for example from `html_table`.

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
    # Without this class, a notebook renders the text between two dollar signs as mathematics.
    top = f'<div class="tex2jax_ignore"><strong>{escape(title)}</strong>'
    return f"{top}<table>{rows}</table>{''.join(tables)}</div>"


def html_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as an HTML table. Every text in it is escaped.

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
    """Return the number of stamps, and the first and the last stamp."""
    return f"{len(stamps)} ({stamps[0]} to {stamps[-1]})" if stamps else "none"


def show_countries(countries: Sequence[str]) -> str:
    """Return the number of countries and their codes."""
    listed = ", ".join(countries[:_COUNTRIES])
    more = len(countries) - _COUNTRIES
    return f"{len(countries)} ({listed}{f' and {more} more' if more > 0 else ''})"


def _cell(value: object) -> str:
    return escape(f"{value:,}" if isinstance(value, int) else str(value))
