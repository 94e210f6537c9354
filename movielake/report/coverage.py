"""Coverage: the stamps and countries in a lake, as rectangles of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.commits import DAMAGED, REFUSED, UNREADABLE
from movielake.lake.manifest import read_manifest
from movielake.names.layout import Selection
from movielake.reading.readers import ShowingsReader

KEYS: Final = ("country", "date_stamp")

Rectangle = list[list[int | None]]
"""A row for each country, with a number or None for each stamp."""


@dataclass(frozen=True)
class Axes:
    """The countries and stamps of a report, in order.

    Parameters
    ----------
    countries, date_stamps : tuple of str
        All selected countries and stamps that the lake has.
    """

    countries: tuple[str, ...]
    date_stamps: tuple[str, ...]

    def arrange(self, cells: Iterable[tuple[str, str, int]]) -> Rectangle:
        """Arrange triples (country, date_stamp, number) in a rectangle."""
        rows = {country: row for row, country in enumerate(self.countries)}
        columns = {stamp: column for column, stamp in enumerate(self.date_stamps)}
        rectangle: Rectangle = [[None] * len(columns) for _ in rows]
        for country, stamp, number in cells:
            rectangle[rows[country]][columns[stamp]] = int(number)
        return rectangle


def select_members(showings: ShowingsReader, selection: Selection) -> pa.Table:
    """Read the selected rows of a manifest.

    Parameters
    ----------
    showings : ShowingsReader
        Reader of the lake.
    selection : Selection
        The stamps and countries of the report.

    Returns
    -------
    pa.Table
        Rows of the manifest.
    """
    members = read_manifest(showings._held.folder)
    keys = zip(members["date_stamp"].to_pylist(), members["country"].to_pylist(), strict=True)
    return members.filter(pa.array([selection.matches(*key) for key in keys], pa.bool_()))


def find_axes(members: pa.Table) -> Axes:
    """Return the countries and stamps of members."""
    countries, stamps = (sorted(pc.unique(members[key]).to_pylist()) for key in KEYS)
    return Axes(tuple(countries), tuple(stamps))


def count_screenings(members: pa.Table, axes: Axes) -> Rectangle:
    """Count the screenings of each partition, or None without a feed zip."""
    counts = members.group_by(list(KEYS), use_threads=False).aggregate([("screenings", "sum")])
    columns = (*KEYS, "screenings_sum")
    cells = zip(*(counts[name].to_pylist() for name in columns), strict=True)
    return axes.arrange((country, stamp, number or 0) for country, stamp, number in cells)


def damaged_partitions(members: pa.Table, axes: Axes) -> list[list[int]]:
    """List the partitions with damage, as indices of country and stamp."""
    hurt = members.filter(pc.is_in(members["status"], pa.array([DAMAGED, REFUSED, UNREADABLE])))
    keys = zip(hurt["country"].to_pylist(), hurt["date_stamp"].to_pylist(), strict=True)
    found = {(axes.countries.index(c), axes.date_stamps.index(s)) for c, s in keys}
    return [list(pair) for pair in sorted(found)]


def choose_index(screenings: Rectangle, axes: Axes, asked: str | None = None) -> str:
    """Choose the stamp whose screenings are 100 % in the comparison.

    Parameters
    ----------
    screenings : Rectangle
        Result of `count_screenings`.
    axes : Axes
        The countries and stamps of the rectangle.
    asked : str, optional
        The requested stamp.

    Returns
    -------
    str
        The requested stamp. Without a request, the first stamp with screenings in every country, or
        in the largest number of countries.

    Raises
    ------
    ValueError
        If the requested stamp is not in the axes.
    """
    if asked is not None:
        if asked not in axes.date_stamps:
            raise ValueError(
                f"expected a date stamp of the lake for the index, found {asked!r}; it holds "
                f"{len(axes.date_stamps)}, {axes.date_stamps[0]} to {axes.date_stamps[-1]}"
            )
        return asked
    present = [sum(1 for row in screenings if row[n]) for n in range(len(axes.date_stamps))]
    return axes.date_stamps[present.index(max(present))]
