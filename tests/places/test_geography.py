"""Points on Earth: their time zones, and whether they can lie in their country."""

from __future__ import annotations

import sys
from math import cos, hypot, radians
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from movielake import TheatersReader, is_outside, timezone_at
from movielake.names.countries import read_countries, suggest_countries
from movielake.places.geography import zones_of
from movielake.sample.places import countries

CAPITALS = {
    "are": (24.45, 54.38), "arg": (-34.60, -58.38), "aus": (-35.28, 149.13),
    "aut": (48.21, 16.37), "bel": (50.85, 4.35), "bhr": (26.23, 50.59), "bra": (-15.79, -47.88),
    "can": (45.42, -75.70), "che": (46.95, 7.45), "chl": (-33.45, -70.67), "chn": (39.90, 116.40),
    "col": (4.71, -74.07), "cze": (50.08, 14.44), "deu": (52.52, 13.40), "dnk": (55.68, 12.57),
    "egy": (30.04, 31.24), "esp": (40.42, -3.70), "fin": (60.17, 24.94), "fra": (48.86, 2.35),
    "gbr": (51.51, -0.13), "grc": (37.98, 23.73), "hkg": (22.28, 114.16), "hun": (47.50, 19.04),
    "idn": (-6.21, 106.85), "ind": (28.61, 77.21), "irl": (53.35, -6.26), "isr": (31.77, 35.22),
    "ita": (41.90, 12.50), "jpn": (35.68, 139.69), "kor": (37.57, 126.98), "lux": (49.61, 6.13),
    "mex": (19.43, -99.13), "mys": (3.14, 101.69), "nld": (52.37, 4.90), "nor": (59.91, 10.75),
    "nzl": (-41.29, 174.78), "phl": (14.60, 120.98), "pol": (52.23, 21.01), "prt": (38.72, -9.14),
    "rus": (55.76, 37.62), "sgp": (1.29, 103.85), "swe": (59.33, 18.07), "tha": (13.76, 100.50),
    "tur": (39.93, 32.86), "twn": (25.03, 121.57), "ukr": (50.45, 30.52), "usa": (38.91, -77.04),
    "zaf": (-25.75, 28.19),
}  # fmt: skip
LATITUDES, LONGITUDES = zip(*CAPITALS.values(), strict=True)

# Capitals of one country that lie within 25 km of another, or in its territory.
NEAR = {
    ("dnk", "swe"), ("hkg", "chn"), ("lux", "bel"), ("lux", "deu"), ("lux", "fra"), ("sgp", "mys"),
    ("sgp", "idn"),
}  # fmt: skip


def test_the_table_of_capitals_has_the_countries_of_the_feed():
    assert set(CAPITALS) == set(countries()) <= set(read_countries())


def test_every_capital_lies_only_in_its_own_country():
    inside = {
        (own, other)
        for other in CAPITALS
        for own, outside in zip(
            CAPITALS, is_outside(LATITUDES, LONGITUDES, other).tolist(), strict=True
        )
        if not outside
    }
    assert inside == {(code, code) for code in CAPITALS} | NEAR


@pytest.mark.parametrize(
    ("code", "capital", "outside"),
    [
        ("rom", (44.43, 26.10), False),  # Bucharest
        ("rom", (59.33, 18.07), True),
        ("ger", (52.52, 13.40), False),
        ("ger", (48.86, 2.35), True),
        ("xkx", (42.66, 21.16), False),  # Pristina
        ("scg", (42.44, 19.26), False),  # Podgorica
        ("scg", (44.80, 20.46), False),  # Belgrade
        ("scg", (48.21, 16.37), True),
        ("SUI", (46.95, 7.45), False),
        ("ned", (52.37, 4.90), False),
        ("zzz", (59.33, 18.07), False),
    ],
)
def test_codes_outside_iso_3166_are_checked(code, capital, outside):
    assert is_outside(*([degrees] for degrees in capital), code).tolist() == [outside]


def test_the_time_zones_of_codes_outside_iso_3166():
    assert zones_of("rom") == zones_of("rou") == ["Europe/Bucharest"]
    assert zones_of("scg") == ["Europe/Podgorica", "Europe/Belgrade"]
    assert zones_of("zzz") == []


def test_a_tolerance_of_zero_follows_the_border():
    inside = {
        (own, other)
        for other in CAPITALS
        for own, outside in zip(
            CAPITALS,
            is_outside(LATITUDES, LONGITUDES, other, tolerance_km=0).tolist(),
            strict=True,
        )
        if not outside
    }
    assert inside == {(code, code) for code in CAPITALS} | {("hkg", "chn")}


def test_every_city_of_the_sample_lies_in_its_country():
    places = [(p.lat, p.lon, c.code) for c in countries().values() for p in c.places]
    assert len(places) > 150
    assert not is_outside(*zip(*places, strict=True), tolerance_km=0).any()


