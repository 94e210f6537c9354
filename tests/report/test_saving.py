"""What a reader takes away from the report: tables, plots and the address of a view."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from movielake import sql
from movielake.cli import main
from tests.feeds import showing, times
from tests.report.browser import PLOTS, Page, report_on
from tests.twins import twin_sql

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]


def save_table(page: Page, folder: Path, name: str) -> list[list[str]]:
    """Save a table as CSV and read it back."""
    page.downloads(folder)
    page.find(f"[data-table={name}] .more > button").click()
    (text,) = [page.saved(folder / f"lake-{name}.csv").decode()]
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_saved_table_has_all_rows_in_their_order(still: Page, tmp_path: Path) -> None:
    heading, *rows = save_table(still, tmp_path, "films")
    assert heading[:2] == ["title", "rank"]
    shown = still.texts("#table-films tbody tr > :nth-child(1)")
    assert [row[0] for row in rows][: len(shown)] == shown
    assert len(rows) > len(shown)
    counts = [int(row[2]) for row in rows]  # plain numbers, without the separators of the page
    assert counts == sorted(counts, reverse=True)


def test_saved_tables_have_the_figures_of_export_and_sql(
    still: Page, file: Path, tmp_path: Path
) -> None:
    lake = str(file.parent / "lake")

    def exported(column: str) -> dict[str, int]:
        to = tmp_path / f"{column}.csv"
        options = ["--current", "--columns", column, "--count", "-o", str(to)]
        assert CliRunner().invoke(main, ["export", lake, *options]).exit_code == 0
        rows = csv.DictReader(io.StringIO(to.read_text("utf-8"), newline=""))
        return {row[column]: int(row["screenings"]) for row in rows if row[column]}

    heading, *rows = save_table(still, tmp_path, "countries")
    at = heading.index("screenings")
    assert {row[0][-4:-1]: int(row[at]) for row in rows} == exported("country")
    _, *rows = save_table(still, tmp_path, "hours")
    assert {row[0]: int(row[1]) for row in rows} == exported("weekday")
    answer = sql(lake, twin_sql("distribution")).to_pydict()
    movie, _, screenings, first, last, _, countries, theaters, *_ = answer.values()
    expected = zip(screenings, countries, theaters, map(str, first), map(str, last), strict=True)
    by_film = dict(zip(movie, expected, strict=True))
    _, *rows = save_table(still, tmp_path, "films")
    assert len(rows) > 20
    for _, _, *numbers, begins, ends, _, _, movie_id in rows:
        assert (*map(int, numbers), begins, ends) == by_film[int(movie_id)]


def test_every_plot_is_saved_as_a_picture(still: Page, tmp_path: Path) -> None:
    still.downloads(tmp_path)
    for plot in PLOTS:
        for number in (1, 2):
            still.click(f"[data-plot={plot}] .saves button:nth-of-type({number})")
        png = still.saved(tmp_path / f"lake-{plot}.png")
        assert png.startswith(b"\x89PNG"), plot
        svg = ElementTree.fromstring(still.saved(tmp_path / f"lake-{plot}.svg"))
        assert len(list(svg.iter())) > 20, plot


def test_the_names_of_lines_do_not_cover_each_other(still: Page) -> None:
    names = still.chart(
        "screenings",
        "c.getOption().graphic[0].elements.filter(e => e.type === 'text')"
        ".map(e => [e.style.text, e.y])",
    )
    assert {name for name, _ in names} == {"aus", "chn", "deu", "gbr", "swe"}
    heights = sorted(y for _, y in names)
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 13.9


def test_a_saved_table_has_only_the_countries_shown(page: Page, tmp_path: Path) -> None:
    page.find("#country-deu").click()
    _, *rows = save_table(page, tmp_path, "countries")
    assert sorted(row[0][-5:] for row in rows) == ["(aus)", "(chn)", "(gbr)", "(swe)"]


def test_a_saved_text_is_no_formula(browser: Page, tmp_path: Path) -> None:
    names = ["=1+1", "-Roxy", '"A", B', "plain"]
    house = (
        "<theater><theater_id>{}</theater_id><theater_name>{}</theater_name>"
        "<theater_lat>52.5</theater_lat><theater_lon>13.4</theater_lon></theater>"
    )
    houses = "".join(house.format(n, name) for n, name in enumerate(names))
    feed = {"T.XML": f"<houses>{houses}</houses>", "S.XML": times(showing())}
    browser.open(report_on(tmp_path, {"20191206/movies_deu.zip": feed}))
    _, *rows = save_table(browser, tmp_path, "places")
    assert sorted(row[0] for row in rows) == sorted(["'=1+1", "'-Roxy", '"A", B', "plain"])


def test_the_address_has_the_view(browser: Page, file: Path) -> None:
    browser.open(file)
    browser.find("#country-deu").click()
    browser.find("#index-stamp option[value='2']").click()
    browser.click("#logarithmic")
    browser.press("#find", "sydney")
    address = browser.ask("return location.hash")
    assert "countries=aus,chn,gbr,swe" in address
    found = browser.texts("#table-places tbody tr"), browser.lines("indexed")
    browser.open(file)
    assert browser.texts("#table-places tbody tr") != found[0]
    browser.driver.get(f"{file.as_uri()}{address}")
    browser.driver.refresh()
    assert (browser.texts("#table-places tbody tr"), browser.lines("indexed")) == found
    assert browser.chart("screenings", "c.getOption().yAxis[0].type") == "log"
    assert browser.ask("return location.hash") == address


def test_an_address_with_unknown_choices_shows_everything(browser: Page, file: Path) -> None:
    browser.driver.get(f"{file.as_uri()}#countries=xyz&snapshot=20990101&odd=1")
    browser.driver.refresh()
    assert set(browser.lines("screenings")) == {"aus", "chn", "deu", "gbr", "swe"}
    assert all(line[0] == 100 for line in browser.lines("indexed").values())


def test_a_link_to_a_section_changes_no_choice(page: Page) -> None:
    page.find("#country-deu").click()
    page.find("nav a[href='#films']").click()
    assert "deu" not in page.lines("screenings")


def test_the_comparison_shows_the_usual_range_or_all_values(page: Page) -> None:
    """The cinemas close in the sample: their zeros must not press the other lines into a band."""

    def limits() -> list[float]:
        return page.chart("indexed", "c.getModel().getComponent('yAxis').axis.scale.getExtent()")

    values = sorted(v for line in page.lines("indexed").values() for v in line if v is not None)
    low, high = limits()
    assert low <= values[len(values) // 10]
    assert high >= 100
    page.click("#whole")
    assert limits()[0] <= min(values)


def test_a_narrow_table_shades_the_side_with_more_columns(browser: Page, file: Path) -> None:
    browser.open(file, width=390, height=844)
    sides = "[data-table=films] .sides"
    assert "more-right" in browser.find(sides).get_attribute("class")
    browser.ask("document.querySelector('[data-table=films] .scroll').scrollLeft = 10000")
    browser.settle()
    assert "more-left" in browser.find(sides).get_attribute("class")
    assert "more-right" not in browser.find(sides).get_attribute("class")
