"""Functions that read files of a lake as Arrow tables, data frames or records.

They run on the workers and do not use dask. Each reader compares the size of a file and its number
of rows or records with the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import groupby
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from fsspec.core import OpenFile
from zstandard import ZstdDecompressor

from movielake.feed.records import Record
from movielake.reading.codes import Weights, plain
from movielake.reading.groups import FileGroup, HeldFile, merge_neighbours
from movielake.reading.rowgroups import (
    Coded,
    check_count,
    folder_of,
    found,
    read_members,
    texts_of,
)
from movielake.reading.sizes import compare_end, compare_size
from movielake.rows.problems import ProblemCounter
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import Table

if TYPE_CHECKING:
    import pandas as pd

Merged = tuple[pa.Table, list[int], Weights | None]
"""Rows, the number of rows of each file, and how often each row is there. None means once."""

KEYS: Final = ("date_stamp", "country")
"""The partition keys, in the order of the layout."""


class PlainRows:
    """Reader of the rows of one table. It is small, so that dask can send it to workers fast.

    Parameters
    ----------
    url : str
        Any URL on the lake's file system.
    table : Table
        Schema of the table.
    categories : dict
        All values of each partition key, in order, by the key's name.
    """

    def __init__(self, url: str, table: Table, categories: dict[str, tuple[str, ...]]) -> None:
        self.url = url
        self.table = table
        self.categories = categories
        self.keeps_rows = True  # each file yields as many rows as the manifest states

    @property
    def schema(self) -> pa.Schema:
        """All columns and their types, without the partition keys."""
        return self.table.arrow

    def keeps(self, group: FileGroup) -> list[bool]:
        """Return for each file of a group whether it yields as many rows as it has."""
        return [self.keeps_rows] * len(group.files)

    def parts(
        self, group: FileGroup, columns: list[str], *, coded: Coded = False
    ) -> list[pa.Table]:
        """Read columns of each file of a group. Partition keys are not allowed.

        With ``coded``, texts are dictionary-coded. Their dictionaries can differ.
        """
        return read_parts(self.url, group.files, self.table, columns, coded=coded)

    def whole(
        self, group: FileGroup, columns: list[str], *, coded: Coded = False
    ) -> tuple[pa.Table, list[int]]:
        """Read columns of all files of a group, and return the number of rows of each file."""
        return read_whole(self.url, group.files, self.table, columns, coded=coded)

    def merged(self, group: FileGroup, columns: list[str]) -> Merged:
        """Read columns as `whole` does, coded. Equal neighbours can be one row with a weight."""
        return *self.whole(group, columns, coded=True), None

    def records(self, group: FileGroup) -> Iterator[Iterator[Record]]:
        """Read the records of each file of a group."""
        for file in group.files:
            yield read_records(self.url, file, self.table)


def read_whole(
    url: str, files: Sequence[HeldFile], table: Table, columns: Sequence[str], *, coded: Coded
) -> tuple[pa.Table, list[int]]:
    """Read columns of files as `read_parts` does, as one table, and the number of rows of each."""
    runs = merge_neighbours(files)
    parts = read_parts(url, [file for file, _ in runs], table, columns, coded=coded)
    pairs = zip(parts, (lengths for _, lengths in runs), strict=True)
    lengths = [n for part, known in pairs for n in (known or [part.num_rows])]
    return pa.concat_tables(parts), lengths


def rows_of_group(source: PlainRows, group: FileGroup, columns: Sequence[str]) -> pa.Table:
    """Read columns of a group of files.

    Parameters
    ----------
    source : PlainRows
        The reader of the files.
    group : FileGroup
        The files.
    columns : sequence of str
        Names of columns. Partition keys are allowed. They become dictionary-coded strings, because
        they are constant in each file.

    Returns
    -------
    pa.Table
        The rows, with these columns in this order.
    """
    return numbered_rows(source, group, columns)[0]


def numbered_rows(
    source: PlainRows, group: FileGroup, columns: Sequence[str]
) -> tuple[pa.Table, np.ndarray]:
    """Read columns of a group of files like `rows_of_group`, and number the rows.

    Returns
    -------
    rows : pa.Table
        The rows, with these columns in this order.
    numbers : np.ndarray
        Position of each row in its group. A row keeps its number if a filter removes other files
        from the group.
    """
    stored = [name for name in columns if name not in KEYS]
    if not group.files:
        return empty_rows(source, columns), np.arange(0)
    # If only keys are wanted, read one stored column to learn the number of rows.
    rows, lengths = source.whole(group, stored or [source.schema.names[0]])
    rows = plain(rows)
    arrays = {name: rows[name] for name in stored}
    for key in KEYS:
        if key in columns:
            arrays[key] = _constant_runs(source, group, key, lengths)
    table = pa.table([arrays[name] for name in columns], names=list(columns))
    pairs = zip(group.starts, lengths, strict=True)
    return table, np.concatenate([np.arange(start, start + n) for start, n in pairs])


def _constant_runs(
    source: PlainRows, group: FileGroup, key: str, lengths: list[int]
) -> pa.DictionaryArray:
    values = source.categories[key]
    codes = {value: code for code, value in enumerate(values)}
    of_files = np.array([codes[getattr(file, key)] for file in group.files], np.int32)
    return _coded(key, pa.array(np.repeat(of_files, lengths)), values)


def _coded(key: str, codes: pa.Array, values: Sequence[str]) -> pa.DictionaryArray:
    texts = pa.array(values, pa.string())
    return pa.DictionaryArray.from_arrays(codes, texts, ordered=key == "date_stamp")


def empty_rows(source: PlainRows, columns: Sequence[str]) -> pa.Table:
    """Make an empty table with these columns, typed as in every group."""
    arrays = []
    for name in columns:
        values = source.categories.get(name)
        if values is None:
            arrays.append(source.schema.empty_table()[name])
        else:
            arrays.append(_coded(name, pa.array([], pa.int32()), values))
    return pa.table(arrays, names=list(columns))


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Convert rows to a data frame with Arrow-backed nullable types.

    Parameters
    ----------
    rows : pa.Table
        Rows from `rows_of_group`.

    Returns
    -------
    pandas.DataFrame
        A frame without object columns. The partition keys are categoricals over strings.
    """
    import pandas as pd

    def arrow_backed(type_: pa.DataType) -> pd.ArrowDtype | None:
        return None if pa.types.is_dictionary(type_) else pd.ArrowDtype(type_)

    return rows.to_pandas(types_mapper=arrow_backed, split_blocks=True)


