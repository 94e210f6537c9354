"""The dask DataFrame of a reader: what `dask.dataframe.from_map` makes, and three things more.

Its length comes from the manifest; a filter on the partition keys leaves out files before anything
is read; and strings stay as they are, so that a choice of columns reaches the files. These
are simplifications of the expression tree, which is where dask lets a source take part.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    Expr,
    Filter,
    Isin,
    Lengths,
    Literal,
    Projection,
    Unaryop,
    _DelayedExpr,
)
from dask.dataframe.dask_expr._reductions import Len
from dask.dataframe.dask_expr.io.io import FromMapProjectable

from movielake.holdings import FileGroup, Holdings
from movielake.reading import KEYS, PlainRows, empty_rows, numbered_rows, to_frame

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
            counts = [sum(file.count or 0 for file in group.files) for group in self.groups]
            if all(file.count is not None for group in self.groups for file in group.files):
                return Literal(sum(counts) if isinstance(parent, Len) else tuple(counts))
        if whole and isinstance(parent, Filter):
            return self._pruned(parent)
        if isinstance(parent, Projection):
            return super()._simplify_up(parent, dependents)
        return None

    def _filter_passthrough_available(self, parent: Any, dependents: Any) -> bool:
        # Until the files are chosen, a choice of columns must not come between them and the filter.
        return self.operand("_partitions") is None and self._pruned(parent) is not None

    @property
    def groups(self) -> list[FileGroup]:
        """The groups of files, one for each partition of the DataFrame."""
        groups: list[FileGroup] = self.operand("iterables")[0]
        return groups

    def only(self, held: Holdings) -> Expr:
        """Return the same expression over fewer files.

        Groups stay where they are, even without files, and rows keep their numbers, since other
        parts of a query may count on both.
        """
        paths = set(held.paths(held.kind))
        groups = [group.only([file.path in paths for file in group.files]) for group in self.groups]
        return self.substitute_parameters({"iterables": [groups], "held": held})

    def _pruned(self, parent: Any) -> Expr | None:
        """Leave out the files in which a filter on the partition keys lets nothing through.

        The filter itself stays: it may ask for more, and what it asks of the keys costs little.
        """
        held: Holdings = self.operand("held")
        if parent.frame._name != self._name:
            return None
        mask = None
        for term in _terms(parent.predicate):
            if (found := _on_keys(term, held)) is not None:
                mask = found if mask is None else mask & found
        if mask is None or mask.all():
            return None
        return _over(parent, held, held.keep(mask))


def _over(expression: Any, before: Holdings, after: Holdings) -> Any:
    """Let an expression read fewer files, but for what in it depends on other rows."""
    if isinstance(expression, LakeRows):
        same = expression.operand("held").token == before.token
        return expression.only(after) if same else expression
    if not isinstance(expression, (Filter, *_CELLWISE)):
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


def _keys(held: Holdings) -> dd.DataFrame:
    keys = pd.DataFrame(
        {
            key: pd.Categorical(held.files[key].to_pylist(), categories=list(held.categories[key]))
            for key in KEYS
        }
    )
    return dd.from_pandas(keys, npartitions=1, sort=False)
