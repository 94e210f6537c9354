"""Films: how often each was screened in each country, and what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from movielake.reading.files import PlainRows, rows_of_group
from movielake.reading.holdings import FileGroup
from movielake.reading.readers import MoviesReader, ShowingsReader
from movielake.reading.tallies import over_groups
from movielake.report.activity import parts_of

POOL: Final = 200
"""So many of the most screened films of each country are there to choose from in the page."""

_TITLE_LENGTH: Final = 120


def top_films(
    screened: pd.DataFrame, movies: MoviesReader | None, showings: ShowingsReader
) -> list[dict[str, Any]]:
    """List the most screened films of each country.

    Parameters
    ----------
    screened : pandas.DataFrame
        Screenings: ``country`` (its place), ``id``, ``count``.
    movies : MoviesReader or None
        Asked for titles first.
    showings : ShowingsReader
        Asked for the movie_name of what movies do not name; China's feed has no movies.

    Returns
    -------
    list of dict
        Of each film its ``id``, its ``title`` in the newest snapshot that has one, and ``counts``,
        a flat list of a country's place and the screenings there; the most screened film first.
    """
    ranked = screened.sort_values(["count", "id"], ascending=[False, True])
    pool = ranked.groupby("country").head(POOL)["id"].unique()
    chosen = screened[screened["id"].isin(pool)]
    totals = chosen.groupby("id")["count"].sum().reset_index()
    ordered = totals.sort_values(["count", "id"], ascending=[False, True])["id"].tolist()
    titles = find_titles(ordered, movies, showings)
    counts: dict[int, list[int]] = {film: [] for film in ordered}
    for country, film, number in chosen.itertuples(index=False):
        counts[film] += [int(country), int(number)]
    return [{"id": f, "title": titles.get(f), "counts": counts[f]} for f in ordered]


def find_titles(
    films: Sequence[int], movies: MoviesReader | None, showings: ShowingsReader
) -> dict[int, str]:
    """Find what films are called in the newest snapshot that names them.

    Parameters
    ----------
    films : sequence of int
        Their movie_id.
    movies, showings
        As for `top_films`.

    Returns
    -------
    dict of int to str
        Without those that nobody names.
    """
    titles = _newest(movies, "title", films) if movies is not None else {}
    untitled = [film for film in films if film not in titles]
    return titles | (_newest(showings, "movie_name", untitled) if untitled else {})


def _newest(
    reader: MoviesReader | ShowingsReader, column: str, films: Sequence[int]
) -> dict[int, str]:
    held = reader._checked()
    names = _Names(reader._source, column, films)
    titles: dict[int, str] = {}
    for found in over_groups(names, held, parts_of(held)):
        titles |= found  # groups are in the order of stamps: the newest comes last
    return titles


class _Names:
    """Reads what films are called last in a group of files."""

    def __init__(self, source: PlainRows, column: str, films: Sequence[int]) -> None:
        self._source = source
        self._column = column
        self._films = pa.array(films, pa.int32())

    def __call__(self, group: FileGroup) -> dict[int, str]:
        rows = rows_of_group(self._source, group, ["movie_id", self._column])
        named = pc.and_(pc.is_in(rows["movie_id"], self._films), rows[self._column].is_valid())
        last = rows.filter(named).group_by("movie_id", use_threads=False)
        pairs = last.aggregate([(self._column, "last")])
        names = pc.utf8_slice_codeunits(pairs[f"{self._column}_last"], 0, _TITLE_LENGTH)
        return dict(zip(pairs["movie_id"].to_pylist(), names.to_pylist(), strict=True))
