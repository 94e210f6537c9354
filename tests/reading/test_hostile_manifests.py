"""Manifests that lie about places: readers refuse them in one line, and never answer wrongly."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from movielake import JoinedShowings, MoviesReader, ShowingsReader, compact
from tests.lakes import edit_manifest, small_lake

Row = dict[str, Any]


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lake(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(params=["leaves", "compact"])
def lake(request: pytest.FixtureRequest, leaves: Path, tmp_path: Path) -> Path:
    """A lake in either layout, which a test can change. Beside it is a file for the bait."""
    place = tmp_path / request.param
    if request.param == "compact":
        return Path(compact(str(leaves), str(place)))
    return Path(shutil.copytree(leaves, place))


def last_showings(change: Callable[[Row], Any]) -> Callable[[Row], None]:
    """Change the showings of the later stamp of Germany, the last member of their file."""

    def changed(row: Row) -> None:
        if (row["table"], row["country"], row["date_stamp"]) == ("showings", "deu", "20191213"):
            change(row)

    return changed


def questions(lake: Path) -> dict[str, Callable[[], Any]]:
    """Ask for the rows and the records of each member, in all ways."""
    showings = ShowingsReader(str(lake))
    return {
        "records": lambda: list(showings.bag.compute(scheduler="sync")),
        "rows": lambda: showings.dataframe.compute(scheduler="sync"),
        "counts": lambda: showings.count_by("country", "movie_id"),
        "values": lambda: showings.count_by("date_stamp", of="show_time", distinct="theater_id"),
        "join": lambda: JoinedShowings(showings).count_by("title"),
    }


def bait(lake: Path, row: Row, path: str) -> None:
    """Put a right file of another place where the manifest leads to, of the size that it states."""
    target = lake / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(lake / row["parquet_path"], target)
    row["parquet_path"] = path


OUTSIDE = {
    "another folder": "../secret.parquet",
    "a folder of the lake": "parquet/showings/secret/x.parquet",
    "a hidden folder": ".work/x.parquet",
    "another table": "parquet/movies/country=deu/x.parquet",
    "a name with a line break": "parquet/showings/country=deu/x\n.parquet",
}


@pytest.mark.parametrize("path", OUTSIDE.values(), ids=OUTSIDE)
def test_a_file_outside_its_partition_is_never_read(lake: Path, path: str) -> None:
    edit_manifest(lake, last_showings(lambda row: bait(lake, row, path)))
    with pytest.raises(ValueError, match="lists data outside its partitions") as raised:
        ShowingsReader(str(lake))
    assert str(raised.value).isprintable()


def test_a_file_of_another_country_is_never_read(lake: Path) -> None:
    def change(row: Row) -> None:
        row["parquet_path"] = row["parquet_path"].replace("country=deu", "country=swe")

    edit_manifest(lake, last_showings(change))
    with pytest.raises(ValueError, match="lists data outside its partitions"):
        ShowingsReader(str(lake))


def test_the_other_tables_of_a_join_are_checked_too(lake: Path) -> None:
    def change(row: Row) -> None:
        if row["table"] == "movies":
            bait(lake, row, "../movies.parquet")

    edit_manifest(lake, change)
    with pytest.raises(ValueError, match="lists data outside its partitions"):
        JoinedShowings(ShowingsReader(str(lake))).count_by("title")


def test_keys_that_lead_elsewhere_are_refused(leaves: Path, tmp_path: Path) -> None:
    lake = Path(compact(str(leaves), str(tmp_path / "compact")))

    def change(row: Row) -> None:
        row["country"] = "../deu" if row["country"] == "deu" else row["country"]

    edit_manifest(lake, change)
    with pytest.raises(ValueError, match="lists data outside its partitions"):
        MoviesReader(str(lake))


RANGES: dict[str, Callable[[Row], Any]] = {
    "the rows of the member before": lambda row: row.update(parquet_start=0),
    "a hole between rows": lambda row: row.update(parquet_start=row["parquet_start"] + 1),
    "rows past the end": lambda row: row.update(parquet_start=10**6),
    "negative rows": lambda row: row.update(parquet_start=-1),
    "no first row": lambda row: row.update(parquet_start=None),
    "rows that overflow": lambda row: row.update(rows=2**63 - 1),
    "the frame of the member before": lambda row: row.update(json_start=0),
    "bytes that overflow": lambda row: row.update(json_bytes=2**63 - 1),
    "another size of the same file": lambda row: row.update(parquet_bytes=1),
    "another checksum of the same file": lambda row: row.update(parquet_sha256="0" * 64),
}


@pytest.mark.parametrize("case", RANGES)
def test_ranges_that_do_not_fit_are_refused(leaves: Path, tmp_path: Path, case: str) -> None:
    lake = Path(compact(str(leaves), str(tmp_path / "compact")))
    edit_manifest(lake, last_showings(RANGES[case]))
    with pytest.raises(ValueError, match=r"refused: manifest.parquet does not fit") as raised:
        ShowingsReader(str(lake))
    assert str(raised.value).isprintable()


LONGER: dict[str, tuple[Callable[[Row], Any], set[str]]] = {
    "rows": (
        lambda row: row.update(rows=row["rows"] + 1),
        {"rows", "counts", "values", "join"},
    ),
    "a billion rows": (
        lambda row: row.update(rows=10**9),
        {"rows", "counts", "values", "join"},
    ),
    "bytes": (lambda row: row.update(json_bytes=row["json_bytes"] + 1), {"records"}),
    "many bytes": (lambda row: row.update(json_bytes=2**52), {"records"}),
}


@pytest.mark.parametrize("case", LONGER)
def test_ranges_over_the_end_of_a_file_are_never_read(
    leaves: Path, tmp_path: Path, case: str
) -> None:
    change, concerned = LONGER[case]
    lake = Path(compact(str(leaves), str(tmp_path / "compact")))
    edit_manifest(lake, last_showings(change))
    for name, ask in questions(lake).items():
        if name in concerned:
            with pytest.raises(ValueError, match="expected") as raised:
                ask()
            assert str(raised.value).isprintable()


@pytest.mark.parametrize("count", [-1, 2**63 - 1])
@pytest.mark.parametrize("name", ["records", "rows", "screenings"])
def test_impossible_counts_are_refused(lake: Path, name: str, count: int) -> None:
    edit_manifest(lake, last_showings(lambda row: row.update({name: count})))
    with pytest.raises(ValueError, match=r"refused: manifest\.parquet"):
        ShowingsReader(str(lake))
