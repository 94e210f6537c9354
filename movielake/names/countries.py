"""Countries: the three-letter codes of the feed, and other codes and names of the countries."""

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


@dataclass(frozen=True)
class OtherCode:
    """A three-letter code that ISO 3166-1 does not have, but that other lists of countries use.

    Parameters
    ----------
    code : str
        Lower-case as in the feed: ``rom``.
    means : tuple of str
        Codes of the countries of today that it stands for. Several for a country that was divided.
    name : str
        Name in English, if no country of today has this name. Otherwise empty.
    source : str
        The lists that have this code.
    """

    code: str
    means: tuple[str, ...]
    name: str
    source: str


@cache
def read_other_codes() -> dict[str, OtherCode]:
    """Read the codes outside ISO 3166-1 that have one known meaning.

    They are former codes (ISO 3166-3, in Unicode CLDR), codes that users of ISO 3166-1 assigned
    themselves, the codes of IOC and FIFA, and the signs of vehicles. The last three come from the
    data set *country-codes* of datahub.io, which is in the public domain. A code that two lists use
    for two countries is left out, and so is a code that ISO 3166-1 gives to another country.

    The tz database has no zone for Kosovo. It belongs to the zone of Belgrade, so its codes stand
    for ``srb`` here.

    Returns
    -------
    dict of str to OtherCode

    Examples
    --------
    >>> from movielake.names.countries import read_other_codes
    >>> read_other_codes()["ger"]
    OtherCode(code='ger', means=('deu',), name='', source='IOC, FIFA')
    """
    text = files("movielake.names").joinpath("other_codes.csv").read_text("utf-8")
    return {
        row["code"]: OtherCode(row["code"], tuple(row["means"].split()), row["name"], row["source"])
        for row in csv.DictReader(text.splitlines())
    }


def find_countries(code: str) -> tuple[Country, ...]:
    """Find the countries of today that a code stands for.

    Parameters
    ----------
    code : str
        Three letters, lower-case as in the feed.

    Returns
    -------
    tuple of Country
        One for a code of ISO 3166-1, and for most other codes. Empty if the code is unknown.

    Examples
    --------
    >>> from movielake.names.countries import find_countries
    >>> for code in ("rou", "rom", "scg", "zzz"):
    ...     print(code, [country.name for country in find_countries(code)])
    rou ['Romania']
    rom ['Romania']
    scg ['Serbia', 'Montenegro']
    zzz []
    """
    other = read_other_codes().get(code)
    known = read_countries()
    return tuple(known[each] for each in (other.means if other else [code]) if each in known)


def name_of_country(code: str) -> str:
    """Return the English name of a country, or the code itself if the code is unknown.

    Parameters
    ----------
    code : str
        Three letters, lower-case as in the feed.

    Returns
    -------
    str

    Examples
    --------
    >>> from movielake import name_of_country
    >>> [name_of_country(code) for code in ("deu", "ger", "xkx", "zzz")]
    ['Germany', 'Germany', 'Kosovo', 'zzz']
    """
    other = read_other_codes().get(code)
    if other and other.name:
        return other.name
    return " and ".join(country.name for country in find_countries(code)) or code


def list_unknown(codes: Iterable[str]) -> list[str]:
    """List the codes that stand for no known country, in order.

    Parameters
    ----------
    codes : iterable of str
        Three letters each, lower-case as in the feed.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from movielake.names.countries import list_unknown
    >>> list_unknown(["zzz", "deu", "rom", "qqq"])
    ['qqq', 'zzz']
    """
    return sorted({code for code in codes if not find_countries(code)})


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
    """List a country's codes and names in lower case. An unknown code is its own only name."""
    names = [code, name_of_country(code)]
    for country in find_countries(code):
        names += [country.code, country.alpha2, country.name, *country.also]
    return [name.lower() for name in names]
