"""References: showings whose movie or theater is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.joining.joins import CURRENT, TABLES, others_of
from movielake.joining.lookups import AttachPartitions, JoinedRows
from movielake.reading.blocks import Current
from movielake.reading.files import to_frame
from movielake.reading.readers import MoviesReader, ShowingsReader, TheatersReader
from movielake.reading.views import RowsView, insert_into_docstring

if TYPE_CHECKING:
    import pandas as pd

_ORPHAN_KEYS: Final = ("date_stamp", "country", "source_xml", "record", "movie_id", "theater_id")


@insert_into_docstring(TABLES.rstrip() + CURRENT)
def orphans(
    showings: ShowingsReader,
    movies: MoviesReader | None = None,
    theaters: TheatersReader | None = None,
    *,
    current: Current | None = None,
) -> pd.DataFrame:
    """List the showings whose movie or theater is not in their partition.

    Returns
    -------
    pandas.DataFrame
        One row per showing record whose movie or theater is missing, in the order of stamp and
        country. The columns are date_stamp, country, source_xml, record, movie_id, theater_id,
        ``screenings`` (the number of its screenings), ``has_movie`` and ``has_theater``. The last
        two are null for a table that is not joined.

    Examples
    --------
    >>> from movielake import ShowingsReader, orphans
    >>> found = orphans(ShowingsReader("lake"))
    >>> bool((found["has_movie"] & found["has_theater"]).any())
    False
    """
    held = others_of(showings, movies, theaters)
    showings = showings._with(current)
    sought = {"movies": {"_movie": "movie_id"}, "theaters": {"_theater": "theater_id"}}
    joined = {name: (holdings.folder.url, sought[name]) for name, holdings in held.items()}
    source = JoinedRows(showings._source, joined)
    view = RowsView(showings._held, source, AttachPartitions(showings._attach, held.values()))
    showings._checked()
    columns = [*_ORPHAN_KEYS, "show_time", *(name for s in held for name in sought[s])]
    found = view.map_partitions(_orphans_of_partition, columns=columns)
    return to_frame(found)


def _orphans_of_partition(rows: pa.Table) -> pa.Table:
    has = {}
    lacks = pa.chunked_array([pa.repeat(False, rows.num_rows)])
    for name in ("movie", "theater"):
        if f"_{name}" in rows.column_names:
            has[f"has_{name}"] = rows[f"_{name}"].is_valid()
            lacks = pc.or_(lacks, pc.invert(has[f"has_{name}"]))
        else:
            has[f"has_{name}"] = pa.nulls(rows.num_rows, pa.bool_())
    table = rows.select([*_ORPHAN_KEYS, "show_time"])
    for name, values in has.items():
        table = table.append_column(name, values)
    keys = [*_ORPHAN_KEYS, *has]
    counted = table.filter(lacks).group_by(keys, use_threads=False)
    screenings = counted.aggregate([("show_time", "count")]).rename_columns([*keys, "screenings"])
    return screenings.select([*_ORPHAN_KEYS, "screenings", *has])
