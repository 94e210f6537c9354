"""Validation of lakes: for each rule, a lake that breaks exactly this rule."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import date
from itertools import cycle, zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from movielake import ShowingsReader, convert, orphans, pack, stage, validate
from movielake.names.layout import Folder
from movielake.sample import write_sample
from movielake.schema.tables import FORMAT
from movielake.validation.accounts import check_manifest
from movielake.validation.findings import Checked, Finding
from movielake.validation.inventory import take_inventory
from movielake.validation.lake import spread
from movielake.validation.lakefile import check_lake_file
from movielake.validation.records import first_difference
from movielake.validation.rules import LAKE_RULES
from tests.conftest import Ask
from tests.feeds import files, houses, movies, showing, times, week, write_feed
from tests.lakes import (
    COMMIT,
    MOVIES,
    MOVIES_JSON,
    SHOWINGS,
    SHOWINGS_JSON,
    THEATERS,
    THEATERS_JSON,
    edit_column,
    edit_commit,
    edit_member,
    edit_records,
    edit_rows,
    replace_file,
    small_feed,
    small_lake,
    without_json,
)

Break = Callable[[Path], Any]


@pytest.fixture(scope="session")
def clean_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake without findings. Tests must not change it."""
    return small_lake(tmp_path_factory.mktemp("small"))


@pytest.fixture
def lake(clean_lake: Path, tmp_path: Path) -> Path:
    """Return a copy of the clean lake. Tests can change it."""
    return Path(shutil.copytree(clean_lake, tmp_path / "lake"))


def found(lake: Path | str, **options: Any) -> list[tuple[str, str, str]]:
    return [(f.severity, f.rule, f.path) for f in validate(str(lake), workers=1, **options)]


def test_a_clean_lake_has_no_findings(clean_lake):
    checked = []
    assert found(clean_lake, on_checked=checked.append, max_orphans=0) == []
    sizes = [
        p.stat().st_size for top in ("json", "parquet") for p in (clean_lake / top).rglob("*.*")
    ]
    assert sum(checked, Checked()) == Checked(3, 18, sum(sizes), rows=16, records=15)


def test_a_row_group_can_end_within_a_record(lake):
    rows, sink = pq.ParquetFile(lake / SHOWINGS).read(), io.BytesIO()
    pq.write_table(rows, sink, compression="zstd", row_group_size=1)
    assert rows["record"].to_pylist() == [0, 1, 1]
    replace_file(lake, SHOWINGS, sink.getvalue())
    assert found(lake) == []


def lake_size(lake: Path) -> int:
    return sum(len(c) for path, c in files(lake).items() if path.startswith(("json", "parquet")))


def write(path: str, content: bytes) -> Break:
    return lambda lake: (lake / path).write_bytes(content)


def put(path: str, content: bytes = b"x") -> Break:
    def put_file(lake: Path) -> None:
        (lake / path).parent.mkdir(parents=True, exist_ok=True)
        (lake / path).write_bytes(content)

    return put_file


def edit_lake_file(change: Callable[[dict[str, Any]], Any], indent: int = 1) -> Break:
    def edit(lake: Path) -> None:
        content = json.loads((lake / "lake.json").read_text())
        change(content)
        (lake / "lake.json").write_text(json.dumps(content, indent=indent) + "\n")

    return edit


def flip(path: str, position: int = -1, bits: int = 1) -> Break:
    def flip_byte(lake: Path) -> None:
        content = bytearray((lake / path).read_bytes())
        content[position] ^= bits
        (lake / path).write_bytes(content)

    return flip_byte


def columns(path: str, column: str, *values: Any) -> Break:
    """Change values of a column and remove the JSON, so that only the rows show the change."""

    def change(lake: Path) -> None:
        without_json(lake, JSON_OF[path])
        edit_column(lake, path, column, list(values))

    return change


def rows(path: str, change: Callable[[pa.Table], pa.Table]) -> Break:
    def edit(lake: Path) -> None:
        without_json(lake, JSON_OF[path])
        edit_rows(lake, path, change)

    return edit


def member(table: str, **changes: Any) -> Break:
    return lambda lake: edit_member(lake, table, **changes)


def old_workspace(lake: Path) -> None:
    put(".work/host-1-abc/0")(lake)
    os.utime(lake / ".work/host-1-abc/0", (0, 0))


JSON_OF = {MOVIES: MOVIES_JSON, THEATERS: THEATERS_JSON, SHOWINGS: SHOWINGS_JSON}
GERMAN = "parquet/{}/date_stamp=20191206/country=deu"
ZIP = "20191206/movies_deu.zip"

