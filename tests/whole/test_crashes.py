"""Faults while a lake is written: killed processes, full disks and concurrent jobs.

Processes really die and disks really fill up. After each fault, every visible file is complete and
the next run succeeds. The lake is then, byte for byte, the same as without the fault.
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
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard

import movielake
from movielake import ShowingsReader, compact, convert
from movielake.lake import locks
from movielake.lake.entries import manifest_table
from movielake.lake.parsing import commit_from_json
from movielake.staging.copies import stage
from movielake.staging.packing import pack
from tests.crashes import (
    Action,
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
    """Write a feed whose files have the same times in every folder."""
    write_feed(root, content)
    for path in root.rglob("*.zip"):
        os.utime(path, (1_575_600_000 + len(path.read_bytes()),) * 2)
    return root


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """Return a folder in memory where possible: there, waiting for the disk takes no time."""
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
    """Two states of a feed. For each state, the lake, a pack, and a compact copy and its pack."""

    feeds: tuple[Path, Path]
    lakes: tuple[Path, Path]
    packs: tuple[Path, Path]
    copies: tuple[Path, Path]
    compact_packs: tuple[Path, Path]

    @cached_property
    def contents(self) -> tuple[dict[str, bytes], ...]:
        return tuple(map(visible, self.lakes))

    def visible(self, number: int) -> dict[str, bytes]:
        return self.contents[number]

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        return tuple(map(answer_of, self.lakes))


@pytest.fixture(scope="module")
def world(disk: Path) -> World:
    top = disk / "world"
    feeds = feed_of(top / "old", OLD), feed_of(top / "new", NEW)
    lakes = top / "old-lake", top / "new-lake"
    packs = top / "old.tar", top / "new.tar"
    copies = top / "old-copy", top / "new-copy"
    compact_packs = top / "old-copy.tar", top / "new-copy.tar"
    for feed, lake, file, copy, small in zip(
        feeds, lakes, packs, copies, compact_packs, strict=True
    ):
        convert(str(feed), str(lake), workers=1)
        pack(str(lake), str(file), leaves=True)
        compact(str(lake), str(copy))
        pack(str(lake), str(small))
    return World(feeds, lakes, packs, copies, compact_packs)


# --- what must hold after every fault


def visible(lake: Path) -> dict[str, bytes]:
    """Read all files that a reader of the lake can see."""
    hidden = (".work/", ".staged.json", ".compacting")
    return {p: content for p, content in files(lake).items() if not p.startswith(hidden)}


def partial_files(lake: Path, *wholes: dict[str, bytes]) -> list[str]:
    """List the files that differ from every complete lake or from their own commit."""
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
    """Assert that each file belongs to a complete lake and that each commit has its files."""
    assert partial_files(lake, *wholes) == []


Answer = dict[tuple[str, str], int]


def answer_of(lake: Path, **selection: Any) -> Answer:
    """Count the films of each partition. The count needs the Parquet files themselves."""
    with ShowingsReader(str(lake), **selection) as showings:
        rows = showings.count_by("date_stamp", "country", distinct="movie_id")
        names = rows.columns
        return {(row[names[0]], row[names[1]]): int(row[names[-1]]) for _, row in rows.iterrows()}


def assert_answers(lake: Path, *wholes: Answer) -> None:
    """Assert that a reader gets the answer of a complete lake, or an error, per partition."""
    for pair in {pair for whole in wholes for pair in whole}:
        try:
            found = answer_of(lake, date_stamps=pair[0], countries=pair[1])
        except (ValueError, FileNotFoundError) as error:
            assert any(words in str(error) for words in ERRORS), error  # noqa: PT017
        else:
            assert any(found == {pair: whole[pair]} for whole in wholes if pair in whole)


ERRORS = ("is being replaced", "expected a lake", "match", "--force")


def lost(lake: Path, whole: Path) -> int:
    """Count the records that are missing from a lake."""
    return len(all_records(whole)) - len(all_records(lake))


def assert_done(lake: Path, whole: dict[str, bytes]) -> None:
    """Assert that a lake is as without the fault and that no work files remain."""
    assert visible(lake) == whole
    assert [path for path in files(lake) if path.startswith(".work/")] == []


# --- killed


Work = tuple[Path, tuple[object, ...]]
"""The lake or pack that a command writes, and the command line."""


def new_convert(world: World, folder: Path) -> Work:
    lake = folder / "lake"
    return lake, ("convert", world.feeds[0], lake, "--workers=1")


def renewing_convert(world: World, folder: Path) -> Work:
    lake = shutil.copytree(world.lakes[0], folder / "lake")
    return lake, ("convert", world.feeds[1], lake, "--prune", "--workers=1")


def rebuilding_convert(world: World, folder: Path) -> Work:
    lake = shutil.copytree(world.lakes[0], folder / "lake")
    (lake / "manifest.parquet").unlink()
    return lake, ("convert", world.feeds[0], lake, "--workers=1")


def new_pack(world: World, folder: Path) -> Work:
    return folder / "lake.tar", ("pack", world.lakes[0], folder / "lake.tar", "--leaves")


def new_stage(world: World, folder: Path) -> Work:
    to = folder / "staged"
    return to, ("stage", world.packs[0], "--to", to, "--workers=1")


def renewing_stage(world: World, folder: Path) -> Work:
    """Stage a lake that changes before it is staged again."""
    source, to = folder / "source", folder / "staged"
    shutil.copytree(world.lakes[0], source)
    stage(str(source), str(to))
    shutil.rmtree(source)
    shutil.copytree(world.lakes[1], source)
    return to, ("stage", source, "--to", to, "--workers=1")


Arrange = Callable[[World, Path], Work]
Steps = Callable[[Arrange, int, int], dict[str, Any]]


@pytest.fixture(scope="module")
def steps(world: World, disk: Path) -> Steps:
    """Return a function that chooses evenly spread steps of a command's run.

    Points with an even number are spread over all steps, the others over the steps that move
    files. The command runs to its end once, to count its steps.
    """
    top, counted = disk / "steps", dict[tuple[Arrange, bool], int]()
    top.mkdir()

    def count(arrange: Arrange, moves: bool) -> int:
        place = top / f"{arrange.__name__}-{moves}"
        place.mkdir()
        _, command = arrange(world, place)
        ending = run(place / "count", *command, at=0, moves=moves)
        assert ending.code == (arrange in (new_convert, rebuilding_convert)), ending.said
        return ending.steps

    def choose(arrange: Arrange, point: int, points: int) -> dict[str, Any]:
        moves = bool(point % 2)
        if (arrange, moves) not in counted:
            counted[arrange, moves] = count(arrange, moves)
        return {"at": spread(counted[arrange, moves], points // 2)[point // 2], "moves": moves}

    return choose


KILLED: list[tuple[Arrange, str, tuple[int, ...], int]] = [
    (renewing_convert, "convert while it replaces and removes partitions", (0, 1), 32),
    (renewing_stage, "stage while it replaces and removes partitions", (0, 1), 24),
    (new_convert, "convert", (0,), 24),
    (new_stage, "stage", (0,), 12),
]
"""How each command is set up, its row in the table, the states that it can show, and points."""


@pytest.mark.parametrize(
    ("arrange", "case", "states", "point", "points"),
    [(*row[:3], point, row[3]) for row in KILLED for point in range(row[3])],
    ids=[f"{row[1]} {point}" for row in KILLED for point in range(row[3])],
)
def test_a_killed_command_leaves_complete_files_and_can_run_again(
    world: World,
    steps: Steps,
    tmp_path: Path,
    arrange: Arrange,
    case: str,
    states: tuple[int, ...],
    point: int,
    points: int,
) -> None:
    at = steps(arrange, point, points)
    lake, command = arrange(world, tmp_path)
    assert run(tmp_path / "killed", *command, **at).was_killed
    partials = partial_files(lake, *map(world.visible, states))
    assert partials == []
    if arrange is renewing_convert:
        assert_answers(lake, *world.answers)
    codes = (0, 1) if arrange is new_convert else (0,)  # 1: the old feed has damaged members
    assert run(tmp_path / "again", *command).code in codes
    missing = lost(lake, world.lakes[states[-1]])
    record("Killed", case, saw="", lost=missing, partial=len(partials))
    assert_done(lake, world.visible(states[-1]))


@pytest.mark.parametrize("point", range(10))
def test_a_killed_pack_leaves_the_old_file_or_the_new_one(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    at = steps(new_pack, point, 10)
    file, command = new_pack(world, tmp_path)
    if point % 2:
        shutil.copy(world.packs[1], file)
    before = file.read_bytes() if file.exists() else None
    assert run(tmp_path / "killed", *command, **at).was_killed
    after = file.read_bytes() if file.exists() else None
    is_whole = after in (before, world.packs[0].read_bytes())
    assert run(tmp_path / "again", *command).code == 0
    record("Killed", "pack", saw="", lost=0, partial=int(not is_whole))
    assert file.read_bytes() == world.packs[0].read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


# --- killed in the compact layout


def new_compact(world: World, folder: Path) -> Work:
    return folder / "copy", ("compact", world.lakes[0], folder / "copy", "--workers=1")


def renewing_compact(world: World, folder: Path) -> Work:
    """Make a copy of a lake that has changed since the first copy."""
    copy = shutil.copytree(world.copies[1], folder / "copy")
    return copy, ("compact", world.lakes[0], copy, "--workers=1")


def compact_stage(world: World, folder: Path) -> Work:
    to = folder / "staged"
    return to, ("stage", world.compact_packs[0], "--to", to, "--workers=1")


def compacting_stage(world: World, folder: Path) -> Work:
    to = folder / "staged"
    return to, ("stage", world.lakes[0], "--to", to, "--workers=1", "--compact")


def compact_pack(world: World, folder: Path) -> Work:
    return folder / "lake.tar", ("pack", world.lakes[0], folder / "lake.tar")


def wrong_files(copy: Path, *wholes: Path) -> list[str]:
    """List the files that are in no complete copy, or that the manifest lists in vain."""
    seen, known = visible(copy), [visible(whole) for whole in wholes]
    wrong = [path for path in seen if all(whole.get(path) != seen[path] for whole in known)]
    if "manifest.parquet" in seen:
        table = pq.read_table(copy / "manifest.parquet", columns=["json_path", "parquet_path"])
        listed = {path for column in table.columns for path in column.to_pylist()} - {None}
        wrong += sorted(listed - seen.keys())
    return wrong


COMPACT: list[tuple[Arrange, str, int]] = [
    (new_compact, "compact", 24),
    (renewing_compact, "compact while it replaces files", 32),
    (compact_stage, "stage of a compact pack", 12),
    (compacting_stage, "stage that makes a lake compact", 12),
]
"""How each command is set up, its row in the table, and the number of points."""


@pytest.mark.parametrize(
    ("arrange", "case", "point", "points"),
    [(*row[:2], point, row[2]) for row in COMPACT for point in range(row[2])],
    ids=[f"{row[1]} {point}" for row in COMPACT for point in range(row[2])],
)
def test_a_killed_command_leaves_a_whole_copy_or_none(
    world: World,
    steps: Steps,
    tmp_path: Path,
    arrange: Arrange,
    case: str,
    point: int,
    points: int,
) -> None:
    at = steps(arrange, point, points)
    copy, command = arrange(world, tmp_path)
    assert run(tmp_path / "killed", *command, **at).was_killed
    wrong = wrong_files(copy, *world.copies)
    assert wrong == []
    if (copy / "lake.json").exists():
        assert answer_of(copy) in world.answers
    else:
        assert arrange is not renewing_compact
        with pytest.raises(FileNotFoundError, match=r"expected a lake, found no lake\.json"):
            answer_of(copy)
    assert run(tmp_path / "again", *command).code == 0
    missing = records_of(world.copies[0]) - records_of(copy)
    record("Killed", case, saw="", lost=missing, partial=len(wrong))
    assert_done(copy, visible(world.copies[0]))


def records_of(copy: Path) -> int:
    """Count the lines in the JSON Lines files of a compact lake."""
    decompress = partial(zstandard.ZstdDecompressor().stream_reader, read_across_frames=True)
    contents = (path.read_bytes() for path in copy.rglob("*.zst"))
    return sum(decompress(content).read().count(b"\n") for content in contents)


@pytest.mark.parametrize("point", range(12))
def test_a_killed_compact_pack_leaves_the_old_file_or_the_new_one(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    at = steps(compact_pack, point, 12)
    file, command = compact_pack(world, tmp_path)
    if point % 2:
        shutil.copy(world.compact_packs[1], file)
    before = file.read_bytes() if file.exists() else None
    assert run(tmp_path / "killed", *command, **at).was_killed
    after = file.read_bytes() if file.exists() else None
    is_whole = after in (before, world.compact_packs[0].read_bytes())
    assert run(tmp_path / "again", *command).code == 0
    record("Killed", "pack that makes a lake compact", saw="", lost=0, partial=int(not is_whole))
    assert file.read_bytes() == world.compact_packs[0].read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("lakes", [(0, 0), (0, 1), (1, 0)])
def test_two_compacts_into_one_copy(world: World, tmp_path: Path, lakes: tuple[int, int]) -> None:
    copy = shutil.copytree(world.copies[1], tmp_path / "copy")
    commands = [("compact", world.lakes[n], copy, "--workers=1") for n in lakes]
    both = [start(tmp_path / str(n), *command) for n, command in enumerate(commands)]
    endings = [finish(tmp_path / str(n), process) for n, process in enumerate(both)]
    assert [ending.code for ending in endings] == [0, 0], [ending.said for ending in endings]
    wrong = wrong_files(copy, *world.copies)
    assert answer_of(copy) in world.answers
    assert run(tmp_path / "again", "compact", world.lakes[0], copy).code == 0
    case = "two compacts into one copy, also of different lakes"
    record("At the same time", case, saw="", lost=0, partial=len(wrong))
    assert_done(copy, visible(world.copies[0]))


@pytest.mark.parametrize("share", range(6))
def test_compact_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    disk = small_disk(4096 + pages(world.copies[0]) * share // 6)
    copy, command = new_compact(world, disk)
    full = run(tmp_path / "full", *command)
    assert full.code == 1, full.said
    wrong = wrong_files(copy, *world.copies)
    small_disk(1 << 24)
    assert run(tmp_path / "again", *command).code == 0
    record(
        "Disks", "no space left while compacting", saw=said(full, copy), lost=0, partial=len(wrong)
    )
    assert_done(copy, visible(world.copies[0]))


def convert_with_hook(feed: Path, lake: Path, hook: str) -> subprocess.CompletedProcess[str]:
    """Convert with two workers. Each Python process runs the code of the hook at its start."""
    site = lake.with_name("site")
    site.mkdir()
    (site / "sitecustomize.py").write_text(hook)
    return subprocess.run(
        [sys.executable, "-m", "movielake", "convert", str(feed), str(lake), "--workers", "2"],
        env=os.environ | {"PYTHONPATH": str(site)},
        cwd=Path(movielake.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


KILL_ONE_WORKER = """
import contextlib, os, signal, sys
if "--multiprocessing-fork" in sys.orig_argv:
    left = iter(range(12))

    def die(event, arguments):
        if event == "open" and "/.work/" in str(arguments[0]) and next(left, None) is None:
            with contextlib.suppress(FileExistsError):  # another worker has died
                os.mkdir({mark!r})
                os.kill(os.getpid(), signal.SIGKILL)

    if not os.path.exists({mark!r}):
        sys.addaudithook(die)
