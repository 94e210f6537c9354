"""The dask DataFrame of a reader: what `dask.dataframe.from_map` makes, and three things more.

Its length comes from the manifest; a filter on the partition keys leaves out files before anything
is read; and strings stay as they are, so that a choice of columns reaches the files. These
are simplifications of the expression tree, which is where dask lets a source take part.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

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

from movielake.reading.files import KEYS, PlainRows, empty_rows, numbered_rows, to_frame
from movielake.reading.holdings import FileGroup, Holdings

_CELLWISE = (AsType, Between, Binop, FunctionMap, Isin, Literal, Projection, Unaryop, _DelayedExpr)
"""What makes each cell out of the cells beside it, whatever other rows there are."""


def read_group(
    group: FileGroup, source: PlainRows, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a group of files into a data frame: what each task of the DataFrame does."""
    chosen = columns if columns is not None else [*source.schema.names, *KEYS]
    rows, numbers = numbered_rows(source, group, chosen)
    return to_frame(rows).set_axis(pd.Index(numbers), axis="index")


def frame(held: Holdings, groups: list[FileGroup], source: PlainRows) -> dd.DataFrame:
    """Plan a DataFrame of a lake's rows.

    Parameters
    ----------
    held : Holdings
        The files whose rows they are.
    groups : list of FileGroup
        The same files, grouped: one group for each partition of the DataFrame.
    source : PlainRows
        What reads a group.

    Returns
    -------
    dask.dataframe.DataFrame
        Nothing is read yet.
    """
    expression = LakeRows(
        func=read_group,
        iterables=[groups],
        columns=None,
        args=[source],
        kwargs={},
        columns_arg_required=False,
        user_meta=to_frame(empty_rows(source, [*source.schema.names, *KEYS])),
        label=f"movielake-{held.table.name}",
        held=held,
    )
    return new_collection(expression)


class LakeRows(FromMapProjectable):
    """The expression that reads rows of a lake."""

    _parameters = [*FromMapProjectable._parameters, "held"]  # noqa: RUF012  (dask's own way)

    def _simplify_up(self, parent: Expr, dependents: Any) -> Expr | None:
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
            index = LakeIndex(few)  # it takes no column to number rows
            return None if index._name == parent._name else index
        if isinstance(parent, Projection):
            return _as_lake_columns(super()._simplify_up(parent, dependents), parent)
        return None

    def _filter_passthrough_available(self, parent: Any, dependents: Any) -> bool:
        # Until the files are chosen, a choice of columns must not come between them and the filter.
        whole = self.operand("_partitions") is None
        return whole and self._pruned(parent, dependents) is not None

    @property
    def groups(self) -> list[FileGroup]:
        """The groups of files, one for each partition of the DataFrame."""
        groups: list[FileGroup] = self.operand("iterables")[0]
        return groups

    def only(self, held: Holdings) -> Any:
        """Return the same expression over fewer files.

        Groups stay where they are, even without files, and rows keep their numbers, since other
        parts of a query may count on both.
        """
        paths = set(held.paths(held.kind))
        groups = [group.only([file.path in paths for file in group.files]) for group in self.groups]
        return self.substitute_parameters({"iterables": [groups], "held": held})

    def _pruned(self, parent: Any, dependents: Any) -> Expr | None:
        """Leave out the files in which a filter on the partition keys lets nothing through.

        The filter itself stays: it may ask for more, and what it asks of the keys costs little.
        """
        held: Holdings = self.operand("held")
        if parent.frame._name != self._name or not _is_row_by_row(parent):
            return None
        for user in (reference() for reference in dependents[parent._name]):
            if isinstance(user, Filter) and _reads_beside(user.predicate, parent):
                return None  # dask will make one filter of both
        mask = None
        for term in _terms(parent.predicate):
            if (found := _on_keys(term, held)) is not None:
                mask = found if mask is None else mask & found
        if mask is None or mask.all():
            return None
        return _over(parent, held, held.keep(mask))


class LakeColumns(Projection):
    """A choice of columns of a lake's rows that lets a filter choose the files first."""

    def _simplify_up(self, parent: Expr, dependents: Any) -> Expr | None:
        if isinstance(parent, Loc) and isinstance(parent.iindexer, Expr):
            return Filter(parent.frame, parent.iindexer)
        if isinstance(parent, Filter) and parent.frame._name == self._name:
            pruned = self.frame._pruned(Filter(self.frame, parent.predicate), dependents)
            return pruned if pruned is None else Projection(pruned, self.operand("columns"))
        return super()._simplify_up(parent, dependents)


class LakeIndex(Index):
    """The numbers of a lake's rows, as `len` asks for; they let a filter choose the files first."""

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
    """Tell whether each row depends on nothing but the same row of what is read, and on numbers."""
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
    """Tell whether an expression reads a lake in another way than through another expression."""
    if expression._name == other._name:
        return False
    parts = expression.dependencies()
    return isinstance(expression, LakeRows) or any(_reads_beside(part, other) for part in parts)


def _over(expression: Any, before: Holdings, after: Holdings) -> Any:
    """Let what is row by row read fewer files; numbers, such as a mean, stay those of all rows."""
    if isinstance(expression, LakeRows):
        same = expression.operand("held").token == before.token
        return expression.only(after) if same else expression
    if not isinstance(expression, Expr) or expression.ndim == 0:
        return expression
    return type(expression)(*(_over(operand, before, after) for operand in expression.operands))


def _terms(predicate: Any) -> list[Any]:
    """Split a filter at its ``&``: each term narrows on its own."""
    if isinstance(predicate, And):
        return _terms(predicate.left) + _terms(predicate.right)
    return [predicate]


def _on_keys(term: Any, held: Holdings) -> Any:
    """Evaluate a term over the files' partition keys; None if it asks for anything else."""
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


@lru_cache(maxsize=8)  # a filter is looked at several times while dask simplifies a query
def _keys(held: Holdings) -> dd.DataFrame:
    keys = pd.DataFrame(
        {
            key: pd.Categorical(held.files[key].to_pylist(), categories=list(held.categories[key]))
            for key in KEYS
        }
    )
    return dd.from_pandas(keys, npartitions=1, sort=False)
