"""Staging of a sample lake, whole and one country, compared with ``tar xf`` and ``cp``.

The contenders alternate in one run. Each writes to a new folder:

- whole: ``tar xf`` of the pack; `movielake.stage` of the pack, and of the lake's folder
- one country: ``cp`` of its files; `movielake.stage` of this country from the pack and the folder
- again: staging the whole lake to a folder that already has all files

All of this for a lake as converted, and for its compact copy.

Times are the median of the rounds, elapsed, after a sync, because the disk is measured too.
``tar`` and ``cp`` include the start of their process, some milliseconds. The others do not include
Python's start. The sample has eight weeks. Further weeks are copies under other stamps, which is
valid because staging does not parse the files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path

from movielake import compact, convert
from movielake.lake.ledger import mark_behind
from movielake.lake.manifest import rebuild_manifest
from movielake.names.layout import Folder
from movielake.sample import write_sample
from movielake.staging.copies import stage
from movielake.staging.packing import pack
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import take_turns, wall_seconds

COUNTRY = "deu"
WEEKS = 8
REPEATED, SCALE = 64, 6


def make_lake(folder: Path, weeks: int, scale: float) -> Path:
    """Convert a sample, and repeat it under later stamps to get enough weeks."""
    lake = folder / "lake"
    write_sample(str(folder / "feed"), weeks=min(weeks, WEEKS), scale=scale)
    convert(str(folder / "feed"), str(lake))
    commits = sorted((lake / "manifest").rglob("*.json"))
    for repeat in range(1, -(-weeks // WEEKS)):
        for commit in commits:
            repeat_partition(lake, commit, timedelta(weeks=WEEKS * repeat))
    mark_behind(Folder(str(lake)))
    rebuild_manifest(Folder(str(lake)))
    return lake


def repeat_partition(lake: Path, commit: Path, later: timedelta) -> None:
    """Copy a commit and its files to another stamp."""
    stamp, country = commit.parent.name, commit.stem
    other = f"{date.fromisoformat(stamp) + later:%Y%m%d}"
    for pattern in (
        f"json/{stamp}/{country}/*",
        f"parquet/*/date_stamp={stamp}/country={country}/*",
    ):
        for file in lake.glob(pattern):
            copy = Path(str(file).replace(stamp, other))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    copy = lake / "manifest" / other / commit.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(commit.read_text().replace(stamp, other))


def run(command: Sequence[str], folder: Path, target: Path) -> None:
    """Run a command in a folder. Its last argument is the new folder that it fills."""
    target.mkdir()
    subprocess.run([*command, str(target)], cwd=folder, check=True)


def files_of(lake: Path, country: str) -> list[str]:
    """List the files of one country that ``cp`` copies, including commits or the manifest."""
    found = [path for path in lake.rglob("*") if country in str(path.relative_to(lake))]
    if not (lake / "manifest").exists():
        found.append(lake / "manifest.parquet")
    return [str(path.relative_to(lake)) for path in sorted(found) if path.is_file()]


def contenders(lake: Path, tar: Path) -> dict[str, Callable[[Path], object]]:
    """Return the contenders by name."""
    one = files_of(lake, COUNTRY)
    done = f"{lake} again"
    stage(str(tar), done)
    return {
        "tar xf": lambda to: run(["tar", "xf", str(tar), "-C"], lake, to),
        "pack": lambda to: stage(str(tar), str(to)),
        "folder": lambda to: stage(str(lake), str(to)),
        "again": lambda _: stage(str(tar), done),
        "cp": lambda to: run(["cp", "--parents", *one], lake, to),
        "pack, one country": lambda to: stage(str(tar), str(to), countries=COUNTRY),
        "folder, one country": lambda to: stage(str(lake), str(to), countries=COUNTRY),
    }


def measure(lake: Path, tar: Path, rounds: int) -> dict[str, float]:
    """Alternate the contenders, and return the median seconds of each, after a sync."""
    targets = (Path(f"{lake} to {number}") for number in count())

    def synced(work: Callable[[], object]) -> float:
        os.sync()
        return wall_seconds(work)

    def into_new(contend: Callable[[Path], object]) -> Callable[[], object]:
        return lambda: contend(next(targets))

    work = {name: into_new(contend) for name, contend in contenders(lake, tar).items()}
    return take_turns(work, rounds, synced)


def sections(rounds: int) -> Iterator[Section]:
    """Measure on the disk with the system's folder for temporary files."""
    with tempfile.TemporaryDirectory() as name:
        lake = make_lake(Path(name), REPEATED, SCALE)
        copy = Path(compact(str(lake), f"{name}/compact"))
        for layout, place in (("as converted", lake), ("compact", copy)):
            tar = Path(f"{place}.tar")
            pack(str(place), str(tar), leaves=place == lake)
            yield _table(layout, place, tar, rounds)


def _table(layout: str, lake: Path, tar: Path, rounds: int) -> Section:
    seconds = measure(lake, tar, rounds)
    one = sum((lake / path).stat().st_size for path in files_of(lake, COUNTRY))
    files = sum(path.is_file() for path in lake.rglob("*"))
    whole = tar.stat().st_size
    rows = []
    for what, taken in seconds.items():
        is_one = what == "cp" or "country" in what
        size, plain = (one, "cp") if is_one else (whole, "tar xf")
        ratio = "" if what == plain else f"{taken / seconds[plain]:.2f} of {plain}"
        rows.append([what, f"{taken:.2f} s", f"{size / 1e6 / taken:.0f} MB/s", ratio])
    return Section(
        name="stage" if layout == "as converted" else "stage-compact",
        title=f"Staging, {layout}",
        text=f"A lake of {files:,} files and {whole / 1e6:.0f} MB, and one of its countries with "
        f"{one / 1e6:.0f} MB, staged on the same local disk. Staging verifies the checksum of "
        "every file. `tar xf` and `cp` write the same bytes for comparison. "
        f"Median of {rounds} rounds.",
        columns=["contender", "time", "speed", "ratio"],
        rows=rows,
        figures={"seconds": seconds, "bytes": {"whole": whole, COUNTRY: one}},
    )
