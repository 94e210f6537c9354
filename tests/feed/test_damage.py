"""Damage does not stop a run, does not lose earlier records, and is always reported."""

from __future__ import annotations

import json
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from movielake.cli.console import conversion_lines
from movielake.conversion.members import MemberConverter
from movielake.conversion.results import Conversion, DamagedFeedError
from movielake.conversion.runs import convert
from movielake.validation.feeds import check_feed
from movielake.validation.lake import check_lake
from tests.feeds import (
    all_records,
    all_rows,
    commit,
    files,
    json_lines,
    manifest,
    member,
    movies,
    showing,
    times,
    week,
    with_headers,
    write_feed,
    zipped,
)

DEU = "20191206/movies_deu.zip"
SWE = "20191206/movies_swe.zip"
NAME = "191206S.XML"
FOLDER = "quarantine/20191206/deu"


class Place:
    """A feed of two zips, and its lake. The German zip is damaged."""

    def __init__(self, root: Path, deu, **more) -> None:
        self.feed = write_feed(root / "feed", {DEU: deu, SWE: week(), **more})
        self.lake = str(root / "lake")

    def convert(self, **options) -> Conversion:
        return convert(self.feed, self.lake, **{"workers": 1, **options})

    def files(self, below: str = "") -> dict[str, bytes]:
        return {
            name: content for name, content in files(self.lake).items() if name.startswith(below)
        }

    def note(self, name: str = NAME) -> dict[str, object]:
        return json.loads(files(self.lake)[f"{FOLDER}/{name}.note.json"])

    def raw(self, name: str = NAME) -> bytes:
        return files(self.lake)[f"{FOLDER}/{name}"]

    def listed(self, name: str = NAME) -> list[dict[str, Any]]:
        """Read the list of damaged records."""
        lines = files(self.lake)[f"{FOLDER}/{name}.records.jsonl"].splitlines()
        return [json.loads(line) for line in lines]


def lines(place: Place, result: Conversion) -> list[str]:
    return conversion_lines("lake", result)


def swedish_zip_is_intact(place: Place) -> bool:
    found = [row for row in all_rows(place.lake) if "/swe/" in row["source_xml"]]
    return len(found) == 2 and not any(
        m["reason"] for m in commit(place.lake, country="swe")["members"]
    )


def damaged(records: int, at: int, damage: bytes = b"<movie_id>1</movie_ud>") -> bytes:
    """Build showings with damage after the first ``at`` ones."""
    before = "".join(showing(n) for n in range(1, at + 1)).encode()
    behind = "".join(showing(n) for n in range(at + 1, records + 1)).encode()
    return b"<times>" + before + b"<showtime>" + damage + b"</showtime>" + behind + b"</times>"


# --- zips that cannot be opened


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"garbage", "other bytes"),
        (b"PK", "other bytes"),
        (b"<html>503</html>", "a web page"),
        (b"\x00" * 5000, "zero bytes"),
    ],
)
def test_a_file_that_is_not_a_zip_is_quarantined(tmp_path, content, found):
    reason = f"expected a zip, found {found}; copy the file again from its source"
    place = Place(tmp_path, content)
    result = place.convert()
    assert not result.is_clean
    assert swedish_zip_is_intact(place)
    assert place.raw("movies_deu.zip") == content
    (entry,) = commit(place.lake)["members"]
    assert (entry["member"], entry["status"], entry["table"]) == ("", "damaged", None)
    assert place.note("movies_deu.zip") == {
        "file": DEU,
        "member": "movies_deu.zip",
        "reason": reason,
        "line": None,
        "column": None,
        "records_kept": 0,
    }
    assert lines(place, result)[1] == (
        f"damage: {DEU}: damaged: {reason} (0 records kept, raw bytes in {FOLDER}/movies_deu.zip)"
    )


