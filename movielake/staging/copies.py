"""Staging: a copy of the needed part of a lake on the local disk of the node. The copy is a lake.

A partition (one date stamp and country) is the unit of work. Its files are copied to a hidden
folder, verified, and renamed into place. Then its commit is written, and the partition counts.
``lake.json`` is written last. If the first stage is killed, the folder is not a lake yet, and the
next stage continues the work.
"""

from __future__ import annotations

import json as jsonlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pyarrow as pa

from movielake.cluster.slurm import read_job
from movielake.lake.collector import collector_paused
from movielake.lake.entries import manifest_table
from movielake.lake.ledger import committed
from movielake.lake.manifest import read_manifest
from movielake.lake.opening import COMPACT, LEAVES, read_layout
from movielake.lake.writers import explained
from movielake.names.hints import require_countries, tell_choices
from movielake.names.layout import MANIFEST_TABLE, Folder, Selection, Terms, safe_name
from movielake.staging.compacting import Copy, bytes_to_write
from movielake.staging.manifests import read_source, require_rows
from movielake.staging.partitions import Partition, read_kinds
from movielake.staging.selecting import Kinds, choose, extend, restrict
from movielake.staging.sources import Pack, Source, ahead, open_source
from movielake.staging.spans import SPANS
from movielake.staging.targets import Target

STAGED_FILE: Final = ".staged.json"
"""File of a staged lake that names its source. A process that stages holds a lock on it."""

_THREADS: Final = 4
_BLOCK: Final = 4096


def stage(
    source: str,
    to: str | None = None,
    *,
    tables: str | Iterable[str] | None = None,
    date_stamps: Terms = None,
    countries: Terms = None,
    json: bool = True,
    compact: bool | None = None,
    workers: int | None = None,
    on_progress: Callable[[str, int], None] | None = None,
) -> str:
    """Copy a lake, or a part of it, to the local disk of the node.

    The copy is a complete lake, and every file in it is checked against the manifest. Another
    stage to the same folder copies only files that are missing or have changed in the source. A
    larger selection extends the staged lake. A smaller selection removes no file. Parquet files are
    always staged.

    Parameters
    ----------
    source : str
        Path or URL of a lake's folder, or of a pack.
    to : str, optional
        Local folder for the staged lake. ``$SLURM_TMPDIR/movielake/NAME`` by default.
    tables : str or iterable of str, optional
        Tables to stage. All by default.
    date_stamps, countries : str, iterable of str or slice, optional
        Stamps and countries to stage. All by default. See `movielake.names.layout.Selection`.
    json : bool, optional
        Also stage JSON Lines, which `bag` needs. Staging is faster without them.
    compact : bool, optional
        Stage a compact lake. By default the layout stays as it is in the source. To make leaves
        compact costs more time than to copy them, so compact the lake once with
        `movielake.compact` or `movielake.pack`, not in each job.
    workers : int, optional
        Number of partitions to copy and check at the same time.
    on_progress : callable, optional
        Function to call with the path and the size of each file after it was copied.

    Returns
    -------
    str
        Absolute path of the staged lake. Without ``to`` and outside Slurm, the lake is not staged
        and the result is ``source``.

    Raises
    ------
    FileNotFoundError
        If the source does not exist.
    ValueError
        If the source is damaged, is refused or is not a lake, if no partition matches the
        selection, or if ``to`` contains other files.
    OSError
        If there is not enough space.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import convert
    >>> from movielake.sample import write_sample
    >>> from movielake.staging.copies import stage
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl", "swe"], scale=0.02)
    ...     _ = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    ...     staged = stage(f"{folder}/lake", f"{folder}/ssd", countries="swe", tables="showings")
    ...     [path.name for path in sorted(Path(staged, "parquet/showings").rglob("*.parquet"))]
    ['191206S.parquet']
    """
    kinds = read_kinds(tables, json)
    selection = Selection(date_stamps, countries)
    with open_source(source) as lake:
        folder = _folder(lake, to)
        if folder is None:
            return str(source)
        if _becomes_compact(lake, compact):
            with explained(Folder(str(folder))), _claimed(folder, lake, COMPACT):
                _stage_compact(lake, folder, selection, kinds, workers, on_progress)
            return str(folder)
        wanted = dict.fromkeys(_select(lake, selection), kinds)
        with (
            explained(Folder(str(folder))),
            _claimed(folder, lake, LEAVES),
            Target(lake, folder, wanted) as target,
        ):
            _update(target, workers or _THREADS, on_progress or (lambda *_: None))
    return str(folder)


def _folder(lake: Source, to: str | None) -> Path | None:
    """Return the folder to stage to, or None if the lake can be used in place."""
    if to is not None:
        place = Folder(to)
        if not place.is_local:
            raise ValueError(f"expected a folder on this machine to stage to, found {to}")
        return Path(place.path)
    scratch = read_job().scratch
    if scratch is not None:
        name = safe_name(lake.name).lstrip(".") or "lake"
        return Path(scratch).absolute() / "movielake" / name
    if isinstance(lake, Pack):
        raise ValueError(
            f"a pack cannot be used in place, and SLURM_TMPDIR is not set; "
            f"choose a folder for {lake.url} with --to DIR (to=)"
        )
    return None


