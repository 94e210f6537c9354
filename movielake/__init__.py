"""movielake: a Parquet data lake for feeds of cinema showtimes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from movielake.version import __version__ as __version__

if TYPE_CHECKING:
    from movielake.analyses.counts import ScreeningCounts
    from movielake.analyses.dominance import concentration
    from movielake.analyses.hours import day_profile
    from movielake.analyses.sharing import shares
    from movielake.analyses.spread import distribution, premieres
    from movielake.analyses.travel import circulation
    from movielake.analyses.weekly import runs
    from movielake.asking.comparing import diff
    from movielake.asking.connection import duckdb_connection
    from movielake.asking.exporting import export
    from movielake.asking.queries import sql
    from movielake.cli.progress import ProgressBar
    from movielake.cluster.connection import connect
    from movielake.conversion.runs import convert
    from movielake.dataframes.saving import write_parquet
    from movielake.joining.joins import JoinedShowings, join_records, join_showings
    from movielake.joining.references import orphans
    from movielake.joining.snapshots import CurrentShowings, current_showings, latest
    from movielake.lake.overview import describe_lake
    from movielake.names.countries import name_of_country
    from movielake.places.geography import is_outside, timezone_at
    from movielake.places.timezones import add_utc, to_utc, tz_version
    from movielake.reading.readers import MoviesReader, ShowingsReader, TheatersReader
    from movielake.report import WrittenReport, write_report
    from movielake.staging.compacting import compact
    from movielake.staging.copies import stage
    from movielake.staging.packing import pack
    from movielake.validation import validate

__all__ = [
    "CurrentShowings",
    "JoinedShowings",
    "MoviesReader",
    "ProgressBar",
    "ScreeningCounts",
    "ShowingsReader",
    "TheatersReader",
    "WrittenReport",
    "add_utc",
    "circulation",
    "compact",
    "concentration",
    "connect",
    "convert",
    "current_showings",
    "day_profile",
    "describe_lake",
    "diff",
    "distribution",
    "duckdb_connection",
    "export",
    "is_outside",
    "join_records",
    "join_showings",
    "latest",
    "name_of_country",
    "orphans",
    "pack",
    "premieres",
    "runs",
    "shares",
    "sql",
    "stage",
    "timezone_at",
    "to_utc",
    "tz_version",
    "validate",
    "write_parquet",
    "write_report",
]

# The module of each public name. Names are imported on first use, so that `import movielake` is
# fast.
_HOMES = {
    "compact": "staging.compacting",
    "CurrentShowings": "joining.snapshots",
    "JoinedShowings": "joining.joins",
    "MoviesReader": "reading.readers",
    "ProgressBar": "cli.progress",
    "ScreeningCounts": "analyses.counts",
    "ShowingsReader": "reading.readers",
    "TheatersReader": "reading.readers",
    "add_utc": "places.timezones",
    "WrittenReport": "report",
    "circulation": "analyses.travel",
    "concentration": "analyses.dominance",
    "connect": "cluster.connection",
    "convert": "conversion.runs",
    "describe_lake": "lake.overview",
    "diff": "asking.comparing",
    "duckdb_connection": "asking.connection",
    "export": "asking.exporting",
    "sql": "asking.queries",
    "is_outside": "places.geography",
    "join_records": "joining.joins",
    "join_showings": "joining.joins",
    "latest": "joining.snapshots",
    "name_of_country": "names.countries",
    "orphans": "joining.references",
    "pack": "staging.packing",
    "shares": "analyses.sharing",
    "stage": "staging.copies",
    "timezone_at": "places.geography",
    "to_utc": "places.timezones",
    "tz_version": "places.timezones",
    "current_showings": "joining.snapshots",
    "day_profile": "analyses.hours",
    "distribution": "analyses.spread",
    "premieres": "analyses.spread",
    "runs": "analyses.weekly",
    "validate": "validation",
    "write_parquet": "dataframes.saving",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'movielake' has no attribute {name!r}")
    return getattr(import_module(f"movielake.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
