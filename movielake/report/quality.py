"""Quality: values without a type, incomplete members, and superseded screenings."""

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
"""Approximate largest number of screenings compared with later snapshots. It takes seconds."""

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


def count_superseded(showings: ShowingsReader, axes: Axes) -> dict[str, Any]:
    """Count each country's screenings that a later snapshot supersedes.

    Parameters
    ----------
    showings : ShowingsReader
        Reader of the screenings.
    axes : Axes
        The countries and stamps, in order.

    Returns
    -------
    dict
        ``every`` is 1 if all snapshots were counted. In very large lakes it is n, and only every
        n-th snapshot was counted, but compared with all later snapshots. ``counted`` is the number
        of counted screenings by country. ``current`` is the number of them that no later snapshot
        supersedes.
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
