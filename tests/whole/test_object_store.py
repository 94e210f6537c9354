"""Object stores: every command, on a real S3 server on loopback.

The lake in the store is compared with the lake that the same feed gives on a disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from distributed import Client
from zstandard import ZstdDecompressor

from movielake import (
    MoviesReader,
    ShowingsReader,
    compact,
    convert,
    join_showings,
    stage,
    validate,
    write_report,
)
from movielake.cli import main
from movielake.cluster.workers import local_cluster
from movielake.lake.leftovers import remove_leftovers
from movielake.lake.locks import hold_partition
from movielake.lake.manifest import rebuild_manifest
from movielake.lake.owners import name_owner
from movielake.lake.writers import Workspace
from movielake.names.layout import Folder
from movielake.staging.packing import pack
from tests.crashes import die, finish, fork, spread, start
from tests.faults import record
from tests.feeds import files, houses, week, write_feed
from tests.stores import NEEDED, Store, client_of, serving

DEU, SWE, CAN = (f"20191206/movies_{country}.zip" for country in ("deu", "swe", "can"))
LATER = "20191213/movies_deu.zip"
BROKEN = {"191206T.XML": houses("Rex")[:-9], "191206X.XML": "<what/>"}

OLD = {DEU: week(shows=3), SWE: week(), CAN: week() | BROKEN}
NEW = {DEU: week(shows=9), SWE: week(), LATER: week("20191213")}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        reason = f"not installed: {', '.join(missing)}; see the extra test"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with serving() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        yield store


@pytest.fixture
def top(store: Store, request: pytest.FixtureRequest) -> str:
    """Return the URL of a bucket for one test."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]
    store.fs.mkdir(name)
    return f"s3://{name}"


@pytest.fixture
def lake(top: str) -> str:
    return f"{top}/lake"


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return two states of a small feed."""
    folder = tmp_path_factory.mktemp("feeds")
    return write_feed(folder / "old", OLD), write_feed(folder / "new", NEW)


@pytest.fixture(scope="module")
def wholes(feeds: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Return the files of the lakes that the two feeds give on a disk."""
    folder = tmp_path_factory.mktemp("lakes")
    for number, feed in enumerate(feeds):
        convert(feed, str(folder / str(number)), workers=1)
    return [files(folder / str(number)) for number in range(2)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="movielake")


def errors(path: str, workers: int | None = 1) -> list[str]:
    return [f.message for f in validate(path, workers=workers) if f.severity == "error"]


# --- every command


def test_a_lake_in_a_store_has_the_same_bytes_as_on_a_disk(store, lake, sample_feed, sample_lake):
    result = run("convert", str(sample_feed), lake, "--workers", "2")
    assert result.exit_code == 0, result.output
    assert store.files(lake) == files(sample_lake)


def test_a_feed_in_a_store_is_converted_once(store, top, lake, feeds, wholes):
    feed = store.copy(feeds[1], f"{top}/feed")
    assert "3 converted" in run("convert", feed, lake, "--workers", "1").output
    there = store.files(lake)
    same = [path for path in wholes[1] if not path.startswith("manifest")]
    assert {path: there[path] for path in same} == {path: wholes[1][path] for path in same}
    assert "0 converted, 3 unchanged" in run("convert", feed, lake, "--workers", "1").output
    store.put(f"{feed}/{SWE}", Path(feeds[1], DEU).read_bytes())
    assert "1 converted, 2 unchanged" in run("convert", feed, lake, "--workers", "1").output


def test_unzipped_members_in_a_store_are_converted(store, top, lake):
    for name, content in week().items():
        store.put(f"{top}/feed/20191206/deu/{name}", content.encode())
    assert "1 converted" in run("convert", f"{top}/feed", lake, "--workers", "1").output


def test_a_sample_is_written_into_a_store(store, top, tmp_path):
    options = ("--weeks", "1", "--countries", "nzl", "--scale", "0.02")
    for feed in (f"{top}/feed", str(tmp_path)):
        assert run("sample", feed, *options).exit_code == 0
    assert store.files(f"{top}/feed") == files(tmp_path)
    refused = run("sample", f"{top}/feed", *options)
    assert refused.exit_code == 2
    assert "expected an empty or missing folder" in refused.stderr


