"""References to entities that a document does not declare: they become texts, and are counted."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import convert, describe_lake, validate
from movielake.feed.entities import Escaped
from movielake.feed.records import Records
from movielake.schema.tables import table
from tests.feeds import week, write_feed
from tests.strategies import examples

DOCTYPE = '<!DOCTYPE movies SYSTEM "movies.dtd">'
MEMBER = "191206I.XML"


def escaped(xml: str, size: int = 1 << 15) -> tuple[str, int, str]:
    stream = Escaped(io.BytesIO(xml.encode()))
    done = b"".join(iter(lambda: stream.read(size), b""))
    return done.decode(), stream.count, stream.first


@pytest.mark.parametrize(
    ("xml", "count"),
    [
        ("<a>&nbsp;</a>", 1),
        ("<a b='x&nbsp;y' c='&é.1;'>&a;&b:c;</a>", 4),
        ("<a>&amp; &lt; &gt; &quot; &apos; &#160; &#xA0;</a>", 0),
        ("<a>&amp;nbsp; &ltx;</a>", 1),
        ("<!-- &x; --><a><!-- &x; --><?p &x; ?><![CDATA[&x;]]>&y;</a>", 1),
        ("<a>& &; &1; &x &x y; <b/></a>", 0),
    ],
)
def test_only_references_in_texts_and_attributes_are_escaped(xml, count):
    done, found, first = escaped(DOCTYPE + xml)
    assert found == count
    assert done.replace("&amp;", "&") == (DOCTYPE + xml).replace("&amp;", "&")
    assert (first != "") == (count > 0)


@pytest.mark.parametrize(
    ("head", "is_external"),
    [
        ("", False),
        ("<!DOCTYPE a>", False),
        ("<!DOCTYPE a []>", False),
        ("<!DOCTYPE a [<!ELEMENT a ANY>]>", False),
        ("<!DOCTYPE aSYSTEM>", False),
        ('<!-- <!DOCTYPE a SYSTEM "x"> -->', False),
        ('<?xml version="1.0" standalone="yes"?><!DOCTYPE a SYSTEM "x">', False),
        ('<?xml version="1.0" standalone="no"?><!DOCTYPE a SYSTEM "x">', True),
        ('<!DOCTYPE a SYSTEM "x">', True),
        ("<!DOCTYPE a\nPUBLIC\n'x' 'y' [<!ELEMENT a ANY>]>", True),
        ("<?xml version='1.0'?>\n<!-- a --><?b?>\n<!DOCTYPE a SYSTEM 'x'>", True),
        ("<!DOCTYPE a [%x;]>", True),
        ("<?a?>" * 400, False),  # no exponential search
    ],
)
def test_only_a_document_type_in_another_file_makes_references_texts(head, is_external):
    """In all other documents the reference stays an error in the XML."""
    xml = f"{head}<movies><movie><title>a&nbsp;b</title></movie></movies>"
    records = Records(io.BytesIO(xml.encode()), table("movies"), {})
    read = list(records)
    assert read == ([{"title": "a&nbsp;b"}] if is_external else [])
    assert (records.damage is None) == is_external
    assert records.entities.count == is_external


PIECES = (
    "&nbsp;", "&amp;", "&#1;", "&", ";", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<a b='",
    "'>", "</a>", "x", "é", "-", "]", "&x", "<!", "<![", " ",
)  # fmt: skip


def by_pieces(xml: str) -> tuple[str, int]:
    """Escape a document as a whole, with one expression for all that is plain."""
    plain = r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    reference = r"&(?=(?!(?:amp|lt|gt|quot|apos);)[A-Za-z_:\x80-\uffff][-.\w:]*;)"
    parts = re.split(f"({plain}|{reference})", xml, flags=re.S)
    count = parts[1::2].count("&")  # a piece between two matches can also be a lone "&"
    parts[1::2] = ["&amp;" if part == "&" else part for part in parts[1::2]]
    return "".join(parts), count


@examples(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.integers(1, 20))
def test_blocks_of_any_size_give_the_same(xml, size):
    whole = DOCTYPE + xml
    stream = Escaped(io.BytesIO(whole.encode()))
    done = stream.read(len(DOCTYPE)) + b"".join(iter(lambda: stream.read(size), b""))
    assert (done.decode(), stream.count) == by_pieces(whole)


def test_blanks_before_the_document_cost_nothing():
    stream = Escaped(io.BytesIO(b"\n" * 9 + DOCTYPE.encode() + b"<a>&x;</a>"))
    assert stream.read(9).isspace()
    assert b"".join(iter(lambda: stream.read(99), b"")) == DOCTYPE.encode() + b"<a>&amp;x;</a>"


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    movies = (
        "<movie><title>A&nbsp;B</title></movie>\n"
        '<movie><release_date id="p&nbsp;q">20191206</release_date><title>&copy;</title></movie>'
    )
    xml = f"{DOCTYPE}\n<movies>{movies}</movies>"
    return write_feed(tmp_path / "feed", {"20191206/movies_fra.zip": week() | {MEMBER: xml}})


def test_a_conversion_keeps_and_counts_the_references(feed, tmp_path):
    lake = str(tmp_path / "lake")
    convert(feed, lake, workers=1)
    path = f"{lake}/parquet/movies/date_stamp=20191206/country=fra/191206I.parquet"
    rows = pq.ParquetFile(path).read(["title", "release_date_id"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [("A&nbsp;B", None), ("&copy;", "p&nbsp;q")]
    (problem,) = [p for _, p in describe_lake(lake).problems if p.kind == "entity"]
    assert (problem.column, problem.count, problem.example) == ("", 3, "&nbsp;")
    (finding,) = [f for f in validate(lake) if f.rule == "undeclared-entity"]
    assert (finding.severity, finding.count) == ("warning", 3)
    assert [f for f in validate(lake) if f.severity == "error"] == []


def test_a_validation_of_the_feed_finds_the_first_reference(feed):
    (finding,) = [f for f in validate(str(feed)) if f.rule == "undeclared-entity"]
    assert (finding.count, finding.line, finding.column) == (3, 2, 24)
    assert "&nbsp;" in finding.message
