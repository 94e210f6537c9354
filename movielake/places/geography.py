"""Geography: the time zone of a point, and whether the point can lie in its country.

It needs no network. It uses the outlines of time zones in tzfpy and the tz database's table of
their countries. The extra ``geo`` installs both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from math import cos, pi, radians, sin
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from movielake.names.countries import find_countries, read_countries

_CLAIMS: Final = {"Europe/Simferopol": "rus", "Africa/El_Aaiun": "mar"}
"""Zones with cinemas of a second country. A point there counts as inside both countries."""

_COMPASS: Final = tuple((cos(turn * pi / 4), sin(turn * pi / 4)) for turn in range(8))
_KM_PER_DEGREE: Final = 111.2
"""Per degree of latitude, and per degree of longitude at the equator."""


def is_outside(
    latitude: Any, longitude: Any, country: Any, *, tolerance_km: float = 25.0
) -> npt.NDArray[np.bool_]:
    """Return which points certainly lie outside their country.

    Parameters
    ----------
    latitude, longitude : array-like of float
        Degrees, positive to the north and east. Lists, or arrays of numpy, pandas or Arrow.
    country : array-like of str, or str
        Code of each point's country as in the feed, such as ``deu``, or one code for all points.
        Upper and lower case are equal. Former codes and codes of other lists count too, such as
        ``rom`` (see `movielake.names.countries.read_other_codes`).
    tolerance_km : float, optional
        A point within about this distance of the country, in kilometres, counts as inside.

    Returns
    -------
    numpy.ndarray of bool
        False if the answer is unknown: a coordinate is missing, or the country is missing or is
        unknown. True for a point that is not on Earth, such as a latitude of 174°.

    Raises
    ------
    ValueError
        If the arrays differ in length, or the tolerance is negative.
    ModuleNotFoundError
        If the extra ``geo`` is not installed.

    Notes
    -----
    The function looks up the time zones of the point and of 16 points around it: in eight
    directions, at the tolerance and at half of it. The point is inside if one of these zones
    belongs to the country. A territory is part of its country: Réunion is part of France, but
    Paris is not part of Réunion. The open sea is outside of every country. Coastal waters are
    inside.

    Examples
    --------
    Three cinemas of Sweden: in Stockholm, in Malmö with a latitude that is 8° too small, and at
    0, 0.

    >>> from movielake import is_outside
    >>> is_outside([59.33, 47.6, 0], [18.07, 13.0, 0], "swe").tolist()
    [False, True, True]
    """
    if not tolerance_km >= 0:
        raise ValueError(f"expected a tolerance of 0 km or more, found {tolerance_km!r}")
    points = _points(latitude, longitude)
    codes = as_codes(country, len(points))
    countries = _countries_of_zones()
    outside = np.zeros(len(points), bool)
    for code in set(codes):
        owners = {owner.code for owner in find_countries(code)}
        zones = frozenset(zone for zone, found in countries.items() if owners & found)
        if not zones:
            continue
        chosen = np.flatnonzero((codes == code) & ~np.isnan(points))
        different, which = np.unique(points[chosen], return_inverse=True)
        far = [_is_far(p.real, p.imag, zones, tolerance_km) for p in different.tolist()]
        outside[chosen] = np.array(far, bool)[which]
    return outside


def timezone_at(latitude: Any, longitude: Any) -> pa.StringArray:
    """Return the name of each point's time zone.

    Parameters
    ----------
    latitude, longitude : array-like of float
        Degrees, positive to the north and east. Lists, or arrays of numpy, pandas or Arrow.

    Returns
    -------
    pyarrow.StringArray
        Names of the tz database. Null if a coordinate is missing, or if the point is in the open
        sea or not on Earth. All of China has its legal time, ``Asia/Shanghai``.

    Raises
    ------
    ValueError
        If the arrays differ in length.
    ModuleNotFoundError
        If the extra ``geo`` is not installed.

    Examples
    --------
    >>> from movielake import timezone_at
    >>> timezone_at([52.52, -43.95, None], [13.40, -176.56, 1.0]).to_pylist()
    ['Europe/Berlin', 'Pacific/Chatham', None]
    """
    points = _points(latitude, longitude)
    there = ~np.isnan(points)
    different, which = np.unique(points[there], return_inverse=True)
    names = [_legal_zone(_zones_at(p.real, p.imag)) for p in different.tolist()]
    found = np.full(len(points), None, dtype=object)
    found[there] = np.array(names, dtype=object)[which]
    return pa.array(found, pa.string())


def zones_of(code: str | None) -> list[str]:
    """List a country's own time zones, in the order of the tz database.

    The tz database sorts a country's zones by geography, and by population where geography leaves
    a choice.

    Parameters
    ----------
    code : str or None
        Code of the country, as in the feed.

    Returns
    -------
    list of str
        Empty for an unknown country.

    Examples
    --------
    >>> from movielake.places.geography import zones_of
    >>> zones_of("nzl"), zones_of("chn")
    (['Pacific/Auckland', 'Pacific/Chatham'], ['Asia/Shanghai'])
    """
    countries = {country.alpha2 for country in find_countries(code or "")}
    zones = [zone for alpha2, zone in _zone_table() if alpha2 in countries]
    return [zone for zone in zones if zone != _XINJIANG]


_XINJIANG: Final = "Asia/Urumqi"
"""A second time in use in a part of China, beside the legal time."""


def _legal_zone(zones: list[str]) -> str | None:
    legal = (zone for zone in sorted(zones) if zone != _XINJIANG and not zone.startswith("Etc/"))
    return next(legal, None)


def _is_far(latitude: float, longitude: float, zones: frozenset[str], tolerance_km: float) -> bool:
    """Return whether the point and the points around it are all outside these zones.

    tzfpy can be newer than the tz database's table. A zone that is not in the table can belong to
    any country.
    """
    if not _is_on_earth(latitude, longitude):
        return True
    known = _countries_of_zones()
    for near in _around(latitude, longitude, tolerance_km):
        for zone in _zones_at(*near):
            if zone in zones or not (zone in known or zone.startswith("Etc/")):
                return False
    return True


def _around(latitude: float, longitude: float, km: float) -> Iterator[tuple[float, float]]:
    yield latitude, longitude
    for radius in (km, km / 2) if km else ():
        north = radius / _KM_PER_DEGREE
        east = north / max(cos(radians(latitude)), 0.01)
        for up, right in _COMPASS:
            wrapped = (longitude + right * east + 180) % 360 - 180
            yield min(max(latitude + up * north, -90.0), 90.0), wrapped


def _zones_at(latitude: float, longitude: float) -> list[str]:
    zones: list[str] = _outlines().get_tzs(longitude, latitude)
    return zones if _is_on_earth(latitude, longitude) else []


def _is_on_earth(latitude: float, longitude: float) -> bool:
    return abs(latitude) <= 90 and abs(longitude) <= 180


@cache
def _outlines() -> Any:
    return _import("tzfpy")


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"expected the module {name}, which finds time zones, but it is not installed; "
            "install it with: pip install 'movielake[geo]'",
            name=name,
        ) from error


@cache
def _zone_table() -> tuple[tuple[str, str], ...]:
    """Read the tz database's zone.tab: two-letter code of the country, and name of the zone.

    tzfpy has an outline for each zone of this table. The newer zone1970.tab does not fit: it puts
    Sweden and Norway into Europe/Berlin.
    """
    _import("tzdata")
    text = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and line[0] != "#")
    return tuple((row[0].lower(), row[2]) for row in rows)


@cache
def _countries_of_zones() -> dict[str, frozenset[str]]:
    """Map each zone to the codes of the countries that a point in it can belong to."""
    by_alpha2 = {country.alpha2: country for country in read_countries().values()}
    found: dict[str, set[str]] = defaultdict(set)
    for alpha2, zone in _zone_table():
        if country := by_alpha2.get(alpha2):
            found[zone] |= {country.code, country.part_of or country.code}
    for zone, code in _CLAIMS.items():
        found[zone].add(code)
    return {zone: frozenset(codes) for zone, codes in found.items()}


def as_array(values: Any, kind: pa.DataType | None = None) -> pa.Array:
    """Convert a list or an array of numpy, pandas or Arrow to an Arrow array. NaN becomes null."""
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        values = pa.array(values, from_pandas=True)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values.cast(kind) if kind else values


def as_codes(country: Any, size: int) -> npt.NDArray[np.object_]:
    """Return the country code of each point, from an array or from one code for all points."""
    listed = as_array([country] if isinstance(country, str) else country, pa.string())
    if not isinstance(country, str) and len(listed) != size:
        raise ValueError(f"expected {size} countries, one per point, found {len(listed)}")
    return np.broadcast_to(pc.utf8_lower(listed).to_numpy(zero_copy_only=False), size)


def _points(latitude: Any, longitude: Any) -> npt.NDArray[np.complex128]:
    """Put points into one array, as latitude + 1j × longitude. NaN if one of them is missing."""
    north, east = (
        as_array(values, pa.float64()).to_numpy(zero_copy_only=False)
        for values in (latitude, longitude)
    )
    if len(north) != len(east):
        raise ValueError(f"expected {len(north)} longitudes, one per latitude, found {len(east)}")
    points = np.empty(len(north), complex)
    points.real, points.imag = north, east
    points[np.isnan(points)] = complex("nan+nanj")
    return points