BROKEN: dict[str, tuple[Break, list[tuple[str, str, str]]]] = {
    "lake.json is not JSON": (write("lake.json", b"{"), [("error", "lake-file", "lake.json")]),
    "lake.json is gone": (
        lambda lake: (lake / "lake.json").unlink(),
        [("error", "lake-file", "lake.json")],
    ),
    "lake.json has no format": (
        edit_lake_file(lambda content: content.pop("format")),
        [("error", "lake-file", "lake.json")],
    ),
    "lake.json has other spaces": (
        edit_lake_file(lambda content: None, indent=2),
        [("error", "lake-file", "lake.json")],
    ),
    "another format": (
        edit_lake_file(lambda content: content.update(format=FORMAT + 1)),
        [("error", "lake-format", "lake.json")],
    ),
    "another type in lake.json": (
        edit_lake_file(lambda content: content["tables"]["movies"].update(movie_id="int64")),
        [("error", "lake-schema", "lake.json")],
    ),
    "no table in lake.json": (
        edit_lake_file(lambda content: content["tables"].pop("movies")),
        [("error", "lake-schema", "lake.json")],
    ),
    "a commit is cut": (
        write(COMMIT, b'{"date_stamp"'),
        [("error", "commit-file", COMMIT)],
    ),
    "a commit is of another partition": (
        lambda lake: text_commit(lake, '"country": "deu"', '"country": "fra"'),
        [("error", "commit-place", COMMIT)],
    ),
    "a commit names a file elsewhere": (
        member("movies", json={"path": "../secret", "bytes": 1, "sha256": "0"}),
        [("error", "commit-place", COMMIT)],
    ),
    "two members share a file": (
        lambda lake: edit_commit(
            lake, lambda c: c["members"][0].update(parquet=c["members"][1]["parquet"])
        ),
        [("error", "commit-place", COMMIT)],
    ),
    "a commit has an unknown status": (
        member("movies", status="fine"),
        [("error", "commit-file", COMMIT)],
    ),
    "a commit has words as counts": (
        lambda lake: text_commit(lake, '"records": 2', '"records": "two"'),
        [("error", "commit-file", COMMIT)],
    ),
    "the manifest has another size of the zip": (
        lambda lake: text_commit(lake, '"size": ', '"size": 1'),
        [("error", "stale-manifest", "manifest.parquet")],
    ),
    "a commit is gone": (
        lambda lake: (lake / COMMIT).unlink(),
        [
            ("error", "stale-manifest", "manifest.parquet"),
            *(
                ("error", "unaccounted-file", path)
                for path in (MOVIES_JSON, SHOWINGS_JSON, THEATERS_JSON, MOVIES, SHOWINGS, THEATERS)
            ),
        ],
    ),
    "the manifest is in another order": (
        lambda lake: pq.write_table(
            pq.read_table(lake / "manifest.parquet").sort_by("country"), lake / "manifest.parquet"
        ),
        [("error", "stale-manifest", "manifest.parquet")],
    ),
    "the manifest is not Parquet": (
        write("manifest.parquet", b"PAR1"),
        [("error", "stale-manifest", "manifest.parquet")],
    ),
    "the manifest has other columns": (
        lambda lake: pq.write_table(pa.table({"a": [1]}), lake / "manifest.parquet"),
        [("error", "stale-manifest", "manifest.parquet")],
    ),
    "the manifest has other bytes": (
        lambda lake: pq.write_table(
            pq.read_table(lake / "manifest.parquet"), lake / "manifest.parquet"
        ),
        [("warning", "manifest-bytes", "manifest.parquet")],
    ),
    "a file is gone": (
        lambda lake: (lake / SHOWINGS).unlink(),
        [("error", "missing-file", SHOWINGS)],
    ),
    "a file is cut": (
        lambda lake: (lake / MOVIES).write_bytes((lake / MOVIES).read_bytes()[:-1]),
        [("error", "wrong-size", MOVIES)],
    ),
    "a file has grown": (
        lambda lake: (lake / MOVIES).write_bytes((lake / MOVIES).read_bytes() + b"x"),
        [("error", "wrong-size", MOVIES)],
    ),
    "a byte of JSON differs": (
        flip(SHOWINGS_JSON),
        [("error", "wrong-checksum", SHOWINGS_JSON)],
    ),
    "a byte of movies differs, without findings on orphans": (
        flip(MOVIES),
        [("error", "wrong-checksum", MOVIES)],
    ),
    "a Parquet file is not Parquet": (
        lambda lake: replace_file(lake, MOVIES, b"PAR1"),
        [("error", "unreadable-file", MOVIES)],
    ),
    "JSON Lines are not compressed": (
        lambda lake: replace_file(lake, MOVIES_JSON, b"{}\n"),
        [("error", "unreadable-file", MOVIES_JSON)],
    ),
    "a record is not a record": (
        lambda lake: replace_file(lake, MOVIES_JSON, zstandard.compress(b"7\n")),
        [("error", "unreadable-file", MOVIES_JSON)],
    ),
    "a copy beside a file": (
        put(SHOWINGS.replace("S.", "copy.")),
        [("error", "unaccounted-file", SHOWINGS.replace("S.", "copy."))],
    ),
    "a partition without a commit": (
        put("json/20200101/deu/200101S.jsonl.zst"),
        [("error", "unaccounted-file", "json/20200101/deu/200101S.jsonl.zst")],
    ),
    "a file outside all partitions": (
        put("parquet/showings/all.parquet"),
        [("error", "unaccounted-file", "parquet/showings/all.parquet")],
    ),
    "a file in the manifest that is not a commit": (
        put("manifest/20191206/deu.json.bak"),
        [("error", "unaccounted-file", "manifest/20191206/deu.json.bak")],
    ),
    "a note in the lake": (put("notes.txt"), [("warning", "stray-file", "notes.txt")]),
    "a workspace of yesterday": (old_workspace, [("warning", "leftover", ".work/host-1-abc")]),
    "a column is missing": (
        rows(MOVIES, lambda table: table.drop_columns("title")),
        [("error", "wrong-schema", MOVIES)],
    ),
    "a column is of another type": (
        rows(MOVIES, lambda table: table.set_column(0, "movie_id", pa.array([1, 2], pa.int64()))),
        [("error", "wrong-schema", MOVIES)],
    ),
    "columns in another order": (
        rows(MOVIES, lambda table: table.select(table.column_names[::-1])),
        [("error", "wrong-schema", MOVIES)],
    ),
    "a row too few": (
        rows(SHOWINGS, lambda table: table.slice(0, 1)),
        [
            ("error", "row-count", SHOWINGS),
            ("error", "record-count", SHOWINGS),
            ("error", "screening-count", SHOWINGS),
        ],
    ),
    "another count of movies": (
        member("movies", records=3),
        [("error", "record-count", MOVIES_JSON), ("error", "record-count", MOVIES)],
    ),
    "records numbered in another order": (
        columns(SHOWINGS, "record", 0, 2, 1),
        [("error", "record-count", SHOWINGS)],
    ),
    "a record numbered null": (
        columns(SHOWINGS, "record", None),
        [("error", "record-count", SHOWINGS)],
    ),
    "a time is missing": (
        columns(SHOWINGS, "show_time", None),
        [("error", "screening-count", SHOWINGS)],
    ),
    "a date moved": (
        columns(SHOWINGS, "show_date", date(2019, 12, 7)),
        [("error", "date-span", SHOWINGS)],
    ),
    "rows of another source": (
        columns(MOVIES, "source_xml", "20191206/deu/191206X.XML", None),
        [("error", "wrong-source", MOVIES)],
    ),
    "records of another country": (
        lambda lake: edit_records(lake, MOVIES_JSON, lambda r: r[1].update(country="fra")),
        [("error", "wrong-source", MOVIES_JSON)],
    ),
    "a title changed in JSON": (
        lambda lake: edit_records(lake, MOVIES_JSON, lambda r: r[1].update(title="Left")),
        [("error", "json-rows", MOVIES_JSON)],
    ),
    "a time changed in Parquet": (
        lambda lake: edit_column(lake, SHOWINGS, "bargain", [True]),
        [("error", "json-rows", SHOWINGS_JSON)],
    ),
    "a record too many in JSON": (
        lambda lake: edit_records(lake, MOVIES_JSON, lambda r: r.append(dict(r[0]))),
        [("error", "json-rows", MOVIES_JSON), ("error", "record-count", MOVIES_JSON)],
    ),
    "another digest of the rows": (
        member("movies", digest="0" * 32),
        [("error", "rows-digest", MOVIES)],
    ),
    "a layout that does not exist": (
        edit_lake_file(lambda content: content.update(layout="twigs")),
        [("error", "lake-file", "lake.json")],
    ),
    "a problem not counted": (
        lambda lake: edit_records(
            lake, MOVIES_JSON, lambda r: r[0].update(running_time="two hours")
        ),
        [("error", "problem-count", MOVIES_JSON)],
    ),
    "a movie without its id": (
        columns(MOVIES, "movie_id", None),
        [
            ("warning", "missing-key", GERMAN.format("movies")),
            ("warning", "orphans", GERMAN.format("showings")),
        ],
    ),
    "a showing without theater": (
        columns(SHOWINGS, "theater_id", None),
        [
            ("warning", "missing-key", GERMAN.format("showings")),
            ("warning", "orphans", GERMAN.format("showings")),
        ],
    ),
    "neither a movie nor its showing has an id": (
        lambda lake: [columns(path, "movie_id", None)(lake) for path in (MOVIES, SHOWINGS)],
        [
            ("warning", "missing-key", GERMAN.format("movies")),
            ("warning", "missing-key", GERMAN.format("showings")),
            ("warning", "orphans", GERMAN.format("showings")),
        ],
    ),
    "a movie twice": (
        columns(MOVIES, "movie_id", 2, 2),
        [
            ("warning", "duplicate-key", GERMAN.format("movies")),
            ("warning", "orphans", GERMAN.format("showings")),
        ],
    ),
    "a latitude beyond the pole": (
        columns(THEATERS, "theater_lat", -90.5),
        [("warning", "coordinates", THEATERS)],
    ),
    "a longitude beyond the date line": (
        columns(THEATERS, "theater_lon", 180.5),
        [("warning", "coordinates", THEATERS)],
    ),
    "a running time of 0": (
        columns(MOVIES, "running_time", 0),
        [("warning", "running-time", MOVIES)],
    ),
    "a running time that is too long": (
        columns(MOVIES, "running_time", 901, 900),
        [("warning", "running-time", MOVIES)],
    ),
    "a member left out": (
        member("movies", status="other"),
        [("warning", "left-out-member", f"{ZIP}: 191206I.XML")],
    ),
}


