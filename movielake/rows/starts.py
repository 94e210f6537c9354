"""Starts: the local date and time when a screening starts."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_LAST_DAY: Final = 2_932_896
"""9999-12-31, in days since 1970."""


def combine_start(dates: pa.Array, times: pa.Array, days: pa.Array | None = None) -> pa.Array:
    """Combine dates and times of day to local timestamps, null where either is null.

    A timestamp after the year 9999 is null too, because few programs can read it.

    Parameters
    ----------
    dates : pa.Array of date32
        The show_dates.
    times : pa.Array of time64
        Times of day in microseconds.
    days : pa.Array of integers, optional
        Days from each show_date to the day of its time. Default: 0.

    Returns
    -------
    pa.Array of timestamps
    """
    milliseconds = pc.cast(pc.cast(times, pa.time32("ms")), pa.int32())
    since_midnight = pc.cast(pc.cast(milliseconds, pa.int64()), pa.duration("ms"))
    if days is not None:
        numbers = pc.add(pc.cast(dates, pa.int32()), days)
        numbers = pc.if_else(pc.less_equal(numbers, _LAST_DAY), numbers, None)
        dates = pc.cast(numbers, pa.date32())
    return pc.add(pc.cast(dates, pa.timestamp("ms")), since_midnight)
