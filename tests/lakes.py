"""A small lake, and functions that change its files, commits and manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from movielake import convert
from movielake.lake.digests import RowsDigest
from movielake.lake.manifest import rebuild_manifest
from movielake.names.layout import Folder
from tests.feeds import showing, times, week, write_feed

COMMIT = "manifest/20191206/deu.json"
MOVIES = "parquet/movies/date_stamp=20191206/country=deu/191206I.parquet"
THEATERS = "parquet/theaters/date_stamp=20191206/country=deu/191206T.parquet"
SHOWINGS = "parquet/showings/date_stamp=20191206/country=deu/191206S.parquet"
MOVIES_JSON = "json/20191206/deu/191206I.jsonl.zst"
THEATERS_JSON = "json/20191206/deu/191206T.jsonl.zst"
SHOWINGS_JSON = "json/20191206/deu/191206S.jsonl.zst"

PLACED = (
    "<houses><theater><theater_id>1</theater_id><theater_name>Astra</theater_name>"
    "<theater_lat>52.52</theater_lat><theater_lon>13.40</theater_lon></theater></houses>"
)


def small_feed(root: Path) -> str:
    """Write a feed of two countries, one of them in two weeks, without any problems."""
    first = week("20191206") | {"191206T.XML": PLACED}
    first["191206S.XML"] = times(showing(1), showing(2, at="13:20, (15:40)"))
    return write_feed(
        root,
        {
            "20191206/movies_deu.zip": first,
            "20191206/movies_swe.zip": week("20191206"),
            "20191213/movies_deu.zip": week("20191213"),
        },
    )


def small_lake(folder: Path) -> Path:
    convert(small_feed(folder / "feed"), str(folder / "lake"), workers=1)
    return folder / "lake"


def edit_commit(lake: Path, change: Callable[[dict[str, Any]], Any], path: str = COMMIT) -> None:
    """Change a commit, write it as movielake does, and rebuild the manifest."""
    commit = json.loads((lake / path).read_text("utf-8"))
    change(commit)
    text = json.dumps(commit, ensure_ascii=False, indent=1) + "\n"
    (lake / path).write_text(text, "utf-8")
    (lake / "manifest.parquet").unlink(missing_ok=True)
    rebuild_manifest(Folder(str(lake)))


def edit_member(lake: Path, table: str, **changes: Any) -> None:
    """Change fields of the member of a table in a commit."""

    def change(commit: dict[str, Any]) -> None:
        next(m for m in commit["members"] if m["table"] == table).update(changes)

    edit_commit(lake, change)


def replace_file(lake: Path, path: str, content: bytes) -> None:
    """Replace the content of a file, and update its size and checksum in the commit."""
    (lake / path).write_bytes(content)

    def change(commit: dict[str, Any]) -> None:
        for member in commit["members"]:
            for kind in ("json", "parquet"):
                if member[kind] and member[kind]["path"] == path:
                    digest = hashlib.sha256(content).hexdigest()
                    member[kind] |= {"bytes": len(content), "sha256": digest}

    edit_commit(lake, change)


def edit_rows(lake: Path, path: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change the rows of a Parquet file, and update its facts in the commit."""
    rows = change(pq.ParquetFile(lake / path).read())
    sink, digest = pa.BufferOutputStream(), RowsDigest()
    pq.write_table(rows, sink, compression="zstd")
    digest.update(rows)
    replace_file(lake, path, sink.getvalue().to_pybytes())
    edit_member(lake, path.split("/")[1], digest=digest.hexdigest())


def edit_column(lake: Path, path: str, column: str, values: list[Any]) -> None:
    """Replace the first values of a column, and update the size and checksum in the commit."""

    def change(rows: pa.Table) -> pa.Table:
        number = rows.column_names.index(column)
        given = [*values, *rows[column].to_pylist()[len(values) :]]
        array = pa.array(given, rows.schema.field(column).type)
        return rows.set_column(number, rows.schema.field(column), array)

    edit_rows(lake, path, change)


def edit_records(lake: Path, path: str, change: Callable[[list[Any]], Any]) -> None:
    """Change the records of a JSON Lines file, and update its size and checksum in the commit."""
    text = zstandard.ZstdDecompressor().stream_reader((lake / path).read_bytes()).read()
    records = [json.loads(line) for line in text.split(b"\n")[:-1]]
    change(records)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    replace_file(lake, path, zstandard.ZstdCompressor().compress(lines.encode()))


def without_json(lake: Path, path: str) -> None:
    """Remove a JSON Lines file from the lake and its commit, as staging without JSON does."""

    def change(commit: dict[str, Any]) -> None:
        for member in commit["members"]:
            if member["json"] and member["json"]["path"] == path:
                member["json"] = None

    (lake / path).unlink()
    edit_commit(lake, change)


# --- compact lakes


def compact_file(lake: Path, kind: str, table: str, country: str) -> str:
    """Return the path of the only file of a table and country in a compact lake."""
    (path,) = (lake / kind / table / f"country={country}").iterdir()
    return str(path.relative_to(lake))


def edit_manifest(lake: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the rows of the manifest of a compact lake, and write it as movielake does."""
    path = lake / "manifest.parquet"
    table = pq.ParquetFile(path).read()
    rows = table.to_pylist()
    for row in rows:
        change(row)
    changed = pa.Table.from_pylist(rows, table.schema)
    pq.write_table(changed, path, compression="zstd", write_page_checksum=True)


def edit_compact_rows(lake: Path, path: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change the rows of a file of a compact lake, and update its size and checksum."""
    rows = change(pq.ParquetFile(lake / path).read())
    pq.write_table(rows, lake / path, compression="zstd", store_schema=False)
    content = (lake / path).read_bytes()

    def update(row: dict[str, Any]) -> None:
        if row["parquet_path"] == path:
            digest = hashlib.sha256(content).hexdigest()
            row |= {"parquet_bytes": len(content), "parquet_sha256": digest}

    edit_manifest(lake, update)