def _select(lake: Source, selection: Selection) -> list[tuple[str, str]]:
    """List the selected partitions. If none matches, raise an error that shows the choices."""
    everything = committed(lake, selection)
    if not everything:
        raise ValueError(
            f"expected a lake with data, found no commit in {lake.url}; "
            "convert a feed into it with: movielake convert FEED LAKE"
        )
    stamps, countries = ({pair[i] for pair in everything} for i in (0, 1))
    selected = [pair for pair in everything if selection.matches(*pair)]
    if not selected:
        choices = tell_choices(selection, stamps, countries)
        raise ValueError(f"nothing in {lake.url} matches {selection}; it has {choices}")
    require_countries(selection, countries, lake.url)
    return selected


def _becomes_compact(lake: Source, asked: bool | None) -> bool:
    is_compact = read_layout(lake) == COMPACT
    if is_compact and asked is False:
        raise ValueError(
            f"expected a lake as converted, found a compact one in {lake.url}; leave out --leaves "
            "(compact=False), or stage the lake that it was made from"
        )
    return is_compact or bool(asked)


def _stage_compact(
    lake: Source,
    folder: Path,
    selection: Selection,
    kinds: Kinds,
    workers: int | None,
    on_progress: Callable[[str, int], None] | None,
) -> None:
    """Stage a compact lake. An earlier selection stays staged."""
    target, whole = Folder(str(folder)), read_source(lake)
    wanted, unit = choose(whole.table, selection, kinds), whole.unit or SPANS[0]
    require_rows(restrict(whole.table, wanted), whole.table, lake.url, selection)
    if read_layout(target) == COMPACT:
        wanted = extend(whole.table, wanted, read_manifest(target))
    manifest, plans = whole.plan(wanted, unit)
    _compare_space(folder, bytes_to_write(plans, target))
    copy = Copy(lake, target, workers or _THREADS, on_progress, is_durable=False)
    is_same = whole.unit is not None and manifest is whole.table
    copy.write(manifest, plans, unit, whole.content if is_same else None)


@contextmanager
def _claimed(folder: Path, lake: Source, layout: str) -> Iterator[None]:
    """Reserve the folder for this source, and lock it against other processes until the end.

    The lock ends with the process that holds it. On a file system without locks, two processes can
    stage at the same time. Both do all the work, each under its own temporary names.
    """
    import fcntl  # imported here because Windows does not have it

    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / STAGED_FILE
    if any(path != mark for path in folder.iterdir()) and not mark.exists():
        raise ValueError(
            f"expected an empty folder or a staged lake, found other files in {folder}; "
            "choose another folder with --to (to=)"
        )
    with mark.open("a+") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        mark_of = {"source": lake.identity, "layout": layout}
        mine, known = jsonlib.dumps(mark_of) + "\n", file.readline()
        if known not in ("", mine):
            raise ValueError(
                f"{folder} was staged from {known.strip()}, not from {mine.strip()}; "
                "choose another folder with --to (to=)"
            )
        if not known:
            file.write(mine)
            file.flush()
        yield


@collector_paused()
def _update(target: Target, threads: int, on_progress: Callable[[str, int], None]) -> None:
    """Bring the staged lake up to date with its source."""
    with ThreadPoolExecutor(threads) as pool:
        plans = list(target.plans())
        todo = [plan for plan in plans if plan.is_due]
        _check_space(target.folder, todo)
        done = {plan.pair: plan for plan in plans}
        if todo or not target.has_manifest:
            manifest = _manifest(plans)
            target.remove(MANIFEST_TABLE)  # a derived table can be missing, but never out of date
            for fetched in ahead(pool, target.fetch, todo, 2 * threads):
                plan = target.put(fetched)
                done[plan.pair] = plan
                for file in plan.missing:
                    on_progress(file.path, file.bytes)
            changed = list(done.values())
            target.write_manifest(manifest if changed == plans else _manifest(changed))
    target.write_lake_file()


def _manifest(plans: Iterable[Partition]) -> pa.Table:
    return manifest_table(plan.commit for plan in plans if plan.commit)


def _check_space(folder: Path, todo: Iterable[Partition]) -> None:
    """Compare the size of the files to copy with the free space, before a file is written."""
    sizes = [file.bytes for plan in todo for file in plan.missing]
    _compare_space(folder, sum(-(-size // _BLOCK) * _BLOCK for size in sizes))


def _compare_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"not enough space to stage to {folder}: {needed:,} bytes needed, {free:,} "
            "available; select less (--tables, --stamps, --countries, --no-json) or use --to"
        )
