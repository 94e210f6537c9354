"""Countries: the three-letter codes of the feed, and other names of the countries."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Country:
    """A country of ISO 3166-1.

    Parameters
    ----------
    code : str
        Alpha-3, lower-case as in the feed: ``deu``.
    alpha2 : str
        Alpha-2, lower-case: ``de``.
    name : str
        Name in English.
    also : tuple of str
        Other names.
    part_of : str or None
        For a territory, the code of the country that it belongs to. Réunion belongs to France.
    """

    code: str
    alpha2: str
    name: str
    also: tuple[str, ...] = ()
    part_of: str | None = None


@cache
def read_countries() -> dict[str, Country]:
    """Read all countries, by code.

    The codes come from ISO 3166-1. Most names come from iso3166.tab of the tz database, which is
    in the public domain.

    Returns
    -------
    dict of str to Country

    Examples
    --------
    >>> from movielake.names.countries import read_countries
    >>> read_countries()["reu"]
    Country(code='reu', alpha2='re', name='Réunion', also=(), part_of='fra')
    """
    text = files("movielake.names").joinpath("countries.csv").read_text("utf-8")
    return {
        row["code"]: Country(
            row["code"],
            row["alpha2"],
            row["name"],
            tuple(filter(None, row["also"].split("|"))),
            row["part_of"] or None,
        )
        for row in csv.DictReader(text.splitlines())
    }


def suggest_countries(word: str, among: Iterable[str]) -> list[str]:
    """Guess the countries that a word means, if the word is not one of their codes.

    Parameters
    ----------
    word : str
        A name in English, the beginning of a name, a two-letter code, or a misspelt word.
    among : iterable of str
        Codes to choose from.

    Returns
    -------
    list of str
        Codes, the best guess first. Empty if no code or name is similar.

    Examples
    --------
    >>> from movielake.names.countries import suggest_countries
    >>> for word in ("Germany", "de", "ger", "duo", "Sweeden", "UK"):
    ...     print(word, suggest_countries(word, ["deu", "gbr", "swe"]))
    Germany ['deu']
    de ['deu']
    ger ['deu']
    duo ['deu']
    Sweeden ['swe']
    UK ['gbr']
    """
    word, codes = word.strip().lower(), list(among)
    called: dict[str, str] = {}
    for code in codes:
        called |= dict.fromkeys(_names(code), code)
    if word in called:
        return [called[word]]
    begun = {code for name, code in called.items() if len(word) > 1 and name.startswith(word)}
    if begun:
        return sorted(begun)
    close = get_close_matches(word, called, n=3)
    return list(dict.fromkeys(called[name] for name in close))


def _names(code: str) -> list[str]:
    """List a country's code and names in lower case. An unknown code is its own only name."""
    country = read_countries().get(code, Country(code, code, code))
    return [name.lower() for name in (code, country.alpha2, country.name, *country.also)]
