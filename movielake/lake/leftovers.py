"""Leftovers: removes the unfinished files of killed processes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from movielake.lake.claims import CLAIM_FOLDER
from movielake.lake.locks import LOCK_FOLDER
from movielake.lake.owners import has_ended
from movielake.names.folders import changed_at
from movielake.names.layout import WORK_FOLDER, Folder

_DAY: Final = 24 * 3600.0


def is_abandoned(owner: str, changed: float | None, older_than: float = _DAY) -> bool:
    """Return whether the owner of an unfinished file has stopped its work.

    On this host, the process id shows whether the owner still lives. A file of another host counts
    as abandoned after one day.

    Parameters
    ----------
    owner : str
        Name of the owner.
    changed : float or None
        Time of the last change, in seconds since 1970, if known.
    older_than : float, optional
        Age in seconds from which a file of another host counts as abandoned.
    """
    ended = has_ended(owner)
    if ended is None:
        return changed is not None and time.time() - changed > older_than
    return ended


def remove_leftovers(lake: Folder, older_than: float = _DAY) -> int:
    """Remove workspaces, drafts and claims of killed processes, and those that this thread left.

    Parameters
    ----------
    lake : Folder
        The lake.
    older_than : float, optional
        Age in seconds from which a workspace or draft of another host counts as abandoned.

    Returns
    -------
    int
        Number of workspaces, drafts, claims and uploads removed.
    """
    remove = _remove_from_disk if lake.is_local else _remove_objects
    return remove(lake, older_than) + abort_uploads(lake, f"{WORK_FOLDER}/", _owner, older_than)


def _remove_from_disk(lake: Folder, older_than: float) -> int:
    work, locks, claims = (
        Path(lake.join(folder)) for folder in (WORK_FOLDER, LOCK_FOLDER, CLAIM_FOLDER)
    )
    if not work.is_dir():
        return 0
    found = [path for path in work.iterdir() if path not in (locks, claims)]
    with suppress(FileNotFoundError):
        found += [path for path in locks.iterdir() if path.is_file()]
    found += claims.glob("*/*")
    abandoned = [path for path in found if is_abandoned(path.name, _mtime(path), older_than)]
    for path in abandoned:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        if path.is_relative_to(claims):
            with suppress(OSError):  # another process has claimed the partition meanwhile
                path.parent.rmdir()
    return len(abandoned)


def _mtime(path: Path) -> float | None:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return None


def _remove_objects(lake: Folder, older_than: float) -> int:
    """Remove leftovers from a store, where only their files can be listed and removed."""
    files: dict[str, list[str]] = {}
    changes: dict[str, list[float]] = {}
    for path, info in lake.find(WORK_FOLDER).items():
        if owner := _owner(path):
            files.setdefault(owner, []).append(path)
            changes.setdefault(owner, []).append(changed_at(info) or time.time())
    abandoned = [owner for owner in files if is_abandoned(owner, max(changes[owner]), older_than)]
    for path in (path for owner in abandoned for path in files[owner]):
        with suppress(FileNotFoundError):  # another process has removed it
            lake.fs.rm_file(lake.join(path))
    return len(abandoned)


def _owner(path: str) -> str | None:
    """Return the owner of a workspace's file, of a draft or of a claim. Return None for a lock."""
    if path.startswith(f"{CLAIM_FOLDER}/"):
        return path.rpartition("/")[2]
    parts = path.removeprefix(f"{LOCK_FOLDER}/").removeprefix(f"{WORK_FOLDER}/").split("/")
    is_lock = path.startswith(f"{LOCK_FOLDER}/") and len(parts) > 1
    return None if is_lock else parts[0]


def abort_uploads(
    folder: Folder,
    start: str,
    owner_of: Callable[[str], str | None],
    older_than: float = _DAY,
) -> int:
    """Abort the uploads to S3 that killed processes left unfinished.

    S3 takes a large file in parts. It keeps the parts of an unfinished file, and charges for them,
    but no listing of files shows them.

    Parameters
    ----------
    folder : Folder
        A folder on any file system.
    start : str
        Beginning of the paths in the folder.
    owner_of : callable
        Function from the path of a file in the folder to its owner. None means that the file is
        none of ours.
    older_than : float, optional
        Age in seconds from which an upload of another host counts as abandoned.

    Returns
    -------
    int
        Number of uploads aborted.
    """
    if not hasattr(folder.fs, "abort_mpu"):
        return 0
    top = folder.join("").removeprefix(f"{folder.bucket}/")
    uploads = []
    with suppress(OSError):  # some stores and some users cannot list uploads
        answer = folder.fs.call_s3(
            "list_multipart_uploads", Bucket=folder.bucket, Prefix=top + start
        )
        uploads = answer.get("Uploads", [])
    count = 0
    for upload in uploads:
        owner = owner_of(upload["Key"].removeprefix(top))
        if owner and is_abandoned(owner, upload["Initiated"].timestamp(), older_than):
            with suppress(OSError):  # another process has aborted it
                folder.fs.abort_mpu(folder.bucket, upload["Key"], upload["UploadId"])
                count += 1
    return count
