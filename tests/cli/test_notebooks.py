"""The command ``notebooks``: valid notebooks that run, with readable plots, and that stay yours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from click.testing import CliRunner, Result

import movielake
from movielake.cli import main
from movielake.cli.notebooks import write_notebooks
from movielake.names.countries import read_countries
from tests.feeds import files

ROOT = Path(movielake.__file__).parents[1]
SOURCES = sorted(p for p in (ROOT / "docs" / "notebooks").glob("*.md") if p.stem != "index")
STEMS = [path.stem for path in SOURCES]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["notebooks", *map(str, arguments)], prog_name="movielake")


def test_the_command_writes_every_notebook(tmp_path):
    result = run(tmp_path / "new" / "place")
    assert result.exit_code == 0, result.output
    assert "8 notebooks" in result.stdout
    assert sorted(files(tmp_path / "new" / "place")) == [f"{stem}.ipynb" for stem in STEMS]


@pytest.mark.parametrize("source", SOURCES, ids=STEMS)
def test_a_notebook_is_valid_and_has_the_cells_that_jupytext_finds(source, tmp_path):
    write_notebooks(str(tmp_path), "s3://films/lake")
    written = nbformat.read(tmp_path / f"{source.stem}.ipynb", as_version=4)
    nbformat.validate(written)
    assert written.metadata.kernelspec.name == "python3"
    expected = jupytext.read(source).cells
    assert [cell.cell_type for cell in written.cells] == [cell.cell_type for cell in expected]
    for cell, other in zip(written.cells, expected, strict=True):
        assert cell.metadata.get("tags") == other.metadata.get("tags")
        if cell.cell_type == "code":
            assert cell.source == other.source.replace('"lake")', '"s3://films/lake")')


def test_the_links_of_a_notebook_have_targets(tmp_path):
    write_notebooks(str(tmp_path))
    names = set(files(tmp_path))
    for name, content in files(tmp_path).items():
        for cell in json.loads(content)["cells"]:
            text = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
            links = {link.partition(")")[0] for link in text.split("](")[1:]}
            assert {link for link in links if "://" not in link} <= names, name


@pytest.mark.parametrize("lake", ["lake", 'a "b"\\c', "放映"])
def test_the_path_of_the_lake_becomes_absolute(tmp_path, monkeypatch, lake):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOVIELAKE_LAKE", raising=False)
    write_notebooks("books", lake)
    for content in files(tmp_path / "books").values():
        cells = json.loads(content)["cells"]
        (cell,) = (c for c in cells if c["metadata"].get("tags") == ["parameters"])
        names: dict[str, str] = {}
        exec("".join(cell["source"]), names)
        assert names["lake"] == str(tmp_path / lake)


@pytest.mark.parametrize("stem", STEMS)
def test_a_notebook_runs_and_its_labels_do_not_overlap(stem, tmp_path, sample_lake):
    write_notebooks(str(tmp_path), str(sample_lake))
    shown = run_notebook(tmp_path / f"{stem}.ipynb")
    assert shown
    texts = {text for labels in shown for text in labels}
    assert not texts & set(read_countries()), "a plot names a country by its code"
    if stem == "premieres":
        titled = [text for text in shown[0] if not text.startswith("movie ")]
        assert len(titled) > len(shown[0]) / 2


def run_notebook(path: Path) -> list[list[str]]:
    """Return the texts of the ticks and legends of each figure."""
    environ = {name: value for name, value in os.environ.items() if name != "MOVIELAKE_LAKE"}
    result = subprocess.run(
        [sys.executable, ROOT / "tests" / "run_notebook.py", path],
        env=environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = (line.partition("figure: ") for line in result.stdout.splitlines())
    return [json.loads(text) for before, found, text in lines if found and not before]


# --- notebooks of the user


def test_a_changed_notebook_is_kept_unless_forced(tmp_path):
    write_notebooks(str(tmp_path))
    before = files(tmp_path)
    mine, lost = tmp_path / "directors.ipynb", tmp_path / "premieres.ipynb"
    mine.write_text("mine")
    lost.unlink()
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr == (
        f"movielake: kept {mine}, which has other content; use --force to replace it\n"
    )
    assert files(tmp_path) == before | {"directors.ipynb": b"mine"}
    assert run(tmp_path, "--force").exit_code == 0
    assert files(tmp_path) == before


def test_unchanged_notebooks_are_not_written_again(tmp_path):
    write_notebooks(str(tmp_path))
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert run(tmp_path).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


@pytest.mark.parametrize("place", ["memory://books", "{lake}/books", "{file}"])
def test_notebooks_are_not_written_into_a_lake_a_file_or_a_url(place, sample_lake, tmp_path):
    (tmp_path / "file").write_text("mine")
    target = place.format(lake=sample_lake, file=tmp_path / "file")
    result = run(target)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("movielake: expected ")
    assert not (sample_lake / "books").exists()
    assert (tmp_path / "file").read_text() == "mine"
