"""Readers: one table of a lake as a dask DataFrame of rows or as a dask bag of records."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final

from movielake.cluster.slurm import read_job
from movielake.cluster.workers import running_client
from movielake.names.layout import Selection, Terms
from movielake.reading.files import PlainRows, read_records, records_of_group
from movielake.reading.finding import hold
from movielake.reading.holdings import FileGroup
from movielake.reading.views import RowsView, insert_into_docstring
from movielake.schema.tables import table

if TYPE_CHECKING:
    import dask.bag as db

    from movielake.cluster.connection import ConnectedClient

_BAG_BYTES = 4_000_000
"""Maximum of compressed JSON in one partition of a bag. It expands to about 100 MB of records."""

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


class _Reader(RowsView):
    """Base class of the three readers."""

    _table_name: ClassVar[str]

    def __init__(self, lake: str, *, countries: Terms = None, date_stamps: Terms = None) -> None:
        # Plan now, so that a wrong path or selection raises at once.
        held = hold(str(lake), table(self._table_name), Selection(date_stamps, countries))
        super().__init__(held, PlainRows(held.folder.url, held.table, held.categories))
        self._client: ConnectedClient | None = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self._held.folder.url!r}: {len(self._held)} files, "
            f"{self._held.total('records')} records)"
        )

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
        return [file.path for file in self._held.held(self._held.kind)]

    @cached_property
    def bag(self) -> db.Bag:
        """The records as a dask bag of dicts. Making it reads no data.

        A record is nested as in the feed. Values are texts, and repeatable elements are lists.

        Examples
        --------
        >>> from movielake import MoviesReader
        >>> titles = MoviesReader("lake", countries="deu").bag.pluck("title")
        >>> titles.frequencies().topk(1, key=1).compute(scheduler="sync")
        [('Élodie < 3 Tiger', 6)]
        """
        import dask.bag as db
        from dask.delayed import delayed

        held = self._checked("json")
        groups = self._bag_groups()
        read = delayed(records_of_group)
        bag: db.Bag = db.from_delayed(
            [read(group, held.folder.url, held.table) for group in groups]
        )
        return bag

    def _bag_groups(self) -> list[FileGroup]:
        """Group the files for a bag: about four partitions per worker, each of limited size."""
        held = self._held
        total = held.total("json_bytes") or 0
        size = max(1, min(_BAG_BYTES, total // (4 * self.number_of_workers)))
        return held.groups("json", size, count="json_bytes")

    @property
    def count(self) -> int:
        """Number of records, from the manifest. Without a manifest, the files are read.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake", countries="deu")
        >>> showings.count, len(showings.dataframe)
        (39, 844)
        """
        held = self._checked()
        known = held.total("records")
        return known if known is not None else sum(1 for _ in self._records())

    def take(self, n: int) -> tuple[dict[str, Any], ...]:
        """Return the first records.

        Parameters
        ----------
        n : int
            Number of records. A smaller selection gives fewer records.

        Returns
        -------
        tuple of dict
            The records, nested as in the feed.

        Examples
        --------
        >>> from movielake import TheatersReader
        >>> (theater,) = TheatersReader("lake", countries="deu").take(1)
        >>> theater["theater_city"], theater["theater_screens"]
        ('München', '3')
        """
        return tuple(islice(self._records(), n))

    def _records(self) -> Iterator[dict[str, Any]]:
        held = self._checked("json")
        for file in held.held("json"):
            yield from read_records(held.folder.url, file, held.table)

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
    def number_of_workers(self) -> int:
        """Number of workers of the running dask client. Without a client, the number of CPUs.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> ShowingsReader("lake").number_of_workers >= 1
        True
        """
        client = running_client()
        return max(len(client.nthreads()), 1) if client is not None else read_job().cpus

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


@insert_into_docstring(_ARGUMENTS)
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


@insert_into_docstring(_ARGUMENTS)
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


@insert_into_docstring(_ARGUMENTS)
class ShowingsReader(_Reader):
    """Screenings by week and country. The DataFrame has one row per record, show_date and time.

    Examples
    --------
    >>> from movielake import ShowingsReader
    >>> showings = ShowingsReader("lake", countries="nzl", date_stamps="201912*")
    >>> list(showings.count_by("country", "date_stamp")["date_stamp"])
    ['20191206', '20191213', '20191220']
    """

    _table_name = "showings"
