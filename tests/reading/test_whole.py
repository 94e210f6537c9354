"""Whole views in pandas: the same rows as the DataFrame, or a clear refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from movielake import JoinedShowings, MoviesReader, ShowingsReader


@pytest.mark.parametrize("options", [{}, {"current": True}])
def test_the_rows_and_types_are_those_of_the_dataframe(
    sample_lake: Path, options: dict[str, Any]
) -> None:
    showings = ShowingsReader(str(sample_lake), countries=["deu", "swe"], **options)
    columns = ["movie_id", "show_date", "show_attributes", "country"]
    found = showings.to_pandas(columns)
    expected = showings.dataframe[columns].compute()
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))
    assert len(found) == showings.count_by()["count"].sum() > 0
    assert list(showings.to_pandas().columns) == showings.columns


def test_a_join_is_loaded_too(sample_lake: Path) -> None:
    showings = ShowingsReader(str(sample_lake), countries="deu")
    found = JoinedShowings(showings, movie_columns=["title"]).to_pandas(["movie_id", "title"])
    assert len(found) == len(showings.to_pandas(["movie_id"]))
    assert found["title"].notna().any()


def test_rows_that_do_not_fit_are_refused_with_advice(sample_lake: Path) -> None:
    movies = MoviesReader(str(sample_lake))
    with pytest.raises(MemoryError, match=r"at most 1e-06 GB.*in 1 columns; name fewer columns="):
        movies.to_pandas(["title"], memory=1000)
    with pytest.raises(ValueError, match="did you mean title"):
        movies.to_pandas(["titel"])
