"""Reading files of a lake, as Arrow tables, data frames or records: what runs on a worker.

Plain functions without dask. Whatever is read is compared with what the manifest promised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any, Final

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from zstandard import ZstdDecompressor

from movielake.feed.records import Record
from movielake.names.layout import Folder
from movielake.reading.holdings import MEND, FileGroup, HeldFile, compare_size
from movielake.rows.problems import ProblemCounter
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import Table

if TYPE_CHECKING:
    import pandas as pd

KEYS: Final = ("date_stamp", "country")
"""The partition keys, in the order of the layout."""


class PlainRows:
    """Reads the rows of one table: small, so that it travels well to workers.

    Parameters
    ----------
    url : str
        Any URL on the lake's file system.
    table : Table
        The table's schema.
    categories : dict
        Partition key to all its values, in order.
    """

    def __init__(self, url: str, table: Table, categories: dict[str, tuple[str, ...]]) -> None:
        self.url = url
        self.table = table
        self.categories = categories
        self.keeps_rows = True  # a file gives as many rows as the manifest says

    @property
    def schema(self) -> pa.Schema:
        """All columns and their types, but for the partition keys."""
        return self.table.arrow

    def parts(self, group: FileGroup, columns: list[str]) -> list[pa.Table]:
        """Read columns, none of them a partition key, of each file of a group."""
        return [read_columns(self.url, file, self.table, columns) for file in group.files]


def rows_of_group(source: PlainRows, group: FileGroup, columns: Sequence[str]) -> pa.Table:
    """Read columns of a group of files.

    Parameters
    ----------
    source : PlainRows
        What reads.
    group : FileGroup
        Its files.
    columns : sequence of str
        Any columns; the partition keys are dictionary-coded strings, since they are constant in
        each file.

    Returns
    -------
    pa.Table
        With these columns in this order.
    """
    return numbered_rows(source, group, columns)[0]


def numbered_rows(
    source: PlainRows, group: FileGroup, columns: Sequence[str]
) -> tuple[pa.Table, np.ndarray]:
    """Read columns of a group of files, as `rows_of_group`, with the number of each row.

    Returns
    -------
    rows : pa.Table
        With these columns in this order.
    numbers : np.ndarray
        Of each row in its group, the same if only some of the group's files are read.
    """
    stored = [name for name in columns if name not in KEYS]
    if not group.files:
        return empty_rows(source, columns), np.arange(0)
    # Even if only keys are asked for, something must tell how many rows there are.
    parts = source.parts(group, stored or [source.schema.names[0]])
    lengths = [part.num_rows for part in parts]
    rows = pa.concat_tables(parts)
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
    return pa.DictionaryArray.from_arrays(pa.array(np.repeat(of_files, lengths)), pa.array(values))


def empty_rows(source: PlainRows, columns: Sequence[str]) -> pa.Table:
    """Make an empty table of these columns, as every group has them."""
    arrays = []
    for name in columns:
        values = source.categories.get(name)
        if values is None:
            arrays.append(source.schema.empty_table()[name])
        else:
            codes = pa.array([], pa.int32())
            arrays.append(pa.DictionaryArray.from_arrays(codes, pa.array(values, pa.string())))
    return pa.table(arrays, names=list(columns))


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Turn rows into a data frame: Arrow-backed nullable types, categorical partition keys.

    Parameters
    ----------
    rows : pa.Table
        As `rows_of_group` gives them.

    Returns
    -------
    pandas.DataFrame
        Without object columns; the partition keys are categoricals over strings.
    """
    import pandas as pd

    def arrow_backed(type_: pa.DataType) -> pd.ArrowDtype | None:
        return None if pa.types.is_dictionary(type_) else pd.ArrowDtype(type_)

    return rows.to_pandas(types_mapper=arrow_backed, split_blocks=True)


def plain(rows: pa.Table) -> pa.Table:
    """Turn dictionary-coded columns into plain ones, where few rows are left or users expect it."""
    for number, column in enumerate(rows.columns):
        if pa.types.is_dictionary(column.type):
            texts = column.cast(column.type.value_type)
            rows = rows.set_column(number, rows.column_names[number], texts)
    return rows


_folder = cache(Folder)  # tens of thousands of small files are read from the same few


def read_columns(url: str, file: HeldFile, table: Table, columns: list[str]) -> pa.Table:
    """Read columns of one file, without the partition keys: Parquet, or JSON Lines flattened."""
    if file.path.endswith(".parquet"):
        return _read_parquet(url, file, columns)
    return _flatten(url, file, table).select(columns)


def _read_parquet(url: str, file: HeldFile, columns: list[str]) -> pa.Table:
    folder = _folder(url)
    with (
        _found(file),
        pa.OSFile(file.path) if folder.is_local else folder.fs.open(file.path) as raw,
    ):
        compare_size(file.path, raw.size() if folder.is_local else raw.size, file.bytes)
        try:
            # One small file after the other: no buffers ahead, and threads only over files.
            parquet = pq.ParquetFile(raw, pre_buffer=not folder.is_local)
            rows = parquet.read(columns=columns, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"cannot read {file.path}: {error}; {MEND}") from error
    _check_count(file, rows.num_rows, "rows")
    return rows


@contextmanager
def _found(file: HeldFile) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{file.path} is in the manifest but not there; {MEND}") from None


def _check_count(file: HeldFile, found: int, what: str) -> None:
    if file.length is not None and found != file.length:
        raise ValueError(
            f"expected {file.length} {what} in {file.path}, as the manifest says, found {found}; "
            f"{MEND}"
        )


def _flatten(url: str, file: HeldFile, table: Table) -> pa.Table:
    records = [_as_texts(record) for record in read_records(url, file, table)]
    return flatten_batch(records, table, ProblemCounter(), first=0)


def _as_texts(value: Any) -> Any:
    """Write numbers and truth values, which records of others may have, as the feed writes them."""
    if isinstance(value, dict):
        return {name: _as_texts(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_as_texts(below) for below in value]
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
        What to read. Records of others get the labels they lack, from the file's place, and lists
        where the schema wants them.
    table : Table
        Their schema.

    Yields
    ------
    dict

    Raises
    ------
    ValueError
        If a line is no JSON, or the file has another number of records than the manifest says.
    """
    number = 0
    with _found(file), _open(url, file) as raw, TextIOWrapper(raw, "utf-8-sig") as lines:
        for line in lines:
            if line.isspace():
                continue
            number += 1
            yield _record(line, number, file, table)
    _check_count(file, number, "records")


@contextmanager
def _open(url: str, file: HeldFile) -> Iterator[IO[bytes]]:
    path = _full(url, file.path)
    if not path.endswith(".zst"):
        with fsspec.open(path, "rb", compression="infer") as raw:
            yield raw
        return
    # fsspec's own way ends at the first frame, and files of others may have several.
    with fsspec.open(path, "rb") as packed:
        compare_size(file.path, packed.size, file.bytes)
        yield ZstdDecompressor().stream_reader(packed, read_across_frames=True)


def _full(url: str, path: str) -> str:
    return str(_folder(url).fs.unstrip_protocol(path))


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


def records_of_group(group: FileGroup, url: str, table: Table) -> list[Record]:
    """Read all records of a group of files, for a bag."""
    return [record for file in group.files for record in read_records(url, file, table)]
