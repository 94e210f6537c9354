"""Connections of DuckDB to a lake, which read no other file."""

from __future__ import annotations

import tempfile
import uuid
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from movielake.asking.views import (
    plain,
    quoted,
    view_of_current,
    view_of_joined,
    view_of_last,
    view_of_table,
)
from movielake.cluster.machine import machine_cpus, machine_memory
from movielake.names.hints import suggest_name
from movielake.names.layout import Folder, Selection, Terms
from movielake.reading.current import AttachSnapshots
from movielake.reading.files import KEYS
from movielake.reading.finding import hold, hold_or_nothing
from movielake.reading.holdings import Holdings
from movielake.schema.tables import TABLES, table

if TYPE_CHECKING:
    import duckdb

RULES: Final = ("movie", "theater")
_SHARE_OF_MEMORY: Final = 0.5


def duckdb_connection(
    lake: str,
    *,
    countries: Terms = None,
    date_stamps: Terms = None,
    current: str = "movie",
    memory: int | None = None,
    threads: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Connect DuckDB to a lake.

    Parameters
    ----------
    lake : str
        Path of a lake on this machine, in either layout.
    countries, date_stamps : str, iterable of str or slice, optional
        The only partitions of the views, as for `ShowingsReader`. Default: all.
    current : {"movie", "theater"}, optional
        What a later snapshot replaces as a whole, as described for `ShowingsReader`.
    memory : int, optional
        Most bytes that DuckDB keeps in memory. Default: half of the memory of the job.
    threads : int, optional
        Number of threads. Default: all CPUs of the job.

    Returns
    -------
    duckdb.DuckDBPyConnection
        A database in memory with these views:

        - ``showings``, ``movies``, ``theaters``: all rows of the tables
        - ``current_showings``: showings that no later snapshot supersedes, so that a screening
          counts once
        - ``joined``: current showings with the columns of their movie and theater, as in
          `join_showings`; ``joined_showings`` has all showings

        ``date_stamp`` and ``country`` are texts. A condition on them skips files.

    Raises
    ------
    FileNotFoundError
        If the lake does not exist.
    ValueError
        If the lake is not on this machine, has no showings in Parquet, or ``current`` has another
        value.
    ModuleNotFoundError
        If the extra ``sql`` is not installed.

    Notes
    -----
    The connection reaches no network, loads no extension and reads no file outside the lake. Its
    settings cannot be changed. What does not fit in memory goes to the
    folder for temporary files. DuckDB has no right to read only: a COPY can write into the
    lake. `movielake.sql` refuses everything but questions.

    Examples
    --------
    >>> from movielake import duckdb_connection
    >>> connection = duckdb_connection("lake")
    >>> connection.sql("SELECT count(*) FROM theaters WHERE country = 'swe'").fetchall()
    [(11,)]
    """
    duckdb = import_duckdb()
    if current not in RULES:
        hint = suggest_name(current, RULES)
        raise ValueError(f"expected current='movie' or current='theater', found {current!r}{hint}")
    selection = Selection(date_stamps, countries)
    held = _tables(Folder(str(lake)), selection)
    is_part = held["showings"].shares_parquet and date_stamps is not None
    stamps = [*filter(selection.means_stamp, held["showings"].date_stamps)]
    connection = duckdb.connect(config=_settings(memory, threads))
    for name in TABLES:
        if name in held:
            connection.execute(view_of_table(held[name], stamps if is_part else None))
            if name != "showings":
                connection.execute(view_of_last(held[name]))
        else:  # a feed of China alone has no movies and no theaters
            for each in (name, f"last_{name}"):
                connection.from_arrow(_no_rows(name)).create(each)
    _make_current(connection, held["showings"], current)
    connection.execute(view_of_joined("joined", "current_showings"))
    connection.execute(view_of_joined("joined_showings", "showings"))
    _lock(connection, held["showings"].folder)
    return connection  # type: ignore[no-any-return]


def import_duckdb() -> Any:
    """Import DuckDB.

    Raises
    ------
    ModuleNotFoundError
        If the extra ``sql`` is not installed. The message says how to install it.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "expected the package duckdb for questions in SQL, found none; "
            "pip install 'movielake[sql]'",
            name="duckdb",
        ) from None
    return duckdb


def _tables(lake: Folder, selection: Selection) -> dict[str, Holdings]:
    """Find the files of each table that the lake has."""
    if not lake.is_local:
        raise ValueError(
            f"expected a lake on this machine for SQL, found {lake.url}; copy it first with: "
            f"movielake stage {lake.url} FOLDER"
        )
    held = {"showings": hold(lake.url, table("showings"), selection)}
    for name in ("movies", "theaters"):
        others = hold_or_nothing(lake, table(name), selection)
        if len(others):
            held[name] = others
    for name, holdings in held.items():
        if holdings.kind != "parquet":
            raise ValueError(
                f"expected Parquet of {name} in {lake.url}, found JSON Lines only; convert the "
                "feed to a lake first"
            )
        holdings.check("parquet")
    return held


def _settings(memory: int | None, threads: int | None) -> dict[str, str]:
    return {
        "threads": str(threads or machine_cpus()),
        "memory_limit": f"{(memory or int(machine_memory() * _SHARE_OF_MEMORY)) >> 20}MiB",
        # A folder of its own, because queries can read it. DuckDB makes it only when needed.
        "temp_directory": f"{tempfile.gettempdir()}/movielake-{uuid.uuid4().hex}",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }


def _make_current(connection: duckdb.DuckDBPyConnection, showings: Holdings, rule: str) -> None:
    """Make the view of current showings, and the tables of keys that it needs."""
    contested, involved = AttachSnapshots(showings, showings).contested()
    every = len(contested) == len(showings.partitions())
    if contested and not every:
        for name, pairs in (("contested", contested), ("involved", involved)):
            rows = [dict(zip(KEYS, pair, strict=True)) for pair in sorted(pairs)]
            connection.from_arrow(pa.Table.from_pylist(rows)).create(name)
    connection.execute(view_of_current(rule, some=bool(contested), every=every))


def _lock(connection: duckdb.DuckDBPyConnection, lake: Folder) -> None:
    """Allow only the files of the lake from now on, and no other setting."""
    place = lake.join("")
    # DuckDB compares the path as it is written in the view, too.
    places = ", ".join(map(quoted, {place, plain(place)}))
    for setting in (
        "enable_progress_bar = false",  # it would go between the lines of an answer
        f"allowed_directories = [{places}]",
        "enable_external_access = false",
        "python_enable_replacements = false",  # a query sees no variable of Python
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _no_rows(name: str) -> pa.Table:
    fields = [*table(name).arrow, *(pa.field(key, pa.string()) for key in KEYS)]
    return pa.schema(fields).empty_table()
