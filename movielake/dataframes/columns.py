"""Parts and forms of columns that dask or pandas lack."""

from __future__ import annotations

from typing import Any, Final

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
from dask.dataframe.dask_expr._accessor import Accessor

_TEXT: Final = "string[pyarrow]"


class Lists(Accessor):
    """The accessor ``list`` of pandas, which dask does not have."""

    _accessor_name = "list"
    _accessor_methods = ("len", "__getitem__", "flatten")
    _accessor_properties = ()


class Times:
    """The accessor ``dt`` of a column of times, which pandas does not have.

    Parameters
    ----------
    times : dask.dataframe.Series
        The column, of Arrow's type ``time64[us]``.
    """

    def __init__(self, times: Any) -> None:
        self._seconds = times.astype("int64[pyarrow]") // 1_000_000

    @property
    def hour(self) -> Any:
        """The hour, from 0 to 23."""
        return self._seconds // 3_600

    @property
    def minute(self) -> Any:
        """The minute, from 0 to 59."""
        return self._seconds // 60 - self.hour * 60

    @property
    def second(self) -> Any:
        """The second, from 0 to 59."""
        return self._seconds - self._seconds // 60 * 60


def in_numpy(column: dd.Series) -> Any:
    """Convert dates and timestamps to the type with which dask can compute."""
    arrow = column.dtype.pyarrow_dtype
    unit = arrow.unit if pa.types.is_timestamp(arrow) else "s"
    return column.astype(f"datetime64[{unit}]")


def is_nested(dtype: Any) -> bool:
    """Return whether the values of a type are lists, maps or structs."""
    return isinstance(dtype, pd.ArrowDtype) and pa.types.is_nested(dtype.pyarrow_dtype)


def as_text(column: dd.Series) -> Any:
    """Write each value of a column as text. Equal values have equal texts."""
    return column.map_partitions(_texts, meta=(column.name, _TEXT))


def _texts(column: pd.Series) -> pd.Series:
    return pd.Series([repr(v) for v in pa.array(column).to_pylist()], column.index, _TEXT)
