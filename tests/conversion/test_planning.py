"""Which zips a run converts: changes, JSON, pruning, selections, and refused feeds and lakes."""

from __future__ import annotations

import json
import os
import shutil
import zipfile

import fsspec
import pytest

from movielake.conversion.runs import convert
from movielake.schema.tables import FORMAT
from tests.conversion.place import DEU, HIVE, LATER, SWE, Place, beside, done
from tests.feeds import (
    all_records,
    all_rows,
    commit,
    manifest,
    member,
    movies,
    showing,
    times,
    week,
    write_feed,
    zipped,
)

# --- changed and unchanged zips


def test_a_second_run_changes_no_file(place):
    place.write({DEU: week(), SWE: week()})
    assert done(place.convert()) == [DEU, SWE]
    before = {p: p.stat().st_mtime_ns for p in place.lake_path.rglob("*") if p.is_file()}
    again = place.convert()
    assert (done(again), again.plan.unchanged, again.outcomes, again.is_clean) == ([], 2, (), True)
    assert {p: p.stat().st_mtime_ns for p in place.lake_path.rglob("*") if p.is_file()} == before


def test_only_the_new_zip_is_converted(place):
    place.write({DEU: week()}).convert()
    assert done(place.write({SWE: week()}).convert()) == [SWE]


def touch(place: Place) -> str:
    return DEU


def pack_again(place: Place) -> str:
    place.write({DEU: zipped(week(), zipfile.ZIP_STORED)})
    return DEU


def move(place: Place) -> str:
    path = "2019/12/06/movies_deu.zip"
    (place.feed_path / path).parent.mkdir(parents=True)
    (place.feed_path / DEU).rename(place.feed_path / path)
    return path


@pytest.mark.parametrize("change", [touch, pack_again, move])
def test_a_zip_with_the_same_content_only_updates_its_commit(place, change):
    place.write({DEU: week()}).convert()
    before = place.files()
    path = change(place)
    os.utime(place.feed_path / path, (1_000_000_000, 1_000_000_000))
    again = place.convert()
    assert (len(again.outcomes), done(again), again.is_clean) == (1, [], True)
    known = commit(place.lake)
    size = (place.feed_path / path).stat().st_size
    assert (known["path"], known["size"], known["modified"]) == (path, size, "1000000000.0")
    assert set(manifest(place.lake)["modified"].to_pylist()) == {"1000000000.0"}
    for name, content in place.files().items():
        assert "manifest" in name or content == before[name]
    assert place.convert().outcomes == ()


def test_a_changed_zip_is_converted_again_and_its_old_files_are_removed(place):
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


def test_a_changed_value_reaches_the_lake(place):
    place.write({DEU: {"191206I.XML": movies("Up")}}).convert()
    place.write({DEU: {"191206I.XML": movies("Down")}}).convert()
    assert [row["title"] for row in all_rows(place.lake, "movies")] == ["Down"]
    assert [record["title"] for record in all_records(place.lake)] == ["Down"]


def test_a_repaired_zip_leaves_the_quarantine(place):
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


def test_force_converts_everything_to_the_same_bytes(place):
    place.write({DEU: week(), SWE: week()}).convert()
    before = place.files()
    assert done(place.convert(force=True)) == [DEU, SWE]
    assert place.files() == before


def test_a_zip_without_its_commit_is_converted_again(place):
    place.write({DEU: week(), SWE: week()}).convert()
    before = place.files()
    (place.lake_path / "manifest/20191206/swe.json").unlink()
    assert done(place.convert()) == [SWE]
    assert place.files() == before


# --- with and without JSON Lines


def test_without_json_no_json_file_is_written(place):
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


def test_existing_json_stays_in_a_run_without_json(place):
    place.write({DEU: week()}).convert()
    assert done(place.convert(with_json=False)) == []
    assert len(place.names("json/")) == 3


def test_force_without_json_removes_json_and_keeps_parquet(place):
    place.write({DEU: week()}).convert()
    before = {p: c for p, c in place.files().items() if p.startswith("parquet")}
    place.convert(with_json=False, force=True)
    assert place.names("json/") == []
    assert {p: c for p, c in place.files().items() if p.startswith("parquet")} == before


# --- pruning


