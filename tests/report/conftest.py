"""A browser, and a report that it opens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from movielake import convert, write_report
from movielake.sample import write_sample
from tests.report.browser import CHROMIUM, DRIVER, Page, browse


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Yield a browser. Without Chromium, skip the test, or fail it in continuous integration."""
    if not (CHROMIUM and DRIVER):
        reason = "no Chromium (apt-get install chromium chromium-driver)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with browse(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report on five countries, before and after their cinemas close."""
    folder = tmp_path_factory.mktemp("report")
    countries = ["aus", "chn", "deu", "gbr", "swe"]
    write_sample(str(folder / "feed"), weeks=18, countries=countries, scale=0.1, damage=True)
    convert(str(folder / "feed"), str(folder / "lake"), workers=1)
    write_report(str(folder / "lake"), str(folder / "report.html"))
    return folder / "report.html"


@pytest.fixture(scope="module")
def shots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for pictures."""
    asked = request.config.getoption("--screenshots")
    folder = Path(asked) if asked else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(browser: Page, file: Path) -> Page:
    """Return the report, opened again for each test."""
    browser.open(file)
    return browser


@pytest.fixture
def still(browser: Page, file: Path) -> Page:
    """Return the report as it was opened, for tests that only look. They share one opening."""
    if not browser.is_untouched or browser.ask("return location.href") != file.as_uri():
        browser.open(file)
        browser.is_untouched = True
    return browser


@pytest.fixture
def no_complaints(browser: Page) -> Iterator[None]:
    """Fail if the page writes a message to the console of the browser."""
    yield
    assert browser.complaints() == []
