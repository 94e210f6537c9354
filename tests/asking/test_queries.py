"""Questions in SQL: what they may do, their errors, and the command."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from movielake import duckdb_connection, sql
from movielake.asking import connection as connecting
from movielake.cli import main


def digest(folder: Path) -> str:
    """Return a digest of the names and contents of all files in a folder."""
    whole = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole.update(str(path).encode() + path.read_bytes())
    return whole.hexdigest()


REFUSED = {
    "COPY (SELECT 1) TO '{lake}/new.csv'": "expected a SELECT, found COPY",
    "COPY (SELECT 1) TO '{outside}/new.csv'": "expected a SELECT, found COPY",
    "EXPORT DATABASE '{lake}/new'": "expected a SELECT, found EXPORT",
    "CREATE TABLE a AS SELECT 1": "expected a SELECT, found CREATE",
    "DROP VIEW movies": "expected a SELECT, found DROP",
    "INSERT INTO movies SELECT * FROM movies": "expected a SELECT, found INSERT",
    "ATTACH '{outside}/new.db'": "expected a SELECT, found ATTACH",
    "SET enable_external_access = true": "expected a SELECT, found SET",
    "INSTALL httpfs": "expected a SELECT, found LOAD",
    "LOAD httpfs": "expected a SELECT, found LOAD",
    "SELECT 1; SELECT 2": "expected one statement of SQL, found 2",
    "": "expected one statement of SQL, found 0",
    "SELECT * FROM read_text('{outside}/secret.txt')": "file system operations are disabled",
    "SELECT * FROM read_csv('{outside}/*')": "file system operations are disabled",
    "SELECT * FROM glob('{outside}/*')": "file system operations are disabled",
    "SELECT * FROM '{outside}/secret.txt'": "does not exist",  # no name stands for a file
    "SELECT * FROM '{outside}/secret.csv'": "file system operations are disabled",
    "SELECT * FROM read_text('{lake}/../outside/secret.txt')": "operations are disabled",
    "SELECT * FROM read_csv('https://example.org/a.csv')": "file system operations are disabled",
    "SELECT * FROM read_parquet('s3://bucket/a.parquet')": "file system operations are disabled",
    "SELECT * FROM digest": "does not exist",  # a variable of Python
    "SELECT nothing FROM movies": "not found",
    "SELEC 1": "syntax error",
    "SELECT CAST(movie_name AS INT) FROM showings": "Could not convert",
}


@pytest.mark.parametrize("query", REFUSED)
def test_a_query_that_is_no_question_is_refused(
    sample_lake: Path, tmp_path: Path, query: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    lake = tmp_path / "lake"
    lake.symlink_to(sample_lake)
    before = digest(sample_lake), digest(outside)
    asked = query.format(lake=lake, outside=outside)
    result = CliRunner().invoke(main, ["sql", str(lake), "--", asked])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert REFUSED[query] in line
    assert "secret" not in line.replace("secret.txt", "").replace("secret.csv", "")
    assert (digest(sample_lake), digest(outside)) == before


@pytest.mark.parametrize("query", ["DESCRIBE showings", "SUMMARIZE theaters", "EXPLAIN SELECT 1"])
def test_questions_about_the_tables_are_answered(sample_lake: Path, query: str) -> None:
    assert sql(str(sample_lake), query).num_rows > 0


def test_the_settings_of_a_connection_are_locked(sample_lake: Path) -> None:
    with duckdb_connection(str(sample_lake)) as connection:
        with pytest.raises(Exception, match="configuration has been locked"):
            connection.execute("SET enable_external_access = true")
        with pytest.raises(Exception, match="disabled"):
            connection.execute("COPY (SELECT 1) TO '/new.csv'")


def test_a_query_that_needs_more_memory_uses_the_disk(sample_lake: Path) -> None:
    query = "SELECT DISTINCT range, hash(range) FROM range(3000000)"
    with duckdb_connection(str(sample_lake), memory=64 << 20, threads=1) as connection:
        assert connection.sql(f"SELECT count(*) FROM ({query})").fetchall() == [(3000000,)]


def test_a_lake_elsewhere_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match="movielake stage memory://lake FOLDER"):
        sql("memory://lake", "select 1")


@pytest.mark.parametrize("rule", ["films", True])
def test_an_unknown_rule_is_refused(sample_lake: Path, rule: str) -> None:
    with pytest.raises(ValueError, match="expected current='movie' or current='theater'"):
        sql(str(sample_lake), "select 1", current=rule)


def test_without_the_extra_the_message_says_how_to_install_it(
    sample_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'movielake\[sql\]'"):
        connecting.import_duckdb()
    result = CliRunner().invoke(main, ["sql", str(sample_lake), "select 1"])
    assert result.exit_code == 1
    assert "pip install 'movielake[sql]'" in result.stderr


QUERY = "select country, count(*) as n from theaters group by all order by all"


def test_the_command_prints_each_format(sample_lake: Path) -> None:
    run = CliRunner().invoke
    expected = sql(str(sample_lake), QUERY).to_pylist()
    table = run(main, ["sql", str(sample_lake), QUERY]).stdout
    assert all(row["country"] in table and str(row["n"]) in table for row in expected)
    text = run(main, ["sql", str(sample_lake), QUERY, "--format", "csv"]).stdout
    rows = [{"country": r["country"], "n": int(r["n"])} for r in csv.DictReader(io.StringIO(text))]
    assert rows == expected
    lines = run(main, ["sql", str(sample_lake), QUERY, "--format", "json"]).stdout.splitlines()
    assert [json.loads(line) for line in lines] == expected


def test_a_query_comes_from_a_file_or_from_standard_input(
    sample_lake: Path, tmp_path: Path
) -> None:
    (tmp_path / "query.sql").write_text(QUERY)
    out = tmp_path / "answer.parquet"
    named = ["sql", str(sample_lake), "-f", str(tmp_path / "query.sql"), "-o", str(out)]
    assert CliRunner().invoke(main, named).exit_code == 0
    assert pq.read_table(out).to_pylist() == sql(str(sample_lake), QUERY).to_pylist()
    piped = CliRunner().invoke(main, ["sql", str(sample_lake), "--format", "csv"], input=QUERY)
    assert len(piped.stdout.splitlines()) == 1 + pq.read_table(out).num_rows


def test_a_long_answer_is_cut_with_a_note(sample_lake: Path) -> None:
    result = CliRunner().invoke(main, ["sql", str(sample_lake), "select movie_id from showings"])
    assert result.exit_code == 0
    assert "only the first 100 rows are shown" in result.stderr
    assert len(result.stdout.splitlines()) < 110
