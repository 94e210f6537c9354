"""Find the files for a lake and a selection, or for a directory glob."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.bounds import refuse_counts, refuse_misplaced, refuse_overlaps
from movielake.lake.entries import MANIFEST
from movielake.lake.manifest import read_manifest
from movielake.lake.opening import COMPACT, check_lake, read_layout
from movielake.names.hints import require_countries, tell_choices
from movielake.names.layout import LAKE_FILE, Folder, Selection, letter_of
from movielake.reading.holdings import Holdings
from movielake.schema.tables import Table

_COLUMNS: Final = (
    "date_stamp",
    "country",
    "table",
    "records",
    "rows",
    "screenings",
    "first_date",
    "last_date",
    "json_path",
    "json_bytes",
    "json_sha256",
    "json_start",
    "parquet_path",
    "parquet_bytes",
    "parquet_sha256",
    "parquet_start",
)


def hold(source: str, table: Table, selection: Selection) -> Holdings:
    """Find the files of one table in a lake, or under a directory glob of an older notebook.

    Parameters
    ----------
    source : str
        Path or URL of a lake. Or ``DIR/json/STAMP/COUNTRY``, where STAMP and COUNTRY are globs.
    table : Table
        The table to find.
    selection : Selection
        Stamps and countries. It must be empty if ``source`` is a directory glob.

    Returns
    -------
    Holdings
        The files that are selected.

    Raises
    ------
    FileNotFoundError
        If the lake or folder does not exist.
    ValueError
        If the selection is empty or names a country that the lake does not have, or if a directory
        glob comes together with a selection.
    """
    match = re.fullmatch(r"(.+?)/json/([^/]+)/([^/]+)/?", source)
    if match is None or _is_lake(Folder(source)):
        return _not_empty(_hold_lake(Folder(source), table, selection), selection)
    if selection != Selection():
        raise ValueError(
            f"expected a lake with countries= and date_stamps=, or a directory glob alone, "
            f"found both: {source}"
        )
    folder, chosen = Folder(match[1]), Selection(match[2], match[3])
    return _not_empty(hold_or_nothing(folder, table, chosen), chosen)


def hold_beside(held: Holdings, table: Table) -> Holdings:
    """Find the files of another table in the same partitions. China, for example, has none."""
    stamps, countries = (set(held.files[key].to_pylist()) for key in ("date_stamp", "country"))
    return hold_or_nothing(held.folder, table, Selection(stamps, countries))


def hold_or_nothing(folder: Folder, table: Table, selection: Selection) -> Holdings:
    """Find the files of a table as `hold` does. There can be none."""
    return (_hold_lake if _is_lake(folder) else _hold_folder)(folder, table, selection)


def _is_lake(folder: Folder) -> bool:
    return bool(folder.fs.exists(folder.join(LAKE_FILE)))


def _not_empty(held: Holdings, selection: Selection) -> Holdings:
    if not len(held):
        choices = tell_choices(selection, held.date_stamps, held.countries)
        raise ValueError(
            f"no {held.table.name} match {selection} in {held.folder.url}; it has {choices}"
        )
    require_countries(selection, held.countries, held.folder.url)
    return held


def _hold_lake(folder: Folder, table: Table, selection: Selection) -> Holdings:
    check_lake(folder)
    members = read_manifest(folder, _COLUMNS, needed=selection)
    mine = members.filter(pc.equal(members["table"], table.name))
    layout = read_layout(folder)
    _check(members, mine, layout, folder.url)
    stamps = _distinct(members["date_stamp"])
    countries = _distinct(members["country"])
    for key, values, means in (
        ("date_stamp", stamps, selection.means_stamp),
        ("country", countries, selection.means_country),
    ):
        chosen = [value for value in values if means(value)]
        if len(chosen) < len(values):
            mine = mine.filter(pc.is_in(mine[key], pa.array(chosen, pa.string())))
    return Holdings(folder, table, mine, stamps, countries, layout == COMPACT)


def _check(members: pa.Table, mine: pa.Table, layout: str, url: str) -> None:
    """Refuse a manifest with files of another folder, or with ranges or counts that do not fit."""
    if layout == COMPACT:  # the names of the commits show the keys of other lakes
        refuse_misplaced(members.select(["date_stamp", "country", "table"]), layout, url)
    refuse_misplaced(mine, layout, url)
    if layout == COMPACT:
        refuse_overlaps(mine, url)
    refuse_counts(mine, url)


def _distinct(codes: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(pc.unique(codes).to_pylist()))


def _hold_folder(folder: Folder, table: Table, selection: Selection) -> Holdings:
    """List the JSON Lines files of another program, named json/STAMP/COUNTRY/NAME."""
    pattern = re.compile(r"json/([^/]+)/([^/]+)/[^/]+\.(json|jsonl|ndjson)(\.(gz|zst|bz2|xz))?$")
    rows = []
    stamps, countries = set(), set()
    for path, info in folder.find("json").items():
        if not (match := pattern.match(path)):
            continue
        stamps.add(match[1])
        countries.add(match[2])
        if selection.matches(match[1], match[2].lower()) and letter_of(path) == table.letter:
            rows.append({"date_stamp": match[1], "country": match[2], "json_path": path})
            rows[-1]["json_bytes"] = info["size"]
    files = pa.Table.from_pylist(
        rows, schema=pa.schema([MANIFEST.field(name) for name in _COLUMNS])
    )
    if not stamps:
        raise FileNotFoundError(
            f"expected a lake or json/STAMP/COUNTRY/*.json, found neither in {folder.url}"
        )
    return Holdings(folder, table, files, tuple(sorted(stamps)), tuple(sorted(countries)))
