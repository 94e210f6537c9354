"""Faults while the lake is written: processes that really die, disks that really fill up.

After each: every file to be seen is whole, the next run completes, and the lake is, byte for byte,
what it would be if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import movielake
from movielake import ShowingsReader, convert
from movielake.lake import locks
from movielake.lake.commits import commit_from_json
from movielake.lake.manifest import manifest_table
from movielake.staging.copies import stage
from movielake.staging.packing import pack
from tests.crashes import (
    Ending,
    append,
    finish,
    fork,
    pause,
    replace,
    run,
    spread,
    start,
    truncate,
    wait_for_pause,
)
from tests.faults import record
from tests.feeds import all_records, files, houses, showing, times, week, write_feed, zipped

DEU, SWE, CAN, FRA = (f"20191206/movies_{ccc}.zip" for ccc in ("deu", "swe", "can", "fra"))
LATER = "20191213/movies_deu.zip"
BROKEN = {"191206T.XML": houses("Rex")[:-9], "191206X.XML": "<what/>"}

OLD = {DEU: week(shows=3), SWE: week(), CAN: week() | BROKEN, FRA: week(shows=5)}
NEW = {DEU: week(shows=9), SWE: week(), CAN: week(shows=4), LATER: week("20191213")}


def feed_of(root: Path, content: Any) -> Path:
    """Write a feed whose files have the same times wherever it is."""
    write_feed(root, content)
    for path in root.rglob("*.zip"):
        os.utime(path, (1_575_600_000 + len(path.read_bytes()),) * 2)
    return root


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """Give a folder in memory, if there is one, where waiting for the disk takes no time."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def tmp_path(disk: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=disk) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@dataclass(frozen=True)
class World:
    """Two states of a feed, the lakes that they make, and a pack of each."""

    feeds: tuple[Path, Path]
    lakes: tuple[Path, Path]
    packs: tuple[Path, Path]

    def visible(self, number: int) -> dict[str, bytes]:
        return visible(self.lakes[number])


@pytest.fixture(scope="module")
def world(disk: Path) -> World:
    top = disk / "world"
    feeds = feed_of(top / "old", OLD), feed_of(top / "new", NEW)
    lakes = top / "old-lake", top / "new-lake"
    packs = top / "old.tar", top / "new.tar"
    for feed, lake, file in zip(feeds, lakes, packs, strict=True):
        convert(str(feed), str(lake), workers=1)
        pack(str(lake), str(file))
    return World(feeds, lakes, packs)


# --- what is to hold after any fault


def visible(lake: Path) -> dict[str, bytes]:
    """Read all files that anybody looks at."""
    hidden = (".work/", ".staged.json")
    return {p: content for p, content in files(lake).items() if not p.startswith(hidden)}


def partial_files(lake: Path, *wholes: dict[str, bytes]) -> list[str]:
    """List the files that are of no whole lake, or are not what a commit says that they are."""
    seen = visible(lake)
    table = seen.pop("manifest.parquet", None)
    places = {path: path.replace(".replaced", ".json") for path in seen}
    wrong = [p for p in seen if all(whole.get(places[p]) != seen[p] for whole in wholes)]
    commits = [path for path in seen if path.startswith("manifest/") and path.endswith(".json")]
    for path in commits:
        for member in json.loads(seen[path])["members"]:
            for file in filter(None, (member["json"], member["parquet"], *member["quarantine"])):
                found = seen.get(file["path"], b"")
                if hashlib.sha256(found).hexdigest() != file["sha256"]:
                    wrong.append(file["path"])
    if table is not None:
        known = manifest_table(commit_from_json(seen[path]) for path in commits)
        if not pq.read_table(lake / "manifest.parquet").equals(known):
            wrong.append("manifest.parquet")
    return wrong


def assert_whole(lake: Path, *wholes: dict[str, bytes]) -> None:
    """Assert that each file is one of a whole lake, and that each commit has its files."""
    assert partial_files(lake, *wholes) == []


Answer = dict[tuple[str, str], int]


def answer_of(lake: Path, **selection: Any) -> Answer:
    """Count the films of each partition, which only its files can tell."""
    with ShowingsReader(str(lake), **selection) as showings:
        rows = showings.count_by("date_stamp", "country", distinct="movie_id")
        names = rows.columns
        return {(row[names[0]], row[names[1]]): int(row[names[-1]]) for _, row in rows.iterrows()}


