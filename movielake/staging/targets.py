"""Targets: staged lakes that are being brought up to date with their source."""

# ruff: noqa: PTH102, PTH103, PTH105, PTH106, PTH108, PTH116, PTH123, PTH208
# For tens of thousands of small files, the cost of pathlib per file is too high.

from __future__ import annotations

import hashlib
import io
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.commits import Commit, commit_to_json
from movielake.lake.descriptors import descriptor_content
from movielake.lake.gaps import warn_of_gap
from movielake.lake.ledger import commit_contents, committed, survey
from movielake.lake.leftovers import remove_leftovers
from movielake.lake.owners import name_owner
from movielake.lake.parsing import UnreadableCommitError, parse_commit
from movielake.lake.writers import WrittenFile, named
from movielake.names.layout import (
    DESCRIPTOR_FILE,
    LAKE_FILE,
    MANIFEST_TABLE,
    WORK_FOLDER,
    Folder,
    Selection,
    aside_path,
    commit_path,
    partition_folders,
)
from movielake.staging.packs import Pair, files_of
from movielake.staging.partitions import Partition, is_safe, kinds_of, trim
from movielake.staging.selecting import Kinds
from movielake.staging.sources import DifferentFileError, Source

Fetched = tuple[Partition, dict[str, str]]
"""A partition, and for each missing file the path of its copy, which is not yet in place."""


