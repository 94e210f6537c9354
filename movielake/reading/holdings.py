"""Holdings: the files of a lake that a reader selects, planned from the manifest alone.

This module opens no data file. A folder with JSON files of another program has no manifest. Its
files are listed from the file system, and its records are flattened when they are read.
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
"""A number of rows that no file reaches."""

_LOOKS: Final = 400
"""Number of files whose sizes one thread checks in one call."""

_LOOKERS: Final = 16
"""Number of threads that check sizes."""


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
    """

    path: str
    date_stamp: str
    country: str
    length: int | None
    bytes: int | None = None
    dates: tuple[str | None, str | None] = (None, None)
    untimed: bool = True


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


@dataclass(frozen=True, eq=False)
class Holdings:
    """The files of one table that are selected in one lake.

    Parameters
    ----------
    folder : Folder
        The lake, or the folder that contains ``json`` if another program made it.
    table : Table
        The table.
    files : pa.Table
        One row per member, with the columns of the manifest that readers need.
    date_stamps, countries : tuple of str
        All stamps and countries of the lake, selected or not.
    preferred : str
        Kind of files to read, ``json`` or ``parquet``. By default Parquet if it exists.
    """

    folder: Folder
    table: Table
    files: pa.Table
    date_stamps: tuple[str, ...]
    countries: tuple[str, ...]
    preferred: str = ""

    @cached_property
    def token(self) -> str:
        """Digest of the path and the checksum or size of each file."""
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
        """All values of each partition key, by the key's name."""
        return {"date_stamp": self.date_stamps, "country": self.countries}

    def __len__(self) -> int:
        return int(self.files.num_rows)

    def total(self, column: str) -> int | None:
        """Return the sum of a column of counts, or None if a count is unknown."""
        counts = self.files[column]
        return None if counts.null_count else int(pc.sum(counts).as_py() or 0)

    def keep(self, mask: Any) -> Holdings:
        """Return holdings with some of the files."""
        return replace(self, files=self.files.filter(pa.array(mask, pa.bool_())))

    def groups(self, kind: str, size: int, *, count: str) -> list[FileGroup]:
        """Group the files in order, so that each group has about ``size`` rows or bytes.

        Parameters
        ----------
        kind : {"json", "parquet"}
            Kind of the files.
        size : int
            Target for the sum of ``count`` in a group. A file is never split.
        count : str
            Column that is summed, ``rows`` or ``json_bytes``.

        Returns
        -------
        list of FileGroup
            At least one group. It is empty if the holdings have no files.
        """
        sizes = pc.fill_null(self.files[count], 1).to_numpy()
        # A file belongs to the group that contains its middle.
        numbers = ((np.cumsum(sizes) - sizes / 2) // size).tolist()
        digests = self._digests(kind)
        pieces: dict[float, list[tuple[HeldFile, str | None]]] = {}
        for number, file, digest in zip(numbers, self.held(kind), digests, strict=True):
            pieces.setdefault(number, []).append((file, digest))
        return [self._group(piece) for piece in pieces.values()] or [self._group([])]

    def partitions(self) -> list[FileGroup]:
        """Group the files by partition. A group has all files of one stamp and country."""
        digests = self._digests(self.kind)
        pieces: dict[tuple[str, str], list[tuple[HeldFile, str | None]]] = {}
        for file, digest in zip(self.held(self.kind), digests, strict=True):
            pieces.setdefault((file.date_stamp, file.country), []).append((file, digest))
        return [self._group(piece) for piece in pieces.values()]

    def _digests(self, kind: str) -> list[str | None]:
        """List the checksum of each file, or its size if it has no checksum."""
        sizes = self.files[f"{kind}_bytes"].cast(pa.string())
        digests: list[str | None] = pc.coalesce(self.files[f"{kind}_sha256"], sizes).to_pylist()
        return digests

    def _group(self, piece: list[tuple[HeldFile, str | None]]) -> FileGroup:
        text = "\n".join(f"{file.path} {file.length} {digest}" for file, digest in piece)
        digest = hashlib.sha256(f"{self.folder.url} {self.table.name}\n{text}".encode())
        files = tuple(file for file, _ in piece)
        # If a file's number of rows is unknown, leave enough numbers for any file.
        sizes = [_MANY if file.length is None else file.length for file in files]
        return FileGroup(files, digest.hexdigest(), tuple(accumulate(sizes, initial=0))[:-1])

    def paths(self, kind: str) -> list[str]:
        """List the paths of the files of one kind, in order."""
        top = self.folder.join("")
        return [top + path for path in self.files[f"{kind}_path"].to_pylist()]

    def held(self, kind: str) -> Iterator[HeldFile]:
        """Yield the files of one kind, in order."""
        counts = self.files["rows" if kind == "parquet" else "records"].to_pylist()
        sizes = self.files[f"{kind}_bytes"].to_pylist()
        stamps, countries = self.files["date_stamp"], self.files["country"]
        keys = zip(stamps.to_pylist(), countries.to_pylist(), strict=True)
        dates = zip(
            *(self.files[name].to_pylist() for name in ("first_date", "last_date")), strict=True
        )
        rows, screenings = self.files["rows"], self.files["screenings"]
        untimed = pc.fill_null(pc.not_equal(rows, screenings), True).to_pylist()
        columns = zip(self.paths(kind), keys, counts, sizes, dates, untimed, strict=True)
        for path, (stamp, country), *facts in columns:
            yield HeldFile(path, stamp, country, *facts)

    @property
    def kind(self) -> str:
        """Kind of files that contain the rows: ``parquet``, or ``json`` if Parquet is missing."""
        if self.preferred:
            return self.preferred
        return "parquet" if not self.files["parquet_path"].null_count else "json"

    def of_kind(self, kind: str) -> Holdings:
        """Return the same holdings with another preferred kind of files."""
        return replace(self, preferred=kind)

    def check(self, kind: str) -> None:
        """Compare the sizes of local files with the manifest.

        Parameters
        ----------
        kind : {"json", "parquet"}
            Kind of the files.

        Raises
        ------
        FileNotFoundError
            If a file is missing, or if the lake has no files of this kind.
        ValueError
            If a size differs.
        """
        if self.files[f"{kind}_path"].null_count:
            raise FileNotFoundError(
                f"{self.folder.url} has no {kind} files for {self.table.name}; convert or stage "
                f"the feed with {kind}, or use the other view"
            )
        if not self.folder.is_local:
            return  # a remote file is compared when it is read
        sizes = self.files[f"{kind}_bytes"].to_pylist()
        known = [pair for pair in zip(self.paths(kind), sizes, strict=True) if pair[1] is not None]
        pieces = [known[start : start + _LOOKS] for start in range(0, len(known), _LOOKS)]
        # A shared file system answers slowly. Threads send many requests at the same time.
        with ThreadPoolExecutor(_LOOKERS) as pool:
            deque(pool.map(_check_sizes, pieces), maxlen=0)


def _check_sizes(files: Sequence[tuple[str, int]]) -> None:
    for path, expected in files:
        try:
            found = os.stat(path).st_size  # noqa: PTH116  (called for many thousands of files)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{path} is in the manifest but does not exist; {MEND}"
            ) from None
        if found != expected:
            compare_size(path, found, expected)


def compare_size(path: str, found: int, expected: int | None) -> None:
    """Compare the size of a file with the expected size. None means unknown.

    Raises
    ------
    ValueError
        If the sizes differ. The file is damaged, or was replaced since the manifest was read.
    """
    if expected is not None and found != expected:
        raise ValueError(f"expected {expected} bytes in {path}, found {found}; {MEND}")


MEND: Final = (
    "if it was converted again meanwhile, open the reader again; if not, convert its feed zip "
    "again with: movielake convert --force"
)
