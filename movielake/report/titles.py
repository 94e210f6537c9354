"""Titles and genres of films, from the newest snapshot that has them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.reading.files import PlainRows
from movielake.reading.groups import FileGroup
from movielake.reading.readers import MoviesReader, ShowingsReader
from movielake.reading.tallies import over_groups
from movielake.report.activity import parts_of

_TITLE_LENGTH: Final = 120

_Title = tuple[tuple[str, str], str]
"""Stamp and country of a snapshot, and a title in it."""


def find_titles(
    films: Sequence[int], movies: MoviesReader | None, showings: ShowingsReader
) -> dict[int, str]:
    """Find the title of each film in the newest snapshot with a title.

    Parameters
    ----------
    films : sequence of int
        The movie_id of each film.
    movies, showings
        As for `top_films`.

    Returns
    -------
    dict of int to str
        Titles by movie_id. Films without a title are missing.
    """
    titles = _newest(movies, "title", films) if movies is not None else {}
    untitled = [film for film in films if film not in titles]
    every = showings._with(False)
    return titles | (_newest(every, "movie_name", untitled) if untitled else {})


def find_genres(films: Sequence[int], movies: MoviesReader | None) -> dict[int, str]:
    """Find the genres of each film in the newest snapshot that states any, divided by ``, ``."""
    return _newest(movies, "genre", films) if movies is not None else {}


def _newest(
    reader: MoviesReader | ShowingsReader, column: str, films: Sequence[int]
) -> dict[int, str]:
    held = reader._checked()
    names = _Names(reader._source, column, films)
    titles: dict[int, _Title] = {}
    for found in over_groups(names, held, parts_of(held)):
        for film, title in found.items():
            titles[film] = max(title, titles.get(film, title), key=itemgetter(0))
    return {film: title for film, (_, title) in titles.items()}


class _Names:
    """Reader of the newest title of each film in a group of files, with its stamp and country."""

    def __init__(self, source: PlainRows, column: str, films: Sequence[int]) -> None:
        self._source = source
        self._column = column
        self._films = pa.array(films, pa.int32())

    def __call__(self, group: FileGroup) -> dict[int, _Title]:
        keys = [(file.date_stamp, file.country) for file in group.files]
        parts = self._source.parts(group, ["movie_id", self._column])
        # A compact lake has its files in the order of countries.
        pieces = [self._named(parts[n], n) for n in sorted(range(len(keys)), key=keys.__getitem__)]
        if not pieces:
            return {}
        last = pa.concat_tables(pieces).group_by("movie_id", use_threads=False)
        found = last.aggregate([(self._column, "last"), ("file", "last")])
        names = pc.utf8_slice_codeunits(found[f"{self._column}_last"], 0, _TITLE_LENGTH)
        columns = (found["movie_id"], found["file_last"], names)
        films = zip(*(column.to_pylist() for column in columns), strict=True)
        return {film: (keys[n], name) for film, n, name in films}

    def _named(self, rows: pa.Table, number: int) -> pa.Table:
        """Return the rows of the films with a title, with the number of their file."""
        if pa.types.is_list(rows[self._column].type):
            rows = rows.set_column(1, self._column, pc.binary_join(rows[self._column], ", "))
        named = pc.and_(pc.is_in(rows["movie_id"], self._films), rows[self._column].is_valid())
        rows = rows.filter(named)
        return rows.append_column("file", pa.array(np.full(rows.num_rows, number)))
