"""Versions: which films are 3D, IMAX or language versions of the same film."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.analyses.keys import Integers
from movielake.joining.joins import others_of
from movielake.names.hints import suggest_name
from movielake.reading.files import KEYS, PlainRows, rows_of_group
from movielake.reading.groups import FileGroup
from movielake.reading.readers import ShowingsReader
from movielake.reading.tallies import over_groups

VERSIONS: Final = ("merge", "apart")
"""Whether the versions of a film count as one film."""

_PARTS: Final = 64
_NONE: Final = 1 << 32
"""Above each parent_id. A smaller parent_id gets a larger rank, so the smallest one wins."""


def check_versions(versions: str) -> str:
    """Refuse a value that is neither ``merge`` nor ``apart``."""
    if versions not in VERSIONS:
        raise ValueError(
            f"expected versions='merge' or versions='apart', found {versions!r}"
            f"{suggest_name(versions, VERSIONS)}"
        )
    return versions


class Bases:
    """The base film of each version.

    Parameters
    ----------
    parents : mapping of int to int
        The parent_id of each film that has one.

    Examples
    --------
    >>> import numpy as np
    >>> from movielake.analyses.versions import Bases
    >>> Bases({5: 3, 3: 1}).of(np.array([1, 2, 3, 5])).tolist()
    [1, 2, 1, 1]
    """

    def __init__(self, parents: Mapping[int, int]) -> None:
        bases = {film: _find_base(film, parents) for film in sorted(parents)}
        self._ids = np.array([*bases], np.int64)
        self._bases = np.array([*bases.values()], np.int64)

    def of(self, ids: Integers) -> Integers:
        """Return the base film of each film. A film without a base is its own base."""
        if not len(self._ids):
            return ids
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[places] == ids, self._bases[places], ids)


def _find_base(film: int, parents: Mapping[int, int]) -> int:
    """Follow the parents. If they form a circle, its smallest id is the base."""
    seen = [film]
    while (parent := parents.get(seen[-1])) is not None:
        if parent in seen:
            return min(seen[seen.index(parent) :])
        seen.append(parent)
    return seen[-1]


def find_bases(showings: ShowingsReader) -> Bases:
    """Find the base films in the movies of the same partitions as the showings.

    The newest snapshot that states a parent_id of a film counts. If countries differ in it, a
    base film wins over none (0), and the smallest base film wins over others.
    """
    held = others_of(showings, None, None, {"movies": [], "theaters": None})["movies"]
    if not len(held):
        return Bases({})  # China, for example, has no movies
    source = PlainRows(held.folder.url, held.table, held.categories)
    size = max((held.total("rows") or 0) // _PARTS, 1)
    groups = (
        held.million_rows() if held.shares_parquet else held.groups(held.kind, size, count="rows")
    )
    newest = _newest(over_groups(_Parents(source), held, groups))
    rank = newest["rank"].to_numpy() % (2 * _NONE)
    parents = np.where(rank > 0, _NONE - rank, 0)
    pairs = zip(newest["movie_id"].to_pylist(), parents.tolist(), strict=True)
    return Bases({film: parent for film, parent in pairs if parent})


class _Parents:
    """Function that ranks what a group of movies states about each film's parent."""

    def __init__(self, source: PlainRows) -> None:
        self._source = source

    def __call__(self, group: FileGroup) -> pa.Table:
        rows = rows_of_group(self._source, group, ["movie_id", "parent_id", KEYS[0]])
        rows = rows.filter(pc.and_(rows["movie_id"].is_valid(), rows["parent_id"].is_valid()))
        stamps = rows[KEYS[0]].combine_chunks()
        if isinstance(stamps, pa.ChunkedArray):
            stamps = pa.concat_arrays(stamps.chunks)
        stamp = stamps.indices.to_numpy().astype(np.int64)
        parent = rows["parent_id"].to_numpy().astype(np.int64)
        rank = stamp * 2 * _NONE + np.where(parent > 0, _NONE - parent, 0)
        return _newest([pa.table({"movie_id": rows["movie_id"], "rank": pa.array(rank)})])


def _newest(parts: list[pa.Table]) -> pa.Table:
    highest = pa.concat_tables(parts).group_by("movie_id", use_threads=False)
    return highest.aggregate([("rank", "max")]).rename_columns(["movie_id", "rank"])
