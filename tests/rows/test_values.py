"""Texts become typed values: dates, numbers, prices, booleans, lists. Invalid ones are counted."""

from __future__ import annotations

import datetime
import math
import string
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Decimal

import pyarrow as pa
import pytest
from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from babel.numbers import format_currency, get_currency_precision, get_territory_currencies
from hypothesis import given
from hypothesis import strategies as st

from movielake.names.countries import read_countries
from movielake.rows.prices import parse_price
from movielake.rows.problems import REPEATED, UNKNOWN, UNTYPED, Problem, ProblemCounter, total
from movielake.rows.values import (
    booleans,
    floats,
    integers,
    parse_date,
    per_distinct,
    regroup,
    split_list,
    typed,
)
from movielake.schema.tables import Column, table
from tests.rows import forms_values as forms
from tests.strategies import examples, xml_characters

INT32 = pa.int32()
DIGITS_OF_OTHERS = "１２３", "١٢٣", "१२३", "𝟏𝟐𝟑", "²", "Ⅻ", "五"


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


# ---------------------------------------------------------------- the table of forms


@pytest.mark.parametrize(("text", "country", "price", "_"), forms.PRICES)
def test_a_price_of_the_table_has_its_value(text, country, price, _):
    problems = ProblemCounter()
    found = typed(texts(text), column("price"), problems, country=country)
    assert found.to_pylist() == [price]
    assert [p.count for p in problems.problems()] == ([] if price is not None else [1])


@pytest.mark.parametrize(("text", "iso", "_"), forms.DATES)
def test_a_date_of_the_table_has_its_value(text, iso, _):
    assert parse_date(text) == forms.date(iso)


@pytest.mark.parametrize(("text", "type_", "number", "_"), forms.NUMBERS)
def test_a_number_of_the_table_has_its_value(text, type_, number, _):
    assert typed(texts(text), column(type_), ProblemCounter()).to_pylist() == [number]


@pytest.mark.parametrize(("text", "separator", "items", "_"), forms.LISTS)
def test_a_list_of_the_table_has_its_items(text, separator, items, _):
    assert split_list(texts(None, text), separator).to_pylist() == [None, items]


def test_the_table_of_forms_is_large_and_has_no_form_twice():
    assert len(forms.PRICES) > 100
    assert len({row[0] for row in forms.ROWS}) == len(forms.ROWS)
    assert {len(row) for row in forms.ROWS} == {3}


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20191206", "2019-12-06"),
        ("2019-12-06", "2019-12-06"),
        ("2019-12-6", "2019-12-06"),
        ("2019/12/6", "2019-12-06"),
        ("2019/12/6 0:00:00", "2019-12-06"),
        ("2019-12-06 23:59", "2019-12-06"),
        ("2019-12-06T00:00:00", "2019-12-06"),
        ("2019-12-06T00:00:00Z", "2019-12-06"),
        ("2019-12-06 00:00:00.000", "2019-12-06"),
        ("12/6/2019 12:00:00 AM", "2019-12-06"),
        ("11/27/2019", "2019-11-27"),
        ("1/2/2013", "2013-01-02"),
        ("July 05, 2013", "2013-07-05"),
        ("July 5, 2013", "2013-07-05"),
        ("July 5 2013", "2013-07-05"),
        ("Jul 05, 2013", "2013-07-05"),
        ("Jul. 5, 2013", "2013-07-05"),
        ("SEPTEMBER 30, 2013", "2013-09-30"),
        ("Sept. 30, 2013", "2013-09-30"),
        ("may 1, 2013", "2013-05-01"),
        ("February 29, 2012", "2012-02-29"),
        ("00010101", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
    ],
)
def test_dates_are_read(text, iso):
    assert str(parse_date(text)) == iso


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "TBA",
        "2019",
        "2019-12",
        "201912",
        "2019120",
        "201912066",
        "2019-12/06",
        "2019-13-06",
        "2019-02-29",
        "20190229",
        "00000000",
        "0000-01-01",
        "2019-00-01",
        "27/11/2019",
        "11/27/19",
        "11-27-2019",
        "06.12.2019",
        "2019-12-06x",
        "x2019-12-06",
        "2019-12-06\n",
        "2019-12-06 soon",
        "-2019-12-06",
        "Juli 05, 2013 and later",
        "Foo 05, 2013",
        "July 32, 2013",
        "July 05, 13",
        "05 July 2013",
        "2019年12月6日",
        *DIGITS_OF_OTHERS,
        "２０１９１２０６",
        "٢٠١٩-١٢-٠٦",
    ],
)
def test_other_texts_are_not_dates(text):
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "form",
    ["%Y%m%d", "%Y-%m-%d", "%Y/%m/%d 0:00:00", "%m/%d/%Y", "%B %d, %Y", "%b %d, %Y", "%Y-%m-%dT%X"],
)
@examples()
@given(date=st.dates(min_value=datetime.date(1000, 1, 1)))
def test_dates_written_by_strftime_are_read(form, date):
    assert parse_date(date.strftime(form)) == date


