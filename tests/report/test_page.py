"""The report's page in a real browser: a headless Chromium that opens a file without a network."""

from __future__ import annotations

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.feeds import showing, times
from tests.report.browser import PLOTS, Keys, Page, report_on

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
EVIL = (
    "&lt;img src=x onerror=alert(1)&gt;&lt;/script&gt;"
    "&lt;script&gt;document.title='p'&lt;/script&gt;"
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_all_plots_are_drawn(browser: Page, file: Path, shots: Path, size: str, dark: bool) -> None:
    width, height = SIZES[size]
    browser.open(file, width=width, height=height, dark=dark)
    assert browser.complaints() == []
    assert browser.ask("return document.documentElement.dataset.ready") == "yes"
    assert {plot: browser.colours(plot) > 20 for plot in PLOTS} == dict.fromkeys(PLOTS, True)
    assert browser.ask("return document.documentElement.scrollWidth") <= width
    page = browser.ask("return getComputedStyle(document.body).backgroundColor")
    assert page == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
    browser.picture(shots / f"report-{size}-{'dark' if dark else 'light'}.png")
    if size == "desktop":
        assert accessibility_violations(browser) == {}


def accessibility_violations(page: Page) -> dict[str, list[str]]:
    """Return what axe finds: each rule with its elements."""
    # The driver can run this script. The page's policy forbids all other foreign scripts.
    page.ask(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.driver.execute_async_script(
        "const done = arguments[0]; axe.run(document, {}).then(done, (e) => done(String(e)));"
    )
    return {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found["violations"]}


def test_the_axis_names_every_day_if_snapshots_are_few(still: Page) -> None:
    days = still.ask("return JSON.parse(document.getElementById('data').textContent).stamps")
    at = still.chart("screenings", "c.getOption().xAxis[0].axisLabel.customValues")
    text = still.chart("screenings", f"c.getOption().xAxis[0].axisLabel.formatter({at[1]})")
    assert (len(at), text.replace("-", "")) == (len(days), days[1])


def test_values_under_the_mouse_are_shown(still: Page) -> None:
    line = still.lines("screenings")["gbr"]
    at = still.chart(
        "screenings", "c.convertToPixel({seriesIndex: 3}, c.getOption().series[3].data[9])"
    )
    tooltip = still.hover("screenings", *at)
    assert tooltip.startswith("2020-02-07")
    assert f"{line[9]:,}" in tooltip
    cell = still.chart("coverage", "c.convertToPixel({seriesIndex: 0}, [0, 2])")
    assert "2019-12-06" in still.hover("coverage", *cell)


def test_a_hidden_country_disappears_from_all_plots_and_tables(page: Page) -> None:
    assert set(page.lines("screenings")) == {"aus", "chn", "deu", "gbr", "swe"}
    before = page.texts("#totals dd")
    page.find("#country-deu").click()
    assert set(page.lines("screenings")) == {"aus", "chn", "gbr", "swe"}
    assert "deu" not in {*page.lines("indexed"), *page.lines("theaters")}
    assert "deu" not in page.chart("coverage", "c.getOption().yAxis[0].data")
    assert "deu" not in page.chart("problems", "c.getOption().xAxis[0].data")
    assert "Germany (deu)" not in page.chart("map", "c.getOption().series.map(s => s.name)")
    for table in ("countries", "quality", "places", "incidents"):
        assert not any("deu" in text for text in page.texts(f"#table-{table} tbody tr"))
    after = page.texts("#totals dd")
    assert [after[0], before[0]] == ["4", "5"]
    assert int(after[3].replace(",", "")) < int(before[3].replace(",", ""))
    assert "4 of 5" in page.find("#countries-shown").text
    page.find("[data-choose=all]").click()
    assert page.texts("#totals dd") == before


def test_without_countries_plots_and_tables_are_empty(page: Page) -> None:
    page.find("[data-choose=none]").click()
    assert page.lines("screenings") == {}
    assert page.texts("#table-films tbody tr") == []


def test_only_a_snapshot_without_neighbours_gets_a_mark_among_many(
    browser: Page, tmp_path: Path
) -> None:
    """A single point has no line to show. Marks on all of many snapshots would overlap."""
    begin = date(2020, 1, 3)
    stamps = [f"{begin + timedelta(weeks=n):%Y%m%d}" for n in range(33) if n not in (15, 17)]
    week = {"S.XML": times(showing())}
    feed = {f"{stamp}/movies_deu.zip": week for stamp in stamps}
    other = f"{begin + timedelta(weeks=15):%Y%m%d}/movies_swe.zip"
    zips = {**feed, other: week, other.replace("0417", "0501"): week}
    browser.open(report_on(tmp_path, zips))
    sizes = browser.chart(
        "screenings",
        "c.getOption().series.map(s => s.data.map((d, dataIndex) => s.symbolSize(d, {dataIndex})))",
    )
    marked = [[at for at, size in enumerate(line) if size] for line in sizes]
    assert marked == [[16], [15, 17]]


def test_plots_can_be_read_with_the_keyboard(page: Page) -> None:
    reading = page.press("#plot-screenings", Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    second = page.lines("screenings")["chn"][1]
    assert reading.startswith("2019-12-13, ")
    assert reading.endswith(f"(chn): {second:,}") or reading.endswith(f"chn: {second:,}")
    assert "2019-12-13" in page.tooltip("screenings")
    reading = page.press("#plot-coverage", Keys.END, Keys.ARROW_DOWN)
    assert "chn" in reading or "China" in reading
    assert "2020-04-03" in reading
    reading = page.press("#plot-map", "n")
    assert "theater_id" in reading
    zoom = page.chart("map", "c.getOption().geo[0].zoom")
    page.press("#plot-map", "+")
    assert page.chart("map", "c.getOption().geo[0].zoom") > zoom


def test_a_table_can_be_sorted_with_mouse_and_keyboard(page: Page) -> None:
    def numbers() -> list[int]:
        return [int(text.replace(",", "")) for text in page.column("films", 3)]

    heading = "#table-films th:nth-child({})"
    assert numbers() == sorted(numbers(), reverse=True)
    page.find(f"{heading.format(3)} button").click()
    assert numbers() == sorted(numbers())
    assert page.find(heading.format(3)).get_attribute("aria-sort") == "ascending"
    page.press(f"{heading.format(1)} button", Keys.ENTER)
    titles = page.column("films", 1)
    assert titles == page.ask("return arguments[0].toSorted((a, b) => a.localeCompare(b))", titles)
    sorts = page.ask(
        "return [...document.querySelectorAll('#table-films th')].map(e => e.ariaSort)"
    )
    assert sorts[:3] == ["ascending", "none", "none"]


def test_another_snapshot_can_be_chosen_for_the_comparison(page: Page) -> None:
    assert all(line[0] == 100 for line in page.lines("indexed").values())
    page.find("#index-stamp option[value='2']").click()
    assert all(line[2] == 100 for line in page.lines("indexed").values())
    last = page.lines("indexed")["gbr"][-1]
    assert last < 10  # the cinemas are closed


def test_a_button_switches_to_dark_colours_and_printing_keeps_them(page: Page, shots: Path) -> None:
    page.find("#theme").click()
    assert page.find("#theme").get_attribute("aria-pressed") == "true"
    assert page.chart("screenings", "c.getOption().yAxis[0].axisLabel.color") == "#a3adb8"
    assert page.print(shots / "report.pdf").startswith(b"%PDF")
    assert page.ask("return document.documentElement.dataset.theme") == "dark"  # as before


def test_the_tab_key_reaches_the_controls_in_order(page: Page) -> None:
    def focused() -> Any:
        return page.ask("return document.activeElement.id || document.activeElement.textContent")

    reached = []
    for _ in range(10):
        page.ask("return document.activeElement").send_keys(Keys.TAB)
        reached.append(focused())
    assert reached[:2] == ["Skip to the content", "theme"]
    assert "Contents" in reached


def test_texts_of_the_feed_are_shown_only_as_text(browser: Page, tmp_path: Path) -> None:
    house = (
        f"<theater><theater_id>1</theater_id><theater_name>{EVIL}</theater_name>"
        "<theater_lat>52.5</theater_lat><theater_lon>13.4</theater_lon></theater>"
    )
    movie = f"<movie><movie_id>1</movie_id><title>{EVIL}</title><odd>{EVIL}</odd></movie>"
    feed = {
        "I.XML": f"<movies>{movie}</movies>",
        "T.XML": f"<houses>{house}</houses>",
        "S.XML": times(showing()),
    }
    browser.open(report_on(tmp_path, {"20191206/movies_deu.zip": feed}))
    title = "<img src=x onerror=alert(1)></script><script>document.title='p'</script>"
    assert browser.column("films", 1) == [title]
    assert browser.column("problems", 6) == [title]
    assert title[:80] in browser.press("#plot-map", "n")
    assert title[:20] in browser.tooltip("map")
    assert browser.ask("return document.images.length") == 0
    assert browser.driver.title.startswith("movielake report")
