"""Single files outside a lake, such as packs and reports. They appear whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from movielake.lake.leftovers import abort_uploads, is_abandoned
from movielake.lake.owners import is_alive, name_owner
from movielake.lake.writers import HashingFile, explained, rename
from movielake.names.folders import changed_at
from movielake.names.layout import LAKE_FILE, Folder, is_date_stamp

_HEAD: Final = 1 << 13
"""Bytes of a file that show whether movielake wrote it."""

_FEED_ZIP: Final = re.compile(r"movies_[a-z]{3}\.zip", re.I | re.A)


def split_file(file: str) -> tuple[Folder, str]:
    """Split the path or URL of a file into its folder and its name.

    Parameters
    ----------
    file : str
        Path or URL.

    Returns
    -------
    folder : Folder
    name : str

    Examples
    --------
    >>> split_file("s3://films/packs/lake.tar")
    (Folder('s3://films/packs'), 'lake.tar')
    >>> split_file("lake.tar")
    (Folder('.'), 'lake.tar')
    """
    head, slash, name = str(file).rpartition("/")
    is_root = head.endswith(":/") or not head
    return Folder((head + slash if is_root else head) or "."), name


def claim_file(file: str, kind: str, is_ours: Callable[[bytes], bool], *, force: bool) -> None:
    """Refuse a file that belongs to the user: other content, or a place in a lake or a feed.

    Parameters
    ----------
    file : str
        Path or URL of the file to write.
    kind : str
        What will be written, for the message: ``pack`` or ``report``.
    is_ours : callable
        Function of the first bytes of an existing file. It returns whether the file is an earlier
        file of this kind.
    force : bool
        Accept any place and replace any file.

    Raises
    ------
    IsADirectoryError
        If ``file`` is a folder.
    FileExistsError
        If another file exists there.
    ValueError
        If the file lies in a lake or in a feed.
    """
    target, (folder, name) = Folder(file), split_file(file)
    if not name or target.fs.isdir(target.path):
        raise IsADirectoryError(f"expected a file for the {kind}, found the folder {file}")
    if force:
        return
    if owner := place_owner(folder):
        raise ValueError(
            f"expected a place for the {kind} outside lakes and feeds, found {file} in the "
            f"{owner}; choose another place, or use --force (force=True)"
        )
    with suppress(FileNotFoundError):
        with target.fs.open(target.path, "rb") as found:
            head = found.read(_HEAD)
        if head and not is_ours(head):
            raise FileExistsError(
                f"expected a new file or an earlier {kind}, found another file: {file}; choose "
                "another name, or use --force (force=True) to replace it"
            )


def place_owner(folder: Folder) -> str:
    """Describe the lake or feed in which a folder lies.

    Parameters
    ----------
    folder : Folder
        The folder. It need not exist.

    Returns
    -------
    str
        ``lake`` or ``feed`` with its path. An empty text if the folder lies outside.
    """
    places = _with_parents(folder.path)
    for path in places:
        if folder.fs.exists(f"{path}/{LAKE_FILE}"):
            return f"lake {path}"
    for path in places[:2]:
        if _is_feed(folder, path):
            return f"feed {path}"
    return ""


def _with_parents(path: str) -> list[str]:
    places = [path.rstrip("/")]
    while "/" in places[-1].lstrip("/"):
        places.append(places[-1].rpartition("/")[0])
    return places


def _is_feed(folder: Folder, path: str) -> bool:
    """Return whether a folder holds feed zips, or folders of date stamps with feed zips."""
    names = _names(folder, path)
    stamps = [name for name in names if is_date_stamp(name)][:1]
    inside = [name for stamp in stamps for name in _names(folder, f"{path}/{stamp}")]
    return any(_FEED_ZIP.fullmatch(name) for name in (*names, *inside))


def _names(folder: Folder, path: str) -> list[str]:
    with suppress(OSError):
        return [found.rpartition("/")[2] for found in folder.fs.ls(path, detail=False)]
    return []


@contextmanager
def whole_file(folder: Folder, name: str) -> Iterator[HashingFile]:
    """Write a file under a temporary name, and rename it when it is complete, within a context.

    Unfinished copies of the file that killed processes left are removed first.

    Parameters
    ----------
    folder : Folder
        The folder of the file. It is made if it does not exist.
    name : str
        Name of the file. An old file is replaced.

    Yields
    ------
    HashingFile
        The file, open for writing.

    Raises
    ------
    OSError
        If the file cannot be written. The message names the folder and the reason.
    """
    _remove_partials(folder, name)
    temporary = folder.join(f".{name}.{name_owner()}.partial")
    with explained(folder):
        folder.make()
        try:
            with HashingFile(folder.fs.open(temporary, "wb"), temporary) as file:
                yield file
            rename(folder, temporary, name)
        except BaseException:
            with suppress(FileNotFoundError):
                folder.fs.rm_file(temporary)
            raise


@contextmanager
def scratch_folder(folder: Folder, name: str) -> Iterator[str]:
    """Make a local folder for the parts of a file, and remove it at the end, within a context.

    Parameters
    ----------
    folder : Folder
        The folder of the file. If it is local, the scratch folder is in it, where space for the
        file is needed anyway. Otherwise it is in the folder for temporary files.
    name : str
        Name of the file.

    Yields
    ------
    str
        Path of the scratch folder.
    """
    if folder.is_local:
        place = Path(folder.join(f".{name}.{name_owner()}.partial"))
        place.mkdir(parents=True)
    else:
        place = Path(tempfile.mkdtemp(prefix="movielake-"))
    try:
        yield str(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _remove_partials(folder: Folder, name: str) -> None:
    pattern = re.compile(rf"\.{re.escape(name)}\.(.+)\.partial", re.S)

    def owner_of(path: str) -> str | None:
        match = pattern.fullmatch(path)
        return match and match[1]

    with suppress(OSError):  # the folder does not exist, or only its owner can list it
        for info in folder.fs.ls(folder.path, detail=True):
            owner = owner_of(info["name"].rpartition("/")[2])
            is_folder = info["type"] == "directory"
            if is_folder and owner and is_alive(owner):
                continue  # the parts of a file, which this thread may be about to join
            if owner and is_abandoned(owner, changed_at(info)):
                folder.fs.rm(info["name"], recursive=is_folder)
    abort_uploads(folder, f".{name}.", owner_of)
