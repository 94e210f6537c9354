"""Counts of a selection of screenings, which all analyses share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from movielake.analyses.attributes import (
    ALL,
    ATTRIBUTES,
    COUNTED,
    AttributeCounter,
    Found,
    IdCounts,
    add_up,
)
from movielake.analyses.passes import CountryCounts, CountryPass, tasks_by_country
from movielake.analyses.versions import Bases, check_versions, find_bases
from movielake.joining.joins import others_of
from movielake.joining.lookups import ID, AttachPartitions
from movielake.names.layout import Terms
from movielake.reading.blocks import Current, read_rule
from movielake.reading.groups import FileGroup
from movielake.reading.readers import ShowingsReader
from movielake.reading.tallies import over_groups
from movielake.reading.views import as_they_are

T = TypeVar("T")

SELECTION: Final = """
Parameters
----------
lake : str, ShowingsReader or ScreeningCounts
    Path or URL of a lake. Or a reader, whose selection applies. Or counts that several analyses
    share; they have their own selection.
countries, date_stamps : str, iterable of str or slice, optional
    Selection for a path, as for `ShowingsReader`. Default: everything.
current : bool or {"movie", "theater"}, optional
    Leave out screenings that a later snapshot supersedes, as described for `ShowingsReader`. If
    False, a screening that is in two snapshots counts twice.
"""
"""The parameters of all analyses, for their docstrings."""

VERSIONS: Final = """
versions : {"merge", "apart"}, optional
    Whether 3D, IMAX and language versions (``parent_id``) count as one film, under the movie_id of
    their base film, or apart. Default: as one film.
