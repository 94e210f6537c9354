"""The dask DataFrame of a reader.

`dask.dataframe.from_map` alone is not enough. In dask 2026.8.0 it passes a choice of columns to the
source, but not a filter, and it computes a length by reading. `read_parquet` gets lengths from the
footers of all files. Only a subclass of an expression can take a length from the manifest, and skip
files by a filter on the partition keys before reading. The base classes are private in dask, so
`tests/reading/test_frames.py` must pass with each new version. `from_map` also adds a conversion of
strings. It is left out here, because the columns are Arrow-backed already.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import dask.dataframe as dd
import pandas as pd
from dask.dataframe.dask_expr import new_collection
from dask.dataframe.dask_expr._accessor import FunctionMap
from dask.dataframe.dask_expr._expr import (
    And,
    AsType,
    Between,
    Binop,
    Elemwise,
    Expr,
    Filter,
    Index,
    Isin,
    Lengths,
    Literal,
    Map,
    Projection,
    Unaryop,
    _DelayedExpr,
)
from dask.dataframe.dask_expr._indexing import Loc
from dask.dataframe.dask_expr._reductions import Len
from dask.dataframe.dask_expr.io.io import FromMapProjectable
from dask.dataframe.extensions import make_scalar

from movielake.cluster.workers import choose_shuffle
from movielake.dataframes.checks import check_users
from movielake.dataframes.habits import LakeFrame
from movielake.reading.files import KEYS, PlainRows, empty_rows, numbered_rows, to_frame
from movielake.reading.groups import FileGroup
from movielake.reading.holdings import Holdings

_MANY: Final = 2**32
"""A number of rows that no file reaches."""

# dask asks this for the type of a minimum or maximum, and knows neither of the two types of Python.
make_scalar.register((datetime.date, datetime.time), lambda value: value)

_CELLWISE = (AsType, Between, Binop, FunctionMap, Isin, Literal, Projection, Unaryop, _DelayedExpr)
"""Expressions that compute each cell only from cells of the same row."""


def read_group(
    group: FileGroup, source: PlainRows, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a group of files into a data frame. This is the task of the DataFrame."""
    chosen = columns if columns is not None else [*source.schema.names, *KEYS]
    rows, numbers = numbered_rows(source, group, chosen)
    return to_frame(rows).set_axis(pd.Index(numbers), axis="index")


def frame(held: Holdings, groups: list[FileGroup], source: PlainRows) -> dd.DataFrame:
    """Plan a DataFrame of a lake's rows.

    Parameters
    ----------
    held : Holdings
        The files that contain the rows.
    groups : list of FileGroup
        The same files in groups. Each group becomes one partition of the DataFrame.
    source : PlainRows
        The reader of a group.

    Returns
    -------
    dask.dataframe.DataFrame
        The rows. Making it reads no data.
    """
    expression = LakeRows(
        func=read_group,
        iterables=[_numbered(groups)],
        columns=None,
        args=[source],
        kwargs={},
        columns_arg_required=False,
        user_meta=to_frame(empty_rows(source, [*source.schema.names, *KEYS])),
        label=f"movielake-{held.table.name}",
        held=held,
    )
    return LakeFrame(expression)


def _numbered(groups: list[FileGroup]) -> list[FileGroup]:
    """Give each row of all groups a number of its own."""
    numbered, first = [], 0
    for group in groups:
        numbered.append(replace(group, starts=tuple(start + first for start in group.starts)))
        if group.files:
            length = group.files[-1].length
            first = numbered[-1].starts[-1] + (_MANY if length is None else length)
    return numbered


class LakeRows(FromMapProjectable):
    """Expression that reads rows of a lake."""

    _parameters = [*FromMapProjectable._parameters, "held"]  # noqa: RUF012  (as in dask)

    def _simplify_up(self, parent: Expr, dependents: Any) -> Expr | None:
        choose_shuffle()  # not before, because a client can start after the frame was made
        check_users(self, dependents)
        whole = self.operand("_partitions") is None
        source: PlainRows = self.operand("args")[0]
        if whole and source.keeps_rows and isinstance(parent, (Len, Lengths)):
            counts = [sum(file.length or 0 for file in group.files) for group in self.groups]
            if all(file.length is not None for group in self.groups for file in group.files):
                return Literal(sum(counts) if isinstance(parent, Len) else tuple(counts))
        if isinstance(parent, Loc) and isinstance(parent.iindexer, Expr):
            return Filter(parent.frame, parent.iindexer)
        if whole and isinstance(parent, Filter):
            return self._pruned(parent, dependents)
        if isinstance(parent, Index):
            few = self.substitute_parameters({"columns": [KEYS[0]], "_series": False})
            index = LakeIndex(few)  # one key is enough to number the rows
            return None if index._name == parent._name else index
        if isinstance(parent, Projection):
            return _as_lake_columns(super()._simplify_up(parent, dependents), parent)
        return None

    def _filter_passthrough_available(self, parent: Any, dependents: Any) -> bool:
        # Until the filter has chosen the files, no choice of columns must come between the two.
        whole = self.operand("_partitions") is None
        return whole and self._pruned(parent, dependents) is not None

    @property
    def groups(self) -> list[FileGroup]:
        """The groups of files. Each group is one partition of the DataFrame."""
        groups: list[FileGroup] = self.operand("iterables")[0]
        return groups

    def only(self, held: Holdings) -> Any:
        """Return the same expression over fewer files.

        Groups keep their positions, even without files, and rows keep their numbers. Other parts
        of a query can depend on both.
        """
        kept = set(held.held(held.kind))
        groups = [group.only([file in kept for file in group.files]) for group in self.groups]
        return self.substitute_parameters({"iterables": [groups], "held": held})

    def _pruned(self, parent: Any, dependents: Any) -> Expr | None:
        """Skip the files from which a filter on the partition keys keeps no row.

        The filter itself stays. It can have other conditions, and comparing the keys is cheap.
        """
        held: Holdings = self.operand("held")
        if parent.frame._name != self._name or not _is_row_by_row(parent):
            return None
        for user in (reference() for reference in dependents[parent._name]):
            if isinstance(user, Filter) and _reads_beside(user.predicate, parent):
                return None  # dask will merge both filters into one
        mask = None
        for term in _terms(parent.predicate):
            if (found := _on_keys(term, held)) is not None:
                mask = found if mask is None else mask & found
        if mask is None or mask.all():
            return None
        return _over(parent, held, held.keep(mask))


