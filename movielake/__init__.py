"""movielake: a Parquet-flattening data lake for feeds of cinema showtimes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from movielake.cluster import connect
    from movielake.conversion import convert
    from movielake.overview import describe_lake
    from movielake.readers import MoviesReader, ShowingsReader, TheatersReader

__all__ = [
    "MoviesReader",
    "ShowingsReader",
    "TheatersReader",
    "connect",
    "convert",
    "describe_lake",
]

# Where each public name lives; imported on first use, so that `import movielake` stays light.
_HOMES = {
    "MoviesReader": "readers",
    "ShowingsReader": "readers",
    "TheatersReader": "readers",
    "connect": "cluster",
    "convert": "conversion",
    "describe_lake": "overview",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'movielake' has no attribute {name!r}")
    return getattr(import_module(f"movielake.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