def test_a_zip_cut_at_any_length_is_quarantined(tmp_path):
    """Each length at which a download can end has its own stamp. All are in one run."""
    whole = zipped({NAME: times(showing()), "191206I.XML": movies("Up")})
    stamps = [f"{2000 + n // 336}{n // 28 % 12 + 1:02}{n % 28 + 1:02}" for n in range(len(whole))]
    feed = write_feed(
        tmp_path / "feed",
        {f"{stamp}/movies_deu.zip": whole[:cut] for cut, stamp in enumerate(stamps)}
        | {SWE: week()},
    )
    lake = tmp_path / "lake"
    result = convert(feed, str(lake), workers=1)
    assert not result.is_clean
    assert result.failed == ()
    assert len(result.commits) == len(whole) + 1
    assert len(all_rows(lake)) == 2  # those of the Swedish zip
    for cut, stamp in enumerate(stamps):
        folder = lake / "quarantine" / stamp / "deu"
        note = json.loads((folder / "movies_deu.zip.note.json").read_text())
        assert (folder / "movies_deu.zip").read_bytes() == whole[:cut]
        assert (note["file"], note["line"]) == (f"{stamp}/movies_deu.zip", None)
        assert ("the zip is cut off after" in note["reason"]) == (cut >= 4)


def test_a_damaged_zip_is_converted_again_only_after_it_changes(tmp_path):
    place = Place(tmp_path, b"garbage")
    place.convert()
    again = place.convert()
    assert (again.outcomes, again.is_clean) == ((), False)
    write_feed(Path(place.feed), {DEU: week()})
    assert place.convert().is_clean
    assert place.files("quarantine/") == {}


def test_a_zip_with_an_impossible_directory_is_quarantined(tmp_path):
    packed = bytearray(zipped(week()))
    struct.pack_into("<L", packed, packed.rindex(b"PK\x05\x06") + 12, 0xFFFFFF00)
    place = Place(tmp_path, bytes(packed))
    result = place.convert()
    assert result.failed == ()
    assert place.raw("movies_deu.zip") == packed
    assert swedish_zip_is_intact(place)


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_never_stops_a_run(tmp_path, seed):
    rng = random.Random(seed)
    packed = bytearray(
        zipped({NAME: times(*map(showing, range(1, 60))), "191206I.XML": movies("Up")})
    )
    for _ in range(rng.randint(1, 4)):
        place_ = rng.randrange(len(packed))
        packed[place_ : place_ + rng.randint(1, 9)] = rng.randbytes(rng.randint(0, 9))
    place = Place(tmp_path, bytes(packed))
    result = place.convert()
    assert (len(result.commits), result.failed) == (2, ())
    assert swedish_zip_is_intact(place)
    for entry in commit(place.lake)["members"]:
        assert bool(entry["quarantine"]) == (entry["status"] in ("damaged", "refused"))


# --- members that cannot be unpacked, or only in part


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (
            {"flags": 1},
            "it is encrypted; unpack the zip with its password, and pack its files again without "
            "one",
        ),
        (
            {"method": 97},
            "it is packed with WavPack (compression method 97), which is not supported; unpack the "
            "zip, and pack its files again with Deflate, the usual method",
        ),
    ],
    ids=["encrypted", "WavPack"],
)
def test_a_member_that_cannot_be_unpacked_is_refused(tmp_path, headers, reason):
    packed = zipped({NAME: times(showing()), "191206I.XML": movies("Up")})
    place = Place(tmp_path, with_headers(packed, **headers))
    result = place.convert()
    entry = member(place.lake, NAME)
    assert (entry["status"], entry["reason"], entry["records"]) == ("refused", reason, 0)
    assert [file["path"] for file in entry["quarantine"]] == [f"{FOLDER}/{NAME}.note.json"]
    assert place.note()["raw_bytes"] == f"not readable ({reason}); see the feed zip"
    assert member(place.lake, "191206I.XML")["records"] == 1
    assert not result.is_clean
    assert lines(place, result)[1] == (
        f"damage: {DEU}: {NAME}: refused: {reason} (0 records kept, see {FOLDER}/{NAME}.note.json)"
    )


