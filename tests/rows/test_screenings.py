"""Each screening of a showing becomes exactly one row, with its own date and time."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.rows.problems import (
    BESIDE,
    OVERNIGHT,
    REPEATED,
    UNKNOWN,
    UNORDERED,
    UNTYPED,
    Problem,
    ProblemCounter,
)
from movielake.rows.screenings import flatten_batch, flatten_showings
from movielake.schema.tables import table
from tests.feeds import without_nulls
from tests.strategies import LABELS, Tokens, examples, tokens

SHOWINGS = table("showings")
Row = dict[str, Any]
LAST = datetime.date(2019, 12, 31)


def flatten(records: list[Row], first: int = 0) -> tuple[list[Row], tuple[Problem, ...]]:
    """Flatten records. Return the values that are not null, and the problems."""
    problems = ProblemCounter()
    rows = flatten_showings(records, SHOWINGS, problems, first)
    assert rows.schema == SHOWINGS.arrow
    rows.validate(full=True)
    return without_nulls(rows), problems.problems()


def when(record: Row) -> list[str]:
    """Flatten one record. Return each row's date and time, in parentheses for a bargain."""
    rows, _ = flatten([record])
    shown = []
    for row in rows:
        date, time = row.get("show_date"), row.get("show_time")
        both = date is not None and time is not None
        assert row.get("starts_at") == (datetime.datetime.combine(date, time) if both else None)
        assert row["record"] == 0
        assert ("bargain" in row) == (time is not None)
        clock = f"{time:%H:%M}" if time else "-"
        shown.append(f"{date or '-'} " + (f"({clock})" if row.get("bargain") else clock))
    return shown


# ---------------------------------------------------------------- whole rows


def test_the_example_of_the_design_page_becomes_three_rows():
    line = """{"movie_name": "Frozen II", "movie_id": "201030", "theater_id": "51011",
        "show_date": [{"@date": "20191206", "showtimes": "13:20, (15:40)",
        "show_attributes": "Digital, 3D", "show_passes": "Y", "show_festival": null},
        {"@date": "20191207", "showtimes": "20:15."}], "country": "deu",
        "date_stamp": "20191206", "source_xml": "20191206/deu/191206S.XML"}"""
    every = {
        "record": 0,
        "movie_name": "Frozen II",
        "movie_id": 201030,
        "theater_id": 51011,
        "source_xml": "20191206/deu/191206S.XML",
    }
    sixth = {
        **every,
        "show_date": datetime.date(2019, 12, 6),
        "show_attributes": ["Digital", "3D"],
        "show_passes": True,
    }
    assert flatten([json.loads(line)]) == (
        [
            {
                **sixth,
                "show_time": datetime.time(13, 20),
                "bargain": False,
                "starts_at": datetime.datetime(2019, 12, 6, 13, 20),
            },
            {
                **sixth,
                "show_time": datetime.time(15, 40),
                "bargain": True,
                "starts_at": datetime.datetime(2019, 12, 6, 15, 40),
            },
            {
                **every,
                "show_date": datetime.date(2019, 12, 7),
                "show_time": datetime.time(20, 15),
                "bargain": False,
                "starts_at": datetime.datetime(2019, 12, 7, 20, 15),
            },
        ],
        (),
    )


def test_the_flat_form_of_china_is_flattened():
    record = {
        "movie_name": "Frozen II",
        "movie_cnname": "冰雪奇缘2",
        "movie_id": "201030",
        "theater_id": "51011",
        "theater_name": "Wanda Cinema CBD",
        "theater_cnname": "万达影城CBD店",
        "theater_province": "北京市",
        "theater_city": "北京",
        "theater_area": "朝阳区",
        "release_date": "2019-11-22",
        "show_date": ["2019/12/6 0:00:00"],
        "showtimes": "13:20, 待定",
        **LABELS,
    }
    row = {
        "record": 7,
        "movie_name": "Frozen II",
        "movie_cnname": "冰雪奇缘2",
        "movie_id": 201030,
        "theater_id": 51011,
        "theater_name": "Wanda Cinema CBD",
        "theater_cnname": "万达影城CBD店",
        "theater_province": "北京市",
        "theater_city": "北京",
        "theater_area": "朝阳区",
        "release_date": datetime.date(2019, 11, 22),
        "show_date": datetime.date(2019, 12, 6),
        "source_xml": LABELS["source_xml"],
    }
    at = datetime.datetime(2019, 12, 6, 13, 20)
    assert flatten([record], first=7) == (
        [{**row, "show_time": at.time(), "bargain": False, "starts_at": at}, row],
        (Problem("show_time", UNTYPED, 1, "待定"),),
    )


