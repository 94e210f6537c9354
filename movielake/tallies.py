"""Counting over a whole lake in Arrow: a small table for each file, added up at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.holdings import FileGroup, Holdings
from movielake.reading import KEYS, read_columns, rows_of_group
from movielake.schema import Table
from movielake.slurm import read_job
from movielake.workers import running_client

T = TypeVar("T")

_FILES_PER_TASK: Final = 64


def over_groups(
    function: Callable[[FileGroup], T], held: Holdings, groups: Sequence[FileGroup]
) -> list[T]:
    """Apply a function to groups of files: on the running dask client, else on threads.

    Parameters
    ----------
    function : callable
        Takes a group; must be picklable for a client.
    held : Holdings
        Whose groups they are.
    groups : sequence of FileGroup
        In the order of the results.

    Returns
    -------
    list
        One result for each group.
    """
    client = running_client() if held.folder.is_shared else None
    if client is not None:
        return list(client.gather(client.map(function, groups, pure=False)))
    with ThreadPoolExecutor(read_job().cpus) as pool:
        return list(pool.map(function, groups))


def partition_groups(held: Holdings) -> list[FileGroup]:
    """Group the files by partition: all files of one stamp and country together."""
    kind = held.kind
    partitions: dict[tuple[str, str], list[Any]] = {}
    for file in held.held(kind):
        partitions.setdefault((file.date_stamp, file.country), []).append(file)
    return [FileGroup(tuple(files), "/".join(key)) for key, files in partitions.items()]


def tally(held: Holdings, columns: Sequence[str], of: str | None, distinct: str | None) -> pa.Table:
    """Count rows, values or distinct values by columns.

    Parameters
    ----------
    held : Holdings
        What to count in.
    columns : sequence of str
        What to count by; may be empty.
    of : str or None
        Count only rows in which this column has a value.
    distinct : str or None
        Count the different values of this column instead of rows.

    Returns
    -------
    pa.Table
        The columns and ``count`` (int64), in the order of the columns' values.
    """
    if (known := _from_manifest(held, columns, of, distinct)) is not None:
        return _ordered(known, columns)
    kept = [distinct] if distinct else []
    groups = held.groups(held.kind, _rows_per_task(held), count="rows")
    parts = over_groups(_Counter(held.folder.url, held.table, (*columns, *kept), of), held, groups)
    counts = _add(parts, [*columns, *kept])
    if distinct:
        counts = counts.filter(counts[distinct].is_valid())
        counts = _count_rows(counts, list(columns))
    return _ordered(counts, columns)


def _rows_per_task(held: Holdings) -> int:
    """Enough tasks to keep all CPUs busy, not so many that these cost more than the work."""
    rows = held.total("rows") or len(held)
    return max(rows * _FILES_PER_TASK // max(len(held), 1), 1)


class _Counter:
    """Counts rows of a group of files by columns; small, so that it travels well."""

    def __init__(self, url: str, table: Table, columns: tuple[str, ...], of: str | None) -> None:
        self._url = url
        self._table = table
        self._columns = columns
        self._of = of

    def __call__(self, group: FileGroup) -> pa.Table:
        """Count one group: all its files in one go, since each go has its price."""
        wanted = dict.fromkeys((*self._columns, *filter(None, (self._of,))))
        stored = [name for name in wanted if name not in KEYS]
        parts = [read_columns(self._url, file, self._table, stored) for file in group.files]
        lengths = [part.num_rows for part in parts]
        rows = pa.concat_tables(parts)
        for key in KEYS:
            if key in wanted:
                rows = rows.append_column(key, _constant_runs(group, key, lengths))
        if self._of:
            rows = rows.filter(rows[self._of].is_valid())
        return _decoded(_count_rows(rows, list(self._columns)))


def _constant_runs(group: FileGroup, key: str, lengths: list[int]) -> pa.DictionaryArray:
    """A partition key as a column: a code for each value, so that rows share its text."""
    values = [getattr(file, key) for file in group.files]
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    indices = np.repeat(np.array([codes[value] for value in values], np.int32), lengths)
    return pa.DictionaryArray.from_arrays(pa.array(indices), list(codes))


def _count_rows(rows: pa.Table, columns: list[str]) -> pa.Table:
    counts = rows.group_by(columns, use_threads=False).aggregate([([], "count_all")])
    return counts.rename_columns([*columns, "count"])


def _decoded(rows: pa.Table) -> pa.Table:
    """Turn coded columns into plain ones: what is left is small."""
    for number, column in enumerate(rows.columns):
        if pa.types.is_dictionary(column.type):
            plain = column.cast(column.type.value_type)
            rows = rows.set_column(number, rows.column_names[number], plain)
    return rows


def _add(parts: Iterable[pa.Table], columns: list[str]) -> pa.Table:
    whole = pa.concat_tables(parts)
    counts = whole.group_by(columns, use_threads=False).aggregate([("count", "sum")])
    return counts.rename_columns([*columns, "count"])


def _from_manifest(
    held: Holdings, columns: Sequence[str], of: str | None, distinct: str | None
) -> pa.Table | None:
    """Answer from the manifest alone, if it knows."""
    counted = {None: "rows", "show_time": "screenings"}.get(of)
    if distinct or counted is None or not set(columns) <= set(KEYS):
        return None
    if held.files[counted].null_count:
        return None
    counts = held.files.group_by(list(columns)).aggregate([(counted, "sum")])
    counts = counts.rename_columns([*columns, "count"])
    return counts.filter(pc.greater(counts["count"], 0)) if columns else counts


def _ordered(counts: pa.Table, columns: Sequence[str]) -> pa.Table:
    if not columns:
        return counts
    return counts.sort_by([(name, "ascending") for name in columns]).combine_chunks()


class PartitionFunction:
    """Applies a user's function to the Arrow table of one partition."""

    def __init__(
        self, function: Callable[[pa.Table], Any], held: Holdings, columns: Sequence[str]
    ) -> None:
        self._function = function
        self._url = held.folder.url
        self._table = held.table
        self._columns = tuple(columns)

    def __call__(self, group: FileGroup) -> Any:
        """Read one partition and hand it over."""
        return self._function(rows_of_group(group, self._url, self._table, self._columns))
