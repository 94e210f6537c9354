"""The theaters: each a function of seed, country and index, the same in every week."""

from __future__ import annotations

import math
from dataclasses import dataclass

from movielake.sample.places import Country, Place, words
from movielake.sample.streams import Stream, fraction

# A prime: numbering by multiples of another number modulo it never repeats, and has five digits.
_ID_SPAN, _ID_STEP = 99_991, 7_919
_BLOCK = 2_083
SCATTER_KM = 5.0
_KM_PER_DEGREE = 111.2
# Where some Swedish theaters lie according to the feed: places of a like name, or nowhere.
ABROAD = ((40.417, -3.703), (59.914, 10.752), (42.360, -71.059), (0.0, 0.0), (-33.869, 151.209))


@dataclass(frozen=True, slots=True)
class Theater:
    """A theater with the properties that its programme depends on."""

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
    """Give the number of a country's theaters.

    Parameters
    ----------
    country
        The country.
    scale
        Factor to its number at scale 1.

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
    """Give the id of a theater, unique in a country, and among all up to a scale of about 10.

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
    """Make the theater of an index.

    Parameters
    ----------
    seed
        Another seed, other theaters.
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
        # The first is one in any case, so that the smallest feed has showings sent again.
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
