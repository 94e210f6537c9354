"""Publishing: a converted feed zip takes its place in the lake, or loses it.

Only here are files replaced that others may be reading, by one process at a time in each partition.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from movielake.feed.zips import FeedZip
from movielake.lake.commits import (
    Commit,
    Pairs,
    read_commit,
    remove_commit,
    survey,
    withdraw_commit,
    write_commit,
)
from movielake.lake.locks import Lock, hold_partition
from movielake.lake.writers import Workspace
from movielake.names.layout import Folder, partition_folders


def publish_commit(lake: Folder, commit: Commit, space: Workspace) -> None:
    """Put the files of a feed zip in place, then its commit.

    Readers who see the commit before or after see one whole partition. In between, and after a
    process was killed there, the old commit stands aside; unless the files that it knows stay the
    same, and then it is simply replaced.

    Parameters
    ----------
    lake : Folder
        The lake.
    commit : Commit
        What the feed zip became.
    space : Workspace
        Where its files are.
    """
    key = (commit.date_stamp, commit.country)
    with hold_partition(lake, *key) as lock:
        if _loses_files(lake, commit):
            withdraw_commit(lake, *key)
        space.publish(lock.renew)
        _remove_others(lake, *key, {file.path for file in commit.files}, lock)
        lock.renew()
        write_commit(lake, commit)


def _loses_files(lake: Folder, commit: Commit) -> bool:
    """Tell whether the commit that is there names files that go; one that is broken may."""
    try:
        known = read_commit(lake, commit.date_stamp, commit.country)
    except (ValueError, KeyError, TypeError, AttributeError):
        return True
    return known is not None and not known.files <= commit.files


def refresh_commit(lake: Folder, zip_: FeedZip, digest: str, with_json: bool) -> Commit | None:
    """Write down that a feed zip has the same content at another time, if that is so.

    Parameters
    ----------
    lake : Folder
        The lake.
    zip_ : FeedZip
        The feed zip as it is now.
    digest : str
        Fingerprint of its directory.
    with_json : bool
        Whether JSON Lines are asked for.

    Returns
    -------
    Commit or None
        None if it has to be converted.
    """
    with hold_partition(lake, *zip_.key) as lock:
        known = read_commit(lake, *zip_.key)
        if known is None or known.fingerprint != digest or (with_json and not known.with_json):
            return None
        known = replace(known, **vars(zip_))
        lock.renew()
        write_commit(lake, known)
        return known


def remove_partition(lake: Folder, date_stamp: str, country: str) -> None:
    """Remove all that a feed zip became; its commit goes first and last.

    Parameters
    ----------
    lake : Folder
        The lake.
    date_stamp, country : str
        Which partition.
    """
    with hold_partition(lake, date_stamp, country) as lock:
        withdraw_commit(lake, date_stamp, country)
        _remove_others(lake, date_stamp, country, set(), lock)
        remove_commit(lake, date_stamp, country)


def find_halves(lake: Folder) -> Pairs:
    """List what a killed process was replacing or removing, and finish what lacked only tidying."""
    there, aside = survey(lake)
    for pair in {*there} & {*aside}:
        with hold_partition(lake, *pair):
            commit = read_commit(lake, *pair)
            if commit:
                write_commit(lake, commit)
    return sorted({*aside} - {*there})


def _remove_others(lake: Folder, date_stamp: str, country: str, keep: set[str], lock: Lock) -> None:
    """Remove what an earlier or killed conversion left in the places of a partition."""
    for folder in partition_folders(date_stamp, country):
        found = lake.find(folder)
        for path in found.keys() - keep:
            lock.renew()
            with suppress(FileNotFoundError):
                lake.fs.rm_file(lake.join(path))
        if found and not found.keys() & keep:
            with suppress(OSError):  # an object store has no folders to remove
                lake.fs.rmdir(lake.join(folder))
