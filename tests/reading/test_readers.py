"""Readers: bags, counts, first rows, and the cluster that they use."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import dask
import pandas as pd
import psutil
import pytest
from distributed import Client

from movielake import (
    CurrentShowings,
    JoinedShowings,
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    compact,
    convert,
)
from movielake.cluster.slurm import VARIABLES
from movielake.cluster.workers import local_cluster, running_client
from movielake.reading import rowgroups
from tests.conftest import Ask
from tests.feeds import all_records, houses, movies, rows, showing, times, write_feed

READERS = {"I": MoviesReader, "T": TheatersReader, "S": ShowingsReader}


@pytest.fixture
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def own_lake(sample_lake: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_lake, tmp_path / "copy"))


# Bags


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("letter", READERS)
def test_records_are_equal_to_the_json_lines(letter: str, sample_lake: Path) -> None:
    reader = READERS[letter](str(sample_lake))
    expected = all_records(sample_lake, letter)
    assert reader.bag.compute() == expected
    assert reader.count == len(expected)
    assert reader.take(3) == tuple(expected[:3])
    assert reader.bag.take(3) == tuple(expected[:3])


@pytest.mark.usefixtures("in_this_process")
def test_a_bag_contains_only_the_selection(sample_lake: Path) -> None:
    reader = ShowingsReader(str(sample_lake), countries="deu,swe", date_stamps="20191220")
    places = Counter((record["date_stamp"], record["country"]) for record in reader.bag)
    expected = Counter((r["date_stamp"], r["country"]) for r in all_records(sample_lake, "S"))
    assert places == {k: n for k, n in expected.items() if k[0] == "20191220" and k[1] in "deuswe"}


@pytest.mark.usefixtures("in_this_process")
def test_usual_queries_on_bags_are_right(sample_lake: Path) -> None:
    shows, films, houses_ = (all_records(sample_lake, letter) for letter in "SIT")
    bag = ShowingsReader(str(sample_lake)).bag
    ids = Counter(record["movie_id"] for record in shows)
    assert dict(bag.pluck("movie_id").frequencies().compute()) == ids
    assert bag.distinct("movie_id").count().compute() == len(ids)
    some = bag.filter(lambda record: record["country"] == "deu").map(lambda r: r["theater_id"])
    assert some.compute() == [r["theater_id"] for r in shows if r["country"] == "deu"]
    directors = MoviesReader(str(sample_lake)).bag.map(lambda movie: movie.get("director", []))
    assert directors.compute() == [film.get("director", []) for film in films]
    places = TheatersReader(str(sample_lake)).bag.filter(is_placed)
    expected = [float(house["theater_lat"]) for house in filter(is_placed, houses_)]
    assert places.map(lambda x: float(x["theater_lat"])).compute() == expected
    assert len(expected) > 50


def is_placed(theater: dict[str, Any]) -> bool:
    return (theater.get("theater_lat") or "").replace(".", "").replace("-", "").isdigit()


@pytest.mark.parametrize("workers", [1, 3, 6])
def test_a_bag_has_about_four_partitions_per_worker(
    workers: int, sample_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", str(workers))
    reader = ShowingsReader(str(sample_lake))
    assert reader.number_of_workers == workers
    assert 3 * workers <= reader.bag.npartitions <= min(4 * workers + 1, 25)


def test_partitions_of_a_bag_have_a_limited_size(
    sample_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    monkeypatch.setattr("movielake.reading.records._BAG_BYTES", 1)
    assert ShowingsReader(str(sample_lake)).bag.npartitions == 25  # one file per partition


@pytest.mark.usefixtures("in_this_process")
def test_a_bag_can_be_pickled(sample_lake: Path) -> None:
    bag = ShowingsReader(str(sample_lake), countries="deu").bag
    for dump in (pickle.dumps, cloudpickle.dumps):
        assert pickle.loads(dump(bag)).compute() == bag.compute()


# First rows, counts


@pytest.mark.parametrize("letter", READERS)
def test_head_returns_the_first_rows(letter: str, sample_lake: Path) -> None:
    reader = READERS[letter](str(sample_lake), countries="deu")
    head, whole = reader.head(3), reader.dataframe.compute(scheduler="sync")
    pd.testing.assert_frame_equal(head, whole.head(3))
    assert len(reader.head(0)) == 0
    assert len(reader.head()) == min(5, (whole["date_stamp"] == "20191206").sum())


def test_the_head_of_a_compact_table_reads_only_one_member(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = TheatersReader(compact(str(sample_lake), str(tmp_path / "lake")))
    lengths = []
    read = rowgroups.read_members

    def watched(url: str, files: Any, *more: Any) -> Any:
        lengths.append([file.length for file in files])
        return read(url, files, *more)

    monkeypatch.setattr("movielake.reading.files.read_members", watched)
    assert [len(reader.head(n)) for n in (0, 2)] == [0, 2]
    assert lengths == [[1], [2]]


def test_head_reads_only_one_file(own_lake: Path) -> None:
    reader = ShowingsReader(str(own_lake))
    joined = JoinedShowings(reader)
    first, *others = reader.files
    for path in map(Path, others):
        path.write_bytes(bytes(path.stat().st_size))
    expected = [row["starts_at"] for row in rows(first)]
    assert reader.head(4)["starts_at"].tolist() == expected[:4]
    assert joined.head(4)["starts_at"].tolist() == expected[:4]
    assert len(reader.head(10**6)) == len(expected)


def test_head_uses_the_first_file_with_rows(tmp_path: Path) -> None:
    feed = write_feed(
        tmp_path / "feed",
        {
            "20191206/movies_aut.zip": {"S.XML": times()},
            "20191206/movies_deu.zip": {"S.XML": times(showing(1, date="20191214"))},
            "20191213/movies_deu.zip": {"S.XML": times(showing(1, date="20191214"))},
        },
    )
    convert(feed, str(tmp_path / "lake"), workers=1)
    reader = ShowingsReader(str(tmp_path / "lake"))
    assert reader.head(9)[["date_stamp", "country"]].to_numpy().tolist() == [["20191206", "deu"]]
    current = CurrentShowings(reader).head(9)  # the row of the first file is superseded
    assert current[["date_stamp", "country"]].to_numpy().tolist() == [["20191213", "deu"]]
    nothing = ShowingsReader(str(tmp_path / "lake"), countries="aut").head()
    assert (len(nothing), nothing.dtypes.equals(reader.dataframe.dtypes)) == (0, True)


def test_counts_need_no_readable_file(own_lake: Path, duck: Ask) -> None:
    for path in (*own_lake.glob("parquet/*/*/*/*"), *own_lake.glob("json/*/*/*")):
        path.write_bytes(bytes(path.stat().st_size))
    reader = ShowingsReader(str(own_lake), countries="deu")
    sql = (
        "select count(distinct (source_xml, record)), count(*) from showings where country = 'deu'"
    )
    assert [(reader.count, len(reader.dataframe))] == duck(sql)
    assert MoviesReader(str(own_lake)).count == duck("select count(*) from movies")[0][0]


def test_files_lists_the_paths_in_order(sample_lake: Path) -> None:
    expected = sorted(str(path) for path in sample_lake.glob("parquet/theaters/*/*/*.parquet"))
    assert TheatersReader(str(sample_lake)).files == expected


def test_movie_ids_are_distinct_and_sorted(sample_lake: Path, duck: Ask) -> None:
    for reader, table in ((MoviesReader, "movies"), (ShowingsReader, "showings")):
        ids = duck(f"select distinct movie_id from {table} where movie_id is not null order by 1")
        films = reader(str(sample_lake))
        assert films.movie_ids == [number for (number,) in ids]
        assert films.num_movies == len(ids)
    with pytest.raises(AttributeError, match="theaters have no movie_id; ask a MoviesReader"):
        _ = TheatersReader(str(sample_lake)).movie_ids


def test_the_repr_names_the_lake_files_and_records(sample_lake: Path) -> None:
    reader = ShowingsReader(str(sample_lake), countries="deu", date_stamps="20191220")
    assert repr(reader) == f"ShowingsReader('{sample_lake}': 2 files, {reader.count} records)"


def test_a_lake_without_records_can_be_read(tmp_path: Path) -> None:
    content = {"I.XML": movies(), "T.XML": houses(), "S.XML": times()}
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": content})
    convert(feed, str(tmp_path / "lake"), workers=1)
    reader = ShowingsReader(str(tmp_path / "lake"))
    assert (reader.count, reader.take(1), reader.movie_ids, len(reader.head())) == (0, (), [], 0)
    assert reader.bag.compute(scheduler="sync") == []
    frame = reader.dataframe.compute(scheduler="sync")
    assert (len(frame), frame.dtypes.equals(reader.dataframe.dtypes)) == (0, True)


# The cluster


def test_the_work_dir_is_the_jobs_scratch(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ShowingsReader(str(sample_lake))
    assert reader.work_dir == tempfile.gettempdir()
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path))
    assert reader.work_dir == str(tmp_path)


def test_without_a_cluster_the_number_of_workers_is_the_number_of_cpus(sample_lake: Path) -> None:
    assert ShowingsReader(str(sample_lake)).number_of_workers == len(os.sched_getaffinity(0))
    assert running_client() is None


def test_a_running_cluster_is_used_and_keeps_running(sample_lake: Path, tmp_path: Path) -> None:
    with local_cluster(2, scratch=tmp_path) as cluster, Client(cluster) as client:
        with ShowingsReader(str(sample_lake)) as reader:
            assert reader.client is not None
            assert reader.client.scheduler.address == client.scheduler.address
            assert reader.number_of_workers == 2
            assert reader.bag.npartitions in (7, 8, 9)
            expected = Counter(record["movie_id"] for record in all_records(sample_lake, "S"))
            assert dict(reader.bag.pluck("movie_id").frequencies().compute()) == expected
        reader.shutdown()
        assert client.submit(sum, [1, 2]).result() == 3


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda reader: pickle.loads(pickle.dumps(reader)),
        lambda reader: cloudpickle.loads(cloudpickle.dumps(reader)),
    ],
)
@pytest.mark.parametrize("current", [False, True])
def test_a_reader_can_be_copied_and_submitted_after_its_client_was_used(
    copied: Any, current: bool, sample_lake: Path, tmp_path: Path
) -> None:
    with local_cluster(1, scratch=tmp_path) as cluster, Client(cluster):
        reader = ShowingsReader(str(sample_lake), countries="nzl", current=current)
        counted = reader.client.submit(ShowingsReader.count_by, reader, "movie_id").result()
        other = copied(reader)
        assert other.client.scheduler.address == reader.client.scheduler.address
        assert other.count_by("movie_id").equals(counted)
        other.shutdown()
        assert reader.client.submit(sum, [1, 2]).result() == 3


def processes(client: Any) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in client.run(os.getpid).values()]


def test_a_reader_closes_the_cluster_that_it_started(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path))
    workers: list[psutil.Process] = []

    def fail() -> None:
        with MoviesReader(str(sample_lake)) as films:
            workers.extend(processes(films.client))
            assert films.client is films.client
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    reader = ShowingsReader(str(sample_lake))
    workers += processes(reader.client)
    assert reader.bag.count().compute() == reader.count
    reader.shutdown()
    reader.shutdown()
    assert [worker.is_running() for worker in workers] == [False, False]
    assert running_client() is None
    assert list(tmp_path.iterdir()) == []


def test_two_readers_share_the_cluster_of_the_first(
    sample_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    with ShowingsReader(str(sample_lake)) as showings:
        with MoviesReader(str(sample_lake)) as films:
            assert films.client.scheduler.address == showings.client.scheduler.address
        assert showings.client.submit(sum, [1, 2]).result() == 3
    assert running_client() is None


def test_counting_starts_no_cluster(sample_lake: Path) -> None:
    with ShowingsReader(str(sample_lake)) as reader:
        assert reader.count_by("country")["count"].sum() == len(reader.dataframe)
    assert running_client() is None
