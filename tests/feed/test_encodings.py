"""Each encoding is read on both paths, or its member is refused with its name."""

from __future__ import annotations

import codecs
import encodings
import io
import pkgutil

import pytest

from movielake.fastpath.reading import FastMember
from movielake.fastpath.unrecognised import NotRecognised
from movielake.feed.encodings import CODECS, SUPERSETS, EncodingError, codec_of
from movielake.feed.records import Records, Unreadable, read_root
from movielake.schema.tables import table
from tests.feed import forms_encodings as forms

SHOWINGS = table("showings")
FORMS = [pytest.param(form, id=f"{form.declared}-{form.codec}") for form in forms.READ]


def refused(name: str) -> bytes:
    return f"<?xml version='1.0' encoding='{name}'?><times><showtime/></times>".encode()


@pytest.mark.parametrize("form", FORMS)
def test_the_reference_reads_the_text(form):
    records = Records(io.BytesIO(form.xml), SHOWINGS, {})
    assert [record["movie_name"] for record in records] == [form.text]
    assert records.damage is None
    assert read_root(io.BytesIO(form.xml)) == "times"


@pytest.mark.parametrize("form", FORMS)
def test_the_fast_path_reads_the_text(form):
    (batch,) = FastMember(io.BytesIO(form.xml), SHOWINGS, {}, with_json=False)
    assert batch.rows["movie_name"].to_pylist() == [form.text]


def test_bytes_that_contradict_the_declaration_are_told():
    told = {}
    for form in forms.READ:
        records = Records(io.BytesIO(form.xml), SHOWINGS, {})
        assert len(list(records)) == 1
        if records.contradiction:
            told[form.declared, form.codec] = records.contradiction
    assert told == {
        ("utf-16", "utf-8"): "utf-16 is declared, the bytes show utf-8",
        ("unicode", "utf-8"): "unicode is declared, the bytes show utf-8",
        ("iso-8859-1", "utf-16-le"): "iso-8859-1 is declared, the bytes show utf-16-le",
    }


@pytest.mark.parametrize("name", forms.REFUSED)
def test_other_codecs_are_refused_with_their_name(name):
    with pytest.raises(Unreadable) as caught:
        read_root(io.BytesIO(refused(name)))
    assert caught.value.damage.line == 1
    assert repr(name) in caught.value.damage.reason
    with pytest.raises(NotRecognised):
        FastMember(io.BytesIO(refused(name)), SHOWINGS, {}, with_json=False)


def test_bytes_that_no_declared_encoding_reads_name_both_encodings():
    xml = b"<?xml version='1.0' encoding='utf-16'?><times><showtime>\xe9</showtime></times>"
    records = Records(io.BytesIO(xml), SHOWINGS, {})
    assert list(records) == []
    assert records.damage is not None
    assert "utf-16 is declared, the bytes show utf-8" in records.damage.reason


def test_every_codec_of_python_is_listed_or_is_no_encoding_of_ascii_markup():
    """In a listed codec, markup is ASCII bytes. All other codecs lack this."""
    printable = bytes(range(32, 127))
    for module in pkgutil.iter_modules(encodings.__path__):
        try:
            codec = codecs.lookup(module.name)
            text = printable.decode(codec.name)
        except Exception:  # the codec undefined, codecs of other systems
            continue
        if codec.name in CODECS and not codec.name.startswith(("utf-16", "utf-32")):
            differing = {a for a, b in zip(text, printable.decode(), strict=True) if a != b}
            assert differing <= set("¥‾￥¢٪")
        elif codec.name not in CODECS:
            assert text != printable.decode() or codec.name.replace("-", "_") in NO_FILES, (
                codec.name
            )


NO_FILES = {"charmap", "idna", "mbcs", "oem", "punycode", "raw_unicode_escape", "unicode_escape"}
NO_FILES |= {"utf_7", "hz", "palmos"}


def sequences(codec: str):
    """Return all one- and two-byte sequences that are one character of a codec."""
    pairs = (bytes((a, b)) for a in range(128, 256) for b in range(256))
    for sequence in (*(bytes((a,)) for a in range(256)), *pairs):
        try:
            if len(sequence.decode(codec)) == 1:
                yield sequence
        except UnicodeDecodeError:
            continue


SIGNS = "\\~〜−¥‾―～∥－¢£¬·—–€•⊕☉‐"
"""Signs that a codec and its superset take for two forms of one sign."""


def is_sign(sequence: bytes, codec: str) -> bool:
    """Return whether WHATWG Encoding gives a sequence another character than Python's codec."""
    is_eten = codec == "big5" and sequence[0] in (0xC6, 0xC7)  # numbers in circles, kana, Cyrillic
    return is_eten or sequence.decode(codec) in SIGNS


def text_of(sequence: bytes, codec: str) -> str:
    head = f"<?xml version='1.0' encoding='{codec}'?><times><showtime><x>|".encode()
    (record,) = Records(io.BytesIO(head + sequence + b"|</x></showtime></times>"), SHOWINGS, {})
    return str(record["x"])[1:-1]


@pytest.mark.parametrize("codec", SUPERSETS)
def test_a_superset_reads_every_character_of_the_codec(codec):
    markup = {b"<", b"&", *(bytes((n,)) for n in range(32))}
    some = [sequence for sequence in sequences(codec) if sequence not in markup][::7]
    assert len(some) > 900
    other = [s for s in some if text_of(s, codec) != s.decode(codec) and not is_sign(s, codec)]
    assert other == []


def test_names_are_not_sensitive_to_case_and_blanks():
    assert codec_of(" LATIN-1 ") == codec_of("l1") == "iso8859-1"
    with pytest.raises(EncodingError, match="found 'latin-1;'"):
        codec_of("latin-1;")
