"""The released packages and an editable install work with the declared dependencies only."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import movielake
from movielake.cli.notebooks import write_notebooks
from tests.feeds import files

ROOT = Path(__file__).parents[2]
CODE = """
import movielake, pathlib
from movielake.schema.tables import shipped_folder, table
print(pathlib.Path(movielake.__file__).parent)
print(shipped_folder("schemas"))
print(shipped_folder("jobs"))
print(len(table("showings").columns))
print((pathlib.Path(movielake.__file__).parent / "report" / "assets" / "world.json").is_file())
"""

pytestmark = pytest.mark.install


def run(*command: object, cwd: Path) -> str:
    words = [str(word) for word in command]
    result = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and the wheel from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


def needed(requirements: list[str] | None, extras: set[str]) -> Iterator[Distribution]:
    """List the distributions that requirements need, and those that these need in turn."""
    for requirement in map(Requirement, requirements or []):
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        found = distribution(requirement.name)
        yield found
        yield from needed(found.requires, requirement.extras)


def lend(distributions: Iterator[Distribution], site: Path) -> None:
    """Link distributions that are installed here into another environment."""
    for found in distributions:
        names = {Path(file).parts[0] for file in found.files or [] if ".." not in file.parts}
        for name in names - {"__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(Path(str(found.locate_file(name))))


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request, dist, tmp_path_factory):
    """Install the package into an empty environment with links to the dependencies here."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder / "venv", with_pip=True, system_site_packages=False)
    python = folder / "venv" / "bin" / "python"
    wheel = next(dist.glob("*.whl"))
    source = [wheel] if request.param == "wheel" else ["-e", ROOT]
    run(python, "-m", "pip", "install", "-q", "--no-deps", *source, cwd=folder)
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    lend(needed(distribution("movielake").requires, set()), site)
    return python, request.param


def test_the_installed_package_finds_its_folders(installed, tmp_path):
    python, kind = installed
    package, schemas, jobs, columns, has_world = run(python, "-c", CODE, cwd=tmp_path).split()
    assert (Path(package) == ROOT / "movielake") == (kind == "editable")
    beside = ROOT if kind == "editable" else Path(package)
    assert Path(schemas) == beside / "schemas"
    assert Path(jobs) == beside / "jobs"
    assert int(columns) > 20
    assert has_world == "True"


def test_the_environment_has_only_declared_dependencies(installed, tmp_path):
    """Otherwise the demo would not show that the list of dependencies is complete."""
    python, _ = installed
    code = "import importlib.util as u; print([m for m in {!r} if u.find_spec(m)])"
    extras = ["duckdb", "hypothesis", "jupyterlab", "matplotlib", "pytest", "sphinx", "xmltodict"]
    assert run(python, "-c", code.format(extras), cwd=tmp_path) == "[]\n"


def test_the_demo_runs(installed, tmp_path):
    python, kind = installed
    if kind == "editable":
        pytest.skip("the wheel has the same code, and its demo runs")
    assert "done in" in run(python.parent / "movielake", "demo", cwd=tmp_path)


def test_the_installed_notebooks_run(installed, tmp_path, sample_lake):
    """The wheel writes the same notebooks as the checkout, whose tests run each of them."""
    python, kind = installed
    book = tmp_path / kind / "theaters-with-showings.ipynb"
    write = ("notebooks", book.parent, "--lake", sample_lake)
    run(python.parent / "movielake", *write, cwd=tmp_path)
    write_notebooks(str(tmp_path / "here"), str(sample_lake))
    assert files(book.parent) == files(tmp_path / "here")
    if kind == "editable":
        return
    # matplotlib comes from this environment, and movielake from the other.
    site = next((python.parents[1] / "lib").glob("python*/site-packages"))
    code = f"import sys, runpy; sys.path.insert(0, {str(site)!r}); sys.argv[1:] = [{str(book)!r}]; "
    code += f"runpy.run_path({str(ROOT / 'tests' / 'run_notebook.py')!r}, run_name='__main__'); "
    code += "import movielake; print(movielake.__file__)"
    shown = run(sys.executable, "-c", code, cwd=tmp_path)
    assert "figure:" in shown
    assert shown.splitlines()[-1] == str(site / "movielake" / "__init__.py")


def test_the_command_line_shows_the_version(installed, tmp_path):
    python, _ = installed
    shown = run(python.parent / "movielake", "--version", cwd=tmp_path)
    assert shown == f"movielake, version {movielake.__version__}\n"


def test_the_files_of_the_packages_have_the_version_in_their_names(dist):
    name = f"movielake-{movielake.__version__}"
    assert {path.name for path in dist.iterdir()} == {
        f"{name}.tar.gz",
        f"{name}-py3-none-any.whl",
    }


def test_the_source_distribution_has_the_folders_of_a_checkout(dist):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        tops = {Path(name).parts[1] for name in archive.getnames()}
    assert {"movielake", "schemas", "jobs", "tests", "docs", "README.md"} <= tops
    assert not tops & {".venv", "build", "dist"}


def test_a_missing_dependency_is_an_error():
    with pytest.raises(PackageNotFoundError):
        list(needed(["surely-no-such-package"], set()))
