"""Keys of tables that are merged with a lake's rows.

In pandas 3.1, a key matches only a key of the same type. dask 2026.8 also turns the dates of a
pandas table into texts. So a table of holidays would match no day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import dask.dataframe as dd
import numpy as np
import pandas as pd

from movielake.dataframes.fitting import fit, kind_of

_TEXT: Final = "string[pyarrow]"

_MATCHING: Final = ("", "number")
"""Kinds of keys that pandas matches with other types, or refuses to match."""


def with_keys(
    left: dd.DataFrame, right: Any, how: str, on: Any, others: dict[str, Any]
) -> tuple[dd.DataFrame, Any]:
    """Give the keys of two tables the same types, before the tables are merged.

    Parameters
    ----------
    left : dask.dataframe.DataFrame
        The rows of a lake.
    right : pandas.DataFrame or dask.dataframe.DataFrame
        The other table. Other objects are returned unchanged.
    how : str
        Which rows are kept, as for `pandas.DataFrame.merge`.
    on : str or list of str, optional
        The keys, as for `pandas.DataFrame.merge`.
    others : dict
        The other arguments of the merge.

    Returns
    -------
    left : dask.dataframe.DataFrame
        The rows. Stamps are texts if the other table keeps rows of its own.
    right : pandas.DataFrame or dask.dataframe.DataFrame
        The other table, with the types of the rows.
    """
    if others.get("right_index") and isinstance(others.get("left_on"), str):
        return left, with_index(right, left.dtypes[others["left_on"]])
    for name, key in _pairs(left, right, on, others):
        if kind_of(left.dtypes[name]) in _MATCHING or right[key].dtype == left.dtypes[name]:
            continue
        if how not in ("inner", "left") and kind_of(left.dtypes[name]) == "stamp":
            left = left.astype({name: _TEXT})  # the other table can have stamps of its own
        dtype = left.dtypes[name]
        if isinstance(right, pd.DataFrame):
            fitted = fit_keys(right[key], dtype)
        else:
            fitted = right[key].map_partitions(fit_keys, dtype, meta=(key, dtype))
        right = right.assign(**{key: fitted})
    return left, right


def with_index(other: Any, dtype: Any) -> Any:
    """Convert the index of a pandas table to the type of the column with which it is joined."""
    if not isinstance(other, pd.DataFrame | pd.Series) or kind_of(dtype) in _MATCHING:
        return other
    return other.set_axis(pd.Index(fit_keys(pd.Series(other.index), dtype), name=other.index.name))


def _pairs(left: Any, right: Any, on: Any, how: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names of the keys in both tables."""
    if not isinstance(right, pd.DataFrame | dd.DataFrame):
        return
    names = (on or how.get("left_on"), on or how.get("right_on"))
    if names == (None, None) and not (how.get("left_index") or how.get("right_index")):
        common = [name for name in left.columns if name in right.columns]
        names = (common, common)
    lists = [each if isinstance(each, list) else [each] for each in names]
    for name, key in zip(*lists, strict=False):
        if isinstance(name, str) and name in left.columns and key in right.columns:
            yield name, key


def fit_keys(keys: pd.Series, dtype: Any) -> pd.Series:
    """Convert the keys of a table to the type of the column with which they are merged.

    Parameters
    ----------
    keys : pandas.Series
        The keys. Texts, dates, timestamps and whole numbers are converted.
    dtype : pandas dtype
        The type of the other column.

    Returns
    -------
    pandas.Series
        The keys with this type. A stamp that the lake does not have is null.

    Raises
    ------
    ValueError
        If a key is not a date or time.

    Examples
    --------
    >>> import datetime
    >>> import pandas as pd, pyarrow as pa
    >>> from movielake.dataframes.keys import fit_keys
    >>> days = pd.Series([datetime.date(2019, 12, 25)])
    >>> fit_keys(days, pd.ArrowDtype(pa.date32())).dtype
    date32[day][pyarrow]
    """
    kind = kind_of(dtype)
    fitted = keys.astype(object).map(lambda key: fit(_as_text(key), kind), na_action="ignore")
    known = fitted.isin(dtype.categories) if kind == "stamp" else fitted.notna()
    return fitted.where(known).astype(dtype)


def needs_fit(found: Any, wanted: Any) -> bool:
    """Return whether keys of one type never match a column of another type.

    Parameters
    ----------
    found : pandas dtype
        The type of the keys.
    wanted : pandas dtype
        The type of the column.

    Returns
    -------
    bool
        False for types that pandas converts itself.

    Examples
    --------
    >>> import pandas as pd, pyarrow as pa
    >>> from movielake.dataframes.keys import needs_fit
    >>> needs_fit(pd.Series(["2019-12-25"]).dtype, pd.ArrowDtype(pa.date32()))
    True
    """
    kind = kind_of(wanted)
    if kind in _MATCHING or found is None or found == wanted:
        return False
    texts = isinstance(found, pd.CategoricalDtype) or pd.api.types.is_string_dtype(found)
    return kind != "stamp" or not texts


def _as_text(key: Any) -> Any:
    return str(key) if isinstance(key, int | np.integer) else key
