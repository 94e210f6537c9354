"""The manifest: the result of each feed zip. A zip counts as converted when its commit is here.

``manifest/STAMP/CCC.json`` contains one commit. ``manifest.parquet`` contains all commits in one
table. The table is derived, and it is used only if its commits are exactly the commits in the lake.
A process that changes a commit first removes ``manifest.parquet`` and all drafts of it. So the
table can be missing, but it is never wrong. While a commit cannot be read, the file is not written.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.collector import collector_paused
from movielake.lake.commits import Commit
from movielake.lake.drafts import Draft
from movielake.lake.entries import MANIFEST, manifest_table, unreadable_commits
from movielake.lake.gaps import warn_of_gap
from movielake.lake.ledger import Pairs, committed, read_commits
from movielake.lake.locks import wait_for_holders
from movielake.lake.opening import COMPACT, read_layout
from movielake.names.layout import MANIFEST_TABLE, Folder, Selection

_EVERYTHING: Final = Selection()


def read_manifest(
    lake: Folder, columns: Sequence[str] | None = None, needed: Selection | None = _EVERYTHING
) -> pa.Table:
    """Read the manifest of a lake as a table with one row per member.

    Parameters
    ----------
    lake : Folder
        The lake.
    columns : sequence of str, optional
        Names of columns of `MANIFEST`. All by default.
    needed : Selection or None, optional
        Partitions that must not be left out only because they are being replaced. All by
        default.

    Returns
    -------
    pa.Table
        The rows, in the order of stamp, country and member.

    Raises
    ------
    ValueError
        If a needed partition is still being replaced after two seconds.

    Warns
    -----
    UnreadableCommitWarning
        For each needed partition whose commit cannot be read. Its only row has the status
        ``unreadable`` and no files.
    """
    if read_layout(lake) == COMPACT:
        return read_table_file(lake, columns)
    while True:
        present = committed(lake, needed)
        table = _read_table(lake, present, columns)
        if table is not None:
            return table
        commits = _read_all(lake, present)
        if None not in commits:
            table = manifest_table(filter(None, commits))
            for pair, reason in unreadable_commits(table).items():
                if needed and needed.matches(*pair):
                    warn_of_gap(lake.url, reason)
            return table.select(columns or MANIFEST.names)


def read_table_file(lake: Folder, columns: Sequence[str] | None = None) -> pa.Table:
    """Read ``manifest.parquet`` of a compact lake, which has no commits.

    Raises
    ------
    ValueError
        If the file is missing or damaged.
    """
    return parse_table(read_table_content(lake), lake, columns)


def read_table_content(lake: Folder) -> bytes:
    """Read the bytes of ``manifest.parquet`` of a compact lake."""
    with _mended(lake):
        return bytes(lake.fs.cat_file(lake.join(MANIFEST_TABLE)))


def parse_table(content: bytes, lake: Folder, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the bytes of ``manifest.parquet`` of a compact lake as a table."""
    with _mended(lake):
        parquet = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        if parquet.schema_arrow != MANIFEST:
            raise pa.ArrowInvalid("other columns")
        return parquet.read(columns=columns, use_threads=False)


@contextmanager
def _mended(lake: Folder) -> Iterator[None]:
    """Explain why ``manifest.parquet`` of a compact lake cannot be read, and the fix."""
    try:
        yield
    except (FileNotFoundError, pa.ArrowException, OSError) as error:
        is_missing = isinstance(error, FileNotFoundError)
        # Arrow's text can have several lines, and control characters of the damaged bytes.
        found = "no such file" if is_missing else ascii(str(error).strip())
        raise ValueError(
            f"expected {MANIFEST_TABLE} in the compact copy {lake.url}, found {found}; "
            "make the copy again with: movielake compact LAKE TO"
        ) from None


def rebuild_manifest(lake: Folder) -> pa.Table:
    """Write ``manifest.parquet`` from the commits, unless it is up to date.

    If another process changes a commit at the same time, the file is not written. The other
    process rebuilds it later. If a commit cannot be read, the file is not written either, so that
    every reader notices the commit, and notices when it is mended.

    Parameters
    ----------
    lake : Folder
        The lake.

    Returns
    -------
    pa.Table
        The whole manifest.
    """
    table = _read_table(lake, committed(lake))
    if table is not None:
        return table
    with Draft(lake) as draft:
        # A process that changes a commit from now on removes the draft. Wait for earlier ones.
        wait_for_holders(lake)
        table = manifest_table(filter(None, _read_all(lake, committed(lake))))
        if not unreadable_commits(table):
            content = io.BytesIO()
            pq.write_table(table, content, compression="zstd")
            draft.publish(content.getvalue(), MANIFEST_TABLE)
    return table


def _read_table(
    lake: Folder, present: Pairs, columns: Sequence[str] | None = None
) -> pa.Table | None:
    """Read ``manifest.parquet``. Return None if it is missing, unreadable or of other commits."""
    path = lake.join(MANIFEST_TABLE)
    with (
        suppress(OSError, pa.ArrowException),
        # Read an object at once, because another process can replace it between two reads.
        pa.OSFile(path) if lake.is_local else pa.BufferReader(lake.fs.cat_file(path)) as file,
    ):
        # Without Arrow's threads: if such a thread releases a Python file or Python bytes while
        # Python is ending, the whole process is aborted.
        known = pq.ParquetFile(file)
        if known.schema_arrow.names != MANIFEST.names:
            return None
        keys = known.read(columns=["date_stamp", "country"], use_threads=False).to_pydict()
        if list(dict.fromkeys(zip(*keys.values(), strict=True))) == present:
            return known.read(columns=columns, use_threads=False)
    return None


@collector_paused()
def _read_all(lake: Folder, present: Pairs) -> list[Commit | None]:
    """Read commits. The result has None for each commit that was removed in the meantime."""
    return list(read_commits(lake, present))
