"""Packs: plain tars, with the same bytes for the same lake, and readable in part."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import zlib
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import convert
from movielake.lake.ledger import committed
from movielake.lake.manifest import read_manifest
from movielake.lake.opening import create_lake
from movielake.names.layout import Folder
from movielake.staging import packing, sources
from movielake.staging.copies import stage
from movielake.staging.packing import pack
from movielake.staging.packs import index_header, index_size, member_header, read_index
from movielake.staging.sources import Pack, Source, open_source
from tests.crashes import fork
from tests.feeds import files, week, write_feed

LONG = f"{'x' * 120}.XML"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of two stamps and two countries. One member is damaged, one has a long name."""
    root = tmp_path_factory.mktemp("packed")
    third = week() | {"191206T.XML": "<houses><theater></houses>", LONG: "<movies></movies>"}
    feed = write_feed(
        root / "feed",
        {
            "20191206/movies_deu.zip": week(),
            "20191206/movies_swe.zip": third,
            "20191213/movies_deu.zip": week("20191213"),
        },
    )
    convert(feed, str(root / "lake"), workers=1)
    return root / "lake"


@pytest.fixture
def copy(lake: Path, tmp_path: Path) -> Path:
    """A copy of the lake, which a test can change."""
    return Path(shutil.copytree(lake, tmp_path / "lake"))


def known(lake: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(lake).items() if not name.startswith(".")}


def test_tar_unpacks_a_pack_to_the_lake(lake: Path, tmp_path: Path) -> None:
    pack(str(lake), str(tmp_path / "lake.tar"), leaves=True)
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        ["tar", "xf", "lake.tar", "-C", "out"], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stderr == b""
    assert files(tmp_path / "out") == known(lake)


def test_the_manifest_comes_first_then_data_by_stamp_and_country(
    lake: Path, tmp_path: Path
) -> None:
    pack(str(lake), str(tmp_path / "lake.tar"), leaves=True)
    listed = subprocess.run(["tar", "tf", tmp_path / "lake.tar"], capture_output=True, check=True)
    names = listed.stdout.decode().split()
    assert names[:5] == [
        "lake.json",
        "manifest.parquet",
        "manifest/20191206/deu.json",
        "manifest/20191206/swe.json",
        "manifest/20191213/deu.json",
    ]
    partitions = [("20191206", "deu"), ("20191206", "swe"), ("20191213", "deu")]
    assert names[-1] == "datapackage.json"
    order = [next(p for p in partitions if p[0] in name and p[1] in name) for name in names[5:-1]]
    assert order == sorted(order)
    assert any(name.startswith("quarantine/20191206/swe/") for name in names)
    assert set(names) == set(known(lake))


def test_the_same_lake_gives_the_same_bytes(lake: Path, copy: Path, tmp_path: Path) -> None:
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    (copy / "manifest.parquet").unlink()
    first = pack(str(lake), str(tmp_path / "1.tar"), leaves=True)
    second = pack(str(copy), str(tmp_path / "2.tar"), leaves=True)
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    assert (first.bytes, first.sha256) == (second.bytes, second.sha256)
    assert first.sha256 == hashlib.sha256((tmp_path / "1.tar").read_bytes()).hexdigest()
    assert not (copy / "manifest.parquet").exists(), "packing must not change the lake"


def test_files_outside_the_manifest_are_not_packed(copy: Path, tmp_path: Path) -> None:
    (copy / "json/20191206/deu/stray.jsonl.zst").write_bytes(b"?")
    (copy / "notes.txt").write_bytes(b"?")
    (copy / ".work/x").mkdir(parents=True)
    (copy / ".work/x/0").write_bytes(b"?")
    pack(str(copy), str(tmp_path / "lake.tar"), leaves=True)
    with tarfile.open(tmp_path / "lake.tar") as tar:
        assert not {"json/20191206/deu/stray.jsonl.zst", "notes.txt"} & set(tar.getnames())


OLDER = index_header(b"{}", b"PAR1", {})
"""The beginning of an earlier pack."""


