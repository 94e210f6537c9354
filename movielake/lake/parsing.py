"""Parsing: a commit from the content of its file, or the reason why the file is not a commit."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, Final

from movielake.lake.commits import (
    UNREADABLE,
    Commit,
    Fallback,
    MemberCommit,
    commit_to_json,
)
from movielake.lake.writers import WrittenFile
from movielake.names.layout import commit_path
from movielake.rows.problems import Problem

_PARTS: Final[dict[str, type[Any]]] = {
    "members": MemberCommit,
    "json": WrittenFile,
    "parquet": WrittenFile,
    "quarantine": WrittenFile,
    "problems": Problem,
    "fallbacks": Fallback,
}


def _shape(kind: type[Any]) -> tuple[frozenset[str], frozenset[str]]:
    names = frozenset(each.name for each in fields(kind))
    return names, names & _PARTS.keys()


_SHAPES: Final = {Commit: _shape(Commit)} | {kind: _shape(kind) for kind in _PARTS.values()}
"""Each part of a commit to the names of all its fields, and of those that hold other parts."""

_ADDED: Final = frozenset({"fallbacks", "damaged_records"})
"""Fields that commits of earlier versions do not have."""


class UnreadableCommitError(ValueError):
    """Raised for a commit that cannot be read. The message states the file and what to do.

    Parameters
    ----------
    date_stamp, country : str
        The partition.
    reason : str
        Why the commit cannot be read.
    """

    def __init__(self, date_stamp: str, country: str, reason: str) -> None:
        super().__init__(date_stamp, country, reason)
        self.pair = (date_stamp, country)

    def __str__(self) -> str:
        stamp, country, reason = self.args
        return (
            f"{commit_path(stamp, country)} cannot be read ({' '.join(reason.split())}); "
            f"convert its feed zip again (--force --stamps {stamp} --countries {country}), "
            "or remove this file"
        )


def commit_from_json(content: bytes) -> Commit:
    """Read a commit from the JSON text that `commit_to_json` returns.

    Parameters
    ----------
    content : bytes
        The JSON text.

    Returns
    -------
    Commit

    Raises
    ------
    ValueError
        If the text is not a commit: it is not JSON, a field is missing or has another type, or a
        number does not fit.
    """
    try:
        commit: Commit = _build(Commit, json.loads(content))
    except RecursionError as error:
        raise ValueError("its JSON is too deep") from error
    if b"\\ud" in content.lower():  # half a character, which JSON can hold but UTF-8 cannot
        commit_to_json(commit)
    return commit


def _build(kind: type[Any], known: Any) -> Any:
    """Make a part of a commit from a JSON object with exactly the part's fields."""
    names, parts = _SHAPES[kind]
    if type(known) is not dict:
        raise ValueError(f"expected an object with {', '.join(sorted(names))}, found {known!r:.50}")
    if known.keys() != names:
        if absent := sorted(names - known.keys() - _ADDED):
            raise ValueError(f"expected {', '.join(absent)}, found no such field")
        if unknown := sorted(known.keys() - names):
            raise ValueError(f"expected only known fields, found {', '.join(unknown)}")
    for name in parts & known.keys():
        known[name] = _part(name, known[name])
    return kind(**known)


def _part(name: str, value: Any) -> Any:
    """Make the parts of a commit that a field holds."""
    if name in ("json", "parquet"):
        return None if value is None else _build(WrittenFile, value)
    if type(value) is not list:
        raise ValueError(f"expected a list in {name}, found {value!r:.50}")
    return tuple(_build(_PARTS[name], each) for each in value)


def parse_commit(content: bytes, date_stamp: str, country: str) -> Commit:
    """Read the commit of a partition from the content of its file.

    Parameters
    ----------
    content : bytes
        The content of the file.
    date_stamp, country : str
        The partition.

    Returns
    -------
    Commit

    Raises
    ------
    UnreadableCommitError
        If the content is not a commit, or is the commit of another partition.
    """
    try:
        commit = commit_from_json(content)
    except ValueError as error:
        raise UnreadableCommitError(date_stamp, country, str(error)) from error
    if (commit.date_stamp, commit.country) != (date_stamp, country):
        reason = f"it is the commit of {commit.date_stamp}/{commit.country}"
        raise UnreadableCommitError(date_stamp, country, reason)
    return commit


def stand_in(error: UnreadableCommitError) -> Commit:
    """Return a commit without files in place of one that cannot be read. It states the reason."""
    member = MemberCommit("", UNREADABLE, reason=str(error))
    return Commit(
        *error.pair,
        path="/".join(error.pair),
        size=0,
        modified=UNREADABLE,  # no feed zip has this time, so the conversion reads the zip again
        fingerprint="",
        with_json=False,
        members=(member,),
    )
