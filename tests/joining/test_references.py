"""Showings without a movie or theater, compared with anti-joins in DuckDB."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from movielake import MoviesReader, ShowingsReader, TheatersReader, convert, orphans
from tests.conftest import Ask
from tests.feeds import houses, movies, showing, showtime, times, write_feed

KEYS = ["date_stamp", "country", "source_xml", "record"]

MISSING = """
    with known as (
        select *,
            exists (select * from movies m where m.movie_id = s.movie_id
                and m.country = s.country and m.date_stamp = s.date_stamp) has_movie,
            exists (select * from theaters t where t.theater_id = s.theater_id
                and t.country = s.country and t.date_stamp = s.date_stamp) has_theater
        from showings s
    )
    select date_stamp, country, source_xml, record, movie_id, theater_id, count(show_time),
        has_movie, has_theater
    from known where {where} group by all order by all
"""


def tuples(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [
        tuple(None if value is pd.NA else value for value in row)
        for row in frame.astype(object).itertuples(index=False, name=None)
    ]


@pytest.mark.parametrize("selection", ["true", "country = 'chn'", "country <> 'chn'"])
def test_orphans_of_the_sample_match_duckdb(sample_lake: Path, duck: Ask, selection: str) -> None:
    countries = {"true": None, "country = 'chn'": "chn"}.get(selection, "[!c]*,can")
    found = orphans(ShowingsReader(str(sample_lake), countries=countries))
    expected = duck(MISSING.format(where=f"not (has_movie and has_theater) and {selection}"))
    assert sorted(tuples(found)) == expected
    assert tuples(found[KEYS[:2]]) == [row[:2] for row in expected]  # in the order of the lake
    assert len(expected) > 3


def test_movies_or_theaters_can_be_checked_alone(sample_lake: Path, duck: Ask) -> None:
    lake, countries = str(sample_lake), "swe,deu,can,aus,fra,gbr,nzl"
    showings = ShowingsReader(lake, countries=countries)
    found = orphans(showings, MoviesReader(lake))
    expected = duck(MISSING.format(where="not has_movie and country <> 'chn'"))
    assert sorted(tuples(found[KEYS])) == [row[:4] for row in expected]
    assert found["has_theater"].isna().all()
    found = orphans(showings, theaters=TheatersReader(lake))
    expected = duck(MISSING.format(where="not has_theater and country <> 'chn'"))
    assert sorted(tuples(found[KEYS])) == [row[:4] for row in expected]
    assert found["has_movie"].isna().all()


def test_films_that_are_not_selected_are_missing(sample_lake: Path) -> None:
    showings = ShowingsReader(str(sample_lake), countries="deu", date_stamps="20191206")
    others = MoviesReader(str(sample_lake), countries="swe")
    assert len(orphans(showings, others)) == showings.count


def test_orphans_of_a_small_feed_are_listed(tmp_path: Path) -> None:
    no_ids = re.sub("<movie_id>.*</theater_id>", "", showing())
    shows = [showing(1, 1), showing(7, 1), showing(1, 7, at="9:05, 11:00"), no_ids, showtime()]
    content = {"I.XML": movies("Up"), "T.XML": houses("Astra"), "S.XML": times(*shows)}
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": content})
    convert(feed, str(tmp_path / "lake"), workers=1)
    found = orphans(ShowingsReader(str(tmp_path / "lake")))
    assert tuples(found.drop(columns=KEYS[:3])) == [
        (1, 7, 1, 1, False, True),
        (2, 1, 7, 2, True, False),
        (3, None, None, 1, False, False),
        (4, None, None, 0, False, False),
    ]


def test_a_complete_lake_has_no_orphans(tmp_path: Path) -> None:
    content = {"I.XML": movies("Up"), "T.XML": houses("Astra"), "S.XML": times(showing())}
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": content})
    convert(feed, str(tmp_path / "lake"), workers=1)
    found = orphans(ShowingsReader(str(tmp_path / "lake")))
    assert (len(found), found.columns.tolist()[-3:]) == (
        0,
        ["screenings", "has_movie", "has_theater"],
    )


def test_an_argument_of_the_wrong_type_is_an_error(sample_lake: Path) -> None:
    with pytest.raises(TypeError, match="expected a ShowingsReader, found MoviesReader"):
        orphans(MoviesReader(str(sample_lake)))  # type: ignore[arg-type]
