"""Files of a compact copy, written part by part in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from movielake.lake.writers import HashingFile
from movielake.names.layout import ROW_GROUP
from movielake.schema.tables import table as read_table
from movielake.staging.origins import Origin
from movielake.staging.spans import PlannedFile

_HEAVY: Final = 1 << 27
"""Bytes of rows in memory that end a row group earlier, also within a stamp."""

STAMP: Final = pa.field("date_stamp", pa.string())
"""The key that a compact file stores. The country is the name of its folder."""


def write_rows(origin: Origin, plan: PlannedFile, out: HashingFile) -> None:
    """Write one Parquet file of a compact copy: the rows of its parts, one after the other.

    Parameters
    ----------
    origin : Origin
        The source of the parts. It checks each part.
    plan : PlannedFile
        The file to write.
    out : HashingFile
        Where to write.

    Raises
    ------
    ValueError
        If a part of the source is missing, or differs from the manifest.
    """
    groups = _groups(origin, plan)
    first = next(groups, compact_schema(plan.table).empty_table())
    with pq.ParquetWriter(out, first.schema, version="2.6", **_how(first.schema)) as writer:
        for group in chain([first], groups):
            writer.write_table(group, row_group_size=max(group.num_rows, 1))


def compact_schema(table: str) -> pa.Schema:
    """Return the columns of a compact Parquet file: those of the table, then ``date_stamp``."""
    return read_table(table).arrow.append(STAMP)


def _groups(origin: Origin, plan: PlannedFile) -> Iterator[pa.Table]:
    """Yield row groups made of whole stamps, each with about `ROW_GROUP` rows."""
    waiting: list[pa.Table] = []
    rows = weight = 0
    stamp = ""
    for part in plan.parts:
        if part.date_stamp != stamp and rows >= ROW_GROUP:
            yield _joined(waiting)
            waiting, rows, weight = [], 0, 0
        stamp = part.date_stamp
        for piece in origin.rows(plan.table, part):
            waiting.append(_stamped(piece, stamp))
            rows += piece.num_rows
            weight += piece.nbytes
            if weight >= _HEAVY:
                yield _joined(waiting)
                waiting, rows, weight = [], 0, 0
    if waiting:
        yield _joined(waiting)


def _stamped(rows: pa.Table, stamp: str) -> pa.Table:
    codes = pa.array([0], pa.int32()).take(pa.nulls(rows.num_rows, pa.int32()).fill_null(0))
    return rows.append_column("date_stamp", pa.DictionaryArray.from_arrays(codes, [stamp]))


def _joined(pieces: list[pa.Table]) -> pa.Table:
    # With one dictionary for all pieces, the Parquet writer takes the codes as they are.
    return pa.concat_tables(pieces).unify_dictionaries().combine_chunks()


def _how(schema: pa.Schema) -> dict[str, Any]:
    flat = [field.name for field in schema if not pa.types.is_nested(field.type)]
    counted = [name for name in flat if name == "record"]
    return {
        "compression": "zstd",
        "store_schema": False,
        # fastparquet reads a list as None unless its pages have a dictionary.
        "use_dictionary": [
            path for field in schema if field.name not in counted for path in _leaves(field)
        ],
        # Texts of films repeat in each stamp. A large dictionary stores each text once.
        "dictionary_pagesize_limit": 1 << 24,
        "column_encoding": dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
        "write_statistics": [
            field.name
            for field in schema
            if field.name in flat and (not _is_text(field) or field.name == STAMP.name)
        ],
    }


def _leaves(field: pa.Field) -> list[str]:
    """Return the names that Parquet gives the values of a column."""
    if pa.types.is_map(field.type):
        return [f"{field.name}.key_value.key", f"{field.name}.key_value.value"]
    if not pa.types.is_list(field.type):
        return [field.name]
    inner = field.type.value_type
    names = [f".{part.name}" for part in inner] if pa.types.is_struct(inner) else [""]
    return [f"{field.name}.list.element{name}" for name in names]


def _is_text(field: pa.Field) -> bool:
    return bool(pa.types.is_string(field.type) or pa.types.is_dictionary(field.type))
