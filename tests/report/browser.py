"""A headless Chromium without a network, and queries for tests of a page."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from movielake import convert, write_report
from tests.feeds import write_feed

FLAGS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-dev-shm-usage",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "host-resolver-rules=MAP * ~NOTFOUND",
)

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

PLOTS = (
    *("coverage", "screenings", "indexed", "hours", "travel", "runs", "concentration", "shares"),
    *("theaters", "map", "problems"),
)


class Page:
    """A page in a browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.is_untouched = False

    def open(self, file: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file in a window of this size. A narrow window behaves like a phone."""
        self.is_untouched = False
        self.size(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._tell("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(file.as_uri())

    def size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._tell("Emulation.setDeviceMetricsOverride", metrics)

    def _tell(self, command: str, values: dict[str, Any]) -> Any:
        return self.driver.execute_cdp_cmd(command, values)

    def offline(self) -> None:
        """Disconnect the browser from the network."""
        self._tell("Network.enable", {})
        speed = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self._tell("Network.emulateNetworkConditions", {"offline": True, **speed})

    def ask(self, script: str, *values: Any) -> Any:
        """Run a script in the page and return what it returns."""
        return self.driver.execute_script(script, *values)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        """Click the middle of an element, away from what sticks to the edge of the window."""
        element = self.find(selector)
        self.ask("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def settle(self) -> None:
        """Wait until the page has drawn what it draws with the next picture."""
        self.driver.execute_async_script(
            "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
        )

    def column(self, table: str, number: int) -> list[str]:
        """Return the texts of a column of a table."""
        return self.texts(f"#table-{table} tbody tr > :nth-child({number})")

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that match a selector."""
        return self.ask(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
        )

    def chart(self, plot: str, what: str) -> Any:
        """Return the value of a JavaScript expression. The plot's chart is the variable c."""
        place = f"document.getElementById('plot-{plot}')"
        return self.ask(f"const c = echarts.getInstanceByDom({place}); return {what};")

    def lines(self, plot: str) -> dict[str, list[Any]]:
        """Return the numbers of a plot's lines, by country."""
        pairs = self.chart(plot, "c.getOption().series.map(s => [s.id, s.data.map(d => d[1])])")
        return dict(pairs)

    def colours(self, plot: str) -> int:
        """Count the different colours on a plot's canvas. An empty canvas has one."""
        return self.ask(
            """
            const drawn = document.querySelector(`#plot-${arguments[0]} canvas`);
            const {width, height} = drawn;
            const canvas = Object.assign(document.createElement("canvas"), {width, height});
            const context = canvas.getContext("2d", {willReadFrequently: true});
            context.drawImage(drawn, 0, 0);
            const {data} = context.getImageData(0, 0, width, height);
            return new Set(new Uint32Array(data.buffer)).size;
            """,
            plot,
        )

    def colour(self, plot: str, x: float, y: float) -> list[int]:
        """Return the colour of one pixel of a plot's canvas: red, green, blue, opacity."""
        return self.ask(
            """
            const [plot, x, y] = arguments;
            const box = document.getElementById(`plot-${plot}`);
            const drawn = box.querySelector("canvas"), scale = drawn.width / box.clientWidth;
            const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
            const context = canvas.getContext("2d", {willReadFrequently: true});
            context.drawImage(drawn, -Math.round(x * scale), -Math.round(y * scale));
            return [...context.getImageData(0, 0, 1, 1).data];
            """,
            plot,
            x,
            y,
        )

    def hover(self, plot: str, x: float, y: float) -> str:
        """Move the mouse to a pixel of a plot and return the tooltip."""
        box = self.find(f"#plot-{plot}")
        self.ask("arguments[0].scrollIntoView({block: 'center'})", box)
        size = box.size
        move = ActionChains(self.driver, duration=0)
        move.move_to_element_with_offset(box, x - size["width"] / 2, y - size["height"] / 2 - 3)
        move.move_to_element_with_offset(box, x - size["width"] / 2, y - size["height"] / 2)
        move.perform()
        return self.tooltip(plot)

    def tooltip(self, plot: str) -> str:
        return self.ask(
            "return document.querySelector(`#plot-${arguments[0]} .tip`)?.innerText ?? ''", plot
        )

    def press(self, selector: str, *keys: str) -> str:
        """Press keys in an element. If it is a plot, return the text of its reading."""
        self.find(selector).send_keys(*keys)
        return "".join(self.texts(selector.replace("#plot-", "#reading-")))

    def complaints(self) -> list[str]:
        """Return the messages in the browser's console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def downloads(self, folder: Path) -> None:
        """Save downloads in a folder."""
        self._tell(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
        )

    def saved(self, file: Path) -> bytes:
        """Wait until a download is complete, and return its bytes."""
        WebDriverWait(self.driver, 20).until(lambda _: file.exists())
        return file.read_bytes()

    def picture(self, file: Path) -> None:
        """Save a picture of the whole page."""
        width, height = self.ask("return [innerWidth, document.documentElement.scrollHeight]")
        self.size(width, height)
        taken = self._tell("Page.captureScreenshot", {})
        file.write_bytes(base64.b64decode(taken["data"]))

    def print(self, file: Path) -> bytes:
        """Print the page to a PDF and return its bytes."""
        printed = base64.b64decode(self._tell("Page.printToPDF", {})["data"])
        file.write_bytes(printed)
        return printed


def report_on(folder: Path, zips: dict[str, Any]) -> Path:
    """Convert a feed and write a report on its lake."""
    convert(write_feed(folder / "feed", zips), str(folder / "lake"), workers=1)
    write_report(str(folder / "lake"), str(folder / "report.html"))
    return folder / "report.html"


@contextmanager
def browse(profile: Path) -> Iterator[Page]:
    """Start a browser with a new profile and without a network."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        page = Page(driver)
        page.offline()
        yield page
    finally:
        driver.quit()


__all__ = ["CHROMIUM", "DRIVER", "PLOTS", "Keys", "Page", "browse", "report_on"]