@pytest.mark.parametrize("records", [1, 50, 2000])
def test_a_wrong_crc_loses_no_record(tmp_path, records):
    xml = times(*map(showing, range(1, records + 1))).encode()
    packed = bytearray(zipped({NAME: xml}))
    packed[packed.index(b"PK\x01\x02") + 16] ^= 1
    place = Place(tmp_path, bytes(packed))
    result = place.convert()
    entry = member(place.lake, NAME)
    assert (entry["status"], entry["records"]) == ("damaged", records)
    assert entry["reason"] == f"Bad CRC-32 for file '{NAME}'"
    assert place.raw() == xml
    assert place.note()["records_kept"] == records
    assert len(all_records(place.lake, "S")) == records + 2
    assert not result.is_clean


def random_showings(records: int) -> tuple[bytes, list[int]]:
    """Build showings that hardly compress, and the position after each one in the XML."""
    rng = random.Random(records)
    xml = b"<times>"
    ends = []
    for _ in range(records):
        xml += showing(
            rng.randrange(10**6), rng.randrange(10**5), at=f"{rng.randrange(24)}:30"
        ).encode()
        ends.append(len(xml))
    return xml + b"</times>", ends


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_broken_packed_stream_loses_only_records_after_the_break(tmp_path, compression):
    xml, ends = random_showings(12_000)
    packed = bytearray(zipped({NAME: xml}, compression))
    middle = len(packed) // 2
    packed[middle : middle + 60] = b"\xff" * 60
    place = Place(tmp_path, bytes(packed))
    result = place.convert()
    entry = member(place.lake, NAME)
    raw = place.raw()
    assert (entry["status"], result.is_clean) == ("damaged", False)
    # All intact records are kept, in order.
    differ = (n for n, (a, b) in enumerate(zip(raw, xml, strict=False)) if a != b)
    sound = next(differ, len(raw))
    complete = sum(end <= sound for end in ends)
    assert entry["records"] >= complete > 1000
    kept = [
        record["movie_id"] for record in all_records(place.lake, "S") if record["country"] == "deu"
    ]
    clean = tmp_path / "clean"
    convert(write_feed(clean / "feed", {DEU: {NAME: xml}}), str(clean / "lake"), workers=1)
    assert kept[:complete] == [r["movie_id"] for r in all_records(clean / "lake")][:complete]
    assert len(kept) == entry["records"]


def test_the_other_members_of_a_damaged_zip_are_converted(tmp_path):
    packed = bytearray(zipped({NAME: times(showing()), "191206I.XML": movies("Up", "Down")}))
    packed[packed.index(b"PK\x01\x02") + 16] ^= 1
    place = Place(tmp_path, bytes(packed))
    place.convert()
    assert {m["member"]: m["status"] for m in commit(place.lake)["members"]} == {
        "191206I.XML": "complete",
        NAME: "damaged",
    }


# --- XML that ends early or is not well-formed


@pytest.mark.parametrize("at", [0, 1, 300, 999])
def test_a_damaged_record_costs_no_other_record(tmp_path, at):
    xml = b"<!--" + b"x" * 20_000 + b"-->\n" + damaged(1000, at)
    place = Place(tmp_path, {NAME: xml})
    result = place.convert()
    entry = member(place.lake, NAME)
    assert (entry["status"], entry["records"], entry["damaged_records"]) == ("damaged", 1000, 1)
    kept = [r["movie_id"] for r in all_records(place.lake, "S") if r["country"] == "deu"]
    assert kept == [str(n) for n in range(1, 1001)]
    raw = place.raw()
    assert raw.count(b"</showtime>") == 1
    assert kept_and_set_aside(place) == xml.count(b"</showtime>")
    (listed,) = place.listed()
    assert xml[listed["position"] :][: listed["bytes"]] == raw
    assert (entry["line"], entry["column"]) == (listed["line"], listed["column"])
    assert listed["reason"].startswith("Opening and ending tag mismatch: movie_id")
    assert place.note()["reason"] == f"1 record damaged: {listed['reason']}"
    assert not result.is_clean


def kept_and_set_aside(place: Place) -> int:
    kept = [r for r in all_records(place.lake, "S") if r["country"] == "deu"]
    return len(kept) + sum(entry["records"] for entry in place.listed())


