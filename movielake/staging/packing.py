"""Packing: a whole lake in one file, for file systems that are slow with many small files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import pyarrow.parquet as pq

from movielake.lake.commits import Commit
from movielake.lake.descriptors import descriptor_content
from movielake.lake.entries import manifest_table
from movielake.lake.gaps import warn_of_gap
from movielake.lake.ledger import commit_contents, committed
from movielake.lake.opening import COMPACT, check_lake, read_layout
from movielake.lake.parsing import UnreadableCommitError, parse_commit
from movielake.lake.single import claim_file, scratch_folder, split_file, whole_file
from movielake.lake.writers import HashingFile, WrittenFile
from movielake.names.layout import (
    DESCRIPTOR_FILE,
    LAKE_FILE,
    MANIFEST_TABLE,
    Selection,
    commit_path,
)
from movielake.staging.compacting import write_copy
from movielake.staging.manifests import read_source
from movielake.staging.origins import Origin
from movielake.staging.packs import (
    Pair,
    end_padding,
    files_of,
    index_header,
    is_pack,
    member_header,
    padding,
)
from movielake.staging.partitions import read_kinds
from movielake.staging.sources import BLOCK, Source, ahead
from movielake.staging.spans import files_of_table, quarantined

_READERS: Final = 16
"""Number of files read at the same time, because a shared file system opens files slowly."""


def pack(
    lake: str,
    file: str,
    *,
    leaves: bool = False,
    force: bool = False,
    on_progress: Callable[[str, int], None] | None = None,
) -> WrittenFile:
    """Pack a lake into one plain tar file, uncompressed because its files are already compressed.

    Exactly the files in the manifest are packed, and every file is checked against its checksum.
    The same lake always gives the same bytes. The pack appears only when it is complete.

    Parameters
    ----------
    lake : str
        Path or URL of the lake, which is not changed.
    file : str
        Path or URL of the pack. An earlier pack is replaced.
    leaves : bool, optional
        Pack the files as converted. By default a pack is compact, which is faster to read and to
        stage. The compact files need as much space again while the pack is written.
    force : bool, optional
        Replace any file, and write also into a lake or a feed.
    on_progress : callable, optional
        Function to call with the path and the size of each data file after it was packed.

    Returns
    -------
    WrittenFile
        The path, size and checksum of the pack.

    Raises
    ------
    FileNotFoundError
        If ``lake`` is not a lake.
    FileExistsError
        If ``file`` exists and is not a pack.
    ValueError
        If a file is missing or differs from the manifest, which the message names. Or if ``file``
        lies in a lake or a feed.

    Examples
    --------
    >>> import tarfile, tempfile
    >>> from movielake import convert
    >>> from movielake.staging.packing import pack
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl"], scale=0.02)
    ...     _ = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    ...     _ = pack(f"{folder}/lake", f"{folder}/lake.tar", leaves=True)
    ...     with tarfile.open(f"{folder}/lake.tar") as tar:
    ...         tar.getnames()[:3]
    ['lake.json', 'manifest.parquet', 'manifest/20191206/nzl.json']
    """
    source = Source(lake)
    check_lake(source)
    claim_file(str(file), "pack", is_pack, force=force)
    done = on_progress or (lambda *_: None)
    with whole_file(*split_file(str(file))) as out:
        if read_layout(source) == COMPACT:
            _write_compact(out, source, done)
        elif leaves:
            _write(out, source, done)
        else:
            with scratch_folder(*split_file(str(file))) as place:
                write_copy(lake, place, None, Selection(), read_kinds(None, json=True))
                _write_compact(out, Source(place), done)
    return out.written(file)


def _write_compact(
    out: HashingFile, source: Source, on_progress: Callable[[str, int], None]
) -> None:
    """Write the tar of a compact lake: index, manifest, data files, data package descriptor."""
    lake_json, whole = source.fs.cat_file(source.join(LAKE_FILE)), read_source(source)
    manifest = whole.content
    _, plans = whole.plan(whole.everything, whole.unit or "")
    files = [*files_of_table(whole.table), *quarantined(whole.table)]
    out.write(index_header(lake_json, manifest, {}, files))
    for path, content in ((LAKE_FILE, lake_json), (MANIFEST_TABLE, manifest)):
        _write_member(out, path, len(content), [content])
    frames = {plan.path: plan.parts for plan in plans if plan.kind == "json"}
    origin = Origin(source, is_compact=True)
    for file in files:
        parts = frames.get(file.path)
        blocks = source.verified(file) if parts is None else origin.frames(parts)
        _write_member(out, file.path, file.bytes, blocks)
        on_progress(file.path, file.bytes)
    descriptor = descriptor_content(COMPACT)
    _write_member(out, DESCRIPTOR_FILE, len(descriptor), [descriptor])
    out.write(bytes(end_padding(out.size)))


def _write(out: HashingFile, source: Source, on_progress: Callable[[str, int], None]) -> None:
    """Write the whole tar: index, manifest, commits, data files, data package descriptor."""
    lake_json = source.fs.cat_file(source.join(LAKE_FILE))
    commits = _commits(source)
    manifest = io.BytesIO()
    pq.write_table(manifest_table(c for _, c in commits.values()), manifest, compression="zstd")
    out.write(index_header(lake_json, manifest.getvalue(), commits))
    first = {LAKE_FILE: lake_json, MANIFEST_TABLE: manifest.getvalue()}
    first |= {commit_path(*pair): content for pair, (content, _) in commits.items()}
    for path, content in first.items():
        _write_member(out, path, len(content), [content])
    files = (file for _, commit in commits.values() for file in files_of(commit))
    with ThreadPoolExecutor(_READERS) as pool:
        for file, blocks in ahead(pool, partial(_read, source), files, _READERS):
            _write_member(out, file.path, file.bytes, blocks)
            on_progress(file.path, file.bytes)
    descriptor = descriptor_content()  # for users who unpack it; not in the index
    _write_member(out, DESCRIPTOR_FILE, len(descriptor), [descriptor])
    out.write(bytes(end_padding(out.size)))


def _commits(source: Source) -> dict[Pair, tuple[bytes, Commit]]:
    """Read all commits, in order. The manifest in the pack is made of exactly these commits.

    A partition whose commit cannot be read is left out, with a warning.
    """
    pairs, commits = committed(source, Selection()), {}
    for pair, content in zip(pairs, commit_contents(source, pairs), strict=True):
        if content is None:
            raise FileNotFoundError(
                f"{source.url}: {commit_path(*pair)} was removed while packing; try again"
            )
        try:
            commits[pair] = content, parse_commit(content, *pair)
        except UnreadableCommitError as error:
            warn_of_gap(source.url, error)
    return commits


def _write_member(
    out: HashingFile, path: str, size: int, blocks: Iterable[bytes | memoryview]
) -> None:
    out.write(member_header(path, size))
    for block in blocks:
        out.write(block)
    out.write(bytes(padding(size)))


def _read(source: Source, file: WrittenFile) -> tuple[WrittenFile, Iterable[bytes]]:
    """Read a small file completely. Return a large file as blocks, to be read during writing."""
    blocks = source.verified(file)
    return file, list(blocks) if file.bytes <= BLOCK else blocks
