"""Hostile and broken input: it is refused or contained in one line, in bounded time and memory.

Each case is a feed of two zips. The German one is damaged. The lake must keep the German records
before the damage and all Swedish ones. No file outside the lake may change, and the damage must
be reported in one line.
"""

from __future__ import annotations

import io
import json
import re
import resource
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from movielake import convert, validate
from movielake.cli import main
from movielake.conversion.members import MemberConverter
from movielake.fastpath.unrecognised import TOO_MUCH
from movielake.feed.archives import open_archive
from movielake.feed.limits import FREE, Limits, OverLimitError, choose_limits, most_kept
from movielake.rows.problems import MOST_NAMES, OTHERS, UNKNOWN, ProblemCounter
from tests.crashes import Ending, run
from tests.faults import record
from tests.feeds import (
    EPOCH,
    all_records,
    all_rows,
    commit,
    files,
    houses,
    movies,
    showing,
    showtime,
    times,
    week,
    write_feed,
    zipped,
)

DEU, SWE = "20191206/movies_deu.zip", "20191206/movies_swe.zip"
NAME = "191206S.XML"
HOSTILE, BROKEN = "Hostile input", "Broken input"
METHODS = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]

GOOD = "".join(showing(n) for n in range(1, 6))
MORE = "".join(showing(n) for n in range(6, 9))

MEMORY = 4 << 30
"""The limit on each command's address space in bytes. The libraries take most of it."""


def spoiled(damage: str, dtd: str = "") -> dict[str, str]:
    """Write eight showings with damage after the fifth."""
    return {NAME: f"{dtd}<times>{GOOD}{damage}{MORE}</times>"}


def entities(*declarations: str, use: str = "&a;") -> dict[str, str]:
    inside = "".join(f"<!ENTITY {text}>" for text in declarations)
    return spoiled(showtime(f"<movie_name>{use}</movie_name>"), f"<!DOCTYPE times [{inside}]>")


def laughs() -> dict[str, str]:
    rest = (f'a{n} "{f"&a{n - 1};" * 10}"' for n in range(1, 12))
    return entities('a0 "ha"', *rest, use="&a11;")


# --- zips written byte by byte


def headers(packed: bytes, place: int, local: int, value: bytes) -> bytes:
    """Change a field of the first member in its directory entry and its local header."""
    changed = bytearray(packed)
    for signature, offset in ((b"PK\x01\x02", place), (b"PK\x03\x04", local)):
        at = packed.index(signature) + offset
        changed[at : at + len(value)] = value
    return bytes(changed)


def named(packed: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    return packed.replace(old, new)


def with_directory(members: bytes, entries: list[bytes]) -> bytes:
    number, directory = len(entries), b"".join(entries)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, number, number, len(directory), len(members), 0)
    return members + directory + end


def entry(name: bytes, packed: int, size: int, crc: int, at: int) -> bytes:
    sizes = struct.pack("<4s6H3L", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, packed, size)
    return sizes + struct.pack("<5H2L", len(name), 0, 0, 0, 0, 0, at) + name


def local(name: bytes, packed: int, size: int, crc: int) -> bytes:
    return (
        struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, packed, size, len(name), 0) + name
    )


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def shared(number: int = 30) -> bytes:
    """Make a zip whose directory lists the same bytes several times."""
    content = times(GOOD).encode()
    packed, crc, name = deflated(content), zlib.crc32(content), NAME.encode()
    one = entry(name, len(packed), len(content), crc, 0)
    return with_directory(local(name, len(packed), len(content), crc) + packed, [one] * number)


def quoting(number: int = 20) -> bytes:
    """Make a zip in which the packed bytes of each member contain all later members."""
    content = times(GOOD).encode()
    packed, name = deflated(content), b"%06dS.XML" % number
    members = local(name, len(packed), len(content), zlib.crc32(content)) + packed
    entries = [(name, len(packed), content, 0)]
    for earlier in reversed(range(number)):
        header = members[: 30 + len(name)]
        quote = b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF)
        name = b"%06dS.XML" % earlier
        content, packed_size = header + content, len(quote) + len(header) + entries[-1][1]
        first = local(name, packed_size, len(content), zlib.crc32(content)) + quote
        entries = [(n, p, c, at + len(first)) for n, p, c, at in entries]
        entries.append((name, packed_size, content, 0))
        members = first + members
    return with_directory(
        members, [entry(n, p, len(c), zlib.crc32(c), at) for n, p, c, at in entries]
    )


