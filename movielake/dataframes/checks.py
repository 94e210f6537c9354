"""Checks of a query, before it runs, for answers that would be silently wrong.

In pandas 3.1, a column is never equal to a value of another type, and keys of different types never
match. A `LakeFrame` converts such values and keys. These checks find them in plain dask DataFrames
that are made of a lake's rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pandas as pd
from dask.dataframe.dask_expr._expr import EQ, NE, Expr
from dask.dataframe.dask_expr._merge import Merge

from movielake.dataframes.fitting import fit, kind_of
from movielake.dataframes.keys import needs_fit


def check_users(expression: Expr, dependents: defaultdict[str, list[Any]]) -> None:
    """Check all parts of a query that use an expression.

    Parameters
    ----------
    expression : dask expression
        The rows of a lake.
    dependents : dict
        For the name of each expression, weak references to the expressions that use it directly.

    Raises
    ------
    TypeError
        If values are compared or joined that can never be equal, because their types differ.
    """
    for user in _users(expression, dependents):
        if isinstance(user, (EQ, NE)):
            _check_comparison(user.left, user.right)
        elif isinstance(user, Merge):
            _check_keys(user)


def _users(expression: Expr, dependents: defaultdict[str, list[Any]]) -> Iterator[Any]:
    seen, names = set(), [expression._name]
    while names:
        for reference in dependents.get(names.pop(), ()):
            user = reference()
            if user is not None and user._name not in seen:
                seen.add(user._name)
                names.append(user._name)
                yield user


def _check_comparison(left: Any, right: Any) -> None:
    for column, value in ((left, right), (right, left)):
        if not isinstance(column, Expr) or column.ndim != 1 or isinstance(value, Expr):
            continue
        fitted = fit(value, kind_of(column._meta.dtype))
        if type(fitted) is not type(value):
            raise TypeError(
                f"{column.columns[0]} is never equal to {value!r}, because their types differ; "
                f"compare it with {fitted!r}"
            )


def _check_keys(merge: Merge) -> None:
    lists = [each if isinstance(each, list) else [each] for each in (merge.left_on, merge.right_on)]
    for names in zip(*lists, strict=False):
        pairs = zip((merge.left, merge.right), names, strict=True)
        left, right = (_dtype(side._meta, name) for side, name in pairs)
        if needs_fit(left, right) or needs_fit(right, left):
            raise TypeError(
                f"keys of the types {left} and {right} never match ({names[0]}, {names[1]}); "
                "convert one of them, or call the method merge of the frame of the lake"
            )


def _dtype(meta: pd.DataFrame, name: Any) -> Any:
    return meta.dtypes.get(name) if isinstance(name, str) else None
