"""The base films of versions, in hand-made cases and compared with plain Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake import ShowingsReader, convert, distribution
from movielake.analyses.versions import Bases, find_bases
from tests.feeds import showing, times, write_feed
from tests.strategies import examples


def movie(number: int, parent: str) -> str:
    return f"<movie><movie_id>{number}</movie_id><parent_id>{parent}</parent_id></movie>"


def lake_of(folder: Path, stated: dict[str, list[str]]) -> str:
    """Write a lake with the movies of each feed zip, such as ``20191206/deu``."""
    shown = times(*(showing(number) for number in (1, 2, 3)))
    feed = {}
    for place, elements in stated.items():
        stamp, country = place.split("/")
        members = {
            f"{stamp[2:]}S.XML": shown,
            f"{stamp[2:]}I.XML": f"<movies>{''.join(elements)}</movies>",
        }
        feed[f"{stamp}/movies_{country}.zip"] = members
    convert(write_feed(folder / "feed", feed), str(folder / "lake"), workers=1)
    return str(folder / "lake")


def bases_in(lake: str) -> list[int]:
    return find_bases(ShowingsReader(lake)).of(np.array([1, 2, 3])).tolist()


CASES = {
    "versions of one film": ({"20191206/deu": [movie(2, "1"), movie(3, "1")]}, [1, 1, 1]),
    "0 and empty are no parent": ({"20191206/deu": [movie(2, "0"), movie(3, "")]}, [1, 2, 3]),
    "a film that is not shown": ({"20191206/deu": [movie(2, "77"), movie(3, "77")]}, [1, 77, 77]),
    "the newest snapshot counts": (
        {"20191206/deu": [movie(2, "1")], "20191213/deu": [movie(2, "0"), movie(3, "1")]},
        [1, 2, 1],
    ),
    "a snapshot without a statement does not count": (
        {"20191206/deu": [movie(2, "1")], "20191213/deu": [movie(2, "")]},
        [1, 1, 3],
    ),
    "a country with a parent wins over one without": (
        {"20191206/deu": [movie(3, "1")], "20191206/swe": [movie(3, "0")]},
        [1, 2, 1],
    ),
    "the smallest parent of several countries": (
        {"20191206/deu": [movie(3, "2")], "20191206/swe": [movie(3, "1")]},
        [1, 2, 1],
    ),
    "a version of a version": ({"20191206/deu": [movie(3, "2"), movie(2, "1")]}, [1, 1, 1]),
    "a circle": ({"20191206/deu": [movie(3, "2"), movie(2, "3")]}, [1, 2, 2]),
    "its own parent": ({"20191206/deu": [movie(3, "3")]}, [1, 2, 3]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_base_of_each_film(tmp_path, case):
    stated, expected = CASES[case]
    lake = lake_of(tmp_path, stated)
    assert bases_in(lake) == expected
    merged = distribution(lake).to_pylist()
    assert [row["movie_id"] for row in merged] == sorted(set(expected))
    assert [row["versions"] for row in merged] == [
        expected.count(row["movie_id"]) for row in merged
    ]
    assert distribution(lake, versions="apart")["movie_id"].to_pylist() == [1, 2, 3]


@given(st.dictionaries(st.integers(-3, 9), st.integers(1, 9)), st.lists(st.integers(-5, 12)))
@examples(max_examples=200)
def test_films_have_one_base_exactly_if_parents_connect_them(parents, films):
    found = dict(zip(films, Bases(parents).of(np.array(films, np.int64)).tolist(), strict=True))
    for film in films:
        reached = [film]
        while reached[-1] in parents and parents[reached[-1]] not in reached:
            reached.append(parents[reached[-1]])
        assert found[film] in reached
        if film not in parents:
            assert found[film] == film
        elif parents[film] in found:
            assert found[film] == found[parents[film]]
