"""Publishing: puts a converted feed zip in place in the lake, or removes it.

Only this module replaces files that other processes may be reading. In each partition, one process
at a time does so.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from movielake.feed.zips import FeedZip
from movielake.lake.commits import Commit
from movielake.lake.ledger import (
    Pairs,
    read_commit,
    read_commits,
    remove_commit,
    survey,
    withdraw_commit,
    write_commit,
)
from movielake.lake.locks import Lock, hold_partition
from movielake.lake.parsing import UnreadableCommitError
from movielake.lake.writers import Workspace
from movielake.names.layout import Folder, partition_folders


def publish_commit(lake: Folder, commit: Commit, space: Workspace) -> None:
    """Put the files of a feed zip in place, then its commit.

    A reader sees the old commit or the new one, and with it one whole partition. While files are
    replaced, the old commit is set aside. It stays aside if the process is killed there. If all
    files of the old commit stay the same, it is replaced without being set aside.

    Parameters
    ----------
    lake : Folder
        The lake.
    commit : Commit
        The new commit of the feed zip.
    space : Workspace
        The workspace that contains its files.
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
    """Return whether the old commit lists files that will go. Assume so if it is unreadable."""
    try:
        known = read_commit(lake, commit.date_stamp, commit.country)
    except UnreadableCommitError:
        return True
    return known is not None and not known.files <= commit.files


def refresh_commit(lake: Folder, zip_: FeedZip, digest: str, with_json: bool) -> Commit | None:
    """Update the commit of a feed zip whose file has changed but whose content has not.

    Parameters
    ----------
    lake : Folder
        The lake.
    zip_ : FeedZip
        The feed zip in its current state.
    digest : str
        Fingerprint of its directory.
    with_json : bool
        Whether the lake must contain JSON Lines of the zip.

    Returns
    -------
    Commit or None
        The updated commit; None if the zip has to be converted.
    """
    if _known(lake, zip_, digest, with_json) is None:  # most often it is new: no lock is needed
        return None
    with hold_partition(lake, *zip_.key) as lock:
        known = _known(lake, zip_, digest, with_json)
        if known is None:
            return None
        known = replace(known, **vars(zip_))
        lock.renew()
        write_commit(lake, known)
        return known


def _known(lake: Folder, zip_: FeedZip, digest: str, with_json: bool) -> Commit | None:
    """Return the commit of a feed zip if it has the same content, and JSON Lines if wanted."""
    (known,) = read_commits(lake, [zip_.key])
    if known is None or known.fingerprint != digest or (with_json and not known.with_json):
        return None
    return known


def remove_partition(lake: Folder, date_stamp: str, country: str) -> None:
    """Remove all files of a feed zip from the lake.

    Its commit is set aside before the other files are removed, and deleted after them.

    Parameters
    ----------
    lake : Folder
        The lake.
    date_stamp, country : str
        Stamp and country of the partition.
    """
    with hold_partition(lake, date_stamp, country) as lock:
        withdraw_commit(lake, date_stamp, country)
        _remove_others(lake, date_stamp, country, set(), lock)
        remove_commit(lake, date_stamp, country)


def find_halves(lake: Folder) -> Pairs:
    """List the partitions that a killed process left half done, and tidy those that are complete.

    A partition is half done if its old commit is aside and it has no new commit. If it has both,
    only the removal of the old one was missing. An unreadable commit stays for `publish_commit`.
    """
    there, aside = survey(lake)
    for pair in {*there} & {*aside}:
        with hold_partition(lake, *pair), suppress(UnreadableCommitError):
            commit = read_commit(lake, *pair)
            if commit:
                write_commit(lake, commit)
    return sorted({*aside} - {*there})


def _remove_others(lake: Folder, date_stamp: str, country: str, keep: set[str], lock: Lock) -> None:
    """Remove files of an earlier or killed conversion from the folders of a partition."""
    for folder in partition_folders(date_stamp, country):
        found = lake.find(folder)
        for path in found.keys() - keep:
            lock.renew()
            with suppress(FileNotFoundError):
                lake.fs.rm_file(lake.join(path))
        if found and not found.keys() & keep:
            with suppress(OSError):  # an object store has no folders
                lake.fs.rmdir(lake.join(folder))
