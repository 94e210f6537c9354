"""Movies and theaters take the fast path, and it returns the same as the reference."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.fastpath.elements import read_elements
from movielake.fastpath.tree import DEEPEST, UNKNOWN_NAME, tree_of
from movielake.fastpath.unrecognised import REASONS, NotRecognised, Reason
from movielake.schema.tables import table
from tests.fastpath import members
from tests.fastpath.mutations import differences, read_by_reference, read_fast
from tests.strategies import documents, examples

MOVIES, THEATERS = table("movies"), table("theaters")
TREE = tree_of(MOVIES)
LISTS = (
    "<genres>\n<genre>Drama</genre>\n<genre/>\n</genres>",
    "<genre>Drama</genre><genre>Crime</genre>",
    "<genres></genres>",
    "<genres/>",
    "<genres><genre> Drama</genre></genres><genre>Crime</genre><genre></genre>",
    "<hipictures><hiphotos>a</hiphotos><photos>b</photos></hipictures><hiphotos>c</hiphotos>",
    "<intl country='AUS'><intl_name>Up</intl_name><intl_release>soon</intl_release></intl>",
    "<intl country=''/><intl/><intl><intl_cert/></intl><intl><intl_cert>M</intl_cert></intl>",
    "<release_date id='1' notes='a b'>July 05, 2013</release_date>",
    "<release_date notes='x' id='1'/><synopsis>One &amp; two.\r\nThree 'four'.</synopsis>",
)


def left_of(of, *records: str) -> dict[str, int]:
    """Check that the fast path reads a member as the reference does; return its fallbacks."""
    inside = "".join(f"<{of.record}>{record}</{of.record}>\n" for record in records)
    data = f"<{of.root}>{inside}</{of.root}>".encode()
    fast, left = read_fast(data, 1 << 16, of)
    assert fast is not None, left
    assert differences(fast, read_by_reference(data, of)) == []
    return dict(left)


@pytest.mark.parametrize("of", members.TABLES, ids=lambda of: of.name)
def test_both_paths_read_mutants_the_same(of):
    taken = sum((members.compare(seed, of) for seed in range(300)), Counter())
    assert taken["fast members"] > 90  # otherwise the mutations would compare too little
    assert taken["fast records"] > 400
    assert {REASONS[r] for r in (Reason.ORDER, Reason.REPEATED, Reason.TAG)} <= taken.keys()


@pytest.mark.parametrize("of", members.TABLES, ids=lambda of: of.name)
@examples(max_examples=100)
@given(data=st.data())
def test_both_paths_read_any_document_the_same(of, data):
    document = data.draw(documents(of))
    fast, _ = read_fast(document, data.draw(st.sampled_from((600, 1 << 16))), of)
    assert fast is None or differences(fast, read_by_reference(document, of)) == []


@pytest.mark.parametrize("record", LISTS)
def test_lists_items_and_attributes_take_the_fast_path(record):
    assert left_of(MOVIES, record, "", f"<movie_id>7</movie_id>{record}<stars>1</stars>") == {}


@pytest.mark.parametrize("size", range(100, 130))
def test_a_block_can_end_anywhere(size):
    records = "".join(f"<theater><theater_id>{n}</theater_id></theater>" for n in range(20))
    data = f"<houses>{records}</houses>".encode()
    fast, left = read_fast(data, size, THEATERS)
    assert (fast.records, left) == (20, Counter())
    assert differences(fast, read_by_reference(data, THEATERS)) == []


def test_lines_are_those_of_the_records():
    xml = (
        b"<houses><theater><theater_chain id='7'>A \"B\"</theater_chain><theater_types>"
        b"<type>x</type><type/></theater_types><theater_lat/></theater></houses>"
    )
    fast, _ = read_fast(xml, 1 << 16, THEATERS)
    record = json.loads(fast.lines)
    assert record["theater_chain"] == {"@id": "7", "#text": 'A "B"'}
    assert (record["theater_types"], record["theater_lat"]) == ({"type": ["x", None]}, None)
    assert fast.rows["type"].to_pylist() == [["x"]]
    assert fast.rows["theater_chain_id"].to_pylist() == [7]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("<movie_format>3D</movie_format>", Reason.TAG),
        ("<title lang='x'>Up</title>", Reason.TAG),
        ("<release_date notes='a > b'/>", Reason.TAG),
        ("<title><!-- x -->Up</title>", Reason.TAG),
        ("<title><title>Up</title></title>", Reason.ORDER),
        ("<intl_name>Up</intl_name>", Reason.ORDER),
        ("<genres><cast>Up</cast></genres>", Reason.ORDER),
        ("<title>Up</title>!", Reason.ORDER),
        ("<title/>!", Reason.TEXT),
        ("<title>Up > down</title>", Reason.TEXT),
        ("<genres>!<genre>x</genre></genres>", Reason.TEXT),
        ("<title>Up</title><title>Down</title>", Reason.REPEATED),
        ("<genre>a</genre><title>Up</title><genre>b</genre>", Reason.REPEATED),
        ("<genres/><genres/>", Reason.REPEATED),
        (f"<synopsis>{'long ' * (1 << 18)}</synopsis>", Reason.LENGTH),
    ],
)
def test_the_reference_reads_only_the_odd_record(odd, reason):
    data = f"<movies><movie><movie_id>x</movie_id></movie><movie>{odd}</movie><movie/></movies>"
    data = data.replace("<movie/>", "<movie></movie>").encode()
    fast, left = read_fast(data, 1 << 22, MOVIES)
    assert left == {REASONS[reason]: 1}
    assert differences(fast, read_by_reference(data, MOVIES)) == []


@pytest.mark.parametrize("order", [("<movie_format/>", ""), ("", "<movie_format/>")])
def test_the_example_of_a_problem_is_the_first_one_in_the_member(order):
    left_of(MOVIES, *(f"<movie_id>{n}th</movie_id>{odd}" for n, odd in enumerate(order)))


@pytest.mark.parametrize(
    "wrong",
    [
        b"<movie><title>Up</stars></movie>",
        b"<movie><genres><genre>x</genres></genre></movie>",
        b"<movie><title/></title></movie>",
        b"<movie><genres><genre>x</genre></movie>",
        b"<movie></genres><genres></movie>",
        b"<movie><title>Up</title></title></movie>",
        b"<movie/></movie>",
    ],
)
def test_records_that_are_not_nested_are_not_regular(wrong):
    assert read_elements(memoryview(wrong), TREE).reasons.tolist() == [Reason.ORDER]


@pytest.mark.parametrize("block", [b"<movie>", b"</movie>", b"<movie><movie></movie>", b"<title>"])
def test_records_that_do_not_follow_each_other_are_refused(block):
    with pytest.raises(NotRecognised, match="between the records"):
        read_elements(memoryview(block), TREE)


@pytest.mark.parametrize(
    "tag", ["<title/ >", "< title>", "<title", "<intl country='a&amp;b'>", "<intl COUNTRY='a'>"]
)
def test_other_tags_are_not_recognised(tag):
    assert TREE.tag(tag).name == UNKNOWN_NAME


@pytest.mark.parametrize("of", members.TABLES, ids=lambda of: of.name)
def test_the_tree_matches_the_schema(of):
    tree = tree_of(of)
    paths = {path.partition("/@")[0] for c in of.with_fields for path in c.paths}
    assert paths <= set(tree.paths)
    assert {name for name, own in tree.attributes.items() if own} == {
        path.partition("/@")[0] for c in of.with_fields for path in c.paths if "/@" in path
    }
    assert len(tree.paths) < 127  # a node must fit in a byte
    assert max(path.count("/") + 1 for path in tree.paths[1:]) <= DEEPEST
