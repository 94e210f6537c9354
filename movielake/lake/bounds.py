"""Bounds of a manifest: files only in the folders of their partitions, and ranges that fit.

A lake can come from anywhere, a pack above all. So a manifest is not trusted: before a file is
opened or a count is believed, the paths and the ranges of rows and bytes are checked. All checks
work on whole columns, because an archive has tens of thousands of members.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.commits import MOST
from movielake.lake.opening import COMPACT
from movielake.names.layout import MANIFEST_TABLE, is_date_stamp, quarantine_folder
from movielake.schema.tables import TABLES

COUNTRY: Final = re.compile(r"[A-Za-z0-9_]+")
"""A country that can be part of a path."""

NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""A file name that leads to no other folder."""

_COUNTS: Final = ("records", "rows", "screenings")

KINDS: Final = ("json", "parquet")
"""Kinds of files of a member."""


def refuse_misplaced(manifest: pa.Table, layout: str, url: str) -> None:
    """Refuse a manifest that lists files outside the folders of its partitions.

    Parameters
    ----------
    manifest : pa.Table
        Rows of a manifest, with the paths and their keys.
    layout : str
        Layout of the lake.
    url : str
        The lake, for the message.

    Raises
    ------
    ValueError
        If a path, a stamp, a country or a table is not as movielake writes it.
    """
    wrong = misplaced(manifest, layout)
    if wrong.any():
        row = int(wrong.argmax())
        stamp, country = (manifest[key][row].as_py() for key in ("date_stamp", "country"))
        raise ValueError(
            f"{url}: refused: {MANIFEST_TABLE} lists data outside its partitions "
            f"({stamp!r:.20}, {country!r:.20})"
        )


def misplaced(manifest: pa.Table, layout: str) -> np.ndarray:
    """Return for each row of a manifest whether it lists data outside its partition.

    Parameters
    ----------
    manifest : pa.Table
        Rows of a manifest, with the keys, and with the paths to check.
    layout : str
        Layout of the lake.

    Returns
    -------
    np.ndarray
        One boolean for each row.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.lake.bounds import misplaced
    >>> row = {"date_stamp": "20191206", "country": "deu", "table": "movies", "json_path": None}
    >>> paths = ["parquet/movies/country=deu/2019-1a2b.parquet", "parquet/movies/../notes.parquet"]
    >>> rows = pa.Table.from_pylist([row | {"parquet_path": path} for path in paths])
    >>> misplaced(rows, "compact").tolist()
    [False, True]
    """
    wrong: np.ndarray = ~(
        each(manifest["date_stamp"], lambda stamp: stamp is not None and is_date_stamp(stamp))
        & each(manifest["country"], lambda country: _fits(COUNTRY, country))
        & each(manifest["table"], lambda table: table in (None, *TABLES))
    )
    for kind in KINDS:
        if f"{kind}_path" not in manifest.column_names:
            continue
        rows, mine = _with_file(manifest, kind, ["date_stamp", "country", "table"])
        if len(rows):
            wrong[rows] |= _elsewhere(mine, kind, layout)
    if "quarantine" in manifest.column_names:
        files = pc.fill_null(pc.list_value_length(manifest["quarantine"]), 0).to_numpy()
        for row in np.flatnonzero(files):
            stamp, country, kept = (
                manifest[name][int(row)].as_py() for name in ("date_stamp", "country", "quarantine")
            )
            wrong[row] |= not all(_is_kept(file["path"], stamp, country) for file in kept)
    return wrong


def _elsewhere(manifest: pa.Table, kind: str, layout: str) -> np.ndarray:
    """Return for each row whether its path leads to another folder than that of its keys."""
    if layout != COMPACT:
        return _leads_elsewhere(manifest, kind, layout)
    # Many members share a file. It is enough to look at the first of them, if the keys are equal.
    files = codes_of(manifest[f"{kind}_path"])
    _, first = np.unique(files, return_index=True)
    wrong: np.ndarray = _leads_elsewhere(manifest.take(first), kind, layout)[files]
    for key in ("table", "country"):
        keys = codes_of(manifest[key])
        wrong |= keys != keys[first][files]
    return wrong


def _leads_elsewhere(manifest: pa.Table, kind: str, layout: str) -> np.ndarray:
    halves = pc.split_pattern(manifest[f"{kind}_path"], "/", max_splits=1, reverse=True)
    has_folder = pc.equal(pc.list_value_length(halves), 2)
    wrong: np.ndarray = ~has_folder.to_numpy().astype(bool)
    rows = np.flatnonzero(~wrong)
    inside, halves = (x if len(rows) == len(wrong) else x.take(rows) for x in (manifest, halves))
    texts = pc.list_flatten(halves)
    count = len(rows)
    folders = texts.take(np.arange(0, 2 * count, 2))
    names = texts.take(np.arange(1, 2 * count, 2))
    is_right = pc.fill_null(pc.equal(folders, _folders(inside, kind, layout)), False)
    wrong[rows] = ~(is_right.to_numpy().astype(bool) & each(names, lambda x: _fits(NAME, x)))
    return wrong


