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
    circulation,
    compact,
    concentration,
    convert,
    day_profile,
    distribution,
    premieres,
    runs,
    shares,
    sql,
)
from movielake.sample import write_sample
from tests.twins import SHOWN, ask_twin, connect_to, twin_sql

ANALYSES: dict[str, Callable[..., pa.Table]] = {
    "circulation": circulation,
    "concentration": partial(concentration, per="month"),
    "shares": partial(shares, by="genre"),
    "formats": partial(shares, by="format"),
    "day_profile": day_profile,
    "distribution": distribution,
    "premieres": premieres,
    "runs": runs,
    "weeks": partial(runs, per="week"),
}


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a lake of seven weeks, so that films start, travel and end within it."""
    folder = tmp_path_factory.mktemp("weeks")
    write_sample(str(folder / "feed"), weeks=7, scale=0.03)
    convert(str(folder / "feed"), str(folder / "lake"), workers=1)
    return folder / "lake"


@pytest.fixture(scope="module", params=["leaves", "compact"])
def lake(request: pytest.FixtureRequest, leaves: Path) -> Path:
    copy = leaves.with_name("compact")
    if request.param == "compact" and not copy.exists():
        compact(str(leaves), str(copy))
    return leaves if request.param == "leaves" else copy


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


@pytest.mark.parametrize("name", ANALYSES)
def test_a_twin_runs_in_movielake_sql(lake: Path, name: str) -> None:
    expected = rows_of(name, ANALYSES[name](str(lake)))
    found = sql(str(lake), twin_sql(name))
    # Two columns can have the same name, so the rows are taken column by column.
    columns = [column.to_pylist() for column in found.columns]
    # Without an order of the rows, last() can choose another record of a doubled id.
    assert name == "shares" or same(expected, list(zip(*columns, strict=True)))
    assert found.num_rows == len(expected)


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


@pytest.mark.parametrize(("per", "sql"), [("all", "'all'"), ("year", "strftime(show_date, '%Y')")])
@pytest.mark.parametrize("together", [False, True])
def test_concentration_by_other_periods_equals_its_twin(
    lake: Path, per: str, sql: str, together: bool
) -> None:
    query = twin_sql("concentration").replace("strftime(show_date, '%Y-%m')", sql)
    if together:
        query = query.replace(f"select country, {sql}", f"select null as country, {sql}")
    expected = connect_to(lake).sql(query).fetchall()
    found = concentration(str(lake), per=per, together=together)
    assert same(rows_of("concentration", found), expected)


@pytest.mark.parametrize("by", ["distributor", "language", "chain"])
def test_shares_by_other_attributes_equal_their_twin(lake: Path, by: str) -> None:
    column = {"distributor": "distributor", "language": "[lang]", "chain": "[theater_chain]"}[by]
    query = twin_sql("shares").replace("genre", column)
    if by == "chain":
        query = query.replace("movie", "theater")
    expected = connect_to(lake).sql(query).fetchall()
    assert same(rows_of("shares", shares(str(lake), by)), expected)
    assert len({value for _, value, *_ in expected}) > 2


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
    pairs = circulation(str(lake)).to_pandas()
    assert (pairs["before"] > pairs["premiered"]).any()
    assert pairs["median_lag"].nunique() > 2


@pytest.mark.parametrize("first", ["films", "shares", "both", "nothing"])
def test_counting_all_at_once_gives_the_same_whatever_was_counted_before(first: str, lake: Path):
    counts = ScreeningCounts(str(lake))
    if first in ("films", "both"):
        runs(counts)
    if first in ("shares", "both"):
        shares(counts, "genre")
    counts.count_all()
    assert runs(counts).equals(runs(str(lake)))
    assert shares(counts, "genre").equals(shares(str(lake), "genre"))