def text_commit(lake: Path, old: str, new: str) -> None:
    text = (lake / COMMIT).read_text()
    assert old in text
    (lake / COMMIT).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", BROKEN)
def test_every_fault_is_found(lake, name):
    breaks, expected = BROKEN[name]
    breaks(lake)
    assert found(lake) == expected


@pytest.mark.parametrize("name", BROKEN)
def test_the_advice_repairs_the_lake(clean_lake, lake, name):
    BROKEN[name][0](lake)
    errors = [f for f in validate(str(lake)) if f.severity == "error"]
    if any(finding.path == "lake.json" for finding in errors):
        return  # only a backup repairs lake.json
    for finding in errors:
        if finding.message.endswith(
            "remove it, then movielake convert writes it again from the commits"
        ):
            (lake / finding.path).unlink()
        elif finding.rule == "unaccounted-file":
            assert "; remove it, or convert the feed zip" in finding.message
            (lake / finding.path).unlink()
        else:
            assert "(--force --stamps 20191206 --countries deu)" in finding.message
    advice = {"force": True, "date_stamps": "20191206", "countries": "deu"}
    convert(str(clean_lake.parent / "feed"), str(lake), workers=1, **advice)
    assert [f for f in found(lake) if f[0] == "error"] == []


def test_every_rule_has_a_test(request):
    """The table above, a test below, or a test of compact lakes or of weeks names each rule."""
    shown = {rule for _, expected in BROKEN.values() for _, rule, _ in expected}
    source = Path(__file__).read_text().partition("def test_every_rule_has")[2]
    for name in ("test_compact.py", "test_weeks.py"):
        source += Path(__file__).with_name(name).read_text()
    assert [r.name for r in LAKE_RULES if r.name not in shown and f'"{r.name}"' not in source] == []


