"""Feed zips: written under a temporary name in their folder, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any

import fsspec.core
from fsspec.implementations.local import LocalFileSystem

from movielake.sample.edition import Edition, Tally
from movielake.sample.members import Member, plan_members
from movielake.sample.quirks import happens

_UNIX = 3
_SPOOLED = 32 << 20
# The share of its bytes that a cut zip keeps.
_CUT = 0.6
# With more theaters, a member can exceed 2 GiB. zipfile needs this information in advance.
_LARGE = 20_000


@dataclass(frozen=True, slots=True)
class ZipCounts:
    """Counts of the content of one feed zip."""

    members: int
    records: int
    screenings: int
    xml_bytes: int
    zip_bytes: int
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedFolder:
    """The folder of a feed that is written, on any file system."""

    fs: Any
    path: str

    def require_empty(self) -> None:
        """Raise FileExistsError unless the folder is empty or missing."""
        if self.fs.exists(self.path) and (not self.fs.isdir(self.path) or self._content()):
            raise FileExistsError(
                f"expected an empty or missing folder, found {self.path}, which is not an empty "
                "folder; remove it or name another folder for the sample"
            )

    @property
    def _has_folders(self) -> bool:
        """Whether the file system has folders. Paths in an object store start with a bucket."""
        return self.path.startswith("/")

    def _content(self) -> list[str]:
        if self._has_folders:
            return list(self.fs.ls(self.path, detail=False))
        # A name that ends in a slash is a folder that a console has made.
        return [path for path in self.fs.find(self.path) if not path.endswith("/")]

    def write(self, edition: Edition, damage: bool = False) -> tuple[str, ZipCounts]:
        """Write the zip of an edition.

        Parameters
        ----------
        edition
            Country and week.
        damage
            Whether to damage the zip if `quirks.DAMAGE` lists it.

        Returns
        -------
        str
            The path of the zip.
        ZipCounts
            Counts of its content.

        Raises
        ------
        FileNotFoundError
            If the folder is in a bucket that does not exist. The bucket is not created.
        """
        folder = f"{self.path}/{edition.stamp}"
        path = f"{folder}/movies_{edition.country.code}.zip"
        temporary = f"{path}.part"
        if self._has_folders:
            self.fs.makedirs(folder, exist_ok=True)
        # Object stores cannot seek, so the zip is first written to a scratch file. Its bytes are
        # then the same on every file system.
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as scratch:
            counts = write_edition(scratch, edition, damage)
            scratch.seek(0)
            self._copy(scratch, temporary)
        self.fs.mv(temporary, path)
        if isinstance(self.fs, LocalFileSystem):
            stamp = datetime(edition.day.year, edition.day.month, edition.day.day, tzinfo=UTC)
            os.utime(path, (stamp.timestamp(), stamp.timestamp()))
        return path, counts

    def _copy(self, scratch: IO[bytes], path: str) -> None:
        try:
            with self.fs.open(path, "wb") as file:
                shutil.copyfileobj(scratch, file)
        except Exception as error:
            # For a missing container, Azure's library raises errors of its own.
            is_missing = isinstance(error, FileNotFoundError) or "ContainerNotFound" in str(error)
            if self._has_folders or not is_missing:
                raise
            raise FileNotFoundError(
                f"expected an existing bucket for {self.fs.unstrip_protocol(self.path)}, found "
                "none; correct its name, or create it first"
            ) from error


def open_folder(feed: str) -> FeedFolder:
    """Return the folder of a path or URL, without access to the file system.

    Parameters
    ----------
    feed
        Local path or fsspec URL.

    Returns
    -------
    FeedFolder

    Examples
    --------
    >>> open_folder("memory://feed").path
    '/feed'
    """
    fs, path = fsspec.core.url_to_fs(feed)
    return FeedFolder(fs, path.rstrip("/"))


def write_edition(file: IO[bytes], edition: Edition, damage: bool = False) -> ZipCounts:
    """Write the zip of an edition into a file.

    Parameters
    ----------
    file
        An empty, seekable file that is open for writing.
    edition
        Country and week.
    damage
        Whether to damage the zip if `quirks.DAMAGE` lists it.

    Returns
    -------
    ZipCounts
        The counts of records and screenings are from before the damage.

    Examples
    --------
    >>> import io
    >>> from movielake.sample.edition import make_edition
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> edition = make_edition(Catalogue(0, 0.02), countries()["chn"], 0)
    >>> write_edition(io.BytesIO(), edition).members
    1
    """
    tally = Tally()
    members = plan_members(edition, tally, damage)
    code, week = edition.country.code, edition.week
    wrong = damage and happens("wrong_checksum", code, week)
    infos = _write_members(file, members, edition.day, edition.theaters > _LARGE, wrong)
    if damage and happens("cut_zip", code, week):
        file.truncate(int(file.seek(0, os.SEEK_END) * _CUT))
    return ZipCounts(
        members=len(infos),
        records=tally.records,
        screenings=tally.screenings,
        xml_bytes=sum(i.file_size for i in infos if i.filename.lower().endswith(".xml")),
        zip_bytes=file.seek(0, os.SEEK_END),
        damaged=_damaged(edition, infos) if damage else (),
    )


def _write_members(
    file: IO[bytes], members: Iterable[Member], day: date, large: bool, wrong: bool
) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(file, "w") as archive:
        for member in members:
            # All properties of the entry are fixed, so that equal content gives equal bytes.
            info = zipfile.ZipInfo(member.name, (day.year, day.month, day.day, 6, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system, info.external_attr = _UNIX, 0o644 << 16
            with archive.open(info, "w", force_zip64=large) as entry:
                for block in member.blocks:
                    entry.write(block)
        infos = archive.infolist()
        if wrong:
            # Readers use the checksum in the zip's directory, which is written on closing.
            infos[-1].CRC ^= 0xFFFF
    return infos


def _damaged(edition: Edition, infos: list[zipfile.ZipInfo]) -> tuple[str, ...]:
    code, week = edition.country.code, edition.week
    path = f"{edition.stamp}/movies_{code}.zip"
    if happens("cut_zip", code, week):
        return (path,)
    kinds = ("truncated_member", "malformed_member", "wrong_checksum")
    if any(happens(kind, code, week) for kind in kinds):
        return (f"{path}/{infos[-1].filename}",)
    return ()
