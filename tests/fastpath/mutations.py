"""Showings members made and damaged at random, to compare the fast path with the reference.

``python -m tests.fastpath.mutations [--count N] [--seed N]`` compares N members and reports how
many took which path. The long run is
``nice -n 19 python -m tests.fastpath.mutations --count 20000``. `test_fastpath` runs a part of it.
"""

from __future__ import annotations

import argparse
import io
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from movielake.fastpath.reading import FastMember
from movielake.fastpath.unrecognised import NotRecognised
from movielake.feed.records import Records
from movielake.lake.outputs import to_lines
from movielake.rows.problems import Problem, ProblemCounter
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import Table, table
from tests.rows.forms_times import ROWS as FORMS_OF_TIMES

SHOWINGS = table("showings")
LABELS = {
    "country": "deu",
    "date_stamp": "20191206",
    "source_xml": "20191206/deu/191206S.XML",
}
WHOLE = "all of it"


@dataclass(frozen=True)
class Read:
    """The content of a member, read by either path."""

    root: dict[str, str]
    records: int
    lines: bytes
    rows: pa.Table
    problems: tuple[Problem, ...]


def read_by_reference(data: bytes, of: Table = SHOWINGS) -> Read | None:
    """Read a member by the reference; None if it is damaged in any way."""
    records = Records(io.BytesIO(data), of, LABELS)
    found = list(records)
    if records.damage is not None:
        return None
    counter = ProblemCounter()
    rows = flatten_batch(found, of, counter, 0)
    return Read(records.root, len(found), to_lines(found).encode(), rows, counter.problems())


def read_fast(data: bytes, size: int, of: Table = SHOWINGS) -> tuple[Read | None, Counter[str]]:
    """Read a member by the fast path alone (None if it gives up), and count fallbacks by reason."""
    try:
        member = FastMember(io.BytesIO(data), of, LABELS, True, size)
        batches = list(member)
    except NotRecognised as error:
        return None, Counter({str(error): 1})
    rows = pa.concat_tables([of.arrow.empty_table(), *(b.rows for b in batches)])
    lines = b"".join(bytes(batch.lines) for batch in batches)
    count = sum(batch.records for batch in batches)
    return Read(member.root, count, lines, rows, member.problems.problems()), member.left


def differences(fast: Read, reference: Read | None) -> list[str]:
    """List the attributes that differ."""
    if reference is None:
        return ["the reference finds damage"]
    return [n for n in vars(fast) if not _same(getattr(fast, n), getattr(reference, n))]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, pa.Table):
        one.validate(full=True)
        return one.schema.equals(other.schema, check_metadata=True) and one.equals(other)
    return bool(one == other)


# --- members of showings

NAMES = (
    "Frozen II",
    "Süß & salzig",
    "Amélie",
    "冰雪奇缘2",
    'The "Best"',
    "Tab\tstop",
    "a\\b",
    "",
    " ",
)
USUAL_TIMES = (
    "13:20",
    "13:20, 15:40",
    "9:05, (10:00), 22:15",
    "1:00, 3:15, 7:30 PM",
    "TBA",
    "20:15.",
    "20:15, TBA",
    "22:45, 0:15",
    "15:40, 13:20",
    "24:30",
    "",
    " \n ",
    "13:20,15:40",
)
TIMES = (*USUAL_TIMES * 8, *[text for text, _, _ in FORMS_OF_TIMES])
DATES = ("20191206", "20191207", "2019-12-06", "", "soon", "20191232", "2019/12/6 0:00:00")
LEAVES: dict[str, tuple[str, ...]] = {
    "movie_name": NAMES,
    "movie_id": ("7", "201030", "", "x", "+5", "99999999999", "007"),
    "theater_id": ("51011", "1", "", "-3", "1.5"),
    "showtimes": TIMES,
    "show_attributes": ("Digital, 3D", "Digital", "", ",", "IMAX , , 3D"),
    "show_comments": (
        "Reserved seating; No passes",
        "",
        "x;",
        "Q&amp;A with director; No passes",
        "Q&A; R&B; a&#12;b; c&#x1F;",
    ),
    "show_passes": ("Y", "N", "", "y", "perhaps"),
    "show_festival": ("Y", "", "N"),
    "show_with": ("187342", "", "Ü"),
    "show_sound": ("Digital", ""),
    "movie_cnname": ("冰雪奇缘2", ""),
    "theater_area": ("朝阳区", "\u00a0x\u2003"),
    "release_date": ("2019-11-22", "soon", "", "2019-11-22T00:00:00+01:00", "July\u00a05, 2013"),
    "show_language": ("German",),
}
OF_DATES = tuple(LEAVES)[3:10]


