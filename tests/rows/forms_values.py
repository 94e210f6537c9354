"""The forms of values that movielake reads: prices, dates, numbers, lists and country codes.

The tests of values run over these tables, and ``docs/forms.md`` shows them. ``None`` means null in
Parquet, and one more problem in the count. A source is a locale of Unicode CLDR, a public bug
report, a data set, or the habit of writers in a country.
"""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

TITLE = "Prices, dates, numbers, lists and country codes"

TWO_READINGS = "a number with two readings"


class Price(NamedTuple):
    """A text, the country of its feed zip (empty: any), its value, and the source of the form."""

    text: str
    country: str
    value: float | None
    source: str


PRICES = [
    # three digits after a point or comma
    Price("0.750", "", 0.75, "CLDR en, KWD"),
    Price("0,750", "", 0.75, "CLDR es, KWD"),
    Price(".750", "", 0.75, "writers' habit: no zero before the point"),
    Price("0,500", "", 0.5, "simstudioai/sim #6111"),
    Price("KD 3.500", "", 3.5, "writers' habit, Kuwait"),
    Price("423.923 KD", "", 423.923, "scrapinghub/price-parser, its tests"),
    Price("12.500 KWD", "", 12.5, "simstudioai/sim #6111"),
    Price("123,456.789 OMR", "", 123456.789, "scrapinghub/price-parser, its tests"),
    Price("2.500 د.ك.", "", 2.5, "CLDR ar-KW, KWD"),
    Price("BD 3.200", "", 3.2, "writers' habit, Bahrain"),
    Price("JOD5.500", "", 5.5, "CLDR en, JOD"),
    Price("8,500 DT", "", 8.5, "CLDR fr-TN, TND"),
    Price("LYD 1,250", "", 1.25, "CLDR en, LYD"),
    Price("IQD 7.500", "", 7.5, "ISO 4217: three decimals"),
    Price("3.500", "kwt", 3.5, "writers' habit, Kuwait"),
    Price("3,500", "bhr", 3.5, "writers' habit, Bahrain"),
    Price("1.234", "tun", 1.234, "writers' habit, Tunisia"),
    Price("دينار 2.750", "jor", 2.75, "writers' habit, Jordan"),
    Price("1,000.500", "omn", 1000.5, "CLDR en, OMR"),
    Price("3.500", "", None, TWO_READINGS),
    Price("1.234", "mex", None, TWO_READINGS),
    Price("1,200", "usa", None, TWO_READINGS),
    Price("$1,200", "kwt", None, "a currency beside the number counts before the country's"),
    Price("3.350", "", None, "scrapinghub/price-parser #46"),
    Price("1.500 DKK", "", None, "cknow/laravel-money #6"),
    Price("€55.555", "", None, "mktj/parsecurrency #14"),
    Price("140.000", "", None, "scrapinghub/price-parser #15"),
    Price("012.345", "", None, "no form: a zero before a group"),
    Price("¥1,800", "jpn", 1800.0, "CLDR ja, JPY"),
    Price("3,500円", "", 3500.0, "scrapinghub/price-parser, its tests"),
    Price("12,000원", "", 12000.0, "scrapinghub/price-parser, its tests"),
    Price("₩12,000", "kor", 12000.0, "CLDR ko, KRW"),
    Price("Rp 31.500", "", 31500.0, "scrapinghub/price-parser, its tests"),
    Price("880,000 ₫", "", 880000.0, "scrapinghub/price-parser, its tests"),
    Price("$4.500", "chl", 4500.0, "CLDR es-CL, CLP"),
    Price("9.000", "col", 9000.0, "CLDR es-CO, COP"),
    # other decimals
    Price("$13.00", "", 13.0, "the feed"),
    Price("12.50", "", 12.5, "the feed"),
    Price("12,50 €", "", 12.5, "CLDR de, EUR"),
    Price("€ 12,50", "", 12.5, "CLDR nl, EUR"),
    Price("9,5€", "", 9.5, "guyb7/time-prices #16"),
    Price("8€50", "", 8.5, "writers' habit, France"),
    Price("$.75", "", 0.75, "scrapinghub/price-parser, its tests"),
    Price(".75 €", "", 0.75, "scrapinghub/price-parser, its tests"),
    Price("3.3500", "", 3.35, "scrapinghub/price-parser #46"),
    Price("฿ 3.3900", "", 3.39, "scrapinghub/price-parser, its tests"),
    Price("12.5000", "", 12.5, "type money of SQL Server, with four decimals"),
    Price("1200.500", "", 1200.5, "decimals: a group has at most three digits before it"),
    Price("12.", "", 12.0, "scrapinghub/price-parser, its tests"),
    # thousands
    Price("1,600.00", "", 1600.0, "jef/streetmerchant #2152"),
    Price("1.234.567,89", "", 1234567.89, "akaunting/akaunting #3372"),
    Price("1,234,567.890", "", 1234567.89, "scrapinghub/price-parser #63"),
    Price("4.200,00 kr.", "", 4200.0, "ex-money/money #125; CLDR da, DKK"),
    Price("€10.000,00 EUR", "", 10000.0, "mktj/parsecurrency #14"),
    Price("$ 1.144.000", "", 1144000.0, "scrapinghub/price-parser, its tests"),
    Price("4 566,00 kr", "", 4566.0, "d3/d3-format #73"),
    Price("1\N{NO-BREAK SPACE}298,00", "", 1298.0, "scrapinghub/price-parser #39"),
    Price("1\N{NO-BREAK SPACE}200 Ft", "", 1200.0, "CLDR hu, HUF"),
    Price("29\N{NARROW NO-BREAK SPACE}000 €", "", 29000.0, "apache/ofbiz-framework #845"),
    Price("1\N{THIN SPACE}200,50", "", 1200.5, "writers' habit: a thin blank, as in ISO 80000-1"),
    Price("1'200", "", 1200.0, "writers' habit, Switzerland"),
    Price("CHF 1'200.20", "", 1200.2, "scrapinghub/price-parser #61"),
    Price("2'425.64 CHF", "", 2425.64, "PruvoNet/price-extractor #1"),
    Price("CHF 1\N{RIGHT SINGLE QUOTATION MARK}049.95", "", 1049.95, "CLDR de-CH, CHF"),
    # signs in place of cents
    Price("95,-", "", 95.0, "writers' habit, Denmark, Germany, Norway"),
    Price("kr. 1.000,-", "", 1000.0, "RubyMoney/money #199"),
    Price("95:-", "", 95.0, "writers' habit, Sweden"),
    Price("1.200:-", "", 1200.0, "writers' habit, Sweden"),
    Price("CHF 18.-", "", 18.0, "writers' habit, Switzerland"),
    Price("18.\N{EN DASH}", "", 18.0, "writers' habit, Switzerland"),
    Price("€ 9,--", "", 9.0, "writers' habit, Austria, the Netherlands"),
    Price("Rs. 150/-", "", 150.0, "writers' habit, India, Pakistan"),
    Price("KSh 500/=", "", 500.0, "writers' habit, East Africa"),
    # currencies
    Price("kr. 95,00", "", 95.0, "writers' habit, Denmark"),
    Price("NOK 120", "", 120.0, "ISO 4217"),
    Price("eur 12,50", "", 12.5, "ISO 4217, in lower case"),
    Price("Fr. 18.50", "", 18.5, "javedh-dev/tracktor #49"),
    Price("12.50 Fr.", "", 12.5, "javedh-dev/tracktor #49"),
    Price("Fr.18.50", "", 18.5, "Multibit-Legacy/multibit #182"),
    Price("Rs.150", "", 150.0, "indibeast/currency-format #1"),
    Price("Rs. 150", "", 150.0, "indibeast/currency-format #1"),
    Price("250 руб.", "", 250.0, "scrapinghub/price-parser, its tests"),
    Price("1 030 р.", "", 1030.0, "scrapinghub/price-parser, its tests"),
    Price("2 285,81 грн.", "", 2285.81, "scrapinghub/price-parser, its tests"),
    Price("94,99 zł", "", 94.99, "scrapinghub/price-parser, its tests"),
    Price("9 800 Kč", "", 9800.0, "scrapinghub/price-parser, its tests"),
    Price("18,50 lei", "", 18.5, "writers' habit, Romania"),
    Price("17,90 лв.", "", 17.9, "CLDR bg, BGN"),
    Price("R$260,00", "", 260.0, "scrapinghub/price-parser, its tests"),
    Price("R 85", "", 85.0, "CLDR en-ZA, ZAR"),
    Price("S/.12.50", "", 12.5, "writers' habit, Peru"),
    Price("B/.4.25", "", 4.25, "CLDR es-PA, PAB"),
    Price("US$:12.99", "", 12.99, "scrapinghub/price-parser, its tests"),
    Price("₪98", "", 98.0, "scrapinghub/price-parser, its tests"),
    Price("\N{RIGHT-TO-LEFT MARK}35.00 د.إ.\N{RIGHT-TO-LEFT MARK}", "", 35.0, "CLDR ar-AE, AED"),
    Price("644.00 جنيه", "", 644.0, "scrapinghub/price-parser, its tests"),
    Price("&pound;8.50", "", 8.5, "a reference of HTML, escaped twice"),
    Price("(8.50)", "", 8.5, "brackets mark a bargain in the feed"),
    Price("34,50 € *", "", 34.5, "scrapinghub/price-parser, its tests"),
    # no price
    Price("8-10", "", None, "a range"),
    Price("841,00 zł \N{EN DASH} 995,00 zł", "", None, "scrapinghub/price-parser, its tests"),
    Price("8/10", "", None, "two prices"),
    Price("da 8 €", "", None, "Italian: from 8 €"),
    Price("From £39.95", "", None, "scrapinghub/price-parser, its tests"),
    Price("AED 8000 (USD 2179)", "", None, "scrapinghub/price-parser, its tests"),
    Price("-5", "", None, "a negative number"),
    Price("+3.00", "", None, "a surcharge"),
    Price("5-", "", None, "a negative number, as SAP writes it"),
    Price("75p", "", None, "a number of pence"),
    Price("50¢", "", None, "a number of cents, or colones"),
    Price("free", "", None, "a word"),
    Price("Free!", "", None, "scrapinghub/price-parser, its tests"),
    Price("€ 12 USD", "", None, "two currencies"),
    Price("12,34,567.25", "", None, "CLDR en-IN: groups of two digits, never in a ticket price"),
]

