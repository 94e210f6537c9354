"""Feed zips: finds them below a feed's root and lists their members.

This module does not depend on XML or on the lake. A worker receives a `FeedZip`, which has a path
and never the zip's bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

from movielake.feed.archives import Member, open_archive
from movielake.feed.limits import Limits
from movielake.feed.signatures import is_of_finder
from movielake.names.layout import LAKE_FILE, Folder, Selection, is_date_stamp

_ZIP = re.compile(
    r"(?:.*/)?(?:(\d{8})|(\d{4})/(\d{2})/(\d{2}))/movies_([a-z]{3})\.zip", re.I | re.A | re.S
)
_UNZIPPED = re.compile(r"(?:.*/)?(\d{8})/([a-z]{3})/[^/]+\.xml", re.I | re.A | re.S)


@dataclass(frozen=True)
class FeedZip:
    """One snapshot of one country: a feed zip, or a folder with its unzipped members.

    Parameters
    ----------
    path : str
        Path relative to the feed's root.
    date_stamp, country : str
        Stamp and country from the path, e.g. ``20191206`` and ``can``.
    size : int
        Stored bytes.
    modified : str
        Modification time or etag from the file system.
    """

    path: str
    date_stamp: str
    country: str
    size: int
    modified: str

    @property
    def key(self) -> tuple[str, str]:
        """Stamp and country."""
        return self.date_stamp, self.country

    def labels(self, member: str) -> dict[str, str]:
        """Return the keys and values that are added to each record of a member."""
        source = f"{self.date_stamp}/{self.country}/{member}"
        return {"country": self.country, "date_stamp": self.date_stamp, "source_xml": source}

    @property
    def is_folder(self) -> bool:
        """Whether the members are unzipped files in a folder."""
        return not self.path.lower().endswith(".zip")


@dataclass(frozen=True)
class Feed:
    """The files that were found below a feed's root.

    Parameters
    ----------
    zips : tuple of FeedZip
        The feed zips in the order of stamp and country, one for each pair.
    refused : tuple of str
        Files that are left out, each with the reason. Either another file has the same stamp and
        country, or the name is not UTF-8.
    others : tuple of str
        All other files, so that no file is ignored silently.
    """

    zips: tuple[FeedZip, ...]
    refused: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def find_feed(root: str, selection: Selection | None = None) -> Feed:
    """Find the feed zips below a folder, in any of the three layouts.

    Parameters
    ----------
    root : str
        Path or URL. Below it, at any depth: ``STAMP/movies_CCC.zip``,
        ``YYYY/MM/DD/movies_CCC.zip`` or ``STAMP/CCC/*.XML``. Files of a lake inside the folder are
        ignored.
    selection : Selection, optional
        Stamps and countries to find. The others do not appear in the result at all.

    Returns
    -------
    Feed
        The feed zips, the refused files and the other files.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    folder = Folder(root)
    if not folder.fs.isdir(folder.path):
        raise FileNotFoundError(
            f"expected a folder with DATE_STAMP/movies_CCC.zip, found no folder at {root}"
        )
    files = _outside_lakes(folder.find())
    candidates, others = _classify({path: files[path] for path in files if _is_utf8(path)})
    chosen: dict[tuple[str, str], FeedZip] = {}
    refused = [f"{path}: its name is not UTF-8; rename it" for path in files if not _is_utf8(path)]
    for zip_ in sorted(candidates, key=lambda z: (z.is_folder, z.path)):
        if selection and not selection.matches(zip_.date_stamp, zip_.country):
            continue
        first = chosen.setdefault(zip_.key, zip_)
        if first is not zip_:
            both = "/".join(zip_.key)
            refused.append(f"{zip_.path}: {first.path} is for {both} too; keep one of them")
    return Feed(tuple(chosen[key] for key in sorted(chosen)), tuple(refused), tuple(others))


def _outside_lakes(files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    lakes = tuple(p.removesuffix(LAKE_FILE) for p in files if f"/{p}".endswith(f"/{LAKE_FILE}"))
    return {path: info for path, info in files.items() if not path.startswith(lakes)}


def _is_utf8(path: str) -> bool:
    """Return whether a lake can store a name. On Linux, a file name can be any bytes."""
    return path == path.encode("utf-8", "replace").decode("utf-8")


def _classify(files: dict[str, dict[str, Any]]) -> tuple[list[FeedZip], list[str]]:
    zips: list[FeedZip] = []
    folders: dict[str, list[dict[str, Any]]] = {}
    others: list[str] = []
    for path, info in files.items():
        packed, unpacked = _ZIP.fullmatch(path), _UNZIPPED.fullmatch(path)
        if is_of_finder(path):
            others.append(path)
        elif packed and is_date_stamp(stamp := "".join(p for p in packed.groups()[:4] if p)):
            country = packed[5].lower()
            zips.append(FeedZip(path, stamp, country, int(info["size"] or 0), _modified(info)))
        elif unpacked and is_date_stamp(unpacked[1]):
            folders.setdefault(path.rpartition("/")[0], []).append(info)
        else:
            others.append(path)
    return zips + [_unzipped(path, infos) for path, infos in folders.items()], others


def _unzipped(path: str, infos: list[dict[str, Any]]) -> FeedZip:
    stamp, country = path.split("/")[-2:]
    size = sum(int(info["size"] or 0) for info in infos)
    return FeedZip(path, stamp, country.lower(), size, max(map(_modified, infos)))


def _modified(info: dict[str, Any]) -> str:
    keys = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
    return next((str(info[key]) for key in keys if info.get(key) is not None), "")


@contextmanager
def open_members(root: str, zip_: FeedZip, limits: Limits | None = None) -> Iterator[list[Member]]:
    """Open a feed zip and list its members, without unpacking them to disk.

    Parameters
    ----------
    root : str
        The feed's root, as given to `find_feed`.
    zip_ : FeedZip
        The feed zip to open.
    limits : Limits, optional
        Limits on the unpacked size of each member of a zip; by default those of `Limits`.

    Yields
    ------
    list of Member
        The members in the order of their names. Their streams can be read only inside the context.

    Raises
    ------
    zipfile.BadZipFile
        If the zip's directory cannot be read.
    OSError
        If the file itself cannot be read.
    """
    folder = Folder(root)
    if zip_.is_folder:
        yield _folder_members(folder, zip_.path)
        return
    with (
        folder.fs.open(folder.join(zip_.path), "rb") as raw,
        open_archive(raw, limits or Limits()) as members,
    ):
        yield members


def _folder_members(folder: Folder, path: str) -> list[Member]:
    return [
        _file_member(folder, name, info)
        for name, info in folder.find(path).items()
        if _UNZIPPED.fullmatch(name) and _is_utf8(name) and not is_of_finder(name)
    ]


def _file_member(folder: Folder, path: str, info: dict[str, Any]) -> Member:
    full = folder.join(path)
    name = path.rpartition("/")[2]

    def opened(_: int = 0, quick: bool = False) -> IO[bytes]:
        return cast("IO[bytes]", folder.fs.open(full, "rb"))

    size = int(info["size"] or 0)
    return Member(name, size, size, _modified(info), opened)


def fingerprint(members: list[Member]) -> str:
    """Return a digest of a zip's directory (names, sizes, CRCs) that shows whether it changed.

    Parameters
    ----------
    members : list of Member
        All members of a feed zip.

    Returns
    -------
    str
        Hexadecimal digest.
    """
    text = "\n".join(f"{m.name!r} {m.size} {m.check}" for m in members)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
