"""The tables' schemas, read from ``schemas/*.toml``, the only source of every column.

A `Table` gives the Arrow schema and the elements that are always lists in JSON. Other modules make
the data dictionary (`movielake.schema.dictionary`), the JSON Schema
(`movielake.schema.jsonschemas`), and the lake's description for Frictionless tools
(`movielake.lake.descriptors`) from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

FORMAT: Final = 2
"""Version of the lake's format. It changes with every change of a schema or of the layout."""

TABLES: Final = ("movies", "theaters", "showings")
"""Names of the tables, in the order of display."""

_ARROW: Final[Mapping[str, pa.DataType]] = {
    "string": pa.string(),
    "markup": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "price": pa.float64(),
    "date": pa.date32(),
    "showtimes": pa.time64("us"),
    "timestamp": pa.timestamp("ms"),
    "boolean": pa.bool_(),
    "list": pa.list_(pa.string()),
    "map": pa.map_(pa.string(), pa.string()),
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Column name: the name of the element in the feed, if the column comes from one.
    type : str
        Type as in the schema files: string, markup, int32, float64, price, date, showtimes,
        timestamp, boolean, list, structs or map.
    description, example, unit : str
        Texts for the data dictionary. ``unit`` is empty for a column without a unit.
    paths : tuple of str
        Elements below the record that fill the column. Empty for a derived column.
    separator : str
        Text between the items of a ``list`` that stand in one element. Empty if each element holds
        one item.
    repeatable : bool
        Whether the element is always a list in JSON.
    key : bool
        Whether the column identifies a record within its partition.
    partition : bool
        Whether the column is a Hive partition key. The Parquet files do not contain such a column.
    references : str
        Table whose key this column points to, or empty.
    field : tuple of Column
        Fields of a ``structs`` column.
    """

    name: str
    type: str
    description: str
    example: str
    unit: str = ""
    paths: tuple[str, ...] = ()
    separator: str = ""
    repeatable: bool = False
    key: bool = False
    partition: bool = False
    references: str = ""
    field: tuple[Column, ...] = ()

    @property
    def arrow(self) -> pa.DataType:
        """Arrow type of the column."""
        if self.type == "structs":
            return pa.list_(pa.struct([(f.name, f.arrow) for f in self.field]))
        return _ARROW[self.type]

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the elements that fill the column, without wrappers and attributes."""
        leaves = (path.split("/@")[0].rpartition("/")[2] for path in self.paths)
        return tuple(dict.fromkeys(leaves))


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    Parameters
    ----------
    name : str
        ``movies``, ``theaters`` or ``showings``.
    root, record : str
        Root element of the feed's members of this table, and the element of one record.
    letter : str
        Last letter of the file names of this table (I, T or S).
    description : str
        Text for the data dictionary.
    columns : tuple of Column
        All columns. The partition keys come last.
    """

    name: str
    root: str
    record: str
    letter: str
    description: str
    columns: tuple[Column, ...]

    def __getitem__(self, name: str) -> Column:
        """Return the column with this name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(
            f"expected a column of {self.name}, found {name!r}; "
            f"its columns are {[c.name for c in self.columns]}"
        )

    @cached_property
    def arrow(self) -> pa.Schema:
        """Arrow schema of the Parquet files: every column but the partition keys."""
        return pa.schema([(c.name, c.arrow) for c in self.columns if not c.partition])

    @cached_property
    def with_fields(self) -> tuple[Column, ...]:
        """All columns. The fields of a structs column follow it, named ``column.field``."""
        return tuple(named for column in self.columns for named in (column, *_fields(column)))

    @cached_property
    def repeatable(self) -> frozenset[str]:
        """Names of the elements that are always a list in JSON."""
        return frozenset(e for c in self.columns if c.repeatable for e in c.elements)

    @cached_property
    def key(self) -> str | None:
        """Name of the key column, or None for a table without one."""
        return next((c.name for c in self.columns if c.key), None)


def _fields(column: Column) -> Iterator[Column]:
    for field in column.field:
        paths = tuple(f"{path}/{leaf}" for path in column.paths for leaf in field.paths)
        yield replace(field, name=f"{column.name}.{field.name}", paths=paths)


def shipped_folder(name: str) -> Path:
    """Find a folder shipped with the package: ``schemas``, ``jobs`` or ``docs/notebooks``.

    Parameters
    ----------
    name : str
        Name of the folder.

    Returns
    -------
    Path
        A folder inside the package (installed from a wheel) or beside it (a git checkout).

    Raises
    ------
    FileNotFoundError
        If neither folder exists. The installation is incomplete.
    """
    package = Path(__file__).parents[1]
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"expected a folder {name!r} in or beside {package}, found no such folder; "
        "reinstall movielake"
    )


@cache
def table(name: str) -> Table:
    """Read the schema of one table.

    Parameters
    ----------
    name : str
        ``movies``, ``theaters`` or ``showings``.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If no table has this name. The message lists the tables.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> table("showings")["show_time"].arrow
    Time64Type(time64[us])
    >>> sorted(table("theaters").repeatable)
    ['type']
    """
    if name not in TABLES:
        raise ValueError(f"expected one of the tables {', '.join(TABLES)}, found {name!r}")
    with (shipped_folder("schemas") / f"{name}.toml").open("rb") as file:
        text = tomllib.load(file)
    return Table(
        name=text["table"],
        root=text["root"],
        record=text["record"],
        letter=text["letter"],
        description=text["description"],
        columns=tuple(_column(entry) for entry in text["column"]),
    )


def _column(entry: Mapping[str, Any]) -> Column:
    fields = tuple(_column(field) for field in entry.get("field", ()))
    return Column(**{**entry, "paths": tuple(entry.get("paths", ())), "field": fields})


@cache
def table_of_root(root: str) -> Table | None:
    """Return the table that a member belongs to, by its root element.

    Parameters
    ----------
    root : str
        Name of the root element.

    Returns
    -------
    Table or None
        None if no table has this root element.
    """
    return next((t for t in map(table, TABLES) if t.root == root), None)
