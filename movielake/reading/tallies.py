"""Counts over a whole lake in Arrow: a small table of counts per group of files, then a sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.cluster.slurm import read_job
from movielake.cluster.workers import AHEAD, shared_client
from movielake.reading.files import KEYS, PlainRows, plain, rows_of_group
from movielake.reading.holdings import FileGroup, Holdings

T = TypeVar("T")


def over_groups(
    function: Callable[[FileGroup], T], held: Holdings, groups: Sequence[FileGroup]
) -> list[T]:
    """Apply a function to groups of files, on the running dask client or on threads.

    Parameters
    ----------
    function : callable
        Function of one group. For a client it must be picklable.
    held : Holdings
        The holdings of the groups. Threads are used if the workers cannot reach its files.
    groups : sequence of FileGroup
        The groups.

    Returns
    -------
    list
        One result per group, in the order of the groups.
    """
    with shared_client() if held.folder.is_shared else nullcontext() as client:
        if client is not None:
            futures = client.map(function, groups, pure=False, priority=AHEAD)
            return list(client.gather(futures))
    with ThreadPoolExecutor(read_job().cpus) as pool:
        return list(pool.map(function, groups))


def tally(
    held: Holdings,
    groups: Callable[[], Sequence[FileGroup]],
    source: PlainRows,
    columns: Sequence[str],
    of: str | None,
    distinct: str | None,
) -> pa.Table:
    """Count rows, values or distinct values by columns.

    Parameters
    ----------
    held : Holdings
        The files.
    groups : callable
        Function that returns the files in groups. It is called only if files must be read.
    source : PlainRows
        The reader of a group.
    columns : sequence of str
        Columns to count by. Can be empty. A row counts once for each item of a list.
    of : str or None
        Count only rows in which this column has a value.
    distinct : str or None
        Count the distinct values of this column instead of rows.

    Returns
    -------
    pa.Table
        The columns and ``count`` (int64), sorted by the columns.
    """
    counted = _counted_in_manifest(held, columns, of, distinct)
    if counted:
        known, others = (held, []) if source.keeps_rows else divide(held, groups(), source)
        parts = over_groups(_Counter(source, tuple(columns), of), held, others)
        return _ordered(_from_manifest(known, columns, counted, parts), columns)
    kept = [distinct] if distinct and distinct not in columns else []
    asked = (*columns, *kept)
    if distinct and not of and sum(name not in KEYS for name in asked) == 1:
        source = _DistinctValues(source)
    files = groups()
    finish = (
        partial(_count_distinct, columns=list(columns), distinct=distinct) if distinct else None
    )
    if finish and set(KEYS) <= set(columns) and _are_apart(files):
        parts = over_groups(_Counter(source, asked, of, finish), held, files)
        return _ordered(_add(parts, [*columns]), columns)
    counts = _add(over_groups(_Counter(source, asked, of), held, files), [*asked])
    return _ordered(finish(counts) if finish else counts, columns)


def _are_apart(groups: Sequence[FileGroup]) -> bool:
    """Return whether no two groups share a partition. Then each group can count distinct values."""
    ends = ((one.files[-1], other.files[0]) for one, other in pairwise(groups))
    return all(
        (last.date_stamp, last.country) != (first.date_stamp, first.country) for last, first in ends
    )


def _count_distinct(counts: pa.Table, columns: list[str], distinct: str) -> pa.Table:
    counts = counts.filter(counts[distinct].is_valid())
    return _count_rows(counts, columns)


class _DistinctValues(PlainRows):
    """Reader of the distinct values of one column in each file.

    A partition has hundreds of times more rows than films or cinemas. Few values remain to group.
    """

    def __init__(self, source: PlainRows) -> None:
        super().__init__(source.url, source.table, source.categories)
        self._source = source

    @property
    def schema(self) -> pa.Schema:
        return self._source.schema

    def parts(self, group: FileGroup, columns: list[str]) -> list[pa.Table]:
        (name,) = columns
        parts = [_exploded(part, columns) for part in self._source.parts(group, columns)]
        return [pa.table([pc.unique(part[name])], names=[name]) for part in parts]


class _Counter:
    """Function that counts the rows of a group. It is small, so that dask can send it fast."""

    def __init__(
        self,
        source: PlainRows,
        columns: tuple[str, ...],
        of: str | None,
        finish: Callable[[pa.Table], pa.Table] | None = None,
    ) -> None:
        self._source = source
        self._columns = columns
        self._of = of
        self._finish = finish

    def __call__(self, group: FileGroup) -> pa.Table:
        """Count all files of one group together. Each call has a fixed cost."""
        wanted = dict.fromkeys((*self._columns, *filter(None, (self._of,))))
        # Without columns, read a key to learn the number of rows.
        rows = rows_of_group(self._source, group, list(wanted) or [KEYS[0]])
        if self._of:
            rows = rows.filter(rows[self._of].is_valid())
        rows = _exploded(rows, self._columns)
        if self._of in self._columns:
            rows = rows.filter(rows[self._of].is_valid())  # an item of a list can be null
        counts = _count_rows(rows, list(self._columns))
        return plain(self._finish(counts) if self._finish else counts)


def _exploded(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Repeat each row for each item of its lists, as explode does in pandas and dask.

    A null or empty list becomes one row with a null.
    """
    for name in columns:
        if pa.types.is_list(rows.schema.field(name).type):
            lists = rows[name].combine_chunks()
            lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
            copies = np.maximum(lengths, 1)
            is_item = np.repeat(lengths > 0, copies)
            places = pa.array(np.cumsum(is_item) - 1, mask=~is_item)
            place = rows.column_names.index(name)
            rows = rows.set_column(place, name, pa.nulls(rows.num_rows))
            rows = rows.take(pa.array(np.repeat(np.arange(len(lengths)), copies)))
            rows = rows.set_column(place, name, lists.flatten().take(places))
    return rows


