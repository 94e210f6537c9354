"""Holdings: which files of a lake a reader means, planned from the manifest alone.

Nothing here opens a data file. A folder of JSON files made by others has no manifest; its holdings
are listed from the file system, and its rows are flattened when they are read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.layout import LAKE_FILE, Folder, Selection, letter_of
from movielake.manifest import MANIFEST, check_lake, read_manifest
from movielake.schema import Table

_COLUMNS: Final = (
    "date_stamp",
    "country",
    "table",
    "records",
    "rows",
    "screenings",
    "json_path",
    "json_bytes",
    "json_sha256",
    "parquet_path",
    "parquet_bytes",
    "parquet_sha256",
)


@dataclass(frozen=True)
class HeldFile:
    """One file to read, and what is known of it.

    Parameters
    ----------
    path : str
        On the lake's file system.
    date_stamp, country : str
        Its partition.
    count : int or None
        Rows or records that it must have; None if nobody knows.
    """

    path: str
    date_stamp: str
    country: str
    count: int | None


@dataclass(frozen=True)
class FileGroup:
    """Files that are read together: one partition of a dask collection.

    Parameters
    ----------
    files : tuple of HeldFile
        In the order of stamp and country.
    token : str
        Digest of their content, as the manifest tells it.
    """

    files: tuple[HeldFile, ...]
    token: str

    def __dask_tokenize__(self) -> str:
        return self.token


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
        """Digest of what is held, by the manifest's checksums."""
        lists = (self.files[name].to_pylist() for name in ("json_sha256", "parquet_sha256"))
        text = f"{self.folder.url} {self.table.name} {list(zip(*lists, strict=True))}"
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
        digests = self.files[f"{kind}_sha256"].to_pylist()
        pieces: dict[float, list[tuple[HeldFile, str | None]]] = {}
        for number, *entry in zip(numbers, self.held(kind), digests, strict=True):
            pieces.setdefault(number, []).append((entry[0], entry[1]))
        return [self._group(piece) for piece in pieces.values()] or [self._group([])]

    def partitions(self) -> list[FileGroup]:
        """Group the files by partition: all files of one stamp and country together."""
        digests = self.files[f"{self.kind}_sha256"].to_pylist()
        pieces: dict[tuple[str, str], list[tuple[HeldFile, str | None]]] = {}
        for file, digest in zip(self.held(self.kind), digests, strict=True):
            pieces.setdefault((file.date_stamp, file.country), []).append((file, digest))
        return [self._group(piece) for piece in pieces.values()]

    def _group(self, piece: list[tuple[HeldFile, str | None]]) -> FileGroup:
        text = "\n".join(f"{file.path} {file.count} {digest}" for file, digest in piece)
        digest = hashlib.sha256(f"{self.folder.url} {self.table.name}\n{text}".encode())
        return FileGroup(tuple(file for file, _ in piece), digest.hexdigest())

    def held(self, kind: str) -> Iterator[HeldFile]:
        """Go through the files of a kind, in order."""
        counts = self.files["rows" if kind == "parquet" else "records"].to_pylist()
        paths = self.files[f"{kind}_path"].to_pylist()
        stamps, countries = self.files["date_stamp"], self.files["country"]
        keys = zip(stamps.to_pylist(), countries.to_pylist(), strict=True)
        for path, (date_stamp, country), count in zip(paths, keys, counts, strict=True):
            yield HeldFile(self.folder.join(path), date_stamp, country, count)

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
        for path, size in zip(self.files[f"{kind}_path"].to_pylist(), sizes, strict=True):
            if size is not None:
                _check_size(self.folder.join(path), size)


def _check_size(path: str, expected: int) -> None:
    try:
        found = os.stat(path).st_size  # noqa: PTH116  (one of many thousands, called often)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is in the manifest but not there; {_MEND}") from None
    if found != expected:
        raise ValueError(f"expected {expected} bytes in {path}, found {found}; {_MEND}")


_MEND: Final = "convert its feed zip again with: movielake convert --force"


