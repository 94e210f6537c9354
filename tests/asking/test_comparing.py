"""Comparisons of snapshots: a small feed with known answers, and plain Python on the sample."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from movielake import compact, convert, diff
from movielake.cli import main
from tests.feeds import all_rows, houses, movies, showing, times, write_feed

OLD, NEW = "20191206", "20191213"


@pytest.fixture(scope="module")
def small_lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a lake in which something of each kind went, came, changed and stayed."""
    folder = tmp_path_factory.mktemp("small")
    zips = {
        f"{OLD}/movies_deu.zip": {
            "I.XML": movies("Up", "Down"),
            "T.XML": houses("Astra"),
            "S.XML": times(
                showing(1, at="13:20, 15:00"), showing(2, at="18:00"), showing(2, at="18:00")
            ),
        },
        f"{NEW}/movies_deu.zip": {
            "I.XML": movies("Up", "Down again", "Left"),
            "T.XML": houses("Astra", "Bali"),
            "S.XML": times(showing(1, at="(13:20), 17:00"), showing(2, at="18:00")),
        },
        f"{NEW}/movies_swe.zip": {"S.XML": times(showing(1))},
    }
    convert(write_feed(folder / "feed", zips), str(folder / "lake"), workers=1)
    return str(folder / "lake")


def test_what_went_came_and_changed_is_counted_by_country(small_lake: str) -> None:
    rows = [tuple(row.values()) for row in diff(small_lake, OLD, NEW).to_pylist()]
    assert rows == [
        # country, kind, old, new, went, came, changed
        ("deu", "movies", 2, 3, 0, 1, 1),
        ("deu", "theaters", 1, 2, 0, 1, 0),
        ("deu", "screenings", 4, 3, 2, 1, 1),
        *[("swe", kind, *[None] * 5) for kind in ("movies", "theaters", "screenings")],
    ]


def test_each_difference_is_listed_with_its_name(small_lake: str) -> None:
    found = [tuple(row.values()) for row in diff(small_lake, OLD, NEW, each="movies").to_pylist()]
    assert found == [("deu", 2, "Down", 0, 0, 1), ("deu", 3, "Left", 0, 1, 0)]
    screenings = diff(small_lake, OLD, NEW, each="screenings").to_pylist()
    assert [(str(s["show_time"])[:5], s["went"], s["came"], s["changed"]) for s in screenings] == [
        ("13:20", 0, 0, 1),
        ("15:00", 1, 0, 0),
        ("17:00", 0, 1, 0),
        ("18:00", 1, 0, 0),
    ]


IDENTITIES = {
    "movies": ("movies", ["movie_id"]),
    "theaters": ("theaters", ["theater_id"]),
    "screenings": ("showings", ["movie_id", "theater_id", "show_date", "show_time"]),
}


def compare(lake: Path, kind: str) -> dict[str, list[int]]:
    """Compare two snapshots in plain Python; return the counts of each country."""
    name, identity = IDENTITIES[kind]
    sides: dict[str, Counter[Any]] = {OLD: Counter(), NEW: Counter()}
    for row in all_rows(lake, name):
        stamp, country = row["source_xml"].split("/")[:2]
        if stamp in sides and (name != "showings" or row["show_time"] is not None):
            key = (country, *(row[column] for column in identity))
            keep = {c: v for c, v in row.items() if c not in ("source_xml", "record")}
            if name == "showings":
                keep = {c: v for c, v in keep.items() if c == "bargain" or c.startswith("show_")}
            sides[stamp][key, repr(keep)] += 1
    counts: dict[str, list[int]] = {}
    rests: dict[Any, dict[str, Counter[str]]] = {}
    for stamp, side in sides.items():
        for (key, rest), number in side.items():
            rests.setdefault(key, {OLD: Counter(), NEW: Counter()})[stamp][rest] += number
    for key, both in rests.items():
        old, new = both[OLD], both[NEW]
        same = (old & new).total()
        o, n = old.total(), new.total()
        mine = [o, n, max(o - n, 0), max(n - o, 0), min(o, n) - same]
        counts[key[0]] = [a + b for a, b in zip(counts.get(key[0], [0] * 5), mine, strict=True)]
    return counts


@pytest.mark.parametrize("kind", IDENTITIES)
def test_counts_are_those_of_plain_python(sample_lake: Path, kind: str) -> None:
    found = {
        row["country"]: list(row.values())[2:]
        for row in diff(str(sample_lake), OLD, NEW).to_pylist()
        if row["kind"] == kind and any(list(row.values())[2:])
    }
    assert found == compare(sample_lake, kind)
    assert any(counts[4] for counts in found.values()) or kind == "theaters"
    assert all(new == old - went + came for old, new, went, came, _ in found.values())


def test_a_compact_copy_has_the_same_differences(sample_lake: Path, tmp_path: Path) -> None:
    copy = compact(str(sample_lake), str(tmp_path / "copy"))
    for each in (None, *IDENTITIES):
        assert diff(copy, OLD, NEW, each=each).equals(diff(str(sample_lake), OLD, NEW, each=each))


def test_the_command_prints_text_and_json_and_names_what_is_not_compared(small_lake: str) -> None:
    result = CliRunner().invoke(main, ["diff", small_lake, OLD, NEW, "--format", "json"])
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines == diff(small_lake, OLD, NEW).to_pylist()
    assert result.stderr == (
        "movielake: not compared, since one of the snapshots lacks them: swe\n"
    )
    command = ["diff", small_lake, OLD, NEW, "--countries", "deu", "--each", "movies"]
    assert "Down" in CliRunner().invoke(main, command).stdout


@pytest.mark.parametrize(
    ("stamps", "options", "message"),
    [
        ((OLD, OLD), {}, "expected two date stamps, found 20191206 twice"),
        ((OLD, "20191207"), {}, "no showings match"),
        ((OLD, NEW), {"each": "movie"}, "did you mean movies"),
    ],
)
def test_a_wrong_argument_is_refused(
    small_lake: str, stamps: tuple[str, str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        diff(small_lake, *stamps, **options)
