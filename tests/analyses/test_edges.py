"""Films at the edges: ties, one country, gaps, no theater, no film, the archive's ends."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import (
    ScreeningCounts,
    circulation,
    concentration,
    convert,
    day_profile,
    distribution,
    premieres,
    runs,
    shares,
)
from movielake.analyses.attributes import items, list_runs, whole_of
from tests.feeds import showing, showtime, times, write_feed
from tests.strategies import examples

WEEKS = ("20191206", "20191213", "20191220", "20191227")


def lake_of(folder: Path, shown: dict[str, dict[str, list[str]]], movies: str = "") -> str:
    """Write a lake: for each stamp and country, its showtime elements. Each zip has the movies."""
    feed = {
        f"{stamp}/movies_{country}.zip": {
            f"{stamp[2:]}S.XML": times(*elements),
            f"{stamp[2:]}I.XML": f"<movies>{movies}</movies>",
        }
        for stamp, countries in shown.items()
        for country, elements in countries.items()
    }
    convert(write_feed(folder / "feed", feed), str(folder / "lake"), workers=1)
    return str(folder / "lake")


def rows(table: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in table.to_pylist()]


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.fixture
def four_weeks(tmp_path: Path) -> str:
    """Film 1 runs through; 2 starts later in swe; 3 is in one country only, with a gap."""
    filler = [showing(9, date=stamp) for stamp in WEEKS]
    shown = {stamp: {"deu": [filler[n]], "swe": [filler[n]]} for n, stamp in enumerate(WEEKS)}
    for stamp in WEEKS:
        shown[stamp]["deu"].append(showing(1, date=stamp))
        shown[stamp]["swe"].append(showing(1, date=stamp))
    shown["20191213"]["deu"].append(showing(2, date="20191214", at="13:00, 20:00"))
    shown["20191213"]["swe"].append(showing(2, theater=2, date="20191216"))
    shown["20191213"]["deu"].append(showing(3, date="20191213"))
    shown["20191220"]["deu"].append(showing(3, theater=5, date="20191222"))
    return lake_of(tmp_path, shown)


def test_countries_that_start_on_the_same_day_are_all_first(four_weeks):
    found = premieres(four_weeks)
    names = ("country", "first_day", "delay", "countries_before", "cut_start", "origin_cut")
    assert rows(found.slice(0, 2), *names) == [
        ("deu", day("2019-12-06"), 0, 0, True, True),
        ("swe", day("2019-12-06"), 0, 0, True, True),
    ]
    assert rows(found.slice(2, 2), *names) == [
        ("deu", day("2019-12-14"), 0, 0, False, False),
        ("swe", day("2019-12-16"), 2, 1, False, False),
    ]


def test_a_film_that_is_released_in_one_country_only_has_no_delay(four_weeks):
    names = ("movie_id", "countries", "release_delay", "longest_delay")
    assert rows(distribution(four_weeks), *names) == [
        (1, 2, 0.0, 0),
        (2, 2, 2.0, 2),
        (3, 1, None, None),
        (9, 2, 0.0, 0),
    ]


def test_a_gap_is_in_the_run_and_is_shown(four_weeks):
    film = runs(four_weeks, countries="deu").to_pylist()[2]
    assert (film["movie_id"], film["run_days"], film["days"], film["longest_gap"]) == (3, 10, 2, 8)
    assert (film["weeks"], film["theaters"], film["most_theaters"]) == (2, 2, 1)
    assert (film["cut_start"], film["cut_end"]) == (False, False)
    weeks = [row for row in runs(four_weeks, per="week").to_pylist() if row["movie_id"] == 3]
    assert [(row["week"], row["begins"]) for row in weeks] == [
        (1, day("2019-12-13")),
        (2, day("2019-12-20")),
    ]


def test_a_theater_counts_once_in_a_run_and_once_in_each_week(four_weeks):
    film = runs(four_weeks, countries="swe").to_pylist()[2]
    assert (film["movie_id"], film["theaters"], film["theaters_per_week"]) == (9, 1, 1.0)
    weeks = runs(four_weeks, countries="swe", per="week").to_pylist()
    assert [row["theaters"] for row in weeks if row["movie_id"] == 9] == [1, 1, 1, 1]


def test_runs_at_the_edges_of_the_archive_are_cut(four_weeks):
    names = ("movie_id", "cut_start", "cut_end")
    assert rows(distribution(four_weeks), *names) == [
        (1, True, True),
        (2, False, False),
        (3, False, False),
        (9, True, True),
    ]
    # The edges are those of the selection.
    chosen = distribution(four_weeks, date_stamps=slice("20191213", "20191220"))
    assert (2, True, False) in rows(chosen, *names)


def test_a_run_ends_with_the_archive_on_its_last_date_stamp(tmp_path):
    shown = {
        "20191206": {"deu": [showing(1, date="20191206"), showing(2, date="20191213")]},
        "20191220": {"deu": [showing(3, date="20191220"), showing(4, date="20191221")]},
        "20191213": {"deu": [showing(5, date="20191219")]},
    }
    found = rows(runs(lake_of(tmp_path, shown)), "movie_id", "cut_start", "cut_end")
    assert found == [
        (1, True, False),
        (2, False, False),
        (3, False, True),
        (4, False, True),
        (5, False, False),
    ]


def test_a_screening_without_a_film_or_date_is_counted_as_left_out(tmp_path):
    no_film = showtime(
        '<theater_id>1</theater_id><show_date date="20191206"><showtimes>1:00, 2:00'
        "</showtimes></show_date>"
    )
    no_date = showtime(
        "<movie_id>1</movie_id><theater_id>1</theater_id><showtimes>13:00</showtimes>"
    )
    no_time = showing(4, at="")
    lake = lake_of(tmp_path, {"20191206": {"deu": [no_film, no_date, no_time, showing(3)]}})
    counts = ScreeningCounts(lake)
    assert [part.left_out for part in counts.by_film] == [3]
    assert rows(distribution(counts), "movie_id", "screenings") == [(3, 1)]
    assert sum(day_profile(counts)["screenings"].to_pylist()) == 3  # the film does not matter here


def test_a_screening_without_a_theater_counts_but_adds_no_theater(tmp_path):
    without = showing(1).replace("<theater_id>1</theater_id>", "")
    lake = lake_of(tmp_path, {"20191206": {"deu": [without, showing(2)]}})
    assert rows(distribution(lake), "movie_id", "screenings", "theaters") == [(1, 1, 0), (2, 1, 1)]
    weeks = rows(runs(lake, per="week"), "movie_id", "screenings", "theaters")
    assert weeks == [(1, 1, 0), (2, 1, 1)]


def test_the_same_theater_id_in_two_countries_is_two_theaters(tmp_path):
    lake = lake_of(tmp_path, {"20191206": {"deu": [showing(1)], "swe": [showing(1)]}})
    assert rows(distribution(lake), "countries", "theaters") == [(2, 2)]


def test_a_screening_in_two_snapshots_counts_once(tmp_path):
    both = [showing(1, date="20191214", at="13:00, 15:00")]
    lake = lake_of(tmp_path, {"20191206": {"deu": both}, "20191213": {"deu": both}})
    assert distribution(lake)["screenings"].to_pylist() == [2]
    assert distribution(lake, current=False)["screenings"].to_pylist() == [4]


def test_a_profile_has_every_hour_of_the_week(tmp_path):
    at = "00:30, 13:20, 13:40, 23:59"
    lake = lake_of(tmp_path, {"20191206": {"deu": [showing(1, date="20191208", at=at)]}})
    profile = day_profile(lake)
    assert profile.num_rows == 168
    shown = [row for row in profile.to_pylist() if row["screenings"]]
    assert [(row["weekday"], row["hour"], row["share"]) for row in shown] == [
        (7, 0, 0.25),
        (7, 13, 0.5),
        (7, 23, 0.25),
    ]


def test_films_travel_from_each_country_of_their_first_day(four_weeks, tmp_path):
    """Film 2 goes from deu to swe, film 4 from both to fra, and film 1 was there before."""
    shown = {"20191206": {"fra": [showing(1)]}, "20191227": {"fra": [showing(1)]}}
    shown["20191206"] |= {"deu": [showing(1)], "swe": [showing(1)]}
    shown["20191220"] = {
        "deu": [showing(4, date="20191220"), showing(2, date="20191220")],
        "swe": [showing(4, date="20191220"), showing(2, date="20191223")],
        "fra": [showing(4, date="20191225"), showing(2, date="20191224")],
    }
    found = circulation(lake_of(tmp_path / "other", shown))
    assert rows(found, *found.column_names) == [
        ("deu", "fra", 2, 2, 0, 2, 4.5),
        ("deu", "swe", 2, 1, 1, 1, 3.0),
        ("fra", "deu", 2, 0, 0, 0, None),
        ("fra", "swe", 2, 0, 0, 0, None),
        ("swe", "deu", 2, 0, 1, 0, None),
        ("swe", "fra", 2, 2, 0, 1, 3.0),
    ]
    only = [("deu", "swe", 1, 1, 0, 1, 2.0), ("swe", "deu", 1, 0, 0, 0, None)]
    assert rows(circulation(four_weeks), *found.column_names) == only


def at(times: int) -> str:
    return ", ".join(f"{10 + n // 60}:{n % 60:02}" for n in range(times))


@pytest.mark.parametrize(
    ("films", "top_share", "gini", "herfindahl"),
    [
        ([5], 1.0, 0.0, 1.0),
        ([4, 4, 4, 4], 0.5, 0.0, 0.25),
        ([1, 1, 2, 6], 0.8, 0.4, 0.42),
        ([1, 9], 1.0, 0.4, 0.82),
    ],
)
def test_concentration_of_films_by_hand(tmp_path, films, top_share, gini, herfindahl):
    elements = [showing(number, at=at(count)) for number, count in enumerate(films, 1)]
    lake = lake_of(tmp_path, {"20191206": {"deu": elements, "swe": elements}})
    expected = pytest.approx((top_share, gini, herfindahl, 1 / herfindahl))
    names = ("top_share", "gini", "herfindahl", "effective_films")
    both = concentration(lake, top=2)
    assert rows(both, *names) == [expected, expected]
    assert rows(both, "country", "films", "screenings")[1] == ("swe", len(films), sum(films))
    one = concentration(lake, top=2, together=True)
    assert rows(one, *names) == [expected]
    assert rows(one, "country", "screenings") == [(None, 2 * sum(films))]


def test_a_period_has_the_films_of_its_own_days(tmp_path):
    elements = [showing(1, date="20191231", at=at(3)), showing(1, date="20200101")]
    lake = lake_of(tmp_path, {"20191227": {"deu": [*elements, showing(2, date="20200102")]}})
    names = ("period", "films", "screenings", "top_share")
    assert rows(concentration(lake, per="year", top=1), *names) == [
        ("2019", 1, 3, 1.0),
        ("2020", 2, 2, 0.5),
    ]
    months = concentration(lake, per="month")
    assert months["period"].to_pylist() == ["2019-12", "2020-01"]


def test_a_screening_counts_once_for_each_different_value(tmp_path):
    """Film 1 has a genre twice, 2 has none, 3 has no record; the screening without a film too."""
    genres = {1: ("Drama", "Comedy", "Drama"), 2: ()}
    movies = "".join(
        f"<movie><movie_id>{film}</movie_id><lang>x{film}</lang>"
        f"{''.join(f'<genre>{name}</genre>' for name in names)}</movie>"
        for film, names in genres.items()
    )
    no_film = showing(1, at="9:00").replace("<movie_id>1</movie_id>", "")
    elements = [showing(1, at=at(3)), showing(2), showing(3, at=""), showing(3, at=at(2)), no_film]
    lake = lake_of(tmp_path, {"20191206": {"deu": elements}}, movies)
    names = ("country", "value", "screenings", "share")
    assert rows(shares(lake, "genre"), *names) == [
        ("deu", None, 4, pytest.approx(4 / 7)),
        ("deu", "Comedy", 3, pytest.approx(3 / 7)),
        ("deu", "Drama", 3, pytest.approx(3 / 7)),
    ]
    assert rows(shares(lake, "language"), *names) == [
        ("deu", "x1", 3, 3 / 7),
        ("deu", None, 3, 3 / 7),
        ("deu", "x2", 1, 1 / 7),
    ]
    assert rows(shares(lake, "chain", together=True), *names) == [(None, None, 7, 1.0)]


LISTS = st.lists(
    st.none() | st.lists(st.none() | st.sampled_from(["3D", "IMAX", "Digital"]), max_size=4),
    max_size=30,
)


def coded(lists):
    """Make an array of lists whose items are dictionary-coded."""
    array = pa.array(lists, pa.list_(pa.string()))
    lengths = array.value_lengths().fill_null(0).to_pylist()
    offsets = pa.array([0, *itertools.accumulate(lengths)], pa.int32())
    items = array.flatten().dictionary_encode()
    return pa.ListArray.from_arrays(offsets, items, mask=array.is_null())


@pytest.mark.parametrize("make", [lambda lists: pa.array(lists, pa.list_(pa.string())), coded])
@given(LISTS, st.lists(st.integers(0, 2), min_size=30, max_size=30))
@examples(max_examples=200)
def test_items_of_lists_are_those_of_plain_python(make, lists, files):
    """Neighbouring rows with the same list are one run, and each run has its different items."""
    column = whole_of(pa.chunked_array([make(lists[:7]), make(lists[7:])]))
    file = np.sort(np.array(files[: len(lists)], np.int64))
    starts = list_runs(file, column)
    counts = np.diff(starts, append=len(lists))
    entries, values = items(column.take(pa.array(starts, pa.int64())))
    found = Counter()
    for entry, value in zip(entries.tolist(), values.to_pylist(), strict=True):
        found[int(file[starts[entry]]), value] += int(counts[entry])
    expected = Counter(
        (int(number), value)
        for number, row in zip(file, lists, strict=True)
        for value in {item for item in row or [] if item is not None} or {None}
    )
    assert found == expected


def test_without_screenings_the_tables_are_empty_but_typed(tmp_path):
    lake = lake_of(tmp_path, {"20191206": {"deu": [showing(1, at="")]}})
    full = lake_of(tmp_path / "full", {"20191206": {"deu": [showing(1)]}})
    for analysis in (distribution, premieres, runs, circulation, concentration, day_profile):
        assert analysis(lake).num_rows == 0
        assert analysis(lake).schema == analysis(full).schema
    assert shares(lake, "genre").schema == shares(full, "genre").schema
    assert shares(lake, "format", together=True).num_rows == 0
    assert concentration(lake, per="month", together=True).num_rows == 0
    assert runs(lake, per="week").schema == runs(full, per="week").schema


def test_wrong_arguments_raise_one_clear_line(four_weeks):
    with pytest.raises(ValueError, match=r"versions='apart', found 'merged'; did you mean merge\?"):
        distribution(four_weeks, versions="merged")
    with pytest.raises(ValueError, match=r"per='week', found 'weeks'; did you mean week\?"):
        runs(four_weeks, per="weeks")
    with pytest.raises(ValueError, match=r"all, year, month, found 'moth'; did you mean month\?"):
        concentration(four_weeks, per="moth")
    with pytest.raises(ValueError, match=r"chain, format, found 'genres'; did you mean genre\?"):
        shares(four_weeks, "genres")
    with pytest.raises(ValueError, match="expected a top of at least 1 film, found 0"):
        concentration(four_weeks, top=0)
    with pytest.raises(ValueError, match="expected countries= in ScreeningCounts"):
        premieres(ScreeningCounts(four_weeks), countries="deu")
    with pytest.raises(ValueError, match="expected current= in ScreeningCounts"):
        premieres(ScreeningCounts(four_weeks), current="theater")
    with pytest.raises(ValueError, match="no showings match"):
        distribution(four_weeks, countries="nzl")
    assert premieres(ScreeningCounts(four_weeks, current="theater"), current="theater").num_rows