def bomb(size: int, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack showings after many blanks. XML ignores the blanks, but they have to be read."""
    content = b" " * size + times(GOOD).encode()
    return zipped({NAME: content, "191206I.XML": movies("Up")}, method)


def gigabytes() -> bytes:
    """Make a zip bomb quickly: repeat one block of a compressed stream that has no end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * 10_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    packed, name = block * 150, NAME.encode()
    members = local(name, len(packed), 1000, 0) + packed
    return with_directory(members, [entry(name, len(packed), 1000, 0, 0)])


def encrypted() -> bytes:
    return headers(zipped({NAME: times(GOOD)}), 8, 6, b"\1\0")


def lying(method: int) -> bytes:
    return with_size(zipped({NAME: times(GOOD)}, method), 10)


def with_size(packed: bytes, size: int) -> bytes:
    """Change the unpacked size that a zip states for its first member."""
    return headers(packed, 24, 22, struct.pack("<L", size))


def zip64() -> bytes:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w") as archive,
        archive.open(zipfile.ZipInfo(NAME, EPOCH), "w", force_zip64=True) as file,
    ):
        file.write(times(GOOD).encode())
    return packed.getvalue()


# --- the table


@dataclass(frozen=True)
class Case:
    """A fault: its inputs, the number of showings that are kept, and the expected message."""

    kind: str
    case: str
    inputs: tuple[Callable[[], object], ...]
    kept: int
    message: str = ""
    options: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())
    rows: int | None = None


def case(
    kind: str, text: str, *inputs: Callable[[], object], kept: int = 5, **more: object
) -> Case:
    return Case(kind, text, inputs, kept, **more)


def deep(opening: str, closing: str = "", number: int = 100_000) -> Callable[[], object]:
    return lambda: spoiled(opening * number + closing * number)


def inside(text: str) -> dict[str, str]:
    return spoiled(showtime(text))


def attributes(name: str, value: str, number: int) -> str:
    return " ".join(f"{name}{n}='{value}'" for n in range(number))


def names(*choice: str) -> tuple[Callable[[], object], ...]:
    return tuple(
        partial(lambda name: [(name, times(GOOD)), ("b.txt", "")], name) for name in choice
    )


DATE = '<show_date date="20191206"'
UNKNOWN_ELEMENT = r"1 elements that are not in the schema \(kept in extra\)"

