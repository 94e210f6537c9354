"""The ledger: the commits in a lake. A feed zip counts as converted when its commit is here.

The commit of a feed zip is the file ``manifest/STAMP/CCC.json``. While a conversion replaces the
files of a commit with different ones, the commit is renamed to ``CCC.replaced``. Then a reader
waits a moment, and raises an error if the commit is still missing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from movielake.lake.commits import Commit, commit_to_json
from movielake.lake.locks import remove_drafts
from movielake.lake.parsing import UnreadableCommitError, parse_commit, stand_in
from movielake.lake.writers import rename, write_atomically
from movielake.names.layout import (
    MANIFEST_FOLDER,
    MANIFEST_TABLE,
    Folder,
    Selection,
    aside_path,
    commit_path,
)

Pairs = list[tuple[str, str]]
"""Pairs of date stamp and country, in order."""


_ENDINGS: Final = ("json", "replaced")
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.02
_READERS: Final = 16
_PIECE: Final = 8


def write_commit(lake: Folder, commit: Commit) -> None:
    """Write a commit, so that its feed zip counts as converted. Its files must be in place."""
    mark_behind(lake)
    key = (commit.date_stamp, commit.country)
    write_atomically(lake, commit_path(*key), commit_to_json(commit))
    _remove(lake, aside_path(*key))


def withdraw_commit(lake: Folder, date_stamp: str, country: str) -> None:
    """Set a commit aside, if it exists, before its files are replaced or removed."""
    mark_behind(lake)
    with suppress(FileNotFoundError):
        path = lake.join(commit_path(date_stamp, country))
        rename(lake, path, aside_path(date_stamp, country))


def remove_commit(lake: Folder, date_stamp: str, country: str) -> None:
    """Remove a commit, if it exists, so that its feed zip no longer counts as converted."""
    mark_behind(lake)
    _remove(lake, commit_path(date_stamp, country))
    _remove(lake, aside_path(date_stamp, country))


def mark_behind(lake: Folder) -> None:
    """Remove ``manifest.parquet`` and its drafts before a commit changes."""
    remove_drafts(lake)
    _remove(lake, MANIFEST_TABLE)


def _remove(lake: Folder, path: str) -> None:
    with suppress(FileNotFoundError):
        lake.fs.rm_file(lake.join(path))


def read_commit(lake: Folder, date_stamp: str, country: str) -> Commit | None:
    """Read one commit. Return None if the feed zip is not converted.

    Raises
    ------
    UnreadableCommitError
        If the file is not a commit of this partition.
    """
    content = _content(lake, date_stamp, country)
    return None if content is None else parse_commit(content, date_stamp, country)


def read_commits(lake: Folder, pairs: Pairs) -> Iterator[Commit | None]:
    """Read commits and yield them in order. Yield None for a commit that was removed.

    A commit that cannot be read costs only its own partition: `stand_in` takes its place.
    """
    for pair, content in zip(pairs, commit_contents(lake, pairs), strict=True):
        try:
            yield None if content is None else parse_commit(content, *pair)
        except UnreadableCommitError as error:
            yield stand_in(error)


def commit_contents(lake: Folder, pairs: Pairs) -> Iterator[bytes | None]:
    """Read the files of commits and yield them in order. Yield None for a file that was removed.

    A shared file system needs a long time for each file, so many threads read. Each thread reads
    several files in turn, because on a local disk a task per file takes longer than the reading.
    """

    def read(piece: Pairs) -> list[bytes | None]:
        return [_content(lake, *pair) for pair in piece]

    if len(pairs) <= _PIECE:  # a thread takes longer than a file
        yield from read(pairs)
        return
    pieces = [pairs[start : start + _PIECE] for start in range(0, len(pairs), _PIECE)]
    with ThreadPoolExecutor(_READERS) as pool:
        for contents in pool.map(read, pieces):
            yield from contents


def _content(lake: Folder, date_stamp: str, country: str) -> bytes | None:
    with suppress(FileNotFoundError):
        return bytes(lake.fs.cat_file(lake.join(commit_path(date_stamp, country))))
    return None


def survey(lake: Folder) -> tuple[Pairs, Pairs]:
    """List the (date_stamp, country) of all commits, without opening any.

    Returns
    -------
    there, aside : list of (str, str)
        The commits that are in place, and those that were set aside. If a pair is in both lists, a
        process wrote the new commit and was killed before it removed the old one.
    """
    found: dict[str, Pairs] = {ending: [] for ending in _ENDINGS}
    for path in lake.names(MANIFEST_FOLDER):
        stem, _, ending = path.rpartition(".")
        parts = stem.split("/")
        if ending in found and len(parts) == 3:
            found[ending].append((parts[1], parts[2]))
    there, aside = (sorted(pairs) for pairs in found.values())
    return there, aside


def committed(lake: Folder, needed: Selection | None = None) -> Pairs:
    """List the (date_stamp, country) of all commits, in order, without opening any.

    Parameters
    ----------
    lake : Folder
        The lake.
    needed : Selection, optional
        Partitions that must not be left out only because they are being replaced.

    Returns
    -------
    list of (str, str)

    Raises
    ------
    ValueError
        If a needed partition is still being replaced after two seconds.
    """
    last = time.monotonic() + _PATIENCE
    while True:
        there, aside = survey(lake)
        halves = sorted({*aside} - {*there}) if needed else []
        missed = [pair for pair in halves if needed and needed.matches(*pair)]
        if not missed:
            return there
        if time.monotonic() > last:
            raise ValueError(_still_replaced(lake, missed))
        time.sleep(_PAUSE)


def _still_replaced(lake: Folder, missed: Pairs) -> str:
    more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
    return (
        f"{'/'.join(missed[0])}{more} in {lake.url} is being replaced; try again when that "
        "convert has ended, or run it again if it was killed"
    )
