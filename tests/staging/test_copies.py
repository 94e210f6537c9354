"""Staging: whole lakes and parts, repeated, parallel and killed stages, and hostile sources."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from movielake import convert
from movielake.lake.commits import MOST
from movielake.lake.gaps import UnreadableCommitWarning
from movielake.lake.ledger import committed
from movielake.lake.manifest import read_manifest
from movielake.lake.opening import check_lake
from movielake.names.layout import Folder
from movielake.staging import sources, targets
from movielake.staging.copies import STAGED_FILE, stage
from movielake.staging.packing import pack
from tests.crashes import fork
from tests.feeds import all_rows, commit, files, week, write_feed

SHOWINGS = "parquet/showings/date_stamp=20191206/country=deu/191206S.parquet"


def feed_files() -> dict[str, Any]:
    damaged = week() | {"191206T.XML": "<houses><theater></houses>", "191206X.XML": "<what/>"}
    later = {f"20191213/movies_{ccc}.zip": week("20191213") for ccc in ("deu", "fra")}
    return {
        "20191206/movies_deu.zip": week(),
        "20191206/movies_swe.zip": damaged,
        "20191206/movies_chn.zip": {"191206S.XML": week()["191206S.XML"]},
        **later,
    }


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stamps and four countries. In swe, two members are damaged. chn has only showings."""
    root = tmp_path_factory.mktemp("staged")
    convert(write_feed(root / "feed", feed_files()), str(root / "lake"), workers=1)
    shutil.rmtree(root / "lake/.work", ignore_errors=True)
    return root / "lake"


@pytest.fixture(scope="module")
def packed(lake: Path) -> Path:
    pack(str(lake), str(lake.with_name("lake.tar")), leaves=True)
    return lake.with_name("lake.tar")


@pytest.fixture(params=["folder", "pack", "plain tar"])
def source(request: pytest.FixtureRequest, lake: Path, packed: Path, tmp_path: Path) -> str:
    """The same lake as a folder, as a pack and as a tar without an index."""
    if request.param == "plain tar":
        subprocess.run(["tar", "cf", tmp_path / "plain.tar", "-C", lake, "."], check=True)
        return str(tmp_path / "plain.tar")
    return str(lake if request.param == "folder" else packed)


@pytest.fixture
def copy(lake: Path, tmp_path: Path) -> Path:
    """A copy of the lake and its feed, which a test can change."""
    shutil.copytree(lake.with_name("feed"), tmp_path / "feed")
    return Path(shutil.copytree(lake, tmp_path / "copy"))


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "ssd"


def seen(folder: Path) -> dict[str, bytes]:
    """Read all files of a staged lake, except the one that names its source."""
    found = files(folder)
    found.pop(STAGED_FILE, None)
    return found


def assert_agrees(folder: Path, source: Path) -> None:
    """Check that a staged lake has exactly the files of its manifest, as in the source."""
    check_lake(Folder(str(folder)))
    manifest = read_manifest(Folder(str(folder)))
    (folder / "manifest.parquet").unlink()
    assert read_manifest(Folder(str(folder))).equals(manifest), "made from other commits"
    paths = {path for name in ("json_path", "parquet_path") for path in manifest[name].to_pylist()}
    paths |= {file["path"] for files in manifest["quarantine"].to_pylist() for file in files or ()}
    found = seen(folder)
    tops = ("manifest/", "lake.json", "datapackage.json")
    data = {path for path in found if not path.startswith(tops)}
    assert data == paths - {None}
    assert all(found[path] == (source / path).read_bytes() for path in data)


def test_a_whole_lake_is_staged(source: str, lake: Path, to: Path) -> None:
    assert stage(source, str(to)) == str(to)
    assert seen(to) == seen(lake)
    assert not (to / ".work").exists()


@pytest.mark.parametrize("form", ["gnu", "ustar", "pax", "v7"])
def test_tars_of_all_formats_are_staged(lake: Path, tmp_path: Path, to: Path, form: str) -> None:
    command = ["tar", "cf", str(tmp_path / "x.tar"), f"--format={form}", "-C", str(lake.parent)]
    subprocess.run([*command, "lake"], check=True)
    stage(str(tmp_path / "x.tar"), str(to))
    assert seen(to) == seen(lake)


def test_files_added_to_a_pack_are_ignored(packed: Path, lake: Path, to: Path) -> None:
    tar = Path(shutil.copy(packed, to.with_name("more.tar")))
    changed = to.with_name("changed")
    (changed / SHOWINGS).parent.mkdir(parents=True)
    (changed / SHOWINGS).write_bytes(b"other")
    (changed / "notes.bin").write_bytes(bytes(99999))
    subprocess.run(["tar", "rf", tar, "-C", changed, SHOWINGS, "notes.bin"], check=True)
    stage(str(tar), str(to))
    assert seen(to) == seen(lake)


