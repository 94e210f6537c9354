"""How Sphinx builds these pages: ``sphinx-build -W --keep-going -n docs docs/_build/html``.

Nothing is fetched. The notebooks are executed here and nowhere else; they ask the lake in
``MOVIELAKE_LAKE``, or a sample that is made beside the built pages and kept for the next build.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from movielake import __version__, convert, stage, write_report
from movielake.sample import write_sample

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "movielake"
author = "The movielake developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build", "notebooks/lake"]

html_theme = "sphinx_book_theme"
html_title = "movielake"
html_theme_options = {"show_toc_level": 2, "use_download_button": False}
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
templates_path: list[str] = []

autodoc_typehints = "none"  # docstrings tell types, units and shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
default_role = "py:obj"  # a name in backticks leads to what is told of it here, if anything is
nitpick_ignore_regex = [("py:obj", ".*")]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_output_stderr = "warn"  # with -W, a warning in a notebook is an error
nb_merge_streams = True

WEEKS, WEEKLY = 60, 9
"""From before the cinemas closed until many were open again; each of the first, then each third."""


def make_lake(app: Sphinx) -> None:
    """Stage a sample lake for the notebooks, unless there is one."""
    folder = Path(app.outdir).parent / "lake"
    staged = folder / "staged"
    if "MOVIELAKE_LAKE" not in os.environ and not (staged / "lake.json").exists():
        feed, lake = str(folder / "feed"), str(folder / "lake")
        sample = write_sample(
            feed, weeks=WEEKS, countries=["chn", "deu", "fra", "gbr", "swe"], scale=0.25
        )
        stamps = sample.stamps[:WEEKLY] + sample.stamps[WEEKLY::3]
        convert(feed, lake, date_stamps=stamps, workers=1)
        stage(lake, str(staged))
    os.environ.setdefault("MOVIELAKE_LAKE", str(staged))


def show_report(app: Sphinx, error: Exception | None) -> None:
    """Put the report of the notebooks' lake beside the pages, which lead to it."""
    if error is None and app.builder.format == "html":
        write_report(os.environ["MOVIELAKE_LAKE"], str(Path(app.outdir) / "sample-report.html"))


def lead_into_the_docs(app: Sphinx, page: str, source: list[str]) -> None:
    """Let links to Markdown outside this folder lead to the page that includes it."""
    source[0] = re.sub(r"\]\(\.\./jobs/README\.md", "](jobs.md", source[0])


def setup(app: Sphinx) -> None:
    """Connect them."""
    app.connect("builder-inited", make_lake)
    app.connect("source-read", lead_into_the_docs)
    app.connect("build-finished", show_report)