def test_a_message_states_the_fault_and_the_repair(lake):
    (lake / SHOWINGS).unlink()
    assert list(validate(str(lake), workers=1)) == [
        Finding(
            "missing-file",
            "error",
            SHOWINGS,
            "manifest/20191206/deu.json names this file, but the file does not exist; convert its "
            "feed zip again (--force --stamps 20191206 --countries deu), or stage it again",
        )
    ]


# --- faults of the feed


DATES = ("20191206", "20191207", "20191208")
ODD_TIMES = ("22:45, 0:15", "OmU 13:20", "5:00, 3:00, 4:00, 2:00 PM")


def converted(folder: Path, **zips: Any) -> Path:
    feed = write_feed(folder / "feed", {f"20191206/movies_{c}.zip": m for c, m in zips.items()})
    convert(feed, str(folder / "lake"), workers=1)
    return folder / "lake"


def test_damaged_refused_and_left_out_members_are_warnings(tmp_path):
    members = week() | {
        "191206S.XML": "<times><showtime><movie_id>1</movie_id></showtime><showtime>",
        "191206X.XML": "<nonsense/>",
        "191206T.XML": "",
        "readme.txt": "hello",
    }
    lake = converted(tmp_path, deu=members, fra=b"no zip")
    assert found(lake) == [
        ("warning", "damaged-member", f"{ZIP}: 191206S.XML"),
        ("warning", "left-out-member", f"{ZIP}: 191206T.XML"),
        ("warning", "refused-member", f"{ZIP}: 191206X.XML"),
        ("warning", "left-out-member", f"{ZIP}: readme.txt"),
        ("warning", "damaged-member", "20191206/movies_fra.zip"),
        ("warning", "missing-key", GERMAN.format("showings")),
    ]
    damaged = next(f for f in validate(str(lake)) if f.rule == "damaged-member")
    assert (damaged.line, damaged.column) == (1, 61)


def test_quarantine_is_checked_too(tmp_path):
    lake = converted(tmp_path, deu=b"no zip")
    flip("quarantine/20191206/deu/movies_deu.zip")(lake)
    (lake / "quarantine/20191206/deu/movies_deu.zip.note.json").unlink()
    assert [f for f in found(lake) if f[0] == "error"] == [
        ("error", "missing-file", "quarantine/20191206/deu/movies_deu.zip.note.json"),
        ("error", "wrong-checksum", "quarantine/20191206/deu/movies_deu.zip"),
    ]


def test_problems_are_reported_once_for_the_whole_lake(tmp_path):
    odd = (
        "<movies><movie><movie_id>1</movie_id><title>Up</title><title>Down</title>"
        "<running_time>long</running_time><smell>1</smell></movie></movies>"
    )
    lake = converted(tmp_path, deu={"191206I.XML": odd}, swe={"191206I.XML": odd})
    findings = list(validate(str(lake), workers=1))
    assert [(f.severity, f.rule, f.path, f.message, f.count) for f in findings] == [
        (
            "warning",
            rule,
            f"{ZIP}: 191206I.XML",
            f"movies.{column}: 2 times in 2 members, first example {example!r}",
            2,
        )
        for rule, column, example in (
            ("repeated-element", "title", '["Up", "Down"]'),
            ("unknown-element", "smell", "1"),
            ("untyped-value", "running_time", "long"),
        )
    ]


def test_problems_with_times_are_reported(tmp_path):
    odd = times(*map(showing, (1,) * 3, (1,) * 3, DATES, ODD_TIMES))
    lake = converted(tmp_path, deu=week() | {"191206S.XML": odd})
    assert [(f.rule, f.message) for f in validate(str(lake), workers=1)] == [
        (rule, f"showings.show_time: 1 times in 1 members, first example {example!r}")
        for rule, example in (
            ("overnight-time", "0:15"),
            ("text-beside-time", "OmU 13:20"),
            ("unordered-times", "5:00, 3:00, 4:00, 2:00 PM"),
        )
    ]