@pytest.mark.parametrize("command", ["info", "validate"])
def test_a_command_says_the_same_about_a_store_as_about_a_disk(store, lake, sample_lake, command):
    store.copy(str(sample_lake), lake)
    on_disk, in_store = run(command, str(sample_lake)), run(command, lake)
    # Lines break elsewhere, and a slow store also shows progress.
    lines = [line for line in in_store.output.splitlines() if not line.startswith(f"{command}: ")]
    words = " ".join(lines).replace(lake, str(sample_lake)).split()
    assert words == on_disk.output.split()
    assert in_store.exit_code == on_disk.exit_code == 0


def test_validate_finds_a_damaged_object(store, lake, sample_lake):
    store.copy(str(sample_lake), lake)
    path = next(path for path in store.files(lake) if path.startswith("parquet/movies/"))
    store.put(f"{lake}/{path}", b"x" * len(store.files(lake)[path]))
    assert run("validate", lake).exit_code == 1
    assert any("SHA-256" in message for message in errors(lake))


def test_a_feed_in_a_store_is_validated(store, top, feeds):
    feed = store.copy(feeds[0], f"{top}/feed")
    on_disk, in_store = run("validate", feeds[0]), run("validate", feed)
    assert in_store.output.replace(feed, feeds[0]) == on_disk.output
    assert in_store.exit_code == on_disk.exit_code == 1


def test_a_pack_is_written_to_a_store_and_staged_from_it(store, top, lake, sample_lake, tmp_path):
    store.copy(str(sample_lake), lake)
    assert run("pack", lake, f"{top}/packs/lake.tar", "--leaves").exit_code == 0
    pack(str(sample_lake), str(tmp_path / "lake.tar"), leaves=True)
    whole = (tmp_path / "lake.tar").read_bytes()
    assert store.files(f"{top}/packs") == {"lake.tar": whole}
    for source in (lake, f"{top}/packs/lake.tar"):
        to = tmp_path / source.rpartition("/")[2].replace(".", "-")
        assert run("stage", source, "--to", str(to)).output == f"{to}\n"
        staged = {path: content for path, content in files(to).items() if path[0] != "."}
        assert staged == files(sample_lake)


def test_a_report_is_written_to_a_store(store, top, lake, sample_lake, tmp_path):
    store.copy(str(sample_lake), lake)
    assert run("report", lake, "-o", f"{top}/reports/lake.html").exit_code == 0
    assert list(store.files(f"{top}/reports")) == ["lake.html"]
    page = store.files(f"{top}/reports")["lake.html"].decode()
    write_report(str(sample_lake), str(tmp_path / "lake.html"))
    assert page.replace(lake, str(sample_lake)) == (tmp_path / "lake.html").read_text("utf-8")


# --- questions


def test_views_of_a_store_give_the_same_as_on_a_disk(store, lake, sample_lake):
    store.copy(str(sample_lake), lake)
    there, here = (ShowingsReader(str(path), countries="deu") for path in (lake, sample_lake))
    assert there.count_by("movie_id").equals(here.count_by("movie_id"))
    assert there.count_by(distinct="theater_id").equals(here.count_by(distinct="theater_id"))
    assert there.dataframe.compute().equals(here.dataframe.compute())
    assert there.take(3) == here.take(3)
    assert MoviesReader(lake).movie_ids == MoviesReader(str(sample_lake)).movie_ids
    joined, expected = (join_showings(each).groupby("title").size() for each in (there, here))
    assert joined.compute().equals(expected.compute())


def test_a_small_object_is_read_at_once_and_a_large_one_in_parts(store, lake, feeds, monkeypatch):
    convert(feeds[1], lake, workers=1)
    counts = ShowingsReader(lake).count_by("movie_id")
    for most, methods in ((1 << 20, {"GET"}), (0, {"HEAD", "GET"})):
        monkeypatch.setattr("movielake.reading.rowgroups._SMALL", most)
        store.requests()
        assert ShowingsReader(lake).count_by("movie_id").equals(counts)
        asked = [request for request in store.requests() if request[1].endswith("S.parquet")]
        assert {method for method, _ in asked} == methods
        assert len(asked) >= len({name for _, name in asked}) == 3
        assert most == 0 or len(asked) == 3


def test_an_object_that_was_replaced_is_reported(store, lake, feeds):
    convert(feeds[1], lake, workers=1)
    showings = ShowingsReader(lake, countries="swe")
    (path,) = (path for path in store.files(lake) if "country=swe/191206S.parquet" in path)
    for content in (b"short", bytes(100_000)):
        store.put(f"{lake}/{path}", content)
        with pytest.raises(ValueError, match=r"expected [0-9]+ bytes in .*open the reader again"):
            showings.count_by("movie_id")
    store.fs.rm_file(f"{lake}/{path}")
    with pytest.raises(FileNotFoundError, match="is in the manifest but does not exist"):
        showings.count_by("movie_id")