def assert_answers(lake: Path, *wholes: Answer) -> None:
    """Assert that what a reader is told of each partition is so in a whole lake, or an error."""
    for pair in {pair for whole in wholes for pair in whole}:
        try:
            found = answer_of(lake, date_stamps=pair[0], countries=pair[1])
        except (ValueError, FileNotFoundError) as error:
            assert any(words in str(error) for words in ERRORS), error  # noqa: PT017
        else:
            assert any(found == {pair: whole[pair]} for whole in wholes if pair in whole)


ERRORS = ("is being replaced", "expected a lake", "match", "--force")


def lost(lake: Path, whole: Path) -> int:
    """Count the records that a lake lacks."""
    return len(all_records(whole)) - len(all_records(lake))


def assert_done(lake: Path, whole: dict[str, bytes]) -> None:
    """Assert that a lake is as if nothing had happened, and that nothing is left aside."""
    assert visible(lake) == whole
    assert [path for path in files(lake) if path.startswith(".work/")] == []


# --- killed


Steps = Callable[[str, int, int], dict[str, Any]]


@pytest.fixture(scope="module")
def steps(world: World, disk: Path) -> Steps:
    """Choose places in a command's run: by turns of all its steps, and of those that move files.

    It is run to its end first, to count them.
    """
    top, counted = disk / "steps", dict[tuple[str, bool], int]()
    top.mkdir()

    def count(name: str, moves: bool) -> int:
        place = top / f"{name}-{moves}"
        place.mkdir()
        source, staged = staged_before(world, place)
        lake = shutil.copytree(world.lakes[0], place / "lake")
        if name == "rebuild":
            (lake / "manifest.parquet").unlink()
        command: tuple[object, ...] = {
            "convert": ("convert", world.feeds[0], place / "new", "--workers=1"),
            "renew": ("convert", world.feeds[1], lake, "--prune", "--workers=1"),
            "rebuild": ("convert", world.feeds[0], lake, "--workers=1"),
            "pack": ("pack", world.lakes[0], place / "lake.tar"),
            "stage": ("stage", world.packs[0], "--to", place / "to", "--workers=1"),
            "restage": ("stage", source, "--to", staged, "--workers=1"),
        }[name]
        ending = run(place / "count", *command, at=0, moves=moves)
        assert ending.code == (name == "convert"), ending.said
        return ending.steps

    def choose(name: str, point: int, points: int) -> dict[str, Any]:
        moves = bool(point % 2)
        if (name, moves) not in counted:
            counted[name, moves] = count(name, moves)
        return {"at": spread(counted[name, moves], points // 2)[point // 2], "moves": moves}

    return choose


def staged_before(world: World, folder: Path) -> tuple[Path, Path]:
    """Stage a lake, and let it change after that."""
    source, to = folder / "source", folder / "staged"
    shutil.copytree(world.lakes[0], source)
    stage(str(source), str(to))
    shutil.rmtree(source)
    shutil.copytree(world.lakes[1], source)
    return source, to


@pytest.mark.parametrize("point", range(24))
def test_convert_killed(world: World, steps: Steps, tmp_path: Path, point: int) -> None:
    lake, command = tmp_path / "lake", ("convert", world.feeds[0], tmp_path / "lake", "--workers=1")
    at = steps("convert", point, 24)
    assert run(tmp_path / "killed", *command, **at).was_killed
    partials = partial_files(lake, world.visible(0))
    assert partials == []
    assert run(tmp_path / "again", *command).code in (0, 1)  # 1: it has damaged members
    record("Killed", "convert", saw="", lost=lost(lake, world.lakes[0]), partial=len(partials))
    assert_done(lake, world.visible(0))


@pytest.mark.parametrize("point", range(32))
def test_convert_killed_while_replacing(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    command = ("convert", world.feeds[1], lake, "--prune", "--workers=1")
    at = steps("renew", point, 32)
    assert run(tmp_path / "killed", *command, **at).was_killed
    partials = partial_files(lake, world.visible(0), world.visible(1))
    assert partials == []
    assert_answers(lake, *map(answer_of, world.lakes))
    assert run(tmp_path / "again", *command).code == 0
    record(
        "Killed",
        "convert while it replaces and removes partitions",
        saw="",
        lost=lost(lake, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(lake, world.visible(1))


@pytest.mark.parametrize("point", range(10))
def test_pack_killed(world: World, steps: Steps, tmp_path: Path, point: int) -> None:
    file = tmp_path / "lake.tar"
    if point % 2:
        shutil.copy(world.packs[1], file)
    before = file.read_bytes() if file.exists() else None
    at = steps("pack", point, 10)
    assert run(tmp_path / "killed", "pack", world.lakes[0], file, **at).was_killed
    after = file.read_bytes() if file.exists() else None
    is_whole = after in (before, world.packs[0].read_bytes())
    assert run(tmp_path / "again", "pack", world.lakes[0], file).code == 0
    record("Killed", "pack", saw="", lost=0, partial=int(not is_whole))
    assert file.read_bytes() == world.packs[0].read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("point", range(12))
def test_stage_killed(world: World, steps: Steps, tmp_path: Path, point: int) -> None:
    to = tmp_path / "staged"
    command = ("stage", world.packs[0], "--to", to, "--workers", 1)
    at = steps("stage", point, 12)
    assert run(tmp_path / "killed", *command, **at).was_killed
    partials = partial_files(to, world.visible(0))
    assert partials == []
    assert run(tmp_path / "again", *command).code == 0
    record("Killed", "stage", saw="", lost=lost(to, world.lakes[0]), partial=len(partials))
    assert_done(to, world.visible(0))


@pytest.mark.parametrize("point", range(24))
def test_stage_killed_while_replacing(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    source, to = staged_before(world, tmp_path)
    command = ("stage", source, "--to", to, "--workers", 1)
    at = steps("restage", point, 24)
    assert run(tmp_path / "killed", *command, **at).was_killed
    partials = partial_files(to, world.visible(0), world.visible(1))
    assert partials == []
    assert run(tmp_path / "again", *command).code == 0
    record(
        "Killed",
        "stage while it replaces and removes partitions",
        saw="",
        lost=lost(to, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(to, world.visible(1))


SITE = """
import contextlib, os, signal, sys
if "--multiprocessing-fork" in sys.orig_argv:
    left = iter(range(12))

    def die(event, arguments):
        if event == "open" and "/.work/" in str(arguments[0]) and next(left, None) is None:
            with contextlib.suppress(FileExistsError):  # another one has died
                os.mkdir({mark!r})
                os.kill(os.getpid(), signal.SIGKILL)

    if not os.path.exists({mark!r}):
        sys.addaudithook(die)
"""


def test_a_worker_killed(world: World, tmp_path: Path) -> None:
    lake, mark = tmp_path / "lake", tmp_path / "died"
    site = tmp_path / "site" / "sitecustomize.py"
    site.parent.mkdir()
    site.write_text(SITE.format(mark=str(mark)))
    command = [sys.executable, "-m", "movielake", "convert", str(world.feeds[1]), str(lake)]
    process = subprocess.run(
        [*command, "--workers", "2"],
        env=os.environ | {"PYTHONPATH": str(site.parent)},
        cwd=Path(movielake.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert mark.exists(), "none was killed"
    found = lost(lake, world.lakes[1])
    record("Killed", "one of two workers", saw="", lost=found, partial=0)
    assert "4 converted" in process.stdout
    assert_done(lake, world.visible(1))


KILLER = """
import os, signal, sys
if "--multiprocessing-fork" in sys.orig_argv:
    def die(event, arguments):
        if event == "open" and str(arguments[0]).endswith({name!r}):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
"""


def test_a_zip_that_kills_whoever_reads_it(world: World, tmp_path: Path) -> None:
    """As for lack of memory; it is told, and converted as soon as there is enough."""
    feed, lake, site = world.feeds[1], tmp_path / "lake", tmp_path / "sitecustomize.py"
    deadly = max(feed.rglob("*.zip"), key=lambda path: path.stat().st_size)
    site.write_text(KILLER.format(name=f"{deadly.parent.name}/{deadly.name}"))
    process = subprocess.run(
        [sys.executable, "-m", "movielake", "convert", str(feed), str(lake), "--workers", "2"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=Path(movielake.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 1
    name = deadly.relative_to(feed)
    assert f"{name}: its worker died, perhaps for lack of memory" in process.stdout
    assert run(tmp_path / "again", "convert", feed, lake, "--workers", 1).code == 0
    assert_done(lake, world.visible(1))


# --- disks that fill up, and doors that close


def said(ending: Ending, *places: Path) -> str:
    """Give the one line that a user got to see, without what differs from run to run."""
    (line,) = ending.said.splitlines()
    for place in places:
        line = line.replace(str(place), place.name)
    return re.sub(r" \([^)]*\)", "", line)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Give a disk of so many bytes, which grows where it is asked for again."""
    place = tmp_path / "disk"
    place.mkdir()

    def size(bytes_: int) -> Path:
        remount = "remount," if place.is_mount() else ""
        options = f"{remount}size={bytes_},mode=755"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True
        )
        if mounted.returncode:
            pytest.skip(f"no disk of our own here: {mounted.stderr.strip()}")
        return place

    yield size
    if place.is_mount():
        subprocess.run(["umount", place], check=True)


def pages(folder: Path) -> int:
    """Count the bytes that files take on such a disk."""
    sizes = [len(content) for content in files(folder).values()]
    return sum(-(-size // 4096) * 4096 for size in sizes)


@pytest.mark.parametrize("share", range(8))
def test_convert_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    lake = small_disk(4096 + pages(world.lakes[1]) * share // 8) / "lake"
    command = ("convert", world.feeds[1], lake, "--workers=1")
    full = run(tmp_path / "full", *command)
    assert full.code == 1, full.said
    partial = partial_files(lake, world.visible(1))
    small_disk(1 << 24)
    assert run(tmp_path / "again", *command).code == 0
    record(
        "Disks",
        "no space left while converting",
        saw=said(full, lake),
        lost=lost(lake, world.lakes[1]),
        partial=len(partial),
    )
    assert_done(lake, world.visible(1))


@pytest.mark.parametrize("share", range(4))
def test_pack_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    disk = small_disk(4096 + world.packs[0].stat().st_size * share // 4)
    full = run(tmp_path / "full", "pack", world.lakes[0], disk / "lake.tar")
    assert (full.code, list(disk.iterdir())) == (1, [])
    record("Disks", "no space left while packing", saw=said(full, disk), lost=0, partial=0)


@pytest.mark.parametrize("share", range(4))
def test_stage_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    data = sum(pages(world.lakes[0] / top) for top in ("json", "parquet", "quarantine"))
    disk = small_disk(4096 + data * share // 4)
    command = ("stage", world.packs[0], "--to", disk / "staged")
    full = run(tmp_path / "full", *command)
    assert full.code == 1, full.said
    partial = partial_files(disk / "staged", world.visible(0))
    small_disk(1 << 24)
    assert run(tmp_path / "again", *command).code == 0
    line = re.sub(r"[0-9,]+ bytes needed, [0-9,]+", "… bytes needed, …", said(full, disk))
    record("Disks", "no space left for staging", saw=line, lost=0, partial=len(partial))
    assert_done(disk / "staged", world.visible(0))


@pytest.mark.parametrize("limit", [600, 1200, 2400])
def test_files_must_not_be_large(world: World, tmp_path: Path, limit: int) -> None:
    lake = tmp_path / "lake"
    command = ("convert", world.feeds[1], lake, "--workers=1")
    before = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
    limited = run(tmp_path / "limited", *command, before=before)
    assert limited.code == 1
    partials = partial_files(lake, world.visible(1))
    assert run(tmp_path / "again", *command).code == 0
    record(
        "Disks",
        "files limited to some hundred bytes (ulimit -f)",
        saw=said(limited, lake),
        lost=lost(lake, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(lake, world.visible(1))


NOBODY = 65534


def close_doors(lake: Path, mode: int) -> None:
    """Take the permission to write away from all folders of a lake, or give it back."""
    for path in (lake, *lake.rglob("*")):
        if path.is_dir():
            path.chmod(mode)


@pytest.mark.parametrize("point", range(8))
def test_permission_taken_away(world: World, steps: Steps, tmp_path: Path, point: int) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    is_root = os.getuid() == 0
    if is_root:  # whom nobody can refuse anything
        os.chown(lake, NOBODY, NOBODY)
    refused = run(
        tmp_path / "refused",
        *("convert", world.feeds[1], lake, "--workers=1"),
        **steps("convert", 2 * point, 20),
        action=partial(close_doors, lake, 0o555),
        before=partial(os.setuid, NOBODY) if is_root else None,
    )
    assert refused.code == 1
    partials = partial_files(lake, world.visible(1))
    close_doors(lake, 0o755)
    assert run(tmp_path / "again", "convert", world.feeds[1], lake, "--workers=1").code == 0
    record(
        "Disks",
        "permission to write taken away while converting",
        saw=said(refused, lake),
        lost=lost(lake, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(lake, world.visible(1))


# --- the feed changes while it is read

LARGE = {"191206S.XML": times(*(showing(n, n % 7) for n in range(400))), **week(shows=0)}
LARGER = {"191206S.XML": times(*(showing(n, n % 5) for n in range(500))), **week(shows=0)}


@pytest.mark.parametrize(
    "change",
    [
        "a zip replaced while it is read",
        "a zip cut off while it is read",
        "a zip appended to while it is read",
    ],
)
def test_a_feed_zip_changes_while_it_is_read(tmp_path: Path, change: str) -> None:
    sayings, halves, points = set[str](), list[str](), range(5)
    for point in points:
        place = tmp_path / str(point)
        place.mkdir()
        told, wrong = change_while_read(place, change, (2 + point) / 10)
        sayings |= told
        halves += wrong
    (saw,) = sayings
    assert saw.endswith("it changed while it was read; convert it again when it is complete")
    record("Feeds", change, saw=saw, lost=0, partial=len(halves), tried=len(points))
    assert halves == []


def change_while_read(place: Path, change: str, part: float) -> tuple[set[str], list[str]]:
    """Change a feed zip in the course of a run, and convert it again.

    Returns what the first run said of the change, if it saw it, and what was partial after it.
    """
    feed, lake, other = place / "feed", place / "lake", place / "other.zip"
    write_feed(feed, {DEU: zipped(LARGE, zipfile.ZIP_STORED)})
    other.write_bytes(zipped(LARGER, zipfile.ZIP_STORED))
    action = {
        "a zip replaced while it is read": replace(other, feed / DEU),
        "a zip cut off while it is read": truncate(feed / DEU, 30_000),
        "a zip appended to while it is read": append(feed / DEU, other.read_bytes()),
    }[change]
    before = reference(feed, place / "before")
    whole = run(place / "count", "convert", feed, place / "counted", "--workers=1", at=0)
    command = ("convert", feed, lake, "--workers=1")
    changed = run(place / "changed", *command, at=round(whole.steps * part), action=action)
    after = reference(feed, place / "after")
    halves = partial_files(lake, before, after)
    run(place / "again", *command)
    assert_done(lake, after)
    told = {line for line in changed.said.splitlines() if "it changed while it was read" in line}
    assert changed.code == bool(told) or "cut off" in change  # what is left of it is damaged
    return told, halves


def reference(feed: Path, lake: Path) -> dict[str, bytes]:
    convert(str(feed), str(lake), workers=1)
    return visible(lake)


# --- several at the same time


def impatient() -> None:
    """Take a process for dead that stands still for a moment."""
    locks.LEASE = 0.1


@pytest.mark.parametrize("point", range(12))
def test_a_convert_stands_still_while_another_one_runs(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    command = ("convert", world.feeds[1], lake, "--prune", "--workers=1")
    at = steps("renew", 2 + point, 16)
    sleeper = start(tmp_path / "sleeper", *command, **at, action=pause)
    wait_for_pause(sleeper)
    assert run(tmp_path / "other", *command, before=impatient).code == 0
    assert visible(lake) == world.visible(1)
    os.kill(sleeper.pid, signal.SIGCONT)
    woken = finish(tmp_path / "sleeper", sleeper)
    partials = partial_files(lake, world.visible(1))
    assert woken.code == 0 or "this process stood still" in woken.said
    run(tmp_path / "again", *command)
    record(
        "At the same time",
        "a convert that stands still while another one does the same",
        saw="",
        lost=lost(lake, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(lake, world.visible(1))


@pytest.mark.parametrize("point", range(8))
def test_a_manifest_that_was_read_before_a_change_is_not_published(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    """Another job rebuilds manifest.parquet, and stands still at any step of that."""
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    (lake / "manifest.parquet").unlink()
    command = ("convert", world.feeds[0], lake, "--workers=1")
    at = steps("rebuild", 2 + point, 12)
    sleeper = start(tmp_path / "sleeper", *command, **at, action=pause)
    wait_for_pause(sleeper)
    renewed = ("convert", world.feeds[1], lake, "--prune", "--workers=1")
    assert run(tmp_path / "other", *renewed, before=impatient).code == 0
    os.kill(sleeper.pid, signal.SIGCONT)
    finish(tmp_path / "sleeper", sleeper)
    partials = partial_files(lake, world.visible(0), world.visible(1))
    record(
        "At the same time",
        "the manifest rebuilt while another job changes commits",
        saw="",
        lost=0,
        partial=len(partials),
    )
    assert partials == []


@pytest.mark.parametrize("feeds", [(1, 1), (0, 1), (1, 0), (0, 0)])
def test_two_converts_of_one_lake(world: World, tmp_path: Path, feeds: tuple[int, int]) -> None:
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    commands = [("convert", world.feeds[n], lake, "--force", "--workers=1") for n in feeds]
    both = [start(tmp_path / str(n), *command) for n, command in enumerate(commands)]
    endings = [finish(tmp_path / str(n), process) for n, process in enumerate(both)]
    assert {ending.code for ending in endings} <= {0, 1}  # 1: the old feed has damaged members
    partials = partial_files(lake, world.visible(0), world.visible(1))
    last = ("convert", world.feeds[1], lake, "--prune", "--workers=1")
    assert run(tmp_path / "again", *last).code == 0
    record(
        "At the same time",
        "two converts of the same feed zips, also where one sees older ones",
        saw="",
        lost=lost(lake, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(lake, world.visible(1))


def alternate(feeds: tuple[Path, Path], lake: Path, times: int) -> None:
    """Convert one feed, and the other one, and so on, every time all of it."""
    for number in range(times):
        convert(str(feeds[number % 2]), str(lake), prune=True, force=True, workers=1)


@pytest.fixture
def restless(world: World, tmp_path: Path) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """Give a lake that changes all the time, and what tells whether it still does."""
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    writer = fork.Process(target=alternate, args=(world.feeds[::-1], lake, 10))
    writer.start()
    yield lake, writer.is_alive
    writer.join(60)
    assert writer.exitcode == 0
    assert visible(lake) == world.visible(0)


def test_readers_while_a_lake_is_converted(
    world: World, restless: tuple[Path, Callable[[], bool]]
) -> None:
    lake, goes_on = restless
    old, new = map(answer_of, world.lakes)
    answers, errors = [], set()
    while goes_on():
        try:
            answers.append(answer_of(lake))
        except (ValueError, FileNotFoundError) as error:
            errors.add(str(error))
    for answer in answers:
        assert answer.keys() >= old.keys() & new.keys(), "a partition was silently missing"
        assert all(count in (old.get(pair), new.get(pair)) for pair, count in answer.items())
    assert all("open the reader again" in error for error in errors), errors
    assert answers
    case = "readers while convert replaces and removes partitions"
    record("At the same time", case, saw="", lost=0, partial=0)


def test_stages_while_a_lake_is_converted(
    world: World, restless: tuple[Path, Callable[[], bool]], tmp_path: Path
) -> None:
    lake, goes_on = restless
    staged, number = [], 0
    while goes_on():
        number += 1
        with suppress(ValueError, FileNotFoundError):
            staged.append(stage(str(lake), str(tmp_path / f"staged-{number}")))
    partials = [
        path
        for folder in staged
        for path in partial_files(Path(folder), world.visible(0), world.visible(1))
    ]
    assert staged
    case = "stages while convert replaces and removes partitions"
    record("At the same time", case, saw="", lost=0, partial=len(partials))
    assert partials == []


def test_a_partition_that_is_being_replaced_is_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("movielake.lake.commits._PATIENCE", 0.05)
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    commit = lake / "manifest/20191206/deu.json"
    commit.rename(commit.with_suffix(".replaced"))
    expected = f"20191206/deu in {lake} is being replaced; try again when the convert that does it"
    for act in (
        lambda: ShowingsReader(str(lake)),
        lambda: pack(str(lake), str(tmp_path / "lake.tar")),
        lambda: stage(str(lake), str(tmp_path / "staged")),
    ):
        with pytest.raises(ValueError, match=expected):
            act()
    assert answer_of(lake, countries="swe") == {("20191206", "swe"): 2}
    info = run(tmp_path / "info", "info", lake)
    assert info.code == 2
    case = "convert while it replaced 20191206/deu, and then read"
    record("Killed", case, saw=said(info, lake), lost=0, partial=0)
