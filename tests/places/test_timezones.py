"""Local times in UTC, especially in the nights when clocks change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import dask
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tzfpy
from hypothesis import given
from hypothesis import strategies as st

from movielake import JoinedShowings, ShowingsReader, add_utc, join_showings, to_utc, tz_version

PLACES = {
    "Europe/Berlin": (52.52, 13.40, "deu"),
    "America/New_York": (40.71, -74.01, "usa"),
    "America/Phoenix": (33.45, -112.07, "usa"),
    "Australia/Lord_Howe": (-31.55, 159.08, "aus"),
    "Pacific/Apia": (-13.83, -171.77, "wsm"),
    "Pacific/Chatham": (-43.95, -176.56, "nzl"),
    "Asia/Kolkata": (28.61, 77.21, "ind"),
}


def at(zone: str, local: str) -> str:
    latitude, longitude, country = PLACES[zone]
    (found,) = to_utc([datetime.fromisoformat(local)], [latitude], [longitude], country).to_pylist()
    return f"{found:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Berlin", "2019-12-06 20:15", "2019-12-06 19:15"),
        ("Europe/Berlin", "2020-03-29 01:59", "2020-03-29 00:59"),
        ("Europe/Berlin", "2020-03-29 02:00", "2020-03-29 01:00"),  # skipped: is 03:00
        ("Europe/Berlin", "2020-03-29 02:59", "2020-03-29 01:59"),  # skipped: is 03:59
        ("Europe/Berlin", "2020-03-29 03:00", "2020-03-29 01:00"),
        ("Europe/Berlin", "2020-10-25 01:59", "2020-10-24 23:59"),
        ("Europe/Berlin", "2020-10-25 02:00", "2020-10-25 00:00"),  # twice: the first
        ("Europe/Berlin", "2020-10-25 02:59", "2020-10-25 00:59"),  # twice: the first
        ("Europe/Berlin", "2020-10-25 03:00", "2020-10-25 02:00"),
        ("America/New_York", "2020-03-08 02:30", "2020-03-08 07:30"),
        ("America/New_York", "2020-03-08 03:00", "2020-03-08 07:00"),
        ("America/New_York", "2020-11-01 01:30", "2020-11-01 05:30"),
        ("America/New_York", "2020-11-01 02:00", "2020-11-01 07:00"),
        ("America/Phoenix", "2020-03-08 02:30", "2020-03-08 09:30"),  # no summer time
        ("Australia/Lord_Howe", "2020-04-05 01:29", "2020-04-04 14:29"),
        ("Australia/Lord_Howe", "2020-04-05 01:30", "2020-04-04 14:30"),  # half an hour twice
        ("Australia/Lord_Howe", "2020-04-05 02:00", "2020-04-04 15:30"),
        ("Australia/Lord_Howe", "2020-10-04 01:59", "2020-10-03 15:29"),
        ("Australia/Lord_Howe", "2020-10-04 02:15", "2020-10-03 15:45"),  # skipped: is 02:45
        ("Australia/Lord_Howe", "2020-10-04 02:30", "2020-10-03 15:30"),
        ("Pacific/Apia", "2011-12-29 23:59", "2011-12-30 09:59"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 22:00"),  # no such day: is the 31st
        ("Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00"),
        ("Pacific/Chatham", "2020-04-05 02:44", "2020-04-04 12:59"),
        ("Pacific/Chatham", "2020-04-05 02:45", "2020-04-04 13:00"),
        ("Pacific/Chatham", "2020-04-05 03:45", "2020-04-04 15:00"),
        ("Pacific/Chatham", "2020-09-27 02:45", "2020-09-26 14:00"),  # skipped: is 03:45
        ("Pacific/Chatham", "2020-09-27 03:45", "2020-09-26 14:00"),
        ("Asia/Kolkata", "2020-03-29 02:30", "2020-03-28 21:00"),
    ],
)
def test_utc_of_times_around_clock_changes(zone, local, utc):
    assert at(zone, local) == utc


@given(
    st.sampled_from(sorted(PLACES)),
    st.datetimes(datetime(2005, 1, 1), datetime(2037, 12, 31)).map(
        lambda time: time.replace(second=0, microsecond=0)
    ),
)
def test_the_local_time_of_a_moment_converts_back_to_the_moment(zone, moment):
    """A local time that the clock shows for the second time converts to the first moment."""
    shown = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    latitude, longitude, _ = PLACES[zone]
    (found,) = to_utc([shown.replace(tzinfo=None)], [latitude], [longitude]).to_pylist()
    back = timedelta(minutes=30 if zone == "Australia/Lord_Howe" else 60) * shown.fold
    assert found.replace(tzinfo=None) == moment - back


@given(st.sampled_from(sorted(PLACES)), st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))
def test_utc_follows_the_rules_also_after_2037(zone, local):
    local = local.replace(microsecond=0)
    latitude, longitude, _ = PLACES[zone]
    (found,) = to_utc([local], [latitude], [longitude]).to_pylist()
    with files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
        rules = ZoneInfo.from_file(file)
    assert found == local.replace(tzinfo=rules).astimezone(UTC)


@given(
    st.sampled_from(sorted(tzfpy.timezonenames())),
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
)
def test_a_day_that_begins_and_ends_alike_has_no_change(zone, time):
    """Otherwise `to_utc` could not look up whole days."""
    with files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
        rules = ZoneInfo.from_file(file)
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    offset = rules.utcoffset(day)
    assert rules.utcoffset(time) == offset or rules.utcoffset(day + timedelta(1)) != offset


@pytest.mark.parametrize(
    ("place", "local", "utc"),
    [
        # British Columbia keeps summer time from 2026 on (tz database 2026f).
        ((49.28, -123.12, "can"), "2026-11-27 20:00", "2026-11-28 03:00"),
        # Mexico has had no summer time since October 2022 (tz database 2022f).
        ((19.43, -99.13, "mex"), "2023-07-01 20:00", "2023-07-02 02:00"),
        ((52.52, 13.40, "deu"), "2045-07-01 20:00", "2045-07-01 18:00"),
    ],
    ids=["Vancouver", "Mexico City", "Berlin"],
)
@pytest.mark.parametrize("files_of_the_machine", ["", "old"])
def test_the_rules_come_from_the_package(tmp_path, place, local, utc, files_of_the_machine):
    """The machine's files state UTC+0 for every zone here, and are ignored."""
    for zone in ("America/Vancouver", "America/Mexico_City", "Europe/Berlin"):
        (tmp_path / zone).parent.mkdir(exist_ok=True)
        shutil.copy(files("tzdata").joinpath("zoneinfo", "Etc", "UTC"), tmp_path / zone)
    code = (
        "from datetime import datetime as d; from movielake import to_utc; "
        f"print(to_utc([d.fromisoformat({local!r})], [{place[0]}], [{place[1]}], {place[2]!r})[0])"
    )
    path = str(tmp_path) if files_of_the_machine else ""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONTZPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith(utc)


