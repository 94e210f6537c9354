"""Results of a conversion: one outcome for each feed zip, and a summary of the run."""

from __future__ import annotations

from dataclasses import dataclass, field

from movielake.conversion.planning import Plan
from movielake.feed.zips import FeedZip
from movielake.lake.commits import Commit


class DamagedFeedError(ValueError):
    """Raised by a strict conversion at the first damage."""


@dataclass(frozen=True)
class Outcome:
    """The result of one task.

    Parameters
    ----------
    zip_ : FeedZip
        The feed zip.
    commit : Commit or None
        Its commit; None if it could not be converted.
    converted : bool
        False if its content had not changed, or if it could not be converted.
    error : str
        The reason why it could not be converted, in one line; empty otherwise.
    is_claimed : bool
        True if another process was converting it, so that nothing was done.
    """

    zip_: FeedZip
    commit: Commit | None = None
    converted: bool = False
    error: str = ""
    is_claimed: bool = False


@dataclass(frozen=True)
class Conversion:
    """The result of a conversion.

    Parameters
    ----------
    plan : Plan
        The work that was planned.
    outcomes : tuple of Outcome
        The result of each task, sorted by stamp and country.
    removed : tuple of (str, str)
        Stamp and country of each partition that was removed from the lake.
    still_hurt : tuple of Commit
        Commits of damaged feed zips that an earlier run converted and that have not changed.
    unreadable : dict
        Stamp and country of each partition whose commit still cannot be read, to the reason and
        the advice. A conversion writes the commit of each zip again that it converts.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    removed: tuple[tuple[str, str], ...] = ()
    still_hurt: tuple[Commit, ...] = ()
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def commits(self) -> tuple[Commit, ...]:
        """Commits of the feed zips that this run converted."""
        return tuple(o.commit for o in self.outcomes if o.commit and o.converted)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Feed zips that could not be converted; the next run tries them again."""
        return tuple(o for o in self.outcomes if o.error)

    @property
    def is_clean(self) -> bool:
        """Whether no selected file is damaged, refused or failed, and each commit is readable."""
        hurt = self.still_hurt or any(commit.is_hurt for commit in self.commits)
        return not (hurt or self.failed or self.plan.feed.refused or self.unreadable)