@pytest.mark.parametrize(
    ("rule", "xml"),
    [
        ("other-encoding", "<?xml version='1.0' encoding='utf-16'?>" + movies("Up")),
        ("undeclared-entity", "<!DOCTYPE movies SYSTEM 'm.dtd'>" + movies("A&nbsp;B")),
    ],
)
def test_odd_encodings_and_entities_are_reported(tmp_path, rule, xml):
    lake = converted(tmp_path, deu=week() | {"191206I.XML": xml})
    found_rules = {f.rule for f in validate(str(lake), workers=1)}
    assert rule in found_rules


def test_a_table_missing_from_one_partition_is_a_warning(tmp_path):
    lonely = {"191206S.XML": times(showing())}
    lake = converted(tmp_path, chn=lonely, deu=week())
    commit = "manifest/20191206/chn.json"
    assert found(lake) == [("warning", "missing-table", commit)] * 2


def test_a_lake_with_only_showings_has_no_findings(tmp_path):
    assert found(converted(tmp_path, deu={"191206S.XML": times(showing())})) == []


def test_dates_far_from_the_stamp_are_a_warning(tmp_path):
    days = ["20191105", "20191104", "20200607", "20200608"]  # 31 and 32 before, 184 and 185 after
    lake = converted(
        tmp_path, deu=week() | {"191206S.XML": times(*(showing(date=d) for d in days))}
    )
    findings = list(validate(str(lake)))
    assert [(f.severity, f.rule, f.path, f.count) for f in findings] == [
        ("warning", "show-date", SHOWINGS, 2)
    ]
    assert findings[0].message == "2 of 4 rows are outside the limits, first value 2019-11-04"


def test_ids_are_counted_over_all_files_of_a_partition(tmp_path):
    members = {"191206I.XML": movies("Up"), "more/191206I.XML": movies("Up", "Down")}
    lake = converted(tmp_path, deu=members | {"191206S.XML": times(showing(1), showing(2))})
    findings = list(validate(str(lake)))
    assert [(f.rule, f.path, f.count) for f in findings] == [
        ("duplicate-key", GERMAN.format("movies"), 1)
    ]


def test_ids_of_a_table_that_could_not_be_read_are_not_reported_as_missing(tmp_path):
    members = {"191206I.XML": movies("Up"), "more/191206I.XML": movies("Up", "Down")}
    lake = converted(tmp_path, deu=members | {"191206S.XML": times(showing(1), showing(2))})
    flip(MOVIES.replace("191206I", "191206-2I"))(lake)
    assert [rule for _, rule, _ in found(lake)] == ["wrong-checksum"]


# --- orphans


def test_the_share_of_orphans_is_compared_with_the_limit(tmp_path):
    shows = times(showing(1), showing(2), showing(3), showing(1, theater=9))
    lake = converted(tmp_path, deu=week() | {"191206S.XML": shows})
    place = GERMAN.format("showings")
    assert found(lake) == [("warning", "orphans", place)] * 2
    assert found(lake, max_orphans=0.25) == [("warning", "orphans", place)] * 2
    assert (
        found(lake, max_orphans=0.24)
        == [
            ("warning", "orphans", place),
            ("error", "too-many-orphans", place),
        ]
        * 2
    )
    messages = [f.message for f in validate(str(lake), max_orphans=0.1)]
    assert messages[0] == ("1 of 4 records (25.00%) have a movie_id that is not in movies, first 3")
    assert messages[3] == (
        "1 of 4 records (25.00%) have a theater_id that is not in theaters, first 9; "
        "at most 10.00% are allowed"
    )


def test_each_showing_beside_movies_without_a_record_is_an_orphan(tmp_path):
    lake = converted(tmp_path, deu=week() | {"191206I.XML": movies()})
    assert [f.message for f in validate(str(lake))] == [
        "2 of 2 records (100.00%) have a movie_id that is not in movies, first 1"
    ]


def test_orphans_are_the_same_as_in_the_readers_and_duckdb(sample_lake, duck: Ask):
    """`movielake.orphans` uses a join, and DuckDB an anti-join."""
    findings = [f for f in validate(str(sample_lake)) if f.rule == "orphans"]
    countries = "[!c]*,can"  # China has no movies and theaters at all
    lost = orphans(ShowingsReader(str(sample_lake), countries=countries))
    table = {"movies": "movie", "theaters": "theater"}
    counts = {n: sum(f.count for f in findings if f"in {n}" in f.message) for n in table}
    members = f"read_parquet('{sample_lake}/manifest.parquet')"
    for name, one in table.items():
        searched = f"(select date_stamp, country from {members} where \"table\" = '{name}')"
        empty = duck(f"select date_stamp, country from showings except {searched}")
        expected = duck(f"""select count(distinct (date_stamp, country, source_xml, record))
            from showings s where not exists (select * from {name} m where
            (m.{one}_id, m.country, m.date_stamp) = (s.{one}_id, s.country, s.date_stamp))
            and (date_stamp, country) in {searched}""")[0][0]
        known = ~lost[["date_stamp", "country"]].apply(tuple, axis=1).isin(empty)
        assert counts[name] == expected == int((~lost[f"has_{one}"] & known).sum())
    assert counts["movies"] > 3


