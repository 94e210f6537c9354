"""A pass through the current screenings of one country: counts by film, day, week and hour.

The rows of a film in a theater on a day are neighbours in the feed. They become one entry before
anything is sorted.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.analyses.attributes import AttributeCounter, Found
from movielake.analyses.keys import Integers, code, distinct_of, starts_of, sum_by
from movielake.analyses.versions import Bases
from movielake.reading.blocks import TIME
from movielake.reading.files import PlainRows
from movielake.reading.groups import FileGroup

_NULL: Final = -(2**31)
"""The theater_id of a screening without one."""

_WEEKDAYS, _HOURS = 7, 24
_THURSDAY: Final = 3
"""Weekday of 1970-01-01, from Monday = 0."""


@dataclass(frozen=True, eq=False)
class CountryCounts:
    """Counts of the screenings of one country.

    Parameters
    ----------
    country : str
        The country.
    stamps : tuple of datetime.date
        The first and the last snapshot.
    days : pa.Table
        ``movie_id``, ``show_date`` and ``screenings``, sorted.
    weeks : pa.Table
        ``movie_id``, ``week`` of the run (from 1), ``begins``, ``screenings`` and ``theaters``.
        Empty if theaters were not asked for.
    theaters : pa.Table
        ``movie_id`` and ``theaters``. Empty if they were not asked for.
    ids : array of int
        The movie_ids with screenings, versions apart.
    hours : array of int
        Screenings by weekday (from Monday) and hour, 7 × 24.
    left_out : int
        Screenings without a movie_id or a show_date.
    attributes : tuple of Found
        The screenings by attributes, of each group of files. Empty if no attributes were asked for.
    """

    country: str
    stamps: tuple[datetime.date, datetime.date]
    days: pa.Table
    weeks: pa.Table
    theaters: pa.Table
    ids: Integers
    hours: Integers
    left_out: int
    attributes: tuple[Found, ...] = ()


@dataclass(frozen=True)
class CountryPass:
    """Function that counts the screenings of one country. Its groups of files are in order.

    Parameters
    ----------
    source : PlainRows
        The reader of the showings.
    bases : Bases
        The base film of each version.
    films, theaters, hours : bool
        What to count. Theaters are those of each film.
    attributes : AttributeCounter or None
        Counter of attributes, if they are asked for.
    """

    source: PlainRows
    bases: Bases
    films: bool = False
    theaters: bool = False
    hours: bool = False
    attributes: AttributeCounter | None = None

    def __call__(self, groups: Sequence[FileGroup]) -> CountryCounts:
        """Read one group after the other, and keep only what is needed of each."""
        hours, left_out = np.zeros(_WEEKDAYS * _HOURS, np.int64), 0
        parts: list[_Runs] = []
        attributes = []
        for group in groups:
            rows, file = self._read(group)
            if self.attributes:
                attributes.append(self.attributes.count(group, rows, file))
            if self.hours:
                hours += _count_hours(rows)
            if self.films:
                known = pc.and_(rows["movie_id"].is_valid(), rows["show_date"].is_valid())
                if not pc.all(known, min_count=0).as_py():
                    left_out += rows.num_rows - pc.sum(known).as_py()
                    rows = rows.filter(known)
                parts.append(_Runs.of(rows))
        films = _FilmCounts(_Runs.together(parts), self.bases)
        none = slice(None) if self.theaters else slice(0)
        files = [file for group in groups for file in group.files]
        stamps = [datetime.datetime.strptime(f.date_stamp, "%Y%m%d").date() for f in files]
        return CountryCounts(
            files[0].country,
            (min(stamps), max(stamps)),
            films.days(),
            films.weeks()[none],
            films.theaters()[none],
            films.ids,
            hours.reshape(_WEEKDAYS, _HOURS),
            left_out,
            tuple(attributes),
        )

    def _read(self, group: FileGroup) -> tuple[pa.Table, Integers]:
        """Read the rows with a time, and number the file of each."""
        untimed = any(file.untimed for file in group.files)
        columns = ["movie_id", "show_date"] * self.films + ["theater_id"] * self.theaters
        columns += ["show_date", TIME] * self.hours + [TIME] * untimed
        columns += self.attributes.columns if self.attributes else []
        rows, lengths = self.source.whole(group, list(dict.fromkeys(columns)), coded="lists")
        file = np.repeat(np.arange(len(lengths)), lengths)
        if untimed:
            is_timed = rows[TIME].is_valid()
            rows, file = rows.filter(is_timed), file[is_timed.to_numpy()]
        return rows, file


def tasks_by_country(groups: Sequence[FileGroup], *, together: bool) -> list[list[FileGroup]]:
    """List the groups of each country, or each group alone. One of several countries is divided."""
    tasks = defaultdict(list)
    for group in groups:
        for country in dict.fromkeys(file.country for file in group.files):
            tasks[country].append(group.only([file.country == country for file in group.files]))
    found = list(tasks.values())
    if not together:
        found = [[group] for task in found for group in task]
    # The largest task first, so that no worker begins it last.
    return sorted(found, key=_rows, reverse=True)


def _rows(groups: Sequence[FileGroup]) -> int:
    return sum(file.length or 0 for group in groups for file in group.files)


def _count_hours(rows: pa.Table) -> Integers:
    rows = rows.filter(rows["show_date"].is_valid()) if rows["show_date"].null_count else rows
    weekday = (_numbers(rows["show_date"]) + _THURSDAY) % _WEEKDAYS
    hour = pc.hour(rows[TIME]).to_numpy()
    return np.bincount(weekday * _HOURS + hour, minlength=_WEEKDAYS * _HOURS)


def _numbers(column: pa.ChunkedArray) -> Integers:
    """Return ids or days as integers. A null becomes `_NULL`."""
    integers = column.cast(pa.int32())
    numbers: Integers = (
        pc.fill_null(integers, _NULL) if column.null_count else integers
    ).to_numpy()
    return numbers


@dataclass(frozen=True, eq=False)
class _Runs:
    """Neighbouring screenings of a film in a theater on a day, as parallel arrays."""

    movie: Integers
    theater: Integers
    day: Integers
    count: Integers

    @classmethod
    def of(cls, rows: pa.Table) -> _Runs:
        movie, day = _numbers(rows["movie_id"]), _numbers(rows["show_date"])
        if "theater_id" in rows.column_names:
            theater = _numbers(rows["theater_id"])
            starts = starts_of([movie, theater, day])
        else:
            theater = np.full(rows.num_rows, _NULL, np.int32)
            starts = starts_of([movie, day])
        counts = np.diff(starts, append=rows.num_rows)
        return cls(movie[starts], theater[starts], day[starts], counts)

    @classmethod
    def together(cls, parts: Sequence[_Runs]) -> _Runs:
        none = np.zeros(0, np.int32)
        return cls(
            np.concatenate([none, *(part.movie for part in parts)]),
            np.concatenate([none, *(part.theater for part in parts)]),
            np.concatenate([none, *(part.day for part in parts)]),
            np.concatenate([none.astype(np.int64), *(part.count for part in parts)]),
        )


class _FilmCounts:
    """Counts of one country by film, from runs in any order."""

    def __init__(self, runs: _Runs, bases: Bases) -> None:
        self.ids, raw = code(runs.movie)
        self._films, of_ids = np.unique(bases.of(self.ids), return_inverse=True)
        film = of_ids[raw]
        low = int(runs.day.min()) if len(runs.day) else 0
        span = int(runs.day.max()) - low + 1 if len(runs.day) else 1
        keys, self._count = sum_by(film * np.int64(span) + (runs.day - low), runs.count)
        self._film, self._day = keys // span, keys % span + low
        # The days of each film are in order, so the first one is its first day.
        self._first = self._day[np.searchsorted(self._film, np.arange(len(self._films)))]
        self._week = (self._day - self._first[self._film]) // 7
        self._width = int(self._week.max(initial=0)) + 1
        self._seen, self._theaters = self._find_theaters(film, runs)

    def _find_theaters(self, film: Integers, runs: _Runs) -> tuple[Integers, Integers]:
        """Return the film and week of each theater in it, and each film's number of theaters."""
        theater, day = runs.theater, runs.day
        known = theater != _NULL
        if not known.all():
            film, theater, day = film[known], theater[known], day[known]
        week = (day - self._first[film]) // 7
        starts = starts_of([film, theater, week])
        ids, house = code(theater[starts])
        size = max(len(ids), 1)
        keys = distinct_of((film[starts] * np.int64(self._width) + week[starts]) * size + house)
        pairs = distinct_of(keys // size // self._width * size + keys % size)
        return keys // size, np.bincount(pairs // size, minlength=len(self._films))

    def days(self) -> pa.Table:
        """Return the screenings of each film on each day."""
        days = pa.array(self._day.astype(np.int32)).cast(pa.date32())
        return pa.table(
            {
                "movie_id": self._ids(self._film),
                "show_date": days,
                "screenings": pa.array(self._count),
            }
        )

    def weeks(self) -> pa.Table:
        """Return the screenings and theaters of each film in each week of its run."""
        key = self._film * self._width + self._week
        starts = starts_of([key])
        found = key[starts]
        theaters = np.bincount(np.searchsorted(found, self._seen), minlength=len(found))
        film, week = found // self._width, found % self._width
        begins = (self._first[film] + 7 * week).astype(np.int32)
        counts = np.add.reduceat(self._count, starts) if len(starts) else self._count
        return pa.table(
            {
                "movie_id": self._ids(film),
                "week": pa.array((week + 1).astype(np.int32)),
                "begins": pa.array(begins).cast(pa.date32()),
                "screenings": pa.array(counts),
                "theaters": pa.array(theaters.astype(np.int32)),
            }
        )

    def theaters(self) -> pa.Table:
        """Return the number of theaters of each film."""
        films = self._ids(np.arange(len(self._films)))
        return pa.table({"movie_id": films, "theaters": pa.array(self._theaters.astype(np.int32))})

    def _ids(self, film: Integers) -> pa.Array:
        return pa.array(self._films[film].astype(np.int32))


def column_of_countries(parts: list[CountryCounts], tables: list[pa.Table]) -> pa.Table:
    """Put tables of countries together, with the country as first column."""
    whole = pa.concat_tables(tables)
    names = np.repeat([part.country for part in parts], [rows.num_rows for rows in tables])
    return whole.add_column(0, "country", pa.array(names, pa.string()))
