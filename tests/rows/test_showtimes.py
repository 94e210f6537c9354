"""Texts of times become screenings: every known form of the feed, and any other text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.rows.showtimes import parse_showtimes
from tests.strategies import examples


def read(text: str) -> tuple[list[str | None], list[str]]:
    """Return the times as ``13:20``, in parentheses for a bargain, and the odd pieces."""
    screenings, odd = parse_showtimes(text)
    return [show(s.milliseconds, s.bargain) for s in screenings], odd


def show(milliseconds: int | None, bargain: bool | None) -> str | None:
    if milliseconds is None:
        assert bargain is None
        return None
    assert isinstance(bargain, bool)
    seconds, rest = divmod(milliseconds, 1000)
    assert rest == 0
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
    text += f":{seconds % 60:02}" if seconds % 60 else ""
    return f"({text})" if bargain else text


@pytest.mark.parametrize(
    ("text", "times"),
    [
        # 24 hours
        ("13:20", ["13:20"]),
        ("9:05", ["09:05"]),
        ("09:05", ["09:05"]),
        ("0:00", ["00:00"]),
        ("00:15", ["00:15"]),
        ("23:59", ["23:59"]),
        ("12:00", ["12:00"]),
        ("13:20:30", ["13:20:30"]),
        ("13:20, 15:40", ["13:20", "15:40"]),
        ("13:20,15:40", ["13:20", "15:40"]),
        ("15:40, 13:20, 13:20", ["15:40", "13:20", "13:20"]),
        # AM and PM
        ("7:30 PM", ["19:30"]),
        ("7:30PM", ["19:30"]),
        ("7:30 pm", ["19:30"]),
        ("7:30 p.m.", ["19:30"]),
        ("7:30  Pm", ["19:30"]),
        ("7:30\N{NO-BREAK SPACE}PM", ["19:30"]),
        ("7:30\N{NARROW NO-BREAK SPACE}PM", ["19:30"]),
        ("7:30 AM", ["07:30"]),
        ("12:00 PM", ["12:00"]),
        ("12:15 AM", ["00:15"]),
        ("0:15 AM", ["00:15"]),
        ("13:20 PM", ["13:20"]),
        ("7:30:15 PM", ["19:30:15"]),
        # a PM applies to the times before it
        ("1:00, 3:15, 7:30 PM", ["13:00", "15:15", "19:30"]),
        ("1:00,3:15,7:30PM", ["13:00", "15:15", "19:30"]),
        ("12:15, 3:15, 7:30 PM", ["12:15", "15:15", "19:30"]),
        ("10:00, 11:30 AM, 1:00, 7:30 PM", ["10:00", "11:30", "13:00", "19:30"]),
        ("7:30 PM, 9:00", ["19:30", "09:00"]),
        ("7:30 PM, 12:10 AM", ["19:30", "00:10"]),
        ("1:00, 15:15, 7:30 PM", ["13:00", "15:15", "19:30"]),
        ("1:00, 3:15, 13:20 PM", ["13:00", "15:15", "13:20"]),
        # parentheses are a bargain price
        ("(1:00)", ["(01:00)"]),
        ("( 13:20 )", ["(13:20)"]),
        ("(13:20, 15:40), 20:15", ["(13:20)", "(15:40)", "20:15"]),
        ("13:20, (15:40), 20:15", ["13:20", "(15:40)", "20:15"]),
        ("(1:00, 3:15), 7:30 PM", ["(13:00)", "(15:15)", "19:30"]),
        ("(1:00), 3:15 PM", ["(13:00)", "15:15"]),
        ("(1:00 PM), (3:15 PM)", ["(13:00)", "(15:15)"]),
        ("((13:20)), 15:40", ["(13:20)", "15:40"]),
        ("(13:20, 15:40", ["(13:20)", "(15:40)"]),
        ("13:20), 15:40", ["13:20", "15:40"]),
        ("13:20), (15:40)", ["13:20", "(15:40)"]),
        # stray separators
        ("20:15.", ["20:15"]),
        ("13:20, 15:40.", ["13:20", "15:40"]),
        ("13:20,, 15:40,", ["13:20", "15:40"]),
        (", 13:20 ,. 15:40 .,", ["13:20", "15:40"]),
        ("13:20 15:40", ["13:20", "15:40"]),
        ("13:20.15:40", ["13:20", "15:40"]),
        ("13:20\n15:40", ["13:20", "15:40"]),
        ("7:30 PM 9:15 PM", ["19:30", "21:15"]),
        ("", []),
        (",", []),
        (" ., ", []),
        ("()", []),
        ("\N{NO-BREAK SPACE}", []),
    ],
)
def test_times_are_read(text, times):
    assert read(text) == (times, [])


@pytest.mark.parametrize(
    ("text", "times", "odd"),
    [
        ("TBA", [None], ["TBA"]),
        ("(TBA)", [None], ["(TBA)"]),
        ("see website, call us", [None, None], ["see website", "call us"]),
        ("13:20, TBA", ["13:20", None], ["TBA"]),
        ("1:00, TBA, 7:30 PM", ["13:00", None, "19:30"], ["TBA"]),
        ("13:20 3D", ["13:20"], ["13:20 3D"]),
        ("OmU 13:20, 15:40", ["13:20", "15:40"], ["OmU 13:20"]),
        ("TBA (13:20)", ["(13:20)"], ["TBA (13:20)"]),
        ("24:00", [None], ["24:00"]),
        ("25:15", [None], ["25:15"]),
        ("13:60", [None], ["13:60"]),
        ("13:20:60", [None], ["13:20:60"]),
        ("13:20 AM", [None], ["13:20 AM"]),
        ("0:20 PM", [None], ["0:20 PM"]),
        ("13:20 25:00", ["13:20", None], ["13:20 25:00"]),
        ("1:00, 24:00 PM", ["01:00", None], ["24:00 PM"]),
        ("13:2", [None], ["13:2"]),
        ("113:20", [None], ["113:20"]),
        ("13:200", [None], ["13:200"]),
        ("13:20:15:40", [None], ["13:20:15:40"]),
        ("13", [None], ["13"]),
        ("-", [None], ["-"]),
        ("7:30 PMx", ["07:30"], ["7:30 PMx"]),
        ("(1:00) PM", ["(01:00)"], ["(1:00) PM"]),
        ("１３:２０", [None], ["１３:２０"]),
        ("١٣:٢٠", [None], ["١٣:٢٠"]),
        ("2019/12/6 13:20:00", ["13:20"], ["2019/12/6 13:20:00"]),
    ],
)
def test_an_odd_piece_is_listed_and_does_not_remove_other_times(text, times, odd):
    assert read(text) == (times, odd)


# ---------------------------------------------------------------- any written times are read

HALVES = ("PM", " PM", "pm", " pm", " p.m.", "P.M.", "  Pm", "\tPM", "\N{NO-BREAK SPACE}PM")
SEPARATORS = (", ", ",", " , ", ",, ", "., ", ". ,", " ", "\n", ",\N{NO-BREAK SPACE}", ", . ,")
EDGES = ("", "", ",", " ", ". ", ",,", " ,. ", "\r\n")
JUNK = ("TBA", "n/a", "see website", "25:00", "13:60", "13:20 AM", "0:30 PM", "7", "٣:٣٠", "noon")


def plain(hour: int, minute: int, style: str) -> str:
    return f"{hour:02}:{minute:02}" if style == "padded" else f"{hour}:{minute:02}"


@st.composite
def halves_of_a_day(draw):
    """Times of one half of the day, in 12 hours. Only the last one must have AM or PM."""
    half = draw(st.sampled_from("AP"))
    hours = draw(st.lists(st.integers(0, 11), min_size=1, max_size=3))
    first = 12 if half == "P" else 0
    words = []
    for number, hour in enumerate(hours, start=1):
        minute = draw(st.integers(0, 59))
        text = plain(hour or 12, minute, draw(st.sampled_from(("padded", "bare"))))
        if number == len(hours) or draw(st.booleans()):
            text += draw(st.sampled_from(HALVES)).replace("P", half).replace("p", half.lower())
        words.append((text, (first + hour, minute)))
    return words


@st.composite
def afternoons(draw):
    """Times in 24 hours that a later AM or PM cannot change."""
    hour = draw(st.sampled_from((0, *range(13, 24))))
    minute = draw(st.integers(0, 59))
    return [(plain(hour, minute, draw(st.sampled_from(("padded", "bare")))), (hour, minute))]


@st.composite
def mornings(draw):
    """Times in 24 hours that must be at the end, because a later AM or PM would change them."""
    times = draw(st.lists(st.tuples(st.integers(0, 23), st.integers(0, 59)), max_size=3))
    return [(plain(*time, "bare"), time) for time in times]


JUNK_WORDS = st.sampled_from(JUNK).map(lambda text: [(text, None)])


@st.composite
def written(draw, junk=False):
    """Draw a text of times, and its expected screenings."""
    kinds = st.one_of(halves_of_a_day(), afternoons(), *([JUNK_WORDS] if junk else []))
    words = [word for words in draw(st.lists(kinds, max_size=5)) for word in words]
    words += draw(mornings())
    text = draw(st.sampled_from(EDGES))
    expected = []
    opened = False
    before = None
    for word, time in words:
        bargain = time is not None and draw(st.booleans())
        together = opened and bargain and draw(st.booleans())
        if opened and not together:
            text += ")"
        if expected:  # other text must be between commas
            alone = None in (time, before)
            text += ", " if alone else draw(st.sampled_from(SEPARATORS))
        text += f"({word}" if bargain and not together else word
        clock = time and f"{time[0]:02}:{time[1]:02}"
        expected.append(f"({clock})" if bargain else clock)
        opened, before = bargain, time
    return text + (")" if opened else "") + draw(st.sampled_from(EDGES)), expected


@examples(max_examples=400)
@given(written())
def test_every_written_time_is_read(case):
    text, times = case
    assert read(text) == (times, [])


@examples(max_examples=400)
@given(written(junk=True))
def test_odd_texts_between_times_do_not_remove_a_time(case):
    text, times = case
    found, odd = read(text)
    assert found == times
    assert len(odd) == times.count(None)
    assert {piece.strip(" .\r\n") for piece in odd} <= set(JUNK)


@examples()
@given(st.text())
def test_no_text_raises(text):
    screenings, odd = parse_showtimes(text)
    assert len([s for s in screenings if s.milliseconds is None]) <= len(odd)
    assert [piece for piece in odd if piece not in text] == []


@examples(max_examples=300)
@given(st.text("0123459: ,.()apmAPM\n", max_size=30))
def test_random_texts_never_become_impossible_times(text):
    screenings, _ = parse_showtimes(text)
    times = [s.milliseconds for s in screenings if s.milliseconds is not None]
    assert [t for t in times if not 0 <= t < 24 * 3_600_000] == []
    assert len(times) <= text.count(":")
    assert [s for s in screenings if s.bargain and "(" not in text] == []
