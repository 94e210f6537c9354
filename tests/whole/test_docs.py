"""The pages are current and build without warnings. Their links, commands and code work."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jupytext
import pytest

from movielake import stage

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NOTEBOOKS = sorted(path for path in (DOCS / "notebooks").glob("*.md") if path.stem != "index")
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), DOCS / "notebooks" / "index.md"]

GENERATED: dict[str, Callable[[], str]] = runpy.run_path(str(DOCS / "pages.py"))["PAGES"]


def named(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=path.stem) for path in paths]


# --- generated pages


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_current(page):
    shown = (DOCS / page).read_text(encoding="utf-8")
    assert shown == GENERATED[page](), "run: python docs/pages.py"


def test_the_architecture_names_functions_that_exist():
    """Each row of the walk names functions and the module that defines them, wing by wing."""
    rows = re.findall(
        r"^\| \d+ \| `(\w+)` \| (.*) \|$", (DOCS / "architecture.md").read_text(), re.M
    )
    assert len(rows) > 20
    for wing, told in rows:
        for names, path in re.findall(r"((?:`\w+`(?:,| and)? ?)+)in `([\w/]+\.py)`", told):
            text = (ROOT / "movielake" / path).read_text("utf-8")
            assert path.startswith(f"{wing}/")
            for name in re.findall(r"`(\w+)`", names):
                assert re.search(rf"^(def|class) {name}\b", text, re.M), f"{name} in {path}"
        assert re.search(r"` in `", told)


# --- commands and Python

NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z", re.S)
BLOCK = re.compile(r"^( *)```(sh|bash|shell|console|python)\n(.*?)^\1```", re.S | re.M)

RUN_BY = {
    "engines": "whole/test_engines",
    "pandas-habits": "dataframes/test_page",
    "shell": "cli/test_habits",
    "validation": "validation/test_command",
}
"""Pages that a separate test runs and checks in more detail."""

STARTS_WITH_NOTHING = {"README", "first-lake", "install"}
"""Pages that make a feed and a lake. The other pages get those of the sample."""


def as_script(page: Path) -> str:
    """Write the blocks of a page as a plain script without `if __name__ == "__main__"`."""
    lines = ["import subprocess"]
    for kind, text in blocks(page):
        command = ["bash", "-euo", "pipefail", "-c", text]
        lines.append(text if kind == "python" else f"subprocess.run({command!r}, check=True)")
    return "\n".join(lines)


def blocks(page: Path) -> list[tuple[str, str]]:
    """List the blocks of a page in order, without those that are marked as not run."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        if not NOT_RUN.search(text[: match.start()]):
            found.append((match[2], match[3]))
    return found


@pytest.mark.parametrize(
    "page", named([page for page in PAGES if blocks(page) and page.stem not in RUN_BY])
)
def test_the_commands_and_code_of_a_page_work(page, tmp_path, sample_feed, sample_lake):
    if page.stem not in STARTS_WITH_NOTHING:
        (tmp_path / "feed").symlink_to(sample_feed)
        (tmp_path / "lake").symlink_to(sample_lake)
    (tmp_path / "page.py").write_text(as_script(page), encoding="utf-8")
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ |= {"HOME": str(tmp_path), "MPLBACKEND": "agg"}
    result = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("page", RUN_BY)
def test_a_page_is_run_by_its_own_test(page):
    assert f'"{page}.md"' in (ROOT / "tests" / f"{RUN_BY[page]}.py").read_text("utf-8")