def test_the_version_of_the_rules_is_that_of_the_package():
    header = files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text("utf-8").splitlines()[0]
    assert header == f"# version {tz_version()}"


def test_a_zone_that_is_newer_than_the_package_is_named(monkeypatch):
    monkeypatch.setattr("movielake.places.timezones.zones_at", lambda *_: np.array(["Mars/Base"]))
    with pytest.raises(ValueError, match=r"zone Mars/Base in tzdata 20\d\d., found"):
        to_utc([datetime(2019, 12, 6)], [1.0], [1.0])


# --- points where zones overlap, and points beside a border


@pytest.mark.parametrize(
    ("latitude", "longitude", "country", "local", "ahead"),
    [
        (32.10, 35.17, "isr", "2023-04-10 20:00", 3),
        (32.10, 35.17, "ISR", "2023-04-10 20:00", 3),
        (32.10, 35.17, "pse", "2023-04-10 20:00", 2),
        (32.10, 35.17, None, "2023-04-10 20:00", None),  # the zones differ on this day
        (32.10, 35.17, None, "2023-07-10 20:00", 3),  # and agree on this one
        (32.10, 35.17, "zzz", "2023-07-10 20:00", 3),
        (28.0, 94.5, "ind", "2019-12-06 20:00", 5.5),
        (28.0, 94.5, "chn", "2019-12-06 20:00", 8),
        (31.75, -106.487, "usa", "2023-01-10 20:00", -7),  # El Paso
        (31.75, -106.487, "mex", "2021-01-10 20:00", -7),  # its neighbour Ciudad Juárez
        (42.008, -8.640, "esp", "2019-12-06 20:00", 1),  # a cinema of Spain on Portugal's bank
        (42.008, -8.640, "prt", "2019-12-06 20:00", 0),
        (42.008, -8.640, None, "2019-12-06 20:00", 0),
    ],
)
def test_a_zone_of_the_country_wins(latitude, longitude, country, local, ahead):
    time = datetime.fromisoformat(local)
    (found,) = to_utc([time], [latitude], [longitude], country and [country]).to_pylist()
    expected = None if ahead is None else time - timedelta(hours=ahead)
    assert (found and found.replace(tzinfo=None)) == expected


