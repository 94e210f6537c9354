"""Descriptions in the form of pandas, and exact quantiles from the counts of distinct values.

dask 2026.8 approximates quantiles, and fails on Arrow's dates. A lake repeats its values: 130
million screenings have less than a million distinct values in each column. So the counts of all
values are small, and exact answers follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

QUARTILES: Final = (0.25, 0.5, 0.75)


class Counted:
    """The distinct values of a column, in order, with their counts.

    Parameters
    ----------
    counts : pandas.Series
        The counts. Its index has the values, as numbers, dates or timestamps of Arrow.
    """

    def __init__(self, counts: pd.Series) -> None:
        values = pa.array(counts.index)
        self._type = values.type
        whole = values.cast(self._integers) if self._integers else values
        numbers = whole.to_numpy(zero_copy_only=False).astype(np.float64)
        order = np.argsort(numbers)
        self._numbers = numbers[order]
        self._counts = counts.to_numpy(np.int64)[order]
        self._ends = np.cumsum(self._counts)

    @property
    def _integers(self) -> pa.DataType | None:
        """The type of integers that stand for dates or timestamps. None for numbers."""
        if pa.types.is_temporal(self._type):
            return pa.int32() if self._type.bit_width == 32 else pa.int64()
        return None

    @property
    def total(self) -> int:
        """Number of values that are not null."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def quantile(self, q: float) -> Any:
        """Return a quantile, with linear interpolation."""
        if not self.total:
            return pd.NA
        place = q * (self.total - 1)
        below, above = (self._at(end) for end in (np.floor(place), np.ceil(place)))
        part = place - np.floor(place)
        number = above * part + below * (1 - part)  # as in Arrow, to the last digit
        return self._typed(np.floor(number) if self._integers else number)

    def _at(self, place: float) -> Any:
        return self._numbers[np.searchsorted(self._ends, place, side="right")]

    def _typed(self, number: Any) -> Any:
        if self._integers is None:
            return float(number)
        return pa.scalar(int(number), self._integers).cast(self._type).as_py()

    def mean(self) -> Any:
        """Return the mean. Parts of days or milliseconds are cut off, as in pandas."""
        return self._typed(self._mean()) if self.total else pd.NA

    def _mean(self) -> Any:
        first = self._numbers[0]  # differences are small, so no digits are lost
        return first + ((self._numbers - first) * self._counts).sum() / self.total

    def std(self) -> Any:
        """Return the standard deviation."""
        if self.total < 2:
            return pd.NA
        squares = (self._numbers - self._mean()) ** 2 * self._counts
        return float(np.sqrt(squares.sum() / (self.total - 1)))


def quantiles(counts: pd.Series, qs: Sequence[float], name: Any, dtype: Any) -> pd.Series:
    """Compute quantiles from the counts of values, as a series of one row for each quantile."""
    counted = Counted(counts)
    return pd.Series([counted.quantile(q) for q in qs], list(qs), dtype, name)


def describe(counts: pd.Series, percentiles: Sequence[float], name: Any, dtype: Any) -> pd.Series:
    """Describe a column like `pandas.Series.describe`, from the counts of its values."""
    counted = Counted(counts)
    rows: dict[str, Any] = {"count": counted.total, "mean": counted.mean()}
    if pd.api.types.is_numeric_dtype(counts.index.dtype):
        rows["std"] = counted.std()
    rows["min"] = counted.quantile(0)
    rows |= {f"{100 * q:g}%": counted.quantile(q) for q in percentiles}
    rows["max"] = counted.quantile(1)
    return pd.Series(rows, name=name, dtype=dtype)


def sorted_counts(counts: pd.Series, ascending: bool) -> pd.Series:
    """Sort the counts of values by size. dask 2026.8 sorts only those of categoricals."""
    return counts.sort_values(ascending=ascending, kind="stable")


def in_order(described: Any) -> Any:
    """Put the rows in the order of pandas. If a column has no deviation, it comes last."""
    if "std" in described.index and not described.loc["std"].notna().all():
        return described.loc[[*(row for row in described.index if row != "std"), "std"]]
    return described


def pivoted(cells: pd.Series) -> pd.DataFrame:
    """Make a table of one value per row and column. dask 2026.8 puts 0 into empty cells."""
    found: pd.DataFrame = cells.unstack().sort_index().sort_index(axis="columns")
    return found.dropna(axis="columns", how="all").dropna(axis="index", how="all")
