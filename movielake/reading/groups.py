"""Groups: the members of a lake's files that are read together in one task."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Final, NamedTuple

MANY: Final = 2**32
"""A number of rows that no file reaches."""


class HeldFile(NamedTuple):
    """One file to read, with its facts from the manifest.

    A lake has many thousands of files. A NamedTuple is the class that Python creates fastest.

    Parameters
    ----------
    path : str
        Path on the lake's file system.
    date_stamp, country : str
        The partition.
    length : int or None
        Expected number of rows or records. None if unknown.
    bytes : int or None
        Expected size. None if unknown.
    dates : tuple of str or None
        First and last show_date (YYYY-MM-DD). None if the file has no date or if unknown.
    untimed : bool
        Whether rows can lack a time. False if the manifest has as many screenings as rows.
    start : int or None
        Where a member begins in a file of a compact lake: a row of a Parquet file, or a byte of a
        JSON Lines file. Then ``bytes`` is the size of the Parquet file, or of the member's frame.
        None if the member is the whole file.
    """

    path: str
    date_stamp: str
    country: str
    length: int | None
    bytes: int | None = None
    dates: tuple[str | None, str | None] = (None, None)
    untimed: bool = True
    start: int | None = None


def merge_neighbours(files: Sequence[HeldFile]) -> list[tuple[HeldFile, list[int]]]:
    """Merge members that are neighbours in the same Parquet file, so that they are read as one.

    Returns
    -------
    list of (HeldFile, list of int)
        The files, and for a merged one the number of rows of each member. The list is empty for a
        file that is not merged.

    Examples
    --------
    >>> from movielake.reading.groups import HeldFile, merge_neighbours
    >>> first, second, other = (
    ...     HeldFile("2019.parquet", stamp, "deu", length=10, start=start)
    ...     for stamp, start in (("20191206", 0), ("20191213", 10), ("20191227", 30))
    ... )
    >>> [(file.start, file.length, n) for file, n in merge_neighbours([first, second, other])]
    [(0, 20, [10, 10]), (30, 10, [])]
    """
    runs: list[list[HeldFile]] = []
    end: tuple[str, int] | None = None
    for file in files:
        if end is not None and (file.path, file.start) == end:
            runs[-1].append(file)
        else:
            runs.append([file])
        is_shared = file.start is not None and file.path.endswith(".parquet")
        end = (file.path, (file.start or 0) + (file.length or 0)) if is_shared else None
    return [_merged(run) for run in runs]


def _merged(run: list[HeldFile]) -> tuple[HeldFile, list[int]]:
    if len(run) == 1:
        return run[0], []
    lengths = [file.length or 0 for file in run]
    return run[0]._replace(length=sum(lengths)), lengths


@dataclass(frozen=True)
class FileGroup:
    """Files that are read together: one partition of a dask collection.

    Parameters
    ----------
    files : tuple of HeldFile
        The files, in the order of stamp and country.
    token : str
        Digest of their content, from the checksums in the manifest.
    starts : tuple of int
        For each file, the number of its first row in the group.
    beside : tuple of dict
        For each file, the other files that are read together with it, by name. Can be empty.
    """

    files: tuple[HeldFile, ...]
    token: str
    starts: tuple[int, ...]
    beside: tuple[dict[str, tuple[HeldFile, ...]], ...] = ()

    def with_beside(
        self, name: str, files: Callable[[HeldFile], tuple[HeldFile, ...]], token: str
    ) -> FileGroup:
        """Add to each file the other files that are read together with it.

        Parameters
        ----------
        name : str
            Name of the other files, such as their table.
        files : callable
            Function that returns the other files for one file.
        token : str
            Digest of all the other files.

        Returns
        -------
        FileGroup
            The same group with the other files.
        """
        before = self.beside or ({},) * len(self.files)
        pairs = zip(self.files, before, strict=True)
        beside = tuple({**others, name: files(file)} for file, others in pairs)
        digest = hashlib.sha256(f"{self.token} {name} {token}".encode()).hexdigest()
        return FileGroup(self.files, digest, self.starts, beside)

    def first(self, count: int) -> FileGroup:
        """Return a group of one member with only its first rows, if its file is compact.

        A leaf stays whole, because it is compared with its number of rows.
        """
        (file,) = self.files
        if file.start is None or not file.path.endswith(".parquet"):
            return self
        few = file._replace(length=min(max(count, 1), file.length or 1))
        return replace(self, files=(few,))

    def only(self, mask: Sequence[bool]) -> FileGroup:
        """Return the group with some of its files. Rows keep their numbers."""
        if all(mask):
            return self
        digest = hashlib.sha256(f"{self.token} {list(mask)}".encode()).hexdigest()
        files = tuple(compress(self.files, mask))
        starts, beside = tuple(compress(self.starts, mask)), tuple(compress(self.beside, mask))
        return FileGroup(files, digest, starts, beside)

    def __dask_tokenize__(self) -> str:
        return self.token

    def __repr__(self) -> str:
        return f"FileGroup({len(self.files)} files)"
