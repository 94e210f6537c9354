"""Dry runs, selections that do not exist, wrong layouts, and damage that stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from movielake import convert
from movielake.cli import main
from tests.feeds import files, week, write_feed

BROKEN = {"191206S.XML": "<times><showtime><movie_id>1</movie_id></showtime>"}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    codes = ("deu", "swe", "nzl")
    write_feed(tmp_path / "feed", {f"20191206/movies_{code}.zip": week() for code in codes})
    return tmp_path / "feed"


def test_a_dry_run_lists_the_work_and_makes_no_lake(feed: Path, tmp_path: Path):
    said = run("convert", feed, tmp_path / "lake", "--dry-run", "--countries", "deu,swe")
    assert said.exit_code == 0
    first, *zips = said.stdout.splitlines()
    assert "would convert 2 feed zips" in first
    assert zips == [f"would convert: 20191206/movies_{code}.zip" for code in ("deu", "swe")]
    assert not (tmp_path / "lake").exists()


def test_a_dry_run_changes_no_file_of_a_lake(feed: Path, tmp_path: Path):
    lake = tmp_path / "lake"
    convert(str(feed), str(lake), workers=1)
    (feed / "20191206/movies_swe.zip").unlink()
    write_feed(feed, {"20191213/movies_deu.zip": week("20191213")})
    before = files(lake)
    said = run("convert", feed, lake, "--dry-run", "--prune")
    assert (said.exit_code, files(lake)) == (0, before)
    assert "would convert: 20191213/movies_deu.zip\n" in said.stdout
    assert "would remove: 20191206/swe\n" in said.stdout
    convert(str(feed), str(lake), workers=1, prune=True)
    assert "would convert 0 feed zips" in run("convert", feed, lake, "--dry-run").stdout


def test_a_dry_run_refuses_a_folder_that_is_not_a_lake(feed: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").touch()
    said = run("convert", feed, tmp_path / "mine", "--dry-run")
    assert (said.exit_code, said.stdout) == (2, "")
    assert "expected a lake or an empty folder" in said.stderr


@pytest.mark.parametrize("command", ["convert", "validate"])
def test_a_country_that_the_feed_lacks_is_wrong_usage(command, feed: Path, tmp_path: Path):
    lake = [tmp_path / "lake"] if command == "convert" else []
    said = run(command, feed, *lake, "--countries", "swe,nlz")
    assert said.exit_code == 2
    assert "no country nlz in " in said.stderr
    assert "did you mean nzl?" in said.stderr
    assert not (tmp_path / "lake").exists()


def test_validate_refuses_a_country_that_the_lake_lacks(feed: Path, tmp_path: Path):
    convert(str(feed), str(tmp_path / "lake"), workers=1)
    said = run("validate", tmp_path / "lake", "--countries", "swe,nlz")
    assert said.exit_code == 2
    assert "did you mean nzl?" in said.stderr


def test_a_country_of_another_stamp_is_no_mistake(feed: Path, tmp_path: Path):
    write_feed(feed, {"20191213/movies_can.zip": week("20191213")})
    said = run("convert", feed, tmp_path / "lake", "--countries", "swe,can", "--stamps", "20191206")
    assert said.exit_code == 0, said.output


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"movies_deu.zip": week()}, r"movies_deu.zip directly in it; give the folder above"),
        ({"deu/191206S.XML": b"<times/>"}, "XML files in another layout"),
        ({"a.txt": b"a", "b.txt": b"b"}, "2 other files, such as a.txt"),
        ({}, "no file"),
    ],
)
def test_a_wrong_layout_is_described(files, found, tmp_path: Path):
    (tmp_path / "feed").mkdir()
    write_feed(tmp_path / "feed", files)
    said = run("convert", tmp_path / "feed", tmp_path / "lake")
    assert said.exit_code == 2
    assert f"found {found}" in said.stderr
    assert not (tmp_path / "lake").exists()


def test_old_damage_is_named_by_every_run(feed: Path, tmp_path: Path):
    lake = tmp_path / "lake"
    write_feed(feed, {"20191206/movies_deu.zip": week() | BROKEN})
    first, second = run("convert", feed, lake), run("convert", feed, lake)
    assert first.exit_code == second.exit_code == 1
    (damage,) = [line for line in first.stdout.splitlines() if line.startswith("damage: ")]
    assert f"still {damage.replace('damage:', 'damaged:')}" in second.stdout.splitlines()
    assert run("convert", feed, lake, "--countries", "swe,nzl").exit_code == 0
    shutil.copy(feed / "20191206/movies_swe.zip", feed / "20191206/movies_deu.zip")
    third = run("convert", feed, lake)
    assert third.exit_code == 0
    assert "damaged" not in third.stdout