def test_a_pack_without_a_needed_file_is_refused(packed: Path, lake: Path, to: Path) -> None:
    tar = Path(shutil.copy(packed, to.with_name("less.tar")))
    subprocess.run(["tar", "--delete", "-f", tar, SHOWINGS], check=True)
    with pytest.raises(ValueError, match=rf"less.tar: {SHOWINGS} is missing"):
        stage(str(tar), str(to))
    stage(str(tar), str(to), countries="swe,fra,chn")
    assert_agrees(to, lake)


def test_the_outermost_lake_of_a_tar_is_staged(lake: Path, tmp_path: Path, to: Path) -> None:
    outer = Path(shutil.copytree(lake, tmp_path / "outer"))
    (outer / "backup").mkdir()
    shutil.copy(lake / "lake.json", outer / "backup/lake.json")
    subprocess.run(["tar", "cf", tmp_path / "x.tar", "-C", tmp_path, "outer"], check=True)
    stage(str(tmp_path / "x.tar"), str(to))
    assert seen(to) == seen(lake)


def test_a_sparse_member_is_refused(lake: Path, tmp_path: Path, to: Path) -> None:
    outer = Path(shutil.copytree(lake, tmp_path / "outer"))
    with (outer / "hole").open("wb") as file:
        file.truncate(10**7)
    subprocess.run(["tar", "cSf", tmp_path / "x.tar", "-C", outer, "."], check=True)
    with pytest.raises(ValueError, match=r"refused: its member './hole' is neither a plain file"):
        stage(str(tmp_path / "x.tar"), str(to))


@pytest.mark.parametrize(
    ("selection", "partitions", "tables", "suffixes"),
    [
        ({"countries": "deu"}, 2, {"movies", "theaters", "showings"}, {".zst", ".parquet"}),
        ({"date_stamps": "20191213"}, 2, {"movies", "theaters", "showings"}, {".zst", ".parquet"}),
        ({"tables": "showings", "json": False}, 5, {"showings"}, {".parquet", ".XML"}),
        ({"tables": ["movies", "theaters"]}, 5, {"movies", "theaters"}, {".zst", ".parquet"}),
        ({"json": False, "countries": ["swe", "c*"]}, 2, None, {".parquet"}),
        ({"date_stamps": slice("20191207", None), "countries": "fra"}, 1, None, {".zst"}),
    ],
)
def test_a_part_is_a_lake(
    source: str,
    lake: Path,
    to: Path,
    selection: dict[str, Any],
    partitions: int,
    tables: set[str] | None,
    suffixes: set[str],
) -> None:
    stage(source, str(to), **selection)
    manifest = read_manifest(Folder(str(to)))
    assert len(committed(Folder(str(to)))) == partitions
    assert tables is None or set(manifest["table"].to_pylist()) - {None} == tables
    found = {Path(path).suffix for path in seen(to) if path.startswith(("json", "parquet/"))}
    assert found <= suffixes | {".parquet"}
    assert (".zst" in found) == selection.get("json", True)
    assert_agrees(to, lake)


def test_a_selection_without_members_has_an_empty_commit(lake: Path, to: Path) -> None:
    stage(str(lake), str(to), countries="chn", tables="movies")
    assert committed(Folder(str(to))) == [("20191206", "chn")]
    assert commit(to, "20191206", "chn")["members"] == []
    assert_agrees(to, lake)


def test_with_json_is_true_only_if_all_json_is_staged(lake: Path, to: Path) -> None:
    stage(str(lake), str(to), countries="deu", tables="showings", json=False)
    assert commit(to)["with_json"] is False
    stage(str(lake), str(to), countries="deu", tables="movies")
    assert commit(to)["with_json"] is False, "showings have no JSON"
    stage(str(lake), str(to), countries="deu", tables="showings")
    assert commit(to)["with_json"] is True


def test_other_programs_read_a_staged_lake(packed: Path, lake: Path, to: Path) -> None:
    import duckdb  # imported here, so that the processes of other tests do not load it
    import pandas as pd

    from movielake.reading.readers import ShowingsReader

    staged = stage(str(packed), str(to), countries="deu", json=False)
    rows = [row for row in all_rows(lake) if "/deu/" in row["source_xml"]]
    glob = f"{staged}/parquet/showings/*/*/*.parquet"
    counted = duckdb.sql(f"select count(*), min(country), max(country) from '{glob}'")
    assert counted.fetchall() == [(len(rows), "deu", "deu")]
    assert len(pd.read_parquet(f"{staged}/parquet/showings")) == len(rows)
    with ShowingsReader(staged) as showings:
        assert showings.count == 4


def test_a_second_stage_copies_no_file(
    source: str, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage(source, str(to))
    before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in to.rglob("*")}
    told: list[str] = []
    monkeypatch.delattr(hashlib, "file_digest")  # a file of a commit is not read again
    stage(source, str(to), on_progress=lambda path, _: told.append(path))
    assert told == []
    assert {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in to.rglob("*")} == before


