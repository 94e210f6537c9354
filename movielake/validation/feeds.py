"""Checking a feed before it is converted: what the conversion will say, without a lake.

Members go the way that a conversion sends them, record by record to typed rows, and what would be
written goes nowhere. So both agree by construction, and memory does not grow with a member.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import IO, Any, Final, cast

from movielake.cluster.processes import in_order
from movielake.cluster.workers import running_client, share_out
from movielake.conversion.members import MemberConverter
from movielake.conversion.planning import find_selected
from movielake.feed.archives import UNREADABLE, Member
from movielake.feed.damage import Damage, one_line
from movielake.feed.limits import Limits, choose_limits
from movielake.feed.zips import Feed, FeedZip, open_members
from movielake.lake.collector import collector_paused
from movielake.lake.commits import DAMAGED, EMPTY, OTHER, REFUSED, MemberCommit
from movielake.lake.quarantine import Quarantine
from movielake.lake.writers import HashingFile, Workspace, WrittenFile
from movielake.names.layout import Folder, Selection, Terms
from movielake.rows.flattening import joiner_of
from movielake.rows.problems import REPEATED, UNKNOWN, UNTYPED, Problem
from movielake.schema.tables import Table, table
from movielake.validation.findings import ERROR, WARNING, Checked, Finding, Rule
from movielake.validation.whereabouts import BLOCK, find_places

FEED_RULES: Final = (
    Rule("refused-file", ERROR, "one file for each stamp and country, with a name in UTF-8"),
    Rule("unreadable-zip", ERROR, "every feed zip can be opened"),
    Rule("damaged-member", ERROR, "every member can be read to its end, and holds only records"),
    Rule("refused-member", ERROR, "every XML member has the root movies, houses or times"),
    Rule("left-out-member", WARNING, "no member is empty, or no XML"),
    Rule("empty-zip", WARNING, "every feed zip has members"),
    Rule("other-file", WARNING, "the folder holds feed zips and nothing else"),
    Rule("untyped-value", WARNING, "every value is of its column's type"),
    Rule("repeated-element", WARNING, "no element repeats that the schema has once"),
    Rule("unknown-element", WARNING, "the schema knows every element"),
)
"""What is checked of a feed: an error where records are lost, a warning on what will be odd."""

_SEVERITY: Final = {rule.name: rule.severity for rule in FEED_RULES}
_OF_STATUS: Final = {
    DAMAGED: "damaged-member",
    REFUSED: "refused-member",
    EMPTY: "left-out-member",
    OTHER: "left-out-member",
}
_OF_PROBLEM: Final = {
    UNTYPED: "untyped-value",
    REPEATED: "repeated-element",
    UNKNOWN: "unknown-element",
}
_FORMS: Final = {
    "int32": "a whole number",
    "int64": "a whole number",
    "float64": "a decimal number",
    "price": "one price",
    "date": "a date",
    "showtimes": "times",
    "boolean": "Y or N",
}
_FEW: Final = 4

_Result = tuple[list[Finding], Checked]
_Check = Callable[[FeedZip], _Result]


def check_feed(
    feed: str,
    *,
    date_stamps: Terms = None,
    countries: Terms = None,
    max_member_size: int | str | None = None,
    max_ratio: float | None = None,
    workers: int | None = None,
    on_checked: Callable[[Checked], None] | None = None,
) -> Iterator[Finding]:
    """Check a feed: what is there, what cannot be read, and what will not fit the tables.

    Nothing is written. What is found of a member, and how often, is what converting it will put
    into its commit.

    Parameters
    ----------
    feed : str
        Path or URL of the feed's root.
    date_stamps, countries : str, iterable of str or slice, optional
        What to check; everything by default. See `movielake.names.layout.Selection`.
    max_member_size : int or str, optional
        Bytes that may come out of one member of a zip, 64 GB by default.
    max_ratio : float, optional
        Bytes that may come out of each packed one beyond the first GB, 300 by default.
    workers : int, optional
        Processes; as many as there are CPUs by default, none but this one with 1 or if there is
        little to do. A running dask client is used instead.
    on_checked : callable, optional
        Told how much was looked at, feed zip by feed zip: partitions are feed zips, files their
        members, bytes those of XML. All of them added up are what is in the feed.

    Returns
    -------
    iterator of Finding
        As they come: of the feed's files first, then of the feed zips, by stamp and country. Where
        a problem has a line, it is that of the first element that has it.

    Raises
    ------
    FileNotFoundError
        If the feed is not there.
    ValueError
        If nothing is selected, and the message says what the feed has; or if a limit is no size.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as feed:
    ...     Path(feed, "20191206/deu").mkdir(parents=True)
    ...     xml = "<movies><movie><running_time>long</running_time></movie></movies>"
    ...     _ = Path(feed, "20191206/deu/191206I.XML").write_text(xml)
    ...     (finding,) = check_feed(feed)
    >>> finding.rule, finding.path, finding.line
    ('untyped-value', '20191206/deu: 191206I.XML', 1)
    """
    check = partial(check_zip, feed, limits=choose_limits(max_member_size, max_ratio))
    found = find_selected(feed, Selection(date_stamps, countries))
    alone = workers == 1 or not Folder(feed).is_shared
    return _check(found, check, 1 if alone else workers, on_checked or (lambda _: None))


def _check(
    found: Feed, check: _Check, workers: int | None, on_checked: Callable[[Checked], None]
) -> Iterator[Finding]:
    for refused in found.refused:
        path, _, reason = refused.partition(": ")
        yield _finding("refused-file", path, reason)
    for path in found.others:
        yield _finding("other-file", path, "it is no feed zip; conversion passes it over")
    for findings, checked in _check_zips(found.zips, check, workers):
        yield from findings
        on_checked(checked)


def _check_zips(zips: Sequence[FeedZip], check: _Check, workers: int | None) -> Iterator[_Result]:
    """Check feed zips, here or on workers; the results come in order."""
    if workers == 1 or (len(zips) <= _FEW and running_client() is None):
        yield from map(check, zips)
        return
    results = in_order(share_out(check, zips, workers))
    for zip_, result in zip(zips, results, strict=True):
        if isinstance(result, ChildProcessError):
            message = f"{result}; try it with fewer workers"
            yield [_finding("unreadable-zip", zip_.path, message)], Checked(partitions=1)
        else:
            yield result


def check_zip(feed: str, zip_: FeedZip, limits: Limits) -> _Result:
    """Check one feed zip; this is what runs on a worker.

    Parameters
    ----------
    feed : str
        Path or URL of the feed's root.
    zip_ : FeedZip
        The feed zip.
    limits : Limits
        How much may come out of each of its members.

    Returns
    -------
    findings : list of Finding
        Of the zip and its members, in the order of these.
    checked : Checked
        How much was in it.
    """
    findings: list[Finding] = []
    checked = Checked(partitions=1)
    try:
        with collector_paused(), ExitStack() as stack:
            try:
                members = stack.enter_context(open_members(feed, zip_, limits))
            except UNREADABLE as error:
                return [_unreadable(zip_, error)], checked
            converter = MemberConverter(zip_, _Nowhere(), False, _Discarded())
            for member in members:
                commit = converter.convert(member)
                findings += _of_member(zip_, member, commit)
                checked += Checked(0, 1, commit.xml_bytes, commit.rows, commit.records)
    except OSError as error:
        findings.append(_unreadable(zip_, error))
    else:
        if not members:
            findings.append(_finding("empty-zip", zip_.path, "it has no members"))
    return findings, checked


def _unreadable(zip_: FeedZip, error: Exception) -> Finding:
    return _finding("unreadable-zip", zip_.path, f"{one_line(error)}; get the file anew")


def _of_member(zip_: FeedZip, member: Member, commit: MemberCommit) -> Iterator[Finding]:
    path = f"{zip_.path}: {member.name}"
    if commit.status in _OF_STATUS:
        yield _finding(
            _OF_STATUS[commit.status], path, _fate(commit), line=commit.line, column=commit.column
        )
    if commit.problems:
        columns = table(str(commit.table))
        with member.open(BLOCK) as stream:
            places = find_places(stream, columns, commit.problems)
        for problem in commit.problems:
            place = places[problem]._asdict() if problem in places else {}
            message = _describe(problem, columns)
            yield _finding(_OF_PROBLEM[problem.kind], path, message, **place, count=problem.count)


def _fate(commit: MemberCommit) -> str:
    """Say what becomes of a member that is not complete."""
    if commit.status == EMPTY:
        return "it holds nothing"
    if commit.status == OTHER:
        return f"{commit.reason}; conversion passes it over"
    kept = "none of its records" if not commit.records else f"its first {commit.records:,} records"
    return f"{commit.reason}; conversion will keep {kept}, and set its bytes aside"


def _describe(problem: Problem, table: Table) -> str:
    """Say what was expected and found, and what conversion will make of it."""
    name, example = problem.column, f"{problem.example!r}"
    if problem.kind == UNTYPED:
        (column,) = (c for c in table.with_fields if c.name == name)
        return f"{name}: expected {_FORMS[column.type]}, found {example}; null in Parquet"
    if problem.kind == UNKNOWN:
        return f"{name}: not in the schema, found {example}; kept in extra"
    filled = [c for c in table.with_fields if name in c.paths and joiner_of(c) is None]
    fate = "the column gets the first, extra all" if filled else "all of them are used"
    return f"{name}: expected one element, found several, {problem.example}; {fate}"


def _finding(rule: str, path: str, message: str, **more: Any) -> Finding:
    return Finding(rule, _SEVERITY[rule], path, message, **more)


class _Nowhere(Workspace):
    """Takes what would be written, and keeps nothing."""

    def __init__(self) -> None:
        pass

    def open(self, path: str) -> HashingFile:
        """Open a file that is none."""
        return HashingFile(cast("IO[bytes]", _Void()))


class _Void(io.RawIOBase):
    def write(self, data: Any) -> int:
        return len(data)


class _Discarded(Quarantine):
    """Sets nothing aside."""

    def __init__(self) -> None:
        pass

    def add(
        self,
        name: str,
        source: Callable[[], IO[bytes]],
        damage: Damage,
        records: int,
        most: int | None = None,
    ) -> tuple[WrittenFile, ...]:
        """Leave it where it is."""
        return ()
