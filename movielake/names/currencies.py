"""Currencies: their ISO codes, how prices write them, and how many decimals their prices have."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from movielake.names.countries import find_countries

Currencies = frozenset["Currency"]

_OPTIONAL: Final = re.compile(r"[.:\s]")
"""Signs in and beside a currency that writers add or leave out: ``Rs.``, ``R.O.``, ``F CFA``."""


@dataclass(frozen=True)
class Currency:
    """A currency of ISO 4217.

    Parameters
    ----------
    code : str
        Alpha code: ``KWD``.
    decimals : int
        Number of decimals in prices: 0, 2 or 3. 0 for a currency without coins below one unit.
    countries : tuple of str
        Codes of the countries that use it. Listed only for currencies without two decimals.
    written : tuple of str
        Signs and words for it, besides the code. Several currencies can share one: ``$``, ``kr``.
    """

    code: str
    decimals: int
    countries: tuple[str, ...]
    written: tuple[str, ...]


@cache
def read_currencies() -> dict[str, Currency]:
    """Read all currencies, by code.

    Signs and decimals come from Unicode CLDR 48, the list of currencies and countries too. Two
    additions are ours: abbreviations that prices use (``Rs.``, ``KD``), and the three decimals of
    the Iraqi dinar, as in ISO 4217. CLDR has none for it, because its coins are out of use.

    Returns
    -------
    dict of str to Currency

    Examples
    --------
    >>> from movielake.names.currencies import read_currencies
    >>> read_currencies()["JPY"]
    Currency(code='JPY', decimals=0, countries=('jpn',), written=('JP¥', '¥', '￥', '円'))
    """
    text = files("movielake.names").joinpath("currencies.csv").read_text("utf-8")
    return {
        row["code"]: Currency(
            row["code"],
            int(row["decimals"]),
            tuple(row["countries"].split()),
            tuple(filter(None, row["written"].split("|"))),
        )
        for row in csv.DictReader(text.splitlines())
    }


def currencies_written(text: str) -> Currencies:
    """Return the currencies that a sign, a word or a code stands for.

    Parameters
    ----------
    text : str
        Text beside a number. Dots, colons and blanks do not count.

    Returns
    -------
    frozenset of Currency
        Empty if the text is not a currency.

    Examples
    --------
    >>> from movielake.names.currencies import currencies_written
    >>> sorted(currency.code for currency in currencies_written("kr."))
    ['DKK', 'EEK', 'ISK', 'NOK', 'SEK']
    >>> currencies_written("from")
    frozenset()
    """
    return _by_form().get(_OPTIONAL.sub("", text), frozenset())


def currencies_of(country: str) -> Currencies:
    """Return a country's currency if its prices do not have two decimals.

    Parameters
    ----------
    country : str
        Code of the country as in the feed.

    Returns
    -------
    frozenset of Currency
        Empty for a country whose prices have two decimals, and for an unknown country.
    """
    codes = {known.code for known in find_countries(country)}
    return frozenset(c for c in read_currencies().values() if codes.intersection(c.countries))


def is_abbreviation(text: str) -> bool:
    """Return whether a dot at the end of a text belongs to a currency: ``Rs.``, ``B/.``."""
    return text[-2:-1].isalpha() or any(
        text.endswith(form)
        for currency in read_currencies().values()
        for form in currency.written
        if form.endswith(".")
    )


@cache
def _by_form() -> dict[str, Currencies]:
    found: dict[str, Currencies] = {}
    for currency in read_currencies().values():
        for form in (currency.code, *currency.written):
            for variant in _variants(_OPTIONAL.sub("", form)):
                found[variant] = found.get(variant, frozenset()) | {currency}
    return found


def _variants(form: str) -> set[str]:
    """Return a form in the cases in use. ``DA`` is not ``da``, which is Italian for from."""
    short = len(form) < 3 and form.isupper()
    return {form, form.upper()} if short else {form, form.upper(), form.lower()}
