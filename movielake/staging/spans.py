"""Plans of a compact copy: which members go into which file. This module reads no data file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.writers import WrittenFile
from movielake.names.layout import compact_path
from movielake.schema.tables import FORMAT

SPANS: Final = ("year", "quarter", "month", "all")
"""Units of the spans of stamps that share a file."""


def span_of(date_stamp: str, unit: str) -> str:
    """Return the name of the span that contains a stamp.

    Parameters
    ----------
    date_stamp : str
        A stamp (YYYYMMDD).
    unit : {"year", "quarter", "month", "all"}
        Unit of the spans.

    Returns
    -------
    str

    Examples
    --------
    >>> from movielake.staging.spans import SPANS, span_of
    >>> [span_of("20191206", unit) for unit in SPANS]
    ['2019', '2019-Q4', '2019-12', 'all']
    """
    year, month = date_stamp[:4], date_stamp[4:6]
    quarter = f"{year}-Q{(int(month) + 2) // 3}"
    return {"year": year, "quarter": quarter, "month": f"{year}-{month}", "all": "all"}[unit]


class Part(NamedTuple):
    """One member in a file of the source.

    Parameters
    ----------
    row : int
        Its row in the manifest.
    date_stamp : str
        Its stamp.
    path : str
        Path of the file in the source.
    start : int
        Where it begins: a row of a Parquet file, a byte of a JSON Lines file.
    length : int
        Rows in a Parquet file, bytes in a JSON Lines file.
    bytes : int
        Size of the Parquet file, or of the JSON Lines frame.
    sha256 : str
        Checksum of the Parquet file, or of the JSON Lines frame.
    digest : str
        Digest of the rows, or checksum of the frame. It is the same in each layout.
    """

    row: int
    date_stamp: str
    path: str
    start: int
    length: int
    bytes: int
    sha256: str
    digest: str


@dataclass(frozen=True, eq=False)
class PlannedFile:
    """One file of a compact copy.

    Parameters
    ----------
    path : str
        Path in the copy. It contains a digest of the content, so that the same path always has the
        same rows or records.
    table : str
        Name of the table.
    kind : {"json", "parquet"}
        Kind of the file.
    members : pa.Table
        Its members, in the order of the manifest, with the columns of `Part`.
    """

    path: str
    table: str
    kind: str
    members: pa.Table

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Its members, each as a `Part`."""
        return tuple(map(Part, *(column.to_pylist() for column in self.members.columns)))


def plan_files(manifest: pa.Table, unit: str) -> list[PlannedFile]:
    """Plan the files of a compact copy.

    Parameters
    ----------
    manifest : pa.Table
        The wanted rows of the source's manifest. A path is null if its file is not wanted.
    unit : str
        Unit of the spans, one of `SPANS`.

    Returns
    -------
    list of PlannedFile
        The files, in the order of country, table and span.
    """
    planned = [file for kind in ("json", "parquet") for file in _planned(manifest, kind, unit)]
    return [file for _, file in sorted(planned, key=itemgetter(0))]


def _planned(
    manifest: pa.Table, kind: str, unit: str
) -> Iterator[tuple[tuple[str, str, str, str], PlannedFile]]:
    """Yield the files of a kind, each with its key: country, table, kind and span."""
    rows = np.flatnonzero(manifest[f"{kind}_path"].is_valid().to_numpy())
    chosen = manifest.select(list(dict.fromkeys(["country", "table", *_facts(kind)]))).take(rows)
    keys, codes = _keys(chosen, kind, unit)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(keys)))
    members = _members(chosen.append_column("row", pa.array(rows)), kind).take(order)
    digests = _digests(members, ends)
    for key, digest, start, end in zip(keys, digests, [0, *ends], ends, strict=False):
        country, table, _, span = key
        path = compact_path(kind, table, country, span, digest)
        yield key, PlannedFile(path, table, kind, members.slice(start, end - start))


def _keys(
    manifest: pa.Table, kind: str, unit: str
) -> tuple[list[tuple[str, str, str, str]], np.ndarray]:
    """Return the distinct keys of files, and for each member the position of its key."""
    names = ("country", "table", "date_stamp")
    coded = [manifest[name].combine_chunks().dictionary_encode() for name in names]
    values = [column.dictionary.to_pylist() for column in coded]
    spans = [span_of(stamp, unit) for stamp in values[2]]
    values[2] = list(dict.fromkeys(spans))
    codes = [column.indices.to_numpy().astype(np.int64) for column in coded]
    codes[2] = np.array([values[2].index(span) for span in spans], np.int64)[codes[2]]
    shape = tuple(max(len(each), 1) for each in values)
    used, places = np.unique(np.ravel_multi_index(codes, shape), return_inverse=True)
    columns = (np.array(each, object) for each in values)
    found = (x[at].tolist() for x, at in zip(columns, np.unravel_index(used, shape), strict=True))
    return [
        (country, table, kind, span) for country, table, span in zip(*found, strict=True)
    ], places


