"""Validation of compact lakes: the same findings as on leaves, and every damage is found."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from movielake import compact, convert, pack, stage, validate
from movielake.sample import write_sample
from movielake.validation.findings import Checked, Finding
from movielake.validation.parts import open_raw
from tests.feeds import files, movies, showing, times, week, write_feed
from tests.lakes import (
    compact_file,
    edit_compact_rows,
    edit_manifest,
    small_feed,
    small_lake,
)
from tests.validation.test_lakes import BROKEN, VERSION, flip, put

Break = Callable[[Path], Any]


@pytest.fixture(scope="session")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake without findings. Tests must not change it."""
    return small_lake(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def clean_lake(leaves: Path) -> Path:
    """Return a compact copy without findings. Tests must not change it."""
    return Path(compact(str(leaves), str(leaves.parent / "compact")))


@pytest.fixture
def lake(clean_lake: Path, tmp_path: Path) -> Path:
    """Return a copy of the clean lake. Tests can change it."""
    return Path(shutil.copytree(clean_lake, tmp_path / "lake"))


def found(lake: Path | str, **options: Any) -> list[tuple[str, str, str]]:
    return [(f.severity, f.rule, f.path) for f in validate(str(lake), workers=1, **options)]


def facts(lake: Path | str, **options: Any) -> list[tuple[Any, ...]]:
    """Return the findings without paths in the lake, sorted, because compact files are others."""
    findings = validate(str(lake), workers=1, **options)
    return sorted(
        (f.rule, f.severity, re.sub(r"^\d{8} \w+: ", "", f.message), f.line or 0, f.count)
        for f in findings
    )


# --- both layouts


def test_a_compact_lake_has_no_findings_and_counts_its_files(clean_lake):
    checked = []
    assert found(clean_lake, on_checked=checked.append, max_orphans=0) == []
    sizes = [
        p.stat().st_size for top in ("json", "parquet") for p in (clean_lake / top).rglob("*.*")
    ]
    assert len(sizes) == 12
    assert sum(checked, Checked()) == Checked(3, 12, sum(sizes), rows=16, records=15)


@pytest.mark.parametrize("options", [{}, {"fast": True}, {"max_orphans": 0.001}])
def test_both_layouts_have_the_same_findings(sample_lake, tmp_path, options):
    copy = compact(str(sample_lake), str(tmp_path / "compact"), span="month")
    both = [facts(path, **options) for path in (sample_lake, copy)]
    assert both[0] == both[1]
    assert options.get("fast") or {rule for rule, *_ in both[0]} >= {"orphans", "duplicate-key"}


def test_a_damaged_feed_has_the_same_findings_in_both_layouts(tmp_path):
    write_sample(str(tmp_path / "feed"), weeks=2, scale=0.01, damage=True)
    convert(str(tmp_path / "feed"), str(tmp_path / "lake"), workers=1)
    compact(str(tmp_path / "lake"), str(tmp_path / "compact"))
    both = [facts(tmp_path / name) for name in ("lake", "compact")]
    assert both[0] == both[1]
    assert "damaged-member" in {rule for rule, *_ in both[0]}
    assert [rule for rule, severity, *_ in both[1] if severity == "error"] == []


ODD = {
    "tables that are missing": {"chn": {"191206S.XML": times(showing())}, "deu": week()},
    "several members of a table": {
        "deu": {
            "191206I.XML": movies("Up"),
            "more/191206I.XML": movies("Up", "Down"),
            "191206S.XML": times(showing(1), showing(2), showing(3)),
        }
    },
    "dates far from the stamp": {"deu": week() | {"191206S.XML": times(showing(date="20991105"))}},
    "a zip that cannot be read": {"deu": week(), "fra": b"no zip"},
    "a zip without members": {"deu": week(), "fra": {}},
    "tables without records": {"deu": week() | {"191206I.XML": "<movies/>"}},
}


@pytest.mark.parametrize("zips", ODD.values(), ids=ODD)
def test_odd_feeds_have_the_same_findings_in_both_layouts(tmp_path, zips):
    feed = write_feed(
        tmp_path / "feed", {f"20191206/movies_{ccc}.zip": members for ccc, members in zips.items()}
    )
    convert(feed, str(tmp_path / "lake"), workers=1)
    compact(str(tmp_path / "lake"), str(tmp_path / "compact"))
    both = [facts(tmp_path / name) for name in ("lake", "compact")]
    assert both[0] == both[1]


COPIED = [
    *("a running time of 0", "a running time that is too long", "a movie twice"),
    *("a latitude beyond the pole", "a longitude beyond the date line", "a movie without its id"),
    *("a showing without theater", "neither a movie nor its showing has an id"),
    *("rows of another source", "a time is missing", "a date moved", "a record numbered null"),
    *("records numbered in another order", "a title changed in JSON", "a problem not counted"),
    *("a record too many in JSON", "a time changed in Parquet", "records of another country"),
    *("a record is not a record", "JSON Lines are not compressed", "another count of movies"),
    "a member left out",
]


@pytest.mark.parametrize("name", COPIED)
def test_a_fault_inside_a_lake_is_found_in_its_copy(leaves, tmp_path, name):
    broken = Path(shutil.copytree(leaves, tmp_path / "lake"))
    breaks, expected = BROKEN[name]
    breaks(broken)
    copy = compact(str(broken), str(tmp_path / "compact"))
    findings = list(validate(str(copy), workers=1))
    assert sorted((f.severity, f.rule) for f in findings) == sorted(
        (severity, rule) for severity, rule, _ in expected
    )
    for finding in findings:
        if finding.rule != "left-out-member":
            assert finding.message.startswith("20191206 deu: ")
            assert "/country=deu/2019-" in finding.path


@pytest.mark.parametrize(
    "options",
    [
        {"span": "month"},
        {"tables": "showings"},
        {"tables": "movies,theaters"},
        {"json": False},
        {"countries": "swe"},
        {"date_stamps": "20191213", "tables": "movies", "json": False},
    ],
)
def test_a_part_of_a_lake_is_valid(leaves, tmp_path, options):
    compact(str(leaves), str(tmp_path / "compact"), **options)
    assert found(tmp_path / "compact") == []


def test_a_staged_pack_is_valid(leaves, tmp_path):
    pack(str(leaves), str(tmp_path / "lake.tar"))
    stage(str(tmp_path / "lake.tar"), str(tmp_path / "staged"))
    assert found(tmp_path / "staged") == []
    assert not (tmp_path / "staged/manifest").exists()


def test_a_lake_in_memory_has_the_same_findings(clean_lake):
    import fsspec

    memory = fsspec.filesystem("memory")
    for path, content in files(clean_lake).items():
        memory.pipe_file(f"/compacted/{path}", content)
    assert found("memory://compacted") == []
    path = compact_file(clean_lake, "json", "showings", "deu")
    memory.pipe_file(f"/compacted/{path}", b"x")
    assert found("memory://compacted") == [("error", "wrong-size", path)]
    memory.rm("/compacted", recursive=True)


# --- damage


def movies_of(lake: Path) -> str:
    return compact_file(lake, "parquet", "movies", "deu")


def frames_of(lake: Path) -> str:
    return compact_file(lake, "json", "movies", "deu")


def entry(table: str, stamp: str, **changes: Any) -> Break:
    """Change facts of one German member in the manifest."""

    def change(row: dict[str, Any]) -> None:
        if (row["table"], row["date_stamp"], row["country"]) == (table, stamp, "deu"):
            row |= changes

    return lambda lake: edit_manifest(lake, change)


def stamped(lake: Path) -> None:
    """Change the stamp of the last row."""

    def change(rows: pa.Table) -> pa.Table:
        stamps = [*rows["date_stamp"].to_pylist()[:-1], "20191206"]
        return rows.set_column(rows.num_columns - 1, "date_stamp", pa.array(stamps))

    edit_compact_rows(lake, movies_of(lake), change)


def retitled(lake: Path) -> None:
    """Change the title in the last row."""

    def change(rows: pa.Table) -> pa.Table:
        number = rows.column_names.index("title")
        titles = [*rows["title"].to_pylist()[:-1], "Left"]
        return rows.set_column(number, "title", pa.array(titles))

    edit_compact_rows(lake, movies_of(lake), change)


def cut(path_of: Callable[[Path], str], more: bytes = b"") -> Break:
    def cut_file(lake: Path) -> None:
        content = (lake / path_of(lake)).read_bytes()
        (lake / path_of(lake)).write_bytes(content + more if more else content[:-1])

    return cut_file


def drop_columns(lake: Path) -> None:
    edit_compact_rows(lake, movies_of(lake), lambda rows: rows.drop_columns("date_stamp"))


def add_row(lake: Path) -> None:
    edit_compact_rows(lake, movies_of(lake), lambda t: pa.concat_tables([t, t.slice(0, 1)]))


MOVIES, FRAMES, EXTRA = "movies", "frames", "parquet/movies/country=deu/2018-0.parquet"

SHIFTED = [("row-range", MOVIES), ("rows-digest", MOVIES), ("json-rows", FRAMES)]

DAMAGE: dict[str, tuple[Break, list[tuple[str, str]], str]] = {
    "a Parquet file is gone": (
        lambda lake: (lake / movies_of(lake)).unlink(),
        [("missing-file", MOVIES)],
        "deu, 20191206 to 20191213",
    ),
    "a JSON Lines file is gone": (
        lambda lake: (lake / frames_of(lake)).unlink(),
        [("missing-file", FRAMES)],
        "deu, 20191206 to 20191213",
    ),
    "a Parquet file is cut": (cut(movies_of), [("wrong-size", MOVIES)], "deu, 20191206 to"),
    "a JSON Lines file has grown": (cut(frames_of, b"x"), [("wrong-size", FRAMES)], "deu, 2019"),
    "an extra file": (put(EXTRA), [("unaccounted-file", EXTRA)], "does not name this file"),
    "a commit": (
        put("manifest/20191206/deu.json"),
        [("unaccounted-file", "manifest/20191206/deu.json")],
        "does not name this file",
    ),
    "the last frame differs": (
        lambda lake: flip(frames_of(lake))(lake),
        [("wrong-checksum", FRAMES)],
        "20191213 deu: ",
    ),
    "the manifest has another first row": (
        entry("movies", "20191213", parquet_start=1),
        [*SHIFTED, ("wrong-source", MOVIES), ("wrong-source", MOVIES)],
        "20191213 deu: ",
    ),
    "the manifest has no first row": (
        entry("movies", "20191213", parquet_start=None),
        [*SHIFTED, ("wrong-source", MOVIES), ("wrong-source", MOVIES)],
        "20191213 deu: ",
    ),
    "the manifest has another first byte": (
        entry("movies", "20191213", json_start=1),
        [("row-range", FRAMES), ("wrong-checksum", FRAMES)],
        "20191213 deu: ",
    ),
    "the manifest has a row too few": (
        entry("movies", "20191213", rows=1),
        [
            *(("row-count", MOVIES), ("rows-digest", MOVIES), ("record-count", MOVIES)),
            *(("json-rows", FRAMES), ("orphans", "showings")),
        ],
        "",
    ),
    "the manifest has another digest": (
        entry("movies", "20191213", digest="0" * 32),
        [("rows-digest", MOVIES)],
        "20191213 deu: ",
    ),
    "the manifest has another checksum": (
        entry("movies", "20191206", parquet_sha256="0" * 64),
        [("wrong-checksum", MOVIES)],
        "",
    ),
    "the manifest has another size": (
        lambda lake: edit_manifest(
            lake, lambda r: r.update(parquet_bytes=(r["parquet_bytes"] or 0) + 1)
        ),
        [("wrong-size", "every Parquet file")],
        "",
    ),
    "a row has another stamp": (stamped, [("wrong-source", MOVIES)], "20191213 deu: expected date"),
    "a row has another title": (
        retitled,
        [("rows-digest", MOVIES), ("json-rows", FRAMES)],
        "20191213 deu: ",
    ),
    "a file has a row too many": (add_row, [("row-count", MOVIES)], "expected 4 rows, found 5"),
    "a file has no stamps": (drop_columns, [("wrong-schema", MOVIES)], "missing: date_stamp"),
    "the manifest has a file elsewhere": (
        entry("movies", "20191206", json_path="../secret"),
        [("commit-place", "manifest.parquet")],
        "20191206 deu: ",
    ),
    "the manifest has an unknown status": (
        entry("movies", "20191206", status="fine"),
        [("commit-file", "manifest.parquet")],
        "20191206 deu: ",
    ),
    "the manifest has no count": (
        entry("movies", "20191206", rows=None),
        [("commit-file", "manifest.parquet")],
        "20191206 deu: ",
    ),
    "the manifest is not Parquet": (
        put("manifest.parquet", b"PAR1"),
        [("commit-file", "manifest.parquet")],
        "cannot be read",
    ),
    "the manifest has other columns": (
        lambda lake: pq.write_table(pa.table({"a": [1]}), lake / "manifest.parquet"),
        [("commit-file", "manifest.parquet")],
        "expected the columns",
    ),
    "the manifest is in another order": (
        lambda lake: pq.write_table(
            pq.read_table(lake / "manifest.parquet").sort_by("country"), lake / "manifest.parquet"
        ),
        [("commit-file", "manifest.parquet")],
        "20191206 swe: expected the partitions in order",
    ),
    "the manifest is gone": (
        lambda lake: (lake / "manifest.parquet").unlink(),
        [("commit-file", "manifest.parquet")],
        "FileNotFoundError",
    ),
    "the manifest has other bytes": (
        lambda lake: pq.write_table(
            pq.read_table(lake / "manifest.parquet"), lake / "manifest.parquet"
        ),
        [("manifest-bytes", "manifest.parquet")],
        "",
    ),
    "the manifest has no rows of a partition": (
        lambda lake: pq.write_table(
            (table := pq.read_table(lake / "manifest.parquet")).filter(
                pc.or_(
                    pc.not_equal(table["date_stamp"], "20191206"),
                    pc.not_equal(table["country"], "deu"),
                )
            ),
            lake / "manifest.parquet",
            write_page_checksum=True,
            compression="zstd",
        ),
        [
            *(("row-range", path) for path in (MOVIES, FRAMES, "theaters", "showings")),
            *(("row-range", path) for path in ("theater frames", "showing frames")),
            *(("row-count", path) for path in (MOVIES, "theaters", "showings")),
            *(("wrong-size", path) for path in (FRAMES, "theater frames", "showing frames")),
        ],
        "20191213 deu: expected",
    ),
    "the manifest has another time of a member": (
        entry("showings", "20191206", first_date="2019-12-05"),
        [("date-span", "showings")],
        "20191206 deu: ",
    ),
    "a row has no stamp": (
        lambda lake: edit_compact_rows(
            lake,
            movies_of(lake),
            lambda rows: rows.set_column(
                rows.num_columns - 1,
                "date_stamp",
                pa.array([None, *rows["date_stamp"].to_pylist()[1:]], pa.string()),
            ),
        ),
        [("wrong-source", MOVIES)],
        "20191206 deu: expected date_stamp 20191206, found others in 1 of 2 rows",
    ),
    "rows of two partitions are exchanged": (
        lambda lake: edit_compact_rows(lake, movies_of(lake), lambda rows: rows.take([2, 3, 0, 1])),
        [
            *(("wrong-source", MOVIES),) * 4,
            *(("rows-digest", MOVIES), ("json-rows", FRAMES)) * 2,
        ],
        "20191206 deu: ",
    ),
    "the layout is of another lake": (
        lambda lake: (lake / "lake.json").write_text(
            (lake / "lake.json").read_text().replace('"compact",\n "span": "year",', '"leaves",')
        ),
        [("lake-file", "lake.json")],
        "expected the layout compact, as in the folders of the lake, found leaves",
    ),
    "the span is missing": (
        lambda lake: (lake / "lake.json").write_text(
            (lake / "lake.json").read_text().replace('\n "span": "year",', "")
        ),
        [("lake-file", "lake.json")],
        "expected the layout",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_to_a_compact_lake_is_found_and_named(lake, name):
    breaks, expected, text = DAMAGE[name]
    paths = {MOVIES: movies_of(lake), FRAMES: frames_of(lake)}
    for table in ("theaters", "showings"):
        paths[table] = compact_file(lake, "parquet", table, "deu")
        paths[f"{table[:-1]} frames"] = compact_file(lake, "json", table, "deu")
    breaks(lake)
    findings = list(validate(str(lake), workers=1))
    if expected[0][1] == "every Parquet file":
        assert {f.rule for f in findings} == {expected[0][0]}
        assert len(findings) == 6
        return
    wanted = [(rule, paths.get(path, path)) for rule, path in expected]
    assert sorted((f.rule, f.path) for f in findings) == sorted(wanted)
    assert any(text in f.message for f in findings), findings


@pytest.mark.parametrize("name", DAMAGE)
def test_the_advice_repairs_a_compact_lake(leaves, lake, name):
    DAMAGE[name][0](lake)
    for finding in validate(str(lake)):
        if finding.path == "lake.json":
            return  # only a backup repairs lake.json
        if finding.severity == "warning" and finding.rule == "orphans":
            continue
        assert "remove the file and make the copy again" in finding.message or (
            finding.rule == "unaccounted-file" and finding.message.endswith("; remove it")
        )
        (lake / finding.path).unlink(missing_ok=True)
    compact(str(leaves), str(lake))
    assert found(lake) == []


def test_a_message_states_the_fault_and_the_repair(lake):
    path = movies_of(lake)
    retitled(lake)
    findings = [f for f in validate(str(lake), workers=1) if f.rule == "rows-digest"]
    assert findings == [
        Finding(
            "rows-digest",
            "error",
            path,
            findings[0].message,
        )
    ]
    assert re.fullmatch(
        r"20191213 deu: expected rows with the digest [0-9a-f]{12}…, found other rows; remove the "
        r"file and make the copy again \(movielake compact LAKE TO\), or stage it again",
        findings[0].message,
    )


def test_quarantine_is_checked_too(tmp_path):
    feed = write_feed(tmp_path / "feed", {"20191206/movies_deu.zip": b"no zip"})
    convert(feed, str(tmp_path / "lake"), workers=1)
    compact(str(tmp_path / "lake"), str(tmp_path / "compact"))
    flip("quarantine/20191206/deu/movies_deu.zip")(tmp_path / "compact")
    errors = [f for f in validate(str(tmp_path / "compact")) if f.severity == "error"]
    assert [(f.rule, f.path) for f in errors] == [
        ("wrong-checksum", "quarantine/20191206/deu/movies_deu.zip")
    ]


# --- depth and selection


def test_fast_finds_files_ranges_and_footers(lake):
    for fault in (add_row, entry("showings", "20191213", json_start=0)):
        fault(lake)
    flip(compact_file(lake, "parquet", "theaters", "deu"), position=10)(lake)
    showings = compact_file(lake, "json", "showings", "deu")
    assert found(lake, fast=True) == [
        ("error", "row-range", showings),
        ("error", "row-count", movies_of(lake)),
    ]


def test_a_sample_reads_the_rows_of_some_partitions(lake):
    for stamp in ("20191206", "20191213"):
        entry("movies", stamp, digest="0" * 32)(lake)
    assert len(found(lake, sample=1)) < len(found(lake, sample=3)) == 2


def test_a_selection_limits_the_findings(lake):
    retitled(lake)
    put(EXTRA)(lake)
    assert found(lake, countries="swe") == []
    assert found(lake, date_stamps="20191206") == [("error", "unaccounted-file", EXTRA)]
    assert len(found(lake, countries="deu")) == 3


def test_workers_return_the_same_findings_in_the_same_order(sample_lake, tmp_path, monkeypatch):
    lake = Path(compact(str(sample_lake), str(tmp_path / "compact"), span="month"))
    flip(compact_file(lake, "parquet", "movies", "deu"))(lake)
    monkeypatch.setattr("movielake.validation.batches.BATCH", 1)
    alone = list(validate(str(lake), workers=1))
    assert list(validate(str(lake), workers=2)) == alone
    assert {"wrong-checksum", "unreadable-file"} & {f.rule for f in alone}


@pytest.mark.parametrize("options", [{}, {"fast": True}])
def test_few_files_are_open_at_the_same_time(sample_lake, tmp_path, monkeypatch, options):
    lake = compact(str(sample_lake), str(tmp_path / "compact"), span="month", json=False)
    counts, most = [0], []

    @contextmanager
    def count(*place: Any) -> Iterator[pa.NativeFile]:
        with open_raw(*place) as raw:
            counts[0] += 1
            most.append(counts[0])
            yield raw
        counts[0] -= 1

    monkeypatch.setattr("movielake.validation.shared.open_raw", count)
    list(validate(lake, workers=1, **options))
    assert len(most) >= 22
    assert (counts, max(most) <= 4) == ([0], True)


def test_a_row_group_is_read_once(sample_lake, tmp_path, monkeypatch):
    lake = compact(str(sample_lake), str(tmp_path / "compact"), countries="deu", span="all")
    read, counted = pq.ParquetFile.read_row_group, []

    def count(self: pq.ParquetFile, number: int, **options: Any) -> pa.Table:
        counted.append(tuple(options["columns"]))
        return read(self, number, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", count)
    list(validate(lake, workers=1))
    tables = [columns for columns in counted if "date_stamp" in columns]
    assert len(tables) == len(set(tables)) == 3  # three stamps of three tables
    assert len(counted) == 6  # and the columns with markup


# --- every byte counts


@pytest.fixture(scope="module")
def flip_lake(clean_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(clean_lake, tmp_path_factory.mktemp("flips") / "lake"))


def flipped(lake: Path, path: str, position: int, bits: int) -> list[tuple[str, str, str]]:
    content = (lake / path).read_bytes()
    try:
        flip(path, position, bits)(lake)
        return found(lake)
    finally:
        (lake / path).write_bytes(content)


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
    before = bytes(content)
    content[position] ^= bits
    # manifest.parquet can name any version of Arrow. Every other changed byte must be found.
    versions = {re.search(VERSION, b)[0] for b in (before, content)
                if path == "manifest.parquet" and re.search(VERSION, b)}  # fmt: skip
    assume(len(versions) < 2)
    assert flipped(flip_lake, path, position, bits) != []


def test_the_feed_and_the_copy_agree(tmp_path):
    """The counts of both come from their files, read by pyarrow alone."""
    convert(small_feed(tmp_path / "feed"), str(tmp_path / "lake"), workers=1)
    compact(str(tmp_path / "lake"), str(tmp_path / "compact"))
    checked = []
    assert found(tmp_path / "compact", on_checked=checked.append) == []
    rows = sum(pq.read_metadata(p).num_rows for p in (tmp_path / "lake").rglob("parquet/**/*.pa*"))
    assert sum(checked, Checked()).rows == rows == 16
