"""Expected weeks: which date stamps are missing, as text, as JSON and on the page."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from movielake import compact, convert, validate
from movielake.cli import main
from movielake.validation.page import render_result
from movielake.validation.weeks import find_weeks, in_spans
from tests.feeds import week, write_feed
from tests.strategies import examples

EVIL = "</td><script>alert(1)</script>&\"'"


@pytest.fixture(scope="module")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a lake of deu without two of its five weeks, and of swe in one week."""
    folder = tmp_path_factory.mktemp("gappy")
    partitions = ["20191206/deu", "20191213/deu", "20200103/deu", "20191220/swe"]
    zips = {f"{key.replace('/', '/movies_')}.zip": week(key[:8]) for key in partitions}
    convert(write_feed(folder / "feed", zips), str(folder / "lake"), workers=1)
    return folder / "lake"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments, "--fast", "--workers", "1"])


@pytest.mark.parametrize("layout", ["leaves", "compact"])
def test_missing_weeks_are_a_warning(gappy: Path, tmp_path: Path, layout: str) -> None:
    lake = str(gappy) if layout == "leaves" else compact(str(gappy), str(tmp_path / "copy"))
    (finding,) = (f for f in validate(lake, fast=True, workers=1) if f.rule == "missing-week")
    assert (finding.severity, finding.count) == ("warning", 2)
    assert "deu: expected a date stamp each week from 20191206 to 20200103" in finding.message
    assert "found none for 20191220 to 20191227;" in finding.message
    where = "manifest.parquet" if layout == "compact" else "manifest/20191220/deu.json"
    assert finding.path == where


def test_only_missing_weeks_of_the_selection_count(gappy: Path) -> None:
    """The weeks that are not selected are no gap."""

    def missing(**selection: str) -> list[int]:
        found = validate(str(gappy), fast=True, workers=1, **selection)
        return [finding.count for finding in found if finding.rule == "missing-week"]

    assert missing(date_stamps="20191206") == []
    assert missing(countries="swe") == []
    assert missing(date_stamps="2019*") == [2]


@given(st.sets(st.integers(0, 40), min_size=1), st.randoms())
@examples(max_examples=100)
def test_held_and_missing_weeks_are_all_weeks(weeks, random):
    """A stamp can be a day early, and still no other week is expected."""
    begin = date(2019, 12, 6)
    days = [begin + timedelta(weeks=n, days=random.choice([0, -1])) for n in weeks]
    (found,) = find_weeks((f"{day:%Y%m%d}", "deu") for day in days)
    assert found.held == len(weeks)
    assert found.held + len(found.missing) == max(weeks) - min(weeks) + 1
    assert not set(found.missing) & {f"{day:%Y%m%d}" for day in days}


def test_many_spans_are_counted() -> None:
    begin = date(2019, 12, 6)
    stamps = [f"{begin + timedelta(weeks=2 * n):%Y%m%d}" for n in range(13)]
    assert in_spans(stamps).endswith(f"{stamps[9]} and 3 more")


def test_the_json_has_the_weeks(gappy: Path) -> None:
    content = json.loads(run(str(gappy), "--format", "json").stdout)
    assert content["weeks"] == [
        {
            "country": "deu", "first": "20191206", "last": "20200103", "held": 3,
            "missing": ["20191220", "20191227"],
        },
        {"country": "swe", "first": "20191220", "last": "20191220", "held": 1, "missing": []},
    ]  # fmt: skip


def test_the_page_shows_the_trend_of_earlier_results(gappy: Path, tmp_path: Path) -> None:
    lake = shutil.copytree(gappy, tmp_path / "lake")
    for name in ("old", "new"):
        (tmp_path / f"{name}.json").write_text(run(str(lake), "--format", "json").stdout)
    older = json.loads((tmp_path / "old.json").read_text())
    del older["time"]  # as from an older version: then the time of the file counts
    (tmp_path / "old.json").write_text(json.dumps(older))
    os.utime(tmp_path / "old.json", (0, 0))
    (lake / "notes.txt").touch()
    files = [str(tmp_path / f"{name}.json") for name in ("new", "old")]
    shown = run(str(lake), "--format", "html", "--earlier", files[0], "--earlier", files[1])
    assert (shown.exit_code, shown.stderr) == (0, "")
    page = shown.stdout
    assert page.index("1970-01-01 00:00 UTC") > page.index("<h2>Runs</h2>")  # the oldest comes last
    stray = page.partition("<td>stray-file</td>")[2].partition("</tr>")[0]
    assert '<td class="number">1</td><td class="number">+1</td>' in stray
    assert 'aria-label="from 0 to 1, at most 1"' in stray
    weeks = page.partition("<td>missing-week</td>")[2].partition("</tr>")[0]
    assert '<td class="number">1</td><td class="number">0</td>' in weeks
    assert "Germany (deu)" in page
    assert "3 of 5" in page


def test_no_text_of_the_feed_is_markup_on_the_page() -> None:
    finding = {"rule": EVIL, "path": EVIL, "message": EVIL, "line": 1, "column": 2, "count": 3}
    result = {
        "path": EVIL, "kind": EVIL, "valid": False, "time": "2026-11-28T10:00:00+00:00",
        "errors": 1, "warnings": 0, "depth": EVIL, "checked": {EVIL: 1}, "notes": [EVIL],
        "rules": {EVIL: {"severity": EVIL, "findings": 9}}, "findings": [finding],
        "weeks": [
            {"country": EVIL, "first": "20191206", "last": "20191206", "held": 1, "missing": []}
        ],
    }  # fmt: skip
    page = render_result(result, [result])
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 10
    assert "default-src 'none'" in page
    assert "and 8 more" in page


def with_(key: str, value: object) -> str:
    """Return a result of an earlier validation, with another value."""
    right = {"path": "lake", "valid": True, "errors": 0, "warnings": 0, "rules": {}, "checked": {}}
    return json.dumps({**right, key: value})


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        ("{}", [], "expected a result of movielake validate --format json, found"),
        ("[", [], "expected a result of movielake validate --format json, found"),
        (with_("rules", {"orphans": {"findings": 1}}), [], "expected a result of movielake"),
        (with_("rules", {"orphans": {"findings": "1", "severity": "error"}}), [], "expected a res"),
        (with_("rules", {"orphans": 1}), [], "expected a result of movielake validate"),
        (with_("checked", [1]), [], "expected a result of movielake validate"),
        (with_("checked", {"rows": "many"}), [], "expected a result of movielake validate"),
        (with_("time", "soon"), [], "expected a result of movielake validate"),
        ("{}", ["--format", "text"], "expected --format html with --earlier"),
        (None, [], "earlier.json"),
    ],
)
def test_a_wrong_earlier_result_exits_with_2(
    gappy: Path, tmp_path: Path, content: str | None, more: list[str], message: str
) -> None:
    file = tmp_path / "earlier.json"
    if content is not None:
        file.write_text(content)
    result = run(str(gappy), "--format", "html", "--earlier", str(file), *more)
    assert message in result.stderr
    assert result.stderr.count("\n") <= 4
    assert (result.exit_code, result.stdout) == (2, "")