# ---------------------------------------------------------------- number and times of rows


@pytest.mark.parametrize(
    ("record", "screenings"),
    [
        ({}, ["- -"]),
        ({"movie_id": "1"}, ["- -"]),
        # show_dates
        ({"show_date": [None]}, ["- -"]),
        ({"show_date": [{"@date": "20191206"}]}, ["2019-12-06 -"]),
        ({"show_date": [{"@date": "20191206", "showtimes": None}]}, ["2019-12-06 -"]),
        ({"show_date": [{"@date": "20191206", "showtimes": " ., "}]}, ["2019-12-06 -"]),
        ({"show_date": [{"@date": "20191206", "showtimes": "13:20"}]}, ["2019-12-06 13:20"]),
        ({"show_date": [{"@date": "2019-12-06", "showtimes": "0:00"}]}, ["2019-12-06 00:00"]),
        ({"show_date": [{"@date": "soon", "showtimes": "13:20"}]}, ["- 13:20"]),
        ({"show_date": [{"showtimes": "13:20"}]}, ["- 13:20"]),
        ({"show_date": [{"@date": "", "showtimes": "13:20"}]}, ["- 13:20"]),
        (
            {"show_date": [{"@date": f"2019120{day}", "showtimes": "13:20"} for day in (6, 7, 8)]},
            ["2019-12-06 13:20", "2019-12-07 13:20", "2019-12-08 13:20"],
        ),
        (
            {
                "show_date": [
                    {"@date": "20191206", "showtimes": "13:20, (15:40), 15:40"},
                    {"@date": "20191206"},
                    {"@date": "20191208", "showtimes": "TBA"},
                ]
            },
            [
                "2019-12-06 13:20",
                "2019-12-06 (15:40)",
                "2019-12-06 15:40",
                "2019-12-06 -",
                "2019-12-08 -",
            ],
        ),
        # the date as text
        ({"show_date": ["2019/12/6 0:00:00"], "showtimes": "13:20"}, ["2019-12-06 13:20"]),
        ({"show_date": ["2019-12-06"]}, ["2019-12-06 -"]),
        (
            {"show_date": [{"#text": "2019-12-06", "showtimes": "13:20"}]},
            ["2019-12-06 13:20"],
        ),
        # times directly under the record
        ({"showtimes": "13:20, 15:40"}, ["- 13:20", "- 15:40"]),
        (
            {"showtimes": "13:20", "show_date": [{"@date": "20191206"}, {"@date": "20191207"}]},
            ["2019-12-06 13:20", "2019-12-07 13:20"],
        ),
        (
            {
                "showtimes": "13:20",
                "show_date": [{"@date": "20191206", "showtimes": "9:05"}, {"@date": "20191207"}],
            },
            ["2019-12-06 09:05", "2019-12-07 13:20"],
        ),
        (
            {"showtimes": "13:20", "show_date": [{"@date": "20191206", "showtimes": "9:05"}]},
            ["2019-12-06 09:05", "- 13:20"],
        ),
        # repeated and nested showtimes
        (
            {"show_date": [{"@date": "20191206", "showtimes": ["13:20", None, "15:40, 20:15"]}]},
            ["2019-12-06 13:20", "2019-12-06 15:40", "2019-12-06 20:15"],
        ),
        ({"showtimes": ["13:20", "15:40"]}, ["- 13:20", "- 15:40"]),
        (
            {"show_date": [{"@date": "20191206", "showtimes": [None, None]}], "showtimes": "13:20"},
            ["2019-12-06 13:20"],
        ),
        (
            {
                "show_date": [{"@date": "20191206", "showtimes": {"@id": "1"}}],
                "showtimes": {"@id": "2", "#text": "13:20"},
            },
            ["2019-12-06 13:20"],
        ),
        (
            {"show_date": [{"@date": "20191206", "showtimes": "9:05"}], "showtimes": [None, None]},
            ["2019-12-06 09:05"],
        ),
        (
            {"show_date": [{"@date": "20191206", "showtimes": "9:05"}], "showtimes": {"@id": "1"}},
            ["2019-12-06 09:05"],
        ),
    ],
)
def test_each_date_and_time_becomes_one_row(record, screenings):
    assert when(record) == screenings


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("0:00", datetime.datetime(2019, 12, 31, 0, 0)),
        ("12:15 AM", datetime.datetime(2019, 12, 31, 0, 15)),
        ("11:59:59 PM", datetime.datetime(2019, 12, 31, 23, 59, 59)),
        ("24:30", datetime.datetime(2020, 1, 1, 0, 30)),
        ("29:59:59", datetime.datetime(2020, 1, 1, 5, 59, 59)),
        ("TBA", None),
    ],
)
@pytest.mark.parametrize("date", ["20191231", "December 31, 2019"])
def test_starts_at_combines_date_and_time(date, time, at):
    (row,), _ = flatten([{"show_date": [{"@date": date, "showtimes": time}]}])
    assert row.get("starts_at") == at