CASES = [
    case(
        HOSTILE,
        "entities: external, parameter, billion laughs, quadratic blowup",
        lambda: entities('a SYSTEM "file:///etc/hostname"'),
        lambda: entities('a PUBLIC "a" "http://127.0.0.1/a"'),
        lambda: entities('% a SYSTEM "file:///etc/hostname"', use=""),
        laughs,
        lambda: entities(f'a "{"x" * 50_000}"', use="&a;" * 50_000),
        kept=0,
        message="refused: declares entities, which are refused (0 records kept",
    ),
    case(
        HOSTILE,
        "an external document type, which is not fetched",
        lambda: spoiled("", '<!DOCTYPE times SYSTEM "file:///etc/passwd">'),
        lambda: spoiled("", '<!DOCTYPE times PUBLIC "a" "http://127.0.0.1/a">'),
        kept=8,
    ),
    case(
        HOSTILE,
        "100,000 nested elements, between records and inside one",
        deep("<a>", "</a>"),
        deep("<showtime>"),
        lambda: inside("<a>" * 100_000 + "</a>" * 100_000),
        lambda: inside((DATE + ">") * 100_000),
        lambda: inside("<movie_name>" * 100_000),
        message="damaged: Excessive depth in document: 256 (5 records kept",
    ),
    case(
        HOSTILE,
        "texts of 30 MB",
        lambda: inside(f"<movie_name>{'x' * 30_000_000}</movie_name>"),
        lambda: inside("x" * 30_000_000),
        lambda: spoiled(" " * 30_000_000),
        message="damaged: Resource limit exceeded: Text node too long (5 records kept",
    ),
    case(
        HOSTILE,
        "an attribute of 30 MB",
        lambda: spoiled(f"<showtime a='{'x' * 30_000_000}'/>"),
        lambda: inside(f"{DATE} a='{'x' * 30_000_000}'/>"),
        message="damaged: expected the end of a record within 20,971,520 bytes (5 records kept",
    ),
    case(
        HOSTILE,
        "an element name of 1 MB",
        lambda: inside(f"<{'x' * 1_000_000}/>"),
        message="damaged: Name too long: NCName (5 records kept",
    ),
    case(
        HOSTILE,
        "a million attributes on a record or on an element inside it",
        lambda: spoiled(f"<showtime {attributes('a', '', 1_000_000)}/>"),
        lambda: inside(f"<a {attributes('a', '>', 1_000_000)}/>"),
        message="damaged: expected at most 4,096 attributes in a tag, found more (5 records kept",
    ),
    case(
        HOSTILE,
        "hundreds of namespaces",
        lambda: inside(f"<a {attributes('xmlns:a', 'urn:a', 500)}/>"),
        message="damaged: expected at most 64 namespaces, found more (5 records kept",
    ),
    case(
        HOSTILE,
        "millions of elements, comments or instructions before the end of a record",
        lambda: inside("<a/>" * 6_000_000),
        lambda: spoiled("<a/>" * 6_000_000),
        lambda: spoiled("<!---->" * 4_000_000),
        lambda: spoiled("<?a?>" * 5_000_000),
        message="damaged: expected the end of a record within 20,971,520 bytes (5 records kept",
    ),
    case(
        HOSTILE,
        "a few kB of dates and times that would make GB of rows: kept as one row and in the JSON",
        lambda: inside(f"{DATE}/>" * 20_000 + f"<showtimes>{'1:00,' * 20_000}</showtimes>"),
        lambda: inside(
            f"<movie_name>{'x' * 1_000_000}</movie_name>"
            f"{DATE}><showtimes>{'13:20, ' * 100_000}</showtimes></show_date>"
        ),
        lambda: inside(f"<movie_name>{'x' * 8_000_000}</movie_name>{f'{DATE}/>' * 200_000}"),
        kept=9,
        problems=(r"1 values that could not be typed \(null in Parquet, kept in JSON\)",),
        rows=9,
    ),
    case(
        HOSTILE,
        "an unknown element in each of 100 repeats of a known element",
        lambda: {
            NAME: times(GOOD),
            "191206I.XML": "<movies><movie>"
            + "<intl country='x'><new>\"</new></intl>" * 100
            + "</movie></movies>",
        },
        problems=(r"100 elements that are not in the schema \(kept in extra\)",),
    ),
    case(
        HOSTILE,
        "a zip bomb that states a small size",
        gigabytes,
        kept=0,
        message="refused: its 1,459,350 packed bytes unpack to more than 1,000,000,000, where "
        "--max-ratio (max_ratio=) allows 300 for each; if it is not a zip bomb, raise the limit "
        "and convert with --force (0 records kept",
    ),
    case(
        HOSTILE,
        "members larger than --max-member-size",
        *(partial(bomb, 30_000_000, method) for method in METHODS),
        kept=0,
        options=("--max-member-size", "20MB"),
        message="refused: it unpacks to more than 20,000,000 bytes, the limit of --max-member-size "
        "(max_member_size=); if it is not a zip bomb, raise the limit and convert with --force "
        "(0 records kept",
    ),
    case(
        HOSTILE,
        "a zip whose directory lists the same packed bytes 30 times",
        shared,
        message="refused: it overlaps another member, as in a zip bomb (0 records kept",
    ),
    case(
        HOSTILE,
        "a zip whose members each contain the next ones",
        quoting,
        message="refused: it overlaps another member, as in a zip bomb (0 records kept",
    ),
    case(
        HOSTILE,
        "member names that point to other folders: absolute, .., backslashes, drives",
        *names(
            "/etc/x.XML", "../../x.XML", "..\\..\\x.XML", "C:\\x.XML", "C:/x.XML", "a/../../x.XML"
        ),
    ),
    case(
        HOSTILE,
        "member names that are unsafe to print: line breaks, escapes, bidi marks and others",
        *names("a\nb.XML", "\x1b[31ma.XML", "a\x07\x9b.XML", "\u202elmx.XML", "a\x7f\u2028.XML"),
        *names("x" * 60_000 + ".XML", "CON", "nul.XML", ".", "..", "a ", "-rf"),
    ),
    case(
        HOSTILE,
        "NUL bytes in a member name",
        lambda: named(zipped({"aXb.XML": times(GOOD)}), b"aXb.XML", b"a\0b.XML"),
    ),
    case(
        BROKEN,
        "NUL bytes and other control characters in a member",
        lambda: inside("<movie_name>a\0b</movie_name>"),
        kept=8,
        message="damaged: 1 record damaged: Invalid character: Char 0x0 out of allowed range (8 "
        "records kept",
    ),
    case(
        BROKEN,
        "a member name in cp437",
        lambda: named(zipped({"aXb.XML": times(GOOD)}), b"aXb.XML", b"a\x81b.XML"),
    ),
    case(
        BROKEN,
        "a member name that the zip marks as UTF-8, but that is not",
        lambda: named(zipped({"\u00e9b.XML": times(GOOD)}), "\u00e9".encode(), b"\xff\xfe"),
    ),
    case(
        BROKEN,
        "a wrong size of a member in the zip",
        partial(lying, zipfile.ZIP_DEFLATED),
        partial(lying, zipfile.ZIP_STORED),
        partial(lying, zipfile.ZIP_LZMA),
        message="damaged: expected 10 bytes, as the zip states, found 850 (5 records kept",
    ),
    case(
        BROKEN,
        "an encrypted member",
        encrypted,
        kept=0,
        message="refused: it is encrypted; unpack the zip with its password, and pack its files "
        "again without one",
    ),
    case(BROKEN, "a zip in zip64 format", zip64),
    case(BROKEN, "50 members of the same name", lambda: [(NAME, times(GOOD))] * 50, kept=250),
    case(
        BROKEN,
        "a zip of 1,000 members",
        lambda: {f"{n}.txt": "" for n in range(999)} | {NAME: times(GOOD)},
    ),
    case(
        BROKEN,
        "an empty zip file",
        lambda: b"",
        kept=0,
        message="damaged: expected a zip, found an empty file; copy the file again",
    ),
]


