"""Members that are compared together have the same findings as each one alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zstandard import ZstdError

from movielake import convert, validate
from movielake.lake.commits import Commit
from movielake.lake.parsing import commit_from_json
from movielake.staging.sources import Source
from movielake.validation import contents
from movielake.validation.findings import Checked, Finding
from movielake.validation.together import compare_together
from tests.feeds import houses, movies, showing, showtime, times, write_feed
from tests.lakes import (
    MOVIES,
    MOVIES_JSON,
    SHOWINGS,
    SHOWINGS_JSON,
    THEATERS,
    THEATERS_JSON,
    edit_column,
    edit_commit,
    edit_member,
    edit_records,
    edit_rows,
    replace_file,
    without_json,
)
from tests.strategies import examples

STAMPS = ("20191206", "20191213", "20191220", "20191227")
KINDS = {"movies": "I", "theaters": "T", "showings": "S"}
ODD = "<movie><running_time>long</running_time><star>one</star></movie>"
PRICES = "<theater><theater_id>1</theater_id><theater_adult>{}</theater_adult></theater>"


def feed(root: Path) -> str:
    """Write a feed with odd values, so that its members have problems, and an empty member."""
    zips: dict[str, Any] = {}
    for number, stamp in enumerate(STAMPS):
        for country in ("deu", "swe"):
            zips[f"{stamp}/movies_{country}.zip"] = {
                f"{stamp[2:]}I.XML": movies("Up", "A <b>B</b> c", *["Duo"] * number).replace(
                    "</movies>", ODD * (number % 2 == 0) + "</movies>"
                ),
                f"{stamp[2:]}T.XML": houses("Astra").replace(
                    "</houses>", PRICES.format("8,50") + PRICES.format("free") + "</houses>"
                ),
                f"{stamp[2:]}S.XML": times(
                    showing(1, date=stamp), *[showtime("<hall>1</hall>")] * (number + 1)
                ),
            }
    zips["20191213/movies_swe.zip"]["191213I.XML"] = "<movies></movies>"
    return write_feed(root, zips)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake of four weeks and two countries. Tests must not change it."""
    folder = tmp_path_factory.mktemp("together")
    convert(feed(folder / "feed"), str(folder / "lake"), workers=1)
    return folder / "lake"


@pytest.fixture
def lake(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "lake"))


def commits(lake: Path) -> list[Commit]:
    return [commit_from_json(p.read_bytes()) for p in sorted(lake.glob("manifest/*/*.json"))]


def together(lake: Path) -> set[str]:
    """Return the Parquet files of the members that agree together."""
    parts = commits(lake)
    names = {file.path for c in parts for m in c.members for file in m.files}
    there = {name for name in names if (lake / name).is_file()}
    agreed = list(compare_together(Source(str(lake)), parts, there))
    return {file.path for each in agreed for file in each if file}


def both(lake: Path) -> tuple[list[Finding], list[Finding]]:
    """Check a lake with members together and with each one alone, and compare how much it was."""
    with pytest.MonkeyPatch.context() as patch:
        counted: list[list[Checked]] = [[], []]
        check = partial(validate, str(lake), workers=1)
        first = list(check(on_checked=counted[0].append))
        patch.setattr(contents, "compare_together", lambda *_: repeat({}))
        alone = list(check(on_checked=counted[1].append))
    assert sum(counted[0], Checked()) == sum(counted[1], Checked())
    return first, alone


def problems(lake: Path, table: str, change: Callable[[Any], Any], stamp: str = STAMPS[0]) -> None:
    """Change the problems of a member in its commit."""

    def edit(commit: dict[str, Any]) -> None:
        change(next(m for m in commit["members"] if m["table"] == table)["problems"])

    edit_commit(lake, edit, f"manifest/{stamp}/deu.json")


def more(count: int) -> Callable[[Any], None]:
    def change(known: Any) -> None:
        known[0]["count"] += count

    return change


def offset(lake: Path) -> None:
    """Let two commits state wrong counts whose sum is right."""
    problems(lake, "showings", more(2))
    problems(lake, "showings", more(-2), STAMPS[3])


def swap(lake: Path) -> None:
    """Exchange the problems of two movies members, of which one has none."""
    known: list[Any] = []
    problems(lake, "movies", lambda own: (known.extend(own), own.clear()))
    problems(lake, "movies", lambda own: own.extend(known), STAMPS[1])


def relabel(key: str, value: Any) -> Callable[[list[Any]], None]:
    return lambda records: records[-1].update({key: value})