"""


def test_convert_survives_a_killed_worker(world: World, tmp_path: Path) -> None:
    lake, mark = tmp_path / "lake", tmp_path / "died"
    hook = KILL_ONE_WORKER.format(mark=str(mark))
    process = convert_with_hook(world.feeds[1], lake, hook)
    assert process.returncode == 0
    assert mark.exists(), "no worker was killed"
    found = lost(lake, world.lakes[1])
    record("Killed", "one of two workers", saw="", lost=found, partial=0)
    assert "4 converted" in process.stdout
    assert_done(lake, world.visible(1))


KILL_EACH_READER = """
import os, signal, sys
if "--multiprocessing-fork" in sys.orig_argv:
    def die(event, arguments):
        if event == "open" and str(arguments[0]).endswith({name!r}):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
"""


def test_a_zip_that_kills_every_reader_is_reported_and_converted_later(
    world: World, tmp_path: Path
) -> None:
    """A zip that needs too much memory behaves like this."""
    feed, lake = world.feeds[1], tmp_path / "lake"
    deadly = max(feed.rglob("*.zip"), key=lambda path: path.stat().st_size)
    hook = KILL_EACH_READER.format(name=f"{deadly.parent.name}/{deadly.name}")
    process = convert_with_hook(feed, lake, hook)
    assert process.returncode == 1
    name = deadly.relative_to(feed)
    assert f"{name}: its worker died, perhaps for lack of memory" in process.stdout
    assert run(tmp_path / "again", "convert", feed, lake, "--workers", 1).code == 0
    assert_done(lake, world.visible(1))


# --- full disks and missing permissions


def said(ending: Ending, *places: Path) -> str:
    """Return the one line that the user saw, without the parts that differ between runs."""
    (line,) = ending.said.splitlines()
    for place in places:
        line = line.replace(str(place), place.name)
    return re.sub(r" \([^)]*\)", "", line)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a function that mounts a disk of a given size, or resizes it."""
    place = tmp_path / "disk"
    place.mkdir()

    def size(bytes_: int) -> Path:
        remount = "remount," if place.is_mount() else ""
        options = f"{remount}size={bytes_},mode=755"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True
        )
        if mounted.returncode:
            pytest.skip(f"cannot mount a disk here: {mounted.stderr.strip()}")
        return place

    yield size
    if place.is_mount():
        subprocess.run(["umount", place], check=True)


