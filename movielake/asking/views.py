"""Views: the tables of a lake in the SQL of DuckDB.

A view reads exactly the files that the manifest lists, so it never sees a file of another program
or of a conversion that has not ended. Its keys are texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from movielake.joining.lookups import ID
from movielake.reading.blocks import BLOCKS, TIME
from movielake.reading.files import KEYS
from movielake.reading.holdings import Holdings
from movielake.schema.tables import table

_ALIASES: Final = {"movies": "m", "theaters": "t"}
_LABELS: Final = ("extra", "source_xml")


def view_of_table(held: Holdings, stamps: Sequence[str] | None = None) -> str:
    """Write the statement that makes the view of a table.

    Parameters
    ----------
    held : Holdings
        The files of the table. At least one.
    stamps : sequence of str, optional
        The only date stamps of the view. Files of a compact lake have others too.

    Returns
    -------
    str
        The view has the columns of the table and the keys.
    """
    paths = ", ".join(quoted(plain(path)) for path in dict.fromkeys(held.paths("parquet")))
    columns = ", ".join(f'"{name}"' for name in (*held.table.arrow.names, *KEYS))
    read = f"read_parquet([{paths}], hive_partitioning = true, hive_types_autocast = false)"
    return f"CREATE VIEW {held.table.name} AS SELECT {columns} FROM {read} {_only(stamps)}"


def _only(stamps: Sequence[str] | None) -> str:
    if stamps is None:
        return ""
    return f"WHERE date_stamp IN ({', '.join(map(quoted, stamps))})"


def view_of_current(rule: str, *, some: bool, every: bool) -> str:
    """Write the statement that makes the view of the current showings.

    Parameters
    ----------
    rule : {"movie", "theater"}
        What a later snapshot replaces as a whole, as described for `ShowingsReader`.
    some, every : bool
        Whether some partitions, or all of them, can be superseded. If only some, the table
        ``contested`` has their keys, and ``involved`` those of the partitions that can supersede
        them too. The others are read as they are.

    Returns
    -------
    str
        The source of a block is the newest snapshot with a time for it or, if none has a time, the
        newest one. Rows without a film, theater or day have no block, so each of them stays.
    """
    if not some:
        return "CREATE VIEW current_showings AS FROM showings"
    if every:
        return f"CREATE VIEW current_showings AS {_current(rule, 'showings', 'showings')}"
    keys = ", ".join(KEYS)
    contested, involved = (
        f"(FROM showings SEMI JOIN {name} USING ({keys}))" for name in ("contested", "involved")
    )
    return f"""
        CREATE VIEW current_showings AS
        FROM showings ANTI JOIN contested USING ({keys})
        UNION ALL {_current(rule, contested, involved)}
    """


def _current(rule: str, showings: str, involved: str) -> str:
    block = ", ".join(("country", *BLOCKS[rule]))
    return f"""
        SELECT s.* FROM {showings} s LEFT JOIN (
            SELECT {block},
                coalesce(max(date_stamp) FILTER ({TIME} IS NOT NULL), max(date_stamp)) AS source
            FROM {involved} GROUP BY {block}
        ) USING ({block})
        WHERE source IS NULL OR source = date_stamp
    """


def view_of_joined(name: str, showings: str) -> str:
    """Write the statement that makes a view of showings with their movies and theaters.

    Parameters
    ----------
    name : str
        Name of the view.
    showings : str
        Name of the view of the showings.

    Returns
    -------
    str
        The columns are those of `join_showings`: a column of both tables has the showing's own
        value or, where that is null, the value of its movie or theater.
    """
    shown = {name: f"s.{name}" for name in (*table("showings").arrow.names, *KEYS)}
    for other, alias in _ALIASES.items():
        for column in table(other).arrow.names:
            if column in _LABELS or column == ID[other]:
                continue
            own = shown.get(column)
            shown[column] = f"coalesce({own}, {alias}.{column})" if own else f"{alias}.{column}"
    columns = ", ".join(f'{value} AS "{column}"' for column, value in shown.items())
    joins = " ".join(
        f"LEFT JOIN last_{other} {alias} USING ({', '.join((*KEYS, ID[other]))})"
        for other, alias in _ALIASES.items()
    )
    return f"CREATE VIEW {name} AS SELECT {columns} FROM {showings} s {joins}"


def view_of_last(held: Holdings) -> str:
    """Write the statement that makes the view of the last row of each id in each partition.

    Few partitions have an id twice. The order of their members in the manifest and the order of the
    rows decide which one is the last. As a GROUP BY, the view reads only the files and columns that
    a query needs. A DISTINCT ON would read the whole table (DuckDB 2.0.1).
    """
    name, key = held.table.name, ID[held.table.name]
    keys = ", ".join((*KEYS, key))
    paths = ", ".join(quoted(plain(path)) for path in dict.fromkeys(held.paths("parquet")))
    rank = f"{_place_of_member(held)} + file_row_number"
    columns = ", ".join(
        f'arg_max_null("{column}", {rank}) AS "{column}"'
        for column in held.table.arrow.names
        if column != key
    )
    return f"""
        CREATE VIEW last_{name} AS
        SELECT {keys}, {columns} FROM read_parquet([{paths}], hive_partitioning = true,
            hive_types_autocast = false, filename = true, file_row_number = true)
        WHERE {key} IS NOT NULL GROUP BY {keys}
    """


def _place_of_member(held: Holdings) -> str:
    """Write an expression for the place of a row's member among the members of its partition."""
    if held.shares_parquet:  # a partition is in one file, with its members in order
        return "0"
    places = [
        (file.path, number)
        for group in held.partitions()
        for number, file in enumerate(group.files)
        if number
    ]
    cases = " ".join(f"WHEN {quoted(path)} THEN {number << 40}" for path, number in places)
    return f"CASE filename {cases} ELSE 0 END" if cases else "0"


def plain(path: str) -> str:
    """Write a path so that DuckDB finds no pattern in it."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)


def quoted(text: str) -> str:
    """Write a text in SQL."""
    return "'" + text.replace("'", "''") + "'"
