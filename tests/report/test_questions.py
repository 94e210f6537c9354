"""The report's answers to a researcher's questions in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from movielake import write_report
from tests.report.browser import Keys, Page

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]


def data_of(page: Page) -> Any:
    return page.ask("return JSON.parse(document.getElementById('data').textContent)")


def numbers(texts: list[str]) -> list[int]:
    return [int(text.replace(",", "")) for text in texts]


def test_hours_add_up_to_the_weekdays(still: Page) -> None:
    hours = data_of(still)["hours"]
    monday = sum(sum(country[:24]) for country in hours)
    assert numbers(still.column("hours", 2))[0] == monday
    assert still.column("hours", 1)[0] == "Monday"
    assert "Monday, 00:00" in still.press("#plot-hours", Keys.HOME)


def test_runs_are_counted_by_their_weeks(still: Page) -> None:
    weeks = [row["weeks"] for row in data_of(still)["runs"]]
    bars = still.chart("runs", "c.getOption().series[0].data")
    assert sum(bars) == sum(map(sum, weeks))
    assert bars[0] == sum(row[0] for row in weeks if row)


def test_the_most_concentrated_country_comes_first(still: Page) -> None:
    bars = still.chart("concentration", "c.getOption().series[0].data")
    assert bars == sorted(bars, reverse=True)
    assert len(bars) == 5


def test_premieres_have_the_days_of_the_films(still: Page) -> None:
    titles = still.column("premieres", 1)
    known = {film["title"] for film in data_of(still)["films"] if film["known"]}
    assert titles
    assert set(titles) <= known


def test_a_title_opens_the_weeks_of_its_film(page: Page) -> None:
    title = page.column("films", 1)[0]
    screenings = numbers(page.column("films", 3))[0]
    assert not page.find("#film").is_displayed()
    page.click("#table-films tbody tr:nth-child(1) button")
    assert page.find("#film-title").text == title
    assert page.colours("film") > 20
    lines = page.lines("film")
    assert sum(value for line in lines.values() for value in line if value) == screenings
    by_country = dict(zip(page.column("film", 1), numbers(page.column("film", 6)), strict=True))
    sums = {code: sum(value for value in line if value) for code, line in lines.items()}
    assert {text.strip()[-4:-1]: n for text, n in by_country.items()} == sums
    film = re.search(r"film=(\d+)", page.ask("return location.hash"))
    assert film is not None
    reading = page.press("#plot-film", Keys.HOME)
    assert re.match(r"\d{4}-\d\d-\d\d, ", reading)
    page.click("#film-close")
    assert not page.find("#film").is_displayed()
    assert "film=" not in page.ask("return location.hash")


def test_a_film_in_the_address_is_open(browser: Page, file: Path) -> None:
    browser.open(file)
    film = data_of(browser)["films"][3]
    browser.driver.get(f"{file.as_uri()}#countries=deu,swe&film={film['id']}")
    browser.driver.refresh()
    assert browser.find("#film").is_displayed()
    assert set(browser.lines("film")) <= {"deu", "swe"}


def test_the_name_of_a_country_leads_to_its_page(page: Page) -> None:
    page.click("#table-countries tbody tr:nth-child(1) a")
    (line,) = page.lines("screenings")
    assert page.ask("return location.hash") == f"#countries={line}"
    assert "alone" in page.find("#countries-shown").text
    assert {text.strip()[-4:-1] for text in page.column("runs", 1)} == {line}


def test_shares_can_be_by_another_attribute(page: Page) -> None:
    page.find("#shares-by option[value='chain']").click()
    chains = {value for value, *_ in data_of(page)["shares"]["chain"]}
    assert set(page.column("shares", 1)) <= {*chains, "(no chain)"}
    assert "by=chain" in page.ask("return location.hash")


def test_an_aggregate_shows_no_films_and_no_map(
    browser: Page, sample_lake: Path, tmp_path: Path
) -> None:
    write_report(str(sample_lake), str(tmp_path / "report.html"), aggregate=True)
    browser.open(tmp_path / "report.html")
    assert browser.ask("return document.documentElement.dataset.ready") == "yes"
    shown = [link.text for link in browser.driver.find_elements("css selector", "nav a")]
    assert "Films" not in shown
    assert not browser.find("#films").is_displayed()
    assert browser.driver.find_elements("css selector", "#plot-map, #table-premieres tr") == []
    assert browser.colours("runs") > 5
