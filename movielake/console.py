"""What the command line shows: progress, summaries and tables, as text and rich renderables.

Nothing here prints but the progress, which goes to stderr: bars on a terminal, plain lines
otherwise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from movielake.commits import describe_damage
from movielake.conversion import Conversion, Outcome
from movielake.overview import Overview
from movielake.planning import Plan
from movielake.problems import MEANING, total

if TYPE_CHECKING:
    from movielake.sample import SampleSummary
    from movielake.validation.findings import Checked

_SHOWN: Final = 20
"""Lines of one kind that a summary shows before it counts the rest."""

_QUIET_SECONDS: Final = 5.0


class ProgressLines:
    """Progress of work measured in bytes: a bar on a terminal, else a plain line now and then.

    Parameters
    ----------
    verb : str
        What is being done, e.g. ``convert``.
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._total = self._done = self._files = 0
        self._began = self._said = time.monotonic()

    def begin(self, total: int) -> None:
        """Tell how many bytes there are; 0 if that is not known."""
        self._total = total
        self._began = self._said = time.monotonic()
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[rate]}"),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console)
            self._bar.add_task(self._verb, total=total or None, rate="")
            self._bar.start()

    def advance(self, name: str, size: int, files: int = 1) -> None:
        """Count a finished file, or several."""
        self._done += size
        self._files += files
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(
                task, advance=size, rate=self._rate(), description=f"{self._verb} {name}"
            )
        elif time.monotonic() - self._said > _QUIET_SECONDS:
            self._said = time.monotonic()
            share = f"{100 * self._done // self._total} %, " if self._total else ""
            sys.stderr.write(f"{self._verb}: {share}{self._files} files, {self._rate()}\n")

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        return f"{self._done / seconds / 1e6:.1f} MB/s"


@contextmanager
def file_progress(verb: str) -> Iterator[Callable[[str, int], None]]:
    """Show progress over files whose number is not known before."""
    lines = ProgressLines(verb)
    lines.begin(0)
    try:
        yield lines.advance
    finally:
        lines.end()


@contextmanager
def conversion_progress() -> Iterator[tuple[Callable[[Plan], None], Callable[[Outcome], None]]]:
    """Show the progress of a conversion; gives its two callbacks."""
    lines = ProgressLines("convert")

    def advance(outcome: Outcome) -> None:
        lines.advance("/".join(outcome.zip_.key), outcome.zip_.size)

    try:
        yield (lambda todo: lines.begin(todo.bytes)), advance
    finally:
        lines.end()


@contextmanager
def validation_progress() -> Iterator[Callable[[Checked], None]]:
    """Show the progress of a validation; gives its callback."""
    lines = ProgressLines("validate")
    lines.begin(0)
    try:
        yield lambda checked: lines.advance("", checked.bytes, checked.files)
    finally:
        lines.end()


def sample_lines(feed: str, summary: SampleSummary) -> list[str]:
    """Summarise a sample in plain lines."""
    lines = [
        f"{feed}: {summary.zips} feed zips, {summary.members} members, "
        f"{_size(summary.xml_bytes)} of XML, {summary.records:,} records, "
        f"{summary.screenings:,} screenings"
    ]
    return lines + [f"damaged on purpose: {name}" for name in summary.damaged]


def conversion_lines(lake: str, result: Conversion) -> list[str]:
    """Summarise a conversion in plain lines: what was done, and whatever is not as it should be."""
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
    lines += _some("damage", hurt)
    lines += _some("not converted", [outcome.error for outcome in result.failed])
    lines += _some("refused", todo.feed.refused)
    lines += _some("not part of the feed", todo.feed.others)
    aside = [
        f"{commit.path}: {member.member} is {'empty' if member.status == 'empty' else 'no XML'}"
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


def _some(title: str, entries: list[str] | tuple[str, ...]) -> list[str]:
    lines = [f"{title}: {printable(entry)}" for entry in entries[:_SHOWN]]
    if len(entries) > _SHOWN:
        lines.append(f"{title}: and {len(entries) - _SHOWN} more")
    return lines


def printable(text: str) -> str:
    """Escape control characters: nothing out of an archive goes raw to a terminal.

    Parameters
    ----------
    text : str
        May hold names and values of the feed.

    Returns
    -------
    str
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def overview_tables(overview: Overview) -> list[RenderableType]:
    """Show what is in a lake as rich tables."""
    stamps, countries = overview.date_stamps, overview.countries
    span = f"{stamps[0]} to {stamps[-1]}" if stamps else "none"
    shown: list[RenderableType] = [
        f"{overview.lake}: {overview.feed_zips} feed zips, "
        f"{len(stamps)} date stamps ({span}), {len(countries)} countries",
        f"countries: {', '.join(countries)}",
        _sizes_table(overview),
    ]
    if overview.problems:
        shown.append(_problems_table(overview))
    return shown + list(_some("not complete", overview.incidents))


def _sizes_table(overview: Overview) -> Table:
    sizes = Table("table")
    for heading in ("files", "records", "rows", "screenings", "XML", "JSON", "Parquet"):
        sizes.add_column(heading, justify="right")
    for size in overview.tables:
        counts = [size.members, size.records, size.rows, size.screenings]
        stored = [size.xml_bytes, size.json_bytes, size.parquet_bytes]
        sizes.add_row(size.table, *(f"{n:,}" for n in counts), *map(_size, stored))
    return sizes


def _problems_table(overview: Overview) -> Table:
    problems = Table("table", "column", "problem", "count", "first example")
    problems.columns[3].justify = "right"
    for table, problem in overview.problems[:_SHOWN]:
        # As Text: a plain str would be read as rich's markup, and "[/]" is none.
        example = Text(printable(problem.example)[:40])
        problems.add_row(table, Text(problem.column), problem.kind, f"{problem.count:,}", example)
    if len(overview.problems) > _SHOWN:
        problems.add_row("", f"and {len(overview.problems) - _SHOWN} more")
    return problems


def rows_table(headings: list[str], rows: list[list[str]]) -> Table:
    """Show plain rows as a rich table; all but the first column to the right."""
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
