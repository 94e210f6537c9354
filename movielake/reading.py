"""Reading files of a lake, as Arrow tables, data frames or records: what runs on a worker.

Plain functions without dask. Whatever is read is compared with what the manifest promised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from movielake.holdings import FileGroup, HeldFile
from movielake.layout import Folder
from movielake.problems import ProblemCounter
from movielake.records import Record
from movielake.schema import Table
from movielake.screenings import flatten_batch

if TYPE_CHECKING:
    import pandas as pd

KEYS: Final = ("date_stamp", "country")
"""The partition keys, in the order of the layout."""


def read_file(url: str, file: HeldFile, table: Table, columns: Sequence[str]) -> pa.Table:
    """Read columns of one file, partition keys included.

    Parameters
    ----------
    url : str
        Any URL on the lake's file system.
    file : HeldFile
        What to read: Parquet, or JSON Lines that are flattened here.
    table : Table
        Its schema.
    columns : sequence of str
        Which columns; `KEYS` are constant strings.

    Returns
    -------
    pa.Table
        With these columns in this order.

    Raises
    ------
    ValueError
        If the file has another number of rows than the manifest says.
    """
    stored = [name for name in columns if name not in KEYS]
    rows = read_columns(url, file, table, stored or [table.arrow.names[0]])
    arrays = {name: rows[name] for name in stored}
    for key in KEYS:
        if key in columns:
            arrays[key] = pa.repeat(pa.scalar(getattr(file, key)), rows.num_rows)
    return pa.table([arrays[name] for name in columns], names=list(columns))


def read_columns(url: str, file: HeldFile, table: Table, columns: list[str]) -> pa.Table:
    """Read columns of one file, without the partition keys: Parquet, or JSON Lines flattened."""
    if file.path.endswith(".parquet"):
        return _read_parquet(url, file, columns)
    return _flatten(url, file, table).select(columns)


def _read_parquet(url: str, file: HeldFile, columns: list[str]) -> pa.Table:
    folder = Folder(url)
    # One small file after the other: no buffers ahead, and threads only over files.
    if folder.is_local:
        rows = pq.ParquetFile(file.path, pre_buffer=False).read(columns=columns, use_threads=False)
    else:
        with folder.fs.open(file.path, "rb") as raw:
            rows = pq.ParquetFile(raw).read(columns=columns, use_threads=False)
    _check_count(file, rows.num_rows, "rows")
    return rows


def _check_count(file: HeldFile, found: int, what: str) -> None:
    if file.count is not None and found != file.count:
        raise ValueError(
            f"expected {file.count} {what} in {file.path}, as the manifest says, found {found}; "
            "convert its feed zip again with: movielake convert --force"
        )


def _flatten(url: str, file: HeldFile, table: Table) -> pa.Table:
    records = list(read_records(url, file, table))
    return flatten_batch(records, table, ProblemCounter(), first=0)


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
    with fsspec.open(_full(url, file.path), "rt", encoding="utf-8", compression="infer") as lines:
        for line in lines:
            if line.isspace():
                continue
            number += 1
            yield _record(line, number, file, table)
    _check_count(file, number, "records")


def _full(url: str, path: str) -> str:
    return str(Folder(url).fs.unstrip_protocol(path))


def _record(line: str, number: int, file: HeldFile, table: Table) -> Record:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{file.path}, line {number}: expected a record, found {error}") from None
    if "source_xml" in record:
        return dict(record)
    listed = {
        k: v if isinstance(v, list) else [v] for k, v in record.items() if k in table.repeatable
    }
    return {**record, **listed, "country": file.country, "date_stamp": file.date_stamp}


def records_of_group(group: FileGroup, url: str, table: Table) -> list[Record]:
    """Read all records of a group of files, for a bag."""
    return [record for file in group.files for record in read_records(url, file, table)]


def rows_of_group(group: FileGroup, url: str, table: Table, columns: Sequence[str]) -> pa.Table:
    """Read columns of a group of files into one Arrow table."""
    parts = [read_file(url, file, table, columns) for file in group.files]
    return pa.concat_tables([empty_rows(table, tuple(columns)), *parts])


@cache
def empty_rows(table: Table, columns: tuple[str, ...]) -> pa.Table:
    """Make an empty table of these columns, with the schema that every file has."""
    schema = table.arrow.append(pa.field(KEYS[0], pa.string())).append(
        pa.field(KEYS[1], pa.string())
    )
    return pa.schema([schema.field(name) for name in columns]).empty_table()


def to_frame(rows: pa.Table, categories: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Turn rows into a data frame: Arrow-backed nullable types, categorical partition keys.

    Parameters
    ----------
    rows : pa.Table
        Any columns of one table.
    categories : dict
        Key to all its values, which are the categories whether they occur or not.

    Returns
    -------
    pandas.DataFrame
        Without object columns; the partition keys are categoricals over strings.
    """
    import pandas as pd

    frame = rows.to_pandas(types_mapper=pd.ArrowDtype, split_blocks=True)
    for key, values in categories.items():
        if key in rows.column_names:
            frame[key] = pd.Categorical(frame[key].astype("str"), categories=list(values))
    return frame