def test_repeated_keys_are_the_same_as_in_duckdb(sample_lake, duck: Ask):
    findings = [f for f in validate(str(sample_lake)) if f.rule == "duplicate-key"]
    expected = {}
    for name, key in (("movies", "movie_id"), ("theaters", "theater_id")):
        for stamp, country, count in duck(f"""select date_stamp, country,
                count({key}) - count(distinct {key}) n from {name} group by all having n > 0"""):
            path = f"parquet/{name}/date_stamp={stamp}/country={country}"
            expected[path] = count
    assert {f.path: f.count for f in findings} == expected
    assert len(expected) > 3


# --- selection and depth


def test_the_sample_lake_is_valid(sample_lake):
    assert {f.rule for f in validate(str(sample_lake)) if f.severity == "error"} == set()


def test_the_lake_of_a_damaged_sample_feed_is_valid(tmp_path):
    write_sample(str(tmp_path / "feed"), weeks=2, scale=0.01, damage=True)
    convert(str(tmp_path / "feed"), str(tmp_path / "lake"), workers=1)
    rules = {f.rule for f in validate(str(tmp_path / "lake"))}
    assert {f.rule for f in validate(str(tmp_path / "lake")) if f.severity == "error"} == set()
    assert "damaged-member" in rules


def test_a_lake_without_json_has_no_findings(tmp_path):
    convert(small_feed(tmp_path / "feed"), str(tmp_path / "lake"), workers=1, with_json=False)
    assert found(tmp_path / "lake") == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tables": "showings"},
        {"tables": "movies,theaters"},
        {"json": False},
        {"countries": "swe"},
        {"date_stamps": "20191213", "tables": "movies", "json": False},
    ],
)
def test_a_staged_lake_is_valid(clean_lake, tmp_path, options):
    stage(str(clean_lake), str(tmp_path / "staged"), **options)
    assert found(tmp_path / "staged") == []


def test_a_lake_staged_in_parts_from_a_pack_is_valid(clean_lake, tmp_path):
    pack(str(clean_lake), str(tmp_path / "lake.tar"))
    for options in ({"tables": "showings", "json": False}, {"countries": "swe"}):
        stage(str(tmp_path / "lake.tar"), str(tmp_path / "staged"), **options)
    assert [f for f in found(tmp_path / "staged") if f[0] == "error"] == []


def test_readme_files_and_dotfiles_are_ignored(lake):
    for name in ("README.md", ".staged.json", ".work/host-1-abc/0"):
        put(name)(lake)
    assert found(lake) == []


def test_the_data_package_can_be_missing_but_not_different(lake):
    (lake / "datapackage.json").unlink()
    assert found(lake) == []
    put("datapackage.json")(lake)
    assert found(lake) == [("warning", "data-package", "datapackage.json")]


def test_a_lake_in_memory_has_the_same_findings(clean_lake):
    import fsspec

    memory = fsspec.filesystem("memory")
    for path, content in files(clean_lake).items():
        memory.pipe_file(f"/validated/{path}", content)
    assert found("memory://validated") == []
    memory.rm_file(f"/validated/{MOVIES}")
    memory.pipe_file(f"/validated/{SHOWINGS_JSON}", b"x")
    assert found("memory://validated") == [
        ("error", "missing-file", MOVIES),
        ("error", "wrong-size", SHOWINGS_JSON),
    ]
    assert found("memory://validated", fast=True) == found("memory://validated")
    memory.rm("/validated", recursive=True)


def test_workers_return_the_same_findings_in_the_same_order(sample_lake, tmp_path, monkeypatch):
    lake = Path(shutil.copytree(sample_lake, tmp_path / "lake"))
    flip("parquet/movies/date_stamp=20191206/country=deu/191206I.parquet")(lake)
    monkeypatch.setattr("movielake.validation.batches.BATCH", 1)
    alone = list(validate(str(lake), workers=1))
    assert list(validate(str(lake), workers=2)) == alone
    assert "wrong-checksum" in {f.rule for f in alone}


def die(*_: object) -> None:
    if multiprocessing.parent_process():
        os.kill(os.getpid(), signal.SIGKILL)


def test_files_that_kill_their_worker_are_an_error_in_one_line(sample_lake, monkeypatch):
    monkeypatch.setattr("movielake.validation.batches.BATCH", 1)
    monkeypatch.setattr("movielake.validation.lake.check_batch", die)
    with pytest.raises(OSError, match=r"^20191206 \w{3} to 2019\d{4} \w{3}: its worker died, perh"):
        list(validate(str(sample_lake), workers=2))


def test_fast_reads_only_footers(lake):
    flip(MOVIES, position=10)(lake)
    assert found(lake, fast=True) == []
    edit_rows(lake, SHOWINGS, lambda rows: rows.drop_columns("extra").slice(1))
    replace_file(lake, THEATERS, b"PAR1")
    checked = []
    assert found(lake, fast=True, on_checked=checked.append) == [
        ("error", "wrong-schema", SHOWINGS),
        ("error", "row-count", SHOWINGS),
        ("error", "unreadable-file", THEATERS),
    ]
    assert sum(checked, Checked()) == Checked(3, 18, lake_size(lake), rows=14, records=14)


