"""Damage costs one record: all others are read as without it, and no text becomes a record."""

from __future__ import annotations

import io
import json
import random
import re
from typing import IO, cast

import pytest

from movielake.feed.records import Records
from movielake.feed.salvage import Piece, Salvaged
from movielake.schema.tables import table

SHOWINGS = table("showings")
FAKE = "<showtime><movie_id>666</movie_id></showtime>"
EXTRAS = (
    "",
    f"<!-- {FAKE} -->",
    f"<!-- <showtime> {FAKE} -->",
    f"<x><![CDATA[{FAKE}]]></x>",
    "<x><![CDATA[</showtime><showtime>]]></x>",
    f"<?pi {FAKE}?>",
    f"<y>{FAKE}</y>",
    "<z a='x>y'/>",
)
"""Content of a record that looks like another record, or like its end."""

DAMAGES = {
    "bare ampersand": b"Tom & Jerry",
    "byte not of UTF-8": b"Am\xe9lie",
    "control character": b"\x0b",
    "zero byte": b"\x00",
    "crossed tags": b"<i><b></i></b>",
    "unclosed tag": b"<open>",
    "surplus end tag": b"</b>",
    "unclosed comment": b"<!-- oops ",
    "unclosed section": b"<![CDATA[ oops ",
    "unclosed instruction": b"<?oops ",
    "bare less-than sign": b"a < b",
    "undeclared entity": b"&nbsp;",
    "attribute without quotes": b"<a b=c/>",
    "double hyphen": b"<!-- a -- b -->",
}
"""Text that damages a record wherever it stands."""


def record(number: int, extra: str) -> str:
    return (
        f"<showtime><movie_name>Film é {number}</movie_name><movie_id>{number}</movie_id>"
        f'<show_date date="20191206"><showtimes>13:20</showtimes></show_date>{extra}</showtime>'
    )


def spoiled(rng: random.Random, kind: str, whole: bytes) -> bytes:
    """Damage a record."""
    if kind == "missing quote":
        return whole.replace(b'date="20191206"', b'date="20191206', 1)
    if kind == "misspelt end tag":
        return whole.removesuffix(b"</showtime>") + b"</showtme>"
    if kind == "missing end tag":
        return whole.removesuffix(b"</showtime>")
    if kind == "cut":
        return whole[: rng.randrange(10, whole.index(b"</show_date>"))]
    own = whole[: whole.index(b"</show_date>")]
    at = rng.choice([m.end() for m in re.finditer(rb"<(?:movie|show)\w+[^<>]*>", own)])
    return whole[:at] + DAMAGES[kind] + whole[at:]


KINDS = (*DAMAGES, "missing quote", "misspelt end tag", "missing end tag", "cut")
WITHOUT_END = ("misspelt end tag", "missing end tag", "cut")


def read(data: bytes) -> Records:
    return Records(io.BytesIO(data), SHOWINGS, {})


def salvage(data: bytes) -> tuple[Records, list[Piece]]:
    pieces: list[Piece] = []
    stream = Salvaged(io.BytesIO(data), SHOWINGS, pieces.append)
    return Records(cast("IO[bytes]", stream), SHOWINGS, {}), pieces


def damaged_member(seed: int, kind: str) -> tuple[list[bytes], bytes, int]:
    """Make the records of a member, the member with one of them damaged, and its number."""
    rng = random.Random(f"{seed} {kind}")
    count, gap = rng.choice((1, 3, 8, 30)), rng.choice((b"", b"\n", b"\r\n  ", b"<!-- c -->"))
    at = rng.randrange(count)
    extras = [rng.choice(EXTRAS) for _ in range(count)]
    if kind in WITHOUT_END and FAKE in extras[at]:
        extras[at] = ""  # a whole element behind a record without an end is like a record
    if kind.startswith("unclosed") and kind != "unclosed tag":
        extras = [extras[at] if n == at else "" for n in range(count)]  # it would end there
    whole = [record(n, extra).encode() for n, extra in enumerate(extras)]
    bad = spoiled(rng, kind, whole[at])
    content = gap.join([*whole[:at], bad, *whole[at + 1 :]])
    return whole, b"<?xml version='1.0'?><times a='1'>" + gap + content + gap + b"</times>", at


@pytest.mark.parametrize("kind", KINDS)
def test_one_damaged_record_costs_no_other_record(kind):
    for seed in range(40):
        whole, data, at = damaged_member(seed, kind)
        if read_whole(data):
            continue  # inside a comment or a section, the text is no damage
        alone = [next(iter(read(b"<times>" + each + b"</times>"))) for each in whole]
        records, pieces = salvage(data)
        assert list(records) == alone[:at] + alone[at + 1 :], (seed, data)
        assert (records.damage, sum(piece.records for piece in pieces)) == (None, 1), (seed, data)
        for piece in pieces:
            assert data[piece.position :][: len(piece.raw)] == piece.raw


def read_whole(data: bytes) -> bool:
    records = read(data)
    return len(list(records)) > 0 and records.damage is None


@pytest.mark.parametrize("kind", KINDS)
def test_lines_stay_those_of_the_member(kind):
    whole = [record(n, "").encode() for n in range(9)]
    bad = spoiled(random.Random(kind), kind, whole[4]).replace(b"><", b">\n\r\n<")
    data = b"\n".join([b"<times>", *whole[:4], bad, *whole[5:], b"</times>"])
    pieces: list[Piece] = []
    stream = io.BufferedReader(Salvaged(io.BytesIO(data), SHOWINGS, pieces.append))
    assert stream.read().count(b"\n") == data.count(b"\n")
    first = data[: pieces[0].position].count(b"\n") + 1
    assert first <= (pieces[0].damage.line or 0) <= first + bad.count(b"\n") + 2


@pytest.mark.parametrize("codec", ["cp1252", "shift_jis", "utf-16", "gb18030"])
def test_the_raw_bytes_are_those_of_the_member(codec):
    text = record(1, "<x>é</x>" if codec != "shift_jis" else "<x>ア</x>").replace("é", "e")
    bad = text.replace("Film", "Tom & Jerry")
    head = f"<?xml version='1.0' encoding='{codec}'?><times>"
    data = (head + text * 500 + bad + text * 500 + "</times>").encode(codec)
    records, pieces = salvage(data)
    assert len(list(records)) == 1000
    (piece,) = pieces
    assert data[piece.position :][: len(piece.raw)] == piece.raw
    codec = "utf-16-le" if codec == "utf-16" else codec
    assert piece.raw.decode(codec) == bad


def test_a_member_that_ends_early_keeps_its_salvaged_records():
    whole = [record(n, "") for n in range(5)]
    whole[1] = whole[1].replace("Film", "&")
    records, pieces = salvage(("<times>" + "".join(whole))[:-30].encode())
    assert [json.dumps(r["movie_id"]) for r in records] == ['"0"', '"2"', '"3"']
    assert records.damage is not None
    assert [piece.records for piece in pieces][:1] == [1]
