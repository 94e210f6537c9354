"""JSON Lines have one line for each record, also for programs that split by Unicode's rules."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pytest
import zstandard

from movielake.lake.outputs import JsonLinesWriter, to_lines
from movielake.lake.writers import HashingFile


@pytest.mark.parametrize("of", [bytes, pa.py_buffer], ids=["bytes", "arrow"])
def test_other_line_ends_of_unicode_are_escaped(of):
    records = [{"title": f"a{sign}b", f"{sign}": "é"} for sign in "\x85\u2028\u2029"]
    raw = io.BytesIO()
    with JsonLinesWriter(HashingFile(raw)) as writer:
        writer.write(of(to_lines(records).encode()))
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw.getvalue())) as stream:
        text = stream.read().decode()
    assert [json.loads(line) for line in text.splitlines()] == records