def test_workers_of_a_cluster_read_and_write_a_store(store, top, lake, feeds, wholes):
    with local_cluster(2) as cluster, Client(cluster):
        convert(feeds[1], lake)
        assert store.files(lake) == wholes[1]
        assert errors(lake, workers=None) == []
        showings = ShowingsReader(lake)
        assert len(showings.dataframe) == len(showings.bag.compute()) == 9 + 2 + 2


def test_a_reader_sees_what_another_process_has_written(store, top, lake, feeds, wholes, tmp_path):
    """fsspec would remember the listings of this process."""
    convert(feeds[0], lake, workers=1)
    assert ShowingsReader(lake, countries="deu").count == 3
    assert errors(lake) == []  # lists every file
    process = start(tmp_path, "convert", feeds[1], lake, "--workers=1", before=client_of(store))
    assert finish(tmp_path, process).code == 0
    with ShowingsReader(lake, countries="deu") as showings:
        assert showings.count == 9 + 2
        assert len(showings.dataframe) == 9 + 2
    assert errors(lake) == []


# --- names of folders, and of buckets

MARKERS = [
    ("lake/",),
    ("lake/manifest/", "lake/manifest/20191206/", "lake/json/20191206/deu/"),
    ("lake/parquet/", "lake/parquet/showings/date_stamp=20191206/", "lake/quarantine/"),
    ("lake/.work/", "lake/.work/locks/", "lake/notes/"),
    ("lake", "lake/json", "lake/manifest/20191206", "lake/parquet/movies"),
    ("lake_$folder$", "lake/json_$folder$", "lake/parquet/movies_$folder$"),
]
"""Names of empty objects that stand for folders: from a console, and from other programs."""


@pytest.mark.parametrize("markers", MARKERS, ids=lambda names: names[-1])
def test_an_object_that_stands_for_a_folder_is_no_file(
    store, top, lake, markers, feeds, wholes, tmp_path
):
    for name in markers:
        if name.endswith(("/", "$")):
            store.put(f"{top}/{name}")
    assert run("convert", feeds[1], lake, "--workers", "1").exit_code == 0
    for name in markers:
        store.put(f"{top}/{name}")
    assert errors(lake) == []
    assert "0 converted, 3 unchanged" in run("convert", feeds[1], lake).output
    assert ShowingsReader(lake).count == 9 + 2 + 2
    rebuild_manifest(Folder(lake))
    pack(lake, f"{top}/lake.tar", leaves=True)
    for source in (lake, f"{top}/lake.tar"):
        to = stage(source, str(tmp_path / source[-4:]))
        assert {p: c for p, c in files(to).items() if p[0] != "."} == wholes[1]
    convert(feeds[0], lake, workers=1, prune=True)
    assert errors(lake) == []


def test_a_folder_that_a_console_made_is_no_part_of_a_feed(store, top, lake, feeds):
    feed = store.copy(feeds[1], f"{top}/feed")
    for name in ("", "20191206/", "20191213/movies_swe.zip/", "later/"):
        store.put(f"{feed}/{name}")
    assert "other-file" not in run("validate", feed).output
    result = run("convert", feed, lake)
    assert "3 converted" in result.output
    assert "not part of the feed" not in result.output


def test_a_sample_can_be_written_into_a_folder_that_a_console_made(store, top):
    for name in ("feed/", "feed/20191206/"):
        store.put(f"{top}/{name}")
    options = ("--weeks", "1", "--countries", "nzl", "--scale", "0.02")
    assert run("sample", f"{top}/feed", *options).exit_code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("convert", "FEED", "s3://mistyped/lake"),
        ("convert", "FEED", "s3://mistyped"),
        ("sample", "s3://mistyped/feed", "--weeks", "1", "--countries", "nzl", "--scale", "0.02"),
        ("pack", "LAKE", "s3://mistyped/lake.tar"),
        ("report", "LAKE", "-o", "s3://mistyped/report.html"),
        ("convert", "s3://mistyped/feed", "LAKE"),
        ("info", "s3://mistyped/lake"),
        ("validate", "s3://mistyped/lake"),
        ("stage", "s3://mistyped/lake", "--to", "STAGED"),
        ("convert", "FEED", "s3://"),
        ("pack", "LAKE", "s3://lake.tar"),
    ],
    ids=" ".join,
)
def test_a_mistyped_bucket_is_reported_and_not_made(store, command, feeds, sample_lake, tmp_path):
    places = {"FEED": feeds[1], "LAKE": str(sample_lake), "STAGED": str(tmp_path)}
    before = store.buckets
    result = run(*(places.get(word, word) for word in command))
    assert store.buckets == before
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("movielake: expected ")
    if "mistyped" in " ".join(command[2:]) and command[0] != "stage":
        assert "expected an existing bucket for s3://mistyped" in line


