"""Conversion of feed zips to a lake: `plan_conversion` plans, and `convert` runs the plan.

A feed zip is the unit of work. Zips can be converted in any order, in parallel, and repeatedly.
A process claims a zip before it converts it, so many conversions of one feed share the work.
The files of a zip are written in a workspace and then renamed into place. The commit is written
last: only from then on does the zip count as converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.cluster.workers import running_client, share_out
from movielake.conversion.bundles import bundle
from movielake.conversion.planning import (
    KNOWN,
    Plan,
    Task,
    find_selected,
    plan_conversion,
)
from movielake.conversion.publishing import (
    find_halves,
    remove_partition,
)
from movielake.conversion.results import Conversion, Outcome
from movielake.conversion.zips import convert_bundle, convert_in_turn
from movielake.feed.limits import choose_limits
from movielake.feed.zips import Feed
from movielake.lake.claims import wait_for_claims
from movielake.lake.commits import DAMAGED, REFUSED, Commit
from movielake.lake.descriptors import write_descriptor
from movielake.lake.entries import unreadable_commits
from movielake.lake.ledger import read_commits
from movielake.lake.leftovers import remove_leftovers
from movielake.lake.manifest import read_manifest, rebuild_manifest
from movielake.lake.opening import create_lake, is_lake
from movielake.lake.writers import explained
from movielake.names.layout import Folder, Selection, Terms

_ZIP: Final = 100_000
"""Fixed cost of a feed zip in addition to its bytes, expressed in bytes."""

_FEW: Final = 4_000_000
"""Below this cost (two seconds of work), no workers are started: starting them takes as long."""


def convert(
    feed: str,
    lake: str,
    *,
    date_stamps: Terms = None,
    countries: Terms = None,
    workers: int | None = None,
    force: bool = False,
    strict: bool = False,
    with_json: bool = True,
    prune: bool = False,
    dry_run: bool = False,
    max_member_size: int | str | None = None,
    max_ratio: float | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Outcome], None] | None = None,
) -> Conversion:
    """Convert the new and changed feed zips of a feed to a lake.

    Parameters
    ----------
    feed : str
        Path or URL of the feed's root.
    lake : str
        Path or URL of the lake. Created if it does not exist.
    date_stamps, countries : str, iterable of str or slice, optional
        Stamps and countries to convert; all by default. See `movielake.names.layout.Selection`.
    workers : int, optional
        Number of processes. With 1, only this process works. By default as many as the machine
        has CPUs, or only this process if the work is small. If a dask client is running, its
        workers are used instead, regardless of their number.
    force : bool, optional
        Also convert zips that have not changed.
    strict : bool, optional
        Stop at the first damage instead of continuing.
    with_json : bool, optional
        Write JSON Lines in addition to Parquet.
    prune : bool, optional
        Remove selected partitions from the lake if their feed zip no longer exists.
    dry_run : bool, optional
        Only plan: convert and remove nothing, and change no file.
    max_member_size : int or str, optional
        Largest unpacked size of one member in bytes; 64 GB by default.
    max_ratio : float, optional
        Largest number of unpacked bytes per packed byte, beyond the first GB; 300 by default.
    on_plan, on_progress : callable, optional
        Called with the plan before the work, and with each outcome as soon as it is known.

    Returns
    -------
    Conversion
        The plan, and the result of each zip.

    Raises
    ------
    FileNotFoundError
        If the feed does not exist.
    ValueError
        If the lake is not a lake or has another format, if the feed has no selected zip, or if a
        limit is not a size.
    OSError
        If the lake cannot be written. Zips that are already converted stay in the lake.
    DamagedFeedError
        At the first damage, if ``strict``.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import convert
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl"], scale=0.02)
    ...     conversion = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    >>> len(conversion.commits), conversion.is_clean
    (1, True)
    """
    selection = Selection(date_stamps, countries)
    limits = choose_limits(max_member_size, max_ratio)
    found = find_selected(feed, selection)
    target = Folder(lake)
    if dry_run:
        model = Task(feed, lake, found.zips[0], with_json, force, strict, limits)
        known = _known(target) if is_lake(target) else []
        return Conversion(plan_conversion(found, model, selection, known), (), ())
    with explained(target):
        create_lake(target)
        write_descriptor(target)
        remove_leftovers(target)
        model = Task(feed, lake, found.zips[0], with_json, force, strict, limits)
        todo = plan_conversion(found, model, selection, _known(target))
        if on_plan:
            on_plan(todo)
        outcomes = []
        try:
            shared = target.is_shared and Folder(feed).is_shared
            for outcome in _run_all(todo.tasks, workers, shared):
                outcomes.append(outcome)
                if on_progress:
                    on_progress(outcome)
            removed = _prune(target, todo.missing) if prune else ()
        finally:
            remove_leftovers(target)  # workspaces of workers that were killed
            manifest = rebuild_manifest(target)
    outcomes.sort(key=lambda outcome: outcome.zip_.key)
    done = Conversion(todo, tuple(outcomes), removed, unreadable=unreadable_commits(manifest))
    return replace(done, still_hurt=_still_hurt(target, found, done))


def _run_all(tasks: Sequence[Task], workers: int | None, shared: bool) -> Iterator[Outcome]:
    """Run the tasks. At the end, look again at the zips that other conversions had claimed."""
    while tasks:
        claimed = []
        for outcome in _run(tasks, workers, shared):
            if outcome.is_claimed:
                claimed.append(outcome.zip_.key)
            else:
                yield outcome
        if claimed:
            wait_for_claims(Folder(tasks[0].lake), claimed)
        tasks = [task for task in tasks if task.zip_.key in claimed]


def _run(tasks: Sequence[Task], workers: int | None, shared: bool) -> Iterator[Outcome]:
    """Run the tasks, here or on workers, and yield each outcome as soon as it is known."""
    bundles = bundle(tasks)
    if workers == 1 or not shared or (workers is None and _are_few(tasks)) or len(tasks) <= 1:
        yield from chain.from_iterable(map(convert_in_turn, bundles))
        return
    yield from _share_out(bundles, workers)


def _share_out(bundles: list[list[Task]], workers: int | None) -> Iterator[Outcome]:
    again: list[list[Task]] = []
    for number, result in share_out(convert_bundle, bundles, workers):
        if not isinstance(result, ChildProcessError):
            yield from result
        elif len(bundles[number]) > 1:  # one of the feed zips ended its workers
            again += [[task] for task in bundles[number]]
        else:
            zip_ = bundles[number][0].zip_
            yield Outcome(zip_, error=f"{zip_.path}: {result}")
    if again:
        yield from _share_out(again, workers)


def _are_few(tasks: Sequence[Task]) -> bool:
    return running_client() is None and sum(task.zip_.size + _ZIP for task in tasks) < _FEW


def _still_hurt(lake: Folder, feed: Feed, done: Conversion) -> tuple[Commit, ...]:
    """Read the commits of damaged feed zips that this run did not convert again."""
    rows = read_manifest(lake, ("date_stamp", "country", "status"), needed=None)
    hurt = rows.filter(pc.is_in(rows["status"], pa.array([DAMAGED, REFUSED]))).to_pylist()
    pairs = dict.fromkeys((row["date_stamp"], row["country"]) for row in hurt)
    again = {(commit.date_stamp, commit.country) for commit in done.commits}
    unchanged = {zip_.key for zip_ in feed.zips} - again
    commits = read_commits(lake, [pair for pair in pairs if pair in unchanged])
    return tuple(commit for commit in commits if commit and commit.is_hurt)


def _known(lake: Folder) -> list[dict[str, Any]]:
    """List the lake's commits. Partitions that are half done have a stamp and a country only."""
    rows: list[dict[str, Any]] = read_manifest(lake, KNOWN, needed=None).to_pylist()
    nothing = dict.fromkeys(KNOWN)
    halves = [nothing | {"date_stamp": s, "country": c} for s, c in find_halves(lake)]
    return rows + halves


def _prune(lake: Folder, missing: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    for pair in missing:
        remove_partition(lake, *pair)
    return tuple(missing)
