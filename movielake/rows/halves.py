"""Half-days: the words beside a time that state its part of the day, such as PM.

``halves.csv`` lists the words and their parts of the day. They are the day periods of Unicode CLDR
(am, pm, noon, midnight, morning, afternoon, evening and night; wide, abbreviated and narrow) in the
official languages of the feed's 48 countries. A test compares the table with CLDR. Words with
``habit`` in place of a language are habits of writers: ``NN`` for noon in the Philippines, 深夜 for
the night in Japan, words without their accents, and words that only mark an hour, such as ``Uhr``.
The table leaves out short words of CLDR that mean something else beside a time: ``PG`` is a rating,
``Mi`` a Wednesday.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

AM: Final = "A"
PM: Final = "P"

HOUR: Final = "hour"
"""The part of words that only mark a number as an hour."""

LETTER: Final = r"[^\x00-@\[-`{-\x7f]"
"""Regular expression of a letter or accent. Outside of ASCII, every sign counts as a letter."""

_GROUPS: Final = re.compile(rf"{LETTER}+(?:[ .'-]+{LETTER}+)*")
GROUP: Final = re.compile(rf"{LETTER}+")
"""Regular expression of letters without a sign between them."""

_OPENING: Final = re.compile(r"[ .*)\]}]*[(\[{]?[ .']*")
_CLOSING: Final = re.compile(r"[ .]*[)\]}]")
_BEFORE: Final = re.compile(r"[ .:)(\[\]{}]*\Z")
_EASTERN: Final = re.compile("[\u3040-\u9fff\uac00-\ud7af]")
_VOWELS: Final = re.compile("[\u064b-\u0652]")
_LONGEST: Final = 64
_MOST_GROUPS: Final = 5
_ONLY_BEFORE: Final = ("de", "du", "este", "kl", "klo", "godz", "ore")
_WITH_DOT: Final = ("de", "du", "in")


class Word(NamedTuple):
    """A known word beside a time.

    Parameters
    ----------
    part : str
        Part of the day: am, pm, noon, midday, evening, night or midnight; or `HOUR`.
    key : str
        Its letters, in lower case.
    start, end : int
        Its position in the searched text, with brackets around it.
    """

    part: str
    key: str
    start: int
    end: int

    @property
    def is_eastern(self) -> bool:
        """Whether it is a word of Chinese, Japanese or Korean, which stand before the time."""
        return bool(_EASTERN.match(self.key))

    @property
    def is_short(self) -> bool:
        """Whether it is a word of at most two letters that also has other meanings."""
        if self.key in ("am", "pm") or (self.part == HOUR and self.key != "u"):
            return False
        return len(self.key) <= 2 and self.key.isascii()


@cache
def read_words() -> dict[str, str]:
    """Read the table of words.

    Returns
    -------
    dict of str to str
        Part of the day by the letters of a word.

    Examples
    --------
    >>> words = read_words()
    >>> words["pm"], words["오후"], words["delatarde"], words["midnight"]
    ('pm', 'pm', 'pm', 'midnight')
    """
    text = files("movielake.rows").joinpath("halves.csv").read_text("utf-8")
    return {key_of(row["word"]): row["part"] for row in csv.DictReader(text.splitlines())}


def key_of(word: str) -> str:
    """Return the letters of a word in lower case, without dots, blanks, hyphens and Arabic vowels.

    Parameters
    ----------
    word : str
        Word as written.

    Returns
    -------
    str

    Examples
    --------
    >>> key_of("P. M."), key_of("après-midi")
    ('pm', 'aprèsmidi')
    """
    plain = unicodedata.normalize("NFKC", word).casefold()
    plain = _VOWELS.sub("", plain)  # most writers leave them out
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] in "LM")


def word_after(text: str) -> Word | None:
    """Find the known word at the beginning of the text that follows a time.

    Parameters
    ----------
    text : str
        Text right behind a time.

    Returns
    -------
    Word or None
        The longest known word. Blanks, dots and brackets can stand before it. None if the text
        begins with something else.

    Examples
    --------
    >>> word_after(" p. m. OmU")
    Word(part='pm', key='pm', start=1, end=5)
    >>> word_after(" OmU") is None
    True
    """
    text = text[:_LONGEST]
    opening = _OPENING.match(text)
    begin = opening.end() if opening else 0
    groups = _GROUPS.match(text, begin)
    ends = [group.end() for group in GROUP.finditer(text, *groups.span())] if groups else []
    for end in reversed(ends[:_MOST_GROUPS]):
        key = key_of(text[begin:end])
        is_dotted = key not in _WITH_DOT or text[end : end + 1] == "."
        if key in read_words() and key not in _ONLY_BEFORE and is_dotted:
            closing = _CLOSING.match(text, end) if text[:begin].strip()[-1:] in "([{" else None
            return Word(read_words()[key], key, begin, closing.end() if closing else end)
    return None


def word_before(text: str) -> Word | None:
    """Find the known word at the end of the text that precedes a time.

    Parameters
    ----------
    text : str
        Text right before a time.

    Returns
    -------
    Word or None
        The longest known word. Blanks, dots, colons and brackets can stand behind it. None if the
        text ends with something else.

    Examples
    --------
    >>> word_before("OmU PM ")
    Word(part='pm', key='pm', start=4, end=7)
    """
    offset = max(len(text) - _LONGEST, 0)
    text = text[offset:]
    behind = _BEFORE.search(text)
    last = behind.start() if behind else len(text)
    groups = list(GROUP.finditer(text[:last]))[-_MOST_GROUPS:]
    for group in groups:
        key = key_of(text[group.start() : last])
        joined = _GROUPS.fullmatch(text, group.start(), last)
        if joined and key in read_words() and _may_precede(key, text[last : last + 1]):
            bracket = text[: group.start()][-1:] in ("(", "[", "{")
            start = group.start() - bracket
            return Word(read_words()[key], key, offset + start, offset + len(text))
    return None


def _may_precede(key: str, sign: str) -> bool:
    """Return whether a word can stand before a time. Most short words only stand behind it."""
    if key in _ONLY_BEFORE:
        return sign == "." or key not in _WITH_DOT
    return len(key) > 3 or not key.isascii() or key in ("am", "pm")


def half_of(word: Word, hour: int) -> str | None:
    """Return the half of the day that a word gives to an hour.

    Parameters
    ----------
    word : Word
        The word beside the time.
    hour : int
        Hour as written, 0 to 29.

    Returns
    -------
    str or None
        `AM`, `PM`, or an empty text if the word is only `HOUR`. None if the word contradicts the
        hour: ``13:20 AM``.

    Examples
    --------
    >>> evening, night = (Word(part, "", 0, 0) for part in ("evening", "night"))
    >>> [half_of(evening, hour) for hour in (7, 12)], [half_of(night, hour) for hour in (5, 11)]
    (['P', 'A'], ['A', 'P'])
    """
    if word.part == HOUR:
        return ""
    if hour > 23:
        return AM if word.part in ("am", "night", "midnight") else None
    if hour > 12:
        return None if word.part in ("am", "noon", "midnight") else PM
    if hour == 0 and not word.is_eastern:  # 午後0:30 is half past twelve
        return AM if word.part in ("am", "night", "midnight") else None
    return _half_of_twelve(word.part, hour % 12)


def _half_of_twelve(part: str, hour: int) -> str | None:
    """Return the half for an hour of a clock with twelve hours, 0 to 11."""
    if part in ("am", "pm"):
        return AM if part == "am" else PM
    if part in ("noon", "midnight"):
        return None if hour else (PM if part == "noon" else AM)
    if part == "midday":
        return AM if hour > 8 else PM
    first = 4 if part == "evening" else 6  # one o'clock in the night is after midnight
    return PM if hour >= first else AM


def time_of_word(text: str) -> int | None:
    """Return the hour of a text that is only a word for noon or midnight: 12 or 0.

    Parameters
    ----------
    text : str
        Text without a number.

    Returns
    -------
    int or None
        None if it is another text, or a short word that also has other meanings.

    Examples
    --------
    >>> time_of_word("noon"), time_of_word("Mitternacht"), time_of_word("PM")
    (12, 0, None)
    """
    key = key_of(text)
    if len(key) < 4 and key.isascii():
        return None
    return {"noon": 12, "midnight": 0}.get(read_words().get(key, ""))
