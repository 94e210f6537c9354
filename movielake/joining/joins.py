"""Joins of showings with their movies and theaters, as a DataFrame, as counts or as records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from movielake.joining.lookups import ID, AttachPartitions, JoinedRows
from movielake.names.hints import suggest_name
from movielake.reading.blocks import Current
from movielake.reading.files import PlainRows, read_records
from movielake.reading.finding import hold_beside
from movielake.reading.groups import FileGroup, HeldFile
from movielake.reading.holdings import Holdings
from movielake.reading.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.reading.views import RowsView, as_they_are, insert_into_docstring
from movielake.schema.tables import Table, table

if TYPE_CHECKING:
    import dask.bag as db
    import dask.dataframe as dd

_PREFIX: Final = {"movies": "movie_", "theaters": "theater_"}
_LABELS: Final = ("extra", "source_xml")
"""Columns about a record, not about its film or cinema. They are joined only if you name them."""

TABLES: Final = """
Parameters
----------
showings : ShowingsReader
    The showings.
movies : MoviesReader, optional
    The movies of the showings.
theaters : TheatersReader, optional
    The theaters of the showings. If you give neither movies nor theaters, they come from the lake
    of the showings. If you give only one of them, only that one is joined.
"""
"""The parameters of all joins, for their docstrings."""

CURRENT: Final = """
current : bool or {"movie", "theater"}, optional
    Leave out superseded showings, as described for `ShowingsReader`. Default: as ``showings``.
"""
"""The last parameter of all joins."""

_COLUMNS: Final = """
movie_columns, theater_columns : sequence of str, optional
    Columns to add. If you name columns of one table only, only that table is joined. Default: all
    columns of both tables except ``extra``, ``source_xml`` and the keys.
"""


@insert_into_docstring(TABLES.rstrip() + _COLUMNS.rstrip() + CURRENT)
class JoinedShowings(RowsView):
    """Showings with their movies and theaters, as a DataFrame and as counts in Arrow.

    Raises
    ------
    TypeError
        If an argument is not a reader of the right table.
    ValueError
        If a column does not exist, or if its table is not joined.

    Notes
    -----
    The join has each row of the showings exactly once, in the same order. If an id occurs twice
    in a partition, the last one in the feed counts. If an id is missing, the columns are null.

    Some columns are in both tables: ``release_date``, ``theater_name``, ``theater_city`` and
    ``theater_area``. The flat form of China has them in its showings. They become one column, with
    the showing's own value or, where that is null, the value of its movie or theater. To keep both
    values, name the column with its prefix: ``movie_release_date`` or ``theater_theater_name``
    has the value of the movie or theater alone, and ``release_date`` or ``theater_name`` remains
    the showing's own.

    Examples
    --------
    >>> from movielake import JoinedShowings, ShowingsReader
    >>> showings = ShowingsReader("lake")
    >>> joined = JoinedShowings(showings, movie_columns=["genre"], theater_columns=[])
    >>> int(joined.count_by()["count"].sum()) == len(showings.dataframe)
    True
    """

    def __init__(
        self,
        showings: ShowingsReader,
        movies: MoviesReader | None = None,
        theaters: TheatersReader | None = None,
        *,
        movie_columns: Sequence[str] | None = None,
        theater_columns: Sequence[str] | None = None,
        current: Current | None = None,
    ) -> None:
        asked = {"movies": movie_columns, "theaters": theater_columns}
        held = others_of(showings, movies, theaters, asked)
        self._showings = showings = showings._with(current)
        self._again = partial(
            JoinedShowings,
            movies=movies,
            theaters=theaters,
            movie_columns=movie_columns,
            theater_columns=theater_columns,
        )
        joined = {}
        for name, holdings in held.items():
            columns = _shown_as(table(name), asked.pop(name), showings.columns)
            joined[name] = (holdings.folder.url, columns)
        for name, columns_of_none in asked.items():
            if columns_of_none:
                raise ValueError(f"columns of {name} are asked for, but {name} are not joined")
        source = JoinedRows(showings._source, joined)
        super().__init__(showings._held, source, AttachPartitions(showings._attach, held.values()))

    def _with(self, current: Current | None) -> JoinedShowings:
        showings = self._showings._with(current)
        return self if showings is self._showings else self._again(showings)


def others_of(
    showings: ShowingsReader,
    movies: MoviesReader | None,
    theaters: TheatersReader | None,
    asked: Mapping[str, Sequence[str] | None] | None = None,
) -> dict[str, Holdings]:
    """Return the tables to join: those given, or those of the showings' own lake.

    Parameters
    ----------
    showings, movies, theaters
        See `join_showings`.
    asked : mapping, optional
        The columns that are asked for, by the name of the table. A table is left out if columns
        of the other table alone are asked for.

    Returns
    -------
    dict
        The holdings, by the name of the table.
    """
    given = ((showings, ShowingsReader), (movies, MoviesReader), (theaters, TheatersReader))
    for reader, kind in given:
        if reader is not None and not isinstance(reader, kind):
            raise TypeError(f"expected a {kind.__name__}, found {type(reader).__name__}")
    if movies is None and theaters is None:
        named = [name for name in ID if asked and asked[name] is not None]
        return {name: _hold_beside(showings, name) for name in named or ID}
    found = {"movies": movies, "theaters": theaters}
    return {name: reader._checked() for name, reader in found.items() if reader is not None}


def _hold_beside(showings: ShowingsReader, name: str) -> Holdings:
    """Find another table in the showings' lake. For China, for example, it is empty."""
    others = hold_beside(showings._held, table(name))
    if len(others):
        others.check(others.kind)
    return others