@pytest.mark.parametrize("times", ["22:45, 24:15", "22:45, 0:15", "10:45 PM, 12:15 AM"])
def test_a_time_after_midnight_keeps_its_show_date_and_starts_on_the_next_day(times):
    rows, problems = flatten([{"show_date": [{"@date": "20191231", "showtimes": times}]}])
    assert [(row["show_date"], row["show_time"], row["starts_at"]) for row in rows] == [
        (LAST, datetime.time(22, 45), datetime.datetime(2019, 12, 31, 22, 45)),
        (LAST, datetime.time(0, 15), datetime.datetime(2020, 1, 1, 0, 15)),
    ]
    assert sum(p.count for p in problems) == ("24" not in times)


def test_a_time_after_midnight_without_a_date_has_no_start():
    rows, _ = flatten([{"showtimes": "22:45, 24:15", "show_date": ["soon", "99991231"]}])
    assert [str(row.get("starts_at")) for row in rows] == [
        *("None", "None"),
        *("9999-12-31 22:45:00", "None"),  # Python has no year after 9999
    ]


def test_problems_that_keep_their_time_are_counted_by_kind():
    texts = ["13:20 3D", "13:20 3D", "7:30 PM, 9:00", "22:45, 0:15, 1:00", "1:00, 2:00xm"]
    dates = [{"@date": "20191206", "showtimes": text} for text in texts]
    _, problems = flatten([{"show_date": dates}])
    assert problems == (
        Problem("show_time", BESIDE, 2, "13:20 3D"),
        Problem("show_time", OVERNIGHT, 2, "0:15"),
        Problem("show_time", UNORDERED, 1, "7:30 PM, 9:00"),
        Problem("show_time", UNTYPED, 2, "1:00"),
    )


def test_dates_of_any_century_have_a_start_time():
    dates = [{"@date": d, "showtimes": "13:20"} for d in ("00010101", "18951228", "99991231")]
    rows, _ = flatten([{"show_date": dates}])
    assert [str(row["starts_at"]) for row in rows] == [
        "0001-01-01 13:20:00",
        "1895-12-28 13:20:00",
        "9999-12-31 13:20:00",
    ]


def test_records_are_numbered_from_the_first_of_the_batch():
    week = {"show_date": [{"showtimes": "13:20, 15:40"}]}
    rows, _ = flatten([week, {}, week], first=4096)
    assert [row["record"] for row in rows] == [4096, 4096, 4097, 4098, 4098]


def test_an_empty_batch_has_no_rows():
    assert flatten([]) == ([], ())


