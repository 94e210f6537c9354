"""Folders on any file system, and the differences between a disk and an object store."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final

import fsspec
from fsspec.core import url_to_fs

OBJECT_STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""Protocols of Amazon S3 and compatible stores, of Google Cloud Storage and of Azure."""

_PROTOCOL: Final = re.compile(r"(?:^|::)([a-z0-9]+)://")
_EMPTY_FOLDER: Final = "_$folder$"
"""Ending of the empty objects that Hadoop's older file systems put beside a folder."""

Info = Mapping[str, Any]
"""The state of a file, as fsspec returns it."""


class Folder:
    """A folder on any file system that fsspec supports.

    Parameters
    ----------
    url : str
        Local path or URL.

    Examples
    --------
    >>> from movielake.names.folders import Folder
    >>> Folder("memory://lake").join("json", "20191206")
    '/lake/json/20191206'
    """

    def __init__(self, url: str) -> None:
        self.url = str(url)

    def __repr__(self) -> str:
        return f"Folder({self.url!r})"

    @cached_property
    def _resolved(self) -> tuple[fsspec.AbstractFileSystem, str]:
        # fsspec remembers listings of object stores, but other processes change them meanwhile.
        forgetful = {protocol: {"use_listings_cache": False} for protocol in self._stores}
        fs, path = url_to_fs(self.url, **forgetful)
        if self.is_object_store and not path.strip("/"):
            raise ValueError(f"expected a bucket, as in s3://BUCKET/FOLDER, found {self.url}")
        return fs, path.rstrip("/") or "/"

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The file system."""
        return self._resolved[0]

    @property
    def path(self) -> str:
        """The folder's path on its file system."""
        return self._resolved[1]

    @property
    def is_local(self) -> bool:
        """Whether ordinary file calls work on the path."""
        return "file" in self._protocols

    @property
    def is_shared(self) -> bool:
        """Whether other processes see the same folder."""
        return "memory" not in self._protocols

    @property
    def is_object_store(self) -> bool:
        """Whether the files are objects in a bucket: they have names, but no folders."""
        return bool(self._stores)

    @property
    def bucket(self) -> str:
        """The bucket or container of an object store."""
        return self.path.partition("/")[0]

    @property
    def _stores(self) -> list[str]:
        return [name for name in _PROTOCOL.findall(self.url) if name in OBJECT_STORES]

    @property
    def _protocols(self) -> tuple[str, ...]:
        protocol = self.fs.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

    def join(self, *parts: str) -> str:
        """Return the path of a file or folder below this folder, on the file system."""
        return "/".join((self.path.rstrip("/"), *parts))

    def make(self, *parts: str) -> None:
        """Make a folder below this folder, with its parents, if it does not exist.

        An object store has no folders. There, fsspec would make a bucket instead, also for a
        mistyped name. So nothing happens until an object is written.
        """
        if not self.is_object_store:
            self.fs.makedirs(self.join(*parts), exist_ok=True)

    def find(self, *parts: str) -> dict[str, dict[str, Any]]:
        """Map all files below to fsspec's info. Paths are relative to the folder."""
        self.fs.invalidate_cache()  # another process can change the files after a listing
        try:
            found: dict[str, dict[str, Any]] = self.fs.find(self.join(*parts), detail=True)
        except FileNotFoundError:  # the bucket does not exist
            return {}
        start = len(self.path.rstrip("/")) + 1
        below = {path[start:]: found[path] for path in sorted(found)}
        return _without_markers(below) if self.is_object_store else below

    def names(self, *parts: str) -> list[str]:
        """List the paths of all files below, relative to the folder, without their metadata."""
        if not self.is_local:
            return list(self.find(*parts))
        start = len(self.path.rstrip("/")) + 1
        return sorted(
            f"{folder}/{name}"[start:]
            for folder, _, names in os.walk(self.join(*parts))
            for name in names
        )


def _without_markers(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Leave out the objects that stand for folders, as consoles and other programs make them.

    The name of such an object ends in a slash. Or the object is empty, and has the name of a
    folder with other objects, or that name with Hadoop's ending.
    """
    folders = _parents(found)

    def is_marker(path: str) -> bool:
        if not path or path.endswith("/"):
            return True
        return found[path]["size"] == 0 and (path in folders or path.endswith(_EMPTY_FOLDER))

    return {path: info for path, info in found.items() if not is_marker(path)}


def _parents(paths: Iterable[str]) -> set[str]:
    parents: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in parents:
            parents.add(folder)
            folder = folder.rpartition("/")[0]
    return parents


def lacks_container(error: Exception) -> bool:
    """Return whether an error says that a container of Azure does not exist.

    fsspec raises FileNotFoundError for a missing bucket of the other stores, but for a container
    it lets the errors of Azure's library through.
    """
    return "ContainerNotFound" in str(error)


def changed_at(info: Info) -> float | None:
    """Return when a file was last changed, in seconds since 1970, or None if fsspec has no time.

    Parameters
    ----------
    info : mapping
        The state of a file, as fsspec returns it. Each file system has its own name for the time,
        and stores it as a number, as a datetime or as an ISO text.

    Returns
    -------
    float or None

    Examples
    --------
    >>> import datetime
    >>> from movielake.names.folders import changed_at
    >>> noon = datetime.datetime(2019, 12, 6, 12, tzinfo=datetime.timezone.utc)
    >>> changed_at({"LastModified": noon}), changed_at({"updated": "2019-12-06T12:00:00Z"})
    (1575633600.0, 1575633600.0)
    >>> changed_at({"size": 3}) is None
    True
    """
    names = ("LastModified", "last_modified", "mtime", "updated", "created")
    time = next((info[name] for name in names if info.get(name)), None)
    if isinstance(time, str):
        time = datetime.datetime.fromisoformat(time)
    if isinstance(time, datetime.datetime):
        return time.timestamp()
    return None if time is None else float(time)
