"""Members of a feed that the benchmarks read, alike on every machine.

Showings are made here, once as repetitive as the feed's and once for the worst case. Movies and
theaters are those of the sample, with its quirks: the films of as many seeds, and one country with
as many theaters, as fill the size.
"""

from __future__ import annotations

import random
import re
import string
import zipfile
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path

from movielake.sample.edition import Edition, Tally, make_edition
from movielake.sample.films import Catalogue
from movielake.sample.members import encode_member
from movielake.sample.movie_quirks import movie_chunks
from movielake.sample.places import countries
from movielake.sample.theater_records import theater_chunks

SAMPLE_COUNTRY = "can"
"""Its members are in UTF-8, without a byte order mark."""

MOVIE_ID = re.compile("<movie_id>([0-9]+)<")

THEATERS_PER_MEGABYTE = 18.0
"""The sample's scale for a MB of theaters of this country."""

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<times>\n'


def repetitive_showing(rng: random.Random) -> str:
    """Write a showing like those of the feed: equal times on most days, few distinct texts."""
    film = rng.randrange(300)
    times = ", ".join(f"{hour}:{rng.choice('0024')}0" for hour in (13, 16, 19, 21))
    dates = (showing_date(20191206 + day, times, "Digital, 3D", "") for day in range(7))
    return showing(f"Film number {film}", 200000 + film, rng.randrange(5000), dates)


def entropic_showing(rng: random.Random) -> str:
    """Write a showing for the worst case: hardly any text occurs twice."""
    name = "".join(rng.choices(string.ascii_letters + " ", k=24)).strip()
    dates = []
    for day in range(7):
        times = ", ".join(f"{rng.randrange(9, 24)}:{rng.randrange(60):02}" for _ in range(4))
        comment = "".join(rng.choices(string.ascii_lowercase, k=12))
        dates.append(showing_date(20191206 + day, times, "Digital", comment))
    return showing(name, rng.randrange(10**6), rng.randrange(10**5), dates)


def showing_date(date: int, times: str, attributes: str, comments: str) -> str:
    """Write one show_date with all its elements."""
    return (
        f'<show_date date="{date}">\n<showtimes>{times}</showtimes>\n'
        f"<show_attributes>{attributes}</show_attributes>\n"
        f"<show_comments>{comments}</show_comments>\n<show_passes>Y</show_passes>\n"
        "<show_festival></show_festival>\n<show_with></show_with>\n<show_sound></show_sound>\n"
        "</show_date>\n"
    )


def showing(name: str, movie: int, theater: int, dates: object) -> str:
    """Write one showtime record."""
    return (
        f"<showtime>\n<movie_name>{name}</movie_name>\n<movie_id>{movie}</movie_id>\n"
        f"<theater_id>{theater}</theater_id>\n{''.join(dates)}</showtime>\n"
    )


SAMPLES = {"repetitive": repetitive_showing, "high-entropy": entropic_showing}


def member(make: Callable[[random.Random], str], megabytes: float) -> bytes:
    """Build a showings member of about this size."""
    rng = random.Random(1)
    records = filled((make(rng) for _ in count()), megabytes)
    return "".join([HEAD, *records, "</times>\n"]).encode()


def filled(records: Iterable[str], megabytes: float) -> Iterator[str]:
    """Yield records until they have this size."""
    size = 0
    for record in records:
        yield record
        size += len(record)
        if size >= megabytes * 1e6:
            return


def films() -> Iterator[str]:
    """Yield the films of one seed after the other, each with an id of its own."""
    ids = count(200_000)
    for seed in count():
        for record in movie_chunks(edition(seed, 1.0), Tally()):
            found = MOVIE_ID.search(record)
            yield record.replace(found[1], str(next(ids))) if found else record


def movies_member(megabytes: float) -> bytes:
    """Build a movies member of about this size."""
    return encoded("movies", filled(films(), megabytes))


def theaters_member(megabytes: float) -> bytes:
    """Build a theaters member of about this size."""
    scale = THEATERS_PER_MEGABYTE * megabytes
    return encoded("houses", theater_chunks(edition(0, scale), Tally()))


def edition(seed: int, scale: float) -> Edition:
    """Return the first week of the country."""
    return make_edition(Catalogue(seed, scale), countries()[SAMPLE_COUNTRY], 0)


def encoded(root: str, records: Iterable[str]) -> bytes:
    """Encode a member."""
    return b"".join(encode_member(SAMPLE_COUNTRY, root, records))


def write_zip(feed: Path, name: str, xml: bytes) -> Path:
    """Write a feed of one zip with one member, and return the zip's path."""
    path = feed / "20191206" / "movies_deu.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, xml)
    return path
