"""Showing records to screenings: record × show_date × time.

The data has three levels: records, show_dates and times. Each level is an array with the positions
of its parents. A column is built at the level where the feed has its values. Then its values are
copied to the rows by position, so they are not converted again for each row.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.feed.markup import Marked, without
from movielake.rows.extras import Node, collect_extras, map_array
from movielake.rows.flattening import (
    flatten_records,
    joiner_of,
    label,
    node_column,
    node_texts,
    text_of,
)
from movielake.rows.problems import UNTYPED, ProblemCounter
from movielake.rows.showtimes import UNKNOWN_TIME, Oddity, Screening, parse_showtimes
from movielake.rows.starts import combine_start
from movielake.rows.values import split_list, typed
from movielake.schema.tables import Column, Table

_DATE: Final = "show_date/"
_TIMES: Final = "showtimes"

HEAVIEST: Final = 1 << 28
"""Most bytes of text that the rows of one record, or of one batch, can have."""

_ROW: Final = 100


def flatten_batch(
    records: Sequence[Node], table: Table, problems: ProblemCounter, first: int
) -> pa.Table:
    """Flatten a batch of records of any table to rows.

    Parameters
    ----------
    records : sequence of dict
        Records from `movielake.feed.records`.
    table : Table
        Schema of the records.
    problems : ProblemCounter
        Counter for problems.
    first : int
        Number of the first record in its member.

    Returns
    -------
    pa.Table
        The rows, with the schema ``table.arrow``.
    """
    if table.name == "showings":
        return flatten_showings(records, table, problems, first)
    return flatten_records(records, table, problems)


def weigh(record: Node, table: Table) -> int:
    """Return an upper bound of the text in a record's rows. Each row repeats the record's text.

    Parameters
    ----------
    record : dict
        Record from `movielake.feed.records`.
    table : Table
        Schema of the record.

    Returns
    -------
    int
        Bytes. For an element of n bytes whose times are all inside show_dates, the bound is at
        most (n / 2 + 1) · (n + 100).

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> record = {"movie_id": "7", "show_date": [{"showtimes": "9:05, 11:05"}]}
    >>> weigh(record, table("showings")), weigh({"title": "Up"}, table("movies"))
    (784, 102)
    """
    rows = _most_rows(record) if table.name == "showings" else 1
    return rows * (_ROW + _letters(record))


def _most_rows(record: Node) -> int:
    nodes = [_date_node(item) for item in record.get("show_date") or [None]]
    direct = _most_times(record)
    own = [_most_times(node) for node in nodes]
    return direct + sum(times if times > 1 else direct for times in own)


def _most_times(node: Node) -> int:
    """Return an upper bound of a node's times: each has a comma after it, or is longer."""
    return len(text_of(node.get(_TIMES), ",") or "") // 2 + 1


def _letters(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (dict, list)):
        return 0
    letters = len(value.markup) if isinstance(value, Marked) else 0
    for item in value.values() if isinstance(value, dict) else value:
        letters += len(item) if type(item) is str else _letters(item)
    return letters


def _bearable(record: Node, table: Table, problems: ProblemCounter) -> Node:
    """Leave out dates and times if the rows would be too large: some kB can become some GB."""
    if weigh(record, table) <= HEAVIEST:
        return record
    found = f"dates and times that would fill more than {HEAVIEST:,} bytes"
    problems.add("show_time", UNTYPED, 1, found)
    return {key: value for key, value in record.items() if key not in ("show_date", _TIMES)}


def flatten_showings(
    records: Sequence[Node], table: Table, problems: ProblemCounter, first: int
) -> pa.Table:
    """Flatten showings to one row per screening.

    A show_date without times becomes one row with a null time. So does a record without a
    show_date. Times directly under the record apply to each of its show_dates that has no times. If
    every show_date has times, they become screenings without a date. A record whose rows would
    exceed `HEAVIEST` becomes one row without date and time, and counts as a problem.

    Parameters
    ----------
    records, table, problems, first
        See `flatten_batch`.

    Returns
    -------
    pa.Table
        The rows, with the schema ``table.arrow``.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> record = {"movie_id": "7", "show_date": [{"@date": "20191206", "showtimes": "9:05"}]}
    >>> rows = flatten_showings([record], table("showings"), ProblemCounter(), 0)
    >>> [(str(r["starts_at"]), r["bargain"]) for r in rows.to_pylist()]
    [('2019-12-06 09:05:00', False)]
    """
    records = [_bearable(record, table, problems) for record in records]
    dates, record_of_date = _dates(records)
    times, date_of_row = _times(records, dates, record_of_date, table, problems)
    record_of_row = record_of_date.take(date_of_row)
    columns = {}
    for column in table.columns:
        if not column.paths or column.type == _TIMES:
            continue
        if any(path.startswith(_DATE) for path in column.paths):
            values = _date_column(records, dates, record_of_date, column, problems)
            columns[column.name] = values.take(date_of_row)
        else:
            columns[column.name] = node_column(records, column, problems).take(record_of_row)
    columns["show_time"] = pc.struct_field(times, "time")
    columns["bargain"] = pc.struct_field(times, "bargain")
    columns["starts_at"] = combine_start(
        columns["show_date"], columns["show_time"], pc.struct_field(times, "days")
    )
    columns["record"] = pc.cast(pc.add(record_of_row, first), pa.int32())
    columns["extra"] = _extra(records, dates, record_of_date, table, problems).take(date_of_row)
    columns["source_xml"] = label(records, "source_xml").take(record_of_row)
    return pa.table([columns[name] for name in table.arrow.names], schema=table.arrow)


