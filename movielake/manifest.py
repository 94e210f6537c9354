"""The manifest: what each feed zip became. A commit here is what makes a zip converted.

``manifest/STAMP/CCC.json`` holds one commit; ``manifest.parquet`` holds all of them in one table,
derived, and only used while it knows exactly the commits that are there. Whoever changes a commit
removes ``manifest.parquet`` first, so that it can be missing but never wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake import schema
from movielake.commits import Commit, MemberCommit, commit_from_json, commit_to_json
from movielake.layout import LAKE_FILE, MANIFEST_FOLDER, MANIFEST_TABLE, Folder, commit_path
from movielake.writers import workspace, write_atomically


def create_lake(lake: Folder) -> None:
    """Write ``lake.json`` if the lake has none yet; otherwise check that it can be extended.

    Parameters
    ----------
    lake : Folder
        Where the lake is or is to be.

    Raises
    ------
    ValueError
        If a lake of another format is there, or a folder that is no lake.
    """
    file = lake.join(LAKE_FILE)
    # Asked again at the end: another job may just have made the same lake.
    if not (lake.fs.exists(file) or _is_empty(lake) or lake.fs.exists(file)):
        raise ValueError(
            f"expected a lake or an empty folder, found files but no {LAKE_FILE} in {lake.url}"
        )
    if lake.fs.exists(file):
        check_lake(lake)
        return
    tables = {
        name: {c.name: str(c.arrow) for c in schema.table(name).columns} for name in schema.TABLES
    }
    content = json.dumps({"format": schema.FORMAT, "tables": tables}, indent=1) + "\n"
    write_atomically(lake, LAKE_FILE, content.encode())


def _is_empty(lake: Folder) -> bool:
    """Tell whether a folder has no files but hidden ones."""
    return not lake.fs.exists(lake.path) or all(path.startswith(".") for path in lake.find())


def check_lake(lake: Folder) -> None:
    """Check that a folder is a lake of the format that this version reads.

    Parameters
    ----------
    lake : Folder
        The lake.

    Raises
    ------
    FileNotFoundError
        If there is no lake.
    ValueError
        If its format is another one.
    """
    try:
        found = json.loads(lake.fs.cat_file(lake.join(LAKE_FILE)))["format"]
    except FileNotFoundError:
        raise FileNotFoundError(
            f"expected a lake, found no {LAKE_FILE} in {lake.url}; "
            "make one with: movielake convert FEED LAKE"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{lake.url}/{LAKE_FILE} is not readable; restore it or convert the feed anew"
        ) from None
    if found != schema.FORMAT:
        raise ValueError(
            f"expected a lake of format {schema.FORMAT}, found format {found} in {lake.url}; "
            "use the movielake that wrote it, or convert the feed anew"
        )


def write_commit(lake: Folder, commit: Commit) -> None:
    """Make a feed zip count as converted; its files must be in place."""
    mark_behind(lake)
    path = commit_path(commit.date_stamp, commit.country)
    write_atomically(lake, path, commit_to_json(commit))


def remove_commit(lake: Folder, date_stamp: str, country: str) -> None:
    """Make a feed zip count as not converted, if it did."""
    mark_behind(lake)
    _remove(lake, commit_path(date_stamp, country))


def mark_behind(lake: Folder) -> None:
    """Remove ``manifest.parquet``, before commits change."""
    _remove(lake, MANIFEST_TABLE)


def _remove(lake: Folder, path: str) -> None:
    with suppress(FileNotFoundError):
        lake.fs.rm_file(lake.join(path))


def read_commit(lake: Folder, date_stamp: str, country: str) -> Commit | None:
    """Read one commit; None if the feed zip is not converted."""
    try:
        content = lake.fs.cat_file(lake.join(commit_path(date_stamp, country)))
    except FileNotFoundError:
        return None
    return commit_from_json(content)


def committed(lake: Folder) -> list[tuple[str, str]]:
    """List the (date_stamp, country) of all commits, in order, without opening any."""
    found = []
    for path in lake.names(MANIFEST_FOLDER):
        parts = path.removesuffix(".json").split("/")
        if path.endswith(".json") and len(parts) == 3:
            found.append((parts[1], parts[2]))
    return sorted(found)


def read_manifest(lake: Folder, columns: Sequence[str] | None = None) -> pa.Table:
    """Read what is in a lake, one row per member.

    Parameters
    ----------
    lake : Folder
        The lake.
    columns : sequence of str, optional
        Which of the columns of `MANIFEST`; all by default.

    Returns
    -------
    pa.Table
        In the order of stamp, country and member.
    """
    present = committed(lake)
    table = _read_table(lake, present, columns)
    if table is None:
        table = manifest_table(_read_all(lake, present)).select(columns or MANIFEST.names)
    return table


def rebuild_manifest(lake: Folder) -> pa.Table:
    """Write ``manifest.parquet`` from the commits, unless it is up to date.

    Parameters
    ----------
    lake : Folder
        The lake.

    Returns
    -------
    pa.Table
        The whole manifest.
    """
    present = committed(lake)
    table = _read_table(lake, present)
    if table is None:
        table = manifest_table(_read_all(lake, present))
        with workspace(lake) as space:
            with space.open(MANIFEST_TABLE) as file:
                pq.write_table(table, file, compression="zstd")
            space.publish()
    return table


def _read_table(
    lake: Folder, present: list[tuple[str, str]], columns: Sequence[str] | None = None
) -> pa.Table | None:
    """Read ``manifest.parquet``; None if it is not there, or knows other commits than present."""
    with suppress(FileNotFoundError), lake.fs.open(lake.join(MANIFEST_TABLE), "rb") as file:
        known = pq.ParquetFile(file)
        keys = known.read(columns=["date_stamp", "country"]).to_pydict().values()
        if list(dict.fromkeys(zip(*keys, strict=True))) == present:
            return known.read(columns=columns)
    return None


def _read_all(lake: Folder, present: Iterable[tuple[str, str]]) -> list[Commit]:
    def read(pair: tuple[str, str]) -> Commit | None:
        return read_commit(lake, *pair)

    with ThreadPoolExecutor(16) as pool:  # many small files: the waiting is worth sharing
        return [commit for commit in pool.map(read, present) if commit is not None]


_FILE: Final = [("path", pa.string()), ("bytes", pa.int64()), ("sha256", pa.string())]
_PROBLEM: Final = [
    ("column", pa.string()),
    ("kind", pa.string()),
    ("count", pa.int64()),
    ("example", pa.string()),
]
_FALLBACK: Final = [("reason", pa.string()), ("records", pa.int64())]

MANIFEST: Final = pa.schema(
    [
        ("date_stamp", pa.string()),
        ("country", pa.string()),
        ("path", pa.string()),
        ("size", pa.int64()),
        ("modified", pa.string()),
        ("fingerprint", pa.string()),
        ("with_json", pa.bool_()),
        ("member", pa.string()),
        ("status", pa.string()),
        ("table", pa.string()),
        ("reason", pa.string()),
        ("line", pa.int64()),
        ("column", pa.int64()),
        ("xml_bytes", pa.int64()),
        ("records", pa.int64()),
        ("rows", pa.int64()),
        ("screenings", pa.int64()),
        ("first_date", pa.string()),
        ("last_date", pa.string()),
        ("json_path", pa.string()),
        ("json_bytes", pa.int64()),
        ("json_sha256", pa.string()),
        ("parquet_path", pa.string()),
        ("parquet_bytes", pa.int64()),
        ("parquet_sha256", pa.string()),
        ("quarantine", pa.list_(pa.struct(_FILE))),
        ("problems", pa.list_(pa.struct(_PROBLEM))),
        ("fallbacks", pa.list_(pa.struct(_FALLBACK))),
    ]
)
"""Columns of ``manifest.parquet``: the commit's, its member's, and the files made of it."""


def manifest_table(commits: Iterable[Commit]) -> pa.Table:
    """Put commits into one table, one row per member.

    Parameters
    ----------
    commits : iterable of Commit
        In the order of stamp and country.

    Returns
    -------
    pa.Table
        With the schema `MANIFEST`. A zip without any member has one row with null member.
    """
    rows = [
        _manifest_row(commit, member) for commit in commits for member in commit.members or (None,)
    ]
    return pa.Table.from_pylist(rows, schema=MANIFEST)


def _manifest_row(commit: Commit, member: MemberCommit | None) -> dict[str, Any]:
    row = vars(commit) | (asdict(member) if member else {})
    for kind in ("json", "parquet"):
        file = row.get(kind) or {}
        row |= {f"{kind}_{key}": file.get(key) for key in ("path", "bytes", "sha256")}
    # `path` is the feed zip's; the member's own files have theirs in the columns above.
    return {name: row.get(name) for name in MANIFEST.names}