def test_a_batch_is_flattened_by_the_rule_of_its_table():
    rows = flatten_batch([{"showtimes": "13:20, 15:40"}], SHOWINGS, ProblemCounter(), first=5)
    assert rows["record"].to_pylist() == [5, 5]


# ---------------------------------------------------------------- the other columns


@pytest.mark.parametrize(
    ("element", "value", "column"),
    [
        ("show_attributes", "Digital, 3D", ["Digital", "3D"]),
        ("show_attributes", ["Digital", "3D, OmU"], ["Digital", "3D", "OmU"]),
        (
            "show_comments",
            "Reserved seating; No passes, ever",
            ["Reserved seating", "No passes, ever"],
        ),
        ("show_passes", "Y", True),
        ("show_festival", "N", False),
        ("show_with", "187342", "187342"),
        ("show_sound", "Digital", "Digital"),
    ],
)
def test_a_value_comes_from_the_show_date_or_its_record(element, value, column):
    dates = [{"@date": "20191206", element: value}, {"@date": "20191207"}]
    rows, problems = flatten([{"show_date": dates}, {element: value, "show_date": [None]}])
    assert [row.get(element) for row in rows] == [column, None, column]
    assert [p for p in problems if p.kind != REPEATED] == []


def test_a_show_date_overrides_its_record():
    record = {"show_passes": "N", "show_date": [{"show_passes": "Y"}, {"show_passes": None}]}
    rows, _ = flatten([record])
    assert [row["show_passes"] for row in rows] == [True, False]


def test_times_without_a_date_have_the_values_of_the_record():
    record = {
        "showtimes": "13:20",
        "show_passes": "N",
        "show_date": [{"@date": "20191206", "showtimes": "9:05", "show_passes": "Y"}],
    }
    rows, _ = flatten([record])
    assert [(str(row["show_time"]), row["show_passes"]) for row in rows] == [
        ("09:05:00", True),
        ("13:20:00", False),
    ]


# ---------------------------------------------------------------- problems


def test_an_invalid_value_counts_once_for_any_number_of_rows():
    record = {
        "movie_id": "?",
        "show_date": [
            {"@date": "soon", "showtimes": "13:20, 15:40", "show_passes": "maybe"},
            {"@date": "soon", "showtimes": "13:20, TBA, soon"},
        ],
    }
    rows, problems = flatten([record, {"showtimes": "TBA"}])
    assert len(rows) == 6
    assert problems == (
        Problem("movie_id", UNTYPED, 1, "?"),
        Problem("show_date", UNTYPED, 2, "soon"),
        Problem("show_passes", UNTYPED, 1, "maybe"),
        Problem("show_time", UNTYPED, 3, "TBA"),
    )


def test_one_invalid_time_does_not_remove_the_other_times():
    assert when({"show_date": [{"@date": "20191206", "showtimes": "13:20, 25:99, 15:40"}]}) == [
        "2019-12-06 13:20",
        "2019-12-06 -",
        "2019-12-06 15:40",
    ]


def test_invalid_direct_times_count_once_for_each_show_date():
    _, problems = flatten([{"showtimes": "TBA", "show_date": ["20191206", "20191207"]}])
    assert problems == (Problem("show_time", UNTYPED, 2, "TBA"),)


@pytest.mark.parametrize(
    ("record", "extras"),
    [
        ({"new": "x", "showtimes": "13:20, 15:40"}, [{"new": "x"}, {"new": "x"}]),
        ({"show_date": [{"new": "x"}, {}]}, [{"show_date/new": "x"}, None]),
        (
            {"new": "x", "show_date": [{"new": "y"}, {"@x": "z"}]},
            [{"new": "x", "show_date/new": "y"}, {"new": "x", "show_date/@x": "z"}],
        ),
        ({"movie_name": ["Up", "Oben"]}, [{"movie_name": '["Up", "Oben"]'}]),
        (
            {"show_date": [{"show_with": ["1", "2"]}]},
            [{"show_date/show_with": '["1", "2"]'}],
        ),
        ({"show_date": [{"showtimes": {"@id": "1"}}]}, [{"show_date/showtimes/@id": "1"}]),
        ({"showtimes": {"@id": "1", "#text": "9:05"}}, [{"showtimes/@id": "1"}]),
        ({"show_date": [{"show_date": ["x"]}]}, [{"show_date/show_date": '["x"]'}]),
        ({"#country": "x"}, [{"#country": "x"}]),
        ({"show_date": [{"country": "x"}]}, [{"show_date/country": "x"}]),
        ({"genre": "x"}, [{"genre": "x"}]),
    ],
)
def test_unknown_content_is_kept_in_extra(record, extras):
    rows, problems = flatten([record])
    assert [row.get("extra") for row in rows] == extras
    paths = [path for extra in extras for path in extra or ()]
    assert {p.column for p in problems if p.kind in (UNKNOWN, REPEATED)} == set(paths)


