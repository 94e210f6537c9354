"""Clocks: the times in one piece of a text, as written. A piece stands between two commas.

A time has one of these forms. Its digits and its colon can be of any script:

- ``13:20``, ``9:05``, ``13:20:00``; ``19h30``, ``19u30``, ``19時30分``, ``7点半``; ``19.30`` if the
  piece has no time with a colon, and no text beside it that makes it a price or a version.
- The hours 24 to 29 are after midnight, as in GTFS.
- ``7 PM``, ``730 PM``, ``19 Uhr``, ``kl 19``: a number beside a word of `movielake.rows.halves`.
- ``noon``, ``midnight`` and their translations, alone in a piece.

The word stands before or behind the time. Blanks, dots and brackets can stand between them. Letters
that touch a time, but are no known word, make the time unclear: ``7:30xm``. So does a word that
contradicts it: ``13:20 AM``. An offset from UTC (``13:20+01:00``) is no time and changes no time:
the time is local. A number with a sign is no time: ``-1:00``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from movielake.rows.halves import (
    AM,
    GROUP,
    HOUR,
    LETTER,
    PM,
    Word,
    half_of,
    key_of,
    read_words,
    time_of_word,
    word_after,
    word_before,
)
from movielake.rows.numerals import (
    NEAR,
    NOISE,
    Numeral,
    find_numerals,
    without_other_numbers,
)
from movielake.rows.signs import plain_signs

UNCLEAR: Final = "?"
"""The half of a time with an unknown or contradictory word."""

_LETTER_FIRST: Final = re.compile(LETTER)
_LETTER_LAST: Final = re.compile(LETTER + r"\Z")
_ONLY_WORDS: Final = re.compile(rf"(?:{LETTER}|[ .:'()\[\]{{}}-])+")
_HALF: Final = re.compile(
    rf"(?<!{LETTER})p\.? ?m(?!{LETTER})|\d ?a\.? ?m(?!{LETTER})|\d[ap](?!{LETTER})", re.IGNORECASE
)
_ISO: Final = re.compile(r"(?<=\d)T(?=\d\d:)")
_CACHED: Final = 100
"""Most signs of a piece that is kept. The feed has many texts, but few different pieces."""


class Clock(NamedTuple):
    """A time as written.

    Parameters
    ----------
    piece : str
        The piece of the text, without blanks around it.
    hour : int or None
        Hour as written, 0 to 29. None if the piece is not a time.
    rest : int
        Milliseconds after the hour.
    half : str
        ``A`` or ``P`` for a time with an AM or PM of its own, `UNCLEAR`, or an empty text.
    is_ahead : bool
        Whether the half stands before the time. It then also applies to the times behind it.
    bargain : bool
        Whether the time is in parentheses.
    """

    piece: str
    hour: int | None = None
    rest: int = 0
    half: str = ""
    is_ahead: bool = False
    bargain: bool = False


class Piece(NamedTuple):
    """The content of a piece.

    Parameters
    ----------
    clocks : tuple of Clock
        The times. One clock without an hour if the piece has only other text.
    half : str
        The half of a piece that is only an AM or PM.
    has_more : bool
        Whether other text stands beside the times.
    depth : int
        Number of parentheses that are open behind the piece.
    """

    clocks: tuple[Clock, ...]
    half: str
    has_more: bool
    depth: int


def read_piece(piece: str, depth: int) -> Piece:
    """Read the times between two commas.

    Parameters
    ----------
    piece : str
        Text without commas.
    depth : int
        Number of parentheses that are open before it.

    Returns
    -------
    Piece

    Examples
    --------
    >>> [(c.hour, c.rest // 60_000, c.half) for c in read_piece("7:30 p. m.", 0).clocks]
    [(7, 30, 'P')]
    """
    return _read_known(piece, depth) if len(piece) <= _CACHED else _read(piece, depth)


def _read(piece: str, depth: int) -> Piece:
    text = _ISO.sub(" ", plain_signs(piece))
    numerals = find_numerals(text)
    rest = _read_gaps(text, numerals, depth)
    for _ in range(2):  # without one number, others can turn out to be no times
        kept = without_other_numbers(numerals, rest)
        if len(kept) < len(numerals):
            numerals = [numeral.alone() for numeral in kept]
            rest = _read_gaps(text, numerals, depth)
    after, piece = _depth_after(text, depth), piece.strip()
    if numerals:
        clocks = tuple(_clock(numeral, piece) for numeral in numerals)
        return Piece(clocks, "", bool(rest), after)
    return _read_words(piece, text, depth, after)


_read_known = lru_cache(maxsize=1 << 16)(_read)


def _clock(numeral: Numeral, piece: str) -> Clock:
    hour, halves = numeral.hour, numeral.halves
    if numeral.is_unclear or None in halves or len(halves) > 1 or (halves and hour is None):
        return Clock(piece, half=UNCLEAR, is_ahead=numeral.is_ahead)
    if hour is None:
        return Clock(piece)
    half = "".join(str(half) for half in halves)
    hour = 12 if half == PM and hour == 0 else hour  # 午後0:30
    rest = (numeral.minute * 60 + numeral.second) * 1000
    return Clock(piece, hour, rest, half, numeral.is_ahead, numeral.bargain)


def _read_gaps(text: str, numerals: list[Numeral], depth: int) -> str:
    """Give the words between the numbers to them, and return the other text."""
    rest: list[str] = []
    first = word_before(text[: numerals[0].start]) if numerals else None
    is_ahead = first is not None and first.part != HOUR
    position, previous = 0, None
    for numeral in [*numerals, None]:
        gap = text[position : numeral.start if numeral else len(text)]
        begin = _take_after(gap, previous, numeral is None, is_ahead) if previous else 0
        end = _take_before(gap, begin, numeral) if numeral else len(gap)
        _mark_unclear(gap, begin, end, previous, numeral)
        rest += [gap[begin:end].strip(NOISE), "*" * gap[:begin].count("*")]
        depth = _depth_after(gap, depth)
        if numeral:
            numeral.bargain, position, previous = depth > 0, numeral.end, numeral
    return " ".join(rest).strip()


def _take_after(gap: str, numeral: Numeral, is_last: bool, is_ahead: bool) -> int:
    """Give the words behind a number to it, and return where they end."""
    begin = 0
    while word := word_after(gap[begin : begin + NEAR]):
        belongs = is_last or word.part == HOUR or not (is_ahead or word.is_eastern)
        behind = gap[begin + word.end : begin + word.end + NEAR].strip(NOISE)
        # A short word can be the first one of another text: 10:30 em 3D, 1:00 a 3:00.
        is_letter = len(word.key) == 1 and word.start and not is_last
        if not belongs or (word.is_short and (behind or is_letter)) or not _suits(word, numeral):
            break
        numeral.words.append(word)
        begin += word.end
    return begin


def _take_before(gap: str, begin: int, numeral: Numeral) -> int:
    """Give the words before a number to it, and return where they begin."""
    end = len(gap)
    while (word := word_before(gap[begin:end])) and _suits(word, numeral):
        numeral.words.append(word)
        numeral.is_ahead |= word.part != HOUR
        end = begin + word.start
    return end


def _suits(word: Word, numeral: Numeral) -> bool:
    """Return whether a word can be about a time. An AM that contradicts its time is about it."""
    is_plain = word.part in ("am", "pm") and not word.is_short
    return is_plain or numeral.hour is None or half_of(word, numeral.hour) is not None


def _mark_unclear(
    gap: str, begin: int, end: int, previous: Numeral | None, following: Numeral | None
) -> None:
    """Mark numbers that unknown letters touch, or that have a PM elsewhere in the gap."""
    is_touched = not begin and end > 0 and _LETTER_FIRST.match(gap)
    touches = end == len(gap) > begin and _LETTER_LAST.search(gap[-1:])
    has_half = any(map(_is_afternoon, GROUP.findall(gap, begin, end)))
    for near, letters in ((previous, is_touched), (following, touches)):
        if near and (letters or (has_half and near.could_be_later)):
            near.is_unclear = True
            near.is_ahead |= near is following and previous is None


def _is_afternoon(group: str) -> bool:
    """Return whether letters are a word for the afternoon, or PM with more letters."""
    key = key_of(group)
    return key.startswith("pm") or (len(key) > 2 and read_words().get(key) == "pm")


def _read_words(piece: str, text: str, depth: int, after: int) -> Piece:
    """Read a piece without a time."""
    words = text.strip(NOISE)
    if not words:
        return Piece((), "", False, after)
    if _ONLY_WORDS.fullmatch(words):
        hour, part = time_of_word(words), read_words().get(key_of(words), "")
        if hour is not None:
            bargain = _depth_after(text[: text.index(words)], depth) > 0
            clock = Clock(piece, 12, 0, PM if hour else AM, False, bargain)
            return Piece((clock,), "", False, after)
        if part in ("am", "pm") and len(key_of(words)) > 1:
            return Piece((), AM if part == "am" else PM, False, after)
    half = UNCLEAR if _HALF.search(words) else ""
    return Piece((Clock(piece, half=half),), "", False, after)


def _depth_after(text: str, depth: int) -> int:
    for sign in text:
        if sign == "(":
            depth += 1
        elif sign == ")":
            depth = max(depth - 1, 0)
    return depth
