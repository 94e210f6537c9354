"""Exports, read back by pandas and openpyxl, and compared with the views."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

from movielake import MoviesReader, ShowingsReader, convert, export, sql
from movielake.asking import forms
from movielake.asking.cells import flat
from movielake.cli import main
from tests.feeds import movies, showing, times, write_feed


def read(file: Path) -> pd.DataFrame:
    name = file.name
    if ".csv" in name:
        return pd.read_csv(file, dtype={"date_stamp": str}, keep_default_na=False, na_values=[""])
    if name.endswith(".json"):
        return pd.read_json(file, lines=True, dtype={"date_stamp": str})
    return pd.read_excel(file) if name.endswith(".xlsx") else pd.read_parquet(file)


def keys_of(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the identifying values of movies as sorted texts, whatever their types."""
    columns = (frame["date_stamp"].astype(str), frame["country"], frame["movie_id"].astype(int))
    return sorted(tuple(map(str, row)) for row in zip(*columns, frame["title"], strict=True))


@pytest.mark.parametrize("form", forms.FORMS)
def test_every_form_has_the_same_rows(sample_lake: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"out.{form}"
    columns = ["country", "date_stamp", "movie_id", "title", "running_time"]
    written = export(
        str(sample_lake), str(file), table="movies", columns=columns, countries=["deu", "swe"]
    )
    found = read(file)
    ours = MoviesReader(str(sample_lake), countries=["deu", "swe"]).dataframe[columns].compute()
    assert written == len(found) == len(ours)
    assert list(found.columns) == columns
    assert keys_of(found) == keys_of(ours)


def test_one_command_and_one_query_give_the_same_spreadsheet(
    sample_lake: Path, tmp_path: Path
) -> None:
    """Screenings per film and week in Germany, current: the first question of a new user."""
    file = tmp_path / "weeks.xlsx"
    line = "--current --joined --countries deu --columns movie_id,title,week --count"
    result = CliRunner().invoke(main, ["export", str(sample_lake), "-o", str(file), *line.split()])
    assert result.exit_code == 0, result.stderr
    heading, *rows = openpyxl.load_workbook(file).active.iter_rows(values_only=True)
    assert heading == ("movie_id", "title", "week", "screenings")
    query = """
        select movie_id, title, cast(date_trunc('week', show_date) as date) as "week",
            count(show_time) as screenings
        from joined where country = 'deu' and show_time is not null group by all order by all
    """
    asked = sql(str(sample_lake), query).to_pylist()
    assert [(a, b, c and c.date(), d) for a, b, c, d in rows] == [tuple(r.values()) for r in asked]
    ours = ShowingsReader(str(sample_lake), countries="deu", current=True).count_by(of="show_time")
    assert sum(row[3] for row in rows) == int(ours["count"].sum())


def test_columns_of_time_and_country_are_those_of_plain_python(
    sample_lake: Path, tmp_path: Path
) -> None:
    columns = ["country_name", "show_date", "show_time", "starts_at", "local_date", "hour"]
    file = tmp_path / "out.parquet"
    export(str(sample_lake), str(file), columns=[*columns, "weekday", "week"], countries="swe")
    for row in pd.read_parquet(file).head(500).to_dict("records"):
        assert row["country_name"] == "Sweden"
        if row["show_time"] is not None:
            assert row["hour"] == row["show_time"].hour
            assert row["local_date"] == row["starts_at"].date()
        assert row["weekday"] == pd.Timestamp(row["show_date"]).day_name()
        assert (row["show_date"] - row["week"]).days == row["show_date"].weekday()


def test_an_aggregate_refuses_names_and_places(sample_lake: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "out.csv")
    for column in ("title", "movie_id", "theater_name", "theater_city", "theater_lat", "extra"):
        with pytest.raises(ValueError, match=f"without names and places.*found {column}"):
            export(str(sample_lake), file, joined=True, columns=["country", column], aggregate=True)
    export(str(sample_lake), file, joined=True, columns=["country", "genre"], aggregate=True)
    found = pd.read_csv(file)
    assert (
        found["screenings"].sum()
        == ShowingsReader(str(sample_lake)).count_by(of="show_time")["count"].sum()
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"columns": ["titel"], "joined": True}, "did you mean title"),
    ({"table": "movie"}, "did you mean movies"),
    ({"table": "movies", "current": True}, "expected table='showings' for joined and current"),
    (
        {"table": "movies", "columns": ["week"]},
        "expected columns of movies, or one of country_name",
    ),
    ({"count": True}, "expected columns to count by"),
    ({"countries": "xyz"}, "no showings match"),
    ({"current": "films"}, "expected current='movie' or current='theater'"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_wrong_argument_is_refused(
    sample_lake: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        export(str(sample_lake), str(tmp_path / "out.csv"), **options)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_by_force(sample_lake: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match=r"out\.csv"):
        export(str(sample_lake), str(file), table="movies")
    assert file.read_text() == "mine"
    assert export(str(sample_lake), str(file), table="movies", force=True) > 0
    with pytest.raises(ValueError, match="outside lakes and feeds"):
        export(str(sample_lake), str(sample_lake / "out.csv"), table="movies")


def test_a_text_like_a_formula_is_a_text_in_a_spreadsheet(tmp_path: Path) -> None:
    zips = {"20191206/movies_deu.zip": {"I.XML": movies("=1+1"), "S.XML": times(showing(1))}}
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    for form in ("xlsx", "csv"):
        file = tmp_path / f"out.{form}"
        export(str(tmp_path / "lake"), str(file), table="movies", columns=["title"])
    cell = openpyxl.load_workbook(tmp_path / "out.xlsx").active["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert read(tmp_path / "out.csv")["title"].tolist() == ["=1+1"]


def test_rows_that_do_not_fit_in_a_spreadsheet_are_refused(
    sample_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, message in (("MOST_ROWS", "at most 9 rows"), ("MOST_LETTERS", "at most 10 char")):
        with monkeypatch.context() as patch:
            patch.setattr(forms, name, 10)
            with pytest.raises(ValueError, match=message):
                export(str(sample_lake), str(tmp_path / "out.xlsx"), table="movies")
    assert list(tmp_path.iterdir()) == []


def test_nested_values_become_texts() -> None:
    table = pa.table(
        {
            "list": pa.array([["a", "b"], None], pa.list_(pa.string())),
            "map": pa.array([[("k", "v")], []], pa.map_(pa.string(), pa.string())),
            "structs": pa.array([[{"x": "1"}], None], pa.list_(pa.struct([("x", pa.string())]))),
        }
    )
    assert flat(table).to_pylist() == [
        {"list": "a; b", "map": '{"k": "v"}', "structs": '[{"x": "1"}]'},
        {"list": None, "map": "[]", "structs": None},
    ]


def test_a_killed_export_leaves_no_file(sample_lake: Path, tmp_path: Path) -> None:
    """The process is killed as soon as the unfinished file has some bytes."""
    script = (
        "import pyarrow as pa, itertools, sys\n"
        "from movielake.asking.forms import write_file\n"
        "batch = pa.record_batch({'a': list(range(50_000))})\n"
        "endless = pa.RecordBatchReader.from_batches(batch.schema, itertools.repeat(batch))\n"
        "write_file(endless, sys.argv[1])\n"
    )
    file = tmp_path / "out.csv"
    process = subprocess.Popen([sys.executable, "-c", script, str(file)])
    try:
        while process.poll() is None and not any(p.stat().st_size for p in tmp_path.iterdir()):
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not file.exists()
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    export(str(sample_lake), str(file), table="movies")  # removes what the killed process left
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
