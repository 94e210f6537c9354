"""Conversion by this build and by the build of another git revision, in the same run.

The revision's tree is unpacked into a temporary folder. Each contender is a whole process,
``movielake convert --workers 1``, which starts in a neutral folder and finds its build with
``PYTHONPATH``. The builds take turns on the same feeds, each with a lake of its own. Times are CPU
time of the whole process, as the median of the rounds. A process that converts nothing shows what
starting and planning cost, and the last column leaves this cost out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq

from movielake.sample import write_sample
from tests.benchmarks.members import SAMPLES, member, movies_member, theaters_member, write_zip
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import child_seconds, take_turns

ROOT = Path(__file__).parents[2]
SHOWINGS, MOVIES, THEATERS = "191206S.XML", "191206I.XML", "191206T.XML"
MEGABYTES = 40
NOTHING = "nothing new"


def unpack(revision: str, tree: Path) -> str:
    """Unpack a revision's tree, and return the short name of its commit."""
    git = ["git", "-C", str(ROOT)]
    found = [*git, "rev-parse", "--short", "--verify", f"{revision}^{{commit}}"]
    commit = subprocess.run(found, check=True, capture_output=True, text=True).stdout.strip()
    packed = subprocess.run([*git, "archive", commit], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(tree, filter="data")
    return commit


def write_feeds(folder: Path) -> dict[str, Path]:
    """Write the feed of each case, the smallest one last."""
    alone = {
        "showings, repetitive": (SHOWINGS, member(SAMPLES["repetitive"], MEGABYTES)),
        "showings, high-entropy": (SHOWINGS, member(SAMPLES["high-entropy"], MEGABYTES)),
        "movies alone": (MOVIES, movies_member(MEGABYTES / 2)),
        "theaters alone": (THEATERS, theaters_member(MEGABYTES / 2)),
        "10 MB": (SHOWINGS, member(SAMPLES["repetitive"], 10)),
    }
    feeds = {case: folder / case for case in ("whole zips", "small zips", *alone)}
    write_sample(str(feeds["whole zips"]), weeks=1, scale=8)
    write_sample(str(feeds["small zips"]), weeks=60, scale=0.02)
    for case, (name, xml) in alone.items():
        write_zip(feeds[case], name, xml)
    return feeds


def run(tree: Path, *arguments: str) -> str:
    """Run Python on a build, and return what it prints."""
    # An installed package has its bytecode. A build that compiles itself each time seems slower.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(tree)}
    command = [sys.executable, *arguments]
    found = subprocess.run(command, env=environment, cwd="/", check=True, capture_output=True)
    return found.stdout.decode()


def convert(tree: Path, feed: Path, lake: Path, *, anew: bool) -> None:
    """Convert in a new process. It does nothing if the lake has the feed already."""
    if anew:
        shutil.rmtree(lake, ignore_errors=True)
    run(tree, "-m", "movielake", "convert", str(feed), str(lake), "--workers", "1")


def compare(
    trees: dict[str, Path], feed: Path, folder: Path, rounds: int, *, anew: bool = True
) -> dict[str, float]:
    """Alternate the builds on a feed, and check that they have read the same XML."""
    lakes = {build: folder / f"lake of {build}" for build in trees}
    work = {b: partial(convert, tree, feed, lakes[b], anew=anew) for b, tree in trees.items()}
    seconds = take_turns(work, rounds, child_seconds)
    read = {(size(lake, "xml_bytes"), size(lake, "records")) for lake in lakes.values()}
    if len(read) != 1:
        raise RuntimeError(f"expected the same XML and records in both lakes, found {read}")
    return seconds | {"bytes": read.pop()[0]}


def size(lake: Path, column: str) -> int:
    """Add up a column of a lake's manifest."""
    members = pq.read_table(lake / "manifest.parquet", columns=[column])
    return sum(value or 0 for value in members[column].to_pylist())


def measure(revision: str, rounds: int) -> tuple[str, dict[str, dict[str, float]]]:
    """Compare the builds on each feed; the last one also with nothing new."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trees = {build: folder / build for build in ("before", "now")}
        commit = unpack(revision, trees["before"])
        for part in ("movielake", "schemas"):
            shutil.copytree(ROOT / part, trees["now"] / part)
        for tree in trees.values():
            place = run(tree, "-P", "-c", "import movielake; print(movielake.__file__)")
            if Path(place.strip()).parent != tree / "movielake":
                raise RuntimeError(f"expected the build of {tree}, found {place}")
        feeds = write_feeds(folder / "feeds")
        found = {case: compare(trees, feed, folder, rounds) for case, feed in feeds.items()}
        found[NOTHING] = compare(trees, feeds["10 MB"], folder, rounds, anew=False)
    return commit, found


def cells(case: str, found: dict[str, float], start: dict[str, float]) -> list[str]:
    """Show a case."""
    before, now, megabytes = found["before"], found["now"], found["bytes"] / 1e6
    shown = [case, f"{megabytes:.0f} MB", f"{before:.2f} s", f"{now:.2f} s", f"{before / now:.2f}"]
    if case == NOTHING:
        return [case, "", *shown[2:], "", ""]
    net = (before - start["before"]) / (now - start["now"])
    return [*shown, f"{megabytes / now:.0f}", f"{net:.2f}"]


def sections(rounds: int, against: str) -> Iterator[Section]:
    """Compare the work tree's build with that of a revision."""
    commit, found = measure(against, rounds)
    yield Section(
        name="builds",
        title="This build and another",
        text=f"`movielake convert --workers 1` of this build and of commit {commit}, alternating: "
        f"CPU seconds of the whole process, median of {rounds} rounds. The last column leaves out "
        "what a run costs that finds nothing new in the 10 MB.",
        columns=["feed", "XML", "before", "now", "before ÷ now", "MB/s now", "without start"],
        rows=[cells(case, of_case, found[NOTHING]) for case, of_case in found.items()],
        figures={"commit": commit, **found},
    )
