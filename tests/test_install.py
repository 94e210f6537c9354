"""An installed wheel and an editable install both find what ships with the package."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = """
import movielake, pathlib
from movielake.schema import shipped_folder, table
print(pathlib.Path(movielake.__file__).parent)
print(shipped_folder("schemas"))
print(shipped_folder("jobs"))
print(len(table("showings").columns))
print((pathlib.Path(movielake.__file__).parent / "report" / "assets" / "world.json").is_file())
"""

pytestmark = pytest.mark.install


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request, tmp_path_factory):
    """Install the package without its dependencies; these come from the running environment."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder / "venv", with_pip=True, system_site_packages=False)
    python = folder / "venv" / "bin" / "python"
    source = [str(ROOT)] if request.param == "wheel" else ["-e", str(ROOT)]
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", *source], check=True)
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    here = [p for p in sys.path if p.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(here) + "\n")
    return python, request.param


def test_the_package_is_the_installed_one_and_finds_its_folders(installed, tmp_path):
    python, kind = installed
    result = subprocess.run(
        [python, "-c", CODE], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    package, schemas, jobs, columns, has_world = result.stdout.split()
    assert (Path(package) == ROOT / "movielake") == (kind == "editable")
    beside = ROOT if kind == "editable" else Path(package)
    assert Path(schemas) == beside / "schemas"
    assert Path(jobs) == beside / "jobs"
    assert int(columns) > 20
    assert has_world == "True"


def test_the_command_line_is_installed(installed, tmp_path):
    python, _ = installed
    result = subprocess.run(
        [python.parent / "movielake", "schema", "movies"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "movie_id: int32" in result.stdout
