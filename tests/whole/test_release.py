"""The files that a release needs exist and agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import movielake
from movielake.version import DATE

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DOCUMENTED = "".join(
    (ROOT / path).read_text("utf-8") for path in ("README.md", "docs/contributing.md")
)


def steps(workflow: Path) -> list[dict[str, object]]:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_only_documented_commands(workflow):
    commands = [str(step["run"]) for step in steps(workflow) if "run" in step]
    assert commands
    for command in commands:
        assert command.endswith(" .ci/run") or command in DOCUMENTED, command


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_only_the_permission_to_read(workflow):
    assert yaml.safe_load(workflow.read_text("utf-8"))["permissions"] == {"contents": "read"}


def test_the_tests_run_on_every_supported_python():
    (tests,) = (path for path in WORKFLOWS if path.stem == "tests")
    jobs = yaml.safe_load(tests.read_text("utf-8"))["jobs"]
    versions = jobs["tests"]["strategy"]["matrix"]["python"]
    found = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert versions == found
    assert PROJECT["requires-python"] == f">={versions[0]}"


def test_the_configuration_does_not_repeat_the_version():
    assert PROJECT["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", movielake.__version__)
    for path in ("docs/conf.py", "pyproject.toml"):
        assert movielake.__version__ not in (ROOT / path).read_text("utf-8"), path


def test_the_changelog_starts_with_this_version():
    changelog = (ROOT / "docs" / "changelog.md").read_text("utf-8")
    found = re.search(r"^## (\S+), (\S+)$", changelog, re.M)
    assert found
    assert found.groups() == (movielake.__version__, DATE)


def test_the_citation_file_is_valid():
    """It has all that the Citation File Format 1.2.0 requires, and it agrees with the package."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert (citation["title"], citation["type"]) == (PROJECT["name"], "software")
    assert citation["authors"] == [{"name": "The movielake developers"}]
    assert citation["license"] == PROJECT["license"]
    assert (citation["version"], citation["date-released"]) == (movielake.__version__, DATE)
    assert citation["abstract"].rstrip(".") == PROJECT["description"]
    assert set(citation["keywords"]) <= set(PROJECT["keywords"])
