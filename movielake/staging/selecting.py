"""Selections of a manifest: the members that a compact copy needs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.bounds import each
from movielake.names.layout import Selection

Kinds = frozenset[tuple[str, str]]
"""Pairs of a table and ``json`` or ``parquet``."""


Wanted = tuple[np.ndarray, np.ndarray]
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
    chosen = (
        each(manifest["table"], lambda table: table in tables)
        & each(manifest["date_stamp"], selection.means_stamp)
        & each(manifest["country"], selection.means_country)
    )
    return chosen, chosen & each(manifest["table"], lambda table: table in with_json)


def extend(manifest: pa.Table, wanted: Wanted, held: pa.Table) -> Wanted:
    """Add the members that an earlier copy has."""
    names = ("date_stamp", "country", "member", "json_path")
    known = {}
    for *key, path in zip(*(held[name].to_pylist() for name in names), strict=True):
        known[tuple(key)] = path is not None
    keys = list(zip(*(manifest[name].to_pylist() for name in names[:3]), strict=True))
    is_held = np.array([key in known for key in keys], bool)
    holds_json = np.array([known.get(key, False) for key in keys], bool)
    return wanted[0] | is_held, wanted[1] | holds_json


def restrict(manifest: pa.Table, wanted: Wanted) -> pa.Table:
    """Return the wanted rows of a manifest.

    Returns
    -------
    pa.Table
        The rows. The columns of JSON Lines are null where they are not wanted.
    """
    chosen, has_json = wanted
    rows = manifest if chosen.all() else manifest.filter(pa.array(chosen))
    without = ~has_json[chosen]
    if not (without & rows["json_path"].is_valid().to_numpy().astype(bool)).any():
        return rows
    for name in ("json_path", "json_bytes", "json_sha256", "json_start"):
        place, field = rows.schema.get_field_index(name), rows.schema.field(name)
        values = pc.if_else(pa.array(without), pa.scalar(None, field.type), rows[name])
        rows = rows.set_column(place, field, values)
    return rows