def by_strptime(text: str, *forms: str) -> datetime.date | None:
    for form in forms:
        try:
            return datetime.datetime.strptime(text, form).date()
        except ValueError:
            pass
    return None


@examples(max_examples=300)
@given(st.from_regex(r"\A(20[012][0-9]|0000)[0-9]{4}\Z"))
def test_eight_digits_are_read_like_strptime(text):
    assert parse_date(text) == by_strptime(text, "%Y%m%d")


@examples(max_examples=300)
@given(st.from_regex(r"\A20[012][0-9]([-/])[0-9]{1,2}\1[0-9]{1,2}\Z"))
def test_digits_and_separators_are_read_like_strptime(text):
    assert parse_date(text) == by_strptime(text, "%Y-%m-%d", "%Y/%m/%d")


@examples(max_examples=300)
@given(st.text() | st.text(string.digits + "/-, .:TZAPMJulyJanua", max_size=16))
def test_no_text_raises(text):
    assert isinstance(parse_date(text), datetime.date | None)
    assert isinstance(parse_price(text), float | None)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        ("+7", 7),
        ("-7", -7),
        ("2147483647", 2**31 - 1),
        ("-2147483648", -(2**31)),
        ("2147483648", None),
        ("-2147483649", None),
        ("999999999999999999", None),
        ("9" * 19, None),
        ("9" * 400, None),
        ("", None),
        (" ", None),
        ("+", None),
        ("--7", None),
        ("+-7", None),
        ("7.0", None),
        ("7e3", None),
        ("0x7", None),
        ("1_000", None),
        ("1,000", None),
        ("7 ", None),
        ("7\n", None),
        ("8 min", None),
        ("None", None),
        *[(text, None) for text in DIGITS_OF_OTHERS],
    ],
)
def test_integers_are_converted(text, number):
    found = integers(texts(text), INT32)
    assert (found.type, found.to_pylist()) == (INT32, [number])


def test_64_bit_integers_have_a_larger_range():
    assert integers(texts("2147483648", "-999999999999999999"), pa.int64()).to_pylist() == [
        2147483648,
        -999999999999999999,
    ]


@examples()
@given(st.lists(st.none() | st.integers(-(2**34), 2**34).map(str) | st.text(max_size=4)))
def test_integers_are_converted_like_int(values):
    def expected(text: str | None) -> int | None:
        if text is None or not text.isascii() or text != text.strip() or "_" in text:
            return None
        try:
            number = int(text)
        except ValueError:
            return None
        return number if -(2**31) <= number < 2**31 else None

    assert integers(texts(*values), INT32).to_pylist() == [expected(v) for v in values]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("51.3397", 51.3397),
        ("-33.87", -33.87),
        ("+12.5", 12.5),
        ("12", 12.0),
        ("12.", 12.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("0", 0.0),
        ("007.50", 7.5),
        ("0." + "1" * 300, 1 / 9),
        ("", None),
        (".", None),
        ("-", None),
        ("51,3397", 51.3397),
        ("-51,3", -51.3),
        ("5e3", 5000.0),
        ("-5E-05", -5e-05),
        ("1,5E+2", 150.0),
        ("5e", None),
        ("e5", None),
        ("5e1.5", None),
        ("1e999", None),
        ("-1e999", None),
        ("51,", None),
        ("1,234.5", None),
        ("1,2,3", None),
        ("51,3 N", None),
        ("--5", None),
        ("nan", None),
        ("inf", None),
        ("-Infinity", None),
        ("0x1p3", None),
        ("51.3397°", None),
        ("51.3.3", None),
        ("1_0.5", None),
        ("5.0\n", None),
        *[(text, None) for text in DIGITS_OF_OTHERS],
    ],
)
def test_floats_are_converted(text, number):
    assert floats(texts(text)).to_pylist() == [number]


