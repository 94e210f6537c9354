"""Drafts: published only if no commit was changed since they were begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from movielake.lake.drafts import Draft
from movielake.lake.ledger import mark_behind
from movielake.names.layout import Folder


@pytest.fixture(params=["disk", "store"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return Folder(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path.name}")


def publish(lake: Folder) -> list[str]:
    """Publish a draft, and list the files of the lake."""
    with Draft(lake) as draft:
        draft.publish(b"whole", "manifest.parquet")
    return list(lake.find())


def test_a_draft_is_published(lake):
    assert publish(lake) == ["manifest.parquet"]
    assert lake.fs.cat_file(lake.join("manifest.parquet")) == b"whole"


def test_a_draft_is_removed_after_an_error(lake):
    with pytest.raises(KeyError), Draft(lake):
        raise KeyError
    assert lake.find() == {}


def test_a_draft_is_not_published_after_a_change(lake):
    with Draft(lake) as draft:
        mark_behind(lake)
        draft.publish(b"whole", "manifest.parquet")
    assert lake.find() == {}


STEPS = ["pipe_file", "exists", "cp_file", "rm_file"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_change_at_any_moment_leaves_no_draft_and_no_older_manifest(monkeypatch, step, when):
    lake = Folder(f"memory://drafts-{step}-{when}")
    changes: list[None] = []

    def change_at(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            if when == "before":
                change()
            answer = call(*arguments, **options)
            if when == "after":
                change()
            return answer

        return called

    def change() -> None:
        if not changes:
            changes.append(None)
            mark_behind(lake)

    with Draft(lake) as draft:
        monkeypatch.setattr(lake.fs, step, change_at(getattr(lake.fs, step)))
        draft.publish(b"older", "manifest.parquet")
        change()
    assert lake.find() == {}


def test_a_draft_whose_content_comes_while_drafts_are_removed_is_removed(monkeypatch):
    """The process that changes a commit has already listed the drafts at that moment."""
    lake = Folder("memory://drafts-late")
    remove, late = lake.fs.rm_file, iter([b"older"])
    with Draft(lake) as draft:

        def remove_late(path: str) -> None:
            for content in late:
                draft._write(content)
            remove(path)

        monkeypatch.setattr(lake.fs, "rm_file", remove_late)
        mark_behind(lake)
        assert lake.find() == {}
