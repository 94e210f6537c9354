"""Lakes with markup: records, markup and rows are compared with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from movielake import convert, validate
from movielake.validation.markup import restore
from tests.feeds import times, week, write_feed
from tests.lakes import MOVIES, MOVIES_JSON, edit_column, edit_records

ALTERNATING = "<synopsis>One <P>two</P> three</synopsis><title>Up <b>and</b> up</title>"
DATED = '<show_date date="20191206"><showtimes>9:00<br/>10:00</showtimes></show_date>'
MIXED = {
    "191206I.XML": f"<movies><movie><title>Plain</title></movie><movie>{ALTERNATING}"
    "<cast>A <b>B</b></cast><cast>C</cast><cast><b>B</b> A</cast></movie>"
    "<movie>x<title>y</title></movie></movies>",
    "191206S.XML": times(
        f"<movie_id>1</movie_id>{DATED}{DATED}",
        "<movie_id>2</movie_id>",
        f"x<show_with>a<i>b</i></show_with>{DATED.replace('9:00', 'y')}",
    ),
}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": week() | MIXED})
    convert(feed, str(tmp_path / "lake"), workers=1)
    return tmp_path / "lake"


def errors(lake: Path) -> list[str]:
    found = validate(str(lake), workers=1)
    return [finding.rule for finding in found if finding.severity == "error"]


def test_a_lake_with_markup_has_no_errors(lake):
    assert errors(lake) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<P>two</P> three", "three <P>two</P>"),
        ("<P>two</P> three", "<P>two</P> four"),
        ("<synopsis>One", "<synopsis>One <a>"),
        ("<synopsis>", ""),
    ],
)
def test_a_changed_markup_is_an_error(lake, old, new):
    def change(extra: dict[str, str]) -> list[Any]:
        return [(path, text.replace(old, new)) for path, text in extra.items()]

    extra = pq.ParquetFile(lake / MOVIES).read()["extra"].to_pylist()
    edit_column(lake, MOVIES, "extra", [change(dict(row)) if row else row for row in extra])
    assert errors(lake) == ["json-rows"]


def test_a_changed_text_is_an_error(lake):
    edit_column(lake, MOVIES, "synopsis", [None, "two\nOne\nthree"])
    assert errors(lake) == ["json-rows"]


def test_a_changed_record_is_an_error(lake):
    def change(records: list[Any]) -> None:
        records[1]["synopsis"]["P"] = "three"

    edit_records(lake, MOVIES_JSON, change)
    assert errors(lake) == ["json-rows"]


def test_a_markup_is_put_back_only_where_its_text_is():
    value = {"b": "c", "#text": "a"}
    for kept in ("<t>a<b>d</b></t>", "<t>a<b>c</b>", ""):
        assert type(restore({"t": dict(value)}, {"t/#markup": [kept]})["t"]) is dict
    assert type(restore({"t": "ac"}, {"t/#markup": ["<t>a<b>c</b></t>"]})["t"]) is str
    assert restore({"u": value}, {"t/#markup": ["<t>a<b>c</b></t>"]}) == {"u": value}


def test_markup_with_the_same_text_is_put_back_in_order():
    record = {"cast": [{"b": "B", "#text": "A"}, "C", {"b": "B", "#text": "A"}]}
    kept = {"cast/#markup": ["<cast>A <b>B</b></cast>", "<cast><b>B</b> A</cast>"]}
    assert [getattr(item, "lines", None) for item in restore(record, kept)["cast"]] == [
        ["A B"],
        None,
        ["B A"],
    ]
