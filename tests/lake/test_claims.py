"""Claims: one conversion at a time works on a feed zip, also if its process dies or is slow."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from movielake.lake import claims, locks
from movielake.lake.claims import CLAIM_FOLDER, claim_partitions, wait_for_claims
from movielake.lake.leftovers import remove_leftovers
from movielake.lake.owners import name_owner
from movielake.names.layout import Folder
from tests.lake.test_locks import dead_owner

ZIP = ("20191206", "can")
NAME = "20191206-can"
SECONDS = 30


@pytest.fixture(params=["disk", "store"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """Return a lake on the disk, or in memory, where the locks of object stores are used."""
    return Folder(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path.name}")


def claimed_by(lake: Folder, owner: str) -> None:
    lake.make(CLAIM_FOLDER, NAME)
    lake.fs.pipe_file(lake.join(CLAIM_FOLDER, NAME, owner), b"")


def elsewhere() -> str:
    return f"elsewhere-{os.getpid()}-1-0123456789ab"


def test_a_claimed_zip_is_left_to_its_process_until_the_end(lake: Folder) -> None:
    def claim(country: str = "can") -> bool:
        with claim_partitions(lake, [("20191206", country)]) as mine:
            return bool(mine)

    with ThreadPoolExecutor(1) as other, claim_partitions(lake, [ZIP]) as mine:
        assert mine == {ZIP}
        assert other.submit(claim).result() is False
        assert other.submit(claim, "deu").result() is True
        assert lake.names(CLAIM_FOLDER)[0].startswith(f"{CLAIM_FOLDER}/{NAME}/")
    assert claim() is True
    assert lake.names(".work") == []


def test_the_claim_of_a_dead_process_is_taken(lake: Folder) -> None:
    claimed_by(lake, dead_owner())
    with claim_partitions(lake, [ZIP]) as mine:
        assert mine == {ZIP}


def test_the_claim_of_another_host_counts_as_long_as_it_is_renewed(
    lake: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed_by(lake, elsewhere())
    with claim_partitions(lake, [ZIP]) as mine:
        assert not mine
    assert len(lake.names(CLAIM_FOLDER)) == 1
    monkeypatch.setattr(locks, "LEASE", 0.1)
    wait_for_claims(lake, [ZIP])
    assert lake.names(CLAIM_FOLDER) == []


def test_a_wait_ends_when_the_claims_are_released_and_ignores_other_claims(lake: Folder) -> None:
    claimed_by(lake, elsewhere())
    wait_for_claims(lake, [("20191206", "deu")])
    began, waited = threading.Event(), threading.Event()

    def hold() -> None:
        with claim_partitions(lake, [("20191206", "deu")]):
            began.set()
            assert not waited.wait(0.1)

    with ThreadPoolExecutor(1) as other:
        held = other.submit(hold)
        assert began.wait(SECONDS)
        wait_for_claims(lake, [("20191206", "deu")])
        waited.set()
        held.result()


def test_a_long_claim_is_renewed(lake: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()
    monkeypatch.setattr(claims, "LEASE", 0.01)
    monkeypatch.setattr(locks.Lock, "renew", lambda _: renewed.set())
    monkeypatch.setattr(locks.ObjectLock, "renew", lambda _: renewed.set())
    with claim_partitions(lake, [ZIP]):
        assert renewed.wait(SECONDS)


def test_leftover_claims_of_dead_processes_are_removed(lake: Folder) -> None:
    for owner in (dead_owner(), elsewhere(), name_owner().replace(f"-{os.getpid()}-", "-1-")):
        claimed_by(lake, owner)
    assert remove_leftovers(lake) == 1
    assert len(lake.names(CLAIM_FOLDER)) == 2
    assert remove_leftovers(lake, older_than=-1) == 1


def test_only_the_free_zips_of_several_are_claimed(lake: Folder) -> None:
    claimed_by(lake, elsewhere())
    with claim_partitions(lake, [ZIP, ("20191206", "deu"), ("20191213", "can")]) as mine:
        assert mine == {("20191206", "deu"), ("20191213", "can")}
        assert len(lake.names(CLAIM_FOLDER)) == 3
    assert len(lake.names(CLAIM_FOLDER)) == 1
