"""The report: one HTML file about a lake, which a browser opens offline.

Enters: a lake and a selection. Leaves: one file with plots, a map and tables. The page loads no
data from a network, and text of the feed never enters it unescaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from movielake.lake.single import claim_file, split_file, whole_file
from movielake.names.layout import Terms
from movielake.reading.blocks import Current
from movielake.report.aggregate import leave_out_details
from movielake.report.findings import gather_findings
from movielake.report.page import render_page
from movielake.report.places import thin_places

LIMIT: Final = 10_000_000
"""Largest size of the file in bytes. A larger file opens slowly and is too large for an email."""

_WORTHWHILE: Final = 0.9


@dataclass(frozen=True)
class WrittenReport:
    """Description of a report that has been written.

    Parameters
    ----------
    file : str
        Path or URL of the file.
    bytes : int
        Size of the file.
    countries, date_stamps : int
        Number of countries and date stamps in the report.
    index_stamp : str
        The stamp whose screenings are 100 % in the comparison.
    notes : tuple of str
        Missing parts of the report, with the reason.

    Examples
    --------
    >>> from movielake import write_report
    >>> written = write_report("lake", "report.html", countries=["nzl", "swe"])
    >>> written.countries, written.bytes < 10_000_000
    (2, True)
    """

    file: str
    bytes: int
    countries: int
    date_stamps: int
    index_stamp: str
    notes: tuple[str, ...]


def write_report(
    lake: str,
    file: str,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    index_stamp: str | None = None,
    current: Current = True,
    aggregate: bool = False,
    force: bool = False,
) -> WrittenReport:
    """Write a report on a lake: one HTML file that a browser opens without a network.

    Parameters
    ----------
    lake : str
        Path or URL of a lake.
    file : str
        Path or URL of the file. An earlier report is replaced as a whole.
    countries, date_stamps : str, iterable of str or slice, optional
        Selection for the report, as for `MoviesReader`. Default: all.
    index_stamp : str, optional
        The stamp whose screenings are 100 % in the plot that compares snapshots. Default: the first
        stamp with screenings in every country, or in the largest number of countries. Readers of
        the page can choose another stamp.
    current : bool or {"movie", "theater"}, optional
        Leave out screenings that a later snapshot supersedes, as described for `ShowingsReader`. If
        False, the report counts all snapshots, and a screening that is in two counts twice.
    aggregate : bool, optional
        Show numbers of countries only: no titles, no names and positions of theaters, no texts of
        the feed. For sharing what a licence forbids to share.
    force : bool, optional
        Replace any file, and write also into a lake or a feed.

    Returns
    -------
    WrittenReport

    Raises
    ------
    FileNotFoundError
        If the lake does not exist.
    IsADirectoryError
        If the file is a folder.
    FileExistsError
        If the file exists and is not a report.
    ValueError
        If the selection matches no partition, if the index_stamp is not in the selection, if the
        file lies in a lake or a feed, or if the report would be larger than 10 MB even without
        theaters on its map.

    Examples
    --------
    >>> from movielake import write_report
    >>> report = write_report("lake", "report.html", date_stamps="201912*")
    >>> report.countries, report.date_stamps, report.index_stamp
    (8, 3, '20191206')
    """
    claim_file(str(file), "report", _is_report, force=force)
    findings = gather_findings(
        str(lake),
        countries=countries,
        date_stamps=date_stamps,
        index_stamp=index_stamp,
        current=current,
    )
    page, notes = _fit(leave_out_details(findings) if aggregate else findings)
    with whole_file(*split_file(str(file))) as out:
        out.write(page)
    sizes = (len(findings["countries"]), len(findings["stamps"]))
    return WrittenReport(str(file), len(page), *sizes, findings["index"], notes)


def _is_report(head: bytes) -> bool:
    return b"<title>movielake report: " in head


def _fit(findings: dict[str, Any]) -> tuple[bytes, tuple[str, ...]]:
    """Render the page. If it is too large, show fewer theaters on its map."""
    page = render_page(findings)
    if len(page) <= LIMIT:
        return page, tuple(findings["notes"])
    without = len(render_page({**findings, "places": thin_places(findings["places"], 0)}))
    share = _WORTHWHILE * (LIMIT - without) / (len(page) - without) if len(page) > without else 0
    if share <= 0:
        raise ValueError(
            f"expected a report of at most {LIMIT / 1e6:.0f} MB, found {without / 1e6:.1f} MB "
            "without any theater; select fewer countries or date stamps"
        )
    places = thin_places(findings["places"], share)
    count, kept = (sum(len(p["id"]) for p in all_) for all_ in (findings["places"], places))
    note = (
        f"the map shows {kept:,} of {count:,} theaters, to keep the file below {LIMIT / 1e6:.0f} MB"
    )
    thinned = {**findings, "places": places, "notes": [*findings["notes"], note]}
    return render_page(thinned), tuple(thinned["notes"])
