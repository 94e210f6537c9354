"""Validation of feeds: it reports the same as the conversion, with the right line numbers."""

from __future__ import annotations

import dataclasses
import io
import json
import multiprocessing
import os
import signal
from collections import Counter
from functools import reduce
from operator import add
from pathlib import Path

import fsspec
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import convert
from movielake.feed.records import Records
from movielake.rows.problems import (
    BESIDE,
    OVERNIGHT,
    REPEATED,
    UNKNOWN,
    UNORDERED,
    UNTYPED,
    Problem,
    ProblemCounter,
)
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import TABLES, table
from movielake.validation.feeds import FEED_RULES, check_feed, check_zip
from movielake.validation.findings import Checked, Finding
from movielake.validation.whereabouts import find_places
from tests.feeds import files, houses, manifest, movies, showing, times, week, write_feed, zipped
from tests.strategies import ENCODINGS, documents, encode, examples

DEU = "20191206/movies_deu.zip"
OF_KIND = {
    UNTYPED: "untyped-value",
    REPEATED: "repeated-element",
    UNKNOWN: "unknown-element",
    BESIDE: "text-beside-time",
    UNORDERED: "unordered-times",
    OVERNIGHT: "overnight-time",
}
OF_STATUS = {
    "damaged": "damaged-member",
    "refused": "refused-member",
    "empty": "left-out-member",
    "other": "left-out-member",
}


def check(feed: str | Path, **options) -> list[Finding]:
    return list(check_feed(str(feed), workers=1, **options))


@pytest.fixture(scope="module")
def findings(sample_feed: Path) -> list[Finding]:
    """Return what a check of the sample feed finds."""
    return check(sample_feed)


def reported(lake: Path) -> Counter:
    """Count what a conversion wrote into the manifest, in the form of findings."""
    found: Counter = Counter()
    for row in manifest(lake).to_pylist():
        path = f"{row['path']}: {row['member']}"
        if row["member"] == "":
            found["unreadable-zip", row["path"], None, None, 1] += 1
        elif row["member"] is None:
            found["empty-zip", row["path"], None, None, 1] += 1
        elif row["status"] in OF_STATUS:
            found[OF_STATUS[row["status"]], path, row["line"], row["column"], 1] += 1
        for problem in row["problems"] or ():
            key = (OF_KIND[problem["kind"]], path, problem["column"], None, problem["count"])
            found[key] += 1
    return found


def counted(findings: list[Finding]) -> Counter:
    """Count findings in the same form. A problem has its column instead of a position."""
    found: Counter = Counter()
    for f in findings:
        if f.rule in OF_KIND.values():
            found[f.rule, f.path, f.message.partition(": ")[0], None, f.count] += 1
        else:
            found[f.rule, f.path, f.line, f.column, f.count] += 1
    return found


# --- the same as the conversion


def test_findings_on_the_sample_feed_match_its_conversion(findings, sample_lake):
    assert counted(findings) == reported(sample_lake)
    rare = {"unordered-times"}  # not in this sample; tested below
    assert {f.rule for f in findings} >= {*OF_KIND.values(), "left-out-member"} - rare
    assert all(f.line and f.column for f in findings if f.rule in OF_KIND.values())