def test_progress_reports_every_data_file(source: str, lake: Path, to: Path) -> None:
    told: list[tuple[str, int]] = []
    stage(source, str(to), on_progress=lambda *file: told.append(file))
    data = {p: len(c) for p, c in seen(lake).items() if p.startswith(("json/", "parq", "quar"))}
    assert dict(told) == data
    assert len(told) == len(data)


def held(folder: Path) -> set[tuple[str, str | None, bool]]:
    """Return each country and table of a lake, and whether it has JSON."""
    rows = read_manifest(Folder(str(folder))).to_pylist()
    return {(row["country"], row["table"], row["json_path"] is not None) for row in rows}


def test_a_larger_selection_adds_files_and_a_smaller_one_removes_none(
    source: str, lake: Path, to: Path
) -> None:
    stage(source, str(to), countries="deu", tables="showings", json=False)
    stage(source, str(to), countries="swe", tables="movies")
    first = {("deu", "showings", False), ("swe", "movies", True), ("swe", None, False)}
    assert held(to) == first
    stage(source, str(to), countries="deu", tables="movies")
    assert held(to) == first | {("deu", "movies", True)}
    told: list[str] = []
    stage(source, str(to), on_progress=lambda path, _: told.append(path))
    assert SHOWINGS not in told
    assert seen(to) == seen(lake)
    stage(source, str(to), json=False)
    assert seen(to) == seen(lake)


def reconvert(copy: Path, changed: dict[str, Any], **options: Any) -> None:
    write_feed(copy.with_name("feed"), changed)
    convert(str(copy.with_name("feed")), str(copy), workers=1, force=True, **options)


def test_a_reconverted_partition_is_replaced(copy: Path, to: Path) -> None:
    stage(str(copy), str(to), date_stamps="20191206")
    newer = {"191206NewS.XML": week(shows=5)["191206S.XML"]}
    reconvert(copy, {"20191206/movies_deu.zip": newer})
    stage(str(copy), str(to), countries="fra")
    assert_agrees(to, copy)
    assert not (to / SHOWINGS).exists()
    assert len(commit(to)["members"]) == 1
    stage(str(copy), str(to))
    assert seen(to).keys() - {"manifest.parquet"} == seen(copy).keys() - {"manifest.parquet"}


def test_a_partition_dropped_by_the_source_is_removed(copy: Path, to: Path) -> None:
    stage(str(copy), str(to))
    (copy.with_name("feed") / "20191206/movies_deu.zip").unlink()
    convert(str(copy.with_name("feed")), str(copy), workers=1, prune=True)
    stage(str(copy), str(to), countries="fra")
    assert ("20191206", "deu") not in committed(Folder(str(to)))
    assert not (to / SHOWINGS).parent.exists()
    assert_agrees(to, copy)


def test_missing_and_cut_files_are_restored(source: str, lake: Path, to: Path) -> None:
    stage(source, str(to))
    (to / SHOWINGS).write_bytes(b"PAR1")
    (to / "json/20191206/chn/191206S.jsonl.zst").unlink()
    (to / "manifest.parquet").unlink()
    (to / "manifest/20191213/fra.json").unlink()
    (to / "lake.json").unlink()
    stage(source, str(to))
    assert seen(to) == seen(lake)


def test_a_file_without_a_commit_is_read_and_compared(source: str, lake: Path, to: Path) -> None:
    content = (lake / SHOWINGS).read_bytes()
    stage(source, str(to), countries="fra")
    place = to / SHOWINGS
    place.parent.mkdir(parents=True)
    place.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    place.with_name("stray.parquet").write_bytes(b"?")
    stage(source, str(to))
    assert seen(to) == seen(lake)


# Where to stage


def test_the_default_is_the_scratch_of_the_job(
    source: str, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path / "scratch"))
    name = "plain" if "plain" in source else "lake"
    assert stage(source) == str(tmp_path / "scratch/movielake" / name)
    assert seen(tmp_path / "scratch/movielake" / name) == seen(lake)


