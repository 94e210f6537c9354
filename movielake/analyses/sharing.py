"""Shares: how the screenings divide among genres, distributors, languages, chains or formats."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.analyses.attributes import ATTRIBUTES
from movielake.analyses.counts import SELECTION, ScreeningCounts, counts_of
from movielake.names.hints import suggest_name
from movielake.names.layout import Terms
from movielake.reading.blocks import Current
from movielake.reading.readers import ShowingsReader
from movielake.reading.views import insert_into_docstring

_BY: Final = """
by : {"genre", "distributor", "language", "chain", "format"}
    What to divide by: ``genre``, ``distributor`` or ``lang`` of the movie, ``theater_chain`` of the
    theater, or ``show_attributes`` of the showing, such as Digital or 3D.
"""
_TOGETHER: Final = """
together : bool, optional
    Count all countries as one. Default: each country for itself.
"""
_LAKE, _, _OTHERS = SELECTION.partition("countries, date_stamps")


@insert_into_docstring(f"{_LAKE.rstrip()}{_BY}countries, date_stamps{_OTHERS.rstrip()}{_TOGETHER}")
def shares(
    lake: str | ShowingsReader | ScreeningCounts,
    by: str,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: Current = True,
    together: bool = False,
) -> pa.Table:
    """Divide the screenings of each country by genre, distributor, language, chain or format.

    Returns
    -------
    pa.Table
        One row for each country and value, sorted by country and falling screenings: ``country``
        (string, null if ``together``), ``value`` (string, null for screenings whose record states
        none), ``screenings`` (int64) and ``share`` (double, of the country's screenings).

    Raises
    ------
    ValueError
        If ``by`` has another value.

    Notes
    -----
    A screening has the movie and theater of its own date stamp and country, as in `join_showings`.
    A film has several genres and can have several distributors, and a showing several formats. A
    screening counts once for each of them, so the shares can add up to more than 1. Values are
    those of the feed: the same genre in two spellings is two values. Versions of a film have their
    own movie records, so they are not united here. The definition is ours.

    Examples
    --------
    >>> from movielake import shares
    >>> shares("lake", "genre", countries="deu").to_pandas().head(2).round(3)
      country      value  screenings  share
    0     deu      Music         400  0.510
    1     deu  Biography         233  0.297
    """
    if by not in ATTRIBUTES:
        guess = suggest_name(by, ATTRIBUTES)
        raise ValueError(f"expected by= out of {', '.join(ATTRIBUTES)}, found {by!r}{guess}")
    counts = counts_of(lake, countries=countries, date_stamps=date_stamps, current=current)
    found, totals = counts.by_attribute(by)
    if together:
        found, totals = _together(found), _together(totals)
    order = [("country", "ascending"), ("screenings", "descending"), ("value", "ascending")]
    found = found.sort_by(order).combine_chunks()
    place = pc.index_in(found["country"], totals["country"])
    share = pc.divide(found["screenings"].cast(pa.float64()), totals["screenings"].take(place))
    return found.append_column("share", share)


def _together(counts: pa.Table) -> pa.Table:
    """Add up the screenings of all countries."""
    nowhere = pa.nulls(counts.num_rows, pa.string())
    sums = counts.set_column(0, "country", nowhere).group_by(
        ["country", "value"], use_threads=False
    )
    return sums.aggregate([("screenings", "sum")]).rename_columns(counts.column_names)
