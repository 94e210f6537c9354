"""The quirks of ``movie`` records: odd dates, odd lists, films sent twice or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeAlias

from movielake.sample.edition import Edition, Tally
from movielake.sample.films import Run, week_date
from movielake.sample.markup import leaf
from movielake.sample.movie_records import Movie, long_date, make_movie
from movielake.sample.places import person
from movielake.sample.quirks import MOVIES, by_name
from movielake.sample.streams import Stream

Quirk: TypeAlias = Callable[[Movie, Stream, Run], None]


def movie_chunks(edition: Edition, tally: Tally, limit: int | None = None) -> Iterator[str]:
    """Write the ``movie`` records of an edition, with their quirks.

    Parameters
    ----------
    edition
        Country and week.
    tally
        The counter of records.
    limit
        The highest number of films.

    Yields
    ------
    str
        The markup of one record. A film that is sent twice has two records.

    Examples
    --------
    >>> from movielake.sample.edition import make_edition
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> edition = make_edition(Catalogue(0, 1.0), countries()["can"], 0)
    >>> next(movie_chunks(edition, Tally()))[:7]
    '<movie>'
    """
    schedule = edition.schedule(MOVIES, "movies")
    stream = edition.stream("movie quirks")
    for run in edition.runs[:limit]:
        movie = make_movie(edition, run)
        name = schedule.next()
        if name == "unlisted":
            continue
        if name and name in QUIRKS:
            QUIRKS[name](movie, stream, run)
        tally.records += 1
        yield movie.markup(edition.habit)
        if name == "sent_twice":
            movie.running_time = str(run.running_time + 1)
            movie.stars = ""
            tally.records += 1
            yield movie.markup(edition.habit)


def _empty_running_time(movie: Movie, stream: Stream, run: Run) -> None:
    movie.running_time = ""


def _text_running_time(movie: Movie, stream: Stream, run: Run) -> None:
    movie.running_time = stream.pick(("TBD", f"{run.running_time} min", "ca. 100"))


def _slashed_release(movie: Movie, stream: Stream, run: Run) -> None:
    movie.release = leaf("release_date", f"{week_date(run.premiere):%m/%d/%Y}")


def _iso_release(movie: Movie, stream: Stream, run: Run) -> None:
    movie.release = leaf("release_date", week_date(run.premiere).isoformat())


def _empty_release(movie: Movie, stream: Stream, run: Run) -> None:
    movie.release = leaf("release_date", None)


def _odd_release(movie: Movie, stream: Stream, run: Run) -> None:
    movie.release = leaf("release_date", stream.pick(("Summer 2020", "February 30, 2020")))


def _repeated_release(movie: Movie, stream: Stream, run: Run) -> None:
    first = week_date(run.premiere)
    wide = first + timedelta(days=14)
    movie.release = (
        f'<release_date id="1" notes="Limited">{long_date(first)}</release_date>\n'
        f'<release_date id="2" notes="Wide">{long_date(wide)}</release_date>\n'
    )


def _nested_synopsis(movie: Movie, stream: Stream, run: Run) -> None:
    first, _, rest = movie.synopsis.partition(". ")
    movie.synopsis = f"<P>{first}.</P><P>{rest}</P>"


def _empty_list_item(movie: Movie, stream: Stream, run: Run) -> None:
    movie.lists["cast"].insert(1, "")
    movie.lists["genre"].append("")


def _other_list_form(movie: Movie, stream: Stream, run: Run) -> None:
    movie.direct = not movie.direct


def _no_director(movie: Movie, stream: Stream, run: Run) -> None:
    movie.lists["director"] = []


def _several_directors(movie: Movie, stream: Stream, run: Run) -> None:
    movie.lists["director"] += [person(stream) for _ in range(stream.integer(1, 3))]


def _unknown_element(movie: Movie, stream: Stream, run: Run) -> None:
    movie.tail = leaf("movie_format", stream.pick(("Scope", "Flat", "35mm")))


QUIRKS: dict[str, Quirk] = by_name(
    _empty_running_time,
    _text_running_time,
    _slashed_release,
    _iso_release,
    _empty_release,
    _odd_release,
    _repeated_release,
    _nested_synopsis,
    _empty_list_item,
    _other_list_form,
    _no_director,
    _several_directors,
    _unknown_element,
)
