"""The feed: where its zips lie, what members they have, and their bytes as streams.

Nothing here knows XML or the lake. What travels to a worker is a `FeedZip`: a path, never bytes.
"""

from __future__ import annotations

import hashlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final

from movielake.layout import Folder, Selection, is_date_stamp

UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # a compression or zip version that zipfile does not know
    RuntimeError,  # an encrypted member
    UnicodeDecodeError,  # a member name that is not in its declared encoding
)
"""What reading a damaged or unsupported zip raises."""

_ZIP = re.compile(r"(?:^|/)(?:(\d{8})|(\d{4})/(\d{2})/(\d{2}))/movies_([a-z]{3})\.zip$", re.I)
_UNZIPPED = re.compile(r"^(?:.*/)?(\d{8})/([a-z]{3})/[^/]+\.xml$", re.I)


@dataclass(frozen=True)
class FeedZip:
    """One snapshot of one country: a feed zip, or a folder with the members of one.

    Parameters
    ----------
    path : str
        Relative to the feed's root.
    date_stamp, country : str
        What its place in the feed says, e.g. ``20191206`` and ``can``.
    size : int
        Bytes, as stored.
    modified : str
        Modification time or etag, as the file system tells it.
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

    @property
    def is_folder(self) -> bool:
        """Whether the members lie unzipped in a folder."""
        return not self.path.lower().endswith(".zip")


@dataclass(frozen=True)
class Feed:
    """What was found below a feed's root.

    Parameters
    ----------
    zips : tuple of FeedZip
        In the order of stamp and country, one for each pair.
    refused : tuple of str
        Feed zips that are left out because another one has the same stamp and country.
    others : tuple of str
        Whatever else lies there; never silently passed over.
    """

    zips: tuple[FeedZip, ...]
    refused: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """One file of a feed zip.

    Parameters
    ----------
    name : str
        Its name in the zip; never used as a path.
    size : int
        Bytes when unpacked, as the zip's directory says.
    check : str
        CRC of the content, or for an unzipped file its modification time.
    open : callable
        Opens a stream of the content.
    """

    name: str
    size: int
    check: str
    open: Callable[[], IO[bytes]] = field(compare=False)


def find_feed(root: str, selection: Selection | None = None) -> Feed:
    """Find the feed zips below a folder, in the three layouts that occur.

    Parameters
    ----------
    root : str
        Path or URL. Below it, at any depth: ``STAMP/movies_CCC.zip``,
        ``YYYY/MM/DD/movies_CCC.zip`` or ``STAMP/CCC/*.XML``.
    selection : Selection, optional
        Stamps and countries that are meant; the others do not appear at all.

    Returns
    -------
    Feed

    Raises
    ------
    FileNotFoundError
        If the folder is not there.
    """
    folder = Folder(root)
    if not folder.fs.isdir(folder.path):
        raise FileNotFoundError(
            f"expected a folder with DATE_STAMP/movies_CCC.zip, found no folder at {root}"
        )
    candidates, others = _classify(folder.find())
    chosen: dict[tuple[str, str], FeedZip] = {}
    refused = []
    for zip_ in sorted(candidates, key=lambda z: (z.is_folder, z.path)):
        if selection and not selection.matches(zip_.date_stamp, zip_.country):
            continue
        first = chosen.setdefault(zip_.key, zip_)
        if first is not zip_:
            both = "/".join(zip_.key)
            refused.append(f"{zip_.path}: {first.path} is for {both} too; keep one of them")
    return Feed(tuple(chosen[key] for key in sorted(chosen)), tuple(refused), tuple(others))


def _classify(files: dict[str, dict[str, Any]]) -> tuple[list[FeedZip], list[str]]:
    zips: list[FeedZip] = []
    folders: dict[str, list[dict[str, Any]]] = {}
    others: list[str] = []
    for path, info in files.items():
        packed, unpacked = _ZIP.search(path), _UNZIPPED.match(path)
        if packed and is_date_stamp(stamp := "".join(p for p in packed.groups()[:4] if p)):
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
def open_members(root: str, zip_: FeedZip) -> Iterator[list[Member]]:
    """Open a feed zip and list its members, without unpacking anything to disk.

    Parameters
    ----------
    root : str
        The feed's root, as given to `find_feed`.
    zip_ : FeedZip
        What to open.

    Yields
    ------
    list of Member
        In the order of their names. Their streams live as long as the context.

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
    with folder.fs.open(folder.join(zip_.path), "rb") as raw, zipfile.ZipFile(raw) as archive:
        infos = sorted(archive.infolist(), key=lambda info: (info.filename, info.header_offset))
        yield [_zip_member(archive, info) for info in infos if not info.is_dir()]


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    # By its ZipInfo, not its name: two members may have the same name.
    return Member(info.filename, info.file_size, f"{info.CRC:08x}", lambda: archive.open(info))


def _folder_members(folder: Folder, path: str) -> list[Member]:
    return [
        _file_member(folder, name, info)
        for name, info in folder.find(path).items()
        if _UNZIPPED.match(name)
    ]


def _file_member(folder: Folder, path: str, info: dict[str, Any]) -> Member:
    full = folder.join(path)
    name = path.rpartition("/")[2]
    return Member(name, int(info["size"] or 0), _modified(info), lambda: folder.fs.open(full, "rb"))


def fingerprint(members: list[Member]) -> str:
    """Condense a zip's directory (names, sizes, CRCs), to see whether its content changed.

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
