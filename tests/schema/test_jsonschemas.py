"""JSON Schema of the records: real records are valid, and broken records are invalid."""

from __future__ import annotations

import copy
import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from movielake.cli import main
from movielake.schema.jsonschemas import DIALECT, json_schema, json_schemas
from movielake.schema.tables import TABLES, table
from tests.feeds import all_records
from tests.strategies import LABELS, documents, examples, oracle

VALIDATORS = {name: Draft202012Validator(json_schema(table(name))) for name in TABLES}


@pytest.fixture(scope="module", params=TABLES)
def records(request, sample_lake):
    return request.param, all_records(sample_lake, table(request.param).letter)


def test_the_schemas_are_valid_schemas_of_their_dialect():
    for schema in (
        *(json_schema(table(name)) for name in TABLES),
        json_schemas(map(table, TABLES)),
    ):
        assert schema["$schema"] == DIALECT
        Draft202012Validator.check_schema(schema)


def test_records_of_a_lake_are_valid(records):
    name, found = records
    assert len(found) > 50
    for record in found:
        VALIDATORS[name].validate(record)


def test_records_of_a_lake_are_valid_against_the_schema_of_all_tables(records):
    validator = Draft202012Validator(json_schemas(map(table, TABLES)))
    for record in records[1][:50]:
        validator.validate(record)


@pytest.mark.parametrize("name", TABLES)
@examples(max_examples=60)
@given(data=st.data())
def test_records_of_any_document_are_valid(name, data):
    """The records are those of xmltodict, with repeatable elements as lists."""
    for record in oracle(data.draw(documents(table(name))), table(name))[1]:
        VALIDATORS[name].validate(record)


# --- invalid records


@pytest.mark.parametrize("key", LABELS)
def test_the_added_keys_are_required(records, key):
    name, found = records
    record = {k: v for k, v in found[0].items() if k != key}
    with pytest.raises(ValidationError, match=f"'{key}' is a required property"):
        VALIDATORS[name].validate(record)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("country", "DEU"),
        ("country", None),
        ("country", "de"),
        ("date_stamp", 20191206),
        ("date_stamp", "2019-12-06"),
        ("source_xml", "191206S.XML"),
        ("source_xml", ["20191206/deu/191206S.XML"]),
    ],
)
def test_the_added_keys_must_have_the_right_form(key, value):
    for validator in VALIDATORS.values():
        validator.validate(LABELS)
        assert not validator.is_valid(LABELS | {key: value})


REPEATABLE = {
    "movies": """genre genres/genre casts/cast directors/director producers/producer
        writers/writer distributors/distributor pictures/photos hipictures/photos hiphotos intl
        unheard_of/genre""",
    "theaters": "theater_types/type type unheard_of/type",
    "showings": "show_date unheard_of/show_date",
}


@pytest.mark.parametrize(
    ("name", "path"), [(name, p.split("/")) for name in TABLES for p in REPEATABLE[name].split()]
)
def test_a_repeatable_element_is_a_list_at_any_depth(name, path):
    *above, element = path

    def record(value):
        for parent in [element, *reversed(above)]:
            value = {parent: value}
        return LABELS | value

    valid = VALIDATORS[name].is_valid
    assert all(valid(record(value)) for value in (["a"], [None], ["a", "b"], [{"@id": "1"}]))
    assert not any(valid(record(value)) for value in ("a", None, {"@id": "1"}, [], [["a"]], [1]))


@pytest.mark.parametrize(
    "path", ["title", "running_time", "unheard_of", "intl_name", "release_date"]
)
def test_a_single_element_is_text_null_or_an_object(path):
    valid = VALIDATORS["movies"].is_valid
    fine = ("a", None, {"@id": "1"}, {"@id": "", "#text": "a"}, {"P": "a"}, {"P": ["a", None]})
    assert [value for value in fine if not valid(LABELS | {path: value})] == []
    odd = (7, 1.5, True, "", {}, {"@id": None}, {"@id": 1}, {"#text": None}, {"P": 1}, {"P": {}})
    assert [value for value in odd if valid(LABELS | {path: value})] == []


def test_a_single_element_is_a_list_only_where_it_repeats():
    valid = VALIDATORS["movies"].is_valid
    assert valid(LABELS | {"title": ["Up", None]})
    assert [
        v for v in ([], ["Up"], [["Up", "Down"], "x"], [1, 2]) if valid(LABELS | {"title": v})
    ] == []


def places(value, path=()):
    """List the paths of all values in a record, without the record itself."""
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, below in items:
        yield (*path, key), below
        yield from places(below, (*path, key))


@examples(max_examples=150)
@given(data=st.data())
def test_a_number_or_boolean_at_any_depth_is_refused(sample_lake, data):
    name = data.draw(st.sampled_from(TABLES))
    record = copy.deepcopy(
        data.draw(st.sampled_from(all_records(sample_lake, table(name).letter)[:50]))
    )
    *above, last = data.draw(st.sampled_from([path for path, _ in places(record)]))
    target = record
    for key in above:
        target = target[key]
    target[last] = data.draw(st.sampled_from([0, 7, 1.5, True, False]))
    assert not VALIDATORS[name].is_valid(record)


@examples(max_examples=80)
@given(data=st.data())
def test_a_repeatable_element_that_is_not_a_list_is_refused(sample_lake, data):
    name = data.draw(st.sampled_from(TABLES))
    record = copy.deepcopy(
        data.draw(st.sampled_from(all_records(sample_lake, table(name).letter)[:50]))
    )
    lists = [p for p, _ in places(record) if p[-1] in table(name).repeatable]
    if not lists:
        return
    *above, last = data.draw(st.sampled_from(lists))
    target = record
    for key in above:
        target = target[key]
    target[last] = target[last][0]
    assert not VALIDATORS[name].is_valid(record)


# --- the content from the tables' schemas


def described(schema, path=""):
    """List the paths of all described elements and attributes."""
    for name, below in (
        schema.get("properties") or schema.get("items", {}).get("properties", {})
    ).items():
        if "description" in below:
            yield f"{path}{name}"
        yield from described(below, f"{path}{name}/")


@pytest.mark.parametrize("name", TABLES)
def test_the_elements_of_the_schema_are_described_and_no_others(name):
    paths = {path for column in table(name).with_fields for path in column.paths}
    assert set(described(json_schema(table(name)))) == paths | set(LABELS)


def test_an_element_has_its_description_unit_and_example():
    properties = json_schema(table("movies"))["properties"]
    assert properties["running_time"] == {
        "$ref": "#/$defs/element",
        "description": "Running time. Unit: minutes.",
        "examples": ["103"],
    }
    assert properties["genres"]["properties"]["genre"]["examples"] == [["Animation"]]


def test_examples_are_valid():
    for name in TABLES:
        schema = json_schema(table(name))
        for element, about in schema["properties"].items():
            for example in about.get("examples", ()):
                VALIDATORS[name].validate(LABELS | {element: example})


# --- the command


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["schema", *arguments], prog_name="movielake")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_the_command_prints_one_table_or_all():
    assert json.loads(run("theaters", "--format", "json-schema")) == json_schema(table("theaters"))
    assert json.loads(run("--format", "json-schema")) == json_schemas(map(table, TABLES))