@pytest.fixture
def pruned(place) -> Place:
    place.write({DEU: week(), SWE: week(), LATER: week("20191213")}).convert()
    (place.feed_path / SWE).unlink()
    (place.feed_path / LATER).unlink()
    return place


def test_without_prune_no_partition_is_removed(pruned):
    before = pruned.files()
    result = pruned.convert()
    assert result.plan.missing == (("20191206", "swe"), ("20191213", "deu"))
    assert (result.removed, pruned.files()) == ((), before)


def test_pruning_removes_whole_partitions(pruned):
    assert pruned.convert(prune=True).removed == (("20191206", "swe"), ("20191213", "deu"))
    assert [n for n in pruned.names() if "swe" in n or "20191213" in n] == []
    assert set(manifest(pruned.lake)["country"].to_pylist()) == {"deu"}
    assert len(pruned.names()) == 10


def test_pruning_removes_only_selected_partitions(pruned):
    result = pruned.convert(prune=True, date_stamps="20191206")
    assert result.removed == (("20191206", "swe"),)
    assert pruned.names("manifest/") == [
        "manifest/20191206/deu.json",
        "manifest/20191213/deu.json",
    ]


def test_pruning_works_on_an_object_store_without_folders():
    """An object store has only keys, so only files can be removed."""
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
def test_only_selected_zips_are_converted(place, terms, expected):
    place.write({DEU: week(), SWE: week(), LATER: week("20191213")})
    assert done(place.convert(**terms)) == expected


def test_an_empty_selection_lists_the_stamps_and_countries_of_the_feed(place):
    place.write({DEU: week(), LATER: week()})
    message = (
        r"nothing in .*feed matches date_stamps=2018\*, countries=all; it has 2 stamps "
        r"\(20191206 to 20191213\) and the countries deu"
    )
    with pytest.raises(ValueError, match=message):
        place.convert(date_stamps="2018*")
    assert not place.lake_path.exists()


def test_several_partial_runs_make_the_same_lake_as_one_run(tmp_path):
    whole, parts = Place(tmp_path / "1"), Place(tmp_path / "2")
    whole.write({DEU: week(), SWE: week(), LATER: week("20191213")}).convert()
    shutil.copytree(whole.feed, parts.feed)  # with its modification times
    for terms in ({"date_stamps": "20191213"}, {"countries": "swe"}, {}):
        parts.convert(**terms)
    assert parts.files() == whole.files()


# --- refused


@pytest.mark.parametrize(
    ("contents", "error", "message"),
    [
        ({}, FileNotFoundError, "found no folder at"),
        (
            {"notes.txt": b""},
            ValueError,
            r"expected DATE_STAMP/movies_CCC\.zip below .*found 1 other files, such as notes",
        ),
        (
            {os.fsdecode(b"\xe9/20191206/movies_deu.zip"): week()},
            ValueError,
            "expected feed zips .*found only refused: .*not UTF-8",
        ),
    ],
    ids=["missing", "without zips", "with refused zips only"],
)
def test_a_feed_without_usable_zips_is_refused(place, contents, error, message):
    place.write(contents)
    with pytest.raises(error, match=message):
        place.convert()
    assert not place.lake_path.exists()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"thesis.tex": b"mine"}, "expected a lake or an empty folder"),
        ({"lake.json": json.dumps({"format": FORMAT + 1}).encode()}, "convert the feed again"),
    ],
    ids=["not a lake", "a lake of another format"],
)
def test_a_folder_that_is_not_a_lake_of_this_format_stays_unchanged(place, contents, message):
    place.write({DEU: week()})
    write_feed(place.lake_path, contents)
    with pytest.raises(ValueError, match=message):
        place.convert()
    assert place.files() == contents


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


def test_the_lake_can_be_inside_the_feed(tmp_path):
    place = Place(tmp_path)
    place.lake_path = place.feed_path / "lake"
    place.lake = str(place.lake_path)
    place.write({DEU: week(), SWE: {"191206S.XML": b"<times><"}}).convert()
    again = place.convert()
    assert (again.plan.unchanged, again.outcomes, again.plan.feed.others) == (2, (), ())
    assert [commit.country for commit in again.still_hurt] == ["swe"]
