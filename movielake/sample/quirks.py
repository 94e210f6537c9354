"""The quirks of the real feed that the sample has, with their rates and their records.

This module lists each quirk with its name and rate. `showing_quirks`, `movie_quirks`,
`theater_records` and `china` write the quirks of records, by these names. `members` writes the
quirks of whole members and zips: names, encodings and folders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from movielake.sample.places import Country
from movielake.sample.streams import Stream, fraction

F = TypeVar("F", bound=Callable[..., Any])

# Share of showtime records.
SHOWINGS: Mapping[str, float] = {
    "bargain_time": 0.02,
    "bargain_span": 0.008,
    "unpadded_hour": 0.012,
    "pm_with_space": 0.008,
    "pm_joined": 0.006,
    "pm_for_all_before": 0.006,
    "am_then_pm": 0.004,
    "half_day_with_points": 0.006,
    "half_day_before": 0.003,
    "hour_alone": 0.003,
    "hour_letter": 0.004,
    "point_for_colon": 0.004,
    "wide_colon": 0.002,
    "utc_offset": 0.002,
    "format_beside": 0.004,
    "hour_after_24": 0.004,
    "closing_after_midnight": 0.003,
    "final_stop": 0.008,
    "final_comma": 0.004,
    "stray_marks": 0.004,
    "text_for_times": 0.004,
    "text_among_times": 0.003,
    "impossible_time": 0.002,
    "empty_showtimes": 0.004,
    "missing_showtimes": 0.003,
    "showtimes_under_showtime": 0.004,
    "repeated_showtimes": 0.004,
    "no_show_date": 0.002,
    "empty_date": 0.001,
    "festival": 0.006,
    "shown_with_text": 0.003,
    "shown_with_id": 0.003,
    "many_comments": 0.01,
    "unknown_language": 0.003,
    "unknown_format": 0.003,
    "orphan_movie": 0.004,
    "orphan_theater": 0.003,
}

# Share of movie records.
MOVIES: Mapping[str, float] = {
    "empty_running_time": 0.02,
    "text_running_time": 0.01,
    "slashed_release": 0.03,
    "iso_release": 0.02,
    "empty_release": 0.02,
    "odd_release": 0.006,
    "repeated_release": 0.01,
    "nested_synopsis": 0.05,
    "empty_list_item": 0.02,
    "other_list_form": 0.03,
    "no_director": 0.02,
    "several_directors": 0.04,
    "sent_twice": 0.01,
    "unknown_element": 0.01,
    "unlisted": 0.004,
}

# Share of theaters. Such a theater has its quirk in every week.
THEATERS: Mapping[str, float] = {
    "empty_coordinates": 0.01,
    "swapped_coordinates": 0.008,
    "empty_screens": 0.01,
    "ticketing_url": 0.02,
    "several_types": 0.03,
    "no_chain_id": 0.01,
    "decimal_comma": 0.006,
    "seating_text": 0.02,
}

# Share of theater records. The records are drawn again every week.
THEATER_WEEKS: Mapping[str, float] = {
    "sent_twice": 0.008,
    "unknown_element": 0.006,
    "other_phone": 0.01,
    "other_name": 0.006,
}

# Share of the records of the flat Chinese form.
FLAT: Mapping[str, float] = {
    "no_times": 0.01,
    "full_date_form": 0.01,
    "empty_showtimes": 0.005,
    "final_comma": 0.01,
    "bargain_time": 0.005,
    "empty_release": 0.01,
}

# Records at these positions of a member get the quirks of its table in turn, from week to week and
# from country to country. So even a tiny feed has all quirks.
POSITIONS = (1, 4, 7, 10)
# The smallest feed has three theaters per country.
THEATER_POSITIONS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Spot:
    """The weeks with a quirk in one country: the first week, then one week in every `every`."""

    country: str
    first: int
    every: int

    def hits(self, country: str, week: int) -> bool:
        """Return whether the quirk occurs in a country and week."""
        late = week - self.first
        return country == self.country and late >= 0 and late % self.every == 0


# Quirks of whole members and zips, and their weeks.
SPOTS: Mapping[str, Spot] = {
    "readme": Spot("can", 0, 26),
    "same_name_in_folders": Spot("can", 4, 26),
    "two_showings_members": Spot("deu", 2, 4),
    "older_names": Spot("gbr", 1, 4),
    "one_record_member": Spot("gbr", 2, 13),
    "members_in_folder": Spot("fra", 2, 3),
    "name_a_day_off": Spot("aus", 3, 8),
    "lower_case_names": Spot("nzl", 1, 2),
    "empty_member": Spot("nzl", 4, 16),
    "empty_root": Spot("swe", 4, 16),
}

# Kinds of damage in a sample with damage, and their weeks.
DAMAGE: Mapping[str, Spot] = {
    "truncated_member": Spot("can", 1, 26),
    "malformed_member": Spot("deu", 1, 26),
    "cut_zip": Spot("fra", 1, 26),
    "wrong_checksum": Spot("swe", 1, 26),
}

# With every seed, New Zealand is missing in one of these weeks. From the third week on, any country
# is missing at a low rate.
MISSING_COUNTRY = "nzl"
MISSING_WEEKS = (2, 3, 5, 6)
MISSING_RATE = 0.01


def happens(what: str, country: str, week: int) -> bool:
    """Return whether the members or the zip of a country's week have a quirk or damage.

    Parameters
    ----------
    what
        A name from `SPOTS` or `DAMAGE`.
    country
        Country code.
    week
        Number of the week.

    Returns
    -------
    bool

    Examples
    --------
    >>> happens("readme", "can", 0), happens("readme", "can", 1)
    (True, False)
    """
    return (SPOTS.get(what) or DAMAGE[what]).hits(country, week)


def is_missing(seed: int, country: str, week: int) -> bool:
    """Return whether the feed has no zip for a country's week.

    Parameters
    ----------
    seed
        Seed of the sample. Each seed has other missing weeks.
    country
        Country code.
    week
        Number of the week. The first two weeks are always complete.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_missing(0, "nzl", 0), sum(is_missing(0, "nzl", week) for week in range(7))
    (False, 1)
    """
    if country == MISSING_COUNTRY and week <= max(MISSING_WEEKS):
        choice = int(fraction("missing", seed, country) * len(MISSING_WEEKS))
        return week == MISSING_WEEKS[choice]
    return week >= 2 and fraction("missing", seed, country, week) < MISSING_RATE


def by_name(*functions: F) -> dict[str, F]:
    """Return functions by their names, without the leading underscore.

    Parameters
    ----------
    *functions
        Functions that each write one quirk.

    Returns
    -------
    dict of str to function

    Examples
    --------
    >>> def _empty_date(day): ...
    >>> list(by_name(_empty_date))
    ['empty_date']
    """
    return {function.__name__.removeprefix("_"): function for function in functions}


class Schedule:
    """The quirks of the records of a member, one record after the other.

    Each quirk has a random distance to its next record. A record without a quirk costs only one
    comparison. A record has at most one quirk.

    Parameters
    ----------
    table
        Name and rate of each quirk.
    stream
        Source of the random distances.
    turn
        Number of the round of quirks for the records at the fixed positions.
    positions
        The fixed positions.

    Examples
    --------
    >>> schedule = Schedule(MOVIES, Stream("example"), turn=0, positions=(1,))
    >>> [schedule.next() for _ in range(2)]
    [None, 'empty_running_time']
    """

    __slots__ = ("_due", "_first", "_index", "_rates", "_soonest", "_stream")

    def __init__(
        self,
        table: Mapping[str, float],
        stream: Stream,
        turn: int,
        positions: Sequence[int] = POSITIONS,
    ) -> None:
        self._stream, self._rates = stream, table
        self._index = -1
        self._first = max(positions) + 1
        self._due = {name: self._first + self._gap(name) for name in table}
        names = list(table)
        for offset, position in enumerate(positions[: len(names)]):
            self._due[names[(turn * len(positions) + offset) % len(names)]] = position
        self._soonest = min(self._due.values())

    def next(self) -> str | None:
        """Return the name of the quirk of the next record, or None."""
        self._index += 1
        if self._index < self._soonest:
            return None
        name = min(self._due, key=self._due.__getitem__)
        self._due[name] = max(self._index + 1, self._first) + self._gap(name)
        self._soonest = min(self._due.values())
        return name

    def _gap(self, name: str) -> int:
        # Distances drawn evenly from 0 to 2/rate are 1/rate on average.
        return int(self._stream.random() * 2 / self._rates[name])


def turn_of(country: Country, week: int) -> int:
    """Return the number of the round of quirks for a country's week.

    Parameters
    ----------
    country
        The country.
    week
        Number of the week.

    Returns
    -------
    int

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> turn_of(countries()["can"], 1) - turn_of(countries()["can"], 0)
    1
    """
    return country.number * 3 + week