DAMAGED = {
    "cut off": times(showing(), showing())[:-40],
    "not well-formed": times(showing()).replace("</movie_id>", "</movie_ud>"),
    "a stray element": "<times>" + showing() + "<note/>\n<note/></times>",
    "entities": '<!DOCTYPE times [<!ENTITY a "b">]>' + times(showing()),
    "another root": "<films/>",
    "no XML": "x",
    "empty": "",
    "blank": " \n ",
    "no records": "<times/>",
    "an odd byte": times(showing()).encode() + b"\xff",
    "another encoding": b'<?xml version="1.0" encoding="koi8-r"?><times>\n'
    + showing(at="\N{CYRILLIC SMALL LETTER EM}").encode("koi8-r")
    + b"</times>",
    "an odd byte of another encoding": b'<?xml version="1.0" encoding="cp932"?><times>\x81</times>',
    "problems before the damage": times(showing(at="TBA"), "<x>1</x>", showing())[:-60],
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("unpacked", [True, False])
def test_findings_on_damage_match_the_conversion(tmp_path, name, unpacked):
    content = DAMAGED[name]
    content = content if isinstance(content, bytes) else content.encode()
    members = {"191206S.XML": content, "191206I.XML": movies("Up"), "notes.txt": b"?"}
    if unpacked:
        del members["notes.txt"]
        layout = {
            f"20191206/deu/{n}": c if isinstance(c, bytes) else c.encode()
            for n, c in members.items()
        }
    else:
        layout = {DEU: members}
    feed = write_feed(tmp_path / "feed", layout)
    convert(feed, str(tmp_path / "lake"), workers=1)
    assert counted(check(feed)) == reported(tmp_path / "lake")


def broken_zips() -> dict[str, bytes]:
    whole = zipped(week())
    crc, encrypted, method = (bytearray(whole) for _ in range(3))
    crc[whole.index(b"PK\x01\x02") + 16] ^= 1
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    method[whole.index(b"PK\x01\x02") + 10] = 77
    packed = bytearray(whole)
    packed[60:90] = b"\xff" * 30
    return {
        "not a zip": b"no zip at all",
        "empty": b"",
        "cut off": whole[:-30],
        "no members": zipped({}),
        "another CRC": bytes(crc),
        "encrypted": bytes(encrypted),
        "an unknown method": bytes(method),
        "spoiled bytes": bytes(packed),
        "two members of one name": zipped(
            [("191206S.XML", times("<x/>")), ("191206S.XML", "<times")]
        ),
    }


@pytest.mark.parametrize("name", broken_zips())
def test_findings_on_broken_zips_match_the_conversion(tmp_path, name):
    feed = write_feed(tmp_path / "feed", {DEU: broken_zips()[name]})
    convert(feed, str(tmp_path / "lake"), workers=1)
    expected = reported(tmp_path / "lake")
    assert counted(check(feed)) == expected
    assert expected, "the conversion reports a broken zip"


@examples(max_examples=40)
@given(data=st.data())
def test_findings_on_any_feed_match_the_conversion(tmp_path_factory, data):
    """Members have random content, and some are cut at a random byte."""
    folder = tmp_path_factory.mktemp("any")
    members = {}
    for number in range(data.draw(st.integers(1, 3))):
        t = table(data.draw(st.sampled_from(TABLES)))
        content = data.draw(documents(t))
        cut = data.draw(st.none() | st.integers(0, len(content)))
        members[f"{number}{t.letter}.XML"] = content[:cut]
    feed = write_feed(folder / "feed", {DEU: members})
    convert(feed, str(folder / "lake"), workers=1)
    assert counted(check(feed)) == reported(folder / "lake")


def test_checked_amounts_add_up_to_the_whole_feed(sample_feed, sample_lake):
    parts: list[Checked] = []
    list(check_feed(str(sample_feed), workers=1, on_checked=parts.append))
    table_ = manifest(sample_lake)
    sums = [pc.sum(table_[name]).as_py() for name in ("xml_bytes", "rows", "records")]
    zips = len(set(table_["path"].to_pylist()))
    total = reduce(add, parts)
    assert len(parts) == zips
    assert total == Checked(zips, table_.num_rows, *sums)


# --- files of the feed


def test_files_that_are_not_feed_zips_are_warnings(tmp_path):
    feed = write_feed(tmp_path, {DEU: week(), "README": b"?", "20191299/movies_deu.zip": b"?"})
    assert [(f.rule, f.severity, f.path) for f in check(feed)] == [
        ("other-file", "warning", "20191299/movies_deu.zip"),
        ("other-file", "warning", "README"),
    ]


def test_two_files_for_one_stamp_and_country_are_an_error(tmp_path):
    feed = write_feed(tmp_path, {DEU: week(), "2019/12/06/movies_deu.zip": week()})
    (finding,) = check(feed)
    assert (finding.rule, finding.severity) == ("refused-file", "error")
    assert finding.path == DEU
    assert finding.message.endswith("is for 20191206/deu too; keep one of them")


def test_a_zip_without_read_permission_is_a_finding(tmp_path, monkeypatch):
    feed = write_feed(
        tmp_path / "feed",
        {DEU: week(), "20191206/movies_swe.zip": {"a.XML": "<times><x/></times>"}},
    )
    opened = fsspec.implementations.local.LocalFileSystem.open

    def refuse(self, path, *args, **options):
        if path.endswith("deu.zip"):
            raise PermissionError(13, "Permission denied", path)
        return opened(self, path, *args, **options)

    monkeypatch.setattr(fsspec.implementations.local.LocalFileSystem, "open", refuse)
    first, second = check(feed)
    assert (first.rule, first.path) == ("unreadable-zip", DEU)
    assert "Permission denied" in first.message
    assert second.rule == "damaged-member", "the other zip is still checked"
    (failed,) = convert(feed, str(tmp_path / "lake"), workers=1).failed
    assert "Permission denied" in failed.error


def test_a_selection_limits_the_findings(sample_feed):
    findings = check(sample_feed, date_stamps="20191206", countries="swe,nzl")
    assert {f.path.partition(":")[0] for f in findings} == {
        f"20191206/movies_{country}.zip" for country in ("nzl", "swe")
    }


@pytest.mark.parametrize(
    ("feed", "options", "error", "message"),
    [
        ("nowhere", {}, FileNotFoundError, "found no folder at"),
        ("", {"countries": "xxx"}, ValueError, "it has 1 stamps .* and the countries deu"),
    ],
)
def test_wrong_usage_is_an_error_before_any_file_is_read(tmp_path, feed, options, error, message):
    write_feed(tmp_path, {DEU: week()})
    with pytest.raises(error, match=message):
        check_feed(str(tmp_path / feed), **options)


def test_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_feed(tmp_path, {DEU: {"191206S.XML": "<times><x", "191206I.XML": movies("Up")}})
    before = files(tmp_path)
    folders = sorted(tmp_path.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "mkdir", None)
        patch.setattr(os, "rename", None)
        assert [f.rule for f in check(tmp_path)] == ["damaged-member"]
    assert (files(tmp_path), sorted(tmp_path.rglob("*"))) == (before, folders)


def test_a_feed_in_memory_has_the_same_findings(sample_feed):
    memory = fsspec.filesystem("memory")
    memory.put(f"{sample_feed}/20191206", "/checked/20191206", recursive=True)
    of_memory = check("memory://checked")
    memory.rm("/checked", recursive=True)
    assert of_memory == check(sample_feed, date_stamps="20191206")


def test_workers_return_the_same_findings_in_the_same_order(sample_feed, findings):
    of_workers = list(check_feed(str(sample_feed), workers=2))
    assert of_workers == findings


def die_of_deu(feed, zip_, limits):
    if zip_.country == "deu" and multiprocessing.parent_process():
        os.kill(os.getpid(), signal.SIGKILL)
    return check_zip(feed, zip_, limits)


def test_a_zip_that_kills_its_worker_is_a_finding(sample_feed, findings, monkeypatch):
    monkeypatch.setattr("movielake.validation.feeds.check_zip", die_of_deu)
    found = list(check_feed(str(sample_feed), date_stamps="20191206", workers=2))
    assert [f for f in found if "/movies_deu" not in f.path] == [
        f for f in findings if f.path.startswith("20191206/") and "/movies_deu" not in f.path
    ]
    deu = [f for f in found if "/movies_deu" in f.path]
    assert {(f.rule, f.message) for f in deu} == {
        (
            "unreadable-zip",
            "its worker died, perhaps for lack of memory; try again with fewer workers",
        ),
    }


def test_findings_have_the_severity_of_their_rule_and_one_line(findings):
    severities = {rule.name: rule.severity for rule in FEED_RULES}
    assert len(severities) == len(FEED_RULES)
    for finding in findings:
        assert finding.severity == severities[finding.rule]
        assert finding.message.isprintable()


def test_messages_state_the_expected_and_the_found(tmp_path):
    xml = """<movies>
<movie><running_time>two hours</running_time><title>Up</title>
  <title>Down</title><ratings x="1"/></movie>
<movie><running_time>n/a</running_time></movie></movies>"""
    feed = write_feed(tmp_path, {DEU: {"191206I.XML": xml, "191206T.XML": houses("Astra") + "x"}})
    found = [(f.rule, f.line, f.column, f.count, f.message) for f in check(feed)]
    assert found == [
        (
            "unknown-element",
            3,
            22,
            1,
            'ratings: this element is not in the schema, found \'{"@x": "1"}\'; extra keeps it',
        ),
        (
            "untyped-value",
            2,
            8,
            2,
            "running_time: expected a whole number, found 'two hours'; it is null in Parquet",
        ),
        (
            "repeated-element",
            3,
            3,
            1,
            'title: expected one element, found several, ["Up", "Down"]; '
            "the column gets the first, extra gets all",
        ),
        (
            "damaged-member",
            1,
            found[3][2],
            1,
            "Extra content at the end of the document; conversion will keep its first 1 records "
            "and put its bytes into quarantine",
        ),
    ]


@pytest.mark.parametrize(
    ("at", "rule", "message"),
    [
        (
            "13:20, OmU 15:40",
            "text-beside-time",
            "show_time: expected only times, found 'OmU 15:40'; the time is kept, the other text "
            "is only in JSON",
        ),
        (
            "5:00, 3:00, 4:00, 2:00 PM",
            "unordered-times",
            "show_time: expected times that rise, found '5:00, 3:00, 4:00, 2:00 PM'; their "
            "half or day is uncertain",
        ),
        (
            "22:45, 0:15",
            "overnight-time",
            "show_time: expected 24:00 or later, found '0:15' after a later time; starts_at is on "
            "the next day",
        ),
        (
            "13:20, TBA",
            "untyped-value",
            "show_time: expected times, found 'TBA'; it is null in Parquet",
        ),
    ],
)
def test_messages_state_the_fate_of_a_time(tmp_path, at, rule, message):
    xml = times(showing(1), showing(2, at=at)).replace("</showtime>", "</showtime>\n")
    feed = write_feed(tmp_path, {DEU: week() | {"191206S.XML": xml}})
    found = [f for f in check(feed) if f.rule not in ("orphan-movie", "orphan-theater")]
    assert [(f.rule, f.line, f.count, f.message) for f in found] == [(rule, 2, 1, message)]


# --- positions


def problems_of(xml: bytes, name: str) -> tuple[Problem, ...]:
    counter = ProblemCounter()
    records = list(Records(io.BytesIO(xml), table(name), {}))
    flatten_batch(records, table(name), counter, 0)
    return counter.problems()


def places(xml: bytes, name: str) -> dict[str, tuple[int, int]]:
    found = find_places(io.BytesIO(xml), table(name), problems_of(xml, name))
    return {f"{problem.kind} {problem.column}": tuple(place) for problem, place in found.items()}


@pytest.mark.parametrize("lines", [0, 65_533, 65_534, 65_535, 70_000, 300_000])
def test_line_numbers_have_no_limit(lines):
    fine = b"<movie><running_time>1</running_time></movie>\n"
    xml = b"<movies>\n" + fine * lines + b"<movie><running_time>x</running_time></movie></movies>"
    found = find_places(
        io.BytesIO(xml), table("movies"), [Problem("running_time", UNTYPED, 1, "x")]
    )
    assert [tuple(place) for place in found.values()] == [(lines + 2, 8)]


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_line_numbers_are_right_in_every_encoding(encoding):
    xml = (
        "<movies>\r\n<movie><title>\xe9\n</title>\n<é/><running_time>\xe9</running_time></movie>"
        "</movies>"
    )
    assert places(encode(xml, encoding), "movies") == {
        "unknown é": (4, 1),
        "untyped running_time": (4, 5),
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<showtimes>13:20, \nTBA</showtimes>", {"untyped show_time": (2, 1)}),
        ('<show_date date="1"/>', {"untyped show_date": (2, 1)}),
        ('<show_date date="20191206"/><show_date>soon</show_date>', {"untyped show_date": (2, 29)}),
        (
            '<show_date date=" ">\n<showtimes/>\n<showtimes>x</showtimes></show_date>',
            {"repeated show_date/showtimes": (4, 1), "untyped show_time": (4, 1)},
        ),
        ("<movie_id>\n<![CDATA[ a ]]>b</movie_id>", {"untyped movie_id": (2, 1)}),
        ("<movie_id>7</movie_id><country>d</country>", {"unknown #country": (2, 23)}),
        ('<a><show_date/></a>\n<b c="1"><d/></b>', {"unknown a": (2, 1), "unknown b": (3, 1)}),
        (
            "<movie_id>7<movie_id>x</movie_id></movie_id>",
            {"untyped movie_id": (2, 1), "unknown movie_id/movie_id": (2, 12)},
        ),
        ('<movie_id\n\nx="">7</movie_id>', {"unknown movie_id/@x": (2, 1)}),
        ("\n\nabc", {"unknown #text": (1, 8)}),
    ],
)
def test_positions_of_problems(content, expected):
    xml = f"<times><showtime>\n{content}</showtime>\n<showtime>{content}</showtime></times>"
    assert places(xml.encode(), "showings") == expected


