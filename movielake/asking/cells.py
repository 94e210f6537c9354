"""Cells: values of Arrow as CSV and spreadsheets have them."""

from __future__ import annotations

import json
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

SEPARATOR: Final = "; "
"""Between the items of a list. The feed's own lists have this form."""


def flat(batch: pa.RecordBatch | pa.Table) -> pa.Table:
    """Turn lists into texts with semicolons, other nested values into JSON, and times into texts.

    Parameters
    ----------
    batch : pa.RecordBatch or pa.Table
        Rows with columns of any type.

    Returns
    -------
    pa.Table
        The same rows. Each column has numbers, booleans, dates, timestamps or texts.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.asking.cells import flat
    >>> flat(pa.table({"genre": [["Drama", "War"], [], None]}))["genre"].to_pylist()
    ['Drama; War', '', None]
    """
    columns = {name: _flat(batch[name]) for name in batch.schema.names}
    return pa.table([*columns.values()], names=[*columns])


def _flat(column: Any) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _flat(column.cast(kind.value_type))
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return pc.binary_join(column, SEPARATOR)
    if pa.types.is_nested(kind):
        texts = [None if v is None else _as_json(v) for v in column.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_time(kind):
        return pc.strftime(column.cast(pa.time64("us")).cast(pa.int64()).cast(_MOMENT), "%H:%M")
    if pa.types.is_timestamp(kind):
        return pc.floor_temporal(column, unit="second").cast(pa.timestamp("s", kind.tz))
    if pa.types.is_decimal(kind) or kind == pa.float16():
        return column.cast(pa.float64())
    return column


_MOMENT: Final = pa.timestamp("us")


def _as_json(value: Any) -> str:
    """Write a nested value as JSON. Arrow gives a map as a list of pairs."""
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        value = dict(value)
    return json.dumps(value, ensure_ascii=False, default=str)
