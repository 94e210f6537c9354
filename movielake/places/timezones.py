"""Time zones: local times of screenings in UTC, by the position of the theater."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from movielake.places.geography import as_array, as_codes, is_outside, timezone_at, zones_of

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

_NEEDED: Final = ("starts_at", "theater_lat", "theater_lon", "country")
_ADDED: Final = "starts_at_utc"
_UTC: Final = pa.timestamp("ms", tz="UTC")
_NEVER: Final = np.datetime64("NaT", "ms")

Times = npt.NDArray[Any]


def to_utc(starts_at: Any, latitude: Any, longitude: Any, country: Any = None) -> pa.TimestampArray:
    """Convert local times at points to UTC.

    Parameters
    ----------
    starts_at : array-like of timestamps
        Local times without a zone. Lists, or arrays of numpy, pandas or Arrow.
    latitude, longitude : array-like of float
        Points in degrees, positive to the north and east.
    country : array-like of str, or str, optional
        Code of each point's country as in the feed, or one code for all points. The country
        replaces coordinates that are missing, in the open sea, or outside of the country (see
        `is_outside`). It needs one time zone, or several zones that agree at this time.

    Returns
    -------
    pyarrow.TimestampArray
        Milliseconds, zone UTC. Null if the time is missing or its zone is unknown.

    Raises
    ------
    ValueError
        If the arrays differ in length, or the times already have a zone.
    ModuleNotFoundError
        If the extra ``geo`` is not installed.

    Notes
    -----
    When clocks go back, some local times occur twice. They count as the first of the two. When
    clocks go forward, some local times are skipped. They are read with the offset from before the
    change: in a night without the hour from 2 to 3, 02:30 is 03:30.

    Examples
    --------
    >>> from datetime import datetime
    >>> from movielake import to_utc
    >>> evening = datetime(2019, 12, 6, 20, 15)
    >>> nations = ["deu", "usa", "swe"]
    >>> for utc in to_utc([evening] * 3, [52.5, 40.7, None], [13.4, -74.0, None], nations):
    ...     print(utc)
    2019-12-06 19:15:00+00:00
    2019-12-07 01:15:00+00:00
    2019-12-06 19:15:00+00:00
    """
    local = _local(starts_at)
    zones = timezone_at(latitude, longitude).fill_null("").to_numpy(zero_copy_only=False)
    if len(zones) != len(local):
        raise ValueError(f"expected {len(local)} points, one per time, found {len(zones)}")
    found = np.full(len(local), _NEVER)
    if country is not None:
        codes = as_codes(country, len(local))
        zones[is_outside(latitude, longitude, codes)] = ""
        for code in set(codes[zones == ""]):
            rows = np.flatnonzero((codes == code) & (zones == ""))
            found[rows] = _agreed(local[rows], zones_of(code))
    for zone in set(zones) - {""}:
        rows = np.flatnonzero(zones == zone)
        found[rows] = _agreed(local[rows], [zone])
    return pa.array(found, _UTC)


def add_utc(joined: Any) -> Any:
    """Add the column ``starts_at_utc`` to showings that are joined with their theaters.

    Parameters
    ----------
    joined : dask.dataframe.DataFrame, pandas.DataFrame or pyarrow.Table
        Rows with the columns ``starts_at``, ``theater_lat``, ``theater_lon`` and ``country``, as
        from `join_showings`.

    Returns
    -------
    dask.dataframe.DataFrame, pandas.DataFrame or pyarrow.Table
        The same rows with a timestamp in milliseconds, zone UTC. `to_utc` describes its values and
        when they are null.

    Raises
    ------
    ValueError
        If a column is missing.
    ModuleNotFoundError
        If the extra ``geo`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from movielake import ShowingsReader, add_utc, convert, join_showings
    >>> from movielake.sample import write_sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_sample(f"{folder}/feed", weeks=1, countries=["deu"], scale=0.02)
    ...     _ = convert(f"{folder}/feed", f"{folder}/lake", workers=1)
    ...     showings = ShowingsReader(f"{folder}/lake")
    ...     joined = join_showings(showings, theater_columns=["theater_lat", "theater_lon"])
    ...     times = add_utc(joined)[["starts_at", "starts_at_utc"]].dropna().compute()
    >>> ahead = times["starts_at"] - times["starts_at_utc"].dt.tz_localize(None)
    >>> set(ahead.dt.total_seconds() / 3600)
    {1.0}
    """
    names = list(joined.column_names if isinstance(joined, pa.Table) else joined.columns)
    if missing := [name for name in _NEEDED if name not in names]:
        raise ValueError(
            f"expected the columns {', '.join(_NEEDED)}, found no {', '.join(missing)}; call "
            "join_showings with theater_columns=['theater_lat', 'theater_lon']"
        )
    if isinstance(joined, pa.Table):
        return joined.append_column(_ADDED, to_utc(*(joined[name] for name in _NEEDED)))
    if hasattr(joined, "map_partitions"):
        return _add_to_dask(joined)
    return _add_to_frame(joined)


def _add_to_dask(joined: dd.DataFrame) -> dd.DataFrame:
    added: dd.DataFrame = joined.map_partitions(_add_to_frame, meta=_add_to_frame(joined._meta))
    return added


def _add_to_frame(joined: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    utc = pd.array(to_utc(*(joined[name] for name in _NEEDED)), pd.ArrowDtype(_UTC))
    return joined.assign(**{_ADDED: utc})


def _local(starts_at: Any) -> Times:
    listed = as_array(starts_at)
    if getattr(listed.type, "tz", None):
        raise ValueError(f"expected local times without a zone, found {listed.type}")
    times: Times = listed.cast(pa.timestamp("ms")).to_numpy(zero_copy_only=False)
    return times


def _agreed(local: Times, zones: list[str]) -> Times:
    """Convert local times to UTC if all these zones give the same result. NaT if they differ."""
    times, which = np.unique(local, return_inverse=True)
    utc: Times = np.full(len(times), _NEVER)
    for number, zone in enumerate(zones):
        found = times - _ahead(times, ZoneInfo(zone))
        utc = np.where(found == utc, utc, _NEVER) if number else found
    return utc[which]


def _ahead(local: Times, zone: ZoneInfo) -> npt.NDArray[np.timedelta64]:
    """Return how far each local time is ahead of UTC (PEP 495, fold 0)."""
    ahead = [None if time is None else zone.utcoffset(time) for time in local.tolist()]
    return np.array(ahead, "timedelta64[ms]")