def test_a_decimal_too_large_for_a_float_becomes_null():
    assert floats(texts("9" * 400, "-" + "9" * 400, "1.5")).to_pylist() == [None, None, 1.5]


@pytest.mark.parametrize("form", ["{:f}", "{:e}", "{:E}", "{:+.3e}", "{!r}"])
@examples()
@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_floats_are_converted_like_float(form, numbers):
    written = [form.format(number) for number in numbers]
    assert floats(texts(*written)).to_pylist() == [float(text) for text in written]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Y", True),
        ("y", True),
        ("N", False),
        ("n", False),
        ("Yes", None),
        ("1", None),
        ("true", None),
        ("", None),
        (" Y", None),
        ("YN", None),
        ("Ｙ", None),
        ("https://tickets.example", None),
    ],
)
def test_booleans_are_converted(text, value):
    assert booleans(texts(text)).to_pylist() == [value]


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("$13.00", 13.0),
        ("12.50", 12.5),
        ("12,50", 12.5),
        ("12.5", 12.5),
        ("12,50 EUR", 12.5),
        ("€12", 12.0),
        ("€ 12", 12.0),
        ("12 €", 12.0),
        ("EUR 12.50", 12.5),
        ("kr 120", 120.0),
        ("0", 0.0),
        ("0.00", 0.0),
        ("1,200", None),
        ("1.200", None),
        ("1 200", 1200.0),
        ("1,200.50", 1200.5),
        ("1.200,50", 1200.5),
        ("¥1,234,567", 1234567.0),
        ("120000", 120000.0),
        ("(8.50)", 8.5),
        ("8-10", None),
        ("8 - 10", None),
        ("8/10", None),
        ("$8.50, $9.50", None),
        ("8.50 9.50", None),
        ("8.500.1", None),
        ("-5", None),
        ("free", None),
        ("", None),
        ("$", None),
        ("$.", None),
        ("12.345.6", None),
        ("Adults 12.50", None),
        ("12.50 per person", None),
        ("1e3", None),
        ("12:50", None),
        ("12.50\n13.50", None),
        ("9" * 30, None),
        ("1" + " 000" * 200, None),
        ("1" + ",000" * 200, None),
        *[(text, None) for text in DIGITS_OF_OTHERS],
        ("１2.50", None),
        ("12.5０", None),
        ("٣5", None),
    ],
)
def test_prices_are_read(text, price):
    assert parse_price(text) == price


@examples()
@given(
    cents=st.integers(0, 99_999_999),
    form=st.sampled_from(["{}", "${}", "€ {}", "{} EUR", "{}kr"]),
    thousands=st.sampled_from(["", ",", " "]),
)
def test_prices_with_cents_are_read(cents, form, thousands):
    units = f"{cents // 100:,}".replace(",", thousands)
    assert parse_price(form.format(f"{units}.{cents % 100:02}")) == cents / 100


@examples()
@given(cents=st.integers(0, 99_999_999), thousands=st.sampled_from(["", ".", " "]))
def test_prices_with_a_comma_before_the_cents_are_read(cents, thousands):
    units = f"{cents // 100:,}".replace(",", thousands)
    assert parse_price(f"{units},{cents % 100:02}") == cents / 100


COUNTRIES = {country.alpha2.upper(): country.code for country in read_countries().values()}


