"""Compact copies: the same rows and records as in a lake, in a few large files.

The name of each file contains a digest of its content. So a file that is there is never written
again, and a reader with an older manifest never reads other bytes under the same name. The manifest
is replaced when all files are in place. Files that it no longer lists are removed after that.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from movielake.cluster.slurm import read_job
from movielake.lake.descriptors import descriptor_content
from movielake.lake.leftovers import remove_leftovers
from movielake.lake.locks import Lock, hold_partition
from movielake.lake.manifest import read_table_file
from movielake.lake.opening import COMPACT, is_lake, lake_content, read_layout, read_span
from movielake.lake.writers import Workspace, WrittenFile, explained, workspace, write_atomically
from movielake.names.layout import (
    DESCRIPTOR_FILE,
    LAKE_FILE,
    MANIFEST_TABLE,
    Folder,
    Selection,
    Terms,
)
from movielake.staging.manifests import read_source, require_rows
from movielake.staging.merging import write_rows
from movielake.staging.origins import Origin
from movielake.staging.partitions import read_kinds
from movielake.staging.selecting import Kinds, choose
from movielake.staging.sources import Source, ahead, open_source
from movielake.staging.spans import (
    SPANS,
    PlannedFile,
    files_of_table,
    placed,
    quarantined,
)

_LOCK: Final = ("compact", "manifest")
"""Name of the lock on the manifest of a compact copy."""

_MARK: Final = ".compacting"
"""File in a folder whose first copy is not complete. Without it, the folder could be anyone's."""


def compact(
    source: str,
    to: str,
    *,
    span: str | None = None,
    tables: str | Iterable[str] | None = None,
    date_stamps: Terms = None,
    countries: Terms = None,
    json: bool = True,
    workers: int | None = None,
    on_progress: Callable[[str, int], None] | None = None,
) -> str:
    """Copy a lake, or a part of it, into few large files that are fast to read and to stage.

    The copy is a lake with the same rows and records, in the order of stamp, member and record. A
    second run writes only the files whose content has changed, such as the current year after a new
    stamp was converted. The selection of the last run decides what the copy holds.

    Parameters
    ----------
    source : str
        Path or URL of a lake or of a pack. It can be compact itself.
    to : str
        Path or URL of the folder of the copy: a new folder, or an earlier compact copy.
    span : {"year", "quarter", "month", "all"}, optional
        Stamps that share a file. By default the span of the earlier copy or of a compact source,
        otherwise ``year``.
    tables : str or iterable of str, optional
        Tables to copy. All by default.
    date_stamps, countries : str, iterable of str or slice, optional
        Stamps and countries to copy. All by default. See `movielake.names.layout.Selection`.
    json : bool, optional
        Also copy JSON Lines, which `bag` needs.
    workers : int, optional
        Number of files to write at the same time. One for each CPU by default.
    on_progress : callable, optional
        Function to call with the path and the size of each file after it was written.

    Returns
    -------
    str
        The path or URL of the copy.

    Raises
    ------
    FileNotFoundError
        If the source does not exist.
    ValueError
        If the source is damaged or is not a lake, if no partition matches the selection, or if
        ``to`` is not a compact copy and has other files.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import MoviesReader, compact
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     copy = MoviesReader(compact("lake", f"{folder}/compact"))
    ...     copy.count == MoviesReader("lake").count
    True
    """
    if span not in (None, *SPANS):
        raise ValueError(f"expected a span out of {', '.join(SPANS)}, found {span!r}")
    selection, kinds = Selection(date_stamps, countries), read_kinds(tables, json)
    with explained(Folder(str(to))):
        write_copy(str(source), str(to), span, selection, kinds, workers, on_progress)
    return str(to)


def write_copy(
    source: str,
    to: str,
    span: str | None,
    selection: Selection,
    kinds: Kinds,
    workers: int | None = None,
    on_progress: Callable[[str, int], None] | None = None,
) -> None:
    """Write a compact copy as `compact` does. Errors of the disk name the file."""
    target = Folder(to)
    with open_source(source) as lake:
        _claim(target, lake)
        whole = read_source(lake)
        wanted = choose(whole.table, selection, kinds)
        unit = span or read_span(target) or whole.unit or SPANS[0]
        manifest, plans = whole.plan(wanted, unit)
        require_rows(manifest, whole.table, lake.url, selection)
        if not target.fs.exists(target.join(LAKE_FILE)):
            write_atomically(target, _MARK, b"")
        copy = Copy(lake, target, workers or read_job().cpus, on_progress)
        copy.write(manifest, plans, unit)
        with suppress(FileNotFoundError):
            target.fs.rm_file(target.join(_MARK))


def _claim(target: Folder, lake: Source) -> None:
    """Refuse a folder that is not a compact copy and has files."""
    if target.is_local and lake.identity == Source(target.url).identity:
        raise ValueError(f"expected another folder than the source, found {target.url} for both")
    if target.fs.exists(target.join(_MARK)) and not target.fs.exists(target.join(LAKE_FILE)):
        return  # the first copy was killed
    if is_lake(target) and read_layout(target) != COMPACT:
        raise ValueError(
            f"expected a new folder or a compact copy, found a lake as converted in {target.url}; "
            "choose another folder"
        )


