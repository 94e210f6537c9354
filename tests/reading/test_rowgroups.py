"""Tests of reading members of a Parquet file: only their rows, in any position."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from movielake.reading.groups import HeldFile
from movielake.reading.rowgroups import read_members

GROUPS = (10, 1000, 400)
ROWS = sum(GROUPS)


@pytest.fixture
def parquet(tmp_path) -> str:
    """Return the path of a file with row groups of `GROUPS` rows."""
    table = pa.table({"number": range(ROWS), "text": [f"{n % 7}" for n in range(ROWS)]})
    path = str(tmp_path / "2019.parquet")
    with pq.ParquetWriter(path, table.schema) as writer:
        first = 0
        for length in GROUPS:
            writer.write_table(table.slice(first, length), row_group_size=length)
            first += length
    return path


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 3)],
        [(10, 2)],  # the first rows of a row group
        [(8, 4)],  # few rows of two row groups
        [(12, 2), (15, 1)],
        [(1009, 2)],
        [(1400, 10)],  # the end of the file
        [(2, 1), (1015, 3)],  # no row of the group between them
        [(0, ROWS)],
        [(5, 0)],
    ],
)
@pytest.mark.parametrize("coded", [(), ("text",)])
def test_each_member_gets_its_rows(parquet, spans, coded):
    size = Path(parquet).stat().st_size
    files = [
        HeldFile(parquet, "20191206", "deu", length, size, start=start) for start, length in spans
    ]
    parts = read_members(parquet, files, ["number", "text"], coded)
    for part, (start, length) in zip(parts, spans, strict=True):
        assert part["number"].to_pylist() == list(range(start, start + length))
        assert part["text"].to_pylist() == [f"{n % 7}" for n in range(start, start + length)]


def test_rows_after_the_last_wanted_one_are_not_read(parquet, monkeypatch):
    read = []
    iter_batches = pq.ParquetFile.iter_batches

    def watched(self, *args, **options):
        for batch in iter_batches(self, *args, **options):
            read.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", watched)
    file = HeldFile(parquet, "20191206", "deu", 3, Path(parquet).stat().st_size, start=10)
    read_members(parquet, [file], ["number"])
    assert read == [3]