@pytest.mark.parametrize(
    ("latitude", "longitude", "country", "outside"),
    [
        (55.60, 13.00, "swe", False),
        (47.60, 13.00, "swe", True),  # Malmö, 8° too far south
        (59.33, -18.07, "swe", True),  # Stockholm with the wrong sign
        (18.07, 59.33, "swe", True),  # Stockholm, swapped
        (0.0, 0.0, "swe", True),
        (0.0, 0.0, "gha", True),  # the nearest country, 570 km away
        (52.52, 13.40, "swe", True),  # Germany and Sweden share a zone in zone1970.tab
        (52.52, 13.40, "SWE", True),
        (52.52, 13.40, "dnk", True),
        (54.79, 9.44, "dnk", False),  # Flensburg, 5 km from Denmark
        (57.50, 19.00, "swe", False),  # off Gotland, in coastal waters
        (56.50, 19.00, "swe", True),  # the open sea
        (48.00, 7.85, "fra", False),  # Freiburg, 20 km from France
        (-20.88, 55.45, "fra", False),  # Réunion
        (48.86, 2.35, "reu", True),  # Paris is not part of Réunion
        (18.47, -66.11, "usa", False),  # Puerto Rico
        (44.95, 34.10, "ukr", False),  # Simferopol: inside both
        (44.95, 34.10, "rus", False),
        (43.83, 87.62, "chn", False),  # Ürümqi, which has two zones
        (47.05, 9.45, "lie", False),  # beside a country that is narrower than the tolerance
        (-16.50, 179.99, "fji", False),  # at the edge of the map
        (-16.50, -179.99, "fji", False),
        (89.99, 0.0, "can", True),
        (174.74, -36.84, "nzl", True),  # Auckland, swapped: not on Earth
        (52.5, 181.0, "swe", True),
        (float("inf"), 13.4, "swe", True),
        (-89.99, 0.0, "ata", False),
    ],
)
def test_points_inside_and_outside_their_country(latitude, longitude, country, outside):
    assert is_outside([latitude], [longitude], country).tolist() == [outside]


def test_the_tolerance_is_in_kilometres():
    """Freiburg lies about 20 km from the Rhine."""
    found = [
        bool(is_outside([48.0], [7.85], "fra", tolerance_km=km)[0]) for km in (0, 10, 17, 25, 40)
    ]
    assert found == sorted(found, reverse=True)
    assert (found[1], found[3]) == (True, False)


def test_the_tolerance_reaches_across_the_date_line():
    """St. Lawrence Island in Alaska is about 500 km east of Beringovsky in Chukotka."""
    found = [bool(is_outside([63.1], [179.4], "usa", tolerance_km=km)[0]) for km in (25, 300, 500)]
    assert found == [True, True, False]


@pytest.mark.parametrize(
    ("latitude", "longitude", "country"),
    [
        (None, 13.4, "swe"),
        (52.5, float("nan"), "swe"),
        (52.5, 13.4, None),
        (52.5, 13.4, "zzz"),
        (52.5, 13.4, ""),
    ],
)
def test_a_point_with_a_missing_value_or_unknown_country_is_not_outside(
    latitude, longitude, country
):
    assert is_outside([latitude], [longitude], [country]).tolist() == [False]


@pytest.mark.parametrize(
    "kind",
    [
        list,
        np.array,
        pa.array,
        lambda values: pa.chunked_array([values[:1], values[1:]]),
        pd.Series,
        lambda values: pd.Series(pa.array(values), dtype=pd.ArrowDtype(pa.array(values).type)),
        lambda values: pd.Series(values, dtype="Float64" if isinstance(values[0], float) else None),
    ],
)
def test_any_array_will_do(kind):
    latitude, longitude = kind([59.33, 52.52]), kind([18.07, 13.40])
    codes = kind(["swe", "swe"])
    assert is_outside(latitude, longitude, codes).tolist() == [False, True]
    assert timezone_at(latitude, longitude).to_pylist() == ["Europe/Stockholm", "Europe/Berlin"]


def test_categories_of_a_dataframe_will_do():
    country = pd.Series(["swe", "deu"], dtype="category")
    assert is_outside([59.33, 59.33], [18.07, 18.07], country).tolist() == [False, True]


def test_empty_arrays_and_nulls_give_empty_arrays_and_nulls():
    assert is_outside([], [], "swe").tolist() == []
    assert is_outside([], [], []).tolist() == []
    assert timezone_at([], []).to_pylist() == []
    assert is_outside([None], [None], "swe").tolist() == [False]
    assert timezone_at([None], [None]).to_pylist() == [None]


