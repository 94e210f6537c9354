"""Feed zips and their members are found, listed and opened."""

from __future__ import annotations

import errno
import io
import os
import random
import struct
import zipfile
import zlib
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movielake.feed.archives import UNREADABLE
from movielake.feed.zips import FeedZip, find_feed, fingerprint, open_members
from movielake.names.layout import Selection
from tests.feeds import houses, movies, showing, times, week, with_headers, write_feed, zipped

STAMP = "20191206"
ZIP = f"{STAMP}/movies_deu.zip"


def found(root: str, *terms) -> list[tuple[str, str, str]]:
    feed = find_feed(root, Selection(*terms) if terms else None)
    return [(zip_.path, zip_.date_stamp, zip_.country) for zip_ in feed.zips]


def members(tmp_path: Path, content, path: str = ZIP) -> dict[str, bytes]:
    """Open the only feed zip of a feed and read all its members."""
    root = write_feed(tmp_path, {path: content})
    with open_members(root, find_feed(root).zips[0]) as opened:
        return {member.name: member.open().read() for member in opened}


# --- finding


@pytest.mark.parametrize(
    ("path", "stamp", "country"),
    [
        ("20191206/movies_can.zip", "20191206", "can"),
        ("2019/12/06/movies_can.zip", "20191206", "can"),
        ("20191206/can/191206S.XML", "20191206", "can"),
        # At any depth.
        ("a/b/20191206/movies_can.zip", "20191206", "can"),
        ("archive/2019/12/06/movies_can.zip", "20191206", "can"),
        ("a/20191206/can/191206S.XML", "20191206", "can"),
        ("2019/20191206/movies_can.zip", "20191206", "can"),
        # In any case.
        ("20191206/MOVIES_CAN.ZIP", "20191206", "can"),
        ("20191206/Movies_Deu.Zip", "20191206", "deu"),
        ("20191206/CAN/191206s.xml", "20191206", "can"),
    ],
)
def test_zips_in_all_three_layouts_are_found(tmp_path, path, stamp, country):
    root = write_feed(tmp_path, {path: b"x"})
    (zip_,) = find_feed(root).zips
    assert zip_.key == (stamp, country)
    assert zip_.size == 1
    assert zip_.path == (path if path.lower().endswith("zip") else path.rpartition("/")[0])


@pytest.mark.parametrize(
    "path",
    [
        "movies_can.zip",
        "2019120/movies_can.zip",
        "20191301/movies_can.zip",
        "2019/13/01/movies_can.zip",
        "x20191206/movies_can.zip",
        "20191206x/movies_can.zip",
        "20191206/can.zip",
        "20191206/movies_ca.zip",
        "20191206/movies_cana.zip",
        "20191206/movies_can.zip.part",
        "20191206/movies_can.zip\n",
        "20191206/old_movies_can.zip",
        "20191206/movies_can.7z",
        "20191206/movies_c1n.zip",
        "20191206/movies_\N{KELVIN SIGN}or.zip",
        "٢٠١٩١٢٠٦/movies_can.zip",
        "20191206/191206S.XML",
        "20191206/can/191206S.XML.gz",
        "20191206/can/sub/191206S.XML",
        "20191306/can/191206S.XML",
        "20191206/README.txt",
        ".DS_Store",
    ],
)
def test_other_files_are_listed(tmp_path, path):
    root = write_feed(tmp_path, {path: b"x", ZIP: week()})
    feed = find_feed(root)
    assert feed.others == (path,)
    assert [zip_.path for zip_ in feed.zips] == [ZIP]
    assert feed.refused == ()


def test_zips_are_sorted_by_stamp_and_country(tmp_path):
    paths = [f"{s}/movies_{c}.zip" for s in ("20200103", "20191206") for c in ("swe", "can")]
    root = write_feed(tmp_path, dict.fromkeys(paths, b""))
    assert [key[1:] for key in found(root)] == [
        ("20191206", "can"),
        ("20191206", "swe"),
        ("20200103", "can"),
        ("20200103", "swe"),
    ]


@pytest.mark.parametrize(
    ("terms", "count"),
    [((), 4), (("2019*",), 2), ((None, "swe"), 2), (("2019*", "swe"), 1), (("2018*",), 0)],
)
def test_only_selected_zips_are_found(tmp_path, terms, count):
    paths = [f"{s}/movies_{c}.zip" for s in ("20200103", "20191206") for c in ("swe", "can")]
    assert len(found(write_feed(tmp_path, dict.fromkeys(paths, b"")), *terms)) == count


def test_zips_outside_the_selection_are_not_listed_as_other_files(tmp_path):
    root = write_feed(tmp_path, {ZIP: b"", "20191206/can/191206S.XML": b""})
    assert find_feed(root, Selection(countries="swe")).others == ()


