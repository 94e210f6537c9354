"""Weeks: how long a film runs in a country, and in how many theaters."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from movielake.analyses.counts import (
    SELECTION,
    VERSIONS,
    ScreeningCounts,
    counts_of,
)
from movielake.analyses.keys import Integers, reduce_runs
from movielake.analyses.passes import CountryCounts, column_of_countries
from movielake.analyses.releases import as_days, count_theaters, find_releases
from movielake.names.hints import suggest_name
from movielake.names.layout import Terms
from movielake.reading.blocks import Current
from movielake.reading.readers import ShowingsReader
from movielake.reading.views import insert_into_docstring

_PER: Final = """
per : {"run", "week"}, optional
    One row for each run of a film in a country, or one for each week of it. Default: each run.
"""


@insert_into_docstring(SELECTION.rstrip() + VERSIONS.rstrip() + _PER)
def runs(
    lake: str | ShowingsReader | ScreeningCounts,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: Current = True,
    versions: str = "merge",
    per: str = "run",
) -> pa.Table:
    """Describe the run of each film in each country: its weeks, screenings and theaters.

    Returns
    -------
    pa.Table
        One row for each film in each country, sorted by country and film:

        - ``country`` (string), ``movie_id`` (int32)
        - ``first_day``, ``last_day`` (date32): first and last ``show_date`` with a screening
        - ``run_days`` (int32, days): length of the run, with both ends
        - ``days`` (int32): days with a screening
        - ``longest_gap`` (int32, days): most days without one in between. A long gap is a sign
          that the film came back.
        - ``weeks`` (int32): weeks on screens, which have a screening
        - ``screenings`` (int64), ``theaters`` (int32): in the whole run
        - ``screenings_per_week``, ``theaters_per_week`` (double): means over the weeks on screens
        - ``most_theaters`` (int32): in one week
        - ``cut_start``, ``cut_end`` (bool): the run can have begun before the archive, or can go on
          after it. Then its length is a lower limit.

        With ``per="week"``, one row for each week with a screening, sorted by country, film and
        week: ``country``, ``movie_id``, ``week`` (int32, the first is 1), ``begins`` (date32),
        ``screenings`` (int64), ``theaters`` (int32), and ``cut_start`` and ``cut_end`` of the run.

    Raises
    ------
    ValueError
        If ``per`` has another value.

    Notes
    -----
    A week of a run begins on the weekday of the film's first day in the country, not on a fixed
    day, because cinemas change their films on different weekdays in different countries. A week
    without a screening has no row. A run has all screenings of a film in a country, also after a
    gap. ``cut_start`` means that the first day is less than 7 days after the country's first date
    stamp, ``cut_end`` that the last day is not before its last date stamp. Weeks that are missing
    inside the archive are not known here. The definition is ours.

    Examples
    --------
    >>> from movielake import runs
    >>> weeks = runs("lake", countries="deu", per="week").to_pandas()
    >>> weeks[weeks["movie_id"] == 103000][["week", "begins", "screenings", "theaters"]]
       week      begins  screenings  theaters
    0     1  2019-12-06          24         1
    1     2  2019-12-13          24         1
    2     3  2019-12-20          21         1
    """
    if per not in ("run", "week"):
        raise ValueError(
            f"expected per='run' or per='week', found {per!r}{suggest_name(per, ('run', 'week'))}"
        )
    counts = counts_of(
        lake, countries=countries, date_stamps=date_stamps, current=current, versions=versions
    )
    parts = counts.by_film
    return _runs(parts) if per == "run" else _weeks(parts)


def _runs(parts: list[CountryCounts]) -> pa.Table:
    found = find_releases(parts)
    weeks = [_per_film(part.weeks) for part in parts]
    number, shown, most = (
        np.concatenate([np.zeros(0, np.int64), *columns]) for columns in zip(*weeks, strict=True)
    )
    return pa.table(
        {
            "country": found.names,
            "movie_id": pa.array(found.movie.astype(np.int32)),
            "first_day": as_days(found.first),
            "last_day": as_days(found.last),
            "run_days": pa.array((found.last - found.first + 1).astype(np.int32)),
            "days": pa.array(found.days.astype(np.int32)),
            "longest_gap": pa.array(found.longest_gap.astype(np.int32)),
            "weeks": pa.array(number.astype(np.int32)),
            "screenings": pa.array(found.screenings),
            "theaters": pa.array(count_theaters(parts).astype(np.int32)),
            "screenings_per_week": pa.array(found.screenings / number),
            "theaters_per_week": pa.array(shown / number),
            "most_theaters": pa.array(most.astype(np.int32)),
            "cut_start": pa.array(found.cut_start),
            "cut_end": pa.array(found.cut_end),
        }
    )


def _per_film(weeks: pa.Table) -> tuple[Integers, Integers, Integers]:
    """Return each film's number of weeks, sum of theaters over the weeks, and most theaters."""
    movie, theaters = weeks["movie_id"].to_numpy(), weeks["theaters"].to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(movie, prepend=movie[:1] - 1))
    number = np.diff(starts, append=len(movie))
    shown, most = (reduce_runs(f, theaters, starts) for f in (np.add, np.maximum))
    return number, shown, most


def _weeks(parts: list[CountryCounts]) -> pa.Table:
    table = column_of_countries(parts, [part.weeks for part in parts])
    found = find_releases(parts)
    lengths = np.concatenate([_per_film(part.weeks)[0] for part in parts])
    for name in ("cut_start", "cut_end"):
        table = table.append_column(name, pa.array(np.repeat(getattr(found, name), lengths)))
    return table.combine_chunks()
