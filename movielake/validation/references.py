"""References within a partition: unique keys, and showings with their movie and theater."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.validation.findings import Finding
from movielake.validation.rows import IDS
from movielake.validation.rules import found

_ID: Final = {name: ids[0] for name, ids in IDS.items() if len(ids) == 1}
"""The id of each table that showings refer to."""

Ids = Mapping[str, pa.ChunkedArray]
"""Name of an id to its value in each record."""


def check_keys(paths: Mapping[str, str], tables: Mapping[str, Ids]) -> Iterator[Finding]:
    """Find missing ids, and ids that repeat in movies or theaters.

    Parameters
    ----------
    paths : mapping of str to str
        Path of the rows of each table of the partition.
    tables : mapping of str to Ids
        The ids of each table, from all its files together.

    Yields
    ------
    Finding
    """
    for name, ids in tables.items():
        path = paths[name]
        for column, values in ids.items():
            if values.null_count:
                message = f"{values.null_count:,} of {len(values):,} records have no {column}"
                yield found("missing-key", path, message, count=values.null_count)
            if name in _ID:
                yield from _repeated(path, column, values.drop_null())


def _repeated(path: str, column: str, values: pa.ChunkedArray) -> Iterator[Finding]:
    surplus = len(values) - len(values.unique())
    if surplus:
        counts = values.value_counts()
        often = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
        first = often[0].as_py()["values"]
        message = f"expected each {column} once, found {len(often):,} that repeat, first {first}"
        yield found("duplicate-key", path, message, count=surplus)


def check_references(
    paths: Mapping[str, str], tables: Mapping[str, Ids], max_orphans: float | None
) -> Iterator[Finding]:
    """Find showings whose movie or theater is not in their partition.

    Parameters
    ----------
    paths : mapping of str to str
        Path of the rows of each table of the partition.
    tables : mapping of str to Ids
        The ids of each table. Movies and theaters are included only if all their files could be
        read.
    max_orphans : float, optional
        Largest allowed share of a partition's showing records without their movie, or without
        their theater.

    Yields
    ------
    Finding
    """
    for name, column in _ID.items():
        if name not in tables or "showings" not in tables:
            continue
        sought = tables["showings"][column]
        # A showing without an id has no movie, as for `movielake.orphans`.
        known = pc.is_in(sought, value_set=tables[name][column].unique(), skip_nulls=True)
        lost = pc.invert(known)
        count = int(pc.sum(lost).as_py() or 0)
        if not count:
            continue
        share, path = count / len(sought), paths["showings"]
        first = sought.filter(lost)[0].as_py() or "null"
        message = f"{count:,} of {len(sought):,} records ({share:.2%}) have a {column} that is not"
        message += f" in {name}, first {first}"
        yield found("orphans", path, message, count=count)
        if max_orphans is not None and share > max_orphans:
            message = f"{message}; at most {max_orphans:.2%} are allowed"
            yield found("too-many-orphans", path, message, count=count)
