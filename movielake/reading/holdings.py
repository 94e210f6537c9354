"""Holdings: the files of a lake that a reader selects, planned from the manifest alone.

This module opens no data file. A folder with JSON files of another program has no manifest. Its
files are listed from the file system, and its records are flattened when they are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.collector import collector_paused
from movielake.names.layout import ROW_GROUP, Folder
from movielake.reading.groups import MANY, FileGroup, HeldFile
from movielake.reading.sizes import check_sizes
from movielake.schema.tables import Table


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
    is_compact : bool
        Whether many members share a file.
    preferred : str
        Kind of files to read, ``json`` or ``parquet``. By default Parquet if it exists.
    """

    folder: Folder
    table: Table
    files: pa.Table
    date_stamps: tuple[str, ...]
    countries: tuple[str, ...]
    is_compact: bool = False
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

    @collector_paused()
    def million_rows(self) -> list[FileGroup]:
        """Group the files so that each group has about a million rows.

        In a compact lake, the groups are in the order of country and stamp, because a row group
        has many stamps of one country.
        """
        if self.shares_parquet:
            return self.by_country().row_groups()
        return self.groups(self.kind, ROW_GROUP, count="rows")

    @property
    def shares_parquet(self) -> bool:
        """Whether the rows are in Parquet files that many members share."""
        return self.is_compact and self.kind == "parquet"

    def by_country(self) -> Holdings:
        """Return the same holdings in the order of country and stamp."""
        keys = [("country", "ascending"), ("date_stamp", "ascending")]
        return replace(self, files=self.files.sort_by(keys))

    def row_groups(self) -> list[FileGroup]:
        """Group the members of a compact lake so that each row group is read in one group.

        A row group ends at the stamp that reaches `ROW_GROUP` rows of its file. Small files share a
        group of about this size. The holdings must be in the order of country and stamp.
        """
        digests = self._digests("parquet")
        pieces: list[list[tuple[HeldFile, str | None]]] = [[]]
        total = begin = 0  # rows in the piece, and where the row group begins in its file
        before = None
        for file, digest in zip(self.held("parquet"), digests, strict=True):
            start, length = file.start or 0, file.length or 0
            is_new_file = before is None or file.path != before.path
            is_new_stamp = before is not None and file.date_stamp != before.date_stamp
            if is_new_file:
                # Only between files can a piece end early without dividing a row group.
                is_full, begin = 2 * total >= ROW_GROUP, 0
            else:
                is_full = is_new_stamp and start - begin >= ROW_GROUP
                begin = start if is_full else begin
            if is_full:
                pieces.append([])
                total = 0
            pieces[-1].append((file, digest))
            total += length
            before = file
        return [self._group(piece) for piece in pieces]

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
        sizes = [MANY if file.length is None else file.length for file in files]
        return FileGroup(files, digest.hexdigest(), tuple(accumulate(sizes, initial=0))[:-1])

    def paths(self, kind: str) -> list[str]:
        """List the paths of the files of one kind, in order."""
        top = self.folder.join("")
        return [top + path for path in self.files[f"{kind}_path"].to_pylist()]

    def held(self, kind: str) -> Iterator[HeldFile]:
        """Yield the files of one kind, in order."""
        counts = "rows" if kind == "parquet" else "records"
        names = ("date_stamp", "country", counts, f"{kind}_bytes", "first_date", "last_date")
        *facts, first, last = (self.files[name].to_pylist() for name in names)
        untimed = pc.not_equal(self.files["rows"], self.files["screenings"])
        whole = pa.nulls(len(self), pa.int64())
        starts = self.files[f"{kind}_start"] if self.is_compact else whole
        columns = (
            self.paths(kind),
            *facts,
            zip(first, last, strict=True),
            pc.fill_null(untimed, True).to_pylist(),
            starts.to_pylist(),
        )
        return map(HeldFile._make, zip(*columns, strict=True))

    def _sizes(self, kind: str) -> dict[str, int | None]:
        """Return the size of each file, by its path. It is None if unknown."""
        sizes = self.files[f"{kind}_bytes"]
        if kind == "json" and self.is_compact:  # the selected frames end here, or later
            return {}
        return dict(zip(self.paths(kind), sizes.to_pylist(), strict=True))

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
        known = [(path, size) for path, size in self._sizes(kind).items() if size is not None]
        check_sizes(known)
