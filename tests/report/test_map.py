"""The report's map of theaters in a real browser."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest

from tests.feeds import showing, times
from tests.report.browser import Keys, Page, report_on

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]


def data_of(page: Page) -> Any:
    return page.ask("return JSON.parse(document.getElementById('data').textContent)")


def zoom(page: Page) -> float:
    return page.chart("map", "c.getOption().geo[0].zoom")


def pixel(page: Page, lon: float, lat: float) -> list[float]:
    """Return where the map draws a position."""
    return page.chart("map", f"c.convertToPixel('geo', [{lon}, {lat}])")


def middle(page: Page) -> list[float]:
    return page.chart("map", "[c.getWidth() / 2, c.getHeight() / 2]")


def theater_pixel(page: Page, number: int = 0) -> list[float]:
    """Return the pixel of a theater of the first country."""
    return page.chart("map", f"c.convertToPixel('geo', c.getOption().series[0].data[{number}])")


def test_the_map_shows_land(still: Page) -> None:
    def colour(lon: float, lat: float) -> list[int]:
        return still.colour("map", *still.chart("map", f"c.convertToPixel('geo', [{lon}, {lat}])"))

    land = [230, 226, 218, 255]
    assert [colour(20, 25), colour(100, 60), colour(135, -25)] == [land] * 3
    assert colour(80, -20)[3] == 0  # the Indian Ocean is transparent
    assert colour(10, 66.5)[3] == 0


def test_a_theater_under_the_mouse_is_described(still: Page) -> None:
    data = still.ask("return JSON.parse(document.getElementById('data').textContent).places[0]")
    tooltip = still.hover("map", *theater_pixel(still))
    assert any(name and name in tooltip for name in data["name"])
    assert "aus" in tooltip
    assert "theater_id" in tooltip


def test_theaters_can_be_found_and_shown_on_the_map(page: Page) -> None:
    first = page.column("places", 2)[0]
    page.press("#find", first)
    assert {first} == set(page.column("places", 2))
    page.find("#table-places tbody button").click()
    assert page.chart("map", "c.getOption().geo[0].zoom") == 40
    assert first in page.find("#reading-map").text


def test_the_map_zooms_only_after_a_click(page: Page) -> None:
    assert page.chart("map", "c.getOption().geo[0].roam") is False
    page.find("#plot-map").click()
    assert page.chart("map", "c.getOption().geo[0].roam") is True


def test_show_draws_the_theater_in_the_middle(page: Page) -> None:
    """Both hemispheres, since a mirrored latitude is right at the equator only."""
    data = data_of(page)
    codes = [each["code"] for each in data["countries"]]
    for country in ("aus", "gbr", "swe"):
        place = data["places"][codes.index(country)]
        at = next(n for n in range(len(place["id"])) if n not in place["outside"])
        page.find("#find").clear()
        page.press("#find", str(place["id"][at]))
        page.click("#table-places tbody button")
        drawn = pixel(page, place["lon"][at] / data["scale"], place["lat"][at] / data["scale"])
        assert drawn == pytest.approx(middle(page), abs=1), country
        assert place["name"][at] in page.find("#reading-map").text


def test_the_keys_n_and_p_draw_the_theater_in_the_middle(page: Page) -> None:
    data = data_of(page)
    places = [(place, at) for place in data["places"] for at in place["outside"]]
    assert len(places) > 1
    for key, (place, at) in zip("nnp", [*places[:2], places[0]], strict=True):
        page.press("#plot-map", key)
        position = place["lon"][at] / data["scale"], place["lat"][at] / data["scale"]
        assert pixel(page, *position) == pytest.approx(middle(page), abs=1)


def test_a_moved_map_stays_where_it_is_when_it_is_drawn_again(page: Page) -> None:
    page.find("#table-places tbody button").click()
    page.press("#plot-map", "+", Keys.ARROW_RIGHT)
    before = pixel(page, 10, 50), zoom(page)
    page.find("#theme").click()
    assert (pixel(page, 10, 50), zoom(page)) == before


def test_a_city_is_found_without_its_accents(page: Page) -> None:
    for typed in ("münchen", "Munchen", "MÜNCHEN ", "munchen"):
        page.find("#find").clear()
        page.press("#find", typed)
        assert set(page.column("places", 2)) == {"München"}, typed


def test_letters_are_found_as_people_type_them(browser: Page, tmp_path: Path) -> None:
    cities = {
        "lodz": "Łódź",
        "tromso": "Tromsø",
        "grossbeeren": "Großbeeren",
        "cankiri": "Çankırı",
        "berlin": "Berlin",
    }
    houses = "".join(house(number, city) for number, city in enumerate(cities.values(), 1))
    feed = {"T.XML": f"<houses>{houses}</houses>", "S.XML": times(showing())}
    browser.open(report_on(tmp_path, {"20191206/movies_deu.zip": feed}))
    for typed, city in cities.items():
        browser.find("#find").clear()
        browser.press("#find", typed)
        assert browser.column("places", 2) == [city]


def house(number: int, city: str) -> str:
    """Write a theater at one place."""
    return (
        f"<theater><theater_id>{number}</theater_id><theater_name>Roxy {number}</theater_name>"
        f"<theater_city>{city}</theater_city>"
        "<theater_lat>52.5</theater_lat><theater_lon>13.4</theater_lon></theater>"
    )


def test_marks_divide_when_the_map_zooms_in(page: Page) -> None:
    """Each theater is in exactly one mark at every zoom."""

    def marks() -> int:
        return page.chart("map", "c.getOption().series.reduce((n, s) => n + s.data.length, 0)")

    far = marks()
    page.press("#find", "munchen")
    page.find("#table-places tbody button").click()
    for _ in range(6):
        page.press("#plot-map", "+")
    page.settle()
    every = sum(len(p["id"]) + len(p["outside"]) for p in data_of(page)["places"])
    assert far < marks() == every


def test_theaters_at_one_place_are_drawn_apart(browser: Page, tmp_path: Path) -> None:
    houses = "".join(house(n, "Berlin") for n in range(1, 6))
    feed = {"T.XML": f"<houses>{houses}</houses>", "S.XML": times(showing())}
    browser.open(report_on(tmp_path, {"20191206/movies_deu.zip": feed}))
    browser.find("#table-places tbody button").click()
    assert browser.chart("map", "c.getOption().series[0].data.length") == 1
    for _ in range(6):
        browser.press("#plot-map", "+")
    browser.settle()
    marks = "c.getOption().series[0].data"
    drawn = browser.chart("map", f"{marks}.map(d => c.convertToPixel('geo', d))")
    gaps = [math.dist(a, b) for a, b in itertools.combinations(drawn, 2)]
    assert (len(drawn), min(gaps) > 10) == (5, True)
