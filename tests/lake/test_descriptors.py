"""The data package of a lake: valid, correct for its files, and always the same."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import frictionless
import fsspec
import pytest
from click.testing import CliRunner
from frictionless import FrictionlessException, Package, Schema

from movielake import compact, convert, describe_lake
from movielake.cli import main
from movielake.lake.descriptors import describe_package, descriptor_content, write_descriptor
from movielake.names.layout import Folder
from movielake.schema.tables import TABLES, table
from movielake.staging.copies import stage
from movielake.staging.packing import pack
from tests.feeds import files, manifest, week, write_feed

PACKAGE = describe_package(map(table, TABLES))
DESCRIBED = {described["name"]: described for described in PACKAGE["movielake_tables"]}

# Types of DuckDB, and the matching types of the standard.
TYPES = {
    "VARCHAR": "string",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "DOUBLE": "number",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "datetime",
    "TIMESTAMP_MS": "datetime",
    "BOOLEAN": "boolean",
}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": week()})
    convert(feed, str(tmp_path / "lake"), workers=1)
    return tmp_path / "lake"


def problems(package: dict) -> list[str]:
    """List the errors that frictionless finds in a descriptor and in its schemas."""
    try:
        schemas = [described["schema"] for described in package["movielake_tables"]]
        errors = [error for schema in schemas for error in Schema.metadata_validate(schema)]
        return [error.note for error in [*errors, *Package.metadata_validate(package)]]
    except FrictionlessException as error:  # raised for a field with an unknown type
        return [error.error.note]


# --- valid


def test_frictionless_finds_no_error_in_a_lake(sample_lake, tmp_path):
    compact(str(sample_lake), str(tmp_path / "compact"))
    checked = {sample_lake: ["json"], tmp_path / "compact": ["json", "file"]}  # never rows
    for place, types in checked.items():
        report = frictionless.validate(str(place / "datapackage.json"))
        assert (report.valid, report.stats["errors"]) == (True, 0)
        assert [task.type for task in report.tasks] == types


def test_frictionless_finds_a_missing_file(lake):
    (lake / "lake.json").unlink()
    report = frictionless.validate(str(lake / "datapackage.json"))
    assert not report.valid


@pytest.mark.parametrize("layout", ["leaves", "compact"])
def test_the_package_is_valid(layout):
    package = describe_package(map(table, TABLES), layout)
    assert problems(package) == []
    assert [described["name"] for described in package["movielake_tables"]] == list(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_the_package_of_one_table_is_valid(name):
    package = describe_package([table(name)])
    assert problems(package) == []
    assert "foreignKeys" not in json.dumps(package), "the other tables are missing"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("resources", 0, "path"), "../lake"),
        (("resources", 0, "name"), 1),
        (("movielake_tables", 0, "schema", "primaryKey"), ["nothing"]),
        (("movielake_tables", 0, "schema", "fields", 0, "type"), "int32"),
        (("movielake_tables", 2, "schema", "foreignKeys", 0, "fields"), ["a", "b", "c"]),
        (("movielake_tables", 0, "schema", "missingValues"), 0),
    ],
)
def test_an_invalid_package_is_reported(keys, value):
    package = copy.deepcopy(PACKAGE)
    target = package
    for key in keys[:-1]:
        target = target[key]
    assert target[keys[-1]] != value
    target[keys[-1]] = value
    assert problems(package) != []


def test_ids_are_keys_within_a_partition():
    keys = {name: DESCRIBED[name]["schema"].get("primaryKey") for name in TABLES}
    assert keys == {
        "movies": ["date_stamp", "country", "movie_id"],
        "theaters": ["date_stamp", "country", "theater_id"],
        "showings": None,
    }
    foreign = DESCRIBED["showings"]["schema"]["foreignKeys"]
    assert {
        (k["reference"]["resource"], *k["fields"], *k["reference"]["fields"]) for k in foreign
    } == {(name, *keys[name], *keys[name]) for name in ("movies", "theaters")}
    assert not any("foreignKeys" in DESCRIBED[name]["schema"] for name in ("movies", "theaters"))


# --- correct


@pytest.mark.parametrize("name", TABLES)
def test_fields_are_the_columns_that_duckdb_finds(name, sample_lake):
    described = DESCRIBED[name]
    found = duckdb.sql(
        f"describe select * from read_parquet('{sample_lake}/{described['files']}', "
        "hive_partitioning = true, hive_types_autocast = false)"
    ).fetchall()

    def standard(type_: str) -> str:
        return "array" if type_.endswith("[]") else "object" if type_[:3] == "MAP" else TYPES[type_]

    fields = {field["name"]: field["type"] for field in described["schema"]["fields"]}
    assert fields == {column: standard(type_) for column, type_, *_ in found}
    partition = {f["name"] for f in described["schema"]["fields"] if "constraints" in f}
    assert partition == {"date_stamp", "country"}


@pytest.mark.parametrize("name", TABLES)
def test_paths_match_exactly_the_files_of_the_manifest(name, sample_lake):
    known = manifest(sample_lake).filter(manifest(sample_lake)["table"].to_numpy() == name)
    rows = DESCRIBED[name]
    for kind, described in (("parquet", rows), ("json", rows["records"])):
        paths = [str(sample_lake / path) for path in known[f"{kind}_path"].to_pylist()]
        glob = f"{sample_lake}/{described['files']}"
        assert sorted(fsspec.filesystem("file").glob(glob)) == sorted(paths)
        assert len(paths) > 10


def test_every_value_matches_its_constraint(duck):
    for field in DESCRIBED["movies"]["schema"]["fields"]:
        pattern = field.get("constraints", {}).get("pattern")
        values = duck(f'select distinct "{field["name"]}" from movies') if pattern else ()
        assert all(re.fullmatch(pattern, value) for (value,) in values)


def test_every_column_is_described_with_its_unit():
    for name in TABLES:
        for column, field in zip(
            table(name).columns, DESCRIBED[name]["schema"]["fields"], strict=True
        ):
            assert (column.name, column.description) == (field["name"], field["description"])
            assert field.get("unit", "") == column.unit
    (intl,) = [f for f in DESCRIBED["movies"]["schema"]["fields"] if f["name"] == "intl"]
    assert [f["name"] for f in intl["items"]] == [f.name for f in table("movies")["intl"].field]


# --- in the lake


def test_every_lake_has_the_same_descriptor(lake, sample_lake, tmp_path):
    content = descriptor_content()
    assert json.loads(content) == PACKAGE
    assert len(content) < 20_000, "its size must not depend on the number of files"
    assert (lake / "datapackage.json").read_bytes() == content
    assert (sample_lake / "datapackage.json").read_bytes() == content
    assert problems(json.loads(content)) == []


def test_an_older_lake_gets_a_descriptor_at_the_next_conversion(lake):
    before = files(lake)
    (lake / "datapackage.json").unlink()
    describe_lake(str(lake))  # works without the descriptor
    result = convert(str(lake.with_name("feed")), str(lake), workers=1)
    assert (result.plan.unchanged, len(result.commits)) == (1, 0)
    assert files(lake) == before


@pytest.mark.parametrize("content", [b"", b"{", b'{"name": "mine"}', b"\xff"])
def test_a_wrong_descriptor_is_replaced(lake, content):
    (lake / "datapackage.json").write_bytes(content)
    convert(str(lake.with_name("feed")), str(lake), workers=1)
    assert (lake / "datapackage.json").read_bytes() == descriptor_content()


def test_a_correct_descriptor_is_not_written_again(lake):
    before = (lake / "datapackage.json").stat()
    convert(str(lake.with_name("feed")), str(lake), workers=1, force=True)
    after = (lake / "datapackage.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_descriptor_is_written_in_memory():
    folder = Folder("memory://described")
    write_descriptor(folder)
    write_descriptor(folder)
    assert folder.fs.cat_file(folder.join("datapackage.json")) == descriptor_content()
    assert list(folder.find()) == ["datapackage.json"]


@pytest.mark.parametrize("has_one", [True, False])
def test_packed_and_staged_lakes_have_a_descriptor(lake, tmp_path, has_one):
    """Packs and staged lakes have a descriptor, even if their source has none."""
    if not has_one:
        (lake / "datapackage.json").unlink()
    pack(str(lake), str(tmp_path / "lake.tar"))
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "xf", tmp_path / "lake.tar", "-C", tmp_path / "unpacked"], check=True)
    stage(str(lake), str(tmp_path / "staged"), tables="showings")
    stage(str(tmp_path / "lake.tar"), str(tmp_path / "staged too"))
    layouts = {"unpacked": "compact", "staged": "leaves", "staged too": "compact"}
    for name, layout in layouts.items():
        found = (tmp_path / name / "datapackage.json").read_bytes()
        assert found == descriptor_content(layout)


def test_a_descriptor_of_a_lake_inside_a_feed_is_ignored(lake):
    feed = lake.with_name("feed")
    shutil.move(lake, feed / "lake")
    assert convert(str(feed), str(lake), workers=1).plan.feed.others == ()


# --- the command


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["schema", *arguments], prog_name="movielake")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_the_command_prints_the_descriptor_of_a_lake():
    assert run("--format", "datapackage").encode() == descriptor_content()
    only = json.loads(run("movies", "--format", "datapackage"))
    assert only == describe_package([table("movies")])
