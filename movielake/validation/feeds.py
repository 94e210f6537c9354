"""Check of a feed before it is converted. It reports what the conversion will report.

The check uses the conversion's own code, record by record to typed rows, but discards the output.
So both always agree, and memory does not grow with the size of a member.
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
from movielake.feed.damage import Damage, describe_unexpected, one_line
from movielake.feed.limits import Limits, choose_limits
from movielake.feed.salvage import Salvaged
from movielake.feed.zips import Feed, FeedZip, open_members
from movielake.lake.collector import collector_paused
from movielake.lake.commits import DAMAGED, EMPTY, OTHER, REFUSED, MemberCommit
from movielake.lake.quarantine import Quarantine, SetAside
from movielake.lake.writers import HashingFile, Workspace, WrittenFile
from movielake.names.layout import Folder, Selection, Terms
from movielake.rows.flattening import joiner_of
from movielake.rows.problems import (
    BESIDE,
    ENCODING,
    ENTITY,
    OVERNIGHT,
    UNKNOWN,
    UNORDERED,
    UNTYPED,
    Problem,
)
from movielake.schema.tables import Table, table
from movielake.validation.findings import ERROR, WARNING, Checked, Finding, Rule
from movielake.validation.rules import PROBLEM_RULES, RULE_OF_PROBLEM
from movielake.validation.whereabouts import BLOCK, find_places

FEED_RULES: Final = (
    Rule("refused-file", ERROR, "one file for each stamp and country, and its name is UTF-8"),
    Rule("unreadable-zip", ERROR, "every feed zip can be opened"),
    Rule("damaged-member", ERROR, "every member can be read completely and holds only records"),
    Rule("refused-member", ERROR, "every XML member has the root movies, houses or times"),
    Rule("left-out-member", WARNING, "every member is XML and not empty"),
    Rule("empty-zip", WARNING, "every feed zip has members"),
    Rule("other-file", WARNING, "the folder holds only feed zips"),
    *PROBLEM_RULES,
)
"""The rules for feeds. Errors mean lost records. Warnings mean odd data."""

_SEVERITY: Final = {rule.name: rule.severity for rule in FEED_RULES}
_OF_STATUS: Final = {
    DAMAGED: "damaged-member",
    REFUSED: "refused-member",
    EMPTY: "left-out-member",
    OTHER: "left-out-member",
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
_OF_TIMES: Final = {
    BESIDE: "expected only times, found {}; the time is kept, the other text is only in JSON",
    UNORDERED: "expected times that rise, found {}; their half or day is uncertain",
    OVERNIGHT: "expected 24:00 or later, found {} after a later time; starts_at is on the next day",
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
    """Check a feed: list its files, read them, and find values that do not fit the tables.

    The function writes no files. The findings on a member and their counts are the same that the
    conversion will write into the commit.

    Parameters
    ----------
    feed : str
        Path or URL of the feed's root.
    date_stamps, countries : str, iterable of str or slice, optional
        The feed zips to check. Default: all. See `movielake.names.layout.Selection`.
    max_member_size : int or str, optional
        Largest size in bytes to which one member of a zip can unpack. Default: 64 GB.
    max_ratio : float, optional
        Largest number of bytes to which each packed byte can unpack, after the first GB.
        Default: 300.
    workers : int, optional
        Number of processes. Default: one for each CPU, or only this process if the work is small.
        A running dask client is used instead.
    on_checked : callable, optional
        Function that is called after each feed zip, with a `Checked`: partitions are feed zips,
        files are their members, and bytes are bytes of XML. The sum of all is the whole feed.

    Returns
    -------
    iterator of Finding
        Findings on the feed's files first, then on the feed zips, by stamp and country. The line
        of a problem, if given, is the line of the first element with this problem.

    Raises
    ------
    FileNotFoundError
        If the feed does not exist.
    ValueError
        If the selection matches no feed zip (the message lists the feed's stamps and countries),
        or if a limit is not a size.

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
        yield _finding("other-file", path, "this file is not a feed zip; conversion ignores it")
    for findings, checked in _check_zips(found.zips, check, workers):
        yield from findings
        on_checked(checked)


def _check_zips(zips: Sequence[FeedZip], check: _Check, workers: int | None) -> Iterator[_Result]:
    """Check feed zips, here or on workers, and yield the results in order."""
    if workers == 1 or (len(zips) <= _FEW and running_client() is None):
        yield from map(check, zips)
        return
    results = in_order(share_out(check, zips, workers))
    for zip_, result in zip(zips, results, strict=True):
        if isinstance(result, ChildProcessError):
            message = f"{result}; try again with fewer workers"
            yield [_finding("unreadable-zip", zip_.path, message)], Checked(partitions=1)
        else:
            yield result


def check_zip(feed: str, zip_: FeedZip, limits: Limits) -> _Result:
    """Check one feed zip. This function runs on workers.

    Parameters
    ----------
    feed : str
        Path or URL of the feed's root.
    zip_ : FeedZip
        The feed zip.
    limits : Limits
        Limits on the size to which each member can unpack.

    Returns
    -------
    findings : list of Finding
        Findings on the zip and its members, in the order of the members.
    checked : Checked
        How much was checked.
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
    except Exception as error:  # one feed zip never ends a run
        findings.append(_finding("unreadable-zip", zip_.path, describe_unexpected(error)))
    else:
        if not members:
            findings.append(_finding("empty-zip", zip_.path, "the zip has no members"))
    return findings, checked


def _unreadable(zip_: FeedZip, error: Exception) -> Finding:
    return _finding("unreadable-zip", zip_.path, f"{one_line(error)}; get the file again")


def _of_member(zip_: FeedZip, member: Member, commit: MemberCommit) -> Iterator[Finding]:
    path = f"{zip_.path}: {member.name}"
    if commit.status in _OF_STATUS:
        yield _finding(
            _OF_STATUS[commit.status], path, _fate(commit), line=commit.line, column=commit.column
        )
    if commit.problems:
        columns = table(str(commit.table))
        with member.open(BLOCK) as stream:
            source: Any = stream
            if commit.damaged_records:
                source = Salvaged(stream, columns, keep_columns=True)
            places = find_places(source, columns, commit.problems)
        for problem in commit.problems:
            place = places[problem]._asdict() if problem in places else {}
            message = _describe(problem, columns)
            yield _finding(
                RULE_OF_PROBLEM[problem.kind], path, message, **place, count=problem.count
            )


def _fate(commit: MemberCommit) -> str:
    """Describe how the conversion treats a member that is not complete."""
    if commit.status == EMPTY:
        return "the member is empty"
    if commit.status == OTHER:
        return f"{commit.reason}; conversion ignores this member"
    first = "its other" if commit.damaged_records else "its first"
    kept = f"{first} {commit.records:,} records" if commit.records else "no records"
    if commit.damaged_records and commit.reason.startswith(f"{commit.damaged_records:,} record"):
        rest = f"the bytes of {commit.damaged_records:,}"
        return f"{commit.reason}; conversion will keep {kept} and put {rest} into quarantine"
    return f"{commit.reason}; conversion will keep {kept} and put its bytes into quarantine"


def _describe(problem: Problem, table: Table) -> str:
    """Describe the expected and the found value, and the result of the conversion."""
    name, example = problem.column, f"{problem.example!r}"
    if problem.kind == UNTYPED:
        (column,) = (c for c in table.with_fields if c.name == name)
        return f"{name}: expected {_FORMS[column.type]}, found {example}; it is null in Parquet"
    if problem.kind == ENCODING:
        return f"{problem.example}; conversion reads the member as its bytes show"
    if problem.kind in _OF_TIMES:
        return f"{name}: {_OF_TIMES[problem.kind].format(example)}"
    if problem.kind == ENTITY:
        return f"the entity {problem.example} is not declared; its name is kept as text"
    if problem.kind == UNKNOWN:
        return f"{name}: this element is not in the schema, found {example}; extra keeps it"
    filled = [c for c in table.with_fields if name in c.paths and joiner_of(c) is None]
    fate = "the column gets the first, extra gets all" if filled else "the column gets all"
    return f"{name}: expected one element, found several, {problem.example}; {fate}"


def _finding(rule: str, path: str, message: str, **more: Any) -> Finding:
    return Finding(rule, _SEVERITY[rule], path, message, **more)


class _Nowhere(Workspace):
    """Workspace that discards everything that is written to it."""

    def __init__(self) -> None:
        pass

    def open(self, path: str) -> HashingFile:
        """Open a file that discards its content."""
        return HashingFile(cast("IO[bytes]", _Void()))


class _Void(io.RawIOBase):
    def write(self, data: Any) -> int:
        return len(data)


class _Discarded(Quarantine):
    """Quarantine that keeps no files."""

    def __init__(self) -> None:
        pass

    def add(
        self,
        name: str,
        source: Callable[[], IO[bytes]] | None,
        damage: Damage,
        records: int,
        most: int | None = None,
        aside: SetAside | None = None,
    ) -> tuple[WrittenFile, ...]:
        """Keep no files."""
        return ()

    def begin(self, name: str, most: int) -> SetAside:
        """Count pieces, and discard them."""
        return SetAside(_Nowhere(), name, most)
