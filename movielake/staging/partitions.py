"""Plans for partitions: the files to stage and the work to do. This module writes no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from movielake.lake.bounds import COUNTRY, NAME
from movielake.lake.commits import Commit
from movielake.lake.writers import WrittenFile
from movielake.names.layout import is_date_stamp, partition_folders
from movielake.schema.tables import TABLES
from movielake.staging.packs import Pair, files_of
from movielake.staging.selecting import Kinds


def read_kinds(tables: str | Iterable[str] | None, json: bool) -> Kinds:
    """Read a choice of tables and formats. Parquet is always chosen.

    Raises
    ------
    ValueError
        If a table does not exist, or if no table is chosen.
    """
    chosen = tables.split(",") if isinstance(tables, str) else TABLES if tables is None else tables
    names = {name.strip() for name in chosen}
    if not names or names - set(TABLES):
        raise ValueError(f"expected tables out of {', '.join(TABLES)}, found {tables!r}")
    return frozenset((name, kind) for name in names for kind in ("parquet", "json")[: 1 + json])


def trim(commit: Commit, kinds: Kinds) -> Commit:
    """Reduce a commit to the wanted tables and formats.

    Members without a table stay, with their files in quarantine, because they may belong to any
    table.

    Parameters
    ----------
    commit : Commit
        A commit of the whole lake.
    kinds : Kinds
        Wanted tables and formats.

    Returns
    -------
    Commit
        The same commit with exactly the files that are staged.
    """
    whole = [
        member
        for member in commit.members
        if member.table is None or (member.table, "parquet") in kinds
    ]
    bare = [
        member if (member.table or "", "json") in kinds else replace(member, json=None)
        for member in whole
    ]
    return replace(commit, members=tuple(bare), with_json=commit.with_json and bare == whole)


def kinds_of(commit: Commit) -> Kinds:
    """Return the tables and formats of a staged commit."""
    tables = [member for member in commit.members if member.table is not None]
    return frozenset(
        (member.table or "", kind)
        for member in tables
        for kind in ("parquet", "json")
        if kind == "parquet" or member.json
    )


def is_safe(commit: Commit, pair: Pair) -> bool:
    """Return whether a commit belongs to a partition and lists only files in its folders."""
    if (commit.date_stamp, commit.country) != pair:
        return False
    if not (is_date_stamp(pair[0]) and COUNTRY.fullmatch(pair[1])):
        return False
    if any(member.table not in (None, *TABLES) for member in commit.members):
        return False
    folders = partition_folders(*pair)
    return all(_is_safe(file, folders) for file in files_of(commit))


def _is_safe(file: WrittenFile, folders: Sequence[str]) -> bool:
    folder, _, name = file.path.rpartition("/")
    typed = isinstance(file.bytes, int) and isinstance(file.sha256, str)
    return typed and file.bytes >= 0 and folder in folders and bool(NAME.fullmatch(name))


@dataclass(frozen=True)
class Partition:
    """The work to do for one partition.

    Parameters
    ----------
    pair : Pair
        Date stamp and country of the partition.
    commit : Commit or None
        The new commit for the staged lake. None if the source no longer has the partition.
    held : Commit or None
        The current commit of the staged lake.
    missing : tuple of WrittenFile
        Files to copy.
    content : bytes
        The new commit as JSON text.
    is_half : bool
        Whether a process was killed while it replaced files of the commit in ``held``.
    """

    pair: Pair
    commit: Commit | None
    held: Commit | None
    missing: tuple[WrittenFile, ...] = ()
    content: bytes = b""
    is_half: bool = False

    @property
    def is_due(self) -> bool:
        """Whether the partition needs any work."""
        return self.is_half or self.commit != self.held or bool(self.missing)

    @property
    def files(self) -> frozenset[WrittenFile]:
        """Files of the new commit."""
        return frozenset(files_of(self.commit) if self.commit else ())

    @property
    def is_stale(self) -> bool:
        """Whether files that readers see now must be replaced or removed."""
        if self.held is None or self.is_half:
            return False
        return not self.files.issuperset(files_of(self.held))