def read_parts(
    url: str,
    files: Sequence[HeldFile],
    table: Table,
    columns: Sequence[str],
    *,
    coded: Coded = False,
) -> list[pa.Table]:
    """Read columns of files, each as one table, without the partition keys.

    Files are members of Parquet or JSON Lines files. Neighbours in one Parquet file are read
    together. With ``coded``, texts in Parquet files are dictionary-coded, as they are stored.
    """
    parts = []
    for path, run in groupby(files, attrgetter("path")):
        if path.endswith(".parquet"):
            parts += read_members(url, list(run), columns, texts_of(table, coded))
        else:
            parts += [_flatten(url, file, table).select(columns) for file in run]
    return parts


def _flatten(url: str, file: HeldFile, table: Table) -> pa.Table:
    records = [as_texts(record) for record in read_records(url, file, table)]
    return flatten_batch(records, table, ProblemCounter(), first=0)


def as_texts(value: Any) -> Any:
    """Convert numbers and booleans to the feed's texts. JSON of other programs can contain them."""
    if isinstance(value, dict):
        return {name: as_texts(below) for name, below in value.items()}
    if isinstance(value, list):
        return [as_texts(below) for below in value]
    if isinstance(value, bool):
        return "Y" if value else "N"
    return str(value) if isinstance(value, (int, float)) else value


def read_records(url: str, file: HeldFile, table: Table) -> Iterator[Record]:
    """Read the records of one file of JSON Lines.

    Parameters
    ----------
    url : str
        Any URL on the lake's file system.
    file : HeldFile
        The file to read. If another program wrote it, its records get ``country`` and
        ``date_stamp`` from the file's path, and lists for elements that the schema lists as
        repeatable.
    table : Table
        Schema of the records.

    Yields
    ------
    dict
        One record, nested as in the feed.

    Raises
    ------
    ValueError
        If a line is not a JSON object, or if the number of records differs from the manifest.
    """
    number = 0
    with found(file), _open(url, file) as raw, TextIOWrapper(raw, "utf-8-sig") as lines:
        for line in lines:
            if line.isspace():
                continue
            number += 1
            yield _record(line, number, file, table)
    check_count(file, number, "records")


@contextmanager
def _open(url: str, file: HeldFile) -> Iterator[IO[bytes]]:
    fs = folder_of(url).fs
    if not file.path.endswith(".zst"):
        with OpenFile(fs, file.path, compression="infer") as raw:
            yield raw
        return
    # fsspec's decompressor stops after the first frame. Files of other programs can have several.
    with fs.open(file.path, "rb") as packed:
        if file.start is None:
            compare_size(file.path, packed.size, file.bytes)
            frames = packed
        else:  # a compact file has one frame for each member
            compare_end(file.path, packed.size, file.start + (file.bytes or 0))
            packed.seek(file.start)
            frames = packed.read(file.bytes)
        yield ZstdDecompressor().stream_reader(frames, read_across_frames=True)


def _record(line: str, number: int, file: HeldFile, table: Table) -> Record:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{file.path}, line {number}: expected a record, found {error}") from None
    if not isinstance(record, dict):
        raise ValueError(
            f"{file.path}, line {number}: expected a record, found a {type(record).__name__}"
        )
    if "source_xml" in record:
        return record
    listed = {
        k: v if isinstance(v, list) else [v] for k, v in record.items() if k in table.repeatable
    }
    return {**record, **listed, "country": file.country, "date_stamp": file.date_stamp}


def records_of_group(group: FileGroup, source: PlainRows) -> list[Record]:
    """Read all records of a group of files. This is the task of a bag."""
    return [record for records in source.records(group) for record in records]
