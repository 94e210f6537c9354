"""``movielake validate``: its output formats, its exit codes, and its page in the documentation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from movielake.cli import main
from movielake.cli.verdict import Verdict
from movielake.validation.feeds import FEED_RULES
from movielake.validation.findings import Checked, Finding
from movielake.validation.rules import LAKE_RULES, describe_rules
from tests.lakes import COMMIT, MOVIES, SHOWINGS, small_lake

MEND = "convert its feed zip again (--force --stamps 20191206 --countries deu), or stage it again"
PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


@pytest.fixture(scope="module")
def clean_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lake(tmp_path_factory.mktemp("small"))


@pytest.fixture
def lake(clean_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(clean_lake, tmp_path / "lake"))


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments, "--workers", "1"])


def test_a_valid_lake_exits_with_0_and_prints_one_line(lake):
    result = validate("lake")
    assert re.fullmatch(
        r"lake: valid: 0 errors, 0 warnings; checked 3 partitions, 18 files, [\d,]+ bytes, "
        r"16 rows, 15 records \(every file read\)\n",
        result.stdout,
    )
    assert (result.exit_code, result.stderr) == (0, "")


def test_an_invalid_lake_exits_with_1_and_lists_its_findings(lake):
    (lake / SHOWINGS).unlink()
    (lake / "notes.txt").touch()
    result = validate("lake", "--fast")
    assert re.sub(r"[\d,]+ bytes", "N bytes", result.stdout) == (
        "lake: INVALID: 1 error, 1 warning; checked 3 partitions, 17 files, N bytes, 13 rows, "
        "13 records (sizes and footers only)\n"
        "missing-file: 1 error\n"
        f"  {SHOWINGS}: manifest/20191206/deu.json names this file, but the file does not exist; "
        f"{MEND}\n"
        "stray-file: 1 warning\n"
        "  notes.txt: this file is not part of the lake; move it to another folder\n"
    )
    assert result.exit_code == 1


def test_warnings_alone_do_not_change_the_exit_code(lake):
    (lake / "notes.txt").touch()
    assert validate("lake").exit_code == 0
    assert validate("lake", "--rule", "stray-file=error").exit_code == 1
    ignored = validate("lake", "--rule", "stray-file=ignore", "--rule", "orphans=error")
    assert "0 errors, 0 warnings" in ignored.stdout


def test_a_selection_and_a_sample_limit_the_check(lake):
    output = validate("lake", "--countries", "swe", "--stamps", "2019*").stdout
    assert "checked 1 partition, 6 files" in output
    assert validate("lake", "--sample", "2").stdout.endswith("(files of at most 2 partitions)\n")


def test_the_json_format(lake):
    (lake / MOVIES).unlink()
    result = validate("lake", "--format", "json")
    content = json.loads(result.stdout)
    checked = content.pop("checked")
    assert (checked["files"], checked["rows"], set(checked)) == (17, 14, set(vars(Checked())))
    weeks, time = content.pop("weeks"), content.pop("time")
    assert [country["country"] for country in weeks] == ["deu", "swe"]
    assert datetime.now(UTC) - datetime.fromisoformat(time) < timedelta(hours=1)
    assert content == {
        "path": "lake",
        "kind": "lake",
        "valid": False,
        "errors": 1,
        "warnings": 0,
        "depth": "every file read",
        "notes": [],
        "rules": {"missing-file": {"severity": "error", "findings": 1}},
        "findings": [
            {
                "rule": "missing-file",
                "severity": "error",
                "path": MOVIES,
                "message": f"{COMMIT} names this file, but the file does not exist; {MEND}",
                "line": None,
                "column": None,
                "count": 1,
            }
        ],
    }
    assert result.exit_code == 1
    described = PAGE.read_text().partition("prints one object")[2].partition("`--format github`")[0]
    assert {*content, "time", *checked, *weeks[0], *content["findings"][0]} <= set(
        re.findall(r"`(\w+)`", described)
    )


def test_the_github_format(lake):
    (lake / MOVIES).unlink()
    lines = validate("lake/", "--format", "github").stdout.splitlines()
    assert lines[0].startswith("lake/: INVALID: 1 error")
    assert lines[1] == (
        f"::error file=lake/{MOVIES},title=missing-file::"
        f"{MOVIES}: {COMMIT} names this file, but the file does not exist; {MEND}"
    )


def test_texts_of_the_feed_cannot_add_annotations():
    verdict = Verdict("my lake", "lake", notes=("50% is\nskipped",))
    path = "a,b:c%0A\n::error::\x1b[31m.zip"
    verdict.add(Finding("damaged-member", "warning", path, "odd\r\n::set-env::", line=3, column=7))
    assert verdict.annotations() == [
        "my lake: valid: 0 errors, 1 warning",
        "::notice::50%25 is%0Askipped",
        "::warning file=my lake/a%2Cb%3Ac%250A%0A%3A%3Aerror%3A%3A\\x1b[31m.zip,line=3,col=7,"
        "title=damaged-member::a,b:c%250A%0A::error::\\x1b[31m.zip: odd%0D%0A::set-env::",
    ]
    assert verdict.lines() == [
        "my lake: valid: 0 errors, 1 warning",
        "damaged-member: 1 warning",
        "  a,b:c%0A\\n::error::\\x1b[31m.zip, line 3, column 7: odd\\r\\n::set-env::",
        "note: 50% is\\nskipped",
    ]


def test_long_lists_of_findings_are_cut_and_the_rest_is_counted():
    verdict = Verdict("lake", "lake")
    for number in range(1000):
        verdict.add(Finding("missing-file", "error", f"{number}", "gone"))
    lines = verdict.lines(verbose=True)
    assert lines[:2] == ["lake: INVALID: 1,000 errors, 0 warnings", "missing-file: 1,000 errors"]
    assert lines[2:] == [*(f"  {number}: gone" for number in range(20)), "  and 980 more"]
    assert verdict.lines()[2:] == [
        "  0: gone",
        "  and 999 more",
        "note: -v shows more findings of each rule",
    ]
    annotations = verdict.annotations()
    assert annotations[0] == lines[0]
    assert annotations[21:] == ["::error title=missing-file::and 980 more of missing-file"]


def test_errors_stand_before_warnings():
    verdict = Verdict("lake", "lake")
    for number in range(107):
        verdict.add(Finding("a-warning", "warning", f"{number}", "odd"))
    verdict.add(Finding("z-error", "error", "place", "wrong"))
    assert verdict.lines()[:4] == [
        "lake: INVALID: 1 error, 107 warnings",
        "z-error: 1 error",
        "  place: wrong",
        "a-warning: 107 warnings",
    ]


def test_quiet_prints_only_the_verdict(lake):
    (lake / "notes.txt").touch()
    quiet = CliRunner().invoke(main, ["validate", "lake", "--fast", "--quiet"])
    assert quiet.stdout == validate("lake", "--fast").stdout.splitlines(keepends=True)[0]


def test_a_check_that_is_left_out_is_reported_once(lake, monkeypatch):
    monkeypatch.setattr("movielake.cli.verdict.has_geography", lambda: False)
    note = (
        "note: outside-country and swapped-coordinates need the extra geo and are not checked; "
        "pip install 'movielake[geo]'\n"
    )
    assert validate("lake").stdout.endswith(note)
    assert "note" not in validate("lake", "--fast").stdout
    assert "note" not in validate("lake", "--rule", "outside-country=ignore").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lake", "--rule", "orphans"], "expected NAME=error, warning or ignore, found 'orphans'"),
        (["lake", "--rule", "orphan=error"], "found 'orphan'; did you mean orphans"),
        (["lake", "--rule", "orphans=bad"], "expected error, warning, ignore for the rule orphans"),
        (["lake", "--fast", "--sample", "3"], "expected fast or a sample, found both"),
        (["lake", "--max-orphans", "2"], "2.0 is not in the range 0<=x<=1"),
        (
            ["lake", "--countries", "nzl"],
            "it has 2 stamps (20191206 to 20191213) and the co",
        ),
        (["nothing"], "expected a lake or a feed, found no folder at nothing"),
        (["lake/lake.json"], "expected the folder of a lake or a feed, found the file lake/lake"),
    ],
)
def test_wrong_usage_exits_with_2(lake, arguments, message):
    result = validate(*arguments)
    assert message in result.stderr
    assert (result.exit_code, result.stdout) == (2, "")


# --- the page


@pytest.mark.parametrize("rules", [LAKE_RULES, FEED_RULES], ids=["lake", "feed"])
def test_the_tables_of_rules_are_current(rules):
    assert describe_rules(rules) in PAGE.read_text(), "insert the output of describe_rules"


def fenced(language: str) -> str:
    block = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.S)
    assert block
    return block[1]


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command like GitHub's runner, with the programs of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_workflow_of_the_page_works(tmp_path):
    """All its commands succeed, and it reports the error in a broken lake."""
    steps = yaml.safe_load(fenced("yaml"))["jobs"]["validate"]["steps"]
    commands = {step["name"]: step["run"] for step in steps if "run" in step}
    assert list(commands) == ["Install", "Make a lake", "Validate it", "Keep the findings"]
    (tmp_path / "requirements.txt").write_text("movielake\n")  # installed: pip downloads no files
    for name, command in commands.items():
        result = shell(command, tmp_path)
        assert result.returncode == 0, (name, result.stdout, result.stderr)
    assert json.loads((tmp_path / "validation.json").read_text())["valid"]
    next(tmp_path.glob("lake/parquet/movies/*/*/*")).unlink()
    result = shell(commands["Validate it"], tmp_path)
    assert result.returncode == 1
    assert re.search(
        r"^::error file=lake/parquet/movies/.*,title=missing-file::", result.stdout, re.M
    )


def test_the_first_commands_of_the_page_work(lake):
    block = [line.partition("  #")[0].strip() for line in fenced("sh").splitlines()]
    for command in block[:3]:
        assert shell(command, lake.parent).returncode == 0, command


def test_the_python_of_the_page_works(lake, capsys):
    (lake / "notes.txt").touch()
    exec(compile(fenced("python"), "validation.md", "exec"), {})
    assert capsys.readouterr().out == (
        "warning stray-file notes.txt "
        "this file is not part of the lake; move it to another folder\n"
    )
