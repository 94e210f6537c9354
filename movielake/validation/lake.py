"""Check of a whole lake: first its commits, then the contents of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Final

from movielake.cluster.processes import in_order
from movielake.cluster.workers import running_client, share_out
from movielake.names.hints import require_countries
from movielake.names.layout import Folder, Selection, Terms
from movielake.staging.packs import Pair
from movielake.validation.accounts import (
    check_descriptor,
    check_files,
    check_manifest,
    check_members,
    check_ranges,
)
from movielake.validation.batches import plan_batches
from movielake.validation.contents import Batch, Depth, check_batch
from movielake.validation.findings import Checked, Finding
from movielake.validation.inventory import Inventory, check_layout, take_inventory
from movielake.validation.lakefile import check_lake_file
from movielake.validation.places import check_countries
from movielake.validation.weeks import CountryWeeks, check_weeks, weeks_of

_FEW: Final = 2
"""Up to this number of batches run in this process, because starting workers takes longer."""

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
    on_weeks: Callable[[list[CountryWeeks]], None] | None = None,
) -> Iterator[Finding]:
    """Check a lake, with the default severities of the rules.

    Parameters
    ----------
    lake : str
        Path or URL.
    date_stamps, countries, sample, fast, max_orphans, workers, on_checked, on_weeks
        As for `movielake.validate`.
    places : bool, optional
        Whether to check that theaters lie inside their country.

    Yields
    ------
    Finding

    Raises
    ------
    ValueError
        If the selection matches no partition, or names a country that the lake does not have.
    """
    folder, selection = Folder(lake), Selection(date_stamps, countries)
    for finding in check_lake_file(folder):
        yield finding
        if finding.rule == "lake-format":
            return
    inventory = take_inventory(folder, to_the_byte=not fast)
    yield from check_layout(inventory)
    yield from inventory.broken.values()
    if inventory.is_compact and inventory.broken:
        return  # no other file states what the files hold
    yield from check_manifest(inventory, to_the_byte=not fast)
    yield from check_descriptor(inventory)
    selected = [pair for pair in inventory.commits if selection.matches(*pair)]
    if not selected and (inventory.commits or not inventory.broken):
        raise ValueError(_nothing(lake, inventory, selection))
    require_countries(selection, {country for _, country in inventory.commits}, lake)
    yield from check_files(inventory, frozenset(selected), selection)
    yield from check_ranges(inventory, frozenset(selected))
    yield from check_members(inventory, frozenset(selected))
    yield from check_countries(selected, is_compact=inventory.is_compact)
    if on_weeks:
        on_weeks([weeks for weeks in weeks_of(inventory) if selection.means_country(weeks.country)])
    yield from check_weeks(inventory, selection)
    chosen = selected if sample is None else spread(selected, sample)
    depth = Depth(lake, fast, not fast and sample is None, max_orphans, places)
    batches = plan_batches(chosen, inventory, fast=fast)
    for findings, checked in _run(depth, batches, workers):
        if on_checked:
            on_checked(checked)
        yield from findings


def _nothing(lake: str, inventory: Inventory, selection: Selection) -> str:
    if not inventory.commits:
        return f"expected a lake with data, found no commit in {lake}; convert a feed into it first"
    stamps, countries = (sorted({pair[i] for pair in inventory.commits}) for i in (0, 1))
    return (
        f"no partition in {lake} matches {selection}; it has {len(stamps)} stamps "
        f"({stamps[0]} to {stamps[-1]}) and the countries {', '.join(countries)}"
    )


def spread(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Choose partitions, spread over stamps and countries. The choice is the same in each run.

    Parameters
    ----------
    pairs : sequence of Pair
        All partitions, in order.
    count : int
        Number of partitions to choose.

    Returns
    -------
    list of Pair
        One from each of ``count`` equal parts of ``pairs``, in order.

    Examples
    --------
    >>> from movielake.validation.lake import spread
    >>> pairs = [(stamp, c) for stamp in ("20191206", "20191213") for c in ("can", "deu", "swe")]
    >>> spread(pairs, 2)
    [('20191206', 'can'), ('20191213', 'swe')]
    """
    count = min(count, len(pairs))
    edges = [number * len(pairs) // count for number in range(count + 1)] if count else []
    # Equal steps through the sorted pairs would choose the same few countries. A digest does not.
    return [min(pairs[start:end], key=_digest) for start, end in pairwise(edges)]


def _digest(pair: Pair) -> bytes:
    return hashlib.sha256("/".join(pair).encode()).digest()


def _run(depth: Depth, batches: Sequence[Batch], workers: int | None) -> Results:
    """Check batches, here or on workers, and yield the results in order."""
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
            raise OSError(f"{first} to {last}: {result}; try again with fewer workers")
        yield result
