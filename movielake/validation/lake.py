"""A lake as a whole: what its commits say first, then what its files hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Final

from movielake.cluster.processes import in_order
from movielake.cluster.workers import running_client, share_out
from movielake.lake.commits import Commit
from movielake.names.layout import Folder, Selection, Terms
from movielake.staging.packs import Pair, files_of
from movielake.validation.accounts import (
    check_descriptor,
    check_files,
    check_manifest,
    check_members,
)
from movielake.validation.contents import Batch, Depth, check_batch
from movielake.validation.findings import Checked, Finding
from movielake.validation.inventory import Inventory, check_lake_file, take_inventory

_BATCH: Final = 1 << 23
"""Bytes of one task of a worker, at the most: some seconds of work."""

_PARTITION: Final = 50_000
_FOOTERS: Final = 1_000
"""What a partition costs besides its bytes, and if only its footers are read; in bytes too."""

_FEW: Final = 2
"""Batches that are done here: to start workers would take longer."""

Results = Iterator[tuple[list[Finding], Checked]]


def check_lake(
    lake: str,
    *,
    date_stamps: Terms = None,
    countries: Terms = None,
    sample: int | None = None,
    fast: bool = False,
    max_orphans: float | None = None,
    places: bool = True,
    workers: int | None = None,
    on_checked: Callable[[Checked], None] | None = None,
) -> Iterator[Finding]:
    """Check a lake, with the severities that the rules have by themselves.

    Parameters
    ----------
    lake : str
        Path or URL.
    date_stamps, countries, sample, fast, max_orphans, workers, on_checked
        As for `movielake.validate`.
    places : bool, optional
        Whether theaters are looked up on the map.

    Yields
    ------
    Finding

    Raises
    ------
    ValueError
        If nothing is selected, or the options contradict each other.
    """
    folder, selection = Folder(lake), Selection(date_stamps, countries)
    for finding in check_lake_file(folder):
        yield finding
        if finding.rule == "lake-format":
            return
    inventory = take_inventory(folder, to_the_byte=not fast)
    yield from inventory.broken.values()
    yield from check_manifest(inventory, to_the_byte=not fast)
    yield from check_descriptor(inventory)
    selected = [pair for pair in inventory.commits if selection.matches(*pair)]
    if not selected and (inventory.commits or not inventory.broken):
        raise ValueError(_nothing(lake, inventory, selection))
    yield from check_files(inventory, frozenset(selected), selection)
    yield from check_members(inventory, frozenset(selected))
    chosen = selected if sample is None else spread(selected, sample)
    depth = Depth(lake, fast, max_orphans, places)
    batches = _batches([inventory.commits[pair] for pair in chosen], inventory, fast)
    for findings, checked in _run(depth, batches, workers):
        if on_checked:
            on_checked(checked)
        yield from findings


def _nothing(lake: str, inventory: Inventory, selection: Selection) -> str:
    if not inventory.commits:
        return f"{lake} holds nothing yet: no feed zip was converted into it"
    stamps, countries = (sorted({pair[i] for pair in inventory.commits}) for i in (0, 1))
    return (
        f"nothing in {lake} matches {selection}; it has {len(stamps)} stamps "
        f"({stamps[0]} to {stamps[-1]}) and the countries {', '.join(countries)}"
    )


def spread(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Choose some partitions, the same each time, from all over the stamps and countries.

    Parameters
    ----------
    pairs : sequence of Pair
        All of them, in order.
    count : int
        How many.

    Returns
    -------
    list of Pair
        In order: out of each of ``count`` equal stretches, one.

    Examples
    --------
    >>> from movielake.validation.lake import spread
    >>> pairs = [(stamp, c) for stamp in ("20191206", "20191213") for c in ("can", "deu", "swe")]
    >>> spread(pairs, 2)
    [('20191206', 'can'), ('20191213', 'swe')]
    """
    count = min(count, len(pairs))
    edges = [number * len(pairs) // count for number in range(count + 1)] if count else []
    # By a digest: equal steps through countries within stamps would meet the same few countries.
    return [min(pairs[start:end], key=_digest) for start, end in pairwise(edges)]


def _digest(pair: Pair) -> bytes:
    return hashlib.sha256("/".join(pair).encode()).digest()


def _batches(commits: Sequence[Commit], inventory: Inventory, fast: bool) -> list[Batch]:
    """Cut the work into pieces that are worth a worker's while."""
    pieces: list[list[Commit]] = [[]]
    size = 0
    for commit in commits:
        if size > _BATCH:
            pieces.append([])
            size = 0
        pieces[-1].append(commit)
        size += _FOOTERS if fast else _PARTITION + sum(f.bytes for f in files_of(commit))
    return [Batch(tuple(piece), _present(piece, inventory)) for piece in pieces]


def _present(commits: Sequence[Commit], inventory: Inventory) -> frozenset[str]:
    """Name the files that are there, in the size that they should have."""
    files = (file for commit in commits for file in files_of(commit))
    return frozenset(
        file.path for file in files if inventory.files.get(file.path, (-1,))[0] == file.bytes
    )


def _run(depth: Depth, batches: Sequence[Batch], workers: int | None) -> Results:
    """Check batches, here or on workers; their results come in order."""
    check = partial(check_batch, depth)
    few = len(batches) <= _FEW and running_client() is None
    if workers == 1 or few or not Folder(depth.url).is_shared:
        yield from map(check, batches)
        return
    for batch, result in zip(batches, in_order(share_out(check, batches, workers)), strict=True):
        if isinstance(result, ChildProcessError):
            first, last = (
                f"{c.date_stamp} {c.country}" for c in (batch.commits[0], batch.commits[-1])
            )
            raise OSError(f"{first} to {last}: {result}; try it with fewer workers")
        yield result
