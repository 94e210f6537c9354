"""The table of faults: the page shows the recorded rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import faults


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "trust.md"
    path.write_text(f"# Before\n{faults.BEGIN}{faults.HEAD}{faults.END}\nAfter\n")
    monkeypatch.setattr(faults, "PAGE", path)
    monkeypatch.setattr(faults, "RECORDED", {})
    return path


def test_written_rows_are_read_back(page):
    faults.record("Zips", "cut | off", saw="damage: a|b `c`", lost=0, partial=0)
    faults.record("Zips", "all well", saw="", lost=0, partial=0, tried=7)
    faults.write()
    assert faults.shown() == faults.RECORDED
    assert faults.differences(whole=True) == []
    assert page.read_text().startswith("# Before\n")
    assert page.read_text().endswith(f"{faults.END}\nAfter\n")


def test_inputs_of_a_row_are_added_up(page):
    for _ in range(3):
        faults.record("Zips", "cut", saw="damage", lost=1, partial=0, tried=2)
    assert faults.RECORDED["Zips", "cut"] == faults.Row("Zips", "cut", 6, 3, 0, "damage")
    with pytest.raises(AssertionError, match="two different messages"):
        faults.record("Zips", "cut", saw="all well", lost=0, partial=0)


def test_rows_that_were_not_recorded_stay(page):
    faults.record("Zips", "cut", saw="damage", lost=0, partial=0)
    faults.write()
    faults.RECORDED.clear()
    faults.record("Disks", "full", saw="no space", lost=0, partial=0)
    faults.write()
    assert list(faults.shown()) == [("Disks", "full"), ("Zips", "cut")]


@pytest.mark.parametrize("change", [{"saw": "b"}, {"lost": 1}, {"partial": 1}, {"tried": 3}])
def test_a_changed_row_makes_the_page_stale(page, change):
    as_shown = {"saw": "a", "lost": 0, "partial": 0, "tried": 2}
    faults.record("Zips", "cut", **as_shown)
    faults.write()
    faults.RECORDED.clear()
    faults.record("Zips", "cut", **as_shown | change)
    line = "docs/trust.md is stale: Zips, cut: run pytest --write-docs"
    assert faults.differences(whole=True) == faults.differences(whole=False) == [line]


def test_fewer_inputs_make_the_page_stale_only_after_a_whole_run(page):
    faults.record("Zips", "cut", saw="a", lost=0, partial=0, tried=2)
    faults.write()
    faults.RECORDED.clear()
    faults.record("Zips", "cut", saw="a", lost=0, partial=0)
    assert faults.differences(whole=False) == []
    assert len(faults.differences(whole=True)) == 1


def test_every_row_of_the_page_belongs_to_a_test():
    """Without this check, the row of a deleted test would stay for ever."""
    sources = "".join(path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("*.py"))
    gone = [key for key in faults.shown() if not all(f'"{text}"' in sources for text in key)]
    assert gone == []
    assert not any(row.lost or row.partial for row in faults.shown().values())
