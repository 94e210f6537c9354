"""Planning: which feed zips a conversion has to do. Decides, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from movielake.feed.limits import Limits
from movielake.feed.zips import Feed, FeedZip, find_feed
from movielake.names.hints import tell_choices
from movielake.names.layout import Folder, Selection

KNOWN: Final = ("date_stamp", "country", "size", "modified", "with_json")
"""Columns of the manifest that tell whether a feed zip has changed."""


_STATE: Final = ("name", "size", "mtime", "ino", "ETag", "etag", "LastModified", "last_modified")


@dataclass(frozen=True)
class Task:
    """What a worker is told: where a feed zip is and where it goes, never its bytes.

    Parameters
    ----------
    feed, lake : str
        Paths or URLs of the two.
    zip_ : FeedZip
        The feed zip.
    with_json : bool
        Whether JSON Lines are written besides Parquet.
    force : bool
        Whether it is converted even if nothing has changed.
    strict : bool
        Whether damage is an error.
    limits : Limits
        How much may come out of each member.
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
    """What a conversion has to do.

    Parameters
    ----------
    feed : Feed
        What was found.
    tasks : tuple of Task
        Feed zips that are new or changed, the biggest first.
    unchanged : int
        Number of feed zips that need nothing.
    missing : tuple of (str, str)
        Stamp and country of commits whose feed zip is gone.
    """

    feed: Feed
    tasks: tuple[Task, ...]
    unchanged: int
    missing: tuple[tuple[str, str], ...]

    @property
    def bytes(self) -> int:
        """Stored bytes of all feed zips to convert."""
        return sum(task.zip_.size for task in self.tasks)


def look_at(task: Task) -> list[tuple[Any, ...]]:
    """Tell the state of a feed zip's file, or files, to see whether it changes while it is read.

    Parameters
    ----------
    task : Task
        Whose feed zip.

    Returns
    -------
    list of tuple
        Equal only if nothing has changed.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    feed, path = Folder(task.feed), task.zip_.path
    feed.fs.invalidate_cache()
    infos = feed.find(path).values() if task.zip_.is_folder else [feed.fs.info(feed.join(path))]
    return [tuple(info.get(key) for key in _STATE) for info in infos]


def find_selected(feed: str, selection: Selection) -> Feed:
    """Find the feed zips that are selected.

    Parameters
    ----------
    feed : str
        Path or URL of the feed's root.
    selection : Selection
        Which stamps and countries.

    Returns
    -------
    Feed

    Raises
    ------
    FileNotFoundError
        If the feed is not there.
    ValueError
        If nothing is selected; the message says what the feed has.
    """
    found = find_feed(feed, selection)
    if found.zips:
        return found
    if found.refused:
        raise ValueError(f"found nothing but refused files in {feed}: {found.refused[0]}")
    everything = find_feed(feed).zips
    if not everything:
        raise ValueError(
            f"expected DATE_STAMP/movies_CCC.zip below {feed}, found none "
            "(other layouts: YYYY/MM/DD/movies_CCC.zip, DATE_STAMP/CCC/*.XML)"
        )
    stamps, countries = ({zip_.key[i] for zip_ in everything} for i in (0, 1))
    choices = tell_choices(selection, stamps, countries)
    raise ValueError(f"nothing in {feed} matches {selection}; it has {choices}")


def plan_conversion(
    found: Feed, model: Task, selection: Selection, known: Sequence[Mapping[str, Any]]
) -> Plan:
    """Decide what a conversion has to do.

    Parameters
    ----------
    found : Feed
        What `find_selected` gave.
    model : Task
        A task for any feed zip; each task is like it but for its zip.
    selection : Selection
        Which stamps and countries.
    known : sequence of dict
        The lake's commits, with the `KNOWN` columns of its manifest.

    Returns
    -------
    Plan
    """
    commits = {(row["date_stamp"], row["country"]): row for row in known}
    waiting = [
        zip_
        for zip_ in found.zips
        if model.force or not _is_current(zip_, commits.get(zip_.key), model.with_json)
    ]
    waiting.sort(key=lambda zip_: -zip_.size)  # so that no large country ends the run alone
    present = {zip_.key for zip_ in found.zips}
    return Plan(
        feed=found,
        tasks=tuple(replace(model, zip_=zip_) for zip_ in waiting),
        unchanged=len(found.zips) - len(waiting),
        missing=tuple(key for key in commits if key not in present and selection.matches(*key)),
    )


def _is_current(zip_: FeedZip, row: Mapping[str, Any] | None, with_json: bool) -> bool:
    if row is None or (with_json and not row["with_json"]):
        return False
    return (row["size"], row["modified"]) == (zip_.size, zip_.modified)
