"""Holdings: which files of a lake a reader means, planned from the manifest alone.

Nothing here opens a data file. A folder of JSON files made by others has no manifest; its holdings
are listed from the file system, and its rows are flattened when they are read.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, compress
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.names.layout import Folder
from movielake.schema.tables import Table

_MANY: Final = 2**32
"""More rows than a file has."""

_LOOKS: Final = 400
"""Files that one thread looks at before it takes others."""

_LOOKERS: Final = 16
"""Threads that look at files."""


class HeldFile(NamedTuple):
    """One file to read, and what is known of it.

    There are many thousands of them, so it is what Python makes fastest.

    Parameters
    ----------
    path : str
        On the lake's file system.
    date_stamp, country : str
        Its partition.
    length : int or None
        Rows or records that it must have; None if nobody knows.
    bytes : int or None
        Its size; None if nobody knows.
    dates : tuple of str or None
        First and last show_date (YYYY-MM-DD), null where it has none or nobody knows.
    """

    path: str
    date_stamp: str
    country: str
    length: int | None
    bytes: int | None = None
    dates: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True)
class FileGroup:
    """Files that are read together: one partition of a dask collection.

    Parameters
    ----------
    files : tuple of HeldFile
        In the order of stamp and country.
    token : str
        Digest of their content, as the manifest tells it.
    starts : tuple of int
        For each file the number of its first row in the group.
    beside : tuple of dict
        For each file, what else is read with it: name to files. Empty if there is nothing.
    """

    files: tuple[HeldFile, ...]
    token: str
    starts: tuple[int, ...]
    beside: tuple[dict[str, tuple[HeldFile, ...]], ...] = ()

    def with_beside(
        self, name: str, files: Callable[[HeldFile], tuple[HeldFile, ...]], token: str
    ) -> FileGroup:
        """Add to each file others to read beside it, under a name.

        Parameters
        ----------
        name : str
            What the others are.
        files : callable
            Gives those that belong to a file.
        token : str
            Digest of all of them.
        """
        before = self.beside or ({},) * len(self.files)
        pairs = zip(self.files, before, strict=True)
        beside = tuple({**others, name: files(file)} for file, others in pairs)
        digest = hashlib.sha256(f"{self.token} {name} {token}".encode()).hexdigest()
        return FileGroup(self.files, digest, self.starts, beside)

    def only(self, mask: Sequence[bool]) -> FileGroup:
        """Return the group with some of its files; rows keep their numbers."""
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


@dataclass(frozen=True, eq=False)
class Holdings:
    """The files of one table that are selected in one lake.

    Parameters
    ----------
    folder : Folder
        The lake, or the folder above ``json`` if others made it.
    table : Table
        Which table.
    files : pa.Table
        One row per member, the columns of the manifest that reading needs.
    date_stamps, countries : tuple of str
        Everything that the lake has, selected or not.
    preferred : str
        Kind of files to read, ``json`` or ``parquet``; by default what there is.
    """

    folder: Folder
    table: Table
    files: pa.Table
    date_stamps: tuple[str, ...]
    countries: tuple[str, ...]
    preferred: str = ""

    @cached_property
    def token(self) -> str:
        """Digest of what is held: of each file its place and what changes with its content."""
        kinds = [kind for kind in ("json", "parquet") if not self.files[f"{kind}_path"].null_count]
        files = [list(zip(self.paths(k), self._digests(k), strict=True)) for k in kinds]
        text = f"{self.folder.url} {self.table.name} {files}"
        return hashlib.sha256(text.encode()).hexdigest()

    def __dask_tokenize__(self) -> str:
        return self.token

    def __repr__(self) -> str:
        return f"Holdings({self.folder.url!r}, {self.table.name!r}, {len(self)} files)"

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """Partition key to all its values."""
        return {"date_stamp": self.date_stamps, "country": self.countries}

    def __len__(self) -> int:
        return int(self.files.num_rows)

    def total(self, column: str) -> int | None:
        """Add up a column of counts; None if any of them is not known."""
        counts = self.files[column]
        return None if counts.null_count else int(pc.sum(counts).as_py() or 0)

    def keep(self, mask: Any) -> Holdings:
        """Return the holdings of some of the files."""
        return replace(self, files=self.files.filter(pa.array(mask, pa.bool_())))

    def groups(self, kind: str, size: int, *, count: str) -> list[FileGroup]:
        """Group the files, in order, so that each group has about ``size`` of something.

        Parameters
        ----------
        kind : {"json", "parquet"}
            Which files.
        size : int
            Wished-for sum of ``count`` in a group; a single larger file stays whole.
        count : str
            Column that is added up, ``rows`` or ``json_bytes``.

        Returns
        -------
        list of FileGroup
            At least one, which is empty if there are no files.
        """
        sizes = pc.fill_null(self.files[count], 1).to_numpy()
        # A file belongs to the group in which its middle falls.
        numbers = ((np.cumsum(sizes) - sizes / 2) // size).tolist()
        digests = self._digests(kind)
        pieces: dict[float, list[tuple[HeldFile, str | None]]] = {}
        for number, file, digest in zip(numbers, self.held(kind), digests, strict=True):
            pieces.setdefault(number, []).append((file, digest))
        return [self._group(piece) for piece in pieces.values()] or [self._group([])]

    def partitions(self) -> list[FileGroup]:
        """Group the files by partition: all files of one stamp and country together."""
        digests = self._digests(self.kind)
        pieces: dict[tuple[str, str], list[tuple[HeldFile, str | None]]] = {}
        for file, digest in zip(self.held(self.kind), digests, strict=True):
            pieces.setdefault((file.date_stamp, file.country), []).append((file, digest))
        return [self._group(piece) for piece in pieces.values()]

    def _digests(self, kind: str) -> list[str | None]:
        """Tell of each file what changes with its content: of others' files, their sizes."""
        sizes = self.files[f"{kind}_bytes"].cast(pa.string())
        digests: list[str | None] = pc.coalesce(self.files[f"{kind}_sha256"], sizes).to_pylist()
        return digests

    def _group(self, piece: list[tuple[HeldFile, str | None]]) -> FileGroup:
        text = "\n".join(f"{file.path} {file.length} {digest}" for file, digest in piece)
        digest = hashlib.sha256(f"{self.folder.url} {self.table.name}\n{text}".encode())
        files = tuple(file for file, _ in piece)
        # Where nobody knows how many rows a file has, no two files may get the same numbers.
        sizes = [_MANY if file.length is None else file.length for file in files]
        return FileGroup(files, digest.hexdigest(), tuple(accumulate(sizes, initial=0))[:-1])

    def paths(self, kind: str) -> list[str]:
        """List the paths of the files of a kind, in order."""
        top = self.folder.join("")
        return [top + path for path in self.files[f"{kind}_path"].to_pylist()]

    def held(self, kind: str) -> Iterator[HeldFile]:
        """Go through the files of a kind, in order."""
        counts = self.files["rows" if kind == "parquet" else "records"].to_pylist()
        sizes = self.files[f"{kind}_bytes"].to_pylist()
        stamps, countries = self.files["date_stamp"], self.files["country"]
        keys = zip(stamps.to_pylist(), countries.to_pylist(), strict=True)
        dates = zip(
            *(self.files[name].to_pylist() for name in ("first_date", "last_date")), strict=True
        )
        columns = zip(self.paths(kind), keys, counts, sizes, dates, strict=True)
        for path, key, count, size, span in columns:
            yield HeldFile(path, *key, count, size, span)

    @property
    def kind(self) -> str:
        """Where rows come from: ``parquet``, or ``json`` if there is no Parquet."""
        if self.preferred:
            return self.preferred
        return "parquet" if not self.files["parquet_path"].null_count else "json"

    def of_kind(self, kind: str) -> Holdings:
        """Return the same holdings, to be read from files of one kind."""
        return replace(self, preferred=kind)

    def check(self, kind: str) -> None:
        """Compare the files with the manifest by their sizes, where looking is cheap.

        Parameters
        ----------
        kind : {"json", "parquet"}
            Which files.

        Raises
        ------
        FileNotFoundError
            If a file, or all of that kind, is not there.
        ValueError
            If one has another size.
        """
        if self.files[f"{kind}_path"].null_count:
            raise FileNotFoundError(
                f"{self.folder.url} has no {kind} files for {self.table.name}; convert or stage "
                f"the feed with {kind}, or use the other view"
            )
        if not self.folder.is_local:
            return  # what is read is compared when it is read
        sizes = self.files[f"{kind}_bytes"].to_pylist()
        known = [pair for pair in zip(self.paths(kind), sizes, strict=True) if pair[1] is not None]
        pieces = [known[start : start + _LOOKS] for start in range(0, len(known), _LOOKS)]
        # A shared file system takes its time for each; threads wait for many at once.
        with ThreadPoolExecutor(_LOOKERS) as pool:
            deque(pool.map(_check_sizes, pieces), maxlen=0)


def _check_sizes(files: Sequence[tuple[str, int]]) -> None:
    for path, expected in files:
        try:
            found = os.stat(path).st_size  # noqa: PTH116  (one of many thousands, called often)
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} is in the manifest but not there; {MEND}") from None
        if found != expected:
            compare_size(path, found, expected)


def compare_size(path: str, found: int, expected: int | None) -> None:
    """Compare a file's size with that which the manifest tells, if anybody knows it.

    Raises
    ------
    ValueError
        If it is another one: the file is damaged, or was replaced since the manifest was read.
    """
    if expected is not None and found != expected:
        raise ValueError(f"expected {expected} bytes in {path}, found {found}; {MEND}")


MEND: Final = (
    "if it was converted anew meanwhile, open the reader again; else convert its feed zip again "
    "with: movielake convert --force"
)