"""
"""The parameter of all analyses of films."""


class ScreeningCounts:
    """Counts of a selection of screenings, which several analyses share.

    An analysis of a path reads the files for itself. With an object of this class, all analyses
    need only one pass through the files. It keeps counts by film, country and day.

    Parameters
    ----------
    lake : str or ShowingsReader
        Path or URL of a lake. Or a reader, whose selection applies.
    countries, date_stamps : str, iterable of str or slice, optional
        Selection for a path, as for `ShowingsReader`. Default: everything.
    current : bool or {"movie", "theater"}, optional
        Leave out screenings that a later snapshot supersedes, as described for `ShowingsReader`.
    versions : {"merge", "apart"}, optional
        Whether 3D, IMAX and language versions (``parent_id``) count as one film, under the movie_id
        of their base film, or apart. Default: as one film.

    Raises
    ------
    FileNotFoundError
        If the lake does not exist.
    ValueError
        If the selection is empty, or if ``current`` or ``versions`` has another value.

    Examples
    --------
    >>> from movielake import ScreeningCounts, day_profile, premieres
    >>> counts = ScreeningCounts("lake", countries=["deu", "swe"])
    >>> premieres(counts).num_rows, day_profile(counts).num_rows
    (25, 336)
    """

    def __init__(
        self,
        lake: str | ShowingsReader,
        *,
        countries: Terms = None,
        date_stamps: Terms = None,
        current: Current = True,
        versions: str = "merge",
    ) -> None:
        self.current = read_rule(current)
        self.versions = check_versions(versions)
        if isinstance(lake, ShowingsReader):
            if countries is not None or date_stamps is not None:
                raise ValueError("expected no countries or date_stamps beside a reader")
            self._showings = lake._with(self.current or False)
        else:
            self._showings = ShowingsReader(
                lake, countries=countries, date_stamps=date_stamps, current=self.current or False
            )
        self._shared = True
        self._kept: dict[str, Any] = {}

    @classmethod
    def _alone(cls, *args: Any, **kwargs: Any) -> ScreeningCounts:
        """Make counts for one analysis. They read only the columns that this analysis needs."""
        counts = cls(*args, **kwargs)
        counts._shared = False
        return counts

    @property
    def showings(self) -> ShowingsReader:
        """The reader of the selected screenings.

        Examples
        --------
        >>> from movielake import ScreeningCounts
        >>> ScreeningCounts("lake", countries="deu").showings.count
        39
        """
        return self._showings

    @property
    def by_film(self) -> list[CountryCounts]:
        """The counts by film of each country, in the order of the countries.

        Examples
        --------
        >>> from movielake import ScreeningCounts
        >>> germany, sweden = ScreeningCounts("lake", countries=["deu", "swe"]).by_film
        >>> germany.days.column_names
        ['movie_id', 'show_date', 'screenings']
        """
        hours = self._shared
        return self._once("by_film", lambda: self._pass(films=True, theaters=True, hours=hours))

    @property
    def by_day(self) -> list[CountryCounts]:
        """The counts by film and day of each country, in the order of the countries.

        Examples
        --------
        >>> from movielake import ScreeningCounts
        >>> ScreeningCounts("lake", countries="deu").by_day[0].days.num_rows
        183
        """
        if self._shared:
            return self.by_film
        return self._once("by_day", lambda: self._pass(films=True))

    @property
    def by_hour(self) -> list[CountryCounts]:
        """The counts by weekday and hour of each country, in the order of the countries.

        Examples
        --------
        >>> from movielake import ScreeningCounts
        >>> (germany,) = ScreeningCounts("lake", countries="deu").by_hour
        >>> germany.hours.shape
        (7, 24)
        """
        if self._shared:
            return self.by_film
        return self._once("by_hour", lambda: self._pass(films=False, hours=True))

    def by_attribute(self, by: str) -> tuple[pa.Table, pa.Table]:
        """Return the counts by an attribute, and the number of all screenings of each country.

        Parameters
        ----------
        by : {"genre", "distributor", "language", "chain", "format"}
            The attribute, as described for `shares`.

        Returns
        -------
        tuple of pa.Table
            Both have ``country``, ``value`` and ``screenings``. A screening counts once for each of
            its values. Of all screenings, the value is null.

        Examples
        --------
        >>> from movielake import ScreeningCounts
        >>> genres, total = ScreeningCounts("lake", countries="deu").by_attribute("genre")
        >>> total["screenings"].to_pylist()
        [784]
        """
        parts = [found.counts for found in self._by_attributes(by)]
        counts = add_up(pa.concat_tables([COUNTED.empty_table(), *parts]))
        one, both = (counts.filter(pc.equal(counts["by"], name)) for name in (by, ALL))
        return one.drop_columns("by"), both.filter(pc.greater(both["screenings"], 0)).drop_columns(
            "by"
        )

    def _by_attributes(self, by: str) -> list[Found]:
        if not self._shared:
            parts = self._pass((by,))
        else:
            parts = self._once("attributes", lambda: self._pass(tuple(ATTRIBUTES)))
        return [found for part in parts for found in part.attributes]

    def count_all(self) -> ScreeningCounts:
        """Count everything now, in one pass through the files instead of two.

        Without it, `shares` reads the files again when it is first asked.

        Returns
        -------
        ScreeningCounts
            The same object.

        Examples
        --------
        >>> from movielake import ScreeningCounts, runs, shares
        >>> counts = ScreeningCounts("lake", countries="deu").count_all()
        >>> runs(counts).num_rows, shares(counts, "genre").num_rows
        (10, 13)
        """
        names = ("by_film", "attributes")
        if not self._kept.keys() >= set(names):  # what was counted alone lacks the other
            found = self._pass(tuple(ATTRIBUTES), films=True, theaters=True, hours=True)
            self._kept |= dict.fromkeys(names, found)
        return self

    def by_id(self, table: str) -> list[IdCounts]:
        """Return the screenings by snapshot and film, or by snapshot and theater.

        Parameters
        ----------
        table : {"movies", "theaters"}
            The table whose ids to count by.

        Returns
        -------
        list of IdCounts
            A snapshot can be in several of them.

        Examples
        --------
        >>> from movielake import ScreeningCounts
        >>> counts = ScreeningCounts("lake", countries="deu")
        >>> sum(int(part.counts.sum()) for part in counts.by_id("theaters"))
        784
        """
        by = next(by for by, (name, _) in ATTRIBUTES.items() if name == table)
        return [found.by_id[table] for found in self._by_attributes(by)]

    @property
    def bases(self) -> Bases:
        """The base film of each version. Each film is its own if versions count apart.

        Examples
        --------
        >>> import numpy as np
        >>> from movielake import ScreeningCounts
        >>> ScreeningCounts("lake", versions="apart").bases.of(np.array([7])).tolist()
        [7]
        """
        is_merged = self.versions == "merge"
        return self._once("bases", lambda: find_bases(self._showings) if is_merged else Bases({}))

    def _once(self, name: str, count: Callable[[], T]) -> T:
        """Count once, without a lock.

        A count on a worker waits for tasks of its own. If another task on that worker waited for a
        lock that it holds, they would never run. Python 3.11's cached_property has such a lock.
        """
        if name not in self._kept:
            self._kept[name] = count()
        kept: T = self._kept[name]
        return kept

    def _pass(self, asked: tuple[str, ...] = (), **what: bool) -> list[CountryCounts]:
        """Count attributes, and what the flags of `CountryPass` say."""
        showings = self._showings
        held = showings._checked()
        bases = self.bases if what.get("films") else Bases({})
        counter, groups = self._attributes(asked) if asked else (None, showings._groups_to_count())
        tasks = tasks_by_country(groups, together=bool(what))
        task = CountryPass(showings._source, bases, attributes=counter, **what)
        return sorted(over_groups(task, held, tasks), key=lambda counts: counts.country)

    def _attributes(self, asked: tuple[str, ...]) -> tuple[AttributeCounter, list[FileGroup]]:
        """Return the counter of attributes, and the groups with movies and theaters beside."""
        showings = self._showings
        needed = {ATTRIBUTES[by][0] for by in asked} & ID.keys()
        columns: dict[str, list[str] | None] = {name: [] if name in needed else None for name in ID}
        others = others_of(showings, None, None, columns) if needed else {}
        groups = AttachPartitions(as_they_are, others.values())(showings._groups_to_count())
        urls = {name: holdings.folder.url for name, holdings in others.items()}
        return AttributeCounter(urls, asked), groups


def counts_of(lake: str | ShowingsReader | ScreeningCounts, **selection: Any) -> ScreeningCounts:
    """Return the given counts, or new counts of a selection for one analysis.

    Raises
    ------
    ValueError
        If counts are given together with another selection.
    """
    if not isinstance(lake, ScreeningCounts):
        return ScreeningCounts._alone(lake, **selection)
    usual: dict[str, Any] = {"current": True, "versions": "merge"}
    own = {"current": lake.current, "versions": lake.versions}
    for name, value in selection.items():
        meant = read_rule(value) if name == "current" else value
        if value != usual.get(name) and meant != own.get(name):
            raise ValueError(f"expected {name}= in ScreeningCounts, found it beside the counts")
    return lake
