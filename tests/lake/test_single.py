"""Single files: they never replace a file of the user, and never lie in a lake or a feed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from movielake import pack, write_report
from movielake.cli import main
from tests.feeds import week, write_feed

WRITERS = [pytest.param(pack, id="pack"), pytest.param(write_report, id="report")]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 a zip", b"<!doctype html><title>mine</title>", b"x"]
)
def test_a_file_of_the_user_is_not_replaced(write, content, sample_lake: Path, tmp_path: Path):
    file = tmp_path / "mine"
    file.write_bytes(content)
    with pytest.raises(FileExistsError, match=r"found another file: .*mine; .* --force"):
        write(str(sample_lake), str(file))
    assert file.read_bytes() == content
    write(str(sample_lake), str(file), force=True)
    assert file.read_bytes() != content


@pytest.mark.parametrize("write", WRITERS)
def test_an_own_file_and_an_empty_file_are_replaced(write, sample_lake: Path, tmp_path: Path):
    file = tmp_path / "own"
    file.touch()
    write(str(sample_lake), str(file))
    first = file.read_bytes()
    write(str(sample_lake), str(file))
    assert file.read_bytes()[:100] == first[:100]


@pytest.mark.parametrize("write", WRITERS)
def test_the_kinds_do_not_replace_each_other(write, sample_lake: Path, tmp_path: Path):
    file = tmp_path / "own"
    other = write_report if write is pack else pack
    other(str(sample_lake), str(file))
    with pytest.raises(FileExistsError, match="found another file"):
        write(str(sample_lake), str(file))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("place", "owner"),
    [
        ("lake/new", "lake"),
        ("lake/lake.json", "lake"),
        ("lake/json/20191206/deu/new", "lake"),
        ("feed/new", "feed"),
        ("feed/20191206/new", "feed"),
        ("feed/20191206/movies_deu.zip", "feed"),
    ],
)
def test_lakes_and_feeds_are_not_written_into(
    write, place, owner, sample_lake: Path, tmp_path: Path
):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/lake.json").write_text("{}")
    write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": week()})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=rf"outside lakes and feeds, found .* in the {owner} "):
        write(str(sample_lake), str(tmp_path / place))
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("arguments", [["pack"], ["report", "-o"]])
def test_the_commands_refuse_with_one_line_and_exit_code_2(arguments, sample_lake, tmp_path):
    file = tmp_path / "mine"
    file.write_text("mine")
    command, *option = arguments
    said = CliRunner().invoke(main, [command, str(sample_lake), *option, str(file)])
    assert (said.exit_code, len(said.output.splitlines())) == (2, 1), said.output
    assert file.read_text() == "mine"
    said = CliRunner().invoke(main, [command, str(sample_lake), *option, str(file), "--force"])
    assert said.exit_code == 0, said.output
