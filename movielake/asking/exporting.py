"""Export: rows or counts of a lake as one file that other programs open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from movielake.asking.forms import form_of, write_file
from movielake.asking.queries import ask
from movielake.asking.views import quoted
from movielake.names.countries import name_of_country, read_countries, read_other_codes
from movielake.names.hints import suggest_name
from movielake.names.layout import Terms
from movielake.reading.files import KEYS
from movielake.schema.tables import TABLES, table

LIMITS: Final = {"memory": 144 << 20, "threads": 1}
"""Limits for DuckDB, so that an export of any size takes less than half a gigabyte in all.

More threads would keep more rows in memory at a time.
"""

_DERIVED: Final = {
    "country_name": "",  # see `_expression`
    "local_date": "CAST(starts_at AS DATE)",
    "hour": "CAST(hour(show_time) AS TINYINT)",
    "weekday": "dayname(show_date)",
    "week": "CAST(date_trunc('week', show_date) AS DATE)",
}
"""Columns that an export adds: the definition in SQL."""

AGGREGATES: Final = (
    *KEYS,
    *_DERIVED,
    *("show_date", "show_attributes", "show_sound", "show_festival", "bargain"),
    *("genre", "lang", "rating", "running_time"),
)
"""Columns that name no film, no theater and no place below the country."""


def write_query(
    name: str,
    *,
    joined: bool = False,
    current: bool = False,
    columns: Sequence[str] | None = None,
    count: bool = False,
    aggregate: bool = False,
) -> str:
    """Write the query of an export.

    Parameters
    ----------
    name, joined, current, columns, count, aggregate
        As for `export`.

    Returns
    -------
    str
        A SELECT on the views of `duckdb_connection`.

    Raises
    ------
    ValueError
        If an argument has no meaning.
    """
    view = _view(name, joined, current)
    known = _columns_of(name, joined)
    if columns is None:
        if count or aggregate:
            raise ValueError(
                "expected columns to count by, found none; name them with columns= (--columns)"
            )
        columns = known
    _check_columns(columns, known, name)
    if aggregate:
        _check_aggregate(columns)
    shown = [f'{_expression(column)} AS "{column}"' for column in columns]
    if not (count or aggregate):
        return f"SELECT {', '.join(shown)} FROM {view}"
    number = "count(show_time) AS screenings" if name == "showings" else 'count(*) AS "rows"'
    timed = "WHERE show_time IS NOT NULL" if name == "showings" else ""
    return f"SELECT {', '.join([*shown, number])} FROM {view} {timed} GROUP BY ALL ORDER BY ALL"


def _view(name: str, joined: bool, current: bool) -> str:
    """Return the name of the view."""
    if name not in TABLES:
        hint = suggest_name(name, TABLES)
        raise ValueError(f"expected a table out of {', '.join(TABLES)}, found {name!r}{hint}")
    if name != "showings" and (joined or current):
        raise ValueError(f"expected table='showings' for joined and current, found {name!r}")
    if joined:
        return "joined" if current else "joined_showings"
    return "current_showings" if current else name


def _columns_of(name: str, joined: bool) -> list[str]:
    """List the columns of a view, with the keys first."""
    columns = [*KEYS, *table(name).arrow.names]
    if joined:
        columns += [c for other in ("movies", "theaters") for c in table(other).arrow.names]
    return list(dict.fromkeys(columns))


def _check_columns(columns: Sequence[str], known: Sequence[str], name: str) -> None:
    derived = _DERIVED if name == "showings" else ["country_name"]
    for column in columns:
        if column not in known and column not in derived:
            hint = suggest_name(column, [*known, *derived])
            raise ValueError(
                f"expected columns of {name}, or one of {', '.join(derived)}, "
                f"found {column!r}{hint}"
            )


def _check_aggregate(columns: Sequence[str]) -> None:
    refused = [column for column in columns if column not in AGGREGATES]
    if refused:
        raise ValueError(
            f"expected columns without names and places for an aggregate, out of "
            f"{', '.join(AGGREGATES)}; found {', '.join(refused)}"
        )


def _expression(column: str) -> str:
    if column == "country_name":
        codes = sorted(read_countries() | read_other_codes())
        names = " ".join(f"WHEN '{code}' THEN {quoted(name_of_country(code))}" for code in codes)
        return f"CASE country {names} ELSE country END"
    return _DERIVED.get(column, f'"{column}"')


def export(
    lake: str,
    file: str,
    *,
    table: str = "showings",
    joined: bool = False,
    current: bool | str = False,
    columns: Sequence[str] | None = None,
    count: bool = False,
    aggregate: bool = False,
    countries: Terms = None,
    date_stamps: Terms = None,
    force: bool = False,
) -> int:
    """Write rows or counts of a lake to a file: CSV, Parquet, JSON Lines or a spreadsheet.

    Parameters
    ----------
    lake : str
        Path of a lake on this machine.
    file : str
        Path or URL of the file. Its ending says its form: ``.csv``, ``.csv.gz``, ``.parquet``,
        ``.json`` (JSON Lines) or ``.xlsx``.
    table : {"showings", "movies", "theaters"}, optional
        The table.
    joined : bool, optional
        Add the columns of the movie and the theater to showings, as `join_showings` does.
    current : bool or {"movie", "theater"}, optional
        Leave out showings that a later snapshot supersedes, as described for `ShowingsReader`.
    columns : sequence of str, optional
        Columns of the file, in order. Default: all columns of the table and the keys. More can be
        named: ``country_name``; and for showings ``week`` (its Monday) and ``weekday`` (in English)
        of ``show_date``, ``hour`` of ``show_time``, and ``local_date`` of ``starts_at``.
    count : bool, optional
        Write one row for each combination of values of ``columns``, with the number of screenings
        (``screenings``) or, for movies and theaters, of rows (``rows``).
    aggregate : bool, optional
        Accept only columns that name no film, no theater and no place below the country, and count.
        For sharing what a licence forbids to share.
    countries, date_stamps : str, iterable of str or slice, optional
        Selection, as for `ShowingsReader`. Default: all.
    force : bool, optional
        Replace a file that exists, and write also into a lake or a feed.

    Returns
    -------
    int
        Number of rows in the file.

    Raises
    ------
    FileNotFoundError
        If the lake does not exist.
    FileExistsError
        If the file exists.
    ValueError
        If an argument has no meaning, if the selection is empty, or if the rows do not fit in a
        spreadsheet.
    ModuleNotFoundError
        If the extra ``sql`` is not installed.

    Notes
    -----
    The file appears complete or not at all. The rows are streamed, so memory is bounded whatever
    their number. Lists become texts with semicolons in CSV and spreadsheets. CSV has texts as they
    are; a spreadsheet program can take a text in it that begins with ``=`` for a formula, and never
    does so in ``.xlsx``.

    Examples
    --------
    >>> import os, tempfile
    >>> from movielake import export
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     columns = ["movie_id", "title", "week"]
    ...     choice = {"joined": True, "current": True, "columns": columns, "count": True}
    ...     rows = export("lake", f"{folder}/weeks.xlsx", countries="deu", **choice)
    >>> rows > 10
    True
    """
    form_of(file)  # a wrong ending is an error before the work begins
    query = write_query(
        table,
        joined=joined,
        current=bool(current),
        columns=columns,
        count=count,
        aggregate=aggregate,
    )
    rule = current if isinstance(current, str) else "movie"
    selection = {"countries": countries, "date_stamps": date_stamps}
    with ask(lake, query, current=rule, **LIMITS, **selection) as batches:
        return write_file(batches, file, force=force)
