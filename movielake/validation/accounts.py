"""Comparison of a lake's files with its commits, and of the commits with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.commits import DAMAGED, EMPTY, OTHER, REFUSED
from movielake.lake.descriptors import descriptor_content
from movielake.lake.entries import MANIFEST
from movielake.names.layout import (
    DESCRIPTOR_FILE,
    LAKE_FILE,
    MANIFEST_FOLDER,
    MANIFEST_TABLE,
    Selection,
    commit_path,
    is_date_stamp,
)
from movielake.rows.problems import Problem, total
from movielake.schema.tables import TABLES
from movielake.staging.packs import Pair, files_of
from movielake.validation.findings import Finding
from movielake.validation.inventory import Inventory, leftovers
from movielake.validation.rules import RULE_OF_PROBLEM, found, mend

_DATA_FOLDERS: Final = (MANIFEST_FOLDER, "json", "parquet", "quarantine")
_KNOWN: Final = (LAKE_FILE, MANIFEST_TABLE, DESCRIPTOR_FILE, "README", "README.md")

_MEMBER_RULES: Final = {
    DAMAGED: "damaged-member",
    REFUSED: "refused-member",
    EMPTY: "left-out-member",
    OTHER: "left-out-member",
}
_WRITER: Final = re.compile(r"parquet-cpp-arrow version [0-9]+\.[0-9]+\.[0-9]+(-SNAPSHOT)?")
_EXAMPLE: Final = 60
_REBUILD: Final = "remove it, then movielake convert writes it again from the commits"


def check_manifest(inventory: Inventory, *, to_the_byte: bool) -> Iterator[Finding]:
    """Compare ``manifest.parquet``, if it exists, with the commits from which it was made.

    Parameters
    ----------
    inventory : Inventory
        The lake.
    to_the_byte : bool
        Whether to compare the bytes of the file too, if the same version of Arrow wrote it.

    Yields
    ------
    Finding
    """
    lake = inventory.lake
    if MANIFEST_TABLE not in inventory.files:
        return
    try:
        content = bytes(lake.fs.cat_file(lake.join(MANIFEST_TABLE)))
        file = pq.ParquetFile(pa.BufferReader(content))
        known = file.read(use_threads=False)
        known.validate(full=True)  # finds invalid UTF-8 here, not in some later step
        writer = file.metadata.created_by
    except (OSError, ValueError, pa.ArrowException) as error:
        yield found("stale-manifest", MANIFEST_TABLE, f"cannot be read ({error}); {_REBUILD}")
        return
    if not known.equals(inventory.table):
        yield from _stale(known, inventory)
    elif to_the_byte and not _is_as_written(content, writer, inventory.table):
        message = f"the content is right, but movielake would write other bytes today; {_REBUILD}"
        yield found("manifest-bytes", MANIFEST_TABLE, message)


def _is_as_written(content: bytes, writer: str, table: pa.Table) -> bool:
    """Return whether the file has today's bytes, or another version of Arrow wrote it."""
    again = pa.BufferOutputStream()
    pq.write_table(table, again, compression="zstd")
    fresh = again.getvalue()
    if fresh.equals(pa.py_buffer(content)):
        return True
    ours = pq.read_metadata(pa.BufferReader(fresh)).created_by
    return bool(_WRITER.fullmatch(writer)) and writer != ours


def _stale(known: pa.Table, inventory: Inventory) -> Iterator[Finding]:
    """Report the difference between manifest and commits, without the broken commits."""
    if known.schema != MANIFEST:
        message = f"expected the columns of this version, found other columns; {_REBUILD}"
        yield found("stale-manifest", MANIFEST_TABLE, message)
        return
    theirs, ours = _by_pair(known), _by_pair(inventory.table)
    pairs = sorted({*theirs, *ours} - inventory.broken.keys())
    parted = [pair for pair in pairs if theirs.get(pair) != ours.get(pair)]
    if parted:
        path, more = commit_path(*parted[0]), f" and {len(parted) - 1:,} more" * len(parted[1:2])
        message = f"expected the same as in the commits, found a difference to {path}{more}; "
        message += _REBUILD
        yield found("stale-manifest", MANIFEST_TABLE, message, count=len(parted))
    elif [pair for pair in theirs if pair in ours] != list(ours):
        message = f"expected the commits in order, found another order; {_REBUILD}"
        yield found("stale-manifest", MANIFEST_TABLE, message)


