"""Snapshots over time: the current showings, and the latest facts of films and cinemas.

Each date_stamp is a snapshot of the coming days. Later snapshots supersede earlier ones, so a count
over all snapshots counts some days twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.reading.blocks import Current, read_rule
from movielake.reading.codes import plain
from movielake.reading.current import AttachSnapshots, CurrentRows
from movielake.reading.files import PlainRows, rows_of_group, to_frame
from movielake.reading.groups import FileGroup
from movielake.reading.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.reading.tallies import over_groups
from movielake.reading.views import RowsView

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd


class CurrentShowings(RowsView):
    """Showings that no other snapshot supersedes.

    ``ShowingsReader(lake, current=True)`` gives the same rows, and records too.

    Parameters
    ----------
    showings : ShowingsReader
        The showings.
    among : ShowingsReader, optional
        The snapshots of the same lake that can supersede a showing. Default: the snapshots that
        ``showings`` selects.
    rule : {"movie", "theater"}, optional
        The rule, as described for `ShowingsReader`.

    Notes
    -----
    A file is compared only with the other files of its country whose dates overlap. The dates come
    from the manifest.

    Examples
    --------
    >>> from movielake import CurrentShowings, ShowingsReader
    >>> showings = ShowingsReader("lake")
    >>> current = CurrentShowings(showings).count_by()["count"][0]
    >>> bool(current < len(showings.dataframe))
    True
    """

    def __init__(
        self,
        showings: ShowingsReader,
        *,
        among: ShowingsReader | None = None,
        rule: str = "movie",
    ) -> None:
        self._showings = showings._with(False)
        self._among = among
        self._rule = read_rule(rule)
        attach = AttachSnapshots(showings._held, (among or showings)._held)
        super().__init__(showings._held, CurrentRows(self._showings._source, rule), attach)

    def _with(self, current: Current | None) -> RowsView:
        rule = self._rule if current is None else read_rule(current)
        if rule is None:
            return self._showings
        if rule == self._rule:
            return self
        return CurrentShowings(self._showings, among=self._among, rule=rule)


def current_showings(showings: ShowingsReader, *, rule: str = "movie") -> dd.DataFrame:
    """Return the current showings as a dask DataFrame, as `CurrentShowings` defines them.

    Parameters
    ----------
    showings : ShowingsReader
        The showings.
    rule : {"movie", "theater"}, optional
        The rule, as described for `ShowingsReader`.

    Returns
    -------
    dask.dataframe.DataFrame
        The current rows, with the columns of the showings. Making it reads no data.

    Raises
    ------
    ValueError
        If the rule does not exist.

    Examples
    --------
    >>> from movielake import ShowingsReader, current_showings
    >>> showings = ShowingsReader("lake")
    >>> len(current_showings(showings)) < len(showings.dataframe)
    True
    """
    return CurrentShowings(showings, rule=rule).dataframe


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
