"""The report: a lake in one HTML file that a browser opens offline.

Enters: a lake and a selection. Leaves: one file with plots, a map and tables. This wing never
loads anything from a network and never puts text of the feed into the page unescaped.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from movielake.lake.writers import rename
from movielake.names.layout import Folder, Terms
from movielake.report.findings import gather_findings
from movielake.report.page import render_page
from movielake.report.places import thin_places

LIMIT: Final = 10_000_000
"""Bytes of the file: more is slow to open, and too much for a mail."""

_WORTHWHILE: Final = 0.9


@dataclass(frozen=True)
class WrittenReport:
    """A report that is written.

    Parameters
    ----------
    file : str
        Where.
    bytes : int
        Its size.
    countries, date_stamps : int
        How many it is about.
    index_stamp : str
        What screenings are compared with.
    notes : tuple of str
        What the report lacks, and why.

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
) -> WrittenReport:
    """Write what a lake holds as one file of HTML that opens in a browser, without a network.

    Parameters
    ----------
    lake : str
        Path or URL of a lake.
    file : str
        Path or URL of the file; one that is there is replaced as a whole.
    countries, date_stamps : str, iterable of str or slice, optional
        What the report is about, as for `MoviesReader`; everything by default.
    index_stamp : str, optional
        The stamp whose screenings are 100 in the plot of screenings compared with one stamp; by
        default the first that has screenings in every country, or in most. Another one can be
        chosen in the page.

    Returns
    -------
    WrittenReport

    Raises
    ------
    FileNotFoundError
        If there is no lake.
    IsADirectoryError
        If the file is a folder.
    ValueError
        If nothing is selected, or the index_stamp does not occur, or the report would be larger
        than 10 MB even with fewer theaters on its map.

    Examples
    --------
    >>> from movielake import write_report
    >>> report = write_report("lake", "report.html", date_stamps="201912*")
    >>> report.countries, report.date_stamps, report.index_stamp
    (8, 3, '20191206')
    """
    target = Folder(str(file))
    if target.fs.isdir(target.path):
        raise IsADirectoryError(f"expected a file for the report, found the folder {file}")
    findings = gather_findings(
        str(lake), countries=countries, date_stamps=date_stamps, index_stamp=index_stamp
    )
    page, notes = _fit(findings)
    _write_whole(target, page)
    sizes = (len(findings["countries"]), len(findings["stamps"]))
    return WrittenReport(str(file), len(page), *sizes, findings["index"], notes)


def _write_whole(target: Folder, content: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    head, _, name = target.path.rpartition("/")
    parent = Folder(target.fs.unstrip_protocol(head or "/"))
    temporary = parent.join(f".{name}.{uuid.uuid4().hex[:12]}.partial")
    parent.fs.makedirs(parent.path, exist_ok=True)
    try:
        parent.fs.pipe_file(temporary, content)
        rename(parent, temporary, name)
    except BaseException:
        with suppress(FileNotFoundError):
            parent.fs.rm_file(temporary)
        raise


def _fit(findings: dict[str, Any]) -> tuple[bytes, tuple[str, ...]]:
    """Render the page; with fewer theaters on its map if it is too large."""
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
