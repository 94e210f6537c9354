"""Counts over a whole lake in Arrow: a small table of counts per group of files, then a sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import groupby, pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.cluster.slurm import read_job
from movielake.cluster.workers import AHEAD, shared_client
from movielake.reading.codes import plain
from movielake.reading.counting import GroupCounter, count_values
from movielake.reading.files import KEYS, PlainRows, numbered_rows
from movielake.reading.groups import FileGroup
from movielake.reading.holdings import Holdings

T = TypeVar("T")
Task = TypeVar("Task")


def over_groups(function: Callable[[Task], T], held: Holdings, groups: Sequence[Task]) -> list[T]:
    """Apply a function to groups of files, on the running dask client or on threads.

    Parameters
    ----------
    function : callable
        Function of one group, or of several groups that belong together. For a client it must be
        picklable.
    held : Holdings
        The holdings of the groups. Threads are used if the workers cannot reach its files.
    groups : sequence
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
        parts = over_groups(GroupCounter(source, tuple(columns), of), held, others)
        return _ordered(_from_manifest(known, columns, counted, parts), columns)
    files, apart = groups(), set(KEYS) <= set(columns)
    if distinct and not (apart and _are_apart(files)):
        pairs = tuple(dict.fromkeys((*columns, distinct)))
        counts = _add(over_groups(GroupCounter(source, pairs, of), held, files), [*pairs])
        return _ordered(count_values(counts, columns, distinct), columns)
    parts = over_groups(GroupCounter(source, tuple(columns), of, distinct), held, files)
    return _ordered(_add(parts, [*columns]), columns)


def _are_apart(groups: Sequence[FileGroup]) -> bool:
    """Return whether no two groups share a partition. Then each group can count distinct values."""
    ends = ((one.files[-1], other.files[0]) for one, other in pairwise(groups))
    return all(
        (last.date_stamp, last.country) != (first.date_stamp, first.country) for last, first in ends
    )


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
        kept |= {file for file, keep in zip(group.files, keeps, strict=True) if keep}
        if not all(keeps):
            others.append(group.only([not keep for keep in keeps]))
    return held.keep([file in kept for file in held.held(held.kind)]), others


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

    def __call__(self, group: FileGroup) -> list[tuple[tuple[str, str], Any]]:
        """Read a group, and pass each partition to the user's function.

        Returns
        -------
        list of ((str, str), result)
            Stamp, country and result of each partition. Partitions in one row group are read
            together.
        """
        rows, numbers = numbered_rows(self._source, group, self._columns)
        rows = plain(rows)
        bounds = [*np.searchsorted(numbers, group.starts).tolist(), len(numbers)]
        spans = zip(group.files, pairwise(bounds), strict=True)
        results = []
        for pair, run in groupby(spans, lambda span: (span[0].date_stamp, span[0].country)):
            ends = [end for _, ends in run for end in ends]
            part = rows.slice(ends[0], ends[-1] - ends[0])
            results.append((pair, self._function(part)))
        return results
