"""Findings: all data that a report's page shows."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.analyses.counts import ScreeningCounts
from movielake.lake.overview import measure_tables
from movielake.names.countries import list_unknown, name_of_country
from movielake.names.layout import Selection, Terms
from movielake.places.timezones import tz_version
from movielake.reading.blocks import Current
from movielake.reading.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.report.activity import (
    Activity,
    active_theaters,
    by_partition,
    count_orphans,
    sum_screenings,
)
from movielake.report.coverage import (
    Axes,
    Rectangle,
    choose_index,
    count_screenings,
    damaged_partitions,
    find_axes,
    select_members,
)
from movielake.report.places import SCALE, find_places
from movielake.report.quality import count_problems, count_superseded, list_incidents
from movielake.report.questions import answer_questions
from movielake.version import __version__

Findings = dict[str, Any]

_UNCHECKED: Final = (
    "theaters outside their country are not checked; "
    "to check them, pip install 'movielake[report]' and write the report again"
)

_UNKNOWN: Final = "unknown countries: {}; the places of their theaters are not checked"


def gather_findings(
    lake: str,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    index_stamp: str | None = None,
    current: Current = True,
) -> Findings:
    """Gather all data of a report.

    Parameters
    ----------
    lake, countries, date_stamps, index_stamp, current
        As for `movielake.write_report`.

    Returns
    -------
    dict
        Values that JSON can represent. Lists with one entry per country have the order of
        ``countries``.
    """
    meant: dict[str, Any] = {"countries": countries, "date_stamps": date_stamps}
    showings = ShowingsReader(lake, **meant, current=current)
    members = select_members(showings, Selection(date_stamps, countries))
    axes = find_axes(members)
    movies = MoviesReader(lake, **meant) if _has(members, "movies") else None
    theaters = TheatersReader(lake, **meant) if _has(members, "theaters") else None
    # A wrong stamp must be an error before the slow counts begin.
    in_snapshots = count_screenings(members, axes)
    choose_index(in_snapshots, axes, index_stamp)
    counts = ScreeningCounts(showings, current=showings._rule or False).count_all()
    by_theater = by_partition(counts.by_id("theaters"), axes)
    places = find_places(theaters, by_theater, axes)
    notes = _notes(axes, places)
    return {
        # Only the name: a reader of the report must not see the path of the lake.
        "lake": showings._held.folder.url.rstrip("/").rpartition("/")[2],
        "version": __version__,
        "zones": _zones(notes),
        "written": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "aggregate": False,
        "current": showings._rule,
        "stamps": list(axes.date_stamps),
        "countries": [{"code": code, "name": name_of_country(code)} for code in axes.countries],
        "tables": [asdict(size) for size in measure_tables(members)],
        "damaged": damaged_partitions(members, axes),
        "problems": count_problems(members, axes),
        "incidents": list_incidents(members, axes),
        **_activity(showings, by_theater, in_snapshots, axes, index_stamp),
        **answer_questions(counts, movies, axes),
        "orphans": {
            name[:-1]: count_orphans(counts.by_id(name), axes) if reader else None
            for name, reader in (("movies", movies), ("theaters", theaters))
        },
        "places": places,
        "scale": SCALE,
        "notes": notes,
    }


def _zones(notes: list[str]) -> str | None:
    """Return the version of the tz database that checked the places. None if none did."""
    return None if _UNCHECKED in notes else tz_version()


def _notes(axes: Axes, places: list[dict[str, Any]]) -> list[str]:
    """List what could not be checked."""
    unknown = list_unknown(axes.countries)
    pairs = zip(axes.countries, places, strict=True)
    unchecked = any(place["outside"] is None for code, place in pairs if code not in unknown)
    notes = [_UNCHECKED] if unchecked else []
    if unknown:
        notes.append(_UNKNOWN.format(", ".join(unknown)))
    return notes


def _activity(
    showings: ShowingsReader,
    by_theater: Activity,
    in_snapshots: Rectangle,
    axes: Axes,
    index_stamp: str | None,
) -> Findings:
    screenings = sum_screenings(by_theater, in_snapshots)
    return {
        "index": choose_index(screenings, axes, index_stamp),
        "screenings": screenings,
        "superseded": count_superseded(showings, in_snapshots, screenings, axes),
        "theaters": active_theaters(by_theater, in_snapshots),
    }


def _has(members: pa.Table, table: str) -> bool:
    return bool(pc.any(pc.equal(members["table"], table)).as_py())
