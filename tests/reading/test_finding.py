"""Sources of a reader: lakes with selections, directory globs, and lakes with wrong files."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import dask
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from movielake import (
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    convert,
    join_showings,
    latest,
    orphans,
)
from tests.feeds import all_records, files, houses, movies, showing, times, write_feed

STAMPS = ("20191206", "20191213", "20200103")
COUNTRIES = ("can", "deu", "swe")
EVERYTHING = {(stamp, country) for stamp in STAMPS for country in COUNTRIES}


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of nine partitions with two showings each."""
    root = tmp_path_factory.mktemp("finding")
    content = {
        "I.XML": movies("Up"),
        "T.XML": houses("Astra"),
        "S.XML": times(showing(1), showing(2, at="9:05, 11:00")),
    }
    feed = write_feed(root / "feed", {f"{s}/movies_{c}.zip": content for s, c in EVERYTHING})
    convert(feed, str(root / "lake"), workers=1)
    return root / "lake"


def places(reader: ShowingsReader) -> list[tuple[str, ...]]:
    """List the partitions of a reader's files from their paths."""
    found = [re.search(r"date_stamp=(\d+)/country=(\w+)/", path) for path in reader.files]
    return [match.groups() for match in found if match]


@pytest.mark.parametrize(
    ("countries", "expected"),
    [
        (None, COUNTRIES),
        ("deu", ["deu"]),
        ("DEU", ["deu"]),
        ("deu,swe", ["deu", "swe"]),
        (" deu , swe ", ["deu", "swe"]),
        (["swe", "can"], ["can", "swe"]),
        (iter(["swe", "can"]), ["can", "swe"]),
        ({"deu"}, ["deu"]),
        ("s*", ["swe"]),
        ("?e?", ["deu"]),
        ("[cd]*", ["can", "deu"]),
        (["c*", "swe", "x*"], ["can", "swe"]),
        (slice("d", "deu"), ["deu"]),
    ],
)
def test_countries_can_be_selected(lake: Path, countries: Any, expected: Iterable[str]) -> None:
    reader = ShowingsReader(str(lake), countries=countries)
    assert places(reader) == [(stamp, country) for stamp in STAMPS for country in expected]


@pytest.mark.parametrize(
    ("date_stamps", "expected"),
    [
        (None, STAMPS),
        ("20191213", STAMPS[1:2]),
        ("2019*", STAMPS[:2]),
        (["20200103", "20191206"], [STAMPS[0], STAMPS[2]]),
        ("20191206,2020*", [STAMPS[0], STAMPS[2]]),
        (slice("20191206", "20191213"), STAMPS[:2]),
        (slice("20191207", "20200103"), STAMPS[1:]),
        (slice("20191213", None), STAMPS[1:]),
        (slice(None, "20191213"), STAMPS[:2]),
        (slice(None, "2019"), STAMPS[:2]),
        (slice("2020"), STAMPS),
        (slice("2020", None), STAMPS[2:]),
        (slice(20191206, 20191213), STAMPS[:2]),
        (slice(None, None), STAMPS),
        ((s for s in STAMPS[:1]), STAMPS[:1]),
    ],
)
def test_date_stamps_can_be_selected(lake: Path, date_stamps: Any, expected: Iterable[str]) -> None:
    reader = ShowingsReader(str(lake), date_stamps=date_stamps)
    assert places(reader) == [(stamp, country) for stamp in expected for country in COUNTRIES]


def test_countries_and_date_stamps_can_be_selected_together(lake: Path) -> None:
    reader = ShowingsReader(str(lake), countries="deu", date_stamps="2020*")
    assert places(reader) == [("20200103", "deu")]


@pytest.mark.parametrize("form", [str, "{}/".format, Path, Path.as_uri])
def test_a_lake_can_be_a_path_or_url(lake: Path, form: Callable[[Path], Any]) -> None:
    reader = ShowingsReader(form(lake))
    assert reader.count == 18
    assert reader.files == ShowingsReader(str(lake)).files


