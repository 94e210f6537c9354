"""Joins: showings with their movies and theaters, partition by partition.

A showing's movie and theater are those of the same date_stamp and country, so a join never needs
more than one partition of each table, and no shuffle. It is a lookup: for each showing the position
of its id among the ids of the other table. So it can neither add nor lose a showing, whatever is
missing or there twice on the other side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.holdings import FileGroup, HeldFile, Holdings, hold
from movielake.layout import Selection
from movielake.reading import PlainRows, read_columns, read_records
from movielake.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.schema import Table, table
from movielake.views import RowsView

if TYPE_CHECKING:
    import dask.bag as db
    import dask.dataframe as dd

_ID: Final = {"movies": "movie_id", "theaters": "theater_id"}
_PREFIX: Final = {"movies": "movie_", "theaters": "theater_"}
_NOT_JOINED: Final = ("extra", "source_xml")


@dataclass(frozen=True)
class JoinGroup(FileGroup):
    """Files of showings that are read together, and the files that each is joined with.

    Parameters
    ----------
    others : tuple of dict
        For each file of showings: table name to the files of its partition.
    """

    others: tuple[dict[str, tuple[HeldFile, ...]], ...] = ()


class _Attach:
    """Adds to groups of showings the files of movies and theaters of the same partitions."""

    def __init__(self, held: Iterable[Holdings]) -> None:
        self._held = tuple(held)
        self._partitions: dict[str, dict[tuple[str, str], tuple[HeldFile, ...]]] = {}
        for holdings in self._held:
            mine = self._partitions.setdefault(holdings.table.name, {})
            for group in holdings.partitions() if len(holdings) else []:
                mine[group.files[0].date_stamp, group.files[0].country] = group.files

    def __dask_tokenize__(self) -> tuple[str, ...]:
        return tuple(holdings.token for holdings in self._held)

    def __call__(self, groups: list[FileGroup]) -> list[FileGroup]:
        return [self._joined(group) for group in groups]

    def _joined(self, group: FileGroup) -> JoinGroup:
        others = tuple(
            {
                name: partitions.get((file.date_stamp, file.country), ())
                for name, partitions in self._partitions.items()
            }
            for file in group.files
        )
        text = "".join((group.token, *self.__dask_tokenize__()))
        return JoinGroup(group.files, hashlib.sha256(text.encode()).hexdigest(), others)


class JoinedRows(PlainRows):
    """Reads showings with columns of their movies and theaters.

    Parameters
    ----------
    url, categories
        As for `PlainRows`, of the lake of the showings.
    joined : dict
        Table name to the URL of its lake and to its columns, under the names they get here.
    """

    def __init__(
        self,
        url: str,
        categories: dict[str, tuple[str, ...]],
        joined: dict[str, tuple[str, dict[str, str]]],
    ) -> None:
        super().__init__(url, table("showings"), categories)
        self._joined = joined

    @property
    def schema(self) -> pa.Schema:
        """The columns of the showings, then those of the movies and theaters."""
        schema = self.table.arrow
        for name, (_, columns) in self._joined.items():
            for shown, stored in columns.items():
                schema = schema.append(pa.field(shown, table(name)[stored].arrow))
        return schema

    def parts(self, group: FileGroup, columns: list[str]) -> list[pa.Table]:
        """Read columns, none of them a partition key, of each file of showings of a group."""
        if not isinstance(group, JoinGroup):
            raise TypeError(f"expected a JoinGroup, found {type(group).__name__}")
        pairs = zip(group.files, group.others, strict=True)
        return [self._join(file, others, columns) for file, others in pairs]

    def _join(
        self, file: HeldFile, others: dict[str, tuple[HeldFile, ...]], columns: list[str]
    ) -> pa.Table:
        own = [name for name in columns if name in self.table.arrow.names]
        wanted = {
            name: {shown: stored for shown, stored in shown_as.items() if shown in columns}
            for name, (_, shown_as) in self._joined.items()
        }
        ids = [_ID[name] for name, chosen in wanted.items() if chosen]
        rows = read_columns(self.url, file, self.table, list(dict.fromkeys([*own, *ids])))
        arrays = {name: rows[name] for name in own}
        for name, chosen in wanted.items():
            if chosen:
                arrays |= self._looked_up(name, others[name], rows[_ID[name]], chosen)
        return pa.table([arrays[name] for name in columns], names=columns)

    def _looked_up(
        self, name: str, files: Sequence[HeldFile], ids: pa.ChunkedArray, chosen: dict[str, str]
    ) -> dict[str, pa.ChunkedArray]:
        """Take each showing's row of the other table: null where there is none."""
        url, other = self._joined[name][0], table(name)
        key = _ID[name]
        names = list(dict.fromkeys([key, *chosen.values()]))
        parts = [read_columns(url, file, other, names) for file in files]
        rows = pa.concat_tables([_empty(other, names), *parts]).combine_chunks()
        # Of an id that is there twice the last in the feed wins: look from the end.
        backwards = rows.take(pa.array(range(rows.num_rows - 1, -1, -1), pa.int64()))
        places = pc.index_in(ids, value_set=backwards[key].combine_chunks(), skip_nulls=True)
        return {shown: backwards[stored].take(places) for shown, stored in chosen.items()}