@pytest.mark.parametrize("damage", ["missing", "longer", "shorter", "other", "empty"])
def test_a_file_that_differs_from_the_manifest_is_refused(
    copy: Path, tmp_path: Path, damage: str
) -> None:
    place = copy / "parquet/showings/date_stamp=20191206/country=swe/191206S.parquet"
    content = place.read_bytes()
    place.unlink()
    spoiled = {
        "longer": content + b"x",
        "shorter": content[:-1],
        "other": content[:-1] + bytes([content[-1] ^ 1]),
        "empty": b"",
    }
    if damage in spoiled:
        place.write_bytes(spoiled[damage])
    target = tmp_path / "packs/lake.tar"
    target.parent.mkdir()
    target.write_bytes(OLDER)
    with pytest.raises(
        ValueError, match=r"lake: parquet/showings/.*country=swe/191206S.parquet (is|differs) "
    ):
        pack(str(copy), str(target), leaves=True)
    assert files(target.parent) == {"lake.tar": OLDER}


def test_progress_counts_every_data_file(lake: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    pack(
        str(lake),
        str(tmp_path / "lake.tar"),
        on_progress=lambda *file: told.append(file),
        leaves=True,
    )
    data = {p: c for p, c in known(lake).items() if p.startswith(("json/", "parquet/", "quar"))}
    assert dict(told) == {path: len(content) for path, content in data.items()}
    assert len(told) == len(data)


def test_large_files_are_streamed(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(str(lake), str(tmp_path / "1.tar"), leaves=True)
    monkeypatch.setattr(sources, "DISK_BLOCK", 100)
    monkeypatch.setattr(packing, "BLOCK", 100)
    pack(str(lake), str(tmp_path / "2.tar"), leaves=True)
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_lakes_and_packs_can_be_urls(lake: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(f"{lake}/", "/packing/lake/", recursive=True)
    pack("memory://packing/lake", "memory://packing/packs/lake.tar", leaves=True)
    pack("memory://packing/lake", "memory://top.tar", leaves=True)
    pack(f"file://{lake}", f"file://{tmp_path}/lake.tar", leaves=True)
    local = (tmp_path / "lake.tar").read_bytes()
    assert memory.cat_file("/packing/packs/lake.tar") == local
    assert memory.cat_file("/top.tar") == local
    assert memory.find("/packing/packs") == ["/packing/packs/lake.tar"]
    memory.rm("/top.tar")
    memory.rm("/packing", recursive=True)


def test_a_pack_name_needs_no_folder(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert pack(str(lake), "lake.tar").path == "lake.tar"
    assert list(files(tmp_path)) == ["lake.tar"]


def test_a_folder_without_a_lake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"found no lake.json in"):
        pack(str(tmp_path), str(tmp_path / "lake.tar"), leaves=True)
    assert files(tmp_path) == {}


def test_a_folder_is_refused_as_a_pack(lake: Path, tmp_path: Path) -> None:
    for target in (str(tmp_path), f"{tmp_path}/new/"):
        with pytest.raises(IsADirectoryError, match="expected a file for the pack, found the fold"):
            pack(str(lake), target, leaves=True)


def pack_and_die(lake: str, file: str, after: int) -> None:
    told: list[str] = []

    def die(path: str, _: int) -> None:
        told.append(path)
        if len(told) == after:
            os.kill(os.getpid(), signal.SIGKILL)

    pack(lake, file, on_progress=die, leaves=True)


@pytest.mark.parametrize("after", [1, 4, 9, 15])
def test_a_killed_pack_can_be_repeated(lake: Path, tmp_path: Path, after: int) -> None:
    whole = tmp_path / "whole.tar"
    target = tmp_path / "packs/lake.tar"
    pack(str(lake), str(whole), leaves=True)
    process = fork.Process(target=pack_and_die, args=(str(lake), str(target), after))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    left = list(files(target.parent))
    assert len(left) == 1
    assert left[0].startswith(".lake.tar.")
    pack(str(lake), str(target), leaves=True)
    assert files(target.parent) == {"lake.tar": whole.read_bytes()}


def test_unfinished_packs_of_other_processes_stay(lake: Path, tmp_path: Path) -> None:
    host, rest = socket.gethostname(), "1-0123456789ab"
    names = [
        f".lake.tar.{host}-{os.getpid()}-{rest}.partial",  # alive
        f".lake.tar.{host}-1-{rest}.partial",  # alive, perhaps of another user
        f".lake.tar.elsewhere-{2**22}-{rest}.partial",  # unknown
        f".other.tar.{host}-{2**22}-{rest}.partial",  # of another pack
        ".lake.tar.partial",
    ]
    for name in names:
        (tmp_path / name).touch()
    pack(str(lake), str(tmp_path / "lake.tar"), leaves=True)
    assert list(files(tmp_path)) == sorted([*names, "lake.tar"])


def test_a_pack_reads_like_its_lake(lake: Path, tmp_path: Path) -> None:
    pack(str(lake), str(tmp_path / "lake.tar"), leaves=True)
    folder = Folder(str(lake))
    with open_source(str(tmp_path / "lake.tar")) as packed:
        assert packed.name == "lake"
        assert (packed.is_local, packed.is_shared) == (False, True)
        assert committed(packed) == committed(folder)
        assert read_manifest(packed).equals(read_manifest(folder))
        with pytest.raises(FileNotFoundError, match=r"lake.tar: json/x is not in the pack"):
            packed.read("json/x", 0, 1)


def test_an_empty_lake_can_be_packed_but_not_staged(tmp_path: Path) -> None:
    create_lake(Folder(str(tmp_path / "lake")))
    pack(str(tmp_path / "lake"), str(tmp_path / "lake.tar"), leaves=True)
    with open_source(str(tmp_path / "lake.tar")) as packed:
        assert isinstance(packed, Pack)
        assert committed(packed) == []
    with pytest.raises(ValueError, match="expected a lake with data, found no commit in"):
        stage(str(tmp_path / "lake.tar"), str(tmp_path / "staged"))


def test_all_spellings_of_a_place_have_the_same_identity(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "link").symlink_to("lake")
    urls = [f"{tmp_path}/lake", f"{tmp_path}/link/", f"file://{tmp_path}/x/../lake"]
    assert {Source(url).identity for url in urls} == {f"{tmp_path.resolve()}/lake"}
    assert Source("memory://a/b/").identity == Source("memory://a/b").identity


@pytest.mark.parametrize(
    ("path", "size"), [("a" * 100, 0), ("a" * 101, 5), ("ä", 5), ("x", 8**11), ("x", 8**11 - 1)]
)
def test_headers_have_the_computed_size(path: str, size: int) -> None:
    from movielake.staging.packs import place

    spans, _ = place(0, [(path, size)])
    assert spans[path].offset == len(member_header(path, size))


@given(st.binary(max_size=2000))
def test_random_bytes_are_not_an_index(content: bytes) -> None:
    assert index_size(content) == 0
    assert read_index(content) is None


@given(st.binary(min_size=1, max_size=300), st.integers(0, 1000))
def test_a_damaged_index_is_never_used(noise: bytes, at: int) -> None:
    header = index_header(b"{}", b"PAR1", {})
    spoiled = header[:at] + noise + header[at + len(noise) :]
    index_size(spoiled)
    try:
        found = read_index(spoiled)
    except ValueError as error:
        assert str(error) == "the index of the pack is damaged; pack the lake again"  # noqa: PT017
    else:
        assert found in (None, read_index(header))


def test_a_changed_digit_in_the_index_is_detected() -> None:
    header = index_header(b"{}", b"PAR1", {})
    spoiled = header.replace(b'"lake":[2,', b'"lake":[3,')
    assert spoiled != header
    with pytest.raises(ValueError, match="the index of the pack is damaged"):
        read_index(spoiled)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lake":1}', "[" * 9999, '{"lake":[1e400,1]}'])
def test_an_invalid_index_is_refused(text: str) -> None:
    comment = f"movielake-pack 1 {zlib.crc32(text.encode()):08x} {text}"
    header = tarfile.TarInfo.create_pax_global_header({"comment": comment})
    with pytest.raises(ValueError, match="the index of the pack is damaged"):
        read_index(header)


def test_other_comments_are_not_an_index() -> None:
    for comment in ("0123456789abcdef0123456789abcdef01234567", "movielake-pack 2 00000000 {}"):
        assert read_index(tarfile.TarInfo.create_pax_global_header({"comment": comment})) is None