class Target:
    """A staged lake that is being brought up to date, by one process at a time.

    Parameters
    ----------
    source : Source
        The source of the files.
    folder : Path
        Folder of the staged lake.
    wanted : mapping of Pair to Kinds
        The selection. Parts that are already staged stay wanted.
    """

    def __init__(self, source: Source, folder: Path, wanted: Mapping[Pair, Kinds]) -> None:
        self._source = source
        self._wanted = wanted
        self.folder = folder
        self._lake = Folder(str(folder))
        remove_leftovers(self._lake)
        self._work = f"{folder}/{WORK_FOLDER}/{name_owner()}"
        self._numbers = itertools.count()
        self._folders: set[str] = set()
        self._halves: set[Pair] = set()
        self._is_new = all(path.name.startswith(".") for path in folder.iterdir())

    def __enter__(self) -> Target:
        os.makedirs(self._work)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        with suppress(OSError):  # another process is also staging
            (self.folder / WORK_FOLDER).rmdir()

    def plans(self) -> Iterator[Partition]:
        """Plan the work for each wanted or staged partition, in order."""
        pairs = self._pairs()
        return map(self.plan, pairs, commit_contents(self._source, pairs))

    def _pairs(self) -> list[Pair]:
        """List the wanted and the staged partitions, in order."""
        if self._is_new:
            return sorted(self._wanted)
        there, self._halves = map(set, survey(self._lake))
        return sorted({*self._wanted, *there, *self._halves})

    def plan(self, pair: Pair, content: bytes | None = None) -> Partition:
        """Plan the work for a partition. Its commit can be given as ``content``. Write no file."""
        held = self._held(pair)
        content = content or self._content(pair)
        if content is None:
            return Partition(pair, None, held, is_half=pair in self._halves)
        try:
            whole = self._parsed(content, pair)
        except UnreadableCommitError as error:
            warn_of_gap(self._source.url, error)
            return Partition(pair, None, held, is_half=pair in self._halves)
        self._source.locate(whole)
        kinds = self._wanted.get(pair, frozenset()) | (kinds_of(held) if held else frozenset())
        commit = trim(whole, kinds)
        known = set() if pair in self._halves or held is None else set(files_of(held))
        missing = (file for file in files_of(commit) if not self._has(file, file in known))
        content = content if commit == whole else commit_to_json(commit)
        return Partition(pair, commit, held, tuple(missing), content, pair in self._halves)

    def _content(self, pair: Pair) -> bytes | None:
        try:
            return bytes(self._source.fs.cat_file(self._source.join(commit_path(*pair))))
        except FileNotFoundError:  # removed, or set aside for a moment
            there = committed(self._source, Selection(*pair))
            return self._content(pair) if pair in there else None

    def _parsed(self, content: bytes, pair: Pair) -> Commit:
        """Read a commit of the source, and check every path and size in it."""
        commit = parse_commit(content, *pair)
        if not is_safe(commit, pair):
            path = commit_path(*pair)
            raise ValueError(
                f"{self._source.url}: refused: {path} lists data outside its partition"
            )
        return commit

    def _held(self, pair: Pair) -> Commit | None:
        if self._is_new:
            return None
        for path in (commit_path(*pair), aside_path(*pair)):
            with suppress(FileNotFoundError, UnreadableCommitError):
                return parse_commit((self.folder / path).read_bytes(), *pair)
        return None

    def _has(self, file: WrittenFile, known: bool) -> bool:
        """Return whether a file is there. A file without a commit is read and compared."""
        if self._is_new:
            return False
        place = f"{self.folder}/{file.path}"
        try:
            if os.stat(place).st_size != file.bytes:
                return False
            if known:
                return True
            with open(place, "rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
        except FileNotFoundError:
            return False

    def fetch(self, plan: Partition) -> Fetched:
        """Copy and verify the missing files. If the source has changed, plan again first."""
        try:
            return plan, self._copies(plan)
        except DifferentFileError:
            again = self.plan(plan.pair)
            if again.commit is None or again.files == plan.files:
                raise
            return again, self._copies(again)

    def _copies(self, plan: Partition) -> dict[str, str]:
        return {file.path: self._write(self._source.verified(file)) for file in plan.missing}

    def put(self, fetched: Fetched) -> Partition:
        """Put the files of a partition in place, then its commit."""
        plan, copies = fetched
        path, aside = commit_path(*plan.pair), aside_path(*plan.pair)
        if plan.is_stale:
            with suppress(FileNotFoundError):
                os.replace(f"{self.folder}/{path}", f"{self.folder}/{aside}")
        for file, copy in copies.items():
            self._place(copy, file)
        self._remove_others(plan)
        if plan.commit:
            self._place(self._write([plan.content]), path)
        if not self._is_new:
            self.remove(aside)
        return plan

    def _remove_others(self, plan: Partition) -> None:
        """Remove all files from the folders of the partition that its commit does not list."""
        if self._is_new:
            return
        keep = {file.path for file in plan.files}
        for folder in partition_folders(*plan.pair):
            place = f"{self.folder}/{folder}"
            with suppress(FileNotFoundError):
                names = os.listdir(place)
                others = [name for name in names if f"{folder}/{name}" not in keep]
                for name in others:
                    self.remove(f"{folder}/{name}")
                if len(others) == len(names):
                    os.rmdir(place)
                    self._folders.discard(place)

    @property
    def has_manifest(self) -> bool:
        """Whether ``manifest.parquet`` exists."""
        return (self.folder / MANIFEST_TABLE).exists()

    def write_manifest(self, manifest: pa.Table) -> None:
        """Write ``manifest.parquet``."""
        content = io.BytesIO()
        pq.write_table(manifest, content, compression="zstd")
        self._place(self._write([content.getvalue()]), MANIFEST_TABLE)

    def write_lake_file(self) -> None:
        """Write ``datapackage.json`` and then ``lake.json`` of the source. Now this is a lake."""
        self._write_top(DESCRIPTOR_FILE, descriptor_content())
        self._write_top(LAKE_FILE, self._source.fs.cat_file(self._source.join(LAKE_FILE)))

    def _write_top(self, name: str, content: bytes) -> None:
        """Write a file at the top of the lake unless it exists with the same content."""
        with suppress(FileNotFoundError):
            if (self.folder / name).read_bytes() == content:
                return
        self._place(self._write([content]), name)

    def remove(self, path: str) -> None:
        """Remove one file of the lake if it exists."""
        with suppress(FileNotFoundError):
            os.unlink(f"{self.folder}/{path}")

    def _write(self, blocks: Iterable[bytes]) -> str:
        """Write a file that readers do not see yet, and return its path."""
        copy = f"{self._work}/{next(self._numbers)}"
        number = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            for block in blocks:
                rest = memoryview(block)
                while rest:
                    with named(copy):
                        rest = rest[os.write(number, rest) :]
        finally:
            os.close(number)
        return copy

    def _place(self, copy: str, path: str) -> None:
        """Move a written file to its place in the lake."""
        folder = f"{self.folder}/{path}".rpartition("/")[0]
        self._make(folder)
        os.replace(copy, f"{self.folder}/{path}")

    def _make(self, folder: str) -> None:
        """Make a folder and its parents. Unlike `os.makedirs`, do not look at known parents."""
        if folder in self._folders:
            return
        try:
            os.mkdir(folder)
        except FileExistsError:
            pass
        except FileNotFoundError:
            self._make(folder.rpartition("/")[0])
            os.makedirs(folder, exist_ok=True)
        self._folders.add(folder)
