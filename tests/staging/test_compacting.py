"""Compact copies: the same rows and records in few files, exact selections, and later runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
import zstandard

from movielake import ShowingsReader, compact, convert, pack, stage
from movielake.lake.manifest import read_table_file
from movielake.names.layout import Folder
from movielake.staging import merging
from tests.feeds import files, houses, json_lines, movies, showing, times, week, write_feed
from tests.lakes import edit_manifest
from tests.views import assert_same_views

TABLES = ("movies", "theaters", "showings")
STAMPS = ("20191227", "20200103", "20200110")
COUNTRIES = ("chn", "deu", "swe")
KEYS = ("date_stamp", "country", "member")


def members(stamp: str, country: str) -> dict[str, str]:
    """Build a zip whose titles and names tell where they come from."""
    day = stamp[2:]
    names = f"Kino {country} {stamp}", f"Ö\u2028 {country}"
    return {
        f"{day}I.XML": movies(f"Film {country} {stamp}", "Down"),
        f"{day}T.XML": houses(*names),
        f"{day}S.XML": times(*(showing(n, 1 + n % 2, stamp, "13:20, (15:40)") for n in (1, 2, 3))),
    }


def feed_files() -> dict[str, Any]:
    content: dict[str, Any] = {
        f"{stamp}/movies_{country}.zip": members(stamp, country)
        for stamp in STAMPS
        for country in COUNTRIES
    }
    only_showings = members(STAMPS[0], "chn")["191227S.XML"]
    content[f"{STAMPS[0]}/movies_chn.zip"] = {"191227S.XML": only_showings}
    content[f"{STAMPS[1]}/movies_chn.zip"] |= {"200103S.XML": "<times></times>"}  # no record
    hurt = {"200103T.XML": "<houses><theater></houses>", "200103X.XML": "<what/>"}
    content[f"{STAMPS[1]}/movies_swe.zip"] |= hurt
    unread = times(showing(7, 1, STAMPS[2], at="late"), showing(8, 1, "soon"))
    content[f"{STAMPS[2]}/movies_swe.zip"] |= {"200110S.XML": unread}
    return content


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stamps of three countries. Members are missing, empty, damaged and odd."""
    root = tmp_path_factory.mktemp("leaves")
    convert(write_feed(root / "feed", feed_files()), str(root / "lake"), workers=1)
    shutil.rmtree(root / "lake/.work", ignore_errors=True)
    return root / "lake"


@pytest.fixture(scope="module")
def compacted(leaves: Path) -> Path:
    return Path(compact(str(leaves), str(leaves.with_name("compact")), workers=2))


@pytest.fixture(scope="module")
def packed(leaves: Path) -> Path:
    pack(str(leaves), str(leaves.with_name("lake.tar")))
    return leaves.with_name("lake.tar")


@pytest.fixture
def lake(leaves: Path, tmp_path: Path) -> Path:
    """A copy of the lake and its feed, which a test can change."""
    shutil.copytree(leaves.with_name("feed"), tmp_path / "feed")
    return Path(shutil.copytree(leaves, tmp_path / "lake"))


@pytest.fixture
def copy(compacted: Path, tmp_path: Path) -> Path:
    """A compact copy, which a test can change."""
    return Path(shutil.copytree(compacted, tmp_path / "copy"))


def manifest_of(lake: Path) -> list[dict[str, Any]]:
    return pq.ParquetFile(lake / "manifest.parquet").read().to_pylist()


def seen(folder: Path) -> dict[str, bytes]:
    """Read all files of a copy, except the hidden ones."""
    return {path: content for path, content in files(folder).items() if not path.startswith(".")}


