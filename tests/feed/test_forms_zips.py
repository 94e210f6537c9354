"""All forms of zips have their result, and never stop the conversion of another zip."""

from __future__ import annotations

import pytest

from movielake import convert
from movielake.lake.commits import describe_damage
from tests.feed.forms_zips import FORMS, KEPT, READ, ROWS
from tests.feeds import write_feed

STAMPS = [f"2019{1 + n // 28:02}{1 + n % 28:02}" for n in range(len(FORMS))]


@pytest.fixture(scope="module")
def commits(tmp_path_factory):
    """Convert all forms in one run: stamp to commit."""
    place = tmp_path_factory.mktemp("forms")
    contents = {
        f"{stamp}/movies_deu.zip": form.content for stamp, form in zip(STAMPS, FORMS, strict=True)
    }
    result = convert(write_feed(place / "feed", contents), str(place / "lake"), workers=1)
    assert (len(result.commits), result.failed) == (len(FORMS), ())
    return {commit.date_stamp: commit for commit in result.commits}


@pytest.mark.parametrize(
    ("stamp", "form"), list(zip(STAMPS, FORMS, strict=True)), ids=[form.what for form in FORMS]
)
def test_a_form_of_a_zip_has_its_result(commits, stamp, form):
    commit = commits[stamp]
    assert sum(member.records for member in commit.members) == form.records
    damage = describe_damage(commit)
    assert bool(damage) == (form.result not in (READ, KEPT)), damage
    left = [member for member in commit.members if member.status == "other"]
    assert bool(left) == (form.result == KEPT and not form.what.endswith("__MACOSX/"))
    if damage:
        assert f"movies_deu.zip: {form.result} (" in damage[0]
        hurt = next(member for member in commit.members if member.is_hurt)
        assert hurt.quarantine


def test_the_table_has_no_row_twice():
    assert len({row[0] for row in ROWS}) == len(ROWS) >= 20
