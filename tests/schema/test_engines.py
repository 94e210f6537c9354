"""The column types for other engines: engines read a whole lake with them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.json
import pytest
from click.testing import CliRunner

from movielake import compact
from movielake.cli import main
from movielake.schema.engines import ENGINES, engine_types
from movielake.schema.tables import TABLES, table
from tests.feeds import all_records

TEXTS = {engine: engine_types(map(table, TABLES), engine) for engine in ENGINES}


@pytest.fixture(scope="module", params=["leaves", "compact"])
def lake(request, sample_lake, tmp_path_factory) -> Path:
    if request.param == "leaves":
        return sample_lake
    copy = tmp_path_factory.mktemp("copy") / "compact"
    compact(str(sample_lake), str(copy))
    return copy


def lines(lake: Path, name: str) -> str:
    """Return the glob of a table's JSON Lines."""
    if (lake / "json" / name).exists():
        return f"{lake}/json/{name}/*/*.jsonl.zst"
    return f"{lake}/json/*/*/*{table(name).letter}.jsonl.zst"


def python(engine: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(TEXTS[engine], engine, "exec"), names)
    return names


@pytest.fixture(scope="module")
def expected(sample_lake) -> dict[str, list[dict[str, Any]]]:
    """The records as Python's json reads them, in one order for all engines."""
    return {name: ordered(all_records(sample_lake, table(name).letter)) for name in TABLES}


def ordered(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: json.dumps(record, sort_keys=True))


def plain(value: Any) -> Any:
    """Return an element as an engine gives it where a text is expected: an object as its JSON."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def read(value: Any) -> Any:
    """Sort the keys of an object that an engine gave as its JSON."""
    if isinstance(value, list):
        return [read(item) for item in value]
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            return plain(json.loads(value))
        except json.JSONDecodeError:
            return value
    return value


def same_records(found: list[dict[str, Any]], records: list[dict[str, Any]], least: int) -> None:
    columns = found[0].keys()
    assert len(columns) >= least
    wanted = [{name: plain(record.get(name)) for name in columns} for record in records]
    assert ordered([{k: read(v) for k, v in row.items()} for row in found]) == ordered(wanted)


@pytest.mark.parametrize("name", TABLES)
def test_duckdb_reads_each_record_with_the_types(lake, name, expected):
    connection = duckdb.connect()
    connection.execute(TEXTS["duckdb"])
    types = dict(
        row[:2]
        for row in connection.sql(f"DESCRIBE FROM {name}_json('{lines(lake, name)}')").fetchall()
    )
    nested = {"movies": "synopsis", "theaters": "theater_chain", "showings": "show_date"}[name]
    assert types[nested].startswith("JSON")
    assert types["country"] == types["date_stamp"] == "VARCHAR"
    rows = connection.sql(f"FROM {name}_json('{lines(lake, name)}')").fetchall()
    found = []
    for row in rows:
        record = dict(zip(types, row, strict=True))
        for column, kind in types.items():
            if kind == "JSON" and record[column] is not None:
                record[column] = plain(json.loads(record[column]))
            elif kind == "JSON[]" and record[column] is not None:
                items = [None if item is None else json.loads(item) for item in record[column]]
                record[column] = plain(items)
        found.append(record)
    same_records(found, expected[name], 20)


@pytest.mark.parametrize("name", TABLES)
def test_polars_reads_each_record_with_the_types(lake, name, expected):
    schema = python("polars")[f"{name}_json"]
    found = pl.scan_ndjson(lines(lake, name), schema=schema).collect()
    assert dict(found.schema) == schema
    same_records(found.to_dicts(), expected[name], 20)


@pytest.mark.parametrize("name", TABLES)
def test_arrow_reads_the_plain_texts_of_each_record(lake, name, expected):
    options = pyarrow.json.ParseOptions(
        explicit_schema=python("arrow")[f"{name}_json"], unexpected_field_behavior="ignore"
    )
    found = pa.concat_tables(
        pyarrow.json.read_json(pa.CompressedInputStream(file, "zstd"), parse_options=options)
        for file in fsspec.filesystem("file").glob(lines(lake, name))
    )
    same_records(found.to_pylist(), expected[name], 20)


@pytest.mark.parametrize("name", TABLES)
def test_duckdb_reads_rows_with_the_keys_as_text(lake, name, duck):
    connection = duckdb.connect()
    connection.execute(TEXTS["duckdb"])
    rows = f"{name}('{lake}/parquet/{name}/**/*.parquet')"
    key = "movie_id, theater_id, starts_at" if name == "showings" else table(name).key
    query = f"SELECT date_stamp, country, {key} FROM {{}} ORDER BY ALL"
    assert connection.sql(query.format(rows)).fetchall() == duck(query.format(name))


@pytest.mark.parametrize("name", TABLES)
def test_polars_and_arrow_read_rows_with_exactly_the_types(lake, name):
    names = python("polars")
    rows = pl.scan_parquet(lake / "parquet" / name, schema=names[name], hive_schema=names["keys"])
    assert dict(rows.collect().schema) == names[name]
    assert dict(rows.collect_schema()) == names[name]
    names = python("arrow")
    found = ds.dataset(lake / "parquet" / name, schema=names[name], partitioning=names["hive"])
    assert names[name].equals(
        table(name)
        .arrow.append(pa.field("date_stamp", pa.string()))
        .append(pa.field("country", pa.string()))
    )
    assert found.to_table().num_rows == rows.select(pl.len()).collect().item()


@pytest.mark.parametrize("engine", ["spark", "clickhouse"])
@pytest.mark.parametrize("name", TABLES)
def test_texts_for_large_engines_have_each_column_once(engine, name):
    """tests/engines runs these engines, which are too large for each test."""
    start = f"{name} = '''" if engine == "spark" else f"VIEW {name} AS"
    text = TEXTS[engine].split(start)[1].split("\n\n")[0]
    assert re.findall(r"^  `(\w+)` ", text, re.M) == [c.name for c in table(name).columns]
    assert TEXTS[engine].count("show_time`") == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_the_command_prints_the_types_of_one_table_or_of_all(engine):
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["schema", *arguments, "--format", engine])
        assert result.exit_code == 0
        return result.stdout

    assert run() == TEXTS[engine]
    assert run("theaters") == engine_types([table("theaters")], engine)


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match=r"expected one of the engines duckdb, .* found 'mysql'"):
        engine_types([table("movies")], "mysql")
