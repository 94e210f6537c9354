"""Check for theaters outside their country. It needs the extra ``geo``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Final

import numpy as np

from movielake.names.layout import parquet_folder
from movielake.places.geography import is_outside
from movielake.staging.packs import Pair
from movielake.validation.findings import Finding
from movielake.validation.rules import found

RULE: Final = "outside-country"

NO_PLACES: Final = (
    f"{RULE} is not checked, because it needs the extra geo; pip install 'movielake[geo]'"
)


def has_geography() -> bool:
    """Return whether the extra ``geo`` is installed."""
    return find_spec("tzfpy") is not None


def check_places(
    pair: Pair, coordinates: Sequence[tuple[np.ndarray, np.ndarray]]
) -> Iterator[Finding]:
    """Find theaters that certainly lie outside the country of their partition.

    Parameters
    ----------
    pair : Pair
        The partition.
    coordinates : sequence of (np.ndarray, np.ndarray)
        Latitudes and longitudes of its theaters in degrees, NaN if unknown.

    Yields
    ------
    Finding
    """
    if not coordinates or not has_geography():
        return
    latitude, longitude = (np.concatenate(arrays) for arrays in zip(*coordinates, strict=True))
    possible = (abs(latitude) <= 90) & (abs(longitude) <= 180)  # `coordinates` reports the rest
    outside = is_outside(latitude, longitude, pair[1]) & possible
    if count := int(outside.sum()):
        first = outside.argmax()
        message = f"{count:,} of {len(outside):,} theaters are outside {pair[1]}, first at "
        message += f"{latitude[first]:.4f}, {longitude[first]:.4f}"
        yield found(RULE, parquet_folder("theaters", *pair), message, count=count)
