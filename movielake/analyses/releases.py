"""Releases: the first and last day of each film in each country, and whether they are certain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa

from movielake.analyses.keys import Integers, reduce_runs
from movielake.analyses.passes import CountryCounts

_WEEK: Final = 7

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class Releases:
    """One entry for each film in each country, sorted by country and film. Days are since 1970.

    Parameters
    ----------
    countries : tuple of str
        All countries of the selection, in order.
    country : array of int
        Number of the country.
    movie : array of int
        The movie_id.
    first, last : array of int
        First and last day with a screening.
    screenings, days : array of int
        Number of screenings, and of days with a screening.
    longest_gap : array of int
        Most days without a screening between two days with one.
    cut_start, cut_end : array of bool
        Whether the run can have begun before the archive, or can go on after it.
    """

    countries: tuple[str, ...]
    country: Integers
    movie: Integers
    first: Integers
    last: Integers
    screenings: Integers
    days: Integers
    longest_gap: Integers
    cut_start: Mask
    cut_end: Mask

    @cached_property
    def names(self) -> pa.Array:
        """The country of each entry."""
        return pa.array(self.countries, pa.string()).take(pa.array(self.country))

    @cached_property
    def films(self) -> tuple[Integers, Integers]:
        """The distinct films in order, and the number of each entry's film."""
        films, numbers = np.unique(self.movie, return_inverse=True)
        return films, numbers

    @cached_property
    def premiere(self) -> Integers:
        """The first day of each entry's film anywhere."""
        films, numbers = self.films
        first = np.full(len(films), np.iinfo(np.int64).max)
        np.minimum.at(first, numbers, self.first)
        return first[numbers]

    @cached_property
    def origin_is_cut(self) -> Mask:
        """Whether the film can have begun before the archive in any country."""
        films, numbers = self.films
        return np.bincount(numbers, weights=self.cut_start, minlength=len(films))[numbers] > 0


def find_releases(parts: list[CountryCounts]) -> Releases:
    """Find the releases in the counts of all countries."""
    columns = [_of_country(number, part) for number, part in enumerate(parts)]
    together = [np.concatenate(arrays) for arrays in zip(*columns, strict=True)]
    return Releases(tuple(part.country for part in parts), *together)


def count_theaters(parts: list[CountryCounts]) -> Integers:
    """Return the number of different theaters of each entry of the releases."""
    return np.concatenate([part.theaters["theaters"].to_numpy() for part in parts])


def _of_country(number: int, part: CountryCounts) -> tuple[Any, ...]:
    movie, count = (part.days[name].to_numpy() for name in ("movie_id", "screenings"))
    day = part.days["show_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(movie, prepend=movie[:1] - 1))
    ends = np.append(starts[1:], len(movie)) - 1 if len(starts) else starts
    gaps = np.diff(day, prepend=day[:1]) - 1
    gaps[starts] = 0  # a film's first day has no day before it
    first, last = day[starts], day[ends]
    begin, end = (np.datetime64(stamp, "D").astype(np.int64) for stamp in part.stamps)
    return (
        np.full(len(starts), number),
        movie[starts],
        first,
        last,
        reduce_runs(np.add, count, starts),
        ends - starts + 1,
        reduce_runs(np.maximum, gaps, starts),
        first < begin + _WEEK,
        last >= end,
    )


def as_days(days: Integers) -> pa.Array:
    """Return days since 1970 as dates."""
    return pa.array(days.astype(np.int32)).cast(pa.date32())
