"""The theaters. Each depends on seed, country and index, and is the same in every week."""

from __future__ import annotations

import math
from dataclasses import dataclass

from movielake.sample.places import Country, Place, words
from movielake.sample.streams import Stream, fraction

# The span is a prime number. So the multiples of the step modulo the span repeat only after all
# have been used. They have at most five digits.
_ID_SPAN, _ID_STEP = 99_991, 7_919
_BLOCK = 2_083
SCATTER_KM = 5.0
_KM_PER_DEGREE = 111.2
# Some Swedish theaters have wrong coordinates in the feed: those of a place with a similar name, or
# 0, 0.
ABROAD = ((40.417, -3.703), (59.914, 10.752), (42.360, -71.059), (0.0, 0.0), (-33.869, 151.209))


@dataclass(frozen=True, slots=True)
class Theater:
    """A theater with the properties that decide its programme."""

    index: int
    theater_id: int
    name: str
    chain: str
    chain_id: int
    place: Place
    lat: float
    lon: float
    screens: int
    imax: bool
    sends_ahead: bool


def theater_count(country: Country, scale: float) -> int:
    """Return the number of a country's theaters.

    Parameters
    ----------
    country
        The country.
    scale
        Factor for the number of theaters.

    Returns
    -------
    int
        At least 3.

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> theater_count(countries()["nzl"], 10), theater_count(countries()["nzl"], 0.01)
    (120, 3)
    """
    return max(3, round(country.theaters * scale))


def theater_id(country: Country, index: int) -> int:
    """Return the id of a theater.

    It is unique in a country. Up to a scale of about 10 it is unique in the whole feed.

    Parameters
    ----------
    country
        The country.
    index
        Index of the theater in it.

    Returns
    -------
    int

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> theater_id(countries()["deu"], 0)
    65816
    """
    return (country.number * _BLOCK + index + 1) * _ID_STEP % _ID_SPAN


def make_theater(seed: int, country: Country, index: int) -> Theater:
    """Make the theater with a number.

    Parameters
    ----------
    seed
        Seed of the sample. Each seed makes other theaters.
    country
        The country.
    index
        Index of the theater in it.

    Returns
    -------
    Theater

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> germany = countries()["deu"]
    >>> make_theater(0, germany, 3) == make_theater(0, germany, 3)
    True
    """
    stream = Stream(seed, "theater", country.code, index)
    place = country.place(stream)
    chain_id = stream.integer(1, len(words()["theaters"]["chains"]))
    chain = words()["theaters"]["chains"][chain_id - 1]
    independent = stream.chance(0.3)
    screens = stream.integer(1, 3) if independent else 3 + int(stream.random() ** 2 * 14)
    lat, lon = _position(stream, country, place, index)
    return Theater(
        index=index,
        theater_id=theater_id(country, index),
        name=_name(stream, place, "" if independent else chain, screens),
        chain="" if independent else chain,
        chain_id=0 if independent else 100 + chain_id,
        place=place,
        lat=lat,
        lon=lon,
        screens=screens,
        imax=screens >= 8 and stream.chance(0.5),
        # The first theater always sends ahead, so that even the smallest feed repeats showings.
        sends_ahead=index == 0 or fraction("ahead", seed, country.code, index) < 0.1,
    )


def _name(stream: Stream, place: Place, chain: str, screens: int) -> str:
    if chain:
        return f"{chain} {place.city} {screens}" if stream.chance(0.4) else f"{chain} {place.city}"
    house: str = stream.pick(words()["theaters"]["independent"])
    return f"{house} {place.city}"


def _position(stream: Stream, country: Country, place: Place, index: int) -> tuple[float, float]:
    distance = SCATTER_KM * math.sqrt(stream.random()) / _KM_PER_DEGREE
    angle = stream.random() * 2 * math.pi
    lat = place.lat + distance * math.sin(angle)
    lon = place.lon + distance * math.cos(angle) / math.cos(math.radians(place.lat))
    if country.code == "swe" and (index % 23 == 1):
        lat, lon = ABROAD[index // 23 % len(ABROAD)]
    return round(lat, 6), round(lon, 6)
