"""Speed of conversion on one core, beside the way it was done before and beside the floor.

Run ``python tests/benchmarks/convert.py [--megabytes N] [--rounds N]``. On a repetitive and on a
high-entropy showings member of the same size, alternating in one run:

- movielake: a feed zip to JSON Lines and Parquet, all of `movielake.conversion.convert_zip`;
- xmltodict: the member to one JSON document with ``json.dumps``, as people did before;
- expat: bare ``pyexpat`` without handlers, which nothing that reads XML can beat.

Seconds are the median of the rounds, in CPU time of this process and its children: the machine may
be shared. It prints MB of XML per second and the ratios.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import string
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from pyexpat import ParserCreate

import xmltodict

from movielake.conversion import convert_zip
from movielake.feed import find_feed
from movielake.planning import Task

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<times>\n'


def repetitive_showing(rng: random.Random) -> str:
    """As the feed is: the same times on most days, few distinct texts."""
    film = rng.randrange(300)
    times = ", ".join(f"{hour}:{rng.choice('0024')}0" for hour in (13, 16, 19, 21))
    dates = (showing_date(20191206 + day, times, "Digital, 3D", "") for day in range(7))
    return showing(f"Film number {film}", 200000 + film, rng.randrange(5000), dates)


def entropic_showing(rng: random.Random) -> str:
    """As bad as it gets: hardly any text occurs twice."""
    name = "".join(rng.choices(string.ascii_letters + " ", k=24)).strip()
    dates = []
    for day in range(7):
        times = ", ".join(f"{rng.randrange(9, 24)}:{rng.randrange(60):02}" for _ in range(4))
        comment = "".join(rng.choices(string.ascii_lowercase, k=12))
        dates.append(showing_date(20191206 + day, times, "Digital", comment))
    return showing(name, rng.randrange(10**6), rng.randrange(10**5), dates)


def showing_date(date: int, times: str, attributes: str, comments: str) -> str:
    """One show_date, all its elements there."""
    return (
        f'<show_date date="{date}">\n<showtimes>{times}</showtimes>\n'
        f"<show_attributes>{attributes}</show_attributes>\n"
        f"<show_comments>{comments}</show_comments>\n<show_passes>Y</show_passes>\n"
        "<show_festival></show_festival>\n<show_with></show_with>\n<show_sound></show_sound>\n"
        "</show_date>\n"
    )


def showing(name: str, movie: int, theater: int, dates: object) -> str:
    """One showtime record."""
    return (
        f"<showtime>\n<movie_name>{name}</movie_name>\n<movie_id>{movie}</movie_id>\n"
        f"<theater_id>{theater}</theater_id>\n{''.join(dates)}</showtime>\n"
    )


def member(make: Callable[[random.Random], str], megabytes: float) -> bytes:
    """Build a showings member of about that size."""
    rng = random.Random(1)
    parts, size = [HEAD], 0
    while size < megabytes * 1e6:
        parts.append(make(rng))
        size += len(parts[-1])
    return ("".join(parts) + "</times>\n").encode()


def cpu_seconds(work: Callable[[], object]) -> float:
    """Run something and return the CPU time it took, user and system."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def contenders(xml: bytes, folder: Path) -> dict[str, Callable[[], object]]:
    """What is compared, each doing its whole job on the same bytes."""
    zip_path = folder / "feed" / "20191206" / "movies_deu.zip"
    zip_path.parent.mkdir(parents=True)
    with zipfile.ZipFile(zip_path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("191206S.XML", xml)
    feed, lake = str(folder / "feed"), str(folder / "lake")
    task = Task(feed, lake, find_feed(feed).zips[0], force=True)

    def movielake() -> None:
        outcome = convert_zip(task)
        assert outcome.commit is not None
        assert not outcome.commit.is_hurt

    def before() -> None:
        with zipfile.ZipFile(zip_path) as archive:
            document = xmltodict.parse(archive.read("191206S.XML"))
        (folder / "before.json").write_text(json.dumps(document))

    return {
        "movielake": movielake,
        "xmltodict": before,
        "expat": lambda: ParserCreate().Parse(xml, True),
    }


def measure(xml: bytes, rounds: int) -> dict[str, float]:
    """Alternate the contenders; MB per second of each, from the median."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = contenders(xml, Path(folder))
        for _ in range(rounds):
            for name, run in work.items():
                seconds.setdefault(name, []).append(cpu_seconds(run))
    return {name: len(xml) / 1e6 / statistics.median(taken) for name, taken in seconds.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| sample | movielake MB/s | xmltodict MB/s | expat MB/s | of xmltodict | of expat |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, make in {"repetitive": repetitive_showing, "high-entropy": entropic_showing}.items():
        speed = measure(member(make, options.megabytes), options.rounds)
        ours, before, floor = (speed[key] for key in ("movielake", "xmltodict", "expat"))
        print(
            f"| {name} | {ours:.1f} | {before:.1f} | {floor:.1f} "
            f"| {ours / before:.2f} | {ours / floor:.2f} |"
        )


if __name__ == "__main__":
    main()
