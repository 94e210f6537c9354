"""Commits: what one feed zip became, as data and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from movielake.problems import Problem
from movielake.writers import WrittenFile

COMPLETE: Final = "complete"
"""Every record of the member is in the lake."""
DAMAGED: Final = "damaged"
"""The records before the damage are in the lake, the raw bytes in quarantine."""
REFUSED: Final = "refused"
"""Nothing of it is in the tables; the raw bytes are in quarantine."""
EMPTY: Final = "empty"
"""The member holds nothing."""
OTHER: Final = "other"
"""No XML of the feed; left where it is."""


@dataclass(frozen=True)
class Fallback:
    """Records of showings that the fast path left to the reference.

    Parameters
    ----------
    reason : str
        Why.
    records : int
        How many.
    """

    reason: str
    records: int


@dataclass(frozen=True)
class MemberCommit:
    """What became of one member of a feed zip.

    Parameters
    ----------
    member : str
        Its name in the zip; empty if the zip itself could not be read.
    status : str
        ``complete``, ``damaged``, ``refused``, ``empty`` or ``other``.
    table : str or None
        The table its root element decided.
    reason : str
        For what is damaged or refused, in one line.
    line, column : int or None
        Where in the XML, if known.
    xml_bytes, records, rows, screenings : int
        What was read and written; screenings are rows with a time.
    first_date, last_date : str or None
        Earliest and latest show_date (YYYY-MM-DD) of showings: tells which snapshots overlap.
    root : dict
        Attributes of the root element.
    json, parquet : WrittenFile or None
        The files made of it.
    quarantine : tuple of WrittenFile
        Raw bytes and a note, for what is damaged or refused.
    problems : tuple of Problem
        Counted values.
    fallbacks : tuple of Fallback
        What of showings was read by the slower reference, and why; what was read is the same.
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
        """Whether something of the member is not in the tables."""
        return self.status in (DAMAGED, REFUSED)


@dataclass(frozen=True)
class Commit:
    """What one feed zip became.

    Parameters
    ----------
    date_stamp, country : str
        Its partition.
    path, size, modified, fingerprint
        The feed zip: its path in the feed, stored bytes, modification time or etag, and the
        condensed directory; these tell whether it has changed.
    with_json : bool
        Whether JSON Lines were asked for.
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
    def is_hurt(self) -> bool:
        """Whether any member is damaged or refused."""
        return any(member.is_hurt for member in self.members)


def describe_damage(commit: Commit) -> list[str]:
    """Say what is damaged or refused in a feed zip, one line each, and where its bytes are."""
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
    """Write a commit as JSON text, the same bytes for the same commit."""
    return (json.dumps(asdict(commit), ensure_ascii=False, indent=1) + "\n").encode()


def commit_from_json(content: bytes) -> Commit:
    """Read what `commit_to_json` wrote."""
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
