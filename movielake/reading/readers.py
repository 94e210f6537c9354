"""Readers: one table of a lake as a dask DataFrame of rows or as a dask bag of records."""

from __future__ import annotations

import tempfile
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from movielake.cluster.slurm import read_job
from movielake.names.hints import suggest_arguments
from movielake.names.layout import Selection, Terms
from movielake.reading.blocks import Current, read_rule
from movielake.reading.current import AttachSnapshots, CurrentRows
from movielake.reading.files import PlainRows
from movielake.reading.finding import hold
from movielake.reading.groups import FileGroup
from movielake.reading.holdings import Holdings
from movielake.reading.records import RecordsView
from movielake.reading.tallies import RecordCounter, divide, over_groups
from movielake.reading.views import insert_into_docstring
from movielake.schema.tables import table

if TYPE_CHECKING:
    from movielake.cluster.connection import ConnectedClient

_ARGUMENTS: Final = """
Parameters
----------
lake : str
    Path or URL of a lake. Or one directory glob as in older notebooks, such as
    ``"lake/json/*/deu"``. The files can come from movielake or from any program that writes one
    record per line.
countries, date_stamps : str, iterable of str or slice, optional
    A code, a list of codes, a glob, or a slice that includes both ends. Default: everything.

Raises
------
FileNotFoundError
    If the lake does not exist.
ValueError
    If the selection is empty. The message lists what the lake contains.
"""
"""The parameters and errors of all readers, for their docstrings."""

_NEVER_CURRENT: Final = """\
current : False, optional
    Only showings can be current. `latest` returns the newest row of each film or theater.
"""

_CURRENT: Final = """\
current : bool or {"movie", "theater"}, optional
    Leave out what a later snapshot supersedes. True means ``"movie"``. Default: False.
"""


class _Reader(RecordsView):
    """Base class of the three readers."""

    _table_name: ClassVar[str]

    @suggest_arguments
    def __init__(
        self,
        lake: str,
        *,
        countries: Terms = None,
        date_stamps: Terms = None,
        current: Current = False,
    ) -> None:
        # Plan now, so that a wrong path or selection raises at once.
        self._open(hold(str(lake), table(self._table_name), Selection(date_stamps, countries)))
        self._keep(read_rule(current))

    def _open(self, held: Holdings) -> None:
        """Read all rows and records of the files."""
        super().__init__(held, PlainRows(held.folder.url, held.table, held.categories))
        self._client: ConnectedClient | None = None
        self._rule: str | None = None

    def _keep(self, rule: str | None) -> None:
        """Leave out superseded rows and records."""
        if rule:
            raise ValueError(
                f"expected current= for showings, found it for a {type(self).__name__}; "
                "latest(reader) returns the newest row of each film or theater"
            )

    def _with(self, current: Current | None) -> Self:
        """Return the same reader with another rule. None means the same rule."""
        rule = self._rule if current is None else read_rule(current)
        if rule == self._rule:
            return self
        reader = type(self).__new__(type(self))
        reader._open(self._held)
        reader._keep(rule)
        return reader

    def __repr__(self) -> str:
        kept = f", current={self._rule!r}" if self._rule else ""
        return (
            f"{type(self).__name__}({self._held.folder.url!r}{kept}: {len(self._held)} files, "
            f"{self._held.total('records')} records)"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None}  # a copy finds the running client itself

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    @property
    def files(self) -> list[str]:
        """Paths of the selected files, in the order of stamp and country.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> files = ShowingsReader("lake", countries="deu").files
        >>> len(files), files[0].rpartition("lake/")[2]
        (4, 'parquet/showings/date_stamp=20191206/country=deu/191206S.parquet')
        """
        return list(dict.fromkeys(self._held.paths(self._held.kind)))

    @property
    def client(self) -> ConnectedClient:
        """The running dask client. If none is running, `connect` joins or starts a cluster.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> with ShowingsReader("lake") as showings:
        ...     showings.client.status
        'running'
        """
        from movielake.cluster.connection import connect

        if self._client is None or self._client.status != "running":
            self._client = connect()
        return self._client

    def shutdown(self) -> None:
        """Close the cluster if this reader started it. A cluster from elsewhere keeps running.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake")
        >>> showings.shutdown()  # it has started no cluster
        """
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def work_dir(self) -> str:
        """The folder for the workers' spilled data: the job's scratch or the temporary folder.

        Examples
        --------
        >>> from pathlib import Path
        >>> from movielake import ShowingsReader
        >>> Path(ShowingsReader("lake").work_dir).is_dir()
        True
        """
        return read_job().scratch or tempfile.gettempdir()

    @cached_property
    def movie_ids(self) -> list[int]:
        """All distinct values of movie_id, in order.

        Examples
        --------
        >>> from movielake import MoviesReader
        >>> MoviesReader("lake", countries="deu").movie_ids[:2]
        [101804, 102200]
        """
        return [int(value) for value in self.count_by("movie_id")["movie_id"].dropna()]

    @property
    def num_movies(self) -> int:
        """Number of distinct values of movie_id.

        Examples
        --------
        >>> from movielake import MoviesReader
        >>> MoviesReader("lake", countries="deu").num_movies
        42
        """
        return len(self.movie_ids)


