"""Counts by codes, compared with plain Python."""

from __future__ import annotations

import datetime
from collections import Counter
from math import prod
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.reading.codes import count, count_distinct, encode
from tests.strategies import examples

MOST = 1 << 22
"""Most combinations that are counted by codes."""

VALUES = {
    "narrow": (pa.int32(), st.integers(7, 12)),
    "wide": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "days": (pa.date32(), st.dates(datetime.date(2019, 12, 1), datetime.date(2020, 1, 9))),
    "minutes": (
        pa.time64("us"),
        st.integers(0, 1439).map(lambda m: datetime.time(m // 60, m % 60)),
    ),
    "seconds": (pa.time64("us"), st.times()),
    "texts": (pa.string(), st.sampled_from(["", "a", "é", "München"])),
    "booleans": (pa.bool_(), st.booleans()),
    "numbers": (pa.float64(), st.sampled_from([0.5, 1.5, -2.0])),
}


@st.composite
def columns(draw: st.DrawFn, kind: str, size: int) -> pa.ChunkedArray:
    """A column in two chunks, plain or dictionary-coded, with nulls."""
    type_, values = VALUES[kind]
    cells = draw(st.lists(st.none() | values, min_size=size, max_size=size))
    cut = draw(st.integers(0, size))
    chunks = [pa.array(cells[:cut], type_), pa.array(cells[cut:], type_)]
    if draw(st.booleans()):  # a dictionary for each chunk, as in row groups
        chunks = [chunk.dictionary_encode() for chunk in chunks]
    return pa.chunked_array(chunks)


@pytest.mark.parametrize("kind", VALUES)
@examples()
@given(st.data())
def test_codes_stand_for_their_values(kind: str, data: st.DataObject) -> None:
    column = data.draw(columns(kind, data.draw(st.integers(0, 12))))
    codes = encode("it", column)
    assert codes.values["it"].take(pa.array(codes.numbers - codes.low)).to_pylist() == plain(column)


@examples()
@given(st.data())
def test_counts_are_those_of_plain_python(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 12))
    kinds = data.draw(st.lists(st.sampled_from([*VALUES]), min_size=1, max_size=3))
    cells = [data.draw(columns(kind, size)) for kind in kinds]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), bool)
    codes = [encode(str(number), column) for number, column in enumerate(cells)]
    rows = [
        row for row, kept in zip(zip(*map(plain, cells), strict=True), mask, strict=True) if kept
    ]
    counts = count(codes, mask)
    # Few rows can still have many codes: integers are coded by subtraction of the least one.
    assert (counts is None) == (prod(map(len, codes)) > MOST)
    if counts is None:
        return
    *keys, numbers = counts.to_pydict().values()
    assert dict(zip(zip(*keys, strict=True), numbers, strict=True)) == Counter(rows)
    distinct = {(row[:-1], row[-1]) for row in rows if row[-1] is not None}
    if len(codes) > 1:
        values = count_distinct(codes[:-1], codes[-1], mask)
        assert values is not None
        *keys, numbers = values.to_pydict().values()
        expected = Counter(key for key, _ in distinct)
        assert dict(zip(zip(*keys, strict=True), numbers, strict=True)) == expected


@pytest.mark.parametrize("seconds", [1, 4, 64])  # 4 s and 64 s are multiples of 256 µs
def test_a_time_between_two_minutes_is_itself(seconds: int) -> None:
    times = [datetime.time(13, 20), datetime.time(13, 20 + seconds // 60, seconds % 60)]
    codes = encode("it", pa.chunked_array([times], pa.time64("us")))
    assert codes.values["it"].take(pa.array(codes.numbers - codes.low)).to_pylist() == times


def test_runs_of_a_value_are_counted_like_single_values() -> None:
    ids = np.repeat(np.arange(100, 200, dtype=np.int32), 3000)  # several blocks
    kept = np.arange(len(ids)) % 7 > 0
    counts = count([encode("id", pa.chunked_array([ids[:70_000], ids[70_000:]]))], kept)
    assert counts is not None
    assert dict(zip(*counts.to_pydict().values(), strict=True)) == Counter(ids[kept].tolist())


def test_too_many_combinations_are_left_to_the_caller() -> None:
    column = encode("id", pa.chunked_array([np.arange(3000)]))
    assert count([column, column]) is None
    assert count_distinct([column, column], column) is None


def plain(column: pa.ChunkedArray) -> list[Any]:
    """Return the cells of a column."""
    return [cell for chunk in column.chunks for cell in chunk.to_pylist()]