def test_only_objects_below_the_lake_are_touched(store, lake, feeds):
    """Many users may use only a part of a bucket."""
    store.requests()
    convert(feeds[1], lake, workers=1)
    convert(feeds[0], lake, workers=1, prune=True)
    assert errors(lake) == []
    assert ShowingsReader(lake).count_by("country", distinct="movie_id").shape == (3, 2)
    place = lake.removeprefix("s3://")
    others = {(method, name) for method, name in store.requests() if not name.startswith(place)}
    assert others == set()


# --- several processes at once, and killed processes


def test_two_conversions_of_one_feed_at_once_give_the_same_lake(
    store, lake, feeds, wholes, tmp_path
):
    command = ("convert", feeds[0], lake, "--workers", "2")
    both = [tmp_path / name for name in ("one", "two")]
    processes = [start(folder, *command, before=client_of(store)) for folder in both]
    endings = [finish(*each) for each in zip(both, processes, strict=True)]
    assert {ending.code for ending in endings} <= {0, 1}, endings  # 1: it converted Canada
    found = store.files(lake)
    case = "two converts of the same feed zips into an object store"
    record("At the same time", case, saw="", **counted(found, wholes[0], *wholes))
    assert found == wholes[0]


def test_conversions_of_two_states_of_a_feed_at_once_give_whole_partitions(
    store, lake, feeds, wholes, tmp_path
):
    processes = {
        tmp_path / str(number): start(
            tmp_path / str(number), "convert", feed, lake, "--force", before=client_of(store)
        )
        for number, feed in enumerate([*feeds, *feeds])
    }
    for folder, process in processes.items():
        assert finish(folder, process).code in (0, 1)
    assert errors(lake) == []
    assert mixed(store.files(lake), *wholes) == []


def counted(found: dict[str, bytes], whole: dict[str, bytes], *wholes: Any) -> dict[str, int]:
    """Count the records that are missing from a lake, and the files that are not whole."""
    records = [lines(each) for each in (whole, found)]
    return {"lost": records[0] - records[1], "partial": len(mixed(found, *wholes))}


def lines(lake: dict[str, bytes]) -> int:
    contents = (content for path, content in lake.items() if path.startswith("json/"))
    return sum(ZstdDecompressor().stream_reader(each).read().count(b"\n") for each in contents)


def mixed(found: dict[str, bytes], *wholes: dict[str, bytes]) -> list[str]:
    """List the commits and files that differ from every whole lake, or from their own commit."""
    hidden = (".work/", "manifest.parquet")
    seen = {path: content for path, content in found.items() if not path.startswith(hidden)}
    whole = {path.replace(".replaced", ".json"): content for path, content in seen.items()}
    wrong = [path for path in whole if all(each.get(path) != whole[path] for each in wholes)]
    for path in seen:
        if path.startswith("manifest/") and path.endswith(".json"):
            for member in json.loads(seen[path])["members"]:
                for file in filter(None, (member["json"], member["parquet"])):
                    content = seen.get(file["path"], b"")
                    if hashlib.sha256(content).hexdigest() != file["sha256"]:
                        wrong.append(file["path"])
    return wrong


def count_up(environment: dict[str, str], lake: str, times: int, die_at: int) -> None:
    os.environ.update(environment)
    number = Folder(lake)
    for turn in range(times):
        with hold_partition(Folder(lake), "20191206", "can"):
            before = int(number.fs.cat_file(number.join("number")))
            if turn == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            number.fs.pipe_file(number.join("number"), str(before + 1).encode())


def test_one_process_at_a_time_holds_a_lock_even_if_some_are_killed(store, lake):
    store.put(f"{lake}/number", b"0")
    plans = [(10, -1), (10, 3), (10, -1)]
    processes = [
        fork.Process(target=count_up, args=(store.environment, lake, *plan)) for plan in plans
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, -9, 0]
    assert store.files(lake) == {"number": b"23"}


POINTS = 12