class LakeColumns(Projection):
    """Choice of columns of a lake's rows. A filter can still choose the files first."""

    def _simplify_up(self, parent: Expr, dependents: Any) -> Expr | None:
        if isinstance(parent, Loc) and isinstance(parent.iindexer, Expr):
            return Filter(parent.frame, parent.iindexer)
        if isinstance(parent, Filter) and parent.frame._name == self._name:
            pruned = self.frame._pruned(Filter(self.frame, parent.predicate), dependents)
            return pruned if pruned is None else Projection(pruned, self.operand("columns"))
        return super()._simplify_up(parent, dependents)


class LakeIndex(Index):
    """Numbers of a lake's rows, for `len`. A filter can still choose the files first."""

    def _simplify_up(self, parent: Expr, dependents: Any) -> Expr | None:
        if isinstance(parent, Filter) and parent.frame._name == self._name:
            pruned = self.frame._pruned(Filter(self.frame, parent.predicate), dependents)
            return pruned if pruned is None else Index(pruned)
        return super()._simplify_up(parent, dependents)


def _as_lake_columns(simplified: Expr | None, before: Expr) -> Expr | None:
    found = before if simplified is None else simplified
    if type(found) is Projection and isinstance(found.frame, LakeRows):
        return LakeColumns(*found.operands)
    return simplified


def _is_row_by_row(expression: Any) -> bool:
    """Return whether each row depends only on the same row of the lake and on scalars."""
    if not isinstance(expression, Expr) or isinstance(expression, (LakeRows, _DelayedExpr)):
        return True
    if expression.ndim == 0:
        return True
    if isinstance(expression, (Isin, Map)) and not isinstance(expression.operands[1], _DelayedExpr):
        return not isinstance(expression.operands[1], Expr) and _is_row_by_row(expression.frame)
    return isinstance(expression, (Elemwise, Filter)) and all(
        map(_is_row_by_row, expression.operands)
    )


def _reads_beside(expression: Any, other: Any) -> bool:
    """Return whether an expression reads a lake on a path that avoids another expression."""
    if expression._name == other._name:
        return False
    parts = expression.dependencies()
    return isinstance(expression, LakeRows) or any(_reads_beside(part, other) for part in parts)


def _over(expression: Any, before: Holdings, after: Holdings) -> Any:
    """Let a row-by-row expression read fewer files. Scalars, such as a mean, still use all rows."""
    if isinstance(expression, LakeRows):
        same = expression.operand("held").token == before.token
        return expression.only(after) if same else expression
    if not isinstance(expression, Expr) or expression.ndim == 0:
        return expression
    return type(expression)(*(_over(operand, before, after) for operand in expression.operands))


def _terms(predicate: Any) -> list[Any]:
    """Split a filter at each ``&``. Each term alone can skip files."""
    if isinstance(predicate, And):
        return _terms(predicate.left) + _terms(predicate.right)
    return [predicate]


def _on_keys(term: Any, held: Holdings) -> Any:
    """Evaluate a term for each file's partition keys. Return None if it needs other columns."""
    if not isinstance(term, Expr):
        return None
    sources = list(term.find_operations(LakeRows))
    if not sources or any(rows.operand("held").token != held.token for rows in sources):
        return None
    if any(not isinstance(part, (LakeRows, *_CELLWISE)) for part in term.walk()):
        return None
    if any(not _reads_only_keys(term, rows) for rows in sources):
        return None
    keys = _keys(held)
    for rows in sources:
        stand_in = keys[rows.columns[0]] if rows.operand("_series") else keys
        term = term.substitute(rows, stand_in.expr)
    return new_collection(term).compute(scheduler="sync").to_numpy()


def _reads_only_keys(term: Any, rows: Any) -> bool:
    if rows.ndim == 1 or set(rows.columns) <= set(KEYS):
        return set(rows.columns) <= set(KEYS)
    users = [e for e in term.walk() if any(d._name == rows._name for d in e.dependencies())]
    return all(isinstance(e, Projection) and set(e.columns) <= set(KEYS) for e in users)


@lru_cache(maxsize=8)  # dask evaluates a filter several times while it simplifies a query
def _keys(held: Holdings) -> dd.DataFrame:
    keys = pd.DataFrame(
        {
            key: pd.Categorical(
                held.files[key].to_pylist(),
                categories=list(held.categories[key]),
                ordered=key == "date_stamp",
            )
            for key in KEYS
        }
    )
    return dd.from_pandas(keys, npartitions=1, sort=False)