@pytest.mark.parametrize(
    ("other", "kept", "refused"),
    [
        ("2019/12/06/movies_deu.zip", "2019/12/06/movies_deu.zip", ZIP),
        ("20191206/deu/191206S.XML", ZIP, "20191206/deu"),
    ],
    ids=["two zips", "a zip and a folder"],
)
def test_a_second_source_of_a_partition_is_refused(tmp_path, other, kept, refused):
    feed = find_feed(write_feed(tmp_path, {ZIP: b"", other: b""}))
    assert [zip_.path for zip_ in feed.zips] == [kept]
    assert feed.refused == (f"{refused}: {kept} is for 20191206/deu too; keep one of them",)


@pytest.mark.parametrize(
    "others",
    [["20191206/MOVIES_DEU.ZIP"], ["a/20191206/movies_deu.zip", "2019/12/06/movies_deu.zip"]],
    ids=["other case", "three layouts"],
)
def test_only_one_source_of_a_partition_is_kept(tmp_path, others):
    feed = find_feed(write_feed(tmp_path, dict.fromkeys([ZIP, *others], b"")))
    assert len(feed.zips) == 1
    assert len(feed.refused) == len(others)


def test_a_refused_zip_outside_the_selection_is_not_listed(tmp_path):
    root = write_feed(tmp_path, {ZIP: b"", "2019/12/06/movies_deu.zip": b""})
    assert find_feed(root, Selection(countries="swe")).refused == ()


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    name = os.fsdecode(b"Z\xfcrich.XML")
    root = write_feed(tmp_path, {f"20191206/deu/{name}": b"", "20191206/deu/191206S.XML": b"xy"})
    feed = find_feed(root)
    assert feed.refused == (f"20191206/deu/{name}: its name is not UTF-8; rename it",)
    assert [zip_.size for zip_ in feed.zips] == [2]
    with open_members(root, feed.zips[0]) as opened:
        assert [member.name for member in opened] == ["191206S.XML"]


def test_a_lake_inside_the_feed_is_ignored(tmp_path):
    root = write_feed(
        tmp_path,
        {
            ZIP: week(),
            "lake/lake.json": b"{}",
            "lake/quarantine/20191206/swe/191206S.XML": b"<times",
            "lake/json/20191206/deu/191206S.jsonl.zst": b"",
            "lakeside/notes.txt": b"",
        },
    )
    feed = find_feed(root)
    assert [zip_.path for zip_ in feed.zips] == [ZIP]
    assert feed.others == ("lakeside/notes.txt",)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a folder with .*found no folder at"):
        find_feed(str(tmp_path / "none"))


def test_a_file_is_not_a_feed(tmp_path):
    (tmp_path / "movies_deu.zip").write_bytes(zipped(week()))
    with pytest.raises(FileNotFoundError, match="found no folder at"):
        find_feed(str(tmp_path / "movies_deu.zip"))


def test_an_empty_folder_is_an_empty_feed(tmp_path):
    assert find_feed(str(tmp_path)).zips == ()


def test_a_zip_has_the_size_and_time_of_its_file(tmp_path):
    root = write_feed(tmp_path, {ZIP: b"12345"})
    os.utime(tmp_path / ZIP, (1_000_000_000, 1_000_000_000))
    (zip_,) = find_feed(root).zips
    assert zip_ == FeedZip(ZIP, "20191206", "deu", 5, "1000000000.0")
    assert not zip_.is_folder


def test_a_folder_has_the_total_size_and_latest_time_of_its_files(tmp_path):
    root = write_feed(tmp_path, {"20191206/deu/a.XML": b"12", "20191206/deu/b.XML": b"345"})
    os.utime(tmp_path / "20191206/deu/a.XML", (10, 2_000_000_000))
    os.utime(tmp_path / "20191206/deu/b.XML", (10, 1_000_000_000))
    (zip_,) = find_feed(root).zips
    assert zip_ == FeedZip("20191206/deu", "20191206", "deu", 5, "2000000000.0")
    assert zip_.is_folder


def test_a_feed_in_memory_is_read():
    with fsspec.open("memory://feed-here/20191206/movies_deu.zip", "wb") as file:
        file.write(zipped({"191206S.XML": times()}))
    (zip_,) = find_feed("memory://feed-here").zips
    assert zip_.key == ("20191206", "deu")
    with open_members("memory://feed-here", zip_) as opened:
        assert [m.open().read() for m in opened] == [b"<times></times>"]


# --- members


def test_members_are_sorted_by_name(tmp_path):
    content = {"c.XML": "3", "a.XML": "1", "b.XML": "2"}
    assert list(members(tmp_path, content).items()) == [
        ("a.XML", b"1"),
        ("b.XML", b"2"),
        ("c.XML", b"3"),
    ]


