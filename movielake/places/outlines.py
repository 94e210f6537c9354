"""Outlines: the time zones at one point and around it, and the countries of each zone.

tzfpy has the outlines of time zones, and tzdata the tz database. The extra ``geo`` installs both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from math import cos, pi, radians, sin
from typing import Any, Final

from movielake.names.countries import read_countries

_CLAIMS: Final = {"Europe/Simferopol": "rus", "Africa/El_Aaiun": "mar"}
"""Zones with cinemas of a second country. A point there counts as inside both countries."""

_COMPASS: Final = tuple((cos(turn * pi / 4), sin(turn * pi / 4)) for turn in range(8))
NEAR_KM: Final = 25.0
"""Points up to this distance from a country count as inside it."""

_KM_PER_DEGREE: Final = 111.2
"""Per degree of latitude, and per degree of longitude at the equator."""

XINJIANG: Final = "Asia/Urumqi"
"""A second time in use in a part of China, beside the legal time."""


def require_package(name: str) -> Any:
    """Import a package of the extra ``geo``.

    Parameters
    ----------
    name : str
        Name of the package.

    Returns
    -------
    module
        The package.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed. The message names the extra.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"expected the module {name}, which finds time zones, but it is not installed; "
            "install it with: pip install 'movielake[geo]'",
            name=name,
        ) from error


def legal_zones(zones: Iterable[str]) -> list[str]:
    """List the legal zones among these, by the alphabet."""
    return [zone for zone in sorted(zones) if zone != XINJIANG and not zone.startswith("Etc/")]


def zones_at_point(latitude: float, longitude: float) -> list[str]:
    """List the zones at a point: several where outlines overlap, none outside the Earth."""
    zones: list[str] = _outlines().get_tzs(longitude, latitude)
    return zones if is_on_earth(latitude, longitude) else []


def is_on_earth(latitude: float, longitude: float) -> bool:
    """Return whether latitude and longitude are those of a point."""
    return abs(latitude) <= 90 and abs(longitude) <= 180


def points_around(latitude: float, longitude: float, km: float) -> Iterator[tuple[float, float]]:
    """Yield the point, and points around it at this distance and at half of it."""
    yield latitude, longitude
    for radius in (km, km / 2) if km else ():
        north = radius / _KM_PER_DEGREE
        east = north / max(cos(radians(latitude)), 0.01)
        for up, right in _COMPASS:
            wrapped = (longitude + right * east + 180) % 360 - 180
            yield min(max(latitude + up * north, -90.0), 90.0), wrapped


@cache
def _outlines() -> Any:
    return require_package("tzfpy")


@cache
def read_zone_table() -> tuple[tuple[str, str], ...]:
    """Read the tz database's zone.tab: two-letter code of the country, and name of the zone.

    tzfpy has an outline for each zone of this table. The newer zone1970.tab does not fit: it puts
    Sweden and Norway into Europe/Berlin.
    """
    require_package("tzdata")
    text = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and line[0] != "#")
    return tuple((row[0].lower(), row[2]) for row in rows)


@cache
def countries_of_zones() -> dict[str, frozenset[str]]:
    """Map each zone to the codes of the countries that a point in it can belong to."""
    by_alpha2 = {country.alpha2: country for country in read_countries().values()}
    found: dict[str, set[str]] = defaultdict(set)
    for alpha2, zone in read_zone_table():
        if country := by_alpha2.get(alpha2):
            found[zone] |= {country.code, country.part_of or country.code}
    for zone, code in _CLAIMS.items():
        found[zone].add(code)
    return {zone: frozenset(codes) for zone, codes in found.items()}
