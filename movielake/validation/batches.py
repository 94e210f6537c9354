"""Batches: partitions of a lake that one worker checks together, so that it reads a file once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final

from movielake.lake.commits import Commit, MemberCommit
from movielake.lake.writers import WrittenFile
from movielake.names.layout import ROW_GROUP
from movielake.staging.packs import Pair, files_of
from movielake.validation.contents import Batch
from movielake.validation.inventory import Inventory
from movielake.validation.shared import SharedFile

BATCH: Final = 1 << 23
"""Largest size of one task for a worker, in bytes: a few seconds of work."""

_PARTITION: Final = 5_000
_FOOTERS: Final = 1_000
"""Extra cost of a partition besides its bytes, and its cost with ``fast``. Both in bytes."""


def plan_batches(chosen: Sequence[Pair], inventory: Inventory, *, fast: bool) -> list[Batch]:
    """Divide the work into batches that are large enough for a worker.

    Parameters
    ----------
    chosen : sequence of Pair
        The partitions to check, in order.
    inventory : Inventory
        The lake.
    fast : bool
        Whether only footers are read.

    Returns
    -------
    list of Batch
        The batches. Those of a compact lake are in the order of country and stamp, and a batch ends
        at the end of a row group, because a row group has many stamps of one country.
    """
    present = {
        file.path
        for file in inventory.named
        if inventory.files.get(file.path, (-1,))[0] == file.bytes
    }
    rows = _rows_of_files(inventory) if inventory.is_compact else {}
    pairs = sorted(chosen, key=itemgetter(1, 0)) if inventory.is_compact else chosen
    batches: list[Batch] = []
    seen: set[WrittenFile] = set()
    for piece in _pieces(pairs, inventory, rows, fast):
        commits = tuple(inventory.commits[pair] for pair in piece)
        starts = tuple(inventory.starts[pair] for pair in piece if inventory.is_compact)
        there = present.intersection(file.path for c in commits for file in files_of(c))
        shared = [
            SharedFile(file, table, rows[file.path])
            for file, table in _parquet_files(commits).items()
            if file.path in rows.keys() & present and file not in seen
        ]
        seen.update(each.file for each in shared)
        batches.append(Batch(commits, frozenset(there), starts, tuple(shared)))
    return batches


def _parquet_files(commits: Iterable[Commit]) -> dict[WrittenFile, str]:
    """Return the Parquet files of commits, each with its table."""
    members = (member for commit in commits for member in commit.members)
    return {member.parquet: member.table for member in members if member.parquet and member.table}


def _pieces(
    pairs: Sequence[Pair], inventory: Inventory, rows: dict[str, int], fast: bool
) -> Iterator[list[Pair]]:
    """Divide partitions into pieces of about `BATCH` bytes."""
    cuts = _row_group_starts(pairs, inventory) if inventory.is_compact else frozenset(pairs)
    piece: list[Pair] = []
    size = 0.0
    for pair in pairs:
        if size > BATCH and pair in cuts:
            yield piece
            piece, size = [], 0.0
        piece.append(pair)
        members = inventory.commits[pair].members
        size += _FOOTERS if fast else _PARTITION + sum(_bytes(member, rows) for member in members)
    if piece:
        yield piece


def _bytes(member: MemberCommit, rows: dict[str, int]) -> float:
    """Return the bytes of the files of a member, or of its share in a file of many members."""
    return sum(
        file.bytes * member.rows / max(rows[file.path], 1) if file.path in rows else file.bytes
        for file in member.files
    )


def _rows_of_files(inventory: Inventory) -> dict[str, int]:
    """Return the number of rows of each Parquet file, as the commits state them."""
    rows: dict[str, int] = {}
    for commit in inventory.commits.values():
        for member in commit.members:
            if member.parquet:
                path = member.parquet.path
                rows[path] = rows.get(path, 0) + member.rows
    return rows


def _row_group_starts(pairs: Sequence[Pair], inventory: Inventory) -> frozenset[Pair]:
    """Return the partitions of a compact lake whose largest member begins a row group."""
    cuts, begin, before = set(), 0, ""
    for pair in pairs:
        members = zip(inventory.commits[pair].members, inventory.starts[pair], strict=True)
        found = [(m.rows, m.parquet.path, start.row or 0) for m, start in members if m.parquet]
        _, path, row = max(found, default=(0, before, begin))
        if path != before or row - begin >= ROW_GROUP:
            cuts.add(pair)
            before, begin = path, row
    return frozenset(cuts)