DATES = [
    ("20191206", "2019-12-06", "the feed"),
    ("2019-12-06", "2019-12-06", "ISO 8601"),
    ("2019/12/6 0:00:00", "2019-12-06", "the feed, China"),
    ("11/27/2019", "2019-11-27", "the feed: month first"),
    ("July 05, 2013", "2013-07-05", "the feed"),
    ("Sept. 30, 2013", "2013-09-30", "writers' habit, United States"),
    ("July\N{NO-BREAK SPACE}5,\N{NARROW NO-BREAK SPACE}2013", "2013-07-05", "blanks of HTML"),
    ("2019-04-12T15:53", "2019-04-12", "taylorhakes/fecha #58"),
    ("2012-12-21T09:00:00.000Z", "2012-12-21", "abritinthebay/datejs #149"),
    ("2019-12-06T00:00:00+01:00", "2019-12-06", "RFC 3339; the day is the local one"),
    ("2019-12-06 00:00:00.0000000 -0500", "2019-12-06", "type datetimeoffset of SQL Server"),
    ("27/11/2019", None, "day first, which elsewhere is month first"),
    ("06.12.2019", None, "day first"),
    ("2019-02-29", None, "no such day"),
    ("11/27/19", None, "a year of two digits"),
    ("TBA", None, "a word"),
]