def pages(folder: Path) -> int:
    """Count the bytes that the files of a folder take on such a disk."""
    sizes = [len(content) for content in files(folder).values()]
    return sum(-(-size // 4096) * 4096 for size in sizes)


def check_repeat(
    case: str, work: Work, failed: Ending, whole: Path, folder: Path, mend: Action | None = None
) -> None:
    """Assert that a command failed, and that it succeeds after the cause is removed."""
    lake, command = work
    assert failed.code == 1, failed.said
    partials = partial_files(lake, visible(whole))
    if mend:
        mend()
    assert run(folder / "again", *command).code == 0
    saw = re.sub(r"[0-9,]+ bytes needed, [0-9,]+", "… bytes needed, …", said(failed, lake))
    record("Disks", case, saw=saw, lost=lost(lake, whole), partial=len(partials))
    assert_done(lake, visible(whole))


def second_convert(world: World, folder: Path) -> Work:
    lake = folder / "lake"
    return lake, ("convert", world.feeds[1], lake, "--workers=1")


@pytest.mark.parametrize("share", range(8))
def test_convert_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    disk = small_disk(4096 + pages(world.lakes[1]) * share // 8)
    work = second_convert(world, disk)
    full = run(tmp_path / "full", *work[1])
    case = "no space left while converting"
    check_repeat(case, work, full, world.lakes[1], tmp_path, partial(small_disk, 1 << 24))


@pytest.mark.parametrize("share", range(4))
def test_stage_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    data = sum(pages(world.lakes[0] / top) for top in ("json", "parquet", "quarantine"))
    disk = small_disk(4096 + data * share // 4)
    work = disk / "staged", ("stage", world.packs[0], "--to", disk / "staged")
    full = run(tmp_path / "full", *work[1])
    case = "no space left while staging"
    check_repeat(case, work, full, world.lakes[0], tmp_path, partial(small_disk, 1 << 24))


@pytest.mark.parametrize("share", range(4))
def test_pack_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    disk = small_disk(4096 + world.packs[0].stat().st_size * share // 4)
    full = run(tmp_path / "full", "pack", world.lakes[0], disk / "lake.tar", "--leaves")
    assert (full.code, list(disk.iterdir())) == (1, [])
    record("Disks", "no space left while packing", saw=said(full, disk), lost=0, partial=0)


@pytest.mark.parametrize("share", range(8))
def test_compact_pack_on_a_full_disk(
    world: World, tmp_path: Path, small_disk: Callable[[int], Path], share: int
) -> None:
    """The disk is full while the compact files are made, or while the tar is written of them."""
    needed = pages(world.copies[0]) + world.compact_packs[0].stat().st_size
    disk = small_disk(4096 + needed * share // 8)
    file, command = compact_pack(world, disk)
    full = run(tmp_path / "full", *command)
    assert (full.code, list(disk.iterdir())) == (1, []), full.said
    assert len(said(full, disk).splitlines()) == 1
    small_disk(1 << 24)
    assert run(tmp_path / "again", *command).code == 0
    assert file.read_bytes() == world.compact_packs[0].read_bytes()
    case = "no space left while packing a compact lake"
    record("Disks", case, saw=said(full, disk), lost=0, partial=0)


@pytest.mark.parametrize("limit", [600, 1200, 2400])
def test_convert_with_a_limit_on_file_sizes(world: World, tmp_path: Path, limit: int) -> None:
    work = second_convert(world, tmp_path)
    before = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
    limited = run(tmp_path / "limited", *work[1], before=before)
    case = "file sizes limited to 600, 1,200 or 2,400 bytes (ulimit -f)"
    check_repeat(case, work, limited, world.lakes[1], tmp_path)


UNPRIVILEGED = 65534
"""The number of the user that owns no files."""


def set_modes(lake: Path, mode: int) -> None:
    """Set the permissions of all folders of a lake."""
    for path in (lake, *lake.rglob("*")):
        if path.is_dir():
            path.chmod(mode)


@pytest.mark.parametrize("point", range(8))
def test_convert_loses_the_permission_to_write(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    lake, command = work = second_convert(world, tmp_path)
    lake.mkdir()
    is_root = os.getuid() == 0
    if is_root:  # root can always write, so the command runs as another user
        os.chown(lake, UNPRIVILEGED, UNPRIVILEGED)
    refused = run(
        tmp_path / "refused",
        *command,
        **steps(new_convert, 2 * point, 20),
        action=partial(set_modes, lake, 0o555),
        before=partial(os.setuid, UNPRIVILEGED) if is_root else None,
    )
    case = "permission to write taken away while converting"
    mend = partial(set_modes, lake, 0o755)
    check_repeat(case, work, refused, world.lakes[1], tmp_path, mend)


# --- the feed changes while it is read

LARGE = {"191206S.XML": times(*(showing(n, n % 7) for n in range(400))), **week(shows=0)}
LARGER = {"191206S.XML": times(*(showing(n, n % 5) for n in range(500))), **week(shows=0)}


CHANGES: dict[str, Callable[[Path, Path], Action]] = {
    "a zip is replaced while it is read": lambda zip_, other: replace(other, zip_),
    "a zip is cut off while it is read": lambda zip_, other: truncate(zip_, 30_000),
    "a zip grows while it is read": lambda zip_, other: append(zip_, other.read_bytes()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_feed_zip_changes_while_it_is_read(tmp_path: Path, change: str) -> None:
    messages, partials, points = set[str](), list[str](), range(5)
    for point in points:
        place = tmp_path / str(point)
        place.mkdir()
        reported, wrong = change_while_read(place, change, (2 + point) / 10)
        messages |= reported
        partials += wrong
    (saw,) = messages
    assert saw.endswith("it changed while it was read; convert it again when it is complete")
    record("Feeds", change, saw=saw, lost=0, partial=len(partials), tried=len(points))
    assert partials == []


def change_while_read(place: Path, change: str, part: float) -> tuple[set[str], list[str]]:
    """Change a feed zip during a run, and convert it again.

    Returns the lines in which the first run reports the change, and the partial files after it.
    """
    feed, lake, other = place / "feed", place / "lake", place / "other.zip"
    write_feed(feed, {DEU: zipped(LARGE, zipfile.ZIP_STORED)})
    other.write_bytes(zipped(LARGER, zipfile.ZIP_STORED))
    action = CHANGES[change](feed / DEU, other)
    before = reference(feed, place / "before")
    whole = run(place / "count", "convert", feed, place / "counted", "--workers=1", at=0)
    command = ("convert", feed, lake, "--workers=1")
    changed = run(place / "changed", *command, at=round(whole.steps * part), action=action)
    after = reference(feed, place / "after")
    partials = partial_files(lake, before, after)
    run(place / "again", *command)
    assert_done(lake, after)
    lines = {line for line in changed.said.splitlines() if "it changed while it was read" in line}
    assert changed.code == bool(lines) or "cut off" in change  # the rest of the zip is damaged
    return lines, partials


def reference(feed: Path, lake: Path) -> dict[str, bytes]:
    convert(str(feed), str(lake), workers=1)
    return visible(lake)


# --- several jobs at the same time


def impatient() -> None:
    """Regard a process as dead after a short pause."""
    locks.LEASE = 0.1


def overtake(world: World, folder: Path, work: Work, **at: Any) -> Ending:
    """Pause a command at a step, run another convert to its end, and let the first go on."""
    lake, command = work
    sleeper = start(folder / "sleeper", *command, **at, action=pause)
    wait_for_pause(sleeper)
    other = ("convert", world.feeds[1], lake, "--prune", "--workers=1")
    assert run(folder / "other", *other, before=impatient).code == 0
    assert visible(lake) == world.visible(1)
    os.kill(sleeper.pid, signal.SIGCONT)
    return finish(folder / "sleeper", sleeper)


@pytest.mark.parametrize("point", range(12))
def test_a_convert_pauses_while_another_one_runs(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    at = steps(renewing_convert, 2 + point, 16)
    lake, command = work = renewing_convert(world, tmp_path)
    woken = overtake(world, tmp_path, work, **at)
    partials = partial_files(lake, world.visible(1))
    assert woken.code == 0 or "this process was stopped" in woken.said
    run(tmp_path / "again", *command)
    record(
        "At the same time",
        "a convert pauses while another one does the same work",
        saw="",
        lost=lost(lake, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(lake, world.visible(1))


@pytest.mark.parametrize("point", range(8))
def test_a_manifest_that_was_read_before_a_change_is_not_published(
    world: World, steps: Steps, tmp_path: Path, point: int
) -> None:
    """Another job rebuilds manifest.parquet and pauses at any step."""
    at = steps(rebuilding_convert, 2 + point, 12)
    work = rebuilding_convert(world, tmp_path)
    overtake(world, tmp_path, work, **at)
    partials = partial_files(work[0], world.visible(0), world.visible(1))
    record(
        "At the same time",
        "the manifest is rebuilt while another job changes commits",
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
        "two converts of the same feed zips, also when one reads older zips",
        saw="",
        lost=lost(lake, world.lakes[1]),
        partial=len(partials),
    )
    assert_done(lake, world.visible(1))


def alternate(feeds: tuple[Path, Path], lake: Path, times: int) -> None:
    """Convert two feeds in turn, each time all of it."""
    for number in range(times):
        convert(str(feeds[number % 2]), str(lake), prune=True, force=True, workers=1)


@pytest.fixture
def changing_lake(world: World, tmp_path: Path) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """Return a lake that changes all the time, and a function that is true while it does."""
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    writer = fork.Process(target=alternate, args=(world.feeds[::-1], lake, 10))
    writer.start()
    yield lake, writer.is_alive
    writer.join(60)
    assert writer.exitcode == 0
    assert visible(lake) == world.visible(0)


def test_readers_see_complete_partitions_while_a_lake_is_converted(
    world: World, changing_lake: tuple[Path, Callable[[], bool]]
) -> None:
    lake, is_changing = changing_lake
    old, new = world.answers
    answers, errors = [], set()
    while is_changing():
        try:
            answers.append(answer_of(lake))
        except (ValueError, FileNotFoundError) as error:
            errors.add(str(error))
    for answer in answers:
        assert answer.keys() >= old.keys() & new.keys(), "a partition is missing without an error"
        assert all(count in (old.get(pair), new.get(pair)) for pair, count in answer.items())
    assert all("open the reader again" in error for error in errors), errors
    assert answers
    case = "readers open a lake while convert replaces and removes partitions"
    record("At the same time", case, saw="", lost=0, partial=0)


def test_stages_are_complete_while_a_lake_is_converted(
    world: World, changing_lake: tuple[Path, Callable[[], bool]], tmp_path: Path
) -> None:
    lake, is_changing = changing_lake
    staged, number = [], 0
    while is_changing():
        number += 1
        with suppress(ValueError, FileNotFoundError):
            staged.append(stage(str(lake), str(tmp_path / f"staged-{number}")))
    partials = [
        path
        for folder in staged
        for path in partial_files(Path(folder), world.visible(0), world.visible(1))
    ]
    assert staged
    case = "stage copies a lake while convert replaces and removes partitions"
    record("At the same time", case, saw="", lost=0, partial=len(partials))
    assert partials == []


def test_an_error_names_the_partition_that_is_being_replaced(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("movielake.lake.ledger._PATIENCE", 0.05)
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    commit = lake / "manifest/20191206/deu.json"
    commit.rename(commit.with_suffix(".replaced"))
    expected = f"20191206/deu in {lake} is being replaced; try again when that convert has ended"
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
    case = "convert while it replaced 20191206/deu, then a read"
    record("Killed", case, saw=said(info, lake), lost=0, partial=0)