def escape(text: str) -> str:
    """Escape a text for XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Maker:
    """Makes random members. Most records are regular, some are not."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._gap = rng.choice(("", "\n", "\r\n", "\n  ", " "))
        self._oddity = rng.choice((0.0, 0.0, 0.02, 0.2))
        self._empty = rng.choice(("<{0}></{0}>", "<{0}/>", "<{0} />"))

    def _odd(self) -> bool:
        return self._rng.random() < self._oddity

    def leaf(self, name: str) -> str:
        """Write a leaf."""
        text = self._rng.choice(LEAVES[name])
        written = f"<{name}>{escape(text)}</{name}>" if text else self._empty.format(name)
        if self._odd():
            written = self._rng.choice(ODD_LEAVES).format(name, escape(text))
        return written + self._gap

    def leaves(self, names: tuple[str, ...]) -> str:
        """Write some leaves. Sometimes shuffle or repeat them."""
        rng = self._rng
        chosen = [name for name in names if rng.random() < 0.7]
        if self._odd():
            rng.shuffle(chosen)
            chosen += rng.choices(list(LEAVES), k=rng.randrange(3))
        return "".join(map(self.leaf, chosen))

    def date(self) -> str:
        """Write a show_date."""
        if self._odd():
            return self._rng.choice(ODD_DATES)
        date = escape(self._rng.choice(DATES))
        quote = "'" if self._odd() else '"'
        inside = self.leaves(OF_DATES)
        return f"<show_date date={quote}{date}{quote}>{self._gap}{inside}</show_date>{self._gap}"

    def record(self, flat: bool) -> str:
        """Write a record."""
        rng = self._rng
        head = self.leaves(("movie_name", "movie_id", "theater_id"))
        if flat:
            date = escape(rng.choice(DATES))
            more = self.leaves(("movie_cnname", "theater_area", "release_date"))
            dates = f"{more}<show_date>{date}</show_date>{self._gap}{self.leaf('showtimes')}"
        else:
            dates = "".join(self.date() for _ in range(rng.choice((1, 1, 2, 3, 0))))
        tail = self.leaf(rng.choice((*["showtimes"] * 4, *LEAVES))) if self._odd() else ""
        return f"<showtime>{self._gap}{head}{dates}{tail}</showtime>{self._gap}"

    def member(self) -> bytes:
        """Write a member."""
        rng = self._rng
        flat = rng.random() < 0.2
        count = rng.choice((0, 1, 3, 8, 20, 40))
        codec, declared, mark = rng.choice(ENCODINGS)
        head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        root = "times" if rng.random() < 0.8 else rng.choice(ROOTS)
        records = "".join(self.record(flat) for _ in range(count))
        text = f"{head}{self._gap if head else ''}<{root}>{self._gap}{records}</times>{self._gap}"
        return mark + text.encode(codec, "xmlcharrefreplace")


