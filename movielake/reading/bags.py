"""Bags of records, which compute on processes in a plain script too.

Dask computes bags on processes that run the user's script again, unless its code is guarded with
``if __name__ == "__main__"``. Our bags use processes that do not run it. A running client is used
instead, as by every bag.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from multiprocessing import current_process
from typing import TYPE_CHECKING, Any

import dask
import dask.bag as db
import dask.multiprocessing
from dask.bag.core import Item
from dask.local import get_sync

from movielake.cluster.processes import process_pool
from movielake.cluster.slurm import read_job

if TYPE_CHECKING:
    from dask.delayed import Delayed


def bag_of(parts: Sequence[Delayed]) -> db.Bag:
    """Make a bag.

    Parameters
    ----------
    parts : sequence of dask.delayed.Delayed
        One list of records for each partition.

    Returns
    -------
    dask.bag.Bag
        The bag. Making it computes nothing.
    """
    bag: db.Bag = _own(db.from_delayed(parts))
    return bag


def compute_on_processes(dsk: Any, keys: Any, **options: Any) -> Any:
    """Compute a graph on processes that do not run the user's script again.

    Parameters
    ----------
    dsk, keys
        The tasks, and the keys of the results.
    **options
        Options of `dask.multiprocessing.get`. ``num_workers`` is the number of processes, by
        default one for each CPU of this process.

    Returns
    -------
    list
        The results, nested as the keys.
    """
    if current_process().daemon:  # such a process, for example a worker, cannot start others
        return get_sync(dsk, keys, **options)
    if options.get("pool") or dask.config.get("pool", None):
        return dask.multiprocessing.get(dsk, keys, **options)
    chosen = options.pop("num_workers", None) or dask.config.get("num_workers", None)
    with process_pool(chosen or read_job().cpus) as pool:
        return dask.multiprocessing.get(dsk, keys, pool=pool, **options)


def _own(found: Any) -> Any:
    """Convert a bag or item of dask to our own kind."""
    if type(found) is db.Bag:
        return RecordBag(found.dask, found.name, found.npartitions)
    if type(found) is Item:
        return RecordItem(found.dask, found.key)  # type: ignore[no-untyped-call]
    return found


def _own_result(method: Callable[..., Any]) -> Callable[..., Any]:
    """Change a method of dask so that it returns our own kinds of bag and item."""

    @wraps(method)
    def changed(*args: Any, **options: Any) -> Any:
        return _own(method(*args, **options))

    return changed


class RecordBag(db.Bag):
    """A bag whose results are again bags and items of our own kind.

    Dask keeps the kind in its other methods, but not in ``concat`` and ``zip`` of `dask.bag`.
    """

    __dask_scheduler__ = staticmethod(compute_on_processes)
    reduction = _own_result(db.Bag.reduction)
    groupby = _own_result(db.Bag.groupby)
    accumulate = _own_result(db.Bag.accumulate)
    repartition = _own_result(db.Bag.repartition)

    def take(self, k: int, npartitions: int = 1, compute: bool = True, warn: bool = True) -> Any:
        """Return the first records, as `dask.bag.Bag.take`."""
        taken = _own(super().take(k, npartitions, False, warn))  # type: ignore[no-untyped-call]
        return tuple(taken.compute()) if compute else taken


class RecordItem(Item):
    """A single result of a `RecordBag`, such as a count."""

    __dask_scheduler__ = staticmethod(compute_on_processes)
    apply = _own_result(Item.apply)
    _rebuild = _own_result(Item._rebuild)
