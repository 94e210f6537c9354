"""Showtimes: parses the text of a show_date's times to screenings.

The feed's ``showtimes`` element has these forms:

- ``13:20`` and ``9:05`` in 24 hours. ``7:30 PM`` and ``7:30PM`` in 12 hours.
- An AM or PM also applies to the times before it, back to the last AM or PM. In
  ``1:00, 3:15, 7:30 PM``, all times are in the afternoon. Hours above 12 stay as they are.
- ``(1:00)`` is a bargain price. Parentheses can contain several times.
- Commas separate times. Stray dots and commas are ignored.
- Text such as ``TBA`` is a screening with an unknown time, and a problem.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_BLANK: Final = " \t\r\n\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
_TIME: Final = re.compile(
    r"(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2}))?(?![\d:])"
    rf"(?:[{_BLANK}]*([AaPp])\.?[Mm](?![A-Za-z]))?",
    re.A,
)
_NOISE: Final = _BLANK + ".()"


class Screening(NamedTuple):
    """One time of a show_date.

    Parameters
    ----------
    milliseconds : int or None
        Time of day, in milliseconds since midnight. None if the text is not a time.
    bargain : bool or None
        Whether the time is in parentheses. None without a time.
    """

    milliseconds: int | None
    bargain: bool | None


UNKNOWN_TIME: Final = Screening(None, None)


class _Clock(NamedTuple):
    """A time as written, and its meaning if no later AM or PM applies to it."""

    hour: int
    half: str
    screening: Screening


_NO_CLOCK: Final = _Clock(0, "", UNKNOWN_TIME)

PLAIN_TIMES: Final = {
    f"{hour:{width}}:{minute:02}": Screening((hour * 60 + minute) * 60_000, False)
    for hour in range(24)
    for minute in range(60)
    for width in ("01", "02")
}


def parse_showtimes(text: str) -> tuple[list[Screening], list[str]]:
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
    odd : list of str
        The pieces that are not a time, or that contain more than times.

    Examples
    --------
    >>> parse_showtimes("(13:20)")
    ([Screening(milliseconds=48000000, bargain=True)], [])
    >>> parse_showtimes("TBA")
    ([Screening(milliseconds=None, bargain=None)], ['TBA'])
    """
    try:  # most texts are plain lists of times in 24 hours
        return [PLAIN_TIMES[piece] for piece in text.split(", ")], []
    except KeyError:
        pass
    clocks: list[_Clock] = []
    odd: list[str] = []
    depth = 0
    for piece in text.split(","):
        found, is_odd, depth = _read_piece(piece, depth)
        clocks += found
        if is_odd:
            odd.append(piece.strip())
    if "m" in text or "M" in text:
        return _with_halves(clocks), odd
    return [clock.screening for clock in clocks], odd


# The feed has many texts, but few different pieces.
@lru_cache(maxsize=1 << 16)
def _read_piece(piece: str, depth: int) -> tuple[tuple[_Clock, ...], bool, int]:
    """Find the times between two commas. ``depth`` is the number of open parentheses.

    Return the times, whether the piece is odd, and the new depth.
    """
    found: list[_Clock] = []
    rest = ""
    end = 0
    for match in _TIME.finditer(piece):
        between = piece[end : match.start()]
        depth = _depth_after(between, depth)
        found.append(_clock(match, bargain=depth > 0))
        rest += between.strip(_NOISE)
        end = match.end()
    rest += piece[end:].strip(_NOISE)
    if rest and not found:
        found.append(_NO_CLOCK)
    return tuple(found), bool(rest) or _NO_CLOCK in found, _depth_after(piece[end:], depth)


def _depth_after(text: str, depth: int) -> int:
    for sign in text:
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth = max(depth - 1, 0)
    return depth


def _clock(match: re.Match[str], bargain: bool) -> _Clock:
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    half = (match[4] or "").upper()
    # "13:20 PM" is redundant but valid. "13:20 AM" and "0:20 PM" contradict themselves.
    agrees = hour <= 12 if half == "A" else hour >= 1 if half else True
    if hour > 23 or minute > 59 or second > 59 or not agrees:
        return _NO_CLOCK
    milliseconds = ((_hour_of_day(hour, half) * 60 + minute) * 60 + second) * 1000
    return _Clock(hour, half, Screening(milliseconds, bargain))


def _hour_of_day(hour: int, half: str) -> int:
    if not half or hour > 12:
        return hour
    return hour % 12 + (12 if half == "P" else 0)


def _with_halves(clocks: list[_Clock]) -> list[Screening]:
    """Apply each AM or PM to the times before it that have no AM or PM."""
    half = ""
    screenings = []
    for hour, own_half, screening in reversed(clocks):
        half = own_half or half
        if not own_half and 1 <= hour <= 12 and screening.milliseconds is not None:
            shift = (_hour_of_day(hour, half) - hour) * 3_600_000
            screening = screening._replace(milliseconds=screening.milliseconds + shift)
        screenings.append(screening)
    return screenings[::-1]