@pytest.mark.parametrize(
    "damage",
    [
        b"<movie_id>1</movie_ud>",
        b"<a",
        b"a & b",
        b"\x01",
        b"&nbsp;",
        b"<a b=c/>",
        b"\xff\xfe",
        b"]]>",
    ],
)
@pytest.mark.parametrize("kind", ["far", "near"])
def test_every_kind_of_malformed_xml_is_damage(tmp_path, damage, kind):
    padding = b"<!--" + b"x" * 20_000 + b"-->" if kind == "far" else b""
    place = Place(tmp_path, {NAME: padding + damaged(9, 5, damage)})
    assert not place.convert().is_clean
    entry = member(place.lake, NAME)
    assert entry["reason"]
    assert entry["line"] == 1
    assert (entry["records"], entry["damaged_records"]) == (9, 1)
    assert [r["movie_id"] for r in all_records(place.lake, "S")][:9] == [*"123456789"]


def test_a_note_states_file_member_line_column_and_reason(tmp_path):
    xml = (
        b"<!--" + b"x" * 20_000 + b"-->\n<times>\n" + showing().encode() + b"\n  <showtime></time>"
    )
    place = Place(tmp_path, {NAME: xml})
    result = place.convert()
    assert place.note() == {
        "file": DEU,
        "member": NAME,
        "reason": "Opening and ending tag mismatch: showtime line 4 and time",
        "line": 4,
        "column": 20,
        "records_kept": 1,
    }
    assert lines(place, result)[1] == (
        f"damage: {DEU}: {NAME}, line 4, column 20: damaged: Opening and ending tag mismatch: "
        f"showtime line 4 and time (1 records kept, raw bytes in {FOLDER}/{NAME})"
    )
    (row,) = [r for r in manifest(place.lake).to_pylist() if r["status"] == "damaged"]
    assert (row["line"], row["column"], row["records"]) == (4, 20, 1)


@pytest.mark.parametrize("cut", range(0, 620, 31))
def test_every_truncation_keeps_the_complete_records(tmp_path, cut):
    xml = times(*map(showing, range(1, 5))).encode()[:cut]
    place = Place(tmp_path, {NAME: xml})
    result = place.convert()
    entry = member(place.lake, NAME)
    assert entry["records"] == xml.count(b"</showtime>")
    assert entry["status"] == (
        "empty" if cut == 0 else "refused" if cut < len(b"<times>") else "damaged"
    )
    assert result.is_clean == (cut == 0)


def test_truncation_after_many_records_keeps_the_complete_records(tmp_path):
    xml = times(*map(showing, range(1, 3001))).encode()
    cut = xml[: len(xml) * 2 // 3]
    place = Place(tmp_path, {NAME: cut})
    place.convert()
    whole = cut.count(b"</showtime>")
    found = [row for row in all_rows(place.lake) if "/deu/" in row["source_xml"]]
    assert member(place.lake, NAME)["records"] == whole > 1500
    assert [row["movie_id"] for row in found] == list(range(1, whole + 1))
    assert len(json_lines(Path(place.lake, "json/20191206/deu/191206S.jsonl.zst"))) == whole
    assert place.raw() == cut


def test_an_invalid_byte_in_the_declared_encoding_is_damage(tmp_path):
    xml = b"<!--" + b"x" * 20_000 + b"-->" + times(showing(), showing()).encode()
    broken = xml.replace(
        b"</times>", b"<showtime><movie_name>Caf\xe9</movie_name></showtime></times>"
    )
    place = Place(tmp_path, {NAME: broken})
    place.convert()
    assert member(place.lake, NAME)["records"] == 2
    assert member(place.lake, NAME)["status"] == "damaged"


@pytest.mark.parametrize(
    "behind", ["<times/>", "text", "<showtime/>"], ids=["a second root", "text", "a record"]
)
def test_content_after_the_root_is_damage(tmp_path, behind):
    xml = "<!--" + "x" * 20_000 + "-->" + times(showing()) + behind
    place = Place(tmp_path, {NAME: xml})
    assert not place.convert().is_clean
    assert member(place.lake, NAME)["records"] == 1


def test_a_stray_element_is_reported_and_all_records_are_kept(tmp_path):
    xml = "<times>" + showing(1) + "<note>hello</note>" + showing(2) + "</times>"
    place = Place(tmp_path, {NAME: xml})
    result = place.convert()
    entry = member(place.lake, NAME)
    assert (entry["status"], entry["records"]) == ("damaged", 2)
    assert entry["reason"] == "expected only <showtime> in <times>, found <note>"
    assert not result.is_clean


# --- members that are refused as a whole

ENTITIES = '<!DOCTYPE times [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE times [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("declaration", [ENTITIES, EXTERNAL])
@pytest.mark.parametrize("use", ["", "&b;", "&x;"])
def test_entity_declarations_are_refused(tmp_path, declaration, use):
    xml = declaration + times(f"<movie_name>{use}</movie_name>")
    place = Place(tmp_path, {NAME: xml})
    result = place.convert()
    entry = member(place.lake, NAME)
    assert (entry["status"], entry["records"], entry["json"]) == ("refused", 0, None)
    assert place.raw() == xml.encode()
    assert not result.is_clean


def test_a_doctype_without_entities_is_accepted(tmp_path):
    place = Place(tmp_path, {NAME: '<!DOCTYPE times SYSTEM "times.dtd">' + times(showing())})
    assert place.convert().is_clean


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (
            "<theatres><theater/></theatres>",
            "expected the root movies, houses or times, found theatres",
        ),
        ("<html><body>503</body></html>", "expected the root movies, houses or times, found html"),
        ("<showtime/>", "expected the root movies, houses or times, found showtime"),
    ],
)
def test_an_unknown_root_is_refused(tmp_path, xml, reason):
    place = Place(tmp_path, {NAME: xml})
    result = place.convert()
    assert (member(place.lake, NAME)["status"], member(place.lake, NAME)["reason"]) == (
        "refused",
        reason,
    )
    assert place.raw() == xml.encode()
    assert f"{DEU}: {NAME}: refused: {reason}" in lines(place, result)[1]


