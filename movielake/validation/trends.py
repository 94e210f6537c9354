"""Trends: results of earlier validations, from the files of ``--format json``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_NEEDED: Final = {"path": str, "valid": bool, "errors": int, "warnings": int, "rules": dict}
"""Keys of a result that a trend shows, with their types."""


def read_earlier(files: Iterable[str]) -> list[dict[str, Any]]:
    """Read results of earlier validations, the oldest first.

    Parameters
    ----------
    files : iterable of str
        Paths of files that ``movielake validate --format json`` wrote. A result without a time
        gets the time at which its file was last changed.

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If a file is not such a result.

    Examples
    --------
    >>> from movielake.validation.trends import read_earlier
    >>> read_earlier([])
    []
    """
    return sorted((_read(Path(file)) for file in files), key=lambda result: str(result["time"]))


def _read(file: Path) -> dict[str, Any]:
    try:
        result = json.loads(file.read_text("utf-8"))
        fits = isinstance(result, dict) and all(
            isinstance(result.get(key), kind) for key, kind in _NEEDED.items()
        )
        if fits and _fit(result["rules"].values()) and _are_numbers(result.get("checked", {})):
            time = result.get("time")
            at = datetime.fromisoformat(time) if time else _changed(file)
            return {**result, "time": at.astimezone(UTC).isoformat(timespec="seconds")}
    except (ValueError, TypeError):
        pass
    raise ValueError(f"expected a result of movielake validate --format json, found {file}")


def _fit(rules: Iterable[Any]) -> bool:
    return all(
        isinstance(rule, dict)
        and type(rule.get("findings")) is int
        and isinstance(rule.get("severity"), str)
        for rule in rules
    )


def _are_numbers(checked: Any) -> bool:
    return isinstance(checked, dict) and all(type(number) is int for number in checked.values())


def _changed(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
