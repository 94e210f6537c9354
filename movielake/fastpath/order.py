"""The order of a block's rows: those of regular records, and between them those of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.fastpath.segments import Codes, Ints
from movielake.rows.starts import combine_start
from movielake.schema.tables import Column


@dataclass(frozen=True)
class OtherRows:
    """Rows of the irregular records of a block, made by the reference.

    Parameters
    ----------
    rows : pa.Table
        The rows, in the order of their records.
    records : np.ndarray of int64
        For each row, the position of its record in the block.
    """

    rows: pa.Table
    records: Ints


class Order:
    """The order of a block's rows: regular records, with the other rows inserted."""

    def __init__(self, records: Ints, others: OtherRows | None) -> None:
        self.records = records
        self._others = others
        self._nulls: dict[pa.DataType, pa.Array] = {}
        if others is not None:
            together = np.concatenate((records, others.records))
            self._rows = np.argsort(together, kind="stable")
            self.records = together[self._rows]

    def take(self, name: str, values: pa.Array, positions: Any) -> pa.Array:
        """Take a value for each regular row, and insert the values of the other rows."""
        if self._others is None:
            return values.take(pa.array(positions))
        others = self._others.rows[name].combine_chunks()
        more = np.arange(len(values), len(values) + len(others))
        positions = np.concatenate((positions, more))[self._rows]
        return pa.concat_arrays([values, others]).take(pa.array(positions))

    def nothing(self, column: Column, rows: int) -> pa.Array:
        """Return null for each regular row, and insert the values of the other rows."""
        if column.arrow not in self._nulls:  # one array for all columns of a type
            self._nulls[column.arrow] = pa.nulls(rows, column.arrow)
        return self.sort(column.name, self._nulls[column.arrow])

    def days(self, days: Codes | None, rows: int) -> pa.Array | None:
        """Return the days from show_date to starts_at; None if they are 0 everywhere.

        The days of the other rows follow from their columns.
        """
        if self._others is None:
            return None if days is None else pa.array(days)
        others = self._others.rows
        on_date = combine_start(others["show_date"], others["show_time"])
        later = pc.cast(pc.not_equal(others["starts_at"], on_date), pa.int32()).combine_chunks()
        regular = pa.array(np.zeros(rows, np.int32) if days is None else days)
        return pa.concat_arrays([regular, later]).take(pa.array(self._rows))

    def sort(self, name: str, values: pa.Array) -> pa.Array:
        """Insert the values of the other rows between those of the regular rows."""
        if self._others is None:
            return values
        others = self._others.rows[name].combine_chunks()
        return pa.concat_arrays([values, others]).take(pa.array(self._rows))