@insert_into_docstring(_ARGUMENTS.replace("Raises\n", _NEVER_CURRENT + "\nRaises\n"))
class MoviesReader(_Reader):
    """Films by week and country. The DataFrame has one row per record.

    Examples
    --------
    >>> from movielake import MoviesReader
    >>> movies = MoviesReader("lake", countries="nzl")
    >>> movies.count == len(movies.dataframe)
    True
    """

    _table_name = "movies"


@insert_into_docstring(_ARGUMENTS.replace("Raises\n", _NEVER_CURRENT + "\nRaises\n"))
class TheatersReader(_Reader):
    """Cinemas by week and country. The DataFrame has one row per record.

    Examples
    --------
    >>> from movielake import TheatersReader
    >>> theaters = TheatersReader("lake", countries="nzl")
    >>> sorted(theaters.head(1)["country"])
    ['nzl']
    """

    _table_name = "theaters"

    @property
    def movie_ids(self) -> list[int]:
        """Theaters have no movies.

        Raises
        ------
        AttributeError
            Always.

        Examples
        --------
        >>> from movielake import TheatersReader
        >>> TheatersReader("lake").movie_ids
        Traceback (most recent call last):
        AttributeError: theaters have no movie_id; ask a MoviesReader or ShowingsReader
        """
        raise AttributeError("theaters have no movie_id; ask a MoviesReader or ShowingsReader")


@insert_into_docstring(_ARGUMENTS.replace("Raises\n", _CURRENT + "\nRaises\n"))
class ShowingsReader(_Reader):
    """Screenings by week and country. The DataFrame has one row per record, show_date and time.

    Notes
    -----
    Each date_stamp is a snapshot of the coming days, and a later snapshot repeats some of these
    days. With ``current``, each block of rows comes from one snapshot of its country: the newest
    one with a time for it or, if none has a time, the newest one. By the rule ``movie``, a block is
    a film in a theater on a day. By the rule ``theater``, it is all films in a theater on a day, so
    a film that a later snapshot no longer has for this day is left out. Rows without a film,
    theater or day are always kept. Only the snapshots that the reader selects supersede each other.
    A record of the bag has only the show_dates that are current, and goes if it has none left.

    Examples
    --------
    >>> from movielake import ShowingsReader
    >>> showings = ShowingsReader("lake", countries="nzl", date_stamps="201912*")
    >>> list(showings.count_by("country", "date_stamp")["date_stamp"])
    ['20191206', '20191213', '20191220']
    >>> current = ShowingsReader("lake", current=True)
    >>> len(current.dataframe) < len(ShowingsReader("lake").dataframe)
    True
    """

    _table_name = "showings"

    def _keep(self, rule: str | None) -> None:
        if rule:
            self._snapshots = AttachSnapshots(self._held, self._held)
            self._attach = self._snapshots
            self._source = CurrentRows(self._source, rule)
        self._rule = rule

    def _attach_to_records(self, groups: list[FileGroup]) -> list[FileGroup]:
        return self._snapshots.to_records(groups) if self._rule else groups

    def _count_known(self) -> int | None:
        if not self._rule:
            return super()._count_known()
        known, others = divide(self._held, self._groups_to_count(), self._source)
        records = known.total("records")
        if records is not None:
            counts = over_groups(RecordCounter(self._source), self._held, others)
            records += sum(counts)
        return records