@pytest.mark.parametrize(
    "content", [b"plain text", b"\x89PNG\r\n", b"<", b"<?xml", b"{}", b"<times"]
)
def test_an_xml_member_without_xml_is_refused(tmp_path, content):
    place = Place(tmp_path, {NAME: content})
    assert not place.convert().is_clean
    assert member(place.lake, NAME)["status"] == "refused"
    assert place.raw() == content


@pytest.mark.parametrize("name", ["README.txt", "logo.png", "191206S.XML.md5", "Thumbs.db"])
def test_a_member_that_is_not_xml_is_only_listed(tmp_path, name):
    place = Place(tmp_path, {NAME: times(showing()), name: b"hello"})
    result = place.convert()
    assert result.is_clean
    entry = member(place.lake, name)
    assert (entry["status"], entry["quarantine"]) == ("other", [])
    assert f"left out: {DEU}: {name} is not XML" in lines(place, result)


# --- empty members, roots and records are not damage


@pytest.mark.parametrize(
    "content", [b"", b" \n\t\r\n ", b"\xef\xbb\xbf", b"\xff\xfe", b"\n" * 40_000]
)
def test_an_empty_member_is_listed_and_is_not_damage(tmp_path, content):
    place = Place(tmp_path, {NAME: content})
    result = place.convert()
    assert result.is_clean
    entry = member(place.lake, NAME)
    assert (entry["status"], entry["table"], entry["json"], entry["parquet"]) == (
        "empty",
        None,
        None,
        None,
    )
    assert f"left out: {DEU}: {NAME} is empty" in lines(place, result)


@pytest.mark.parametrize(
    "xml", ["<times/>", "<times></times>", "<times>\n</times>", "<times><!-- --></times>"]
)
def test_an_empty_root_becomes_a_table_without_rows(tmp_path, xml):
    place = Place(tmp_path, {NAME: xml})
    assert place.convert().is_clean
    entry = member(place.lake, NAME)
    assert (entry["status"], entry["table"], entry["records"], entry["rows"]) == (
        "complete",
        "showings",
        0,
        0,
    )
    assert json_lines(Path(place.lake, entry["json"]["path"])) == []
    assert Path(place.lake, entry["parquet"]["path"]).exists()