def hold(
    source: str, table: Table, selection: Selection, *, may_be_empty: bool = False
) -> Holdings:
    """Find what a reader means by a lake, or by a directory glob of an older notebook.

    Parameters
    ----------
    source : str
        Path or URL of a lake; or ``DIR/json/STAMP/COUNTRY``, each of the two a glob.
    table : Table
        Which table.
    selection : Selection
        Stamps and countries; only with a lake.
    may_be_empty : bool, optional
        Whether to accept that nothing is selected.

    Returns
    -------
    Holdings

    Raises
    ------
    FileNotFoundError
        If there is no lake or folder.
    ValueError
        If nothing is selected, or if a directory glob comes with a selection as well.
    """
    match = re.fullmatch(r"(.+?)/json/([^/]+)/([^/]+)/?", source)
    if match is None:
        return _not_empty(_hold_lake(Folder(source), table, selection), selection, may_be_empty)
    if selection != Selection():
        raise ValueError(
            f"expected a lake with countries= and date_stamps=, or a directory glob alone, "
            f"found both: {source}"
        )
    folder, chosen = Folder(match[1]), Selection(match[2], match[3])
    is_lake = folder.fs.exists(folder.join(LAKE_FILE))
    held = (_hold_lake if is_lake else _hold_folder)(folder, table, chosen)
    return _not_empty(held, chosen, may_be_empty)


def _not_empty(held: Holdings, selection: Selection, may_be_empty: bool) -> Holdings:
    if not len(held) and not may_be_empty:
        raise ValueError(_nothing_selected(held, selection))
    return held


def _hold_lake(folder: Folder, table: Table, selection: Selection) -> Holdings:
    check_lake(folder)
    members = read_manifest(folder, _COLUMNS)
    stamps = _distinct(members["date_stamp"])
    countries = _distinct(members["country"])
    mine = members.filter(pc.equal(members["table"], table.name))
    files = mine.filter(
        pc.and_(
            _is_meant(mine["date_stamp"], [s for s in stamps if selection.means_stamp(s)]),
            _is_meant(mine["country"], [c for c in countries if selection.means_country(c)]),
        )
    )
    return Holdings(folder, table, files, stamps, countries)


def _is_meant(codes: pa.ChunkedArray, chosen: list[str]) -> pa.ChunkedArray:
    return pc.is_in(codes, pa.array(chosen, pa.string()))


def _distinct(codes: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(pc.unique(codes).to_pylist()))


def _nothing_selected(held: Holdings, selection: Selection) -> str:
    stamps, countries = held.date_stamps, held.countries
    span = f"{len(stamps)} stamps, {stamps[0]} to {stamps[-1]}" if stamps else "no stamps"
    wanted = selection.countries if isinstance(selection.countries, tuple) else ()
    close = [c for w in wanted if w not in countries for c in get_close_matches(w, countries, 1)]
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    return (
        f"no {held.table.name} match {selection} in {held.folder.url}; it holds {span}, and the "
        f"countries {', '.join(countries) or 'none'}{hint}"
    )


def _hold_folder(folder: Folder, table: Table, selection: Selection) -> Holdings:
    """List JSON files of one record per line that others made, as json/STAMP/COUNTRY/NAME."""
    pattern = re.compile(r"json/([^/]+)/([^/]+)/[^/]+\.(json|jsonl|ndjson)(\.(gz|zst|bz2|xz))?$")
    rows = []
    stamps, countries = set(), set()
    for path, info in folder.find("json").items():
        if not (match := pattern.match(path)):
            continue
        stamps.add(match[1])
        countries.add(match[2])
        if selection.matches(match[1], match[2]) and letter_of(path) == table.letter:
            rows.append({"date_stamp": match[1], "country": match[2], "json_path": path})
            rows[-1]["json_bytes"] = info["size"]
    files = pa.Table.from_pylist(
        rows, schema=pa.schema([MANIFEST.field(name) for name in _COLUMNS])
    )
    if not stamps:
        raise FileNotFoundError(
            f"expected a lake or json/STAMP/COUNTRY/*.json, found neither in {folder.url}"
        )
    return Holdings(folder, table, files, tuple(sorted(stamps)), tuple(sorted(countries)))
