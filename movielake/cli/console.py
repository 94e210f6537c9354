"""Summaries and tables for the command line, as text and rich renderables.

These functions do not print.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import RenderableType
from rich.constrain import Constrain
from rich.table import Column, Table
from rich.text import Text

from movielake.cli.escaping import printable
from movielake.conversion.planning import Plan
from movielake.conversion.results import Conversion
from movielake.lake.commits import describe_damage
from movielake.lake.overview import Overview
from movielake.names.layout import commit_path
from movielake.rows.problems import MEANING, total

if TYPE_CHECKING:
    from movielake.sample import SampleSummary

_SHOWN: Final = 20
"""Number of lines of one kind in a summary. The rest is only counted."""

_WIDTH: Final = 80
"""Most columns of the description of a lake."""

_NAMES, _REST = 24, 32
"""Columns on the screen: for names of columns, and for tables, kinds of problems and lines."""

_TWICE: Final = "A screening in two snapshots counts twice. To count it once: --current movie"


def sample_lines(feed: str, summary: SampleSummary) -> list[str]:
    """Summarise a sample in plain lines."""
    lines = [
        f"{feed}: {summary.zips} feed zips, {summary.members} members, "
        f"{_size(summary.xml_bytes)} of XML, {summary.records:,} records, "
        f"{summary.screenings:,} screenings"
    ]
    return lines + [f"damaged on purpose: {name}" for name in summary.damaged]


def conversion_lines(lake: str, result: Conversion) -> list[str]:
    """Summarise a conversion in plain lines: the result, and everything that went wrong."""
    members = [member for commit in result.commits for member in commit.members]
    sizes = {kind: sum(getattr(m, kind) for m in members) for kind in ("records", "screenings")}
    todo = result.plan
    lines = [
        f"{lake}: feed zips: {len(result.commits)} converted, "
        f"{len(result.plan.feed.zips) - len(result.commits) - len(result.failed)} unchanged; "
        f"{sizes['records']:,} records, {sizes['screenings']:,} screenings"
    ]
    lines += _some("removed", ["/".join(key) for key in result.removed])
    hurt = [line for commit in result.commits for line in describe_damage(commit)]
    lines += _some("damage", [*result.unreadable.values(), *hurt])
    old = [line for commit in result.still_hurt for line in describe_damage(commit)]
    lines += _some("still damaged", old)
    mended = [key for key in todo.unreadable if key not in result.unreadable]
    lines += _some("mended", [f"{commit_path(*key)} could not be read" for key in mended])
    lines += _some("not converted", [outcome.error for outcome in result.failed])
    lines += _some("refused", todo.feed.refused)
    lines += _some("not part of the feed", todo.feed.others)
    aside = [
        f"{commit.path}: {member.member} is {'empty' if member.status == 'empty' else 'not XML'}"
        for commit in result.commits
        for member in commit.members
        if member.status in ("empty", "other")
    ]
    lines += _some("left out", aside)
    if gone := [key for key in todo.missing if key not in result.removed]:
        lines.append(f"in the lake without a feed zip: {len(gone)} (--prune removes them)")
    counts = dict.fromkeys(MEANING, 0)
    for problem in total(problem for member in members for problem in member.problems):
        counts[problem.kind] += problem.count
    lines += [f"{count:,} {MEANING[kind]}" for kind, count in counts.items() if count]
    if any(counts.values()):
        lines.append(f"see: movielake info {lake}")
    return lines


def dry_run_lines(lake: str, plan: Plan, prune: bool) -> list[str]:
    """Describe the work that a conversion would do, in plain lines."""
    zips = [task.zip_ for task in plan.tasks]
    lines = [
        f"{lake}: would convert {len(zips)} feed zips, {_size(plan.bytes)}; "
        f"{plan.unchanged} unchanged"
    ]
    lines += _some("would convert", sorted(zip_.path for zip_ in zips))
    gone = ["/".join(key) for key in plan.missing]
    lines += _some("would remove" if prune else "in the lake without a feed zip", gone)
    lines += _some("refused", plan.feed.refused)
    return lines + _some("not part of the feed", plan.feed.others)


def _some(title: str, entries: list[str] | tuple[str, ...]) -> list[str]:
    lines = [f"{title}: {printable(entry)}" for entry in entries[:_SHOWN]]
    if len(entries) > _SHOWN:
        lines.append(f"{title}: and {len(entries) - _SHOWN} more")
    return lines


def overview_tables(overview: Overview, current: int | None = None) -> list[RenderableType]:
    """Describe the contents of a lake in texts and rich tables of at most 80 columns.

    The number of current screenings is shown if it is known.
    """
    stamps, countries = overview.date_stamps, overview.countries
    span = f"{stamps[0]} to {stamps[-1]}" if stamps else "none"
    layout = overview.layout + (f" by {overview.span}" if overview.span else "")
    shown: list[RenderableType] = [
        f"{overview.lake}: {overview.feed_zips:,} feed zips, "
        f"{len(stamps)} date stamps ({span}), {len(countries)} countries, layout {layout}",
        f"countries: {', '.join(countries)}",
    ]
    if unknown := overview.unknown_countries:
        shown.append(
            f"unknown countries: {', '.join(unknown)}; the places of their theaters are not checked"
        )
    shown.append(_sizes_table(overview, current))
    if current is None and len(stamps) > 1:
        shown.append(_TWICE)
    if overview.problems:
        shown.append(_problems_table(overview))
    shown += _some("not complete", overview.incidents)
    return [
        Constrain(Text(printable(part)) if isinstance(part, str) else part, _WIDTH)
        for part in shown
    ]


def _sizes_table(overview: Overview, current: int | None) -> Table:
    sizes = Table("", *(Column(size.table, justify="right") for size in overview.tables))
    for name in ("files", "records", "rows", "screenings"):
        counts = [getattr(size, name) for size in overview.tables]
        sizes.add_row(name, *(f"{n:,}" for n in counts))
    if current is not None:
        shown = [f"{current:,}" if size.table == "showings" else "" for size in overview.tables]
        sizes.add_row("current screenings", *shown)
    for name in ("XML", "JSON", "Parquet"):
        stored = [getattr(size, f"{name.lower()}_bytes") for size in overview.tables]
        sizes.add_row(name, *map(_size, stored))
    return sizes


def _problems_table(overview: Overview) -> Table:
    shown = [
        # As Text, because rich interprets a plain str as markup and fails at "[/]".
        (name, Text(printable(problem.column)), Text(printable(problem.example)), problem)
        for name, problem in overview.problems[:_SHOWN]
    ]
    counts = [f"{problem.count:,}" for *_, problem in shown]
    names = min(max(len("column"), *(name.cell_len for _, name, _, _ in shown)), _NAMES)
    room = _WIDTH - _REST - names - max(map(len, ["count", *counts]))
    problems = Table("table", Column("column", overflow="fold", width=names), "problem")
    problems.add_column("count", justify="right")
    problems.add_column("first example")
    for (table, name, example, problem), count in zip(shown, counts, strict=True):
        example.truncate(room, overflow="ellipsis")
        problems.add_row(table, name, problem.kind, count, example)
    if len(overview.problems) > _SHOWN:
        problems.caption = f"and {len(overview.problems) - _SHOWN} more"
    return problems


def rows_table(headings: list[str], rows: list[list[str]]) -> Table:
    """Return plain rows as a rich table. All columns except the first are aligned right."""
    table = Table(headings[0])
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    for unit, factor in (("kB", 1e3), ("MB", 1e6)):
        if count < factor * 1000:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1e9:,.1f} GB"