def _shown_as(other: Table, asked: Sequence[str] | None, own: Sequence[str]) -> dict[str, str]:
    """Map the names that columns get in the join to their names in the other table.

    A name of ``own``, the columns of the showings, means that the column fills the showing's own.
    """
    prefix, key = _PREFIX[other.name], ID[other.name]
    known = [name for name in other.arrow.names if name not in _LABELS]
    shared = [name for name in other.arrow.names if name in own and name != key]
    prefixed = {prefix + name: name for name in shared}
    stored = prefixed | {name: name for name in other.arrow.names}
    if asked is None:
        asked = [name for name in known if name != key]
    shown_as: dict[str, str] = {}
    for name in [asked] if isinstance(asked, str) else asked:
        if name not in stored:
            raise ValueError(
                f"expected columns of {other.name} out of {known}, found {name!r}"
                f"{suggest_name(name, [*known, *prefixed])}"
            )
        shown = prefix + name if name in _LABELS else name
        if shown_as.setdefault(shown, stored[name]) != stored[name]:
            raise ValueError(
                f"expected different names in a join, found two columns named {shown!r}: "
                f"{shown_as[shown]!r} and {stored[name]!r} of {other.name}; join them one at a time"
            )
    shown_as.pop(key, None)  # the showings have the key
    return shown_as


@insert_into_docstring(TABLES.rstrip() + _COLUMNS.rstrip() + CURRENT)
def join_showings(
    showings: ShowingsReader,
    movies: MoviesReader | None = None,
    theaters: TheatersReader | None = None,
    *,
    movie_columns: Sequence[str] | None = None,
    theater_columns: Sequence[str] | None = None,
    current: Current | None = None,
) -> dd.DataFrame:
    """Join showings with their movies and theaters, by id within date_stamp and country.

    Returns
    -------
    dask.dataframe.DataFrame
        Each row of the showings exactly once, in the same order, with the columns of the other
        tables. A column that both sides have is one column, as `JoinedShowings` describes. Making
        it reads no data. If you choose columns, only those columns are read from the files of all
        three tables.

    Examples
    --------
    >>> from movielake import ShowingsReader, join_showings
    >>> showings = ShowingsReader("lake")
    >>> joined = join_showings(showings, theater_columns=["theater_chain"])
    >>> len(joined) == len(showings.dataframe)
    True
    """
    return JoinedShowings(
        showings,
        movies,
        theaters,
        movie_columns=movie_columns,
        theater_columns=theater_columns,
        current=current,
    ).dataframe


@insert_into_docstring(TABLES.rstrip() + CURRENT)
def join_records(
    showings: ShowingsReader,
    movies: MoviesReader | None = None,
    theaters: TheatersReader | None = None,
    *,
    current: Current | None = None,
) -> db.Bag:
    """Join records: add the record of its ``movie`` and ``theater`` to each showing.

    Returns
    -------
    dask.bag.Bag
        Each record of the showings exactly once, in the same order, with the record of its movie
        and theater. A record that is missing becomes None.

    Examples
    --------
    >>> from movielake import ShowingsReader, join_records
    >>> bag = join_records(ShowingsReader("lake"))
    >>> sorted(bag.take(1)[0].keys() & {"movie", "theater", "movie_id"})
    ['movie', 'movie_id', 'theater']
    """
    from dask.delayed import delayed

    from movielake.reading.bags import bag_of

    held = others_of(showings, movies, theaters)
    urls = {name: holdings.folder.url for name, holdings in held.items()}
    showings = showings._with(current)
    showings._checked("json")
    groups = AttachPartitions(as_they_are, _as_json(held.values()))(showings._bag_groups())
    read = delayed(_joined_records)
    return bag_of([read(group, showings._source, urls) for group in groups])


def _as_json(held: Iterable[Holdings]) -> Iterator[Holdings]:
    for holdings in held:
        if len(holdings):
            holdings.check("json")
        yield holdings.of_kind("json")


def _joined_records(
    group: FileGroup, source: PlainRows, urls: dict[str, str]
) -> list[dict[str, Any]]:
    joined = []
    for records, others in zip(source.records(group), group.beside, strict=True):
        found = {name: _by_id(urls[name], table(name), others[name]) for name in urls}
        for record in records:
            for name, known in found.items():
                record[name[:-1]] = known.get(_id_of(record, name))
            joined.append(record)
    return joined


def _by_id(url: str, other: Table, files: Sequence[HeldFile]) -> dict[int | None, dict[str, Any]]:
    """Map ids to records. If an id occurs twice, the last in the feed counts."""
    records = (record for file in files for record in read_records(url, file, other))
    known = {_id_of(record, other.name): record for record in records}
    known.pop(None, None)
    return known


def _id_of(record: dict[str, Any], name: str) -> int | None:
    """Return the id of a film or cinema in a record, as in the rows, or None if it is invalid."""
    text = str(record.get(ID[name])).strip()
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
