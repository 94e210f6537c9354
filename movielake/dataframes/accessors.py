"""Accessors of columns that dask or pandas lack: the parts of times, and the items of lists."""

from __future__ import annotations

from typing import Any

from dask.dataframe.dask_expr._accessor import Accessor


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
        The column, of Arrow's type ``time32[ms]``.
    """

    def __init__(self, times: Any) -> None:
        self._milliseconds = times.astype("int32[pyarrow]").astype("int64[pyarrow]")

    @property
    def hour(self) -> Any:
        """The hour, from 0 to 23."""
        return self._milliseconds // 3_600_000

    @property
    def minute(self) -> Any:
        """The minute, from 0 to 59."""
        return self._milliseconds // 60_000 - self.hour * 60

    @property
    def second(self) -> Any:
        """The second, from 0 to 59."""
        return self._milliseconds // 1000 - self._milliseconds // 60_000 * 60
