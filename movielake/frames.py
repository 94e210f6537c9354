"""The dask DataFrame of a reader: what `dask.dataframe.from_map` makes, and three things more.

Its length comes from the manifest; a filter on the partition keys leaves out files before anything
is read; and strings stay as they are, so that a choice of columns reaches the files. These
are simplifications of the expression tree, which is where dask lets a source take part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dask.dataframe as dd
import pandas as pd
from dask.dataframe.dask_expr import new_collection
from dask.dataframe.dask_expr._expr import And, Expr, Filter, Lengths, Literal, Projection
from dask.dataframe.dask_expr._reductions import Len
from dask.dataframe.dask_expr.io.io import FromMapProjectable

from movielake.holdings import FileGroup, Holdings
from movielake.reading import KEYS, PlainRows, empty_rows, rows_of_group, to_frame

Plan = Callable[[Holdings], list[FileGroup]]
"""Groups files for reading; must be a value that dask can tokenize."""


def read_group(
    group: FileGroup, source: PlainRows, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a group of files into a data frame: what each task of the DataFrame does."""
    chosen = columns if columns is not None else [*source.schema.names, *KEYS]
    return to_frame(rows_of_group(source, group, chosen))


def frame(held: Holdings, plan: Plan, source: PlainRows) -> dd.DataFrame:
    """Plan a DataFrame of a lake's rows.

    Parameters
    ----------
    held : Holdings
        The files whose rows they are.
    plan : callable
        Groups any part of these files.
    source : PlainRows
        What reads a group.

    Returns
    -------
    dask.dataframe.DataFrame
        Nothing is read yet.
    """
    return new_collection(_expression(held, plan, source))


def _expression(
    held: Holdings, plan: Plan, source: PlainRows, columns: Any = None, series: bool = False
) -> LakeRows:
    return LakeRows(
        func=read_group,
        iterables=[plan(held)],
        columns=columns,
        args=[source],
        kwargs={},
        columns_arg_required=False,
        user_meta=to_frame(empty_rows(source, [*source.schema.names, *KEYS])),
        label=f"movielake-{held.table.name}",
        _series=series,
        held=held,
        plan=plan,
    )


class LakeRows(FromMapProjectable):
    """The expression that reads rows of a lake."""

    _parameters = [*FromMapProjectable._parameters, "held", "plan"]  # noqa: RUF012  (dask's own way)

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

    def of(self, held: Holdings) -> LakeRows:
        """Return the same expression over other files."""
        operands = [self.operand(name) for name in ("columns", "_series")]
        return _expression(held, self.operand("plan"), self.operand("args")[0], *operands)

    def _pruned(self, parent: Any) -> Expr | None:
        """Leave out the files in which a filter on the partition keys lets nothing through.

        The filter itself stays: it may ask for more, and what it asks of the keys costs little.
        """
        held: Holdings = self.operand("held")
        mask = None
        for term in _terms(parent.predicate):
            if (found := _on_keys(term, held)) is not None:
                mask = found if mask is None else mask & found
        if mask is None or mask.all():
            return None
        rest = held.keep(mask)
        pruned: Any = parent
        for rows in parent.find_operations(LakeRows):  # the predicate reads the same files
            if rows.operand("held").token == held.token:
                pruned = pruned.substitute(rows, rows.of(rest))
        return pruned


def _terms(predicate: Any) -> list[Any]:
    """Split a filter at its ``&``: each term narrows on its own."""
    if isinstance(predicate, And):
        return _terms(predicate.left) + _terms(predicate.right)
    return [predicate]


def _on_keys(term: Any, held: Holdings) -> Any:
    """Evaluate a term over the files' partition keys; None if it asks for anything else."""
    sources = list(term.find_operations(LakeRows))
    if not sources or any(rows.operand("held").token != held.token for rows in sources):
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
