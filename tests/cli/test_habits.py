"""Use in a shell and in a notebook: TAB completion, JSON, tables, and docs/shell.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import movielake
from movielake import (
    CurrentShowings,
    JoinedShowings,
    MoviesReader,
    ProgressBar,
    ShowingsReader,
    convert,
    describe_lake,
    pack,
)
from movielake.lake.cards import html_card, html_table
from tests.feeds import movies, times, write_feed

PAGE = Path(movielake.__file__).parents[1] / "docs" / "shell.md"
SHOWN = {
    language: re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    for language in ("bash", "zsh", "fish", "python")
}
PROGRAM = str(Path(sys.executable).with_name("movielake"))


@pytest.fixture
def place(sample_lake, tmp_path, monkeypatch) -> Path:
    """Return the current folder, in which the sample's lake is called lake."""
    (tmp_path / "lake").symlink_to(sample_lake)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_program() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}"}


# --- completion


def offered(*words: str, shell: str = "bash") -> list[str]:
    """Return the completions of a shell for the last word."""
    result = subprocess.run(
        [PROGRAM],
        env={
            **os.environ,
            "_MOVIELAKE_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": " ".join(["movielake", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return [line.partition(",")[2] for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["con"], ["convert"]),
        (["job", ""], ["analysis", "multinode", "notebook", "prepare"]),
        (["job", "m"], ["multinode"]),
        (["schema", ""], ["movies", "theaters", "showings"]),
        (["schema", "--format", "t"], ["text"]),
        (["info", "lake", "--f"], ["--format"]),
        (["sample", "feed", "--countries", "deu,n"], ["deu,nld", "deu,nor", "deu,nzl"]),
        (["stage", "nowhere", "--stamps", ""], []),
    ],
)
def test_commands_options_and_names_are_completed(words, expected):
    assert offered(*words) == expected


def test_stamps_and_countries_of_a_lake_pack_or_feed_are_completed(place, sample_feed):
    pack("lake", "lake.tar")
    for source in ("lake", "lake.tar"):
        stamps = ["20191206", "20191213", "20191220"]
        assert offered("stage", source, "--stamps", "") == stamps
        assert offered("stage", source, "--countries", "swe,c") == ["swe,can", "swe,chn"]
    assert offered("convert", str(sample_feed), "new", "--stamps", "2019121") == ["20191213"]
    assert offered("stage", "--to", "ssd", "lake", "--countries", "g") == ["gbr"]


def test_the_line_for_bash_works(place):
    line = SHOWN["bash"][0]
    script = f"""{line}
        COMP_WORDS=(movielake stage lake --countries "d"); COMP_CWORD=4
        _movielake_completion movielake; echo "${{COMPREPLY[@]}}"
        COMP_WORDS=(movielake job ""); COMP_CWORD=2
        COMPREPLY=(); _movielake_completion movielake; echo "${{COMPREPLY[@]}}"
    """
    result = subprocess.run(
        ["bash", "-c", script], env=with_program(), capture_output=True, text=True, check=True
    )
    assert result.stdout == "deu\nanalysis multinode notebook prepare\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_lines_for_other_shells_work(shell):
    (line,) = SHOWN[shell]
    name = f"_MOVIELAKE_COMPLETE={shell}_source"
    assert f"{name} movielake" in line
    environment = {**os.environ, "_MOVIELAKE_COMPLETE": f"{shell}_source"}
    script = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert "_movielake_completion" in script.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-c", line], env=with_program(), check=True)


# --- info as JSON


def test_info_as_json_matches_describe_lake_and_duckdb(sample_lake, duck):
    result = subprocess.run(
        [sys.executable, "-m", "movielake", "info", str(sample_lake), "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(result.stdout)
    assert found == describe_lake(str(sample_lake)).to_dict()
    names = ["lake", "layout", "span", "feed_zips", "date_stamps", "countries"]
    names += ["unknown_countries", "tables", "problems", "incidents"]
    assert list(found) == names
    tables = {table["table"]: table for table in found["tables"]}
    assert (found["feed_zips"], len(found["countries"])) == (24, 8)
    counts = duck("select count(*), count(show_time) from showings")
    assert [(tables["showings"]["rows"], tables["showings"]["screenings"])] == counts
    assert list(found["problems"][0]) == ["table", "column", "kind", "count", "example"]
    listed = PAGE.read_text("utf-8")
    assert all(f"`{name}`" in listed for name in (*names, *tables["movies"], *found["problems"][0]))


def test_the_other_commands_and_the_python_of_the_page_work(place):
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", SHOWN["bash"][1]],
        env=with_program(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "aus can chn deu fra gbr nzl swe\n"
    for code in SHOWN["python"]:
        exec(compile(code, PAGE.name, "exec"), {})
    assert describe_lake("ssd").feed_zips == 24


# --- notebooks


def text_of(html: str) -> str:
    return " ".join(re.sub("<.*?>", " ", html).split())


def test_a_reader_is_shown_as_a_table(sample_lake):
    showings = ShowingsReader(str(sample_lake), countries="deu", date_stamps="20191206")
    shown = text_of(showings._repr_html_())
    assert shown.startswith(f"ShowingsReader: showings lake {sample_lake} files ")
    assert f"rows in them {len(showings.dataframe):,} " in shown
    assert "date stamps 1 (20191206 to 20191206) countries 1 (deu) columns record, " in shown


def test_joins_and_snapshots_are_shown_as_tables(sample_lake):
    showings = ShowingsReader(str(sample_lake))
    joined = JoinedShowings(showings, movie_columns=["title"], theater_columns=[])
    assert ", source_xml, title, date_stamp, country" in text_of(joined._repr_html_())
    assert text_of(CurrentShowings(showings)._repr_html_()).startswith("CurrentShowings: showings")


def test_a_folder_from_another_program_is_shown_as_a_table(tmp_path):
    folder = tmp_path / "json" / "20191206" / "deu"
    folder.mkdir(parents=True)
    (folder / "191206I.json").write_text('{"movie_id": "1"}\n')
    shown = text_of(MoviesReader(f"{tmp_path}/json/*/deu")._repr_html_())
    assert f"lake {tmp_path} files 1 date stamps 1 (" in shown


def test_a_lake_is_shown_as_a_table(sample_lake):
    shown = text_of(describe_lake(str(sample_lake))._repr_html_())
    assert "feed zips 24 date stamps 3 (20191206 to 20191220) countries 8 (aus, can, " in shown
    names = "table members files records rows screenings xml_bytes json_bytes parquet_bytes"
    assert f"{names} movies" in shown
    assert "table column kind count example" in shown


def test_html_in_a_feed_is_escaped(tmp_path):
    evil = "&lt;script&gt;alert(1)&lt;/script&gt;"
    content = {"I.XML": movies("Up").replace("</movie>", f"<when>{evil}</when></movie>")}
    feed = write_feed(tmp_path / "f", {"20191206/movies_deu.zip": content})
    lake = str(tmp_path / "<b>lake")
    convert(feed, lake, workers=1)
    shown = describe_lake(lake)._repr_html_()
    assert evil in shown
    assert "<script" not in shown
    assert "<b>" not in shown + MoviesReader(lake)._repr_html_()


def test_an_empty_lake_is_shown_as_a_table(tmp_path):
    feed = write_feed(tmp_path / "f", {"20191206/movies_deu.zip": {"S.XML": times()}})
    convert(feed, str(tmp_path / "lake"), workers=1)
    assert "feed zips 1" in text_of(describe_lake(str(tmp_path / "lake"))._repr_html_())


def test_cards_escape_all_texts():
    html = html_card("<1>", {"<2>": "<3>", "n": 1234}, html_table(["<4>"], [["<5>"]]))
    assert not re.search(r"<\d>", html)
    assert [f"&lt;{n}&gt;" in html for n in range(1, 6)] == [True] * 5
    assert "1,234" in html


def test_a_short_bar_without_a_terminal_prints_no_lines(capsys):
    with ProgressBar("stage") as bar:
        for _ in range(10):
            bar.file("name", 1000)
    assert capsys.readouterr() == ("", "")


def test_a_real_notebook_shows_progress_and_tables(place, sample_feed):
    cells = [
        "from movielake import ProgressBar, ShowingsReader, convert",
        "with ProgressBar('convert') as bar:\n"
        f"    convert({str(sample_feed)!r}, 'new', workers=1,\n"
        "            on_plan=bar.plan, on_progress=bar.outcome)",
        "ShowingsReader('new', countries='swe')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(place)}}).execute()
    _, progress, reader = (cell.outputs for cell in notebook.cells)
    assert {output.get("name") for output in progress} == {"stderr"}
    text = "".join(output.text for output in progress)
    last = text.replace("\r", "\n").rstrip().splitlines()[-1]
    assert re.fullmatch(r"convert: 100 %, 24 files, [\d.]+ [kM]B/s", last.strip())
    (shown,) = reader
    assert "ShowingsReader: showings" in shown.data["text/html"]
    assert "ShowingsReader(" in shown.data["text/plain"]
