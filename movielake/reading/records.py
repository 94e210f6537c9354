"""Records of a lake, nested as in the feed: a dask bag, their number, and the first ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from movielake.cluster.slurm import read_job
from movielake.cluster.workers import running_client
from movielake.reading.files import records_of_group
from movielake.reading.groups import FileGroup
from movielake.reading.views import RowsView

if TYPE_CHECKING:
    import dask.bag as db

_BAG_BYTES = 4_000_000
"""Maximum of compressed JSON in one partition of a bag. It expands to about 100 MB of records."""


class RecordsView(RowsView):
    """Rows of a lake, and the records that they come from."""

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
        from dask.delayed import delayed

        from movielake.reading.bags import bag_of

        self._checked("json")
        read = delayed(records_of_group)
        return bag_of([read(group, self._source) for group in self._bag_groups()])

    def _bag_groups(self) -> list[FileGroup]:
        """Group the files for a bag: about four partitions per worker, each of limited size."""
        held = self._held
        total = held.total("json_bytes") or 0
        size = max(1, min(_BAG_BYTES, total // (4 * self.number_of_workers)))
        return self._attach_to_records(held.groups("json", size, count="json_bytes"))

    def _attach_to_records(self, groups: list[FileGroup]) -> list[FileGroup]:
        """Add to each group of JSON Lines the other files that are read together with it."""
        return groups

    @property
    def count(self) -> int:
        """Number of records, from the manifest. Without a manifest, the files are read.

        Examples
        --------
        >>> from movielake import ShowingsReader
        >>> showings = ShowingsReader("lake", countries="deu")
        >>> showings.count, len(showings.dataframe)
        (39, 868)
        """
        self._checked()
        known = self._count_known()
        return known if known is not None else sum(1 for _ in self._records())

    def _count_known(self) -> int | None:
        """Count the records without reading JSON, or return None."""
        return self._held.total("records")

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
        for number in range(len(held)):
            alone = replace(held, files=held.files.slice(number, 1))
            groups = self._attach_to_records(alone.groups("json", 1, count="json_bytes"))
            for group in groups:
                yield from chain.from_iterable(self._source.records(group))

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
