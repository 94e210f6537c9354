"""Digests of rows: equal for any way to store the same values, different for any other values."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from movielake.lake.digests import RowsDigest
from movielake.lake.partdigests import digests_of_parts
from movielake.schema.tables import TABLES
from movielake.schema.tables import table as read_table
from tests.strategies import examples

TYPES: dict[str, pa.DataType] = {
    "id": pa.int32(),
    "title": pa.string(),
    "day": pa.date32(),
    "time": pa.time64("us"),
    "starts": pa.timestamp("ms"),
    "price": pa.float64(),
    "bargain": pa.bool_(),
    "genre": pa.list_(pa.string()),
    "extra": pa.map_(pa.string(), pa.string()),
    "cast": pa.list_(pa.struct([("name", pa.string()), ("age", pa.int32())])),
}

texts = st.text("aé映", max_size=3)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(-(2**31), 2**31 - 1),
    "title": texts,
    "day": st.dates(),
    "time": st.times(),
    "starts": st.datetimes().map(lambda time: time.replace(microsecond=123000)),
    "price": st.floats(allow_nan=False),
    "bargain": st.booleans(),
    "genre": st.lists(st.none() | texts, max_size=3),
    "extra": st.lists(st.tuples(texts, st.none() | texts), max_size=2),
    "cast": st.lists(
        st.none() | st.builds(lambda name, age: {"name": name, "age": age}, texts, st.just(7)),
        max_size=2,
    ),
}
NAMES = sorted(TYPES)

records = st.lists(
    st.fixed_dictionaries({name: st.none() | VALUES[name] for name in NAMES}), max_size=6
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema([(name, TYPES[name]) for name in NAMES]))


def digest(*parts: pa.Table) -> str:
    whole = RowsDigest()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()


def cut(rows: pa.Table, places: list[int]) -> Iterator[pa.Table]:
    edges = sorted({0, rows.num_rows, *(place for place in places if place <= rows.num_rows)})
    yield from (rows.slice(start, end - start) for start, end in pairwise(edges))


def coded(rows: pa.Table, extra: list[str]) -> pa.Table:
    """Dictionary-code the titles, with values in the dictionary that no row has."""
    column = rows["title"].combine_chunks()
    values = pa.array([*extra, *column.drop_null().unique().to_pylist()], pa.string())
    codes = pa.DictionaryArray.from_arrays(pc.index_in(column, values), values)
    return rows.set_column(NAMES.index("title"), "title", codes)


@examples()
@given(rows=records, places=st.lists(st.integers(0, 6), max_size=4))
def test_the_digest_does_not_depend_on_slices(rows, places):
    whole = table(rows)
    padded = table([*rows, *rows, *rows]).slice(len(rows), len(rows))
    assert digest(whole) == digest(*cut(whole, places)) == digest(*cut(padded, places))
    assert digest(whole) == digest(pa.concat_tables([whole.slice(0, 0), *cut(whole, places)]))


@examples()
@given(rows=records, places=st.lists(st.integers(0, 6), max_size=4), again=st.integers(1, 2))
def test_digests_of_parts_are_those_of_each_part_alone(rows, places, again):
    whole = pa.concat_tables([table(rows)] * again)
    edges = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    alone = [digest(whole.slice(start, end - start)) for start, end in pairwise(edges)]
    assert digests_of_parts(whole, edges) == alone


@examples()
@given(rows=records, extra=st.lists(texts, max_size=2, unique=True), place=st.integers(0, 6))
def test_the_digest_does_not_depend_on_dictionaries_or_on_the_order_of_columns(rows, extra, place):
    whole = table(rows)
    assert digest(coded(whole, extra)) == digest(*cut(coded(whole, extra), [place]))
    assert digest(coded(whole, extra)) == digest(whole)
    assert digest(whole.select(NAMES[::-1])) == digest(whole)


@examples()
@given(rows=records, place=st.integers(1, 6))
def test_the_digest_does_not_depend_on_row_groups_and_encodings(rows, place):
    sink = pa.BufferOutputStream()
    pq.write_table(table(rows), sink, row_group_size=place, use_dictionary=place % 2 == 0)
    file = pq.ParquetFile(pa.BufferReader(sink.getvalue()), read_dictionary=["title"])
    groups = [file.read_row_group(number) for number in range(file.num_row_groups)]
    assert digest(*groups) == digest(table(rows))


@examples()
@given(rows=records.filter(len), data=st.data())
def test_any_other_value_or_null_has_another_digest(rows, data):
    number, name = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(NAMES))
    other = data.draw(st.none() | VALUES[name])
    changed = [*rows[:number], rows[number] | {name: other}, *rows[number + 1 :]]
    assume(table(changed).to_pylist() != table(rows).to_pylist())
    assert digest(table(changed)) != digest(table(rows))


@examples()
@given(rows=records, data=st.data())
def test_another_order_or_number_of_rows_has_another_digest(rows, data):
    others = data.draw(st.permutations(rows) | st.just(rows[:-1]) | st.just([*rows, *rows]))
    assume(table(others).to_pylist() != table(rows).to_pylist())
    assert digest(table(others)) != digest(table(rows))


@pytest.mark.parametrize(
    ("rows", "others"),
    [
        ([{"title": "ab"}, {"title": "c"}], [{"title": "a"}, {"title": "bc"}]),
        ([{"title": ""}], [{"title": None}]),
        ([{"genre": []}], [{"genre": None}]),
        ([{"genre": [None]}], [{"genre": []}]),
        ([{"genre": ["a"]}, {"genre": ["b"]}], [{"genre": ["a", "b"]}, {"genre": []}]),
        ([{"cast": [None]}], [{"cast": [{"name": None, "age": None}]}]),
        ([{"extra": [("a", "b")]}], [{"extra": [("b", "a")]}]),
        ([{"bargain": False}], [{"bargain": None}]),
        ([{"price": 0.0}], [{"price": -0.0}]),
        ([{"id": 0}, {"id": None}], [{"id": None}, {"id": 0}]),
        ([{"title": "1"}], [{"genre": ["1"]}]),
        ([{"day": datetime.date(1970, 1, 2)}], [{"id": 1}]),
    ],
)
def test_values_that_look_alike_have_other_digests(rows, others):
    assert digest(table(rows)) != digest(table(others))


def test_every_type_of_the_schemas_is_tested():
    used = {str(column.arrow) for name in TABLES for column in read_table(name).columns}
    plain = {str(type_) for type_ in TYPES.values()}
    assert {type_ for type_ in used if not type_.startswith(("list<", "map<"))} <= plain
