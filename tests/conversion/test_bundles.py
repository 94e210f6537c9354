"""Feed zips in bundles give the same lake as each one alone, also if something is wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from movielake.conversion import bundles, runs, zips
from movielake.conversion.bundles import Key, bundle, flatten_bundle
from movielake.conversion.planning import Task
from movielake.conversion.runs import convert
from movielake.feed.limits import Limits
from movielake.feed.zips import find_feed, open_members
from movielake.sample import write_sample

WEEKS = 6


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("bundles") / "feed")
    write_sample(folder, weeks=WEEKS, countries=["can", "deu", "nzl"], scale=0.02)
    return folder


def tasks_of(feed: str, lake: str = "", strict: bool = False) -> list[Task]:
    zips = sorted(find_feed(feed).zips, key=lambda zip_: -zip_.size)
    return [Task(feed, lake, zip_, True, False, strict, Limits()) for zip_ in zips]


def content(lake: Path) -> dict[str, bytes]:
    return {str(p.relative_to(lake)): p.read_bytes() for p in lake.rglob("*") if p.is_file()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_lake_is_the_same_with_bundles_and_without(feed, tmp_path, monkeypatch, workers):
    convert(feed, str(tmp_path / "bundles"), workers=workers)
    monkeypatch.setattr(runs, "bundle", lambda tasks: [[task] for task in tasks])
    convert(feed, str(tmp_path / "alone"), workers=1)
    assert content(tmp_path / "bundles") == content(tmp_path / "alone")


def test_most_members_of_the_sample_are_flattened_together(feed):
    for some in bundle(tasks_of(feed)):
        flat = flatten_bundle(some)
        for task in some:
            with open_members(feed, task.zip_) as members:
                xml = [Key.of(m) for m in members if m.name.endswith(".XML") and m.size]
            assert len(flat[task.zip_.key].members) >= len(xml) - 1


def test_a_bundle_has_small_zips_of_one_country(feed, monkeypatch):
    tasks = tasks_of(feed)
    largest = tasks[0].zip_
    monkeypatch.setattr(bundles, "_SMALL", largest.size - 1)
    monkeypatch.setattr(bundles, "_MOST", 4)
    found = bundle(tasks)
    assert [task for some in found for task in some if task.zip_ == largest] == found[0]
    assert all(len({task.zip_.country for task in some}) == 1 for some in found)
    assert sorted(len(some) for some in found)[-3:] == [4, 4, 4]
    assert sorted(t.zip_.key for some in found for t in some) == sorted(t.zip_.key for t in tasks)


def test_a_strict_conversion_has_no_bundles(feed):
    assert all(len(some) == 1 for some in bundle(tasks_of(feed, strict=True)))


def test_an_error_while_flattening_leaves_each_zip_alone(feed, tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError

    convert(feed, str(tmp_path / "usual"), workers=1)
    monkeypatch.setattr(bundles, "flatten_together", fail)
    assert convert(feed, str(tmp_path / "lake"), workers=1).is_clean
    assert content(tmp_path / "lake") == content(tmp_path / "usual")


def test_a_zip_that_changed_after_it_was_flattened_is_read_again(feed, tmp_path, monkeypatch):
    flatten = zips.flatten_bundle

    def flatten_older(tasks):
        found = flatten(tasks)
        for ready in found.values():
            ready.state[:] = []
            ready.members = dict.fromkeys(ready.members, object())  # to use one fails
        return found

    convert(feed, str(tmp_path / "usual"), workers=1)
    monkeypatch.setattr(zips, "flatten_bundle", flatten_older)
    convert(feed, str(tmp_path / "lake"), workers=1)
    assert content(tmp_path / "lake") == content(tmp_path / "usual")


def test_a_zip_that_ends_its_workers_costs_only_itself(feed, tmp_path, monkeypatch):
    bad = ("20191213", "deu")

    def share_out(work, pieces, workers):
        for number, tasks in enumerate(pieces):
            dies = bad in [task.zip_.key for task in tasks]
            yield number, ChildProcessError("its workers died") if dies else work(tasks)

    monkeypatch.setattr(runs, "share_out", share_out)
    done = convert(feed, str(tmp_path / "lake"), workers=2)
    failed = [outcome for outcome in done.outcomes if outcome.error]
    assert [(o.zip_.key, o.error) for o in failed] == [
        (bad, "20191213/movies_deu.zip: its workers died")
    ]
    assert len(done.commits) == len(find_feed(feed).zips) - 1


def test_zips_that_were_only_copied_again_are_not_flattened(feed, tmp_path, monkeypatch):
    copied = tmp_path / "feed"
    shutil.copytree(feed, copied)
    convert(str(copied), str(tmp_path / "lake"), workers=1)
    for file in copied.rglob("*.zip"):
        os.utime(file, (1, 1))
    flattened = []
    monkeypatch.setattr(zips, "_flattened", flattened.append)
    assert convert(str(copied), str(tmp_path / "lake"), workers=1).commits == ()
    assert flattened == []
