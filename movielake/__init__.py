"""movielake: a Parquet-flattening data lake for feeds of cinema showtimes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from movielake.cluster import connect
    from movielake.conversion import convert
    from movielake.geography import is_outside, timezone_at
    from movielake.joins import JoinedShowings, join_records, join_showings
    from movielake.overview import describe_lake
    from movielake.packing import pack
    from movielake.progress import ProgressBar
    from movielake.readers import MoviesReader, ShowingsReader, TheatersReader
    from movielake.references import orphans
    from movielake.report import WrittenReport, write_report
    from movielake.snapshots import CurrentShowings, current_showings, latest
    from movielake.staging import stage
    from movielake.timezones import add_utc, to_utc
    from movielake.validation import validate

__all__ = [
    "CurrentShowings",
    "JoinedShowings",
    "MoviesReader",
    "ProgressBar",
    "ShowingsReader",
    "TheatersReader",
    "WrittenReport",
    "add_utc",
    "connect",
    "convert",
    "current_showings",
    "describe_lake",
    "is_outside",
    "join_records",
    "join_showings",
    "latest",
    "orphans",
    "pack",
    "stage",
    "timezone_at",
    "to_utc",
    "validate",
    "write_report",
]

# Where each public name lives; imported on first use, so that `import movielake` stays light.
_HOMES = {
    "CurrentShowings": "snapshots",
    "JoinedShowings": "joins",
    "MoviesReader": "readers",
    "ProgressBar": "progress",
    "ShowingsReader": "readers",
    "TheatersReader": "readers",
    "add_utc": "timezones",
    "WrittenReport": "report",
    "connect": "cluster",
    "convert": "conversion",
    "describe_lake": "overview",
    "is_outside": "geography",
    "join_records": "joins",
    "join_showings": "joins",
    "latest": "snapshots",
    "orphans": "references",
    "pack": "packing",
    "stage": "staging",
    "timezone_at": "geography",
    "to_utc": "timezones",
    "current_showings": "snapshots",
    "validate": "validation",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'movielake' has no attribute {name!r}")
    return getattr(import_module(f"movielake.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