def test_positions_in_structs_and_wrappers():
    xml = """<movies><movie><genres><genre>a</genre></genres>
<genres><genre>b</genre>c</genres>
<intl country="DEU"><intl_release>2019-12-06</intl_release></intl>
<intl country="SWE"><intl_release>soon</intl_release></intl></movie></movies>"""
    assert places(xml.encode(), "movies") == {
        "repeated genres": (2, 1),
        "unknown genres/#text": (2, 1),
        "untyped intl.intl_release": (4, 21),
    }


def test_a_problem_of_a_text_in_markup_has_a_position():
    xml = b"""<movies><movie>
    <running_time><b>103</b></running_time></movie><movie>
    <running_time>9<b>9</b></running_time></movie></movies>"""
    (problem,) = (p for p in problems_of(xml, "movies") if p.kind == UNTYPED)
    assert problem.example == "9  9"
    assert find_places(io.BytesIO(xml), table("movies"), [problem]) == {problem: (3, 5)}


@pytest.mark.parametrize("name", TABLES)
@examples(max_examples=80)
@given(data=st.data())
def test_an_element_with_the_problem_begins_at_each_position(name, data):
    xml = data.draw(documents(table(name)))
    text = xml.decode("utf-8-sig" if xml[:3] == b"\xef\xbb\xbf" else declared_codec(xml))
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    problems = problems_of(xml, name)
    found = find_places(io.BytesIO(xml), table(name), problems)
    assert found.keys() == set(problems)
    for problem, (line, column) in found.items():
        assert lines[line - 1][column - 1 :].startswith(tuple(tags(problem, name)))


