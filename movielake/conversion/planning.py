"""Planning: decides which feed zips to convert. This module changes no files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from movielake.feed.limits import Limits
from movielake.feed.zips import Feed, FeedZip, find_feed
from movielake.lake.commits import UNREADABLE
from movielake.names.hints import missing, require_countries, tell_choices
from movielake.names.layout import Folder, Selection

KNOWN: Final = ("date_stamp", "country", "size", "modified", "with_json", "status")
"""Columns of the manifest that show whether a feed zip has changed."""


_STATE: Final = ("name", "size", "mtime", "ino", "ETag", "etag", "LastModified", "last_modified")


@dataclass(frozen=True)
class Task:
    """One feed zip to convert, as sent to a worker: paths and options, never the zip's bytes.

    Parameters
    ----------
    feed, lake : str
        Path or URL of the feed and of the lake.
    zip_ : FeedZip
        The feed zip to convert.
    with_json : bool
        Whether to write JSON Lines in addition to Parquet.
    force : bool
        Whether to convert the zip even if it has not changed.
    strict : bool
        Whether damage is an error.
    limits : Limits
        Limits on the unpacked size of each member.
    """

    feed: str
    lake: str
    zip_: FeedZip
    with_json: bool = True
    force: bool = False
    strict: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Plan:
    """The work of a conversion.

    Parameters
    ----------
    feed : Feed
        The files that were found in the feed.
    tasks : tuple of Task
        Feed zips that are new or changed, the biggest first.
    unchanged : int
        Number of feed zips that have not changed.
    missing : tuple of (str, str)
        Stamp and country of commits whose feed zip no longer exists.
    unreadable : tuple of (str, str)
        Stamp and country of commits that cannot be read. Their feed zips count as changed.
    """

    feed: Feed
    tasks: tuple[Task, ...]
    unchanged: int
    missing: tuple[tuple[str, str], ...]
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def bytes(self) -> int:
        """Stored bytes of all feed zips to convert."""
        return sum(task.zip_.size for task in self.tasks)


def look_at(task: Task) -> list[tuple[Any, ...]]:
    """Return the state of a feed zip's files, to detect changes while they are read.

    Parameters
    ----------
    task : Task
        The task with the feed zip.

    Returns
    -------
    list of tuple
        State of each file. Two results are equal only if no file has changed between them.

    Raises
    ------
    FileNotFoundError
        If the feed zip does not exist.
    """
    feed, path = Folder(task.feed), task.zip_.path
    feed.fs.invalidate_cache()
    infos = feed.find(path).values() if task.zip_.is_folder else [feed.fs.info(feed.join(path))]
    return [tuple(info.get(key) for key in _STATE) for info in infos]


def find_selected(feed: str, selection: Selection) -> Feed:
    """Find the selected feed zips.

    Parameters
    ----------
    feed : str
        Path or URL of the feed's root.
    selection : Selection
        The stamps and countries to find.

    Returns
    -------
    Feed
        The selected feed zips, and the files that were refused.

    Raises
    ------
    FileNotFoundError
        If the feed does not exist.
    ValueError
        If no feed zip is selected, or if a selected country is not in the feed. The message lists
        the stamps and countries of the feed, if any.
    """
    found = find_feed(feed, selection)
    if found.zips:
        _require_countries(feed, selection, found)
        return found
    if found.refused:
        raise ValueError(f"expected feed zips in {feed}, found only refused: {found.refused[0]}")
    everything = find_feed(feed).zips
    if not everything:
        raise ValueError(
            f"expected DATE_STAMP/movies_CCC.zip below {feed}, found {_layout(feed)} "
            "(other layouts: YYYY/MM/DD/movies_CCC.zip, DATE_STAMP/CCC/*.XML)"
        )
    stamps, countries = ({zip_.key[i] for zip_ in everything} for i in (0, 1))
    choices = tell_choices(selection, stamps, countries)
    raise ValueError(f"nothing in {feed} matches {selection}; it has {choices}")


def _layout(feed: str) -> str:
    """Describe the content of a folder that is not a feed, and the likely mistake."""
    folder = Folder(feed)
    names = folder.names()
    zips = [name for name in names if re.fullmatch(r"movies_[a-z]{3}\.zip", name, re.I)]
    if zips:
        return f"{zips[0]} directly in it; give the folder above its date stamp"
    if any(name.lower().endswith(".xml") for name in names):
        return "XML files in another layout"
    return f"{len(names)} other files, such as {names[0]}" if names else "no file"


def _require_countries(feed: str, selection: Selection, found: Feed) -> None:
    """Refuse a country that the feed does not have at any stamp."""
    here = sorted({zip_.country for zip_ in found.zips})
    if missing(selection.countries, here):
        everything = find_feed(feed).zips
        require_countries(selection, {zip_.country for zip_ in everything}, feed)


def plan_conversion(
    found: Feed, model: Task, selection: Selection, known: Sequence[Mapping[str, Any]]
) -> Plan:
    """Decide which feed zips a conversion has to convert.

    Parameters
    ----------
    found : Feed
        The result of `find_selected`.
    model : Task
        A task for any feed zip. Each planned task is a copy of it with another zip.
    selection : Selection
        The selected stamps and countries.
    known : sequence of dict
        The lake's commits, with the `KNOWN` columns of its manifest.

    Returns
    -------
    Plan
        The zips to convert, and the commits without a zip.
    """
    commits = {(row["date_stamp"], row["country"]): row for row in known}
    waiting = [
        zip_
        for zip_ in found.zips
        if model.force or not is_current(zip_, commits.get(zip_.key), model.with_json)
    ]
    waiting.sort(key=lambda zip_: -zip_.size)  # a large zip at the end would run alone
    present = {zip_.key for zip_ in found.zips}
    return Plan(
        feed=found,
        tasks=tuple(replace(model, zip_=zip_) for zip_ in waiting),
        unchanged=len(found.zips) - len(waiting),
        missing=tuple(key for key in commits if key not in present and selection.matches(*key)),
        unreadable=tuple(key for key, row in commits.items() if row["status"] == UNREADABLE),
    )


def is_current(zip_: FeedZip, row: Mapping[str, Any] | None, with_json: bool) -> bool:
    """Return whether a commit, as its `KNOWN` fields, is that of the present file.

    Parameters
    ----------
    zip_ : FeedZip
        The feed zip.
    row : mapping or None
        The fields of its commit. None if it has none.
    with_json : bool
        Whether the lake must contain JSON Lines of the zip.
    """
    if row is None or (with_json and not row["with_json"]):
        return False
    return (row["size"], row["modified"]) == (zip_.size, zip_.modified)
