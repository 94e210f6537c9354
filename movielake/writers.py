"""Writing the lake: JSON Lines, Parquet, and files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from movielake.layout import WORK_FOLDER, Folder
from movielake.records import Record
from movielake.schema import Table

ROW_GROUP: Final = 1 << 18
"""Rows in a row group: large enough for fast scans, small enough to bound a writer's memory."""

Buffer: TypeAlias = bytes | pa.Buffer
"""Bytes, wherever they are."""

_ZSTD_LEVEL: Final = 3
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class WrittenFile:
    """A file of the lake, as the manifest knows it.

    Parameters
    ----------
    path : str
        Relative to the lake.
    bytes : int
        Its size.
    sha256 : str
        Hexadecimal digest of its content.
    """

    path: str
    bytes: int
    sha256: str


class HashingFile(io.RawIOBase):
    """A file opened for writing that counts and digests what passes.

    Parameters
    ----------
    raw : binary file
        Where the bytes go; closed together with this one.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Tell that writing works."""
        return True

    def write(self, data: Any) -> int:
        """Write, count and digest."""
        view = memoryview(data).cast("B")
        self._raw.write(view)
        self._digest.update(view)
        self.size += len(view)
        return len(view)

    def tell(self) -> int:
        """Return the position, which is the number of bytes written."""
        return self.size

    def close(self) -> None:
        """Close the file below too."""
        if not self.closed:
            super().close()
            self._raw.close()

    def written(self, path: str) -> WrittenFile:
        """Describe the file under the name that it gets in the lake."""
        return WrittenFile(path, self.size, self._digest.hexdigest())


class Workspace:
    """A folder of the lake for what one process is writing; nobody looks there.

    Files are written here, and renamed into the lake when all of them are complete.

    Parameters
    ----------
    lake : Folder
        The lake.
    """

    def __init__(self, lake: Folder) -> None:
        self._lake = lake
        self._name = f"{WORK_FOLDER}/{_owner()}-{uuid.uuid4().hex[:12]}"
        self._renames: dict[str, str] = {}

    def open(self, path: str) -> HashingFile:
        """Open a file for writing that is to stand at ``path`` in the lake.

        What was written for that path before is dropped.
        """
        count = len(self._renames)
        temporary = self._renames.setdefault(path, self._lake.join(self._name, str(count)))
        self._lake.fs.makedirs(self._lake.join(self._name), exist_ok=True)
        return HashingFile(self._lake.fs.open(temporary, "wb"))

    def publish(self) -> None:
        """Rename all files to where they belong, each replacing what stood there."""
        for path, temporary in self._renames.items():
            rename(self._lake, temporary, path)
        self._renames.clear()

    def close(self) -> None:
        """Remove the folder and whatever is still in it."""
        with suppress(FileNotFoundError):
            self._lake.fs.rm(self._lake.join(self._name), recursive=True)


@contextmanager
def workspace(lake: Folder) -> Iterator[Workspace]:
    """Make a `Workspace` and remove it at the end, whatever happened."""
    space = Workspace(lake)
    try:
        yield space
    finally:
        space.close()


def write_atomically(lake: Folder, path: str, content: bytes) -> WrittenFile:
    """Write one small file of the lake so that it appears whole or not at all.

    Parameters
    ----------
    lake : Folder
        The lake.
    path : str
        Relative to it.
    content : bytes
        The whole content.

    Returns
    -------
    WrittenFile
    """
    with workspace(lake) as space:
        with space.open(path) as file:
            file.write(content)
        space.publish()
    return file.written(path)


def rename(lake: Folder, temporary: str, path: str) -> None:
    """Move a finished file to its place in the lake, replacing what stood there."""
    target = lake.join(path)
    lake.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
    if lake.is_local:
        os.replace(temporary, target)  # noqa: PTH105  (fsspec's paths are texts)
    else:
        lake.fs.mv(temporary, target)


