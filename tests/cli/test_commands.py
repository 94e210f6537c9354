"""The command line: output, errors and exit codes."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

import movielake
from movielake import compact
from movielake.cli import main
from movielake.cli.console import rows_table
from movielake.cli.escaping import printable
from movielake.cluster.jobs import write_job
from movielake.names.countries import read_countries
from movielake.schema.tables import TABLES, table
from tests.feeds import files, movies, showing, times, week, write_feed

ROOT = Path(movielake.__file__).parents[1]
DEU = "20191206/movies_deu.zip"


@pytest.fixture
def feed(tmp_path) -> str:
    return write_feed(tmp_path / "feed", {DEU: week(), "20191213/movies_swe.zip": week("20191213")})


@pytest.fixture
def lake(tmp_path) -> str:
    return str(tmp_path / "lake")


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, list(arguments), prog_name="movielake")


def convert(feed: str, lake: str, *options: str) -> Result:
    return run("convert", feed, lake, "--workers", "1", *options)


def start(*arguments: str, **options) -> subprocess.Popen:
    """Start a command in a separate process, as a user does."""
    return subprocess.Popen(
        [sys.executable, "-m", "movielake", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def outcome(*arguments: str, **options) -> tuple[int, str, str]:
    process = start(*arguments, text=True, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


# --- help


COMMANDS = sorted(main.commands)


def test_all_main_commands_exist():
    assert {"convert", "demo", "info", "sample", "schema"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help_with_an_example(name, flag):
    result = run(name, flag)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: movielake {name} ")
    examples = result.stdout.partition("Examples:\n")[2].partition("Options:")[0]
    assert re.search(rf"^ +movielake {name}\b", examples, re.M)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_explained(name):
    command = main.commands[name]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
        else:
            assert (parameter.metavar or parameter.name).strip("[]").upper() in command.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_use_existing_options(name):
    command = main.commands[name]
    known = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)}
    examples = re.findall(rf"^ +movielake {name}\b(.*)$", command.help, re.M)
    assert set(re.findall(r"(?<= )--?[a-z-]+", " ".join(examples))) <= known


def test_help_lists_all_commands_and_the_exit_codes():
    out = run("--help").stdout
    assert all(re.search(rf"^  {name} ", out, re.M) for name in COMMANDS)
    assert "Exit codes: 0 success; 1 finished, but" in out


def test_version_prints_the_version():
    assert run("--version").stdout == f"movielake, version {movielake.__version__}\n"


# --- converting


def test_a_clean_conversion_exits_with_0_and_prints_one_line(feed, lake):
    result = convert(feed, lake)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"{lake}: feed zips: 2 converted, 0 unchanged; 10 records, 4 screenings\n"
    )


def test_a_second_conversion_reports_unchanged_zips(feed, lake):
    convert(feed, lake)
    result = convert(feed, lake)
    assert result.exit_code == 0
    assert (
        result.stdout == f"{lake}: feed zips: 0 converted, 2 unchanged; 0 records, 0 screenings\n"
    )


def test_damage_exits_with_1_and_is_described_with_its_place(feed, lake):
    write_feed(Path(feed), {"20191206/movies_can.zip": {"191206S.XML": "<times>\n<showtime>"}})
    result = convert(feed, lake)
    assert (result.exit_code, result.stderr) == (1, "")
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{lake}: feed zips: 3 converted")
    assert second.startswith("damage: 20191206/movies_can.zip: 191206S.XML, line 2, column ")
    assert second.endswith("raw bytes in quarantine/20191206/can/191206S.XML)")


def test_refused_zips_exit_with_1(feed, lake):
    write_feed(Path(feed), {"2019/12/06/movies_deu.zip": week()})
    result = convert(feed, lake)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        f"refused: {DEU}: 2019/12/06/movies_deu.zip is for 20191206/deu too; keep one of them"
    ]


def test_a_zip_that_cannot_be_opened_exits_with_1(feed, lake):
    Path(feed, "20191206/movies_can.zip").symlink_to("nowhere")
    result = convert(feed, lake)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].startswith("not converted: 20191206/movies_can.zip: ")


def test_files_outside_the_feed_are_named_but_are_not_an_error(feed, lake):
    write_feed(Path(feed), {"README.txt": b"hello"})
    result = convert(feed, lake)
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (
        0,
        ["not part of the feed: README.txt"],
    )


def test_problems_are_counted_in_the_summary(tmp_path, lake):
    xml = times(showing(at="TBA, soon"), showing(at="13:20"), "<odd>1</odd>")
    result = convert(write_feed(tmp_path / "feed", {DEU: {"S.XML": xml}}), lake)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        "2 values that could not be typed (null in Parquet, kept in JSON)",
        "1 elements that are not in the schema (kept in extra)",
        f"see: movielake info {lake}",
    ]


@pytest.mark.parametrize(
    ("options", "converted"),
    [
        (["--stamps", "20191213"], 1),
        (["--stamps", "2019*"], 2),
        (["--countries", "deu"], 1),
        (["--countries", "deu, swe"], 2),
        (["--stamps", "20191213", "--countries", "swe"], 1),
    ],
)
def test_a_selection_limits_the_conversion(feed, lake, options, converted):
    assert f"zips: {converted} converted" in convert(feed, lake, *options).stdout


def test_force_converts_unchanged_zips_again(feed, lake):
    convert(feed, lake)
    assert "zips: 2 converted" in convert(feed, lake, "--force").stdout


def test_no_json_writes_only_parquet(feed, lake):
    assert convert(feed, lake, "--no-json").exit_code == 0
    assert not Path(lake, "json").exists()


def test_pruning_is_offered_and_works(feed, lake):
    convert(feed, lake)
    Path(feed, DEU).unlink()
    offered = convert(feed, lake)
    assert offered.stdout.splitlines()[1:] == [
        "in the lake without a feed zip: 1 (--prune removes them)"
    ]
    pruned = convert(feed, lake, "--prune")
    assert (pruned.exit_code, pruned.stdout.splitlines()[1:]) == (0, ["removed: 20191206/deu"])


def test_strict_exits_with_1_and_one_line_on_stderr(feed, lake):
    write_feed(Path(feed), {DEU: b"garbage"})
    result = convert(feed, lake, "--strict")
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(
        rf"movielake: {DEU}: damaged: expected a zip, found other bytes; .* \(.*\)\n",
        result.stderr,
    )


def test_a_damaged_record_is_named_everywhere_and_stops_a_strict_run(feed, lake):
    records = [showing(1), showing(2).replace("Film", "Tom & Jerry"), showing(3)]
    write_feed(Path(feed), {DEU: {"191206S.XML": times(*records)}})
    said = convert(feed, lake)
    assert said.exit_code == 1
    for result in (said, run("info", lake), run("validate", lake), run("validate", feed)):
        assert "1 record damaged" in " ".join(result.output.split())
    strict = convert(feed, f"{lake}-strict", "--strict")
    assert (strict.exit_code, strict.stdout) == (1, "")
    place = f"{DEU}: 191206S.XML, line 1, "
    assert re.fullmatch(rf"movielake: {place}.*: 1 record damaged.*\n", strict.stderr)


# --- errors: one clear line on stderr, no trace, 2


def clear(result: Result, *words: str) -> bool:
    """Return whether a result is a usage error in one clear line."""
    one_line = re.fullmatch(r"movielake: [^\n]+\n", result.stderr)
    complete = bool(one_line) and all(word in result.stderr for word in words)
    is_usage_error = result.exit_code == 2 and result.stdout == ""
    return complete and is_usage_error and "Traceback" not in result.stderr


def test_a_missing_feed_is_an_error(tmp_path, lake):
    result = convert(str(tmp_path / "nofeed"), lake)
    assert clear(result, "expected a folder with DATE_STAMP/movies_CCC.zip", "nofeed")
    assert not Path(lake).exists()


def test_an_empty_feed_is_an_error(tmp_path, lake):
    assert clear(convert(str(tmp_path), lake), "expected DATE_STAMP/movies_CCC.zip below")


def test_an_empty_selection_is_an_error(feed, lake):
    result = convert(feed, lake, "--countries", "xxx")
    assert clear(result, "countries=xxx", "20191206 to 20191213", "deu, swe")


def test_a_folder_with_other_files_is_an_error(feed, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    assert clear(convert(feed, str(tmp_path)), "expected a lake or an empty folder")


def test_a_lake_of_a_newer_format_is_an_error(feed, lake):
    write_feed(Path(lake), {"lake.json": b'{"format": 99}'})
    assert clear(convert(feed, lake), "found format 99", "use the ", "movielake that wrote it")
    assert clear(run("info", lake), "found format 99")


def test_a_missing_lake_is_an_error(tmp_path):
    result = run("info", str(tmp_path / "none"))
    assert clear(result, "found no lake.json", "make one with: movielake convert FEED LAKE")


def test_the_error_for_a_folder_in_a_lake_names_the_lake(feed, lake):
    convert(feed, lake)
    for inside in ("parquet", "parquet/showings", "parquet/showings/date_stamp=20191206"):
        assert clear(run("info", f"{lake}/{inside}"), f"did you mean {lake}?")


def test_a_file_as_the_lake_is_an_error(feed, lake):
    convert(feed, lake)
    assert clear(run("info", f"{lake}/lake.json"), "found a file", "movielake stage FILE.tar")
    assert clear(run("report", f"{lake}/lake.json"), "found a file")


def test_an_error_of_the_system_is_shown_without_its_number(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("sample", str(tmp_path / "file" / "feed"))
    assert clear(result, f"movielake: {tmp_path}/file/feed: Not a directory")


def test_a_missing_permission_exits_with_1_and_gives_advice(monkeypatch, tmp_path):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "there")

    monkeypatch.setattr("movielake.sample.write_sample", refuse)
    result = run("sample", str(tmp_path / "feed"))
    assert (result.exit_code, result.stderr) == (
        1,
        "movielake: there: Permission denied; "
        "choose another path, or ask its owner for permission\n",
    )


@pytest.mark.parametrize("command", ["sample", "demo"])
def test_an_interrupted_sample_must_start_again(command, tmp_path):
    """All other commands continue if you run them again."""
    process = start(command, str(tmp_path / "new"), text=True)
    while not list(tmp_path.rglob("*.zip")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == (
        "movielake: interrupted; remove the incomplete folder, or choose another folder"
    )


FINALIZED = """
import signal
import movielake.sample

