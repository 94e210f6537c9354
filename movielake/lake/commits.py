"""Commits: the result of converting one feed zip, as data and as JSON.

A commit with a field of another type, or with a number that does not fit, cannot exist. So a commit
that was written can be read, and `parsing` notices a file that is not a commit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, get_type_hints

from movielake.lake.writers import WrittenFile
from movielake.rows.problems import Problem

COMPLETE: Final = "complete"
"""Every record of the member is in the lake."""
DAMAGED: Final = "damaged"
"""Damaged records are in quarantine. If reading had to end early, the whole member is there."""
REFUSED: Final = "refused"
"""No record of the member is in the tables. The raw bytes are in quarantine."""
EMPTY: Final = "empty"
"""The member has no content."""
OTHER: Final = "other"
"""The member is not XML of the feed. It stays in the zip."""
UNREADABLE: Final = "unreadable"
"""The commit itself cannot be read. So no row or record of its partition can be read."""

MOST: Final = 2**53 - 1
"""Largest number in a commit. Every JSON program reads it exactly."""

_TYPES: Final[dict[Any, tuple[type, ...]]] = {
    str: (str,),
    str | None: (str, type(None)),
    int: (int,),
    int | None: (int, type(None)),
    bool: (bool,),
    dict[str, str]: (dict,),
}
"""Annotation of a field to the types of its values. A bool is not accepted as a number."""


@dataclass(frozen=True)
class Fallback:
    """A number of records that the fast path left to the slower reference reader.

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
    digest : str
        Digest of the rows, as in `movielake.lake.digests`. Empty without Parquet.
    json, parquet : WrittenFile or None
        The files written from this member.
    quarantine : tuple of WrittenFile
        Raw bytes and a note, for a damaged or refused member.
    problems : tuple of Problem
        Values that could not be read as expected, with counts.
    fallbacks : tuple of Fallback
        Records of showings that the slower reference read, and why. Both give the same result.
    damaged_records : int
        Number of records that are not well-formed. They are in quarantine only.
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
    digest: str = ""
    json: WrittenFile | None = None
    parquet: WrittenFile | None = None
    quarantine: tuple[WrittenFile, ...] = ()
    problems: tuple[Problem, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    damaged_records: int = 0

    def __post_init__(self) -> None:
        for part in (self, *self.files, *self.problems, *self.fallbacks):
            _check_fields(part)

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

    def __post_init__(self) -> None:
        _check_fields(self)

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
    return (json.dumps(commit, default=vars, ensure_ascii=False, indent=1) + "\n").encode()


def _check_fields(part: Any) -> None:
    """Raise ValueError if a field has another type, or is a number that does not fit."""
    values = vars(part)
    for name, types in _FIELDS[type(part)]:
        value = values[name]
        kind = type(value)
        if kind not in types:
            raise ValueError(f"expected {name} as {types[0].__name__}, found {value!r:.50}")
        if kind is int and not 0 <= value <= MOST:
            raise ValueError(f"expected {name} from 0 to {MOST}, found {value}")
        if kind is dict and not all(type(each) is str for each in value.values()):
            raise ValueError(f"expected texts in {name}, found {value!r:.50}")


def _fields_of(kind: type[Any]) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """List the fields of a dataclass that hold plain values, with the types of these values."""
    hints = get_type_hints(kind)
    return tuple((name, _TYPES[hints[name]]) for name in hints if hints[name] in _TYPES)


_FIELDS: Final = {
    kind: _fields_of(kind) for kind in (Commit, MemberCommit, WrittenFile, Problem, Fallback)
}
