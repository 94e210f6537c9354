"""Parquet files of a compact lake, which many members share. Each is checked as a whole once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

from movielake.lake.writers import WrittenFile
from movielake.schema.tables import TABLES
from movielake.schema.tables import table as read_table
from movielake.staging.merging import compact_schema
from movielake.staging.sources import Source
from movielake.validation.findings import Finding
from movielake.validation.parts import OpenFile, open_raw
from movielake.validation.records import UNREADABLE
from movielake.validation.rows import check_footer
from movielake.validation.rules import MEND_COPY, found, reason


class SharedFile(NamedTuple):
    """A Parquet file of a compact lake.

    Parameters
    ----------
    file : WrittenFile
        The file, with its size and checksum in the manifest.
    table : str
        Name of its table.
    rows : int
        Number of rows of all its members.
    """

    file: WrittenFile
    table: str
    rows: int


class SharedFiles:
    """Opens Parquet files of a compact lake. One file of each table stays open.

    Parameters
    ----------
    source : Source
        The lake.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._opened: dict[str, tuple[str, OpenFile | None]] = {}
        self._stacks = {name: ExitStack() for name in TABLES}

    def __enter__(self) -> SharedFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for stack in self._stacks.values():
            stack.close()

    def open(self, path: str, table: str) -> OpenFile | None:
        """Open a file, or return None if its rows cannot be read. `check` reports the reason."""
        if self._opened.get(table, ("",))[0] != path:
            self._opened.pop(table, None)
            self._stacks[table].close()
            self._opened[table] = path, self._open(path, table)
        return self._opened[table][1]

    def _open(self, path: str, table: str) -> OpenFile | None:
        try:
            raw = self._stacks[table].enter_context(open_raw(self._source, path))
            file = OpenFile(raw, read_table(table))
            return file if file.schema.equals(compact_schema(table)) else None
        except UNREADABLE:
            return None

    def check(self, shared: SharedFile, *, checksums: bool) -> Iterator[Finding]:
        """Compare the columns, the number of rows and the checksum of a file with the manifest."""
        path = shared.file.path
        try:
            with open_raw(self._source, path) as raw:
                footer = OpenFile(raw, read_table(shared.table)).footer
            schema = compact_schema(shared.table)
            findings = list(check_footer(footer, path, schema, shared.rows))
            if checksums and self._checksum(shared.file) != shared.file.sha256:
                message = f"expected the SHA-256 {shared.file.sha256:.12}…, found other bytes"
                findings.append(found("wrong-checksum", path, message))
        except UNREADABLE as error:
            findings = [found("unreadable-file", path, f"cannot be read ({reason(error)})")]
        for finding in findings:
            yield replace(finding, message=f"{finding.message}; {MEND_COPY}")

    def _checksum(self, file: WrittenFile) -> str:
        digest = hashlib.sha256()
        for block in self._source.blocks(file):
            digest.update(block)
        return digest.hexdigest()
