"""Texts of times become screenings: every known form of the feed, and any other text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movielake.rows.problems import BESIDE, OVERNIGHT, UNORDERED, UNTYPED
from movielake.rows.screenings import weigh
from movielake.rows.showtimes import parse_showtimes
from movielake.schema.tables import table
from tests.rows.forms_times import ROWS
from tests.strategies import examples

SHOWINGS = table("showings")


def read(text: str) -> list[str | None]:
    """Return the times as ``13:20``: in parentheses a bargain, +1 on the next day."""
    return [show(*screening) for screening in parse_showtimes(text)[0]]


def show(milliseconds: int | None, bargain: bool | None, days: int) -> str | None:
    if milliseconds is None:
        assert (bargain, days) == (None, 0)
        return None
    assert isinstance(bargain, bool)
    seconds, rest = divmod(milliseconds, 1000)
    assert rest == 0
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
    text += f":{seconds % 60:02}" if seconds % 60 else ""
    text += f"+{days}" if days else ""
    return f"({text})" if bargain else text


def problems(text: str, *kinds: str) -> list[tuple[str, str]]:
    return [(kind, piece) for kind, piece in parse_showtimes(text)[1] if kind in kinds or not kinds]


@pytest.mark.parametrize(("text", "shown", "source"), ROWS)
def test_every_form_of_the_table_is_read(text, shown, source):
    assert " ".join(time or "null" for time in read(text)) == shown


@pytest.mark.parametrize(("text", "shown", "source"), ROWS)
def test_each_unknown_time_and_only_it_is_an_untyped_value(text, shown, source):
    assert len(problems(text, UNTYPED)) == shown.split().count("null")


@pytest.mark.parametrize(
    ("text", "times"),
    [
        # 24 hours
        ("09:05", ["09:05"]),
        ("0:00", ["00:00"]),
        ("00:15", ["00:15"]),
        ("23:59", ["23:59"]),
        ("12:00", ["12:00"]),
        ("13:20:30", ["13:20:30"]),
        ("13:20:00.000", ["13:20"]),
        ("13:20,15:40", ["13:20", "15:40"]),
        ("15:40, 13:20, 13:20", ["15:40", "13:20", "13:20"]),
        # AM and PM
        ("7:30 pm", ["19:30"]),
        ("7:30  Pm", ["19:30"]),
        ("7:30\N{NO-BREAK SPACE}PM", ["19:30"]),
        ("7:30\tPM", ["19:30"]),
        ("7:30 AM", ["07:30"]),
        ("12:00 PM", ["12:00"]),
        ("12:15 AM", ["00:15"]),
        ("0:15 AM", ["00:15"]),
        ("7:30:15 PM", ["19:30:15"]),
        # a PM applies to the times before it
        ("1:00,3:15,7:30PM", ["13:00", "15:15", "19:30"]),
        ("12:15, 3:15, 7:30 PM", ["12:15", "15:15", "19:30"]),
        ("10:00, 11:30 AM, 1:00, 7:30 PM", ["10:00", "11:30", "13:00", "19:30"]),
        ("1:00, 15:15, 7:30 PM", ["13:00", "15:15", "19:30"]),
        ("1:00, 3:15, 13:20 PM", ["01:00", "03:15", "13:20"]),
        # parentheses are a bargain price
        ("( 13:20 )", ["(13:20)"]),
        ("13:20, (15:40), 20:15", ["13:20", "(15:40)", "20:15"]),
        ("(1:00, 3:15), 7:30 PM", ["(13:00)", "(15:15)", "19:30"]),
        ("(1:00, 3:15) PM", ["(13:00)", "(15:15)"]),
        ("(1:00), 3:15 PM", ["(13:00)", "15:15"]),
        ("(1:00 PM), (3:15 PM)", ["(13:00)", "(15:15)"]),
        ("(noon), 3:15 PM", ["(12:00)", "15:15"]),
        ("((13:20)), 15:40", ["(13:20)", "15:40"]),
        ("(13:20, 15:40", ["(13:20)", "(15:40)"]),
        ("13:20), 15:40", ["13:20", "15:40"]),
        ("13:20), (15:40)", ["13:20", "(15:40)"]),
        # stray separators
        ("13:20, 15:40.", ["13:20", "15:40"]),
        ("13:20,, 15:40,", ["13:20", "15:40"]),
        (", 13:20 ,. 15:40 .,", ["13:20", "15:40"]),
        ("13:20 15:40", ["13:20", "15:40"]),
        ("13:20.15:40", ["13:20", "15:40"]),
        ("13:20\n15:40", ["13:20", "15:40"]),
        ("7:30 PM 9:15 PM", ["19:30", "21:15"]),
        ("7:30 em 9:15 em", ["19:30", "21:15"]),
        ("오후 1:00 오후 3:15", ["13:00", "15:15"]),
        ("13:20 오후 7:30", ["13:20", "19:30"]),
        ("", []),
        (",", []),
        (" ., ", []),
        ("()", []),
        ("\N{NO-BREAK SPACE}", []),
    ],
)
def test_times_are_read(text, times):
    assert (read(text), problems(text)) == (times, [])


@pytest.mark.parametrize(
    ("text", "times", "odd"),
    [
        ("(TBA)", [None], [(UNTYPED, "(TBA)")]),
        ("see website, call us", [None, None], [(UNTYPED, "see website"), (UNTYPED, "call us")]),
        ("13:20, TBA", ["13:20", None], [(UNTYPED, "TBA")]),
        ("1:00, TBA, 7:30 PM", ["13:00", None, "19:30"], [(UNTYPED, "TBA")]),
        ("13:20 3D", ["13:20"], [(BESIDE, "13:20 3D")]),
        ("OmU 13:20, 15:40", ["13:20", "15:40"], [(BESIDE, "OmU 13:20")]),
        ("TBA (13:20)", ["(13:20)"], [(BESIDE, "TBA (13:20)")]),
        ("13:20*, 9:15* PM", ["13:20", "21:15"], [(BESIDE, "13:20*"), (BESIDE, "9:15* PM")]),
        ("[13:20]", ["13:20"], [(BESIDE, "[13:20]")]),
        ("13:60", [None], [(UNTYPED, "13:60")]),
        ("13:20:60", [None], [(UNTYPED, "13:20:60")]),
        ("0:20 PM", [None], [(UNTYPED, "0:20 PM")]),
        ("PM 7:30 AM", [None], [(UNTYPED, "PM 7:30 AM")]),
        ("13:20 30:00", ["13:20", None], [(UNTYPED, "13:20 30:00")]),
        ("24:00 PM", [None], [(UNTYPED, "24:00 PM")]),
        ("113:20", [None], [(UNTYPED, "113:20")]),
        ("13:200", [None], [(UNTYPED, "13:200")]),
        ("13:20:15:40", [None], [(UNTYPED, "13:20:15:40")]),
        ("13.20.15.40", [None], [(UNTYPED, "13.20.15.40")]),
        ("-", [None], [(UNTYPED, "-")]),
        ("19h3", [None], [(UNTYPED, "19h3")]),
        ("Saal 7 PM", [None], [(UNTYPED, "Saal 7 PM")]),
        ("2019/12/6 13:20:00", ["13:20"], [(BESIDE, "2019/12/6 13:20:00")]),
        ("13:20+01:00", ["13:20"], [(BESIDE, "13:20+01:00")]),
        ("13:20, +1:00", ["13:20", None], [(UNTYPED, "+1:00")]),
    ],
)
def test_an_odd_piece_is_a_problem_and_does_not_remove_other_times(text, times, odd):
    assert (read(text), problems(text)) == (times, odd)


@pytest.mark.parametrize(
    "text",
    [
        "1:00, 7:30xm",
        "1:00, 7:30 PMx",
        "1:00, 7:30 AM/PM",
        "1:00, 7:30 OmU PM",
        "1:00, 13:20 AM",
        "1:00, 24:00 PM",
        "1:00, 18:75 PM",
        "1:00, 7:3 PM",
        "1:00, TBA PM",
        "xx7:30, 1:00",
        "PM, 1:00",
    ],
)
def test_a_half_that_is_not_understood_leaves_no_morning_time_behind(text):
    pieces = text.split(", ")
    assert (read(text), problems(text)) == ([None, None], [(UNTYPED, piece) for piece in pieces])


@pytest.mark.parametrize("text", ["7:30 PM, 7:30xm", "13:20, 7:30xm", "0:20, 7:30xm"])
def test_a_half_that_is_not_understood_spares_times_that_need_none(text):
    first, last = read(text)
    assert first is not None
    assert last is None


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("7:30 PM, 9:00", ["19:30", "09:00"]),
        ("9:30, 11:45, 2:00, 1:00, 7:00 PM", ["21:30", "23:45", "14:00", "13:00", "19:00"]),
        ("7:00 PM, 4:30, 2:00 PM", ["19:00", "16:30", "14:00"]),
        ("8:00, 12:30, 12:10 PM", ["20:00", "12:30", "12:10"]),
        ("9:30, 11:45, 2:00 PM, 1:00, 3:00 PM", ["09:30", "11:45", "14:00", "13:00", "15:00"]),
        ("오후 11:00, 10:00", ["23:00", "22:00"]),
        ("12:30, 3:00, 7:30", ["12:30", "03:00", "07:30"]),
        ("22:45, 0:15, 14:00", ["22:45", "00:15", "14:00"]),
        ("5:00 AM, 2:00 AM", ["05:00", "02:00"]),
    ],
)
def test_a_list_that_does_not_rise_is_one_problem(text, times):
    assert (read(text), problems(text)) == (times, [(UNORDERED, text)])


@pytest.mark.parametrize(
    "text", ["15:40, 13:20", "7:30 PM, 10:00 AM", "13:45, 15:40, 13:20 PM", "20:15, 24:30, 13:20"]
)
def test_a_list_that_does_not_rise_is_no_problem_if_each_time_is_certain(text):
    assert problems(text, UNORDERED, UNTYPED, OVERNIGHT) == []


@pytest.mark.parametrize(
    ("text", "times", "late"),
    [
        ("22:45, 0:15", ["22:45", "00:15+1"], ["0:15"]),
        ("22:45, 23:30, 0:15, 2:00", ["22:45", "23:30", "00:15+1", "02:00+1"], ["0:15", "2:00"]),
        ("9:45 PM, 12:15 AM", ["21:45", "00:15+1"], ["12:15 AM"]),
        ("오후 11:00, 오전 12:30, 2:00", ["23:00", "00:30+1", "02:00+1"], ["오전 12:30", "2:00"]),
        ("9:00 PM, midnight", ["21:00", "00:00+1"], ["midnight"]),
        ("22:45, 24:15, 25:10", ["22:45", "00:15+1", "01:10+1"], []),
        ("0:15", ["00:15"], []),
        ("12:15, 3:00 AM", ["00:15", "03:00"], []),
        ("0:15, 13:20, 22:45", ["00:15", "13:20", "22:45"], []),
    ],
)
def test_a_time_after_midnight_by_its_place_is_on_the_next_day_and_a_problem(text, times, late):
    assert (read(text), problems(text)) == (times, [(OVERNIGHT, piece) for piece in late])


# ---------------------------------------------------------------- any written times are read

HALVES = ("PM", " PM", "pm", " pm", " p.m.", "P.M.", "  Pm", "\tPM", "\N{NO-BREAK SPACE}PM")
SEPARATORS = (", ", ",", " , ", ",, ", "., ", ". ,", " ", "\n", ",\N{NO-BREAK SPACE}", ", . ,")
EDGES = ("", "", ",", " ", ". ", ",,", " ,. ", "\r\n")
JUNK = ("TBA", "n/a", "see website", "30:00", "13:60", "7", "7:3", "-1:00", "1:2:3", "12.50 EUR")


def plain(hour: int, minute: int, style: str) -> str:
    return f"{hour:02}:{minute:02}" if style == "padded" else f"{hour}:{minute:02}"


@st.composite
def halves_of_a_day(draw):
    """Rising times of one half of the day, in 12 hours. Only the last must have AM or PM."""
    half = draw(st.sampled_from("AP"))
    hours = sorted(draw(st.lists(st.integers(0, 11), min_size=1, max_size=3, unique=True)))
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


def on_their_days(text: str) -> list[str | None]:
    """Return the times without the days: the order of these lists is random."""
    return [time and time.replace("+1", "") for time in read(text)]


@examples(max_examples=400)
@given(written())
def test_every_written_time_is_read(case):
    text, times = case
    assert on_their_days(text) == times
    assert problems(text, UNTYPED, BESIDE) == []


@examples(max_examples=400)
@given(written(junk=True))
def test_odd_texts_between_times_do_not_remove_a_time(case):
    text, times = case
    assert on_their_days(text) == times
    odd = [piece.strip(" .\r\n") for _, piece in problems(text, UNTYPED, BESIDE)]
    assert len(odd) == times.count(None)
    assert set(odd) <= set(JUNK)


@examples()
@given(st.text())
def test_no_text_raises(text):
    times = read(text)
    assert times.count(None) == len(problems(text, UNTYPED))
    assert [piece for _, piece in problems(text) if piece not in text] == []


@examples(max_examples=300)
@given(st.text("0123459: ,.()apmAPMh午後7", max_size=30))
def test_random_texts_never_become_impossible_times(text):
    screenings, _ = parse_showtimes(text)
    times = [s.milliseconds for s in screenings if s.milliseconds is not None]
    assert [t for t in times if not 0 <= t < 24 * 3_600_000] == []
    assert {s.days for s in screenings} <= {0, 1}
    assert [s for s in screenings if s.bargain and "(" not in text] == []


@examples(max_examples=300)
@given(st.text("0123459: ,.()apmAPMh午後7", max_size=30))
def test_a_text_never_has_more_screenings_than_are_reckoned_with(text):
    rows = weigh({"show_date": [{"showtimes": text}]}, SHOWINGS) // (100 + len(text))
    assert len(read(text)) <= rows - 1  # one more for times outside of the show_date
