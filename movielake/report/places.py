"""Places: the position of each theater in the newest snapshot that describes it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.names.countries import find_countries
from movielake.places.geography import is_outside
from movielake.reading.files import read_parts
from movielake.reading.groups import FileGroup, HeldFile
from movielake.reading.holdings import Holdings
from movielake.reading.readers import TheatersReader
from movielake.reading.tallies import over_groups
from movielake.report.activity import Activity
from movielake.report.coverage import Axes
from movielake.schema.tables import Table

SCALE: Final = 1000
"""Steps per degree. Coordinates are stored in thousandths of a degree, about 100 metres."""

_KEY: Final = "theater_id"
_COLUMNS: Final = (_KEY, "theater_name", "theater_city", "theater_lat", "theater_lon")
LISTS: Final = ("id", "name", "city", "lat", "lon", "screenings")
"""The parallel lists of each country's theaters."""

_TEXT_LENGTH: Final = 80
_EVERYTHING: Final = 2**62


def find_places(
    theaters: TheatersReader | None, by_theater: Activity, axes: Axes
) -> list[dict[str, Any]]:
    """Find the newest position of every theater.

    Parameters
    ----------
    theaters : TheatersReader or None
        Reader of the theaters, or None if the lake has no theaters.
    by_theater : Activity
        Screenings by theater_id.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list of dict
        For each country its theaters, as parallel lists ``id``, ``name``, ``city``, ``lat`` and
        ``lon`` (in thousandths of a degree), and ``screenings``. ``described`` is the number
        of all theaters, and ``unplaced`` of those without a valid position. ``outside`` lists the
        indices of theaters outside the country, and ``strays`` is their number. Both are None if
        the country is unknown or the extra ``geo`` is not installed.
    """
    screenings = [by_theater.of_country(n, axes) for n in range(len(axes.countries))]
    if theaters is None:
        found = [_nothing()] * len(axes.countries)
    else:
        held = theaters._checked()
        newest = _Newest(held.folder.url, held.table)
        groups = [_of_country(held, country) for country in axes.countries]
        found = list(over_groups(newest, held, groups))
    return [_place_theaters(*each) for each in zip(axes.countries, found, screenings, strict=True)]


def _of_country(held: Holdings, country: str) -> FileGroup:
    (group,) = held.keep(pc.equal(held.files["country"], country)).groups(
        held.kind, _EVERYTHING, count="rows"
    )
    return group


def _nothing() -> pa.Table:
    types = (pa.int32(), pa.string(), pa.string(), pa.float64(), pa.float64())
    return pa.table({n: pa.array([], t) for n, t in zip(_COLUMNS, types, strict=True)})


class _Newest:
    """Reader of each theater's newest row in a country. Only some files have such rows."""

    def __init__(self, url: str, table: Table) -> None:
        self._url = url
        self._table = table

    def __call__(self, group: FileGroup) -> pa.Table:
        parts, seen = [_nothing()], pa.array([], pa.int32())
        files = self._files_with_news(group)
        for rows in reversed(read_parts(self._url, files, self._table, _COLUMNS)):
            parts.append(_last_of_each(rows, seen).cast(parts[0].schema))
            seen = pc.unique(pa.chunked_array([seen, *parts[-1][_KEY].chunks]))
        return pa.concat_tables(parts)

    def _files_with_news(self, group: FileGroup) -> list[HeldFile]:
        """Return the files with a theater that no later file has. Most weeks have none."""
        seen, files = pa.array([], pa.int32()), []
        ids = [part[_KEY] for part in read_parts(self._url, group.files, self._table, [_KEY])]
        for file, found in zip(reversed(group.files), reversed(ids), strict=True):
            if not pc.all(pc.is_in(found, seen), min_count=0).as_py():
                files.append(file)
                seen = pc.unique(pa.chunked_array([seen, *found.drop_null().chunks]))
        return files[::-1]


def _last_of_each(rows: pa.Table, seen: pa.Array) -> pa.Table:
    """Keep the last row of each theater that is not in ``seen``, as joins do."""
    known = pc.or_(pc.is_in(rows[_KEY], seen), rows[_KEY].is_null())
    rows = rows.filter(pc.invert(known))
    numbered = rows.select([_KEY]).append_column("row", pa.array(np.arange(rows.num_rows)))
    last = numbered.group_by(_KEY, use_threads=False).aggregate([("row", "max")])
    return rows.take(last["row_max"])


def _place_theaters(country: str, rows: pa.Table, screenings: dict[int, int]) -> dict[str, Any]:
    latitude, longitude = (rows[name].to_numpy() for name in _COLUMNS[3:])
    placed = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    rows = rows.filter(pa.array(placed))
    latitude, longitude = latitude[placed], longitude[placed]
    outside = _outside(latitude, longitude, country)
    return {
        "id": rows[_KEY].to_pylist(),
        "screenings": [screenings.get(theater, 0) for theater in rows[_KEY].to_pylist()],
        "name": _short(rows["theater_name"]),
        "city": _short(rows["theater_city"]),
        "lat": np.rint(latitude * SCALE).astype(int).tolist(),
        "lon": np.rint(longitude * SCALE).astype(int).tolist(),
        "unplaced": int((~placed).sum()),
        "described": len(placed),
        "outside": outside,
        "strays": None if outside is None else len(outside),
    }


def _short(texts: pa.ChunkedArray) -> list[str]:
    short: list[str] = pc.utf8_slice_codeunits(texts.fill_null(""), 0, _TEXT_LENGTH).to_pylist()
    return short


def _outside(latitude: Any, longitude: Any, country: str) -> list[int] | None:
    if not find_countries(country):
        return None
    try:
        outside = is_outside(latitude, longitude, country)
    except ModuleNotFoundError:  # the extra `geo` is not installed; the page has a note
        return None
    return [int(place) for place in np.flatnonzero(outside)]


def thin_places(places: list[dict[str, Any]], share: float) -> list[dict[str, Any]]:
    """Leave out theaters evenly, but keep all theaters outside their country.

    Parameters
    ----------
    places : list of dict
        Result of `find_places`.
    share : float
        Share of the other theaters to keep, from 0 to 1.

    Returns
    -------
    list of dict
        The same lists with fewer theaters.
    """
    return [_thin(place, share) for place in places]


def _thin(place: dict[str, Any], share: float) -> dict[str, Any]:
    numbers = np.arange(len(place["id"]))
    kept = np.floor((numbers + 1) * share) > np.floor(numbers * share)
    kept[place["outside"] or []] = True
    chosen = np.flatnonzero(kept)
    lists = {name: [place[name][n] for n in chosen] for name in LISTS}
    outside = place["outside"]
    if outside is not None:
        outside = np.searchsorted(chosen, outside).tolist()
    return {**place, **lists, "outside": outside}
