"""Records are the same as in xmltodict, streamed and safe, and all damage is reported."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

import movielake
from movielake.feed.damage import Damage
from movielake.feed.records import Records, Unreadable, read_root
from movielake.schema.tables import TABLES, table
from tests.strategies import ENCODINGS, LABELS, documents, encode, examples, oracle

SHOWINGS = table("showings")
MOVIES = table("movies")


def read(data: bytes | str, name: str = "showings", **labels: str) -> Records:
    return Records(
        io.BytesIO(data.encode() if isinstance(data, str) else data), table(name), labels
    )


def records_of(data: bytes | str, name: str = "showings") -> list[dict[str, Any]]:
    """Read a member without damage."""
    records = read(data, name)
    found = list(records)
    assert records.damage is None
    return found


def one(xml: str, name: str = "showings") -> dict[str, Any]:
    """Read one record. ``xml`` has its attributes, then ``>``, then its content."""
    t = table(name)
    (record,) = records_of(f"<{t.root}><{t.record}{xml}</{t.record}></{t.root}>", name)
    return record


# ---------------------------------------------------------------- what a record is


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("><movie_id>201030</movie_id>", {"movie_id": "201030"}),
        ("><movie_id> 201030\n</movie_id>", {"movie_id": "201030"}),
        ("><movie_id/>", {"movie_id": None}),
        ("><movie_id></movie_id>", {"movie_id": None}),
        ("><movie_id> \n\t</movie_id>", {"movie_id": None}),
        (' id="1">', {"@id": "1"}),
        (' id="">', {"@id": ""}),
        (' id=" 1 ">', {"@id": " 1 "}),
        (">text", {"#text": "text"}),
        (">", {}),
        (">\n  ", {}),
        ('><a id="1">x</a>', {"a": {"@id": "1", "#text": "x"}}),
        ('><a id="1"/>', {"a": {"@id": "1"}}),
        ("><a>x<b/>y</a>", {"a": {"b": None, "#text": "xy"}}),
        ("><a> x <b/> y </a>", {"a": {"b": None, "#text": "x  y"}}),
        ("><a>1</a><a>2</a>", {"a": ["1", "2"]}),
        ("><a>1</a><b/><a/><a>3</a>", {"a": ["1", None, "3"], "b": None}),
        ("><a><![CDATA[x < y & z]]></a>", {"a": "x < y & z"}),
        ("><a>1<![CDATA[2]]>3</a>", {"a": "123"}),
        ("><a>1<!-- no data -->2</a>", {"a": "12"}),
        ("><a>1<?no data?>2</a>", {"a": "12"}),
        ("><!-- no data --><?no data?>", {}),
        ("><a>&lt;&gt;&amp;&quot;&apos;</a>", {"a": "<>&\"'"}),
        ("><a>&#x1D11E;&#233;</a>", {"a": "𝄞é"}),
        ("><a>𝄞 冰雪奇缘</a>", {"a": "𝄞 冰雪奇缘"}),
        ("><a>x\r\ny\rz</a>", {"a": "x\ny\nz"}),
        ("><a>\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}</a>", {"a": "x"}),
        ('><a b="x\ty\nz"/>', {"a": {"@b": "x y z"}}),
        ('><a xml:lang="de"/>', {"a": {"@xml:lang": "de"}}),
        ('><a xmlns="urn:1"/>', {"a": {"@xmlns": "urn:1"}}),
        ('><p:a xmlns:p="urn:1" p:b="1"/>', {"p:a": {"@xmlns:p": "urn:1", "@p:b": "1"}}),
        ("><showtime><showtime/></showtime>", {"showtime": {"showtime": None}}),
        ("><times><showtime/></times>", {"times": {"showtime": None}}),
    ],
)
def test_a_record_has_all_content_of_its_element(content, expected):
    assert one(content) == expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("showings", "><show_date/>", {"show_date": [None]}),
        ("showings", "><show_date>1</show_date>", {"show_date": ["1"]}),
        (
            "showings",
            '><show_date date="1"/><show_date date="2"/>',
            {"show_date": [{"@date": "1"}, {"@date": "2"}]},
        ),
        ("showings", "><genre/>", {"genre": None}),
        ("movies", "><genre/>", {"genre": [None]}),
        ("movies", "><genres><genre>A</genre></genres>", {"genres": {"genre": ["A"]}}),
        ("movies", "><new><cast>A</cast></new>", {"new": {"cast": ["A"]}}),
        ("movies", '><intl country="DEU"/>', {"intl": [{"@country": "DEU"}]}),
        ("movies", "><title/><title/>", {"title": [None, None]}),
        ("movies", ' genre="A">', {"@genre": "A"}),
        (
            "theaters",
            "><theater_types><type>A</type></theater_types>",
            {"theater_types": {"type": ["A"]}},
        ),
    ],
)
def test_a_repeatable_element_is_always_a_list(name, content, expected):
    assert one(content, name) == expected


def test_labels_come_after_the_elements_of_the_feed():
    (record,) = read("<times><showtime><a/></showtime></times>", country="deu", source_xml="x")
    assert list(record.items()) == [("a", None), ("country", "deu"), ("source_xml", "x")]


def test_feed_elements_named_like_a_label_are_kept_under_another_name():
    content = "><country>A</country><date_stamp/><source_xml i='1'/><source_xml/><b><country/></b>"
    xml = f"<times><showtime{content}</showtime></times>"
    (record,) = read(xml, **LABELS)
    assert list(record.items()) == [
        ("#country", "A"),
        ("#date_stamp", None),
        ("#source_xml", [{"@i": "1"}, None]),
        ("b", {"country": None}),
        *LABELS.items(),
    ]


def test_keys_are_in_document_order():
    record = one('><z/><a i="1" h="2"><y/><b/>text</a><m/><z/>')
    assert json.dumps(record) == (
        '{"z": [null, null], '
        '"a": {"@i": "1", "@h": "2", "y": null, "b": null, "#text": "text"}, "m": null}'
    )


@pytest.mark.parametrize(
    ("xml", "root"),
    [
        ("<times/>", {}),
        ('<times v="1" xml:lang="de"/>', {"@v": "1", "@xml:lang": "de"}),
        ('<times v="1"><showtime v="2"/></times>', {"@v": "1"}),
        ('<times xmlns:p="urn:1" p:v="1"/>', {"@xmlns:p": "urn:1", "@p:v": "1"}),
    ],
)
def test_root_attributes_are_read(xml, root):
    records = read(xml)
    assert (len(list(records)), records.root) == (xml.count("<showtime"), root)


def test_root_attributes_of_a_truncated_member_are_read():
    records = read('<times v="1"><showtime/>')
    assert list(records) == [{}]
    assert records.root == {"@v": "1"}


@pytest.mark.parametrize("xml", ["<times/>", "<times></times>", "<times>\n<!-- none -->\n</times>"])
def test_an_empty_root_has_no_records_and_no_damage(xml):
    assert records_of(xml) == []


def test_a_root_named_like_a_record_is_not_a_record():
    assert records_of("<showtime><showtime/></showtime>") == [{}]


def test_two_attribute_prefixes_of_one_namespace_stay_different():
    xml = '<times xmlns:a="urn:1" xmlns:b="urn:1"><showtime a:x="1" b:y="2"/></times>'
    assert records_of(xml) == [{"@a:x": "1", "@b:y": "2"}]


def test_an_xmlns_that_repeats_its_parents_is_dropped():  # a limit that the module states
    xml = '<times xmlns="urn:1"><showtime xmlns="urn:1"/></times>'
    assert (records_of(xml), xmltodict.parse(xml)["times"]["showtime"]) == (
        [{}],
        {"@xmlns": "urn:1"},
    )


# ---------------------------------------------------------------- the same as xmltodict


def ordered(value: Any) -> Any:
    """Make ``==`` compare the order of keys, except of xmlns, which libxml2 does not report."""
    if isinstance(value, dict):
        return [(k, ordered(v)) for k, v in value.items() if not k.startswith("@xmlns")]
    return [ordered(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", TABLES)
@examples(max_examples=200)
@given(data=st.data())
def test_records_equal_those_of_xmltodict(name, data):
    document = data.draw(documents(table(name)))
    root, expected = oracle(document, table(name))
    records = read(document, name, **LABELS)
    found = list(records)
    assert (found, records.damage, records.root) == (expected, None, root)
    assert ordered(found) == ordered(expected)
    assert read_root(io.BytesIO(document)) == table(name).root


@examples(max_examples=50)
@given(document=documents(SHOWINGS), sizes=st.lists(st.integers(1, 40), min_size=1))
def test_records_do_not_depend_on_the_size_of_reads(document, sizes):
    records = Records(Pieces(document, sizes), SHOWINGS, LABELS)
    assert (list(records), records.damage) == (oracle(document, SHOWINGS)[1], None)


class Pieces(io.RawIOBase):
    """A stream that returns fewer bytes than requested and can raise at its end."""

    def __init__(self, data: bytes, sizes: list[int], end: Exception | None = None) -> None:
        self.data, self.sizes, self.end = io.BytesIO(data), sizes, end

    def read(self, size: int = -1) -> bytes:
        self.sizes = [*self.sizes[1:], self.sizes[0]]
        piece = self.data.read(min(size, self.sizes[-1]))
        if not piece and self.end:
            raise self.end
        return piece


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_read(encoding):
    xml = "<times><showtime><a>Zoë – 𝄞</a></showtime></times>"
    assert records_of(encode(xml, encoding)) == [{"a": "Zoë – 𝄞"}]


def test_the_byte_order_mark_overrides_the_declaration():
    xml = '<?xml version="1.0" encoding="ISO-8859-1"?><times><showtime>é</showtime></times>'
    assert records_of(b"\xef\xbb\xbf" + xml.encode()) == [{"#text": "é"}]


def test_default_attributes_of_a_document_type_are_not_applied():  # xmltodict applies them
    xml = '<!DOCTYPE times [<!ATTLIST showtime a CDATA "x">]><times><showtime/></times>'
    assert records_of(xml) == [{}]


# ---------------------------------------------------------------- the root decides


@pytest.mark.parametrize(
    ("xml", "root"),
    [
        (b"<times/>", "times"),
        (b"\xef\xbb\xbf<houses/>", "houses"),
        (b"\n  <movies/>", "movies"),
        (b" " * 40_000 + b"<movies/>", "movies"),
        (b"<!--" + b"x" * 40_000 + b"--><movies/>", "movies"),
        (b"<!DOCTYPE movies><movies/>", "movies"),
        (b'\n<?xml version="1.0"?><movies/>', "movies"),
        (
            b"\xef\xbb\xbf\xef\xbb\xbf\r\n <?xml version='1.0' encoding='latin-1'?><movies/>",
            "movies",
        ),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<!-- \xe9 --><movies/>', "movies"),
        ("<houses/>".encode("utf-16"), "houses"),
        (b"<other/>", "other"),
        (b'<p:times xmlns:p="urn:1"/>', "p:times"),
        (b'<times xmlns="urn:1"/>', "times"),
        ("<café/>".encode(), "café"),
    ],
)
def test_the_root_element_is_found(xml, root):
    assert read_root(io.BytesIO(xml)) == root


@pytest.mark.parametrize(
    "rest", ["", "<showtime>", "<showtime></x>", "<a>\x01</a>", "</times>junk", "&nbsp;", "<a b=1>"]
)
def test_the_root_is_found_despite_damage_after_it(rest):
    assert read_root(io.BytesIO(f"<times>{rest}".encode())) == "times"


def test_only_the_beginning_is_read_to_find_the_root():
    stream = io.BytesIO(b"<times>" + b"<showtime/>" * 100_000 + b"</times>")
    assert (read_root(stream), stream.tell() < 20_000) == ("times", True)


@pytest.mark.parametrize(
    "blank",
    [
        b"",
        b" ",
        b"\r\n\t ",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\r\n",
        "\ufeff\n ".encode("utf-16-le"),
        "\ufeff\n ".encode("utf-16-be"),
        b"\n" * 100_000,
    ],
)
def test_blank_members_have_no_root(blank):
    assert read_root(io.BytesIO(blank)) is None


@pytest.mark.parametrize("filler", [b"\x00", b"\xff"])
def test_a_member_of_filler_bytes_is_unreadable(filler):
    with pytest.raises(Unreadable):
        read_root(io.BytesIO(filler * 100))


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04\x14\x00\x00\x00",
        b'{"movies": []}',
        b"movie_id,title\n1,Up\n",
        b"<",
        b"<times",
        b"&nbsp;",
        b"<!-- only a comment -->",
        b'<?xml version="1.0"?>',
        b'<!-- --><?xml version="1.0"?><times/>',
        b'<?xml version="1.0" encoding="no-such"?><times/>',
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
        b"\xff\xd8\xff\xe0",
        b'<times a="&nbsp;"/>',
    ],
)
def test_content_that_is_not_xml_is_unreadable(data):
    with pytest.raises(Unreadable) as raised:
        read_root(io.BytesIO(data))
    assert raised.value.damage.reason
    assert raised.value.damage.line in (None, *range(1, data.count(b"\n") + 2))


@examples(max_examples=300)
@given(data=st.binary(max_size=60) | st.text("<>/!?[]&;ab \n'\"=", max_size=60).map(str.encode))
def test_any_bytes_raise_at_most_unreadable(data):
    try:
        root = read_root(io.BytesIO(data))
    except Unreadable as error:
        root = error
    records = read(data)
    assert [r for r in records if not isinstance(r, dict)] == []
    if not isinstance(root, str):  # empty or unreadable, so it has no records
        assert records.damage is not None


# ---------------------------------------------------------------- damage

DOCUMENT = """<!-- Zoë -->
<times version="1">
  <showtime><movie_id>1</movie_id><a>é</a></showtime>
  <showtime/>
  <showtime>
    <show_date date="20191206"><showtimes>13:20, (15:40)</showtimes></show_date>
    <show_date date="20191207"/>
  </showtime>
  <!-- between -->
  <showtime><![CDATA[ <x> ]]></showtime>