def _members(manifest: pa.Table, kind: str) -> pa.Table:
    """Return the columns of `Part`."""
    columns = [manifest[name].combine_chunks() for name in ("row", *_facts(kind))]
    return pa.table(columns, names=list(Part._fields))


def _facts(kind: str) -> list[str]:
    """Return the columns of the manifest for those of `Part` after ``row``."""
    length = "rows" if kind == "parquet" else "json_bytes"
    digest = "digest" if kind == "parquet" else "json_sha256"
    of_file = [f"{kind}_{name}" for name in ("path", "start", "bytes", "sha256")]
    return ["date_stamp", *of_file[:2], length, *of_file[2:], digest]


def _digests(members: pa.Table, ends: np.ndarray) -> list[str]:
    """Return the digest of the content of each file."""
    facts = members["date_stamp"], members["length"].cast(pa.string()), members["digest"]
    lines = pc.binary_join_element_wise(
        *facts, " ", null_handling="replace", null_replacement="None"
    )
    offsets = pa.array([0, *ends.tolist()], pa.int32())
    texts = pc.binary_join(pa.ListArray.from_arrays(offsets, lines.combine_chunks()), "\n")
    return [hashlib.sha256(f"{FORMAT}\n{text}".encode()).hexdigest() for text in texts.to_pylist()]


def placed(
    manifest: pa.Table, plans: Sequence[PlannedFile], files: Mapping[str, WrittenFile]
) -> pa.Table:
    """Return the manifest of a compact copy.

    Parameters
    ----------
    manifest : pa.Table
        The wanted rows of the source's manifest.
    plans : sequence of PlannedFile
        All files of the copy.
    files : mapping of str to WrittenFile
        Size and checksum of each file, by path.

    Returns
    -------
    pa.Table
        The same rows, with the path of each member's file, and its first row or byte in it. The
        size and checksum of JSON Lines remain those of the member's frame.
    """
    for kind in ("json", "parquet"):
        mine = [plan for plan in plans if plan.kind == kind]
        if mine:
            manifest = _placed(manifest, kind, mine, [files[plan.path] for plan in mine])
    return manifest


def _placed(
    manifest: pa.Table, kind: str, plans: Sequence[PlannedFile], files: Sequence[WrittenFile]
) -> pa.Table:
    members = pa.concat_tables([plan.members for plan in plans])
    counts = [plan.members.num_rows for plan in plans]
    lengths = members["length"].to_numpy()
    before = np.cumsum(lengths) - lengths
    firsts = np.cumsum([0, *counts[:-1]])
    starts = before - np.repeat(before[firsts], counts)
    values = {"path": [file.path for file in files], "start": starts}
    if kind == "parquet":
        values |= {name: [getattr(file, name) for file in files] for name in ("bytes", "sha256")}
    places = np.full(manifest.num_rows, -1)
    places[members["row"].to_numpy()] = np.arange(members.num_rows)
    of_files = np.repeat(np.arange(len(files)), counts)
    for name, found in values.items():
        index = manifest.schema.get_field_index(f"{kind}_{name}")
        field = manifest.schema.field(index)
        each = np.arange(members.num_rows) if name == "start" else of_files
        wanted = pa.array(np.append(each, -1)[places], mask=places < 0)
        manifest = manifest.set_column(index, field, pa.array(found, field.type).take(wanted))
    return manifest


def files_of_table(table: pa.Table) -> list[WrittenFile]:
    """List the data files in the manifest of a compact lake, each once.

    The checksum of a JSON Lines file is empty, since the manifest has those of its frames.
    """
    files: list[WrittenFile] = []
    for kind in ("json", "parquet"):
        rows = table.select([f"{kind}_{name}" for name in ("path", "bytes", "sha256")])
        rows = rows.take(np.flatnonzero(rows[0].is_valid().to_numpy()))
        if not rows.num_rows:
            continue
        paths = rows[0].combine_chunks().dictionary_encode()
        _, first = np.unique(paths.indices.to_numpy(), return_index=True)
        sizes, sums = rows[1].take(first), rows[2].take(first).to_pylist()
        if kind == "json":
            totals = np.zeros(len(first), np.int64)
            np.add.at(totals, paths.indices.to_numpy(), rows[1].to_numpy())
            sizes, sums = pa.array(totals), [""] * len(first)
        columns = paths.dictionary.to_pylist(), sizes.to_pylist(), sums
        files += map(WrittenFile, *columns)
    return sorted(files, key=attrgetter("path"))


def quarantined(table: pa.Table) -> list[WrittenFile]:
    """List the files in quarantine of a manifest."""
    lists = table["quarantine"].drop_null().to_pylist()
    return [WrittenFile(**file) for files in lists for file in files]
