"""Filters written as text, such as ``frame.query("country == 'deu'")``.

dask evaluates such a text in pandas, file by file. Here a simple text becomes a filter of columns.
So it skips files like any filter, and its values are converted to the types of the columns.
"""

from __future__ import annotations

import ast
import operator
from functools import reduce
from typing import Any, Final

_COMPARISONS: Final[dict[type[ast.cmpop], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda column, values: column.isin(values),
    ast.NotIn: lambda column, values: ~column.isin(values),
}


class _NotSimpleError(Exception):
    """The text has a part that only pandas understands."""


def as_filter(text: str, frame: Any) -> Any:
    """Convert a text to a filter.

    Parameters
    ----------
    text : str
        A condition as for `pandas.DataFrame.query`.
    frame : dask.dataframe.DataFrame
        The frame with the columns.

    Returns
    -------
    dask.dataframe.Series or None
        The filter. None if the text is more than comparisons of columns with values, joined by
        ``and``, ``or`` and ``not``. pandas understands more.
    """
    try:
        return _column(ast.parse(text.strip(), mode="eval").body, frame)
    except (SyntaxError, _NotSimpleError):
        return None


def _column(node: ast.expr, frame: Any) -> Any:
    if isinstance(node, ast.BoolOp):
        join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        return reduce(join, [_column(value, frame) for value in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        join = operator.and_ if isinstance(node.op, ast.BitAnd) else operator.or_
        return join(_column(node.left, frame), _column(node.right, frame))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        return ~_column(node.operand, frame)
    if isinstance(node, ast.Compare):
        return _comparison(node, frame)
    if isinstance(node, ast.Name) and node.id in frame.columns:
        return frame[node.id]
    raise _NotSimpleError


def _comparison(node: ast.Compare, frame: Any) -> Any:
    sides = [_value(each, frame) for each in (node.left, *node.comparators)]
    found = []
    for left, compare, right in zip(sides, node.ops, sides[1:], strict=False):
        if type(compare) not in _COMPARISONS:
            raise _NotSimpleError
        found.append(_COMPARISONS[type(compare)](left, right))
    return reduce(operator.and_, found)


def _value(node: ast.expr, frame: Any) -> Any:
    """Return a column, or the value of a literal."""
    if isinstance(node, ast.Name):
        return _column(node, frame)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise _NotSimpleError from None
