"""Writing the lake: JSON Lines, Parquet, and files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from movielake.layout import WORK_FOLDER, Folder
from movielake.locks import name_owner
from movielake.records import Record
from movielake.schema import Table

ROW_GROUP: Final = 1 << 18
"""Rows in a row group: large enough for fast scans, small enough to bound a writer's memory."""

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


@contextmanager
def named(path: str) -> Iterator[None]:
    """Say in an error, such as that of a full disk, which file it is about."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or path
        raise


def is_within(error: OSError, folder: Folder) -> bool:
    """Tell whether an error of the system is about what is in a folder."""
    return bool(error.strerror) and str(error.filename or "").startswith(folder.join(""))


@contextmanager
def explained(folder: Folder) -> Iterator[None]:
    """Say in one line why a folder cannot be written, as on a full disk, and what to do.

    Raises
    ------
    OSError
        In place of the system's own.
    """
    try:
        yield
    except OSError as error:
        if not is_within(error, folder):
            raise
        file = str(error.filename).removeprefix(folder.join(""))
        where = "" if file.startswith(".") else f" ({file})"
        raise OSError(
            f"{folder.url}: {error.strerror}{where}; mend that and run the same command again"
        ) from error


class HashingFile(io.RawIOBase):
    """A file opened for writing that counts and digests what passes.

    Parameters
    ----------
    raw : binary file
        Where the bytes go; closed together with this one.
    name : str, optional
        What to call it where it cannot be written.
    """

    def __init__(self, raw: IO[bytes], name: str = "") -> None:
        self._raw = raw
        self._name = name
        self._digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Tell that writing works."""
        return True

    def write(self, data: Any) -> int:
        """Write, count and digest."""
        view = memoryview(data).cast("B")
        with named(self._name):
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
            with named(self._name):
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
        self._name = f"{WORK_FOLDER}/{name_owner()}"
        self._renames: dict[str, str] = {}
        self._opened = 0

    def open(self, path: str) -> HashingFile:
        """Open a file for writing that is to stand at ``path`` in the lake."""
        temporary = self._lake.join(self._name, str(self._opened))
        self._opened += 1
        self._lake.fs.makedirs(self._lake.join(self._name), exist_ok=True)
        self._renames[path] = temporary
        return HashingFile(self._lake.fs.open(temporary, "wb"), temporary)

    def publish(self, before: Callable[[], None] = lambda: None) -> None:
        """Rename all files to where they belong, each replacing what stood there.

        Parameters
        ----------
        before : callable, optional
            Called before each; may raise, and the rest stays where it is.
        """
        for path, temporary in self._renames.items():
            before()
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
    """Move a finished file to its place in the lake, replacing what stood there.

    Its bytes are on the disk before its name is: neither is lost without the other.
    """
    target = lake.join(path)
    lake.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
    if lake.is_local:
        with Path(temporary).open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105  (fsspec's paths are texts)
    else:
        lake.fs.mv(temporary, target)


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

    def write(self, records: Iterable[Record]) -> None:
        """Write records, one per line."""
        text = "".join(_encode(record) + "\n" for record in records)
        self._stream.write(text.encode("utf-8"))

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
