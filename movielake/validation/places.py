"""Check for theaters outside their country. It needs the extra ``geo``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Final

import numpy as np
import pyarrow as pa

from movielake.names.countries import list_unknown
from movielake.names.layout import parquet_folder
from movielake.places.geography import is_outside
from movielake.staging.packs import Pair
from movielake.validation.findings import Finding
from movielake.validation.rules import found

RULE: Final = "outside-country"
SWAPPED: Final = "swapped-coordinates"

_SHOWN: Final = 5
"""Number of theaters that a finding names."""

NO_PLACES: Final = (
    f"{RULE} and {SWAPPED} need the extra geo and are not checked; pip install 'movielake[geo]'"
)


def has_geography() -> bool:
    """Return whether the extra ``geo`` is installed."""
    return find_spec("tzfpy") is not None


def check_places(country: str, path: str, places: Sequence[pa.Table]) -> Iterator[Finding]:
    """Find theaters that certainly lie outside the country of their partition.

    A theater that would lie in its country with latitude and longitude exchanged has swapped
    coordinates.

    Parameters
    ----------
    country : str
        Country of the partition.
    path : str
        Path of the rows of its theaters.
    places : sequence of pa.Table
        The columns theater_id, theater_lat and theater_lon of its theaters, in degrees.

    Yields
    ------
    Finding
    """
    if not places or not has_geography():
        return
    theaters = pa.concat_tables(places)
    latitude, longitude = (theaters[name].to_numpy() for name in ("theater_lat", "theater_lon"))
    outside = is_outside(latitude, longitude, country)
    swapped = outside
    if outside.any():
        swapped = outside & ~is_outside(longitude, latitude, country)
    # The rule `coordinates` reports points that are not on Earth.
    outside &= (abs(latitude) <= 90) & (abs(longitude) <= 180) & ~swapped
    for rule, chosen, fault in (
        (SWAPPED, swapped, "have latitude and longitude swapped"),
        (RULE, outside, f"are outside {country}"),
    ):
        if count := int(chosen.sum()):
            first = chosen.argmax()
            message = f"{count:,} of {len(chosen):,} theaters {fault}: {_listed(theaters, chosen)}"
            message += f", first at {latitude[first]:.4f}, {longitude[first]:.4f}"
            yield found(rule, path, message, count=count)


def check_countries(pairs: Iterable[Pair], *, is_compact: bool) -> Iterator[Finding]:
    """Find countries that are unknown, so that the places of their theaters cannot be checked.

    Parameters
    ----------
    pairs : iterable of Pair
        The partitions to check.
    is_compact : bool
        Whether the stamps of a country share files.

    Yields
    ------
    Finding
        One for each country, at the first of its partitions.
    """
    partitions = sorted(pairs)
    for code in list_unknown(country for _, country in partitions):
        own = [pair for pair in partitions if pair[1] == code]
        message = f"expected the code of a country, found {code}; the places of its theaters "
        message += "are not checked"
        folder = f"parquet/theaters/country={code}"
        path = folder if is_compact else parquet_folder("theaters", *own[0])
        yield found("unknown-country", path, message, count=len(own))


def _listed(theaters: pa.Table, chosen: np.ndarray) -> str:
    """Name the first theaters by their ids."""
    ids = theaters["theater_id"].filter(pa.array(chosen)).to_pylist()
    named = ", ".join("null" if id_ is None else str(id_) for id_ in ids[:_SHOWN])
    return f"theater_id {named}{' and more' if len(ids) > _SHOWN else ''}"
