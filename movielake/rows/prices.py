r"""Prices: reads the text of a price from any country.

A text is a price if it has exactly one number and, before or after it, at most a currency that
`movielake.names.currencies` lists. All other texts, such as ranges, are not prices.

The difficulty is a point or comma with exactly three digits after it. It separates thousands in
``1.200`` and decimals in ``0.750``. These rules decide, in this order:

1. Groups of thousands never begin with 0, and at most three digits stand before the first one. So
   ``0.750``, ``.750`` and ``1200.500`` have decimals.
2. Two different separators show which is which, as in ``1.200,50``. So does a dash in place of
   cents: ``1.200,-``.
3. The currency beside the number decides. If there are several currencies of that sign (``$``,
   ``kr``), or the text has none, the currency of the feed zip's country decides. Currencies with
   three decimals (Kuwait, Bahrain, Oman, Jordan, Tunisia, Iraq, Libya) have decimals here:
   ``KD 3.500`` is 3.5. Currencies without decimals (Japan, Korea, Chile, Hungary and others) have
   thousands here: ``1,800円`` is 1800.
4. Any other text has two readings, so it is not a price.

``tests/rows/forms_values.py`` has a table of forms. The libraries price-parser and babel were tried
on it. price-parser finds a number in almost any text, also in a range, and takes three digits for
thousands. babel reads the form of one locale, but the feed does not state its locale.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Final

from movielake.names.currencies import currencies_of, currencies_written, is_abbreviation

_BLANK: Final = " \N{NO-BREAK SPACE}\N{FIGURE SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}"
_QUOTE: Final = "'\N{RIGHT SINGLE QUOTATION MARK}"
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u061c\u200b\u200e\u200f\u202a\u202b\u202c"))
"""Marks for the direction of Arabic and Hebrew text, and the blank without width."""

_PRICE: Final = re.compile(
    rf"([^0-9]*?)([.,]?[0-9](?:[0-9]|[.,{_BLANK}{_QUOTE}](?=[0-9]))*)"
    r"(?:([.,:])\s?(?:--?|[\u2013\u2014=])|(/)[-=])?([^0-9]*)"
)
_EURO_BETWEEN: Final = re.compile(r"([0-9]{1,4})\s?€\s?([0-9]{2})")
_WHOLE: Final = re.compile(
    rf"[0-9]{{1,9}}|[1-9][0-9]{{0,2}}(?:([.,])[0-9]{{3}}(?:\1[0-9]{{3}}){{1,3}}|"
    rf"([{_BLANK}{_QUOTE}])[0-9]{{3}}(?:\2[0-9]{{3}}){{0,3}})"
)
_DECIMAL: Final = re.compile(
    rf"([0-9]{{0,9}}|[1-9][0-9]{{0,2}}([.,{_BLANK}{_QUOTE}])[0-9]{{3}}(?:\2[0-9]{{3}}){{0,3}})"
    r"([.,])([0-9]{1,4})"
)


# A theater has ten prices, but the theaters of a country have few different ones.
@lru_cache(maxsize=1 << 14)
def parse_price(text: str, country: str = "") -> float | None:
    """Read a price.

    Parameters
    ----------
    text : str
        Text of the feed, without blanks around it: ``$13.00``, ``12,50 EUR``, ``kr. 95,-``.
    country : str, optional
        Code of the feed zip's country. It decides between readings of a text such as ``3.500``.

    Returns
    -------
    float or None
        The price. None if the text is not exactly one price, or has two readings.

    Examples
    --------
    >>> from movielake.rows.prices import parse_price
    >>> [parse_price(t) for t in ("$13.00", "12,50 EUR", "1,200", "KD 1.200", "8-10", "free")]
    [13.0, 12.5, None, 1.2, None, None]
    >>> parse_price("1.200", "kwt"), parse_price("1.200", "chl")
    (1.2, 1200.0)
    """
    if match := _EURO_BETWEEN.fullmatch(text):
        return float(f"{match[1]}.{match[2]}")
    match = _PRICE.fullmatch(_tidy(text))
    if not match:
        return None
    before, number, mark, slash, after = match.groups()
    if number[0] in ".," and is_abbreviation(before + number[0]):
        before, number = before + number[0], number[1:]
    decimals = _decimals([before, after], country)
    if decimals is None:
        return None
    if mark or slash:
        number += (mark if mark in (".", ",") else "." if "," in number else ",") + "00"
    return _amount(number, decimals)


def _tidy(text: str) -> str:
    """Remove invisible marks, a footnote's asterisk and brackets, and resolve references."""
    if "&" in text:
        text = html.unescape(text)
    text = text.translate(_INVISIBLE).rstrip("* ")
    return text[1:-1] if text[:1] == "(" and text[-1:] == ")" else text


def _decimals(words: list[str], country: str) -> int | None:
    """Return the decimals that prices of a currency have: 2 if they are uncertain.

    Return None if a word is not a currency, or two words are different currencies.
    """
    own = currencies_of(country)
    named = [word.strip(f".:{_BLANK}\t") for word in words]
    meant = [currencies_written(word) for word in named if word]
    found = frozenset.intersection(*meant) if meant else own
    if meant and not found:
        return None
    decimals = {currency.decimals for currency in (found & own or found)}
    return decimals.pop() if len(decimals) == 1 else 2


def _amount(number: str, decimals: int) -> float | None:
    """Read digits and separators; None if they are not a number or have two readings."""
    if _WHOLE.fullmatch(number):
        return float(re.sub(r"\D", "", number))
    match = _DECIMAL.fullmatch(number)
    if not match or match[2] == match[3]:
        return None
    whole, _, _, cents = match.groups()
    digits = re.sub(r"\D", "", whole)
    if len(cents) == 3 and decimals != 3 and digits not in ("", "0") and len(digits) < 4:
        return float(digits + cents) if decimals == 0 and digits[0] != "0" else None
    return float(f"{digits or 0}.{cents}")
