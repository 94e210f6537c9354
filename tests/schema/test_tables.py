"""The tables' schemas against the description of the feed, the design, and the shipped schemas.

``python -m tests.schema.test_tables`` writes ``data/schema.txt`` again, the schemas of a format.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from movielake.rows.problems import ProblemCounter
from movielake.rows.values import typed
from movielake.schema.tables import FORMAT, TABLES, Column, shipped_folder, table, table_of_root

SHIPPED = Path(__file__).parent / "data" / "schema.txt"

# Every known element of the feed: its path in the record, and its column. This list is written by
# hand from the description of the feed, not from the schema files.
SHOWING_ELEMENTS = """
    movie_name                  movie_name
    movie_id                    movie_id
    theater_id                  theater_id
    show_date/@date             show_date
    show_date                   show_date
    show_date/showtimes         show_time
    showtimes                   show_time
    show_date/show_attributes   show_attributes
    show_date/show_comments     show_comments
    show_date/show_passes       show_passes
    show_date/show_festival     show_festival
    show_date/show_with         show_with
    show_date/show_sound        show_sound
    movie_cnname                movie_cnname
    theater_name                theater_name
    theater_cnname              theater_cnname
    theater_province            theater_province
    theater_city                theater_city
    theater_area                theater_area
    release_date                release_date
"""
THEATER_ELEMENTS = """
    theater_id                  theater_id
    theater_name                theater_name
    theater_address             theater_address
    theater_city                theater_city
    theater_state               theater_state
    theater_zip                 theater_zip
    theater_phone               theater_phone
    theater_attributes          theater_attributes
    theater_ticketing           theater_ticketing
    theater_closed_reason       theater_closed_reason
    theater_area                theater_area
    theater_location            theater_location
    theater_market              theater_market
    theater_screens             theater_screens
    theater_seating             theater_seating
    theater_adult               theater_adult
    theater_child               theater_child
    theater_senior              theater_senior
    theater_adult_bargain       theater_adult_bargain
    theater_child_bargain       theater_child_bargain
    theater_senior_bargain      theater_senior_bargain
    theater_special_bargain     theater_special_bargain
    theater_adult_super         theater_adult_super
    theater_child_super         theater_child_super
    theater_senior_super        theater_senior_super
    theater_price_comment       theater_price_comment
    theater_extra               theater_extra
    theater_desc                theater_desc
    theater_sound               theater_sound
    theater_country             theater_country
    theater_county              theater_county
    theater_url                 theater_url
    theater_chain               theater_chain
    theater_chain/@id           theater_chain_id
    theater_types/type          type
    theater_lat                 theater_lat
    theater_lon                 theater_lon
"""
MOVIE_ELEMENTS = """
    movie_id                    movie_id
    parent_id                   parent_id
    title                       title
    rating                      rating
    advisory                    advisory
    running_time                running_time
    release_date                release_date
    release_date/@id            release_date_id
    release_date/@notes         release_date_notes
    release_notes               release_notes
    release_dvd                 release_dvd
    official_site               official_site
    lang                        lang
    stars                       stars
    review                      review
    synopsis                    synopsis
    genres/genre                genre
    genre                       genre
    cast                        cast
    director                    director
    producer                    producer
    writer                      writer
    distributor                 distributor
    pictures/photos             photos
    photos                      photos
    hipictures/photos           hiphotos
    hiphotos                    hiphotos
    intl                        intl
    intl/@country               intl.country
    intl/intl_name              intl.intl_name
    intl/intl_cert              intl.intl_cert
    intl/intl_advisory          intl.intl_advisory
    intl/intl_release           intl.intl_release
    intl/intl_poster            intl.intl_poster
