"""Fuzzing targets: each function checks properties of any bytes, and raises if one does not hold.

- The code raises only exceptions that a command reports in one line.
- The fast path with its fallback reads a member the same as the reference alone.
- Every record of well-formed XML is converted; expat counts them. Of damaged XML, all complete
  records before the damage are converted.
- The raw bytes of damaged XML are in quarantine: those of its damaged records, or all of them.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.parsers import expat

import pyarrow.parquet as pq
import zstandard

from movielake.cli.escaping import printable
from movielake.conversion.members import MemberConverter
from movielake.feed.archives import UNREADABLE, Member, open_archive
from movielake.feed.damage import one_line
from movielake.feed.limits import Limits
from movielake.feed.zips import FeedZip, fingerprint
from movielake.lake.commits import (
    DAMAGED,
    EMPTY,
    OTHER,
    REFUSED,
    Commit,
    MemberCommit,
    describe_damage,
)
from movielake.lake.quarantine import Quarantine
from movielake.lake.writers import HashingFile, Workspace
from movielake.names.layout import Folder
from movielake.staging.copies import stage

ZIP = FeedZip("20191206/movies_deu.zip", "20191206", "deu", 0, "")
LIMITS = Limits(member_size=1_000_000)
RECORDS = {"times": "showtime", "houses": "theater", "movies": "movie"}


class Kept(Workspace):
    """A workspace that keeps its files in memory."""

    def __init__(self) -> None:
        super().__init__(Folder("memory://"))
        self.files: dict[str, io.BytesIO] = {}

    def open(self, path: str) -> HashingFile:
        self.files[path] = _Unclosed()
        return HashingFile(self.files[path])

    def read(self, path: str) -> bytes:
        return self.files[path].getvalue()


class _Unclosed(io.BytesIO):
    def close(self) -> None:
        """Do not close, so that the content stays readable."""


# --- members


def check_member(data: bytes) -> None:
    """Read bytes as the content of a member. Its name does not show its table."""
    member = Member("191206.XML", len(data), len(data), "", lambda _=0, **__: io.BytesIO(data))
    check_converted(member, data)


def check_converted(member: Member, content: bytes | None) -> None:
    """Convert a member by both paths; ``content`` is its content as zipfile reads it, if it can."""
    fast, reference = Kept(), Kept()
    commit = converter(fast).convert(member)
    alone = converter(reference).convert_by_reference(member)
    assert plain(commit) == plain(alone)
    assert fast.files.keys() == reference.files.keys()
    for path in fast.files:
        assert meaning(path, fast.read(path)) == meaning(path, reference.read(path)), path
    assert lines_of(fast, commit) == commit.records
    said = describe_damage(commit_of(commit))
    assert len(said) == commit.is_hurt
    assert all(line.isprintable() for line in map(printable, said))
    if content is not None:
        check_count(commit, content, fast)


def converter(space: Kept) -> MemberConverter:
    return MemberConverter(ZIP, space, True, Quarantine(space, ZIP))


def commit_of(*members: MemberCommit) -> Commit:
    return Commit(**vars(ZIP), fingerprint="", with_json=True, members=members)


def plain(commit: MemberCommit) -> MemberCommit:
    """Remove the fields that can differ: the fallbacks, and the size and checksum of Parquet."""
    return replace(commit, fallbacks=(), parquet=None)


def meaning(path: str, content: bytes) -> Any:
    if path.endswith(".parquet"):
        # Without Arrow's threads: they may still hold the bytes, and wait for the GIL, at exit.
        return pq.ParquetFile(io.BytesIO(content)).read(use_threads=False)
    return content


def lines_of(space: Kept, commit: MemberCommit) -> int:
    if commit.json is None:
        return 0
    with zstandard.ZstdDecompressor().stream_reader(space.read(commit.json.path)) as stream:
        lines = stream.read().decode("utf-8").split("\n")[:-1]
    assert all(isinstance(json.loads(line), dict) for line in lines)
    return len(lines)


def check_count(commit: MemberCommit, content: bytes, space: Kept) -> None:
    """Compare with the count of expat, and check that damaged content is in quarantine."""
    if commit.is_hurt:
        check_quarantine(commit, content, space)
    counted = count_records(content)
    if counted is None or commit.status == OTHER:
        return
    root, records, strays, error = counted
    if error:
        assert commit.status in (DAMAGED, REFUSED, EMPTY), f"{error} is not noticed"
        assert commit.status != DAMAGED or commit.records >= records
    elif root in RECORDS:
        assert commit.records == records, f"{commit.records} of {records} records"
        assert commit.status == (DAMAGED if strays else "complete"), commit.reason
    else:
        assert (commit.status, commit.records) == (REFUSED, 0)


def check_quarantine(commit: MemberCommit, content: bytes, space: Kept) -> None:
    """Check that the raw bytes in quarantine are the content, or the listed pieces of it."""
    raw, *others = (space.read(file.path) for file in commit.quarantine)
    pieces = [json.loads(line) for line in others[0].splitlines()] if len(others) > 1 else []
    cut = [content[piece["position"] :][: piece["bytes"]] for piece in pieces]
    assert raw in (content, b"".join(cut))
    assert sum(piece["records"] for piece in pieces) == commit.damaged_records
    ends = [piece["position"] + piece["bytes"] for piece in pieces]
    assert all(end <= piece["position"] for end, piece in zip(ends, pieces[1:], strict=False))


def count_records(content: bytes) -> tuple[str, int, bool, str] | None:
    """Return the root, its number of records, whether it has other content, and expat's error.

    Return None if the two parsers are not expected to agree: for document types, namespaces,
    nesting deeper than libxml2's limit, versions that are none of XML, and encodings that expat
    does not support.
    """
    if b"xmlns" in content or b"encoding" in content or b"\x00" in content:
        return None
    counter = _Counter()
    parser = expat.ParserCreate()
    for name in ("StartElementHandler", "EndElementHandler", "CharacterDataHandler"):
        setattr(parser, name, getattr(counter, name))
    parser.StartDoctypeDeclHandler = lambda *_: counter.give_up()
    parser.XmlDeclHandler = counter.XmlDeclHandler
    error = ""
    try:
        parser.Parse(content, True)
    except expat.ExpatError as failure:
        error = expat.ErrorString(failure.code)
        if failure.code in ODD_ERRORS:
            return None
    except (LookupError, ValueError):
        return None
    if counter.is_odd:
        return None
    return counter.root, counter.records, counter.strays, error


_CODES = expat.errors.codes
ODD_ERRORS = {
    _CODES[expat.errors.XML_ERROR_UNKNOWN_ENCODING],
    _CODES[expat.errors.XML_ERROR_INCORRECT_ENCODING],
}


class _Counter:
    """Counts the records of a document."""

    def __init__(self) -> None:
        self.root = ""
        self.records = 0
        self.strays = False
        self.is_odd = False
        self._open: list[str] = []

    def give_up(self) -> None:
        self.is_odd = True

    def XmlDeclHandler(self, version: str, *_: object) -> None:
        """Give up if the version is not one of XML. Expat accepts any text."""
        self.is_odd |= not re.fullmatch(r"1\.[0-9]+", version)

    def StartElementHandler(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        self._open.append(name)
        names = [name, *attributes]
        self.is_odd |= len(self._open) > 250 or any(":" in n for n in names)

    def EndElementHandler(self, name: str) -> None:
        self._open.pop()
        if len(self._open) == 1:
            is_record = name == RECORDS.get(self.root)
            self.records += is_record
            self.strays |= not is_record

    def CharacterDataHandler(self, text: str) -> None:
        self.strays |= len(self._open) == 1 and bool(text.strip())


# --- zips


def check_zip(data: bytes) -> None:
    """Read bytes as a feed zip, and compare each member with zipfile's result."""
    try:
        with open_archive(io.BytesIO(data), LIMITS) as members:
            fingerprint(members)
            for member, content in zip(members, contents(data, members), strict=True):
                check_converted(member, content)
    except UNREADABLE as error:
        check_line(error)


