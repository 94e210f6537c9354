"""Positions of ids in another table, compared with dictionaries of plain Python."""

from __future__ import annotations

from itertools import groupby

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.joining.positions import find_positions, merge_runs
from tests.strategies import examples

NARROW = st.integers(100, 130)
ANY = st.integers(-(2**31), 2**31 - 1)
IDS = st.lists(st.none() | NARROW, max_size=30) | st.lists(st.none() | ANY, max_size=30)
PARTITIONS = st.lists(st.tuples(IDS, IDS), min_size=1, max_size=4)


def in_plain_python(ids: list[list[int | None]], known: list[list[int | None]]) -> list[int]:
    """Find each id of a partition by a dictionary, in which the last of equal ids stays."""
    found, start = [], 0
    for sought, given_ids in zip(ids, known, strict=True):
        places = {id_: start + place for place, id_ in enumerate(given_ids) if id_ is not None}
        found += [places.get(id_, -1) for id_ in sought]
        start += len(given_ids)
    return found


def together(partitions: list[list[int | None]]) -> pa.ChunkedArray:
    """Return the ids of all partitions in two chunks."""
    ids = [id_ for partition in partitions for id_ in partition]
    middle = len(ids) // 2
    return pa.chunked_array([ids[:middle], ids[middle:]], pa.int32())


@examples()
@given(PARTITIONS)
def test_positions_are_those_of_plain_python(
    partitions: list[tuple[list[int | None], list[int | None]]],
) -> None:
    ids, known = ([pair[side] for pair in partitions] for side in (0, 1))
    found = find_positions(together(ids), [*map(len, ids)], together(known), [*map(len, known)])
    assert found.tolist() == in_plain_python(ids, known)


@pytest.mark.parametrize("far", [5, 2**30])
def test_ids_near_and_far_give_the_same_positions(far: int) -> None:
    """Ids far apart are looked up by a hash."""
    ids = together([[far, 1, None, 2, far + 1]])
    known = together([[1, far, 1, None]])
    assert find_positions(ids, [5], known, [4]).tolist() == [1, 2, -1, -1, -1]


FEW = st.none() | st.integers(-1, 1)
FILES = st.lists(st.lists(st.tuples(FEW, FEW), max_size=8), max_size=4)


@examples()
@given(FILES)
def test_runs_are_those_of_plain_python(
    files: list[list[tuple[int | None, int | None]]],
) -> None:
    rows = [row for file in files for row in file]
    names = ("movie_id", "theater_id")
    columns = {n: together([[row[i] for row in rows]]) for i, n in enumerate(names)}
    expected = [[(row, len([*run])) for row, run in groupby(file)] for file in files]
    runs, lengths, weights = merge_runs(pa.table(columns), [len(file) for file in files])
    found = zip(zip(*(runs[name].to_pylist() for name in names), strict=True), weights, strict=True)
    assert [*found] == [pair for file in expected for pair in file]
    assert lengths == [len(file) for file in expected]
