"""How cost grows: with the size of the feed, with workers, and with the number of files.

Run ``python tests/benchmarks/scaling.py [sizes|workers|files …] [--megabytes N …] [--files N …]``.

- sizes: feeds of several sizes made of the same 50 MB feed zip under other stamps, each converted
  by one process; MB of XML per second of CPU time, and the process's peak memory, stay the same.
- workers: the same feed with one worker and with two, alternating; the wall clock counts.
- files: lakes of which only commits are there, and feeds of empty zips beside them; microseconds
  per Parquet file of what is done once per run stay the same.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from convert import member, repetitive_showing

from movielake.commits import commit_from_json, commit_to_json, mark_behind
from movielake.layout import Folder, Selection
from movielake.manifest import create_lake, read_manifest, rebuild_manifest
from movielake.planning import KNOWN, Task, find_selected, plan_conversion
from movielake.readers import ShowingsReader

ZIP_MEGABYTES = 50
TABLES = 3
COUNTRIES = [f"{a}{b}c" for a in "abcdefgh" for b in "abcdef"]


def stamps() -> Iterator[str]:
    """Weekly date stamps without an end."""
    day = date(1960, 1, 1)
    while True:
        yield f"{day:%Y%m%d}"
        day += timedelta(weeks=1)


def write_feed(folder: Path, megabytes: float) -> Path:
    """Write a feed of that size; its zips are links to one file."""
    one = folder / "one.zip"
    if not one.exists():
        with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("191206S.XML", member(repetitive_showing, ZIP_MEGABYTES))
    feed = folder / f"feed {megabytes:g}"
    for stamp, _ in zip(stamps(), range(max(1, round(megabytes / ZIP_MEGABYTES))), strict=False):
        (feed / stamp).mkdir(parents=True)
        os.link(one, feed / stamp / "movies_deu.zip")
    return feed


def convert(feed: Path, lake: Path, workers: int) -> tuple[float, float, float]:
    """Convert in a process of its own: seconds, CPU seconds, peak MB of the largest process."""
    command = [sys.executable, "-m", "movielake", "convert", str(feed), str(lake)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*command, "--workers", str(workers)], check=True, capture_output=True)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, after.ru_maxrss / 1e3


def measure_sizes(sizes: list[float]) -> None:
    """Print MB/s and memory at each size, smallest first: the peak is that of all before."""
    print("| feed | MB of XML per CPU second | peak memory |\n| ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        for size in sorted(sizes):
            folder = Path(name)
            _, cpu, peak = convert(write_feed(folder, size), folder / f"lake {size:g}", 1)
            real = max(1, round(size / ZIP_MEGABYTES)) * ZIP_MEGABYTES
            print(f"| {real:,} MB | {real / cpu:.1f} | {peak:.0f} MB |", flush=True)


def measure_workers(megabytes: float, rounds: int) -> None:
    """Print the wall time of one and of two workers, alternating."""
    taken: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = write_feed(folder, megabytes)
        for number in range(rounds):
            for workers, seconds in taken.items():
                seconds.append(convert(feed, folder / f"lake {workers} {number}", workers)[0])
    one, two = (statistics.median(seconds) for seconds in taken.values())
    print(
        f"\n{megabytes:g} MB: {one:.1f} s with 1 worker, {two:.1f} s with 2: {one / two:.2f} times"
    )


def write_commits(folder: Path, files: int) -> tuple[str, str]:
    """Write a lake's commits, as those of a real one, and a feed of as many empty zips."""
    lake, feed = folder / "lake", folder / "feed"
    create_lake(Folder(str(lake)))
    model = real_commit(folder)
    text = commit_to_json(model).decode()
    pairs = ((stamp, country) for stamp in stamps() for country in COUNTRIES)
    for (stamp, country), _ in zip(pairs, range(files // TABLES), strict=False):
        commit = lake / "manifest" / stamp / f"{country}.json"
        zip_ = feed / stamp / f"movies_{country}.zip"
        for path in (commit, zip_):
            path.parent.mkdir(parents=True, exist_ok=True)
        commit.write_text(text.replace(model.date_stamp, stamp).replace("nzl", country))
        zip_.touch()
    return str(feed), str(lake)


def real_commit(folder: Path) -> object:
    """Convert one small feed zip, and give its commit."""
    from movielake import convert as convert_feed
    from movielake.sample import write_sample

    write_sample(str(folder / "sample"), weeks=1, countries=["nzl"], scale=0.02)
    convert_feed(str(folder / "sample"), str(folder / "small"), workers=1)
    return commit_from_json((folder / "small/manifest/20191206/nzl.json").read_bytes())


def steps(feed: str, lake: str) -> dict[str, Callable[[], object]]:
    """What is done once per run, whatever the size of the files."""
    folder, everything = Folder(lake), Selection(None, None)

    def rebuild() -> None:
        mark_behind(folder)
        rebuild_manifest(folder)

    def plan() -> None:
        found = find_selected(feed, everything)
        known = read_manifest(folder, KNOWN).to_pylist()
        plan_conversion(found, Task(feed, lake, found.zips[0]), everything, known)

    return {
        "rebuild manifest.parquet": rebuild,
        "plan a conversion": plan,
        "open a reader": lambda: ShowingsReader(lake).files,
    }


def measure_files(counts: list[int]) -> None:
    """Print seconds, and microseconds per file, of each step at each count."""
    print("\n| files | step | seconds | µs per file |\n| ---: | --- | ---: | ---: |")
    for count in sorted(counts):
        with tempfile.TemporaryDirectory() as name:
            for step, work in steps(*write_commits(Path(name), count)).items():
                began = time.perf_counter()
                work()
                seconds = time.perf_counter() - began
                print(
                    f"| {count:,} | {step} | {seconds:.2f} | {seconds / count * 1e6:.0f} |",
                    flush=True,
                )


def main() -> None:
    """Measure what is asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=["sizes", "workers", "files", []])
    parser.add_argument("--megabytes", type=float, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    parts = options.parts or ["sizes", "workers", "files"]
    if "sizes" in parts:
        measure_sizes(options.megabytes)
    if "workers" in parts:
        measure_workers(400, options.rounds)
    if "files" in parts:
        measure_files(options.files)


if __name__ == "__main__":
    main()