def flip(lake: Path, path: str) -> None:
    content = bytearray((lake / path).read_bytes())
    content[len(content) // 2] ^= 1
    (lake / path).write_bytes(content)


def cut(lake: Path, path: str) -> None:
    """Cut a file, and state its new size and checksum in the commit."""
    replace_file(lake, path, (lake / path).read_bytes()[:-20])


Fault = Callable[[Path], Any]
FAULTS: dict[str, tuple[Fault, set[str]]] = {
    "a byte of rows": (lambda lake: flip(lake, MOVIES), {MOVIES}),
    "a byte of records": (lambda lake: flip(lake, THEATERS_JSON), {THEATERS}),
    "rows that end early": (lambda lake: cut(lake, SHOWINGS), {SHOWINGS}),
    "records that end early": (lambda lake: cut(lake, MOVIES_JSON), {MOVIES}),
    "no rows": (lambda lake: (lake / MOVIES).unlink(), {MOVIES}),
    "no records": (lambda lake: (lake / MOVIES_JSON).unlink(), {MOVIES}),
    "no JSON": (lambda lake: without_json(lake, SHOWINGS_JSON), {SHOWINGS}),
    "another title": (lambda lake: edit_column(lake, MOVIES, "title", ["Down"]), {MOVIES}),
    "another price": (lambda lake: edit_column(lake, THEATERS, "theater_adult", [9]), {THEATERS}),
    "another number": (lambda lake: edit_column(lake, SHOWINGS, "record", [1]), {SHOWINGS}),
    "one row less": (lambda lake: edit_rows(lake, SHOWINGS, lambda rows: rows[:-1]), {SHOWINGS}),
    "rows in another order": (
        lambda lake: edit_rows(lake, MOVIES, lambda rows: rows.take([1, 0, 2])),
        {MOVIES},
    ),
    "one column less": (
        lambda lake: edit_rows(lake, MOVIES, lambda rows: rows.drop_columns(["title"])),
        {MOVIES},
    ),
    "one record less": (lambda lake: edit_records(lake, MOVIES_JSON, list.pop), {MOVIES}),
    "another record": (
        lambda lake: edit_records(lake, MOVIES_JSON, relabel("title", "Down")),
        {MOVIES},
    ),
    "another label": (
        lambda lake: edit_records(lake, THEATERS_JSON, relabel("country", "swe")),
        {THEATERS},
    ),
    "a label less": (
        lambda lake: edit_records(lake, SHOWINGS_JSON, lambda all_: all_[0].pop("source_xml")),
        {SHOWINGS},
    ),
    "an element more": (
        lambda lake: edit_records(lake, MOVIES_JSON, relabel("star", ["two", "three"])),
        {MOVIES},
    ),
    "a record that is no object": (
        lambda lake: edit_records(lake, MOVIES_JSON, lambda all_: all_.insert(1, [])),
        {MOVIES},
    ),
    "a number for a text": (
        lambda lake: edit_records(lake, MOVIES_JSON, relabel("title", 7)),
        {MOVIES},
    ),
    "other rows in the commit": (lambda lake: edit_member(lake, "movies", rows=9), {MOVIES}),
    "other records in the commit": (lambda lake: edit_member(lake, "movies", records=9), {MOVIES}),
    "another digest": (lambda lake: edit_member(lake, "movies", digest="0" * 32), {MOVIES}),
    "more problems": (lambda lake: problems(lake, "theaters", more(1)), {THEATERS}),
    "fewer problems": (lambda lake: problems(lake, "movies", more(-1)), {MOVIES}),
    "no problems": (lambda lake: problems(lake, "showings", list.clear), {SHOWINGS}),
    "wrong counts with the right sum": (
        offset,
        {SHOWINGS, SHOWINGS.replace(STAMPS[0], STAMPS[3]).replace("191206", "191227")},
    ),
    "problems of another member": (
        swap,
        {MOVIES, MOVIES.replace(STAMPS[0], STAMPS[1]).replace("191206", "191213")},
    ),
}
"""Faults, each with the members that must be checked alone."""


def test_members_without_a_fault_agree_together(whole):
    parquet = {str(path.relative_to(whole)) for path in whole.glob("parquet/*/*/*/*")}
    assert together(whole) == parquet
    first, alone = both(whole)
    assert first == alone
    assert {finding.severity for finding in first} == {"warning"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_one_of_many_has_the_findings_as_alone(whole, lake, name):
    fault, members = FAULTS[name]
    fault(lake)
    first, alone = both(lake)
    assert first == alone
    assert {finding.severity for finding in first} >= {"error"} or name == "no JSON"
    assert together(whole) - together(lake) == members


@examples()
@given(names=st.lists(st.sampled_from(sorted(FAULTS)), min_size=2, max_size=4, unique=True))
def test_several_faults_have_the_findings_as_alone(whole, tmp_path_factory, names):
    lake = Path(shutil.copytree(whole, tmp_path_factory.mktemp("faults") / "lake"))
    for name in names:
        with suppress(OSError, pa.ArrowException, ValueError, LookupError, ZstdError):
            FAULTS[name][0](lake)  # a fault cannot follow on any other one
    first, alone = both(lake)
    assert first == alone
