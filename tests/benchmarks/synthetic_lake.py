"""Write a synthetic lake at full partition count, directly as Parquet with its manifest.

By default it has 48 countries and 260 weekly stamps: 12,480 partitions of each table, like a full
archive. Movies and theaters persist over weeks. The countries' sizes follow a power law. The
columns have the cardinalities of the real feed. The lake is for benchmarks of reading. It is
written without a feed and without a conversion.

Run ``python tests/benchmarks/synthetic_lake.py LAKE [--rows 10e6] [--stamps N] [--countries N]``.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.commits import COMPLETE, Commit, MemberCommit, commit_to_json
from movielake.lake.manifest import rebuild_manifest
from movielake.lake.opening import create_lake
from movielake.lake.outputs import RowsWriter
from movielake.lake.writers import HashingFile
from movielake.names.layout import Folder, commit_path, parquet_folder
from movielake.schema.tables import Table, table

FIRST = datetime.date(2015, 1, 2)


def stamps(count: int) -> list[str]:
    """Return weekly stamps."""
    days = (FIRST + datetime.timedelta(weeks=week) for week in range(count))
    return [day.strftime("%Y%m%d") for day in days]


def country_codes(count: int) -> list[str]:
    """Return invented codes, and one real code that the benchmarks select."""
    codes = [f"{a}{b}{c}" for a in "abcd" for b in "aeio" for c in "nrs"][: count - 1]
    return sorted([*codes, "deu"])


def filled(schema: Table, length: int, given: dict[str, pa.Array]) -> pa.Table:
    """Complete columns to a table's schema, with nulls in the missing ones."""
    arrays = [
        given[field.name] if field.name in given else pa.nulls(length, field.type)
        for field in schema.arrow
    ]
    return pa.table(arrays, schema=schema.arrow)