def _empty(other: Table, names: list[str]) -> pa.Table:
    return pa.schema([other.arrow.field(name) for name in names]).empty_table()


class JoinedShowings(RowsView):
    """Showings with their movies and theaters: a DataFrame, and counts in Arrow.

    Parameters
    ----------
    showings : ShowingsReader
        Every one of these rows is there once, in the same order.
    movies : MoviesReader, optional
        What to look films up in.
    theaters : TheatersReader, optional
        What to look cinemas up in. With neither, both of the showings' own lake.
    movie_columns, theater_columns : sequence of str, optional
        Which of their columns; all by default, but for ``extra``, ``source_xml`` and the keys.

    Raises
    ------
    TypeError
        If something else than a reader is given.
    ValueError
        If there is no such column, or columns are asked for of what is not joined.

    Notes
    -----
    A column whose name the showings have, too, gets the prefix ``movie_`` or ``theater_``. Of an
    id that is in a partition twice, the last in the feed counts. Where the id is missing, the
    columns are null.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import JoinedShowings, ShowingsReader, convert
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl"], scale=0.02)
    ...     _ = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    ...     showings = ShowingsReader(f"{folder}/lake")
    ...     joined = JoinedShowings(showings, movie_columns=["genre"], theater_columns=[])
    ...     int(joined.count_by()["count"].sum()) == len(showings.dataframe)
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
    ) -> None:
        held = _others(showings, movies, theaters)
        asked = {"movies": movie_columns, "theaters": theater_columns}
        joined = {}
        taken = [*showings.columns]
        for name, holdings in held.items():
            columns = _shown_as(table(name), asked.pop(name), taken)
            joined[name] = (holdings.folder.url, columns)
            taken += columns
        for name, columns_of_none in asked.items():
            if columns_of_none:
                raise ValueError(f"columns of {name} are asked for, but {name} are not joined")
        own = showings._held
        source = JoinedRows(own.folder.url, own.categories, joined)
        super().__init__(own, source, _Attach(held.values()))


def _others(
    showings: ShowingsReader, movies: MoviesReader | None, theaters: TheatersReader | None
) -> dict[str, Holdings]:
    given = ((showings, ShowingsReader), (movies, MoviesReader), (theaters, TheatersReader))
    for reader, kind in given:
        if reader is not None and not isinstance(reader, kind):
            raise TypeError(f"expected a {kind.__name__}, found {type(reader).__name__}")
    if movies is None and theaters is None:
        return {name: _hold_beside(showings, name) for name in _ID}
    found = {"movies": movies, "theaters": theaters}
    return {name: reader._checked() for name, reader in found.items() if reader is not None}


def _hold_beside(showings: ShowingsReader, name: str) -> Holdings:
    """Hold another table of the showings' lake; it may have none of it, as in China."""
    held = showings._held
    selection = Selection(
        sorted(set(held.files["date_stamp"].to_pylist())),
        sorted(set(held.files["country"].to_pylist())),
    )
    others = hold(held.folder.url, table(name), selection, may_be_empty=True)
    if len(others):
        others.check(others.kind)
    return others


