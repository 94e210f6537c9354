"""Places: theaters outside their country, if the extra ``geo`` is there to tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from movielake.layout import parquet_folder
from movielake.packs import Pair
from movielake.validation.findings import Finding
from movielake.validation.rules import found

RULE: Final = "outside-country"

NO_PLACES: Final = f"{RULE} is skipped: it needs the extra geo, as in: pip install 'movielake[geo]'"


@cache
def geography() -> Any | None:
    """Give the module that knows countries; None without the extra ``geo``."""
    wanted = ("tzfpy", "movielake.geography")
    return import_module(wanted[-1]) if all(find_spec(name) for name in wanted) else None


def check_places(
    pair: Pair, coordinates: Sequence[tuple[np.ndarray, np.ndarray]]
) -> Iterator[Finding]:
    """Look for theaters that surely lie outside the country of their partition.

    Parameters
    ----------
    pair : Pair
        The partition.
    coordinates : sequence of (np.ndarray, np.ndarray)
        Latitudes and longitudes of its theaters in degrees, NaN where unknown.

    Yields
    ------
    Finding
    """
    known = geography()
    if known is None or not coordinates:
        return
    latitude, longitude = (np.concatenate(arrays) for arrays in zip(*coordinates, strict=True))
    outside = np.asarray(known.is_outside(latitude, longitude, pair[1]))
    if count := int(outside.sum()):
        first = outside.argmax()
        message = f"{count:,} of {len(outside):,} theaters are outside {pair[1]}, first at "
        message += f"{latitude[first]:.4f}, {longitude[first]:.4f}"
        yield found(RULE, parquet_folder("theaters", *pair), message, count=count)
