"""Quarantine: the raw bytes of unreadable records, members and zips, and a note on the reason.

For a member with damaged records, the raw bytes of these records are kept, one after the other. A
list has one line for each: its place in the member, its number of bytes, and the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Final

from movielake.feed.archives import UNREADABLE
from movielake.feed.damage import Damage, one_line
from movielake.feed.salvage import Piece
from movielake.feed.zips import FeedZip
from movielake.lake.writers import HashingFile, Workspace, WrittenFile
from movielake.names.layout import distinct, quarantine_folder, safe_name

_BLOCK: Final = 1 << 20


class SetAside:
    """The pieces of one member that are set aside. They are written as they come.

    Parameters
    ----------
    space : Workspace
        The workspace where the files are written first.
    path : str
        Path of the raw bytes in the lake. The list has the same path with ``.records.jsonl``.
    most : int
        Largest number of bytes to keep in each of the two files.

    Attributes
    ----------
    first : Damage or None
        The damage of the first piece.
    records : int
        Number of damaged records.
    """

    def __init__(self, space: Workspace, path: str, most: int) -> None:
        self._space = space
        self.path = path
        self._most = most
        self._sizes = [0, 0]
        self._files: list[HashingFile] = []
        self.first: Damage | None = None
        self.records = 0

    @property
    def paths(self) -> tuple[str, str]:
        """Paths of the raw bytes and of the list."""
        return self.path, f"{self.path}.records.jsonl"

    @property
    def note(self) -> dict[str, str]:
        """A note if not all pieces are kept."""
        is_whole = max(self._sizes) <= self._most
        return {} if is_whole else {"raw_bytes": "only the first ones; see the feed zip"}

    def add(self, piece: Piece) -> None:
        """Write a piece, unless the files are full."""
        if self.first is None:
            self.first = piece.damage
            self._files = [self._space.open(path) for path in self.paths]
        self.records += piece.records
        entry = {"position": piece.position, "bytes": len(piece.raw), "records": piece.records}
        line = json.dumps(entry | vars(piece.damage), ensure_ascii=False) + "\n"
        contents = (piece.raw, line.encode())
        self._sizes = [size + len(new) for size, new in zip(self._sizes, contents, strict=True)]
        if max(self._sizes) <= self._most:
            for file, content in zip(self._files, contents, strict=True):
                file.write(content)

    def close(self) -> tuple[WrittenFile, ...]:
        """Close the files."""
        for file in self._files:
            file.close()
        return tuple(
            file.written(path) for file, path in zip(self._files, self.paths, strict=False)
        )


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
        source: Callable[[], IO[bytes]] | None,
        damage: Damage,
        records: int,
        most: int | None = None,
        aside: SetAside | None = None,
    ) -> tuple[WrittenFile, ...]:
        """Copy the raw bytes of a member, or of the zip itself, into quarantine, with a note.

        Parameters
        ----------
        name : str
            Name of the member, or of the zip if the zip itself cannot be read.
        source : callable or None
            A function that opens the bytes for reading. None if ``aside`` has all of them.
        damage : Damage
            The damage that was found.
        records : int
            Number of its records that are in the lake.
        most : int, optional
            Largest number of bytes to keep. All by default.
        aside : SetAside, optional
            The pieces of the member that are set aside. With a source, its raw bytes take the
            place of theirs.

        Returns
        -------
        tuple of WrittenFile
            The raw bytes, as far as they can be read, and the note.
        """
        path = aside.path if aside else self._path(name)
        note = {"file": self._zip.path, "member": name, **vars(damage), "records_kept": records}
        files: list[WrittenFile] = []
        if aside:
            files += aside.close()
            note |= ({"records_damaged": aside.records} if aside.records else {}) | aside.note
        if source:
            files = files[1:]
            try:
                with source() as stream, self._space.open(path) as raw:
                    note |= _copy(stream, raw, most)
                files.insert(0, raw.written(path))
            except UNREADABLE as error:  # encrypted, or compressed with an unknown method
                note["raw_bytes"] = f"not readable ({one_line(error)}); see the feed zip"
        with self._space.open(f"{path}.note.json") as text:
            text.write((json.dumps(note, ensure_ascii=False, indent=1) + "\n").encode())
        return (*files, text.written(f"{path}.note.json"))

    def begin(self, name: str, most: int) -> SetAside:
        """Begin to set pieces of a member aside."""
        return SetAside(self._space, self._path(name), most)

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