def declared_codec(xml: bytes) -> str:
    for codec in ("utf-16-le", "utf-16-be"):
        if xml[:2] in ("\ufeff".encode(codec), "<".encode(codec)):
            return codec
    head = xml[:60].lower()
    return next((c for c in ("iso-8859-1", "windows-1252") if c.encode() in head), "utf-8")


def tags(problem: Problem, name: str) -> list[str]:
    """Return the possible beginnings of the start tag at a problem's position."""
    known = {c.name: c.paths for c in table(name).with_fields}
    paths = known[problem.column] if problem.kind == UNTYPED else [problem.column]
    elements = [path.split("/@")[0].removesuffix("/#text").split("/")[-1] for path in paths]
    whole = (problem.column[:1] == "@" or problem.column == "#text") and problem.kind == UNKNOWN
    return [
        f"<{table(name).record}" if whole else f"<{element.lstrip('#')}" for element in elements
    ]


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<",
        b"<movies>",
        b"\xff\xfe",
        b"<movies><movie>",
        b'<?xml version="1.0" encoding="x"?><a/>',
    ],
)
def test_problems_without_a_known_position_are_left_out(xml):
    problem = Problem("running_time", UNTYPED, 1, "x")
    assert find_places(io.BytesIO(xml), table("movies"), [problem]) == {}


def test_deep_elements_take_no_time_or_memory():
    """The search builds no paths inside elements without problems, at any depth."""
    xml = b"<movies><movie>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"<b/></movie></movies>"
    problem = Problem("b", UNKNOWN, 1, "")
    assert list(find_places(io.BytesIO(xml), table("movies"), [problem])) == [problem]


def test_findings_can_be_written_as_json(findings):
    first = findings[0]
    assert json.loads(json.dumps(dataclasses.asdict(first)))["rule"] == first.rule
