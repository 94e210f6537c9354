"""Snapshots over time: the current showings, and the latest facts of films and cinemas.

Each date_stamp is a snapshot of the coming days. A later snapshot with the same film in the same
cinema on the same day supersedes the earlier one. A count over all snapshots counts such a day
twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from dask.tokenize import normalize_token

from movielake.reading.files import PlainRows, plain, read_columns, rows_of_group, to_frame
from movielake.reading.holdings import FileGroup, HeldFile, Holdings
from movielake.reading.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.reading.tallies import over_groups
from movielake.reading.views import Attach, RowsView

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

_BLOCK: Final = ("movie_id", "theater_id", "show_date")
"""The key of a block. A later snapshot supersedes all rows of a film in a cinema on a day."""


class _AttachLater:
    """Function that adds to each file the later files of its country with overlapping dates."""

    def __init__(self, first: Attach, held: Holdings) -> None:
        self._first = first
        self._token = held.token
        self._of_country: dict[str, list[HeldFile]] = {}
        for file in held.held(held.kind):
            self._of_country.setdefault(file.country, []).append(file)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (normalize_token(self._first), self._token)

    def __call__(self, groups: list[FileGroup]) -> list[FileGroup]:
        groups = self._first(groups)
        return [group.with_beside("later", self._later, self._token) for group in groups]

    def _later(self, file: HeldFile) -> tuple[HeldFile, ...]:
        country = self._of_country[file.country]
        return tuple(o for o in country if o.date_stamp > file.date_stamp and _overlap(file, o))


def _overlap(file: HeldFile, other: HeldFile) -> bool:
    """Return whether two files can share a date. An unknown date can be any date."""
    (first, last), (other_first, other_last) = file.dates, other.dates
    if None in (first, last, other_first, other_last):
        return file.length != 0 and other.length != 0
    return str(first) <= str(other_last) and str(other_first) <= str(last)


class CurrentRows(PlainRows):
    """Reader of the showings that no later snapshot supersedes.

    Parameters
    ----------
    showings : PlainRows
        The reader of the showings.
    """

    def __init__(self, showings: PlainRows) -> None:
        super().__init__(showings.url, showings.table, showings.categories)
        self.keeps_rows = False

    def parts(self, group: FileGroup, columns: list[str]) -> list[pa.Table]:
        """Read columns of each file of a group. Partition keys are not allowed."""
        pairs = zip(group.files, group.beside, strict=True)
        return [self._current(file, beside["later"], columns) for file, beside in pairs]

    def _current(self, file: HeldFile, later: tuple[HeldFile, ...], columns: list[str]) -> pa.Table:
        if not later:
            return read_columns(self.url, file, self.table, columns)
        wanted = list(dict.fromkeys((*columns, *_BLOCK)))
        rows = read_columns(self.url, file, self.table, wanted)
        return rows.filter(self._is_current(rows, later)).select(columns)

    def _is_current(self, rows: pa.Table, later: tuple[HeldFile, ...]) -> pa.ChunkedArray:
        superseded = pa.chunked_array([pa.repeat(False, rows.num_rows)])
        for file in later:
            blocks = read_columns(self.url, file, self.table, list(_BLOCK))
            superseded = pc.or_(superseded, _is_among(rows, blocks))
        return pc.invert(superseded)


def _is_among(rows: pa.Table, others: pa.Table) -> pa.ChunkedArray:
    """Return for each row whether its film, cinema and day occur in others. Null never occurs.

    Three numbers of 32 bits do not fit into 64 bits, but two do. So the pair of film and cinema is
    replaced by its position among the pairs of ``others``. The position fits into 32 bits, and
    position and day fit into 64 bits.
    """
    pairs = pc.unique(_packed(others["movie_id"], others["theater_id"]))
    keys = []
    for table in (rows, others):
        place = pc.index_in(_packed(table["movie_id"], table["theater_id"]), pairs, skip_nulls=True)
        keys.append(_packed(place, table["show_date"]))
    return pc.is_in(keys[0], pc.unique(keys[1]), skip_nulls=True)


def _packed(high: pa.ChunkedArray, low: pa.ChunkedArray) -> pa.ChunkedArray:
    """Pack two columns of 32 bits into one of 64 bits. It is null where a column is null."""
    below = pc.bit_wise_and(pc.cast(pc.cast(low, pa.int32()), pa.int64()), 0xFFFFFFFF)
    return pc.bit_wise_or(pc.shift_left(pc.cast(high, pa.int64()), 32), below)


class CurrentShowings(RowsView):
    """Showings in which each film, cinema and day comes from its newest snapshot only.

    Parameters
    ----------
    showings : ShowingsReader
        The showings.
    among : ShowingsReader, optional
        The snapshots of the same lake that can supersede a showing. Default: the snapshots that
        ``showings`` selects.

    Notes
    -----
    Within a country, a row is removed if a later date_stamp has a row with the same film
    (movie_id), cinema (theater_id) and day (show_date). A row in which one of the three is null is
    kept. A file is compared only with later files whose dates overlap. The dates come from the
    manifest.

    Examples
    --------
    >>> from movielake import CurrentShowings, ShowingsReader
    >>> showings = ShowingsReader("lake")
    >>> current = CurrentShowings(showings).count_by()["count"][0]
    >>> bool(current < len(showings.dataframe))
    True
    """

    def __init__(self, showings: ShowingsReader, *, among: ShowingsReader | None = None) -> None:
        held, others = showings._held, (among or showings)._held
        attach = _AttachLater(showings._attach, others)
        super().__init__(held, CurrentRows(showings._source), attach)


def current_showings(showings: ShowingsReader) -> dd.DataFrame:
    """Return the current showings as a dask DataFrame, as `CurrentShowings` defines them.

    Parameters
    ----------
    showings : ShowingsReader
        The showings.

    Returns
    -------
    dask.dataframe.DataFrame
        The current rows, with the columns of the showings. Making it reads no data.

    Examples
    --------
    >>> from movielake import ShowingsReader, current_showings
    >>> showings = ShowingsReader("lake")
    >>> len(current_showings(showings)) < len(showings.dataframe)
    True
    """
    return CurrentShowings(showings).dataframe


def latest(reader: MoviesReader | TheatersReader) -> pd.DataFrame:
    """Return one row per film or cinema, from the newest snapshot that has it.

    Parameters
    ----------
    reader : MoviesReader or TheatersReader
        The films or cinemas.

    Returns
    -------
    pandas.DataFrame
        The rows, sorted by id. Two columns are added: ``first_date_stamp`` and
        ``last_date_stamp``, the first and last snapshot with the id in the selected countries. If
        the newest snapshot has an id more than once, the last in the order of country and feed
        counts. Rows without an id are omitted.

    Raises
    ------
    TypeError
        If the reader is a `ShowingsReader`.

    Examples
    --------
    >>> from movielake import TheatersReader, latest
    >>> theaters = latest(TheatersReader("lake"))
    >>> bool(theaters["theater_id"].is_unique)
    True
    """
    held = reader._checked()
    groups = held.partitions()
    key = held.table.key
    if key is None:
        raise TypeError(
            f"expected a reader of movies or theaters, found one of {held.table.name}; "
            "for the newest showings use current_showings(reader)"
        )
    found = [
        ids.append_column("group", pa.repeat(number, ids.num_rows))
        for number, ids in enumerate(over_groups(_Ids(reader._source, key), held, groups))
    ]
    newest = _newest(pa.concat_tables(found), key)
    wanted = [newest.filter(pc.equal(newest["group"], number)) for number in range(len(groups))]
    picks = [_Pick(reader._source, reader.columns, rows["row"].to_numpy()) for rows in wanted]
    used = [number for number, rows in enumerate(wanted) if rows.num_rows]
    used = used or [0]  # without rows, make an empty table
    parts = [plain(picks[number](groups[number])) for number in used]
    rows = pa.concat_tables(parts).append_column(
        "first_date_stamp", pa.concat_tables([wanted[n] for n in used])["first_date_stamp"]
    )
    rows = rows.append_column("last_date_stamp", rows["date_stamp"])
    return to_frame(rows.sort_by(key))


class _Ids:
    """Function that lists the ids of a partition, each with the row of its last occurrence."""

    def __init__(self, source: PlainRows, key: str) -> None:
        self._source = source
        self._key = key

    def __call__(self, group: FileGroup) -> pa.Table:
        rows = rows_of_group(self._source, group, [self._key])
        rows = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
        rows = rows.filter(rows[self._key].is_valid())
        last = rows.group_by(self._key, use_threads=False).aggregate([("row", "max")])
        stamp = pa.repeat(pa.scalar(group.files[0].date_stamp), last.num_rows)
        columns = [last[self._key], stamp, last["row_max"]]
        return pa.table(columns, names=[self._key, "date_stamp", "row"])


class _Pick:
    """Function that reads some rows of a partition."""

    def __init__(self, source: PlainRows, columns: list[str], rows: np.ndarray[Any, Any]) -> None:
        self._source = source
        self._columns = columns
        self._rows = rows

    def __call__(self, group: FileGroup) -> pa.Table:
        return rows_of_group(self._source, group, self._columns).take(pa.array(self._rows))


def _newest(found: pa.Table, key: str) -> pa.Table:
    """Keep the newest occurrence of each id, and add the first stamp that has the id.

    ``found`` is in the order of stamp and country, so the last occurrence is the newest.
    """
    found = found.append_column("place", pa.array(np.arange(found.num_rows)))
    ends = found.group_by(key).aggregate([("place", "max"), ("date_stamp", "min")])
    ends = ends.sort_by("place_max")
    newest = found.take(ends["place_max"])
    return newest.append_column("first_date_stamp", ends["date_stamp_min"])
