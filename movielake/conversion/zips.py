"""Conversion of feed zips to partitions of the lake: here or on a worker, alone or in a bundle.

The files of a zip are written in a workspace and then renamed into place. The commit is written
last: only from then on does the zip count as converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import cache, partial
from typing import Any

from movielake.conversion.bundles import ReadyZips, flatten_bundle
from movielake.conversion.members import MemberConverter
from movielake.conversion.planning import Task, is_current, look_at
from movielake.conversion.publishing import publish_commit, refresh_commit
from movielake.conversion.results import DamagedFeedError, Outcome
from movielake.feed.archives import UNREADABLE
from movielake.feed.damage import Damage, describe_unexpected, one_line
from movielake.feed.zips import fingerprint, open_members
from movielake.lake.claims import claim_partitions
from movielake.lake.collector import collector_paused
from movielake.lake.commits import DAMAGED, Commit, MemberCommit, describe_damage
from movielake.lake.ledger import read_commit
from movielake.lake.parsing import UnreadableCommitError
from movielake.lake.quarantine import Quarantine
from movielake.lake.writers import is_within, workspace
from movielake.names.layout import Folder


def convert_in_turn(tasks: Sequence[Task]) -> Iterator[Outcome]:
    """Convert feed zips, here or on a worker.

    Parameters
    ----------
    tasks : sequence of Task
        One feed zip, or several small ones of one country, and the options.

    Yields
    ------
    Outcome
        The result of each feed zip. Its commit lists damage. Its error is set if the file cannot be
        opened, or after an unexpected exception.

    Raises
    ------
    DamagedFeedError
        At the first damage, if the task is strict.
    OSError
        If the lake cannot be written.
    """
    keys = [task.zip_.key for task in tasks]
    with collector_paused(), claim_partitions(Folder(tasks[0].lake), keys) as mine:
        waiting = []
        for task in tasks:
            outcome = (
                _guarded(_converted_since, task)
                if task.zip_.key in mine
                else Outcome(task.zip_, is_claimed=True)
            )
            if outcome:
                yield outcome
            else:
                waiting.append(task)
        ready = cache(partial(_flattened, waiting))  # not if all of them are only copied again
        for task in waiting:
            yield _guarded(_convert_zip, task, ready)


def convert_bundle(tasks: Sequence[Task]) -> list[Outcome]:
    """Convert feed zips, and return all outcomes of `convert_in_turn`."""
    return list(convert_in_turn(tasks))


def _flattened(tasks: Sequence[Task]) -> ReadyZips:
    """Flatten a bundle's members. After an unexpected error each feed zip is read alone."""
    try:
        return flatten_bundle(tasks)
    except Exception:  # whatever it is, the feed zip that has it says so when it is read alone
        return {}


def _guarded(work: Callable[..., Outcome | None], task: Task, *more: Any) -> Any:
    """Do the work on one feed zip. It never ends a run, unless the lake cannot be written."""
    try:
        return work(task, *more)
    except OSError as error:
        if is_within(error, Folder(task.lake)):
            raise  # every other feed zip would fail too
        return _failed(task, error)
    except DamagedFeedError:
        raise
    except Exception as error:  # one feed zip never ends a run
        return _failed(task, describe_unexpected(error))


def _failed(task: Task, error: object) -> Outcome:
    return Outcome(task.zip_, error=f"{task.zip_.path}: {error}")


def _converted_since(task: Task) -> Outcome | None:
    """Return the outcome of a feed zip that another conversion has done since this one began."""
    if not task.force:
        with suppress(UnreadableCommitError):
            commit = read_commit(Folder(task.lake), *task.zip_.key)
            if commit and is_current(task.zip_, vars(commit), task.with_json):
                return Outcome(task.zip_, commit)
    return None


def _convert_zip(task: Task, ready: Callable[[], ReadyZips]) -> Outcome:
    zip_, lake, before = task.zip_, Folder(task.lake), look_at(task)
    with workspace(lake) as space, ExitStack() as stack:
        quarantine = Quarantine(space, zip_)
        try:
            members = stack.enter_context(open_members(task.feed, zip_, task.limits))
        except UNREADABLE as error:
            digest, commits = "", [_unreadable(task, quarantine, Damage(one_line(error)))]
        else:
            digest = fingerprint(members)
            if not task.force and (same := refresh_commit(lake, zip_, digest, task.with_json)):
                return Outcome(zip_, same)
            flat = ready().get(zip_.key)
            known = flat.members if flat and flat.state == before else {}
            converter = MemberConverter(zip_, space, task.with_json, quarantine, known)
            commits = [converter.convert(member) for member in members]
        if look_at(task) != before:
            raise OSError("it changed while it was read; convert it again when it is complete")
        commit = Commit(
            **vars(zip_), fingerprint=digest, with_json=task.with_json, members=tuple(commits)
        )
        if task.strict and commit.is_hurt:
            raise DamagedFeedError(describe_damage(commit)[0])
        publish_commit(lake, commit, space)
    return Outcome(zip_, commit, converted=True)


def _unreadable(task: Task, quarantine: Quarantine, damage: Damage) -> MemberCommit:
    """Quarantine a whole zip if even its directory cannot be read."""
    feed, name = Folder(task.feed), task.zip_.path.rpartition("/")[2]
    files = quarantine.add(name, lambda: feed.fs.open(feed.join(task.zip_.path), "rb"), damage, 0)
    return MemberCommit("", DAMAGED, **vars(damage), quarantine=files)
