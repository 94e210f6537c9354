"""Small handmade feeds, and readers of lakes that do not use movielake's own code."""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Members = Mapping[str, "str | bytes"] | Iterable[tuple[str, "str | bytes"]]
Content = bytes | Members

EPOCH = (2019, 12, 6, 0, 0, 0)
"""Time of every member, so that zips of the same members are identical."""

TIME = re.compile(
    r"(?<![\d+:.])(?:[01]?\d|2[0-5])(?:[:.hH\N{FULLWIDTH COLON}][0-5]\d(?!\d)| [AP]M)"
)
"""A time in a text of the sample, in any of its forms."""


def zipped(members: Members, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack members from a dict, or from pairs if a name occurs twice."""
    pairs = members.items() if isinstance(members, Mapping) else members
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, content in pairs:
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, compression)
    return packed.getvalue()


def with_headers(packed: bytes, *, flags: int = 0, method: int | None = None) -> bytes:
    """Set flags and another compression method in both headers of a zip's first member."""
    changed = bytearray(packed)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.index(signature) + place
        old_flags, old_method = struct.unpack_from("<HH", changed, at)
        new_method = old_method if method is None else method
        struct.pack_into("<HH", changed, at, old_flags | flags, new_method)
    return bytes(changed)


def write_feed(root: Path, files: Mapping[str, Content]) -> str:
    """Write a feed from a dict: path to the bytes of a file, or to the members of a zip."""
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else zipped(content))
    return str(root)


def times(*showtimes: str) -> str:
    """Build a member of showings from showtime elements or from their content."""
    inner = "".join(s if s.startswith("<showtime>") else showtime(s) for s in showtimes)
    return f"<times>{inner}</times>"


def showtime(content: str = "") -> str:
    return f"<showtime>{content}</showtime>"


def showing(movie: int = 1, theater: int = 1, date: str = "20191206", at: str = "13:20") -> str:
    """Build one ordinary showtime element."""
    return showtime(
        f"<movie_name>Film {movie}</movie_name><movie_id>{movie}</movie_id>"
        f"<theater_id>{theater}</theater_id>"
        f'<show_date date="{date}"><showtimes>{at}</showtimes></show_date>'
    )


def movies(*titles: str) -> str:
    rows = (
        f"<movie><movie_id>{n}</movie_id><title>{t}</title></movie>"
        for n, t in enumerate(titles, 1)
    )
    return f"<movies>{''.join(rows)}</movies>"


def houses(*names: str) -> str:
    rows = (
        f"<theater><theater_id>{n}</theater_id><theater_name>{name}</theater_name></theater>"
        for n, name in enumerate(names, 1)
    )
    return f"<houses>{''.join(rows)}</houses>"


def week(stamp: str = "20191206", shows: int = 2) -> dict[str, str]:
    """Build the three members that a zip normally has."""
    day = stamp[2:]
    return {
        f"{day}I.XML": movies("Up", "Down"),
        f"{day}T.XML": houses("Astra"),
        f"{day}S.XML": times(*(showing(n, 1, stamp) for n in range(1, shows + 1))),
    }


def files(folder: str | Path) -> dict[str, bytes]:
    """Read all files below a folder: relative path to content."""
    top = Path(folder)
    found = {path.relative_to(top).as_posix(): path for path in top.rglob("*") if path.is_file()}
    return {name: found[name].read_bytes() for name in sorted(found)}


def json_lines(path: str | Path) -> list[dict[str, Any]]:
    """Read a JSON Lines file with only zstandard and json."""
    with Path(path).open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        text = stream.read().decode("utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def all_records(lake: str | Path, ending: str = "") -> list[dict[str, Any]]:
    """Read the records of all JSON Lines files whose names have this ending."""
    paths = sorted(Path(lake, "json").rglob(f"*{ending}.jsonl.zst"))
    return [record for path in paths for record in json_lines(path)]


def rows(path: str | Path) -> list[dict[str, Any]]:
    """Read one Parquet file."""
    return pq.ParquetFile(path).read().to_pylist()


def all_rows(lake: str | Path, table: str = "showings") -> list[dict[str, Any]]:
    """Read all Parquet files of a table, in the order of their paths."""
    return [
        row
        for path in sorted(Path(lake, "parquet", table).rglob("*.parquet"))
        for row in rows(path)
    ]


def without_nulls(table: pa.Table) -> list[dict[str, Any]]:
    """List the values of each row that are not null, with ``extra`` as a dict."""
    found = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    for row in found:
        if "extra" in row:
            row["extra"] = dict(row["extra"])
    return found


def commit(lake: str | Path, date_stamp: str = "20191206", country: str = "deu") -> dict[str, Any]:
    """Read a commit as plain JSON."""
    return json.loads(Path(lake, "manifest", date_stamp, f"{country}.json").read_text("utf-8"))


def member(lake: str | Path, name: str, **place: str) -> dict[str, Any]:
    """Read the entry of one member in a commit."""
    return next(m for m in commit(lake, **place)["members"] if m["member"] == name)


def manifest(lake: str | Path) -> pa.Table:
    """Read the manifest of the whole lake."""
    return pq.read_table(Path(lake, "manifest.parquet"))
