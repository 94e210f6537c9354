"""Time zones: local times of screenings in UTC, by the position of the theater."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from movielake.places.geography import (
    as_array,
    as_codes,
    is_outside,
    zones_at,
    zones_of,
)
from movielake.places.outlines import require_package

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

_NEEDED: Final = ("starts_at", "theater_lat", "theater_lon", "country")
_ADDED: Final = "starts_at_utc"
_UTC: Final = pa.timestamp("ms", tz="UTC")
_NEVER: Final = np.datetime64("NaT", "ms")
_DAY: Final = np.timedelta64(1, "D")

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
        `is_outside`). It needs one time zone, or several zones that agree at this time. It also
        decides where zones overlap and beside a border: a zone of the country wins.

    Returns
    -------
    pyarrow.TimestampArray
        Milliseconds, zone UTC. Null if the time is missing, if its zone is unknown, or if several
        zones overlap at the point, no country is given, and the zones do not agree.

    Raises
    ------
    ValueError
        If the arrays differ in length, the times already have a zone, or the package tzdata is too
        old for a zone.
    ModuleNotFoundError
        If the extra ``geo`` is not installed.

    Notes
    -----
    The rules come from the package tzdata, never from the files of the machine, which are often
    years older on a cluster. `tz_version` returns the version. The rules also hold after 2037,
    where Arrow's own functions know no daylight saving time.

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
    codes = None if country is None else as_codes(country, len(local))
    zones = zones_at(latitude, longitude, codes)
    if len(zones) != len(local):
        raise ValueError(f"expected {len(local)} points, one per time, found {len(zones)}")
    if codes is not None:
        unknown = is_outside(latitude, longitude, codes) | (zones == "")
        for code in set(codes[unknown]):
            zones[unknown & (codes == code)] = " ".join(zones_of(code))
    found = np.full(len(local), _NEVER)
    for names in set(zones) - {""}:
        rows = np.flatnonzero(zones == names)
        found[rows] = _agreed(local[rows], names.split())
    return pa.array(found, _UTC)


def tz_version() -> str:
    """Return the version of the tz database that `to_utc` and `add_utc` use.

    Governments change the rules at short notice, so a UTC time of the future can change with a
    newer version. ``pip install --upgrade tzdata`` installs the newest.

    Returns
    -------
    str
        A year and a letter, such as ``2026f``.

    Raises
    ------
    ModuleNotFoundError
        If the extra ``geo`` is not installed.

    Examples
    --------
    >>> from movielake import tz_version
    >>> tz_version() >= "2026f"
    True
    """
    version: str = require_package("tzdata").IANA_VERSION
    return version


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
    utc: Times = np.full(len(local), _NEVER)
    for number, zone in enumerate(zones):
        found = local - _ahead(local, _read_zone(zone))
        utc = np.where(found == utc, utc, _NEVER) if number else found
    return utc


@cache
def _read_zone(name: str) -> ZoneInfo:
    """Read a zone from the package tzdata. ``ZoneInfo(name)`` would prefer the machine's files."""
    require_package("tzdata")
    path = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except FileNotFoundError as error:
        raise ValueError(
            f"expected the time zone {name} in tzdata {tz_version()}, found no such zone; install "
            "a newer one with: pip install --upgrade tzdata"
        ) from error


def _ahead(local: Times, zone: ZoneInfo) -> Times:
    """Return how far each local time is ahead of UTC (PEP 495, fold 0).

    Most days begin and end with the same offset, and then all their times have it. Only the times
    of the few other days are looked up one by one.
    """
    days, which = np.unique(local.astype("datetime64[D]"), return_inverse=True)
    first, last = _offsets(days, zone), _offsets(days + _DAY, zone)
    ahead: Times = first[which]
    changing = (first != last)[which] & ~np.isnat(local)
    times, again = np.unique(local[changing], return_inverse=True)
    ahead[changing] = _offsets(times, zone)[again]
    return ahead


def _offsets(local: Times, zone: ZoneInfo) -> Times:
    times = local.astype("datetime64[ms]").tolist()
    ahead = [None if time is None else zone.utcoffset(time) for time in times]
    return np.array(ahead, "timedelta64[ms]")