def count_showings(
    records: Sequence[Node], table: Table, columns: Sequence[Column], problems: ProblemCounter
) -> None:
    """Count the problems that `flatten_showings` finds with names and in some of the columns."""
    records = [_bearable(record, table, problems) for record in records]
    dates, record_of_date = _dates(records)
    for column in columns:
        if column.type == _TIMES:
            _times(records, dates, record_of_date, table, problems)
        elif any(path.startswith(_DATE) for path in column.paths):
            _date_column(records, dates, record_of_date, column, problems)
        else:
            node_column(records, column, problems)
    _extra(records, dates, record_of_date, table, problems)


def _dates(records: Sequence[Node]) -> tuple[list[Node], pa.Array]:
    """List all show_dates as nodes, each with the position of its record."""
    dates: list[Node] = []
    owners: list[int] = []
    for position, record in enumerate(records):
        nodes = [_date_node(item) for item in record.get("show_date") or [None]]
        direct = text_of(record.get(_TIMES), ",")
        if direct and all(text_of(node.get(_TIMES)) for node in nodes):
            nodes.append({_TIMES: direct})
        dates += nodes
        owners += [position] * len(nodes)
    return dates, pa.array(owners, pa.int64())


def show_dates(
    records: Sequence[Node], table: Table
) -> list[list[tuple[datetime.date | None, bool]]]:
    """List the show_dates of each record, as `flatten_showings` reads them.

    Parameters
    ----------
    records, table
        See `flatten_batch`.

    Returns
    -------
    list of list
        For each show_date its date, and whether it has times of its own. If times directly under
        the record have no date, they come last.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> record = {"show_date": [{"@date": "20191206", "showtimes": "9:05"}, {"@date": "soon"}]}
    >>> show_dates([record], table("showings"))
    [[(datetime.date(2019, 12, 6), True), (None, False)]]
    """
    nodes, owners = _dates(records)
    column = table["show_date"]
    days = _date_column(records, nodes, owners, column, ProblemCounter()).to_pylist()
    found: list[list[tuple[datetime.date | None, bool]]] = [[] for _ in records]
    for owner, node, day in zip(owners.to_pylist(), nodes, days, strict=True):
        found[owner].append((day, bool(text_of(node.get(_TIMES)))))
    return found


def _date_node(item: Node | str | None) -> Node:
    return item if isinstance(item, dict) else {} if item is None else {"#text": item}


def _date_column(
    records: Sequence[Node],
    dates: Sequence[Node],
    record_of_date: pa.Array,
    column: Column,
    problems: ProblemCounter,
) -> pa.Array:
    """Build a column at the level of show_dates. A missing value is taken from the record."""
    joiner = joiner_of(column)
    inside = [p.removeprefix(_DATE) for p in column.paths if p.startswith(_DATE)]
    if column.name == "show_date":  # in the flat form the date is the element's text
        texts = node_texts(dates, [*inside, "#text"], joiner)
    else:
        direct = node_texts(records, [p for p in column.paths if not p.startswith(_DATE)], joiner)
        texts = node_texts(dates, inside, joiner)
        if direct.null_count < len(direct):
            texts = pc.coalesce(texts, direct.take(record_of_date))
    if column.type == "list":
        return split_list(texts, column.separator)
    return typed(texts, column, problems)


def _times(
    records: Sequence[Node],
    dates: Sequence[Node],
    record_of_date: pa.Array,
    table: Table,
    problems: ProblemCounter,
) -> tuple[pa.Array, pa.Array]:
    """Explode the times. Return a struct for each row, and the position of its show_date."""
    direct = node_texts(records, [_TIMES], ",").take(record_of_date)
    texts = pc.coalesce(node_texts(dates, [_TIMES], ","), direct)
    coded = texts.dictionary_encode()
    parsed = [parse_showtimes(text) for text in coded.dictionary.to_pylist()]
    _count_odd(coded.indices, [odd for _, odd in parsed], problems)
    # A show_date without a time becomes one row. The last list is for those without a text.
    lists = _lists([screenings or [UNKNOWN_TIME] for screenings, _ in parsed] + [[UNKNOWN_TIME]])
    exploded = lists.take(pc.fill_null(pc.cast(coded.indices, pa.int64()), len(parsed)))
    return pc.list_flatten(exploded), pc.list_parent_indices(exploded)


def _lists(screenings: list[list[Screening]]) -> pa.Array:
    """Convert each list of screenings to a list of structs."""
    flat = list(chain.from_iterable(screenings))
    milliseconds = pa.array([s.milliseconds for s in flat], pa.int32())
    times = milliseconds.cast(pa.time32("ms")).cast(pa.time64("us"))
    bargain = pa.array([s.bargain for s in flat], pa.bool_())
    days = pa.array([s.days for s in flat], pa.int32())
    offsets = np.cumsum([0, *map(len, screenings)], dtype=np.int32)
    structs = pa.StructArray.from_arrays([times, bargain, days], ["time", "bargain", "days"])
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _count_odd(indices: pa.Array, odd: list[list[Oddity]], problems: ProblemCounter) -> None:
    uses = np.bincount(pc.drop_null(indices).to_numpy(), minlength=len(odd))
    for of_text, used in zip(odd, uses, strict=True):
        for kind, example in of_text:
            problems.add("show_time", kind, int(used), example)


def _extra(
    records: Sequence[Node],
    dates: Sequence[Node],
    record_of_date: pa.Array,
    table: Table,
    problems: ProblemCounter,
) -> pa.Array:
    of_records = collect_extras([without(r, "show_date") for r in records], table, problems)
    of_dates = collect_extras(dates, table, problems, below=_DATE)
    merged = [
        {**(of_records[owner] or {}), **(inner or {})} or None
        for inner, owner in zip(of_dates, record_of_date.to_pylist(), strict=True)
    ]
    return map_array(merged)