def _shown_as(other: Table, asked: Sequence[str] | None, taken: Sequence[str]) -> dict[str, str]:
    """Name the columns of the other table in the join: shown name to stored name."""
    known = [name for name in other.arrow.names if name not in _NOT_JOINED]
    key = _ID[other.name]
    if asked is None:
        asked = [name for name in known if name != key]
    for name in asked:
        if name not in other.arrow.names:
            raise ValueError(f"expected columns of {other.name} out of {known}, found {name!r}")
    chosen = [name for name in asked if name != key]  # the showings have it
    return {_PREFIX[other.name] + name if name in taken else name: name for name in chosen}


def join_showings(
    showings: ShowingsReader,
    movies: MoviesReader | None = None,
    theaters: TheatersReader | None = None,
    *,
    movie_columns: Sequence[str] | None = None,
    theater_columns: Sequence[str] | None = None,
) -> dd.DataFrame:
    """Join showings with their movies and theaters, by id within date_stamp and country.

    Parameters
    ----------
    showings, movies, theaters, movie_columns, theater_columns
        As for `JoinedShowings`.

    Returns
    -------
    dask.dataframe.DataFrame
        Exactly the showings' rows, in their order, with the columns of the others; nothing is read
        yet. A choice of columns reaches the files of all three tables.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import ShowingsReader, convert, join_showings
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl"], scale=0.02)
    ...     _ = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    ...     showings = ShowingsReader(f"{folder}/lake")
    ...     joined = join_showings(showings, theater_columns=["theater_city"])
    ...     len(joined) == len(showings.dataframe)
    True
    """
    return JoinedShowings(
        showings,
        movies,
        theaters,
        movie_columns=movie_columns,
        theater_columns=theater_columns,
    ).dataframe


def join_records(
    showings: ShowingsReader,
    movies: MoviesReader | None = None,
    theaters: TheatersReader | None = None,
) -> db.Bag:
    """Put ``movie`` and ``theater`` beside each showing record: the join in bag form.

    Parameters
    ----------
    showings, movies, theaters
        As for `JoinedShowings`.

    Returns
    -------
    dask.bag.Bag
        Of the showings' records, each with the record of its movie and theater or None.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import ShowingsReader, convert, join_records
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["nzl"], scale=0.02)
    ...     _ = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    ...     bag = join_records(ShowingsReader(f"{folder}/lake"))
    ...     sorted(bag.take(1)[0].keys() & {"movie", "theater", "movie_id"})
    ['movie', 'movie_id', 'theater']
    """
    import dask.bag as db
    from dask.delayed import delayed

    held = _others(showings, movies, theaters)
    urls = {name: holdings.folder.url for name, holdings in held.items()}
    own = showings._checked("json")
    groups = _Attach(_as_json(held.values()))(showings.bag_groups())
    read = delayed(_joined_records)
    bag: db.Bag = db.from_delayed([read(group, own.folder.url, urls) for group in groups])
    return bag


def _as_json(held: Iterable[Holdings]) -> Iterator[Holdings]:
    for holdings in held:
        if len(holdings):
            holdings.check("json")
        yield holdings.of_kind("json")


def _joined_records(group: JoinGroup, url: str, urls: dict[str, str]) -> list[dict[str, Any]]:
    joined = []
    for file, others in zip(group.files, group.others, strict=True):
        found = {name: _by_id(urls[name], table(name), others[name]) for name in urls}
        for record in read_records(url, file, table("showings")):
            for name, records in found.items():
                record[name[:-1]] = records.get(record.get(_ID[name]))
            joined.append(record)
    return joined


def _by_id(url: str, other: Table, files: Sequence[HeldFile]) -> dict[Any, dict[str, Any]]:
    """Map id to record; of an id that is there twice, the last in the feed counts."""
    records = (record for file in files for record in read_records(url, file, other))
    known = {str(record.get(_ID[other.name])): record for record in records}
    known.pop("None", None)
    return known