def test_a_sample_opens_the_files_of_some_partitions(lake):
    for place in ("20191206/deu", "20191206/swe", "20191213/deu"):
        flip(f"json/{place}/{place[2:8]}I.jsonl.zst")(lake)
    checked = []
    assert len(found(lake, sample=2, on_checked=checked.append)) == 2
    assert sum(c.partitions for c in checked) == 2
    assert len(found(lake, sample=9)) == 3
    (lake / MOVIES).unlink()  # found in every partition without opening files
    assert [found(lake, sample=n)[0][1] for n in (1, 2, 3)] == ["missing-file"] * 3


def test_a_sample_is_spread_over_stamps_and_countries():
    stamps = [f"2019{month:02}{day:02}" for month in range(1, 13) for day in (1, 8, 15, 22)]
    pairs = [(stamp, f"c{number:02}") for stamp in stamps for number in range(48)]
    chosen = spread(pairs, 48)
    assert chosen == sorted(set(chosen)) == spread(pairs, 48)
    assert [stamp for stamp, _ in chosen] == stamps
    assert len({country for _, country in chosen}) > 24
    assert spread(pairs, 5000) == pairs
    assert spread([], 3) == []


def test_a_selection_limits_the_findings(lake):
    flip(MOVIES)(lake)
    put("json/20191206/deu/x.jsonl.zst")(lake)
    put("json/20191213/deu/x.jsonl.zst")(lake)
    assert found(lake, countries="swe") == []
    assert found(lake, date_stamps="20191213") == [
        ("error", "unaccounted-file", "json/20191213/deu/x.jsonl.zst")
    ]
    with pytest.raises(ValueError, match=r"no partition in .* date_stamps=all, countries=nzl"):
        found(lake, countries="nzl")


def test_an_empty_lake_is_an_error(tmp_path):
    (tmp_path / "lake").mkdir()
    shutil.copy(small_lake(tmp_path / "other") / "lake.json", tmp_path / "lake")
    with pytest.raises(ValueError, match="expected a lake with data, found no commit in"):
        found(tmp_path / "lake")


# --- severities and options


def test_severities_can_be_chosen(lake):
    put("notes.txt")(lake)
    flip(MOVIES)(lake)
    rules = {"stray-file": "error", "wrong-checksum": "ignore"}
    assert found(lake, rules=rules) == [("error", "stray-file", "notes.txt")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": {"orphan": "error"}}, "found 'orphan'; did you mean orphans"),
        ({"rules": {"xyz": "error"}}, "found 'xyz'; did you mean commit-file or"),
        ({"rules": {"orphans": "bad"}}, "expected error, warning, ignore for the rule orphans"),
        ({"fast": True, "sample": 3}, "expected fast or a sample, found both"),
        ({"sample": 0}, "expected a positive number for sample, found 0"),
        ({"max_orphans": 2}, "expected a share from 0 to 1 for max_orphans, found 2"),
    ],
)
def test_wrong_options_are_an_error(clean_lake, options, message):
    with pytest.raises(ValueError, match=message):
        found(clean_lake, **options)


def test_a_missing_folder_and_a_file_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a lake or a feed, found no folder at"):
        found(tmp_path / "nothing")
    (tmp_path / "lake.tar").write_bytes(b"")
    with pytest.raises(ValueError, match="to check a pack, stage it: movielake stage"):
        found(tmp_path / "lake.tar")


def test_a_folder_that_is_not_a_lake_is_checked_as_a_feed(tmp_path):
    members = {"191206I.XML": movies("Up").replace("<title>", "<smell>1</smell><title>")}
    feed = write_feed(tmp_path / "feed", {ZIP: members, "20191206/movies_swe.zip": members})
    options = {"date_stamps": "20191206", "countries": "deu"}
    expected = ("unknown-element", f"{ZIP}: 191206I.XML")
    assert found(feed, **options) == [("warning", *expected)]
    assert found(feed, rules={"unknown-element": "error"}, **options) == [("error", *expected)]
    with pytest.raises(ValueError, match="fast, sample and max_orphans are for lakes"):
        found(feed, fast=True)
    with pytest.raises(ValueError, match="expected the name of a rule, found 'orphans'; did you"):
        found(feed, rules={"orphans": "error"})


# --- comparing


