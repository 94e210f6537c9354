"""Habits of pandas that fail on Arrow columns, made to work on the DataFrame of a lake.

dask makes results with its own classes. `LakeFrame` and `LakeSeries` convert those that keep the
columns. `movielake.dataframes.checks` guards the others. docs/pandas-habits.md lists the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.dataframe.dask_expr._datetime import DatetimeAccessor

from movielake.cluster.workers import choose_shuffle
from movielake.dataframes.alignment import aligned
from movielake.dataframes.columns import Lists, Times, as_text, in_numpy, is_nested
from movielake.dataframes.describing import (
    QUARTILES,
    describe,
    in_order,
    pivoted,
    quantiles,
    sorted_counts,
)
from movielake.dataframes.fitting import fit, fit_all, kind_of
from movielake.dataframes.keys import with_index, with_keys
from movielake.dataframes.queries import as_filter
from movielake.dataframes.saving import write_parquet

_LISTS: Final[Any] = Lists  # dask has no types here
_TEXT: Final = "string[pyarrow]"
_FLOAT: Final = "double[pyarrow]"


def ours(found: Any) -> Any:
    """Return a dask DataFrame or Series as `LakeFrame` or `LakeSeries`. Others are unchanged."""
    make = _OURS.get(type(found))
    return found if make is None else make(found.expr)


def _kept(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of dask return our classes."""

    @wraps(method)
    def keep(*args: Any, **kwargs: Any) -> Any:
        return ours(method(*args, **kwargs))

    return keep


def _keeping(*names: str) -> Callable[[type], type]:
    """Let these methods of a class return our classes."""

    def decorate(cls: type) -> type:
        for name in names:
            setattr(cls, name, _kept(getattr(cls, name)))
        return cls

    return decorate


class _Located:
    """The indexer ``loc``, with results in our classes."""

    def __init__(self, indexer: Any) -> None:
        self._indexer = indexer

    def __getitem__(self, key: Any) -> Any:
        return ours(self._indexer[key])


@_keeping(
    *("__getitem__", "apply", "astype", "clip", "copy", "drop_duplicates", "dropna", "explode"),
    *("fillna", "map", "mask", "persist", "rename", "repartition", "replace", "reset_index"),
    *("sample", "to_frame", "where"),
)
class LakeSeries(dd.Series):
    """A column of a `LakeFrame`."""

    __hash__ = dd.Series.__hash__
    notna = dd.Series.notnull

    def _compared(self, operation: str, other: Any) -> Any:
        kind = kind_of(self.dtype)
        value = fit(other, kind)
        series = self
        if kind == "stamp" and operation not in ("eq", "ne") and self._is_unknown(value):
            series = self.astype(_TEXT)  # pandas orders a categorical only by its categories
        return ours(getattr(dd.Series, f"__{operation}__")(series, value))

    def _is_unknown(self, *values: Any) -> bool:
        return any(isinstance(v, str) and v not in self.dtype.categories for v in values)

    def __eq__(self, other: object) -> Any:
        return self._compared("eq", other)

    def __ne__(self, other: object) -> Any:
        return self._compared("ne", other)

    def __lt__(self, other: Any) -> Any:
        return self._compared("lt", other)

    def __le__(self, other: Any) -> Any:
        return self._compared("le", other)

    def __gt__(self, other: Any) -> Any:
        return self._compared("gt", other)

    def __ge__(self, other: Any) -> Any:
        return self._compared("ge", other)

    def between(self, left: Any, right: Any, inclusive: str = "both") -> Any:
        """Compare like pandas. Dates can be texts."""
        kind = kind_of(self.dtype)
        ends = fit(left, kind), fit(right, kind)
        unknown = kind == "stamp" and self._is_unknown(*ends)
        series = self.astype(_TEXT) if unknown else self
        return dd.Series.between(series, *ends, inclusive)

    def isin(self, values: Any) -> Any:
        """Compare like pandas. Dates can be texts."""
        return super().isin(fit_all(values, kind_of(self.dtype)))

    @property
    def dt(self) -> Any:
        """The parts of dates and times. Columns of times have hour, minute and second."""
        return Times(self) if kind_of(self.dtype) == "time" else DatetimeAccessor(self)

    @property
    def list(self) -> Any:
        """The accessor of lists, as in pandas."""
        return _LISTS(self)

    def value_counts(self, sort: Any = True, ascending: Any = False, **kwargs: Any) -> Any:
        """Count like pandas, with the most frequent value first."""
        counts = super().value_counts(sort=False, ascending=ascending, **kwargs)
        if not sort:
            return counts
        whole = counts.repartition(npartitions=1)
        return whole.map_partitions(sorted_counts, ascending, meta=counts._meta)

    def describe(self, *args: Any, percentiles: Any = None, **kwargs: Any) -> Any:
        """Describe like pandas. Quantiles are exact."""
        if not self._is_counted():
            return super().describe(*args, **kwargs)
        dtype = _FLOAT if pd.api.types.is_numeric_dtype(self.dtype) else object
        qs = sorted(QUARTILES if percentiles is None else percentiles)
        return self._of_counts(describe, qs, dtype)

    def quantile(self, q: Any = 0.5, *args: Any, **kwargs: Any) -> Any:
        """Compute exact quantiles."""
        if not self._is_counted():
            return dd.Series.quantile(self, q, *args, **kwargs)
        dtype = _FLOAT if pd.api.types.is_numeric_dtype(self.dtype) else self.dtype
        found = self._of_counts(quantiles, [q] if np.isscalar(q) else list(q), dtype)
        return found.max() if np.isscalar(q) else found

    def median(self) -> Any:
        """Compute the exact median."""
        return self.quantile(0.5)

    def _is_counted(self) -> bool:
        types = pd.api.types
        number = types.is_numeric_dtype(self.dtype) and not types.is_bool_dtype(self.dtype)
        found = number or kind_of(self.dtype) in ("date", "timestamp")
        return isinstance(self.dtype, pd.ArrowDtype) and found

    def _of_counts(self, function: Callable[..., pd.Series], qs: Any, dtype: Any) -> Any:
        """Apply a function to the counts of all values, which come into one partition."""
        counts = self.value_counts(sort=False).repartition(npartitions=1)
        return counts.map_partitions(function, qs, self.name, dtype, meta=(self.name, dtype))

    def groupby(self, by: Any, **kwargs: Any) -> Any:
        """Group like pandas, without rows whose key is null."""
        return super().groupby(by, **{"dropna": True, **kwargs})


