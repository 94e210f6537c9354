"""The JSON Lines and Parquet files that are written for a member."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from tempfile import SpooledTemporaryFile
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from movielake.feed.records import Record
from movielake.lake.digests import RowsDigest
from movielake.lake.writers import HashingFile
from movielake.schema.tables import Table

ROW_GROUP: Final = 1 << 18
"""Rows per row group: large enough for fast scans, small enough to limit the memory of a writer."""

_HEAVY: Final = 1 << 28
"""At most this many bytes of rows wait for a full row group: 100 times the usual amount."""

_BARE: Final = 500
"""Bytes of a column up to which it is not compressed."""

Buffer: TypeAlias = bytes | pa.Buffer
"""Bytes of Python or of Arrow."""

_ZSTD_LEVEL: Final = 1  # for showings: half the time of level 3, and files 1.5 % larger

_SIZE_IN_8_BYTES: Final = 3 << 6
"""Flag in a frame header: the content size follows in eight bytes."""

_SPOOLED: Final = 1 << 24
"""Compressed bytes of one member that wait in memory. More go to a temporary file."""

_LINE_ENDS: Final = [(sign.encode(), b"\\u%04x" % ord(sign)) for sign in "\x85\u2028\u2029"]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Batch(NamedTuple):
    """A batch of records of a member, ready to be written.

    Parameters
    ----------
    records : int
        Number of records.
    lines : buffer of bytes
        The records as JSON Lines in UTF-8. Empty if no JSON is to be written.
    rows : pa.Table
        The rows of these records.
    digest : str, optional
        Digest of the rows, if they are all rows of a member and it is known.
    """

    records: int
    lines: Buffer
    rows: pa.Table
    digest: str = ""


def to_lines(records: Iterable[Record]) -> str:
    r"""Return records as JSON Lines.

    Parameters
    ----------
    records : iterable of dict
        Records, as read by `movielake.feed.records`.

    Returns
    -------
    str
        One line for each record, with a line end.

    Examples
    --------
    >>> to_lines([{"title": "Amélie", "cast": [None]}])
    '{"title":"Amélie","cast":[null]}\n'
    """
    return "".join(_encode(record) + "\n" for record in records)


class JsonLinesWriter:
    """A writer of records as JSON Lines: one Zstandard frame that states its content size.

    Several decoders read a file only if its header has the size, which is known at the end. So the
    compressed blocks wait, in memory or in a temporary file, and the header is written first. Its
    layout is in RFC 8878, section 3.1.1.1.

    Parameters
    ----------
    file : HashingFile
        Where to write.
    """

    def __init__(self, file: HashingFile) -> None:
        self._file = file
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
        self._blocks = SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115  (closed in __exit__)
        self._size = 0

    def write(self, lines: Buffer) -> None:
        """Write whole lines in UTF-8. Other line ends of Unicode are escaped, as JSON allows."""
        content = lines
        if np.frombuffer(lines, np.int8).min(initial=0) < 0:  # not only ASCII
            content = lines if isinstance(lines, bytes) else lines.to_pybytes()
            for sign, escaped in _LINE_ENDS:
                if sign[:1] in content and sign in content:  # a search for one byte is much faster
                    content = content.replace(sign, escaped)
        self._size += len(content)
        self._blocks.write(self._compressor.compress(content))

    def __enter__(self) -> JsonLinesWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        self._blocks.close()

    def close(self) -> None:
        """Write the frame."""
        self._blocks.write(self._compressor.flush())
        self._blocks.seek(0)
        if self._size:  # the frame of no content already states its size
            magic, flags, window = (self._blocks.read(length) for length in (4, 1, 1))
            self._file.write(magic + bytes([flags[0] | _SIZE_IN_8_BYTES]) + window)
            self._file.write(self._size.to_bytes(8, "little"))
        while block := self._blocks.read(_SPOOLED):
            self._file.write(block)


class RowsWriter:
    """A writer of rows as Parquet, compressed with Zstandard, in row groups of a fixed size.

    Parameters
    ----------
    file : HashingFile
        Where to write.
    table : Table
        The schema of the rows.
    """

    def __init__(self, file: HashingFile, table: Table) -> None:
        self._file = file
        self._schema = table.arrow
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._weight = 0
        self._dates: list[Any] = []
        self._digest = RowsDigest()
        self._known = ""
        self.rows = 0
        self.screenings = 0

    def __enter__(self) -> RowsWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None or self._writer:  # Arrow reports a writer that was not closed
            self.close()

    def write(self, rows: pa.Table, digest: str = "") -> None:
        """Take rows of the table's schema, and write each row group as soon as it is full.

        If ``digest`` is the known digest of all rows of the member, it is not computed again.
        """
        self.rows += rows.num_rows
        self._known = digest
        if not digest:
            self._digest.update(rows)
        if "show_time" in rows.column_names:
            self.screenings += rows.num_rows - rows["show_time"].null_count
            self._dates += pc.min_max(rows["show_date"]).as_py().values()
        self._waiting.append(rows)
        self._weight += rows.nbytes
        is_heavy = self._weight > _HEAVY
        if is_heavy or sum(waiting.num_rows for waiting in self._waiting) >= ROW_GROUP:
            whole = pa.concat_tables(self._waiting)
            self._writer = self._writer or self._begin(self._file)
            cut = whole.num_rows - (0 if is_heavy else whole.num_rows % ROW_GROUP)
            self._writer.write_table(whole.slice(0, cut), row_group_size=ROW_GROUP)
            self._waiting = [whole.slice(cut)]
            self._weight = self._waiting[0].nbytes

    @property
    def digest(self) -> str:
        """Digest of the rows so far, as in `movielake.lake.digests`."""
        return self._known or self._digest.hexdigest()

    @property
    def first_date(self) -> str | None:
        """Earliest show_date so far (YYYY-MM-DD), or None if no row has a date."""
        return min((day.isoformat() for day in self._dates if day), default=None)

    @property
    def last_date(self) -> str | None:
        """Latest show_date so far (YYYY-MM-DD), or None if no row has a date."""
        return max((day.isoformat() for day in self._dates if day), default=None)

    def close(self) -> None:
        """Write the remaining rows and the footer.

        If all rows are in one row group, Arrow writes into memory, and the file gets one piece. It
        writes a file of Python in very small pieces, which takes longer than the encoding.
        """
        rest = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        if self._writer:
            _end(self._writer, rest)
            return
        with pa.BufferOutputStream() as memory:
            _end(self._begin(memory, **_how_small(rest)), rest)
            self._file.write(memory.getvalue())

    def _begin(self, place: HashingFile | pa.NativeFile, **more: Any) -> pq.ParquetWriter:
        return pq.ParquetWriter(place, self._schema, version="2.6", **_how(self._schema) | more)


def _end(writer: pq.ParquetWriter, rest: pa.Table) -> None:
    if rest.num_rows:
        writer.write_table(rest, row_group_size=ROW_GROUP)
    writer.close()


def _how_small(rows: pa.Table) -> dict[str, Any]:
    """Return the Parquet options for the only row group of a file that depend on its rows.

    Arrow prepares a compression anew for each column, which takes longer than a small column does
    to write. A column that is all null has next to no bytes, and an empty dictionary: fastparquet
    2026.9 cannot read that without compression.
    """
    codecs: dict[str, str] = {}
    filled = [name for name in rows.column_names if rows[name].null_count < len(rows)]
    for name, paths in _paths(rows.schema).items():
        is_large = name in filled and rows[name].nbytes > _BARE
        codecs |= dict.fromkeys(paths, "zstd" if is_large else "none")
    coded = [name for name in _how(rows.schema)["use_dictionary"] if name in filled]
    return {"compression": codecs, "use_dictionary": coded}


@cache
def _paths(schema: pa.Schema) -> dict[str, list[str]]:
    """Return for each column the paths in a Parquet file of the values that it holds."""
    with pa.BufferOutputStream() as memory:
        pq.write_table(schema.empty_table(), memory)
        held = pq.ParquetFile(memory.getvalue()).schema
    paths: dict[str, list[str]] = {name: [] for name in schema.names}
    for number in range(len(held)):
        path = held.column(number).path
        paths[path.partition(".")[0]].append(path)
    return paths


@cache
def _how(schema: pa.Schema) -> dict[str, Any]:
    """Return the Parquet options that gave small files and fast reads on the benchmark samples."""
    flat = [f.name for f in schema if not pa.types.is_nested(f.type)]
    counted = [name for name in flat if name == "record"]
    return {
        "compression": "zstd",
        # Arrow's own schema repeats the Parquet schema. It would be half of a small file's footer.
        "store_schema": False,
        "use_dictionary": [name for name in flat if name not in counted],
        "column_encoding": dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
        # The minimum and maximum of a text column never allow a reader to skip a row group.
        "write_statistics": [name for name in flat if schema.field(name).type != pa.string()],
    }
