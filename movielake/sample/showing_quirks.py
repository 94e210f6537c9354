"""The quirks of single showings: other forms of times, missing parts, orphans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from movielake.sample.edition import Edition, Tally
from movielake.sample.films import ID_BASE, ID_SPAN
from movielake.sample.markup import leaf
from movielake.sample.places import words
from movielake.sample.quirks import SHOWINGS, by_name
from movielake.sample.showings import Day, Showing, make_showings
from movielake.sample.streams import Stream
from movielake.sample.theaters import theater_id

Quirk: TypeAlias = Callable[[Showing, Stream, Edition], None]


def showing_chunks(edition: Edition, tally: Tally, part: int = 0, parts: int = 1) -> Iterator[str]:
    """Write the ``showtime`` records of an edition, with their quirks.

    Parameters
    ----------
    edition
        Country and week.
    tally
        The counter of records and screenings.
    part, parts
        Number of the member and number of members, for a zip with several members of showings. A
        member has every `parts`-th theater.

    Yields
    ------
    str
        The markup of one record.

    Examples
    --------
    >>> from movielake.sample.edition import make_edition
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> edition = make_edition(Catalogue(0, 1.0), countries()["can"], 0)
    >>> next(showing_chunks(edition, Tally()))[:10]
    '<showtime>'
    """
    schedule = edition.schedule(SHOWINGS, f"showings/{part}")
    stream = edition.stream("showing quirks", part)
    habit = edition.habit
    for showing in make_showings(edition, part, parts):
        name = schedule.next()
        if name:
            QUIRKS[name](showing, stream, edition)
        tally.records += 1
        tally.screenings += showing.screenings
        yield showing.markup(habit)


def _rewrite(showing: Showing, write: Callable[[list[str]], str]) -> None:
    """Replace the times of each day by the text that a function makes of them."""
    for day in showing.days:
        text = write(day.texts[0].split(", "))
        # Each time in such a text has one colon.
        day.texts, day.screenings = [text], text.count(":")


def _write_each(showing: Showing, write: Callable[[str, str], str]) -> None:
    """Replace each time by the text that a function makes of its twelve hours and its half."""
    for day in showing.days:
        day.texts = [", ".join(write(*_twelve_hours(t)) for t in day.texts[0].split(", "))]


def _replace_colon(showing: Showing, mark: str) -> None:
    for day in showing.days:
        day.texts = [day.texts[0].replace(":", mark)]


def _some_day(showing: Showing, stream: Stream) -> Day:
    return stream.pick(showing.days)


def _twelve_hours(time: str) -> tuple[str, str]:
    hour = int(time[:2])
    return f"{(hour - 1) % 12 + 1}:{time[3:]}", "PM" if hour >= 12 else "AM"


def _bargain_time(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: ", ".join([f"({times[0]})", *times[1:]]))


def _bargain_span(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: ", ".join([f"({', '.join(times[:2])})", *times[2:]]))


def _unpadded_hour(showing: Showing, stream: Stream, edition: Edition) -> None:
    early = stream.pick(("9:05", "9:30", "8:45"))
    _rewrite(showing, lambda times: ", ".join([early, *times]))


def _pm_with_space(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: ", ".join(" ".join(_twelve_hours(t)) for t in times))


def _pm_joined(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: ", ".join("".join(_twelve_hours(t)) for t in times))


def _afternoon(times: list[str]) -> str:
    # If all times are before noon, use one evening screening, so that PM follows a time.
    return ", ".join(_twelve_hours(t)[0] for t in times if t >= "12:00") or "7:30"


def _pm_for_all_before(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: f"{_afternoon(times)} PM")


def _am_then_pm(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: f"11:00 AM, {_afternoon(times)} PM")


def _half_day_with_points(showing: Showing, stream: Stream, edition: Edition) -> None:
    points = stream.pick(({"AM": "a. m.", "PM": "p. m."}, {"AM": "a.m.", "PM": "p.m."}))
    _write_each(showing, lambda hours, half: f"{hours} {points[half]}")


def _half_day_before(showing: Showing, stream: Stream, edition: Edition) -> None:
    halves = stream.pick(({"AM": "오전", "PM": "오후"}, {"AM": "AM", "PM": "PM"}))
    _write_each(showing, lambda hours, half: f"{halves[half]} {hours}")


def _hour_alone(showing: Showing, stream: Stream, edition: Edition) -> None:
    _write_each(showing, lambda hours, half: f"{hours.removesuffix(':00')} {half}")


def _hour_letter(showing: Showing, stream: Stream, edition: Edition) -> None:
    _replace_colon(showing, stream.pick("hH"))


def _point_for_colon(showing: Showing, stream: Stream, edition: Edition) -> None:
    _replace_colon(showing, ".")


def _wide_colon(showing: Showing, stream: Stream, edition: Edition) -> None:
    _replace_colon(showing, "\N{FULLWIDTH COLON}")


def _utc_offset(showing: Showing, stream: Stream, edition: Edition) -> None:
    offset = stream.pick(("+01:00", "+02:00"))
    for day in showing.days:
        day.texts = [", ".join(f"{time}{offset}" for time in day.texts[0].split(", "))]


def _format_beside(showing: Showing, stream: Stream, edition: Edition) -> None:
    day = _some_day(showing, stream)
    first, comma, others = day.texts[0].partition(", ")
    day.texts = [f"{first} {stream.pick(('3D', 'OmU', 'IMAX'))}{comma}{others}"]


def _hour_after_24(showing: Showing, stream: Stream, edition: Edition) -> None:
    late = stream.pick(("24:00", "24:30", "25:10"))
    _rewrite(showing, lambda times: ", ".join([*times, late]))


def _closing_after_midnight(showing: Showing, stream: Stream, edition: Edition) -> None:
    late = stream.pick(("0:15", "00:30"))
    _rewrite(showing, lambda times: ", ".join([*(t for t in times if t < "22:45"), "22:45", late]))


def _final_stop(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: f"{', '.join(times)}.")


def _final_comma(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: f"{', '.join(times)},")


def _stray_marks(showing: Showing, stream: Stream, edition: Edition) -> None:
    _rewrite(showing, lambda times: f"{times[0]}., , {', '.join(times[1:])}")


def _text_for_times(showing: Showing, stream: Stream, edition: Edition) -> None:
    day = _some_day(showing, stream)
    day.texts, day.screenings = [stream.pick(("TBA", "TBA", "Call theater"))], 0


def _text_among_times(showing: Showing, stream: Stream, edition: Edition) -> None:
    _some_day(showing, stream).texts[0] += ", TBA"


def _impossible_time(showing: Showing, stream: Stream, edition: Edition) -> None:
    day = _some_day(showing, stream)
    day.texts[0] = f"18:75, {day.texts[0]}"


def _empty_showtimes(showing: Showing, stream: Stream, edition: Edition) -> None:
    day = _some_day(showing, stream)
    day.texts, day.screenings = [""], 0


def _missing_showtimes(showing: Showing, stream: Stream, edition: Edition) -> None:
    day = _some_day(showing, stream)
    day.texts, day.screenings = [], 0


def _showtimes_under_showtime(showing: Showing, stream: Stream, edition: Edition) -> None:
    # Keep only one show_date. With several, the times would not belong to a certain date.
    day = showing.days[0]
    showing.days = [day]
    showing.tail = leaf("showtimes", day.texts.pop())


def _repeated_showtimes(showing: Showing, stream: Stream, edition: Edition) -> None:
    for day in showing.days:
        first, _, rest = day.texts[0].partition(", ")
        day.screenings += not rest
        day.texts = [first, rest or "22:45"]


def _no_show_date(showing: Showing, stream: Stream, edition: Edition) -> None:
    showing.days = []


def _empty_date(showing: Showing, stream: Stream, edition: Edition) -> None:
    _some_day(showing, stream).date = ""


def _festival(showing: Showing, stream: Stream, edition: Edition) -> None:
    showing.facts.festival = stream.pick(("Y", "Y", "N"))


def _shown_with_text(showing: Showing, stream: Stream, edition: Edition) -> None:
    showing.facts.shown_with = stream.pick(edition.runs).title


def _shown_with_id(showing: Showing, stream: Stream, edition: Edition) -> None:
    showing.facts.shown_with = str(stream.pick(edition.runs).film.movie_id)


def _many_comments(showing: Showing, stream: Stream, edition: Edition) -> None:
    showing.facts.comments = "; ".join(stream.some(words()["theaters"]["comments"], 3))


def _unknown_language(showing: Showing, stream: Stream, edition: Edition) -> None:
    language = leaf("show_language", stream.pick(("English", "German", "Hindi")))
    for day in showing.days:
        day.extra = language


def _unknown_format(showing: Showing, stream: Stream, edition: Edition) -> None:
    showing.tail = leaf("movie_format", stream.pick(("2K", "4K", "35mm", "70mm")))


def _orphan_movie(showing: Showing, stream: Stream, edition: Edition) -> None:
    # Shift the id by more than a third of the range. The result is an id of a film years earlier or
    # later, which is not on show.
    showing.movie_id = ID_BASE + (showing.movie_id + 350_000) % ID_SPAN


def _orphan_theater(showing: Showing, stream: Stream, edition: Edition) -> None:
    showing.theater_id = theater_id(edition.country, edition.theaters + stream.integer(0, 9))


QUIRKS: dict[str, Quirk] = by_name(
    _bargain_time,
    _bargain_span,
    _unpadded_hour,
    _pm_with_space,
    _pm_joined,
    _pm_for_all_before,
    _am_then_pm,
    _half_day_with_points,
    _half_day_before,
    _hour_alone,
    _hour_letter,
    _point_for_colon,
    _wide_colon,
    _utc_offset,
    _format_beside,
    _hour_after_24,
    _closing_after_midnight,
    _final_stop,
    _final_comma,
    _stray_marks,
    _text_for_times,
    _text_among_times,
    _impossible_time,
    _empty_showtimes,
    _missing_showtimes,
    _showtimes_under_showtime,
    _repeated_showtimes,
    _no_show_date,
    _empty_date,
    _festival,
    _shown_with_text,
    _shown_with_id,
    _many_comments,
    _unknown_language,
    _unknown_format,
    _orphan_movie,
    _orphan_theater,
)
