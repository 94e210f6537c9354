"""Files of the lake: complete or not at all, with checksums, compressed, in row groups."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from movielake.lake import outputs
from movielake.lake.leftovers import remove_leftovers
from movielake.lake.outputs import JsonLinesWriter, RowsWriter, to_lines
from movielake.lake.writers import (
    HashingFile,
    Workspace,
    WrittenFile,
    rename,
    workspace,
    write_atomically,
)
from movielake.names.layout import Folder
from movielake.rows.problems import ProblemCounter
from movielake.rows.screenings import flatten_batch
from movielake.schema.tables import TABLES, table
from tests.feeds import files, json_lines

HELLO = WrittenFile("a", 5, hashlib.sha256(b"hello").hexdigest())


@pytest.fixture
def lake(tmp_path) -> Folder:
    return Folder(str(tmp_path / "lake"))


def in_lake(lake: Folder) -> dict[str, bytes]:
    return files(lake.path) if Path(lake.path).exists() else {}


class Kept(io.BytesIO):
    """A buffer whose content can be read after it was closed."""

    def close(self) -> None:
        self.content = self.getvalue()
        super().close()


# --- counting and digesting


@pytest.mark.parametrize("parts", [[], [b""], [b"hello"], [b"he", b"", b"llo"]])
def test_written_bytes_are_counted_and_digested(parts):
    raw = Kept()
    file = HashingFile(raw)
    for part in parts:
        assert file.write(part) == len(part)
    file.close()
    content = b"".join(parts)
    assert raw.content == content
    assert file.tell() == len(content)
    assert file.written("x") == WrittenFile("x", len(content), hashlib.sha256(content).hexdigest())


def test_arrays_are_counted_in_bytes():
    file = HashingFile(Kept())
    assert file.write(memoryview(b"12345678").cast("I")) == 8
    assert file.size == 8


def test_a_file_can_be_closed_twice():
    file = HashingFile(Kept())
    file.close()
    file.close()
    assert file.closed


# --- complete or not at all


def test_a_small_file_is_written(lake):
    assert write_atomically(lake, "a", b"hello") == HELLO
    assert in_lake(lake) == {"a": b"hello"}


def test_missing_folders_are_created(lake):
    write_atomically(lake, "a/b/c", b"x")
    assert in_lake(lake) == {"a/b/c": b"x"}


def test_a_file_replaces_an_older_one(lake):
    write_atomically(lake, "a", b"old and longer")
    write_atomically(lake, "a", b"new")
    assert in_lake(lake) == {"a": b"new"}


def test_a_reader_of_the_old_file_can_read_to_its_end(lake):
    write_atomically(lake, "a", b"old")
    with Path(lake.join("a")).open("rb") as reader:
        write_atomically(lake, "a", b"new")
        assert reader.read() == b"old"


def test_files_appear_in_the_lake_only_when_published(lake):
    with workspace(lake) as space:
        with space.open("json/a") as file:
            file.write(b"hello")
        assert [path for path in in_lake(lake) if not path.startswith(".work/")] == []
        space.publish()
        assert in_lake(lake) == {"json/a": b"hello"}


def test_unpublished_files_are_removed(lake):
    with workspace(lake) as space, space.open("a") as file:
        file.write(b"half")
    assert in_lake(lake) == {}


def test_no_file_is_left_after_an_error(lake):
    with pytest.raises(TypeError), workspace(lake) as space, space.open("a") as file:
        file.write("not bytes")
    assert in_lake(lake) == {}


def test_several_files_are_published_together(lake):
    with workspace(lake) as space:
        for name in ("b/1", "a", "b/2"):
            with space.open(name) as file:
                file.write(name.encode())
        space.publish()
    assert in_lake(lake) == {"a": b"a", "b/1": b"b/1", "b/2": b"b/2"}


def test_a_function_is_called_before_each_rename(lake):
    """The holder of a lock uses this call. If it has lost the lock, no further file is replaced."""
    seen = []
    with workspace(lake) as space:
        for name in ("a", "b"):
            space.open(name).close()
        space.publish(lambda: seen.append([n for n in "ab" if lake.fs.exists(lake.join(n))]))
    assert seen == [[], ["a"]]


def test_two_files_can_be_open_at_the_same_time(lake):
    with workspace(lake) as space:
        with space.open("a") as a, space.open("b") as b:
            a.write(b"1")
            b.write(b"2")
            a.write(b"1")
        space.publish()
    assert in_lake(lake) == {"a": b"11", "b": b"2"}


def test_a_name_opened_twice_does_not_mix_with_others(lake):
    with workspace(lake) as space:
        for name, content in (("a", b"old"), ("a", b"new"), ("b", b"other")):
            with space.open(name) as file:
                file.write(content)
        space.publish()
    assert in_lake(lake) == {"a": b"new", "b": b"other"}


def test_two_workspaces_are_independent(lake):
    with workspace(lake) as one, workspace(lake) as two:
        for space, name in ((one, "a"), (two, "b")):
            with space.open(name) as file:
                file.write(name.encode())
        one.close()
        two.publish()
    assert in_lake(lake) == {"b": b"b"}


def test_an_unused_workspace_creates_no_folder(lake):
    with workspace(lake):
        pass
    assert not Path(lake.path).exists()


def test_a_file_is_written_in_memory():
    lake = Folder("memory://writers-lake")
    assert write_atomically(lake, "x/a", b"hello") == WrittenFile("x/a", 5, HELLO.sha256)
    write_atomically(lake, "x/a", b"again")
    assert list(lake.find()) == ["x/a"]
    assert lake.fs.cat_file(lake.join("x/a")) == b"again"


def test_renaming_creates_the_folder(lake):
    write_atomically(lake, "here", b"x")
    rename(lake, lake.join("here"), "there/and/back")
    assert in_lake(lake) == {"there/and/back": b"x"}


# --- leftovers


def leave(lake: Folder, owner: str, age: float = 0) -> Path:
    folder = Path(lake.join(".work", f"{owner}-1-0123456789ab"))
    folder.mkdir(parents=True)
    (folder / "0").write_bytes(b"half")
    then = time.time() - age
    os.utime(folder, (then, then))
    return folder


def dead_process() -> int:
    """Return the id of a process that has just ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_workspace_is_named_after_its_owner(lake):
    space = Workspace(lake)
    space.open("a").close()
    (folder,) = Path(lake.join(".work")).iterdir()
    assert folder.name.startswith(f"{socket.gethostname()}-{os.getpid()}-")
    space.close()