ODD_LEAVES = (
    "<{0}>{1}</{0} >",
    "<{0} >\n {1} </{0}>",
    "<{0}><![CDATA[{1}]]></{0}>",
    "<{0}>{1}<!-- x --></{0}>",
    "<{0} x='1'>{1}</{0}>",
    "<{0}>a<b>{1}</b>c</{0}>",
    "<{0}>{1}<br/>{1}</{0}>",
    "<{0}><P>{1}</P>; <i>{1}</i></{0}>",
    "<{0}>&#233;&#x1D11E;&lt;&#13;{1}</{0}>",
    "<{0}>&#32;</{0}>",
    "<{0}>a\r\nb\rc{1}</{0}>",
    "<{0}>a > b</{0}>",
    "<{0}>{1}</{0}><{0}>{1}</{0}>",
    "<{0}><showtime>{1}</showtime></{0}>",
    "<{0}/>",
    "<{0}>{1}</{0}> stray ",
    "<{0}>&nbsp;</{0}>",
    "<{0}>\x7f\u0085\u00a0</{0}>",
    f"<{{0}}>{'long ' * 4000}{{1}}</{{0}}>",
)
ODD_DATES = (
    "<show_date/>",
    "<show_date></show_date>",
    "<show_date date='20191206'/>",
    "<show_date date='20191206'></show_date>",
    "<show_date date='20191206'>x</show_date>",
    "<show_date date='2019&#49;206'><showtimes>9:00</showtimes></show_date>",
    "<show_date date='a>b'><showtimes>9:00</showtimes></show_date>",
    "<show_date><showtimes>9:00</showtimes></show_date>",
    "<show_date>20191206</show_date>",
    "<show_date\n date = '20191206' ><showtimes>9:00</showtimes></show_date>",
    "<show_date date='20191206' x='1'><showtimes>9:00</showtimes></show_date>",
    "<show_date x='20191206'><showtimes>9:00</showtimes></show_date>",
    "<show_date date=' 20191206\t'><showtimes>9:00</showtimes></show_date>",
    "<show_date date='20191206'><movie_id>7</movie_id></show_date>",
    "<show_date date='20191206'>20191207<showtimes>9:00</showtimes></show_date>",
    "<show_date date='1'><show_date date='2'></show_date></show_date>",
)
ROOTS = ("times date='20191206'", 'times xmlns="urn:1" xmlns:a="urn:2"', "times a='x>y'", "times ")
ENCODINGS = (
    *[("utf-8", "UTF-8", b"")] * 24,
    ("utf-8", "", b""),
    ("utf-8", "utf-8", b"\xef\xbb\xbf"),
    ("utf-8", "", b"\xef\xbb\xbf"),
    ("iso-8859-1", "ISO-8859-1", b""),
    ("windows-1252", "windows-1252", b""),
    ("utf-16-le", "UTF-16", b"\xff\xfe"),
    ("utf-16-be", "", b"\xfe\xff"),
    ("ascii", "US-ASCII", b""),
    ("cp1252", "cp1252", b"\n "),
    ("cp932", "Shift_JIS", b""),
    ("gb18030", "gb2312", b""),
    ("big5hkscs", "big5", b""),
    ("cp949", "euc-kr", b""),
    ("utf-8", "utf-16", b""),
    ("utf-8", "utf-8", b"\xef\xbb\xbf\xef\xbb\xbf\n"),
    ("utf-32-le", "utf-32", b""),
    ("utf-8", "unicode_escape", b""),
    ("utf-8", "ISO-8859-1", b""),
    ("iso-8859-1", "UTF-8", b""),
)

# --- mutants

