"""The file manifest.parquet, and the commits in it. A compact lake has its commits only there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.bounds import misplaced
from movielake.lake.commits import Commit, Fallback, MemberCommit
from movielake.lake.entries import MANIFEST
from movielake.lake.opening import COMPACT
from movielake.lake.writers import WrittenFile
from movielake.names.layout import MANIFEST_TABLE, Folder
from movielake.rows.problems import Problem
from movielake.staging.packs import Pair
from movielake.validation.findings import Finding
from movielake.validation.rules import MEND_COPY, found, reason

_FIELDS: Final = tuple(each.name for each in fields(MemberCommit))
_LISTS: Final[dict[str, type[Any]]] = {
    "quarantine": WrittenFile,
    "problems": Problem,
    "fallbacks": Fallback,
}


class ManifestFile(NamedTuple):
    """The content of ``manifest.parquet``, as bytes and as a table, and its writer."""

    content: bytes
    table: pa.Table
    writer: str


class Start(NamedTuple):
    """Where a member begins in the files of a compact lake.

    Parameters
    ----------
    row : int or None
        Its first row in the Parquet file. None without Parquet.
    byte : int or None
        The first byte of its frame in the JSON Lines file. None without JSON Lines.
    """

    row: int | None
    byte: int | None


Entry = tuple[Commit, tuple[Start, ...]]
"""A commit, with the start of each of its members."""


def open_manifest(lake: Folder) -> ManifestFile:
    """Read ``manifest.parquet``.

    Raises
    ------
    OSError, ValueError, pa.ArrowException
        If the file cannot be read.
    """
    content = bytes(lake.fs.cat_file(lake.join(MANIFEST_TABLE)))
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    table = file.read(use_threads=False)
    table.validate(full=True)  # finds invalid UTF-8 here, not in some later step
    return ManifestFile(content, table, file.metadata.created_by)


def commits_in(table: pa.Table) -> Iterator[tuple[Pair, Entry | Finding]]:
    """Read the commits in the manifest of a compact lake.

    Parameters
    ----------
    table : pa.Table
        The manifest, with the columns of `MANIFEST`.

    Yields
    ------
    Pair
        Stamp and country.
    tuple or Finding
        The commit with the starts of its members, or a finding if it is broken.
    """
    first, seen, is_misplaced = 0, ("", ""), misplaced(table, COMPACT)
    for pair, group in groupby(table.to_pylist(), key=itemgetter("date_stamp", "country")):
        rows = list(group)
        begin, first = first, first + len(rows)
        place = f"{pair[0]} {pair[1]}"
        try:
            entry = _entry(rows)
        except (ValueError, TypeError) as error:
            message = f"{place}: cannot be read ({reason(error)}); {MEND_COPY}"
            yield pair, found("commit-file", MANIFEST_TABLE, message)
            continue
        if pair <= seen:
            message = f"{place}: expected the partitions in order, found another order; {MEND_COPY}"
            yield pair, found("commit-file", MANIFEST_TABLE, message)
            continue
        seen = pair
        if is_misplaced[begin:first].any():
            message = f"{place}: expected files in the folders of the country, found others"
            yield pair, found("commit-place", MANIFEST_TABLE, f"{message}; {MEND_COPY}")
            continue
        yield pair, entry


def _entry(rows: list[dict[str, Any]]) -> Entry:
    first = rows[0]
    known = [row for row in rows if row["member"] is not None]
    commit = Commit(
        **{each.name: first[each.name] for each in fields(Commit) if each.name != "members"},
        members=tuple(map(_member, known)),
    )
    return commit, tuple(Start(row["parquet_start"], row["json_start"]) for row in known)


def _member(row: dict[str, Any]) -> MemberCommit:
    parts: dict[str, Any] = {name: row[name] for name in _FIELDS if name in row}
    parts |= {kind: _file(row, kind) for kind in ("json", "parquet")}
    for name, kind in _LISTS.items():
        parts[name] = tuple(kind(**each) for each in row[name])
    return MemberCommit(**parts | {"root": dict(row["root"])})


def _file(row: dict[str, Any], kind: str) -> WrittenFile | None:
    path, size, checksum = (row[f"{kind}_{key}"] for key in ("path", "bytes", "sha256"))
    return None if path is None else WrittenFile(path, size, checksum)


def manifest_difference(table: pa.Table) -> str:
    """Return how the columns of a manifest differ from those of this version, or an empty text."""
    same = table.schema.equals(MANIFEST)
    return "" if same else "expected the columns of this version, found other columns"
