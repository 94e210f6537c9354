"""The share of a country's open theaters: all until 2020, then few, then more again."""

from __future__ import annotations

from datetime import date

from movielake.sample.places import Country

RECOVERY_WEEKS = 45


def open_share(country: Country, day: date) -> float:
    """Return the share of a country's theaters that were open in a week.

    The dates are roughly the real dates. The shares between them are invented.

    Parameters
    ----------
    country
        The country.
    day
        The first day of the week.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> germany = countries()["deu"]
    >>> open_share(germany, date(2020, 3, 13)), open_share(germany, date(2020, 3, 27))
    (1.0, 0.02)
    """
    if day < country.closed:
        return 1.0
    if day < country.reopened:
        return country.floor
    recovered = min(1.0, ((day - country.reopened).days // 7 + 2) / RECOVERY_WEEKS)
    return country.floor + (country.ceiling - country.floor) * recovered


def is_open(country: Country, theater: int, day: date) -> bool:
    """Return whether a theater was open in a week.

    Parameters
    ----------
    country
        The country.
    theater
        Index of the theater in its country.
    day
        The first day of the week.

    Returns
    -------
    bool

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> is_open(countries()["deu"], 0, date(2020, 3, 27))
    False
    """
    # Multiples of the golden ratio spread the order of closing evenly over any number of theaters.
    rank = (theater + 1) * 0.6180339887498949 % 1.0
    return rank < open_share(country, day)
