"""Commits: the result of converting one feed zip, as data, as JSON, and in a lake.

A feed zip counts as converted when its commit, ``manifest/STAMP/CCC.json``, is in the lake. While
a conversion replaces the files of a commit with different ones, the commit is renamed to
``CCC.replaced``. Then a reader waits a moment, and raises an error if the commit is still missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from movielake.lake.locks import remove_drafts
from movielake.lake.writers import WrittenFile, rename, write_atomically
from movielake.names.layout import (
    MANIFEST_FOLDER,
    MANIFEST_TABLE,
    Folder,
    Selection,
    aside_path,
    commit_path,
)
from movielake.rows.problems import Problem

Pairs = list[tuple[str, str]]
"""Pairs of date stamp and country, in order."""

_ENDINGS: Final = ("json", "replaced")
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.02
_READERS: Final = 16
_PIECE: Final = 8

COMPLETE: Final = "complete"
"""Every record of the member is in the lake."""
DAMAGED: Final = "damaged"
"""The records before the damage are in the lake. The raw bytes are in quarantine."""
REFUSED: Final = "refused"
"""No record of the member is in the tables. The raw bytes are in quarantine."""
EMPTY: Final = "empty"
"""The member has no content."""
OTHER: Final = "other"
"""The member is not XML of the feed. It stays in the zip."""


@dataclass(frozen=True)
class Fallback:
    """A number of showings records that the fast path left to the slower reference reader.

    Parameters
    ----------
    reason : str
        Why the fast path did not read them.
    records : int
        Number of records.
    """

    reason: str
    records: int


@dataclass(frozen=True)
class MemberCommit:
    """The result of converting one member of a feed zip.

    Parameters
    ----------
    member : str
        Name in the zip. Empty if the zip itself could not be read.
    status : str
        ``complete``, ``damaged``, ``refused``, ``empty`` or ``other``.
    table : str or None
        The table that the root element belongs to.
    reason : str
        Why the member is damaged or refused, in one line.
    line, column : int or None
        Position of the damage in the XML, if known.
    xml_bytes, records, rows, screenings : int
        Amounts read and written. Screenings are rows with a time.
    first_date, last_date : str or None
        Earliest and latest show_date (YYYY-MM-DD) of showings. They show which snapshots overlap.
    root : dict
        Attributes of the root element.
    json, parquet : WrittenFile or None
        The files written from this member.
    quarantine : tuple of WrittenFile
        Raw bytes and a note, for a damaged or refused member.
    problems : tuple of Problem
        Values that could not be read as expected, with counts.
    fallbacks : tuple of Fallback
        Records of showings that the slower reference read, and why. Both give the same result.
    """

    member: str
    status: str
    table: str | None = None
    reason: str = ""
    line: int | None = None
    column: int | None = None
    xml_bytes: int = 0
    records: int = 0
    rows: int = 0
    screenings: int = 0
    first_date: str | None = None
    last_date: str | None = None
    root: dict[str, str] = field(default_factory=dict)
    json: WrittenFile | None = None
    parquet: WrittenFile | None = None
    quarantine: tuple[WrittenFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()

    @property
    def files(self) -> tuple[WrittenFile, ...]:
        """All files of the member."""
        return tuple(f for f in (self.json, self.parquet, *self.quarantine) if f)

    @property
    def is_hurt(self) -> bool:
        """Whether the member is damaged or refused, so that records may be missing."""
        return self.status in (DAMAGED, REFUSED)


@dataclass(frozen=True)
class Commit:
    """The result of converting one feed zip.

    Parameters
    ----------
    date_stamp, country : str
        The partition.
    path, size, modified, fingerprint
        The feed zip: its path in the feed, its size in bytes, its modification time or etag, and
        a digest of its directory. They show whether the zip has changed.
    with_json : bool
        Whether the conversion also writes JSON Lines.
    members : tuple of MemberCommit
        In the order of their names.
    """

    date_stamp: str
    country: str
    path: str
    size: int
    modified: str
    fingerprint: str
    with_json: bool
    members: tuple[MemberCommit, ...]

    @property
    def files(self) -> frozenset[WrittenFile]:
        """All files of all members."""
        return frozenset(file for member in self.members for file in member.files)

    @property
    def is_hurt(self) -> bool:
        """Whether any member is damaged or refused."""
        return any(member.is_hurt for member in self.members)


def describe_damage(commit: Commit) -> list[str]:
    """Return one line for each damaged or refused member, with the path of its bytes."""
    lines = []
    for member in commit.members:
        if member.is_hurt:
            place = f", line {member.line}" if member.line else ""
            place += f", column {member.column}" if member.column else ""
            where = f"{commit.path}: {member.member}" if member.member else commit.path
            aside = "raw bytes in" if len(member.quarantine) > 1 else "see"
            kept = f"{member.records} records kept, {aside} {member.quarantine[0].path}"
            lines.append(f"{where}{place}: {member.status}: {member.reason} ({kept})")
    return lines


def commit_to_json(commit: Commit) -> bytes:
    """Return a commit as JSON text. The same commit always gives the same bytes."""
    return (json.dumps(asdict(commit), ensure_ascii=False, indent=1) + "\n").encode()


def commit_from_json(content: bytes) -> Commit:
    """Read a commit from the JSON text that `commit_to_json` returns."""
    fields = json.loads(content)
    members = tuple(_member(member) for member in fields.pop("members"))
    return Commit(**fields, members=members)


def _member(fields: dict[str, Any]) -> MemberCommit:
    for kind in ("json", "parquet"):
        fields[kind] = WrittenFile(**fields[kind]) if fields[kind] else None
    fields["quarantine"] = tuple(WrittenFile(**file) for file in fields["quarantine"])
    fields["problems"] = tuple(Problem(**problem) for problem in fields["problems"])
    fields["fallbacks"] = tuple(Fallback(**left) for left in fields.get("fallbacks", ()))
    return MemberCommit(**fields)


def write_commit(lake: Folder, commit: Commit) -> None:
    """Write a commit, so that its feed zip counts as converted. Its files must be in place."""
    mark_behind(lake)
    key = (commit.date_stamp, commit.country)
    write_atomically(lake, commit_path(*key), commit_to_json(commit))
    _remove(lake, aside_path(*key))
    if not lake.is_local:  # such a lake has no locks
        mark_behind(lake)


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
    """Read one commit. Return None if the feed zip is not converted."""
    content = _content(lake, date_stamp, country)
    return None if content is None else commit_from_json(content)


def commit_contents(lake: Folder, pairs: Pairs) -> Iterator[bytes | None]:
    """Read the files of commits and yield them in order. Yield None for a file that was removed.

    A shared file system needs a long time for each file, so many threads read. Each thread reads
    several files in turn, because on a local disk a task per file takes longer than the reading.
    """

    def read(piece: Pairs) -> list[bytes | None]:
        return [_content(lake, *pair) for pair in piece]

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
