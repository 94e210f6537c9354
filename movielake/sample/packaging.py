"""Feed zips: written beside their place under a temporary name, then renamed."""

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
# Of a zip that is cut, this share of its bytes is left.
_CUT = 0.6
# From here on a member may pass 2 GiB, which zipfile must know beforehand.
_LARGE = 20_000


@dataclass(frozen=True, slots=True)
class ZipCounts:
    """What was written into one feed zip."""

    members: int
    records: int
    screenings: int
    xml_bytes: int
    zip_bytes: int
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedFolder:
    """The folder, local or not, that a feed is written to."""

    fs: Any
    path: str

    def require_empty(self) -> None:
        """Raise FileExistsError unless the folder is empty or not there yet."""
        if self.fs.exists(self.path) and (
            not self.fs.isdir(self.path) or self.fs.ls(self.path, detail=False)
        ):
            raise FileExistsError(
                f"{self.path} exists and is not an empty folder; "
                "remove it or name another folder for the sample"
            )

    def write(self, edition: Edition, damage: bool = False) -> tuple[str, ZipCounts]:
        """Write the zip of an edition.

        Parameters
        ----------
        edition
            Country and week.
        damage
            Damage it where `quirks.DAMAGE` says so.

        Returns
        -------
        str
            Its path.
        ZipCounts
            What is in it.
        """
        folder = f"{self.path}/{edition.stamp}"
        path = f"{folder}/movies_{edition.country.code}.zip"
        temporary = f"{path}.part"
        self.fs.makedirs(folder, exist_ok=True)
        # A zip is written with seeking, which object stores lack; and so it is the same everywhere.
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as scratch:
            counts = write_edition(scratch, edition, damage)
            scratch.seek(0)
            with self.fs.open(temporary, "wb") as file:
                shutil.copyfileobj(scratch, file)
        self.fs.mv(temporary, path)
        if isinstance(self.fs, LocalFileSystem):
            stamp = datetime(edition.day.year, edition.day.month, edition.day.day, tzinfo=UTC)
            os.utime(path, (stamp.timestamp(), stamp.timestamp()))
        return path, counts


def open_folder(feed: str) -> FeedFolder:
    """Find the folder of a path or URL, without touching it.

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
        Empty, open for writing, seekable.
    edition
        Country and week.
    damage
        Damage it where `quirks.DAMAGE` says so.

    Returns
    -------
    ZipCounts
        Records and screenings are those generated, before any damage.

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
            # Everything in the entry is fixed, so that equal content makes equal bytes.
            info = zipfile.ZipInfo(member.name, (day.year, day.month, day.day, 6, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system, info.external_attr = _UNIX, 0o644 << 16
            with archive.open(info, "w", force_zip64=large) as entry:
                for block in member.blocks:
                    entry.write(block)
        infos = archive.infolist()
        if wrong:
            # The checksum that counts is the one in the zip's directory, written on closing.
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
