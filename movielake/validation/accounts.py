"""Comparison of a lake's files with its commits, and of the commits with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.commits import DAMAGED, EMPTY, OTHER, REFUSED
from movielake.lake.descriptors import descriptor_content
from movielake.lake.opening import COMPACT, LEAVES
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
from movielake.staging.packs import Pair
from movielake.validation.findings import Finding
from movielake.validation.inventory import Inventory, leftovers
from movielake.validation.manifests import manifest_difference, open_manifest
from movielake.validation.rules import MEND_COPY, RULE_OF_PROBLEM, found

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

    A compact lake has no commits elsewhere. So only the bytes of the file are compared.

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
        content, known, writer = open_manifest(lake)
    except (OSError, ValueError, pa.ArrowException) as error:
        yield found("stale-manifest", MANIFEST_TABLE, f"cannot be read ({error}); {_REBUILD}")
        return
    if not known.equals(inventory.table):
        yield from _stale(known, inventory)
    elif to_the_byte and not _is_as_written(content, writer, inventory):
        message = "the content is right, but movielake would write other bytes today"
        repair = MEND_COPY if inventory.is_compact else _REBUILD
        yield found("manifest-bytes", MANIFEST_TABLE, f"{message}; {repair}")


def _is_as_written(content: bytes, writer: str, inventory: Inventory) -> bool:
    """Return whether the file has today's bytes, or another version of Arrow wrote it."""
    again = pa.BufferOutputStream()
    checksums = inventory.is_compact
    pq.write_table(inventory.table, again, compression="zstd", write_page_checksum=checksums)
    fresh = again.getvalue()
    if fresh.equals(pa.py_buffer(content)):
        return True
    ours = pq.read_metadata(pa.BufferReader(fresh)).created_by
    return bool(_WRITER.fullmatch(writer)) and writer != ours


def _stale(known: pa.Table, inventory: Inventory) -> Iterator[Finding]:
    """Report the difference between manifest and commits, without the broken commits."""
    if difference := manifest_difference(known):
        yield found("stale-manifest", MANIFEST_TABLE, f"{difference}; {_REBUILD}")
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
    layout = COMPACT if inventory.is_compact else LEAVES
    try:
        differs = lake.fs.cat_file(lake.join(DESCRIPTOR_FILE)) != descriptor_content(layout)
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
    for file, pairs in inventory.named.items():
        if selected.isdisjoint(pairs):
            continue
        stat, where = inventory.files.get(file.path), _held(inventory, pairs)
        if stat is None:
            commit = inventory.commit_path(pairs[0])
            message = f"{commit} names this file{where}, but the file does not exist"
            yield found("missing-file", file.path, f"{message}; {inventory.mend(pairs[0])}")
        elif stat[0] != file.bytes:
            message = f"expected {file.bytes:,} bytes{where}, found {stat[0]:,}"
            yield found("wrong-size", file.path, f"{message}; {inventory.mend(pairs[0])}")
    yield from _check_others(inventory, selection)
    for space in leftovers(inventory):
        message = "a killed process left this workspace behind; movielake convert removes it"
        yield found("leftover", space, message)


def _held(inventory: Inventory, pairs: Sequence[Pair]) -> str:
    """Name the partitions that a file of a compact lake holds."""
    if not inventory.is_compact:
        return ""
    (first, country), (last, _) = pairs[0], pairs[-1]
    return f" ({country}, {first} to {last})"


def check_ranges(inventory: Inventory, selected: Set[Pair]) -> Iterator[Finding]:
    """Check that the members in each file of a compact lake follow each other.

    Parameters
    ----------
    inventory : Inventory
        The lake. Only its manifest is used.
    selected : set of Pair
        The selected partitions.

    Yields
    ------
    Finding
    """
    ends: dict[str, int] = {}
    for pair, starts in inventory.starts.items():
        for member, start in zip(inventory.commits[pair].members, starts, strict=True):
            for file, what, begin, length in (
                (member.parquet, "row", start.row, member.rows),
                (member.json, "byte", start.byte, member.json.bytes if member.json else 0),
            ):
                if file is None:
                    continue
                expected = ends.get(file.path, 0)
                ends[file.path] = (expected if begin is None else begin) + length
                if begin != expected and pair in selected:
                    message = f"{' '.join(pair)}: expected {member.member} at {what} {expected:,}"
                    message += f" in the manifest, found {what} {begin}; {inventory.mend(pair)}"
                    yield found("row-range", file.path, message)


def _check_others(inventory: Inventory, selection: Selection) -> Iterator[Finding]:
    named = {file.path for file in inventory.named}
    for path in sorted(inventory.files.keys() - named):
        parts = path.split("/")
        if parts[0] not in _DATA_FOLDERS:
            # The lake keeps its internal files, which hold no data, in dotfiles and dot folders.
            if path not in _KNOWN and not path.startswith("."):
                message = "this file is not part of the lake; move it to another folder"
                yield found("stray-file", path, message)
            continue
        if inventory.is_compact:
            if _means_file(selection, parts):
                message = f"{MANIFEST_TABLE} does not name this file; remove it"
                yield found("unaccounted-file", path, message)
            continue
        pair = _pair_of(parts)
        if pair in inventory.broken or (pair and not selection.matches(*pair)):
            continue
        if pair is None or path != commit_path(*pair):
            message = "no commit names this file; remove it, or convert the feed zip it came from"
            yield found("unaccounted-file", path, message)


def _means_file(selection: Selection, parts: list[str]) -> bool:
    """Return whether a selection includes a file of a compact lake, as far as its path shows."""
    if parts[0] == "quarantine" and len(parts) == 4:
        return selection.matches(*parts[1:3])
    if len(parts) == 4 and parts[2].startswith("country="):
        return selection.means_country(parts[2].removeprefix("country="))
    return True


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
                if inventory.is_compact:
                    message = f"{' '.join(pair)}: {message}"
                yield found("missing-table", inventory.commit_path(pair), message)
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
