"""Readers: one table of a lake as a dask DataFrame of rows, or a dask bag of records."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from movielake.cluster.slurm import read_job
from movielake.cluster.workers import running_client
from movielake.names.layout import Selection, Terms
from movielake.reading.files import PlainRows, read_records, records_of_group
from movielake.reading.finding import hold
from movielake.reading.holdings import FileGroup
from movielake.reading.views import RowsView
from movielake.schema.tables import table

if TYPE_CHECKING:
    import dask.bag as db

    from movielake.cluster.connection import ConnectedClient

_BAG_BYTES = 4_000_000
"""Compressed JSON of one partition of a bag, at the most: about 100 MB of records."""


class _Reader(RowsView):
    """What the three readers share."""

    _table_name: ClassVar[str]

    def __init__(self, lake: str, *, countries: Terms = None, date_stamps: Terms = None) -> None:
        # Planned now, so that a wrong path or selection is told at once.
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
        """Paths of the files that are read, in the order of stamp and country.

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
        """The records as a dask bag of dicts; nothing is read yet.

        A record is as in the feed: values are texts, elements that may repeat are lists.

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
        """Group the JSON files for a bag: about four partitions for each worker, none too large."""
        held = self._held
        total = held.total("json_bytes") or 0
        size = max(1, min(_BAG_BYTES, total // (4 * self.number_of_workers)))
        return held.groups("json", size, count="json_bytes")

    @property
    def count(self) -> int:
        """Number of records, from the manifest; files without one are counted.

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
            How many; fewer if there are no more.

        Returns
        -------
        tuple of dict
            As in the feed.

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
        """The dask client in use, else one that joins or starts a cluster; see `connect`.

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
        """Close the cluster if this reader started it; leave what was found running.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake")
        >>> showings.shutdown()  # it started none
        """
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def number_of_workers(self) -> int:
        """Workers of the dask client in use; as many as there are CPUs if there is none.

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
        """The folder where workers spill: the job's scratch, else the system's temporary one.

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
        """All movie_id that occur, in order.

        Examples
        --------
        >>> from movielake import MoviesReader
        >>> MoviesReader("lake", countries="deu").movie_ids[:2]
        [101804, 102200]
        """
        return [int(value) for value in self.count_by("movie_id")["movie_id"].dropna()]

    @property
    def num_movies(self) -> int:
        """Number of different movie_id.

        Examples
        --------
        >>> from movielake import MoviesReader
        >>> MoviesReader("lake", countries="deu").num_movies
        42
        """
        return len(self.movie_ids)


class MoviesReader(_Reader):
    """Films: one row per record, by week and country.

    Parameters
    ----------
    lake : str
        Path or URL of a lake; or one directory glob as older notebooks write it, such as
        ``"lake/json/*/deu"``, over our JSON Lines or any files of one record per line.
    countries, date_stamps : str, iterable of str or slice, optional
        A code, a list, a glob, or a slice with both ends included; everything by default.

    Raises
    ------
    FileNotFoundError
        If there is no lake.
    ValueError
        If nothing is selected; the message says what the lake holds.

    Examples
    --------
    >>> from movielake import MoviesReader
    >>> movies = MoviesReader("lake", countries="nzl")
    >>> movies.count == len(movies.dataframe)
    True
    """

    _table_name = "movies"


class TheatersReader(_Reader):
    """Cinemas: one row per record, by week and country.

    Parameters
    ----------
    lake : str
        Path or URL of a lake, or one directory glob; see `MoviesReader`.
    countries, date_stamps : str, iterable of str or slice, optional
        A code, a list, a glob, or a slice with both ends included; everything by default.

    Raises
    ------
    FileNotFoundError
        If there is no lake.
    ValueError
        If nothing is selected; the message says what the lake holds.

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


class ShowingsReader(_Reader):
    """Screenings: one row per record, show_date and time; by week and country.

    Parameters
    ----------
    lake : str
        Path or URL of a lake, or one directory glob; see `MoviesReader`.
    countries, date_stamps : str, iterable of str or slice, optional
        A code, a list, a glob, or a slice with both ends included; everything by default.

    Raises
    ------
    FileNotFoundError
        If there is no lake.
    ValueError
        If nothing is selected; the message says what the lake holds.

    Examples
    --------
    >>> from movielake import ShowingsReader
    >>> showings = ShowingsReader("lake", countries="nzl", date_stamps="201912*")
    >>> list(showings.count_by("country", "date_stamp")["date_stamp"])
    ['20191206', '20191213', '20191220']
    """

    _table_name = "showings"
