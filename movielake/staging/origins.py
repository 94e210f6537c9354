"""The parts of a source that a compact copy is made of, each checked against the manifest."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.digests import RowsDigest
from movielake.lake.writers import WrittenFile
from movielake.schema.tables import table as read_table
from movielake.staging.sources import DifferentFileError, Source
from movielake.staging.spans import Part


class Origin:
    """The parts of one file to write, read from a lake or a pack in either layout.

    Parameters
    ----------
    source : Source
        The lake or pack.
    is_compact : bool
        Whether the source is a compact lake, whose files have many members.
    """

    def __init__(self, source: Source, *, is_compact: bool) -> None:
        self._source = source
        self._is_compact = is_compact
        self._opened: tuple[str, pq.ParquetFile] | None = None
        self._group: tuple[tuple[str, int], pa.Table] | None = None

    def frames(self, parts: Iterable[Part]) -> Iterator[memoryview]:
        """Yield the blocks of members' JSON Lines frames, and compare each frame's checksum.

        Frames that follow each other in a file of the source are read together.
        """
        for run in _runs(parts):
            yield from self._run(run)

    def _run(self, run: list[Part]) -> Iterator[memoryview]:
        waiting, digest = deque(run), hashlib.sha256()
        end = run[-1].start + run[-1].length
        most = self._source.block
        for place in range(run[0].start, end, most):
            size, at = min(most, end - place), place
            block = memoryview(_read(self._source, run[0].path, place, size))
            if len(block) < size:
                raise self._differs(waiting[0])
            while waiting and at < place + size:
                stop = min(waiting[0].start + waiting[0].length, place + size)
                digest.update(block[at - place : stop - place])
                at = stop
                if at == waiting[0].start + waiting[0].length:
                    self._compare(waiting.popleft(), digest.hexdigest())
                    digest = hashlib.sha256()
            yield block
        for part in waiting:  # frames without bytes
            self._compare(part, digest.hexdigest())

    def _compare(self, part: Part, found: str) -> None:
        if found != part.sha256:
            raise self._differs(part)

    def rows(self, table: str, part: Part) -> Iterator[pa.Table]:
        """Yield the rows of a member as tables whose texts are dictionary-coded.

        A leaf is compared with its checksum. Rows of a compact file are compared with their digest.
        """
        if self._is_compact:
            yield from self._slices(table, part)
            return
        file, found = WrittenFile(part.path, part.bytes, part.sha256), 0
        content = b"".join(self._source.verified(file))
        parquet = pq.ParquetFile(pa.BufferReader(content), read_dictionary=_texts(table))
        for number in range(parquet.num_row_groups):
            rows = parquet.read_row_group(number, use_threads=False)
            found += rows.num_rows
            yield rows
        if found != part.length:
            raise self._differs(part)

    def _slices(self, table: str, part: Part) -> Iterator[pa.Table]:
        digest, first, found = RowsDigest(), 0, 0
        try:
            parquet = self._parquet(table, part)
            for number in range(parquet.num_row_groups):
                length = parquet.metadata.row_group(number).num_rows
                begin = max(part.start - first, 0)
                end = min(part.start + part.length - first, length)
                if begin < end:
                    rows = self._row_group(table, part, number).slice(begin, end - begin)
                    digest.update(rows)
                    found += rows.num_rows
                    yield _coded_again(rows)
                first += length
        except (pa.ArrowException, OSError) as error:
            if getattr(error, "errno", None) is not None:  # not of the file's content
                raise
            raise self._differs(part) from None
        if (found, digest.hexdigest()) != (part.length, part.digest):
            raise self._differs(part)

    def _parquet(self, table: str, part: Part) -> pq.ParquetFile:
        if self._opened is None or self._opened[0] != part.path:
            raw = pa.PythonFile(_Window(self._source, part.path, part.bytes), "r")
            self._opened = part.path, pq.ParquetFile(raw, read_dictionary=_texts(table))
        return self._opened[1]

    def _row_group(self, table: str, part: Part, number: int) -> pa.Table:
        """Read a row group. Neighbours in the manifest are often in the same one."""
        if self._group is None or self._group[0] != (part.path, number):
            self._group = None  # before the next one takes memory
            names = read_table(table).arrow.names
            rows = self._parquet(table, part).read_row_group(
                number, columns=names, use_threads=False
            )
            self._group = (part.path, number), rows
        return self._group[1]

    def _differs(self, part: Part) -> DifferentFileError:
        return DifferentFileError(
            f"{self._source.url}: {part.path} differs from the manifest ({part.date_stamp}); "
            "convert the feed zip again, or make the compact copy again"
        )


class _Window(io.RawIOBase):
    """A file of a source for random access."""

    def __init__(self, source: Source, path: str, size: int) -> None:
        self._source, self._path, self._size = source, path, size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place}.get(whence, self._size)
        return self._place

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._place, 0)
        size = left if size is None or size < 0 else min(size, left)
        content = _read(self._source, self._path, self._place, size) if size else b""
        self._place += len(content)
        return content


def _read(source: Source, path: str, start: int, size: int) -> bytes:
    try:
        return source.read(path, start, size)
    except FileNotFoundError:
        raise DifferentFileError(
            f"{source.url}: {path} is missing although the manifest lists it"
        ) from None


def _runs(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Group members whose frames follow each other in the same file."""
    run: list[Part] = []
    for part in parts:
        if run and (part.path, part.start) != (run[-1].path, run[-1].start + run[-1].length):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _coded_again(rows: pa.Table) -> pa.Table:
    """Leave out texts of other members. A slice has the dictionaries of the whole row group."""
    for place, column in enumerate(rows.columns):
        if pa.types.is_dictionary(column.type):
            used = column.cast(column.type.value_type).dictionary_encode()
            rows = rows.set_column(place, rows.column_names[place], used)
    return rows


def _texts(table: str) -> list[str]:
    return [field.name for field in read_table(table).arrow if field.type == pa.string()]
