"""The data dictionary: every fact of a schema, as text and as Markdown."""

from __future__ import annotations

import re

import pytest

from movielake.schema.dictionary import markdown_dictionary, text_dictionary
from movielake.schema.tables import TABLES, Column, Table, table

FILMS = Table(
    name="films",
    root="films",
    record="film",
    letter="F",
    description="Films: one row each.",
    columns=(
        Column("film_id", "int32", "Identifies it.", "7", paths=("film_id",), key=True),
        Column("parent", "int32", "Base film.", "6", paths=("parent",), references="films"),
        Column("length", "float64", "Length.", "1.5", unit="hours", paths=("length",)),
        Column("opens", "date", "First day.", "2019-12-06", paths=("opens/@date", "opens")),
        Column("genre", "list", "A|B.", "a|b", paths=("genres/genre", "genre"), repeatable=True),
        Column(
            "intl",
            "structs",
            "By country.",
            "(see its fields)",
            paths=("intl",),
            repeatable=True,
            field=(
                Column("country", "string", "Where.", "DEU", paths=("@country",)),
                Column("opens", "date", "First day there.", "", unit="day", paths=("opens",)),
            ),
        ),
        Column("extra", "map", "The rest.", "{}"),
        Column("stamp", "string", "Week.", "20191206", partition=True),
    ),
)

TEXT = """\
films: Films: one row each.
  <films><film>

film_id: int32 (key)
    Identifies it.
    from film_id, as in '7'
parent: int32 (refers to films)
    Base film.
    from parent, as in '6'
length: double [hours]
    Length.
    from length, as in '1.5'
opens: date32
    First day.
    from opens/@date, opens, as in '2019-12-06'
genre: list<string> (always a list in JSON)
    A|B.
    from genres/genre, genre, as in 'a|b'
intl: list<struct> (always a list in JSON)
    By country.
    from intl, as in '(see its fields)'
intl.country: string
    Where.
    from intl/@country, as in 'DEU'
intl.opens: date32 [day]
    First day there.
    from intl/opens, as in ''
extra: map<string, string>
    The rest.
stamp: string (partition key)
    Week.
"""

MARKDOWN = """\
## films

Films: one row each.

Root element `films`, record element `film`.

| column | type | unit | element | description | example |
| --- | --- | --- | --- | --- | --- |
| `film_id` | `int32` |  | `film_id` | Identifies it. (key) | `7` |
| `parent` | `int32` |  | `parent` | Base film. (refers to films) | `6` |
| `length` | `double` | hours | `length` | Length. | `1.5` |
| `opens` | `date32` |  | `opens/@date`, `opens` | First day. | `2019-12-06` |
| `genre` | `list<string>` |  | `genres/genre`, `genre` | A\\|B. (always a list in JSON) | `a\\|b` |
| `intl` | `list<struct>` |  | `intl` | By country. (always a list in JSON) | `(see its fields)` |
| `intl.country` | `string` |  | `intl/@country` | Where. | `DEU` |
| `intl.opens` | `date32` | day | `intl/opens` | First day there. |  |
| `extra` | `map<string, string>` |  | derived | The rest. | `{}` |
| `stamp` | `string` |  | derived | Week. (partition key) | `20191206` |
"""


def test_text_of_a_table():
    assert text_dictionary(FILMS) == TEXT


def test_markdown_of_a_table():
    assert markdown_dictionary(FILMS) == MARKDOWN


def names(name: str) -> list[str]:
    """List the columns in their order. The fields of a structs column follow it."""
    return [
        full
        for c in table(name).columns
        for full in (c.name, *(f"{c.name}.{f.name}" for f in c.field))
    ]


@pytest.mark.parametrize("name", TABLES)
def test_text_lists_every_column_in_order(name):
    assert re.findall(r"^(\S+): ", text_dictionary(table(name)), re.M)[1:] == names(name)


@pytest.mark.parametrize("name", TABLES)
def test_markdown_lists_every_column_in_order(name):
    assert re.findall(r"^\| `(\S+)` \| `", markdown_dictionary(table(name)), re.M) == names(name)


@pytest.mark.parametrize("name", TABLES)
def test_markdown_rows_have_six_cells(name):
    rows = [line for line in markdown_dictionary(table(name)).splitlines() if line[:1] == "|"]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {8}
    assert len(rows) == len(names(name)) + 2


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("describe", [text_dictionary, markdown_dictionary])
def test_the_dictionary_contains_every_fact_of_the_schema(name, describe):
    text = describe(table(name))
    facts = [table(name).description, table(name).root, table(name).record]
    for column in (*table(name).columns, *(f for c in table(name).columns for f in c.field)):
        facts += [column.description, column.unit]
    assert [fact for fact in facts if fact not in text] == []