def test_without_scratch_a_lake_is_used_in_place(
    lake: Path, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_TMPDIR", raising=False)
    assert stage(str(lake)) == str(lake)
    with pytest.raises(ValueError, match=r"a pack cannot be used in place.*lake.tar with --to DIR"):
        stage(str(packed))


def test_a_relative_folder_becomes_absolute(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert stage(str(lake), "ssd", countries="chn") == str(tmp_path / "ssd")


def test_a_folder_with_other_content_is_refused(
    lake: Path, packed: Path, copy: Path, to: Path
) -> None:
    to.mkdir()
    (to / "thesis.txt").write_text("all of it")
    for target in (to, copy, lake):
        before = files(target)
        with pytest.raises(ValueError, match="expected an empty folder or a staged lake, found"):
            stage(str(lake), str(target))
        assert files(target) == before
    (to / "thesis.txt").unlink()
    stage(str(lake), str(to), countries="chn")
    before = files(to)
    with pytest.raises(
        ValueError, match=r"was staged from .*lake\", \"layout.*, not from .*lake.tar.*; choose"
    ):
        stage(str(packed), str(to))
    assert files(to) == before
    with pytest.raises(ValueError, match="expected a folder on this machine"):
        stage(str(lake), "memory://ssd")


def test_an_impossible_selection_is_refused(source: str, to: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"nothing in .* matches date_stamps=all, countries=xyz; it has 2 stamps "
        r"\(20191206 to 20191213\) and the countries chn, deu, fra, swe",
    ):
        stage(source, str(to), countries="xyz")
    with pytest.raises(ValueError, match=r"no country sew in .*; did you mean swe"):
        stage(source, str(to), countries="deu,sew")
    for tables in ("films", "movies,films", [], ""):
        with pytest.raises(ValueError, match="expected tables out of movies, theaters, showings"):
            stage(source, str(to), tables=tables)
    assert not to.exists()


@pytest.mark.parametrize(
    "form", ["nothing", "no lake", "other format", "pipe", "text", "gz", "zeros"]
)
def test_an_invalid_source_is_refused(lake: Path, tmp_path: Path, to: Path, form: str) -> None:
    place = tmp_path / "source"
    if form == "pipe":
        os.mkfifo(place)
    elif form in ("no lake", "other format"):
        place.mkdir()
        (place / "x").touch()
        if form == "other format":
            (place / "lake.json").write_text('{"format": 99}')
    elif form == "gz":
        subprocess.run(["tar", "czf", place, "-C", lake, "."], check=True)
    elif form != "nothing":
        place.write_bytes(bytes(10240) if form == "zeros" else b"showtimes " * 1000)
    expected = {
        "nothing": "expected a lake or a pack, found nothing at",
        "no lake": "expected a lake, found no lake.json",
        "zeros": "expected a lake, found no lake.json",
        "other format": "expected a lake of format 2, found format 99",
        "pipe": "found neither a folder nor a file",
    }
    with pytest.raises(
        (ValueError, FileNotFoundError), match=expected.get(form, r"\(an uncompressed tar of one\)")
    ):
        stage(str(place), str(to))
    assert not to.exists()


def test_space_is_checked_before_copying(
    source: str, lake: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 4096))
    with pytest.raises(OSError, match=r"not enough space .*ssd: [0-9,]+ bytes needed, 4,096 avail"):
        stage(source, str(to))
    assert seen(to) == {}
    size = sum(len(c) for p, c in seen(lake).items() if p.startswith(("json/", "parq", "quar")))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, size + 99))
    with pytest.raises(OSError, match="not enough space"):  # a file takes whole blocks
        stage(source, str(to))
    monkeypatch.undo()
    stage(source, str(to))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    stage(source, str(to))  # needs no space because no file is missing


def test_large_files_are_streamed(
    source: str, lake: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "DISK_BLOCK", 100)
    stage(source, str(to), workers=3)
    assert seen(to) == seen(lake)


# URLs


class Counted(MemoryFileSystem):
    """A file system in memory that counts the bytes that are read from it."""

    protocol = "counted"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012
    read = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("counted://", "memory://")))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        content = bytes(self.store[self._strip_protocol(path)].getvalue())[start:end]
        type(self).read += len(content)
        return content

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            raise AssertionError("expected reads of byte ranges only")
        return super()._open(path, mode, **options)


@pytest.fixture
def counted(packed: Path, lake: Path) -> Iterator[type[Counted]]:
    fsspec.register_implementation("counted", Counted, clobber=True)
    store = Counted()
    store.pipe_file("/lake.tar", packed.read_bytes())
    for path, content in seen(lake).items():
        store.pipe_file(f"/lake/{path}", content)
    Counted.read = 0
    yield Counted
    Counted.store.clear()


@pytest.mark.parametrize("url", ["counted://lake.tar", "counted://lake"])
def test_a_selection_reads_only_its_own_bytes(
    counted: type[Counted], url: str, packed: Path, lake: Path, to: Path
) -> None:
    stage(url, str(to), countries="chn", json=False)
    wanted = sum(len(content) for path, content in seen(to).items() if "chn" in path)
    source_commit = (lake / "manifest/20191206/chn.json").stat().st_size
    # Also read: lake.json three times, for two checks and the copy, and the index.
    rest = 3 * (lake / "lake.json").stat().st_size + source_commit + 4096
    assert wanted < counted.read < wanted + rest < packed.stat().st_size // 2
    counted.read = 0
    stage(url, str(to), countries="chn", json=False)
    assert counted.read < rest


