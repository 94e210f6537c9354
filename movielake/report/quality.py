"""Quality: what of the feed could not be typed, linked or read, and what is there twice."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.joining.snapshots import CurrentShowings
from movielake.lake.commits import COMPLETE
from movielake.reading.readers import ShowingsReader
from movielake.reading.views import RowsView
from movielake.report.coverage import Axes

_LOOKED_AT: Final = 20_000_000
"""Screenings compared with later snapshots, at the most about so many: it takes seconds."""

_INCIDENTS: Final = 1000
"""More lines nobody reads; the page says how many there are."""


def count_problems(members: pa.Table, axes: Axes) -> list[dict[str, Any]]:
    """Add up the problems of each column and country.

    Parameters
    ----------
    members : pa.Table
        Rows of the manifest.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list of dict
        ``table``, ``column``, ``kind``, the first ``example``, and ``counts``, a flat list of a
        country's place and the count there; the most frequent first.
    """
    chosen = members.filter(pc.greater(pc.list_value_length(members["problems"]), 0))
    found: dict[tuple[str, str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    examples: dict[tuple[str, str, str], str] = {}
    columns = (chosen[name].to_pylist() for name in ("country", "table", "problems"))
    for country, table, problems in zip(*columns, strict=True):
        place = axes.countries.index(country)
        for problem in problems:
            key = (table, problem["column"], problem["kind"])
            found[key][place] += problem["count"]
            examples.setdefault(key, problem["example"])
    ordered = sorted(found, key=lambda key: (-sum(found[key].values()), key))
    return [
        {
            **dict(zip(("table", "column", "kind"), key, strict=True)),
            "example": examples[key],
            "counts": [number for pair in sorted(found[key].items()) for number in pair],
        }
        for key in ordered
    ]


def list_incidents(members: pa.Table, axes: Axes) -> dict[str, Any]:
    """List the members that are not complete, and count them.

    Returns
    -------
    dict
        ``total``; and ``rows``, at most 1,000 of them, each a country's place, the date_stamp, the
        member, its status, the reason, how many records are kept, and its files in quarantine.
    """
    odd = members.filter((pc.field("status") != COMPLETE) & pc.field("member").is_valid())
    names = ("country", "date_stamp", "member", "status", "reason", "records", "quarantine")
    rows = []
    for row in odd.slice(0, _INCIDENTS).select(names).to_pylist():
        files = [file["path"] for file in row["quarantine"] or ()]
        shown = [row[name] for name in names[1:-1]]
        rows.append([axes.countries.index(row["country"]), *shown, len(files)])
    return {"total": odd.num_rows, "rows": rows}


def count_superseded(showings: ShowingsReader, axes: Axes) -> dict[str, Any]:
    """Count each country's screenings that a later snapshot supersedes.

    Parameters
    ----------
    showings : ShowingsReader
        What to count.
    axes : Axes
        The countries and stamps, in order.

    Returns
    -------
    dict
        ``every``: 1 if all snapshots were looked at; n if only every n-th, compared with all later
        ones, as in a lake of very many screenings. ``counted``: screenings looked at, by country;
        ``current``: those among them that no later snapshot supersedes.
    """
    held = showings._held
    every = max(-(-(held.total("screenings") or 0) // _LOOKED_AT), 1)
    sample = showings
    if every > 1:
        stamps = axes.date_stamps[::every]
        sample = ShowingsReader(held.folder.url, countries=axes.countries, date_stamps=stamps)
    return {
        "every": every,
        "counted": _by_country(sample, axes),
        "current": _by_country(CurrentShowings(sample, among=showings), axes),
    }


def _by_country(view: RowsView, axes: Axes) -> list[int]:
    counts = view.count_by("country", of="show_time")
    found = dict(zip(counts["country"].tolist(), counts["count"].tolist(), strict=True))
    return [int(found.get(country, 0)) for country in axes.countries]
