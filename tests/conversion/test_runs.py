"""From a feed to a lake: the files, names, encodings, batches and counts of one conversion."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movielake.conversion import members as members_module
from movielake.lake import outputs
from tests.conversion.place import DEU, HIVE, SWE, Place
from tests.feeds import (
    all_records,
    all_rows,
    commit,
    files,
    houses,
    json_lines,
    manifest,
    member,
    movies,
    rows,
    showing,
    showtime,
    times,
    week,
)

# --- the files of the design


def test_a_lake_has_exactly_the_files_of_the_design(place):
    result = place.write({DEU: week()}).convert()
    assert result.is_clean
    assert place.names() == [
        "datapackage.json",
        "json/20191206/deu/191206I.jsonl.zst",
        "json/20191206/deu/191206S.jsonl.zst",
        "json/20191206/deu/191206T.jsonl.zst",
        "lake.json",
        "manifest.parquet",
        "manifest/20191206/deu.json",
        f"parquet/movies/{HIVE}/191206I.parquet",
        f"parquet/showings/{HIVE}/191206S.parquet",
        f"parquet/theaters/{HIVE}/191206T.parquet",
    ]


def test_the_manifest_lists_every_file_with_its_checksum(place):
    place.write({DEU: week(), SWE: {"191206S.XML": b"<times"}}).convert()
    stored = place.files()
    known = {}
    for row in manifest(place.lake).to_pylist():
        for file in [
            *(
                {"path": row[f"{k}_path"], "bytes": row[f"{k}_bytes"], "sha256": row[f"{k}_sha256"]}
                for k in ("json", "parquet")
            ),
            *(row["quarantine"] or ()),
        ]:
            if file["path"]:
                known[file["path"]] = (file["bytes"], file["sha256"])
    without_checksum = {
        "datapackage.json",
        "lake.json",
        "manifest.parquet",
        "manifest/20191206/deu.json",
        "manifest/20191206/swe.json",
    }
    assert known == {
        path: (len(content), hashlib.sha256(content).hexdigest())
        for path, content in stored.items()
        if path not in without_checksum
    }


def test_the_example_of_the_design_converts_as_documented(place):
    xml = (
        "<times><showtime><movie_name>Frozen II</movie_name><movie_id>201030</movie_id>"
        '<theater_id>51011</theater_id><show_date date="20191206"><showtimes>13:20, (15:40)'
        "</showtimes><show_attributes>Digital, 3D</show_attributes><show_passes>Y</show_passes>"
        '<show_festival/></show_date><show_date date="20191207"><showtimes>20:15.</showtimes>'
        "</show_date></showtime></times>"
    )
    place.write({DEU: {"191206S.XML": xml}}).convert()
    line = json_lines(place.lake_path / "json/20191206/deu/191206S.jsonl.zst")
    assert line == [
        {
            "movie_name": "Frozen II",
            "movie_id": "201030",
            "theater_id": "51011",
            "show_date": [
                {
                    "@date": "20191206",
                    "showtimes": "13:20, (15:40)",
                    "show_attributes": "Digital, 3D",
                    "show_passes": "Y",
                    "show_festival": None,
                },
                {"@date": "20191207", "showtimes": "20:15."},
            ],
            "country": "deu",
            "date_stamp": "20191206",
            "source_xml": "20191206/deu/191206S.XML",
        }
    ]
    flat = [
        (
            row["record"],
            row["movie_id"],
            row["theater_id"],
            str(row["starts_at"]),
            row["bargain"],
            row["show_attributes"],
            row["show_passes"],
            row["show_festival"],
        )
        for row in rows(place.lake_path / f"parquet/showings/{HIVE}/191206S.parquet")
    ]
    assert flat == [
        (0, 201030, 51011, "2019-12-06 13:20:00", False, ["Digital", "3D"], True, None),
        (0, 201030, 51011, "2019-12-06 15:40:00", True, ["Digital", "3D"], True, None),
        (0, 201030, 51011, "2019-12-07 20:15:00", False, None, None, None),
    ]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (DEU, "20191206/deu/191206S.XML"),
        ("2019/12/06/movies_deu.zip", "20191206/deu/191206S.XML"),
        ("20191206/MOVIES_DEU.ZIP", "20191206/deu/191206S.XML"),
    ],
)
def test_every_record_names_its_source(place, path, source):
    place.write({path: {"191206S.XML": times(showing())}}).convert()
    (record,) = all_records(place.lake)
    (row,) = all_rows(place.lake)
    assert (record["country"], record["date_stamp"], record["source_xml"]) == (
        "deu",
        "20191206",
        source,
    )
    assert row["source_xml"] == source


def test_unzipped_folders_make_the_same_tables_as_zips(tmp_path):
    zips, folders = Place(tmp_path / "1"), Place(tmp_path / "2")
    zips.write({DEU: week()}).convert()
    folders.write({f"20191206/deu/{name}": xml.encode() for name, xml in week().items()}).convert()
    assert {p: c for p, c in zips.files().items() if "manifest" not in p} == {
        p: c for p, c in folders.files().items() if "manifest" not in p
    }


def test_partition_keys_are_not_inside_the_files(place):
    place.write({DEU: week()}).convert()
    for path in place.names("parquet/"):
        names = pq.ParquetFile(place.lake_path / path).schema_arrow.names
        assert not {"country", "date_stamp"} & set(names)


def test_a_run_removes_its_workspaces(place):
    place.write({DEU: week(), SWE: b"garbage"}).convert()
    assert place.names(".work") == []


# --- names of members


def test_the_root_decides_the_table_of_a_member_with_an_older_name(place):
    place.write(
        {
            DEU: {
                "191206IMOVIES.XML": movies("Up"),
                "191206THEATER.XML": houses("Astra", "Lux"),
                "191206SCREENS.XML": times(showing(), showing(), showing()),
            }
        }
    ).convert()
    assert place.names("json/") == [
        f"json/20191206/deu/191206{letter}.jsonl.zst" for letter in "IST"
    ]
    assert [len(all_records(place.lake, letter)) for letter in "ITS"] == [1, 2, 3]


def test_the_root_decides_the_table_of_a_member_with_a_wrong_name(place):
    place.write(
        {
            DEU: {
                "191206S.XML": movies("Up"),
                "191206I.XML": houses("Astra"),
                "x.dat": times(showing()),
            }
        }
    ).convert()
    found = {m["member"]: (m["table"], m["records"]) for m in commit(place.lake)["members"]}
    assert found == {
        "191206S.XML": ("movies", 1),
        "191206I.XML": ("theaters", 1),
        "x.dat": ("showings", 1),
    }
    assert place.names("parquet/") == [
        f"parquet/movies/{HIVE}/191206I.parquet",
        f"parquet/showings/{HIVE}/xS.parquet",
        f"parquet/theaters/{HIVE}/191206T.parquet",
    ]


def test_a_zip_can_have_several_members_of_one_table(place):
    place.write(
        {DEU: {"191206S.XML": times(showing(1)), "191207S.XML": times(showing(2), showing(3))}}
    ).convert()
    assert [row["movie_id"] for row in all_rows(place.lake)] == [1, 2, 3]
    assert [row["record"] for row in all_rows(place.lake)] == [0, 0, 1]
    assert len(all_records(place.lake)) == 3


@pytest.mark.parametrize(
    "names",
    [
        ("a/191206S.XML", "b/191206S.XML"),
        ("191206S.XML", "191206s.xml"),
        ("191206S.XML", "191206SCREENS.XML"),
        ("191206S.XML", "191206S.XML"),
        ("191206 S.XML", "191206?S.XML"),
        ("x" * 150 + "1.XML", "x" * 150 + "2.XML"),
    ],
)
def test_members_with_clashing_names_get_different_files(place, names):
    content = [(name, times(showing(n))) for n, name in enumerate(names, 1)]
    assert place.write({DEU: content}).convert().is_clean
    assert len(place.names("json/")) == len(place.names("parquet/")) == 2
    assert sorted(row["movie_id"] for row in all_rows(place.lake)) == [1, 2]
    assert [m["member"] for m in commit(place.lake)["members"]] == sorted(names)
    assert {row["source_xml"] for row in all_rows(place.lake)} == {
        f"20191206/deu/{n}" for n in names
    }


@pytest.mark.parametrize(
    "name",
    [
        "../../../escape.XML",
        "/tmp/escape.XML",
        "..\\..\\escape.XML",
        "\x1b[2J.XML",
        "放映.XML",
        "x" * 300,
    ],
)
def test_hostile_names_write_no_file_outside_the_lake(place, name):
    before = set(place.feed_path.parent.rglob("*"))
    place.write({DEU: {name: times(showing())}}).convert()
    made = {p for p in set(place.feed_path.parent.rglob("*")) - before if p.is_file()}
    outside = {p for p in made if place.lake_path not in p.parents}
    assert outside == {place.feed_path / DEU}
    assert all_records(place.lake)[0]["source_xml"] == f"20191206/deu/{name}"


# --- encodings

PLAIN = "Café Süß Ærø"
EURO = "10 € – “Süß”"
WIDE = "冰雪奇缘2 Ирония Ω 🎬"

ENCODED = [
    (PLAIN, "UTF-8", "utf-8", b""),
    (PLAIN, "", "utf-8", b""),
    (PLAIN, "UTF-8", "utf-8", b"\xef\xbb\xbf"),
    (PLAIN, "", "utf-8", b"\xef\xbb\xbf"),
    (PLAIN, "ISO-8859-1", "latin-1", b""),
    (PLAIN, "iso-8859-1", "latin-1", b""),
    (PLAIN, "windows-1252", "cp1252", b""),
    (EURO, "windows-1252", "cp1252", b""),
    (EURO, "UTF-8", "utf-8", b""),
    (WIDE, "UTF-8", "utf-8", b""),
    (WIDE, "UTF-8", "utf-8", b"\xef\xbb\xbf"),
    (WIDE, "UTF-16", "utf-16-le", b"\xff\xfe"),
    (WIDE, "UTF-16", "utf-16-be", b"\xfe\xff"),
    (WIDE, "", "utf-16-le", b"\xff\xfe"),
    (WIDE, "", "utf-16-be", b"\xfe\xff"),
]


@pytest.mark.parametrize(("text", "declared", "codec", "bom"), ENCODED)
def test_a_text_is_the_same_in_every_encoding(place, text, declared, codec, bom):
    declaration = (
        f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    )
    xml = bom + (declaration + movies(text)).encode(codec)
    assert place.write({DEU: {"191206I.XML": xml}}).convert().is_clean
    (record,) = all_records(place.lake)
    (row,) = all_rows(place.lake, "movies")
    assert record["title"] == row["title"] == text


def test_each_member_uses_its_own_encoding_declaration(place):
    place.write(
        {
            DEU: {
                "1I.XML": b'<?xml version="1.0" encoding="ISO-8859-1"?>'
                + movies("é").encode("latin-1"),
                "2I.XML": movies("é").encode(),
            }
        }
    ).convert()
    assert [row["title"] for row in all_rows(place.lake, "movies")] == ["é", "é"]


# --- members of many batches


@pytest.mark.parametrize("before", ["", "<!-- left to the reference -->"])
def test_batches_and_row_groups_do_not_change_the_data(tmp_path, monkeypatch, before):
    xml = before + times(
        *(showing(n, n % 7, at="13:20, (15:40), TBA"[: 5 + n % 15]) for n in range(1, 201))
    )
    whole, pieces = Place(tmp_path / "1"), Place(tmp_path / "2")
    whole.write({DEU: {"191206S.XML": xml, "191206I.XML": movies(*"abcdefghij")}}).convert()
    monkeypatch.setattr(members_module, "BATCH", 7)
    monkeypatch.setattr(outputs, "ROW_GROUP", 16)
    pieces.write({DEU: {"191206S.XML": xml, "191206I.XML": movies(*"abcdefghij")}}).convert()
    assert all_rows(pieces.lake) == all_rows(whole.lake)
    assert all_rows(pieces.lake, "movies") == all_rows(whole.lake, "movies")
    assert all_records(pieces.lake) == all_records(whole.lake)
    assert {row["record"] for row in all_rows(pieces.lake)} == set(range(200))
    metadata = pq.ParquetFile(
        pieces.lake_path / f"parquet/showings/{HIVE}/191206S.parquet"
    ).metadata
    sizes = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    assert sizes[:-1] == [16] * ((metadata.num_rows - 1) // 16)
    counted = ("records", "rows", "screenings", "problems")
    mine, theirs = (member(p.lake, "191206S.XML") for p in (pieces, whole))
    assert [mine[key] for key in counted] == [theirs[key] for key in counted]


# --- counts

TIME = re.compile(r"\(?\d{1,2}:\d\d(?: ?[AP]M)?\)?")


def pieces_of(element: ElementTree.Element) -> list[str]:
    texts = [e.text or "" for e in element.findall("showtimes")]
    return [p.strip() for p in ",".join(texts).split(",") if p.strip()]


def count_screenings(xml: str) -> tuple[int, int]:
    """Count rows and screenings as design.md defines them, without movielake's code."""
    total = with_time = 0
    for record in ElementTree.fromstring(xml):
        direct = pieces_of(record)
        dates = [pieces_of(date) for date in record.findall("show_date")]
        groups = [own or direct for own in dates] if dates else [direct]
        if direct and dates and all(dates):
            groups.append(direct)  # times without a date
        total += sum(max(1, len(group)) for group in groups)
        with_time += sum(bool(TIME.fullmatch(piece)) for group in groups for piece in group)
    return total, with_time


