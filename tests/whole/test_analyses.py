"""Five analyses with the bag and with the DataFrame, compared with the feed in plain Python."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import dask
import pytest

from movielake import MoviesReader, ShowingsReader, TheatersReader, join_records, join_showings
from tests.feeds import TIME

STAMP = "20191213"
FIRST_NAMES = ("Claire", "Grace", "Jürgen")


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


# The feed in plain Python

Element = ElementTree.Element


@pytest.fixture(scope="module")
def feed(sample_feed: Path) -> dict[tuple[str, str, str], list[Element]]:
    """All records of the feed, by date_stamp, country and name of the element."""
    records: dict[tuple[str, str, str], list[Element]] = {}
    for path in sorted(sample_feed.glob("*/movies_*.zip")):
        with zipfile.ZipFile(path) as archive:
            members = sorted(name for name in archive.namelist() if name.lower().endswith(".xml"))
            for element in chain.from_iterable(
                ElementTree.fromstring(archive.read(name)) for name in members
            ):
                key = (path.parent.name, path.stem.removeprefix("movies_"), element.tag)
                records.setdefault(key, []).append(element)
    return records


def only(feed: dict[tuple[str, str, str], list[Element]], tag: str) -> Iterator[tuple[Any, ...]]:
    """Yield (date_stamp, country, element) of all elements with a tag."""
    for (stamp, country, name), elements in feed.items():
        if name == tag:
            yield from ((stamp, country, element) for element in elements)


def times(element: Element) -> int:
    return sum(len(TIME.findall(e.text or "")) for e in element.iter("showtimes"))


def texts(element: Element, tag: str) -> list[str]:
    return [e.text.strip() for e in element.iter(tag) if e.text and e.text.strip()]


# Records of the bag


def screenings(showing: dict[str, Any]) -> int:
    """Count the times of a showing. Its showtimes can be in the record or in its days."""
    days = [day for day in showing.get("show_date") or [] if isinstance(day, dict)]
    found = chain.from_iterable(as_list(part.get("showtimes")) for part in (showing, *days))
    return sum(len(TIME.findall(text or "")) for text in found)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def directors(movie: dict[str, Any]) -> list[str]:
    found = movie.get("director") or (movie.get("directors") or {}).get("director") or []
    return [name for name in as_list(found) if name]


def add(total: int, record: dict[str, Any]) -> int:
    return total + screenings(record)


def place(record: dict[str, Any]) -> tuple[str, str]:
    return record["country"], record["date_stamp"]


# Five analyses


def test_number_of_films(sample_lake: Path, feed: Any) -> None:
    movies = MoviesReader(sample_lake)
    plain = {movie.findtext("movie_id") for _, _, movie in only(feed, "movie")}

    assert movies.bag.distinct("movie_id").count().compute() == len(plain)
    assert movies.dataframe["movie_id"].nunique().compute() == len(plain)
    assert movies.num_movies == len(plain)


def test_number_of_screenings_by_country_and_week(sample_lake: Path, feed: Any) -> None:
    showings = ShowingsReader(sample_lake)
    plain: Counter[tuple[str, str]] = Counter()
    for stamp, country, showing in only(feed, "showtime"):
        plain[country, stamp] += times(showing)

    from_bag = showings.bag.foldby(place, add, 0, lambda a, b: a + b, 0).compute()
    assert dict(from_bag) == plain

    groups = showings.dataframe.groupby(["country", "date_stamp"], observed=True)
    assert groups["show_time"].count().compute().to_dict() == plain

    counts = showings.count_by("country", "date_stamp", of="show_time")
    assert counts.set_index(["country", "date_stamp"])["count"].to_dict() == plain


def test_number_of_theaters_with_showings_by_country_and_week(sample_lake: Path, feed: Any) -> None:
    showings = ShowingsReader(sample_lake)
    theaters = {(c, stamp, s.findtext("theater_id")) for stamp, c, s in only(feed, "showtime")}
    plain = Counter((country, stamp) for country, stamp, theater in theaters if theater)

    pairs = showings.bag.map(lambda record: (*place(record), record["theater_id"])).distinct()
    from_bag = pairs.filter(lambda pair: pair[2]).map(lambda pair: pair[:2]).frequencies()
    assert dict(from_bag.compute()) == plain

    groups = showings.dataframe.groupby(["country", "date_stamp"], observed=True)
    assert groups["theater_id"].nunique().compute().to_dict() == plain

    counts = showings.count_by("country", "date_stamp", distinct="theater_id")
    assert counts.set_index(["country", "date_stamp"])["count"].to_dict() == plain


def test_coordinates_of_the_theaters_in_one_week(sample_lake: Path, feed: Any) -> None:
    theaters = TheatersReader(sample_lake, date_stamps=STAMP)
    plain: Counter[tuple[float, float]] = Counter()
    for stamp, _, theater in only(feed, "theater"):
        point = tuple(theater.findtext(name) or "" for name in ("theater_lat", "theater_lon"))
        if stamp == STAMP and all(map(is_number, point)):
            plain[float(point[0]), float(point[1])] += 1

    placed = theaters.bag.map(lambda x: (x.get("theater_lat") or "", x.get("theater_lon") or ""))
    numbers = placed.filter(lambda point: all(map(is_number, point)))
    from_bag = numbers.map(lambda point: tuple(map(float, point))).frequencies()
    assert dict(from_bag.compute()) == plain

    groups = theaters.dataframe.groupby(["theater_lat", "theater_lon"])
    assert groups.size().compute().to_dict() == plain
    assert len(plain) > 10


def is_number(text: str) -> bool:
    """Return whether a text is a number. The feed also has "48,13", which is not one."""
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def test_screenings_by_week_of_films_by_directors_with_some_first_names(
    sample_lake: Path, feed: Any
) -> None:
    showings = ShowingsReader(sample_lake, countries="swe")
    plain: Counter[str] = Counter()
    for stamp in {stamp for stamp, _, _ in feed}:
        movies = feed.get((stamp, "swe", "movie"), [])
        by_id = {movie.findtext("movie_id"): movie for movie in movies}
        for showing in feed.get((stamp, "swe", "showtime"), []):
            movie = by_id.get(showing.findtext("movie_id"))
            if movie is not None and any(map(is_meant, texts(movie, "director"))):
                plain[stamp] += times(showing)

    records = join_records(showings).filter(lambda record: record["movie"])
    by_them = records.filter(lambda record: any(map(is_meant, directors(record["movie"]))))
    from_bag = by_them.foldby("date_stamp", add, 0, lambda a, b: a + b, 0).compute()
    assert dict(from_bag) == plain

    joined = join_showings(showings, movie_columns=["director"], theater_columns=[])
    joined = joined[["date_stamp", "show_time", "director"]].dropna(subset=["director"])
    joined["is_meant"] = joined["director"].map(
        lambda names: any(map(is_meant, names)), meta=("is_meant", bool)
    )
    by_them = joined[joined["is_meant"]].groupby("date_stamp", observed=True)
    assert by_them["show_time"].count().compute().to_dict() == plain
    assert len(plain) == 3


def is_meant(director: str) -> bool:
    return director.startswith(FIRST_NAMES)