@pytest.mark.parametrize("url", ["counted://lake.tar", "counted://lake"])
def test_a_whole_lake_is_staged_from_a_url(
    counted: type[Counted], url: str, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path))
    staged = stage(url)
    assert staged == str(tmp_path / "movielake/lake")
    assert seen(Path(staged)) == seen(lake)
    assert stage(url) == staged
    monkeypatch.delenv("SLURM_TMPDIR")
    if not url.endswith(".tar"):
        assert stage(url) == url


def test_a_plain_tar_is_staged_from_a_url(lake: Path, to: Path) -> None:
    subprocess.run(["tar", "cf", to.with_name("x.tar"), "-C", lake.parent, "lake"], check=True)
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/plain.tar", to.with_name("x.tar").read_bytes())
    stage("memory://plain.tar", str(to))
    memory.rm("/plain.tar")
    assert seen(to) == seen(lake)


# Damaged files


def spoil(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def assert_nothing_partial(to: Path, lake: Path, but: str) -> None:
    found, whole = seen(to), seen(lake)
    assert but not in found
    assert all(found[path] == whole[path] for path in found)
    assert "lake.json" not in found
    with pytest.raises(FileNotFoundError, match=r"found no lake.json"):
        check_lake(Folder(str(to)))


def resize(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length].ljust(length))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (spoil, "differs from the manifest"),
        (lambda path: resize(path, 0), "differs from the manifest"),
        (lambda path: resize(path, 100), "differs from the manifest"),
        (lambda path: resize(path, 10**6), "differs from the manifest"),
        (Path.unlink, "is missing"),
    ],
    ids=["a changed byte", "empty", "shorter", "longer", "missing"],
)
def test_a_damaged_file_in_a_folder_is_refused(
    copy: Path, lake: Path, to: Path, damage: Callable[[Path], Any], message: str
) -> None:
    damage(copy / SHOWINGS)
    with pytest.raises(ValueError, match=rf"copy: {SHOWINGS} {message}"):
        stage(str(copy), str(to))
    assert_nothing_partial(to, lake, SHOWINGS)
    shutil.copy(lake / SHOWINGS, copy / SHOWINGS)
    stage(str(copy), str(to))
    assert seen(to) == seen(lake)


def test_a_failed_extension_does_not_change_the_lake(copy: Path, lake: Path, to: Path) -> None:
    stage(str(copy), str(to), countries="fra")
    spoil(copy / SHOWINGS)
    with pytest.raises(ValueError, match=SHOWINGS):
        stage(str(copy), str(to), countries="deu", date_stamps="20191206")
    assert committed(Folder(str(to))) == [("20191213", "fra")]
    assert len(read_manifest(Folder(str(to)))) == 3


def member_of(tar: Path, name: str) -> tarfile.TarInfo:
    with tarfile.open(tar) as opened:
        return opened.getmember(name)


@pytest.mark.parametrize("name", [SHOWINGS, "manifest/20191206/deu.json", "lake.json"])
def test_a_damaged_byte_in_a_pack_is_refused(packed: Path, lake: Path, to: Path, name: str) -> None:
    tar = Path(shutil.copy(packed, to.with_name("bad.tar")))
    spoil(tar, member_of(tar, name).offset_data + 30)
    with pytest.raises(ValueError, match=rf"bad.tar[:/] ?{name} (is damaged|is not |differs )"):
        stage(str(tar), str(to))
    if to.exists():
        assert_nothing_partial(to, lake, name)


