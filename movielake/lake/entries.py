"""Entries of the manifest: commits as rows of one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.collector import collector_paused
from movielake.lake.commits import UNREADABLE, Commit, MemberCommit

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
        ("damaged_records", pa.int64()),
        ("rows", pa.int64()),
        ("screenings", pa.int64()),
        ("first_date", pa.string()),
        ("last_date", pa.string()),
        ("root", pa.map_(pa.string(), pa.string())),
        ("digest", pa.string()),
        ("json_path", pa.string()),
        ("json_bytes", pa.int64()),
        ("json_sha256", pa.string()),
        ("json_start", pa.int64()),
        ("parquet_path", pa.string()),
        ("parquet_bytes", pa.int64()),
        ("parquet_sha256", pa.string()),
        ("parquet_start", pa.int64()),
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
        row[f"{kind}_start"] = 0 if file else None
    row["root"] = list(row["root"].items()) if member else None
    for kind in ("quarantine", "problems", "fallbacks"):
        row[kind] = [vars(each) for each in row[kind]] if member else None
    # `path` is the path of the feed zip. The columns above have the paths of the member's files.
    return {name: row.get(name) for name in MANIFEST.names}


def unreadable_commits(manifest: pa.Table) -> dict[tuple[str, str], str]:
    """Return the partitions of a manifest whose commits cannot be read.

    Parameters
    ----------
    manifest : pa.Table
        The whole manifest.

    Returns
    -------
    dict
        Stamp and country of each such partition to the reason and the advice, in one line.
    """
    rows = manifest.filter(pc.field("status") == UNREADABLE)
    rows = rows.select(["date_stamp", "country", "reason"]).to_pylist()
    return {(row["date_stamp"], row["country"]): row["reason"] for row in rows}