def test_an_unknown_element_counts_once_for_any_number_of_rows():
    _, problems = flatten([{"new": "x", "show_date": [{"showtimes": "13:20, 15:40"}] * 3}])
    assert problems == (Problem("new", UNKNOWN, 1, "x"),)


def test_repeated_showtimes_are_counted_under_their_path():
    dates = [{"@date": "20191206", "showtimes": ["13:20", "15:40"]}]
    _, problems = flatten([{"show_date": dates}])
    assert [(p.column, p.kind, p.count) for p in problems] == [("show_date/showtimes", REPEATED, 1)]
    _, problems = flatten([{"showtimes": ["13:20", "15:40"], "show_date": [{"showtimes": "9:05"}]}])
    assert [(p.column, p.kind, p.count) for p in problems] == [("showtimes", REPEATED, 1)]


# ---------------------------------------------------------------- any records, in plain Python

ODD = "a screening whose time cannot be read"
TIMES = {
    "13:20": ["13:20"],
    "(15:40), 20:15.": ["(15:40)", "20:15"],
    "1:00, (3:15), 7:30 PM": ["13:00", "(15:15)", "19:30"],
    "14:00, TBA, 14:00": ["14:00", ODD, "14:00"],
    "no times": [ODD],
}
DATES = {
    "20191206": datetime.date(2019, 12, 6),
    "2019/12/7 0:00:00": datetime.date(2019, 12, 7),
    "some day": None,
}
PASSES = {"Y": True, "N": False, "perhaps": None}
LISTS = {"Digital, 3D": ["Digital", "3D"], "OmU": ["OmU"]}

time_texts = st.sampled_from(sorted(TIMES))
showtimes = st.one_of(
    time_texts,
    time_texts,
    st.none(),
    st.just({"@id": "1"}),
    st.builds(lambda text: {"@id": "1", "#text": text}, time_texts),
    st.lists(st.none() | time_texts, min_size=2, max_size=3),
)
about_a_screening = {
    "showtimes": showtimes,
    "show_passes": st.none() | st.sampled_from(sorted(PASSES)),
    "show_attributes": st.none() | st.sampled_from(sorted(LISTS)),
    "show_with": st.none() | st.sampled_from(["187342", "Up"]),
    "new": st.sampled_from(["a", "b"]),
}
show_dates = st.one_of(
    st.none(),
    st.sampled_from(sorted(DATES)),
    st.fixed_dictionaries(
        {}, optional={"@date": st.sampled_from(sorted(DATES)), **about_a_screening}
    ).map(lambda item: item or None),
)
showing_records = st.fixed_dictionaries(
    {},
    optional={
        "movie_id": st.sampled_from(["1", "201030", "?"]),
        "movie_name": st.none() | st.sampled_from(["Up", "Frozen II"]),
        "show_date": st.lists(show_dates, min_size=1, max_size=3),
        **about_a_screening,
        "source_xml": st.just(LABELS["source_xml"]),
    },
)


def explode(number: int, record: Row) -> list[tuple[Row, bool]]:
    """Explode one record in plain Python. Return each row, and whether its time is invalid."""
    direct = times_of(record)
    dates = [
        item if isinstance(item, dict) else {"@date": item}
        for item in record.get("show_date", [None])
    ]
    own = [times_of(date) for date in dates]
    if direct and all(own):
        dates.append({})
        own.append(direct)
    return [
        (one_row(number, record, date, None if clock == ODD else clock), clock == ODD)
        for date, clocks in zip(dates, own, strict=True)
        for clock in clocks or direct or [None]
    ]