NUMBERS = [
    ("51.3397", "float64", 51.3397, "the feed"),
    ("-5E-05", "float64", -5e-05, "Runalyze/Runalyze #1772; .NET's ToString()"),
    ("1.5e+02", "float64", 150.0, "C's printf"),
    ("+12.5", "float64", 12.5, "ISO 6709: a sign always"),
    ("\N{MINUS SIGN}33,87", "float64", -33.87, "CLDR sv, fi, nb: the minus of Unicode"),
    ("52,52", "float64", 52.52, "JustinWingChungHui/okKindred #48"),
    ("52,520", "float64", 52.52, "cachly/issues-tracker #5003"),
    (".5", "float64", 0.5, "writers' habit: no zero before the point"),
    ("52.520.008", "float64", None, "a spreadsheet's thousands"),
    ("52°31'12\"", "float64", None, "degrees, minutes and seconds"),
    ("48.43, -124.1", "float64", None, "ianengelbrecht/geo-coordinates-parser #3: both in one"),
    ("NaN", "float64", None, "not a number"),
    ("1e999", "float64", None, "larger than any coordinate"),
    ("103", "int32", 103, "the feed"),
    ("007", "int32", 7, "the feed"),
    ("7.0", "int32", None, "a decimal"),
    ("103 min", "int32", None, "a unit"),
]

