"""Dominance: how much of the screenings the most screened films have."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from movielake.analyses.counts import SELECTION, VERSIONS, ScreeningCounts, counts_of
from movielake.analyses.keys import Integers, reduce_runs, starts_of, sum_by
from movielake.analyses.passes import CountryCounts
from movielake.names.hints import suggest_name
from movielake.names.layout import Terms
from movielake.reading.blocks import Current
from movielake.reading.readers import ShowingsReader
from movielake.reading.views import insert_into_docstring

_PERIODS: Final = {"all": "", "year": "Y", "month": "M"}
"""For each period, NumPy's unit. A period is written as this part of a date."""

_MORE: Final = """
top : int, optional
    Number of most screened films for ``top_share``. Default: 10.
per : {"all", "year", "month"}, optional
    One row for the whole selection of a country, or for each year or month of ``show_date``.
together : bool, optional
    Count all countries as one. Default: each country for itself.
"""


@insert_into_docstring(SELECTION.rstrip() + VERSIONS.rstrip() + _MORE)
def concentration(
    lake: str | ShowingsReader | ScreeningCounts,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: Current = True,
    versions: str = "merge",
    top: int = 10,
    per: str = "all",
    together: bool = False,
) -> pa.Table:
    """Measure how unequally the screenings of a country are divided among its films.

    Returns
    -------
    pa.Table
        One row for each country and period with screenings, sorted:

        - ``country`` (string): null if ``together``
        - ``period`` (string): ``all``, a year such as ``2019`` or a month such as ``2019-12``
        - ``films`` (int32), ``screenings`` (int64)
        - ``top_share`` (double): share of the screenings that the ``top`` films have
        - ``gini`` (double): Gini coefficient, from 0 if all films have the same number of
          screenings, to 1 - 1/n if one of n films has nearly all
        - ``herfindahl`` (double): Herfindahl-Hirschman index, from 1/n for n equal films to 1
        - ``effective_films`` (double): 1 divided by the index, the number of equal films that
          would give the same index

    Raises
    ------
    ValueError
        If ``per`` has another value, or if ``top`` is below 1.

    Notes
    -----
    Let x(1), …, x(n) be the screenings of n films in rising order, X their sum, and s(i) = x(i) / X
    their shares. The Gini coefficient is the sum of (2i - n - 1) x(i), divided by nX. The
    Herfindahl-Hirschman index is the sum of s(i)². Only films with a screening in the period count,
    so the measures do not know of films that no cinema shows.

    Coate and others measure the diversity of films on Australian screens by the films' shares of
    screenings instead of the number of titles [1]_. We read the abstract only.

    References
    ----------
    .. [1] B. Coate, D. Verhoeven, C. Arrowsmith, V. Zemaityte, Feature Film Diversity on Australian
       Cinema Screens: Implications for Cultural Diversity Studies Using Big Data. 2017.
       https://doi.org/10.1007/978-3-319-48299-6_16

    Examples
    --------
    >>> from movielake import concentration
    >>> measures = concentration("lake", countries="deu", top=3).to_pydict()
    >>> {name: round(measures[name][0], 2) for name in ("top_share", "gini", "herfindahl")}
    {'top_share': 0.5, 'gini': 0.31, 'herfindahl': 0.14}
    """
    if per not in _PERIODS:
        guess = suggest_name(per, _PERIODS)
        raise ValueError(f"expected per= out of {', '.join(_PERIODS)}, found {per!r}{guess}")
    if top < 1:
        raise ValueError(f"expected a top of at least 1 film, found {top}")
    counts = counts_of(
        lake, countries=countries, date_stamps=date_stamps, current=current, versions=versions
    )
    parts = counts.by_day
    found = [_by_film_and_period(part, per) for part in parts]
    numbers = np.repeat(np.arange(len(parts)), [len(film) for film, _, _ in found])
    film, period, screenings = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    if together:
        film, period, screenings = _add(film, period, screenings)
        numbers = np.zeros(len(film), np.int64)
    names = pa.array([None if together else part.country for part in parts], pa.string())
    return _measure(names, numbers, period, screenings, per, top)


def _by_film_and_period(part: CountryCounts, per: str) -> tuple[Integers, Integers, Integers]:
    """Sum a country's screenings by film and period. A period is a number."""
    film, counts = (part.days[name].to_numpy() for name in ("movie_id", "screenings"))
    period = np.zeros(len(film), np.int64)
    if per != "all":
        days = part.days["show_date"].to_numpy()
        period = days.astype(f"datetime64[{_PERIODS[per]}]").astype(np.int64)
    starts = starts_of([film, period])  # the days of a film are in order
    return film[starts].astype(np.int64), period[starts], reduce_runs(np.add, counts, starts)


def _add(film: Integers, period: Integers, counts: Integers) -> tuple[Integers, Integers, Integers]:
    """Sum the screenings of all countries."""
    low, early = (int(numbers.min(initial=0)) for numbers in (film, period))
    width = int(period.max(initial=0)) - early + 1
    keys, sums = sum_by((film - low) * width + (period - early), counts)
    return keys // width + low, keys % width + early, sums


def _measure(
    names: pa.Array, country: Integers, period: Integers, counts: Integers, per: str, top: int
) -> pa.Table:
    order = np.lexsort((counts, period, country))
    country, period, counts = country[order], period[order], counts[order]
    starts = starts_of([country, period])
    number = np.diff(starts, append=len(counts))
    films, first = np.repeat(number, number), np.repeat(starts, number)
    rank = np.arange(len(counts)) - first + 1
    total = reduce_runs(np.add, counts, starts)
    share = counts / np.repeat(total, number)
    weighted = reduce_runs(np.add, (2 * rank - films - 1) * share, starts)
    herfindahl = reduce_runs(np.add, share**2, starts)
    highest = reduce_runs(np.add, np.where(rank > films - top, counts, 0), starts)
    return pa.table(
        {
            "country": names.take(pa.array(country[starts])),
            "period": _written(period[starts], per),
            "films": pa.array(number.astype(np.int32)),
            "screenings": pa.array(total),
            "top_share": pa.array(highest / total),
            "gini": pa.array(weighted / number),
            "herfindahl": pa.array(herfindahl),
            "effective_films": pa.array(1 / herfindahl),
        }
    )


def _written(period: Integers, per: str) -> pa.Array:
    if per == "all":
        return pa.array(["all"] * len(period), pa.string())
    dates = period.astype(f"datetime64[{_PERIODS[per]}]")
    return pa.array([str(date) for date in dates], pa.string())
