"""Parquet files of a lake, read a row group at a time: leaves, or members of compact files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.reading.codes import plain
from movielake.reading.rowgroups import texts_of
from movielake.schema.tables import Table
from movielake.staging.sources import Source


@contextmanager
def open_raw(source: Source, path: str) -> Iterator[pa.NativeFile]:
    """Open a file of a lake for random access."""
    place = source.join(path)
    if source.is_local:
        with pa.OSFile(place) as raw:
            yield raw
    else:
        with source.fs.open(place, "rb") as remote:
            yield pa.PythonFile(remote, "r")


class OpenFile:
    """An open Parquet file.

    It keeps the last row group in memory, because members that follow each other share it. Texts
    in it are dictionary-coded, because a file repeats each text for each stamp.

    Parameters
    ----------
    raw : pa.NativeFile
        The file, open for random access.
    table : Table
        Table of the rows.
    """

    def __init__(self, raw: pa.NativeFile, table: Table) -> None:
        self.footer: pq.FileMetaData = pq.ParquetFile(raw).metadata
        self._raw = raw
        self._texts = texts_of(table)
        self._kept: dict[tuple[str, ...], tuple[int, pa.Table]] = {}

    @property
    def schema(self) -> pa.Schema:
        """All columns."""
        return self.footer.schema.to_arrow_schema()

    def rows(self, columns: Sequence[str], start: int, length: int) -> Iterator[pa.Table]:
        """Yield columns of some rows, in a table for each row group."""
        first, stop = 0, start + length
        for number in range(self.footer.num_row_groups):
            size = self.footer.row_group(number).num_rows
            begin, end = max(start - first, 0), min(stop - first, size)
            if begin < end:
                yield plain(self._group(number, tuple(columns)).slice(begin, end - begin))
            first += size

    def _group(self, number: int, columns: tuple[str, ...]) -> pa.Table:
        if self._kept.get(columns, (None,))[0] != number:
            self._kept.pop(columns, None)  # before the next one takes memory
            coded = [name for name in self._texts if name in columns]
            file = pq.ParquetFile(self._raw, metadata=self.footer, read_dictionary=coded)
            rows = file.read_row_group(number, columns=columns, use_threads=False)
            self._kept[columns] = number, rows
        return self._kept[columns][1]