def test_a_member_has_its_size_and_crc(tmp_path):
    root = write_feed(tmp_path, {ZIP: {"a.XML": b"hello"}})
    with open_members(root, find_feed(root).zips[0]) as (member,):
        assert (member.size, member.check) == (5, f"{zlib.crc32(b'hello'):08x}")


FOLDERS = [("20191206/", b""), ("20191206/can/", b""), ("20191206/can/191206S.XML", b"x")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (FOLDERS, {"20191206/can/191206S.XML": b"x"}),
        ([("", b"x"), ("a", b"y")], {"": b"x", "a": b"y"}),
        ({}, {}),
        (b"#!/bin/sh\n" * 99 + zipped({"a.XML": "x"}), {"a.XML": b"x"}),
    ],
    ids=["folders", "a member without a name", "no members", "a zip after other bytes"],
)
def test_members_of_unusual_zips_are_read(tmp_path, content, expected):
    assert members(tmp_path, content) == expected


def test_two_members_with_one_name_are_both_read(tmp_path):
    root = write_feed(tmp_path, {ZIP: [("a.XML", b"first"), ("a.XML", b"second")]})
    with open_members(root, find_feed(root).zips[0]) as opened:
        assert [(m.name, m.open().read()) for m in opened] == [
            ("a.XML", b"first"),
            ("a.XML", b"second"),
        ]


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_every_usual_compression_is_read(tmp_path, compression):
    content = times(*(showing(n) for n in range(2000))).encode()
    assert members(tmp_path, zipped({"a.XML": content}, compression)) == {"a.XML": content}


def test_a_zip64_member_is_read(tmp_path):
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w") as archive,
        archive.open("a.XML", "w", force_zip64=True) as file,
    ):
        file.write(b"<times/>")
    local = packed.getvalue()
    assert struct.unpack_from("<H", local, 4) == (45,)  # the version that zip64 needs
    assert members(tmp_path, local) == {"a.XML": b"<times/>"}


def test_unzipped_members_are_read(tmp_path):
    root = write_feed(
        tmp_path,
        {
            "20191206/deu/191206S.XML": b"s",
            "20191206/deu/191206I.xml": b"i",
            "20191206/deu/notes.txt": b"n",
        },
    )
    feed = find_feed(root)
    with open_members(root, feed.zips[0]) as opened:
        assert [(m.name, m.size, m.open().read()) for m in opened] == [
            ("191206I.xml", 1, b"i"),
            ("191206S.XML", 1, b"s"),
        ]
    assert feed.others == ("20191206/deu/notes.txt",)


def test_members_can_be_read_twice_and_at_the_same_time(tmp_path):
    root = write_feed(tmp_path, {ZIP: {"a.XML": b"a" * 99_999, "b.XML": b"b" * 99_999}})
    with open_members(root, find_feed(root).zips[0]) as (a, b):
        one, two, again = a.open(), b.open(), a.open()
        pieces = [stream.read(10) for stream in (one, two, again, one)]
    assert pieces == [b"a" * 10, b"b" * 10, b"a" * 10, b"a" * 10]


@settings(deadline=None)
@given(content=st.binary(max_size=50_000), size=st.integers(1, 40_000))
def test_a_stream_returns_the_content_for_any_read_size(tmp_path_factory, content, size):
    root = write_feed(tmp_path_factory.mktemp("feed"), {ZIP: {"a.XML": content}})
    with open_members(root, find_feed(root).zips[0]) as (member,), member.open() as stream:
        blocks = []
        while block := stream.read(size):
            blocks.append(block)
    assert b"".join(blocks) == content
    assert max(map(len, blocks), default=0) <= size


# --- fingerprints


def digest(tmp_path: Path, content, path: str = ZIP) -> str:
    root = write_feed(tmp_path, {path: content})
    with open_members(root, find_feed(root).zips[0]) as opened:
        return fingerprint(opened)


def test_members_packed_again_have_the_same_fingerprint(tmp_path):
    content = {"b.XML": "1", "a.XML": "2"}
    stored = digest(tmp_path / "1", zipped(content, zipfile.ZIP_STORED))
    assert stored == digest(tmp_path / "2", zipped(dict(reversed(content.items()))))


@pytest.mark.parametrize(
    "other",
    [{"a.XML": "2"}, {"a.XML": "11"}, {"b.XML": "1"}, {"a.XML": "1", "b.XML": ""}, {}],
)
def test_any_change_of_a_member_changes_the_fingerprint(tmp_path, other):
    assert digest(tmp_path / "1", {"a.XML": "1"}) != digest(tmp_path / "2", other)


