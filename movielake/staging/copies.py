"""Staging: the part of a lake that a job needs, on the node's own disk, as a lake of its own.

A partition (one stamp and country) is the unit of work: its files are copied aside, verified, and
renamed into place; then its commit makes it count. ``lake.json`` comes last: a first stage that
was killed is no lake yet, and the next one goes on where it ended.
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
from movielake.lake.commits import committed
from movielake.lake.manifest import manifest_table
from movielake.lake.writers import explained
from movielake.names.hints import require_countries, tell_choices
from movielake.names.layout import MANIFEST_TABLE, Folder, Selection, Terms, safe_name
from movielake.schema.tables import TABLES
from movielake.staging.partitions import Kinds, Partition
from movielake.staging.sources import Pack, Source, ahead, open_source
from movielake.staging.targets import Target

STAGED_FILE: Final = ".staged.json"
"""In a staged lake: where it came from. Whoever stages holds a lock on it."""

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
    workers: int | None = None,
    on_progress: Callable[[str, int], None] | None = None,
) -> str:
    """Copy a lake, or the part of it that is asked for, to the node's own disk.

    What is staged is a lake of its own, with every file checked against the manifest. To stage
    again copies only what is not there yet or has changed in the source; a larger selection
    extends the staged lake, a smaller one takes nothing away. Parquet is always target.

    Parameters
    ----------
    source : str
        Path or URL of a lake's folder, or of a pack.
    to : str, optional
        Local folder for the staged lake; ``$SLURM_TMPDIR/movielake/NAME`` by default.
    tables : str or iterable of str, optional
        Which tables; all by default.
    date_stamps, countries : str, iterable of str or slice, optional
        What to stage; everything by default. See `movielake.names.layout.Selection`.
    json : bool, optional
        Stage JSON Lines too, which `bag` needs; without them it is faster.
    workers : int, optional
        Partitions copied and checked at a time.
    on_progress : callable, optional
        Told path and bytes of each file that was copied.

    Returns
    -------
    str
        Where the staged lake is: an absolute path. Without ``to`` and outside Slurm nothing is
        staged, and ``source`` is given back.

    Raises
    ------
    FileNotFoundError
        If there is no source.
    ValueError
        If the source is damaged, refused or no lake; if nothing in it is selected; or if ``to``
        holds something else.
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
    kinds = _kinds(tables, json)
    selection = Selection(date_stamps, countries)
    with open_source(source) as lake:
        folder = _folder(lake, to)
        if folder is None:
            return str(source)
        wanted = dict.fromkeys(_select(lake, selection), kinds)
        with (
            explained(Folder(str(folder))),
            _claimed(folder, lake),
            Target(lake, folder, wanted) as target,
        ):
            _update(target, workers or _THREADS, on_progress or (lambda *_: None))
    return str(folder)


def _kinds(tables: str | Iterable[str] | None, json: bool) -> Kinds:
    chosen = tables.split(",") if isinstance(tables, str) else TABLES if tables is None else tables
    names = {name.strip() for name in chosen}
    if not names or names - set(TABLES):
        raise ValueError(f"expected tables out of {', '.join(TABLES)}, found {tables!r}")
    return frozenset((name, kind) for name in names for kind in ("parquet", "json")[: 1 + json])


def _folder(lake: Source, to: str | None) -> Path | None:
    """Decide where to stage; None if it is not to be staged."""
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
            f"a pack cannot be used in place, and SLURM_TMPDIR is not set: "
            f"say where to stage {lake.url} with --to DIR (to=)"
        )
    return None


def _select(lake: Source, selection: Selection) -> list[tuple[str, str]]:
    """List the partitions that are meant; what the lake has if there is none."""
    everything = committed(lake, selection)
    if not everything:
        raise ValueError(f"{lake.url} holds nothing yet: no feed zip was converted into it")
    stamps, countries = ({pair[i] for pair in everything} for i in (0, 1))
    selected = [pair for pair in everything if selection.matches(*pair)]
    if not selected:
        choices = tell_choices(selection, stamps, countries)
        raise ValueError(f"nothing in {lake.url} matches {selection}; it has {choices}")
    require_countries(selection, countries, lake.url)
    return selected


@contextmanager
def _claimed(folder: Path, lake: Source) -> Iterator[None]:
    """Make the folder ours: no other source's, and no other process's for the time being.

    The lock ends with the process that holds it. Where a file system has no locks, two at once
    both do all the work, each under its own temporary names.
    """
    import fcntl  # not on Windows, where nothing else here needs it

    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / STAGED_FILE
    if any(path != mark for path in folder.iterdir()) and not mark.exists():
        raise ValueError(
            f"expected an empty folder, or a lake staged before, found neither: {folder}"
        )
    with mark.open("a+") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        mine, known = jsonlib.dumps({"source": lake.identity}) + "\n", file.readline()
        if known not in ("", mine):
            raise ValueError(
                f"{folder} was staged from {known.strip()}, not from {lake.identity}; "
                "give another folder with --to (to=)"
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
            target.remove(MANIFEST_TABLE)  # what is derived may be missing, but never behind
            for fetched in ahead(pool, target.fetch, todo, 2 * threads):
                plan = target.put(fetched)
                done[plan.pair] = plan
                for file in plan.missing:
                    on_progress(file.path, file.bytes)
            changed = list(done.values())
            target.write_manifest(manifest if changed == plans else _manifest(changed))
    target.write_lake_file()


def _manifest(plans: Iterable[Partition]) -> pa.Table:
    commits = (plan.commit for plan in plans if plan.commit)
    try:
        return manifest_table(commits)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ValueError(f"a commit of the source is not one: {error}") from None


def _check_space(folder: Path, todo: Iterable[Partition]) -> None:
    """Compare what is to be copied with what is free, before anything is written."""
    sizes = [file.bytes for plan in todo for file in plan.missing]
    needed = sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"not enough space to stage to {folder}: {needed:,} bytes needed, {free:,} "
            "available; select less (--tables, --stamps, --countries, --no-json) or give --to"
        )