def prices_of(territory: str, amount: Decimal) -> set[tuple[str, float]]:
    """Write an amount in each currency and official language of a territory, by Unicode CLDR."""
    found = set()
    for currency in get_territory_currencies(territory, datetime.date(2013, 1, 1)):
        precision = get_currency_precision(currency)
        value = amount.quantize(Decimal(1).scaleb(-precision), ROUND_HALF_EVEN)
        for language in get_official_languages(territory, regional=True, de_facto=True):
            with suppress(UnknownLocaleError):
                locale = Locale.parse(f"{language}_{territory}")
                found.add((format_currency(amount, currency, locale=locale), float(value)))
    return found


@pytest.mark.parametrize("amount", ["0.75", "8", "12.5", "95", "999.9", "1200", "1234.5", "120000"])
def test_prices_of_every_country_are_read(amount):
    """A price that is not read has a single letter as currency, or groups of two digits.

    For CLDR, prices in Iraq have no decimals. By ISO 4217, and here, they have three.
    """
    odd = {
        (text, found)
        for territory, country in COUNTRIES.items()
        for text, value in prices_of(territory, Decimal(amount))
        if (found := parse_price(text, country)) != value and country != "irq"
    }
    assert {found for _, found in odd} <= {None}, odd
    assert len(odd) < 16, odd


# ---------------------------------------------------------------- columns of values


ANY_TEXT = st.text(xml_characters())


def column(type_: str, **more: object) -> Column:
    return Column("a", type_, "", "", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type_", "good", "value", "odd"),
    [
        ("int32", "7", 7, "seven"),
        ("int64", "7", 7, "seven"),
        ("float64", "7.5", 7.5, "7.5.1"),
        ("price", "$7.50", 7.5, "7-8"),
        ("date", "20191206", datetime.date(2019, 12, 6), "soon"),
        ("boolean", "Y", True, "maybe"),
    ],
)
def test_invalid_values_become_null_and_are_counted_with_the_first_example(type_, good, value, odd):
    problems = ProblemCounter()
    values = texts(None, odd, good, odd + "!", None, f" {good}\n", " ", f" {odd} ")
    found = typed(values, column(type_), problems)
    assert found.type == column(type_).arrow
    assert found.to_pylist() == [None, None, value, None, None, value, None, None]
    assert problems.problems() == (Problem("a", UNTYPED, 3, odd),)


@pytest.mark.parametrize("type_", ["int32", "float64", "price", "date", "boolean", "string"])
@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_missing_values_are_not_a_problem(type_, values):
    problems = ProblemCounter()
    found = typed(texts(*values), column(type_), problems)
    assert (found.to_pylist(), found.type) == (values, column(type_).arrow)
    assert problems.problems() == ()


@pytest.mark.parametrize("type_", ["string", "markup"])
@examples()
@given(values=st.lists(st.none() | ANY_TEXT))
def test_texts_are_trimmed_and_empty_texts_become_null(type_, values):
    problems = ProblemCounter()
    expected = [(text or "").strip() or None for text in values]
    assert typed(texts(*values), column(type_), problems).to_pylist() == expected
    assert problems.problems() == ()


@pytest.mark.parametrize("type_", ["int32", "int64", "float64", "price", "date", "boolean"])
@examples()
@given(values=st.lists(st.none() | ANY_TEXT | st.text("0123456789.,-+/$YN ", max_size=8)))
def test_each_text_has_a_value_or_is_counted(type_, values):
    problems = ProblemCounter()
    found = typed(texts(*values), column(type_), problems).to_pylist()
    trimmed = [(text or "").strip() for text in values]
    odd = [t for t, v in zip(trimmed, found, strict=True) if t and v is None]
    assert [v for t, v in zip(trimmed, found, strict=True) if not t and v is not None] == []
    assert [v for v in found if isinstance(v, float) and not math.isfinite(v)] == []
    expected = (Problem("a", UNTYPED, len(odd), odd[0][:200]),) if odd else ()
    assert problems.problems() == expected


def test_a_problem_can_have_another_name():
    problems = ProblemCounter()
    typed(texts("x"), column("int32"), problems, "intl.a")
    assert problems.problems() == (Problem("intl.a", UNTYPED, 1, "x"),)


