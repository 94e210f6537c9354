"""Comparison of two snapshots: the films, theaters and screenings that came, went or changed."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from movielake.asking.queries import ask
from movielake.asking.views import quoted
from movielake.names.hints import suggest_name
from movielake.names.layout import Folder, Selection, Terms
from movielake.reading.finding import hold, hold_or_nothing
from movielake.schema.tables import TABLES, table

_SOURCES: Final = ("date_stamp", "source_xml", "record")
"""Columns that differ in every snapshot."""

_SCREENING: Final = ("movie_id", "theater_id", "show_date", "show_time")
_IDENTITIES: Final = {
    "movies": ("movies", ("movie_id",), "title"),
    "theaters": ("theaters", ("theater_id",), "theater_name"),
    "screenings": ("showings", _SCREENING, "movie_name"),
}
"""What is compared: its table, the columns that identify it in a country, and its name."""

KINDS: Final = tuple(_IDENTITIES)

_COUNTS: Final = """
    greatest(o - n, 0) AS went, greatest(n - o, 0) AS came, least(o, n) - same AS changed
"""


def diff(
    lake: str, old: str, new: str, *, countries: Terms = None, each: str | None = None
) -> pa.Table:
    """Compare two snapshots of a lake by country.

    Parameters
    ----------
    lake : str
        Path of a lake on this machine, in either layout.
    old, new : str
        Date stamps, such as ``"20191206"``.
    countries : str, iterable of str or slice, optional
        Selection, as for `ShowingsReader`. Default: all.
    each : {"movies", "theaters", "screenings"}, optional
        Return one row for each movie, theater or screening that differs. Default: counts.

    Returns
    -------
    pa.Table
        ``country``, ``kind`` (see ``each``), and int64 counts: ``old`` and ``new`` (rows of the
        snapshots), ``went``, ``came`` and ``changed``, so that ``new = old - went + came``. The
        counts are null if one of the snapshots lacks the country. With ``each``: the columns that
        identify a row, its name, ``went``, ``came`` and ``changed``.

    Raises
    ------
    FileNotFoundError
        If the lake does not exist.
    ValueError
        If a snapshot does not exist, if both are the same, or if ``each`` has another value.
    ModuleNotFoundError
        If the extra ``sql`` is not installed.

    Notes
    -----
    A movie is identified by its country and movie_id, a theater by its country and theater_id, and
    a screening by its country, movie_id, theater_id, date and time. It has changed if another
    column differs; for screenings, these are ``bargain`` and the columns ``show_…``. Rows with the
    same identity are paired, equal ones first. Snapshots have the coming days, so most screenings
    of the old one are over in a later one, and count as gone.

    Examples
    --------
    >>> from movielake import diff
    >>> diff("lake", "20191206", "20191213", countries="deu").column_names
    ['country', 'kind', 'old', 'new', 'went', 'came', 'changed']
    """
    _check(old, new, each)
    complete, others = _countries(lake, old, new, countries)
    kinds = [each] if each else KINDS
    found = [_ask(lake, kind, old, new, complete, each is not None) for kind in kinds]
    if each:
        return found[0]
    rows = pa.concat_tables(found).to_pylist()
    counted = {(row["country"], row["kind"]): row for row in rows}
    zeros = dict.fromkeys(("old", "new", "went", "came", "changed"), 0)
    return pa.Table.from_pylist(
        [
            {"country": country, "kind": kind}
            | ({} if country in others else counted.get((country, kind), zeros))
            for country in sorted({*complete, *others})
            for kind in KINDS
        ],
        pa.schema(
            [("country", pa.string()), ("kind", pa.string())]
            + [(name, pa.int64()) for name in zeros]
        ),
    )


def _check(old: str, new: str, each: str | None) -> None:
    if old == new:
        raise ValueError(f"expected two date stamps, found {old} twice")
    if each is not None and each not in KINDS:
        hint = suggest_name(each, KINDS)
        raise ValueError(f"expected each to be one of {', '.join(KINDS)}, found {each!r}{hint}")


def _countries(lake: str, old: str, new: str, countries: Terms) -> tuple[list[str], set[str]]:
    """Return the countries that both snapshots have, and those that only one has."""
    found = []
    for stamp in (old, new):
        selection = Selection([stamp], countries)
        hold(lake, table("showings"), selection)  # raises if there is none
        parts = [hold_or_nothing(Folder(str(lake)), table(n), selection) for n in TABLES]
        found.append({c for held in parts for c in held.files["country"].to_pylist()})
    return sorted(found[0] & found[1]), found[0] ^ found[1]


def _ask(lake: str, kind: str, old: str, new: str, countries: list[str], each: bool) -> pa.Table:
    query = _query(kind, old, new, each)
    where = ", ".join(map(quoted, countries)) or "NULL"
    with ask(lake, query.replace("{countries}", where), date_stamps=[old, new]) as batches:
        return batches.read_all()


def _query(kind: str, old: str, new: str, each: bool) -> str:
    """Write the query that pairs the rows of two snapshots, and counts what is left over."""
    name, identity, label = _IDENTITIES[kind]
    known = [column for column in table(name).arrow.names if column not in _SOURCES]
    if kind == "screenings":
        known = [c for c in known if c == "bargain" or c.startswith("show_")]
    others = [f'"{column}"' for column in known if column not in identity]
    keys = ", ".join(("country", *identity))
    timed = "AND show_time IS NOT NULL" if kind == "screenings" else ""
    pairs = f"""
        WITH equal AS (
            SELECT {keys}, min({label}) AS {label},
                count(*) FILTER (date_stamp = {quoted(old)}) AS o,
                count(*) FILTER (date_stamp = {quoted(new)}) AS n
            FROM {name} WHERE country IN ({{countries}}) {timed}
            GROUP BY {keys}, {", ".join(others)}
        ), paired AS (
            SELECT {keys}, min({label}) AS {label}, CAST(sum(o) AS BIGINT) AS o,
                CAST(sum(n) AS BIGINT) AS n, CAST(sum(least(o, n)) AS BIGINT) AS same
            FROM equal GROUP BY {keys}
        ), counted AS (SELECT *, {_COUNTS} FROM paired)
    """
    if each:
        return f"""{pairs} SELECT {keys}, {label}, went, came, changed FROM counted
            WHERE went + came + changed > 0 ORDER BY {keys}"""
    sums = ", ".join(
        f'CAST(sum({c}) AS BIGINT) AS "{name}"'
        for c, name in (("o", "old"), ("n", "new"), *((c, c) for c in ("went", "came", "changed")))
    )
    return f"{pairs} SELECT country, {quoted(kind)} AS kind, {sums} FROM counted GROUP BY country"
