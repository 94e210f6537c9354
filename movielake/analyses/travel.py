"""Travel: from which countries to which other countries films go, and after how many days."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from movielake.analyses.counts import SELECTION, VERSIONS, ScreeningCounts, counts_of
from movielake.analyses.keys import Integers, medians_of_runs
from movielake.analyses.releases import find_releases
from movielake.names.layout import Terms
from movielake.reading.blocks import Current
from movielake.reading.readers import ShowingsReader
from movielake.reading.views import insert_into_docstring


@insert_into_docstring(SELECTION.rstrip() + VERSIONS)
def circulation(
    lake: str | ShowingsReader | ScreeningCounts,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: Current = True,
    versions: str = "merge",
) -> pa.Table:
    """Count the films that start in one country and later in another, for each pair of countries.

    Returns
    -------
    pa.Table
        One row for each ordered pair of countries that share a film, sorted. Both directions of a
        pair are rows:

        - ``from_country``, ``to_country`` (string)
        - ``films`` (int32): films with screenings in both
        - ``before`` (int32): films that start in ``from_country`` earlier than in ``to_country``
        - ``same_day`` (int32): films that start in both on the same day
        - ``premiered`` (int32): films of ``before`` that no other country starts earlier than
          ``from_country``
        - ``median_lag`` (double, days): median time between both starts of the films of ``before``,
          or null if there are none

    Notes
    -----
    A film is left out if it can have begun before the archive in any selected country
    (``origin_cut`` of `premieres`), because its order of countries is not certain. If a film starts
    in several countries on the same first day, each of them counts in ``premiered``.

    Verhoeven and others study the exchange of films between pairs of countries as a dyadic network
    [1]_. We read the abstract only. The feed does not state where a film was made. So here the
    order of first screenings takes the place of origin and import, and the definition is ours.

    References
    ----------
    .. [1] D. Verhoeven, B. Coate, C. Arrowsmith, S. Palmer, Using Big Cultural Data To Understand
       Diversity And Reciprocity In The Global Flow Of Contemporary Cinema. Digital Humanities 2016.

    Examples
    --------
    >>> from movielake import circulation
    >>> pairs = circulation("lake").to_pandas()
    >>> matrix = pairs.pivot(index="from_country", columns="to_country", values="before")
    >>> matrix.loc["nzl", ["chn", "gbr"]].tolist()
    [2.0, 1.0]
    """
    counts = counts_of(
        lake, countries=countries, date_stamps=date_stamps, current=current, versions=versions
    )
    found = find_releases(counts.by_day)
    known = np.flatnonzero(~found.origin_is_cut)
    known = known[np.argsort(found.movie[known], kind="stable")]
    one, other = _pairs(found.movie[known])
    one, other = known[one], known[other]
    size = len(found.countries)
    pair = found.country[one] * size + found.country[other]
    lag = found.first[other] - found.first[one]
    is_later, is_first = lag > 0, found.first[one] == found.premiere[one]
    films, before, same_day, premiered = (
        np.bincount(pair[mask], minlength=size * size).astype(np.int32)
        for mask in (lag == lag, is_later, lag == 0, is_later & is_first)
    )
    order = np.lexsort((lag[is_later], pair[is_later]))
    starts = np.cumsum(before) - before
    medians = medians_of_runs(lag[is_later][order], starts, before)
    shown = np.flatnonzero(films)
    names = pa.array(found.countries, pa.string())
    return pa.table(
        {
            "from_country": names.take(pa.array(shown // size)),
            "to_country": names.take(pa.array(shown % size)),
            "films": pa.array(films[shown]),
            "before": pa.array(before[shown]),
            "same_day": pa.array(same_day[shown]),
            "premiered": pa.array(premiered[shown]),
            "median_lag": pa.array(medians[shown], mask=before[shown] == 0),
        }
    )


def _pairs(films: Integers) -> tuple[Integers, Integers]:
    """List all ordered pairs of different entries with the same film. The films are sorted."""
    _, starts, lengths = np.unique(films, return_index=True, return_counts=True)
    lengths_of = np.repeat(lengths, lengths)
    one = np.repeat(np.arange(len(films)), lengths_of)
    first_of = np.repeat(np.cumsum(lengths_of) - lengths_of, lengths_of)
    other = np.repeat(np.repeat(starts, lengths), lengths_of) + np.arange(len(one)) - first_of
    different = one != other
    return one[different], other[different]