def test_leftovers_of_a_dead_process_are_removed(lake):
    folder = leave(lake, f"{socket.gethostname()}-{dead_process()}")
    assert remove_leftovers(lake) == 1
    assert not folder.exists()


def test_workspaces_of_a_living_process_are_kept(lake):
    folder = leave(lake, f"{socket.gethostname()}-{os.getpid()}", age=1e6)
    assert remove_leftovers(lake) == 0
    assert folder.exists()


@pytest.mark.parametrize(("age", "removed"), [(0, 0), (3600, 0), (25 * 3600, 1)])
def test_leftovers_of_another_host_are_removed_by_age(lake, age, removed):
    folder = leave(lake, "some-other-node-17-1", age)
    assert remove_leftovers(lake) == removed
    assert folder.exists() == (not removed)


def test_the_age_of_leftovers_can_be_chosen(lake):
    leave(lake, "some-other-node-17-1", 60)
    assert remove_leftovers(lake, older_than=30) == 1


def test_other_folders_are_removed_when_old(lake):
    assert leave(lake, "strange", 25 * 3600).exists()
    assert remove_leftovers(lake) == 1


def test_a_missing_lake_has_no_leftovers(lake):
    assert remove_leftovers(lake) == 0
    assert remove_leftovers(Folder("memory://none")) == 0


# --- JSON Lines

JSON = st.recursive(
    st.none() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def written_lines(batches) -> bytes:
    raw = Kept()
    with HashingFile(raw) as file, JsonLinesWriter(file) as lines:
        for batch in batches:
            lines.write(to_lines(batch).encode())
    return raw.content


def test_each_line_has_one_record():
    content = written_lines([[{"a": "Süß", "b": None}, {"c": ["x"]}], [{"d": {"@e": "1"}}]])
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)) as stream:
        assert stream.read().decode() == '{"a":"Süß","b":null}\n{"c":["x"]}\n{"d":{"@e":"1"}}\n'


