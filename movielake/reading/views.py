"""Views: the rows of a lake as a dask DataFrame, or counted and mapped in Arrow.

What readers and joins have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from movielake.lake.cards import html_card, show_countries, show_stamps
from movielake.names.hints import suggest_name
from movielake.reading.files import KEYS, PlainRows, empty_rows, rows_of_group, to_frame
from movielake.reading.holdings import FileGroup, Holdings
from movielake.reading.tallies import PartitionFunction, over_groups, tally

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

_ROWS = 900_000
"""Rows that are read together: enough to keep the graph small, few enough to fit many times.

With two threads, a join of everything with both other tables stays below 500 MB.
"""

_FILES = 64
"""Files that are counted together: enough to make their number matter less than their size."""


Attach = Callable[[list[FileGroup]], list[FileGroup]]
"""Adds to groups of files what else is to be read with each."""


def as_they_are(groups: list[FileGroup]) -> list[FileGroup]:
    """Add nothing to groups of files."""
    return groups


def million_rows(held: Holdings, attach: Attach = as_they_are) -> list[FileGroup]:
    """Group files so that a group has about a million rows."""
    return attach(held.groups(held.kind, _ROWS, count="rows"))


class RowsView:
    """Rows of a lake.

    Parameters
    ----------
    held : Holdings
        The files whose rows they are.
    source : PlainRows
        What reads them.
    attach : callable, optional
        Adds to groups of these files what else is to be read with each.
    """

    def __init__(self, held: Holdings, source: PlainRows, attach: Attach = as_they_are) -> None:
        self._held = held
        self._source = source
        self._attach = attach

    def _repr_html_(self) -> str:
        held = self._held
        counts = {"files": len(held), "rows in them": held.total("rows")}
        chosen = {key: sorted(set(held.files[key].to_pylist())) for key in KEYS}
        facts: dict[str, object] = {
            "lake": held.folder.url,
            **{name: count for name, count in counts.items() if count is not None},
            "date stamps": show_stamps(chosen["date_stamp"]),
            "countries": show_countries(chosen["country"]),
            "columns": ", ".join(self.columns),
        }
        return html_card(f"{type(self).__name__}: {held.table.name}", facts)

    @cached_property
    def _agreeing(self) -> set[str]:
        """Kinds of files that were compared with the manifest."""
        return set()

    def _checked(self, kind: str | None = None) -> Holdings:
        """Give the holdings, once their files are known to agree with the manifest."""
        kind = kind or self._held.kind
        if kind not in self._agreeing:
            self._held.check(kind)
            self._agreeing.add(kind)
        return self._held

    @property
    def columns(self) -> list[str]:
        """Names of all columns, the partition keys last.

        Examples
        --------
        >>> from movielake import MoviesReader
        >>> movies = MoviesReader("lake")
        >>> movies.columns[:3], movies.columns[-2:]
        (['movie_id', 'parent_id', 'title'], ['date_stamp', 'country'])
        """
        return [*self._source.schema.names, *KEYS]

    @cached_property
    def dataframe(self) -> dd.DataFrame:
        """The rows as a dask DataFrame; nothing is read yet.

        Types are nullable and Arrow-backed; ``date_stamp`` and ``country`` are categoricals over
        strings with all the lake's values. A choice of columns and a filter on these two reach
        the files; its length comes from the manifest.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> frame = ShowingsReader("lake", countries="deu").dataframe
        >>> timed = frame[frame["show_time"].notnull()]
        >>> timed.groupby("date_stamp", observed=True).size().compute().sort_index()
        date_stamp
        20191206    276
        20191213    270
        20191220    298
        dtype: int64
        """
        from movielake.reading.frames import frame

        held = self._checked()
        return frame(held, million_rows(held, self._attach), self._source)

    def head(self, n: int = 5) -> pd.DataFrame:
        """Return the first rows, out of the first file that has any.

        Parameters
        ----------
        n : int, optional
            How many; fewer if that file has no more.

        Returns
        -------
        pandas.DataFrame
            With the types of `dataframe`.

        Examples
        --------
        >>> from movielake import TheatersReader
        >>> TheatersReader("lake", countries="swe").head(2)[["theater_city", "country"]]
          theater_city country
        0     Göteborg     swe
        1     Göteborg     swe
        """
        held = self._checked()
        rows = empty_rows(self._source, self.columns)
        for number, file in enumerate(held.held(held.kind)):
            if file.length != 0:
                alone = replace(held, files=held.files.slice(number, 1))
                (group,) = million_rows(alone, self._attach)
                rows = rows_of_group(self._source, group, self.columns)
            if rows.num_rows:
                break
        return to_frame(rows.slice(0, n))

    def count_by(
        self, *columns: str, of: str | None = None, distinct: str | None = None
    ) -> pd.DataFrame:
        """Count rows by columns, file by file in Arrow: the fast way through a whole lake.

        Parameters
        ----------
        *columns : str
            What to count by. Counts by ``country`` and ``date_stamp`` come from the manifest alone.
        of : str, optional
            Count only rows in which this column has a value; ``of="show_time"`` counts screenings.
        distinct : str, optional
            Count the different values of this column instead of rows.

        Returns
        -------
        pandas.DataFrame
            The columns and ``count`` (int64), ordered by the columns.

        Raises
        ------
        ValueError
            If there is no such column, or it holds lists.

        Examples
        --------
        Screenings, and theaters that have any:

        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake", countries=["deu", "swe"])
        >>> showings.count_by("country", of="show_time")
          country  count
        0     deu    844
        1     swe   2638
        >>> showings.count_by("country", of="show_time", distinct="theater_id")
          country  count
        0     deu      4
        1     swe      3
        """
        columns = tuple(dict.fromkeys(columns))
        self._require((*columns, *filter(None, (of, distinct))))
        for name in (*columns, *filter(None, (distinct,))):
            if name not in KEYS and pa.types.is_nested(self._source.schema.field(name).type):
                raise ValueError(
                    f"expected columns of single values, found {name!r}, which has several in a "
                    "cell; explode it in the dataframe"
                )
        held = self._checked()
        return to_frame(tally(held, self._groups_to_count, self._source, columns, of, distinct))

    def _groups_to_count(self) -> list[FileGroup]:
        held = self._held
        size = max((held.total("rows") or len(held)) * _FILES // max(len(held), 1), 1)
        return self._attach(held.groups(held.kind, size, count="rows"))

    def _require(self, columns: Sequence[str]) -> None:
        for name in columns:
            if name not in self.columns:
                raise ValueError(
                    f"expected one of the columns {self.columns}, found {name!r}"
                    f"{suggest_name(name, self.columns)}"
                )

    def map_partitions(
        self, function: Callable[[pa.Table], Any], *, columns: Sequence[str] | None = None
    ) -> Any:
        """Apply a function to each partition's rows: one date_stamp of one country at a time.

        Parameters
        ----------
        function : callable
            Gets a `pyarrow.Table`; on the running dask client if there is one, else on threads.
        columns : sequence of str, optional
            Columns to read; all by default.

        Returns
        -------
        pa.Table or list
            The tables put together if the function gives tables, else its results, in the order
            of stamp and country.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake", countries="deu")
        >>> showings.map_partitions(lambda rows: rows.num_rows, columns=["movie_id"])
        [276, 270, 298]
        """
        self._require(columns or ())
        held = self._checked()
        work = PartitionFunction(function, self._source, columns or self.columns)
        results = over_groups(work, held, self._attach(held.partitions()))
        if all(isinstance(result, pa.Table) for result in results):
            return pa.concat_tables(results)
        return results
