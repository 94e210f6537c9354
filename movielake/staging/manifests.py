"""The manifest of a source, read and checked before anything is copied."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.bounds import misfit, refuse_misplaced, refuse_overlaps
from movielake.lake.commits import UNREADABLE
from movielake.lake.manifest import read_manifest
from movielake.lake.opening import COMPACT, read_layout, read_span
from movielake.names.hints import require_countries, tell_choices
from movielake.names.layout import LAKE_FILE, Selection
from movielake.staging.selecting import Wanted, restrict
from movielake.staging.sources import Source
from movielake.staging.spans import SPANS, PlannedFile, plan_files


class SourceManifest(NamedTuple):
    """The manifest of a source.

    Parameters
    ----------
    table : pa.Table
        One row per member. Partitions whose commit cannot be read are left out.
    unit : str or None
        Unit of the spans of a compact source.
    files : list of PlannedFile
        The files of a compact source.
    """

    table: pa.Table
    unit: str | None
    files: list[PlannedFile]

    def plan(self, wanted: Wanted, unit: str) -> tuple[pa.Table, list[PlannedFile]]:
        """Return the wanted rows, and the files of a compact copy of them."""
        table = restrict(self.table, wanted)
        is_whole = table is self.table and unit == self.unit
        return table, self.files if is_whole else plan_files(table, unit)


def read_source(lake: Source) -> SourceManifest:
    """Read the whole manifest of a source. It can come from anywhere, so it is checked.

    Raises
    ------
    ValueError
        If it lists files outside the folders of their partitions, or if a file of a compact lake
        has other members than its name states.
    """
    table, layout = read_manifest(lake), read_layout(lake)
    # A partition whose commit cannot be read has no files. `read_manifest` warns of it.
    is_unread = pc.fill_null(pc.equal(table["status"], UNREADABLE), False)
    if pc.any(is_unread).as_py():
        table = table.filter(pc.invert(is_unread))
    refuse_misplaced(table, layout, lake.url)
    if layout != COMPACT:
        return SourceManifest(table, None, [])
    refuse_overlaps(table, lake.url)
    unit = read_span(lake)
    if unit not in SPANS:
        raise ValueError(
            f"expected a span out of {', '.join(SPANS)} in {lake.url}/{LAKE_FILE}, found {unit!r}; "
            "make the copy again with: movielake compact LAKE TO"
        )
    files = plan_files(table, unit)
    for file in files:
        paths = file.members["path"].combine_chunks()
        is_other = pc.not_equal(paths, file.path).to_numpy(zero_copy_only=False)
        if is_other.any():
            row = int(np.argmax(is_other))
            raise misfit(lake.url, paths[row].as_py(), file.members["date_stamp"][row].as_py())
    return SourceManifest(table, unit, files)


def require_rows(manifest: pa.Table, whole: pa.Table, url: str, selection: Selection) -> None:
    """Raise an error that shows the choices if a selection matches nothing."""
    stamps, countries = (
        set(pc.unique(whole[key]).to_pylist()) for key in ("date_stamp", "country")
    )
    if not manifest.num_rows:
        choices = tell_choices(selection, stamps, countries)
        raise ValueError(f"nothing in {url} matches {selection}; it has {choices}")
    require_countries(selection, countries, url)