def _owner() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def remove_leftovers(lake: Folder, older_than: float = 24 * 3600) -> int:
    """Remove workspaces of processes that were killed.

    On this host a process id tells whether the owner still lives; another host's workspace counts
    as abandoned once it is a day old.

    Parameters
    ----------
    lake : Folder
        A lake on a local file system; elsewhere nothing is removed.
    older_than : float, optional
        Age in seconds at which another host's workspace is abandoned.

    Returns
    -------
    int
        Number of workspaces removed.
    """
    work = Path(lake.join(WORK_FOLDER))
    if not lake.is_local or not work.is_dir():
        return 0
    abandoned = [folder for folder in work.iterdir() if _is_abandoned(folder, older_than)]
    for folder in abandoned:
        shutil.rmtree(folder, ignore_errors=True)
    return len(abandoned)


def _is_abandoned(folder: Path, older_than: float) -> bool:
    host, _, pid = folder.name.rpartition("-")[0].rpartition("-")
    if host == socket.gethostname() and pid.isdecimal():
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False
    with suppress(FileNotFoundError):
        return time.time() - folder.stat().st_mtime > older_than
    return False


class Batch(NamedTuple):
    """Some records of a member, ready to be written.

    Parameters
    ----------
    records : int
        How many.
    lines : buffer of bytes
        Their JSON Lines in UTF-8; nothing where no JSON is wanted.
    rows : pa.Table
        Their rows.
    """

    records: int
    lines: Buffer
    rows: pa.Table


def to_lines(records: Iterable[Record]) -> str:
    r"""Write records as JSON Lines.

    Parameters
    ----------
    records : iterable of dict
        As `movielake.records` gives them.

    Returns
    -------
    str
        Each record and a line end.

    Examples
    --------
    >>> to_lines([{"title": "Amélie", "cast": [None]}])
    '{"title":"Amélie","cast":[null]}\n'
    """
    return "".join(_encode(record) + "\n" for record in records)


class JsonLinesWriter:
    """Writes records as Zstandard-compressed JSON Lines, in one frame.

    Parameters
    ----------
    file : HashingFile
        Where to write.
    """

    def __init__(self, file: HashingFile) -> None:
        self._stream = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).stream_writer(
            cast("IO[bytes]", file), closefd=False
        )

    def write(self, lines: Buffer) -> None:
        """Write whole lines in UTF-8."""
        self._stream.write(lines)

    def __enter__(self) -> JsonLinesWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the frame."""
        self._stream.close()


class RowsWriter:
    """Writes rows as Zstandard-compressed Parquet in row groups of a fixed size.

    Parameters
    ----------
    file : HashingFile
        Where to write.
    table : Table
        Whose rows they are.
    """

    def __init__(self, file: HashingFile, table: Table) -> None:
        self._writer = pq.ParquetWriter(file, table.arrow, compression="zstd", version="2.6")
        self._waiting: list[pa.Table] = []
        self._dates: list[Any] = []
        self.rows = 0
        self.screenings = 0

    def __enter__(self) -> RowsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, rows: pa.Table) -> None:
        """Write rows of the table's schema; a row group goes out whenever one is full."""
        self.rows += rows.num_rows
        if "show_time" in rows.column_names:
            self.screenings += rows.num_rows - rows["show_time"].null_count
            self._dates += pc.min_max(rows["show_date"]).as_py().values()
        self._waiting.append(rows)
        if sum(waiting.num_rows for waiting in self._waiting) >= ROW_GROUP:
            whole = pa.concat_tables(self._waiting)
            cut = whole.num_rows - whole.num_rows % ROW_GROUP
            self._writer.write_table(whole.slice(0, cut), row_group_size=ROW_GROUP)
            self._waiting = [whole.slice(cut)]

    @property
    def first_date(self) -> str | None:
        """Earliest show_date so far (YYYY-MM-DD); None if there is none."""
        return min((day.isoformat() for day in self._dates if day), default=None)

    @property
    def last_date(self) -> str | None:
        """Latest show_date so far (YYYY-MM-DD); None if there is none."""
        return max((day.isoformat() for day in self._dates if day), default=None)

    def close(self) -> None:
        """Write what is left, and the footer."""
        if self._waiting:
            rest = pa.concat_tables(self._waiting)
            if rest.num_rows:
                self._writer.write_table(rest, row_group_size=ROW_GROUP)
        self._writer.close()
