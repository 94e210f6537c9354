"""The showings: the programme of each theater in a week, as ``showtime`` records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from movielake.sample.closures import is_open
from movielake.sample.edition import Edition
from movielake.sample.films import Run
from movielake.sample.markup import escape, optional_leaf
from movielake.sample.places import words
from movielake.sample.streams import Stream
from movielake.sample.theaters import Theater, make_theater

CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60))
WEEK, WEEK_AHEAD = 7, 10
_CLOSING = 23 * 60 + 30
# The mark of a subtitled version, by language.
_SUBTITLED = {"deu": "OmU", "fra": "VOST", "spa": "VOSE", "ita": "V.O. sottotitolata"}


@dataclass(slots=True)
class Day:
    """One ``show_date`` of a showing: its ``showtimes`` texts and the number of their times."""

    date: str
    texts: list[str]
    screenings: int
    extra: str = ""


@dataclass(slots=True)
class Facts:
    """The properties of a showing's screenings, without their dates and times."""

    attributes: str
    comments: str
    passes: str
    sound: str
    festival: str = ""
    shown_with: str = ""

    def markup(self, habit: int) -> str:
        """Write the properties as elements. The habit is the form of empty elements."""
        pairs = (
            ("show_attributes", self.attributes),
            ("show_comments", self.comments),
            ("show_passes", self.passes),
            ("show_festival", self.festival),
            ("show_with", self.shown_with),
            ("show_sound", self.sound),
        )
        return "".join(optional_leaf(name, value, habit) for name, value in pairs)


@dataclass(slots=True)
class Showing:
    """A ``showtime`` record before it is written."""

    movie_name: str
    movie_id: int
    theater_id: int
    days: list[Day]
    facts: Facts
    tail: str = ""

    @property
    def screenings(self) -> int:
        """The number of screenings on all days."""
        return sum(day.screenings for day in self.days)

    def markup(self, habit: int) -> str:
        """Write the record as XML. The habit is the form of empty elements."""
        facts = self.facts.markup(habit)
        lines = [
            f"<showtime>\n<movie_name>{escape(self.movie_name)}</movie_name>\n"
            f"<movie_id>{self.movie_id}</movie_id>\n<theater_id>{self.theater_id}</theater_id>\n"
        ]
        for day in self.days:
            times = "".join([f"<showtimes>{text}</showtimes>\n" for text in day.texts])
            lines.append(f'<show_date date="{day.date}">\n{times}{facts}{day.extra}</show_date>\n')
        lines.append(f"{self.tail}</showtime>\n")
        return "".join(lines)


def make_showings(edition: Edition, part: int = 0, parts: int = 1) -> Iterator[Showing]:
    """Make the showings of an edition, theater by theater, without quirks.

    Parameters
    ----------
    edition
        Country and week.
    part, parts
        Number of the member and number of members, for a zip with several members of showings. A
        member has every `parts`-th theater.

    Yields
    ------
    Showing

    Examples
    --------
    >>> from movielake.sample.edition import make_edition
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> showing = next(make_showings(make_edition(Catalogue(0, 1.0), countries()["can"], 0)))
    >>> showing.days[0].date
    '20191206'
    """
    dates = edition.dates(WEEK_AHEAD)
    for index in range(part, edition.theaters, parts):
        if is_open(edition.country, index, edition.day):
            theater = make_theater(edition.seed, edition.country, index)
            stream = edition.stream("programme", index)
            span = WEEK_AHEAD if theater.sends_ahead else WEEK
            for run, shows in programme(theater, edition.runs):
                times = times_of(stream, run, shows)
                days = _days(stream, dates[:span], times)
                facts = _facts(stream, run, edition.country.language)
                yield Showing(run.title, run.film.movie_id, theater.theater_id, days, facts)


