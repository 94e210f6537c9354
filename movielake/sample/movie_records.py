"""The ``movie`` records: all data of a film for one country."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from movielake.sample.edition import Edition
from movielake.sample.films import Film, Run, release_delay, week_date
from movielake.sample.markup import element, escape, leaf, leaves, optional_leaf
from movielake.sample.places import Country, countries, person, words
from movielake.sample.streams import Stream, fraction

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
# The exports of these countries repeat list elements directly, without a wrapping element.
DIRECT_LISTS = ("gbr", "aus")
_LANGUAGES = {"eng": "English", "deu": "German", "fra": "French", "spa": "Spanish", "kor": "Korean"}
_LISTS = ("genre", "cast", "director", "producer", "writer", "distributor")


@dataclass(slots=True)
class Movie:
    """A ``movie`` record before it is written. `release`, `synopsis`, `intl` and `tail` are XML."""

    movie_id: int
    parent_id: int
    title: str
    rating: str
    advisory: str
    running_time: str
    release: str
    language: str
    synopsis: str
    review: str
    stars: str
    lists: dict[str, list[str]]
    direct: bool
    intl: str
    tail: str = ""

    def markup(self, habit: int) -> str:
        """Write the record as XML. The habit is the form of empty elements."""
        site = f"https://film{self.movie_id}.example/"
        scalars = (
            ("release_notes", ""),
            ("release_dvd", ""),
            ("official_site", site),
            ("lang", self.language),
            ("stars", self.stars),
            ("review", self.review),
        )
        return element(
            "movie",
            f"<movie_id>{self.movie_id}</movie_id>\n<parent_id>{self.parent_id}</parent_id>\n"
            + leaf("title", self.title)
            + optional_leaf("rating", self.rating, habit)
            + optional_leaf("advisory", self.advisory, habit)
            + optional_leaf("running_time", self.running_time, habit)
            + self.release
            + "".join(optional_leaf(name, value, habit) for name, value in scalars)
            + f"<synopsis>{self.synopsis}</synopsis>\n"
            + "".join(self._list(name) for name in _LISTS)
            + self._pictures()
            + self.intl
            + self.tail,
        )

    def _list(self, name: str) -> str:
        items = leaves(name, self.lists[name])
        return items if self.direct else element(f"{name}s", items)

    def _pictures(self) -> str:
        small = [f"{self.movie_id}_{number}.jpg" for number in (1, 2)]
        large = [f"{self.movie_id}_h1.jpg"]
        if self.direct:
            return leaves("photos", small) + leaves("hiphotos", large)
        return element("pictures", leaves("photos", small)) + element(
            "hipictures", leaves("photos", large)
        )


def make_movie(edition: Edition, run: Run) -> Movie:
    """Make the record of a film in a country and week, without quirks.

    Parameters
    ----------
    edition
        Country and week.
    run
        The film on show.

    Returns
    -------
    Movie
    """
    film = run.film
    stream = Stream(edition.seed, "movie", film.base_id)
    texts: dict[str, Any] = words()["texts"]
    lists, synopsis = _credits(stream, texts), _synopsis(stream, texts)
    home, country = countries()[film.home], edition.country
    return Movie(
        movie_id=film.movie_id,
        parent_id=film.parent_id,
        title=run.title,
        rating=_rating(country, film, edition.seed),
        advisory=stream.pick(texts["advisories"]) if stream.chance(0.5) else "",
        running_time=str(run.running_time),
        release=leaf("release_date", long_date(week_date(run.premiere))),
        language=_LANGUAGES.get(home.language, home.language),
        synopsis=escape(synopsis),
        review=stream.pick(texts["reviews"]) if stream.chance(0.15) else "",
        stars=f"{stream.integer(2, 9) / 2:g}" if stream.chance(0.6) else "",
        lists=lists,
        direct=country.code in DIRECT_LISTS,
        intl=_intl(film, country, edition.seed),
    )


def long_date(day: date) -> str:
    """Write a date in the most common form of the feed.

    Parameters
    ----------
    day
        The date.

    Returns
    -------
    str

    Examples
    --------
    >>> long_date(date(2013, 7, 5))
    'July 05, 2013'
    """
    return f"{_MONTHS[day.month - 1]} {day.day:02d}, {day.year}"


def _credits(stream: Stream, texts: dict[str, Any]) -> dict[str, list[str]]:
    return {
        "genre": stream.some(texts["genres"], stream.integer(1, 3)),
        "cast": [person(stream) for _ in range(stream.integer(3, 9))],
        "director": [person(stream)],
        "producer": [person(stream) for _ in range(stream.integer(1, 3))],
        "writer": [person(stream) for _ in range(stream.integer(1, 2))],
        "distributor": [stream.pick(texts["distributors"])],
    }


def _synopsis(stream: Stream, texts: dict[str, Any]) -> str:
    hero, event, end = (stream.pick(texts[name]) for name in ("heroes", "events", "ends"))
    return f"{hero} {event}. {stream.pick(texts['turns'])}, {end}"


def _rating(country: Country, film: Film, seed: int) -> str:
    draw = fraction("rating", seed, country.code, film.base_id)
    if draw > 0.85:
        return "NR" if draw < 0.92 else ("NO RATING" if draw < 0.96 else "")
    return country.ratings[int(draw / 0.85 * len(country.ratings))]


def _intl(film: Film, country: Country, seed: int) -> str:
    """Write the film's data for the country and two other countries. A local film has none."""
    if film.home == country.code:
        return ""
    known = list(countries().values())
    others = (known[(film.base_id + step) % len(known)] for step in (0, 17))
    blocks = []
    for other in dict.fromkeys((country, *others)):
        release = week_date(film.born + release_delay(seed, film, other.code))
        content = (
            leaf("intl_name", _title_in(other, film))
            + leaf("intl_cert", _rating(other, film, seed))
            + leaf("intl_advisory", None)
            + leaf("intl_release", f"{release:%m/%d/%Y}")
            + leaf("intl_poster", f"{film.movie_id}_{other.code}.jpg")
        )
        blocks.append(f'<intl country="{other.code.upper()}">\n{content}</intl>\n')
    return "".join(blocks)


def _title_in(country: Country, film: Film) -> str:
    """Return a film's title in a country. Some films get a second title in its language."""
    local = words()["titles"]["local"].get(country.language)
    stream = Stream("title", country.code, film.base_id)
    if not local or country.language == "eng" or stream.chance(0.6):
        return film.title
    return f"{film.title} - {stream.pick(local['heads'])} {stream.pick(local['tails'])}"
