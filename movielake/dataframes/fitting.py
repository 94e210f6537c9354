"""Values that fit a column: pandas compares and joins Arrow columns only with exactly their type.

With pandas 3.1, ``show_date >= "2019-12-20"`` raises an error, and ``date_stamp == 20191206`` is
silently false in each row. Here a value of another type becomes the value of the column's type that
it stands for.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

_ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


def kind_of(dtype: Any) -> str:
    """Name the kind of a column whose values people write in several ways.

    Parameters
    ----------
    dtype : pandas dtype
        The type of the column.

    Returns
    -------
    {"date", "time", "timestamp", "stamp", "number", ""}
        ``stamp`` for an ordered categorical of texts, such as ``date_stamp``. Empty for all other
        types.

    Examples
    --------
    >>> import pandas as pd, pyarrow as pa
    >>> from movielake.dataframes.fitting import kind_of
    >>> kind_of(pd.ArrowDtype(pa.date32())), kind_of(pd.ArrowDtype(pa.int32()))
    ('date', 'number')
    """
    if isinstance(dtype, pd.CategoricalDtype):
        texts = dtype.categories is not None and pd.api.types.is_string_dtype(dtype.categories)
        return "stamp" if dtype.ordered and texts else ""
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is None:
        return ""
    if pa.types.is_date(arrow):
        return "date"
    if pa.types.is_timestamp(arrow) and arrow.tz is None:
        return "timestamp"
    if pa.types.is_integer(arrow):
        return "number"
    return "time" if pa.types.is_time(arrow) else ""


def fit(value: Any, kind: str) -> Any:
    """Convert a single value to the type of a column.

    Parameters
    ----------
    value : object
        A value to compare the column with. Other types than text, number, date and time are
        returned unchanged.
    kind : str
        The kind of the column, from `kind_of`.

    Returns
    -------
    object
        The same value in the column's type.

    Raises
    ------
    ValueError
        If a text is not a date, time or number, as the column needs, or if a column of dates is
        compared with a time of day.

    Examples
    --------
    >>> from movielake.dataframes.fitting import fit
    >>> fit("2019-12-20", "date"), fit(20191206, "stamp"), fit("13:20", "time")
    (datetime.date(2019, 12, 20), '20191206', datetime.time(13, 20))
    """
    days = (str, np.datetime64, datetime.date)
    if kind == "date" and isinstance(value, days) and type(value) is not datetime.date:
        return _as_date(value)
    if kind == "timestamp" and isinstance(value, days) and not isinstance(value, pd.Timestamp):
        return _as_timestamp(value)
    if kind == "time" and isinstance(value, str):
        return _as_time(value)
    if kind == "number" and isinstance(value, str):
        return _as_number(value)
    if kind == "stamp":
        return _as_stamp(value)
    return value


def _as_timestamp(value: Any) -> Any:
    try:
        return pd.Timestamp(value)
    except ValueError:
        raise ValueError(f"expected a date such as '2019-12-20', found {value!r}") from None


def _as_date(value: Any) -> Any:
    found = _as_timestamp(value)
    if found is pd.NaT:
        return found
    if found != found.normalize():
        raise ValueError(
            f"expected a date without a time of day, found {value!r}; compare starts_at with it"
        )
    return found.date()


def _as_time(value: str) -> datetime.time:
    try:
        return datetime.time.fromisoformat(value)
    except ValueError:
        raise ValueError(f"expected a time such as '13:20', found {value!r}") from None


def _as_number(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"expected a whole number such as 103200, found {value!r}") from None


def _as_stamp(value: Any) -> Any:
    if isinstance(value, str) and _ISO_DATE.fullmatch(value):
        return value.replace("-", "")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(value)
    is_day = isinstance(value, datetime.date) and value is not pd.NaT
    return value.strftime("%Y%m%d") if is_day else value


def fit_all(values: Any, kind: str) -> Any:
    """Convert the values of a list, set or array like `fit`. Other objects are unchanged."""
    if isinstance(values, list | tuple | set | frozenset | np.ndarray | pd.Series | pd.Index):
        return [fit(value, kind) for value in values]
    return values