# --- points with an unknown time zone


EVENING = datetime(2019, 12, 6, 20, 15)
NIGHT = datetime(2020, 3, 29, 2, 30)


@pytest.mark.parametrize(
    ("latitude", "longitude", "country", "ahead"),
    [
        (None, None, "swe", 1),
        (59.33, None, "swe", 1),
        (0.0, 0.0, "swe", 1),  # in the sea
        (-33.92, 18.42, "swe", 1),  # in Cape Town
        (-33.92, 18.42, None, 2),  # in Cape Town, without a country
        (-33.92, 18.42, "zzz", 2),
        (None, None, "deu", 1),  # Berlin and Büsingen agree
        (None, None, "chn", 8),  # legal time, not that of Xinjiang
        (43.83, 87.62, "chn", 8),
        (None, None, "CHN", 8),
        (None, None, "usa", None),  # several zones that differ
        (None, None, "esp", None),  # the Canary Islands differ from the mainland
        (None, None, "zzz", None),
        (None, None, None, None),
        (0.0, 0.0, None, None),
    ],
)
def test_a_country_stands_in_if_its_zones_agree(latitude, longitude, country, ahead):
    (found,) = to_utc([EVENING], [latitude], [longitude], [country]).to_pylist()
    expected = ahead and EVENING - timedelta(hours=ahead)
    assert (found and found.replace(tzinfo=None)) == expected


def test_without_a_country_a_missing_point_gives_null():
    found = to_utc([EVENING, EVENING], [52.5, None], [13.4, None]).to_pylist()
    assert [time and time.hour for time in found] == [19, None]


def test_one_country_applies_to_all_points():
    found = to_utc([EVENING, NIGHT, None], [None] * 3, [None] * 3, "swe").to_pylist()
    assert [time and time.hour for time in found] == [19, 1, None]


def test_every_row_uses_its_own_zone():
    zones = ["Europe/Berlin", "Asia/Kolkata", "Europe/Berlin", "America/New_York"]
    latitudes, longitudes, countries = zip(*(PLACES[zone] for zone in zones), strict=True)
    times = [EVENING, EVENING, NIGHT, None]
    found = to_utc(times, latitudes, longitudes, countries)
    assert found.type == pa.timestamp("ms", "UTC")
    assert [str(time)[:16] for time in found.to_pylist()] == [
        "2019-12-06 19:15",
        "2019-12-06 14:45",
        "2020-03-29 01:30",
        "None",
    ]


