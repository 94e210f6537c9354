"""Fixtures of the tests of conversion."""

from __future__ import annotations

import pytest

from tests.conversion.place import Place, many_zips


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> Place:
    """Return a converted feed of several zips. Tests compare with it and must not change it."""
    place = Place(tmp_path_factory.mktemp("reference")).write(many_zips())
    place.convert()
    return place
