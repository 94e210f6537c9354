"""Packs: the format of a lake in one plain tar file, and the position of each member in it.

The order of the members is fixed: lake.json, manifest.parquet, the commits, the data files in the
order of the commits, by stamp and country, and finally datapackage.json. A compact lake has no
commits, so the index has the path and size of each data file instead. A pack begins with a
global pax header, which every tar program skips. The comment of this header is the index. It has
the size and CRC-32 of each member before the data, and the position of the data of each commit. A
commit lists the sizes of its files, so a reader finds a selection without reading the rest.
Members that are added to a pack later do not belong to it. A tar without an index, made by ``tar
cf`` or ``tar --delete``, is read from header to header instead.
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
_TIME: Final = 315532800  # 1980-01-01: fixed, and late enough for tar not to warn

Pair = tuple[str, str]
"""Date stamp and country of a commit."""


class DamagedPackError(ValueError):
    """Raised if a pack is damaged or has members that are not safe to unpack."""


class Span(NamedTuple):
    """The position of the content of a member in the tar, and its CRC-32 if the index has it."""

    offset: int
    size: int
    crc: int | None = None


class Index(NamedTuple):
    """The spans of the members before the data, and the position of the data of each commit."""

    spans: dict[str, Span]
    data: dict[Pair, int]


def files_of(commit: Commit) -> tuple[WrittenFile, ...]:
    """List all files of a commit, in the order of a pack."""
    return tuple(file for member in commit.members for file in member.files)


def member_header(path: str, size: int) -> bytes:
    """Return the header of a member. The same path and size always give the same header."""
    info = tarfile.TarInfo(path)
    info.size, info.mtime, info.mode = size, _TIME, 0o644
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size: int, unit: int = tarfile.BLOCKSIZE) -> int:
    """Return the number of zeros that fill a size up to whole units."""
    return -size % unit


def end_padding(end: int) -> int:
    """Return the number of zeros from the end of the last member to the end of the tar."""
    mark = 2 * tarfile.BLOCKSIZE
    return mark + padding(end + mark, tarfile.RECORDSIZE)


def is_pack(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a pack.

    Parameters
    ----------
    head : bytes
        At least the first kilobyte of the file.

    Returns
    -------
    bool

    Examples
    --------
    >>> from movielake.staging.packs import index_header, is_pack
    >>> is_pack(index_header(b"{}", b"PAR1", {})), is_pack(b"PK")
    (True, False)
    """
    return f" comment={_MARK}".encode() in head


def index_header(
    lake_json: bytes,
    manifest: bytes,
    commits: Mapping[Pair, tuple[bytes, Commit]],
    files: Iterable[WrittenFile] = (),
) -> bytes:
    """Return the first header of a pack, which contains the index.

    Parameters
    ----------
    lake_json, manifest : bytes
        Contents of the first two members.
    commits : mapping of Pair to (bytes, Commit)
        The commits in order, each as JSON text and as a `Commit`. A compact lake has none.
    files : iterable of WrittenFile, optional
        The data files of a compact lake, in order.

    Returns
    -------
    bytes
        A global pax header.

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
        "files": [[file.path, file.bytes] for file in files],
    }
    text = json.dumps(index, separators=(",", ":"))
    comment = f"{_MARK}{zlib.crc32(text.encode()):08x} {text}"
    return tarfile.TarInfo.create_pax_global_header({"comment": comment})


def index_size(block: bytes) -> int:
    """Return the length of the global pax header, from the first 512 bytes of a tar. 0 if none."""
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except (tarfile.HeaderError, ValueError):
        return 0
    if info.type != tarfile.XGLTYPE or info.size < 0:
        return 0
    return tarfile.BLOCKSIZE + info.size + padding(info.size)


def read_index(header: bytes) -> Index | None:
    """Read the index of a pack.

    Parameters
    ----------
    header : bytes
        The global pax header, with the length from `index_size`.

    Returns
    -------
    Index or None
        None if the header has no index, or one of another version.

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
            raise ValueError("wrong checksum")
        index = json.loads(text)
        sizes = [(LAKE_FILE, *index["lake"]), (MANIFEST_TABLE, *index["manifest"])]
        sizes += [(commit_path(stamp, ccc), *row[:2]) for stamp, ccc, *row in index["commits"]]
        data = {(stamp, ccc): len(header) + int(at) for stamp, ccc, *_, at in index["commits"]}
        spans, end = place(len(header), [(path, int(size), int(crc)) for path, size, crc in sizes])
        spans |= place(end, [(str(path), int(size)) for path, size in index["files"]])[0]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise DamagedPackError("the index of the pack is damaged; pack the lake again") from None
    return Index(spans, data)


def place(
    start: int, members: Iterable[tuple[str, int] | tuple[str, int, int]]
) -> tuple[dict[str, Span], int]:
    """Compute the positions of members.

    Parameters
    ----------
    start : int
        Position of the header of the first member.
    members : iterable of tuple
        Path and size of each member, in order, and its CRC-32 if it is known.

    Returns
    -------
    dict of str to Span
        The span of each member, by path.
    int
        The end of the last member.
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
    """Find the lake in a tar by reading it from header to header.

    Parameters
    ----------
    file : binary file
        The opened tar.
    url : str
        Name of the tar in error messages.

    Returns
    -------
    dict of str to Span
        The spans by path relative to the lake, which may be in a folder of the tar.

    Raises
    ------
    ValueError
        If the file is not a tar.
    DamagedPackError
        If a member does not belong in a lake and is not safe to unpack.
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
    """Return why a pack must not have a member. The text is empty if the member is allowed."""
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
