"""Every public name documents its parameters, result and errors, with an example that runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.validate import validate

import movielake

API = sorted((Path(__file__).parents[2] / "docs" / "api").glob("*.md"))

WANTED = {
    "GL03": "no line too many",
    "GL08": "a docstring",
    "SS01": "a summary",
    "SS03": "a summary that ends in a full stop",
    "PR01": "all parameters",
    "PR02": "no other parameters",
    "PR03": "parameters in order",
    "PR04": "types of parameters",
    "PR07": "descriptions of parameters",
    "RT01": "what is returned",
    "YD01": "what is yielded",
    "EX01": "an example",
}
"""The checks of numpydoc that find missing parts."""


def public_names() -> Iterator[str]:
    """List the names that `movielake` exports and their public members, with their full paths."""
    for name in movielake.__all__:
        found = getattr(movielake, name)
        home = f"{found.__module__}.{found.__qualname__}"
        yield home
        if inspect.isclass(found):
            yield from (f"{home}.{member}" for member in dir(found) if not member.startswith("_"))


@pytest.mark.parametrize("name", [*public_names()])
def test_a_public_name_is_documented(name):
    lacking = {code: text for code, text in validate(name)["errors"] if code in WANTED}
    assert lacking == {}


def test_the_check_finds_a_missing_example():
    codes = {code for code, _ in validate("movielake.cli.run")["errors"]}
    assert "EX01" in codes


def test_examples_of_public_names_have_a_prompt():
    """An example without a prompt would never run."""
    for name in public_names():
        examples = validate(name)["docstring"].partition("Examples\n---")[2]
        assert ">>> " in examples, name


@pytest.mark.parametrize("name", movielake.__all__)
def test_the_page_of_the_api_has_the_name(name):
    text = "".join(page.read_text("utf-8") for page in API)
    assert re.search(rf"^\.\. auto\w+:: movielake\.{name}$", text, re.M)
