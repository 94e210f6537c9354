"""Questions: what a researcher asks of the screenings, as the page shows it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.analyses.counts import ScreeningCounts
from movielake.analyses.dominance import concentration
from movielake.analyses.hours import day_profile
from movielake.analyses.sharing import shares
from movielake.analyses.travel import circulation
from movielake.analyses.weekly import runs
from movielake.reading.readers import MoviesReader
from movielake.report.coverage import Axes
from movielake.report.films import POOL, add_weeks, origin, top_films

TOPS: Final = (1, 5, 10, 20, 50, 100)
"""Numbers of most screened films whose share the page shows."""

VALUES: Final = 25
"""Number of most frequent genres, chains and so on of each country in the page."""

SHARES: Final = {
    "genre": "A film has several genres, and a screening counts for each of them.",
    "chain": "The chain of the theater.",
    "distributor": "A film can have several distributors, and a screening counts for each of them.",
    "language": "The language of the film's record.",
    "format": "A showing has several attributes, and a screening counts for each of them.",
}
"""The attributes of `movielake.shares`, each with a note for the page."""

LONGEST: Final = 27
"""Runs of so many weeks or more are one bar."""


def answer_questions(
    counts: ScreeningCounts, movies: MoviesReader | None, axes: Axes
) -> dict[str, Any]:
    """Gather what the page shows of films, hours, runs, concentration and shares.

    Parameters
    ----------
    counts : ScreeningCounts
        The screenings of the report.
    movies : MoviesReader or None
        The movies, or None if the lake has none.
    axes : Axes
        The countries, in order.

    Returns
    -------
    dict
        Values that JSON can represent. Lists with one entry per country have their order.
    """
    every = runs(counts)
    films = top_films(every, counts, movies, axes)
    begin = origin(every)
    add_weeks(films, counts, begin, axes)
    return {
        "origin": begin.isoformat(),
        "hours": hours_of_week(counts, axes),
        "films": films,
        "pool": POOL,
        "travel": routes(counts, axes),
        "runs": run_lengths(every, axes),
        "longest": LONGEST,
        "concentration": concentrations(counts, axes),
        "tops": list(TOPS),
        "shares": {by: shares_by(counts, by, axes) for by in SHARES},
        "notesOfShares": SHARES,
    }


def routes(counts: ScreeningCounts, axes: Axes) -> list[float]:
    """List between which countries films travel, as one flat list of numbers.

    Parameters
    ----------
    counts : ScreeningCounts
        The screenings of the report.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list
        For each ordered pair with films: the index of the country of a film's premiere, the index
        of a later country, the number of films and their median lag in days. The films are those of
        ``premiered`` in `movielake.circulation`.
    """
    places = {country: number for number, country in enumerate(axes.countries)}
    found: list[float] = []
    for row in circulation(counts).to_pylist():
        if row["premiered"]:
            pair = [places[row["from_country"]], places[row["to_country"]]]
            found += [*pair, row["premiered"], row["median_lag"]]
    return found


def concentrations(counts: ScreeningCounts, axes: Axes) -> list[dict[str, Any]]:
    """Measure the concentration of each country's screenings.

    Parameters
    ----------
    counts : ScreeningCounts
        The screenings of the report.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list of dict
        For each country ``films``, ``top`` (the share of the most screened films, for each number
        in `TOPS`), ``gini`` and ``herfindahl``, as `movielake.concentration` defines them. Without
        screenings, ``films`` is 0 and the others are None.
    """
    nothing = {"films": 0, "gini": None, "herfindahl": None, "top": [None] * len(TOPS)}
    found: dict[str, dict[str, Any]] = {
        country: dict(nothing, top=[]) for country in axes.countries
    }
    for top in TOPS:
        for row in concentration(counts, top=top).to_pylist():
            measures = found[row["country"]]
            measures |= {name: row[name] for name in ("films", "gini", "herfindahl")}
            measures["top"].append(row["top_share"])
    return [measures if measures["films"] else nothing for measures in found.values()]


def shares_by(counts: ScreeningCounts, by: str, axes: Axes) -> list[list[Any]]:
    """List the most frequent values of an attribute, each with its screenings by country.

    Parameters
    ----------
    counts : ScreeningCounts
        The screenings of the report.
    by : str
        An attribute of `movielake.shares`.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list of list
        For each value the value, or None for records without one, and then the index of a country
        and its screenings, alternating. There are the `VALUES` most frequent values of each
        country.
    """
    rows = shares(counts, by).to_pandas()
    chosen = rows.groupby("country", sort=False).head(VALUES)["value"].unique()
    places = {country: number for number, country in enumerate(axes.countries)}
    found: dict[str | None, list[Any]] = {}
    for country, value, screenings in rows[["country", "value", "screenings"]].itertuples(
        index=False
    ):
        name = value if isinstance(value, str) else None
        found.setdefault(name, []).extend([places[country], int(screenings)])
    kept = {value if isinstance(value, str) else None for value in chosen}
    return [[value, *counted] for value, counted in found.items() if value in kept]


def hours_of_week(counts: ScreeningCounts, axes: Axes) -> list[list[int]]:
    """Count each country's screenings in the 168 hours of the week, from Monday 00:00."""
    profile = day_profile(counts)
    found = {country: [0] * 168 for country in axes.countries}
    for row in profile.to_pylist():
        found[row["country"]][(row["weekday"] - 1) * 24 + row["hour"]] = row["screenings"]
    return list(found.values())


def run_lengths(runs: pa.Table, axes: Axes) -> list[dict[str, Any]]:
    """Count each country's runs by their length in weeks.

    Parameters
    ----------
    runs : pa.Table
        Result of `movielake.runs`.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list of dict
        For each country ``weeks`` (the number of runs of 1, 2, … weeks, the last one with
        `LONGEST` or more), ``median`` and ``mean`` (weeks), and ``cut`` (the number of runs that
        the data cut off, which the others leave out).
    """
    return [_lengths(runs.filter(pc.equal(runs["country"], each))) for each in axes.countries]


def _lengths(runs: pa.Table) -> dict[str, Any]:
    is_cut = pc.or_(runs["cut_start"], runs["cut_end"]).to_numpy(zero_copy_only=False)
    weeks = np.ceil(runs["run_days"].to_numpy()[~is_cut] / 7).astype(np.int64)
    counts = np.bincount(np.minimum(weeks, LONGEST))[1:]
    return {
        "weeks": counts.tolist(),
        "median": float(np.median(weeks)) if len(weeks) else None,
        "mean": round(float(weeks.mean()), 3) if len(weeks) else None,
        "cut": int(is_cut.sum()),
    }