@_keeping(
    *("__getattr__", "__getitem__", "astype", "clip", "copy", "drop", "dropna", "eval", "explode"),
    *("get_partition", "map_partitions", "mask", "nlargest", "nsmallest", "persist"),
    *("rename", "repartition", "reset_index", "sample", "select_dtypes", "shuffle", "where"),
)
class LakeFrame(dd.DataFrame):
    """A dask DataFrame of a lake's rows.

    It is a `dask.dataframe.DataFrame`. In addition, habits of pandas work that plain dask refuses
    on Arrow columns, or answers wrongly.
    """

    def __reduce__(self) -> Any:
        return LakeFrame, (self.expr,)

    def notna(self) -> Any:
        """Return whether each cell has a value."""
        return self.notnull()

    @property
    def loc(self) -> Any:
        """The indexer by label, as in dask."""
        return _Located(super().loc)

    @property
    def partitions(self) -> Any:
        """The indexer of partitions, as in dask."""
        return _Located(super().partitions)

    def assign(self, **pairs: Any) -> Any:
        """Assign columns like pandas: values are aligned with the rows."""
        result: Any = self
        for name, value in pairs.items():
            value = value(result) if callable(value) else value
            result = ours(dd.DataFrame.assign(result, **{name: aligned(result, value)}))
        return result

    def fillna(self, value: Any = None, axis: Any = None) -> Any:
        """Fill nulls like pandas. A dict has a value for each column."""
        if isinstance(value, dict) and axis in (None, 0):
            known = {name: fill for name, fill in value.items() if name in self.columns}
            return self.assign(**{name: self[name].fillna(fill) for name, fill in known.items()})
        return ours(super().fillna(value, axis))

    def replace(self, to_replace: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Replace values like pandas. A dict of dicts has the values for each column."""
        if isinstance(to_replace, dict) and all(isinstance(v, dict) for v in to_replace.values()):
            known = {name: each for name, each in to_replace.items() if name in self.columns}
            return self.assign(**{name: self[name].replace(each) for name, each in known.items()})
        return ours(super().replace(to_replace, *args, **kwargs))

    def query(self, expr: str, **kwargs: Any) -> Any:
        """Filter like pandas. A simple text on the keys skips files."""
        kept = as_filter(expr, self)
        return ours(dd.DataFrame.query(self, expr, **kwargs)) if kept is None else self[kept]

    def groupby(self, by: Any, *args: Any, **kwargs: Any) -> Any:
        """Group like pandas, without rows whose key is null."""
        if len(args) < 4 and kwargs.get("dropna") is None:
            kwargs["dropna"] = True
        return super().groupby(by, *args, **kwargs)

    def merge(
        self, right: Any, how: Any = "inner", on: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Merge like pandas. The keys of the other table are converted to our types."""
        places = ("left_on", "right_on", "left_index", "right_index")
        named = {**dict(zip(places, args, strict=False)), **kwargs}
        left, right = with_keys(self, right, how, on, named)
        return ours(dd.DataFrame.merge(left, right, how, on, *args, **kwargs))

    def join(self, other: Any, on: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Join like pandas. The index of the other table is converted to the type of the key."""
        fitted = with_index(other, self.dtypes[on]) if isinstance(on, str) else other
        return ours(super().join(fitted, on, *args, **kwargs))

    def describe(self, *args: Any, **kwargs: Any) -> Any:
        """Describe like pandas. Quantiles are exact."""
        return super().describe(*args, **kwargs).map_partitions(in_order)

    def pivot_table(
        self, index: Any = None, columns: Any = None, values: Any = None, aggfunc: Any = "mean"
    ) -> Any:
        """Pivot like pandas: without values that do not occur, and with nulls in empty cells."""
        found = dd.DataFrame.pivot_table(self, index, columns, values, aggfunc)
        if not isinstance(values, str):
            return found
        groups = self.groupby([index, columns], observed=True)[values]
        cells = getattr(groups, aggfunc)().repartition(npartitions=1)
        return cells.map_partitions(pivoted, meta=found._meta, enforce_metadata=False)

    def set_index(self, other: Any, *args: Any, **kwargs: Any) -> Any:
        """Set the index like dask. An index of timestamps becomes a DatetimeIndex."""
        is_moment = isinstance(other, str) and kind_of(self.dtypes.get(other)) == "timestamp"
        frame = self._sortable(other) if is_moment else self
        found = dd.DataFrame.set_index(frame, other, *args, **kwargs)
        if is_moment and self.npartitions == 1 and not (args or kwargs):
            found = found.compute_current_divisions(set_divisions=True)  # resample needs them
        return ours(found)

    def sort_values(self, by: Any, *args: Any, **kwargs: Any) -> Any:
        """Sort like pandas."""
        names = [by] if isinstance(by, str) else list(by)
        times = [name for name in names if kind_of(self.dtypes.get(name)) == "timestamp"]
        found = dd.DataFrame.sort_values(self._sortable(*times), by, *args, **kwargs)
        return ours(found.astype({name: self.dtypes[name] for name in times}))

    def _sortable(self, *names: str) -> Any:
        return self.assign(**{name: in_numpy(self[name]) for name in names})

    def drop_duplicates(self, subset: Any = None, **kwargs: Any) -> Any:
        """Drop duplicates like pandas, also of rows with lists."""
        choose_shuffle()  # dask chooses how to move rows now, and not when it computes
        names = self.columns if subset is None else [subset] if isinstance(subset, str) else subset
        nested = [name for name in names if is_nested(self.dtypes.get(name))]
        if not nested:
            return ours(super().drop_duplicates(subset=subset, **kwargs))
        texts = {f"{name} as text": as_text(self[name]) for name in nested}
        keys = [*(name for name in names if name not in nested), *texts]
        distinct = dd.DataFrame.drop_duplicates(self.assign(**texts), subset=keys, **kwargs)
        return ours(distinct[list(self.columns)])

    def to_parquet(self, path: Any, **kwargs: Any) -> Any:
        """Write Parquet that every engine reads, as `write_parquet`. Other options are dask's."""
        if kwargs.keys() - {"partition_on", "overwrite", "write_index"}:
            return dd.DataFrame.to_parquet(self, path, **kwargs)
        plain = kwargs.pop("write_index", True) is False and self.index.name is not None
        return write_parquet(self.reset_index(drop=True) if plain else self, path, **kwargs)

    def to_json(self, filename: Any, *args: Any, **kwargs: Any) -> Any:
        """Write JSON like dask. Dates are texts such as 2019-12-20."""
        dates = [name for name, dtype in self.dtypes.items() if kind_of(dtype) == "date"]
        return dd.DataFrame.to_json(
            self.astype(dict.fromkeys(dates, _TEXT)), filename, *args, **kwargs
        )


_OURS: Final[dict[type, Any]] = {dd.DataFrame: LakeFrame, dd.Series: LakeSeries}
