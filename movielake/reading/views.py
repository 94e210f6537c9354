"""Views: the rows of a lake as a dask DataFrame, with counts and maps in Arrow.

Readers, joins and snapshots are views.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from movielake.lake.cards import html_card, show_countries, show_stamps
from movielake.names.hints import suggest_name
from movielake.reading.blocks import Current, read_rule
from movielake.reading.files import KEYS, PlainRows, empty_rows, rows_of_group, to_frame
from movielake.reading.groups import FileGroup
from movielake.reading.holdings import Holdings
from movielake.reading.tallies import PartitionFunction, over_groups, tally
from movielake.reading.whole import Loadable

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

_FILES = 64
"""Files that are counted in one task. With fewer files, the fixed cost of a task would dominate."""

Documented = TypeVar("Documented")

Attach = Callable[[list[FileGroup]], list[FileGroup]]
"""Function that adds to each group the other files that are read together with it."""


def insert_into_docstring(sections: str) -> Callable[[Documented], Documented]:
    """Insert sections that several docstrings share after the summary line.

    Parameters
    ----------
    sections : str
        Sections of a numpydoc docstring, such as the parameters.

    Returns
    -------
    callable
        A decorator for a class or function.
    """

    def decorate(documented: Documented) -> Documented:
        if documented.__doc__:  # `python -OO` removes docstrings
            summary, _, others = inspect.cleandoc(documented.__doc__).partition("\n\n")
            documented.__doc__ = f"{summary}\n\n{sections.strip()}\n\n{others}"
        return documented

    return decorate


def as_they_are(groups: list[FileGroup]) -> list[FileGroup]:
    """Return the groups unchanged."""
    return groups


def million_rows(held: Holdings, attach: Attach = as_they_are) -> list[FileGroup]:
    """Group the files so that each group has about a million rows."""
    return attach(held.million_rows())


def _is_deep(type_: pa.DataType) -> bool:
    """Return whether cells of a type are neither single values nor lists of single values."""
    return bool(pa.types.is_nested(type_.value_type if pa.types.is_list(type_) else type_))


class RowsView(Loadable):
    """Rows of a lake.

    Parameters
    ----------
    held : Holdings
        The files that contain the rows.
    source : PlainRows
        The reader of the files.
    attach : callable, optional
        Function that adds to each group the other files that are read together with it.
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
        """Kinds of files that have been compared with the manifest."""
        return set()

    def _checked(self, kind: str | None = None) -> Holdings:
        """Compare the files with the manifest once, then return the holdings."""
        kind = kind or self._held.kind
        if kind not in self._agreeing:
            self._held.check(kind)
            self._agreeing.add(kind)
        return self._held

    @property
    def columns(self) -> list[str]:
        """Names of all columns. The partition keys come last.

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
        """The rows as a dask DataFrame. Making it reads no data.

        Types are nullable and Arrow-backed. ``date_stamp`` and ``country`` are categoricals over
        strings, with all values of the lake. Only the columns and files that a query needs are
        read: dask passes a choice of columns and a filter on the two keys down to the files. The
        length comes from the manifest.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> frame = ShowingsReader("lake", countries="deu").dataframe
        >>> timed = frame[frame["show_time"].notnull()]
        >>> timed.groupby("date_stamp", observed=True).size().compute().sort_index()
        date_stamp
        20191206    276
        20191213    277
        20191220    315
        dtype: int64
        """
        from movielake.reading.frames import frame

        held = self._checked()
        return frame(held, million_rows(held, self._attach), self._source)

    def head(self, n: int = 5) -> pd.DataFrame:
        """Return the first rows of the first file that has rows.

        Parameters
        ----------
        n : int, optional
            Number of rows. A shorter file gives fewer rows.

        Returns
        -------
        pandas.DataFrame
            The rows, with the types of `dataframe`.

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
                few = group.first(n) if self._source.keeps_rows else group
                rows = rows_of_group(self._source, few, self.columns)
            if rows.num_rows:
                break
        return to_frame(rows.slice(0, n))

    def count_by(
        self,
        *columns: str,
        of: str | None = None,
        distinct: str | None = None,
        current: Current | None = None,
    ) -> pd.DataFrame:
        """Count rows by columns, file by file in Arrow. This is the fast way for a whole lake.

        Parameters
        ----------
        *columns : str
            Columns to count by. Counts by ``country`` and ``date_stamp`` need only the manifest. In
            a column of lists, such as ``genre``, a row counts once for each item, as after
            ``explode``. A row without an item counts under null.
        of : str, optional
            Count only rows in which this column has a value. ``of="show_time"`` counts screenings.
            In a column of lists that you count by, only items with a value count.
        distinct : str, optional
            Count the distinct values, or items of lists, of this column instead of rows.
        current : bool or {"movie", "theater"}, optional
            Leave out superseded showings, as described for `ShowingsReader`. Default: as the view.

        Returns
        -------
        pandas.DataFrame
            The columns and ``count`` (int64), sorted by the columns.

        Raises
        ------
        ValueError
            If a column does not exist, or if its cells are structs or maps.

        Examples
        --------
        Count the screenings, and the theaters with screenings:

        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake", countries=["deu", "swe"])
        >>> showings.count_by("country", of="show_time")
          country  count
        0     deu    868
        1     swe   2743
        >>> showings.count_by("country", of="show_time", distinct="theater_id")
          country  count
        0     deu      3
        1     swe      3

        Count the films of each genre in their first week:

        >>> from movielake import MoviesReader
        >>> films = MoviesReader("lake", countries="deu", date_stamps="20191206")
        >>> films.count_by("genre").nlargest(2, "count")
                genre  count
        3   Biography     12
        10      Music     11
        """
        view = self._with(current)
        if view is not self:
            return view.count_by(*columns, of=of, distinct=distinct)
        columns = tuple(dict.fromkeys(columns))
        self._require((*columns, *filter(None, (of, distinct))))
        for name in (*columns, *filter(None, (distinct,))):
            if name not in KEYS and _is_deep(self._source.schema.field(name).type):
                raise ValueError(
                    f"expected columns of single values or of lists of them, found {name!r}, whose "
                    "cells are structs or maps; use map_partitions or the dataframe"
                )
        held = self._checked()
        return to_frame(tally(held, self._groups_to_count, self._source, columns, of, distinct))

    def _with(self, current: Current | None) -> RowsView:
        """Return the same view with another rule for superseded showings."""
        if read_rule(current or False):
            raise ValueError(f"expected current= for showings, found it for a {type(self)}")
        return self

    def _groups_to_count(self) -> list[FileGroup]:
        """Group the files by country, so that neighbours in time are read together."""
        if self._held.shares_parquet:
            return self._attach(self._held.million_rows())
        held = self._held.by_country()
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
        """Apply a function to each partition, which has the rows of one date_stamp and country.

        Parameters
        ----------
        function : callable
            Function of a `pyarrow.Table`. It runs on the running dask client. Without a client it
            runs on threads.
        columns : sequence of str, optional
            Columns to read. Default: all columns.

        Returns
        -------
        pa.Table or list
            One table if the function returns tables, otherwise the list of results. Both are in
            the order of stamp and country.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake", countries="deu")
        >>> showings.map_partitions(lambda rows: rows.num_rows, columns=["movie_id"])
        [276, 277, 315]
        """
        self._require(columns or ())
        held = self._checked()
        work = PartitionFunction(function, self._source, columns or self.columns)
        groups = held.million_rows() if held.shares_parquet else held.partitions()
        parts = [pair for part in over_groups(work, held, self._attach(groups)) for pair in part]
        results = [result for _, result in sorted(parts, key=itemgetter(0))]
        if all(isinstance(result, pa.Table) for result in results):
            return pa.concat_tables(results)
        return results