@pytest.fixture(scope="module")
def requests(store: Store, feeds: tuple[str, str], tmp_path_factory) -> list[int]:
    """Return spread numbers of requests of a conversion that replaces and removes partitions."""
    store.fs.mkdir("counted")
    convert(feeds[0], "s3://counted/lake", workers=1)
    store.requests()
    convert(feeds[1], "s3://counted/lake", workers=1, prune=True)
    return spread(len(store.requests()), POINTS)


@pytest.mark.parametrize("point", range(POINTS))
def test_a_killed_conversion_leaves_whole_partitions_and_can_run_again(
    store, lake, feeds, wholes, requests, tmp_path, point
):
    convert(feeds[0], lake, workers=1)
    command = ("convert", feeds[1], lake, "--prune", "--workers=1")
    hook = client_of(store, requests[point], die)
    killed = tmp_path / "killed"
    assert finish(killed, start(killed, *command, before=hook)).was_killed
    partial = mixed(store.files(lake), *wholes)
    convert(feeds[1], lake, workers=1, prune=True)
    found = store.files(lake)
    lost = counted(found, wholes[1])["lost"]
    record("Killed", "convert into an object store", saw="", lost=lost, partial=len(partial))
    assert partial == []
    assert found == wholes[1]
    assert errors(lake) == []


def begin_upload(environment: dict[str, str], path: str, size: int) -> None:
    """Write a large file to the store, and die before it is complete."""
    os.environ.update(environment)
    store = Folder(path)
    file = store.fs.open(store.path, "wb", block_size=5 << 20)
    file.write(bytes(size))
    file.flush()
    die()


def test_parts_of_unfinished_files_are_removed(store, top, lake, feeds):
    """S3 keeps them, but no listing shows them."""
    convert(feeds[1], lake, workers=1)
    owner = dead_owner()
    mine = [
        f"{lake}/.work/{owner}/3",
        f"{lake}/.work/locks/{owner}",
        f"{top}/.lake.tar.{owner}.partial",
    ]
    others = [
        f"{lake}/.work/{name_owner().replace(f'-{os.getpid()}-', '-1-')}/0",  # alive
        f"{top}/.other.tar.{owner}.partial",
        f"{top}/somebody/elses",
    ]
    for url in mine + others:
        process = fork.Process(target=begin_upload, args=(store.environment, url, 6 << 20))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    bucket = top.removeprefix("s3://")
    assert len(store.uploads(bucket)) == len(mine) + len(others)
    convert(feeds[1], lake, workers=1)
    pack(lake, f"{top}/lake.tar")
    left = [f"s3://{bucket}/{name}" for name in store.uploads(bucket)]
    assert sorted(left) == sorted(others)


def dead_owner() -> str:
    process = fork.Process(target=int)
    process.start()
    process.join()
    return name_owner().replace(f"-{os.getpid()}-", f"-{process.pid}-")


def test_the_files_of_a_killed_process_are_removed(store, top, lake, feeds, wholes):
    convert(feeds[1], lake, workers=1)
    dead = dead_owner()
    store.put(f"{lake}/.work/{dead}/0", b"half")
    store.put(f"{lake}/.work/locks/{dead_owner()}", b"half")
    store.put(f"{top}/.x.{dead}.partial", b"half")
    space = Workspace(Folder(lake))
    space.open("a").close()
    assert remove_leftovers(Folder(lake)) == 3  # this thread's own workspace too
    pack(lake, f"{top}/x")
    assert store.files(lake) == wholes[1]
    assert list(store.files(top)) == [f"lake/{path}" for path in wholes[1]] + ["x"]


def test_compact_copies_and_packs_in_a_store_equal_those_on_a_disk(top, sample_lake, tmp_path):
    on_disk = compact(str(sample_lake), str(tmp_path / "compact"))
    in_store = compact(str(sample_lake), f"{top}/compact")
    again = compact(in_store, f"{top}/again")
    for copy in (in_store, again):
        folder = Folder(copy)
        assert {path: folder.fs.cat_file(folder.join(path)) for path in folder.find()} == {
            path: Path(on_disk, path).read_bytes() for path in Folder(on_disk).find()
        }
    packed = pack(in_store, f"{top}/compact.tar")
    assert packed.sha256 == pack(on_disk, str(tmp_path / "compact.tar")).sha256
    staged = stage(f"{top}/compact.tar", str(tmp_path / "staged"), countries="deu")
    counts = [ShowingsReader(url, countries="deu").count_by() for url in (staged, again, on_disk)]
    assert counts[0].equals(counts[1])
    assert counts[1].equals(counts[2])