def test_a_member_with_one_record_is_converted(tmp_path):
    place = Place(tmp_path, {NAME: times(showing(7))})
    assert place.convert().is_clean
    assert [r["movie_id"] for r in all_rows(place.lake) if "/deu/" in r["source_xml"]] == [7]


def test_an_empty_record_is_a_record(tmp_path):
    place = Place(
        tmp_path, {NAME: "<times><showtime/></times>", "191206I.XML": "<movies><movie/></movies>"}
    )
    assert place.convert().is_clean
    assert [m["records"] for m in commit(place.lake)["members"]] == [1, 1]


def test_a_zip_without_members_is_not_damage(tmp_path):
    place = Place(tmp_path, {})
    result = place.convert()
    assert result.is_clean
    assert commit(place.lake)["members"] == []


# --- several damaged members, and their names


def test_each_damaged_member_is_reported_on_its_own_line(tmp_path):
    place = Place(
        tmp_path,
        {
            "1S.XML": "<times>",
            "2S.XML": "<html/>",
            "3S.XML": "",
            "4.txt": "x",
            "5S.XML": times(showing()),
        },
        **{"20191213/movies_deu.zip": b"garbage"},
    )
    report = lines(place, place.convert())
    assert report[0] == "lake: feed zips: 3 converted, 0 unchanged; 6 records, 3 screenings"
    starts = [
        f"damage: {DEU}: 1S.XML, line 1",
        f"damage: {DEU}: 2S.XML: refused",
        "damage: 20191213/movies_deu.zip: damaged",
        f"left out: {DEU}: 3S.XML is empty",
        f"left out: {DEU}: 4.txt is not XML",
    ]
    assert [line.startswith(start) for line, start in zip(report[1:], starts, strict=True)] == [
        True
    ] * 5


def test_many_damaged_members_are_counted_after_the_first_twenty(tmp_path):
    place = Place(tmp_path, {f"{n:03}S.XML": "<times>" for n in range(99)})
    report = lines(place, place.convert())
    assert report[-1] == "damage: and 79 more"
    assert len(report) == 22


@pytest.mark.parametrize(
    "names",
    [
        ("a/S.XML", "b/S.XML"),
        ("S.XML", "s.xml"),
        ("S.XML", "S.XML"),
        ("..S.XML", "S.XML"),
        ("é.XML", "ö.XML"),
        ("S.XML", "S.XML.note.json.XML"),
    ],
)
def test_damaged_members_with_similar_names_get_separate_files(tmp_path, names):
    content = [(name, f"<html>{n}</html>") for n, name in enumerate(names)]
    place = Place(tmp_path, content)
    place.convert()
    raw = [c for name, c in place.files(FOLDER).items() if not name.endswith(".note.json")]
    notes = [
        json.loads(c) for name, c in place.files(FOLDER).items() if name.endswith(".note.json")
    ]
    assert sorted(raw) == [b"<html>0</html>", b"<html>1</html>"]
    assert sorted(note["member"] for note in notes) == sorted(names)


@pytest.mark.parametrize(
    "name", ["../../../x.XML", "/etc/x.XML", "\x1b[2J\n.XML", "x" * 300 + ".XML", "放映.XML"]
)
def test_files_with_hostile_names_stay_in_quarantine(tmp_path, name):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    place = Place(tmp_path, {name: "<html/>"})
    result = place.convert()
    assert before == set()
    raw, note = sorted(place.files(FOLDER))
    assert note == f"{raw}.note.json"
    assert Path(raw).parent.as_posix() == FOLDER
    assert place.files(FOLDER)[raw] == b"<html/>"
    assert all(line.isprintable() for line in lines(place, result))


# --- strict mode


@pytest.mark.parametrize(
    "content",
    [
        b"garbage",
        {NAME: "<times>"},
        {NAME: "<html/>"},
        {"191206I.XML": movies("Up"), NAME: times(showing()) + "x"},
    ],
)
def test_strict_mode_stops_and_does_not_commit_the_damaged_zip(tmp_path, content):
    place = Place(tmp_path, content)
    with pytest.raises(DamagedFeedError, match=r"^20191206/movies_deu\.zip: "):
        place.convert(strict=True)
    assert [name for name in place.files() if "deu" in name or ".work" in name] == []


