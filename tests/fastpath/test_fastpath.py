"""The fast path returns the same as the reference, or it gives up.

`mutations` makes members, damages them and compares both paths. These tests run a part of its long
run. Other tests compare members made by Hypothesis, and whole lakes.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.conversion.members import MemberConverter
from movielake.conversion.runs import convert
from movielake.fastpath.nesting import prove_nesting
from movielake.fastpath.segments import split_block
from movielake.fastpath.shape import Kind, shape_of
from movielake.fastpath.unrecognised import REASONS, NotRecognised, Reason
from tests.fastpath import mutations
from tests.fastpath.mutations import LABELS, SHOWINGS, differences, read_by_reference, read_fast
from tests.feeds import files, json_lines, member, showing, times, write_feed
from tests.strategies import documents, examples

SHAPE = shape_of(SHOWINGS)
DATES = ("20191206", "soon", "99991231")
WHOLES = (  # a record that the reference reads, with a time after midnight
    showing(at="22:45, 0:15").replace("<movie_id>", "<!-- x --><movie_id>"),
    showing(at="22:45, 24:15").replace("<movie_id>", "<!-- x --><movie_id>"),
    showing(),
)
ORDINARY = times(*(showing(n) for n in range(5)))


def left_of(xml: str | bytes, size: int = 1 << 16) -> dict[str, int]:
    """Check that the fast path reads a member as the reference does; return its fallbacks."""
    data = xml if isinstance(xml, bytes) else xml.encode()
    fast, left = read_fast(data, size)
    assert fast is not None, left
    assert differences(fast, read_by_reference(data)) == []
    return dict(left)


def reason_of(xml: str | bytes) -> str:
    """Return the reason why the fast path leaves a whole member to the reference."""
    fast, left = read_fast(xml if isinstance(xml, bytes) else xml.encode(), 1 << 16)
    assert fast is None
    (reason,) = left
    return reason


# --- both paths


def test_both_paths_read_mutants_the_same():
    taken = sum((mutations.compare(seed) for seed in range(920)), Counter())
    # Otherwise the mutations would compare too little.
    assert taken["fast members"] > 180
    assert taken["fast records"] > 1500
    assert {REASONS[reason] for reason in Reason} <= taken.keys()


@examples(max_examples=100)
@given(documents(SHOWINGS), st.sampled_from((600, 1 << 16)))
def test_both_paths_read_any_document_the_same(data, size):
    fast, _ = read_fast(data, size)
    assert fast is None or differences(fast, read_by_reference(data)) == []


@pytest.mark.parametrize("size", [*range(200, 240), 4096])
def test_a_block_can_end_anywhere(size):
    assert left_of(ORDINARY, size) == {}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\n\t  "])
def test_line_ends_take_the_fast_path(line_end):
    assert left_of(ORDINARY.replace("><", f">{line_end}<")) == {}


@pytest.mark.parametrize(
    ("codec", "declared", "mark"),
    [
        ("utf-8", None, b""),
        ("utf-8", "UTF-8", b"\xef\xbb\xbf"),
        ("iso-8859-1", "ISO-8859-1", b""),
        ("windows-1252", "windows-1252", b""),
        ("iso-8859-1", "latin-1", b""),
        ("cp932", "Shift_JIS", b""),
        ("gb18030", "GB2312", b""),
        ("utf-8", "utf-16", b""),
        ("utf-8", "UTF-8", b"\n\xef\xbb\xbf "),
        ("utf-32-be", None, b"\0\0\xfe\xff"),
        ("utf-16-le", "UTF-16", b"\xff\xfe"),
        ("utf-16-be", "UTF-16", b"\xfe\xff"),
    ],
)
def test_usual_encodings_take_the_fast_path(codec, declared, mark):
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    xml = head + ORDINARY.replace("Film", "Süßes - née")
    assert left_of(mark + xml.encode(codec, "xmlcharrefreplace")) == {}


def test_the_flat_form_takes_the_fast_path():
    flat = "<movie_id>7</movie_id><show_date>2019/12/6 0:00:00</show_date>"
    assert left_of(times(f"{flat}<showtimes>13:20,15:40</showtimes>", flat)) == {}


@pytest.mark.parametrize("at", ["TBA, 9:00, sold out", "(0:00), 0:05 AM, TBA", "TBA, (12:00"])
def test_odd_times_take_the_fast_path(at):
    assert left_of(times(*(showing(n, at=at) for n in range(3)))) == {}


FORMS = st.lists(st.sampled_from(mutations.FORMS_OF_TIMES), min_size=1, max_size=4)


def test_both_paths_read_each_form_of_times_the_same():
    forms = [mutations.escape(text) for text, _, _ in mutations.FORMS_OF_TIMES]
    assert left_of(times(*[showing(n, at=text) for n, text in enumerate(forms)])) == {}


@examples(max_examples=60)
@given(st.lists(FORMS, min_size=1, max_size=20), st.sampled_from(DATES), st.sampled_from(WHOLES))
def test_both_paths_read_lists_of_any_forms_of_times_the_same(lists, date, odd):
    texts = [mutations.escape(", ".join(text for text, _, _ in forms)) for forms in lists]
    left_of(times(*[showing(n, date=date, at=text) for n, text in enumerate(texts)], odd))


@pytest.mark.parametrize("empty", ["", "<showtime></showtime>", "<showtime>\n</showtime>"])
def test_empty_members_and_records_take_the_fast_path(empty):
    assert left_of(f"<times>{empty}</times>") == {}


# --- members and records that are left to the reference


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("<show_language>German</show_language>", Reason.TAG),
        ("<movie_id x='1'>7</movie_id>", Reason.TAG),
        ("<movie_id><!-- 7 --></movie_id>", Reason.TAG),
        ("<show_with><![CDATA[x]]></show_with>", Reason.TAG),
        ("<movie_id>7</movie_id> and text", Reason.ORDER),
        ("<show_with>a > b</show_with>", Reason.TEXT),
        ("<movie_id>7</movie_id><movie_id>8</movie_id>", Reason.REPEATED),
        ("<show_date date='20191206'/>", Reason.TAG),
        ("<show_date></show_date>", Reason.TEXT),
        ("<show_date date='1'><movie_id>7</movie_id></show_date>", Reason.ORDER),
        ("<show_date>1</show_date><movie_id>7</movie_id><show_date>2</show_date>", Reason.ORDER),
        ("<show_date date='1'></show_date><showtimes>9:00</showtimes>", Reason.TIMES),
    ],
)
def test_the_reference_reads_only_the_odd_record(odd, reason):
    before, behind = showing(1), showing(2, at="TBA")
    assert left_of(times(before, odd, behind)) == {REASONS[reason]: 1}


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("<movies/>", "a beginning that is not plain"),
        ("<times/>", "a beginning that is not plain"),
        (f"<!DOCTYPE times>{ORDINARY}", "a beginning that is not plain"),
        (f"<!-- x -->{ORDINARY}", "a beginning that is not plain"),
        (f"{ORDINARY}<!-- x -->", "an end that is not plain"),
        (ORDINARY[:-1], "an end that is not plain"),
        (ORDINARY.replace("</times>", ""), "an end that is not plain"),
        (ORDINARY.replace("</showtime>", "</showtime>x"), "something between the records"),
        (ORDINARY.replace("</showtime>", "</showtime><!-- x -->"), "something between the records"),
        (times("<showtime></showtime>", "<a>"), "a record that is not well-formed"),
        (times("<movie_id>7<"), "a record that is not well-formed"),
        (times("<movie_id>7</movie_id>", "</show_date>"), "a record that is not well-formed"),
        (times("<show_with>a &amp; b & c</show_with>"), "a record that is not well-formed"),
        (times("<movie_id>\x01</movie_id>"), "a character that XML does not have"),
        (times("<movie_id>\ufffe</movie_id>"), "a character that XML does not have"),
        (times("<movie_id>é</movie_id>").encode("latin-1"), "bytes that are no UTF-8"),
        (
            '<?xml version="1.0" encoding="US-ASCII"?>' + times("<movie_id>é</movie_id>"),
            "bytes that are not of the declared encoding",
        ),
        (
            f'<?xml version="1.0" encoding="utf-7"?>{ORDINARY}',
            "an encoding that is not read",
        ),
    ],
)
def test_the_reference_reads_a_whole_member_that_is_not_plain(xml, reason):
    assert reason_of(xml) == reason


def test_two_halves_of_a_comment_are_not_records():
    """A search for tags alone would find a record in each half."""
    assert reason_of(times("<!-- ", "<x/> -->")) == "a record that is not well-formed"


@pytest.mark.parametrize("order", [("<show_language>x</show_language>", ""), ("", "<x/>")])
def test_the_example_of_a_problem_is_the_first_one_in_the_member(order):
    """The order of the two paths does not matter."""
    records = [f"<movie_id>{n}th</movie_id>{odd}" for n, odd in enumerate(order)]
    fast, _ = read_fast(times(*records).encode(), 1 << 16)
    examples_ = {p.column: p.example for p in fast.problems}
    assert examples_["movie_id"] == "0th"
    left_of(times(*records))


# --- the proof


def test_only_records_of_the_grammar_are_regular():
    block = b"<showtime><movie_id>7</movie_id></showtime>"
    assert prove_nesting(split_block(memoryview(block), SHAPE), SHAPE).reasons.tolist() == [0]
    for wrong in (
        b"<showtime><movie_id>7</theater_id></showtime>",
        b"<showtime><movie_id></theater_id><theater_id></movie_id></showtime>",
        b"<showtime><movie_id/></movie_id></showtime>",
        b"<showtime><movie_id><theater_id>7</theater_id></movie_id></showtime>",
        b"<showtime></show_date><show_date date='1'></showtime>",
        b"<showtime><show_date date='1'></showtime>",
    ):
        found = prove_nesting(split_block(memoryview(wrong), SHAPE), SHAPE)
        assert found.reasons.tolist() == [Reason.ORDER]


@pytest.mark.parametrize(
    "block",
    [
        b"<showtime>",
        b"</showtime>",
        b"<showtime><showtime></showtime>",
        b"<showtime></movie_id><movie_id>7</showtime>",
        b"</showtime><showtime></showtime>",
    ],
)
def test_records_that_do_not_follow_each_other_are_refused(block):
    with pytest.raises(NotRecognised, match="between the records"):
        prove_nesting(split_block(memoryview(block), SHAPE), SHAPE)


@pytest.mark.parametrize(
    "tag",
    [
        b"<movie_id/ >",
        b"</movie_id/>",
        b"</movie_id x='1'>",
        b"< movie_id>",
        b"<movie_id",
        b"<showtime/>",
        b"<show_date date='a&amp;b'>",
        b"<show_date date='a\tb'>",
        b"<show_date date=\"a'>",
        b"<show_date DATE='a'>",
        b"<SHOWTIME>",
        b"<movie_id\x0c>",
        "<moviè_id>".encode(),
    ],
)
def test_other_tags_are_not_recognised(tag):
    assert SHAPE.tag(tag).kind == Kind.UNKNOWN


def test_the_shape_matches_the_schema():
    assert (SHAPE.root, SHAPE.record) == (SHOWINGS.root, SHOWINGS.record)
    assert (SHAPE.container, SHAPE.attribute, SHAPE.times) == ("show_date", "date", "showtimes")
    paths = {p for c in SHOWINGS.columns for p in c.paths} - {"show_date", "show_date/@date"}
    of_dates = {f"show_date/{leaf}" for leaf in SHAPE.levels[1]}
    assert paths == of_dates | SHAPE.levels[0]


# --- whole conversions


def lake_of(feed: str, lake) -> dict[str, bytes]:
    convert(feed, str(lake), workers=1)
    return files(lake)


def test_a_lake_is_the_same_without_the_fast_path(sample_feed, sample_lake, tmp_path, monkeypatch):
    monkeypatch.setattr(MemberConverter, "convert", MemberConverter.convert_by_reference)
    convert(str(sample_feed), str(tmp_path / "lake"), workers=1)
    fast = {p.relative_to(sample_lake) for p in sample_lake.rglob("*") if p.is_file()}
    slow = {p.relative_to(tmp_path / "lake") for p in (tmp_path / "lake").rglob("*") if p.is_file()}
    assert fast == slow
    for path in sorted(fast):
        one, other = sample_lake / path, tmp_path / "lake" / path
        if path.suffix == ".zst":
            assert json_lines(one) == json_lines(other)
        elif path.parts[0] == "parquet":
            assert pq.ParquetFile(one).read().equals(pq.ParquetFile(other).read())


# Some of the small sample's theaters have an element that is not in the schema.
@pytest.mark.parametrize(
    ("table", "most"), [("movies", 0.2), ("theaters", 0.3), ("showings", 0.05)]
)
def test_nearly_all_of_the_sample_takes_the_fast_path(sample_lake, table, most):
    rows = pq.read_table(sample_lake / "manifest.parquet").to_pylist()
    members = [row for row in rows if row["table"] == table and row["status"] == "complete"]
    left = Counter()
    for row in members:
        for fallback in row["fallbacks"]:
            share = fallback["records"] / row["records"]
            left[fallback["reason"]] += row["xml_bytes"] * share
    assert left.keys() <= set(REASONS.values()) | {"a beginning that is not plain"}
    assert left.total() < most * sum(row["xml_bytes"] for row in members)


DEU = "20191206/movies_deu.zip"
NAME = "191206S.XML"


def test_the_commit_lists_fallbacks_with_their_reasons(tmp_path):
    odd = times(showing(1), "<x/>", showing(2))
    feed = write_feed(tmp_path / "feed", {DEU: {NAME: odd, "b/191206S.XML": f"<!-- -->{odd}"}})
    convert(feed, str(tmp_path / "lake"), workers=1)
    assert member(tmp_path / "lake", NAME)["fallbacks"] == [
        {"reason": REASONS[Reason.TAG], "records": 1}
    ]
    assert member(tmp_path / "lake", "b/191206S.XML")["fallbacks"] == [
        {"reason": "a beginning that is not plain", "records": 3}
    ]


def test_a_broken_member_keeps_no_output_of_the_fast_path(tmp_path, monkeypatch):
    """The files that it wrote before giving up are dropped, and their names are free again."""
    monkeypatch.setattr("movielake.fastpath.reading.BLOCK", 512)
    broken = times(*(showing(n) for n in range(50)))[:-100]
    feed = write_feed(tmp_path / "feed", {DEU: {NAME: broken}})
    content = lake_of(feed, tmp_path / "lake")
    found = member(tmp_path / "lake", NAME)
    assert (found["status"], found["records"]) == ("damaged", 49)
    assert found["json"]["path"].endswith("/191206S.jsonl.zst")
    assert not [path for path in content if path.startswith(".work")]
    assert len(json_lines(tmp_path / "lake" / found["json"]["path"])) == 49


def test_a_wrong_checksum_is_reported(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(NAME, ORDINARY)
    broken = packed.getvalue().replace(b"Film 3", b"Film 9")
    feed = write_feed(tmp_path / "feed", {DEU: broken})
    convert(feed, str(tmp_path / "lake"), workers=1)
    found = member(tmp_path / "lake", NAME)
    assert found["status"] == "damaged"
    assert found["fallbacks"] == [{"reason": "bytes that could not be read", "records": 5}]


def test_labels_are_part_of_each_record():
    fast, _ = read_fast(ORDINARY.encode(), 1 << 16)
    assert fast.lines.count(LABELS["source_xml"].encode()) == 5
    assert replace(fast, records=4) != fast
