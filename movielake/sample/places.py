"""The 48 countries of the feed, their cities, and the word lists for texts."""

from __future__ import annotations

import csv
import difflib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from movielake.sample.streams import Stream

DEFAULT_COUNTRIES = ("can", "deu", "gbr", "fra", "chn", "aus", "swe", "nzl")


@dataclass(frozen=True, slots=True)
class Place:
    """A city with its coordinates. Its weight is its share of the country's theaters."""

    city: str
    region: str
    lat: float
    lon: float
    weight: float


@dataclass(frozen=True, slots=True)
class Country:
    """A country: its size, habits and cities, and the dates of its closure in 2020.

    `theaters` is the number of theaters at scale 1. `floor` is the share of theaters that stay
    open during the closure. `ceiling` is the share that is open long after it.
    """

    code: str
    number: int
    name: str
    theaters: int
    language: str
    sign: str
    price: float
    phone: str
    ratings: tuple[str, ...]
    closed: date
    reopened: date
    floor: float
    ceiling: float
    places: tuple[Place, ...]

    def place(self, stream: Stream) -> Place:
        """Draw a city. Cities with a large weight are drawn more often."""
        left = stream.random() * sum(place.weight for place in self.places)
        for place in self.places:
            left -= place.weight
            if left < 0:
                return place
        return self.places[-1]


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


def _places() -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for row in _rows("places.csv"):
        place = Place(
            row["city"], row["region"], float(row["lat"]), float(row["lon"]), float(row["weight"])
        )
        found.setdefault(row["country"], []).append(place)
    return found


@cache
def countries() -> dict[str, Country]:
    """Read all countries of the feed, by code.

    Returns
    -------
    dict of str to Country

    Examples
    --------
    >>> len(countries())
    48
    >>> countries()["nzl"].name
    'New Zealand'
    """
    places = _places()
    return {
        row["code"]: Country(
            code=row["code"],
            number=number,
            name=row["name"],
            theaters=int(row["theaters"]),
            language=row["language"],
            sign=row["sign"],
            price=float(row["price"]),
            phone=row["phone"],
            ratings=tuple(row["ratings"].split("|")),
            closed=date.fromisoformat(row["closed"]),
            reopened=date.fromisoformat(row["reopened"]),
            floor=float(row["floor"]),
            ceiling=float(row["ceiling"]),
            places=tuple(places[row["code"]]),
        )
        for number, row in enumerate(_rows("countries.csv"))
    }


def choose_countries(codes: Iterable[str] | None) -> tuple[Country, ...]:
    """Look up countries by their codes.

    Parameters
    ----------
    codes
        Three-letter codes in upper or lower case. None means the eight default countries.

    Returns
    -------
    tuple of Country
        The countries in the given order, without repeats.

    Raises
    ------
    ValueError
        If a code is unknown or no code is given. The message lists the valid codes.

    Examples
    --------
    >>> [country.name for country in choose_countries(["swe", "CHN"])]
    ['Sweden', 'China']
    """
    if isinstance(codes, str):
        codes = codes.split(",")
    known = countries()
    chosen = dict.fromkeys(
        code.strip().lower() for code in (DEFAULT_COUNTRIES if codes is None else codes)
    )
    for code in chosen:
        if code not in known:
            raise ValueError(f"expected a country code, found {code!r}{_suggestion(code, known)}")
    if not chosen:
        raise ValueError(f"expected a country code, found no code; valid codes: {', '.join(known)}")
    return tuple(known[code] for code in chosen)


def _suggestion(code: str, known: dict[str, Country]) -> str:
    names = {country.name.lower(): country.code for country in known.values()}
    close = difflib.get_close_matches(code, [*known, *names], n=1, cutoff=0.5)
    hint = f"; did you mean {names.get(close[0], close[0])!r}?" if close else ";"
    return f"{hint} valid codes: {', '.join(known)}"


@cache
def words() -> dict[str, Any]:
    """Read the word lists for titles, names and texts.

    Returns
    -------
    dict
        The tables of words.toml.

    Examples
    --------
    >>> "Greta" in words()["names"]["women"]
    True
    """
    text = files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def person(stream: Stream) -> str:
    """Compose a person's name from the name lists.

    Parameters
    ----------
    stream
        Source of the random choices.

    Returns
    -------
    str

    Examples
    --------
    >>> len(person(Stream("example")).split(" ")) >= 2
    True
    """
    names: dict[str, Sequence[str]] = words()["names"]
    first = stream.pick(names["women" if stream.chance(0.45) else "men"])
    return f"{first} {stream.pick(names['family'])}"
