"""Bundles of small feed zips of one country, whose members are flattened together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from movielake.conversion.planning import Task, look_at
from movielake.fastpath.blocks import STEP, Blocks
from movielake.fastpath.together import FlatMember, Part, flatten_together
from movielake.fastpath.unrecognised import NotRecognised
from movielake.feed.archives import UNREADABLE, Member
from movielake.feed.zips import open_members
from movielake.schema.tables import Table

_SMALL: Final = 1 << 18
"""Most bytes of a feed zip that is converted in a bundle, and of a member flattened in it."""

_MOST: Final = 32
"""Most feed zips in a bundle. Few bundles could not keep many processes busy."""


def bundle(tasks: Sequence[Task]) -> list[list[Task]]:
    """Group small feed zips of one country. Each other feed zip is alone.

    Parameters
    ----------
    tasks : sequence of Task
        The feed zips, the biggest first.

    Returns
    -------
    list of list of Task
        The bundles, in the order of their first feed zips.
    """
    bundles: list[list[Task]] = []
    open_: dict[str, list[Task]] = {}
    for task in tasks:
        zip_ = task.zip_
        if zip_.size > _SMALL or zip_.is_folder or task.strict:
            bundles.append([task])
            continue
        if len(open_.get(zip_.country, ())) in (0, _MOST):
            open_[zip_.country] = []
            bundles.append(open_[zip_.country])
        open_[zip_.country].append(task)
    return bundles


class Key(NamedTuple):
    """What identifies a member's content: its name, and its size and CRC in the directory."""

    name: str
    size: int
    check: str

    @classmethod
    def of(cls, member: Member) -> Key:
        """Return the key of a member."""
        return cls(member.name, member.size, member.check)


class Ready(NamedTuple):
    """A member that was flattened before its feed zip is converted.

    Parameters
    ----------
    table : Table
        Its table.
    contradiction : str
        See `movielake.fastpath.reading.FastMember`.
    xml_bytes : int
        Size of the member.
    flat : FlatMember
        Its records.
    """

    table: Table
    contradiction: str
    xml_bytes: int
    flat: FlatMember


@dataclass
class ReadyZip:
    """The members of a feed zip that were flattened before it is converted.

    Parameters
    ----------
    state : list
        The state of its file before it was read, as from `look_at`.
    members : dict
        The members.
    """

    state: list[tuple[Any, ...]]
    members: dict[Key, Ready] = field(default_factory=dict)


ReadyZips = Mapping[tuple[str, str], ReadyZip]
"""The feed zips that were flattened, by stamp and country."""


class _Piece(NamedTuple):
    """A small member that was read."""

    zip_: ReadyZip
    key: Key
    blocks: Blocks
    part: Part
    xml_bytes: int


def flatten_bundle(tasks: Sequence[Task]) -> ReadyZips:
    """Flatten the small members of several feed zips of one country together.

    A member is left out if anything about it is unusual. The conversion reads it alone, and says
    what is wrong.

    Parameters
    ----------
    tasks : sequence of Task
        The feed zips.

    Returns
    -------
    mapping
        For each feed zip's stamp and country, its members. Without a feed zip that is alone.
    """
    if len(tasks) == 1:
        return {}
    zips: dict[tuple[str, str], ReadyZip] = {}
    groups: dict[tuple[str, bytes], list[_Piece]] = {}
    for task in tasks:
        with suppress(OSError, *UNREADABLE):
            zips[task.zip_.key] = zip_ = ReadyZip(look_at(task))
            for piece in _read_pieces(task, zip_):
                groups.setdefault((piece.blocks.table.name, piece.blocks.root), []).append(piece)
    for (_, root), pieces in groups.items():
        table = pieces[0].blocks.table
        parts = [piece.part for piece in pieces]
        flat = flatten_together(parts, table, root, tasks[0].with_json)
        for piece, member in zip(pieces, flat, strict=True):
            if member:
                ready = Ready(table, piece.blocks.contradiction, piece.xml_bytes, member)
                piece.zip_.members[piece.key] = ready
    return zips


def _read_pieces(task: Task, zip_: ReadyZip) -> Iterator[_Piece]:
    with open_members(task.feed, task.zip_, task.limits) as members:
        for member in members:
            if 0 < member.size <= _SMALL:
                with suppress(NotRecognised, *UNREADABLE):
                    yield _read_piece(task, zip_, member)


def _read_piece(task: Task, zip_: ReadyZip, member: Member) -> _Piece:
    with member.open(STEP, quick=True) as stream:
        blocks = Blocks(stream)
        content = b"".join(map(bytes, blocks))
        size = stream.tell()
    if not content:
        raise NotRecognised("no record")
    part = Part(task.zip_.labels(member.name), content)
    return _Piece(zip_, Key.of(member), blocks, part, size)
