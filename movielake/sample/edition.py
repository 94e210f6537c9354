"""An edition: the content of one feed zip, for one country in one week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from movielake.sample.films import Catalogue, Run, week_date
from movielake.sample.places import Country
from movielake.sample.quirks import POSITIONS, Schedule, turn_of
from movielake.sample.streams import Stream
from movielake.sample.theaters import theater_count


@dataclass(slots=True)
class Tally:
    """Running counts of generated records and screenings."""

    records: int = 0
    screenings: int = 0


@dataclass(frozen=True, slots=True)
class Edition:
    """One country in one week, and the films on show there.

    Parameters
    ----------
    seed, scale
        The arguments of `write_sample`.
    country
        The country.
    week
        Number of the week.
    runs
        The films on show. The films with the highest demand come first.

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> edition = make_edition(Catalogue(0, 1.0), countries()["can"], 0)
    >>> edition.stamp, edition.theaters
    ('20191206', 41)
    """

    seed: int
    scale: float
    country: Country
    week: int
    runs: Sequence[Run] = field(repr=False)

    @property
    def day(self) -> date:
        """The first day of the week."""
        return week_date(self.week)

    @property
    def stamp(self) -> str:
        """The first day of the week as a stamp, YYYYMMDD."""
        return f"{self.day:%Y%m%d}"

    @property
    def theaters(self) -> int:
        """The number of theaters in the country."""
        return theater_count(self.country, self.scale)

    @property
    def habit(self) -> int:
        """The country's form of empty elements: 0 omits them, 1 is ``<a />``, 2 is ``<a></a>``."""
        return self.country.number % 3

    def dates(self, count: int) -> list[str]:
        """List the first days of the edition, YYYYMMDD."""
        return [f"{self.day + timedelta(days=number):%Y%m%d}" for number in range(count)]

    def stream(self, *parts: object) -> Stream:
        """Return the random stream with this name within the edition."""
        return Stream(self.seed, self.stamp, self.country.code, *parts)

    def schedule(
        self, table: Mapping[str, float], what: str, positions: Sequence[int] = POSITIONS
    ) -> Schedule:
        """Make the schedule of the quirks of a member's records."""
        return Schedule(
            table, self.stream("quirks", what), turn_of(self.country, self.week), positions
        )


def make_edition(catalogue: Catalogue, country: Country, week: int) -> Edition:
    """Make the edition of a country in a week.

    Parameters
    ----------
    catalogue
        The films of the feed.
    country
        The country.
    week
        Number of the week.

    Returns
    -------
    Edition

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> make_edition(Catalogue(0, 1.0), countries()["swe"], 1).week
    1
    """
    runs = catalogue.running(country, week)
    return Edition(catalogue.seed, catalogue.scale, country, week, runs)
