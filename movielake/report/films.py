"""Films: the most screened ones, how each country showed them, and their weeks."""

from __future__ import annotations

import datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from movielake.analyses.counts import ScreeningCounts
from movielake.reading.readers import MoviesReader
from movielake.report.coverage import Axes
from movielake.report.titles import describe_films

POOL: Final = 100
"""Number of most screened films of each country in the page. Its tables of films use them."""

WEEKLY: Final = 200
"""Number of most screened films whose weeks are in the page, unless these are too many numbers."""

MOST_WEEKS: Final = 250_000
"""Most numbers of weeks in the page, about a megabyte."""

Films = list[dict[str, Any]]


def top_films(
    runs: pa.Table, counts: ScreeningCounts, movies: MoviesReader | None, axes: Axes
) -> Films:
    """List the most screened films of each country.

    Parameters
    ----------
    runs : pa.Table
        Result of `movielake.runs`.
    counts : ScreeningCounts
        The counts of the same screenings.
    movies : MoviesReader or None
        First source of titles. The movie_name of the showings is the second one: China's feed has
        no movies.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list of dict
        For each film its ``id``, ``title``, ``genres``, ``stays`` and ``known``: whether its first
        country is known, since no run is cut at its start. A stay is the index of a country, its
        screenings and theaters, the first and the last day. The numbers of all stays are one flat
        list. Days count from `origin`. The most screened film comes first.
    """
    places = pa.array(axes.countries, pa.string())
    stays = runs.append_column("place", pc.index_in(runs["country"], places)).to_pandas()
    ranked = stays.sort_values(["screenings", "movie_id"], ascending=[False, True])
    pool = ranked.groupby("place").head(POOL)["movie_id"].unique()
    stays = stays[stays["movie_id"].isin(pool)]
    by_film = stays.groupby("movie_id").agg(n=("screenings", "sum"), cut=("cut_start", "any"))
    by_film = by_film.reset_index().sort_values(["n", "movie_id"], ascending=[False, True])
    films = by_film["movie_id"].tolist()
    titles, genres = describe_films(films, movies, counts.showings)
    found = _stays(stays, runs)
    return [
        {
            "id": film,
            "title": titles.get(film),
            "genres": genres.get(film),
            "stays": found[film],
            "known": not cut,
        }
        for film, cut in zip(films, by_film["cut"].tolist(), strict=True)
    ]


def _stays(stays: pd.DataFrame, runs: pa.Table) -> dict[int, list[int]]:
    begin = origin(runs)
    found: dict[int, list[int]] = {}
    columns = ["movie_id", "place", "screenings", "theaters", "first_day", "last_day"]
    for film, *numbers, first, last in stays[columns].itertuples(index=False):
        days = [(day - begin).days for day in (first, last)]
        found.setdefault(film, []).extend([*map(int, numbers), *days])
    return found


def origin(runs: pa.Table) -> datetime.date:
    """Return the Monday from which days and weeks count: before the first day of any film."""
    first = pc.min(runs["first_day"]).as_py() or datetime.date(1970, 1, 5)
    return first - datetime.timedelta(days=first.weekday())


def add_weeks(films: Films, counts: ScreeningCounts, begin: datetime.date, axes: Axes) -> None:
    """Add ``first`` and ``weeks`` to films. Only the most screened ones have any weeks.

    ``first`` is the film's first week, counted from ``begin``. ``weeks`` has a list by index of
    country: the number of weeks before the film's first one there, then the screenings by week.
    """
    chosen = {film["id"]: film for film in films[:WEEKLY]}
    for film in films:
        film.update({"first": 0, "weeks": {}})
    ids = pa.array(sorted(chosen), pa.int32())
    for part in counts.by_film:
        days = part.days.filter(pc.is_in(part.days["movie_id"], ids))
        movie = days["movie_id"].to_numpy()
        numbers = days["show_date"].cast(pa.int32()).to_numpy() - (begin - _EPOCH).days
        weeks, sums = numbers // 7, days["screenings"].to_numpy()
        for movie_id, there in _slices(movie):
            first = weeks[there][0]
            series = np.bincount(weeks[there] - first, sums[there]).astype(int).tolist()
            chosen[movie_id]["weeks"][axes.countries.index(part.country)] = [int(first), *series]
    room = MOST_WEEKS
    for film in chosen.values():
        room -= sum(map(len, film["weeks"].values()))
        if room < 0:
            film["weeks"] = {}
        film["first"] = min((weeks[0] for weeks in film["weeks"].values()), default=0)
        for weeks in film["weeks"].values():
            weeks[0] -= film["first"]


_EPOCH: Final = datetime.date(1970, 1, 1)


def _slices(movie: Any) -> list[tuple[int, slice]]:
    """List the films of a sorted column, each with its rows."""
    starts = np.flatnonzero(np.diff(movie, prepend=movie[:1] - 1))
    edges = np.append(starts, len(movie)).tolist()
    return [(int(movie[a]), slice(a, b)) for a, b in pairwise(edges)]