def test_a_path_can_be_relative(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lake.parent)
    assert len(ShowingsReader("lake").dataframe.compute()) == 27
    assert ShowingsReader("lake/json/*/deu").bag.count().compute() == 6


def test_a_lake_can_be_on_another_file_system(lake: Path) -> None:
    memory = fsspec.filesystem("memory")
    try:
        feed = str(lake.parent / "feed")
        convert(feed, "memory://finding/lake", workers=1)
        reader = ShowingsReader("memory://finding/lake", countries="deu")
        assert reader.count == 6
        assert len(reader.dataframe.compute()) == 9
        assert reader.bag.pluck("movie_id").compute() == ["1", "2"] * 3
        assert len(reader.head(1)) == 1
        assert reader.count_by("movie_id").to_dict("list") == {"movie_id": [1, 2], "count": [3, 6]}
        assert join_showings(reader)["title"].dropna().compute().tolist() == ["Up"] * 3
        globbed = ShowingsReader("memory://finding/lake/json/20191206/*")
        assert globbed.count == 6
        memory.rm(memory.glob("/finding/lake/parquet/showings/*20191206/*deu/*")[0])
        with pytest.raises(FileNotFoundError, match="country=deu/"):
            reader.dataframe.compute()
    finally:
        memory.rm("/finding", recursive=True)


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*/*", EVERYTHING),
        ("*/deu", {(stamp, "deu") for stamp in STAMPS}),
        ("20191206/*", {("20191206", country) for country in COUNTRIES}),
        ("20191206/deu", {("20191206", "deu")}),
        ("2019*/[cs]*/", {(s, c) for s in STAMPS[:2] for c in ("can", "swe")}),
    ],
)
def test_a_directory_glob_selects_partitions(
    lake: Path, glob: str, expected: set[tuple[str, str]]
) -> None:
    reader = ShowingsReader(f"{lake}/json/{glob}")
    assert set(places(reader)) == expected
    frame = reader.dataframe[["date_stamp", "country"]].compute().astype(str)
    assert set(frame.itertuples(index=False, name=None)) == expected
    records = reader.bag.compute()
    assert {(r["date_stamp"], r["country"]) for r in records} == expected
    assert reader.count == len(records) == 2 * len(expected)


def test_a_lake_whose_path_looks_like_a_directory_glob_is_found(lake: Path, tmp_path: Path) -> None:
    shutil.copytree(lake, tmp_path / "json" / "projects" / "films")
    assert ShowingsReader(tmp_path / "json" / "projects" / "films").count == 18
    assert ShowingsReader(f"{tmp_path}/json/projects/films/json/*/deu").count == 6


# Folders with JSON of other programs


def plain_json(root: Path, path: str, *records: Any) -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    place = root / "json" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(text.encode()) if path.endswith(".gz") else text.encode()
    place.write_bytes(packed)


