"""Inventory of a lake: its commits and its files. This code opens no data file."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import pyarrow as pa

from movielake.lake.commits import (
    COMPLETE,
    DAMAGED,
    EMPTY,
    OTHER,
    REFUSED,
    Commit,
)
from movielake.lake.entries import MANIFEST, manifest_table
from movielake.lake.opening import COMPACT, LEAVES
from movielake.lake.parsing import commit_from_json
from movielake.lake.writers import WrittenFile
from movielake.names.folders import changed_at
from movielake.names.layout import (
    LAKE_FILE,
    MANIFEST_FOLDER,
    MANIFEST_TABLE,
    WORK_FOLDER,
    Folder,
    commit_path,
)
from movielake.rows.problems import MEANING
from movielake.staging.packs import Pair, files_of
from movielake.staging.partitions import is_safe
from movielake.validation.findings import Finding
from movielake.validation.lakefile import is_as_written, stated_layout
from movielake.validation.manifests import (
    Start,
    commits_in,
    manifest_difference,
    open_manifest,
)
from movielake.validation.rules import MEND_COPY, found, mend, reason

_DEEPEST: Final = 8
"""Largest depth of folders. A lake has five levels, but links can form a circle."""

WHOLE: Final = ("", "")
"""Key of the finding on a manifest that cannot be read."""

_STATUSES: Final = (COMPLETE, DAMAGED, REFUSED, EMPTY, OTHER)


@dataclass(frozen=True)
class Inventory:
    """Files and commits of a lake, without the contents of data files.

    Parameters
    ----------
    lake : Folder
        The lake.
    files : dict
        Path, relative to the lake, to size and time of the last change (None if unknown).
    commits : dict
        Stamp and country to the commit, in order, without the broken commits.
    table : pa.Table
        These commits in the form of ``manifest.parquet``.
    broken : dict
        Stamp and country of each broken commit to the finding on it.
    is_compact : bool, optional
        Whether members share files. Then only the manifest has the commits.
    starts : dict, optional
        Compact lakes only: stamp and country to the `Start` of each member of the commit.
    """

    lake: Folder
    files: dict[str, tuple[int, float | None]]
    commits: dict[Pair, Commit]
    table: pa.Table
    broken: dict[Pair, Finding]
    is_compact: bool = False
    starts: dict[Pair, tuple[Start, ...]] = field(default_factory=dict)

    def commit_path(self, pair: Pair) -> str:
        """Return the path of the file with the commit of a partition."""
        return MANIFEST_TABLE if self.is_compact else commit_path(*pair)

    def mend(self, pair: Pair) -> str:
        """Return advice on how to repair a file of a partition."""
        return MEND_COPY if self.is_compact else mend(pair)

    @cached_property
    def named(self) -> dict[WrittenFile, list[Pair]]:
        """Each file that commits name, with the partitions that it holds."""
        named: dict[WrittenFile, list[Pair]] = {}
        frames: dict[str, int] = {}
        holders: dict[str, list[Pair]] = {}
        for pair, commit in self.commits.items():
            for member in commit.members:
                for file in member.files:
                    if self.is_compact and file is member.json:
                        frames[file.path] = frames.get(file.path, 0) + file.bytes
                        holders.setdefault(file.path, []).append(pair)
                    else:
                        named.setdefault(file, []).append(pair)
        wholes = {WrittenFile(path, size, ""): holders[path] for path, size in frames.items()}
        return named | wholes


def take_inventory(lake: Folder, *, to_the_byte: bool) -> Inventory:
    """List the files of a lake, and read its commits.

    Parameters
    ----------
    lake : Folder
        The lake.
    to_the_byte : bool
        Whether to compare also the formatting of commits with the format that movielake writes.

    Returns
    -------
    Inventory
    """
    files = list_files(lake)
    if _has_compact_layout(lake, files):
        return _compact_inventory(lake, files)
    pairs = []
    for path in files:
        parts = path.removesuffix(".json").split("/")
        if path.endswith(".json") and parts[0] == MANIFEST_FOLDER and len(parts) == 3:
            pairs.append((parts[1], parts[2]))
    results = dict(_read_commits(lake, sorted(pairs), to_the_byte))
    commits = {pair: commit for pair, commit in results.items() if isinstance(commit, Commit)}
    table = manifest_table(commits.values())
    broken = {pair: result for pair, result in results.items() if isinstance(result, Finding)}
    return Inventory(lake, files, commits, table, broken)


def check_layout(inventory: Inventory) -> Iterator[Finding]:
    """Compare the layout that ``lake.json`` states with the folders of the lake.

    Parameters
    ----------
    inventory : Inventory
        The lake.

    Yields
    ------
    Finding
    """
    layout = COMPACT if inventory.is_compact else LEAVES
    stated = stated_layout(inventory.lake)
    if stated in (COMPACT, LEAVES) and stated != layout:
        message = f"expected the layout {layout}, as in the folders of the lake, found {stated}"
        yield found("lake-file", LAKE_FILE, f"{message}; restore it from a backup")


def _has_compact_layout(lake: Folder, files: dict[str, tuple[int, float | None]]) -> bool:
    """Return the layout of the folders, or the one in ``lake.json`` if they do not show it."""
    keys = {path.split("/")[2].partition("=")[0] for path in files if path.count("/") > 2}
    if len(keys := keys & {"date_stamp", "country"}) == 1:
        return keys == {"country"}
    return bool(stated_layout(lake) == COMPACT)


def _compact_inventory(lake: Folder, files: dict[str, tuple[int, float | None]]) -> Inventory:
    try:
        table = open_manifest(lake).table
        difference = manifest_difference(table)
    except (OSError, ValueError, pa.ArrowException) as error:
        difference = f"cannot be read ({reason(error)})"
    if difference:
        finding = found("commit-file", MANIFEST_TABLE, f"{difference}; {MEND_COPY}")
        table = MANIFEST.empty_table()
        return Inventory(lake, files, {}, table, {WHOLE: finding}, is_compact=True)
    commits: dict[Pair, Commit] = {}
    starts: dict[Pair, tuple[Start, ...]] = {}
    broken: dict[Pair, Finding] = {}
    for pair, result in commits_in(table):
        if isinstance(result, Finding):
            broken[pair] = result
            continue
        try:
            _check_words(result[0])
        except ValueError as error:
            message = f"{' '.join(pair)}: cannot be read ({reason(error)}); {MEND_COPY}"
            broken[pair] = found("commit-file", MANIFEST_TABLE, message)
            continue
        commits[pair], starts[pair] = result
    return Inventory(lake, files, commits, table, broken, True, starts)


def _check_words(commit: Commit) -> None:
    for member in commit.members:
        unknown = {problem.kind for problem in member.problems} - MEANING.keys()
        if unknown or member.status not in _STATUSES:
            words = ", ".join([member.status, *sorted(unknown)])
            raise ValueError(f"expected a known status and known kinds of problems, found {words}")


def _unreadable(pair: Pair, error: Exception) -> Finding:
    message = f"cannot be read ({reason(error)}); {mend(pair)}"
    return found("commit-file", commit_path(*pair), message)


def _read_commits(
    lake: Folder, pairs: list[Pair], to_the_byte: bool
) -> Iterator[tuple[Pair, Commit | Finding]]:
    def read(pair: Pair) -> tuple[Pair, Commit | Finding]:
        return pair, _read_commit(lake, pair, to_the_byte)

    if lake.is_local:  # threads help only where a network makes reads slow
        yield from map(read, pairs)
        return
    with ThreadPoolExecutor(16) as pool:
        yield from pool.map(read, pairs)


def _read_commit(lake: Folder, pair: Pair, to_the_byte: bool) -> Commit | Finding:
    path = commit_path(*pair)
    try:
        text = bytes(lake.fs.cat_file(lake.join(path)))
        commit = commit_from_json(text)
        _check_words(commit)
        safe = is_safe(commit, pair)
    except (OSError, ValueError) as error:
        return _unreadable(pair, error)
    if to_the_byte and not is_as_written(text, json.loads(text)):
        message = f"expected the bytes that movielake writes, found others; {mend(pair)}"
        return found("commit-file", path, message)
    names = [file.path.lower() for file in files_of(commit)]
    if not safe or len(names) != len(set(names)):
        message = "expected files of this partition, each once, found others or repeated files"
        return found("commit-place", path, f"{message}; {mend(pair)}")
    return commit


def list_files(lake: Folder) -> dict[str, tuple[int, float | None]]:
    """Return all files of a lake: path to size and time of the last change."""
    if lake.is_local:
        start = len(lake.path.rstrip("/")) + 1
        return {path[start:]: stat for path, stat in _walk(lake.path, _DEEPEST)}
    return {
        path: (int(info.get("size") or 0), changed_at(info)) for path, info in lake.find().items()
    }


def _walk(folder: str, deepest: int) -> Iterator[tuple[str, tuple[int, float | None]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if deepest:
                    yield from _walk(entry.path, deepest - 1)
            elif entry.is_file():  # skips broken links
                stat = entry.stat()
                yield entry.path, (stat.st_size, stat.st_mtime)


def leftovers(inventory: Inventory, older_than: float = 24 * 3600) -> list[str]:
    """Return the workspaces that have not changed for a day."""
    newest: dict[str, float] = {}
    for path, (_, changed) in inventory.files.items():
        if path.startswith(f"{WORK_FOLDER}/") and changed is not None:
            space = "/".join(path.split("/")[:2])
            newest[space] = max(newest.get(space, 0.0), changed)
    return sorted(s for s, changed in newest.items() if time.time() - changed > older_than)
