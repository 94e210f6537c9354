"""Quality: values without a type, incomplete members, and superseded screenings."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.commits import COMPLETE
from movielake.reading.readers import ShowingsReader
from movielake.report.coverage import Axes, Rectangle

_INCIDENTS: Final = 1000
"""Largest number of lines in the page's list. The page also shows the total."""


def count_problems(members: pa.Table, axes: Axes) -> list[dict[str, Any]]:
    """Sum the problems of each column and country.

    Parameters
    ----------
    members : pa.Table
        Rows of the manifest.
    axes : Axes
        The countries, in order.

    Returns
    -------
    list of dict
        ``table``, ``column``, ``kind``, the first ``example``, and ``counts``, a flat list that
        alternates the index of a country and the count there. The most frequent problem comes
        first.
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
    """List the incomplete members, and count them.

    Returns
    -------
    dict
        ``total`` is the number of incomplete members. ``rows`` lists at most 1,000 of them, each
        with the index of the country, the date_stamp, the member, its status, the reason, the
        number of kept records, and the number of files in quarantine.
    """
    odd = members.filter((pc.field("status") != COMPLETE) & pc.field("member").is_valid())
    names = ("country", "date_stamp", "member", "status", "reason", "records", "quarantine")
    rows = []
    for row in odd.slice(0, _INCIDENTS).select(names).to_pylist():
        files = [file["path"] for file in row["quarantine"] or ()]
        shown = [row[name] for name in names[1:-1]]
        rows.append([axes.countries.index(row["country"]), *shown, len(files)])
    return {"total": odd.num_rows, "rows": rows}


def count_superseded(
    showings: ShowingsReader, in_snapshots: Rectangle, screenings: Rectangle, axes: Axes
) -> dict[str, list[int]]:
    """Count each country's screenings that a later snapshot supersedes.

    Parameters
    ----------
    showings : ShowingsReader
        Reader of the screenings.
    in_snapshots : list of list of int or None
        The screenings of each country in each snapshot, from `count_screenings`.
    screenings : list of list of int or None
        The same without those that a later snapshot supersedes, if ``showings`` is so.
    axes : Axes
        The countries and stamps, in order.

    Returns
    -------
    dict
        ``counted`` is the number of screenings by country. ``current`` is the number of them that
        no later snapshot supersedes.
    """
    counted, current = (
        [sum(count or 0 for count in row) for row in rows] for rows in (in_snapshots, screenings)
    )
    if not showings._rule:
        counts = showings.count_by("country", of="show_time", current=True)
        found = dict(zip(counts["country"].tolist(), counts["count"].tolist(), strict=True))
        current = [int(found.get(country, 0)) for country in axes.countries]
    return {"counted": counted, "current": current}