def _folders(manifest: pa.Table, kind: str, layout: str) -> pa.ChunkedArray:
    """Return the folder in which each member's file of a kind must be. Null without a table."""
    stamp, country = manifest["date_stamp"], manifest["country"]
    if layout == COMPACT:
        return _joined(f"{kind}/", manifest["table"], "/country=", country)
    if kind == "json":
        return _joined("json/", stamp, "/", country)
    table = manifest["table"]
    return _joined("parquet/", table, "/date_stamp=", stamp, "/country=", country)


def _joined(*parts: Any) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*parts, "")


def _is_kept(path: str, date_stamp: str, country: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == quarantine_folder(date_stamp, country) and _fits(NAME, name)


def _fits(pattern: re.Pattern[str], text: str | None) -> bool:
    return text is not None and bool(pattern.fullmatch(text))


def each(column: pa.ChunkedArray, holds: Callable[[Any], bool]) -> np.ndarray:
    """Return for each value of a column whether it has a property. Equal values are tried once."""
    coded = _coded(column)
    has = np.array([holds(value) for value in coded.dictionary.to_pylist()], bool)
    found: np.ndarray = has[coded.indices.to_numpy()]
    return found


def codes_of(column: pa.ChunkedArray) -> np.ndarray:
    """Return the same small number for equal values of a column. Nulls have a number too."""
    codes: np.ndarray = _coded(column).indices.to_numpy()
    return codes


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    coded = pc.dictionary_encode(column, null_encoding="encode")
    return coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded


def refuse_counts(manifest: pa.Table, url: str) -> None:
    """Refuse a manifest whose counts of records or rows are not possible, or add up to too many.

    Parameters
    ----------
    manifest : pa.Table
        Rows of a manifest.
    url : str
        The lake, for the message.

    Raises
    ------
    ValueError
        If a count is below 0, or if the sum of a column is above 2^53 - 1.
    """
    for name in _COUNTS:
        counts = manifest[name].drop_null().to_numpy()
        # A sum of floating point numbers does not overflow.
        if len(counts) and not 0 <= counts.min() <= counts.sum(dtype=float) <= MOST:
            raise ValueError(
                f"{url}: refused: {MANIFEST_TABLE} states impossible numbers of {name}; "
                "run: movielake validate LAKE"
            )


def refuse_overlaps(manifest: pa.Table, url: str) -> None:
    """Refuse the manifest of a compact lake whose members do not fill their files one by one.

    Parameters
    ----------
    manifest : pa.Table
        All rows of the manifest that belong to some files, in order.
    url : str
        The lake, for the message.

    Raises
    ------
    ValueError
        If the rows or bytes of a member do not begin where those of the member before it in the
        file end, or if a number is not possible, or if two members state another size or checksum
        of the same file.
    """
    for kind in KINDS:
        length = "rows" if kind == "parquet" else "json_bytes"
        facts = [f"{kind}_{name}" for name in ("start", "bytes", "sha256")]
        rows, mine = _with_file(manifest, kind, list(dict.fromkeys([length, *facts])))
        wrong = _overlaps(mine, kind, length) if len(rows) else rows
        if len(wrong):
            row = rows[int(wrong[0])]
            stamp, path = (manifest[name][row].as_py() for name in ("date_stamp", f"{kind}_path"))
            raise misfit(url, path, stamp)


def misfit(url: str, path: str, date_stamp: str) -> ValueError:
    """Return the error for a member that is not where the manifest of a compact lake states."""
    return ValueError(
        f"{url}: refused: {MANIFEST_TABLE} does not fit {path} ({date_stamp}); "
        "make the copy again with: movielake compact LAKE TO"
    )


def _with_file(manifest: pa.Table, kind: str, columns: list[str]) -> tuple[np.ndarray, pa.Table]:
    """Return the numbers of the rows that have a file of a kind, and some of their columns."""
    is_there = manifest[f"{kind}_path"].is_valid().to_numpy()
    mine = manifest.select([f"{kind}_path", *columns])
    rows = np.flatnonzero(is_there)
    return rows, mine if len(rows) == len(is_there) else mine.take(rows)


def _overlaps(manifest: pa.Table, kind: str, length: str) -> np.ndarray:
    """Return the rows of the members that do not begin where the member before them ends."""
    lengths = _numbers(manifest[length])
    starts, sizes = _numbers(manifest[f"{kind}_start"]), _numbers(manifest[f"{kind}_bytes"])
    files = codes_of(manifest[f"{kind}_path"])
    order = np.argsort(files, kind="stable")
    files, lengths, starts, sizes = (x[order] for x in (files, lengths, starts, sizes))
    is_first = np.diff(files, prepend=-1) != 0
    ends = np.cumsum(lengths)
    before = ends - lengths
    expected = before - np.repeat(before[is_first], np.diff(np.flatnonzero([*is_first, True])))
    impossible = (lengths < 0) | (starts < 0) | (sizes < 0) | (np.diff(ends, prepend=0) < 0)
    wrong = impossible | (starts != expected)
    if kind == "parquet":
        sums = codes_of(manifest["parquet_sha256"])[order]
        is_other = (np.diff(sums, prepend=-1) != 0) | (np.diff(sizes, prepend=-1) != 0)
        wrong |= is_other & ~is_first
    return np.sort(order[wrong])


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return the numbers of a column. One that is missing or too large becomes negative."""
    numbers = pc.fill_null(column, -1).to_numpy()
    return np.where(numbers > MOST, -1, numbers)
