"""Hours: at which time of the week cinemas show films."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from movielake.analyses.counts import SELECTION, ScreeningCounts, counts_of
from movielake.names.layout import Terms
from movielake.reading.blocks import Current
from movielake.reading.readers import ShowingsReader
from movielake.reading.views import insert_into_docstring


@insert_into_docstring(SELECTION)
def day_profile(
    lake: str | ShowingsReader | ScreeningCounts,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: Current = True,
) -> pa.Table:
    """Count the screenings of each country by weekday and hour.

    Returns
    -------
    pa.Table
        168 rows for each country with screenings, sorted: ``country`` (string), ``weekday`` (int8,
        Monday is 1 and Sunday is 7), ``hour`` (int8, 0 to 23), ``screenings`` (int64) and ``share``
        (double, of the country's screenings).

    Notes
    -----
    The weekday is that of ``show_date`` and the hour is that of ``show_time``, both local. A
    screening at 00:30 counts on the date that the feed gives it, which can be the evening before.
    Screenings without a date are not counted. The definition is ours.

    Examples
    --------
    >>> from movielake import day_profile
    >>> profile = day_profile("lake", countries="deu")
    >>> profile.num_rows, max(profile.to_pylist(), key=lambda row: row["screenings"])["hour"]
    (168, 18)
    """
    parts = counts_of(lake, countries=countries, date_stamps=date_stamps, current=current).by_hour
    parts = [part for part in parts if part.hours.any()]
    grids = [part.hours.ravel() for part in parts]
    names, cells = pa.array([part.country for part in parts], pa.string()), np.arange(7 * 24)
    empty = np.zeros(0, np.int64)
    return pa.table(
        {
            "country": names.take(pa.array(np.repeat(np.arange(len(parts)), len(cells)))),
            "weekday": pa.array(np.tile(cells // 24 + 1, len(parts)).astype(np.int8)),
            "hour": pa.array(np.tile(cells % 24, len(parts)).astype(np.int8)),
            "screenings": pa.array(np.concatenate([empty, *grids])),
            "share": pa.array(np.concatenate([empty / 1.0, *(g / g.sum() for g in grids)])),
        }
    )
