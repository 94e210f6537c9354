"""Forms: an answer as a file that other programs read, written batch by batch."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Final, Protocol, cast

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from movielake.asking.cells import flat
from movielake.lake.single import claim_file, split_file, whole_file
from movielake.names.hints import suggest_name

MOST_ROWS: Final = 1_048_576
"""Rows of a sheet of Excel, with the headings."""

MOST_LETTERS: Final = 32_767
"""Characters of a cell of Excel."""


class Writable(Protocol):
    """An open file that takes bytes."""

    def write(self, data: Any, /) -> int:
        """Write bytes."""


_ROW_GROUP: Final = 1 << 20


def form_of(file: str, form: str | None = None) -> str:
    """Return the form of a file: the one that is asked for, or that of the ending of its name.

    Raises
    ------
    ValueError
        If the ending is unknown.

    Examples
    --------
    >>> form_of("weeks.xlsx"), form_of("weeks.csv.gz"), form_of("weeks.txt", "json")
    ('xlsx', 'csv.gz', 'json')
    """
    if form is not None:
        return form
    name = file.rpartition("/")[2].lower()
    known = [ending for ending in FORMS if name.endswith(f".{ending}")]
    if not known:
        hint = suggest_name(name.rpartition(".")[2], FORMS)
        raise ValueError(f"expected a file that ends in .{', .'.join(FORMS)}, found {file}{hint}")
    return max(known, key=len)


def write_file(
    batches: pa.RecordBatchReader, file: str, *, form: str | None = None, force: bool = False
) -> int:
    """Write batches of rows to one file, which appears complete or not at all.

    Parameters
    ----------
    batches : pa.RecordBatchReader
        The rows.
    file : str
        Path or URL of the file.
    form : {"csv", "csv.gz", "json", "parquet", "xlsx"}, optional
        Form of the file. Default: by the ending of its name.
    force : bool, optional
        Replace a file that exists, and write also into a lake or a feed.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    FileExistsError
        If the file exists.
    ValueError
        If the file has an unknown ending or lies in a lake or a feed, or if the rows do not fit in
        a spreadsheet.
    """
    write = FORMS[form_of(file, form)]
    claim_file(file, "table", lambda _: False, force=force)
    with whole_file(*split_file(file)) as out:
        return write(batches, out)


def write_stream(batches: pa.RecordBatchReader, out: Writable, form: str) -> int:
    """Write batches of rows to an open file, and return the number of rows."""
    return FORMS[form](batches, out)


def _write_csv(batches: pa.RecordBatchReader, out: Writable) -> int:
    """Write CSV in UTF-8, as RFC 4180 has it. A null is an empty cell without quotes."""
    rows, writer = 0, None
    with ExitStack() as stack:
        for batch in _with_schema(batches):
            table = flat(batch)
            if writer is None:
                options = pc_csv.WriteOptions(quoting_style="needed")
                writer = stack.enter_context(
                    pc_csv.CSVWriter(out, table.schema, write_options=options)
                )
            writer.write_table(table)
            rows += table.num_rows
    return rows


def _write_gzip(batches: pa.RecordBatchReader, out: Writable) -> int:
    with gzip.GzipFile("", "wb", fileobj=cast("Any", out), mtime=0) as packed:
        return _write_csv(batches, packed)


def _write_json(batches: pa.RecordBatchReader, out: Writable) -> int:
    """Write JSON Lines: a row in each line, with lists and maps as they are."""
    rows = 0
    for batch in batches:
        maps = [f.name for f in batch.schema if pa.types.is_map(f.type)]
        for row in batch.to_pylist():
            row |= {name: dict(row[name]) for name in maps if row[name] is not None}
            out.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
        rows += batch.num_rows
    return rows


def _write_parquet(batches: pa.RecordBatchReader, out: Writable) -> int:
    rows = 0
    with pq.ParquetWriter(out, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=_ROW_GROUP)
            rows += batch.num_rows
    return rows


def _write_xlsx(batches: pa.RecordBatchReader, out: Writable) -> int:
    """Write a workbook with one sheet. A text is always a text, also one that begins with ``=``."""
    try:
        import xlsxwriter
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "expected the package xlsxwriter for a spreadsheet, found none; "
            "pip install 'movielake[sql]'",
            name="xlsxwriter",
        ) from None
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}
    with tempfile.TemporaryFile() as content:  # a workbook is a zip, which needs a seek
        with xlsxwriter.Workbook(content, options) as book:
            sheet = book.add_worksheet("movielake")
            bold = book.add_format({"bold": True})
            moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
            for place, name in enumerate(batches.schema.names):
                sheet.write_string(0, place, name, bold)
            sheet.freeze_panes(1, 0)
            rows = _fill_sheet(sheet, batches, moment)
        content.seek(0)
        shutil.copyfileobj(content, out)
    return rows


def _fill_sheet(sheet: Any, batches: Iterable[pa.RecordBatch], moment: Any) -> int:
    rows = 0
    for batch in batches:
        table = flat(batch)
        if rows + table.num_rows >= MOST_ROWS:
            raise ValueError(
                f"expected at most {MOST_ROWS - 1:,} rows for a spreadsheet, found more; select "
                "fewer, count them in groups, or write .csv or .parquet"
            )
        for place, column in enumerate(table.columns):
            _check_letters(table.column_names[place], column)
        writers = [_cell_writer(sheet, field.type, moment) for field in table.schema]
        for values in zip(*(column.to_pylist() for column in table.columns), strict=True):
            rows += 1  # in this mode, a sheet is written row by row
            for place, value in enumerate(values):
                if value is not None:
                    writers[place](rows, place, value)
    return rows


def _cell_writer(sheet: Any, kind: pa.DataType, moment: Any) -> Callable[[int, int, Any], Any]:
    if pa.types.is_boolean(kind):
        return sheet.write_boolean  # type: ignore[no-any-return]
    if pa.types.is_timestamp(kind):
        return lambda row, place, value: sheet.write_datetime(row, place, value, moment)
    if pa.types.is_date(kind):
        return sheet.write_datetime  # type: ignore[no-any-return]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return sheet.write_number  # type: ignore[no-any-return]
    return lambda row, place, value: sheet.write_string(row, place, str(value))


def _check_letters(name: str, column: pa.ChunkedArray) -> None:
    """Refuse a text that Excel would cut."""
    if not pa.types.is_string(column.type):
        return
    longest = max((len(text) for text in column.to_pylist() if text), default=0)
    if longest > MOST_LETTERS:
        raise ValueError(
            f"expected texts of at most {MOST_LETTERS:,} characters in a spreadsheet, found "
            f"{longest:,} in the column {name}; leave it out, or write .csv or .parquet"
        )


def _with_schema(batches: pa.RecordBatchReader) -> Iterable[pa.RecordBatch]:
    """Yield the batches after an empty one, so that a file without rows has its headings."""
    yield pa.RecordBatch.from_pylist([], batches.schema)
    yield from batches


FORMS: Final[dict[str, Callable[[pa.RecordBatchReader, Writable], int]]] = {
    "csv": _write_csv,
    "csv.gz": _write_gzip,
    "json": _write_json,
    "parquet": _write_parquet,
    "xlsx": _write_xlsx,
}
"""The writer of each form. It returns the number of rows."""