"""
ELEMENTS = [
    (name, *line.split())
    for name, lines in (
        ("showings", SHOWING_ELEMENTS),
        ("theaters", THEATER_ELEMENTS),
        ("movies", MOVIE_ELEMENTS),
    )
    for line in lines.strip().splitlines()
]

TYPES = {
    pa.int32(): """movies.movie_id movies.parent_id movies.running_time showings.record
        showings.movie_id showings.theater_id theaters.theater_id theaters.theater_screens
        theaters.theater_chain_id""",
    pa.date32(): "movies.release_date movies.release_dvd showings.show_date showings.release_date",
    pa.time64("us"): "showings.show_time",
    pa.timestamp("ms"): "showings.starts_at",
    pa.bool_(): """showings.bargain showings.show_passes showings.show_festival
        theaters.theater_ticketing""",
    pa.float64(): """theaters.theater_lat theaters.theater_lon theaters.theater_adult
        theaters.theater_child theaters.theater_senior theaters.theater_adult_bargain
        theaters.theater_child_bargain theaters.theater_senior_bargain
        theaters.theater_special_bargain theaters.theater_adult_super theaters.theater_child_super
        theaters.theater_senior_super""",
    pa.list_(pa.string()): """movies.genre movies.cast movies.director movies.producer
        movies.writer movies.distributor movies.photos movies.hiphotos theaters.type
        theaters.theater_attributes showings.show_attributes showings.show_comments""",
    pa.map_(pa.string(), pa.string()): "movies.extra theaters.extra showings.extra",
    pa.list_(
        pa.struct(
            [
                ("country", pa.string()),
                ("intl_name", pa.string()),
                ("intl_cert", pa.string()),
                ("intl_advisory", pa.string()),
                ("intl_release", pa.date32()),
                ("intl_poster", pa.string()),
            ]
        )
    ): "movies.intl",
}

COLUMNS = [(name, column) for name in TABLES for column in table(name).columns]
FIELDS = [("movies", field) for field in table("movies")["intl"].field]


def label(value: object) -> str | None:
    return value.name if isinstance(value, Column) else None


# ---------------------------------------------------------------- columns


@pytest.mark.parametrize(("name", "path", "column"), ELEMENTS)
def test_every_known_element_fills_its_column(name, path, column):
    parent, _, field = column.partition(".")
    found = table(name)[parent]
    if field:
        found = next(f for f in found.field if f.name == field)
        path = path.removeprefix("intl/")
    assert path in found.paths


def test_an_element_fills_only_one_column():
    for name in TABLES:
        paths = [path for column in table(name).columns for path in column.paths]
        assert len(paths) == len(set(paths))


def test_column_names_are_unique_and_the_partition_keys_come_last():
    for name in TABLES:
        names = [column.name for column in table(name).columns]
        assert len(names) == len(set(names))
        assert names[-4:] == ["extra", "source_xml", "date_stamp", "country"]


def test_derived_columns_are_those_of_the_design():
    derived = {f"{name}.{c.name}" for name, c in COLUMNS if not c.paths}
    common = {f"{name}.{c}" for name in TABLES for c in table(name).arrow.names[-2:]}
    common |= {f"{name}.{c}" for name in TABLES for c in ("date_stamp", "country")}
    assert derived == common | {"showings.record", "showings.bargain", "showings.starts_at"}


def test_repeatable_elements():
    repeatable = {name: table(name).repeatable for name in TABLES}
    assert repeatable == {
        "showings": {"show_date"},
        "theaters": {"type"},
        "movies": {
            "genre",
            "cast",
            "director",
            "producer",
            "writer",
            "distributor",
            "photos",
            "hiphotos",
            "intl",
        },
    }


@pytest.mark.parametrize(("name", "column"), COLUMNS, ids=label)
def test_arrow_types(name, column):
    wanted = [type_ for type_, names in TYPES.items() if f"{name}.{column.name}" in names.split()]
    assert [column.arrow] == (wanted or [pa.string()])


def test_every_expected_type_is_for_an_existing_column():
    names = {f"{name}.{column.name}" for name, column in COLUMNS}
    assert [n for names_ in TYPES.values() for n in names_.split() if n not in names] == []


@pytest.mark.parametrize("name", TABLES)
def test_arrow_schema_has_all_columns_but_the_partition_keys(name):
    assert table(name).arrow == pa.schema(
        [
            (column.name, column.arrow)
            for column in table(name).columns
            if column.name not in ("date_stamp", "country")
        ]
    )


@pytest.mark.parametrize(
    ("name", "root", "record", "letter", "key", "references"),
    [
        ("movies", "movies", "movie", "I", "movie_id", {}),
        ("theaters", "houses", "theater", "T", "theater_id", {}),
        (
            "showings",
            "times",
            "showtime",
            "S",
            None,
            {"movie_id": "movies", "theater_id": "theaters"},
        ),
    ],
)
def test_tables(name, root, record, letter, key, references):
    t = table(name)
    assert (t.name, t.root, t.record, t.letter, t.key) == (name, root, record, letter, key)
    assert {c.name: c.references for c in t.columns if c.references} == references
    assert [c.name for c in t.columns if c.partition] == ["date_stamp", "country"]
    assert table_of_root(root) is t
    assert table(name) is t  # read once


def test_list_separators():
    separators = {c.name: c.separator for _, c in COLUMNS if c.separator}
    assert separators == {"theater_attributes": ",", "show_attributes": ",", "show_comments": ";"}


@pytest.mark.parametrize(
    ("paths", "elements"),
    [
        ((), ()),
        (("title",), ("title",)),
        (("genres/genre", "genre"), ("genre",)),
        (("show_date/@date", "show_date"), ("show_date",)),
        (("theater_chain/@id",), ("theater_chain",)),
        (("hipictures/photos", "hiphotos"), ("photos", "hiphotos")),
    ],
)
def test_elements_of_a_column(paths, elements):
    assert Column("a", "string", "", "", paths=paths).elements == elements


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("name", ["", "movie", "Movies", "../movies", "times"])
def test_the_message_for_an_unknown_table_lists_the_tables(name):
    with pytest.raises(ValueError, match=r"movies, theaters, showings, found '") as raised:
        table(name)
    assert repr(name) in str(raised.value)


def test_the_message_for_an_unknown_column_lists_the_columns():
    with pytest.raises(KeyError, match=r"found 'theater'; its columns are \['movie_id', 'pa"):
        table("movies")["theater"]


@pytest.mark.parametrize("root", ["", "movie", "Times", "showings", "x:times"])
def test_an_unknown_root_has_no_table(root):
    assert table_of_root(root) is None


@pytest.mark.parametrize("name", ["schemas", "jobs"])
def test_shipped_folders_are_found(name):
    assert shipped_folder(name).is_dir()


def test_a_missing_folder_asks_for_a_new_installation():
    message = r"expected a folder 'absent' .* found no such folder; reinstall movielake"
    with pytest.raises(FileNotFoundError, match=message):
        shipped_folder("absent")


# ---------------------------------------------------------------- documentation


@pytest.mark.parametrize(("name", "column"), COLUMNS + FIELDS, ids=label)
def test_every_column_is_described(name, column):
    assert column.description.endswith(".")
    assert column.description == " ".join(column.description.split())


@pytest.mark.parametrize(("name", "column"), COLUMNS + FIELDS, ids=label)
def test_every_column_has_an_example(name, column):
    assert column.example


ONE_TEXT = ("string", "markup", "int32", "float64", "price", "date", "boolean")


@pytest.mark.parametrize(
    "column", [c for _, c in COLUMNS + FIELDS if c.paths and c.type in ONE_TEXT], ids=label
)
def test_every_example_converts_to_the_type_of_its_column(column):
    assert typed(pa.array([column.example]), column, ProblemCounter())[0].is_valid


def test_quantities_have_units_and_other_columns_have_none():
    units = {f"{name}.{c.name}": c.unit for name, c in COLUMNS + FIELDS if c.unit}
    prices = [name for name in TYPES[pa.float64()].split() if name[-3:] not in ("lat", "lon")]
    assert units == {
        "movies.running_time": "minutes",
        "movies.release_date": "day",
        "movies.release_dvd": "day",
        "movies.intl_release": "day",
        "theaters.theater_screens": "screens",
        "theaters.theater_lat": "degrees north, WGS 84",
        "theaters.theater_lon": "degrees east, WGS 84",
        "showings.show_date": "day, local to the theater",
        "showings.show_time": "time of day, local to the theater",
        "showings.starts_at": "local date and time, no time zone",
        "showings.release_date": "day",
        **dict.fromkeys(prices, "local currency"),
    }


# ---------------------------------------------------------------- the format


def schemas_as_text() -> str:
    """Write every fact that decides the form of records and rows, without the descriptions."""
    lines = [f"format {FORMAT}"]
    for name in TABLES:
        t = table(name)
        lines += ["", f"{name}: <{t.root}><{t.record}> {t.letter}"]
        for column in t.with_fields:
            lines += as_text(column)
    return "\n".join(lines) + "\n"


def as_text(column: Column) -> list[str]:
    marks = ("repeatable", "key", "partition")
    facts = {
        "from": ", ".join(column.paths),
        "unit": column.unit,
        "separator": column.separator,
        "references": column.references,
        "is": ", ".join(mark for mark in marks if getattr(column, mark)),
    }
    shown = [f"        {fact} {value}" for fact, value in facts.items() if value]
    return [f"    {column.name}: {column.type}, {column.arrow}", *shown]


def test_a_schema_changes_only_with_the_format():
    shipped = SHIPPED.read_text("utf-8")
    if shipped.split("\n")[0] == f"format {FORMAT}":
        advice = "raise FORMAT in schema/tables.py: lakes of this format have the old schemas"
    else:
        advice = "the format is new"
    message = f"{advice}; then run: python -m tests.schema.test_tables, and commit {SHIPPED.name}"
    assert schemas_as_text() == shipped, message


HARMLESS = ("description", "example", "field")  # each field has its own entry


@pytest.mark.parametrize(
    "fact", [f.name for f in dataclasses.fields(Column) if f.name not in HARMLESS]
)
def test_every_fact_that_decides_records_and_rows_is_in_the_shipped_file(fact):
    """A new fact of a column must be in `as_text` or in `HARMLESS`."""
    column = Column("a", "int32", "", "", paths=("a",))
    others = {"name": "b", "type": "int64", "paths": ("b",)}
    value = others.get(fact, True if getattr(column, fact) is False else "x")
    changed = dataclasses.replace(column, **{fact: value})
    assert as_text(column) != as_text(changed)


def write_schemas() -> int:
    """Write the file again, but never replace other schemas of the same format."""
    text = schemas_as_text()
    shipped = SHIPPED.read_text("utf-8") if SHIPPED.exists() else ""
    if shipped.split("\n")[0] == f"format {FORMAT}" and shipped != text:
        print(f"{SHIPPED.name} has other schemas of format {FORMAT}: raise FORMAT")
        return 1
    SHIPPED.parent.mkdir(exist_ok=True)
    SHIPPED.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(write_schemas())