def times_of(node: Row) -> list[str]:
    values = node.get("showtimes")
    texts = [
        value.get("#text") if isinstance(value, dict) else value
        for value in (values if isinstance(values, list) else [values])
    ]
    return [clock for text in texts if text for clock in TIMES[text]]


def one_row(number: int, record: Row, date: Row, clock: str | None) -> Row:
    def nearest(name: str) -> Any:
        return date.get(name) or record.get(name)

    day = DATES.get(date.get("@date"))
    time = clock and datetime.time.fromisoformat(clock.strip("()"))
    extra = {"new": record.get("new"), "show_date/new": date.get("new")}
    for place, node in (("", record), ("show_date/", date)):
        if isinstance(node.get("showtimes"), dict):
            extra[f"{place}showtimes/@id"] = node["showtimes"]["@id"]
    row = {
        "record": number,
        "movie_id": {"1": 1, "201030": 201030}.get(record.get("movie_id")),
        "movie_name": record.get("movie_name"),
        "show_date": day,
        "show_time": time,
        "bargain": None if clock is None else clock[0] == "(",
        "starts_at": datetime.datetime.combine(day, time) if day and time else None,
        "show_passes": PASSES.get(nearest("show_passes")),
        "show_attributes": LISTS.get(nearest("show_attributes")),
        "show_with": nearest("show_with"),
        "extra": {path: text for path, text in extra.items() if text} or None,
        "source_xml": record.get("source_xml"),
    }
    return {name: value for name, value in row.items() if value is not None}


@examples(max_examples=400)
@given(records=st.lists(showing_records, max_size=5), first=st.integers(0, 10_000))
def test_rows_equal_those_of_plain_python(records, first):
    rows, problems = flatten(records, first)
    expected = [row for i, record in enumerate(records) for row in explode(first + i, record)]
    assert rows == [row for row, _ in expected]
    odd = sum(p.count for p in problems if (p.column, p.kind) == ("show_time", UNTYPED))
    assert odd == sum(is_odd for _, is_odd in expected)


@examples(max_examples=60)
@given(records=st.lists(showing_records, min_size=1, max_size=6), size=st.integers(1, 6))
def test_batches_of_any_size_give_the_same_rows_and_problems(records, size):
    whole, parts = ProblemCounter(), ProblemCounter()
    batches = [
        flatten_showings(records[start : start + size], SHOWINGS, parts, start)
        for start in range(0, len(records), size)
    ]
    assert pa.concat_tables(batches).to_pylist() == (
        flatten_showings(records, SHOWINGS, whole, 0).to_pylist()
    )
    assert parts.problems() == whole.problems()


NAMES = (
    "movie_id",
    "movie_name",
    "show_date",
    "showtimes",
    "show_attributes",
    "show_with",
    "release_date",
    "showtime",
    "country",
    "new",
)
# Places where a word cannot be typed, or where the show_date overrides its record.
SHOWN_OTHERWISE = {
    "movie_id",
    "release_date",
    "show_date",
    "show_date/@date",
    "show_date/showtimes",
    "showtimes",
    "show_attributes",
    "show_with",
}


@examples(max_examples=120)
@given(st.lists(tokens(SHOWINGS, NAMES), max_size=3))
def test_every_word_of_any_records_is_kept_in_their_rows(cases: list[Tokens]):
    rows, _ = flatten([case.record for case in cases])
    assert {row["record"] for row in rows} == set(range(len(cases)))
    lost = []
    for number, case in enumerate(cases):
        text = json.dumps([row for row in rows if row["record"] == number], default=str)
        found = set(re.findall(r"\bw\d+\b", text))
        lost += [
            (word, path)
            for word, path in case.places.items()
            if word not in found and path.removesuffix("/#text") not in SHOWN_OTHERWISE
        ]
    assert lost == []
