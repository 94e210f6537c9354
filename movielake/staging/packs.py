"""Packs: the format of a lake in one ordinary tar, and where in it each member is.

The order of the members is fixed: lake.json, manifest.parquet, the commits, then the data files as
the commits list them, by stamp and country, and at the end datapackage.json. A pack begins with a
global pax header, which every tar passes over; its comment is the index: size and CRC-32 of each
member before the data, and where each commit's data begin. A commit knows the sizes of its files,
so a selection is found and read by itself. What is added to a pack later is not part of it. A tar
without the index, made by ``tar cf`` or ``tar --delete``, is looked through from header to header
instead.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Final, NamedTuple

from movielake.lake.commits import Commit
from movielake.lake.writers import WrittenFile
from movielake.names.layout import LAKE_FILE, MANIFEST_TABLE, commit_path

_MARK: Final = "movielake-pack 1 "
_TIME: Final = 315532800  # 1980-01-01: the same in every pack, and not so old that tar warns

Pair = tuple[str, str]
"""Date stamp and country of a commit."""


class DamagedPackError(ValueError):
    """Raised by a pack that is damaged, or has members that may do harm where it is unpacked."""


class Span(NamedTuple):
    """Where a member's content is in the tar, and its CRC-32 if the index has it."""

    offset: int
    size: int
    crc: int | None = None


class Index(NamedTuple):
    """Where the members before the data are, and where each commit's data begin."""

    spans: dict[str, Span]
    data: dict[Pair, int]


def files_of(commit: Commit) -> tuple[WrittenFile, ...]:
    """List all files of a commit, in the order of a pack."""
    return tuple(file for member in commit.members for file in member.files)


def member_header(path: str, size: int) -> bytes:
    """Return what stands before a member of a pack: the same for the same path and size."""
    info = tarfile.TarInfo(path)
    info.size, info.mtime, info.mode = size, _TIME, 0o644
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size: int, unit: int = tarfile.BLOCKSIZE) -> int:
    """Count the zeros that fill a size up to whole units."""
    return -size % unit


def end_padding(end: int) -> int:
    """Count the zeros from the end of the last member to the end of the tar."""
    mark = 2 * tarfile.BLOCKSIZE
    return mark + padding(end + mark, tarfile.RECORDSIZE)


def index_header(
    lake_json: bytes, manifest: bytes, commits: Mapping[Pair, tuple[bytes, Commit]]
) -> bytes:
    """Return what a pack begins with.

    Parameters
    ----------
    lake_json, manifest : bytes
        Contents of the two first members.
    commits : mapping of Pair to (bytes, Commit)
        The commits in order, as they are written and read.

    Returns
    -------
    bytes

    Examples
    --------
    >>> from movielake.staging.packs import index_header, read_index
    >>> read_index(index_header(b"{}", b"PAR1", {})).spans["lake.json"]
    Span(offset=1536, size=2, crc=2745614147)
    """
    members = {LAKE_FILE: lake_json, MANIFEST_TABLE: manifest}
    members |= {commit_path(*pair): content for pair, (content, _) in commits.items()}
    _, offset = place(0, [(path, len(content)) for path, content in members.items()])
    rows = []
    for (stamp, country), (content, commit) in commits.items():
        rows.append([stamp, country, len(content), zlib.crc32(content), offset])
        _, offset = place(offset, [(file.path, file.bytes) for file in files_of(commit)])
    index = {
        "lake": [len(lake_json), zlib.crc32(lake_json)],
        "manifest": [len(manifest), zlib.crc32(manifest)],
        "commits": rows,
    }
    text = json.dumps(index, separators=(",", ":"))
    comment = f"{_MARK}{zlib.crc32(text.encode()):08x} {text}"
    return tarfile.TarInfo.create_pax_global_header({"comment": comment})


def index_size(block: bytes) -> int:
    """Tell from the first 512 bytes of a tar how long its global pax header is; 0 if none."""
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except (tarfile.HeaderError, ValueError):
        return 0
    if info.type != tarfile.XGLTYPE or info.size < 0:
        return 0
    return tarfile.BLOCKSIZE + info.size + padding(info.size)


