"""The table of half-days agrees with Unicode CLDR, and its words stand beside times."""

from __future__ import annotations

import csv
import datetime
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files

import pytest
from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton
from babel.languages import get_official_languages

from movielake.names.countries import find_countries
from movielake.rows.halves import HOUR, Word, half_of, key_of, read_words, word_after, word_before
from movielake.rows.showtimes import parse_showtimes
from movielake.sample.places import countries

LEFT_OUT = {
    "d", "n", "o", "r", "v", "ö", "இ",  # one letter, cs, en, tr, ta: an abbreviation of anything
    "m",  # es-CO noon, it morning
    "mi",  # en midnight: de Wednesday
    "min",  # fr-CH midnight: minutes
    "mo",  # lb morning: de Monday
    "pg",  # ms morning: a rating
}  # fmt: skip
HABITS = {"nn", "深夜", "medianoche"}
ACCENTS = str.maketrans("áèéíãñčó", "aeeianco")
AFTERNOON, EVENING = 15 * 3600, 15 * 3600


def locales() -> Iterator[Locale]:
    """The official languages of the sample's countries, as written there."""
    for code in countries():
        (country,) = find_countries(code)
        for language in get_official_languages(country.alpha2.upper(), de_facto=True):
            try:
                yield Locale.parse(f"{language}_{country.alpha2.upper()}")
            except UnknownLocaleError:
                continue


def part_of(periods: dict[str, tuple[int, int]]) -> str:
    """Give the part of the day of a word that CLDR has for day periods with these seconds."""
    kinds = {name.rstrip("12") for name in periods}
    late = [span for name, span in periods.items() if name.startswith(("afternoon", "evening"))]
    if kinds & {"am", "pm"}:
        return "am" if "am" in kinds else "pm"
    if "midnight" in kinds:
        return "night" if "night" in kinds else "midnight"
    if kinds & {"morning", "night"}:
        return "am" if "morning" in kinds else "night"
    if not late:
        return "noon"
    if max(end for _, end in late) <= AFTERNOON:
        return "midday"
    return "evening" if min(begin for begin, _ in late) >= EVENING else "pm"


def words_of_cldr() -> dict[str, str]:
    found: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for locale in locales():
        rules = locale.day_period_rules.get(None) or {}
        spans = {
            name: (span.get("from", span.get("at")), span.get("before", span.get("at")))
            for name, (span, *_) in rules.items()
        }
        for widths in locale.day_periods.values():
            for words in widths.values():
                for name, word in words.items():
                    found[key_of(word)][name] = spans.get(name, (0, 0))
    return {key: part_of(periods) for key, periods in found.items()}


def test_the_table_has_the_words_of_cldr_for_the_languages_of_all_countries():
    ours = {key: part for key, part in read_words().items() if part != HOUR}
    theirs = words_of_cldr()
    assert theirs.keys() >= LEFT_OUT
    plain = {key.translate(ACCENTS).replace("ł", "l"): part for key, part in theirs.items()}
    others = {key: part for key, part in ours.items() if key not in theirs}
    assert {key: part for key, part in others.items() if plain.get(key) != part} == {
        key: ours[key] for key in HABITS
    }
    assert {key: ours.get(key) for key in theirs.keys() - LEFT_OUT} == {
        key: part for key, part in theirs.items() if key not in LEFT_OUT
    }


def test_the_table_lists_each_word_once_in_composed_letters():
    text = files("movielake.rows").joinpath("halves.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len({key_of(row["word"]) for row in rows}) == len(rows) > 350
    assert unicodedata.normalize("NFC", text) == text
    assert {row["word"] for row in rows if row["languages"] == "habit"} >= {"nn", "深夜", "uhr"}


def written_by_locales() -> Iterator[tuple[str, str, int]]:
    """Write times in twelve hours as each locale does."""
    for locale in locales():
        halves = {key_of(word) for word in locale.day_periods["format"]["abbreviated"].values()}
        for hour in (0, 7, 12, 19) if not halves & LEFT_OUT else (19,):
            time = datetime.time(hour, 30)
            yield str(locale), format_skeleton("hm", time, locale=locale), hour


@pytest.mark.parametrize(("locale", "text", "hour"), [*written_by_locales()])
def test_times_of_each_locale_are_read_back(locale, text, hour):
    (screening,), odd = parse_showtimes(text)
    assert (screening.milliseconds, odd) == ((hour * 60 + 30) * 60_000, [])


@pytest.mark.parametrize(
    ("part", "halves"),
    [
        ("am", "AAAAAAAAAAAA"),
        ("pm", "PPPPPPPPPPPP"),
        ("noon", "P           "),
        ("midday", "PPPPPPPPPAAA"),
        ("evening", "AAAAPPPPPPPP"),
        ("night", "AAAAAAPPPPPP"),
        ("midnight", "A           "),
    ],
)
def test_a_part_of_the_day_gives_a_half_to_twelve_and_to_1_to_11(part, halves):
    word = Word(part, "x", 0, 1)
    assert [half_of(word, hour or 12) or " " for hour in range(12)] == list(halves)


@pytest.mark.parametrize(
    ("part", "hour", "half"),
    [
        ("am", 13, None),
        ("pm", 13, "P"),
        ("night", 23, "P"),
        ("noon", 13, None),
        ("am", 24, "A"),
        ("pm", 24, None),
        ("am", 0, "A"),
        ("pm", 0, None),
        ("night", 25, "A"),
        (HOUR, 7, ""),
    ],
)
def test_a_word_agrees_with_an_hour_of_24_or_contradicts_it(part, hour, half):
    assert half_of(Word(part, "x", 0, 1), hour) == half


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (" PM", "pm"),
        (") (p. m.) x", "pm"),
        (" de la tarde, x", "pm"),
        (" após PM", None),
        (" PMx", None),
        ("\N{SQUARE PM}", "pm"),
        (" este", None),
        (" in", None),
        (" i.n.", "pm"),
        ("", None),
    ],
)
def test_a_word_is_found_behind_a_time(text, part):
    word = word_after(text)
    assert (word and word.part) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("OmU PM ", "pm"),
        ("(p. m.) ", "pm"),
        ("PM: ", "pm"),
        ("du. ", "pm"),
        ("du ", None),
        ("este ", "evening"),
        ("em ", None),
        ("xPM ", None),
        ("", None),
    ],
)
def test_a_word_is_found_before_a_time(text, part):
    word = word_before(text)
    assert (word and word.part) == part