def saw(line: str) -> str:
    """Remove the parts of a line that depend on the input or on the version of zlib."""
    line = re.sub(r", line \d+(, column \d+)?", "", line)
    return re.sub(r"its [\d,]+ packed", "its … packed", line)


limit_memory = partial(resource.setrlimit, resource.RLIMIT_AS, (MEMORY, MEMORY))
"""A function of this module would import it into each process: a tenth of a second."""


def command(folder: Path, *arguments: object) -> Ending:
    (folder / "run" / "said").unlink(missing_ok=True)
    ending = run(folder / "run", *arguments, before=limit_memory)
    assert "Traceback" not in ending.said
    assert "unexpected" not in ending.said
    assert all(line.isprintable() for line in ending.said.splitlines())
    return ending


def ids(lake: Path, country: str) -> list[str]:
    found = (r for r in all_records(lake, "S") if r["country"] == country)
    return [record["movie_id"] for record in found if "movie_id" in record]


def lost_showings(lake: Path, c: Case) -> int:
    """Count the showings that the lake should have and lacks."""
    found = [r for r in all_records(lake, "S") if r["country"] == "deu"]
    assert ids(lake, "deu")[:5] == [str(n) for n in range(1, 6)][: c.kept]
    return c.kept - len(found)


def assert_set_aside(lake: Path, content: object, most: int) -> None:
    """Check that quarantine has the exact bytes of damaged members, and at most `most` of each."""
    for entry_ in commit(lake)["members"]:
        assert bool(entry_["quarantine"]) == (entry_["status"] in ("damaged", "refused"))
        for file in entry_["quarantine"]:
            raw = Path(lake, file["path"]).read_bytes()
            assert len(raw) <= most
            if isinstance(content, dict) and file["path"].endswith(entry_["member"]):
                whole = content[entry_["member"]].encode()
                assert raw in whole if entry_["damaged_records"] else raw == whole


EACH = [(c, number) for c in CASES for number in range(len(c.inputs))]