def bytes_to_write(plans: Sequence[PlannedFile], target: Folder) -> int:
    """Estimate the bytes that a copy will write: the sizes in the source of what it lacks."""
    held, size = _held(target), 0
    for plan in plans:
        if plan.path in held:
            continue
        if plan.kind == "json":
            size += int(pc.sum(plan.members["length"]).as_py())
        else:  # several members can be in the same file of the source
            columns = (plan.members[name].to_pylist() for name in ("path", "bytes"))
            size += sum(dict(zip(*columns, strict=True)).values())
    return size


class Copy:
    """A compact copy that is being written.

    Parameters
    ----------
    lake : Source
        The source.
    target : Folder
        The folder of the copy.
    workers : int
        Number of files to write at the same time.
    on_progress : callable, optional
        Function to call with the path and the size of each file after it was written.
    is_durable : bool, optional
        Write all bytes to the disk before a file appears. A copy for one job does not need it.
    """

    def __init__(
        self,
        lake: Source,
        target: Folder,
        workers: int,
        on_progress: Callable[[str, int], None] | None = None,
        *,
        is_durable: bool = True,
    ) -> None:
        self._lake = lake
        self._target = target
        self._workers = workers
        self._on_progress = on_progress or (lambda *_: None)
        self._is_durable = is_durable
        self._is_compact = read_layout(lake) == COMPACT

    def write(
        self,
        manifest: pa.Table,
        plans: Sequence[PlannedFile],
        unit: str,
        content: bytes | None = None,
    ) -> None:
        """Write the missing files, publish the manifest, and remove files that it does not list.

        Parameters
        ----------
        manifest : pa.Table
            The wanted rows of the source's manifest.
        plans : sequence of PlannedFile
            All files of the copy.
        unit : str
            Unit of the spans.
        content : bytes, optional
            The file ``manifest.parquet``, if the copy is the same as its source.
        """
        remove_leftovers(self._target)
        files = _held(self._target)
        wholes = {file.path: file for file in files_of_table(manifest)} if self._is_compact else {}
        with workspace(self._target) as space, ThreadPoolExecutor(self._workers) as pool:
            write = partial(self._write_file, space, wholes)
            todo = {plan.path: plan for plan in plans if plan.path not in files}
            for file in ahead(pool, write, todo.values(), 2 * self._workers):
                files[file.path] = file
                self._on_progress(file.path, file.bytes)
            kept = quarantined(manifest)
            for file in kept:
                if not _is_there(self._target, file):
                    self._copy(space, file.path, self._lake.verified(file))
            with hold_partition(self._target, *_LOCK) as lock:
                for plan in plans:
                    if plan.path not in todo and not _is_there(self._target, files[plan.path]):
                        files[plan.path] = write(plan)  # removed by another run meanwhile
                        lock.renew()
                space.publish(lock.renew, is_durable=self._is_durable)
                self._publish(content or _to_parquet(placed(manifest, plans, files)), unit)
                self._remove_others(
                    {plan.path for plan in plans} | {file.path for file in kept}, lock
                )

    def _write_file(
        self, space: Workspace, wholes: dict[str, WrittenFile], plan: PlannedFile
    ) -> WrittenFile:
        origin = Origin(self._lake, is_compact=self._is_compact)
        if plan.kind == "json":  # the manifest has the checksums of the frames, not of the file
            size = self._copy(space, plan.path, origin.frames(plan.parts))
            return WrittenFile(plan.path, size, "")
        if plan.path in wholes:  # the same members, byte for byte
            self._copy(space, plan.path, self._lake.verified(wholes[plan.path]))
            return wholes[plan.path]
        with space.open(plan.path) as file:
            write_rows(origin, plan, file)
        return file.written(plan.path)

    def _copy(self, space: Workspace, path: str, blocks: Iterable[bytes | memoryview]) -> int:
        """Write blocks whose checksums are compared where they come from."""
        with space.open_plain(path) as out:
            for block in blocks:
                out.write(block)
        return out.size

    def _publish(self, manifest: bytes, unit: str) -> None:
        for name, text in (
            (MANIFEST_TABLE, manifest),
            (DESCRIPTOR_FILE, descriptor_content(COMPACT)),
            (LAKE_FILE, lake_content(COMPACT, unit)),
        ):
            write_atomically(self._target, name, text, is_durable=self._is_durable)

    def _remove_others(self, listed: set[str], lock: Lock) -> None:
        """Remove files of an earlier copy, and of runs that were killed before they published."""
        for folder in ("json", "parquet", "quarantine"):
            for path in self._target.names(folder):
                if path not in listed:
                    lock.renew()
                    self._target.fs.rm_file(self._target.join(path))


def _to_parquet(manifest: pa.Table) -> bytes:
    content = io.BytesIO()
    # A file embeds the names of list items, which differ between tables that were made and read.
    pq.write_table(manifest.schema.empty_table(), content)
    manifest = manifest.cast(pq.read_schema(io.BytesIO(content.getvalue())))
    content = io.BytesIO()
    # This manifest is the only one of the copy. The checksums show any damage to it.
    pq.write_table(manifest, content, compression="zstd", write_page_checksum=True)
    return content.getvalue()


def _held(target: Folder) -> dict[str, WrittenFile]:
    """Return the files in the manifest of an earlier copy, by path."""
    try:
        table = read_table_file(target)
    except ValueError:
        return {}  # a new folder, or a copy without a manifest
    return {file.path: file for file in files_of_table(table)}


def _is_there(target: Folder, file: WrittenFile) -> bool:
    try:
        return int(target.fs.size(target.join(file.path)) or 0) == file.bytes
    except FileNotFoundError:
        return False