def showings(rng: np.random.Generator, rows: int, stamp: str, films: int, houses: int) -> pa.Table:
    """Make the screenings of one partition. A record has about 28 screenings."""
    day = (datetime.date.fromisoformat(stamp) - datetime.date(1970, 1, 1)).days
    record = np.arange(rows) // 28
    records = record[-1] + 1 if rows else 0
    film = rng.zipf(1.5, records) % films
    house = np.sort(rng.integers(0, houses, records))
    date = (day + np.arange(rows) // 4 % 7).astype(np.int32)
    minutes = rng.integers(0, 168, rows) * 5 + 600
    time = pa.array((minutes * 60_000).astype(np.int32)).cast(pa.time32("ms")).cast(pa.time64("us"))
    starts = date.astype(np.int64) * 86_400_000 + minutes * 60_000
    given = {
        "record": pa.array(record.astype(np.int32)),
        "movie_name": pa.array([f"Film number {n}" for n in range(films)]).take(
            pa.array(film[record])
        ),
        "movie_id": pa.array((200_000 + film[record]).astype(np.int32)),
        "theater_id": pa.array((50_000 + house[record]).astype(np.int32)),
        "show_date": pa.array(date).cast(pa.date32()),
        "show_time": time,
        "bargain": pa.array(minutes < 960),
        "starts_at": pa.array(starts).cast(pa.timestamp("ms")),
        "show_attributes": pa.array([["Digital"], ["Digital", "3D"], None]).take(
            pa.array(rng.integers(0, 3, records)[record])
        ),
        "show_passes": pa.array(rng.integers(0, 2, records)[record] > 0),
    }
    return filled(table("showings"), rows, given)


def movies(rng: np.random.Generator, films: int) -> pa.Table:
    """Make the movies of one partition."""
    names = ["Maria", "Anna", "Thomas", "Sofia", "Peter", "Greta", "Jonas", "Michael"]
    given = {
        "movie_id": pa.array(np.arange(200_000, 200_000 + films, dtype=np.int32)),
        "title": pa.array([f"Film number {n}" for n in range(films)]),
        "running_time": pa.array(rng.integers(70, 180, films).astype(np.int32)),
        "director": pa.array([[f"{names[n % 8]} Berg {n // 8}"] for n in range(films)]),
        "genre": pa.array([[["Drama", "Comedy", "Action"][n % 3]] for n in range(films)]),
    }
    return filled(table("movies"), films, given)


def theaters(rng: np.random.Generator, houses: int) -> pa.Table:
    """Make the theaters of one partition."""
    given = {
        "theater_id": pa.array(np.arange(50_000, 50_000 + houses, dtype=np.int32)),
        "theater_name": pa.array([f"Cinema {n}" for n in range(houses)]),
        "theater_city": pa.array([f"City {n % 40}" for n in range(houses)]),
        "theater_lat": pa.array(rng.uniform(40, 60, houses)),
        "theater_lon": pa.array(rng.uniform(-10, 30, houses)),
    }
    return filled(table("theaters"), houses, given)


def date_span(rows: pa.Table) -> dict[str, str]:
    """Return the first and the last show_date in the manifest's format."""
    span = pc.min_max(rows["show_date"]).as_py()
    return {"first_date": span["min"].isoformat(), "last_date": span["max"].isoformat()}


def write_partition(lake: str, rows: int, stamp: str, country: str) -> None:
    """Write the three files and the commit of one partition."""
    seed = int.from_bytes(hashlib.sha256(f"{stamp}{country}".encode()).digest()[:8])
    rng = np.random.default_rng(seed)
    films, houses = 40 + rows // 400, 10 + rows // 250
    tables = {
        "movies": movies(rng, films),
        "showings": showings(rng, rows, stamp, films, houses),
        "theaters": theaters(rng, houses),
    }
    members = []
    for name, flat in tables.items():
        stem = stamp[2:] + table(name).letter
        path = f"{parquet_folder(name, stamp, country)}/{stem}.parquet"
        source = pa.repeat(f"{stamp}/{country}/{stem}.XML", flat.num_rows)
        place = flat.column_names.index("source_xml")
        flat = flat.set_column(place, "source_xml", source)
        target = Path(lake, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with HashingFile(target.open("wb")) as file, RowsWriter(file, table(name)) as writer:
            writer.write(flat)
        size = flat.num_rows
        members.append(
            MemberCommit(
                member=f"{stem}.XML",
                status=COMPLETE,
                table=name,
                records=-(-size // 28) if name == "showings" else size,
                rows=size,
                screenings=size if name == "showings" else 0,
                **(date_span(flat) if name == "showings" else {}),
                digest=writer.digest,
                parquet=file.written(path),
            )
        )
    feed_zip = f"{stamp}/movies_{country}.zip"
    commit = Commit(stamp, country, feed_zip, 1, "1", "none", False, tuple(members))
    target = Path(lake, commit_path(stamp, country))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(commit_to_json(commit))


def write_lake(lake: str, rows: float, weeks: int = 260, countries: int = 48) -> None:
    """Write the whole lake.

    Parameters
    ----------
    lake : str
        A new local folder.
    rows : float
        Total number of screenings.
    weeks, countries : int
        Number of stamps and of countries.
    """
    folder = Folder(lake)
    create_lake(folder)
    shares = 1 / np.arange(1, countries + 1) ** 0.8
    shares /= shares.sum()
    sizes = dict(
        zip(country_codes(countries), shares[np.argsort(country_order(countries))], strict=True)
    )
    with ProcessPoolExecutor() as pool:
        for country, share in sizes.items():
            write = partial(write_partition, lake, round(rows * share / weeks))
            list(pool.map(write, stamps(weeks), repeat(country), chunksize=20))
    rebuild_manifest(folder)


def country_order(count: int) -> list[int]:
    """Return a fixed shuffle, so that the sizes do not follow the alphabet."""
    return [int(n) for n in np.random.default_rng(0).permutation(count)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lake")
    parser.add_argument("--rows", type=float, default=10e6)
    parser.add_argument("--stamps", type=int, default=260)
    parser.add_argument("--countries", type=int, default=48)
    options = parser.parse_args()
    write_lake(options.lake, options.rows, options.stamps, options.countries)
