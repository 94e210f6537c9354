"""Selections of a manifest: the members that a compact copy needs, and a check of their paths."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.names.layout import MANIFEST_TABLE, Selection, is_date_stamp, quarantine_folder
from movielake.schema.tables import TABLES

_PLACES: Final = ("date_stamp", "country", "table", "json_path", "parquet_path", "quarantine")
COUNTRY: Final = re.compile(r"[A-Za-z0-9_]+")
"""A country that can be part of a path."""

NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""A file name that leads to no other folder."""

Kinds = frozenset[tuple[str, str]]
"""Pairs of a table and ``json`` or ``parquet``."""


Wanted = tuple[list[bool], list[bool]]
"""For each row of a manifest, whether it is wanted, and whether its JSON Lines are wanted."""


def choose(manifest: pa.Table, selection: Selection, kinds: Kinds) -> Wanted:
    """Choose the rows of a manifest that a selection needs.

    Members without a table stay, with their files in quarantine, because they may belong to any
    table.

    Parameters
    ----------
    manifest : pa.Table
        The whole manifest.
    selection : Selection
        Stamps and countries.
    kinds : frozenset of (str, str)
        Pairs of a table and ``json`` or ``parquet``. Parquet is always wanted.
    """
    tables = {name for name, _ in kinds} | {None}
    with_json = {name for name, kind in kinds if kind == "json"}
    columns = (manifest[name].to_pylist() for name in ("date_stamp", "country", "table"))
    chosen, has_json = [], []
    for stamp, country, table in zip(*columns, strict=True):
        is_chosen = table in tables and selection.matches(stamp, country)
        chosen.append(is_chosen)
        has_json.append(is_chosen and table in with_json)
    return chosen, has_json


def extend(manifest: pa.Table, wanted: Wanted, held: pa.Table) -> Wanted:
    """Add the members that an earlier copy has."""
    names = ("date_stamp", "country", "member", "json_path")
    known = {}
    for *key, path in zip(*(held[name].to_pylist() for name in names), strict=True):
        known[tuple(key)] = path is not None
    keys = list(zip(*(manifest[name].to_pylist() for name in names[:3]), strict=True))
    chosen = [here or key in known for here, key in zip(wanted[0], keys, strict=True)]
    has_json = [here or known.get(key, False) for here, key in zip(wanted[1], keys, strict=True)]
    return chosen, has_json


def restrict(manifest: pa.Table, wanted: Wanted) -> pa.Table:
    """Return the wanted rows of a manifest.

    Returns
    -------
    pa.Table
        The rows. The columns of JSON Lines are null where they are not wanted.
    """
    chosen, has_json = (pa.array(flags, pa.bool_()) for flags in wanted)
    rows, with_json = manifest.filter(chosen), has_json.filter(chosen)
    for name in ("json_path", "json_bytes", "json_sha256", "json_start"):
        place, field = rows.schema.get_field_index(name), rows.schema.field(name)
        values = pc.if_else(with_json, rows[name], pa.scalar(None, field.type))
        rows = rows.set_column(place, field, values)
    return rows


def refuse_unsafe(manifest: pa.Table, url: str) -> None:
    """Refuse a manifest of a compact lake that lists files outside the folders of its partitions.

    Raises
    ------
    ValueError
        If a path, a stamp, a country or a table is not as movielake writes it.
    """
    for *pair, table, json, parquet, quarantine in zip(
        *(manifest[name].to_pylist() for name in _PLACES), strict=True
    ):
        stamp, country = pair
        safe = is_date_stamp(stamp) and table in (None, *TABLES)
        safe = safe and bool(COUNTRY.fullmatch(country))
        for kind, path in (("json", json), ("parquet", parquet)):
            if path is not None:
                folder, _, name = path.rpartition("/")
                safe = safe and folder == f"{kind}/{table}/country={country}"
                safe = safe and bool(NAME.fullmatch(name))
        for file in quarantine or ():
            folder, _, name = file["path"].rpartition("/")
            safe = safe and folder == quarantine_folder(*pair)
            safe = safe and bool(NAME.fullmatch(name))
        if not safe:
            raise ValueError(
                f"{url}: refused: {MANIFEST_TABLE} lists data outside its partitions "
                f"({stamp!r:.20}, {country!r:.20})"
            )
