"""Showtimes: parses the text of a show_date's times to screenings.

- Commas separate the times. `movielake.rows.clocks` lists their forms: ``13:20``, ``7:30 PM``,
  ``오후 7:30``, ``19h30``, ``24:30``.
- ``(1:00)`` is a bargain price. Parentheses can contain several times.
- An AM or PM also applies to the times before it: all times in ``1:00, 3:15, 7:30 PM`` are in the
  afternoon, and ``9:30, 2:00, 7:00 PM`` begins in the morning. `movielake.rows.rising` has the
  rule for halves and for times after midnight.
- Stray dots and commas are ignored.
- Text such as ``TBA`` is a screening with an unknown time, and a problem.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, NamedTuple

from movielake.rows.clocks import UNCLEAR, Clock, read_piece
from movielake.rows.problems import BESIDE, OVERNIGHT, UNORDERED, UNTYPED
from movielake.rows.rising import DAY, HALF, NIGHT, find_places

SEPARATOR: Final = re.compile("[,\N{FULLWIDTH COMMA}\N{IDEOGRAPHIC COMMA}\N{ARABIC COMMA}]")
"""Regular expression of the commas between times."""


class Screening(NamedTuple):
    """One time of a show_date.

    Parameters
    ----------
    milliseconds : int or None
        Time of day, in milliseconds since midnight. None if the text is not a time.
    bargain : bool or None
        Whether the time is in parentheses. None without a time.
    days : int
        Days from the show_date to the day of the screening: 1 for a time after midnight of the
        show_date, such as ``24:30``, otherwise 0.
    """

    milliseconds: int | None
    bargain: bool | None
    days: int = 0


class Oddity(NamedTuple):
    """A problem in a text of times.

    Parameters
    ----------
    kind : str
        Kind of the problem, from `movielake.rows.problems`.
    text : str
        The piece of the text, or the whole text if its order is the problem.
    """

    kind: str
    text: str


UNKNOWN_TIME: Final = Screening(None, None)

PLAIN_TIMES: Final = {
    f"{hour:{width}}:{minute:02}": Screening((hour * 60 + minute) * 60_000, False)
    for hour in range(24)
    for minute in range(60)
    for width in ("01", "02")
}


def parse_showtimes(text: str) -> tuple[list[Screening], list[Oddity]]:
    """Parse the text of a ``showtimes`` element.

    Parameters
    ----------
    text : str
        Text from the feed, e.g. ``13:20, (15:40)``.

    Returns
    -------
    screenings : list of Screening
        One for each time, in the order of the text. A piece without a time is a screening with an
        unknown time. Empty if the text has only separators.
    odd : list of Oddity
        The problems: one for each unknown time, for each piece with text beside its times, for
        each time that is after midnight only by its place in the list, and for a list whose times
        do not rise so that their half or day is uncertain.

    Examples
    --------
    >>> parse_showtimes("(13:20)")
    ([Screening(milliseconds=48000000, bargain=True, days=0)], [])
    >>> parse_showtimes("TBA")
    ([Screening(milliseconds=None, bargain=None, days=0)], [Oddity(kind='untyped', text='TBA')])
    """
    try:  # most texts are plain lists of times in 24 hours
        plain = [PLAIN_TIMES[piece] for piece in text.split(", ")]
    except KeyError:
        return _parse(text)
    places = [place for place, _, _ in plain if place is not None]
    falls = [later for earlier, later in pairwise(places) if later < earlier]
    if falls and min(places) < NIGHT:
        return _parse(text)
    is_doubtful = any(place < HALF for place in falls)
    return plain, [Oddity(UNORDERED, text.strip())] if is_doubtful else []


def _parse(text: str) -> tuple[list[Screening], list[Oddity]]:
    clocks: list[Clock] = []
    odd: list[Oddity] = []
    depth = 0
    for written in SEPARATOR.split(text):
        piece = read_piece(written, depth)
        clocks += piece.clocks
        depth = piece.depth
        if piece.half:
            _add_half(clocks, written.strip(), piece.half)
        if piece.has_more and any(clock.hour is not None for clock in piece.clocks):
            odd.append(Oddity(BESIDE, written.strip()))
    order = find_places(clocks)
    if None in order.places or any(order.overnight):
        placed = list(zip(clocks, order.places, order.overnight, strict=True))
        odd += [Oddity(UNTYPED, clock.piece) for clock, place, _ in placed if place is None]
        odd += [Oddity(OVERNIGHT, clock.piece) for clock, _, is_late in placed if is_late]
    if order.is_doubtful:
        odd.append(Oddity(UNORDERED, text.strip()))
    return [
        UNKNOWN_TIME if place is None else Screening(place % DAY, clock.bargain, place // DAY)
        for clock, place in zip(clocks, order.places, strict=True)
    ], odd


def _add_half(clocks: list[Clock], piece: str, half: str) -> None:
    """Give a half that stands alone between two commas to the time before it."""
    if clocks and not clocks[-1].half and clocks[-1].hour in range(1, 13):
        clocks[-1] = clocks[-1]._replace(half=half)
    else:
        clocks.append(Clock(piece, half=UNCLEAR, is_ahead=not clocks))
