"""Terms that select stamps and countries, and the message for a selection without matches."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import ShowingsReader, join_showings
from movielake.names.hints import require_countries, tell_choices
from movielake.names.layout import Selection
from movielake.names.terms import read_terms

STAMPS = ["20191206", "20191213", "20191220", "20200103"]
COUNTRIES = ["can", "deu", "gbr", "swe"]


@pytest.mark.parametrize(
    "term",
    [
        "20191206",
        20191206,
        np.int64(20191206),
        date(2019, 12, 6),
        datetime(2019, 12, 6, 20, 15),
        pd.Timestamp("2019-12-06"),
        ["20191206"],
        [20191206],
        (date(2019, 12, 6),),
        np.array([20191206]),
        pd.Series(["20191206"]),
        pd.Series(["20191206"], dtype="category"),
        pd.to_datetime(["2019-12-06"]),
        pytest.param(iter([20191206]), id="an iterator"),
        " 20191206 ,",
    ],
    ids=str,
)
def test_a_stamp_can_be_a_number_or_a_date(term):
    selection = Selection(term)
    assert [stamp for stamp in STAMPS if selection.means_stamp(stamp)] == ["20191206"]
    assert str(selection) == "date_stamps=20191206, countries=all"


@pytest.mark.parametrize(
    "ends",
    [
        slice("20191213", "20191220"),
        slice(20191213, 20191220),
        slice(date(2019, 12, 7), date(2019, 12, 31)),
        slice(pd.Timestamp("2019-12-13"), 201912),
    ],
    ids=str,
)
def test_a_slice_can_have_numbers_and_dates_as_ends(ends):
    selection = Selection(ends)
    assert [stamp for stamp in STAMPS if selection.means_stamp(stamp)] == STAMPS[1:3]


def test_slices_of_countries_ignore_case():
    selection = Selection(countries=slice("CAN", "Deu"))
    assert [code for code in COUNTRIES if selection.means_country(code)] == ["can", "deu"]


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (20191206.0, r"20191206\.0"),
        ([None], "None"),
        (object, "<class 'object'>"),
        ([["20191206"]], r"\['20191206'\]"),
        (slice("2019-12-06", None), "'2019-12-06'"),
        (slice(None, "Dec"), "'Dec'"),
        (slice("2019*", None), r"'2019\*'"),
    ],
)
def test_terms_of_other_types_and_slices_of_other_texts_are_refused(terms, found):
    with pytest.raises(ValueError, match=f"^expected a .*, found {found}$"):
        Selection(terms)


@given(st.lists(st.from_regex("[0-9]{8}|[a-z]{3}", fullmatch=True)))
def test_reading_terms_twice_gives_the_same_terms(codes):
    once = read_terms(codes)
    assert once == tuple(codes) == read_terms(once) == read_terms(",".join(codes))


# --- did you mean


def guesses(selection: Selection) -> str:
    return tell_choices(selection, STAMPS, COUNTRIES).partition("; did you mean ")[2].rstrip("?")


@pytest.mark.parametrize(
    ("stamp", "guess"),
    [
        ("2019-12-13", "20191213"),
        ("191213", "20191213"),
        ("2019", "2019*"),
        ("201912", "201912*"),
        ("20191217", "20191213"),
        ("20180101", "20191206"),
        ("20250101", "20200103"),
        ("20191231,2020", "20191220, 2020*"),
        ("20191312", "20191220"),
        ("5", ""),
        ("20191206", ""),
        ("2018*", ""),
        ("december", ""),
    ],
)
def test_guess_for_a_wrong_stamp(stamp, guess):
    assert guesses(Selection(stamp, "unknown")) == guess


@pytest.mark.parametrize(
    ("country", "guess"),
    [("Germany", "deu"), ("de,uk", "deu, gbr"), ("sew", "swe"), ("fra", ""), ("x*", "")],
)
def test_guess_for_a_wrong_country(country, guess):
    assert guesses(Selection(countries=country)) == guess


def test_the_message_lists_the_existing_stamps_and_countries():
    text = tell_choices(Selection("2018*"), iter(STAMPS), iter(COUNTRIES))
    assert text == "4 stamps (20191206 to 20200103) and the countries can, deu, gbr, swe"
    assert tell_choices(Selection(), [], []) == "no stamps and no countries"


def test_a_named_country_must_exist_but_a_glob_can_match_no_country():
    require_countries(Selection(countries="deu,x*"), COUNTRIES, "lake")
    require_countries(Selection(countries="deu"), ["DEU"], "lake")
    require_countries(Selection(countries=slice("x", None)), COUNTRIES, "lake")
    require_countries(Selection(), [], "lake")
    expected = "^no country uk, fra in lake; it has can, deu, gbr, swe; did you mean gbr[?]$"
    with pytest.raises(ValueError, match=expected):
        require_countries(Selection(countries="deu,uk,fra"), COUNTRIES, "lake")


def test_the_message_for_a_wrong_column_suggests_a_similar_one(sample_lake):
    showings = ShowingsReader(str(sample_lake))
    with pytest.raises(ValueError, match=r"found 'contry'; did you mean country\?$"):
        showings.count_by("contry")
    with pytest.raises(ValueError, match=r"columns of movies .* found 'titel'; did you mean title"):
        join_showings(showings, movie_columns=["titel"])
    with pytest.raises(ValueError, match=r"found 'xyzzy'$"):
        showings.count_by("xyzzy")
