"""A summary of a lake, made only from its manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from movielake.lake.cards import html_card, html_table, show_countries, show_stamps
from movielake.lake.commits import COMPLETE
from movielake.lake.manifest import read_manifest
from movielake.lake.opening import check_lake, read_layout, read_span
from movielake.names.countries import list_unknown
from movielake.names.layout import Folder
from movielake.rows.problems import Problem, total
from movielake.schema.tables import TABLES

_SHOWN: Final = 20
"""Number of kinds of problems that a notebook shows."""


@dataclass(frozen=True)
class TableSize:
    """The size of one table in a lake.

    Parameters
    ----------
    table : str
        Name of the table.
    members, files, records, rows, screenings : int
        Counts. Files are those of Parquet, which members share in a compact lake. Screenings are
        rows with a time.
    xml_bytes, json_bytes, parquet_bytes : int
        Sizes of the source and of the files written from it.
    """

    table: str
    members: int
    files: int
    records: int
    rows: int
    screenings: int
    xml_bytes: int
    json_bytes: int
    parquet_bytes: int


@dataclass(frozen=True)
class Overview:
    """The contents of a lake.

    Parameters
    ----------
    lake : str
        Path or URL of the lake.
    layout : {"leaves", "compact"}
        Layout of its files.
    span : str or None
        Unit of the spans of stamps that share a file, for example ``year``. None for leaves.
    tables : tuple of TableSize
        Sizes of the tables, in the usual order.
    date_stamps, countries : tuple of str
        All date stamps and countries in the lake, in order.
    feed_zips : int
        Number of commits.
    problems : tuple of (str, Problem)
        Pairs of table and problem, the most frequent first.
    incidents : tuple of str
        One line for each member that is not complete.
    """

    lake: str
    layout: str
    span: str | None
    tables: tuple[TableSize, ...]
    date_stamps: tuple[str, ...]
    countries: tuple[str, ...]
    feed_zips: int
    problems: tuple[tuple[str, Problem], ...]
    incidents: tuple[str, ...]

    @property
    def unknown_countries(self) -> tuple[str, ...]:
        """The codes that stand for no known country. Their theaters' places cannot be checked."""
        return tuple(list_unknown(self.countries))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON types, as printed by ``movielake info --format json``."""
        return {
            "lake": self.lake,
            "layout": self.layout,
            "span": self.span,
            "feed_zips": self.feed_zips,
            "date_stamps": list(self.date_stamps),
            "countries": list(self.countries),
            "unknown_countries": list(self.unknown_countries),
            "tables": [asdict(size) for size in self.tables],
            "problems": [{"table": name} | asdict(problem) for name, problem in self.problems],
            "incidents": list(self.incidents),
        }

    def _repr_html_(self) -> str:
        known = self.to_dict()
        facts = {
            "layout": self.layout + (f" by {self.span}" if self.span else ""),
            "feed zips": self.feed_zips,
            "date stamps": show_stamps(self.date_stamps),
            "countries": show_countries(self.countries),
            "not complete": len(self.incidents),
        }
        tables = [
            html_table(list(rows[0]), [list(row.values()) for row in rows[:_SHOWN]])
            for rows in (known["tables"], known["problems"])
            if rows
        ]
        return html_card(self.lake, facts, *tables)


def describe_lake(lake: str) -> Overview:
    """Describe a lake.

    Parameters
    ----------
    lake : str
        Path or URL.

    Returns
    -------
    Overview

    Raises
    ------
    FileNotFoundError
        If the folder is not a lake.
    ValueError
        If the lake has another format.

    Examples
    --------
    >>> from movielake import describe_lake
    >>> overview = describe_lake("lake")
    >>> overview.date_stamps, overview.countries[:3]
    (('20191206', '20191213', '20191220'), ('aus', 'can', 'chn'))
    """
    folder = Folder(lake)
    check_lake(folder)
    members = read_manifest(folder)
    pairs = members.select(["date_stamp", "country"]).group_by(["date_stamp", "country"])
    return Overview(
        lake=lake,
        layout=read_layout(folder),
        span=read_span(folder),
        tables=measure_tables(members),
        date_stamps=tuple(sorted(set(members["date_stamp"].to_pylist()))),
        countries=tuple(sorted(set(members["country"].to_pylist()))),
        feed_zips=pairs.aggregate([]).num_rows,
        problems=_problems(members),
        incidents=_incidents(members),
    )


def measure_tables(members: pa.Table) -> tuple[TableSize, ...]:
    """Measure each table of a lake.

    Parameters
    ----------
    members : pa.Table
        Rows of the manifest of the lake.

    Returns
    -------
    tuple of TableSize
        Sizes of the tables, in the usual order.
    """
    return tuple(_size(name, members.filter(pc.field("table") == name)) for name in TABLES)


def _size(name: str, members: pa.Table) -> TableSize:
    def add(column: str) -> int:
        return int(pc.sum(members[column]).as_py() or 0)

    counts = ("records", "rows", "screenings", "xml_bytes", "json_bytes")
    parquet = members.select(["parquet_path", "parquet_bytes"]).drop_null().to_pydict()
    files = dict(zip(*parquet.values(), strict=True))  # many members share a file when compact
    known = {count: add(count) for count in counts} | {"parquet_bytes": sum(files.values())}
    return TableSize(name, members=members.num_rows, files=len(files), **known)


def _problems(members: pa.Table) -> tuple[tuple[str, Problem], ...]:
    found = []
    for name in TABLES:
        lists = members.filter(pc.field("table") == name)["problems"].to_pylist()
        counted = total(Problem(**problem) for problems in lists for problem in problems or ())
        found += [(name, problem) for problem in counted]
    return tuple(sorted(found, key=lambda entry: -entry[1].count))


def _incidents(members: pa.Table) -> tuple[str, ...]:
    odd = members.filter((pc.field("status") != COMPLETE) & pc.field("member").is_valid())
    lines = []
    for row in odd.select(["path", "member", "status", "reason", "line"]).to_pylist():
        place = f", line {row['line']}" if row["line"] else ""
        reason = f": {row['reason']}" if row["reason"] else ""
        member = f": {row['member']}" if row["member"] else ""
        lines.append(f"{row['path']}{member}{place}: {row['status']}{reason}")
    return tuple(lines)