def test_any_number_of_batches_makes_one_frame():
    content = written_lines([[{"n": str(n)}] for n in range(1000)])
    whole = zstandard.ZstdDecompressor().decompressobj()
    assert whole.decompress(content).count(b"\n") == 1000
    assert whole.unused_data == b""


@pytest.mark.parametrize("batches", [[], [[]], [[], []]])
def test_a_file_without_records_is_readable_and_has_no_lines(tmp_path, batches):
    (tmp_path / "a").write_bytes(written_lines(batches))
    assert json_lines(tmp_path / "a") == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON), max_size=5))
def test_lines_read_back_as_they_were(records):
    content = written_lines([records])
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)) as stream:
        text = stream.read().decode()
    assert [json.loads(line) for line in text.split("\n")[:-1]] == records
    assert text.count("\n") == len(records)


# --- rows


def flat(name: str, count: int) -> pa.Table:
    records = [{"movie_id": str(n), "source_xml": "x"} for n in range(count)]
    return flatten_batch(records, table(name), ProblemCounter(), 0)


def written_rows(batches: list[pa.Table], name: str = "movies") -> pq.ParquetFile:
    raw = Kept()
    with HashingFile(raw) as file, RowsWriter(file, table(name)) as rows:
        for batch in batches:
            rows.write(batch)
    assert rows.rows == sum(batch.num_rows for batch in batches)
    return pq.ParquetFile(io.BytesIO(raw.content))


def group_sizes(file: pq.ParquetFile) -> list[int]:
    metadata = file.metadata
    return [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]


@pytest.mark.parametrize("name", TABLES)
def test_rows_read_back_as_they_were(name):
    batch = flat(name, 10)
    file = written_rows([batch], name)
    assert file.read().equals(batch)
    assert file.schema_arrow.remove_metadata() == table(name).arrow.remove_metadata()


@pytest.mark.parametrize("name", TABLES)
def test_a_file_without_rows_has_the_schema(name):
    file = written_rows([], name)
    assert file.metadata.num_rows == 0
    assert file.schema_arrow.names == table(name).arrow.names


@pytest.mark.parametrize(
    ("batches", "sizes"),
    [
        ([], []),
        ([0], []),
        ([9], [9]),
        ([10], [10]),
        ([11], [10, 1]),
        ([4, 4, 4], [10, 2]),
        ([25, 3], [10, 10, 8]),
        ([5, 5, 10], [10, 10]),
        ([40], [10, 10, 10, 10]),
    ],
)
def test_all_row_groups_except_the_last_are_full(monkeypatch, batches, sizes):
    monkeypatch.setattr(outputs, "ROW_GROUP", 10)
    assert group_sizes(written_rows([flat("movies", n) for n in batches])) == sizes


def test_rows_keep_their_order_across_row_groups(monkeypatch):
    monkeypatch.setattr(outputs, "ROW_GROUP", 7)
    file = written_rows([flat("movies", 10), flat("movies", 10)])
    assert file.read()["movie_id"].to_pylist() == [*range(10), *range(10)]


def codecs_of(file: pq.ParquetFile) -> dict[str, str]:
    """Return the codec of each column of the first row group, by its path."""
    group = file.metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    return {column.path_in_schema: column.compression for column in columns}


def test_columns_are_compressed_with_zstd():
    codecs = codecs_of(written_rows([flat("movies", 500)]))
    assert codecs["source_xml"] == codecs["movie_id"] == "ZSTD"


def test_columns_with_few_bytes_are_not_compressed():
    codecs = codecs_of(written_rows([flat("movies", 500)]))
    assert codecs["director.list.element"] == "UNCOMPRESSED"  # each is null
    assert set(codecs_of(written_rows([flat("showings", 5)], "showings")).values()) == {
        "UNCOMPRESSED"
    }


def test_a_member_of_several_row_groups_is_compressed(monkeypatch):
    monkeypatch.setattr(outputs, "ROW_GROUP", 10)
    assert set(codecs_of(written_rows([flat("movies", 25)])).values()) == {"ZSTD"}


def test_the_same_rows_make_the_same_bytes():
    def content() -> bytes:
        raw = Kept()
        with HashingFile(raw) as file, RowsWriter(file, table("showings")) as rows:
            rows.write(flat("showings", 100))
        return raw.content

    assert content() == content()
