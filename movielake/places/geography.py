"""Geography: the time zone of a point, and whether the point can lie in its country.

It needs no network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from movielake.names.countries import find_countries
from movielake.places.outlines import (
    NEAR_KM,
    XINJIANG,
    countries_of_zones,
    is_on_earth,
    legal_zones,
    points_around,
    read_zone_table,
    zones_at_point,
)


def is_outside(
    latitude: Any, longitude: Any, country: Any, *, tolerance_km: float = NEAR_KM
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
    countries = countries_of_zones()
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
        sea or not on Earth. All of China has its legal time, ``Asia/Shanghai``. Where zones
        overlap, as in disputed areas, the first by the alphabet. `to_utc` takes the zone of the
        country instead.

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
    names = [
        next(iter(legal_zones(zones_at_point(p.real, p.imag))), None) for p in different.tolist()
    ]
    found = np.full(len(points), None, dtype=object)
    found[there] = np.array(names, dtype=object)[which]
    return pa.array(found, pa.string())


def zones_at(
    latitude: Any, longitude: Any, codes: npt.NDArray[np.object_] | None
) -> npt.NDArray[np.object_]:
    """Return the names of the time zones that can apply at each point, separated by blanks.

    Parameters
    ----------
    latitude, longitude : array-like of float
        Degrees, positive to the north and east.
    codes : numpy.ndarray of str, or None
        Code of each point's country, or None. A country leaves only its own zones: those of the
        point, or else those up to 25 km around it. It changes nothing if it has none of them.

    Returns
    -------
    numpy.ndarray of str
        Empty if the point is missing, in the open sea or not on Earth.

    Examples
    --------
    >>> from movielake.places.geography import zones_at
    >>> zones_at([32.10], [35.17], None).tolist(), zones_at([32.10], [35.17], ["isr"]).tolist()
    (['Asia/Hebron Asia/Jerusalem'], ['Asia/Jerusalem'])
    """
    points = _points(latitude, longitude)
    owners = np.full(len(points), None, dtype=object) if codes is None else codes
    chosen: dict[tuple[complex, str | None], str] = {}
    found = np.full(len(points), "", dtype=object)
    for row in np.flatnonzero(~np.isnan(points)).tolist():
        key = complex(points[row]), owners[row]
        if key not in chosen:
            chosen[key] = " ".join(_zones_of_country(key[0].real, key[0].imag, key[1]))
        found[row] = chosen[key]
    return found


def _zones_of_country(latitude: float, longitude: float, code: str | None) -> list[str]:
    zones = legal_zones(zones_at_point(latitude, longitude))
    wanted = {country.code for country in find_countries(code or "")}
    if not zones or not wanted:
        return zones
    near = (zones_at_point(*point) for point in points_around(latitude, longitude, NEAR_KM))
    return (
        _owned(zones, wanted)
        or _owned(legal_zones({zone for names in near for zone in names}), wanted)
        or zones
    )


def _owned(zones: list[str], codes: set[str]) -> list[str]:
    owners = countries_of_zones()
    return [zone for zone in zones if codes & owners.get(zone, frozenset())]


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
    zones = [zone for alpha2, zone in read_zone_table() if alpha2 in countries]
    return [zone for zone in zones if zone != XINJIANG]


def _is_far(latitude: float, longitude: float, zones: frozenset[str], tolerance_km: float) -> bool:
    """Return whether the point and the points around it are all outside these zones.

    tzfpy can be newer than the tz database's table. A zone that is not in the table can belong to
    any country.
    """
    if not is_on_earth(latitude, longitude):
        return True
    known = countries_of_zones()
    for near in points_around(latitude, longitude, tolerance_km):
        for zone in zones_at_point(*near):
            if zone in zones or not (zone in known or zone.startswith("Etc/")):
                return False
    return True


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