def test_unusual_names_have_a_fingerprint(tmp_path):
    assert len(digest(tmp_path, {"放映\nS.XML": "1"})) == 32


# --- damage: readable bytes first, then the error


def read_all(tmp_path: Path, content: bytes) -> tuple[bytes, str]:
    """Read the only member up to its end or its damage."""
    root = write_feed(tmp_path, {ZIP: content})
    read = b""
    with open_members(root, find_feed(root).zips[0]) as (member,):
        try:
            with member.open() as stream:
                while block := stream.read(1 << 15):
                    read += block
        except UNREADABLE as error:
            return read, str(error)
    return read, ""


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"flags": 1}, "encrypted"),
        ({"method": 97}, "compression"),
        ({"method": 99}, "compression"),
    ],
    ids=["encrypted", "method 97", "method 99"],
)
def test_a_member_that_cannot_be_unpacked_raises(tmp_path, headers, message):
    packed = zipped({"191206S.XML": b"<times/>"})
    read, error = read_all(tmp_path, with_headers(packed, **headers))
    assert read == b""
    assert message in error


@pytest.mark.parametrize("size", [10, 5_000, 100_000])
def test_a_wrong_crc_raises_after_the_last_byte(tmp_path, size):
    content = random.Random(size).randbytes(size)
    packed = bytearray(zipped({"191206S.XML": content}))
    packed[packed.index(b"PK\x01\x02") + 16] ^= 1
    assert read_all(tmp_path, bytes(packed)) == (content, "Bad CRC-32 for file '191206S.XML'")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bytes_well_before_a_break_in_the_stream_are_read(tmp_path, compression):
    content = random.Random(1).randbytes(3_000_000)
    packed = bytearray(zipped({"191206S.XML": content}, compression))
    middle = len(packed) // 2
    packed[middle : middle + 40] = bytes(40)
    read, error = read_all(tmp_path, bytes(packed))
    assert error
    assert len(read) > 500_000
    assert content.startswith(read[:500_000])


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04" + b"x" * 99])
def test_a_file_that_is_not_a_zip_raises(tmp_path, content):
    root = write_feed(tmp_path, {ZIP: content})
    with pytest.raises(zipfile.BadZipFile), open_members(root, find_feed(root).zips[0]):
        pass


@pytest.mark.parametrize("place", ["offset", "size"])
def test_a_zip_with_an_impossible_directory_raises(tmp_path, place):
    packed = bytearray(zipped(week()))
    end = packed.rindex(b"PK\x05\x06")
    struct.pack_into("<L", packed, end + (12 if place == "size" else 16), 0xFFFFFF00)
    root = write_feed(tmp_path, {ZIP: bytes(packed)})
    with pytest.raises(UNREADABLE), open_members(root, find_feed(root).zips[0]) as opened:
        opened[0].open()


def test_a_wrong_byte_anywhere_in_a_zip_raises_only_known_exceptions(tmp_path):
    """After each flip of a byte, each member is read or raises one of UNREADABLE."""
    packed = zipped({"191206S.XML": times(showing()), "191206I.XML": movies("Up")})
    root = write_feed(tmp_path, {ZIP: packed})
    (zip_,) = find_feed(root).zips
    refused = 0
    for place in range(len(packed)):
        flipped = bytearray(packed)
        flipped[place] ^= 0xFF
        (tmp_path / ZIP).write_bytes(flipped)
        try:
            with open_members(root, zip_) as opened:
                for member in opened:
                    member.open().read()
        except UNREADABLE:
            refused += 1
    assert 0 < refused <= len(packed)


def test_a_missing_zip_is_not_damage(tmp_path):
    root = write_feed(tmp_path, {ZIP: week()})
    (zip_,) = find_feed(root).zips
    (tmp_path / ZIP).unlink()
    with pytest.raises(FileNotFoundError) as caught, open_members(root, zip_):
        pass
    assert caught.value.errno == errno.ENOENT


def test_an_error_of_the_caller_passes_through(tmp_path):
    root = write_feed(tmp_path, {ZIP: {"191206T.XML": houses("Astra")}})
    with (
        pytest.raises(ValueError, match="mine"),
        open_members(root, find_feed(root).zips[0]),
    ):
        raise ValueError("mine")


def test_an_error_of_the_file_system_is_not_damage(tmp_path):
    """A zip on a failing disk is tried again later. Only damaged bytes go to quarantine."""
    root = write_feed(tmp_path, {ZIP: week()})
    (zip_,) = find_feed(root).zips
    (tmp_path / ZIP).unlink()
    (tmp_path / ZIP).mkdir()
    with pytest.raises(IsADirectoryError), open_members(root, zip_):
        pass