def _by_pair(table: pa.Table) -> dict[Pair, list[dict[str, Any]]]:
    grouped: dict[Pair, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        grouped.setdefault((row["date_stamp"], row["country"]), []).append(row)
    return grouped


def check_descriptor(inventory: Inventory) -> Iterator[Finding]:
    """Compare ``datapackage.json``, if it exists, with the descriptor made from the schemas.

    Parameters
    ----------
    inventory : Inventory
        The lake.

    Yields
    ------
    Finding
    """
    lake = inventory.lake
    if DESCRIPTOR_FILE not in inventory.files:
        return
    try:
        differs = lake.fs.cat_file(lake.join(DESCRIPTOR_FILE)) != descriptor_content()
    except OSError as error:
        yield found("data-package", DESCRIPTOR_FILE, f"cannot be read ({error})")
        return
    if differs:
        message = "it does not match the schemas; movielake convert writes it again"
        yield found("data-package", DESCRIPTOR_FILE, message)


def check_files(
    inventory: Inventory, selected: Set[Pair], selection: Selection
) -> Iterator[Finding]:
    """Compare the existing files with the files that the commits name.

    Parameters
    ----------
    inventory : Inventory
        The lake.
    selected : set of Pair
        The selected partitions that have a commit.
    selection : Selection
        The selection. It also covers files of partitions without a commit.

    Yields
    ------
    Finding
    """
    named: set[str] = set()
    for pair, commit in inventory.commits.items():
        files = files_of(commit)
        named.update(file.path for file in files)
        for file in files if pair in selected else ():
            stat = inventory.files.get(file.path)
            if stat is None:
                message = f"{commit_path(*pair)} names this file, but the file does not exist"
                yield found("missing-file", file.path, f"{message}; {mend(pair)}")
            elif stat[0] != file.bytes:
                message = f"expected {file.bytes:,} bytes, found {stat[0]:,}"
                yield found("wrong-size", file.path, f"{message}; {mend(pair)}")
    yield from _check_others(inventory, named, selection)
    for space in leftovers(inventory):
        message = "a killed process left this workspace behind; movielake convert removes it"
        yield found("leftover", space, message)


def _check_others(inventory: Inventory, named: set[str], selection: Selection) -> Iterator[Finding]:
    for path in sorted(inventory.files.keys() - named):
        parts = path.split("/")
        if parts[0] not in _DATA_FOLDERS:
            # The lake keeps its internal files, which hold no data, in dotfiles and dot folders.
            if path not in _KNOWN and not path.startswith("."):
                message = "this file is not part of the lake; move it to another folder"
                yield found("stray-file", path, message)
            continue
        pair = _pair_of(parts)
        if pair in inventory.broken or (pair and not selection.matches(*pair)):
            continue
        if pair is None or path != commit_path(*pair):
            message = "no commit names this file; remove it, or convert the feed zip it came from"
            yield found("unaccounted-file", path, message)


def _pair_of(parts: list[str]) -> Pair | None:
    """Return the partition of a path, or None if a lake has no such path."""
    top, *rest = parts
    if top == MANIFEST_FOLDER and len(rest) == 2 and rest[1].endswith(".json"):
        pair = (rest[0], rest[1].removesuffix(".json"))
    elif top in ("json", "quarantine") and len(rest) == 3:
        pair = (rest[0], rest[1])
    elif top == "parquet" and len(rest) == 4 and rest[0] in TABLES:
        keys = [part.partition("=") for part in rest[1:3]]
        if [key for key, _, _ in keys] != ["date_stamp", "country"]:
            return None
        pair = (keys[0][2], keys[1][2])
    else:
        return None
    return pair if is_date_stamp(pair[0]) else None


def check_members(inventory: Inventory, selected: Set[Pair]) -> Iterator[Finding]:
    """Report parts of the feed that are missing from the tables or do not fit the schema.

    Parameters
    ----------
    inventory : Inventory
        The lake. Only its commits are used.
    selected : set of Pair
        The selected partitions.

    Yields
    ------
    Finding
    """
    everywhere = {m.table for commit in inventory.commits.values() for m in commit.members}
    problems: dict[tuple[str, str, str], tuple[str, list[Problem]]] = {}
    for pair in sorted(selected):
        commit = inventory.commits[pair]
        tables = {member.table for member in commit.members}
        for name in ("movies", "theaters"):
            if "showings" in tables and name in everywhere and name not in tables:
                message = f"this partition has showings but no {name}; joins find no {name} here"
                yield found("missing-table", commit_path(*pair), message)
        for member in commit.members:
            path = f"{commit.path}: {member.member}" if member.member else commit.path
            if rule := _MEMBER_RULES.get(member.status):
                reason = member.reason or "the member is empty"
                message = f"{member.status}: {reason}; {member.records:,} records kept"
                yield found(rule, path, message, line=member.line, column=member.column)
            for problem in member.problems:
                key = (RULE_OF_PROBLEM[problem.kind], member.table or "", problem.column)
                problems.setdefault(key, (path, []))[1].append(problem)
    for (rule, table, column), (path, same) in sorted(problems.items()):
        count, example = total(same)[0].count, same[0].example[:_EXAMPLE]
        name = f"{table}.{column}" if column else table
        message = f"{name}: {count:,} times in {len(same):,} members"
        message += f", first example {example!r}"
        yield found(rule, path, message, count=count)
