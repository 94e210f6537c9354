"""The manifest: what each feed zip became. A commit here is what makes a zip converted.

``manifest/STAMP/CCC.json`` holds one commit; ``manifest.parquet`` holds all of them in one table,
derived, and only used while it knows exactly the commits that are there. Whoever changes a commit
removes ``manifest.parquet`` first, and all drafts of it, so that it can be missing but never wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.collector import collector_paused
from movielake.lake.commits import (
    Commit,
    MemberCommit,
    Pairs,
    commit_contents,
    commit_from_json,
    committed,
)
from movielake.lake.locks import name_draft, wait_for_holders
from movielake.lake.writers import HashingFile, rename, write_atomically
from movielake.names.layout import LAKE_FILE, MANIFEST_TABLE, Folder, Selection
from movielake.schema.tables import FORMAT, TABLES
from movielake.schema.tables import table as read_table

_EVERYTHING: Final = Selection()


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
    content = json.dumps({"format": FORMAT, "tables": _columns()}, indent=1) + "\n"
    write_atomically(lake, LAKE_FILE, content.encode())


def _columns() -> dict[str, dict[str, str]]:
    """Return each table's columns with their types, as ``lake.json`` has them."""
    return {name: {c.name: str(c.arrow) for c in read_table(name).columns} for name in TABLES}


def _is_empty(lake: Folder) -> bool:
    """Tell whether a folder has no files but hidden ones."""
    return not lake.fs.exists(lake.path) or all(path.startswith(".") for path in lake.find())


def check_lake(lake: Folder) -> None:
    """Check that a folder is a lake of the format that this version reads, with its columns.

    Parameters
    ----------
    lake : Folder
        The lake.

    Raises
    ------
    FileNotFoundError
        If there is no lake.
    ValueError
        If its format is another one, or its tables have other columns than those of the format: a
        column that is missing or of another type would be a wrong answer somewhere later.
    """
    try:
        content = json.loads(lake.fs.cat_file(lake.join(LAKE_FILE)))
        found = content["format"]
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(_tell_no_lake(lake)) from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{lake.url}/{LAKE_FILE} is not readable; restore it or convert the feed anew"
        ) from None
    if found != FORMAT:
        raise ValueError(
            f"expected a lake of format {FORMAT}, found format {found} in {lake.url}; "
            "use the movielake that wrote it, or convert the feed anew, into another folder"
        )
    if difference := describe_difference(content.get("tables")):
        raise ValueError(
            f"{lake.url}/{LAKE_FILE} says format {found}, but {difference}; "
            "use the movielake that wrote it, or convert the feed anew, into another folder"
        )


def _tell_no_lake(lake: Folder) -> str:
    """Say what is there instead of a lake, and what to do: perhaps it is around or packed."""
    if lake.is_local and lake.fs.isfile(lake.path):
        return (
            f"expected the folder of a lake, found a file: {lake.url}; "
            "unpack a pack with: movielake stage FILE.tar --to DIR"
        )
    around = [lake.url.rstrip("/").rsplit("/", up)[0] for up in (1, 2, 3)]
    for url in around if lake.is_local else []:
        if url and Folder(url).fs.isfile(Folder(url).join(LAKE_FILE)):
            return f"expected a lake, found a folder in one: {lake.url}; did you mean {url}?"
    return (
        f"expected a lake, found no {LAKE_FILE} in {lake.url}; "
        "make one with: movielake convert FEED LAKE"
    )


def describe_difference(found: Any) -> str:
    """Say how the tables of a lake differ from those of the format; empty if they do not."""
    if not isinstance(found, dict) or not all(isinstance(t, dict) for t in found.values()):
        return "does not tell the columns of its tables"
    expected = _columns()
    if found.keys() != expected.keys():
        return f"expected the tables {', '.join(expected)}, found {', '.join(found) or 'none'}"
    for name, columns in expected.items():
        for column in columns | found[name]:
            wanted, there = columns.get(column), found[name].get(column)
            if wanted != there:
                return f"expected {name}.{column} {_of_type(wanted)}, found it {_of_type(there)}"
    return ""


