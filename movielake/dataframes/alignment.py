"""Alignment of a column with a filtered frame.

If a frame is empty, pandas 3.1 gives it all rows of a column that is assigned to it. A filter
leaves many partitions of a dask DataFrame empty, so plain dask 2026.8 returns rows that the filter
has removed.
"""

from __future__ import annotations

from typing import Any, Final

import dask.dataframe as dd
import pandas as pd
from dask._collections import new_collection
from dask.dataframe.dask_expr._expr import Elemwise, Expr, Index, are_co_aligned


def aligned(frame: dd.DataFrame, value: Any) -> Any:
    """Prepare a column to be assigned to a frame.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        The frame, perhaps filtered.
    value : object
        The column, or anything else that can be assigned.

    Returns
    -------
    object
        The column, empty in each partition in which the frame is empty. Anything else unchanged.
    """
    if not isinstance(value, dd.Series) or not are_co_aligned(frame.expr, value.expr):
        return value
    if _sources(value.expr) == {_rows(frame.expr)._name}:
        return value  # the column has the rows of the frame
    return new_collection(_ALIGNED(value.expr, Index(frame.expr)))


class AlignedTo(Elemwise):
    """Values of a column for an index."""

    _parameters = ["frame", "index"]  # noqa: RUF012  (as in dask)
    _projection_passthrough = False

    @staticmethod
    def operation(values: pd.Series, index: pd.Index) -> pd.Series:
        """Return no values for an empty index. pandas aligns with all others itself."""
        return values if len(index) else values.iloc[:0]


_ALIGNED: Final[Any] = AlignedTo  # dask has no types here


def _rows(expression: Any) -> Any:
    """Return the expression that decides which rows a frame has."""
    while isinstance(expression, Elemwise):
        expression = expression.operands[0]
    return expression


def _sources(expression: Any) -> set[str]:
    """Return the names of the expressions that decide which rows a column has."""
    if not isinstance(expression, Expr) or expression.ndim == 0:
        return set()
    if not isinstance(expression, Elemwise):
        return {expression._name}
    return {name for operand in expression.operands for name in _sources(operand)}
