"""Joins: each row of the showings exactly once, with its movie and theater."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import (
    JoinedShowings,
    MoviesReader,
    ShowingsReader,
    TheatersReader,
    compact,
    convert,
    join_records,
    join_showings,
    orphans,
)
from tests.conftest import Ask
from tests.feeds import all_records, all_rows, houses, movies, showing, times, write_feed
from tests.reading.test_frames import columns_read, partitions_read, spoil
from tests.strategies import examples


@pytest.fixture(autouse=True)
def in_this_process() -> Iterator[None]:
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture
def copy(sample_lake: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_lake, tmp_path / "copy"))


def tuples(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return [tuple(row.values()) for row in table.to_pylist()]


# Any feed

PLACES = [(stamp, country) for stamp in ("20191206", "20191213") for country in ("can", "deu")]
IDS = st.sampled_from([1, 2, 3, None])
SHOWINGS = st.lists(st.tuples(IDS, IDS, st.integers(0, 2)), max_size=4)
OTHERS = st.none() | st.lists(IDS, max_size=4)  # None: the zip lacks this member


def element(name: str, value: Any) -> str:
    return f"<{name}/>" if value is None else f"<{name}>{value}</{name}>"


def zip_of(
    shows: list[tuple[int | None, int | None, int]],
    films: list[int | None] | None,
    places: list[int | None] | None,
) -> dict[str, str]:
    members = {
        "S.XML": times(
            *(
                f"<showtime>{element('movie_id', movie)}{element('theater_id', theater)}"
                f'<show_date date="20191206"><showtimes>{", ".join(["9:05", "20:15"][:count])}'
                "</showtimes></show_date></showtime>"
                for movie, theater, count in shows
            )
        )
    }
    if films is not None:
        records = (
            f"<movie>{element('movie_id', number)}<title>film {place}</title></movie>"
            for place, number in enumerate(films)
        )
        members["I.XML"] = f"<movies>{''.join(records)}</movies>"
    if places is not None:
        records = (
            element("theater_id", number) + element("theater_lat", place + 0.5)
            for place, number in enumerate(places)
        )
        members["T.XML"] = element("houses", "".join(element("theater", r) for r in records))
    return members


def last(ids: list[int | None] | None, number: int | None) -> int | None:
    """Return the last position of an id in a list, or None."""
    if ids is None or number is None or number not in ids:
        return None
    return max(place for place, other in enumerate(ids) if other == number)


def joined_plainly(feed: dict[tuple[str, str], Any]) -> Iterator[tuple[Any, ...]]:
    """Yield (stamp, country, movie_id, theater_id, title, theater_lat) of each screening."""
    for key, (shows, films, places) in sorted(feed.items()):
        for movie, theater, count in shows:
            film, place = last(films, movie), last(places, theater)
            title = None if film is None else f"film {film}"
            lat = None if place is None else place + 0.5
            yield from [(*key, movie, theater, title, lat)] * max(count, 1)


@examples(max_examples=40)
@given(
    feed=st.dictionaries(st.sampled_from(PLACES), st.tuples(SHOWINGS, OTHERS, OTHERS), min_size=1)
)
def test_any_join_has_each_showing_exactly_once(feed: dict[tuple[str, str], Any]) -> None:
    expected = list(joined_plainly(feed))
    with tempfile.TemporaryDirectory() as folder:
        zips = {f"{s}/movies_{c}.zip": zip_of(*parts) for (s, c), parts in feed.items()}
        convert(write_feed(Path(folder, "feed"), zips), f"{folder}/lake", workers=1)
        showings = ShowingsReader(f"{folder}/lake")
        view = JoinedShowings(showings, movie_columns=["title"], theater_columns=["theater_lat"])
        names = ["date_stamp", "country", "movie_id", "theater_id", "title", "theater_lat"]
        whole = view.dataframe.compute()
        counts = view.count_by("title")
        missing = orphans(showings)
        records = join_records(showings).compute()

    assert tuples(whole[names]) == expected
    assert len(view.dataframe) == len(expected)
    titles = Counter(title for *_, title, _ in expected)
    assert dict(tuples(counts)) == titles
    bare = [(m, t) for _, _, m, t, title, lat in expected if title is None or lat is None]
    assert missing["screenings"].sum() <= len(bare)
    assert {(m, t) for m, t in tuples(missing[["movie_id", "theater_id"]])} == set(bare)
    found = [
        ((r["movie"] or {}).get("title"), (r["theater"] or {}).get("theater_lat")) for r in records
    ]
    one_each = joined_plainly(
        {k: ([(m, t, 1) for m, t, _ in s], f, p) for k, (s, f, p) in feed.items()}
    )
    assert found == [(title, lat and str(lat)) for *_, title, lat in one_each]


# The sample


def test_a_join_of_the_sample_matches_plain_python(sample_lake: Path) -> None:
    films, places = (
        {(*row["source_xml"].split("/")[:2], row[key]): row for row in all_rows(sample_lake, name)}
        for name, key in (("movies", "movie_id"), ("theaters", "theater_id"))
    )
    film_columns = ["title", "genre", "release_date", "running_time", "intl"]
    place_columns = ["theater_name", "theater_lat", "type"]
    joined = join_showings(
        ShowingsReader(str(sample_lake)),
        movie_columns=film_columns,
        theater_columns=place_columns,
    ).compute()
    expected = []
    for row in all_rows(sample_lake):
        place = row["source_xml"].split("/")[:2]
        film = films.get((*place, row["movie_id"]), {}) if row["movie_id"] else {}
        house = places.get((*place, row["theater_id"]), {}) if row["theater_id"] else {}
        others = {name: film.get(name) for name in film_columns}
        others |= {name: house.get(name) for name in place_columns}
        own = {name: value for name, value in row.items() if value is not None}
        expected.append(tuple((dict.fromkeys(row) | others | own).values()))
    assert tuples(joined.drop(columns=["date_stamp", "country"])) == expected
    added = ["title", "genre", "running_time", "intl", "theater_lat", "type"]
    assert joined.columns.tolist()[-8:-2] == added


def test_a_join_has_all_columns_with_their_types(sample_lake: Path) -> None:
    showings, films, theaters = (
        reader(str(sample_lake)) for reader in (ShowingsReader, MoviesReader, TheatersReader)
    )
    joined = join_showings(showings)
    own, film, house = (set(r.dataframe.columns) for r in (showings, films, theaters))
    labels = {"extra", "source_xml", "date_stamp", "country"}
    film, house = film - labels - {"movie_id"}, house - labels - {"theater_id"}
    assert set(joined.columns) == own | film | house
    assert len(joined.columns) == len(own | film | house)
    assert own & (film | house) == {
        "release_date",
        "theater_name",
        "theater_city",
        "theater_area",
    }
    assert joined.compute().dtypes.equals(joined.dtypes)
    assert joined.dtypes["running_time"] == pd.ArrowDtype(pa.int32())
    assert "object" not in set(map(str, joined.dtypes))


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"theater_columns": ["theater_city"]}, []),
        ({"theater_columns": ["theater_theater_city"]}, ["theater_theater_city"]),
        ({"theater_columns": ["theater_extra"]}, ["theater_extra"]),
        ({"movie_columns": ["title"]}, ["title"]),
        ({"movie_columns": ["title"], "theater_columns": []}, ["title"]),
        ({"movie_columns": "title"}, ["title"]),
        ({"movie_columns": ["movie_id", "lang"]}, ["lang"]),
        ({"movie_columns": ["title", "title"]}, ["title"]),
        (
            {"movie_columns": ["source_xml"], "theater_columns": ["extra"]},
            ["movie_source_xml", "theater_extra"],
        ),
        ({"movie_columns": [], "theater_columns": []}, []),
    ],
)
def test_columns_can_be_chosen(sample_lake: Path, asked: dict[str, Any], shown: list[str]) -> None:
    showings = ShowingsReader(str(sample_lake), countries="deu")
    joined = join_showings(showings, **asked)
    assert joined.columns.tolist() == [
        *showings.columns[:-2],
        *shown,
        *showings.columns[-2:],
    ]
    assert len(joined.compute()) == len(showings.dataframe)


def test_a_shared_column_is_filled_where_the_showing_has_no_value(tmp_path: Path) -> None:
    own = showing(1).replace("</showtime>", "<theater_name>Own</theater_name></showtime>")
    content = {"T.XML": houses("Astra"), "S.XML": times(own, showing(2), showing(3, 7))}
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": content})
    convert(feed, str(tmp_path / "lake"), workers=1)
    showings = ShowingsReader(tmp_path / "lake")
    assert tuples(join_showings(showings)[["theater_name"]].compute()) == [
        ("Own",),
        ("Astra",),
        (None,),
    ]
    assert tuples(JoinedShowings(showings).count_by("theater_name")) == [
        ("Astra", 1),
        ("Own", 1),
        (None, 1),
    ]
    both = join_showings(showings, theater_columns=["theater_theater_name"])
    names = both[["theater_name", "theater_theater_name"]].compute()
    assert tuples(names) == [("Own", "Astra"), (None, "Astra"), (None, None)]
    all_three = join_showings(showings, theater_columns=["theater_theater_name", "theater_name"])
    names = all_three[["theater_name", "theater_theater_name"]].compute()
    assert tuples(names) == [("Own", "Astra"), ("Astra", "Astra"), (None, None)]


def test_two_columns_of_one_name_are_an_error(sample_lake: Path) -> None:
    with pytest.raises(ValueError, match="found two columns named 'theater_extra': 'extra' and"):
        join_showings(ShowingsReader(sample_lake), theater_columns=["extra", "theater_extra"])


def test_movies_or_theaters_can_be_joined_alone(sample_lake: Path) -> None:
    showings, films = ShowingsReader(str(sample_lake)), MoviesReader(str(sample_lake))
    columns = join_showings(showings, films).columns
    assert "title" in columns
    assert "theater_lat" not in columns
    with pytest.raises(ValueError, match="columns of theaters are asked for, but theaters are not"):
        join_showings(showings, films, theater_columns=["theater_lat"])
    columns = join_showings(showings, theaters=TheatersReader(str(sample_lake))).columns
    assert "theater_lat" in columns
    assert "title" not in columns


def test_films_that_are_not_selected_are_null(sample_lake: Path, duck: Ask) -> None:
    films = MoviesReader(str(sample_lake), countries="deu", date_stamps="20191213")
    joined = join_showings(ShowingsReader(str(sample_lake)), films, movie_columns=["title"])
    titled = joined[joined.title.notnull()][["date_stamp", "country"]].drop_duplicates().compute()
    assert titled.astype(str).to_numpy().tolist() == [["20191213", "deu"]]
    assert [(len(joined),)] == duck("select count(*) from showings")


def test_movies_can_come_from_another_lake(sample_lake: Path, tmp_path: Path) -> None:
    content = {"I.XML": movies("Up", "Down"), "S.XML": times(showing(1), showing(2))}
    for name in ("one", "two"):
        titles = movies(f"Up {name}", f"Down {name}")
        zips = {"20191206/movies_deu.zip": {**content, "I.XML": titles}}
        convert(write_feed(tmp_path / name, zips), str(tmp_path / f"lake {name}"), workers=1)
    showings = ShowingsReader(tmp_path / "lake one")
    joined = join_showings(showings, MoviesReader(tmp_path / "lake two"))
    assert joined["title"].compute().tolist() == ["Up two", "Down two"]


def test_an_unknown_column_is_an_error(sample_lake: Path) -> None:
    showings = ShowingsReader(str(sample_lake))
    for asked in ({"movie_columns": ["titel"]}, {"theater_columns": ["titel"]}):
        with pytest.raises(
            ValueError, match=r"expected columns of (movies|theaters) out of \['(mov|the)"
        ):
            join_showings(showings, **asked)
    with pytest.raises(ValueError, match="found 'country'"):
        join_showings(showings, movie_columns=["country"])
    with pytest.raises(ValueError, match=r"expected one of the columns .* found 'titel'"):
        JoinedShowings(showings).count_by("titel")


def test_an_argument_of_the_wrong_type_is_an_error(sample_lake: Path) -> None:
    showings, films = ShowingsReader(str(sample_lake)), MoviesReader(str(sample_lake))
    theaters = TheatersReader(str(sample_lake))
    for wrong in ((films,), (showings, theaters), (showings, films, films), (str(sample_lake),)):
        for join in (join_showings, join_records, JoinedShowings):
            with pytest.raises(TypeError, match=r"expected a \w+Reader, found \w+"):
                join(*wrong)
    with pytest.raises(TypeError, match="expected a MoviesReader, found DataFrame"):
        join_showings(showings, films.head())


# What is read


def test_columns_of_theaters_are_read_without_movies(copy: Path, duck: Ask) -> None:
    spoil(copy, lambda path: "/parquet/movies/" not in str(path))
    joined = join_showings(ShowingsReader(str(copy), countries="deu"))
    names = joined["theater_name"].compute()
    sql = """
        select count(*) from showings s where country = 'deu' and exists (select * from theaters t
        where t.theater_id = s.theater_id and t.country = 'deu' and t.date_stamp = s.date_stamp)
    """
    assert duck(sql) == [(names.count(),)]
    with pytest.raises(ValueError, match=r"cannot read .*I\.parquet"):
        joined["title"].compute()


def test_only_the_chosen_columns_of_all_three_tables_are_read(copy: Path) -> None:
    spoil(copy, {"movie_id", "theater_id", "title", "theater_lat", "record"})
    joined = join_showings(ShowingsReader(str(copy)))
    some = joined[["country", "title", "theater_lat"]]
    assert columns_read(some) == {"country", "title", "theater_lat"}
    assert some.compute()["title"].notna().any()
    groups = joined.groupby("title").theater_lat.max()
    assert columns_read(groups) == {"title", "theater_lat"}
    assert len(groups.compute()) > 10
    with pytest.raises(ValueError, match="cannot read"):
        joined[["rating"]].compute()


def test_a_filter_on_the_country_skips_files_of_all_three_tables(copy: Path, duck: Ask) -> None:
    spoil(copy, lambda path: "country=deu" in str(path))
    joined = join_showings(ShowingsReader(str(copy)))
    some = joined[(joined.country == "deu") & (joined.running_time > 90)]
    assert {country for _, country in partitions_read(some)} == {"deu"}
    ((expected,),) = duck(
        "select count(*) from showings s where country = 'deu' and (select last(running_time order "
        "by source_xml) from movies m where m.movie_id = s.movie_id and m.country = s.country and "
        "m.date_stamp = s.date_stamp) > 90"
    )
    assert len(some) == expected > 0


def test_a_join_works_for_china_without_movies_and_theaters(sample_lake: Path) -> None:
    showings = ShowingsReader(str(sample_lake), countries="chn")
    joined = join_showings(showings).compute()
    own = joined[showings.columns]
    pd.testing.assert_frame_equal(own, showings.dataframe.compute())
    assert joined.drop(columns=showings.columns).isna().all(axis=None)
    assert {(r["movie"], r["theater"]) for r in join_records(showings)} == {(None, None)}


# Counting, records


def test_counts_of_a_join_match_its_dataframe(sample_lake: Path) -> None:
    showings = ShowingsReader(str(sample_lake), countries="deu,swe")
    view = JoinedShowings(showings, movie_columns=["title", "running_time"], theater_columns=[])
    frame = view.dataframe.compute()
    sizes = frame.groupby(["title", "country"], observed=True, dropna=False).size()
    assert {(t, c): n for t, c, n in tuples(view.count_by("title", "country"))} == {
        (None if title is pd.NA else title, country): n for (title, country), n in sizes.items()
    }
    theaters = frame.groupby("title").theater_id.nunique()
    found = tuples(view.count_by("title", distinct="theater_id"))
    assert {title: n for title, n in found if title} == theaters.to_dict()
    long = view.count_by(of="running_time")["count"][0]
    assert long == frame["running_time"].notna().sum()
    assert view.head(3).equals(frame.head(3))
    assert view.map_partitions(len) == showings.map_partitions(len)


@pytest.mark.parametrize("layout", ["leaves", "compact"])
def test_counts_by_columns_of_two_other_tables_match_the_dataframe(
    layout: str, sample_lake: Path, tmp_path: Path
) -> None:
    lake = str(sample_lake)
    if layout == "compact":
        lake = compact(lake, str(tmp_path / "compact"))
    view = JoinedShowings(
        ShowingsReader(lake), movie_columns=["running_time"], theater_columns=["theater_lat"]
    )
    by = ["country", "date_stamp", "running_time"]
    frame = view.dataframe[[*by, "theater_lat"]].compute().fillna({"running_time": -1})
    sizes = frame.groupby(by, observed=True)["theater_lat"].count()
    found = view.count_by(*by, of="theater_lat").fillna({"running_time": -1})
    assert found.set_index(by)["count"].to_dict() == sizes[sizes > 0].to_dict()
    assert view.count_by()["count"][0] == len(frame)


def test_joined_records_match_plain_python(sample_lake: Path) -> None:
    films, houses_ = (
        {(r["date_stamp"], r["country"], r[key]): r for r in all_records(sample_lake, letter)}
        for letter, key in (("I", "movie_id"), ("T", "theater_id"))
    )
    expected = [
        record
        | {
            "movie": films.get((record["date_stamp"], record["country"], record["movie_id"])),
            "theater": houses_.get((record["date_stamp"], record["country"], record["theater_id"])),
        }
        for record in all_records(sample_lake, "S")
    ]
    assert join_records(ShowingsReader(str(sample_lake))).compute() == expected
    only_films = join_records(ShowingsReader(str(sample_lake)), MoviesReader(str(sample_lake)))
    assert [r["movie"] for r in only_films] == [r["movie"] for r in expected]
    assert "theater" not in only_films.take(1)[0]


def test_records_and_rows_accept_the_same_ids(tmp_path: Path) -> None:
    ids = ["1", "01", " 1 ", "+1", "one", "", "1.0", "-1"]
    shows = "".join(f"<showtime><movie_id>{text}</movie_id></showtime>" for text in ids)
    films = (
        "<movie><movie_id>001</movie_id><title>Up</title></movie><movie><title>No</title></movie>"
    )
    content = {"I.XML": f"<movies>{films}</movies>", "S.XML": f"<times>{shows}</times>"}
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": content})
    convert(feed, str(tmp_path / "lake"), workers=1)
    showings = ShowingsReader(str(tmp_path / "lake"))
    expected = ["Up", "Up", "Up", "Up", None, None, None, None]
    assert tuples(join_showings(showings)[["title"]].compute()) == [(title,) for title in expected]
    assert [(r["movie"] or {}).get("title") for r in join_records(showings)] == expected


def test_the_last_of_several_members_with_an_id_counts(tmp_path: Path) -> None:
    content = {
        "1I.XML": movies("first", "first"),
        "2I.XML": movies("second"),
        "T.XML": houses("Astra").replace("</houses>", houses("Lux")[8:]),
        "1S.XML": times(showing(1)),
        "2S.XML": times(showing(2, date="20191207")),
    }
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": content})
    convert(feed, str(tmp_path / "lake"), workers=1)
    joined = join_showings(ShowingsReader(str(tmp_path / "lake")))
    columns = ["show_date", "title", "theater_name"]
    assert tuples(joined[columns].compute()) == [
        (datetime.date(2019, 12, 6), "second", "Lux"),
        (datetime.date(2019, 12, 7), "first", "Lux"),
    ]