@pytest.mark.parametrize(
    "times",
    [
        np.array(["2019-12-06T20:15"], "datetime64[s]"),
        pa.array([EVENING], pa.timestamp("us")),
        pa.chunked_array([pa.array([EVENING], pa.timestamp("ms"))]),
        pd.Series([EVENING]),
        pd.Series([EVENING], dtype=pd.ArrowDtype(pa.timestamp("ms"))),
    ],
    ids=["numpy", "arrow", "chunks", "pandas", "arrow-pandas"],
)
def test_times_can_be_arrays_of_several_libraries(times):
    assert to_utc(times, [52.5], [13.4]).to_pylist()[0].hour == 19


def test_empty_times_and_nulls_give_empty_times_and_nulls():
    assert to_utc([], [], [], []).to_pylist() == []
    assert to_utc([None], [None], [None], [None]).to_pylist() == [None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([EVENING] * 2, [1.0], [1.0]), "expected 2 points, .* found 1"),
        (([EVENING], [1.0], [1.0], ["deu", "swe"]), "expected 1 countries, .* found 2"),
        (([EVENING.replace(tzinfo=UTC)], [1.0], [1.0]), "without a zone, found timestamp"),
        ((["20:15"], [1.0], [1.0]), "20:15"),
    ],
)
def test_wrong_lengths_and_times_with_a_zone_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        to_utc(*arguments)


def test_time_zones_do_not_come_from_the_operating_system():
    code = (
        "from datetime import datetime; from movielake import to_utc;"
        "print(to_utc([datetime(2019, 12, 6, 20, 15)], [52.5], [13.4])[0].value)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == str(
        int(datetime(2019, 12, 6, 19, 15, tzinfo=UTC).timestamp()) * 1000
    )


# --- the sample's lake


@pytest.fixture
def joined(sample_lake) -> JoinedShowings:
    return JoinedShowings(
        ShowingsReader(str(sample_lake), date_stamps="20191206"),
        movie_columns=[],
        theater_columns=["theater_lat", "theater_lon"],
    )


def hours_ahead(frame: pd.DataFrame) -> dict[str, set[float]]:
    timed = frame.dropna(subset=["starts_at", "starts_at_utc"])
    ahead = timed["starts_at"] - timed["starts_at_utc"].dt.tz_localize(None)
    hours = (ahead.dt.total_seconds() / 3600).groupby(timed["country"].astype(str))
    return {country: set(values.unique()) for country, values in hours}


def test_utc_times_of_a_join(joined):
    with dask.config.set(scheduler="sync"):
        frame = add_utc(joined.dataframe)
        assert "starts_at_utc" in frame.columns
        found = frame.compute()
    assert found["starts_at_utc"].dtype == frame.dtypes["starts_at_utc"]
    assert found["starts_at_utc"].dtype == pd.ArrowDtype(pa.timestamp("ms", "UTC"))
    hours = hours_ahead(found)
    assert hours["deu"] == hours["fra"] == hours["swe"] == {1.0}
    assert (hours["gbr"], hours["nzl"], hours["chn"]) == ({0.0}, {13.0}, {8.0})
    assert {-7.0, -5.0} <= hours["can"] <= {-3.5, -4.0, -5.0, -6.0, -7.0, -8.0}
    # China's feed has no records of theaters. Its screenings still get a UTC time.
    assert found.query("country == 'chn'")["theater_lat"].isna().all()
    of_one_zone = found[found["country"].isin(["chn", "deu", "swe"])]
    assert of_one_zone["starts_at"].notna().equals(of_one_zone["starts_at_utc"].notna())


def test_utc_times_partition_by_partition_in_arrow(joined):
    rows = joined.map_partitions(add_utc)
    assert rows.schema.field("starts_at_utc").type == pa.timestamp("ms", "UTC")
    with dask.config.set(scheduler="sync"):
        same = add_utc(joined.dataframe)["starts_at_utc"].compute()
    assert rows["starts_at_utc"].to_pylist() == pa.array(same).to_pylist()


def test_the_message_names_a_missing_column(sample_lake):
    showings = ShowingsReader(str(sample_lake))
    with pytest.raises(ValueError, match="found no theater_lat, theater_lon; call join_showings"):
        add_utc(join_showings(showings, theater_columns=["theater_name"]))