def members_of(lake: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Read the rows of the manifest by key, without places and checksums of files."""
    places = re.compile(r"(json|parquet)_(path|start|bytes|sha256)")
    return {
        tuple(row[key] for key in KEYS): {k: v for k, v in row.items() if not places.fullmatch(k)}
        for row in manifest_of(lake)
    }


# --- the same rows and records


@pytest.mark.parametrize("table", TABLES)
def test_duckdb_finds_the_same_rows_in_the_same_order(
    leaves: Path, compacted: Path, table: str
) -> None:
    names = pq.read_schema(next((compacted / "parquet" / table).rglob("*.parquet"))).names
    columns = ", ".join(f'"{name}"' for name in (*names, "country"))
    read = "select {} from read_parquet({!r}, hive_partitioning=true, hive_types_autocast=false)"
    both = [
        duckdb.sql(read.format(columns, f"{lake}/parquet/{table}/{glob}")).fetchall()
        for lake, glob in ((leaves, "*/*/*.parquet"), (compacted, "*/*.parquet"))
    ]
    country, stamp = len(names), names.index("date_stamp")
    for rows in both:
        rows.sort(key=lambda row: (row[country], row[stamp]))  # a stable sort
    assert both[0] == both[1]
    assert len(both[0]) == sum(
        row["rows"] or 0 for row in manifest_of(leaves) if row["table"] == table
    )


def test_each_frame_has_the_bytes_of_its_leaf_and_its_content_size(
    leaves: Path, compacted: Path
) -> None:
    there = {tuple(row[key] for key in KEYS): row for row in manifest_of(leaves)}
    number = 0
    for row in filter(lambda row: row["json_path"], manifest_of(compacted)):
        leaf = (leaves / there[tuple(row[key] for key in KEYS)]["json_path"]).read_bytes()
        content = (compacted / row["json_path"]).read_bytes()
        frame = content[row["json_start"] : row["json_start"] + row["json_bytes"]]
        assert frame == leaf
        text = zstandard.ZstdDecompressor().decompress(frame)
        assert zstandard.frame_content_size(frame) == len(text)
        assert [json.loads(line) for line in text.splitlines()] == json_lines_of(leaf)
        number += row["records"]
    assert number == sum(row["records"] or 0 for row in manifest_of(leaves) if row["table"])


def json_lines_of(frame: bytes) -> list[Any]:
    text = zstandard.ZstdDecompressor().stream_reader(frame).read()
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def test_status_problems_counts_and_digests_travel_along(leaves: Path, compacted: Path) -> None:
    found = members_of(compacted)
    assert found == members_of(leaves)
    assert any(row["problems"] for row in found.values())
    assert any(row["quarantine"] for row in found.values())
    quarantine = [path for path in seen(leaves) if path.startswith("quarantine/")]
    assert quarantine
    assert all(seen(compacted)[path] == seen(leaves)[path] for path in quarantine)


def test_the_copy_holds_the_listed_files_and_no_others(compacted: Path) -> None:
    rows = manifest_of(compacted)
    listed = {row[f"{kind}_path"] for row in rows for kind in ("json", "parquet")} - {None}
    listed |= {file["path"] for row in rows for file in row["quarantine"] or ()}
    tops = ("lake.json", "manifest.parquet", "datapackage.json")
    assert files(compacted).keys() - {*tops} == listed


@pytest.mark.parametrize(
    ("span", "names"),
    [
        ("year", {"2019", "2020"}),
        ("quarter", {"2019-Q4", "2020-Q1"}),
        ("month", {"2019-12", "2020-01"}),
        ("all", {"all"}),
    ],
)
def test_a_span_decides_which_stamps_share_a_file(
    leaves: Path, tmp_path: Path, span: str, names: set[str]
) -> None:
    copy = Path(compact(str(leaves), str(tmp_path / "copy"), span=span))
    paths = [path for path in seen(copy) if path.startswith(("json/", "parquet/"))]
    assert {re.sub(r"-[0-9a-f]{8}\..*", "", path.rpartition("/")[2]) for path in paths} == names
    assert json.loads((copy / "lake.json").read_text())["span"] == span
    assert members_of(copy) == members_of(leaves)
    assert_same_views(leaves, copy)


def test_an_unknown_span_is_refused(leaves: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a span out of year, .*, found 'week'"):
        compact(str(leaves), str(tmp_path / "copy"), span="week")
    assert not (tmp_path / "copy").exists()


# --- other programs


def all_of(leaves: Path, table: str = "movies", country: str = "deu") -> list[Any]:
    letter = {"movies": "I", "showings": "S", "theaters": "T"}[table]
    paths = sorted(leaves.glob(f"json/*/{country}/*{letter}.jsonl.zst"))
    return [record for path in paths for record in json_lines(path)]


@pytest.fixture(scope="module")
def frames(leaves: Path) -> str:
    """A JSON Lines file of three frames."""
    copy = compact(str(leaves), str(leaves.with_name("all")), span="all", countries="deu")
    (path,) = Path(copy, "json/movies/country=deu").iterdir()
    assert len(all_of(leaves)) == 6
    return str(path)


def test_zstandard_reads_all_frames(leaves: Path, frames: str) -> None:
    with Path(frames).open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        assert [json.loads(line) for line in stream.read().splitlines()] == all_of(leaves)


@pytest.mark.skipif(not shutil.which("zstdcat"), reason="zstdcat is not installed")
def test_zstdcat_reads_all_frames(leaves: Path, frames: str) -> None:
    text = subprocess.run(["zstdcat", frames], check=True, capture_output=True).stdout
    assert [json.loads(line) for line in text.splitlines()] == all_of(leaves)


def test_duckdb_reads_all_frames(leaves: Path, frames: str) -> None:
    titles = duckdb.sql(f"select title from read_json({frames!r}, format='newline_delimited')")
    assert titles.fetchall() == [(record["title"],) for record in all_of(leaves)]


def test_polars_reads_all_frames(leaves: Path, frames: str) -> None:
    titles = pl.read_ndjson(frames)["title"].to_list()
    assert titles == [record["title"] for record in all_of(leaves)]


def test_pandas_reads_all_frames(leaves: Path, frames: str) -> None:
    import pandas as pd

    titles = pd.read_json(frames, lines=True)["title"].to_list()
    assert titles == [record["title"] for record in all_of(leaves)]


def test_dask_reads_all_frames(leaves: Path, frames: str) -> None:
    from dask import bag

    lines = bag.read_text(frames, compression="zstd").compute(scheduler="synchronous")
    assert [json.loads(line) for line in lines] == all_of(leaves)


# --- selections


SELECTIONS: list[dict[str, Any]] = [
    {"countries": "deu"},
    {"date_stamps": STAMPS[1]},
    {"date_stamps": slice(STAMPS[1], None), "countries": ["chn", "s*"], "json": False},
    {"tables": "movies", "countries": "swe", "date_stamps": STAMPS[2]},
    {"tables": ["showings", "theaters"], "json": False},
]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_selection_has_the_same_bytes_from_every_source(
    leaves: Path, compacted: Path, packed: Path, tmp_path: Path, selection: dict[str, Any]
) -> None:
    made = [
        seen(Path(compact(str(source), str(tmp_path / str(number)), **selection)))
        for number, source in enumerate((leaves, compacted, packed))
    ]
    staged = [
        seen(Path(stage(str(source), str(tmp_path / f"to-{number}"), compact=True, **selection)))
        for number, source in enumerate((leaves, compacted, packed))
    ]
    assert all(each == made[0] for each in (*made, *staged))


@pytest.mark.parametrize("source", ["leaves", "compacted", "packed"])
def test_nothing_else_is_inside_a_selection(
    request: pytest.FixtureRequest, tmp_path: Path, source: str
) -> None:
    """Texts of other members would stay in a Parquet dictionary without any row that uses them."""
    chosen = {"date_stamps": STAMPS[1], "countries": "deu"}
    copy = compact(str(request.getfixturevalue(source)), str(tmp_path / "copy"), **chosen)
    content = [(path, plain_bytes(Path(copy, path))) for path in seen(Path(copy))]
    assert any(f"Film deu {STAMPS[1]}".encode() in text for _, text in content)
    others = [f"Film {ccc} {stamp}" for ccc in COUNTRIES for stamp in STAMPS]
    others += [f"Kino {ccc} {stamp}" for ccc in COUNTRIES for stamp in STAMPS]
    others += [f"Ö\u2028 {ccc}" for ccc in COUNTRIES if ccc != "deu"]
    others += [stamp for stamp in STAMPS if stamp != STAMPS[1]]
    mine = {f"Film deu {STAMPS[1]}", f"Kino deu {STAMPS[1]}"}
    for path, text in content:
        found = [other for other in others if other not in mine and other.encode() in text]
        assert found == [], path


def plain_bytes(path: Path) -> bytes:
    """Read a file without its compression. Parquet pages are written again, uncompressed."""
    content = path.read_bytes()
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read()
    if path.suffix != ".parquet":
        return content
    return content + b"".join(pages_of(content))


def pages_of(content: bytes) -> list[bytes]:
    """Decompress every Zstandard frame in a Parquet file, with its pages of dictionaries."""
    found, at = [], content.find(zstandard.FRAME_HEADER)
    while at >= 0:
        decompressor = zstandard.ZstdDecompressor().decompressobj()
        with suppress(zstandard.ZstdError):
            found.append(decompressor.decompress(content[at:]))
        at = content.find(zstandard.FRAME_HEADER, at + 1)
    assert found
    return found


def test_an_impossible_selection_is_refused(leaves: Path, compacted: Path, tmp_path: Path) -> None:
    for source in (leaves, compacted):
        with pytest.raises(ValueError, match=r"nothing in .* matches .*countries=xyz; it has 3 st"):
            compact(str(source), str(tmp_path / "copy"), countries="xyz")
        with pytest.raises(ValueError, match=r"no country sew in .*; did you mean swe"):
            compact(str(source), str(tmp_path / "copy"), countries="deu,sew")
        with pytest.raises(ValueError, match="expected tables out of movies, theaters, showings"):
            compact(str(source), str(tmp_path / "copy"), tables="films")
    assert not (tmp_path / "copy").exists()


# --- later runs


def run(lake: Path, copy: Path, **options: Any) -> set[str]:
    """Make or renew a copy. Return the paths that were written."""
    told: list[str] = []
    compact(str(lake), str(copy), on_progress=lambda path, _: told.append(path), **options)
    assert len(told) == len(set(told))
    return set(told)


def assert_as_new(lake: Path, copy: Path, **options: Any) -> None:
    new = compact(str(lake), str(copy.with_name("new")), **options)
    assert seen(copy) == seen(Path(new))
    assert [path for path in files(copy) if path.startswith(".work/")] == []


def test_a_second_run_writes_no_data(lake: Path, copy: Path) -> None:
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in copy.rglob("*.zst")}
    content = seen(copy)
    assert run(lake, copy) == set()
    assert before == {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in copy.rglob("*.zst")}
    assert seen(copy) == content


def reconvert(lake: Path, changed: dict[str, Any], **options: Any) -> None:
    write_feed(lake.with_name("feed"), changed)
    convert(str(lake.with_name("feed")), str(lake), workers=1, **options)


def test_a_new_stamp_writes_only_its_span(lake: Path, copy: Path) -> None:
    reconvert(lake, {"20200117/movies_deu.zip": members("20200117", "deu")})
    written = run(lake, copy)
    assert len(written) == 6
    assert all("/country=deu/2020-" in path for path in written)
    assert_as_new(lake, copy)


def test_a_zip_that_was_converted_again_is_taken_in(lake: Path, copy: Path) -> None:
    day = STAMPS[1]
    newer = members(day, "deu") | {f"{day[2:]}I.XML": movies("Newer")}
    reconvert(lake, {f"{day}/movies_deu.zip": newer}, force=True, countries="deu")
    written = run(lake, copy)
    assert {path.partition("-")[0] for path in written} == {
        "json/movies/country=deu/2020",
        "parquet/movies/country=deu/2020",
    }
    assert_as_new(lake, copy)


def test_a_zip_that_was_removed_is_left_out(lake: Path, copy: Path) -> None:
    for country in ("deu", "swe"):
        (lake.with_name("feed") / STAMPS[0] / f"movies_{country}.zip").unlink()
    convert(str(lake.with_name("feed")), str(lake), workers=1, prune=True)
    assert run(lake, copy) == set()
    assert not list(copy.glob("parquet/*/country=deu/2019-*"))
    assert_as_new(lake, copy)


def test_another_span_or_selection_replaces_the_copy(lake: Path, copy: Path) -> None:
    run(lake, copy, span="month", countries="swe")
    assert_as_new(lake, copy, span="month", countries="swe")
    shutil.rmtree(copy.with_name("new"))
    assert run(lake, copy)  # the span of the earlier copy stays
    assert_as_new(lake, copy, span="month")


def test_a_copy_without_a_manifest_is_made_again(lake: Path, copy: Path) -> None:
    whole = seen(copy)
    (copy / "manifest.parquet").unlink()
    with pytest.raises(ValueError, match=r"expected manifest.parquet in the compact copy"):
        ShowingsReader(str(copy))
    compact(str(lake), str(copy))
    assert seen(copy) == whole


def test_missing_cut_and_foreign_files_are_mended(lake: Path, copy: Path) -> None:
    whole = seen(copy)
    paths = sorted(copy.rglob("*.parquet"))
    paths[0].unlink()
    paths[1].write_bytes(b"PAR1")
    paths[2].with_name("stray.parquet").write_bytes(b"?")
    compact(str(lake), str(copy))
    assert seen(copy) == whole


# --- refusals


def test_wrong_folders_are_refused(leaves: Path, compacted: Path, lake: Path, copy: Path) -> None:
    other = lake.with_name("other")
    other.mkdir()
    (other / "thesis.txt").write_text("all of it")
    cases = [
        (copy, copy, "expected another folder than the source"),
        (lake, lake, "expected another folder than the source"),
        (leaves, lake, "expected a new folder or a compact copy, found a lake as converted in"),
        (compacted, lake, "expected a new folder or a compact copy, found a lake as converted in"),
        (leaves, other, "expected a lake or an empty folder, found files but no lake.json"),
    ]
    for source, to, message in cases:
        before = files(to)
        with pytest.raises(ValueError, match=message):
            compact(str(source), str(to))
        assert files(to) == before
    with pytest.raises(FileNotFoundError, match="expected a lake or a pack, found nothing"):
        compact(str(leaves.with_name("none")), str(other.with_name("to")))


def test_a_compact_copy_is_not_converted_into(leaves: Path, copy: Path) -> None:
    before = files(copy)
    with pytest.raises(ValueError, match=r"expected a lake as converted, found a compact copy in"):
        convert(str(leaves.with_name("feed")), str(copy), workers=1)
    assert files(copy) == before


# --- heavy and empty members


def test_members_that_are_cut_into_row_groups_read_right(
    leaves: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_HEAVY", 1)
    feed = write_feed(
        tmp_path / "feed", {f"{stamp}/movies_deu.zip": week(stamp, shows=5) for stamp in STAMPS}
    )
    convert(feed, str(tmp_path / "lake"), workers=1)
    copy = Path(compact(str(tmp_path / "lake"), str(tmp_path / "copy"), span="all"))
    (path,) = copy.glob("parquet/showings/*/*.parquet")
    assert pq.ParquetFile(path).num_row_groups >= 3
    again = Path(compact(str(copy), str(tmp_path / "again")))
    assert seen(again) == seen(copy)
    assert_same_views(tmp_path / "lake", copy)


@pytest.mark.parametrize("rows", [1, 100, 1000, 3000])
def test_each_row_group_is_read_in_one_group(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    for place in ("staging.merging", "reading.holdings"):
        monkeypatch.setattr(f"movielake.{place}.ROW_GROUP", rows)
    copy = compact(str(sample_lake), str(tmp_path / "copy"), span="all")
    groups = ShowingsReader(copy)._groups_to_count()
    readers: Counter[tuple[str, int]] = Counter()
    for group in groups:
        readers.update({place for member in group.files for place in row_groups_of(member)})
    assert set(readers.values()) == {1}
    assert len(groups) <= len(readers)
    if rows == 3000:  # small files share a group
        assert len(groups) < len(readers)


def row_groups_of(member: Any) -> list[tuple[str, int]]:
    """List the row groups that have rows of a member."""
    metadata = pq.ParquetFile(member.path).metadata
    sizes = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    owner = [n for n, size in enumerate(sizes) for _ in range(size)]
    rows = owner[member.start : member.start + member.length]
    return [(member.path, n) for n in dict.fromkeys(rows)]


def test_row_groups_that_cut_a_member_read_right(leaves: Path, copy: Path) -> None:
    """A heavy member has several row groups. Here each has two rows."""
    for path in copy.rglob("parquet/*/*/*.parquet"):
        pq.write_table(pq.ParquetFile(path).read(), path, row_group_size=2, store_schema=False)
    sizes = {str(path.relative_to(copy)): path.stat().st_size for path in copy.rglob("*.parquet")}

    def update(row: dict[str, Any]) -> None:
        row["parquet_bytes"] = sizes.get(row["parquet_path"])

    edit_manifest(copy, update)
    assert_same_views(leaves, copy)


def test_all_views_are_the_same(leaves: Path, compacted: Path) -> None:
    assert_same_views(leaves, compacted)


# --- damage


def spoil(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1
    path.write_bytes(content)


def outcome(function: Callable[[], Any]) -> tuple[Any, str]:
    """Return the result of a function, or None and its error, which must be one line."""
    try:
        return function(), ""
    except (ValueError, FileNotFoundError) as error:
        message = str(error)
    assert message.isprintable()
    return None, message


PART = {"countries": "deu", "date_stamps": STAMPS[1]}
DAMAGED = [
    "json/showings/country=deu/*",
    "parquet/showings/country=deu/2020-*",
    "json/20200103/deu/*S.jsonl.zst",
    "parquet/showings/date_stamp=20200103/country=deu/*",
]


@pytest.mark.parametrize("at", [0, 4, 300, -300, -20, -1])
@pytest.mark.parametrize("path", DAMAGED)
@pytest.mark.parametrize("selection", [{}, PART])
def test_a_damaged_file_never_reaches_a_copy(
    leaves: Path, compacted: Path, tmp_path: Path, path: str, at: int, selection: dict[str, Any]
) -> None:
    """The source is refused in one line, or the copy is correct because the byte is not needed."""
    lake = Path(
        shutil.copytree(compacted if "/country" in path[:25] else leaves, tmp_path / "lake")
    )
    (file, *_) = sorted(lake.glob(path))
    whole = seen(Path(compact(str(leaves), str(tmp_path / "whole"), **selection)))
    spoil(file, at)
    for make in (compact, partial(stage, compact=True)):
        to = tmp_path / str(id(make))
        copy, message = outcome(lambda: make(str(lake), str(to), **selection))  # noqa: B023
        if copy:
            assert selection
            assert seen(Path(copy)) == whole
        else:
            assert "differs from the manifest" in message
            assert not (to / "lake.json").exists()
    with pytest.raises(ValueError, match="differs from the manifest"):
        pack(str(lake), str(tmp_path / "lake.tar"))
    assert not (tmp_path / "lake.tar").exists()


def test_no_damaged_byte_in_a_pack_reaches_a_copy(
    packed: Path, compacted: Path, tmp_path: Path
) -> None:
    size, outcomes = packed.stat().st_size, set()
    for number, at in enumerate(range(0, size, size // 30)):
        tar = Path(shutil.copy(packed, tmp_path / f"{number}.tar"))
        spoil(tar, at)
        copy, message = outcome(lambda: compact(str(tar), str(tmp_path / str(number))))  # noqa: B023
        outcomes.add("refused" if message else "the same")
        if copy:
            assert seen(Path(copy)) == seen(compacted)
        else:
            assert not (tmp_path / str(number) / "lake.json").exists()
    assert outcomes == {"refused", "the same"}


def test_no_damaged_byte_in_a_manifest_is_read(compacted: Path, copy: Path) -> None:
    """It is the only manifest of a compact lake, so no other file would show the damage."""
    place = Folder(str(copy))
    whole, content = read_table_file(place), (copy / "manifest.parquet").read_bytes()
    refused = 0
    for at in range(0, len(content), 37):
        (copy / "manifest.parquet").write_bytes(content)
        spoil(copy / "manifest.parquet", at)
        table, message = outcome(lambda: read_table_file(place))
        refused += table is None
        if table is None:
            assert "expected manifest.parquet in the compact copy" in message
        else:
            assert table == whole
    assert refused > 100
    (copy / "manifest.parquet").write_bytes(content)


@pytest.mark.parametrize("kind", ["json", "parquet"])
@pytest.mark.parametrize("selection", [{}, PART])
def test_a_missing_file_is_named(
    copy: Path, tmp_path: Path, kind: str, selection: dict[str, Any]
) -> None:
    (path,) = copy.glob(f"{kind}/showings/country=deu/2020-*")
    path.unlink()
    with pytest.raises(ValueError, match=rf"{path.name} is missing although the manifest lists it"):
        compact(str(copy), str(tmp_path / "to"), **selection)
    assert not (tmp_path / "to/lake.json").exists()


def outside(row: dict[str, Any]) -> None:
    row["parquet_path"] = row["parquet_path"] and "../../thesis.parquet"


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "outside": (outside, "lists data outside its partitions"),
    "absolute": (
        lambda row: row.update(json_path="/etc/hostname"),
        "lists data outside its partitions",
    ),
    "other country": (lambda row: row.update(country="fra"), "lists data outside its partitions"),
    "other table": (lambda row: row.update(table="films"), "lists data outside its partitions"),
    "no stamp": (lambda row: row.update(date_stamp="../.."), "lists data outside its partitions"),
    "quarantine": (
        lambda row: row.update(quarantine=[{"path": "../x", "bytes": 1, "sha256": ""}]),
        "lists data outside its partitions",
    ),
    "past the end": (
        lambda row: row.update(parquet_start=10**6),
        "refused: manifest.parquet does not fit",
    ),
    "too many rows": (lambda row: row.update(rows=10**6), "refused: manifest.parquet does not fit"),
    "before the start": (
        lambda row: row.update(parquet_start=-1),
        "refused: manifest.parquet does not fit",
    ),
    "the rows of others": (
        lambda row: row.update(parquet_start=0),
        "refused: manifest.parquet does not fit",
    ),
    "the bytes of others": (
        lambda row: row.update(json_start=0),
        "refused: manifest.parquet does not fit",
    ),
    "bytes past the end": (
        lambda row: row.update(json_start=10**9),
        "refused: manifest.parquet does not fit",
    ),
    "bytes before the start": (
        lambda row: row.update(json_start=-5),
        "refused: manifest.parquet does not fit",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_manifest_is_refused(copy: Path, tmp_path: Path, case: str) -> None:
    change, message = HOSTILE[case]

    def update(row: dict[str, Any]) -> None:
        if row["table"] == "movies" and row["country"] == "deu" and row["date_stamp"] == STAMPS[2]:
            change(row)

    edit_manifest(copy, update)
    for make in (compact, stage):
        with pytest.raises(ValueError, match=message) as raised:
            make(str(copy), str(tmp_path / make.__name__), date_stamps=STAMPS[1:])
        assert str(raised.value).isprintable()
        assert not (tmp_path / make.__name__ / "lake.json").exists()
    with pytest.raises(ValueError, match=message):
        pack(str(copy), str(tmp_path / "lake.tar"))
    assert not (tmp_path / "lake.tar").exists()


@pytest.mark.parametrize("table", TABLES)
def test_every_text_and_list_has_a_dictionary(sample_lake, tmp_path, table):
    """fastparquet reads a list without a dictionary as None, and raises no error."""
    copied = Path(compact(str(sample_lake), str(tmp_path / "copy"), tables=table))
    for file in sorted((copied / "parquet" / table).rglob("*.parquet")):
        group = pq.ParquetFile(file).metadata.row_group(0)
        plain = {
            group.column(number).path_in_schema
            for number in range(group.num_columns)
            if "RLE_DICTIONARY" not in group.column(number).encodings
            and group.column(number).physical_type != "BOOLEAN"
        }
        assert plain == {"record"} & set(pq.read_schema(file).names)