def contents(data: bytes, members: list[Member]) -> Iterator[bytes | None]:
    """Yield each member's content by zipfile alone; None if the content is missing or uncertain."""
    names = [member.name for member in members]
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (*UNREADABLE, NotImplementedError, UnicodeDecodeError):
        yield from [None] * len(names)
        return
    with archive:
        for name in names:
            info, content = archive.NameToInfo.get(name), None  # zipfile cuts names at a zero byte
            if info and names.count(name) == 1 and info.file_size < LIMITS.member_size:
                with suppress(*UNREADABLE, OSError, ValueError, RuntimeError):
                    content = exactly(archive, info)
            yield content


def exactly(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    """Read a member if it has its declared size. By itself, zipfile would cut off the surplus."""
    size = info.file_size
    info.file_size += 1
    content = archive.read(info)
    return content if len(content) == size else None


def check_line(error: Exception) -> None:
    """Check that the command line can report the error in one line."""
    assert printable(one_line(error)).isprintable()


# --- tars


def check_tar(data: bytes) -> None:
    """Stage bytes as a pack: it is staged or refused in one line, and writes only to its folder."""
    with tempfile.TemporaryDirectory() as name, quiet():
        top = Path(name, "top")
        top.mkdir()
        tar = top / "lake.tar"
        tar.write_bytes(data)
        try:
            stage(str(tar), str(top / "ssd"), workers=1)
        except (ValueError, OSError) as error:
            check_line(error)
        assert {path.name for path in top.iterdir()} <= {"lake.tar", "ssd"}
        assert [path.name for path in Path(name).iterdir()] == ["top"]


@contextmanager
def quiet() -> Iterator[None]:
    """Do not wait for the disk, because fuzzing writes thousands of lakes."""
    import os

    fsync, os.fsync = os.fsync, lambda _: None
    try:
        yield
    finally:
        os.fsync = fsync


TARGETS: dict[str, Callable[[bytes], None]] = {
    "member": check_member,
    "zip": check_zip,
    "tar": check_tar,
}