def test_a_block_that_is_not_run_has_a_reason():
    """A reason without a block after it, or a reason of a few letters, is a mistake."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(r"<!-- not run: (.*?) -->\n", text, re.S):
            assert BLOCK.match(text, match.end()), f"{page.name}: {match[1]}"
            assert len(match[1]) > 7, page.name


# --- the built pages


class Page(HTMLParser):
    """The links, images and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.images: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        link = found.get("href") if tag in ("a", "link") else found.get("src")
        if link:
            self.links.append(link)
        if tag == "img" and link:
            self.images.append(link)


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """Build the pages as HTML. Only this build executes the notebooks, on a staged lake."""
    folder = tmp_path_factory.mktemp("docs")
    environ = {name: value for name, value in os.environ.items() if name != "MOVIELAKE_LAKE"}
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-j", "2"]
    result = subprocess.run(
        [*command, "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")],
        env=environ | {"PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder / "html"


@pytest.fixture(scope="session")
def pages(built: Path) -> dict[Path, Page]:
    found = (path for path in built.rglob("*.html") if "_static" not in path.parts)
    return {path: Page(path.read_text(encoding="utf-8")) for path in found}


def test_every_page_is_built(pages, built):
    sources = [path for path in DOCS.rglob("*.md") if "_build" not in path.parts]
    assert {built / path.relative_to(DOCS).with_suffix(".html") for path in sources} <= set(pages)


def test_every_internal_link_has_a_target(pages):
    lost = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].ids if target in pages else {unquote(parts.fragment)}
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in anchors):
                lost.append(f"{path.name}: {link}")
    assert lost == []
    assert sum(len(page.links) for page in pages.values()) > 500


def test_the_pages_load_nothing_from_the_network(pages, built):
    """The pages work offline, and no other server learns who reads them."""
    loads = re.compile(
        r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=\"(?:https?:)?//[^\"]*\""
    )
    found = {path.name: loads.findall(path.read_text("utf-8")) for path in pages}
    assert {name: links for name, links in found.items() if links} == {}


def test_the_links_of_the_readme_have_targets():
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / "README.md").read_text("utf-8")):
        assert (ROOT / link).exists(), link


# --- notebooks


@pytest.mark.parametrize("notebook", named(NOTEBOOKS))
def test_a_notebook_shows_its_plots(notebook, built, pages):
    plots = notebook.read_text(encoding="utf-8").count("plt.show()")
    page = pages[built / "notebooks" / f"{notebook.stem}.html"]
    drawn = [image for image in page.images if "_images" in image]
    calls = len(re.findall(r"^draw\(", notebook.read_text("utf-8"), re.M))
    assert len(drawn) == (plots - 1 + calls if calls else plots) > 0


@pytest.mark.parametrize("notebook", named(NOTEBOOKS))
def test_one_line_sets_the_lake_of_a_notebook(notebook):
    """A job changes only this line, with an environment variable or papermill's parameter."""
    cells = jupytext.read(notebook).cells
    (parameters,) = (c for c in cells if c.metadata.get("tags") == ["parameters"])
    line = 'lake = os.environ.get("MOVIELAKE_LAKE", "lake")  # the line to change'
    assert parameters.source.splitlines()[-1] == line
    code = [c.source for c in cells if c.cell_type == "code" and c is not parameters]
    assert not re.search(r"\blake\s*=|os\.environ", "\n".join(code))
    assert code[0].count("(lake") + code[1].count("(lake") >= 1


def test_papermill_runs_a_notebook_on_a_staged_lake(tmp_path, sample_lake):
    """Jobs do the same: papermill runs an ordinary notebook with the staged lake as parameter."""
    (notebook,) = (path for path in NOTEBOOKS if path.stem == "theaters-with-showings")
    staged = stage(str(sample_lake), str(tmp_path / "staged"), countries=["deu", "nzl"])
    jupytext.write(jupytext.read(notebook), tmp_path / "it.ipynb")
    command = [
        "-m",
        "papermill",
        "--no-progress-bar",
        "it.ipynb",
        "out.ipynb",
        "-p",
        "lake",
        staged,
    ]
    ran = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    shown = (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert "New Zealand" in shown  # a name, since the text of a picture can have any code
    assert "image/png" in shown


@pytest.mark.parametrize("notebook", named(NOTEBOOKS))
def test_a_notebook_is_listed(notebook):
    assert f"\n{notebook.stem}\n" in (DOCS / "notebooks" / "index.md").read_text("utf-8")