class Closed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def write_sample(*arguments, **options):
    Closed()
    signal.pause()

movielake.sample.write_sample = write_sample
"""
DROPPED = """
import signal
import movielake.sample

def write_sample(*arguments, **options):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        pass
    signal.pause()

movielake.sample.write_sample = write_sample
"""
IMPORTING = """
class Interrupted:
    def find_spec(self, name, *_):
        if name == "fsspec.caching":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
"""
CLOSING = """
import zipfile
import movielake.sample

def write_sample(*arguments, **options):
    with zipfile.ZipFile("/dev/null", "w") as archive:
        entry = archive.open("entry", "w")
        raise KeyboardInterrupt

movielake.sample.write_sample = write_sample
"""
IGNORED = """
import signal
import movielake.sample

def write_sample(*arguments, **options):
    signal.raise_signal(signal.SIGINT)
    sys.exit(7)

signal.signal(signal.SIGINT, signal.SIG_IGN)
movielake.sample.write_sample = write_sample
"""
TIDYING = """
import signal
import movielake.sample

def tidy():
    signal.pause()
    signal.pause()
    print("tidied up")

def pieces():
    try:
        yield "a piece"
    finally:
        tidy()

def write_sample(*arguments, **options):
    try:
        for _ in pieces():
            signal.raise_signal(signal.SIGINT)
    finally:
        tidy()