def _of_type(type_: Any) -> str:
    return f"of type {type_}" if type_ else "not there"


def read_manifest(
    lake: Folder, columns: Sequence[str] | None = None, needed: Selection | None = _EVERYTHING
) -> pa.Table:
    """Read what is in a lake, one row per member.

    Parameters
    ----------
    lake : Folder
        The lake.
    columns : sequence of str, optional
        Which of the columns of `MANIFEST`; all by default.
    needed : Selection or None, optional
        Partitions that are not to be missed just because they are being replaced; by default
        all.

    Returns
    -------
    pa.Table
        In the order of stamp, country and member.

    Raises
    ------
    ValueError
        If one of those needed is still being replaced after a moment.
    """
    while True:
        present = committed(lake, needed)
        table = _read_table(lake, present, columns)
        if table is not None:
            return table
        commits = _read_all(lake, present)
        if None not in commits:
            return manifest_table(filter(None, commits)).select(columns or MANIFEST.names)


def rebuild_manifest(lake: Folder) -> pa.Table:
    """Write ``manifest.parquet`` from the commits, unless it is up to date.

    If another process changes a commit meanwhile, it is not written: that one rebuilds it later.

    Parameters
    ----------
    lake : Folder
        The lake.

    Returns
    -------
    pa.Table
        The whole manifest.
    """
    table = _read_table(lake, committed(lake))
    if table is not None:
        return table
    draft = lake.join(name_draft())
    lake.fs.makedirs(draft.rpartition("/")[0], exist_ok=True)
    try:
        with HashingFile(lake.fs.open(draft, "wb"), draft) as file:
            # From here on, who changes a commit removes the draft; who began before is waited for.
            wait_for_holders(lake)
            table = manifest_table(filter(None, _read_all(lake, committed(lake))))
            pq.write_table(table, file, compression="zstd")
        with suppress(FileNotFoundError):  # it was removed
            rename(lake, draft, MANIFEST_TABLE)
    except BaseException:
        with suppress(FileNotFoundError):
            lake.fs.rm_file(draft)
        raise
    return table


def _read_table(
    lake: Folder, present: Pairs, columns: Sequence[str] | None = None
) -> pa.Table | None:
    """Read ``manifest.parquet``; None if it is not there, or knows other commits than present."""
    path = lake.join(MANIFEST_TABLE)
    with (
        suppress(FileNotFoundError),
        pa.OSFile(path) if lake.is_local else lake.fs.open(path, "rb") as file,
    ):
        # On no thread of Arrow's: if it lets go of a file or bytes of Python's when Python is just
        # ending, the whole process is aborted.
        known = pq.ParquetFile(file)
        keys = known.read(columns=["date_stamp", "country"], use_threads=False).to_pydict()
        if list(dict.fromkeys(zip(*keys.values(), strict=True))) == present:
            return known.read(columns=columns, use_threads=False)
    return None


@collector_paused()
def _read_all(lake: Folder, present: Pairs) -> list[Commit | None]:
    """Read commits; None for those that have gone meanwhile."""
    contents = commit_contents(lake, present)
    return [None if content is None else commit_from_json(content) for content in contents]


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


@collector_paused()
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
    # By `vars`: `dataclasses.asdict` copies deeply, which took most of the time.
    row = vars(commit) | (vars(member) if member else {})
    for kind in ("json", "parquet"):
        file = vars(row[kind]) if row.get(kind) else {}
        row |= {f"{kind}_{key}": file.get(key) for key in ("path", "bytes", "sha256")}
    for kind in ("quarantine", "problems", "fallbacks"):
        row[kind] = [vars(each) for each in row[kind]] if member else None
    # `path` is the feed zip's; the member's own files have theirs in the columns above.
    return {name: row.get(name) for name in MANIFEST.names}
