"""Activity: screenings of each film and each theater in each partition, and orphans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.reading.files import PlainRows
from movielake.reading.groups import FileGroup
from movielake.reading.holdings import Holdings
from movielake.reading.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.reading.tallies import over_groups
from movielake.report.coverage import Axes, Rectangle

Integers = np.ndarray[Any, np.dtype[np.int64]]

_Counted = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]

_NO_ID: Final = -1
_PARTS: Final = 64


@dataclass(frozen=True, eq=False)
class Activity:
    """Counts by partition and id, as parallel arrays.

    Parameters
    ----------
    partition : array of int
        Number of the partition: index of the country times the number of stamps, plus index of the
        stamp.
    id : array of int
        movie_id or theater_id, or -1 for rows without an id.
    count : array of int
        Number of screenings. For movies and theaters, number of rows.
    """

    partition: Integers
    id: Integers
    count: Integers

    @property
    def key(self) -> Integers:
        """Partition and id in one number."""
        return (self.partition << 32) | (self.id + 1)

    def country(self, axes: Axes) -> Integers:
        """Return the index of the country for each count."""
        return self.partition // len(axes.date_stamps)

    def of_country(self, number: int, axes: Axes) -> dict[int, int]:
        """Return the sum of the counts of each id in one country."""
        there = self.country(axes) == number
        ids, places = np.unique(self.id[there], return_inverse=True)
        sums = np.bincount(places, self.count[there], len(ids)).astype(np.int64)
        return dict(zip(ids.tolist(), sums.tolist(), strict=True))


def count_ids(
    reader: MoviesReader | TheatersReader | ShowingsReader,
    names: Sequence[str],
    axes: Axes,
    of: str | None = None,
) -> list[Activity]:
    """Count rows by partition and id. Several ids need only one pass through the files.

    Parameters
    ----------
    reader : MoviesReader, TheatersReader or ShowingsReader
        Reader of the rows.
    names : sequence of str
        ``movie_id``, ``theater_id`` or both.
    axes : Axes
        The countries and stamps, in order.
    of : str, optional
        If given, count only rows with a value in this column.

    Returns
    -------
    list of Activity
        One for each name. In a partition with several members, an id occurs once per member.
    """
    held = reader._checked()
    counter = _IdCounter(reader._source, names, of)
    groups = reader._groups_to_count()
    counted = [file for part in over_groups(counter, held, groups) for file in part]
    stamps = {stamp: place for place, stamp in enumerate(axes.date_stamps)}
    countries = {country: place * len(stamps) for place, country in enumerate(axes.countries)}
    partitions = [countries[country] + stamps[stamp] for country, stamp, _ in counted]
    return [
        _put_together(partitions, [arrays[n] for _, _, arrays in counted])
        for n in range(len(names))
    ]


def parts_of(held: Holdings) -> list[FileGroup]:
    """Group files into a few dozen parts: enough for all workers, but not too small.

    They are in order, except in a compact lake, where each row group is in one part.
    """
    if held.shares_parquet:
        return held.million_rows()
    return held.groups(held.kind, max((held.total("rows") or 0) // _PARTS, 1), count="rows")


class _IdCounter:
    """Counter of each file's rows by id. A file belongs to one partition, so ids suffice."""

    def __init__(self, source: PlainRows, names: Sequence[str], of: str | None) -> None:
        self._source = source
        self._names = tuple(names)
        self._of = of

    def __call__(self, group: FileGroup) -> list[tuple[str, str, list[_Counted]]]:
        columns = [*self._names, *filter(None, (self._of,))]
        parts = self._source.parts(group, columns)
        return [
            (file.country, file.date_stamp, self._count(rows))
            for file, rows in zip(group.files, parts, strict=True)
        ]

    def _count(self, rows: pa.Table) -> list[_Counted]:
        if self._of:
            rows = rows.filter(rows[self._of].is_valid())
        counts = [pc.value_counts(rows[name]) for name in self._names]
        return [
            (c.field("values").fill_null(_NO_ID).to_numpy(), c.field("counts").to_numpy())
            for c in counts
        ]


def _put_together(partitions: Sequence[int], counted: Sequence[_Counted]) -> Activity:
    lengths = [len(ids) for ids, _ in counted]
    ids, counts = (
        np.concatenate([np.empty(0, np.int64), *(arrays[n] for arrays in counted)]) for n in (0, 1)
    )
    return Activity(np.repeat(np.array(partitions, np.int64), lengths), ids, counts)


def sum_screenings(activity: Activity, in_snapshots: Rectangle) -> Rectangle:
    """Sum the screenings of each partition, or None without a feed zip."""
    return _arrange(activity.partition, in_snapshots, activity.count)


def active_theaters(by_theater: Activity, in_snapshots: Rectangle) -> Rectangle:
    """Count the theaters with at least one screening, or None without a feed zip."""
    known = np.unique(by_theater.key[by_theater.id != _NO_ID])  # once per partition, not per member
    return _arrange(known >> 32, in_snapshots)


def _arrange(
    partitions: Integers, in_snapshots: Rectangle, weights: Integers | None = None
) -> Rectangle:
    cells = sum(map(len, in_snapshots))
    sums = np.bincount(partitions, weights=weights, minlength=cells).astype(np.int64)
    by_country = sums.reshape(len(in_snapshots), -1).tolist()
    return [
        [None if there is None else count for there, count in zip(*rows, strict=True)]
        for rows in zip(in_snapshots, by_country, strict=True)
    ]


def count_orphans(
    activity: Activity, reader: MoviesReader | TheatersReader | None, name: str, axes: Axes
) -> list[int] | None:
    """Count each country's screenings whose movie or theater is not in their partition.

    Parameters
    ----------
    activity : Activity
        Screenings by ``name``.
    reader : MoviesReader, TheatersReader or None
        Reader of the movies or theaters, or None if the lake has no such table.
    name : str
        ``movie_id`` or ``theater_id``.
    axes : Axes
        The countries and stamps, in order.
    """
    if reader is None:
        return None
    (known,) = count_ids(reader, [name], axes)
    lacking = ~np.isin(activity.key, known.key) | (activity.id == _NO_ID)
    return _sum_by_country(activity, lacking, axes)


def _sum_by_country(activity: Activity, chosen: Any, axes: Axes) -> list[int]:
    places, counts = activity.country(axes)[chosen], activity.count[chosen]
    sums = np.bincount(places, weights=counts, minlength=len(axes.countries))
    return [int(number) for number in sums]
