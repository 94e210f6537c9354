"""From a feed to a lake: which files, what is done again, counts that close, interruptions."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import fsspec
import psutil
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import movielake
from movielake.cluster.workers import share_out
from movielake.conversion import members as members_module
from movielake.conversion.runs import Conversion, convert
from movielake.lake import outputs
from movielake.schema.tables import FORMAT
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
    write_feed,
    zipped,
)

DEU = "20191206/movies_deu.zip"
SWE = "20191206/movies_swe.zip"
LATER = "20191213/movies_deu.zip"
HIVE = "date_stamp=20191206/country=deu"


class Place:
    """A feed and a lake beside each other."""

    def __init__(self, root: Path) -> None:
        self.feed_path = root / "feed"
        self.lake_path = root / "lake"
        self.feed = str(self.feed_path)
        self.lake = str(self.lake_path)

    def write(self, contents) -> Place:
        write_feed(self.feed_path, contents)
        return self

    def convert(self, **options) -> Conversion:
        return convert(self.feed, self.lake, **{"workers": 1, **options})

    def files(self) -> dict[str, bytes]:
        return files(self.lake)

    def names(self, *below: str) -> list[str]:
        return (
            [name for name in files(self.lake) if name.startswith(below)]
            if below
            else list(files(self.lake))
        )


def beside(place: Place, root: Path) -> Place:
    """Give another lake for the same feed."""
    other = Place(root)
    other.feed_path, other.feed = place.feed_path, place.feed
    return other


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


def done(result: Conversion) -> list[str]:
    return [c.path for c in result.commits]


# --- the lake on disk, as design.md has it


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


def test_the_manifest_knows_every_file_and_its_content(place):
    import hashlib

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
    mine = {
        "datapackage.json",
        "lake.json",
        "manifest.parquet",
        "manifest/20191206/deu.json",
        "manifest/20191206/swe.json",
    }
    assert known == {
        path: (len(content), hashlib.sha256(content).hexdigest())
        for path, content in stored.items()
        if path not in mine
    }


def test_the_example_of_the_design(place):
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
def test_every_record_says_where_it_stands(place, path, source):
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


def test_no_work_is_left_behind(place):
    place.write({DEU: week(), SWE: b"garbage"}).convert()
    assert place.names(".work") == []


# --- names of members


def test_older_names_are_decided_by_their_root(place):
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


def test_wrong_names_do_not_mislead(place):
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


def test_several_members_of_one_table(place):
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
def test_members_whose_names_clash_are_kept_apart(place, names):
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
def test_hostile_names_write_nothing_elsewhere(place, name):
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


def test_a_declaration_is_honoured_in_every_member_on_its_own(place):
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


# --- what is done again, and what is not


def test_a_second_run_converts_nothing_and_touches_nothing(place):
    place.write({DEU: week(), SWE: week()})
    assert done(place.convert()) == [DEU, SWE]
    before = {p: p.stat().st_mtime_ns for p in place.lake_path.rglob("*") if p.is_file()}
    again = place.convert()
    assert (done(again), again.plan.unchanged, again.outcomes, again.is_clean) == ([], 2, (), True)
    assert {p: p.stat().st_mtime_ns for p in place.lake_path.rglob("*") if p.is_file()} == before


def test_a_new_zip_is_converted_alone(place):
    place.write({DEU: week()}).convert()
    assert done(place.write({SWE: week()}).convert()) == [SWE]


def test_a_touched_zip_is_only_noted(place):
    place.write({DEU: week()}).convert()
    before = place.files()
    os.utime(place.feed_path / DEU, (1_000_000_000, 1_000_000_000))
    again = place.convert()
    assert (len(again.outcomes), done(again), again.is_clean) == (1, [], True)
    assert commit(place.lake)["modified"] == "1000000000.0"
    assert set(manifest(place.lake)["modified"].to_pylist()) == {"1000000000.0"}
    for path, content in place.files().items():
        assert "manifest" in path or content == before[path]
    assert place.convert().outcomes == ()


def test_a_zip_packed_anew_is_only_noted(place):
    place.write({DEU: zipped(week(), zipfile.ZIP_DEFLATED)}).convert()
    place.write({DEU: zipped(week(), zipfile.ZIP_STORED)})
    assert done(place.convert()) == []
    assert commit(place.lake)["size"] == (place.feed_path / DEU).stat().st_size
    assert place.convert().plan.tasks == ()


def test_a_changed_zip_is_converted_anew_and_its_stale_files_go(place):
    place.write({DEU: week(), SWE: week()}).convert()
    swedish = {p: c for p, c in place.files().items() if "swe" in p}
    place.write({DEU: {"191207S.XML": times(showing(9))}})
    assert done(place.convert()) == [DEU]
    assert [name for name in place.names("json/", "parquet/") if "deu" in name] == [
        "json/20191206/deu/191207S.jsonl.zst",
        f"parquet/showings/{HIVE}/191207S.parquet",
    ]
    assert {p: c for p, c in place.files().items() if "swe" in p} == swedish
    assert manifest(place.lake)["member"].to_pylist() == ["191207S.XML", *sorted(week())]


def test_a_changed_value_arrives(place):
    place.write({DEU: {"191206I.XML": movies("Up")}}).convert()
    place.write({DEU: {"191206I.XML": movies("Down")}}).convert()
    assert [row["title"] for row in all_rows(place.lake, "movies")] == ["Down"]
    assert [record["title"] for record in all_records(place.lake)] == ["Down"]


def test_a_mended_zip_leaves_the_quarantine(place):
    assert not place.write({DEU: b"garbage"}).convert().is_clean
    assert place.names("quarantine/")
    assert place.write({DEU: week()}).convert().is_clean
    assert place.names("quarantine/") == []


def test_a_zip_that_became_empty_leaves_no_rows(place):
    place.write({DEU: week()}).convert()
    place.write({DEU: {}}).convert()
    assert place.names("json/", "parquet/") == []
    assert commit(place.lake)["members"] == []
    assert place.convert().plan.unchanged == 1


def test_a_zip_that_moved_within_the_feed_is_noted(place):
    place.write({DEU: week()}).convert()
    (place.feed_path / "2019/12/06").mkdir(parents=True)
    (place.feed_path / DEU).rename(place.feed_path / "2019/12/06/movies_deu.zip")
    os.utime(place.feed_path / "2019/12/06/movies_deu.zip", (1e9, 1e9))
    assert done(place.convert()) == []
    assert commit(place.lake)["path"] == "2019/12/06/movies_deu.zip"


def test_force_converts_everything_to_the_same_bytes(place):
    place.write({DEU: week(), SWE: week()}).convert()
    before = place.files()
    assert done(place.convert(force=True)) == [DEU, SWE]
    assert place.files() == before


def test_a_lost_commit_is_a_zip_not_converted(place):
    place.write({DEU: week(), SWE: week()}).convert()
    before = place.files()
    (place.lake_path / "manifest/20191206/swe.json").unlink()
    assert done(place.convert()) == [SWE]
    assert place.files() == before


def test_what_a_killed_run_left_untidied_is_tidied(place):
    """It was killed between its commit and the removal of the one before."""
    place.write({DEU: week()}).convert()
    before = place.files()
    (place.lake_path / "manifest/20191206/deu.replaced").write_bytes(b"{}")
    assert done(place.convert()) == []
    assert place.files() == before


def test_what_a_killed_run_left_without_a_commit_goes(place):
    place.write({DEU: week()}).convert()
    before = place.files()
    (place.lake_path / "manifest/20191206/deu.json").unlink()
    for stale in ("json/20191206/deu/zS.jsonl.zst", f"parquet/movies/{HIVE}/z.parquet"):
        (place.lake_path / stale).write_bytes(b"half")
    place.convert()
    assert place.files() == before


# --- with and without JSON Lines


def test_no_json_writes_none(place):
    place.write({DEU: week()}).convert(with_json=False)
    assert place.names("json/") == []
    assert len(place.names("parquet/")) == 3
    assert commit(place.lake)["with_json"] is False
    assert member(place.lake, "191206S.XML")["json"] is None
    assert done(place.convert(with_json=False)) == []


def test_asking_for_json_later_converts_again(place, tmp_path):
    place.write({DEU: week()}).convert(with_json=False)
    assert done(place.convert()) == [DEU]
    other = beside(place, tmp_path / "other")
    other.convert()
    assert place.files() == other.files()


def test_json_that_is_there_stays(place):
    place.write({DEU: week()}).convert()
    assert done(place.convert(with_json=False)) == []
    assert len(place.names("json/")) == 3


def test_forcing_no_json_takes_it_away(place):
    place.write({DEU: week()}).convert()
    place.convert(with_json=False, force=True)
    assert place.names("json/") == []


def test_parquet_is_the_same_with_and_without_json(place):
    place.write({DEU: week()}).convert()
    before = {p: c for p, c in place.files().items() if p.startswith("parquet")}
    place.convert(with_json=False, force=True)
    assert {p: c for p, c in place.files().items() if p.startswith("parquet")} == before


# --- pruning


@pytest.fixture
def pruned(place) -> Place:
    place.write({DEU: week(), SWE: week(), LATER: week("20191213")}).convert()
    (place.feed_path / SWE).unlink()
    (place.feed_path / LATER).unlink()
    return place


def test_nothing_is_removed_unasked(pruned):
    before = pruned.files()
    result = pruned.convert()
    assert result.plan.missing == (("20191206", "swe"), ("20191213", "deu"))
    assert (result.removed, pruned.files()) == ((), before)


def test_pruning_removes_all_of_it(pruned):
    assert pruned.convert(prune=True).removed == (("20191206", "swe"), ("20191213", "deu"))
    assert [n for n in pruned.names() if "swe" in n or "20191213" in n] == []
    assert set(manifest(pruned.lake)["country"].to_pylist()) == {"deu"}
    assert len(pruned.names()) == 10


def test_pruning_keeps_to_the_selection(pruned):
    result = pruned.convert(prune=True, date_stamps="20191206")
    assert result.removed == (("20191206", "swe"),)
    assert pruned.names("manifest/") == [
        "manifest/20191206/deu.json",
        "manifest/20191213/deu.json",
    ]


def test_pruning_where_there_are_no_folders():
    """An object store has keys alone: nothing to remove but the files."""
    for path in (DEU, SWE):
        with fsspec.open(f"memory://prune-feed/{path}", "wb") as file:
            file.write(zipped(week()))
    convert("memory://prune-feed", "memory://prune-lake")
    memory = fsspec.filesystem("memory")
    memory.rm(f"/prune-feed/{SWE}")
    memory.pseudo_dirs[:] = [d for d in memory.pseudo_dirs if not d.startswith("/prune-lake")]
    assert convert("memory://prune-feed", "memory://prune-lake", prune=True).removed == (
        ("20191206", "swe"),
    )
    assert [path for path in memory.find("/prune-lake") if "swe" in path] == []


# --- selection


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, [DEU, SWE, LATER]),
        ({"countries": "deu"}, [DEU, LATER]),
        ({"countries": ["deu", "swe"], "date_stamps": "20191206"}, [DEU, SWE]),
        ({"date_stamps": "201912?3"}, [LATER]),
        ({"date_stamps": slice("20191207", None)}, [LATER]),
        ({"countries": iter(["swe"])}, [SWE]),
    ],
)
def test_only_what_is_selected_is_converted(place, terms, expected):
    place.write({DEU: week(), SWE: week(), LATER: week("20191213")})
    assert done(place.convert(**terms)) == expected


def test_selecting_nothing_says_what_there_is(place):
    place.write({DEU: week(), LATER: week()})
    message = (
        r"nothing in .*feed matches date_stamps=2018\*, countries=all; it has 2 stamps "
        r"\(20191206 to 20191213\) and the countries deu"
    )
    with pytest.raises(ValueError, match=message):
        place.convert(date_stamps="2018*")
    assert not place.lake_path.exists()


def test_parts_make_the_same_lake_as_the_whole(tmp_path):
    whole, parts = Place(tmp_path / "1"), Place(tmp_path / "2")
    whole.write({DEU: week(), SWE: week(), LATER: week("20191213")}).convert()
    shutil.copytree(whole.feed, parts.feed)  # with its modification times
    for terms in ({"date_stamps": "20191213"}, {"countries": "swe"}, {}):
        parts.convert(**terms)
    assert parts.files() == whole.files()


# --- refused


def test_no_feed(place):
    with pytest.raises(FileNotFoundError, match="found no folder at"):
        place.convert()
    assert not place.lake_path.exists()


def test_a_feed_without_zips_says_what_was_expected(place):
    place.write({"notes.txt": b""})
    with pytest.raises(ValueError, match=r"expected DATE_STAMP/movies_CCC\.zip below .*found none"):
        place.convert()


def test_a_feed_of_refused_names_alone_says_so(place):
    place.write({os.fsdecode(b"\xe9/20191206/movies_deu.zip"): week()})
    with pytest.raises(ValueError, match=r"expected feed zips .*found only refused: .*not UTF-8"):
        place.convert()


def test_a_folder_that_is_no_lake_is_left_alone(place):
    place.write({DEU: week()})
    write_feed(place.lake_path, {"thesis.tex": b"mine"})
    with pytest.raises(ValueError, match="expected a lake or an empty folder"):
        place.convert()
    assert place.files() == {"thesis.tex": b"mine"}


def test_a_lake_of_another_format_is_left_alone(place):
    place.write({DEU: week()})
    content = json.dumps({"format": FORMAT + 1}).encode()
    write_feed(place.lake_path, {"lake.json": content})
    with pytest.raises(
        ValueError, match="use the movielake that wrote it, or convert the feed anew"
    ):
        place.convert()
    assert place.files() == {"lake.json": content}


def test_two_sources_of_one_partition_are_refused_and_not_mixed(place):
    place.write(
        {
            DEU: {"191206S.XML": times(showing(1))},
            "2019/12/06/movies_deu.zip": {"191206S.XML": times(showing(2))},
        }
    )
    result = place.convert()
    assert not result.is_clean
    assert len(result.plan.feed.refused) == 1
    assert [row["movie_id"] for row in all_rows(place.lake)] == [2]


def test_a_zip_that_cannot_be_opened_is_tried_again(place):
    place.write({DEU: week()})
    (place.feed_path / SWE).symlink_to(place.feed_path / "nowhere.zip")
    result = place.convert()
    assert done(result) == [DEU]
    assert not result.is_clean
    assert [outcome.error.split(":")[0] for outcome in result.failed] == [SWE]
    assert "\n" not in result.failed[0].error
    (place.feed_path / SWE).unlink()
    assert done(place.write({SWE: week()}).convert()) == [SWE]


def test_the_feed_may_hold_the_lake(tmp_path):
    place = Place(tmp_path)
    place.lake_path = place.feed_path / "lake"
    place.lake = str(place.lake_path)
    place.write({DEU: week(), SWE: {"191206S.XML": b"<times><"}}).convert()
    again = place.convert()
    assert (again.plan.unchanged, again.outcomes, again.plan.feed.others) == (2, (), ())
    assert again.is_clean


# --- leftovers


def workspace_of(place: Place, owner: str) -> Path:
    folder = place.lake_path / ".work" / f"{owner}-1-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "0").write_bytes(b"half")
    return folder


def test_workspaces_of_dead_processes_are_removed(place):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = workspace_of(place, f"{socket.gethostname()}-{dead.pid}")
    place.write({DEU: week()}).convert()
    assert not folder.exists()


def test_workspaces_of_living_processes_are_kept(place):
    mine = workspace_of(place, f"{socket.gethostname()}-{os.getpid()}")
    other = workspace_of(place, "some-other-node-1")
    place.write({DEU: week()}).convert()
    assert [(folder / "0").read_bytes() for folder in (mine, other)] == [b"half", b"half"]


# --- the same lake, whoever makes it, in whatever order


def many_zips() -> dict[str, dict[str, str]]:
    feed = {
        f"201912{day:02}/movies_{country}.zip": week(f"201912{day:02}", shows=day)
        for day in (6, 13)
        for country in ("can", "deu", "swe")
    }
    feed["20191213/movies_xxx.zip"] = {
        "191213S.XML": "<times><showtime/>" * 3,
        "README.txt": "hello",
    }
    return feed


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Place:
    place = Place(tmp_path_factory.mktemp("reference")).write(many_zips())
    place.convert()
    return place


def test_two_workers_make_the_same_lake(reference, tmp_path):
    other = beside(reference, tmp_path)
    result = other.convert(workers=2)
    keys = [outcome.zip_.key for outcome in result.outcomes]
    assert keys == sorted(keys)
    assert other.files() == reference.files()


def test_workers_are_started_only_where_there_is_much_to_do(reference, tmp_path, monkeypatch):
    started = []

    def start(work, tasks, workers):
        started.append(workers)
        return share_out(work, tasks, 1)

    monkeypatch.setattr("movielake.conversion.runs.share_out", start)
    other = beside(reference, tmp_path)
    other.convert(workers=None)
    assert started == []
    monkeypatch.setattr("movielake.conversion.runs._FEW", 0)
    other.convert(workers=None, force=True)
    assert started == [None]
    assert other.files() == reference.files()


def test_a_running_client_is_used_and_makes_the_same_lake(reference, tmp_path):
    from distributed import Client

    other = beside(reference, tmp_path)
    with Client(processes=False, threads_per_worker=2, dashboard_address=None) as client:

        def transitions() -> int:
            return client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)

        before = transitions()
        other.convert(workers=None)
        assert transitions() > before + 7  # several for each of the zips
        assert client.status == "running"
    assert other.files() == reference.files()


def test_the_reversed_order_makes_the_same_lake(reference, tmp_path):
    other = beside(reference, tmp_path)
    for path in reversed(list(many_zips())):
        stamp, country = re.match(r"(\d+)/movies_(\w+)", path).groups()
        other.convert(date_stamps=stamp, countries=country)
    assert other.files() == reference.files()


def test_two_jobs_at_once_make_the_same_lake(reference, tmp_path):
    other = beside(reference, tmp_path)
    jobs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "movielake",
                "convert",
                other.feed,
                other.lake,
                "--stamps",
                stamp,
                "--workers",
                "1",
            ],
            cwd=Path(movielake.__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for stamp in ("20191206", "20191213")
    ]
    said = [job.communicate(timeout=60)[0].decode() for job in jobs]
    assert [job.returncode for job in jobs] == [0, 1], said
    other.convert()
    assert other.files() == reference.files()


def test_a_lake_in_memory_is_the_same_lake(reference):
    convert(reference.feed, "memory://conversion-lake")
    memory = fsspec.filesystem("memory")
    top = "/conversion-lake/"
    found = {path.removeprefix(top): memory.cat_file(path) for path in memory.find(top)}
    assert found == reference.files()


def test_a_feed_in_memory_makes_the_same_tables(reference):
    for path, content in files(reference.feed).items():
        with fsspec.open(f"memory://conversion-feed/{path}", "wb") as file:
            file.write(content)
    result = convert("memory://conversion-feed", "memory://lake-of-memory", workers=2)
    memory = fsspec.filesystem("memory")
    top = "/lake-of-memory/"
    found = {path.removeprefix(top): memory.cat_file(path) for path in memory.find(top)}
    assert len(result.commits) == 7
    assert {p: c for p, c in found.items() if "manifest" not in p} == {
        p: c for p, c in reference.files().items() if "manifest" not in p
    }
    assert convert("memory://conversion-feed", "memory://lake-of-memory").outcomes == ()


def test_callbacks_are_told_the_plan_and_every_outcome(reference, tmp_path):
    told: list[object] = []
    result = beside(reference, tmp_path).convert(on_plan=told.append, on_progress=told.append)
    assert told[0] is result.plan
    assert {outcome.zip_.key for outcome in told[1:]} == {o.zip_.key for o in result.outcomes}
    assert result.plan.bytes == sum(len(content) for content in files(reference.feed).values())


def test_the_biggest_zip_comes_first(reference, tmp_path):
    result = beside(reference, tmp_path).convert()
    sizes = [task.zip_.size for task in result.plan.tasks]
    assert sizes == sorted(sizes, reverse=True)


# --- members of many batches


@pytest.mark.parametrize("before", ["", "<!-- left to the reference -->"])
def test_batches_and_row_groups_leave_no_trace_in_the_data(tmp_path, monkeypatch, before):
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


# --- counts close

TIME = re.compile(r"\(?\d{1,2}:\d\d(?: ?[AP]M)?\)?")


def pieces_of(element: ElementTree.Element) -> list[str]:
    texts = [e.text or "" for e in element.findall("showtimes")]
    return [p.strip() for p in ",".join(texts).split(",") if p.strip()]


def count_screenings(xml: str) -> tuple[int, int]:
    """Count what design.md calls rows and screenings, with nothing of movielake."""
    total = with_time = 0
    for record in ElementTree.fromstring(xml):
        direct = pieces_of(record)
        dates = [pieces_of(date) for date in record.findall("show_date")]
        groups = [own or direct for own in dates] if dates else [direct]
        if direct and dates and all(dates):
            groups.append(direct)  # times that belong to no date
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
def test_counts_close(tmp_path_factory, zips):
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


def test_records_of_a_feed_are_counted_alike_everywhere(reference):
    """The zips' XML by xml.etree, the JSON by zstandard, the manifest, the Parquet: one number."""
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


