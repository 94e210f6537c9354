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
from movielake.lake.writers import explained
from movielake.names.hints import require_countries, tell_choices
from movielake.names.layout import MANIFEST_TABLE, Folder, Selection, Terms, safe_name
from movielake.schema.tables import TABLES
from movielake.staging.partitions import Kinds, Partition
from movielake.staging.sources import Pack, Source, ahead, open_source
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


@contextmanager
def _claimed(folder: Path, lake: Source) -> Iterator[None]:
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
        mine, known = jsonlib.dumps({"source": lake.identity}) + "\n", file.readline()
        if known not in ("", mine):
            raise ValueError(
                f"{folder} was staged from {known.strip()}, not from {lake.identity}; "
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
    needed = sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"not enough space to stage to {folder}: {needed:,} bytes needed, {free:,} "
            "available; select less (--tables, --stamps, --countries, --no-json) or use --to"
        )
