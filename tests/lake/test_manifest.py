"""Commits, and the manifest that is made from them."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec import register_implementation
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from movielake import MoviesReader, ShowingsReader, convert, pack, stage
from movielake.lake.commits import (
    COMPLETE,
    DAMAGED,
    EMPTY,
    OTHER,
    REFUSED,
    Commit,
    MemberCommit,
    commit_to_json,
)
from movielake.lake.entries import MANIFEST, manifest_table
from movielake.lake.ledger import (
    committed,
    mark_behind,
    read_commit,
    remove_commit,
    survey,
    withdraw_commit,
    write_commit,
)
from movielake.lake.locks import hold_partition
from movielake.lake.manifest import read_manifest, rebuild_manifest
from movielake.lake.opening import check_lake, create_lake, read_layout
from movielake.lake.overview import describe_lake
from movielake.lake.parsing import commit_from_json
from movielake.lake.writers import WrittenFile, write_atomically
from movielake.names.layout import Folder, Selection, commit_path
from movielake.rows.problems import Problem
from movielake.schema.tables import FORMAT, TABLES, table
from tests.feeds import files, week, write_feed

FILE = WrittenFile("json/20191206/deu/191206S.jsonl.zst", 7, "ab" * 32)
SHOWINGS = MemberCommit(
    member="191206S.XML",
    status=COMPLETE,
    table="showings",
    xml_bytes=100,
    records=3,
    rows=9,
    screenings=8,
    root={"@version": "1"},
    json=FILE,
    parquet=WrittenFile("parquet/showings/x.parquet", 11, "cd" * 32),
    problems=(Problem("show_time", "untyped", 2, "TBA"), Problem("lang", "unknown", 1, "ä")),
)
BROKEN = MemberCommit(
    member="191206I.XML",
    status=DAMAGED,
    table="movies",
    reason="Premature end",
    line=4,
    column=7,
    quarantine=(WrittenFile("quarantine/20191206/deu/191206I.XML", 5, "ef" * 32),),
)


def made(stamp: str = "20191206", country: str = "deu", *members: MemberCommit) -> Commit:
    return Commit(
        date_stamp=stamp,
        country=country,
        path=f"{stamp}/movies_{country}.zip",
        size=10,
        modified="1.5",
        fingerprint="f" * 32,
        with_json=True,
        members=members,
    )


FULL = made("20191206", "deu", BROKEN, SHOWINGS)


@pytest.fixture(params=["local", "memory"])
def lake(request, tmp_path) -> Folder:
    """Return an empty lake, once in a local folder and once in memory."""
    if request.param == "local":
        folder = Folder(str(tmp_path / "lake"))
    else:
        folder = Folder(f"memory://manifest/{tmp_path.name}")
    create_lake(folder)
    return folder


def put(lake: Folder, path: str, content: bytes) -> None:
    lake.fs.makedirs(lake.join(path).rpartition("/")[0], exist_ok=True)
    lake.fs.pipe_file(lake.join(path), content)


# --- commits as JSON


@pytest.mark.parametrize("commit", [FULL, made(), made("20191213", "chn", SHOWINGS)])
def test_a_commit_reads_back_as_it_was(commit):
    assert commit_from_json(commit_to_json(commit)) == commit


def test_a_commit_is_plain_json():
    text = json.loads(commit_to_json(FULL))
    assert list(text) == [
        "date_stamp",
        "country",
        "path",
        "size",
        "modified",
        "fingerprint",
        "with_json",
        "members",
    ]
    assert text["members"][1]["json"] == {"path": FILE.path, "bytes": 7, "sha256": "ab" * 32}
    assert text["members"][1]["problems"][0] == {
        "column": "show_time",
        "kind": "untyped",
        "count": 2,
        "example": "TBA",
    }
    assert text["members"][0]["line"] == 4


def test_equal_commits_have_equal_bytes():
    assert commit_to_json(FULL) == commit_to_json(made("20191206", "deu", BROKEN, SHOWINGS))


@given(
    name=st.text(st.characters(codec="utf-8"), max_size=20),
    numbers=st.tuples(*[st.integers(0, 2**40)] * 4),
    status=st.sampled_from([COMPLETE, DAMAGED, REFUSED, EMPTY, OTHER]),
    root=st.dictionaries(st.text(st.characters(codec="utf-8")), st.text()),
)
def test_any_commit_reads_back_as_it_was(name, numbers, status, root):
    xml_bytes, records, rows, screenings = numbers
    member = MemberCommit(
        name,
        status,
        reason=name,
        xml_bytes=xml_bytes,
        records=records,
        rows=rows,
        screenings=screenings,
        root=root,
    )
    commit = made("20191206", "deu", member, SHOWINGS)
    assert commit_from_json(commit_to_json(commit)) == commit


@pytest.mark.parametrize(
    ("status", "hurt"),
    [(COMPLETE, False), (EMPTY, False), (OTHER, False), (DAMAGED, True), (REFUSED, True)],
)
def test_only_damaged_and_refused_members_count_as_hurt(status, hurt):
    member = MemberCommit("a", status)
    assert member.is_hurt == hurt
    assert made("20191206", "deu", SHOWINGS, member).is_hurt == hurt


def test_a_member_lists_all_its_files():
    assert [file.path for file in SHOWINGS.files] == [FILE.path, "parquet/showings/x.parquet"]
    assert [file.path for file in BROKEN.files] == ["quarantine/20191206/deu/191206I.XML"]
    assert MemberCommit("a", EMPTY).files == ()


# --- lake.json


def test_a_new_lake_states_its_format_and_schemas(lake):
    content = json.loads(lake.fs.cat_file(lake.join("lake.json")))
    assert content["format"] == FORMAT
    assert set(content["tables"]) == set(TABLES)
    assert content["tables"]["showings"]["show_time"] == "time64[us]"
    assert content["tables"]["showings"]["country"] == "string"
    assert list(content["tables"]["movies"]) == [c.name for c in table("movies").columns]


def test_an_existing_lake_is_not_changed(lake):
    before = lake.fs.cat_file(lake.join("lake.json"))
    put(lake, "notes.txt", b"mine")
    create_lake(lake)
    assert lake.fs.cat_file(lake.join("lake.json")) == before


@pytest.mark.parametrize("hidden", [[], [".keep"]])
def test_a_folder_without_visible_files_becomes_a_lake(tmp_path, hidden):
    for name in hidden:
        (tmp_path / name).write_bytes(b"")
    create_lake(Folder(str(tmp_path)))
    assert list(files(tmp_path)) == [*hidden, "lake.json"]


def test_a_folder_with_other_files_does_not_become_a_lake(tmp_path):
    (tmp_path / "thesis.tex").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"expected a lake or an empty folder, found files but no"):
        create_lake(Folder(str(tmp_path)))
    assert list(files(tmp_path)) == ["thesis.tex"]


def test_a_check_of_a_missing_lake_fails(tmp_path):
    with pytest.raises(FileNotFoundError, match="make one with: movielake convert FEED LAKE"):
        check_lake(Folder(str(tmp_path / "none")))


@pytest.mark.parametrize("found", [FORMAT + 1, 0, "1", None])
def test_a_lake_of_another_format_is_refused_with_advice(lake, found):
    put(lake, "lake.json", json.dumps({"format": found}).encode())
    with pytest.raises(ValueError, match="use the movielake that wrote it, or convert the feed"):
        check_lake(lake)
    with pytest.raises(ValueError, match=f"expected a lake of format {FORMAT}, found format"):
        create_lake(lake)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'"x"', b"\xff\xfe", b"3"])
def test_an_unreadable_lake_file_is_refused_with_advice(lake, content):
    put(lake, "lake.json", content)
    with pytest.raises(ValueError, match=r"lake\.json is not readable; restore it or convert"):
        check_lake(lake)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"3"])
def test_the_layout_of_an_unreadable_lake_file_is_not_guessed(lake, content):
    put(lake, "lake.json", content)
    with pytest.raises(ValueError, match=r"lake\.json is not readable; restore it or convert"):
        read_layout(lake)


def drop(tables):
    del tables["movies"]["lang"]


def add(tables):
    tables["theaters"]["theater_rooms"] = "int32"


def retype(tables):
    tables["showings"]["movie_id"] = "int64"


def lose(tables):
    del tables["theaters"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, "expected movies.lang of type string, found it not there"),
        (add, "expected theaters.theater_rooms not there, found it of type int32"),
        (retype, "expected showings.movie_id of type int32, found it of type int64"),
        (lose, "expected the tables movies, theaters, showings, found movies, showings"),
        (dict.clear, "expected the tables movies, theaters, showings, found none"),
        (lambda tables: tables.update(movies=None), "it does not list the columns of its tables"),
    ],
)
def test_a_lake_with_other_columns_is_refused_with_advice(lake, change, message):
    """The format number is right but the columns are not, so a reader would give wrong results."""
    create_lake(lake)
    content = json.loads(lake.fs.cat_file(lake.join("lake.json")))
    change(content["tables"])
    put(lake, "lake.json", json.dumps(content).encode())
    for check in (check_lake, create_lake):
        with pytest.raises(ValueError, match=r"lake\.json states format 2, but ") as raised:
            check(lake)
        assert message in str(raised.value)
        assert "convert the feed again, into another folder" in str(raised.value)


def test_a_lake_without_a_list_of_columns_is_refused(lake):
    put(lake, "lake.json", json.dumps({"format": FORMAT}).encode())
    with pytest.raises(ValueError, match="it does not list the columns of its tables; use"):
        check_lake(lake)


def test_the_order_of_columns_does_not_matter(lake):
    create_lake(lake)
    content = json.loads(lake.fs.cat_file(lake.join("lake.json")))
    content["tables"] = {n: dict(reversed(t.items())) for n, t in content["tables"].items()}
    put(lake, "lake.json", json.dumps(content).encode())
    check_lake(lake)


@pytest.mark.parametrize(
    "read",
    [
        lambda lake, _: describe_lake(lake),
        lambda lake, _: ShowingsReader(lake),
        lambda lake, _: MoviesReader(lake).head(1),
        lambda lake, other: pack(lake, f"{other}.tar"),
        lambda lake, other: stage(lake, f"{other}-staged"),
        lambda lake, _: convert(f"{lake}/../feed", lake, workers=1),
    ],
)
def test_no_function_reads_a_lake_with_other_columns(tmp_path, read):
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": week()})
    convert(feed, str(tmp_path / "lake"), workers=1)
    content = json.loads((tmp_path / "lake/lake.json").read_bytes())
    del content["tables"]["showings"]["show_sound"]
    (tmp_path / "lake/lake.json").write_text(json.dumps(content))
    before = files(tmp_path)
    with pytest.raises(ValueError, match=r"expected showings.show_sound of type string, found it"):
        read(str(tmp_path / "lake"), str(tmp_path / "other"))
    assert files(tmp_path) == before


# --- commits in the lake


def test_a_missing_commit_is_none(lake):
    assert read_commit(lake, "20191206", "deu") is None
    assert committed(lake) == []


def test_a_commit_is_written_and_removed(lake):
    write_commit(lake, FULL)
    assert read_commit(lake, "20191206", "deu") == FULL
    remove_commit(lake, "20191206", "deu")
    assert read_commit(lake, "20191206", "deu") is None
    remove_commit(lake, "20191206", "deu")


def test_commits_are_listed_in_order(lake):
    for stamp, country in (("20200103", "can"), ("20191206", "swe"), ("20191206", "can")):
        write_commit(lake, made(stamp, country))
    assert committed(lake) == [("20191206", "can"), ("20191206", "swe"), ("20200103", "can")]


@pytest.mark.parametrize(
    "path",
    ["manifest/README.md", "manifest/20191206/deu.json.part", "manifest/a/b/c.json"],
)
def test_other_files_among_the_commits_are_ignored(lake, path):
    put(lake, path, b"x")
    assert committed(lake) == []


# --- the table


def test_the_manifest_has_one_row_per_member():
    first, second = manifest_table([FULL]).to_pylist()
    assert (first["member"], first["status"], first["line"]) == ("191206I.XML", "damaged", 4)
    assert first["quarantine"] == [
        {"path": "quarantine/20191206/deu/191206I.XML", "bytes": 5, "sha256": "ef" * 32}
    ]
    assert (second["json_path"], second["json_bytes"]) == (FILE.path, 7)
    assert second["parquet_sha256"] == "cd" * 32
    assert (second["records"], second["rows"], second["screenings"]) == (3, 9, 8)
    assert second["problems"][1]["example"] == "ä"


def test_the_path_is_that_of_the_feed_zip():
    assert manifest_table([FULL])["path"].to_pylist() == ["20191206/movies_deu.zip"] * 2


def test_a_zip_without_members_has_a_row_too():
    (row,) = manifest_table([made()]).to_pylist()
    assert (row["date_stamp"], row["country"], row["member"]) == ("20191206", "deu", None)
    assert row["json_path"] is None


def test_a_manifest_without_commits_has_no_rows():
    assert manifest_table([]).schema == MANIFEST
    assert manifest_table([]).num_rows == 0


# --- rebuilt when it is out of date


def on_disk(lake: Folder) -> pa.Table | None:
    if not lake.fs.exists(lake.join("manifest.parquet")):
        return None
    with lake.fs.open(lake.join("manifest.parquet"), "rb") as file:
        return pq.read_table(file)


def test_the_manifest_is_written(lake):
    write_commit(lake, FULL)
    rebuilt = rebuild_manifest(lake)
    assert rebuilt.num_rows == 2
    assert on_disk(lake).equals(rebuilt)
    assert read_manifest(lake).equals(rebuilt)


def test_an_empty_lake_has_an_empty_manifest(lake):
    assert rebuild_manifest(lake).num_rows == 0
    assert on_disk(lake).schema.names == MANIFEST.names


@pytest.mark.parametrize("change", ["write", "remove", "mark"])
def test_a_change_of_commits_removes_the_manifest_first(lake, change):
    write_commit(lake, FULL)
    rebuild_manifest(lake)
    if change == "write":
        write_commit(lake, made("20200103", "can"))
    elif change == "remove":
        remove_commit(lake, "20191206", "deu")
    else:
        mark_behind(lake)
    assert on_disk(lake) is None


def test_a_changed_commit_is_read_before_and_after_rebuilding(lake):
    write_commit(lake, FULL)
    rebuild_manifest(lake)
    write_commit(lake, made("20191206", "deu", SHOWINGS))
    assert read_manifest(lake)["member"].to_pylist() == ["191206S.XML"]
    rebuild_manifest(lake)
    assert on_disk(lake)["member"].to_pylist() == ["191206S.XML"]


def test_a_commit_added_by_another_program_is_read(lake):
    rebuild_manifest(lake)
    put(lake, "manifest/20191206/deu.json", commit_to_json(FULL))
    assert read_manifest(lake).num_rows == 2
    rebuild_manifest(lake)
    assert on_disk(lake).num_rows == 2


def test_a_commit_removed_by_another_program_is_not_read(lake):
    write_commit(lake, FULL)
    write_commit(lake, made("20200103", "can"))
    rebuild_manifest(lake)
    lake.fs.rm_file(lake.join("manifest/20191206/deu.json"))
    assert read_manifest(lake)["country"].to_pylist() == ["can"]
    rebuild_manifest(lake)
    assert on_disk(lake)["country"].to_pylist() == ["can"]


def test_an_up_to_date_manifest_is_not_written_again(tmp_path):
    lake = Folder(str(tmp_path))
    create_lake(lake)
    write_commit(lake, FULL)
    rebuild_manifest(lake)
    before = Path(lake.join("manifest.parquet")).stat()
    rebuild_manifest(lake)
    after = Path(lake.join("manifest.parquet")).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_reading_writes_no_file(lake):
    write_commit(lake, FULL)
    before = set(lake.find())
    read_manifest(lake)
    assert set(lake.find()) == before


@pytest.mark.parametrize("rebuilt", [False, True])
def test_single_columns_can_be_read(lake, rebuilt):
    write_commit(lake, FULL)
    if rebuilt:
        rebuild_manifest(lake)
    assert read_manifest(lake, ["country", "records"]).to_pydict() == {
        "country": ["deu", "deu"],
        "records": [0, 3],
    }


def test_many_commits_are_read_in_order(lake):
    for n in range(60):
        put(
            lake,
            f"manifest/202001{n % 28 + 1:02}/c{n:02}.json",
            commit_to_json(made(f"202001{n % 28 + 1:02}", f"c{n:02}", SHOWINGS)),
        )
    table_ = rebuild_manifest(lake)
    assert table_.num_rows == 60
    keys = list(zip(*table_.select(["date_stamp", "country"]).to_pydict().values(), strict=True))
    assert keys == sorted(keys)


# --- the overview


def test_an_overview_adds_up(lake):
    other = WrittenFile("parquet/showings/y.parquet", 11, "cd" * 32)
    write_commit(lake, FULL)
    write_commit(lake, made("20200103", "can", replace(SHOWINGS, parquet=other)))
    write_commit(lake, made("20200110", "can"))
    overview = describe_lake(lake.url)
    assert overview.date_stamps == ("20191206", "20200103", "20200110")
    assert overview.countries == ("can", "deu")
    assert overview.feed_zips == 3
    showings = next(size for size in overview.tables if size.table == "showings")
    assert vars(showings) == {
        "table": "showings",
        "members": 2,
        "files": 2,
        "records": 6,
        "rows": 18,
        "screenings": 16,
        "xml_bytes": 200,
        "json_bytes": 14,
        "parquet_bytes": 22,
    }
    assert overview.problems == (
        ("showings", Problem("show_time", "untyped", 4, "TBA")),
        ("showings", Problem("lang", "unknown", 2, "ä")),
    )
    assert overview.incidents == (
        "20191206/movies_deu.zip: 191206I.XML, line 4: damaged: Premature end",
    )


def test_an_overview_of_an_empty_lake(lake):
    overview = describe_lake(lake.url)
    assert (overview.feed_zips, overview.date_stamps, overview.problems) == (0, (), ())
    assert [size.members for size in overview.tables] == [0, 0, 0]


def test_an_overview_of_a_missing_lake_fails(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a lake, found no lake\.json"):
        describe_lake(str(tmp_path))


# --- several processes at once


class Remembering(MemoryFileSystem):
    """A file system that caches the list of a folder, as network file systems do."""

    protocol = "remembering"
    store: ClassVar[dict[str, object]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    listings: ClassVar[dict[str, object]] = {}

    def ls(self, path, detail=True, **options):
        key = self._strip_protocol(path)
        if key not in self.listings:
            self.listings[key] = super().ls(path, detail=True, **options)
        found = self.listings[key]
        return found if detail else [info["name"] for info in found]

    def invalidate_cache(self, path=None):
        self.listings.clear()


def test_commits_of_another_process_are_read_despite_cached_listings():
    register_implementation("remembering", Remembering, clobber=True)
    lake = Folder("remembering://lake")
    create_lake(lake)
    write_commit(lake, FULL)
    assert committed(lake) == [("20191206", "deu")]
    listed = dict(Remembering.listings)
    write_commit(lake, made("20200103", "can"))
    Remembering.listings.update(listed)
    assert committed(lake) == [("20191206", "deu"), ("20200103", "can")]


def test_bytes_are_on_the_disk_before_the_file_is_renamed(tmp_path, monkeypatch):
    lake, told = Folder(str(tmp_path)), []
    replace = os.replace
    monkeypatch.setattr("os.fsync", lambda number: told.append(os.fstat(number).st_ino))

    def told_replace(source: str, target: str) -> None:
        number = Path(source).stat().st_ino
        replace(source, target)  # fails if the folder is not there yet
        told.append(number)

    monkeypatch.setattr("os.replace", told_replace)
    create_lake(lake)
    write_commit(lake, FULL)
    rebuild_manifest(lake)
    assert len(told) == 6
    assert told[::2] == told[1::2]


def test_a_draft_is_not_published_if_a_commit_changes_meanwhile(lake, monkeypatch):
    write_commit(lake, FULL)

    def late(commits):
        table = manifest_table(commits)
        write_commit(lake, made("20191206", "deu", SHOWINGS))
        return table

    monkeypatch.setattr("movielake.lake.manifest.manifest_table", late)
    rebuild_manifest(lake)
    monkeypatch.undo()
    if lake.is_local:  # a lake in memory has no locks and no drafts
        assert on_disk(lake) is None
        assert read_manifest(lake)["member"].to_pylist() == ["191206S.XML"]


def test_a_rebuild_waits_for_a_process_that_has_removed_the_drafts(tmp_path, monkeypatch):
    """Such a process writes its commit after it removed the drafts. It must not be missed."""
    lake = Folder(str(tmp_path / "lake"))
    create_lake(lake)
    write_commit(lake, FULL)
    rebuilding = threading.Thread(target=rebuild_manifest, args=(lake,))

    def write_late(*arguments: Any) -> WrittenFile:
        rebuilding.start()
        rebuilding.join(0.2)
        return write_atomically(*arguments)

    monkeypatch.setattr("movielake.lake.ledger.write_atomically", write_late)
    with hold_partition(lake, "20191206", "deu"):
        write_commit(lake, made("20191206", "deu", SHOWINGS))
    rebuilding.join(10)
    known = on_disk(lake)
    assert known is not None
    assert known["member"].to_pylist() == ["191206S.XML"]


def test_a_reader_that_needs_a_commit_set_aside_fails(lake, monkeypatch):
    monkeypatch.setattr("movielake.lake.ledger._PATIENCE", 0.05)
    write_commit(lake, FULL)
    write_commit(lake, made("20200103", "can"))
    withdraw_commit(lake, "20191206", "deu")
    assert survey(lake) == ([("20200103", "can")], [("20191206", "deu")])
    for needed in (Selection(), Selection(countries="d*")):
        with pytest.raises(ValueError, match=r"20191206/deu in .* is being replaced; try again"):
            committed(lake, needed)
    for other in (None, Selection(countries="can")):
        assert committed(lake, other) == [("20200103", "can")]
    with pytest.raises(ValueError, match="is being replaced"):
        read_manifest(lake)
    write_commit(lake, FULL)
    assert survey(lake) == ([("20191206", "deu"), ("20200103", "can")], [])


def test_a_commit_is_valid_while_the_old_one_is_still_set_aside(lake, monkeypatch):
    """A process leaves this state if it is killed after the commit and before the clean-up."""
    monkeypatch.setattr("movielake.lake.ledger._PATIENCE", 0.05)
    write_commit(lake, FULL)
    withdraw_commit(lake, "20191206", "deu")
    lake.fs.pipe_file(lake.join(commit_path("20191206", "deu")), commit_to_json(FULL))
    assert survey(lake) == ([("20191206", "deu")], [("20191206", "deu")])
    assert committed(lake, Selection()) == [("20191206", "deu")]
