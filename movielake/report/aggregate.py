"""Aggregates: the findings of a report without anything below the country.

A licence can forbid to share titles, names and positions. Numbers of whole countries remain.
"""

from __future__ import annotations

from typing import Any, Final

from movielake.report.places import LISTS

_SHARES: Final = ("genre", "language", "format")
"""Shares whose values are no names."""

_NOTE: Final = (
    "aggregates of countries only: without titles, names and positions of theaters, members of "
    "feed zips and examples of problems"
)


def leave_out_details(findings: dict[str, Any]) -> dict[str, Any]:
    """Leave out titles, names, ids, positions and texts of the feed.

    Parameters
    ----------
    findings : dict
        Result of `gather_findings`.

    Returns
    -------
    dict
        The same findings with numbers of countries and snapshots only. ``aggregate`` is True.
    """
    nothing: dict[str, list[Any]] = {name: [] for name in LISTS}
    places = [
        {**place, **nothing, "outside": None if place["outside"] is None else []}
        for place in findings["places"]
    ]
    return {
        **findings,
        "aggregate": True,
        "films": [],
        "places": places,
        "problems": [{**problem, "example": None} for problem in findings["problems"]],
        "incidents": {"rows": [], "total": findings["incidents"]["total"]},
        "shares": {
            name: findings["shares"][name] for name in _SHARES if name in findings["shares"]
        },
        "notes": [*findings["notes"], _NOTE],
    }