@pytest.mark.parametrize(("c", "number"), EACH, ids=[f"{c.case[:40]} {n}" for c, n in EACH])
def test_a_hostile_feed_is_contained(tmp_path, c, number):
    content = c.inputs[number]()
    feed, lake = write_feed(tmp_path / "feed", {DEU: content, SWE: week()}), tmp_path / "lake"
    ending = command(tmp_path, "convert", feed, lake, "--workers", 1, *c.options)
    summary, *lines = [n for n in ending.said.splitlines() if not n.startswith("convert: ")]
    hurt = [line for line in lines if line.startswith("damage: ")]
    rest = [line for line in lines if not line.startswith(("damage: ", "left out: ", "see: "))]
    assert ending.code == (1 if c.message else 0), ending.said
    assert summary.startswith(f"{lake}: feed zips: 2 converted, 0 unchanged; ")
    assert bool(hurt) == bool(c.message)
    assert all(saw(c.message) in saw(line) for line in hurt if not line.startswith("damage: and"))
    assert len(rest) == len(c.problems)
    assert all(map(re.fullmatch, c.problems, rest))
    assert_set_aside(lake, content, most_kept(Path(feed, DEU).stat().st_size))
    assert ids(lake, "swe") == ["1", "2"]
    if c.rows:
        assert len([r for r in all_rows(lake) if "/deu/" in r["source_xml"]]) == c.rows
    errors = [f for f in validate(str(lake), workers=1) if f.severity == "error"]
    assert {path.name for path in tmp_path.iterdir()} == {"feed", "lake", "run"}
    checked = command(tmp_path, "validate", feed, "--workers", 1, *c.options)
    assert checked.code == ending.code
    reason = re.sub(r" \(\d+ records kept.*", "", c.message.partition(": ")[2])
    assert saw(reason) in saw(checked.said)
    record(
        c.kind,
        c.case,
        saw=saw(hurt[0]) if hurt else "; ".join(rest),
        lost=lost_showings(lake, c),
        partial=len(errors),
    )


# --- limits


def converted(folder: Path, content: object, **options: object) -> Path:
    """Convert a feed with one German zip, and return the lake."""
    feed, lake = write_feed(folder / "feed", {DEU: content}), folder / "lake"
    convert(feed, str(lake), workers=1, **options)
    return lake


def unpack(content: bytes, limits: Limits, step: int) -> tuple[bytes, str]:
    with open_archive(io.BytesIO(content), limits) as (member, *_):
        stream, read = member.open(step), b""
        try:
            while block := stream.read(1 << 16):
                read += block
        except OverLimitError as error:
            return read, str(error)
    return read, ""


@pytest.mark.parametrize("step", [7, 1 << 13, 1 << 18])
@pytest.mark.parametrize("size", [99_999, 100_000, 100_001, 300_000])
def test_unpacking_stops_exactly_at_the_limit(size, step):
    read, error = unpack(zipped({NAME: b"x" * size}), Limits(100_000), step)
    assert read == b"x" * min(size, 100_000)
    assert bool(error) == (size > 100_000)


def test_the_sizes_that_a_zip_states_are_ignored(monkeypatch):
    monkeypatch.setattr("movielake.feed.limits.FREE", 1000)
    packed = zipped({NAME: bytes(1_000_000)})
    for stated in (0, 10, 0xFFFFFFF0):
        read, error = unpack(with_size(packed, stated), Limits(ratio=10), 1 << 13)
        assert len(read) < 20_000
        assert "--max-ratio (max_ratio=) allows 10 for each" in error


@pytest.mark.parametrize("method", METHODS)
def test_a_stated_packed_size_beyond_the_file_does_not_raise_the_limit(monkeypatch, method):
    monkeypatch.setattr("movielake.feed.limits.FREE", 1000)
    content = times(GOOD * 100).encode()
    lie = headers(zipped({NAME: content}, method), 20, 18, struct.pack("<L", 0x7FFFFFFF))
    assert unpack(lie, Limits(ratio=1000), 1 << 13) == (content, "")
    assert "allows 1 for each" in unpack(lie, Limits(ratio=1), 1 << 13)[1]


def test_small_members_have_no_limit_on_their_ratio():
    assert Limits(ratio=1).most(10) == FREE
    assert unpack(zipped({NAME: bytes(10_000_000)}), Limits(ratio=1), 1 << 18)[1] == ""


def test_the_most_repetitive_feed_is_not_a_zip_bomb(monkeypatch):
    """One repeated showing packs more than 100 to 1, and every byte counts for the ratio here."""
    monkeypatch.setattr("movielake.feed.limits.FREE", 0)
    content = times(showing() * 20_000).encode()
    packed = zipped({NAME: content})
    assert len(content) > 100 * len(packed)
    assert unpack(packed, Limits(), 1 << 18) == (content, "")


