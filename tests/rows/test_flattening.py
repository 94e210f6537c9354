"""Each movie and theater becomes one typed row, and no content of the feed is lost."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.rows.flattening import flatten_records, text_of
from movielake.rows.problems import REPEATED, UNKNOWN, UNTYPED, Problem, ProblemCounter
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import table
from tests.feeds import without_nulls
from tests.strategies import ATTRIBUTES, LABELS, Tokens, examples, tokens

Row = dict[str, Any]


def flatten(records: list[Row], name: str = "movies") -> tuple[list[Row], tuple[Problem, ...]]:
    """Flatten records. Return the values that are not null, and the problems."""
    problems = ProblemCounter()
    rows = flatten_records(records, table(name), problems)
    assert rows.schema == table(name).arrow
    rows.validate(full=True)
    return without_nulls(rows), problems.problems()


def row_of(record: Row, name: str = "movies") -> Row:
    """Flatten one record without problems."""
    (row,), problems = flatten([record], name)
    assert problems == ()
    return row


# ---------------------------------------------------------------- whole rows


def test_a_movie_becomes_a_row():
    record = {
        "movie_id": "201030",
        "parent_id": "0",
        "title": "Frozen II",
        "rating": "PG",
        "advisory": None,
        "running_time": "103",
        "release_date": {"@id": "1", "@notes": "Limited", "#text": "November 22, 2019"},
        "release_dvd": "02/25/2020",
        "lang": "German",
        "synopsis": {"P": ["Two sisters.", "A journey."]},
        "genres": {"genre": ["Animation", "Family"]},
        "casts": {"cast": ["Anna Berg", None]},
        "director": ["Maria Lindt"],
        "pictures": {"photos": ["a.jpg"]},
        "hipictures": {"photos": ["b.jpg"]},
        "intl": [{"@country": "DEU", "intl_name": "Die Eiskönigin II", "intl_release": "20191120"}],
        **LABELS,
    }
    assert row_of(record) == {
        "movie_id": 201030,
        "parent_id": 0,
        "title": "Frozen II",
        "rating": "PG",
        "running_time": 103,
        "release_date": datetime.date(2019, 11, 22),
        "release_date_id": "1",
        "release_date_notes": "Limited",
        "release_dvd": datetime.date(2020, 2, 25),
        "lang": "German",
        "synopsis": "Two sisters.\nA journey.",
        "genre": ["Animation", "Family"],
        "cast": ["Anna Berg"],
        "director": ["Maria Lindt"],
        "photos": ["a.jpg"],
        "hiphotos": ["b.jpg"],
        "intl": [
            {
                "country": "DEU",
                "intl_name": "Die Eiskönigin II",
                "intl_cert": None,
                "intl_advisory": None,
                "intl_release": datetime.date(2019, 11, 20),
                "intl_poster": None,
            }
        ],
        "source_xml": LABELS["source_xml"],
    }


def test_a_theater_becomes_a_row():
    record = {
        "theater_id": "51011",
        "theater_name": "Cinestar Mitte",
        "theater_zip": "04109",
        "theater_phone": "(212)302-2505",
        "theater_attributes": "Stadium Seating, Wheelchair Accessible",
        "theater_ticketing": "Y",
        "theater_screens": "8",
        "theater_adult": "$13.00",
        "theater_child_bargain": "8,50",
        "theater_country": "DEU",
        "theater_chain": {"@id": "17", "#text": "Cinestar"},
        "theater_types": {"type": ["Multiplex"]},
        "theater_lat": "51.3397",
        "theater_lon": "-12.3731",
        **LABELS,
    }
    assert row_of(record, "theaters") == {
        "theater_id": 51011,
        "theater_name": "Cinestar Mitte",
        "theater_zip": "04109",
        "theater_phone": "(212)302-2505",
        "theater_attributes": ["Stadium Seating", "Wheelchair Accessible"],
        "theater_ticketing": True,
        "theater_screens": 8,
        "theater_adult": 13.0,
        "theater_child_bargain": 8.5,
        "theater_country": "DEU",
        "theater_chain": "Cinestar",
        "theater_chain_id": 17,
        "type": ["Multiplex"],
        "theater_lat": 51.3397,
        "theater_lon": -12.3731,
        "source_xml": LABELS["source_xml"],
    }


@pytest.mark.parametrize("name", ["movies", "theaters"])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_empty_records_become_rows_of_nulls(name, number):
    assert flatten([{}] * number, name) == ([{}] * number, ())


def test_rows_are_in_the_order_of_their_records():
    rows, _ = flatten([{"movie_id": str(number)} for number in range(1000)])
    assert [row["movie_id"] for row in rows] == list(range(1000))


@pytest.mark.parametrize("name", ["movies", "theaters"])
def test_a_batch_is_flattened_by_the_rule_of_its_table(name):
    key = table(name).key
    rows = flatten_batch([{key: "7"}], table(name), ProblemCounter(), first=5)
    assert rows[key].to_pylist() == [7]


# ---------------------------------------------------------------- lists


@pytest.mark.parametrize(
    ("record", "genres"),
    [
        ({"genre": ["A"]}, ["A"]),
        ({"genres": {"genre": ["A", "B"]}}, ["A", "B"]),
        ({"genres": {"genre": ["A"]}, "genre": ["B"]}, ["A", "B"]),
        ({"genre": ["B"], "genres": {"genre": ["A"]}}, ["A", "B"]),
        ({"genre": ["A", "A"]}, ["A", "A"]),
        ({"genre": [None, " A ", None]}, ["A"]),
        ({"genre": [None]}, None),
        ({"genre": [None, None], "genres": {"genre": [None]}}, None),
        ({"genres": None}, None),
        ({"genres": None, "genre": ["A"]}, ["A"]),
    ],
)
def test_wrapped_and_direct_lists_are_merged_without_empty_items(record, genres):
    assert row_of(record).get("genre") == genres


@pytest.mark.parametrize(
    ("column", "wrapper", "element"),
    [
        ("genre", "genres", "genre"),
        ("cast", "casts", "cast"),
        ("director", "directors", "director"),
        ("producer", "producers", "producer"),
        ("writer", "writers", "writer"),
        ("distributor", "distributors", "distributor"),
        ("photos", "pictures", "photos"),
        ("hiphotos", "hipictures", "photos"),
        ("hiphotos", "hipictures", "hiphotos"),
    ],
)
def test_every_list_is_read_wrapped_and_direct(column, wrapper, element):
    direct = "photos" if (column, element) == ("photos", "photos") else column
    record = {wrapper: {element: ["A", None, "B"]}, direct: ["C"]}
    assert row_of(record) == {column: ["A", "B", "C"]}


def test_a_repeated_wrapper_is_a_problem_and_all_items_are_kept():
    rows, problems = flatten([{"genres": [{"genre": ["A"]}, None, {"genre": ["B"]}]}])
    assert rows == [{"genre": ["A", "B"]}]
    assert [(p.column, p.kind, p.count) for p in problems] == [("genres", REPEATED, 1)]


def test_a_list_item_with_attributes_keeps_its_text():
    rows, problems = flatten([{"genre": [{"@id": "1", "#text": "A"}, "B"]}])
    assert rows == [{"genre": ["A", "B"], "extra": {"genre/@id": "1"}}]
    assert problems == (Problem("genre/@id", UNKNOWN, 1, "1"),)


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("Stadium, 3D", ["Stadium", "3D"]),
        (["Stadium", "3D, Cafe"], ["Stadium", "3D", "Cafe"]),
        ([None, "Stadium", None], ["Stadium"]),
        (" , ", None),
        (None, None),
    ],
)
def test_repeated_comma_lists_are_merged(value, items):
    rows, _ = flatten([{"theater_attributes": value}], "theaters")
    assert rows == [{"theater_attributes": items} if items else {}]


# ---------------------------------------------------------------- structs, markup


def test_intl_keeps_all_countries_and_types_their_dates():
    intl = [
        {"@country": "DEU", "intl_release": "11/20/2019"},
        None,
        {"@country": "FRA", "intl_release": "bientôt"},
        {"intl_name": "Frozen"},
    ]
    rows, problems = flatten([{}, {"intl": intl}, {"intl": [None]}])
    assert [[(s["country"], s["intl_release"]) for s in row.get("intl", [])] for row in rows] == [
        [],
        [("DEU", datetime.date(2019, 11, 20)), ("FRA", None), (None, None)],
        [],
    ]
    assert problems == (Problem("intl.intl_release", UNTYPED, 1, "bientôt"),)


@pytest.mark.parametrize(
    ("synopsis", "text"),
    [
        ("Two sisters.", "Two sisters."),
        ({"P": "Two sisters."}, "Two sisters."),
        ({"P": ["Two sisters.", None, "A journey."]}, "Two sisters.\nA journey."),
        ({"P": ["One.", {"B": "Two.", "#text": "Three."}], "#text": "Four."},
         "One.\nTwo.\nThree.\nFour."),
        ({"P": None}, None),
        (None, None),
    ],
)  # fmt: skip
def test_paragraphs_are_joined_with_line_ends(synopsis, text):
    assert row_of({"synopsis": synopsis, "review": synopsis}) == (
        {"synopsis": text, "review": text} if text else {}
    )


# ---------------------------------------------------------------- problems


def test_a_repeated_single_element_shows_the_first_text_and_keeps_all():
    rows, problems = flatten([{"title": ["Up", "Oben"]}, {"title": "Cars"}, {"title": [None, "B"]}])
    assert rows == [
        {"title": "Up", "extra": {"title": '["Up", "Oben"]'}},
        {"title": "Cars"},
        {"title": "B", "extra": {"title": '[null, "B"]'}},
    ]
    assert problems == (Problem("title", REPEATED, 2, '["Up", "Oben"]'),)


def test_repeated_release_dates_of_the_older_feed_are_kept():
    dates = [
        {"@id": "1", "@notes": "NY, LA", "#text": "July 05, 2013"},
        {"@id": "2", "@notes": "Wide", "#text": "July 12, 2013"},
    ]
    (row,), problems = flatten([{"release_date": dates}])
    assert row == {
        "release_date": datetime.date(2013, 7, 5),
        "release_date_id": "1",
        "release_date_notes": "NY, LA",
        "extra": {"release_date": json.dumps(dates)},
    }
    assert [(p.column, p.kind, p.count) for p in problems] == [("release_date", REPEATED, 1)]


def test_invalid_values_become_null_and_are_counted_over_all_records():
    rows, problems = flatten(
        [
            {"movie_id": "1", "running_time": "two hours", "release_date": "soon"},
            {"movie_id": "99999999999", "running_time": "n/a"},
            {"movie_id": "3", "running_time": "103"},
        ]
    )
    assert rows == [{"movie_id": 1}, {}, {"movie_id": 3, "running_time": 103}]
    assert problems == (
        Problem("movie_id", UNTYPED, 1, "99999999999"),
        Problem("release_date", UNTYPED, 1, "soon"),
        Problem("running_time", UNTYPED, 2, "two hours"),
    )


def test_a_ticketing_url_is_not_a_boolean():
    url = "https://tickets.example"
    rows, problems = flatten([{"theater_ticketing": url}], "theaters")
    assert (rows, problems) == ([{}], (Problem("theater_ticketing", UNTYPED, 1, url),))


@pytest.mark.parametrize(
    ("record", "extra"),
    [
        ({"new": "x"}, {"new": "x"}),
        ({"new": None}, {"new": None}),
        ({"new": ["x", None]}, {"new": '["x", null]'}),
        ({"new": {"a": "ü"}}, {"new": '{"a": "ü"}'}),
        ({"@version": "2"}, {"@version": "2"}),
        ({"#text": "x"}, {"#text": "x"}),
        ({"#country": "x"}, {"#country": "x"}),
        ({"title": {"@lang": "de", "#text": "Up"}}, {"title/@lang": "de"}),
        ({"title": {"b": "Up"}}, {"title/b": "Up"}),
        ({"genres": "none"}, {"genres/#text": "none"}),
        ({"genres": {"@total": "0"}}, {"genres/@total": "0"}),
        ({"genres": {"gerne": "A"}}, {"genres/gerne": "A"}),
        ({"genre": [{"name": "A"}]}, {"genre/name": "A"}),
        ({"genre": [{"name": "A"}, {"name": "B"}]}, {"genre/name": '["A", "B"]'}),
        ({"intl": ["none"]}, {"intl/#text": "none"}),
        ({"intl": [{"intl_nom": "A"}]}, {"intl/intl_nom": "A"}),
        ({"intl": [{"intl_name": {"@lang": "de"}}]}, {"intl/intl_name/@lang": "de"}),
        ({"synopsis": {"@lang": "de", "P": "A"}}, {"synopsis/@lang": "de"}),
        ({"showtimes": "13:20"}, {"showtimes": "13:20"}),
        ({"theater_id": "7"}, {"theater_id": "7"}),
        ({"movie": {"title": "A"}}, {"movie": '{"title": "A"}'}),
    ],
)
def test_unknown_content_is_kept_in_extra_and_counted(record, extra):
    (row,), problems = flatten([record])
    assert row["extra"] == extra
    assert {(p.column, p.kind) for p in problems} == {(path, UNKNOWN) for path in extra}


def test_attributes_of_paragraphs_are_kept_in_extra():
    synopsis = {"P": [{"@class": "first", "#text": "A"}, {"B": {"@x": "1", "#text": "B"}}]}
    (row,), problems = flatten([{"synopsis": synopsis}])
    assert row == {
        "synopsis": "A\nB",
        "extra": {"synopsis/P/@class": "first", "synopsis/P/B/@x": "1"},
    }
    assert [(p.column, p.kind) for p in problems] == [
        ("synopsis/P/@class", UNKNOWN),
        ("synopsis/P/B/@x", UNKNOWN),
    ]


def test_unknown_elements_are_counted_over_all_records_with_the_first_example():
    _, problems = flatten([{"new": "x" * 1000}, {}, {"new": "y"}])
    assert problems == (Problem("new", UNKNOWN, 2, "x" * 200),)


def test_labels_are_not_unknown_elements():
    (row,), problems = flatten([dict(LABELS)])
    assert (row, problems) == ({"source_xml": LABELS["source_xml"]}, ())


# ---------------------------------------------------------------- one text of a value


@pytest.mark.parametrize(
    ("value", "joiner", "text"),
    [
        (None, None, None),
        ("a", None, "a"),
        ({"@id": "1"}, None, None),
        ({"@id": "1", "#text": "a"}, None, "a"),
        ({"b": "x", "#text": "a"}, None, "a"),
        (["a", "b"], None, "a"),
        ([None, "b"], None, "b"),
        ([None, {"#text": "b"}], None, "b"),
        ([None, None], None, None),
        (["a", None, "b"], ",", "a,b"),
        ([{"@id": "1", "#text": "a"}, "b"], ",", "a,b"),
        ({"b": "x", "#text": "a"}, ",", "a"),
        ({"b": "x", "@id": "1", "#text": "a"}, "\n", "x\na"),
        ({"b": ["x", {"c": "y"}]}, "\n", "x\ny"),
    ],
)
def test_a_value_is_reduced_to_one_text(value, joiner, text):
    assert text_of(value, joiner) == text


# ---------------------------------------------------------------- any record

MOVIE_NAMES = (
    "title",
    "release_date",
    "running_time",
    "genres",
    "genre",
    "photos",
    "hipictures",
    "intl",
    "intl_name",
    "intl_release",
    "synopsis",
    "P",
    "movie",
    "country",
    "new",
)
THEATER_NAMES = (
    "theater_name",
    "theater_screens",
    "theater_chain",
    "theater_attributes",
    "theater_types",
    "type",
    "theater",
    "source_xml",
    "new",
)
NAMES = {"movies": MOVIE_NAMES, "theaters": THEATER_NAMES}

# Places where a word cannot be typed. By design it is null in Parquet and unchanged in JSON.
TYPED = {
    "movies": {"release_date", "running_time", "intl/intl_release"},
    "theaters": {"theater_screens", "theater_chain/@id"},
}


def words_of(value: Any) -> set[str]:
    """Collect the words of a row: of its columns, and of the JSON in its ``extra``."""
    if isinstance(value, dict):
        return words_of(list(value.values()))
    if isinstance(value, list | tuple):
        return {word for item in value for word in words_of(item)}
    if not isinstance(value, str):
        return set()
    if value[:1] in ("[", "{"):
        return words_of(json.loads(value))
    return set(value.split())


def without_text(path: str) -> str:
    return path.removesuffix("/#text")


@pytest.mark.parametrize("name", ["movies", "theaters"])
@examples(max_examples=120)
@given(data=st.data())
def test_every_word_of_any_records_is_kept(name, data):
    cases: list[Tokens] = data.draw(st.lists(tokens(table(name), NAMES[name]), max_size=3))
    rows, problems = flatten([case.record for case in cases], name)
    assert len(rows) == len(cases)
    lost = [
        (word, path)
        for case, row in zip(cases, rows, strict=True)
        for word, path in case.places.items()
        if word not in words_of(row) and without_text(path) not in TYPED[name]
    ]
    assert lost == []
    kept = {path for row in rows for path in row.get("extra", {})}
    assert kept >= {p.column for p in problems if p.kind == UNKNOWN}
    assert kept <= {p.column for p in problems if p.kind != UNTYPED}


@pytest.mark.parametrize("name", ["movies", "theaters"])
@examples(max_examples=50)
@given(data=st.data())
def test_batches_of_any_records_become_the_same_rows(name, data):
    cases = data.draw(st.lists(tokens(table(name), NAMES[name]), min_size=1, max_size=4))
    records = [case.record for case in cases]
    size = data.draw(st.integers(1, len(records)))
    whole, parts = ProblemCounter(), ProblemCounter()
    batches = [records[start : start + size] for start in range(0, len(records), size)]
    rows = [flatten_records(batch, table(name), parts) for batch in batches]
    assert pa.concat_tables(rows).to_pylist() == (
        flatten_records(records, table(name), whole).to_pylist()
    )
    assert parts.problems() == whole.problems()


def test_words_of_finds_every_word():  # checks the helper on a handmade row
    row = {"title": "w1", "genre": ["w2", "w3"], "extra": {"new": '[["w4"], "[\\"w5\\"]"]'}}
    assert words_of(row) == {"w1", "w2", "w3", "w4", "w5"}
    assert set(ATTRIBUTES) & words_of(row) == set()