def read_index(header: bytes) -> Index | None:
    """Read the index.

    Parameters
    ----------
    header : bytes
        The global pax header, as long as `index_size` says.

    Returns
    -------
    Index or None
        None if it has no index that this version knows.

    Raises
    ------
    DamagedPackError
        If the index is damaged.
    """
    _, mark, rest = header[tarfile.BLOCKSIZE :].partition(f" comment={_MARK}".encode())
    if not mark:
        return None
    checksum, _, text = rest.rstrip(b"\n\0").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            raise ValueError("another checksum")
        index = json.loads(text)
        sizes = [(LAKE_FILE, *index["lake"]), (MANIFEST_TABLE, *index["manifest"])]
        sizes += [(commit_path(stamp, ccc), *row[:2]) for stamp, ccc, *row in index["commits"]]
        data = {(stamp, ccc): len(header) + int(at) for stamp, ccc, *_, at in index["commits"]}
        spans, _ = place(len(header), [(path, int(size), int(crc)) for path, size, crc in sizes])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise DamagedPackError("the pack's index is damaged; pack the lake anew") from None
    return Index(spans, data)


def place(
    start: int, members: Iterable[tuple[str, int] | tuple[str, int, int]]
) -> tuple[dict[str, Span], int]:
    """Reckon where members are.

    Parameters
    ----------
    start : int
        Where the first one's header is.
    members : iterable of tuple
        Path and size of each, in order, and its CRC-32 if that is known.

    Returns
    -------
    dict of str to Span
        Where the content of each is.
    int
        Where the last one ends.
    """
    spans, offset = {}, start
    for path, size, *crc in members:
        offset += _header_size(path, size)
        spans[path] = Span(offset, size, *crc)
        offset += size + padding(size)
    return spans, offset


def _header_size(path: str, size: int) -> int:
    plain = len(path) <= tarfile.LENGTH_NAME and path.isascii() and size < 8**11
    return tarfile.BLOCKSIZE if plain else len(member_header(path, size))


def scan(file: IO[bytes], url: str) -> dict[str, Span]:
    """Look through a tar, from header to header, for the lake in it.

    Parameters
    ----------
    file : binary file
        The tar.
    url : str
        What to call it in an error.

    Returns
    -------
    dict of str to Span
        By path relative to the lake; the lake may be in a folder of the tar.

    Raises
    ------
    ValueError
        If it is no tar.
    DamagedPackError
        If it holds what no lake holds and may do harm where it is unpacked.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            members = tar.getmembers()
    except (tarfile.TarError, ValueError, OverflowError, MemoryError, EOFError) as error:
        raise ValueError(
            f"expected a lake or a pack (an uncompressed tar of one), found neither at {url}: "
            f"{error}"
        ) from None
    for member in members:
        if reason := _refusal(member):
            raise DamagedPackError(f"{url}: refused: its member {member.name!r} {reason}")
    return _below_lake(_spans(members, url))


def _spans(members: Sequence[tarfile.TarInfo], url: str) -> dict[str, Span]:
    files = [(m.name.removeprefix("./"), m) for m in members if m.isreg()]
    name, times = Counter(name for name, _ in files).most_common(1)[0] if files else ("", 0)
    if times > 1:
        raise DamagedPackError(f"{url}: refused: it has the member {name!r} {times} times")
    return {name: Span(member.offset_data, member.size) for name, member in files}


def _below_lake(spans: dict[str, Span]) -> dict[str, Span]:
    tops = [name for name in spans if f"/{name}".endswith(f"/{LAKE_FILE}")]
    top = min(tops, key=len, default="").removesuffix(LAKE_FILE)
    return {name[len(top) :]: span for name, span in spans.items() if name.startswith(top)}


def _refusal(member: tarfile.TarInfo) -> str:
    """Say why a member has no place in a pack; empty if it has."""
    if not (member.isreg() or member.isdir()) or member.issparse():
        return "is neither a plain file nor a folder"
    if not member.name.isprintable():
        return "has control characters in its name"
    try:
        kept = tarfile.data_filter(member, "lake").name
    except tarfile.FilterError as error:
        return f"is not safe to unpack ({error})"
    if kept != member.name or ".." in member.name.split("/"):
        return "leads out of the folder it is unpacked to"
    return ""