@st.composite
def showtimes_of(draw) -> str:
    forms = st.sampled_from(["13:20", "9:05", "(15:40)", "7:30 PM", "7:30PM", "TBA", "ring us"])
    texts = draw(st.lists(st.lists(forms, max_size=4), max_size=2))
    return "".join(f"<showtimes>{', '.join(text)}</showtimes>" for text in texts)


@st.composite
def any_showtime(draw) -> str:
    days = draw(st.lists(showtimes_of(), max_size=3))
    dates = [f'<show_date date="2019120{n}">{inner}</show_date>' for n, inner in enumerate(days, 1)]
    direct = draw(st.just("") | showtimes_of())
    return showtime(f"<movie_id>{draw(st.integers(1, 99))}</movie_id>{''.join(dates)}{direct}")


SMALL_FEEDS = st.lists(
    st.tuples(st.lists(any_showtime(), max_size=6), st.integers(0, 3), st.integers(0, 3)),
    min_size=1,
    max_size=3,
)


@given(SMALL_FEEDS)
@settings(max_examples=40, deadline=None)
def test_records_rows_and_screenings_are_counted_correctly(tmp_path_factory, zips):
    place = Place(tmp_path_factory.mktemp("counts"))
    expected = {"records": 0, "rows": 0, "screenings": 0, "showings": 0}
    for day, (shows, titles, houses_) in enumerate(zips, 1):
        content = {
            "S.XML": times(*shows),
            "I.XML": movies(*"x" * titles),
            "T.XML": houses(*"x" * houses_),
        }
        place.write({f"2019120{day}/movies_deu.zip": content})
        total, with_time = count_screenings(content["S.XML"])
        expected["showings"] += len(re.findall("<showtime>", content["S.XML"]))
        expected["records"] += len(shows) + titles + houses_
        expected["rows"] += total + titles + houses_
        expected["screenings"] += with_time
    place.convert()
    known = manifest(place.lake)
    assert {key: sum(known[key].to_pylist()) for key in ("records", "rows", "screenings")} == {
        key: expected[key] for key in ("records", "rows", "screenings")
    }
    assert len(all_records(place.lake)) == expected["records"]
    found = all_rows(place.lake)
    assert sum(row["show_time"] is not None for row in found) == expected["screenings"]
    assert len({(row["source_xml"], row["record"]) for row in found}) == expected["showings"]
    assert (
        len(found) + sum(len(all_rows(place.lake, t)) for t in ("movies", "theaters"))
        == expected["rows"]
    )


def test_xml_json_manifest_and_parquet_have_equally_many_records(reference):
    """The XML is read by xml.etree and the JSON by zstandard, without movielake's code."""
    counted: dict[str, int] = {}
    for path, content in files(reference.feed).items():
        if "xxx" in path:
            continue
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                root = ElementTree.fromstring(archive.read(name))
                counted[root.tag] = counted.get(root.tag, 0) + len(root)
    assert counted == {"movies": 12, "houses": 6, "times": 57}
    sound = [r for r in manifest(reference.lake).to_pylist() if r["country"] != "xxx"]
    letters = {"movies": "I", "theaters": "T", "showings": "S"}
    roots = {"movies": "movies", "theaters": "houses", "showings": "times"}
    for table, letter in letters.items():
        rows_of = [r for r in sound if r["table"] == table]
        records = [r for r in all_records(reference.lake, letter) if r["country"] != "xxx"]
        found = [r for r in all_rows(reference.lake, table) if "/xxx/" not in r["source_xml"]]
        keys = {(r["source_xml"], r.get("record", n)) for n, r in enumerate(found)}
        numbers = {sum(r["records"] for r in rows_of), len(records), len(keys)}
        assert numbers == {counted[roots[table]]}
