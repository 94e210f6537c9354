"""The manifest: the result of each feed zip. A zip counts as converted when its commit is here.

``manifest/STAMP/CCC.json`` contains one commit. ``manifest.parquet`` contains all commits in one
table. The table is derived, and it is used only if its commits are exactly the commits in the lake.
A process that changes a commit first removes ``manifest.parquet`` and all drafts of it. So the
table can be missing, but it is never wrong.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.collector import collector_paused
from movielake.lake.commits import Commit, MemberCommit, commit_from_json
from movielake.lake.drafts import Draft
from movielake.lake.ledger import Pairs, commit_contents, committed
from movielake.lake.locks import wait_for_holders
from movielake.names.layout import MANIFEST_TABLE, Folder, Selection

_EVERYTHING: Final = Selection()


def read_manifest(
    lake: Folder, columns: Sequence[str] | None = None, needed: Selection | None = _EVERYTHING
) -> pa.Table:
    """Read the manifest of a lake as a table with one row per member.

    Parameters
    ----------
    lake : Folder
        The lake.
    columns : sequence of str, optional
        Names of columns of `MANIFEST`. All by default.
    needed : Selection or None, optional
        Partitions that must not be left out only because they are being replaced. All by
        default.

    Returns
    -------
    pa.Table
        The rows, in the order of stamp, country and member.

    Raises
    ------
    ValueError
        If a needed partition is still being replaced after two seconds.
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

    If another process changes a commit at the same time, the file is not written. The other
    process rebuilds it later.

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
    with Draft(lake) as draft:
        # A process that changes a commit from now on removes the draft. Wait for earlier ones.
        wait_for_holders(lake)
        table = manifest_table(filter(None, _read_all(lake, committed(lake))))
        content = io.BytesIO()
        pq.write_table(table, content, compression="zstd")
        draft.publish(content.getvalue(), MANIFEST_TABLE)
    return table


def _read_table(
    lake: Folder, present: Pairs, columns: Sequence[str] | None = None
) -> pa.Table | None:
    """Read ``manifest.parquet``. Return None if it is missing or has other commits."""
    path = lake.join(MANIFEST_TABLE)
    with (
        suppress(FileNotFoundError),
        # Read an object at once, because another process can replace it between two reads.
        pa.OSFile(path) if lake.is_local else pa.BufferReader(lake.fs.cat_file(path)) as file,
    ):
        # Without Arrow's threads: if such a thread releases a Python file or Python bytes while
        # Python is ending, the whole process is aborted.
        known = pq.ParquetFile(file)
        keys = known.read(columns=["date_stamp", "country"], use_threads=False).to_pydict()
        if list(dict.fromkeys(zip(*keys.values(), strict=True))) == present:
            return known.read(columns=columns, use_threads=False)
    return None


@collector_paused()
def _read_all(lake: Folder, present: Pairs) -> list[Commit | None]:
    """Read commits. The result has None for each commit that was removed in the meantime."""
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
"""Columns of ``manifest.parquet``: those of the commit, of the member, and of its files."""


@collector_paused()
def manifest_table(commits: Iterable[Commit]) -> pa.Table:
    """Return commits as one table with one row per member.

    Parameters
    ----------
    commits : iterable of Commit
        The commits, in the order of stamp and country.

    Returns
    -------
    pa.Table
        A table with the schema `MANIFEST`. A zip without members has one row whose member is null.
    """
    rows = [
        _manifest_row(commit, member) for commit in commits for member in commit.members or (None,)
    ]
    return pa.Table.from_pylist(rows, schema=MANIFEST)


def _manifest_row(commit: Commit, member: MemberCommit | None) -> dict[str, Any]:
    # `vars` is used because the deep copies of `dataclasses.asdict` took most of the time.
    row = vars(commit) | (vars(member) if member else {})
    for kind in ("json", "parquet"):
        file = vars(row[kind]) if row.get(kind) else {}
        row |= {f"{kind}_{key}": file.get(key) for key in ("path", "bytes", "sha256")}
    for kind in ("quarantine", "problems", "fallbacks"):
        row[kind] = [vars(each) for each in row[kind]] if member else None
    # `path` is the path of the feed zip. The columns above have the paths of the member's files.
    return {name: row.get(name) for name in MANIFEST.names}
