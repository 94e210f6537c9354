"""Staging a sample lake, whole and one country of it, beside ``tar xf`` and ``cp`` of the same.

Run ``python tests/benchmarks/stage.py [--weeks N] [--scale X] [--rounds N] [--on DIR]``. In one
run, alternating, each into a folder of its own that was not there before:

- whole: ``tar xf`` of the pack; `movielake.stage` of the pack, and of the lake's folder;
- one country: ``cp`` of its files; the same two of that country;
- again: staging the whole once more, where all is there already.

Seconds are the median of the rounds by the wall clock, after a sync: the disk is what counts here.
``tar`` and ``cp`` include their start, some milliseconds; Python's is not in the others. Weeks
beyond the sample's eight are copies of those under other stamps: staging looks into no file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from movielake import convert
from movielake.commits import mark_behind
from movielake.layout import Folder
from movielake.manifest import rebuild_manifest
from movielake.packing import pack
from movielake.sample import write_sample
from movielake.staging import stage

COUNTRY = "deu"
WEEKS = 8


def make_lake(folder: Path, weeks: int, scale: float) -> Path:
    """Convert a sample; repeat it under later stamps until there are enough weeks."""
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
    """Run a command in a folder; its last argument is the new folder that it fills."""
    target.mkdir()
    subprocess.run([*command, str(target)], cwd=folder, check=True)


def files_of(lake: Path, country: str) -> list[str]:
    """List what ``cp`` is to copy of one country, its commits too."""
    found = [path for path in lake.rglob("*") if country in str(path.relative_to(lake))]
    return [str(path.relative_to(lake)) for path in sorted(found) if path.is_file()]


def measure(
    work: dict[str, Callable[[Path], object]], folder: Path, rounds: int
) -> dict[str, float]:
    """Alternate the contenders; median seconds of each."""
    seconds: dict[str, list[float]] = {}
    for number in range(rounds):
        for name, contend in work.items():
            os.sync()
            target = folder / f"{number} {name}"
            began = time.perf_counter()
            contend(target)
            seconds.setdefault(name, []).append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def contenders(lake: Path, tar: Path) -> dict[str, Callable[[Path], object]]:
    """What is compared, by name."""
    one = files_of(lake, COUNTRY)
    done = str(lake.parent / "again")
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


def print_table(seconds: dict[str, float], whole: int, one: int) -> None:
    """Print seconds, speed, and the ratio to the plain tool of the same bytes."""
    print("| what | seconds | MB/s | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for name, taken in seconds.items():
        is_one = name == "cp" or "country" in name
        size, plain = (one, "cp") if is_one else (whole, "tar xf")
        ratio = f"{taken / seconds[plain]:.2f} of {plain}"
        print(f"| {name} | {taken:.3f} | {size / 1e6 / taken:.0f} | {ratio} |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=64)
    parser.add_argument("--scale", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--on", help="folder on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.on) as name:
        folder = Path(name)
        lake = make_lake(folder, options.weeks, options.scale)
        tar = folder / "lake.tar"
        pack(str(lake), str(tar))
        seconds = measure(contenders(lake, tar), folder, options.rounds)
        country = sum((lake / path).stat().st_size for path in files_of(lake, COUNTRY))
        files = sum(path.is_file() for path in lake.rglob("*"))
        print(
            f"{files:,} files, {tar.stat().st_size / 1e6:.0f} MB; "
            f"{COUNTRY} {country / 1e6:.0f} MB\n"
        )
        print_table(seconds, tar.stat().st_size, country)


if __name__ == "__main__":
    main()