LISTS = [
    ("Digital, 3D", ",", ["Digital", "3D"], "the feed"),
    ("Reserved seating; No passes", ";", ["Reserved seating", "No passes"], "the feed"),
    ("Q&amp;A with director; No passes", ";", ["Q&amp;A with director", "No passes"],
     "a doubly escaped &"),
    ("Q&amp;amp;A; No passes", ";", ["Q&amp;amp;A", "No passes"], "an & escaped three times"),
    ("Q&A; No passes", ";", ["Q&A", "No passes"], "no reference: HTML has no character A"),
    ("R&B; Jazz", ";", ["R&B", "Jazz"], "no reference: HTML has no character B"),
    ("caf&eacute;; bar", ";", ["caf&eacute;", "bar"], "names of HTML"),
    ("A &#8211; B; C", ";", ["A &#8211; B", "C"], "zotonic/zotonic #956"),
    ("A &#x1F; B; C", ";", ["A &#x1F; B", "C"], "xl0/lovely-mermaid #7"),
    ("Tom &amp Jerry; Up", ";", ["Tom &amp Jerry", "Up"], "martinsvalin/html_entities #26"),
    (" ; ", ";", None, "nothing between separators"),
]  # fmt: skip

CODES = [
    ("rou", ["rou"], "ISO 3166-1"),
    ("rom", ["rou"], "sameer-shelavale/php-countries-array #4"),
    ("xkx", ["srb"], "mikelodder7/celes #4; the tz database has one zone for both"),
    ("xkk", ["srb"], "CLDR; the tz database has one zone for both"),
    ("scg", ["srb", "mne"], "ISO 3166-3"),
    ("yug", ["srb", "mne"], "CLDR, aliases of territories"),
    ("csk", ["cze", "svk"], "ISO 3166-3"),
    ("zar", ["cod"], "CLDR, aliases of territories"),
    ("tmp", ["tls"], "CLDR, aliases of territories"),
    ("ger", ["deu"], "hmrc/income-tax-mtd-changelog #343"),
    ("ned", ["nld"], "br-g/openf1 #281"),
    ("mon", ["mco"], "br-g/openf1 #281"),
    ("ksa", ["sau"], "br-g/openf1 #281"),
    ("sui", ["che"], "datasets/country-codes, IOC and FIFA"),
    ("eng", ["gbr"], "FIFA"),
    ("cdn", ["can"], "datasets/country-codes, signs of vehicles"),
    ("brn", ["brn"], "ISO 3166-1 counts first: Brunei, though IOC's Bahrain (br-g/openf1 #281)"),
    ("bur", [], "two meanings: Burma in ISO 3166-3, Burkina Faso for the IOC"),
    ("zzz", [], "no list has it"),
]


def shown(value: Any) -> str:
    """Show a value as on the page."""
    if value is None:
        return "null, counted"
    if isinstance(value, list):
        return " · ".join(value) or "unknown, places are not checked"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


ROWS: list[tuple[str, str, str]] = [
    *(
        (f"{p.text} (in a zip of {p.country})" if p.country else p.text, shown(p.value), p.source)
        for p in PRICES
    ),
    *((text, shown(value), source) for text, value, source in DATES),
    *((text, shown(value), source) for text, _, value, source in NUMBERS),
    *((text, shown(value), source) for text, _, value, source in LISTS),
    *((text, shown(value), source) for text, value, source in CODES),
]


def date(text: str | None) -> datetime.date | None:
    """Return the expected date of a row of `DATES`."""
    return datetime.date.fromisoformat(text) if text else None