def test_no_damaged_byte_in_a_pack_reaches_the_staged_lake(
    packed: Path, lake: Path, tmp_path: Path
) -> None:
    """The staged lake is correct, or the pack is refused."""
    size, whole = packed.stat().st_size, seen(lake)
    outcomes = set()
    for number, at in enumerate([*range(0, 4096, 256), *range(4200, size, size // 40)]):
        tar = Path(shutil.copy(packed, tmp_path / f"{number}.tar"))
        spoil(tar, at)
        try:
            staged = stage(str(tar), str(tmp_path / str(number)))
        except (ValueError, FileNotFoundError) as error:
            outcomes.add("refused" if str(error).isprintable() else repr(error))
        else:
            assert seen(Path(staged)) == whole
            outcomes.add("the same")
    assert outcomes == {"refused", "the same"}


def test_a_pack_that_is_cut_off_is_refused(packed: Path, tmp_path: Path) -> None:
    content = packed.read_bytes()
    for number, size in enumerate([100, 512, 5000, len(content) // 2, len(content) - 40000]):
        tar = tmp_path / f"{number}.tar"
        tar.write_bytes(content[:size])
        with pytest.raises((ValueError, FileNotFoundError)):
            stage(str(tar), str(tmp_path / str(number)))
        assert not (tmp_path / str(number) / "lake.json").exists()


# A conversion at the same time


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, path: str, action: Callable[[], None], times: int = 1
) -> None:
    """Call a function before a file is read, once or several times."""
    original, left = sources.Source.read, [None] * times

    def read(self: sources.Source, name: str, start: int, size: int) -> bytes:
        if name == path and left:
            left.pop()
            action()
        return original(self, name, start, size)

    monkeypatch.setattr(sources.Source, "read", read)


@pytest.mark.parametrize("member", ["191206S.XML", "191206NewS.XML"])
def test_a_partition_reconverted_during_staging_is_staged_again(
    copy: Path, to: Path, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    newer = {"20191206/movies_deu.zip": {member: week(shows=7)["191206S.XML"]}}
    meanwhile(monkeypatch, SHOWINGS, lambda: reconvert(copy, newer, countries="deu"))
    stage(str(copy), str(to))
    assert commit(to)["members"][0]["records"] == 7
    assert len(commit(to)["members"]) == 1
    assert_agrees(to, copy)


def test_a_commit_removed_during_staging_is_an_error(
    copy: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove() -> None:
        (copy / "manifest/20191206/deu.json").unlink()
        spoil(copy / SHOWINGS)

    meanwhile(monkeypatch, SHOWINGS, remove)
    with pytest.raises(ValueError, match=SHOWINGS):
        stage(str(copy), str(to))


def test_a_partition_that_keeps_changing_is_an_error(
    copy: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(3, 9))

    def change() -> None:
        newer = {"191206S.XML": week(shows=next(numbers))["191206S.XML"]}
        reconvert(copy, {"20191206/movies_deu.zip": newer}, countries="deu")

    meanwhile(monkeypatch, SHOWINGS, change, times=5)
    with pytest.raises(ValueError, match=rf"{SHOWINGS} differs from the manifest"):
        stage(str(copy), str(to))
    assert not (to / SHOWINGS).exists()


# Parallel and killed stages


def stage_together(barrier: Barrier, source: str, to: str, options: dict[str, Any]) -> None:
    barrier.wait(60)
    stage(source, to, **options)
    check_lake(Folder(to))


@pytest.mark.parametrize("second", [{}, {"countries": "deu"}, {"json": False}])
def test_two_processes_can_stage_at_the_same_time(
    packed: Path, lake: Path, to: Path, second: dict[str, Any]
) -> None:
    barrier = fork.Barrier(2)
    both = [
        fork.Process(target=stage_together, args=(barrier, str(packed), str(to), options))
        for options in ({}, second)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert seen(to) == seen(lake)
    assert not (to / ".work").exists()


def test_stages_can_run_at_the_same_time_without_locks(
    source: str, lake: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks on this file system")

    monkeypatch.setattr("fcntl.flock", refuse)
    with ThreadPoolExecutor(3) as pool:
        staged = list(pool.map(lambda _: stage(source, str(to)), range(3)))
    assert staged == [str(to)] * 3
    assert seen(to) == seen(lake)


def stage_and_die(source: str, to: str, calls: int) -> None:
    """Stage, and kill this process before a file is written or renamed."""
    count = iter(range(calls))

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if next(count, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        return call

    targets.os.replace = counting(os.replace)
    targets.Target._write = counting(targets.Target._write)  # type: ignore[method-assign]
    stage(source, to, workers=1)


def kill_at(calls: int, source: Path, to: Path) -> None:
    process = fork.Process(target=stage_and_die, args=(str(source), str(to), calls))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("calls", [0, 1, 5, 12, 20, 33, 47, 59, 71, 72, 73])
def test_a_killed_stage_can_be_repeated(packed: Path, lake: Path, to: Path, calls: int) -> None:
    kill_at(calls, packed, to)
    whole = seen(lake)
    left = {path: content for path, content in seen(to).items() if not path.startswith(".work/")}
    assert all(whole[path] == content for path, content in left.items())
    assert "lake.json" not in left
    stage(str(packed), str(to))
    assert seen(to) == whole
    assert not (to / ".work").exists()


@pytest.mark.parametrize("calls", range(0, 20, 2))
def test_a_stage_killed_while_replacing_can_be_repeated(copy: Path, to: Path, calls: int) -> None:
    stage(str(copy), str(to))
    newer = {"191206S.XML": week(shows=9)["191206S.XML"], "191206I.XML": "<movies></movies>"}
    reconvert(copy, {f"20191206/movies_{ccc}.zip": newer for ccc in ("deu", "swe")})
    kill_at(calls, copy, to)
    assert_every_commit_holds(to)
    stage(str(copy), str(to))
    shutil.rmtree(copy / ".work", ignore_errors=True)
    assert seen(to) == seen(copy)


def assert_every_commit_holds(folder: Path) -> None:
    """Check that every file of the manifest exists with the right checksum."""
    lake = Folder(str(folder))
    check_lake(lake)
    rows = read_manifest(lake, needed=None).to_pylist()
    (folder / "manifest.parquet").unlink(missing_ok=True)
    assert read_manifest(lake, needed=None).to_pylist() == rows
    for row in rows:
        for kind in ("json", "parquet"):
            if row[f"{kind}_path"]:
                content = (folder / row[f"{kind}_path"]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == row[f"{kind}_sha256"]


# Hostile sources


def tar_with(lake: Path, tar: Path, *extra: tarfile.TarInfo, commit: bytes = b"") -> str:
    """Pack a lake without an index, with extra members or with a changed commit."""
    with tarfile.open(tar, "w") as opened:
        for path, content in seen(lake).items():
            if commit and path == "manifest/20191206/deu.json":
                content = commit
            info = tarfile.TarInfo(path)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
        for info in extra:
            opened.addfile(info, io.BytesIO(bytes(info.size)))
    return str(tar)


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, 3 if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (info("/etc/cron.d/x"), "leads out of the folder"),
        (info("//x"), "leads out of the folder"),
        (info("../x"), "is not safe to unpack|leads out of the folder"),
        (info("json/../../x"), "is not safe to unpack|leads out of the folder"),
        (info("json/../x"), "leads out of the folder"),
        (info("..", tarfile.DIRTYPE), "is not safe to unpack|leads out of the folder"),
        (info("json/x", tarfile.SYMTYPE, "/etc/passwd"), "is neither a plain file nor a folder"),
        (info("json", tarfile.SYMTYPE, ".."), "is neither a plain file nor a folder"),
        (info("json/x", tarfile.LNKTYPE, "../../x"), "is neither a plain file nor a folder"),
        (info("json/x", tarfile.LNKTYPE, "lake.json"), "is neither a plain file nor a folder"),
        (info("json/x", tarfile.CHRTYPE), "is neither a plain file nor a folder"),
        (info("json/x", tarfile.BLKTYPE), "is neither a plain file nor a folder"),
        (info("json/x", tarfile.FIFOTYPE), "is neither a plain file nor a folder"),
        (info(SHOWINGS), "2 times"),
        (info(f"./{SHOWINGS}"), "2 times"),
        (info("json/a\nb"), "has control characters in its name"),
        (info("json/a\x1b[2Jb"), "has control characters in its name"),
        (info("json/a\udcffb"), "has control characters in its name"),
    ],
)
def test_hostile_members_are_refused(
    lake: Path, tmp_path: Path, to: Path, member: tarfile.TarInfo, reason: str
) -> None:
    source = tar_with(lake, tmp_path / "x.tar", member)
    with pytest.raises(ValueError, match=rf"x.tar: refused: .*({reason})") as caught:
        stage(source, str(to))
    assert str(caught.value).isprintable()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.tar"]


def test_harmless_extra_members_are_ignored(lake: Path, tmp_path: Path, to: Path) -> None:
    source = tar_with(lake, tmp_path / "x.tar", info("notes.txt"), info("json/20191206/deu/x"))
    stage(source, str(to))
    assert seen(to) == seen(lake)


def changed(lake: Path, **member: Any) -> bytes:
    document = commit(lake)
    document["members"][0] |= member
    return json.dumps(document).encode()


FILE = {"bytes": 3, "sha256": "ab" * 32}


@pytest.mark.parametrize(
    "member",
    [
        {"json": FILE | {"path": "../../../evil"}},
        {"json": FILE | {"path": "/tmp/evil"}},
        {"json": FILE | {"path": "evil"}},
        {"json": FILE | {"path": "lake.json"}},
        {"json": FILE | {"path": "json/20191206/deu/../../../../evil"}},
        {"json": FILE | {"path": "json/20191206/swe/191206S.jsonl.zst"}},
        {"json": FILE | {"path": "json/20191206/deu/.hidden"}},
        {"json": FILE | {"path": "json/20191206/deu/a\nb"}},
        {"json": FILE | {"path": "json/20191206/deu/.."}},
        {"json": FILE | {"path": "json/20191206/deu/"}},
        {"json": {"bytes": MOST, "sha256": "", "path": "json/20191206/deu/x"}},
        {"quarantine": [FILE | {"path": "quarantine/20191206/deu/../../../evil"}]},
        {"table": "films"},
    ],
)
@pytest.mark.parametrize("form", ["folder", "pack", "tar"])
def test_hostile_commits_are_refused(
    copy: Path, tmp_path: Path, to: Path, member: dict[str, Any], form: str
) -> None:
    source = source_with(copy, tmp_path, form, changed(copy, **member))
    with pytest.raises((ValueError, OSError)) as caught:
        stage(source, str(to))
    assert str(caught.value).isprintable()
    assert not (to / "lake.json").exists()
    assert not list(tmp_path.rglob("*evil*"))


def source_with(lake: Path, folder: Path, form: str, content: bytes) -> str:
    """Make a source with this content of the German commit. Return its path."""
    if form == "tar":
        return tar_with(lake, folder / "x.tar", commit=content)
    if form == "pack":
        return hostile_pack(lake, folder / "x.tar", content)
    (lake / "manifest/20191206/deu.json").write_bytes(content)
    return str(lake)


@pytest.mark.parametrize(
    "member",
    [
        {"json": FILE | {"path": 7}},
        {"json": {"bytes": -1, "sha256": "", "path": "json/20191206/deu/x"}},
        {"json": {"bytes": 1, "sha256": 1, "path": "json/20191206/deu/x"}},
        {"json": {"bytes": "1", "sha256": "", "path": "json/20191206/deu/x"}},
        {"json": {"bytes": 10**30, "sha256": "", "path": "json/20191206/deu/x"}},
        {"table": ["movies"]},
        {"records": "many"},
        {"problems": [1]},
        {"unheard": 1},
    ],
)
@pytest.mark.parametrize("form", ["folder", "tar"])
def test_a_partition_with_an_unreadable_commit_is_left_out(
    copy: Path, tmp_path: Path, to: Path, member: dict[str, Any], form: str
) -> None:
    source = source_with(copy, tmp_path, form, changed(copy, **member))
    with pytest.warns(UnreadableCommitWarning, match=r"manifest/20191206/deu.json cannot be read"):
        stage(source, str(to))
    assert seen(to).keys() == {path for path in seen(copy) if not is_german(path)}


def is_german(path: str) -> bool:
    return "20191206/deu" in path or "date_stamp=20191206/country=deu" in path


@pytest.mark.parametrize(
    "path", ["evil", "../evil", "json/evil", "json/20191206/swe/evil", "json/20191206/deu/../evil"]
)
def test_a_path_outside_the_partition_is_refused_although_the_file_exists(
    copy: Path, to: Path, path: str
) -> None:
    (copy / path).write_bytes(b"bad")
    file = {"path": path, "bytes": 3, "sha256": hashlib.sha256(b"bad").hexdigest()}
    (copy / "manifest/20191206/deu.json").write_bytes(changed(copy, json=file))
    with pytest.raises(ValueError, match=r"refused: manifest/20191206/deu.json lists data outside"):
        stage(str(copy), str(to))
    assert seen(to) == {}


def hostile_pack(lake: Path, tar: Path, content: bytes) -> str:
    """Pack a lake with a changed commit and a matching index."""
    from movielake.staging.packs import end_padding, index_header, member_header, padding

    found = seen(lake)
    pairs = committed(Folder(str(lake)))
    contents = {p: found[f"manifest/{p[0]}/{p[1]}.json"] for p in pairs}
    contents["20191206", "deu"] = content
    nothing = commit_without_members()
    out = index_header(
        found["lake.json"],
        found["manifest.parquet"],
        {pair: (text, nothing) for pair, text in contents.items()},
    )
    first = [("lake.json", found["lake.json"]), ("manifest.parquet", found["manifest.parquet"])]
    first += [(f"manifest/{s}/{c}.json", text) for (s, c), text in contents.items()]
    for path, text in first:
        out += member_header(path, len(text)) + text + bytes(padding(len(text)))
    tar.write_bytes(out + bytes(end_padding(len(out))))
    return str(tar)


def commit_without_members() -> Any:
    from movielake.lake.commits import Commit

    return Commit("20191206", "deu", "", 0, "", "", False, ())


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"null", b"[" * 100000, b"\xff", b'{"members": "abc"}']
)
def test_files_that_are_no_commits_are_left_out(copy: Path, to: Path, content: bytes) -> None:
    (copy / "manifest/20191206/deu.json").write_bytes(content)
    with pytest.warns(UnreadableCommitWarning, match=r"manifest/20191206/deu.json cannot be read"):
        stage(str(copy), str(to))
    assert seen(to).keys() == {path for path in seen(copy) if not is_german(path)}


@pytest.mark.parametrize("place", ["20191306/deu", "20191206/d-u", "20191206/..x"])
def test_invalid_partitions_are_refused(copy: Path, to: Path, place: str) -> None:
    stamp, country = place.split("/")
    path = copy / f"manifest/{place}.json"
    path.parent.mkdir(exist_ok=True)
    empty = commit(copy) | {"date_stamp": stamp, "country": country, "members": []}
    path.write_text(json.dumps(empty))
    with pytest.raises(ValueError, match=rf"refused: manifest/{place}.json lists data"):
        stage(str(copy), str(to))
    path.write_text(json.dumps(commit(copy, "20191206", "swe")))
    with pytest.warns(UnreadableCommitWarning, match="it is the commit of 20191206/swe"):
        stage(str(copy), str(to))
    assert seen(to) == {k: v for k, v in seen(copy).items() if k != f"manifest/{place}.json"}


def test_a_smaller_selection_after_a_kill_removes_no_file(lake: Path, to: Path) -> None:
    """The commit that the killed process set aside lists the staged files."""
    stage(str(lake), str(to))
    commit = to / "manifest/20191206/deu.json"
    commit.rename(commit.with_suffix(".replaced"))
    stage(str(lake), str(to), tables="movies", json=False)
    assert seen(to) == seen(lake)
