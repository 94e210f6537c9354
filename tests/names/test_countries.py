"""Countries by other codes than those of ISO 3166-1, and the currencies of countries."""

from __future__ import annotations

import datetime
import re

import pytest
from babel.core import get_global
from babel.numbers import get_territory_currencies

from movielake.names.countries import (
    find_countries,
    name_of_country,
    read_countries,
    read_other_codes,
    suggest_countries,
)
from movielake.names.currencies import currencies_of, currencies_written, read_currencies
from tests.rows import forms_values as forms

BY_ALPHA2 = {country.alpha2.upper(): country.code for country in read_countries().values()}


@pytest.mark.parametrize(("code", "means", "_"), forms.CODES)
def test_a_code_of_the_table_has_its_countries(code, means, _):
    assert [country.code for country in find_countries(code)] == means


def test_every_other_code_means_countries_of_today():
    for other in read_other_codes().values():
        assert re.fullmatch("[a-z]{3}", other.code)
        assert other.code not in read_countries()
        assert other.means
        assert set(other.means) <= read_countries().keys()
        assert other.source


def test_former_codes_have_the_meaning_that_unicode_gives_them():
    """Two codes are left out: for the IOC, ANT is Antigua and BUR is Burkina Faso."""
    ours = {code: set(other.means) for code, other in read_other_codes().items()}
    former = {
        code.lower(): {BY_ALPHA2[each] for each in territories}
        for code, territories in get_global("territory_aliases").items()
        if re.fullmatch("[A-Z]{3}", code) and set(territories) <= BY_ALPHA2.keys()
    }
    found = {code for code in former.keys() - read_countries().keys() if code in ours}
    assert {code: ours[code] for code in found} == {code: former[code] for code in found}
    assert former.keys() - read_countries().keys() - found == {"ant", "bur"}
    assert len(found) > 8


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("rou", "Romania"),
        ("rom", "Romania"),
        ("xkx", "Kosovo"),
        ("scg", "Serbia and Montenegro"),
        ("zzz", "zzz"),
        ("", ""),
    ],
)
def test_every_code_has_a_name(code, name):
    assert name_of_country(code) == name


@pytest.mark.parametrize("word", ["rou", "Romania", "romania", "ro", "Rumania"])
def test_a_country_with_another_code_is_suggested(word):
    assert suggest_countries(word, ["rom", "deu"]) == ["rom"]


# --- currencies


def test_currencies_have_the_decimals_and_countries_of_unicode():
    """The Iraqi dinar has three decimals by ISO 4217, but its coins are out of use."""
    fractions = get_global("currency_fractions")
    today = datetime.date(2026, 1, 1)
    for code, currency in read_currencies().items():
        expected = 3 if code == "IQD" else fractions.get(code, (2,))[0]
        assert currency.decimals == expected, code
        for country in currency.countries:
            territory = read_countries()[country].alpha2.upper()
            assert code in get_territory_currencies(territory, today), (code, country)


def test_every_country_whose_prices_have_no_two_decimals_is_listed():
    today = datetime.date(2026, 1, 1)
    for territory, code in BY_ALPHA2.items():
        theirs = get_territory_currencies(territory, today)
        odd = {c for c in theirs if c in read_currencies() and read_currencies()[c].decimals != 2}
        ours = {currency.code for currency in currencies_of(code)}
        assert ours == odd or (code, odd) == ("pse", {"JOD"}), code  # prices there are in shekels


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("KD", ["KWD"]),
        ("K.D.", ["KWD"]),
        ("kwd", ["KWD"]),
        ("Rs.", ["INR", "LKR", "MUR", "NPR", "PKR", "SCR"]),
        ("F CFA", ["XAF", "XOF"]),
        ("DA", ["DZD"]),
        ("da", []),
        ("p", []),
        ("P", ["BWP", "PHP"]),
        ("¢", []),
        ("", []),
        ("from", []),
    ],
)
def test_currencies_are_found_by_sign_word_and_code(text, codes):
    assert sorted(currency.code for currency in currencies_written(text)) == codes


@pytest.mark.parametrize(("country", "code"), [("kwt", "KWD"), ("kuw", "KWD"), ("jpn", "JPY")])
def test_a_country_is_found_by_any_of_its_codes(country, code):
    assert [currency.code for currency in currencies_of(country)] == [code]