def programme(theater: Theater, runs: Sequence[Run]) -> list[tuple[Run, int]]:
    """Choose the films of a theater, and the number of their screenings per day.

    The choice depends on demand and on a number for each theater and film. This number is the same
    in every week, so a theater keeps a film while the film runs.

    Parameters
    ----------
    theater
        The theater.
    runs
        The films on show in the country.

    Returns
    -------
    list of (Run, int)
        Films with their screenings per day.

    Examples
    --------
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> canada = countries()["can"]
    >>> shown = programme(make_theater(0, canada, 0), Catalogue(0, 1.0).running(canada, 0))
    >>> max(shows for run, shows in shown) <= 7
    True
    """
    salt = theater.theater_id * 40_503
    scored = []
    for run in runs:
        version = run.film.version
        if (version == "IMAX" and not theater.imax) or (version == "3D" and theater.screens < 3):
            continue
        taste = ((run.film.movie_id * 2_654_435_761 ^ salt) * 69_069 >> 8 & 0xFFFF) / 0xFFFF
        scored.append((run.demand * (0.3 + taste), run))
    scored.sort(key=lambda pair: (-pair[0], pair[1].film.movie_id))
    chosen = scored[: 2 + min(theater.screens, 12)]
    # Fill all screens for a day. Films with a higher demand get more screenings.
    unit = theater.screens * 5.3 * 2 / (len(chosen) * (len(chosen) + 1)) if chosen else 0
    return [
        (run, max(1, min(7, round(unit * (len(chosen) - rank)))))
        for rank, (_, run) in enumerate(chosen)
    ]


def times_of(stream: Stream, run: Run, shows: int) -> list[str]:
    """Draw the times of a film at a theater. Their minutes are multiples of five.

    Parameters
    ----------
    stream
        Source of the random choices.
    run
        The film.
    shows
        Number of screenings per day.

    Returns
    -------
    list of str
        Times like ``13:20``, the earliest first. Fewer than `shows` if the day is too short.

    Examples
    --------
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> run = Catalogue(0, 1.0).running(countries()["can"], 0)[0]
    >>> len(times_of(Stream("example"), run, 1))
    1
    """
    if shows <= 2:
        first = 1080 + 5 * stream.integer(0, 36)
        return [CLOCK[first - 165], CLOCK[first]] if shows == 2 else [CLOCK[first]]
    first = 630 + 5 * stream.integer(0, 36)
    step = max(run.running_time // shows + 60, (_CLOSING - first) // shows)
    step -= step % 5
    return [CLOCK[minute] for minute in range(first, min(first + step * shows, _CLOSING), step)]


def _days(stream: Stream, dates: list[str], times: list[str]) -> list[Day]:
    # The first day is a Friday. From Monday to Thursday a theater opens later.
    weekend = ", ".join(times)
    later = times[1:] if len(times) > 3 else times
    weekday = ", ".join(later)
    days = [
        Day(date, [weekend], len(times)) if number % 7 < 3 else Day(date, [weekday], len(later))
        for number, date in enumerate(dates)
    ]
    if len(times) == 1 and stream.random() < 0.4:
        return days[: stream.integer(1, 3)]
    return days


def _facts(stream: Stream, run: Run, language: str) -> Facts:
    draw = stream.random()
    attributes = _attributes(run.film.version, language)
    if draw < 0.1:
        attributes += ", Reserved Seating"
    elif draw > 0.97:
        attributes = ""
    return Facts(
        attributes=attributes,
        comments=stream.pick(words()["theaters"]["comments"]) if 0.1 < draw < 0.2 else "",
        passes="N" if run.film.popularity > 0.7 else ("Y" if draw < 0.7 else ""),
        sound="Digital" if draw < 0.5 else ("Dolby Atmos" if draw < 0.6 else ""),
    )


def _attributes(version: str, language: str) -> str:
    if version == "SUB":
        return f"Digital, {_SUBTITLED.get(language, 'Subtitled')}"
    return {"": "Digital", "3D": "Digital, 3D", "IMAX": "IMAX, Digital"}[version]