TOKENS = (
    b"<!-- x -->",
    b"<!--",
    b"-->",
    b"<![CDATA[x]]>",
    b"<![CDATA[",
    b"]]>",
    b"<?note x?>",
    b"&amp;",
    b"&",
    b"&#10;",
    b"&#0;",
    b"&#xFFFF;",
    b"&x;",
    b"\x00",
    b"\x0b",
    b"\xff",
    b"\xc3",
    b"\xef\xbf\xbf",
    b"\xed\xa0\x80",
    b"\xc2\xa0",
    b"\r",
    b"\r\n",
    b"\t",
    b" ",
    b">",
    b"<",
    b'"',
    b"\\",
    b"<showtime>",
    b"</showtime>",
    b"<showtime/>",
    b"<show_date date='20191208'>",
    b"</show_date>",
    b"</times>",
    b"<times>",
    b"<movie_id>7</movie_id>",
    b"<movie_id>",
    b"</movie_id>",
    b"<a:b xmlns:a='urn:1'>x</a:b>",
    b"<!DOCTYPE times>",
    b"<country>x</country>",
)

Mutation = Callable[[bytes, random.Random], bytes]


def _cut(data: bytes, rng: random.Random) -> tuple[bytes, bytes, bytes]:
    """Cut out a piece: at any place, or from tag to tag."""
    places = range(len(data) + 1)
    if rng.random() < 0.7:
        places = [match.start() for match in re.finditer(rb"[<>]|$", data)] or places
    begin, end = sorted((rng.choice(places), rng.choice(places)))
    if rng.random() < 0.8:
        end = min(end, begin + rng.randrange(1, 200))
    return data[:begin], data[begin:end], data[end:]


def flip(data: bytes, rng: random.Random) -> bytes:
    """Replace one byte."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice((rng.randrange(256), *b"<>/&=\"' ab0"))]) + data[at + 1 :]


def delete(data: bytes, rng: random.Random) -> bytes:
    """Delete a piece."""
    before, _, behind = _cut(data, rng)
    return before + behind


def double(data: bytes, rng: random.Random) -> bytes:
    """Repeat a piece."""
    before, piece, behind = _cut(data, rng)
    return before + piece * 2 + behind


def swap(data: bytes, rng: random.Random) -> bytes:
    """Swap two neighbouring pieces."""
    before, piece, behind = _cut(data, rng)
    more = rng.randrange(min(60, len(behind)) + 1)
    return before + behind[:more] + piece + behind[more:]


def insert(data: bytes, rng: random.Random, tokens: tuple[bytes, ...] = TOKENS) -> bytes:
    """Insert an odd token."""
    before, piece, behind = _cut(data, rng)
    return before + rng.choice(tokens) + piece + behind


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Cut off the end."""
    return data[: rng.randrange(len(data))]


def rename(data: bytes, rng: random.Random) -> bytes:
    """Replace the name of one tag by that of another tag."""
    tags = list(re.finditer(rb"</?[\w]+", data))
    if not tags:
        return data
    one, other = rng.choice(tags), rng.choice(tags)
    return data[: one.start()] + other[0] + data[one.end() :]


def respace(data: bytes, rng: random.Random) -> bytes:
    """Replace the line ends."""
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"", b"\t ")))


MUTATIONS: tuple[Mutation, ...] = (flip, delete, double, swap, insert, truncate, rename, respace)


def mutant(rng: random.Random) -> bytes:
    """Make a member and change it up to twice."""
    data = Maker(rng).member()
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2))):
        data = rng.choice(MUTATIONS)(data, rng) if data else data
    return data


def compare(seed: int) -> Counter[str]:
    """Read one mutant by both paths, and count members and records by path.

    Raises
    ------
    AssertionError
        If they differ.
    """
    rng = random.Random(seed)
    data = mutant(rng)
    fast, left = read_fast(data, rng.choice((500, 700, 2000, 1 << 20)))
    if fast is None:
        return left
    differ = differences(fast, read_by_reference(data))
    assert not differ, f"seed {seed}: {', '.join(differ)}"
    regular = fast.records - sum(left.values())
    return left + Counter({"fast members": 1, "fast records": regular})


def main() -> None:
    """Run the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    taken: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.count):
        taken += compare(seed)
    for what, count in taken.most_common():
        print(f"{count:8} {what}")


if __name__ == "__main__":
    main()
