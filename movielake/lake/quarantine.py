"""Quarantine: the raw bytes of unreadable members and zips, each with a note on the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Final

from movielake.feed.archives import UNREADABLE
from movielake.feed.damage import Damage, one_line
from movielake.feed.zips import FeedZip
from movielake.lake.writers import HashingFile, Workspace, WrittenFile
from movielake.names.layout import distinct, quarantine_folder, safe_name

_BLOCK: Final = 1 << 20


class Quarantine:
    """The place for the unreadable parts of one feed zip.

    Parameters
    ----------
    space : Workspace
        The workspace where the files are written first.
    zip_ : FeedZip
        The feed zip.
    """

    def __init__(self, space: Workspace, zip_: FeedZip) -> None:
        self._space = space
        self._zip = zip_
        self._taken: set[str] = set()

    def add(
        self,
        name: str,
        source: Callable[[], IO[bytes]],
        damage: Damage,
        records: int,
        most: int | None = None,
    ) -> tuple[WrittenFile, ...]:
        """Copy the raw bytes of a member, or of the zip itself, into quarantine.

        Parameters
        ----------
        name : str
            Name of the member, or of the zip if the zip itself cannot be read.
        source : callable
            A function that opens the bytes for reading.
        damage : Damage
            The damage that was found.
        records : int
            Number of its records that are in the lake.
        most : int, optional
            Largest number of bytes to keep. All by default.

        Returns
        -------
        tuple of WrittenFile
            The raw bytes, as far as they can be read, and the note.
        """
        path = self._path(name)
        note = {"file": self._zip.path, "member": name, **vars(damage), "records_kept": records}
        files = []
        try:
            with source() as stream, self._space.open(path) as raw:
                note |= _copy(stream, raw, most)
            files.append(raw.written(path))
        except UNREADABLE as error:  # encrypted, or compressed with a method unknown to zipfile
            note["raw_bytes"] = f"not readable ({one_line(error)}); see the feed zip"
        with self._space.open(f"{path}.note.json") as text:
            text.write((json.dumps(note, ensure_ascii=False, indent=1) + "\n").encode())
        return (*files, text.written(f"{path}.note.json"))

    def _path(self, name: str) -> str:
        stem, dot, ending = safe_name(name).lstrip("._").rpartition(".")
        free = distinct(stem or ending or "_", self._taken) + (dot + ending if stem else "")
        return f"{quarantine_folder(self._zip.date_stamp, self._zip.country)}/{free}"


def _copy(stream: IO[bytes], raw: HashingFile, most: int | None) -> dict[str, str]:
    """Copy all readable bytes. Return a note if the copy is not complete."""
    copied = 0
    try:
        while block := stream.read(_BLOCK):
            raw.write(block if most is None else block[: most - copied])
            copied += len(block)
            if most is not None and copied > most:
                return {"raw_bytes": f"only the first {most:,} bytes; see the feed zip"}
    except UNREADABLE as error:
        return {"raw_bytes": f"readable to byte {copied} ({one_line(error)}); see the feed zip"}
    return {}
