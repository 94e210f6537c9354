"""Spread: how far, how long and in which order films are released in the countries."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from movielake.analyses.counts import SELECTION, VERSIONS, ScreeningCounts, counts_of
from movielake.analyses.keys import Integers, medians_of_runs, reduce_runs
from movielake.analyses.releases import Releases, as_days, count_theaters, find_releases
from movielake.names.layout import Terms
from movielake.reading.blocks import Current
from movielake.reading.readers import ShowingsReader
from movielake.reading.views import insert_into_docstring

_SECTIONS: Final = SELECTION.rstrip() + VERSIONS


@insert_into_docstring(_SECTIONS)
def premieres(
    lake: str | ShowingsReader | ScreeningCounts,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: Current = True,
    versions: str = "merge",
) -> pa.Table:
    """Find the first screening of each film in each country.

    Returns
    -------
    pa.Table
        One row for each film and country, sorted by film, day and country:

        - ``movie_id`` (int32), ``country`` (string)
        - ``first_day`` (date32): first ``show_date`` with a screening in the country
        - ``delay`` (int32, days): since the film's first day in any country. 0 means that the
          country is the first, or one of several on the same day.
        - ``countries_before`` (int32): number of countries with an earlier first day
        - ``cut_start`` (bool): the film can have begun before the archive. Its first day is less
          than 7 days after the country's first date stamp.
        - ``origin_cut`` (bool): ``cut_start`` is true in any country, so the film's first country
          is not known for certain.

    Notes
    -----
    The day is local. Only countries in the selection are known. A preview or a festival screening
    is a screening: the feed seldom marks them. The definition is ours.

    Examples
    --------
    >>> from movielake import premieres
    >>> first = premieres("lake", countries=["deu", "swe"]).to_pandas()
    >>> first[first["delay"] > 0][["movie_id", "country", "first_day", "delay"]]
       movie_id country   first_day  delay
    9    103800     swe  2019-12-13      7
    """
    counts = counts_of(
        lake, countries=countries, date_stamps=date_stamps, current=current, versions=versions
    )
    found = find_releases(counts.by_day)
    order = np.lexsort((found.country, found.first, found.movie))
    table = pa.table(
        {
            "movie_id": pa.array(found.movie.astype(np.int32)),
            "country": found.names,
            "first_day": as_days(found.first),
            "delay": pa.array((found.first - found.premiere).astype(np.int32)),
            "countries_before": pa.array(_countries_before(found, order).astype(np.int32)),
            "cut_start": pa.array(found.cut_start),
            "origin_cut": pa.array(found.origin_is_cut),
        }
    )
    return table.take(pa.array(order))


def _countries_before(found: Releases, order: Integers) -> Integers:
    """Count the countries with an earlier first day of the same film."""
    movie, first = found.movie[order], found.first[order]
    place = np.arange(len(order))
    is_film = np.diff(movie, prepend=movie[:1] - 1) != 0
    is_day = is_film | (np.diff(first, prepend=first[:1] - 1) != 0)
    start = np.maximum.accumulate(np.where(is_film, place, 0))
    before = np.empty_like(place)
    before[order] = np.maximum.accumulate(np.where(is_day, place, 0)) - start
    return before


@insert_into_docstring(_SECTIONS)
def distribution(
    lake: str | ShowingsReader | ScreeningCounts,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: Current = True,
    versions: str = "merge",
) -> pa.Table:
    """Describe the distribution of each film: screenings, run, geographical spread and delay.

    Returns
    -------
    pa.Table
        One row for each film with a screening, sorted by ``movie_id``:

        - ``movie_id`` (int32), ``versions`` (int32): number of movie_ids that count as this film
        - ``screenings`` (int64)
        - ``first_day``, ``last_day`` (date32): first and last ``show_date`` in any country
        - ``run_days`` (int32, days): length of the run, from the first to the last day with both
        - ``countries`` (int32), ``theaters`` (int32): geographical spread. A theater is a
          theater_id in a country.
        - ``release_delay`` (double, days): median delay of the film's later countries. All its
          countries but one with the first day count. Null for a film in one country only.
        - ``longest_delay`` (int32, days): delay of the film's last country, or null
        - ``cut_start``, ``cut_end`` (bool): in any country, the run can have begun before the
          archive, or can go on after it. Then the other values are lower limits.

    Notes
    -----
    The four measures are those that Zemaityte's thesis defines a film's distribution by [1]_: the
    number of screenings, the length of the theatrical run, geographical spread and release delay.
    The first three also describe a film's global run in [2]_. We read the abstracts only. So the
    details here are ours: days with both ends, countries and theaters, and the median delay.

    ``cut_start`` means that the first day is less than 7 days after the country's first date stamp,
    ``cut_end`` that the last day is not before its last date stamp.

    References
    ----------
    .. [1] V. Zemaityte, Global Cinema Distribution: A Large-Scale Data-Driven Study of Film
       Screenings. PhD thesis, Deakin University, 2019.
    .. [2] V. Zemaityte, B. Coate, D. Verhoeven, Media Trade Beyond Country Borders: Five Types of
       Global Cinema Distribution. 2018. https://doi.org/10.2139/ssrn.3228310

    Examples
    --------
    >>> from movielake import distribution
    >>> films = distribution("lake").to_pandas().set_index("movie_id")
    >>> films.loc[103600, ["versions", "screenings", "run_days", "countries", "release_delay"]]
    versions            3.0
    screenings       1586.0
    run_days           24.0
    countries           7.0
    release_delay       7.0
    Name: 103600, dtype: float64
    """
    counts = counts_of(
        lake, countries=countries, date_stamps=date_stamps, current=current, versions=versions
    )
    parts = counts.by_film
    found = find_releases(parts)
    theaters = count_theaters(parts)
    films, film = found.films
    order = np.lexsort((found.first, film))
    starts = np.searchsorted(film[order], np.arange(len(films)))
    first, last = found.first[order][starts], reduce_runs(np.maximum, found.last[order], starts)
    raw = np.unique(np.concatenate([np.zeros(0, np.int64), *(part.ids for part in parts)]))
    bases = np.searchsorted(films, counts.bases.of(raw))
    delay = (found.first - found.premiere)[order]
    spread = np.diff(starts, append=len(order))
    alone = spread == 1
    medians = medians_of_runs(delay, starts + 1, spread - 1)  # without the first country
    any_cut = {
        name: reduce_runs(np.logical_or, getattr(found, name)[order], starts)
        for name in ("cut_start", "cut_end")
    }
    return pa.table(
        {
            "movie_id": pa.array(films.astype(np.int32)),
            "versions": pa.array(np.bincount(bases, minlength=len(films)).astype(np.int32)),
            "screenings": pa.array(reduce_runs(np.add, found.screenings[order], starts)),
            "first_day": as_days(first),
            "last_day": as_days(last),
            "run_days": pa.array((last - first + 1).astype(np.int32)),
            "countries": pa.array(spread.astype(np.int32)),
            "theaters": pa.array(reduce_runs(np.add, theaters[order], starts).astype(np.int32)),
            "release_delay": pa.array(medians, mask=alone),
            "longest_delay": pa.array(delay[starts + spread - 1].astype(np.int32), mask=alone),
            **{name: pa.array(flags) for name, flags in any_cut.items()},
        }
    )
