"""Generated pages are current, and what the README shows works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from movielake.dictionary import markdown_dictionary
from movielake.schema import TABLES, table

ROOT = Path(__file__).parents[1]


def test_the_data_dictionary_is_current():
    written = "\n".join(markdown_dictionary(table(name)) for name in TABLES)
    shown = (ROOT / "docs" / "dictionary.md").read_text(encoding="utf-8")
    assert shown.split("\n\n", 2)[2] == written, "run: movielake schema --format markdown"


def test_the_readme_example_runs(tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert code
    script = tmp_path / "example.py"
    script.write_text(code[1])
    result = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.search(r"20191213 +swe +\d{3,}|swe +20191213 +\d{3,}", result.stdout)
    assert re.search(r"^Drama +\d{3,}$", result.stdout, re.M)


@pytest.mark.parametrize(
    "page", sorted(p.name for p in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
)
def test_links_between_pages_lead_somewhere(page):
    path = ROOT / page if page == "README.md" else ROOT / "docs" / page
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / link).exists(), link
