"""Halves and days follow from the order of a list, as an independent search finds them."""

from __future__ import annotations

from itertools import pairwise, product
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.rows import rising as rising_module
from movielake.rows import showtimes as showtimes_module
from movielake.rows.problems import UNORDERED
from movielake.rows.showtimes import parse_showtimes
from tests.strategies import examples

MINUTE = 60_000
HALF, DAY, NIGHT = 12 * 60, 24 * 60, 6 * 60  # in minutes


def twelve(minute: int) -> str:
    """Write a minute of the day on a clock with twelve hours."""
    hour = minute // 60 % 12 or 12
    return f"{hour}:{minute % 60:02}"


def half(minute: int) -> str:
    return "PM" if minute % DAY >= HALF else "AM"


def starts(text: str) -> list[int | None]:
    """Return the minutes from midnight of the show_date."""
    return [
        None if s.milliseconds is None else s.milliseconds // MINUTE + s.days * DAY
        for s in parse_showtimes(text)[0]
    ]


def as_read(minutes: list[int]) -> list[int]:
    """Without a time before midnight, no time shows that the others are after it."""
    return [m - DAY for m in minutes] if minutes[0] >= DAY else minutes


@st.composite
def rising(draw, last=DAY + NIGHT):
    """Rising times of a day, also over midnight, less than twelve hours apart."""
    first = draw(st.integers(0, last - 1))
    gaps = draw(st.lists(st.integers(1, HALF - 1), max_size=7))
    times = [first]
    for gap in gaps:
        if times[-1] + gap < last:
            times.append(times[-1] + gap)
    return times


@examples(max_examples=1000)
@given(rising())
def test_a_rising_list_with_one_final_half_is_read_as_it_was_meant(times):
    text = ", ".join(map(twelve, times)) + f" {half(times[-1])}"
    assert starts(text) == as_read(times)


CLOCKS = st.lists(st.integers(0, HALF - 1), min_size=1, max_size=6)


@examples(max_examples=1000)
@given(CLOCKS, st.sampled_from(("AM", "PM")))
def test_any_list_with_one_final_half_gets_its_latest_rising_places(clocks, last):
    text = ", ".join(map(twelve, clocks)) + f" {last}"
    choices = [[m, m + HALF, *([m + DAY] if m < NIGHT else [])] for m in clocks]
    final = clocks[-1] + HALF * (last == "PM")
    choices[-1] = [final, *([final + DAY] if final < NIGHT else [])]
    found = [c for c in product(*choices) if is_rising(c)]
    applied = tuple(m + HALF * (last == "PM") for m in clocks)
    expected = max(found, key=lambda places: places[::-1]) if found else applied
    assert [m % DAY for m in starts(text)] == [m % DAY for m in expected]
    assert found or UNORDERED in {kind for kind, _ in parse_showtimes(text)[1]}


def is_rising(places: tuple[int, ...]) -> bool:
    """Return whether places rise. No second screening is put after midnight to repeat one."""
    return all(one < other or one == other < DAY for one, other in pairwise(places))


@examples(max_examples=1000)
@given(rising(), st.data())
def test_a_half_more_does_not_change_a_rising_list(times, data):
    marked = data.draw(st.sets(st.integers(0, len(times) - 1)))
    words = [
        f"{twelve(m)} {half(m)}" if n in marked or n == len(times) - 1 else twelve(m)
        for n, m in enumerate(times)
    ]
    assert [m % DAY for m in starts(", ".join(words))] == [m % DAY for m in times]


@examples(max_examples=500)
@given(rising())
def test_a_half_before_a_rising_list_applies_to_the_times_behind_it(times):
    text = f"{half(times[0])} " + ", ".join(map(twelve, times))
    assert [m % DAY for m in starts(text)] == [m % DAY for m in times]


@examples(max_examples=500)
@given(rising())
def test_times_in_24_hours_never_change(times):
    words = [f"{m // 60}:{m % 60:02}" for m in times]
    assert starts(", ".join(words)) == times


WRITTEN = st.tuples(
    CLOCKS.map(lambda clocks: twelve(clocks[0])), st.sampled_from(("", " AM", " PM"))
)


@examples(max_examples=1000)
@given(st.lists(WRITTEN.map("".join), min_size=1, max_size=5))
def test_usual_lists_have_the_places_of_the_whole_search(words):
    text = ", ".join(words)
    with patch.object(rising_module, "_plain_places", lambda clocks: None):
        searched = parse_showtimes(text)
    assert parse_showtimes(text) == searched


PLACED = ["0:15", "1:00", "5:59", "6:00", "9:30", "11:59", "12:00", "12:30", "19:00", "23:59"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_plain_lists_in_any_order_are_read_as_by_the_whole_search(count):
    for times in product(PLACED, repeat=count):
        text = ", ".join(times)
        assert parse_showtimes(text) == showtimes_module._parse(text)
