"""Activity: the screenings of each film and each theater, partition by partition, and who lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from movielake.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.report.coverage import KEYS, Axes, Rectangle

Integers = np.ndarray[Any, np.dtype[np.int64]]

_NO_ID: Final = -1


@dataclass(frozen=True, eq=False)
class Activity:
    """Counts by partition and id: parallel arrays.

    Parameters
    ----------
    partition : array of int
        Place of the country times the number of stamps, plus place of the stamp.
    id : array of int
        movie_id or theater_id; -1 where a row has none.
    count : array of int
        Screenings; rows, where theaters or movies are counted.
    """

    partition: Integers
    id: Integers
    count: Integers

    @property
    def key(self) -> Integers:
        """Partition and id in one number."""
        return (self.partition << 32) | (self.id + 1)

    def country(self, axes: Axes) -> Integers:
        """Return the place of the country."""
        return self.partition // len(axes.date_stamps)


def count_ids(
    reader: MoviesReader | TheatersReader | ShowingsReader,
    name: str,
    axes: Axes,
    of: str | None = None,
) -> Activity:
    """Count rows by partition and id.

    Parameters
    ----------
    reader : MoviesReader, TheatersReader or ShowingsReader
        What to count in.
    name : str
        ``movie_id`` or ``theater_id``.
    axes : Axes
        The countries and stamps, in order.
    of : str, optional
        Count only rows in which this column has a value.
    """
    counted = reader.count_by(*KEYS, name, of=of)
    country, stamp = (
        pc.index_in(pa.array(counted[key]), pa.array(values, pa.string())).to_numpy()
        for key, values in zip(KEYS, (axes.countries, axes.date_stamps), strict=True)
    )
    partition = country.astype(np.int64) * len(axes.date_stamps) + stamp
    ids = counted[name].fillna(_NO_ID).to_numpy(np.int64)
    return Activity(partition, ids, counted["count"].to_numpy(np.int64))


def active_theaters(by_theater: Activity, axes: Axes) -> Rectangle:
    """Count the theaters with any screening, of each country and stamp."""
    active = np.bincount(by_theater.partition[by_theater.id != _NO_ID], minlength=_cells(axes))
    stamps = len(axes.date_stamps)
    return [
        [int(n) or None for n in active[row : row + stamps]]
        for row in range(0, len(active), stamps)
    ]


def _cells(axes: Axes) -> int:
    return len(axes.countries) * len(axes.date_stamps)


def count_orphans(
    activity: Activity, reader: MoviesReader | TheatersReader | None, name: str, axes: Axes
) -> list[int] | None:
    """Count each country's screenings whose movie or theater is not in their partition.

    Parameters
    ----------
    activity : Activity
        Screenings by ``name``.
    reader : MoviesReader, TheatersReader or None
        Of what is referred to; None if the lake has none of it.
    name : str
        ``movie_id`` or ``theater_id``.
    axes : Axes
        The countries and stamps, in order.
    """
    if reader is None:
        return None
    known = count_ids(reader, name, axes)
    lacking = ~np.isin(activity.key, known.key) | (activity.id == _NO_ID)
    return _sum_by_country(activity, lacking, axes)


def _sum_by_country(activity: Activity, chosen: Any, axes: Axes) -> list[int]:
    places, counts = activity.country(axes)[chosen], activity.count[chosen]
    sums = np.bincount(places, weights=counts, minlength=len(axes.countries))
    return [int(number) for number in sums]


def films_by_country(by_film: Activity, axes: Axes) -> pd.DataFrame:
    """Add up the screenings of each film over all stamps: country (its place), id, count."""
    columns = {"country": by_film.country(axes), "id": by_film.id, "count": by_film.count}
    known = pd.DataFrame(columns)[by_film.id != _NO_ID]
    return known.groupby(["country", "id"], as_index=False)["count"].sum()
