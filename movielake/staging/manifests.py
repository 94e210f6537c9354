"""The manifest of a source, read and checked before anything is copied."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.bounds import each, misfit, refuse_misplaced, refuse_overlaps
from movielake.lake.commits import UNREADABLE
from movielake.lake.manifest import parse_table, read_manifest, read_table_content
from movielake.lake.opening import COMPACT, read_layout, read_span
from movielake.names.hints import require_countries, tell_choices
from movielake.names.layout import LAKE_FILE, Selection
from movielake.staging.selecting import Wanted, restrict
from movielake.staging.sources import Source
from movielake.staging.spans import SPANS, PlannedFile, plan_files


class SourceManifest(NamedTuple):
    """The manifest of a source. No path in it leads out of the folder of its partition.

    Parameters
    ----------
    url : str
        The source.
    table : pa.Table
        One row per member. Partitions whose commit cannot be read are left out.
    unit : str or None
        Unit of the spans of a compact source.
    content : bytes
        The file ``manifest.parquet`` of a compact source.
    """

    url: str
    table: pa.Table
    unit: str | None = None
    content: bytes = b""

    @property
    def everything(self) -> Wanted:
        """All rows, with all JSON Lines."""
        whole = np.ones(self.table.num_rows, bool)
        return whole, whole

    def plan(self, wanted: Wanted, unit: str) -> tuple[pa.Table, list[PlannedFile]]:
        """Return the wanted rows, and the files of a compact copy of them.

        Raises
        ------
        ValueError
            If a file of a compact source has other members than its name states.
        """
        table = restrict(self.table, wanted)
        if self.unit is None:
            return table, plan_files(table, unit)
        read = self._beside(wanted[0]), self._beside(wanted[1])
        files = _checked(restrict(self.table, read), self.unit, self.url)
        is_whole = all(map(np.array_equal, wanted, read)) and unit == self.unit
        return table, files if is_whole else plan_files(table, unit)

    def _beside(self, chosen: np.ndarray) -> np.ndarray:
        """Choose all members of the files of some members: of their tables and countries."""
        if chosen.all():
            return chosen
        whole = np.ones(self.table.num_rows, bool)
        for key in ("table", "country"):
            values = set(pc.unique(self.table[key].filter(pa.array(chosen))).to_pylist())
            whole &= each(self.table[key], values.__contains__)
        return whole


def read_source(lake: Source) -> SourceManifest:
    """Read the whole manifest of a source. It can come from anywhere, so it is checked.

    Raises
    ------
    ValueError
        If it lists files outside the folders of their partitions.
    """
    layout = read_layout(lake)
    if layout == COMPACT:
        content = read_table_content(lake)
        table = parse_table(content, lake)
    else:
        content, table = b"", read_manifest(lake)
    # A partition whose commit cannot be read has no files. `read_manifest` warns of it.
    is_unread = pc.fill_null(pc.equal(table["status"], UNREADABLE), False)
    if pc.any(is_unread).as_py():
        table = table.filter(pc.invert(is_unread))
    refuse_misplaced(table, layout, lake.url)
    if layout != COMPACT:
        return SourceManifest(lake.url, table)
    unit = read_span(lake)
    if unit not in SPANS:
        raise ValueError(
            f"expected a span out of {', '.join(SPANS)} in {lake.url}/{LAKE_FILE}, found {unit!r}; "
            "make the copy again with: movielake compact LAKE TO"
        )
    return SourceManifest(lake.url, table, unit, content)


def _checked(manifest: pa.Table, unit: str, url: str) -> list[PlannedFile]:
    """Return the files of a compact source. The name of each must fit the members that it has."""
    refuse_overlaps(manifest, url)
    files = plan_files(manifest, unit)
    if files:
        members = pa.concat_tables([file.members for file in files])
        numbers = np.repeat(np.arange(len(files)), [file.members.num_rows for file in files])
        expected = pa.array([file.path for file in files]).take(pa.array(numbers))
        is_other = pc.not_equal(members["path"], expected).to_numpy()
        if is_other.any():
            row = int(np.argmax(is_other))
            path, stamp = (members[name][row].as_py() for name in ("path", "date_stamp"))
            raise misfit(url, path, stamp)
    return files


def require_rows(manifest: pa.Table, whole: pa.Table, url: str, selection: Selection) -> None:
    """Raise an error that shows the choices if a selection matches nothing."""
    stamps, countries = (
        set(pc.unique(whole[key]).to_pylist()) for key in ("date_stamp", "country")
    )
    if not manifest.num_rows:
        choices = tell_choices(selection, stamps, countries)
        raise ValueError(f"nothing in {url} matches {selection}; it has {choices}")
    require_countries(selection, countries, url)
