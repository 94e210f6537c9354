"""Elements of text and elements: their text in document order, and their markup."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from movielake.feed.markup import Marked, without
from movielake.feed.records import Records
from movielake.rows.extras import collect_extras
from movielake.rows.flattening import flatten_records, text_of
from movielake.rows.problems import ProblemCounter
from movielake.schema.tables import table
from tests.feeds import without_nulls
from tests.strategies import examples

MOVIES = table("movies")
BLOCKS = ("P", "p", "br", "div", "li", "ul", "h1", "DIV", "paragraph")
INLINES = ("b", "i", "em", "sup", "SPAN", "a")


def record_of(inside: str, name: str = "movies") -> dict[str, Any]:
    """Read one record with this content."""
    kind = table(name)
    xml = f"<{kind.root}><{kind.record}>{inside}</{kind.record}></{kind.root}>"
    (record,) = Records(io.BytesIO(xml.encode()), kind, {})
    return record


def row_of(inside: str, name: str = "movies") -> dict[str, Any]:
    rows = flatten_records([record_of(inside, name)], table(name), ProblemCounter())
    return without_nulls(rows)[0]


def lines_by_text(markup: str) -> list[str]:
    """Find the lines of an element without a parser: each tag of a block is a line end."""
    plain = re.sub(rf"</?({'|'.join(INLINES)})( [^>]*)?/?>", "", markup)
    lines = re.split(r"<[^>]*>", plain)
    return [line for text in lines if (line := html.unescape(text).strip())]


@pytest.mark.parametrize(
    ("synopsis", "text"),
    [
        ("Part one. <P>Second.</P> End.", "Part one.\nSecond.\nEnd."),
        ("One<br/>Two", "One\nTwo"),
        ("One<br/><br/>Two<BR></BR>", "One\nTwo"),
        ("<br/>One", "One"),
        ("One <b>two</b> three", "One two three"),
        ("<b>One</b>", "One"),
        ("<b>One</b> <i>two</i>", "One two"),
        ("H<sub>2</sub>O", "H2O"),
        ("10<sup>2</sup>", "10  2"),
        ("<P>One</P><P>Two</P>", "One\nTwo"),
        ("<P>One</P><ul><li>a</li><li>b</li></ul><P>Two</P>", "One\na\nb\nTwo"),
        ("<h1>One</h1>two <em>three <b>four</b></em><div>five<p>six</p>seven</div>",
         "One\ntwo three four\nfive\nsix\nseven"),
        ("With <actor>Anna</actor> here", "With\nAnna\nhere"),
        ("a<!-- x --><b>b</b><?y z?>c", "abc"),
        ("<![CDATA[a & ]]><b>b</b> &lt;c&gt; &#233;", "a & b <c> é"),
        ("\n  One\n  <P>\n Two </P>\n", "One\nTwo"),
        ("<P>a</P><!-- x --><P>b</P>", "a\nb"),
        ("<P/>", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["synopsis", "review", "title"])
def test_a_text_has_the_order_of_the_document(name, synopsis, text):
    assert row_of(f"<{name}>{synopsis}</{name}>").get(name) == text


@pytest.mark.parametrize(
    "inside",
    [
        "<synopsis>Two sisters.</synopsis>",
        "<synopsis><P>One</P><P>Two</P></synopsis>",
        "<synopsis>\n<div><P>One</P></div>\n<ul><li>a</li><li>b</li></ul></synopsis>",
        "<synopsis><b>One</b></synopsis>",
        "<synopsis>a<!-- x -->b</synopsis>",
        "<synopsis id='1'>a</synopsis>",
        "<genres><genre>A</genre><genre>B</genre></genres><cast>C</cast><genre>D</genre>",
        "<new><a>1</a><b>2</b><a>3</a></new>",
    ],
)
def test_elements_whose_order_the_record_keeps_have_no_markup(inside):
    assert "#markup" not in str(row_of(inside).get("extra", ""))


@pytest.mark.parametrize(
    ("inside", "extra"),
    [
        ("<synopsis>a <P>b</P></synopsis>",
         {"synopsis/#markup": "<synopsis>a <P>b</P></synopsis>"}),
        ("<synopsis><P>a</P><br/><P>b</P></synopsis>",
         {"synopsis/#markup": "<synopsis><P>a</P><br/><P>b</P></synopsis>"}),
        ("<synopsis x='1'><!-- c --><i>a</i><b y='&lt;'>&amp;</b></synopsis>",
         {"synopsis/#markup":
          '<synopsis x="1"><!-- c --><i>a</i><b y="&lt;">&amp;</b></synopsis>',
          "synopsis/@x": "1", "synopsis/b/@y": "<"}),
        ("<title>a<b>c</b></title>", {"title/#markup": "<title>a<b>c</b></title>", "title/b": "c"}),
        ("<new>a<b>c</b></new>",
         {"new": '{"b": "c", "#text": "a"}', "new/#markup": "<new>a<b>c</b></new>"}),
        ("<new><x>a<b>c</b></x></new>",
         {"new": '{"x": {"b": "c", "#text": "a"}}',
          "new/#markup": "<new><x>a<b>c</b></x></new>"}),
        ("<cast>A <i>B</i></cast><cast>C</cast><cast>D <i>E</i></cast>",
         {"cast/#markup": '["<cast>A <i>B</i></cast>", "<cast>D <i>E</i></cast>"]',
          "cast/i": '["B", "E"]'}),
        ("<title>a<b>c</b></title><title>d</title>",
         {"title": '[{"b": "c", "#text": "a"}, "d"]', "title/#markup": "<title>a<b>c</b></title>"}),
        ("<genres>A <genre>B</genre></genres>",
         {"genres/#text": "A", "genres/#markup": "<genres>A <genre>B</genre></genres>"}),
        ("a<title>B</title>", {"#text": "a", "#markup": "<movie>a<title>B</title></movie>"}),
        ("<intl><intl_name>a<b>c</b></intl_name></intl>",
         {"intl/intl_name/#markup": "<intl_name>a<b>c</b></intl_name>",
          "intl/intl_name/b": "c"}),
    ],
)  # fmt: skip
def test_extra_keeps_the_markup(inside, extra):
    assert row_of(inside)["extra"] == extra


def test_lists_have_the_text_of_their_items_in_order():
    row = row_of("<genres>x<genre>Sci<br/>Fi</genre><genre>A <b>B</b> C</genre></genres>")
    assert row["genre"] == ["Sci\nFi", "A B C"]
    row = row_of("<theater_attributes>3D<br/>Cafe</theater_attributes>", "theaters")
    assert row["theater_attributes"] == ["3D", "Cafe"]


@pytest.mark.parametrize(
    ("inside", "name", "value"),
    [
        ("<theater_adult>$<b>13.00</b></theater_adult>", "theater_adult", 13.0),
        ("<theater_adult>12<sup>50</sup></theater_adult>", "theater_adult", None),
        ("<theater_adult>12<sup>500</sup></theater_adult>", "theater_adult", None),
        ("<theater_screens><b>8</b></theater_screens>", "theater_screens", 8),
        ("<theater_screens>1<b>2</b></theater_screens>", "theater_screens", None),
        ("<theater_ticketing><a href='x'>Y</a></theater_ticketing>", "theater_ticketing", True),
        ("<theater_lat>5<br/>2</theater_lat>", "theater_lat", None),
    ],
)
def test_a_value_in_markup_is_read_only_if_its_digits_stand_together(inside, name, value):
    assert row_of(inside, "theaters").get(name) == value


def test_a_record_with_a_label_as_element_stays_marked():
    xml = b"<movies><movie>a<country>b<i>c</i></country></movie></movies>"
    (record,) = Records(io.BytesIO(xml), MOVIES, {"country": "deu"})
    assert record == {"#text": "a", "#country": {"i": "c", "#text": "b"}, "country": "deu"}
    extra = collect_extras([record], MOVIES, ProblemCounter())
    assert extra[0]["#country/#markup"] == "<country>b<i>c</i></country>"
    assert extra[0]["#markup"].startswith("<movie>a<country>")


def test_a_marked_node_without_one_of_its_keys_stays_marked():
    node = Marked({"a": "1", "b": "2"}, "<x/>", ["1"])
    rest = without(node, "a")
    assert (rest, rest.markup, rest.lines) == ({"b": "2"}, "<x/>", ["1"])
    assert type(without({"a": "1", "b": "2"}, "a")) is dict


def test_namespaces_and_undeclared_entities_stay_in_the_markup():
    xml = b"""<!DOCTYPE movies SYSTEM "x.dtd"><movies xmlns:h="urn:1"><movie>
    <title>a&nbsp;<h:b>c</h:b><h:p>d</h:p></title></movie></movies>"""
    (record,) = Records(io.BytesIO(xml), MOVIES, {})
    assert text_of(record["title"]) == "a&nbsp;c\nd"
    again = etree.fromstring(record["title"].markup)
    assert "".join(again.itertext()) == "a&nbsp;cd"
    assert [child.tag for child in again] == ["{urn:1}b", "{urn:1}p"]


# --- any element


def texts() -> st.SearchStrategy[str]:
    return st.sampled_from(("", " ", "One ", "two", " &amp; ", "\n 3 ", "é"))


TREES = st.recursive(
    texts(),
    lambda inside: st.builds(
        lambda name, children: f"<{name}>{''.join(children)}</{name}>",
        st.sampled_from((*BLOCKS, *INLINES)),
        st.lists(inside | texts(), max_size=3),
    ),
    max_leaves=8,
)


@examples(max_examples=300)
@given(st.lists(TREES, max_size=4).map("".join))
def test_any_element_has_its_text_in_order_and_loses_nothing(inside):
    written = f"<synopsis>{inside}</synopsis>"
    row = row_of(written)
    text = row.get("synopsis", "")
    assert text == "\n".join(lines_by_text(written))
    element = etree.fromstring(written)
    assert "".join(text.split()) == "".join("".join(element.itertext()).split())
    if markup := row.get("extra", {}).get("synopsis/#markup"):
        assert etree.tostring(etree.fromstring(markup), method="c14n") == etree.tostring(
            element, method="c14n"
        )
