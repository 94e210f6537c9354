"""The times of a show_date: one text of the feed to its screenings.

The forms that occur are those of the feed's ``showtimes`` element:

- ``13:20`` and ``9:05``, 24 hours; ``7:30 PM`` and ``7:30PM``;
- an AM or PM also holds for the times without one before it, back to the last AM or PM:
  ``1:00, 3:15, 7:30 PM`` are all in the afternoon (hours above 12 stay as they are);
- ``(1:00)`` is a bargain price; parentheses may hold several times;
- times are separated by commas; dots and commas may be stray or final;
- text such as ``TBA`` is a screening whose time is not known, and a problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

_TIME: Final = re.compile(
    r"(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2}))?(?![\d:])(?:\s*([AaPp])\.?[Mm](?![A-Za-z]))?", re.A
)
_NOISE: Final = " \t\r\n\N{NO-BREAK SPACE}.()"


@dataclass(frozen=True)
class Screening:
    """One time of a show_date.

    Parameters
    ----------
    milliseconds : int or None
        Time of day since midnight; None where the text is no time.
    bargain : bool or None
        Whether it stands in parentheses; None without a time.
    """

    milliseconds: int | None
    bargain: bool | None


@dataclass(frozen=True)
class _Clock:
    """A time as written: before its AM or PM is known for certain."""

    hour: int
    minute: int
    second: int
    half: str
    bargain: bool


def parse_showtimes(text: str) -> tuple[list[Screening], list[str]]:
    """Read the text of a ``showtimes`` element.

    Parameters
    ----------
    text : str
        As in the feed, e.g. ``13:20, (15:40)``.

    Returns
    -------
    screenings : list of Screening
        In the order of the text, each time one; a piece that has no time in it is one without.
        Empty if there is nothing but separators.
    odd : list of str
        The pieces that are no time, or hold more than a time.

    Examples
    --------
    >>> parse_showtimes("(13:20)")
    ([Screening(milliseconds=48000000, bargain=True)], [])
    >>> parse_showtimes("TBA")
    ([Screening(milliseconds=None, bargain=None)], ['TBA'])
    """
    clocks: list[_Clock | None] = []
    odd: list[str] = []
    depth = 0
    for piece in text.split(","):
        found, rest, depth = _read_piece(piece, depth)
        readable = [clock if _is_time(clock) else None for clock in found]
        clocks += readable or ([None] if rest else [])
        if rest or None in readable:
            odd.append(piece.strip())
    return [_screening(clock) for clock in _with_halves(clocks)], odd


def _read_piece(piece: str, depth: int) -> tuple[list[_Clock], str, int]:
    """Find the times in what stands between two commas; ``depth`` counts open parentheses."""
    found = []
    rest = ""
    end = 0
    for match in _TIME.finditer(piece):
        between = piece[end : match.start()]
        depth = _depth_after(between, depth)
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        found.append(_Clock(hour, minute, second, (match[4] or "").upper(), depth > 0))
        rest += between.strip(_NOISE)
        end = match.end()
    tail = piece[end:]
    return found, rest + tail.strip(_NOISE), _depth_after(tail, depth)


def _depth_after(text: str, depth: int) -> int:
    for sign in text:
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth = max(depth - 1, 0)
    return depth


def _is_time(clock: _Clock) -> bool:
    # "13:20 PM" says the same twice and is read; "13:20 AM" and "0:20 PM" contradict themselves.
    agrees = clock.hour <= 12 if clock.half == "A" else clock.hour >= 1 if clock.half else True
    return clock.hour <= 23 and clock.minute <= 59 and clock.second <= 59 and agrees


def _with_halves(clocks: list[_Clock | None]) -> list[_Clock | None]:
    """Let each AM or PM hold for the times without one before it."""
    half = ""
    completed: list[_Clock | None] = []
    for clock in reversed(clocks):
        if clock is not None:
            half = clock.half or half
            if 1 <= clock.hour <= 12:
                clock = replace(clock, half=half)
        completed.append(clock)
    return completed[::-1]


def _screening(clock: _Clock | None) -> Screening:
    if clock is None:
        return Screening(None, None)
    hour = clock.hour
    if clock.half and hour <= 12:
        hour = hour % 12 + (12 if clock.half == "P" else 0)
    return Screening(((hour * 60 + clock.minute) * 60 + clock.second) * 1000, clock.bargain)