def test_a_limit_can_be_raised(tmp_path):
    feed = write_feed(tmp_path / "feed", {DEU: {NAME: times(GOOD * 1000)}})
    low, high = (partial(convert, feed, str(tmp_path / "lake"), workers=1) for _ in range(2))
    assert not low(max_member_size="100 kB").is_clean
    (damaged, *_) = commit(tmp_path / "lake")["members"]
    assert (damaged["status"], damaged["line"]) == ("damaged", None)
    assert 0 < damaged["records"] < 5000
    assert high(max_member_size=2_000_000, force=True).is_clean
    assert len(all_records(tmp_path / "lake")) == 5000


@pytest.mark.parametrize("size", [100_000, 333_333])
def test_both_paths_end_at_the_same_byte(tmp_path, monkeypatch, size):
    feed = write_feed(tmp_path / "feed", {DEU: {NAME: times(GOOD * 1000)}})
    convert(feed, str(tmp_path / "fast"), workers=1, max_member_size=size)
    monkeypatch.setattr(MemberConverter, "convert", MemberConverter.convert_by_reference)
    convert(feed, str(tmp_path / "slow"), workers=1, max_member_size=size)
    fast, slow = (
        {k: v for k, v in files(tmp_path / n).items() if "manifest" not in k}
        for n in ("fast", "slow")
    )
    assert fast == slow
    kept = times(GOOD * 1000)[:size].count("</showtime>")
    assert len(all_records(tmp_path / "fast")) == kept


@pytest.mark.parametrize(
    "options",
    [{"max_member_size": "much"}, {"max_member_size": 0}, {"max_ratio": 0}, {"max_ratio": -1}],
)
def test_invalid_limits_are_refused(tmp_path, options):
    feed = write_feed(tmp_path / "feed", {DEU: week()})
    for function in (partial(convert, feed, str(tmp_path / "lake")), partial(list_findings, feed)):
        with pytest.raises(ValueError, match=r"max_member_size|max_ratio|byte unit"):
            function(**options)
    assert not (tmp_path / "lake").exists()


def list_findings(path: str, **options: object) -> list[object]:
    return list(validate(path, **options))


def test_limits_apply_only_to_feeds(tmp_path):
    lake = converted(tmp_path, week())
    with pytest.raises(ValueError, match=r"are for feeds, but .* is a lake"):
        list_findings(str(lake), max_ratio=5)


def test_limits_as_options_of_the_command_line():
    assert choose_limits(None, None) == Limits() == choose_limits("64GB", 300)
    result = CliRunner().invoke(main, ["convert", "feed", "lake", "--max-member-size", "many"])
    assert result.exit_code == 2
    assert "expected a size such as 500MB or 64GB, found 'many'" in result.stderr


@pytest.mark.parametrize("method", METHODS)
def test_quarantine_keeps_only_the_beginning_of_a_bomb(tmp_path, method):
    """A zip bomb with invalid XML stays a zip bomb when its bytes go into quarantine."""
    content = zipped({NAME: b"x" + bytes(70_000_000)}, method)
    lake = converted(tmp_path, content)
    raw, note = sorted((lake / "quarantine/20191206/deu").iterdir())
    assert raw.stat().st_size == 64_000_000
    assert "only the first 64,000,000 bytes; see the feed zip" in note.read_text()


def test_a_damaged_directory_entry_costs_only_its_own_member(tmp_path):
    """Fuzzing found this: an entry that points into another member is not a zip bomb."""
    packed = bytearray(zipped({NAME: times(GOOD), "191206T.XML": houses("Astra")}))
    struct.pack_into("<L", packed, packed.rindex(b"PK\x01\x02") + 42, 20)
    feed = write_feed(tmp_path / "feed", {DEU: bytes(packed)})
    assert not convert(feed, str(tmp_path / "lake"), workers=1).is_clean
    assert len(all_records(tmp_path / "lake", "S")) == 5


# --- small input with large costs


def test_only_the_first_unknown_names_are_counted_separately():
    there, back = ProblemCounter(), ProblemCounter()
    for n in range(9000):
        there.add(f"x{n:05}", UNKNOWN, 1, "")
        back.add(f"x{8999 - n:05}", UNKNOWN, 1, "")
    assert there.problems() == back.problems()
    counts = {p.column: p.count for p in there.problems()}
    assert (len(counts), counts[OTHERS]) == (MOST_NAMES + 1, 8000)
    assert all(f"x{n:05}" in counts for n in range(MOST_NAMES))


