"""Countries: the three-letter codes of the feed, and what else people call a country."""

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
        In English.
    also : tuple of str
        What else it is called.
    part_of : str or None
        Code of the country that it is a territory of, as Réunion is of France.
    """

    code: str
    alpha2: str
    name: str
    also: tuple[str, ...] = ()
    part_of: str | None = None


@cache
def read_countries() -> dict[str, Country]:
    """Read all countries, by code.

    The codes are those of ISO 3166-1, the names mostly those of the tz database's iso3166.tab,
    which is in the public domain.

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
    """Guess which countries are meant by what is none of their codes.

    Parameters
    ----------
    word : str
        A name in English, a beginning of one, a two-letter code, or a slip of the pen.
    among : iterable of str
        Codes to choose from.

    Returns
    -------
    list of str
        Codes, the best guess first; empty if nothing comes close.

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
    """List what a country is called, in lower case; a code that is no country's is just that."""
    country = read_countries().get(code, Country(code, code, code))
    return [name.lower() for name in (code, country.alpha2, country.name, *country.also)]
