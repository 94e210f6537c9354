"""Single files outside a lake, such as packs and reports. They appear whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from movielake.lake.leftovers import abort_uploads, is_abandoned
from movielake.lake.owners import name_owner
from movielake.lake.writers import HashingFile, explained, rename
from movielake.names.folders import changed_at
from movielake.names.layout import Folder


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


def _remove_partials(folder: Folder, name: str) -> None:
    pattern = re.compile(rf"\.{re.escape(name)}\.(.+)\.partial", re.S)

    def owner_of(path: str) -> str | None:
        match = pattern.fullmatch(path)
        return match and match[1]

    with suppress(OSError):  # the folder does not exist, or only its owner can list it
        for info in folder.fs.ls(folder.path, detail=True):
            owner = owner_of(info["name"].rpartition("/")[2])
            if owner and is_abandoned(owner, changed_at(info)):
                folder.fs.rm_file(info["name"])
    abort_uploads(folder, f".{name}.", owner_of)
