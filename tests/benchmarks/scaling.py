"""Growth of cost with the size of the feed, the number of workers and the number of files.

- sizes: feeds of several sizes. Each repeats the same feed zip under other stamps, and one process
  converts it. Expected: constant MB of XML per second of CPU time, constant peak memory.
- workers: the same feed with one worker and with two, alternating, in elapsed time.
- files: lakes that consist of commits only, and feeds of empty zips. Expected: constant
  microseconds per Parquet file for the steps that each run does once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from movielake import convert
from movielake.conversion.planning import KNOWN, Task, find_selected, plan_conversion
from movielake.lake.commits import Commit, commit_to_json
from movielake.lake.ledger import mark_behind
from movielake.lake.manifest import read_manifest, rebuild_manifest
from movielake.lake.opening import create_lake
from movielake.lake.parsing import commit_from_json
from movielake.names.layout import Folder, Selection
from movielake.reading.readers import ShowingsReader
from movielake.sample import write_sample
from tests.benchmarks.members import member, repetitive_showing
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import take_turns, wall_seconds

ZIP_MEGABYTES = 10
TABLES = 3
SIZES = (10, 100, 1000, 10_000)
FILES = (10_000, 100_000, 1_000_000)
COUNTRIES = [f"{a}{b}c" for a in "abcdefgh" for b in "abcdef"]


def stamps() -> Iterator[str]:
    """Yield weekly date stamps without end."""
    day = date(1960, 1, 1)
    while True:
        yield f"{day:%Y%m%d}"
        day += timedelta(weeks=1)


def write_feed(folder: Path, megabytes: int) -> Path:
    """Write a feed of this size. Its zips are links to one file."""
    one = folder / "one.zip"
    if not one.exists():
        with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("191206S.XML", member(repetitive_showing, ZIP_MEGABYTES))
    feed = folder / f"feed {megabytes}"
    for stamp, _ in zip(stamps(), range(megabytes // ZIP_MEGABYTES), strict=False):
        (feed / stamp).mkdir(parents=True)
        os.link(one, feed / stamp / "movies_deu.zip")
    return feed


def run(feed: Path, lake: Path, workers: int, *options: str) -> None:
    """Convert in a new process."""
    command = [sys.executable, "-m", "movielake", "convert", str(feed), str(lake), *options]
    subprocess.run([*command, "--workers", str(workers)], check=True, capture_output=True)


def measure_size(folder: Path, size: int) -> dict[str, float]:
    """Convert a feed twice. The second run has no work, so it measures the cost of starting."""
    feed, lake = write_feed(folder, size), folder / f"lake {size}"
    cpu, peak = cost(feed, lake)
    start, _ = cost(feed, lake)
    shutil.rmtree(lake)
    return {"mb": size, "start_s": start, "mb_per_s": size / (cpu - start), "peak_mb": peak}


COST = """
import sys
from tests.benchmarks.rounds import cpu_seconds, peak_megabytes
from movielake.cli import main
arguments = ["convert", *sys.argv[1:], "--workers", "1"]
print(cpu_seconds(lambda: main(arguments, standalone_mode=False)), peak_megabytes())
"""


def cost(feed: Path, lake: Path) -> tuple[float, float]:
    """Convert in a new process; return its CPU seconds from the first import on, and peak MB."""
    command = [sys.executable, "-c", COST, str(feed), str(lake)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = found.splitlines()[-1].split()
    return float(seconds), float(peak)


def sizes_section() -> Section:
    """Convert feeds of several sizes, smallest first."""
    with tempfile.TemporaryDirectory() as name:
        found = [measure_size(Path(name), size) for size in SIZES]
    return Section(
        name="sizes",
        title="The size of a feed",
        text=f"Feeds that repeat the same {ZIP_MEGABYTES} MB of XML under other stamps, each "
        "converted by one process. The table shows the CPU time of a run without work (start and "
        "plan), the speed of the remaining time, and the process's peak memory. The remaining "
        "time includes modules that are imported for the first zip.",
        columns=["XML", "start", "MB per CPU second", "peak memory"],
        rows=[
            [
                f"{f['mb']:,} MB",
                f"{f['start_s']:.2f} s",
                f"{f['mb_per_s']:.0f}",
                f"{f['peak_mb']:.0f} MB",
            ]
            for f in found
        ],
        figures={"sizes": found},
    )


def workers_section(rounds: int) -> Section:
    """Compare one worker with two."""
    size = 4_000
    with tempfile.TemporaryDirectory() as name:
        feed, lake = write_feed(Path(name), size), Path(name, "lake")
        work = {str(n): partial(run, feed, lake, n, "--force") for n in (1, 2)}
        one, two = take_turns(work, rounds, wall_seconds).values()
    return Section(
        name="workers",
        title="Workers",
        text=f"The same feed of {size:,} MB, converted by one process and by two, alternating. "
        f"Elapsed time including start-up, median of {rounds} rounds.",
        columns=["workers", "time", "speed-up"],
        rows=[["1", f"{one:.1f} s", ""], ["2", f"{two:.1f} s", f"{one / two:.2f}"]],
        figures={"mb": size, "seconds": {"1": one, "2": two}},
    )


def write_commits(folder: Path, files: int) -> tuple[str, str]:
    """Write a lake's commits, copied from a real one, and a feed with one empty zip for each."""
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


def real_commit(folder: Path) -> Commit:
    """Convert one small feed zip, and return its commit."""
    write_sample(str(folder / "sample"), weeks=1, countries=["nzl"], scale=0.02)
    convert(str(folder / "sample"), str(folder / "small"), workers=1)
    return commit_from_json((folder / "small/manifest/20191206/nzl.json").read_bytes())


def steps(feed: str, lake: str) -> dict[str, Callable[[], object]]:
    """Return the steps that each run does once, regardless of the size of the files."""
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


def files_section() -> Section:
    """Time each step at each number of files."""
    found: dict[str, list[float]] = {}
    for number in FILES:
        with tempfile.TemporaryDirectory() as name:
            for step, work in steps(*write_commits(Path(name), number)).items():
                found.setdefault(step, []).append(wall_seconds(work))
    return Section(
        name="files",
        title="The number of files",
        text="Steps that each run does once, in seconds and in microseconds per Parquet file. The "
        "lakes consist of commits only, and the feeds of empty zips. A full archive of 48 "
        "countries and 10 years has 75,000 files.",
        columns=["step", *(f"{number:,} files" for number in FILES)],
        rows=[
            [step, *(f"{s:.2f} s, {s / n * 1e6:.0f} µs" for s, n in zip(taken, FILES, strict=True))]
            for step, taken in found.items()
        ],
        figures={"files": FILES, "seconds": found},
    )


def sections(rounds: int) -> Iterator[Section]:
    """Measure all three."""
    yield sizes_section()
    yield workers_section(rounds)
    yield files_section()