def test_strict_mode_keeps_zips_that_were_converted_before(tmp_path):
    place = Place(tmp_path, b"short")  # the smaller zip, so it is converted last
    with pytest.raises(DamagedFeedError):
        place.convert(strict=True)
    assert swedish_zip_is_intact(place)
    assert set(manifest(place.lake)["country"].to_pylist()) == {"swe"}


def test_strict_mode_keeps_an_earlier_good_conversion(tmp_path):
    place = Place(tmp_path, week())
    place.convert()
    before = place.files()
    write_feed(Path(place.feed), {DEU: b"garbage"})
    with pytest.raises(DamagedFeedError):
        place.convert(strict=True)
    assert place.files() == before


def test_strict_mode_stops_on_workers_too(tmp_path):
    place = Place(tmp_path, b"garbage")
    with pytest.raises(
        DamagedFeedError, match=r"^20191206/movies_deu\.zip: damaged: expected a zip"
    ):
        place.convert(strict=True, workers=2)
    assert [name for name in place.files() if "deu" in name] == []


def test_strict_mode_accepts_members_that_are_not_damaged(tmp_path):
    place = Place(tmp_path, {NAME: "", "README.txt": "x", "191206I.XML": "<movies/>"})
    assert place.convert(strict=True).is_clean


class Bug:
    """A fault of the converter in the members of one feed zip."""

    def __init__(self, monkeypatch) -> None:
        self._convert = MemberConverter.convert
        monkeypatch.setattr(MemberConverter, "convert", self)

    def __get__(self, converter, _):
        return lambda member: self.convert(converter, member)

    def convert(self, converter, member):
        if converter.zip_.country == "deu":
            raise OverflowError("int too big")
        return self._convert(converter, member)


def test_an_exception_that_is_not_expected_costs_its_zip_only(tmp_path, monkeypatch):
    place = Place(tmp_path, week())
    Bug(monkeypatch)
    done = place.convert()
    (failed,) = done.failed
    assert failed.error.startswith(f"{DEU}: unexpected OverflowError: int too big (test_damage.py,")
    assert [c.path for c in done.commits] == [SWE]
    assert not done.is_clean
    assert swedish_zip_is_intact(place)
    findings = [f for f in check_feed(place.feed, workers=1) if f.rule == "unreadable-zip"]
    assert [(f.path, f.severity) for f in findings] == [(DEU, "error")]
    assert "unexpected OverflowError: int too big" in findings[0].message
    monkeypatch.undo()
    assert [c.path for c in place.convert().commits] == [DEU]


@pytest.mark.parametrize("encoding", ["undefined", "utf-7", "unicode_escape", "no-such"])
def test_an_encoding_that_is_not_read_costs_its_member_only(tmp_path, encoding):
    xml = f"<?xml version='1.0' encoding='{encoding}'?>{times(showing())}".encode()
    place = Place(tmp_path, {NAME: xml, "191206I.XML": movies("Up")})
    done = place.convert()
    assert (len(done.commits), done.failed, done.is_clean) == (2, (), False)
    assert place.raw() == xml
    assert repr(encoding) in str(place.note()["reason"])
    titles = [r["title"] for r in all_records(place.lake, "I") if r["country"] == "deu"]
    assert titles == ["Up"]
    assert swedish_zip_is_intact(place)
    line = next(line for line in conversion_lines(place.lake, done) if "damage:" in line)
    assert DEU in line
    assert NAME in line
    assert repr(encoding) in line


def test_bytes_in_another_encoding_than_declared_are_counted(tmp_path):
    xml = f"<?xml version='1.0' encoding='utf-16'?>{times(showing())}".encode()
    place = Place(tmp_path, {NAME: xml})
    done = place.convert()
    (problem,) = member(place.lake, NAME)["problems"]
    assert (problem["kind"], problem["count"]) == ("encoding", 1)
    assert done.is_clean
    (finding,) = (f for f in check_feed(place.feed, workers=1) if f.rule == "other-encoding")
    assert "utf-16 is declared, the bytes show utf-8" in finding.message
    assert [f for f in check_lake(place.lake) if f.severity == "error"] == []