@pytest.mark.parametrize(
    ("arguments", "tolerance", "message"),
    [
        (([1.0, 2.0], [1.0], "swe"), 25, "expected 2 longitudes, .* found 1"),
        (([1.0, 2.0], [1.0, 2.0], ["swe"] * 3), 25, "expected 2 countries, .* found 3"),
        (([1.0], [1.0], "swe"), -1, "expected a tolerance of 0 km or more, found -1"),
    ],
)
def test_arrays_of_different_lengths_and_negative_tolerances_are_refused(
    arguments, tolerance, message
):
    with pytest.raises(ValueError, match=message):
        is_outside(*arguments, tolerance_km=tolerance)


# --- time zones


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone"),
    [
        (59.91, 10.75, "Europe/Oslo"),
        (40.71, -74.01, "America/New_York"),
        (33.45, -112.07, "America/Phoenix"),
        (-31.55, 159.08, "Australia/Lord_Howe"),
        (-13.83, -171.77, "Pacific/Apia"),
        (43.83, 87.62, "Asia/Shanghai"),
        (39.47, 75.99, "Asia/Shanghai"),
        (0.0, 0.0, None),
        (0.0, -150.0, None),
        (174.74, -36.84, None),
        (float("-inf"), float("inf"), None),
    ],
)
def test_zones_of_points(latitude, longitude, zone):
    assert timezone_at([latitude], [longitude]).to_pylist() == [zone]


def test_zones_of_countries():
    assert zones_of("swe") == ["Europe/Stockholm"]
    assert zones_of("chn") == ["Asia/Shanghai"]
    assert zones_of("deu") == ["Europe/Berlin", "Europe/Busingen"]
    assert zones_of("fra") == ["Europe/Paris"]
    assert len(zones_of("usa")) > 20
    assert zones_of("zzz") == []


def test_tzfpy_and_the_tz_database_have_the_same_zones():
    """They can differ in up to three zones, because one of them can be newer."""
    import tzfpy

    ours = {zone for code in read_countries() for zone in zones_of(code)}
    theirs = {name for name in tzfpy.timezonenames() if not name.startswith("Etc/")}
    assert len(ours ^ (theirs - {"Asia/Urumqi"})) <= 3


def test_the_message_without_the_extra_shows_how_to_install_it(monkeypatch):
    from movielake.places import outlines

    outlines._outlines.cache_clear()
    monkeypatch.setitem(sys.modules, "tzfpy", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'movielake\[geo\]'"):
        timezone_at([0], [0])


# --- countries


def test_the_countries_are_those_of_the_tz_database():
    import tzdata

    table = Path(tzdata.__file__).parent / "zoneinfo" / "iso3166.tab"
    codes = {row[:2].lower() for row in table.read_text("utf-8").splitlines() if row[0] != "#"}
    assert {country.alpha2 for country in read_countries().values()} == codes
    assert len(read_countries()) == 249


def test_territories_belong_to_countries_that_are_not_territories():
    table = read_countries()
    owners = {country.part_of for country in table.values()} - {None}
    assert {table[code].part_of for code in owners} == {None}


@pytest.mark.parametrize("code", CAPITALS)
def test_the_sample_and_the_table_use_the_same_country_names(code):
    assert read_countries()[code].name == countries()[code].name


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("Germany", ["deu"]),
        ("de", ["deu"]),
        ("ger", ["deu"]),
        ("Germny", ["deu"]),
        ("deutschland", ["deu"]),
        ("dee", ["deu"]),
        ("USA", ["usa"]),
        ("united", ["are", "gbr", "usa"]),
        ("UK", ["gbr"]),
        ("south korea", ["kor"]),
        ("holland", ["nld"]),
        ("xyzzy", []),
        ("", []),
    ],
)
def test_guesses_for_words_that_are_not_codes(word, codes):
    assert suggest_countries(word, CAPITALS) == codes


def test_a_guess_is_one_of_the_existing_countries():
    assert suggest_countries("Germany", ["swe", "can"]) == []
    assert suggest_countries("xko", ["xkx"]) == ["xkx"]


def test_theaters_of_the_sample_outside_their_country(sample_lake):
    """A theater is outside if it is far from all cities of its country."""
    rows = TheatersReader(str(sample_lake)).dataframe.compute()
    placed = rows.dropna(subset=["theater_lat", "theater_lon"])
    outside = is_outside(placed["theater_lat"], placed["theater_lon"], placed["country"])
    astray = [
        min(
            hypot(lat - city.lat, (lon - city.lon) * cos(radians(city.lat)))
            for city in countries()[code].places
        )
        > 2  # degrees
        for lat, lon, code in zip(
            placed["theater_lat"], placed["theater_lon"], placed["country"], strict=True
        )
    ]
    assert outside.tolist() == astray
    assert set(placed["country"][outside]) >= {"swe"}
    assert not is_outside(rows["theater_lat"], rows["theater_lon"], rows["country"])[
        rows["theater_lat"].isna()
    ].any()