DAYS = [
    {"@date": "20191206", "showtimes": "13:20, (15:40)"},
    {"@date": "20191207", "showtimes": "20:15"},
]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Two partitions of another program: no labels, no lists of one element, old file names."""
    plain_json(
        tmp_path,
        "20191206/deu/191206S.json",
        {"movie_id": "1", "theater_id": "7", "show_date": DAYS},
        {"movie_id": "2", "theater_id": "7", "show_date": DAYS[1]},
    )
    plain_json(
        tmp_path,
        "20191206/deu/191206IMOVIES.json",
        {"movie_id": "1", "title": "Up", "director": "Ann Roe", "genres": {"genre": "Drama"}},
        {"movie_id": "2", "title": "Down", "director": ["Ann Roe", "Bo Li"], "running_time": 99},
    )
    plain_json(tmp_path, "20191206/deu/191206THEATER.json", {"theater_id": 7, "theater_lat": 1.5})
    plain_json(
        tmp_path,
        "20191206/chn/191206SCREENS.json.gz",
        {
            "movie_id": 2,
            "theater_id": 8,
            "show_date": "2019/12/6 0:00:00",
            "showtimes": "9:05",
            "show_passes": True,
        },
    )
    (tmp_path / "json" / "20191206" / "readme.json").write_text("{}")
    (tmp_path / "json" / "20191206" / "deu" / "191206S.txt").write_text("no records")
    return tmp_path


def test_a_bag_reads_json_of_other_programs(plain: Path) -> None:
    reader = ShowingsReader(f"{plain}/json/*/*")
    china, first, second = reader.bag.compute()
    assert reader.count == 3
    assert first == {
        "movie_id": "1",
        "theater_id": "7",
        "show_date": DAYS,
        "country": "deu",
        "date_stamp": "20191206",
    }
    assert second["show_date"] == [DAYS[1]]
    assert (china["country"], china["movie_id"], china["show_passes"]) == ("chn", 2, True)
    assert reader.take(1) == (china,)


def test_a_dataframe_reads_json_of_other_programs(plain: Path) -> None:
    reader = ShowingsReader(f"{plain}/json/20191206/*")
    columns = ["country", "movie_id", "theater_id", "starts_at", "bargain", "show_passes"]
    frame = reader.dataframe[columns].compute()
    assert frame.map(str).to_numpy().tolist() == [
        ["chn", "2", "8", "2019-12-06 09:05:00", "False", "True"],
        ["deu", "1", "7", "2019-12-06 13:20:00", "False", "<NA>"],
        ["deu", "1", "7", "2019-12-06 15:40:00", "True", "<NA>"],
        ["deu", "1", "7", "2019-12-07 20:15:00", "False", "<NA>"],
        ["deu", "2", "7", "2019-12-07 20:15:00", "False", "<NA>"],
    ]
    assert len(reader.dataframe) == 5
    assert reader.count_by("country").to_dict("list") == {
        "country": ["chn", "deu"],
        "count": [1, 4],
    }
    assert reader.dataframe[reader.dataframe.country == "deu"].movie_id.sum().compute() == 5


def test_movies_and_theaters_read_json_of_other_programs(plain: Path) -> None:
    films = MoviesReader(f"{plain}/json/*/deu").dataframe.compute()
    assert films["title"].tolist() == ["Up", "Down"]
    assert [list(names) for names in films["director"]] == [["Ann Roe"], ["Ann Roe", "Bo Li"]]
    assert [list(names) for names in films["genre"].dropna()] == [["Drama"]]
    assert films["running_time"].dropna().tolist() == [99]
    theaters = TheatersReader(f"{plain}/json/*/*")
    assert theaters.dataframe["theater_lat"].compute().tolist() == [1.5]
    assert [float(x["theater_lat"]) for x in theaters.bag] == [1.5]


def test_joins_read_json_of_other_programs(plain: Path) -> None:
    showings = ShowingsReader(f"{plain}/json/*/*")
    joined = join_showings(showings)[["title", "theater_lat"]].compute()
    assert joined["title"].fillna("-").tolist() == ["-", "Up", "Up", "Up", "Down"]
    assert joined["theater_lat"].dropna().tolist() == [1.5] * 4
    assert orphans(showings)["country"].tolist() == ["chn"]
    assert latest(MoviesReader(f"{plain}/json/*/*"))["title"].tolist() == ["Up", "Down"]


def test_dataframes_of_different_json_files_have_different_names(plain: Path) -> None:
    frames = [ShowingsReader(f"{plain}/json/*/{c}").dataframe for c in ("chn", "deu")]
    assert frames[0]._name != frames[1]._name
    before = ShowingsReader(f"{plain}/json/*/chn").dataframe._name
    plain_json(plain, "20191206/chn/191206SCREENS.json.gz", {"movie_id": 1}, {"movie_id": 2})
    assert ShowingsReader(f"{plain}/json/*/chn").dataframe._name != before


@pytest.mark.parametrize("glob", ["*/AUT", "*/aut", "20191206/A*", "20191206/AUT"])
def test_folders_of_other_programs_can_have_capital_letters(plain: Path, glob: str) -> None:
    plain_json(plain, "20191206/AUT/191206S.json", {"movie_id": "9"})
    plain_json(plain, "20191206/AUT/191206I.json", {"movie_id": "9", "title": "Nine"})
    showings = ShowingsReader(f"{plain}/json/{glob}")
    assert [(r["movie_id"], r["country"]) for r in showings.bag] == [("9", "AUT")]
    assert join_showings(showings)["title"].compute().tolist() == ["Nine"]


def test_several_zstandard_frames_and_a_byte_order_mark_are_read(plain: Path) -> None:
    place = plain / "json" / "20191213" / "deu" / "191213S.jsonl.zst"
    place.parent.mkdir(parents=True)
    lines = ['\ufeff{"movie_id": "1"}\n', '{"movie_id": "2"}\n\n{"movie_id": "3"}']
    place.write_bytes(b"".join(zstandard.compress(line.encode()) for line in lines))
    reader = ShowingsReader(f"{plain}/json/20191213/*")
    assert reader.bag.pluck("movie_id").compute() == ["1", "2", "3"]


@pytest.mark.parametrize("line", ['{"movie_id": ', "[1, 2]", "7", '"text"', "<xml/>"])
def test_a_line_without_a_record_is_an_error(plain: Path, line: str) -> None:
    place = plain / "json" / "20191206" / "deu" / "191206S.json"
    place.write_text(f'{{"movie_id": "1"}}\n\n{line}\n')
    for ask in (lambda r: r.bag.compute(), lambda r: r.dataframe.compute(), lambda r: r.count):
        with pytest.raises(ValueError, match=r"deu/191206S\.json, line \d: expected a record"):
            ask(ShowingsReader(f"{plain}/json/*/deu"))


# Errors


def test_a_directory_glob_with_a_selection_is_refused(lake: Path) -> None:
    for selection in ({"countries": "deu"}, {"date_stamps": "2019*"}):
        with pytest.raises(ValueError, match=r"expected a lake .*, found both: .*/json/\*/deu"):
            ShowingsReader(f"{lake}/json/*/deu", **selection)


@pytest.mark.parametrize(
    ("selection", "wanted", "hint"),
    [
        ({"countries": "dei"}, "date_stamps=all, countries=dei", "; did you mean deu?"),
        ({"countries": "DEX"}, "date_stamps=all, countries=dex", "; did you mean deu?"),
        ({"countries": ["swee", "cana"]}, "countries=swee,cana", "; did you mean swe, can?"),
        ({"countries": []}, "countries=", ""),
        ({"date_stamps": "2018*"}, r"date_stamps=2018\*, countries=all", ""),
        ({"date_stamps": slice("2021", None)}, "date_stamps=2021:, ", ""),
    ],
)
def test_an_empty_selection_is_an_error_that_lists_the_choices(
    lake: Path, selection: dict[str, Any], wanted: str, hint: str
) -> None:
    holds = "; it has 3 stamps (20191206 to 20200103) and the countries can, deu, swe"
    with pytest.raises(ValueError, match=rf"no showings match .*{wanted}.* in {lake}") as error:
        ShowingsReader(str(lake), **selection)
    assert str(error.value).endswith(f" in {lake}{holds}{hint}")


def test_an_unknown_country_is_an_error(lake: Path) -> None:
    expected = "no country sew in .*lake; it has can, deu, swe; did you mean swe"
    with pytest.raises(ValueError, match=expected):
        ShowingsReader(str(lake), countries="deu,sew")
    with pytest.raises(ValueError, match=r"no country fra, nld in .*; it has can, deu, swe$"):
        ShowingsReader(str(lake), countries=["deu", "fra", "nld"])


def test_an_empty_glob_is_an_error_that_lists_the_choices(lake: Path, plain: Path) -> None:
    with pytest.raises(ValueError, match=r"countries=dei in .*; did you mean deu"):
        ShowingsReader(f"{lake}/json/*/dei")
    with pytest.raises(ValueError, match=r"1 stamps .20191206 to .* chn, deu; did you mean deu"):
        ShowingsReader(f"{plain}/json/*/dei")
    with pytest.raises(ValueError, match=f"no movies match .*countries=chn in {plain}"):
        MoviesReader(f"{plain}/json/*/chn")


def test_a_missing_lake_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"no lake.json in {tmp_path}/nowhere; make one"):
        ShowingsReader(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=f"found neither in {tmp_path}"):
        ShowingsReader(f"{tmp_path}/json/*/*")


# Lakes whose files differ from the manifest

ROWS = {
    "dataframe": lambda r: r.dataframe.compute(),
    "columns": lambda r: r.dataframe[["movie_id"]].compute(),
    "keys": lambda r: r.dataframe[["country"]].compute(),
    "len": lambda r: len(r.dataframe),
    "count_by": lambda r: r.count_by("movie_id"),
    "manifest": lambda r: r.count_by("country"),
    "head": lambda r: r.head(),
    "map_partitions": lambda r: r.map_partitions(len),
    "join_showings": lambda r: join_showings(r).compute(),
    "orphans": orphans,
    "count": lambda r: r.count,
}
RECORDS = {
    "bag": lambda r: r.bag.compute(),
    "take": lambda r: r.take(100),
}


def shorten(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-1])


def lengthen(place: Path) -> None:
    place.write_bytes(place.read_bytes() + b"\n")


@pytest.fixture
def copy(lake: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lake, tmp_path / "copy"))


@pytest.mark.parametrize("damage", [Path.unlink, shorten, lengthen])
@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_a_missing_file_or_a_wrong_size_is_an_error(
    copy: Path, kind: str, damage: Callable[[Path], None]
) -> None:
    (place,) = copy.glob(
        f"{kind}/showings/*20191206/*deu/*" if kind == "parquet" else "json/*06/deu/*S.*"
    )
    damage(place)
    for ask in (ROWS if kind == "parquet" else RECORDS).values():
        with pytest.raises((FileNotFoundError, ValueError), match=re.escape(str(place))):
            ask(ShowingsReader(str(copy)))
        with pytest.raises((FileNotFoundError, ValueError), match="movielake convert --force"):
            ask(ShowingsReader(f"{copy}/json/*/deu"))
    assert ShowingsReader(str(copy), countries="can").count == 6  # other files are still read


def put_other_rows(place: Path, keep: int) -> None:
    """Replace a Parquet file by one with the same size and schema but other rows."""
    table = pq.ParquetFile(place).read().slice(0, keep)
    column, size = table.column_names.index("movie_name"), place.stat().st_size
    length = 0
    while length == 0 or place.stat().st_size < size:
        names = pa.array(["x" * length] + [None] * (keep - 1))
        other = table.set_column(column, "movie_name", names)
        pq.write_table(
            other, place, compression="none", use_dictionary=False, write_statistics=False
        )
        length += max((size - place.stat().st_size) // 2, 1)
    assert (place.stat().st_size, pq.read_metadata(place).num_rows) == (size, keep)


def test_a_parquet_file_with_a_wrong_number_of_rows_is_an_error(tmp_path: Path) -> None:
    long = hashlib.shake_256(b"").hexdigest(2000)  # makes room in the file
    shows = [showing(1), showing(2), showing(3).replace("Film 3", long)]
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": {"S.XML": times(*shows)}})
    convert(feed, str(tmp_path / "lake"), workers=1)
    (place,) = tmp_path.glob("lake/parquet/showings/*/*/*")
    put_other_rows(place, keep=2)
    reader = ShowingsReader(str(tmp_path / "lake"))
    for name, ask in ROWS.items():
        if name in ("len", "count", "manifest"):  # these use the manifest alone
            continue
        with pytest.raises(
            ValueError, match=f"expected 3 rows in {re.escape(str(place))}.*found 2"
        ):
            ask(reader)


def test_json_lines_with_a_wrong_number_of_records_are_an_error(copy: Path) -> None:
    (place,) = copy.glob("json/20191206/deu/*S.*")
    size = place.stat().st_size
    place.write_bytes(zstandard.compress(b'{"source_xml": ""}\n').ljust(size, b"\0")[:size])
    frame = zstandard.compress(b'{"source_xml": ""}\n')
    skipped = size - len(frame) - 8
    place.write_bytes(frame + b"\x50\x2a\x4d\x18" + skipped.to_bytes(4, "little") + bytes(skipped))
    assert place.stat().st_size == size
    for ask in RECORDS.values():
        with pytest.raises(ValueError, match=f"expected 2 records in {place}.*found 1"):
            ask(ShowingsReader(str(copy), countries="deu"))


def test_a_file_that_disappears_after_planning_is_an_error(copy: Path) -> None:
    frame = ShowingsReader(str(copy)).dataframe
    (place,) = copy.glob("parquet/showings/*20191206/*deu/*")
    place.unlink()
    with pytest.raises(FileNotFoundError, match=str(place)):
        frame.compute()


def test_a_missing_file_of_the_other_table_of_a_join_is_an_error(copy: Path) -> None:
    (place,) = copy.glob("parquet/movies/*20191206/*deu/*")
    place.unlink()
    with pytest.raises(FileNotFoundError, match=str(place.relative_to(copy))):
        join_showings(ShowingsReader(str(copy)))
    with pytest.raises(FileNotFoundError, match=str(place.relative_to(copy))):
        join_showings(ShowingsReader(str(copy)), MoviesReader(str(copy)))


def test_a_lake_without_json_gives_rows_but_no_records(lake: Path, tmp_path: Path) -> None:
    convert(str(lake.parent / "feed"), str(tmp_path / "lake"), workers=1, with_json=False)
    reader = ShowingsReader(str(tmp_path / "lake"))
    assert (reader.count, len(reader.dataframe.compute())) == (18, 27)
    for ask in RECORDS.values():
        with pytest.raises(
            FileNotFoundError, match=r"no json files for showings; convert or stage"
        ):
            ask(reader)
    assert files(tmp_path / "lake").keys() & files(lake / "json").keys() == set()


def test_a_lake_without_parquet_gives_records_but_no_rows(lake: Path, copy: Path) -> None:
    shutil.rmtree(copy / "parquet")
    reader = ShowingsReader(f"{copy}/json/*/*")
    assert reader.bag.count().compute() == len(all_records(lake, "S"))
    with pytest.raises(FileNotFoundError, match="parquet"):
        reader.dataframe.compute()


def test_zips_without_members_do_not_disturb_readers(tmp_path: Path) -> None:
    content = {"readme.txt": "nothing"}
    feed = write_feed(
        tmp_path / "feed",
        {
            "20191206/movies_deu.zip": content,
            "20191206/movies_swe.zip": {"S.XML": times(showing())},
        },
    )
    convert(feed, str(tmp_path / "lake"), workers=1)
    assert ShowingsReader(str(tmp_path / "lake")).count == 1
    with pytest.raises(ValueError, match="no movies match"):
        MoviesReader(str(tmp_path / "lake"))


def test_readers_work_if_manifest_parquet_is_missing_or_old(lake: Path, copy: Path) -> None:
    (copy / "manifest.parquet").unlink()
    assert ShowingsReader(str(copy)).count == ShowingsReader(str(lake)).count
    (copy / "manifest" / "20191206" / "deu.json").unlink()
    assert ShowingsReader(str(copy)).count == 16
