"""Reading columns of Parquet files: leaves of one member each, or compact files of many members."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, pairwise
from typing import Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.names.layout import Folder
from movielake.reading.groups import HeldFile
from movielake.reading.sizes import MEND, compare_size
from movielake.schema.tables import Table

_SMALL: Final = 1 << 23
"""Remote files up to this size are read at once, in bytes. A leaf of a lake is much smaller."""

_FEW: Final = 8
"""If row groups have this many times the wanted rows, and more, their end is not read."""

Coded = bool | Literal["lists"]
"""Whether columns of texts are read dictionary-coded, or lists of texts too."""

folder_of = cache(Folder)  # a lake has tens of thousands of small files in few folders


@cache
def texts_of(table: Table, coded: Coded = True) -> tuple[str, ...]:
    """List the columns of a table with texts that are read coded, as paths in a Parquet file."""
    texts = [field.name for field in table.arrow if field.type == pa.string()]
    lists = [field.name for field in table.arrow if field.type == pa.list_(pa.string())]
    items = [f"{name}.list.element" for name in lists]
    return tuple(texts * bool(coded) + items * (coded == "lists"))


def read_members(
    url: str, files: Sequence[HeldFile], columns: Sequence[str], coded: Sequence[str] = ()
) -> list[pa.Table]:
    """Read columns of members that are in the same Parquet file. It is opened once.

    Parameters
    ----------
    url : str
        Any URL on the lake's file system.
    files : sequence of HeldFile
        The members, in the order of the file.
    columns : sequence of str
        Names of stored columns.
    coded : sequence of str, optional
        Columns to return dictionary-coded, as they are in the file. For the items of a list, their
        path in the file, such as ``genre.list.element``.

    Returns
    -------
    list of pa.Table
        The rows of each member.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file cannot be read, or does not have the rows that the manifest states.
    """
    folder, first = folder_of(url), files[0]
    with found(first), _open_parquet(folder, first) as raw:
        compare_size(first.path, raw.size(), first.bytes)
        try:
            # Threads work on several files, so none is needed within a file.
            coded = [name for name in coded if name.partition(".")[0] in columns]
            parquet = pq.ParquetFile(raw, pre_buffer=not folder.is_local, read_dictionary=coded)
            if first.start is None:
                rows = [parquet.read(columns=list(columns), use_threads=False)]
            else:
                rows = _slices(parquet, files, list(columns))
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"cannot read {first.path}: {error}; {MEND}") from error
    for file, part in zip(files, rows, strict=True):
        check_count(file, part.num_rows, "rows")
    return rows


def _slices(
    parquet: pq.ParquetFile, files: Sequence[HeldFile], columns: list[str]
) -> list[pa.Table]:
    """Read the row groups that contain rows of the members, and cut out these rows."""
    groups = [parquet.metadata.row_group(n).num_rows for n in range(parquet.num_row_groups)]
    begins = list(accumulate(groups, initial=0))
    spans = [(file.start or 0, (file.start or 0) + (file.length or 0)) for file in files]
    needed = [
        number
        for number, (begin, end) in enumerate(pairwise(begins))
        if any(start < end and stop > begin for start, stop in spans)
    ]
    end = max(stop for _, stop in spans) - sum(groups[: needed[0]] if needed else ())
    if 0 < _FEW * end < sum(groups[number] for number in needed):
        rows = _first_rows(parquet, needed, columns, end)
    else:
        rows = parquet.read_row_groups(needed, columns=columns, use_threads=False)
    # Rows before the first needed group, and between two needed groups, were not read.
    places = dict(zip(needed, accumulate((groups[n] for n in needed), initial=0), strict=False))
    return [_cut(rows, start, stop, begins, places) for start, stop in spans]


def _first_rows(
    parquet: pq.ParquetFile, groups: list[int], columns: list[str], count: int
) -> pa.Table:
    """Read row groups no further than a number of rows, as for the head of a table."""
    batches: list[pa.RecordBatch] = []
    for batch in parquet.iter_batches(count, groups, columns, use_threads=False):
        batches.append(batch)
        if sum(map(len, batches)) >= count:
            break
    return pa.Table.from_batches(batches)


def _cut(
    rows: pa.Table, start: int, stop: int, begins: list[int], places: dict[int, int]
) -> pa.Table:
    for number, place in places.items():
        if begins[number] <= start < begins[number + 1]:
            return rows.slice(place + start - begins[number], stop - start)
    return rows.slice(0, 0)


@contextmanager
def _open_parquet(folder: Folder, file: HeldFile) -> Iterator[pa.NativeFile]:
    """Open a Parquet file. A small remote one is read at once, because each request takes time."""
    if folder.is_local:
        with pa.OSFile(file.path) as raw:
            yield raw
    elif file.bytes is not None and file.bytes <= _SMALL:
        yield pa.BufferReader(folder.fs.cat_file(file.path, start=0, end=file.bytes + 1))
    else:  # Arrow asks only for what it needs, so fsspec must not read ahead
        with folder.fs.open(file.path, cache_type="none") as remote:
            yield pa.PythonFile(remote, "r")


@contextmanager
def found(file: HeldFile) -> Iterator[None]:
    """Name the file and what to do if it does not exist."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{file.path} is in the manifest but does not exist; {MEND}"
        ) from None


def check_count(file: HeldFile, count: int, what: str) -> None:
    """Compare the number of rows or records that were read with the manifest."""
    if file.length is not None and count != file.length:
        raise ValueError(
            f"expected {file.length} {what} in {file.path}, as in the manifest, found {count}; "
            f"{MEND}"
        )