def _count_rows(rows: pa.Table, columns: list[str]) -> pa.Table:
    counts = rows.group_by(columns, use_threads=False).aggregate([([], "count_all")])
    return counts.rename_columns([*columns, "count"])


def _add(parts: Iterable[pa.Table], columns: list[str]) -> pa.Table:
    whole = pa.concat_tables(parts)
    counts = whole.group_by(columns, use_threads=False).aggregate([("count", "sum")])
    return counts.rename_columns([*columns, "count"])


def _counted_in_manifest(
    held: Holdings, columns: Sequence[str], of: str | None, distinct: str | None
) -> str | None:
    """Return the column of the manifest that has the counts, or None."""
    counted = {None: "rows", "show_time": "screenings"}.get(of)
    if distinct or counted is None or not set(columns) <= set(KEYS):
        return None
    return None if held.files[counted].null_count else counted


def _from_manifest(
    held: Holdings, columns: Sequence[str], counted: str, others: Sequence[pa.Table]
) -> pa.Table:
    """Add the counts of files from the manifest to those of other files."""
    files = held.files.select([*columns, counted]).rename_columns([*columns, "count"])
    counts = _add([files, *others], [*columns])
    return counts.filter(pc.greater(counts["count"], 0)) if columns else counts


def divide(
    held: Holdings, groups: Sequence[FileGroup], source: PlainRows
) -> tuple[Holdings, list[FileGroup]]:
    """Divide files into those whose counts the manifest has, and the others.

    Parameters
    ----------
    held : Holdings
        The files.
    groups : sequence of FileGroup
        The same files in groups.
    source : PlainRows
        The reader of a group.

    Returns
    -------
    Holdings
        The files of which each row is in the view.
    list of FileGroup
        The groups of the other files.
    """
    kept, others = set(), []
    for group in groups:
        keeps = source.keeps(group)
        kept |= {file.path for file, keep in zip(group.files, keeps, strict=True) if keep}
        if not all(keeps):
            others.append(group.only([not keep for keep in keeps]))
    return held.keep([path in kept for path in held.paths(held.kind)]), others


class RecordCounter:
    """Function that counts the records of showings in a group from their rows."""

    def __init__(self, source: PlainRows) -> None:
        self._source = source

    def __call__(self, group: FileGroup) -> int:
        """Count the records of each file. Each record has a row."""
        parts = self._source.parts(group, ["record"])
        return sum(pc.count_distinct(part["record"]).as_py() for part in parts)


def _ordered(counts: pa.Table, columns: Sequence[str]) -> pa.Table:
    if not columns:
        return counts
    return counts.sort_by([(name, "ascending") for name in columns]).combine_chunks()


class PartitionFunction:
    """Function that applies a user's function to the Arrow table of one partition."""

    def __init__(
        self, function: Callable[[pa.Table], Any], source: PlainRows, columns: Sequence[str]
    ) -> None:
        self._function = function
        self._source = source
        self._columns = tuple(columns)

    def __call__(self, group: FileGroup) -> Any:
        """Read one partition and pass it to the user's function."""
        return self._function(plain(rows_of_group(self._source, group, self._columns)))
