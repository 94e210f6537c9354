"""Activity: screenings of each film and each theater in each partition, and orphans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from movielake.analyses.attributes import IdCounts
from movielake.reading.groups import FileGroup
from movielake.reading.holdings import Holdings
from movielake.report.coverage import Axes, Rectangle

Integers = np.ndarray[Any, np.dtype[np.int64]]

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


def by_partition(parts: Sequence[IdCounts], axes: Axes) -> Activity:
    """Put counts by id together, with numbers of partitions.

    Parameters
    ----------
    parts : sequence of IdCounts
        Result of `ScreeningCounts.by_id`.
    axes : Axes
        The countries and stamps, in order.

    Returns
    -------
    Activity
        In a partition with several members, an id occurs once per member.
    """
    none = np.zeros(0, np.int64)
    partitions = [_partitions(part, axes)[part.member] for part in parts]
    ids = [part.ids.fill_null(_NO_ID).to_numpy(zero_copy_only=False) for part in parts]
    columns = (partitions, ids, [part.counts for part in parts])
    return Activity(*(np.concatenate([none, *arrays]) for arrays in columns))


def _partitions(part: IdCounts, axes: Axes) -> Integers:
    """Return the number of the partition of each member."""
    stamps = {stamp: place for place, stamp in enumerate(axes.date_stamps)}
    countries = {country: place * len(stamps) for place, country in enumerate(axes.countries)}
    return np.array([countries[c] + stamps[stamp] for c, stamp in part.members], np.int64)


def parts_of(held: Holdings) -> list[FileGroup]:
    """Group files into a few dozen parts: enough for all workers, but not too small.

    They are in order, except in a compact lake, where each row group is in one part.
    """
    if held.shares_parquet:
        return held.million_rows()
    return held.groups(held.kind, max((held.total("rows") or 0) // _PARTS, 1), count="rows")


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


def count_orphans(parts: Sequence[IdCounts], axes: Axes) -> list[int]:
    """Count each country's screenings whose movie or theater is not in their partition.

    Parameters
    ----------
    parts : sequence of IdCounts
        Result of `ScreeningCounts.by_id`.
    axes : Axes
        The countries and stamps, in order.
    """
    sums = np.zeros(len(axes.countries), np.int64)
    for part in parts:
        country = (_partitions(part, axes) // len(axes.date_stamps))[part.member]
        np.add.at(sums, country[~part.is_known], part.counts[~part.is_known])
    return [int(number) for number in sums]
