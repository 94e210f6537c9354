"""The columns of the tables in the words of other engines, so that an engine infers no type.

Each text is a program of its engine. It names two things for each table: the rows in Parquet, such
as ``showings``, and the records in JSON Lines, such as ``showings_json``.

An element of a record is null, a text, or an object of its attributes and elements. The same
element can be a text in one record and an object in the next one. DuckDB, Polars, Spark and
ClickHouse read an object as its JSON where they expect a text. So each element is a text here, or a
list of texts if it is repeatable. Arrow raises an error for an object. So its schemas leave out the
elements that can have attributes or elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from movielake.schema.tables import Column, Table

_Fields = list[tuple[str, str]]

_COLUMNS: Final = ("polars", "arrow", "spark", "clickhouse")
_TYPES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "string": ("pl.String", "pa.string()", "string", "Nullable(String)"),
    "markup": ("pl.String", "pa.string()", "string", "Nullable(String)"),
    "int32": ("pl.Int32", "pa.int32()", "int", "Nullable(Int32)"),
    "int64": ("pl.Int64", "pa.int64()", "bigint", "Nullable(Int64)"),
    "float64": ("pl.Float64", "pa.float64()", "double", "Nullable(Float64)"),
    "price": ("pl.Float64", "pa.float64()", "double", "Nullable(Float64)"),
    "date": ("pl.Date", "pa.date32()", "date", "Nullable(Date32)"),
    "showtimes": ("pl.Time", 'pa.time64("us")', "time(6)", "Nullable(Time64(6))"),
    "timestamp": (
        'pl.Datetime("ms")',
        'pa.timestamp("ms")',
        "timestamp_ntz",
        # Without a zone, ClickHouse moves the local times by the zone of the session.
        "Nullable(DateTime64(3, 'UTC'))",
    ),
    "boolean": ("pl.Boolean", "pa.bool_()", "boolean", "Nullable(Bool)"),
    "list": (
        "pl.List(pl.String)",
        "pa.list_(pa.string())",
        "array<string>",
        "Array(Nullable(String))",
    ),
    "map": (
        "pl.Map(pl.String, pl.String)",
        "pa.map_(pa.string(), pa.string())",
        "map<string, string>",
        "Map(String, Nullable(String))",
    ),
}

_TOP: Final = {
    "polars": "import polars as pl\n\nkeys = {'date_stamp': pl.String, 'country': pl.String}\n",
    "arrow": (
        "import pyarrow as pa\nimport pyarrow.dataset as ds\n\n"
        'keys = pa.schema([("date_stamp", pa.string()), ("country", pa.string())])\n'
        'hive = ds.partitioning(keys, flavor="hive")\n'
    ),
}


def engine_types(tables: Iterable[Table], engine: str) -> str:
    """Write the columns of tables for an engine: of the Parquet rows and of the JSON records.

    Parameters
    ----------
    tables : iterable of Table
        The tables.
    engine : {"duckdb", "polars", "arrow", "spark", "clickhouse"}
        The engine. DuckDB and ClickHouse get SQL, the other engines get Python.

    Returns
    -------
    str
        A program that ends with a line end. SQL defines a macro or view that takes the files.
        Python defines a schema that the engine's readers take.

    Raises
    ------
    ValueError
        If the engine is not one of these five.

    Examples
    --------
    >>> from movielake.schema.engines import engine_types
    >>> from movielake.schema.tables import table
    >>> print(engine_types([table("showings")], "spark").split(",")[0])
    showings = '''
      `record` int
    """
    if engine not in ENGINES:
        raise ValueError(f"expected one of the engines {', '.join(ENGINES)}, found {engine!r}")
    write = _WRITERS[engine]
    parts = [write(name, fields) for table in tables for name, fields in _named(table, engine)]
    return "\n".join([*filter(None, [_TOP.get(engine, "")]), *parts])


def _named(table: Table, engine: str) -> Iterator[tuple[str, _Fields]]:
    """Yield the names and columns of a table's rows and of its records."""
    if engine == "duckdb":
        yield table.name, []  # the Parquet files state the types
    else:
        yield table.name, [(column.name, _type(column, engine)) for column in table.columns]
    yield f"{table.name}_json", _records(table, engine)


def _records(table: Table, engine: str) -> _Fields:
    """List the elements of a record with their types, and the keys that each record has."""
    paths = [path for column in table.columns for path in column.paths]
    nested = {path.split("/")[0] for path in paths if "/" in path}
    nested |= {p for c in table.columns if c.field or c.type == "markup" for p in c.paths}
    names = dict.fromkeys(path.split("/")[0] for path in paths)
    if engine == "arrow":
        names = dict.fromkeys(name for name in names if name not in nested)
    own = dict.fromkeys(("country", "date_stamp", "source_xml"))
    found = []
    for name in names | own:
        text, texts = _texts(engine, name in nested)
        found.append((name, texts if name in table.repeatable else text))
    return found


def _texts(engine: str, nested: bool) -> tuple[str, str]:
    """Return the types of a text and of a list of texts."""
    if engine == "duckdb":  # JSON shows whether an element is a text or an object
        return ("JSON", "JSON[]") if nested else ("VARCHAR", "VARCHAR[]")
    place = _COLUMNS.index(engine)
    return _TYPES["string"][place], _TYPES["list"][place]


def _type(column: Column, engine: str) -> str:
    if column.type != "structs":
        return _TYPES[column.type][_COLUMNS.index(engine)]
    fields = [(field.name, _type(field, engine)) for field in column.field]
    if engine == "polars":
        return f"pl.List(pl.Struct({{{', '.join(f'{n!r}: {t}' for n, t in fields)}}}))"
    if engine == "arrow":
        return f"pa.list_(pa.struct([{', '.join(f'({n!r}, {t})' for n, t in fields)}]))"
    if engine == "spark":
        return f"array<struct<{', '.join(f'{n}: {t}' for n, t in fields)}>>"
    return f"Array(Tuple({', '.join(f'{n} {t}' for n, t in fields)}))"


def _duckdb(name: str, fields: _Fields) -> str:
    if not fields:
        read = "read_parquet(files, hive_partitioning = true, hive_types_autocast = false)"
    else:
        columns = ",\n".join(f"    \"{name}\": '{kind}'" for name, kind in fields)
        read = (
            "read_json(files, format = 'newline_delimited', compression = 'zstd',\n"
            f"  hive_partitioning = false, columns = {{\n{columns}\n  }})"
        )
    return f"CREATE OR REPLACE MACRO {name}(files) AS TABLE FROM {read};\n"


def _polars(name: str, fields: _Fields) -> str:
    lines = "".join(f"    {name!r}: {kind},\n" for name, kind in fields)
    return f"{name} = {{\n{lines}}}\n"


def _arrow(name: str, fields: _Fields) -> str:
    lines = "".join(f"    ({name!r}, {kind}),\n" for name, kind in fields)
    return f"{name} = pa.schema([\n{lines}])\n"


def _spark(name: str, fields: _Fields) -> str:
    lines = ",\n".join(f"  `{name}` {kind}" for name, kind in fields)
    return f"{name} = '''\n{lines}\n'''\n"


def _clickhouse(name: str, fields: _Fields) -> str:
    form = "JSONEachRow" if name.endswith("_json") else "Parquet"
    columns = ",\n".join(f"  `{name}` {kind}" for name, kind in fields).replace("'", "\\'")
    read = f"file({{files:String}}, {form}, '\n{columns}\n')"
    return " ".join(("CREATE OR REPLACE VIEW", name, "AS SELECT * FROM", read)) + ";\n"


_WRITERS: Final[Mapping[str, Callable[[str, _Fields], str]]] = {
    "duckdb": _duckdb,
    "polars": _polars,
    "arrow": _arrow,
    "spark": _spark,
    "clickhouse": _clickhouse,
}
ENGINES: Final = tuple(_WRITERS)
"""Names of the engines."""