</times>
"""
RECORDS = [
    {"movie_id": "1", "a": "é"},
    {},
    {
        "show_date": [
            {"@date": "20191206", "showtimes": "13:20, (15:40)"},
            {"@date": "20191207"},
        ]
    },
    {"#text": "<x>"},
]
CUT_ENCODINGS = ["utf-8", "utf-8 with BOM", "iso-8859-1", "utf-16-le with BOM", "windows-1252"]


def ends(data: bytes, codec: str) -> list[int]:
    """Return the position in the bytes at which each record is complete."""
    tags = f"{re.escape('</showtime>')}|{re.escape('<showtime/>')}"
    text = data.decode(codec)
    return [len(text[: match.end()].encode(codec)) for match in re.finditer(tags, text)]


@pytest.mark.parametrize("encoding", CUT_ENCODINGS)
def test_complete_records_are_kept_after_a_cut_at_any_byte(encoding):
    data = encode(DOCUMENT, encoding)
    codec = ENCODINGS[encoding][0]
    complete = ends(data, codec)
    whole = {len(data) - len("\n".encode(codec)), len(data)}
    wrong = []
    for cut in range(len(data) + 1):
        records = read(data[:cut])
        found = list(records)
        expected = RECORDS[: sum(end <= cut for end in complete)]
        if found != expected or (records.damage is None) != (cut in whole):
            wrong.append((cut, found, records.damage))
    assert wrong == []


def test_damage_by_a_cut_is_located_at_the_end_of_the_text():
    data = encode(DOCUMENT, "utf-8, not declared")
    wrong = []
    for cut in range(1, data.rindex(b"</times>")):
        records = read(data[:cut])
        list(records)
        line = data[:cut].count(b"\n") + 1
        damage = records.damage
        # libxml2 reports the beginning of a tag, comment or CDATA that does not end.
        if not (damage and damage.line and line - 2 <= damage.line <= line and damage.column):
            wrong.append((cut, line, damage))
    assert wrong == []


@pytest.mark.parametrize("bit", [0x01, 0x10, 0x20, 0x80])
def test_records_before_a_changed_byte_are_kept(bit):
    data = bytearray(encode(DOCUMENT, "utf-8"))
    complete = ends(bytes(data), "utf-8")
    wrong = []
    for position in range(data.index(b"<times"), len(data)):
        data[position] ^= bit
        found = list(read(bytes(data)))
        data[position] ^= bit
        before = RECORDS[: sum(end <= position for end in complete)]
        if found[: len(before)] != before:
            wrong.append((position, found))
    assert wrong == []


@pytest.mark.parametrize(
    ("xml", "kept", "reason", "line"),
    [
        ("<times>\n<showtime/>\n<showtime><a></showtime>\n</times>", 1, "mismatch", 3),
        ("<times>\n<showtime/>\n</timez>", 1, "mismatch", 3),
        ("<times>\n<showtime/>\n</times>\njunk", 1, "Extra content", 4),
        ("<times>\n<showtime/>\n</times><times/>", 1, "Extra content", 3),
        ("<times>\n<showtime/>\n</times>\0", 1, "Extra content", 3),
        ("<times>\n<showtime/>\n<showtime>a & b</showtime></times>", 1, "EntityRef", 3),
        ("<times>\n<showtime/>\n<showtime>&nbsp;</showtime></times>", 1, "'nbsp' not defined", 3),
        ('<times>\n<showtime/>\n<showtime a="&nbsp;"/></times>', 1, "'nbsp' not defined", 3),
        ("<times>\n<showtime/>\n<showtime>\x01</showtime></times>", 1, "invalid Char", 3),
        ("<times>\n<showtime/>\n<showtime a=1/></times>", 1, "AttValue", 3),
        ("<times>\n<showtime/>\n<showtime a='1' a='2'/></times>", 1, "redefined", 3),
        ("<times>\n<showtime/>\n<showtime>a < b</showtime></times>", 1, "StartTag", 3),
        ("<times>\n<showtime/>\n<showtime p:a='1'/></times>", 2, "prefix p", 3),
        ("<times>\n<showtime/>\n<showtime>\n", 1, "Premature end", 4),
    ],
)
def test_damage_states_the_reason_and_the_line(xml, kept, reason, line):
    records = read(xml)
    assert len(list(records)) == kept
    assert records.damage is not None
    assert reason in records.damage.reason
    assert records.damage.line == line
    assert f"line {line}," not in records.damage.reason  # only in its own field


@pytest.mark.parametrize(
    ("head", "text", "reason"),
    [
        (b"", b"Zo\xeb", "encoding"),
        (b'<?xml version="1.0" encoding="windows-1252"?>', b"\x81", "declared encoding"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?>', b"\xff", "declared encoding"),
    ],
    ids=["utf-8", "windows-1252", "Shift_JIS"],
)
def test_a_byte_that_is_not_valid_in_the_encoding_is_damage(head, text, reason):
    xml = b"<times>\n<showtime/>\n<showtime>" + text + b"</showtime></times>"
    records = read(head + xml)
    assert list(records) == [{}]
    assert records.damage is not None
    assert reason in records.damage.reason
    assert records.damage.line == 3


@pytest.mark.parametrize("encoding", ["windows-1252", "Shift_JIS", "gb18030", "koi8-r"])
def test_a_long_member_in_another_encoding_is_read_to_its_end(encoding):
    title = "Фильм" if encoding != "windows-1252" else "Zoë"
    record = f"<showtime><movie_name>{title}</movie_name></showtime>"
    xml = f'<?xml version="1.0" encoding="{encoding}"?><times>{record * 5000}</times>'
    records = read(xml.encode(encoding))
    assert [r["movie_name"] for r in records] == [title] * 5000
    assert records.damage is None


@pytest.mark.parametrize(
    ("xml", "found"),
    [
        ("<times><x/><showtime/><showtime/></times>", "<x>"),
        ("<times><showtime/><x/><showtime/></times>", "<x>"),
        ("<times><showtime/><showtime/><x><showtime/></x></times>", "<x>"),
        ("<times>junk<showtime/><showtime/></times>", "text"),
        ("<times><showtime/>junk<showtime/></times>", "text"),
        ("<times><showtime/><showtime/>junk</times>", "text"),
        ("<times><showtime/><!-- c -->junk<showtime/></times>", "text"),
        ("<times><showtime/><![CDATA[junk]]><showtime/></times>", "text"),
        ("<times><showtime/><theater/><movie/><showtime/></times>", "<theater>"),
    ],
)
def test_stray_content_is_damage_and_all_records_are_kept(xml, found):
    records = read(xml)
    assert list(records) == [{}, {}]
    reason = f"expected only <showtime> in <times>, found {found}"
    assert records.damage == Damage(reason, line=1)


@pytest.mark.parametrize(("lines", "line"), [(60_000, 60_001), (70_000, None)])
def test_the_line_of_stray_content_is_correct_or_unknown(lines, line):
    records = read("<times>" + "<showtime/>\n" * lines + "<x/></times>")
    assert len(list(records)) == lines
    assert records.damage is not None
    assert records.damage.line == line


def test_comments_between_records_are_not_damage():
    assert records_of("<times><!-- a --><showtime/><?b c?>\n<showtime/> <!-- d --></times>") == [
        {},
        {},
    ]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (zlib.error("Error -3 while decompressing data"), "Error -3 while decompressing data"),
        (EOFError("Compressed file ended\nbefore its end"), "Compressed file ended before its end"),
        (EOFError(), "EOFError"),
    ],
)
def test_a_broken_stream_is_damage_and_earlier_records_are_kept(end, reason):
    records = Records(
        Pieces(b"<times><showtime/><showtime>1</showtime><sho", [7], end), SHOWINGS, {}
    )
    assert list(records) == [{}, {"#text": "1"}]
    assert records.damage == Damage(reason)


def test_a_stream_that_is_broken_before_the_root_is_unreadable():
    with pytest.raises(Unreadable, match="broken"):
        read_root(Pieces(b"<!--", [4], zlib.error("broken")))


def test_a_disk_error_is_not_damage_of_the_member():
    with pytest.raises(OSError, match="disk"):
        list(Records(Pieces(b"<times><showtime/>", [99], OSError("disk")), SHOWINGS, {}))


# ---------------------------------------------------------------- safety

LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 30))


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY a "x">',
        '<!ENTITY a SYSTEM "file:///etc/hostname">',
        '<!ENTITY a PUBLIC "-//X" "http://feed.example/x">',
        '<!ENTITY % a "x">',
        '<!ENTITY % a SYSTEM "file:///etc/hostname">',
        '<!ENTITY a SYSTEM "x.gif" NDATA gif>',
        f'<!ENTITY l0 "ha">{LAUGHS}',
        '<!ELEMENT times ANY><!-- c --><!ENTITY a "x">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le with BOM"])
def test_a_member_that_declares_entities_is_refused(declarations, encoding):
    xml = encode(f"<!DOCTYPE times [{declarations}]><times><showtime/></times>", encoding)
    with pytest.raises(Unreadable, match="declares entities, which are refused"):
        read_root(io.BytesIO(xml))


def test_entities_are_refused_even_if_the_rest_is_damaged():
    with pytest.raises(Unreadable, match="entities"):
        read_root(io.BytesIO(b'<!DOCTYPE times [<!ENTITY a "x">]><times>\x01'))


@pytest.mark.parametrize("use", ["<a>&l29;</a>", '<a b="&l29;"/>'])
def test_entities_are_not_expanded_in_records(use):
    xml = f'<!DOCTYPE times [<!ENTITY l0 "ha">{LAUGHS}]><times><showtime>{use}</showtime></times>'
    assert "haha" not in json.dumps(list(read(xml)))


def test_an_entity_does_not_include_a_file(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    xml = (
        f'<!DOCTYPE times [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
        "<times><showtime>&a;</showtime></times>"
    )
    careless = etree.XMLParser(resolve_entities=True, no_network=True)
    assert "the secret" in "".join(etree.fromstring(xml, careless).itertext())
    assert list(read(xml)) == [{"#text": "&a;"}]


def test_an_external_document_type_is_not_read(tmp_path):
    dtd = tmp_path / "times.dtd"
    dtd.write_text('<!ATTLIST showtime a CDATA "read">')
    xml = f'<!DOCTYPE times SYSTEM "{dtd.as_uri()}"><times><showtime/></times>'
    careless = etree.XMLParser(attribute_defaults=True)
    assert etree.fromstring(xml, careless)[0].attrib == {"a": "read"}
    assert (read_root(io.BytesIO(xml.encode())), records_of(xml)) == ("times", [{}])


def test_reading_does_not_use_the_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/times.dtd"
        xml = f'<!DOCTYPE times PUBLIC "-//X" "{url}"><times><showtime/></times>'
        assert records_of(xml) == [{}]
        with pytest.raises(BlockingIOError):
            server.accept()
        with socket.create_connection(server.getsockname()):  # the server notices a connection
            server.accept()[0].close()


# ---------------------------------------------------------------- memory

LONG_STREAM = '''
import resource, sys
from movielake.feed.records import Records
from movielake.schema.tables import table

RECORD = b"""<!-- c --><showtime><movie_name>Frozen II</movie_name><movie_id>201030</movie_id>
<show_date date="20191206"><showtimes>13:20, (15:40)</showtimes><show_passes>Y</show_passes>
</show_date><synopsis>""" + b"x" * 2000 + b"</synopsis></showtime>\\n"

class Stream:
    """The XML of many records, generated while it is read."""
    def __init__(self, size):
        self.left = size
        self.next = b"<times>"
    def read(self, size):
        piece, self.next = self.next, b""
        if self.left > 0:
            self.next = RECORD * max(size // len(RECORD), 1)
            self.left -= len(self.next)
        elif piece and piece != b"</times>":
            self.next = b"</times>"
        return piece

def peak():
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes // 1024 if sys.platform == "darwin" else kilobytes

records = Records(Stream(int(sys.argv[1])), table("showings"), {})
count = after_some = 0
for record in records:
    count += 1
    if count == 2000:
        after_some = peak()
print(count * len(RECORD), records.damage, peak() - after_some)
'''


def test_memory_does_not_grow_with_the_member():
    size = 200_000_000
    run = subprocess.run(
        [sys.executable, "-c", LONG_STREAM, str(size)],
        cwd=Path(movielake.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    read_bytes, damage, grown = run.stdout.split()
    assert int(read_bytes) >= size
    assert damage == "None"
    assert int(grown) < 4_000  # kilobytes
