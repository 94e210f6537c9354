"""Many conversions of one feed at once: together they convert every zip once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from movielake import convert
from movielake.lake import locks
from tests.feeds import files


def test_conversions_at_once_convert_every_zip_once(
    sample_feed: Path, sample_lake: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    command = [sys.executable, "-m", "movielake", "convert", sample_feed, lake, "--workers"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen([*command, workers], stdout=subprocess.PIPE, text=True, env=environ)
        for workers in ("1", "2", "1")
    ]
    shown = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], shown
    converted = [int(re.findall(r"(\d+) converted", text)[0]) for text in shown]
    assert sum(converted) == len(list(sample_feed.glob("*/*.zip")))
    assert files(lake / "parquet") == files(sample_lake / "parquet")
    assert list((lake / ".work").rglob("*-*")) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_zip_of_a_conversion_that_died_elsewhere_is_converted(
    workers: int, sample_feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    claim = lake / ".work/claims/20191206-nzl"
    claim.mkdir(parents=True)
    (claim / "elsewhere-1-1-0123456789ab").touch()
    monkeypatch.setattr(locks, "LEASE", 0.1)
    found = []
    done = convert(
        str(sample_feed),
        str(lake),
        date_stamps="20191206",
        workers=workers,
        on_progress=lambda outcome: found.append(outcome.zip_.country),
    )
    assert len(done.commits) == len(found) == 8
    assert found[-1] == "nzl"
    assert not claim.exists()
