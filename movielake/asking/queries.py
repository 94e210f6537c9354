"""Queries: a question in SQL, answered by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from movielake.asking.connection import duckdb_connection, import_duckdb

if TYPE_CHECKING:
    import duckdb

_QUESTIONS: Final = ("SELECT", "EXPLAIN")
"""Kinds of statements that change nothing. DuckDB counts DESCRIBE and SUMMARIZE as SELECT."""

ROWS: Final = 20_000
"""Rows in a batch of an answer. Ten times as many need 100 MB more for the widest rows."""


def sql(lake: str, query: str, *, current: str = "movie") -> pa.Table:
    """Ask a question in SQL.

    Parameters
    ----------
    lake : str
        Path of a lake on this machine, in either layout.
    query : str
        One SELECT in the SQL of DuckDB, on the views of `duckdb_connection`: ``showings``,
        ``movies``, ``theaters``, ``current_showings`` and ``joined``.
    current : {"movie", "theater"}, optional
        What a later snapshot replaces as a whole, as described for `ShowingsReader`.

    Returns
    -------
    pa.Table
        The answer.

    Raises
    ------
    ValueError
        If the query is no single SELECT or if DuckDB refuses it. The message is that of DuckDB in
        one line.
    FileNotFoundError
        If the lake does not exist.
    ModuleNotFoundError
        If the extra ``sql`` is not installed.

    Examples
    --------
    >>> from movielake import sql
    >>> answer = sql("lake", "SELECT country, count(*) AS n FROM theaters GROUP BY ALL ORDER BY 1")
    >>> answer.column_names
    ['country', 'n']
    """
    with ask(lake, query, current=current) as batches:
        return batches.read_all()


@contextmanager
def ask(lake: str, query: str, **options: Any) -> Iterator[pa.RecordBatchReader]:
    """Ask a question in SQL, and read the answer in batches within a context.

    Parameters
    ----------
    lake, query
        As for `sql`.
    **options
        Options of `duckdb_connection`.

    Yields
    ------
    pa.RecordBatchReader
        The answer, in batches of at most `ROWS` rows.

    Raises
    ------
    ValueError
        As for `sql`, also while the batches are read.
    """
    with duckdb_connection(lake, **options) as connection, _explained():
        _check(connection, query)
        yield connection.sql(query).to_arrow_reader(ROWS)


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuse everything but one question."""
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise ValueError(f"expected one statement of SQL, found {len(statements)}")
    kind = statements[0].type.name
    if kind not in _QUESTIONS:
        raise ValueError(f"expected a SELECT, found {kind}; a query cannot change anything")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn an error of DuckDB into one line.

    An error while Arrow reads from DuckDB comes as an error of Arrow.
    """
    try:
        yield
    except (import_duckdb().Error, pa.ArrowException) as error:
        text = " ".join(str(error).replace("^", "").split())
        raise ValueError(text) from None
