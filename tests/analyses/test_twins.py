"""Each analysis gives the same rows as its SQL in docs/analyses.md, on both layouts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from movielake import (
    ScreeningCounts,
    ShowingsReader,
    compact,
    day_profile,
    distribution,
    premieres,
    runs,
)
from tests.twins import SHOWN, ask_twin, connect_to

ANALYSES: dict[str, Callable[..., pa.Table]] = {
    "day_profile": day_profile,
    "distribution": distribution,
    "premieres": premieres,
    "runs": runs,
    "weeks": partial(runs, per="week"),
}


@pytest.fixture(scope="module", params=["leaves", "compact"])
def lake(request: pytest.FixtureRequest, sample_lake: Path, tmp_path_factory: Any) -> Path:
    if request.param == "leaves":
        return sample_lake
    copy = tmp_path_factory.mktemp("compact") / "lake"
    compact(str(sample_lake), str(copy))
    return copy


def rows_of(name: str, table: pa.Table) -> list[tuple[Any, ...]]:
    rows = [tuple(row.values()) for row in table.to_pylist()]
    # The twin has no rows for hours without screenings.
    return [row for row in rows if row[3]] if name == "day_profile" else rows


def same(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> bool:
    flat, others = ([value for row in rows for value in row] for rows in (found, expected))
    return len(found) == len(expected) > 0 and flat == [
        pytest.approx(value) if isinstance(value, float) else value for value in others
    ]


def test_each_analysis_has_a_twin_and_each_twin_an_analysis() -> None:
    assert SHOWN.keys() - {"screened"} == ANALYSES.keys()


@pytest.mark.parametrize("name", ANALYSES)
@pytest.mark.parametrize("rule", ["movie", "theater", None])
def test_an_analysis_equals_its_twin(lake: Path, name: str, rule: str | None) -> None:
    found = ANALYSES[name](str(lake), current=rule or False)
    assert same(rows_of(name, found), ask_twin(connect_to(lake, rule), name))


@pytest.mark.parametrize("name", ANALYSES)
def test_a_selection_equals_the_twin_of_the_same_selection(lake: Path, name: str) -> None:
    chosen = {"countries": ["deu", "fra", "nzl"], "date_stamps": slice("20191213", None)}
    where = "country in ('deu', 'fra', 'nzl') and date_stamp >= '20191213'"
    expected = ask_twin(connect_to(lake, where=where), name)
    assert same(rows_of(name, ANALYSES[name](str(lake), **chosen)), expected)
    assert same(rows_of(name, ANALYSES[name](ShowingsReader(str(lake), **chosen))), expected)


def test_shared_counts_give_the_same_as_each_analysis_alone(lake: Path) -> None:
    counts = ScreeningCounts(str(lake))
    for analysis in ANALYSES.values():
        assert analysis(counts).equals(analysis(str(lake)))


def test_versions_apart_equal_the_twin_without_parents(lake: Path) -> None:
    connection = connect_to(lake, where="true")
    connection.sql(
        "create or replace view movies as select 1 as movie_id, 0 as parent_id, '' as date_stamp"
    )
    for name in ("distribution", "premieres", "runs", "weeks"):
        found = ANALYSES[name](str(lake), versions="apart")
        assert same(rows_of(name, found), ask_twin(connection, name))
        assert not found.equals(ANALYSES[name](str(lake)))


def test_the_sample_has_what_the_twins_compare(lake: Path) -> None:
    """Otherwise the comparisons would show little."""
    films = distribution(str(lake)).to_pandas()
    assert films["versions"].max() > 1
    assert films["release_delay"].max() > 0
    assert films["release_delay"].isna().any()
    for name in ("cut_start", "cut_end"):
        assert 0 < films[name].sum() < len(films)
    weeks = runs(str(lake)).to_pandas()
    assert weeks["weeks"].max() > 1
    assert weeks["longest_gap"].max() > 0