def test_each_distinct_text_is_parsed_once():
    seen = []
    found = per_distinct(texts("a", None, "b", "a"), lambda t: seen.append(t) or len(t), INT32)
    assert (found.to_pylist(), seen) == ([1, None, 1, 1], ["a", "b"])


# ---------------------------------------------------------------- lists


@pytest.mark.parametrize(
    ("text", "separator", "items"),
    [
        ("Digital, 3D", ",", ["Digital", "3D"]),
        ("Digital", ",", ["Digital"]),
        ("Digital,3D,", ",", ["Digital", "3D"]),
        (" ,Digital,, 3D , ", ",", ["Digital", "3D"]),
        ("Digital, Digital", ",", ["Digital", "Digital"]),
        ("Reserved seating; No passes, ever", ";", ["Reserved seating", "No passes, ever"]),
        ("a,b", ";", ["a,b"]),
        ("\N{NO-BREAK SPACE}a\N{NO-BREAK SPACE},\tb\n", ",", ["a", "b"]),
        ("", ",", None),
        (" , ,", ",", None),
        (None, ",", None),
    ],
)
def test_lists_in_one_text_are_split(text, separator, items):
    assert split_list(texts(text), separator).to_pylist() == [items]


@examples()
@given(st.lists(st.none() | st.text("ab, ", max_size=8)))
def test_lists_are_split_like_split_and_strip(values):
    expected = [
        [item.strip() for item in (text or "").split(",") if item.strip()] or None
        for text in values
    ]
    assert split_list(texts(*values), ",").to_pylist() == expected


@pytest.mark.parametrize(
    ("items", "parents", "length", "lists"),
    [
        ([], [], 0, []),
        ([], [], 2, [None, None]),
        (["a", "b", "c"], [0, 0, 2], 3, [["a", "b"], None, ["c"]]),
        (["a", None, " ", ""], [0, 1, 1, 2], 3, [["a"], None, None]),
        ([" a ", None, "b"], [1, 1, 1], 2, [None, ["a", "b"]]),
    ],
)
def test_items_are_grouped_by_parent(items, parents, length, lists):
    assert regroup(texts(*items), pa.array(parents, pa.int64()), length).to_pylist() == lists


def test_regroup_keeps_structs_of_nulls_but_drops_null_structs():
    type_ = pa.struct([("a", pa.int32())])
    items = pa.array([{"a": 1}, None, {"a": None}], type_)
    found = regroup(items, pa.array([0, 0, 2]), 3)
    assert found.to_pylist() == [[{"a": 1}], None, [{"a": None}]]
    assert found.type == pa.list_(type_)


# ---------------------------------------------------------------- counting


def test_problems_are_counted_by_column_and_kind_in_a_fixed_order():
    counter = ProblemCounter()
    counter.add("b", UNTYPED, 1, "first")
    counter.add("a", UNKNOWN, 2, "x")
    counter.add("b", REPEATED, 1, "y")
    counter.add("b", UNTYPED, 4, "second")
    assert counter.problems() == (
        Problem("a", UNKNOWN, 2, "x"),
        Problem("b", REPEATED, 1, "y"),
        Problem("b", UNTYPED, 5, "first"),
    )


def test_long_examples_are_cut():
    counter = ProblemCounter()
    counter.add("a", UNTYPED, 1, "x" * 1000)
    assert counter.problems() == (Problem("a", UNTYPED, 1, "x" * 200),)


def test_problems_of_several_members_add_up():
    problems = [Problem("a", UNTYPED, 1, "x"), Problem("b", UNTYPED, 1, "z")]
    problems += [Problem("a", UNTYPED, 2, "y")]
    assert total(problems) == (Problem("a", UNTYPED, 3, "x"), Problem("b", UNTYPED, 1, "z"))
    assert total([]) == ()


def test_every_type_that_is_read_from_one_text_has_a_conversion():
    whole = {"list", "structs", "showtimes", "timestamp", "map"}  # built in another way
    for name in ("movies", "theaters", "showings"):
        for c in table(name).columns:
            if c.type not in whole:
                assert typed(texts(None), c, ProblemCounter()).type == c.arrow
