"""Titles and genres of films, from the newest snapshot that has them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.reading.files import PlainRows
from movielake.reading.groups import FileGroup
from movielake.reading.readers import MoviesReader, ShowingsReader
from movielake.reading.tallies import over_groups
from movielake.report.activity import parts_of

_LENGTH: Final = 120

_Text = tuple[tuple[str, str], str]
"""Stamp and country of a snapshot, and a text in it."""


def describe_films(
    films: Sequence[int], movies: MoviesReader | None, showings: ShowingsReader
) -> tuple[dict[int, str], dict[int, str]]:
    """Find the title and the genres of each film in the newest snapshot that has them.

    Parameters
    ----------
    films : sequence of int
        The movie_id of each film.
    movies, showings
        As for `top_films`.

    Returns
    -------
    titles, genres : dict of int to str
        By movie_id. Films without them are missing. Genres are divided by ``, ``.
    """
    found = _newest(movies, ("title", "genre"), films) if movies is not None else [{}, {}]
    titles, genres = found
    untitled = [film for film in films if film not in titles]
    if untitled:
        titles |= _newest(showings._with(False), ("movie_name",), untitled)[0]
    return titles, genres


def _newest(
    reader: MoviesReader | ShowingsReader, columns: tuple[str, ...], films: Sequence[int]
) -> list[dict[int, str]]:
    held = reader._checked()
    newest: list[dict[int, _Text]] = [{} for _ in columns]
    for group in over_groups(_Texts(reader._source, columns, films), held, parts_of(held)):
        for known, found in zip(newest, group, strict=True):
            for film, text in found.items():
                known[film] = max(text, known.get(film, text), key=itemgetter(0))
    return [{film: text for film, (_, text) in known.items()} for known in newest]


class _Texts:
    """Reader of each film's newest texts in a group of files, with their stamp and country."""

    def __init__(self, source: PlainRows, columns: tuple[str, ...], films: Sequence[int]) -> None:
        self._source = source
        self._columns = columns
        self._films = pa.array(films, pa.int32())

    def __call__(self, group: FileGroup) -> list[dict[int, _Text]]:
        keys = [(file.date_stamp, file.country) for file in group.files]
        rows, lengths = self._source.whole(group, ["movie_id", *self._columns])
        # A compact lake has its files in the order of countries.
        ranks = np.argsort(sorted(range(len(keys)), key=keys.__getitem__))
        rank = np.repeat(ranks, lengths)
        wanted = pc.is_in(rows["movie_id"], self._films).to_numpy()
        rows, rank = rows.filter(pa.array(wanted)), rank[wanted]
        movie, newest_last = rows["movie_id"].to_numpy(), np.argsort(rank, kind="stable")
        of_rank = sorted(keys)
        return [
            self._last_of_each(rows[column], movie, rank, newest_last, of_rank)
            for column in self._columns
        ]

    def _last_of_each(
        self,
        column: pa.ChunkedArray,
        movie: Any,
        rank: Any,
        order: Any,
        keys: list[tuple[str, str]],
    ) -> dict[int, _Text]:
        if pa.types.is_list(column.type):
            column = pc.binary_join(column, ", ")
        places = order[column.is_valid().to_numpy()[order]][::-1]
        films, first = np.unique(movie[places], return_index=True)
        places = places[first]
        texts = pc.utf8_slice_codeunits(column.take(pa.array(places)), 0, _LENGTH).to_pylist()
        found = zip(films.tolist(), rank[places].tolist(), texts, strict=True)
        return {film: (keys[number], text) for film, number, text in found}
