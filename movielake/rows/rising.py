"""Rising: the half and the day of each time, from the order of the list.

A list of times rises. Its day ends at 30:00, six o'clock in the morning, so it can pass midnight. A
time has these places on the day:

- With an AM or PM of its own, or in 24 hours, it has one place. If that is before 6:00, it has a
  second place after midnight, 24 hours later. The hours 24 to 29 have only that place.
- From 1:00 to 12:59 and without an AM or PM, it has the place in the morning, the place in the
  afternoon, and the place after midnight, if a half applies to it. A half applies to the times
  before it, back to the last AM or PM. A half that stands before its time (``PM 1:00, 3:15``)
  applies to the times behind it, up to the next AM or PM.
- If no half applies to it, it is in 24 hours.

Going backwards, each time gets the latest place that is not after its successor. So a closing
``12:15 AM`` is at 24:15, and ``9:30, 2:00, 7:00 PM`` begins in the morning. Behind a half that
stands before its time, the same goes forwards: the earliest place that is not before the
predecessor. Where the times of a half do not rise, the half applies to all of them. In a list that
does not rise, all times stay on the day itself. So do the times of a list that begins after
midnight: it shows no day before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from movielake.rows.clocks import UNCLEAR, Clock
from movielake.rows.halves import PM

HOUR: Final = 3_600_000
HALF: Final = 12 * HOUR
DAY: Final = 24 * HOUR
NIGHT: Final = 6 * HOUR
"""End of the night. A time before it can belong to the evening of the day before."""

_END: Final = DAY + NIGHT


class Order(NamedTuple):
    """The places of a list of times.

    Parameters
    ----------
    places : list of int or None
        For each time, milliseconds since midnight of the day, less than 30 hours. None if the time
        or its half is unknown.
    overnight : list of bool
        For each time, whether it is after midnight only by its place in the list.
    is_doubtful : bool
        Whether the list does not rise, so that the half or the day of a time is uncertain.
    """

    places: list[int | None]
    overnight: list[bool]
    is_doubtful: bool


@dataclass
class _Run:
    """A time with an AM or PM, its bearer, and the times to which it applies, by their numbers.

    The last run of a list can have no bearer.
    """

    before: list[int]
    bearer: int | None
    behind: list[int] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        return [*self.before, *([] if self.bearer is None else [self.bearer]), *self.behind]


def find_places(clocks: Sequence[Clock]) -> Order:
    """Find the place of each time of a list on its day.

    Parameters
    ----------
    clocks : sequence of Clock
        The times as written.

    Returns
    -------
    Order

    Examples
    --------
    >>> clocks = [Clock("", 9), Clock("", 2), Clock("", 7, half="P"), Clock("", 12, half="A")]
    >>> order = find_places(clocks)
    >>> [place // HOUR for place in order.places], order.overnight
    ([9, 14, 19, 24], [False, False, False, True])
    """
    plain = _plain_places(clocks)
    if plain is not None:
        return Order(plain, [False] * len(plain), is_doubtful=False)
    search = _Search(clocks)
    search.run()
    found = search.places
    known = [(place, c) for place, c in zip(found, clocks, strict=True) if place is not None]
    falls = [(place, c) for (before, _), (place, c) in pairwise(known) if _falls(before, place, c)]
    explicit = [(clock.hour or 0) >= 24 for clock in clocks]
    places: list[int | None] = found
    if falls or (known and known[0][0] >= DAY and not any(explicit)):
        places = [
            place if place is None or late else place % DAY
            for place, late in zip(found, explicit, strict=True)
        ]
    overnight = [
        place is not None and place >= DAY and not late
        for place, late in zip(places, explicit, strict=True)
    ]
    is_uncertain = any(place % DAY < NIGHT or _is_morning(clock) for place, clock in falls)
    return Order(places, overnight, search.is_doubtful or is_uncertain)


def _plain_places(clocks: Sequence[Clock]) -> list[int | None] | None:
    """Find the places of a usual list: in twelve hours, rising, no time at night. Else None.

    The search below finds the same places, but needs several times as long.
    """
    places: list[int | None] = []
    limit = DAY
    for _, hour, rest, half, is_ahead, _ in reversed(clocks):
        if hour is None or not 0 < hour < 13 or is_ahead or not (half or places):
            return None
        place = hour % 12 * HOUR + rest
        if half == PM or (not half and place + HALF <= limit):
            place += HALF
        if not NIGHT <= place <= limit or half == UNCLEAR:
            return None
        places.append(place)
        limit = place
    return places[::-1]


def _falls(before: int, place: int, clock: Clock) -> bool:
    """Return whether a time does not rise. The night before a day is not followed by the next."""
    return place < before or (before < NIGHT and place >= DAY > (clock.hour or 0) * HOUR)


def _is_morning(clock: Clock) -> bool:
    """Return whether a time without a half could also be in the afternoon."""
    return not clock.half and (clock.hour or 0) < 12


def _runs(clocks: Sequence[Clock]) -> list[_Run]:
    """Divide a list into runs. Unknown times without a half belong to none."""
    runs: list[_Run] = []
    open_times: list[int] = []
    for number, clock in enumerate(clocks):
        if clock.half:
            runs.append(_Run(open_times, number))
            open_times = []
        elif clock.hour is not None:
            bearer = runs[-1].bearer if runs else None
            is_behind = bearer is not None and clocks[bearer].is_ahead
            (runs[-1].behind if is_behind else open_times).append(number)
    return [*runs, _Run(open_times, None)] if open_times else runs


class _Search:
    """The search for the places of a list, from its last run to its first."""

    def __init__(self, clocks: Sequence[Clock]) -> None:
        self._clocks = clocks
        hours = [clock.hour for clock in clocks if clock.hour is not None]
        self._has_late_hours = any(hour >= 24 for hour in hours)
        self._is_in_24_hours = any(hour > 12 for hour in hours) and not any(c.half for c in clocks)
        self.places: list[int | None] = [None] * len(clocks)
        self.is_doubtful = False

    def run(self) -> None:
        """Find the places. A half that had to be applied to all times makes the list doubtful."""
        limit, following = _END, None
        for run in reversed(_runs(self._clocks)):
            placed = self._fit(run, limit)
            if placed is None and following and limit < _END:
                placed = self._fit(run, _END)
                if placed is not None:  # it rises, but ends after its follower begins
                    self._note(self._with_half(following))
            placed = self._with_half(run) if placed is None else placed
            self._note(placed)
            limit, following = min(placed.values(), default=limit), run

    def _note(self, placed: Mapping[int, int]) -> None:
        for number, place in placed.items():
            self.places[number] = place

    def _half(self, run: _Run) -> str:
        return "" if run.bearer is None else self._clocks[run.bearer].half

    def _fit(self, run: _Run, limit: int) -> dict[int, int] | None:
        """Find places of a run that rise up to a limit; None if it has none."""
        half = self._half(run)
        if half == UNCLEAR:
            return {n: self._places(n, "")[0] for n in run.numbers if not self._is_open(n)}
        bearers = [limit] if run.bearer is None else self._places(run.bearer, half)[::-1]
        before = [self._places(number, half) for number in reversed(run.before)]
        behind = [self._places(number, half) for number in run.behind]
        for place in bearers:
            earlier, later = _backwards(before, place), _forwards(behind, place)
            if earlier is not None and later is not None and [place, *later][-1] <= limit:
                middle = [] if run.bearer is None else [place]
                return dict(zip(run.numbers, [*earlier[::-1], *middle, *later], strict=True))
        return None

    def _with_half(self, run: _Run) -> dict[int, int]:
        """Apply the half of a run to all of its times, in any order."""
        half = self._half(run)
        chosen = {number: self._places(number, half) for number in run.numbers}
        self.is_doubtful |= any(map(self._is_open, run.before + run.behind)) and bool(half)
        return {n: p[half == PM and self._is_open(n)] for n, p in chosen.items()}

    def _is_open(self, number: int) -> bool:
        clock = self._clocks[number]
        return (not clock.half and clock.hour in range(1, 13)) or clock.hour is None

    def _places(self, number: int, half: str) -> list[int]:
        """List the possible places of a time, the earliest first."""
        clock = self._clocks[number]
        hour = clock.hour or 0
        place = hour * HOUR + clock.rest
        if half and 1 <= hour <= 12:
            morning = place % HALF
            places = [morning, morning + HALF]
            if clock.half:
                places = [places[clock.half == PM]]
        else:
            places = [place]
        is_dated = bool(half) or hour == 0 or self._is_in_24_hours
        if places[0] < NIGHT and is_dated and not self._has_late_hours:
            places.append(places[0] + DAY)
        return places


def _backwards(choices: Iterable[list[int]], limit: int) -> list[int] | None:
    """Choose for each time the latest place that is not after the one chosen before it.

    A time without an own half is not put after midnight to double its successor.
    """
    chosen = []
    for places in choices:
        fitting = [p for p in places if p <= limit and not (p == limit >= DAY and len(places) > 2)]
        if not fitting:
            return None
        limit = fitting[-1]
        chosen.append(limit)
    return chosen


def _forwards(choices: Iterable[list[int]], limit: int) -> list[int] | None:
    """Choose for each time the earliest place that is not before the one chosen before it."""
    chosen = []
    for places in choices:
        fitting = [place for place in places if place >= limit]
        if not fitting:
            return None
        limit = fitting[0]
        chosen.append(limit)
    return chosen