@given(
    rows=st.lists(st.integers(0, 3), max_size=12),
    others=st.lists(st.integers(0, 3), max_size=12),
    same=st.booleans(),
    cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    other_cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
def test_the_first_difference_does_not_depend_on_the_cuts(rows, others, same, cuts, other_cuts):
    others = rows if same else others
    difference = first_difference(pieces(rows, cuts), pieces(others, other_cuts))
    both = zip_longest(rows, others)
    first = next((n for n, (a, b) in enumerate(both) if a != b), None)
    if first is None:
        assert difference == ""
    elif first == min(len(rows), len(others)):
        assert difference == f"one has {first} rows, the other has more"
    else:
        expected = f"row {first}, column n: expected {rows[first]}, found {others[first]}"
        assert difference == expected


def pieces(rows: list[int], cuts: list[int]) -> Iterator[pa.Table]:
    """Cut rows into tables of the given sizes, repeatedly, with an empty table after each round."""
    start = 0
    for size in cycle([*cuts, 0]):
        yield pa.table({"n": pa.array(rows[start : start + size], pa.int8())})
        start += size
        if start >= len(rows):
            return


# --- places


def test_theaters_outside_their_country_are_a_warning(lake):
    columns(THEATERS, "theater_lat", -52.5)(lake)
    assert found(lake, countries="deu") == [
        ("warning", "outside-country", GERMAN.format("theaters"))
    ]
    assert found(lake, countries="deu", rules={"outside-country": "ignore"}) == []


def test_swapped_coordinates_are_a_warning_that_names_the_theaters(tmp_path):
    house = houses("Astra").replace("</theater>", BERLIN)
    lake = converted(tmp_path, deu=week() | {"191206T.XML": house})
    (finding,) = validate(str(lake))
    assert (finding.rule, finding.path) == ("swapped-coordinates", GERMAN.format("theaters"))
    assert "1 of 1 theaters have latitude and longitude swapped: theater_id 1" in finding.message


BERLIN = "<theater_lat>13.40</theater_lat><theater_lon>52.52</theater_lon></theater>"


def test_a_country_whose_places_cannot_be_checked_is_a_warning(tmp_path):
    zips = {
        f"{stamp}/movies_{code}.zip": week(stamp[2:])
        for stamp in ("20191206", "20191213")
        for code in ("rom", "zzz")
    }
    convert(write_feed(tmp_path / "feed", zips), str(tmp_path / "lake"), workers=1)
    found = [f for f in validate(str(tmp_path / "lake")) if f.rule == "unknown-country"]
    (finding,) = found
    assert (finding.severity, finding.count) == ("warning", 2)
    assert finding.path == "parquet/theaters/date_stamp=20191206/country=zzz"
    assert "found zzz" in finding.message


def test_a_latitude_beyond_the_pole_can_be_swapped(tmp_path):
    house = houses("Astra").replace("</theater>", TOKYO)
    lake = converted(tmp_path, jpn=week() | {"191206T.XML": house})
    assert {f.rule for f in validate(str(lake))} == {"coordinates", "swapped-coordinates"}


TOKYO = "<theater_lat>139.69</theater_lat><theater_lon>35.68</theater_lon></theater>"


def test_places_are_not_checked_without_the_extra_geo(lake, monkeypatch):
    monkeypatch.setattr("movielake.validation.places.has_geography", lambda: False)
    columns(THEATERS, "theater_lat", -52.5)(lake)
    assert found(lake, countries="deu") == []


# --- every byte counts

VERSION = rb"parquet-cpp-arrow version [0-9]+\.[0-9]+\.[0-9]+(?![0-9.])"


def flipped(lake: Path, path: str, position: int, bits: int) -> list[tuple[str, str, str]]:
    content = (lake / path).read_bytes()
    try:
        flip(path, position, bits)(lake)
        return found(lake)
    finally:
        (lake / path).write_bytes(content)


@pytest.fixture(scope="module")
def flip_lake(clean_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(clean_lake, tmp_path_factory.mktemp("flips") / "lake"))


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_flipped_byte_is_found_in_every_file(flip_lake, place):
    for path, content in files(flip_lake).items():
        position = {"first": 0, "middle": len(content) // 2, "last": len(content) - 1}[place]
        assert path in {where for _, _, where in flipped(flip_lake, path, position, 0x10)}, path


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_found(flip_lake, data):
    path = data.draw(st.sampled_from(sorted(files(flip_lake))))
    content = bytearray((flip_lake / path).read_bytes())
    position, bits = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    content[position] ^= bits
    # manifest.parquet can name any version of Arrow. Every other changed byte must be found.
    versions = {re.search(VERSION, b)[0] for b in ((flip_lake / path).read_bytes(), content)
                if path == "manifest.parquet" and re.search(VERSION, b)}  # fmt: skip
    assume(len(versions) < 2)
    assert flipped(flip_lake, path, position, bits) != []


def findings_on_texts(lake: Folder) -> Iterator[Finding]:
    """Run only the checks of text files, because the test flips thousands of bytes."""
    yield from check_lake_file(lake)
    inventory = take_inventory(lake, to_the_byte=True)
    yield from inventory.broken.values()
    yield from check_manifest(inventory, to_the_byte=True)


@pytest.mark.parametrize(("path", "step"), [("lake.json", 13), (COMMIT, 13)])
def test_flipped_bytes_of_text_are_found(flip_lake, path, step):
    content = (flip_lake / path).read_bytes()
    spaces = [n for n, byte in enumerate(content) if byte in b" \n"]
    folder = Folder(str(flip_lake))
    for position in {*range(0, len(content), step), *spaces[::step]}:
        for bits in (0x2A, 0x29, 0x10):  # swaps space and line end, turns a space into a tab, …
            flip(path, position, bits)(flip_lake)
            assert next(findings_on_texts(folder), None), (position, bits)
            flip(path, position, bits)(flip_lake)