movielake.sample.write_sample = write_sample
"""


def interrupted_sample(script: str) -> subprocess.CompletedProcess[str]:
    script = f"import sys\nfrom movielake.cli import run\n{script}\nrun()"
    command = [sys.executable, "-c", script, "sample", "none"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


@pytest.mark.parametrize("interrupt", [FINALIZED, DROPPED, IMPORTING, CLOSING])
def test_an_interrupt_is_one_line_in_every_kind_of_code(interrupt):
    """The kinds: a finalizer, code that drops the interrupt, an import, and an open zip."""
    result = interrupted_sample(interrupt)
    assert result.returncode == 130
    assert result.stderr == (
        "movielake: interrupted; remove the incomplete folder, or choose another folder\n"
    )


def test_code_that_cleans_up_after_an_interrupt_is_not_interrupted():
    """Python closes generators before any code handles the interrupt, and closing can take long."""
    result = interrupted_sample(TIDYING)
    assert (result.returncode, result.stdout) == (130, "tidied up\n" * 2)


def test_an_ignored_interrupt_stays_ignored():
    """A shell script ignores interrupts for commands in its background."""
    result = interrupted_sample(IGNORED)
    assert (result.returncode, result.stderr) == (7, "")


def test_a_file_at_the_path_of_the_new_lake_is_an_error(feed, lake):
    Path(lake).write_text("a file")
    assert clear(convert(feed, lake))


def test_an_unknown_kind_of_url_is_an_error(feed):
    assert clear(convert(feed, "nosuch://lake"), "nosuch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["convert"], "Missing argument 'FEED'"),
        (["convert", "feed"], "Missing argument 'LAKE'"),
        (["convert", "feed", "lake", "more"], "unexpected extra argument"),
        (["convert", "feed", "lake", "--workers", "0"], "0 is not in the range"),
        (["convert", "feed", "lake", "--workers", "two"], "'two' is not a valid integer"),
        (["convert", "feed", "lake", "--speed"], "No such option"),
        (["schema", "cinemas"], "'cinemas' is not one of"),
        (["schema", "--format", "xml"], "'xml' is not one of"),
        (["info"], "Missing argument 'LAKE'"),
        (["nonsense"], "No such command 'nonsense'"),
        (["--nonsense"], "No such option"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, words):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unexpected_error_is_one_line(monkeypatch, lake):
    def broken(_: str) -> None:
        raise KeyError("odd\nthing")

    monkeypatch.setattr("movielake.lake.overview.describe_lake", broken)
    result = run("info", lake)
    assert result.exit_code == 1
    assert re.fullmatch(
        r"movielake: unexpected KeyError: [^\n]*odd[^\n]*--debug[^\n]*\n", result.stderr
    )


def test_debug_raises_the_error(tmp_path):
    result = run("--debug", "info", str(tmp_path))
    assert isinstance(result.exception, FileNotFoundError)


# --- information


def test_info_shows_stamps_countries_and_sizes(feed, lake):
    convert(feed, lake)
    result = run("info", lake)
    assert (result.exit_code, result.stderr) == (0, "")
    text, sizes = result.stdout.split("┏", 1)
    assert " ".join(text.split()) == (
        f"{lake}: 2 feed zips, 2 date stamps (20191206 to 20191213), 2 countries, "
        "layout leaves countries: deu, swe"
    )
    lines = sizes.splitlines()
    assert re.findall(r"\w+", lines[1]) == ["movies", "theaters", "showings"]
    numbers = {line.split()[1]: re.findall(r"[\d,]+", line) for line in lines[3:7]}
    assert numbers == {
        "files": ["2", "2", "2"],
        "records": ["4", "2", "4"],
        "rows": ["4", "2", "4"],
        "screenings": ["0", "0", "4"],
    }


def test_info_of_a_compact_lake_counts_each_file_once(tmp_path, lake):
    zips = {DEU: week("20191206"), "20191213/movies_deu.zip": week("20191213")}
    convert(write_feed(tmp_path / "feed", zips), lake)
    copy = compact(lake, str(tmp_path / "compact"), span="all")
    text, sizes = run("info", copy).stdout.split("┏", 1)
    shown = (
        f"{copy}: 2 feed zips, 2 date stamps (20191206 to 20191213), 1 countries, "
        "layout compact by all countries: deu"
    )
    assert "".join(text.split()) == shown.replace(" ", "")  # long paths are folded
    (line,) = (line for line in sizes.splitlines() if "files" in line)
    assert re.findall(r"[0-9]+", line) == ["1", "1", "1"]
    known = json.loads(run("info", copy, "--format", "json").stdout)
    assert (known["layout"], known["span"]) == ("compact", "all")
    for size in known["tables"]:
        assert (size["members"], size["files"]) == (2, 1)
        for kind in ("json", "parquet"):
            (held,) = Path(copy, kind, size["table"], "country=deu").iterdir()
            assert size[f"{kind}_bytes"] == held.stat().st_size


def test_info_counts_current_screenings(tmp_path, lake):
    """Two snapshots list the same film in the same theater on the same day, and one other day."""
    twice = {"191206S.XML": times(showing(at="13:20"), showing(date="20191207", at="15:00, 18:00"))}
    newer = {"191213S.XML": times(showing(at="13:20, 14:00, 16:00"))}
    packed = {DEU: twice, "20191213/movies_deu.zip": newer}
    convert(write_feed(tmp_path / "feed", packed), lake)
    assert "counts twice" in run("info", lake).stdout
    for rule in ("movie", "theater"):
        shown = run("info", lake, "--current", rule).stdout
        assert re.search(r"current screenings\W+5\W+XML", shown)
        assert "counts twice" not in shown
        counted = json.loads(run("info", lake, "--current", rule, "--format", "json").stdout)
        assert counted["current"] == {"rule": rule, "screenings": 5}


CODES = sorted(read_countries())[:48]


@pytest.fixture(scope="module")
def wide_lake(tmp_path_factory) -> Path:
    """Convert a feed of many countries and stamps."""
    folder = tmp_path_factory.mktemp("wide")
    packed = {f"20191206/movies_{code}.zip": {"S.XML": times(showing())} for code in CODES}
    packed |= {f"2020{month:02}06/movies_deu.zip": week() for month in range(1, 13)}
    convert(write_feed(folder / "feed", packed), str(folder / "lake"))
    return folder / "lake"


@pytest.mark.parametrize("text", ["x" * 300, "放映" * 90, "a word " * 40, "[/b]" * 60])
def test_info_fits_80_columns(tmp_path, wide_lake, text):
    lake = str(shutil.copytree(wide_lake, tmp_path / "lake"))
    tag = re.sub(r"\W", "", text)
    content = {
        f"{tag[:120]}I.XML": movies(*["Up"] * 3) + "x",
        "S.XML": times(f"{showing(at=text)}<{tag}>{text}</{tag}>"),
    }
    convert(write_feed(tmp_path / "feed", {DEU: content}), lake)
    lines = run("info", lake).stdout.splitlines()
    assert max(map(cell_len, lines)) <= 80
    words = " ".join(lines).split()
    assert all(f"{code}," in words or code in words for code in CODES)
    assert "showings" in words


def test_info_shows_problems_and_damage(tmp_path, lake):
    content = {"I.XML": movies("Up") + "x", "S.XML": times(showing(at="TBA"))}
    convert(write_feed(tmp_path / "feed", {DEU: content}), lake)
    out = run("info", lake).stdout
    assert re.search(r"showings\W+show_time\W+untyped\W+1\W+TBA", out)
    assert re.search(rf"^not complete: {DEU}: I\.XML, line 1: damaged: ", out, re.M)


def test_info_shows_an_empty_lake(tmp_path, lake):
    convert(write_feed(tmp_path / "feed", {DEU: {}}), lake)
    out = " ".join(run("info", lake).stdout.split())
    assert out.startswith(f"{lake}: 1 feed zips, 1 date stamps (20191206 to 20191206), 1 countries")


def test_info_changes_no_file(feed, lake):
    convert(feed, lake)
    before = files(lake)
    run("info", lake)
    assert files(lake) == before


def test_info_names_the_countries_whose_places_cannot_be_checked(tmp_path, lake):
    zips = {f"20191206/movies_{code}.zip": week() for code in ("deu", "rom", "zzz")}
    convert(write_feed(tmp_path / "feed", zips), lake)
    told = "unknown countries: zzz; the places of their theaters are not checked"
    assert told in " ".join(run("info", lake).stdout.split())
    known = json.loads(run("info", lake, "--format", "json").stdout)
    assert known["unknown_countries"] == ["zzz"]


def test_info_shows_the_first_problems_and_counts_the_rest(tmp_path, lake):
    odd = "".join(f"<odd{n:02}>x</odd{n:02}>" for n in range(25))
    convert(write_feed(tmp_path / "feed", {DEU: {"191206S.XML": times(odd)}}), lake)
    out = run("info", lake).stdout
    assert re.search(r"odd19\W+unknown", out)
    assert "odd20" not in out
    assert "and 5 more" in out


# --- commands whose modules have their own tests


def test_job_lists_the_scripts_and_prints_one():
    names = [line.split()[0] for line in run("job").stdout.splitlines()]
    assert sorted(names) == sorted(path.stem for path in (ROOT / "jobs").glob("*.sbatch"))
    assert run("job", "analysis", "--cpus", "6").stdout == write_job("analysis", cpus=6)


def test_stage_without_a_target_warns_and_prints_the_source(feed, lake, monkeypatch):
    monkeypatch.delenv("SLURM_TMPDIR", raising=False)
    convert(feed, lake)
    result = run("stage", lake)
    assert (result.exit_code, result.stdout) == (0, f"{lake}\n")
    assert "--to is not given, so the source is used without staging" in result.stderr


def test_a_feed_can_be_validated(feed):
    result = run("validate", feed, "--workers", "1")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{feed}: valid")


def test_the_demo_needs_an_empty_folder(tmp_path):
    (tmp_path / "mine.txt").touch()
    result = run("demo", str(tmp_path))
    assert result.exit_code != 0
    assert "expected an empty folder for the demo, found files in" in result.stderr
    assert list(files(tmp_path)) == ["mine.txt"]


# --- texts of the feed reach the terminal only escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 放映", "plain ä 放映"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\r\x00", "a\\nb\\r\\x00"),
        ("a\u202eb", "a\\u202eb"),
        ("\udce9", "\\udce9"),
    ],
)
def test_control_characters_are_escaped(text, shown):
    assert printable(text) == shown


HOSTILE = "\x1b[2J\x07S.XML"


@pytest.mark.parametrize("content", ["<html/>", "<times>", ""])
@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_names_of_members_are_escaped(tmp_path, lake, content, strict):
    result = convert(write_feed(tmp_path / "feed", {DEU: {HOSTILE: content}}), lake, *strict)
    output = result.output + run("info", lake).output
    assert "\\x1b[2J\\x07S.XML" in output
    assert not re.search("[\x00-\x09\x0b-\x1f]", output)


def test_names_of_files_are_escaped(tmp_path, lake):
    feed = write_feed(tmp_path / "feed", {DEU: week(), "a\x1bb.txt": b""})
    assert "not part of the feed: a\\x1bb.txt\n" in convert(feed, lake).stdout


@pytest.mark.parametrize("value", ["[/b]", "[red]x", "[REC]", ":smile:", "a\\[b", "\u202ebad"])
def test_examples_of_problems_are_shown_unchanged(tmp_path, lake, value):
    xml = times(showing(at=value))
    convert(write_feed(tmp_path / "feed", {DEU: {"S.XML": xml}}), lake)
    result = run("info", lake)
    assert result.exit_code == 0
    assert printable(value) in result.stdout


@pytest.mark.parametrize("value", ["[/b]", "[REC]", ":smile:"])
def test_titles_in_a_table_are_shown_unchanged(value, capsys):
    from rich.console import Console

    Console(width=80).print(rows_table(["title", "records"], [[value, "1"]]))
    assert value in capsys.readouterr().out


# --- schemas


def test_the_schema_without_a_name_has_all_tables():
    result = run("schema")
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.startswith("  <")] == [
        "  <movies><movie>",
        "  <houses><theater>",
        "  <times><showtime>",
    ]


@pytest.mark.parametrize("name", TABLES)
def test_the_schema_of_one_table_has_every_column(name):
    text = run("schema", name).stdout
    assert text.startswith(f"{name}: ")
    for column in table(name).columns:
        assert re.search(rf"^{column.name}: ", text, re.M)
        assert f"    {column.description}\n" in text


@pytest.mark.parametrize("name", TABLES)
def test_the_schema_as_markdown_has_every_column(name):
    text = run("schema", name, "--format", "markdown").stdout
    assert text.startswith(f"## {name}\n")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows if "." not in row.split("`")[1]] == [
        column.name for column in table(name).columns
    ]


# --- real processes


def test_a_process_converts_a_feed(feed, lake):
    code, out, err = outcome("convert", feed, lake, "--workers", "1")
    assert (code, err) == (0, "")
    assert out == f"{lake}: feed zips: 2 converted, 0 unchanged; 10 records, 4 screenings\n"


def test_a_process_converts_with_two_workers(feed, lake):
    code, out, err = outcome("convert", feed, lake, "--workers", "2")
    assert code == 0
    # On a busy machine, workers start so slowly that the command prints its progress.
    assert all(re.fullmatch("convert: .* [kM]B/s", line) for line in err.splitlines())
    assert "zips: 2 converted" in out


def test_a_process_reports_an_error_in_one_line(tmp_path):
    code, out, err = outcome("convert", "nofeed", "lake", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err == (
        "movielake: expected a folder with DATE_STAMP/movies_CCC.zip, found no folder at nofeed\n"
    )


def test_debug_shows_the_trace(tmp_path):
    code, out, err = outcome("--debug", "convert", "nofeed", "lake", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("Traceback (most recent call last):")
    assert "FileNotFoundError: expected a folder" in err


def test_names_that_are_not_utf8_reach_the_terminal_escaped(tmp_path, lake):
    name = os.fsdecode(b"20191206/deu/\xe9.XML")
    feed = write_feed(tmp_path / "feed", {DEU: week(), name: b"<times/>"})
    code, out, err = outcome("convert", feed, lake, "--workers", "1")
    assert (code, err) == (1, "")
    assert "refused: 20191206/deu/\\udce9.XML: its name is not UTF-8; rename it\n" in out


@pytest.mark.parametrize(
    "command",
    [
        ["schema"],
        ["schema", "--format", "markdown"],
        ["info", "LAKE"],
        ["--help"],
        ["convert", "FEED", "LAKE"],
    ],
)
def test_a_closed_pipe_causes_no_trace(command, feed, lake):
    convert(feed, lake)
    read, write = os.pipe()
    os.close(read)
    arguments = [{"LAKE": lake, "FEED": feed}.get(word, word) for word in command]
    process = start(*arguments, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert err == b""
    assert process.returncode in (0, 1)


def test_a_terminal_shows_a_bar_and_a_pipe_gets_plain_lines(feed, lake):
    ours, theirs = pty.openpty()
    shown = []
    process = start("convert", feed, lake, "--workers", "1", stderr=theirs, text=True)
    os.close(theirs)

    def read() -> None:
        while True:
            try:
                shown.append(os.read(ours, 4096))
            except OSError:  # Linux raises this at the end of a pseudo-terminal
                return

    reader = threading.Thread(target=read)
    reader.start()
    out, _ = process.communicate(timeout=60)
    reader.join()
    os.close(ours)
    assert process.returncode == 0
    assert out == f"{lake}: feed zips: 2 converted, 0 unchanged; 10 records, 4 screenings\n"
    assert b"convert 20191213/swe" in b"".join(shown)