def test_repeats_within_repeats_grow_linearly(tmp_path):
    inner = "".join(f"<intl country='{n}'><new>\"{n}\"</new></intl>" for n in range(200))
    xml = f"<movies><movie>{inner}</movie></movies>"
    (row,) = all_rows(converted(tmp_path, {"I.XML": xml}), "movies")
    assert json.loads(dict(row["extra"])["intl/new"]) == [f'"{n}"' for n in range(200)]


def test_a_block_of_long_rows_is_read_in_batches(tmp_path):
    """Each record alone is small enough, but the whole block is not."""
    dates = f"{DATE}><showtimes>{', '.join(['13:20'] * 800)}</showtimes></show_date>"
    one = showtime(f"<movie_name>{'x' * 5000}</movie_name>{dates}")
    feed = write_feed(tmp_path / "feed", {DEU: {NAME: f"<times>{one * 100}</times>"}})
    assert convert(feed, str(tmp_path / "lake"), workers=1).is_clean
    (member,) = commit(tmp_path / "lake")["members"]
    assert (member["records"], member["rows"]) == (100, 80_000)
    assert member["fallbacks"] == [{"reason": TOO_MUCH, "records": 100}]


# --- feeds and packs


def test_links_in_a_feed_change_no_files_elsewhere(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    write_feed(elsewhere, {"movies_deu.zip": week(), "x/movies_swe.zip": week()})
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "20191206").symlink_to(elsewhere)
    (feed / "loop").symlink_to(feed)
    (feed / "2019120\N{FULLWIDTH DIGIT SIX}").symlink_to(elsewhere)
    before = files(elsewhere)
    ending = command(tmp_path, "convert", feed, tmp_path / "lake", "--workers", 1)
    assert ending.code in (0, 2)
    assert files(elsewhere) == before
    assert {p.name for p in tmp_path.iterdir()} == {"elsewhere", "feed", "lake", "run"} - (
        set() if ending.code == 0 else {"lake"}
    )


def tar_of(lake: Path, target: Path, name: str, kind: bytes, link: str = "") -> Path:
    with tarfile.open(target, "w") as tar:
        for path, content in files(lake).items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        stranger = tarfile.TarInfo(name)
        stranger.type, stranger.linkname = kind, link
        tar.addfile(stranger)
    return target


LINKS = [
    ("json/x", tarfile.SYMTYPE, "/etc/passwd"),
    ("json/x", tarfile.LNKTYPE, "../../x"),
    ("json/x", tarfile.CHRTYPE, ""),
    ("json/x", tarfile.BLKTYPE, ""),
    ("json/x", tarfile.FIFOTYPE, ""),
]
PLACES = [("/etc/x", tarfile.REGTYPE, ""), ("json/../x", tarfile.REGTYPE, "")]
ESCAPES = [("json/\x1b[2Jx", tarfile.REGTYPE, ""), ("json/a\nb", tarfile.REGTYPE, "")]
STRANGERS = [
    ("a tar to stage with links, devices or pipes", LINKS, "is neither a plain file nor a folder"),
    (
        "a tar to stage with members that point outside its folder",
        PLACES,
        "leads out of the folder it is unpacked to",
    ),
    (
        "a tar to stage with control characters in member names",
        ESCAPES,
        "has control characters in its name",
    ),
]


@pytest.mark.parametrize(("text", "members", "reason"), STRANGERS)
def test_a_hostile_tar_is_refused(tmp_path, text, members, reason):
    lake = converted(tmp_path, week())
    for number, member in enumerate(members):
        tar = tar_of(lake, tmp_path / f"{number}.tar", *member)
        ending = command(tmp_path, "stage", tar, "--to", tmp_path / "ssd")
        assert ending.said.count("\n") == 1, ending.said
        line = ending.said.rstrip()
        assert ending.code == 1
        assert line == f"movielake: {tar}: refused: its member {member[0]!r} {reason}"
        partial_ = [tmp_path / "ssd"] if (tmp_path / "ssd").exists() else []
        shown = f"movielake: lake.tar: refused: its member … {reason}"
        record(HOSTILE, text, saw=shown, lost=0, partial=len(partial_))
