"""Faults while the lake is written: processes that really die, disks that really fill up.

After each: every file to be seen is whole, the next run completes, and the lake is, byte for byte,
what it would be if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from crashes import Ending, run, spread
from feeds import files, houses, week, write_feed

from movielake import ShowingsReader, convert
from movielake.commits import commit_from_json
from movielake.manifest import manifest_table
from movielake.packing import pack
from movielake.staging import stage

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
        yield Path(folder)


@pytest.fixture
def tmp_path(disk: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=disk) as folder:
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


def assert_whole(lake: Path, *wholes: dict[str, bytes]) -> None:
    """Assert that each file is one of a whole lake, and that each commit has its files."""
    seen = visible(lake)
    table = seen.pop("manifest.parquet", None)
    for path, content in seen.items():
        place = path.replace(".replaced", ".json")
        assert any(whole.get(place) == content for whole in wholes), f"{path} is not whole"
    commits = [path for path in seen if path.startswith("manifest/") and path.endswith(".json")]
    for path in commits:
        for member in json.loads(seen[path])["members"]:
            for file in filter(None, (member["json"], member["parquet"], *member["quarantine"])):
                found = seen[file["path"]]
                assert hashlib.sha256(found).hexdigest() == file["sha256"], file["path"]
    if table is not None:
        known = manifest_table(commit_from_json(seen[path]) for path in commits)
        assert pq.read_table(lake / "manifest.parquet").equals(known), "the manifest is behind"


Answer = dict[tuple[str, str], int]


def answer_of(lake: Path, **selection: Any) -> Answer:
    """Count the screenings of each partition."""
    with ShowingsReader(str(lake), **selection) as showings:
        rows = showings.count_by("date_stamp", "country")
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


def assert_done(lake: Path, whole: dict[str, bytes]) -> None:
    """Assert that a lake is as if nothing had happened, and that nothing is left aside."""
    assert visible(lake) == whole
    assert [path for path in files(lake) if path.startswith(".work/")] == []


# --- killed


@pytest.fixture(scope="module")
def steps(world: World, disk: Path) -> dict[str, int]:
    """Count the steps of each command, by running it to its end."""
    top = disk / "steps"
    top.mkdir()
    lake = shutil.copytree(world.lakes[0], top / "renewed")
    source, staged = staged_before(world, top / "restage")

    def count(name: str, *command: object) -> Ending:
        return run(top / name, *command, at=0)

    endings = {
        "convert": count("1", "convert", world.feeds[0], top / "lake", "--workers=1"),
        "renew": count("2", "convert", world.feeds[1], lake, "--prune", "--workers=1"),
        "pack": count("3", "pack", world.lakes[0], top / "lake.tar"),
        "stage": count("4", "stage", world.packs[0], "--to", top / "staged", "--workers=1"),
        "restage": count("5", "stage", source, "--to", staged, "--workers=1"),
    }
    assert {name: ending.code for name, ending in endings.items()} == dict.fromkeys(endings, 0) | {
        "convert": 1
    }
    return {name: ending.steps for name, ending in endings.items()}


def staged_before(world: World, folder: Path) -> tuple[Path, Path]:
    """Stage a lake, and let it change after that."""
    source, to = folder / "source", folder / "staged"
    shutil.copytree(world.lakes[0], source)
    stage(str(source), str(to))
    shutil.rmtree(source)
    shutil.copytree(world.lakes[1], source)
    return source, to


@pytest.mark.parametrize("point", range(24))
def test_convert_killed(world: World, steps: dict[str, int], tmp_path: Path, point: int) -> None:
    lake, command = tmp_path / "lake", ("convert", world.feeds[0], tmp_path / "lake", "--workers=1")
    at = spread(steps["convert"], 24)[point]
    assert run(tmp_path / "killed", *command, at=at).was_killed
    assert_whole(lake, world.visible(0))
    assert run(tmp_path / "again", *command).code in (0, 1)  # 1: it has damaged members
    assert_done(lake, world.visible(0))


@pytest.mark.parametrize("point", range(24))
def test_convert_killed_while_replacing(
    world: World, steps: dict[str, int], tmp_path: Path, point: int
) -> None:
    lake = shutil.copytree(world.lakes[0], tmp_path / "lake")
    command = ("convert", world.feeds[1], lake, "--prune", "--workers=1")
    at = spread(steps["renew"], 24)[point]
    assert run(tmp_path / "killed", *command, at=at).was_killed
    assert_whole(lake, world.visible(0), world.visible(1))
    assert_answers(lake, *map(answer_of, world.lakes))
    assert run(tmp_path / "again", *command).code == 0
    assert_done(lake, world.visible(1))


@pytest.mark.parametrize("point", range(10))
def test_pack_killed(world: World, steps: dict[str, int], tmp_path: Path, point: int) -> None:
    file = tmp_path / "lake.tar"
    if point % 2:
        shutil.copy(world.packs[1], file)
    before = file.read_bytes() if file.exists() else None
    at = spread(steps["pack"], 10)[point]
    assert run(tmp_path / "killed", "pack", world.lakes[0], file, at=at).was_killed
    after = file.read_bytes() if file.exists() else None
    assert after in (before, world.packs[0].read_bytes())
    assert run(tmp_path / "again", "pack", world.lakes[0], file).code == 0
    assert file.read_bytes() == world.packs[0].read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("point", range(12))
def test_stage_killed(world: World, steps: dict[str, int], tmp_path: Path, point: int) -> None:
    to = tmp_path / "staged"
    command = ("stage", world.packs[0], "--to", to, "--workers", 1)
    at = spread(steps["stage"], 12)[point]
    assert run(tmp_path / "killed", *command, at=at).was_killed
    assert_whole(to, world.visible(0))
    assert run(tmp_path / "again", *command).code == 0
    assert_done(to, world.visible(0))


@pytest.mark.parametrize("point", range(12))
def test_stage_killed_while_replacing(
    world: World, steps: dict[str, int], tmp_path: Path, point: int
) -> None:
    source, to = staged_before(world, tmp_path)
    command = ("stage", source, "--to", to, "--workers", 1)
    at = spread(steps["restage"], 12)[point]
    assert run(tmp_path / "killed", *command, at=at).was_killed
    assert_whole(to, world.visible(0), world.visible(1))
    assert run(tmp_path / "again", *command).code == 0
    assert_done(to, world.visible(1))
