"""Numerals: the numbers in a piece of text that are times.

A number has one of four forms: ``13:20``; ``19h30``; ``19.30``; or ``7`` and ``730``, which are
times only beside a word of `movielake.rows.halves`. The text is in plain signs, as
`movielake.rows.signs` makes them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from movielake.names.currencies import currencies_written
from movielake.rows.halves import GROUP, HOUR, LETTER, PM, Word, half_of, word_after, word_before

COLON, WITH_LETTER, DOT, BARE = _FORMS = "1234"
"""The forms of a number."""

NEAR: Final = 64
"""Most signs between a time and the end of its word."""

NOISE: Final = " .()"
"""Signs that mean nothing between times."""

_HOUR: Final = "(?:uhr|[huч时時点點시])"
_TIME: Final = re.compile(
    r"(?<![\d:])(?:"
    r"(?P<h1>\d{1,2}):(?P<m1>\d\d)(?::(?P<s1>\d\d)(?:\.0+)?)?(?![\d:])"
    rf"|(?P<h2>\d{{1,2}}) ?{_HOUR}(?: (?!\d+(?:[:.]\d| ?{_HOUR}(?!{LETTER}))))?"  # not 19h 21h
    r"(?:(?P<m2>\d\d)(?: ?(?:min(?![a-z])|[分분]))?|[半반])(?!\d)"
    r"|(?<!\d\.)(?P<h3>\d{1,2})\.(?P<m3>\d\d)(?!\d|[.:]\d)"
    r"|(?P<h4>\d{1,2}?)(?P<m4>\d\d)?(?!\d|[.:]\d))",
    re.IGNORECASE,
)
_NAME_LAST: Final = re.compile(
    rf"(?<!{LETTER})(?!(?:at|um|om|à|às|las|alle)\Z){LETTER}+\Z", re.IGNORECASE
)
_MINUTES: Final = re.compile(rf" ?\d{{1,2}}(?!\d|[:.]\d| ?{_HOUR}(?!{LETTER}))", re.IGNORECASE)
_LAST_HOUR: Final = 29


@dataclass
class Numeral:
    """A number that is a time, and what the text around it states about it.

    Parameters
    ----------
    start, end : int
        Its position in the text.
    hour : int or None
        Hour as written, 0 to 29. None for a number that cannot be a time of day.
    minute, second : int
        Minute and second.
    form : str
        `COLON`, `WITH_LETTER`, `DOT` or `BARE`.
    words : list of Word
        Words that belong to it.
    is_unclear : bool
        Whether letters touch it that are no known word.
    is_ahead : bool
        Whether its half stands before it.
    bargain : bool
        Whether it is in parentheses.
    """

    start: int
    end: int
    hour: int | None
    minute: int
    second: int
    form: str
    words: list[Word] = field(default_factory=list)
    is_unclear: bool = False
    is_ahead: bool = False
    bargain: bool = False

    @property
    def could_be_later(self) -> bool:
        """Whether it is in twelve hours, and no word states the afternoon: 7:30, 7:30 AM."""
        return self.hour in range(1, 13) and not self.halves & {PM, None}

    @property
    def halves(self) -> set[str | None]:
        """The halves that its words give to it. None stands for a contradiction."""
        return {half_of(word, self.hour or 0) for word in self.words} - {""}

    def alone(self) -> Numeral:
        """Return it without the words that were given to it."""
        return Numeral(self.start, self.end, self.hour, self.minute, self.second, self.form)


def find_numerals(text: str) -> list[Numeral]:
    """Find the numbers that can be times.

    Parameters
    ----------
    text : str
        Text in plain signs.

    Returns
    -------
    list of Numeral
        In the order of the text. An offset from UTC is left out, and so is a number with a dot
        beside a time with a colon. A number with a sign has no hour.

    Examples
    --------
    >>> [(n.hour, n.minute) for n in find_numerals("Saal 2: 13:20+01:00 19h30")]
    [(13, 20), (19, 30)]
    """
    found: list[Numeral] = []
    for match in _TIME.finditer(text):
        numeral = _numeral(match)
        behind = found[-1].end if found else 0
        if numeral.form == BARE and not _is_marked(text, behind, numeral):
            continue
        if text[numeral.start - 1 : numeral.start] in ("-", "+"):
            if found and _is_offset(text, numeral, found[-1]):
                continue
            if not found and text[max(numeral.start - 2, 0) : numeral.start - 1] in ("", " ", "("):
                numeral.hour = None
        found.append(numeral)
    if any(numeral.form in (COLON, WITH_LETTER) for numeral in found):
        return [numeral for numeral in found if numeral.form != DOT]
    return found


def _numeral(match: re.Match[str]) -> Numeral:
    form = next(form for form in _FORMS if match["h" + form])
    hour, second = int(match["h" + form]), int(match["s1"] or 0)
    minute = int(match["m" + form] or (30 if form == WITH_LETTER else 0))
    is_valid = hour <= _LAST_HOUR and minute <= 59 and second <= 59
    return Numeral(match.start(), match.end(), hour if is_valid else None, minute, second, form)


def _is_marked(text: str, begin: int, numeral: Numeral) -> bool:
    """Return whether a word beside a bare number makes it a time.

    The text before it begins at a position: that behind the previous number.
    """
    word = word_after(text[begin : min(begin + NEAR, numeral.start)]) if begin else None
    begin += word.end if word else 0
    before = text[max(numeral.start - NEAR, begin) : numeral.start]
    known = word_before(before)
    if known is None and _NAME_LAST.search(before.rstrip(NOISE)):
        return False  # Saal 7 PM
    behind = text[numeral.end : numeral.end + NEAR]
    word = word_after(behind)
    if word is None or (word.part == HOUR and _MINUTES.match(behind, word.end)):
        return known is not None and (known.is_eastern or known.part in ("am", "pm", HOUR))
    if not word.is_short:
        return True
    is_near = not word.start or len(word.key) > 1
    is_hour_only = numeral.end - numeral.start <= 2
    return is_near and is_hour_only and not behind[word.end :].strip(NOISE)


def _is_offset(text: str, numeral: Numeral, before: Numeral) -> bool:
    """Return whether a number with a sign is an offset from UTC, not the next time of a list."""
    if text[numeral.start - 1] == "+":
        return True
    is_earlier = (numeral.hour or 0, numeral.minute) < (before.hour or 0, before.minute)
    is_padded = numeral.form == COLON and numeral.end - numeral.start == len("03:00")
    return is_earlier and is_padded and word_after(text[numeral.end : numeral.end + NEAR]) is None


def without_other_numbers(numerals: Sequence[Numeral], rest: str) -> list[Numeral]:
    """Leave out the numbers that turned out to be no times.

    Parameters
    ----------
    numerals : sequence of Numeral
        The numbers of a piece, with their words.
    rest : str
        The text of the piece that belongs to none of them, its parts divided by blanks.

    Returns
    -------
    list of Numeral
        Without bare numbers that have no word. Without numbers with a dot that can be a date, a
        price or a version: ``18.12. 20.15 Uhr``, ``12.50 EUR``, ``Scope 2.35``.
    """
    has_hours = any(word.part == HOUR for numeral in numerals for word in numeral.words)
    is_price = "*" in rest or any(currencies_written(group) for group in GROUP.findall(rest))
    first = 24 if has_hours or is_price else 10 if rest else 0
    kept = [numeral for numeral in numerals if numeral.words or numeral.form != BARE]
    return [n for n in kept if n.words or n.form != DOT or (n.hour or 0) >= first]
