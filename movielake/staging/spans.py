"""Plans of a compact copy: which members go into which file. This module reads no data file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, NamedTuple

import pyarrow as pa

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


@dataclass(frozen=True)
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
    parts : tuple of Part
        Its members, in the order of the manifest.
    """

    path: str
    table: str
    kind: str
    parts: tuple[Part, ...]


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
    files: dict[tuple[str, str, str, str], list[Part]] = {}
    for kind in ("json", "parquet"):
        for table, country, part in _parts(manifest, kind):
            key = (country, table, kind, span_of(part.date_stamp, unit))
            files.setdefault(key, []).append(part)
    planned = []
    for (country, table, kind, span), parts in sorted(files.items()):
        path = compact_path(kind, table, country, span, _digest(parts))
        planned.append(PlannedFile(path, table, kind, tuple(parts)))
    return planned


def _parts(manifest: pa.Table, kind: str) -> Iterator[tuple[str, str, Part]]:
    """Yield table, country and part of each member that has a file of a kind."""
    length = "rows" if kind == "parquet" else "json_bytes"
    digest = "digest" if kind == "parquet" else "json_sha256"
    names = ("date_stamp", f"{kind}_path", f"{kind}_start", length, f"{kind}_bytes")
    columns: list[list[Any]] = [
        manifest[name].to_pylist() for name in (*names, f"{kind}_sha256", digest)
    ]
    tables, countries = manifest["table"].to_pylist(), manifest["country"].to_pylist()
    for row, facts in enumerate(zip(*columns, strict=True)):
        if facts[1] is not None:
            yield tables[row], countries[row], Part(row, *facts)


def frames_by_file(manifest: pa.Table) -> dict[str, list[Part]]:
    """Return the frames of each JSON Lines file of a compact lake, in the order of the file."""
    files: dict[str, list[Part]] = {}
    for _, _, part in _parts(manifest, "json"):
        files.setdefault(part.path, []).append(part)
    return {path: sorted(parts, key=lambda part: part.start) for path, parts in files.items()}


def _digest(parts: list[Part]) -> str:
    text = "\n".join(f"{part.date_stamp} {part.length} {part.digest}" for part in parts)
    return hashlib.sha256(f"{FORMAT}\n{text}".encode()).hexdigest()


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
    columns = {
        name: manifest[name].to_pylist()
        for kind in ("json", "parquet")
        for name in (f"{kind}_path", f"{kind}_start", f"{kind}_bytes", f"{kind}_sha256")
    }
    for plan in plans:
        starts = accumulate((part.length for part in plan.parts), initial=0)
        for part, start in zip(plan.parts, starts, strict=False):
            columns[f"{plan.kind}_path"][part.row] = plan.path
            columns[f"{plan.kind}_start"][part.row] = start
            if plan.kind == "parquet":
                columns["parquet_bytes"][part.row] = files[plan.path].bytes
                columns["parquet_sha256"][part.row] = files[plan.path].sha256
    for name, values in columns.items():
        field = manifest.schema.field(name)
        place = manifest.schema.get_field_index(name)
        manifest = manifest.set_column(place, field, pa.array(values, field.type))
    return manifest


def files_of_table(table: pa.Table) -> list[WrittenFile]:
    """List the data files in the manifest of a compact lake, each once.

    The checksum of a JSON Lines file is empty, since the manifest has those of its frames.
    """
    parquet = table.select(["parquet_path", "parquet_bytes", "parquet_sha256"]).drop_null()
    files = set(zip(*parquet.to_pydict().values(), strict=True))
    json = table.select(["json_path", "json_bytes"]).drop_null()
    sizes = json.group_by("json_path").aggregate([("json_bytes", "sum")])
    files |= {(path, size, "") for size, path in _pairs(sizes)}
    return [WrittenFile(*file) for file in sorted(files)]


def _pairs(sizes: pa.Table) -> Iterator[tuple[int, str]]:
    columns = sizes["json_bytes_sum"].to_pylist(), sizes["json_path"].to_pylist()
    return zip(*columns, strict=True)


def quarantined(table: pa.Table) -> list[WrittenFile]:
    """List the files in quarantine of a manifest."""
    lists = table["quarantine"].to_pylist()
    return [WrittenFile(**file) for files in lists for file in files or ()]