# --- interrupted


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Place:
    """Give a feed that takes some seconds, and its lake made without interruption."""
    place = Place(tmp_path_factory.mktemp("large"))
    one = zipped({"191206S.XML": times(*(showing(n % 500, n % 97) for n in range(12_000)))})
    place.write({f"201912{day:02}/movies_deu.zip": one for day in range(1, 9)})
    place.convert()
    return place


def commits(place: Place) -> list[Path]:
    return sorted(place.lake_path.glob("manifest/*/*.json"))


@pytest.fixture
def started(large, tmp_path) -> Iterator[Callable[[int], tuple[Place, subprocess.Popen]]]:
    """Start a conversion in a process of its own and wait for its first commit."""
    processes = []

    def start(workers: int) -> tuple[Place, subprocess.Popen]:
        place = beside(large, tmp_path)
        command = [sys.executable, "-m", "movielake", "convert", place.feed, place.lake]
        process = subprocess.Popen(
            [*command, "--workers", str(workers)],
            cwd=Path(movielake.__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        while not commits(place):
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"ended before its first commit: {process.communicate(timeout=0.01)}")
        return place, process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def interrupt(
    place: Place, process: subprocess.Popen, send=os.kill, *, stuck: bool = False
) -> None:
    """Send Ctrl-C, to the process or like a terminal to its whole group, and look at the end."""
    children = psutil.Process(process.pid).children(recursive=True)
    for child in children if stuck else ():
        if "spawn_main" in " ".join(child.cmdline()):
            child.suspend()
    send(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert err == "movielake: interrupted; run the same command again to go on\n"
    assert (process.returncode, out) == (130, "")
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert place.names(".work") == []


def complete(place: Place, large: Place) -> None:
    """Run again: what was missing is converted, and the lake is as if nothing had happened."""
    first = len(commits(place))
    assert 1 <= first < 8
    assert len(done(place.convert())) == 8 - first
    assert place.files() == large.files()


@pytest.mark.parametrize(
    ("workers", "send"), [(1, os.kill), (2, os.killpg)], ids=["alone", "two-at-a-terminal"]
)
def test_ctrl_c_ends_cleanly_and_the_next_run_goes_on(large, started, workers, send):
    place, process = started(workers)
    interrupt(place, process, send)
    complete(place, large)


def test_a_lake_that_cannot_be_written_is_one_line_with_workers_too(large, tmp_path):
    """What a worker raises, dask would log with its trace."""
    place = beside(large, tmp_path)
    place.convert()
    shutil.rmtree(Path(place.lake) / "json")
    (Path(place.lake) / "json").write_text("a file")
    command = [sys.executable, "-m", "movielake", "convert", place.feed, place.lake]
    result = subprocess.run(
        [*command, "--workers", "2", "--force"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert re.fullmatch(
        r"movielake: [^\n]+; mend that and run the same command again\n",
        "".join(line for line in result.stderr.splitlines(True) if "convert: " not in line),
    )


def test_ctrl_c_while_workers_do_not_answer(large, started):
    place, process = started(2)
    interrupt(place, process, stuck=True)
    complete(place, large)


def test_a_killed_run_leaves_a_lake_that_the_next_run_completes(large, started):
    place, process = started(1)
    process.kill()
    process.wait()
    complete(place, large)
