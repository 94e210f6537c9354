"""Forms of zips, each with its result. `test_forms_zips` converts them all.

The zips are written byte by byte here, because zipfile does not write most of them.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from tests.feeds import houses, movies, showing, times, with_headers, zipped

TITLE = "Zips"

APPNOTE = "APPNOTE.TXT 6.3.10 (PKWARE), section {}"
ISSUE = "movielake"
DIRECTORY = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
READ = "read"
KEPT = "read, the other file is listed as left out"
COPY = "copy the file again from its source"
AGAIN = "unpack it, and pack its files as a zip"

WEEK = {
    "191206I.XML": movies("Up"),
    "191206S.XML": times(showing()),
    "191206T.XML": houses("Astra"),
}
PLAIN = zipped(WEEK)
STRANGER = b"xyz.txt"
APPLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "


@dataclass(frozen=True)
class Form:
    """One form of a zip: what it is, its bytes, the result, and the source of the form."""

    what: str
    content: bytes
    result: str
    source: str
    records: int = 3


def split(packed: bytes) -> tuple[bytes, bytes]:
    """Split a zip before its directory."""
    at = packed.index(b"PK\x01\x02")
    return packed[:at], packed[at:]


def in_directory(packed: bytes, old: bytes, new: bytes) -> bytes:
    """Replace bytes of the same length, in the directory only."""
    members, directory = split(packed)
    return members + directory.replace(old, new)


def in_headers(packed: bytes, old: bytes, new: bytes) -> bytes:
    """Replace bytes of the same length, in the headers before the members only."""
    members, directory = split(packed)
    return members.replace(old, new) + directory


def folder(name: str = "out") -> bytes:
    return zipped({f"{name}/{member}": content for member, content in WEEK.items()})


def rewritten(
    packed: bytes, name: Callable[[bytes], bytes], extra: bytes = b"", size: int | None = None
) -> bytes:
    """Write the directory again with other names, an extra field, and another size."""
    members, directory = split(packed)
    entries, place = b"", 0
    while directory[place : place + 4] == b"PK\x01\x02":
        fields = list(DIRECTORY.unpack_from(directory, place))
        place += DIRECTORY.size
        new = name(directory[place : place + fields[10]])
        place += sum(fields[10:13])
        fields[9] = fields[9] if size is None else size
        fields[10:13] = len(new), len(extra), 0
        entries += DIRECTORY.pack(*fields) + new + extra
    end = list(END.unpack_from(directory, place))
    end[5] = len(entries)
    return members + entries + END.pack(*end)


def beyond(offset: int) -> bytes:
    """State an offset of the last member that only a zip64 field can hold."""
    members, directory = split(PLAIN)
    place = directory.rindex(b"PK\x01\x02")
    fields = list(DIRECTORY.unpack_from(directory, place))
    name = directory[place + DIRECTORY.size :][: fields[10]]
    extra = struct.pack("<2HQ", 1, 8, offset)
    fields[11], fields[-1] = len(extra), 0xFFFFFFFF
    end = list(END.unpack_from(directory, len(directory) - END.size))
    entries = directory[:place] + DIRECTORY.pack(*fields) + name + extra
    end[5] = len(entries)
    return members + entries + END.pack(*end)


def flagged(packed: bytes, signature: bytes, place: int) -> bytes:
    """Flip the UTF-8 flag of the first header with this signature."""
    changed = bytearray(packed)
    changed[packed.index(signature) + place + 1] ^= 0x08
    return bytes(changed)


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in WEEK.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()))
    return packed.getvalue()


def wrong_header() -> bytes:
    return b"PK\x03\x05" + PLAIN[4:]


def method(number: int) -> bytes:
    return with_headers(PLAIN, method=number)


def refused(name: str, number: int) -> str:
    return (
        f"191206I.XML: refused: it is packed with {name} (compression method {number}), which is "
        "not supported; unpack the zip, and pack its files again with Deflate, the usual method"
    )


def other(content: bytes, found: str, advice: str = AGAIN) -> tuple[bytes, str]:
    return content, f"damaged: expected a zip, found {found}; {advice}"


def inner(name: str, found: str) -> str:
    return f"{name}: refused: expected XML, found {found}; pack its files into the feed zip itself"


PASSWORD = "unpack the zip with its password, and pack its files again without one"
UMLAUT = zipped({f"Zürich/{name}": content for name, content in WEEK.items()})
TWO_FILES = zipped({"xyz.txt": "hello", **WEEK})
CUT = (
    "damaged: the zip is cut off after {} bytes: its directory, which is at its end, is missing; "
    + COPY
)
ZIP64 = struct.pack("<2HQ", 1, 8, 2**63)
FALSE_ZIP64 = struct.pack("<2HL", 1, 500, 7)

FORMS = [
    Form("Deflate", PLAIN, READ, APPNOTE.format("4.4.5")),
    Form("stored", zipped(WEEK, zipfile.ZIP_STORED), READ, APPNOTE.format("4.4.5")),
    Form("bzip2", zipped(WEEK, zipfile.ZIP_BZIP2), READ, APPNOTE.format("4.4.5")),
    Form("LZMA", zipped(WEEK, zipfile.ZIP_LZMA), READ, APPNOTE.format("4.4.5")),
    Form("a program before the zip", b"#!/bin/sh\n" + PLAIN, READ, APPNOTE.format("4.1.9")),
    Form("a comment at the end", PLAIN[:-2] + b"\5\0hello", READ, APPNOTE.format("4.4.26")),
    Form("bytes after the end", PLAIN + bytes(99), READ, ISSUE),
    Form(
        "a backslash in the directory only",
        in_directory(folder(), b"out/", b"out\\"),
        READ,
        "log2timeline/plaso, issue 943",
    ),
    Form("a backslash in the headers only", in_headers(folder(), b"out/", b"out\\"), READ, ISSUE),
    Form(
        "backslashes in both",
        folder().replace(b"out/", b"out\\"),
        READ,
        "codeclysm/extract, pull request 5",
    ),
    Form(
        "a name in another case in the directory",
        in_directory(PLAIN, b"191206S.XML", b"191206s.xml"),
        READ,
        "webrecorder/py-wacz, issue 18, the other way round",
    ),
    Form(
        "a folder in the directory only",
        rewritten(PLAIN, lambda name: b"out/" + name),
        READ,
        "wmgeolab/geoBoundaries, issue 1, the other way round",
    ),
    Form(
        "a folder in the headers only",
        rewritten(folder(), lambda name: name.removeprefix(b"out/")),
        READ,
        "wmgeolab/geoBoundaries, issue 1",
    ),
    Form(
        "the UTF-8 flag in the headers only",
        flagged(UMLAUT, b"PK\x01\x02", 8),
        READ,
        APPNOTE.format("4.4.4"),
    ),
    Form(
        "the UTF-8 flag in the directory only",
        flagged(UMLAUT, b"PK\x03\x04", 6),
        READ,
        APPNOTE.format("4.4.4"),
    ),
    Form(
        "UTF-8 names without the flag",
        flagged(flagged(UMLAUT, b"PK\x01\x02", 8), b"PK\x03\x04", 6),
        READ,
        "bpo-6839, python/cpython pull request 14212",
    ),
    Form(
        "a name of another file that is not UTF-8 though its flag says so",
        flagged(TWO_FILES, b"PK\x01\x02", 8).replace(STRANGER, b"x\xff\xfe.txt"),
        KEPT,
        ISSUE,
    ),
    Form(
        "an extra field longer than all extra fields",
        rewritten(PLAIN, bytes, FALSE_ZIP64),
        READ,
        "python/cpython, issue 73960",
    ),
    Form("an extra field of one byte", rewritten(PLAIN, bytes, b"\x01"), READ, ISSUE),
    Form(
        "a size that stands in a zip64 field that is missing",
        rewritten(PLAIN, bytes, b"", 0xFFFFFFFF),
        READ,
        APPNOTE.format("4.5.3"),
    ),
    Form(
        "a size of 2^63 bytes",
        rewritten(PLAIN, bytes, ZIP64, 0xFFFFFFFF),
        "191206I.XML: damaged: expected 9,223,372,036,854,775,808 bytes, as the zip states, "
        "found {}".format(len(WEEK["191206I.XML"])),
        ISSUE,
    ),
    Form(
        "a member at byte 2^63",
        beyond(2**63),
        "191206T.XML: refused: expected its header at byte 9,223,372,036,854,775,808, found other "
        "bytes",
        ISSUE,
        records=2,
    ),
    Form(
        "a member whose header is missing",
        wrong_header(),
        "191206I.XML: refused: expected its header at byte 0, found other bytes",
        APPNOTE.format("4.3.7"),
        records=2,
    ),
    *(
        Form(name, method(number), refused(name, number), APPNOTE.format("4.4.5"), records=2)
        for name, number in (
            ("Shrink", 1),
            ("Implode", 6),
            ("Deflate64", 9),
            ("Zstandard", 93),
            ("XZ", 95),
            ("PPMd", 98),
            ("an unknown method", 77),
        )
    ),
    Form(
        "encrypted with AES",
        method(99),
        f"191206I.XML: refused: it is encrypted with AES (compression method 99); {PASSWORD}",
        "the specification AE-1 and AE-2 of WinZip",
        records=2,
    ),
    Form(
        "encrypted with the older method",
        with_headers(PLAIN, flags=1),
        f"191206I.XML: refused: it is encrypted; {PASSWORD}",
        APPNOTE.format("6.1"),
        records=2,
    ),
    *(
        Form(f"macOS Finder: {name}", zipped({**WEEK, name: content}), KEPT, source)
        for name, content, source in (
            ("__MACOSX/._191206S.XML", APPLE, "boxen/puppet-boxen, issue 57"),
            ("__MACOSX/", b"", ISSUE),
            ("._191206S.XML", APPLE, "fadden/ciderpress, issue 8"),
            ("out\\._191206S.XML", b"", "fadden/ciderpress, issue 8"),
            ("191207S.XML", APPLE, "RFC 1740"),
            (".DS_Store", b"\0\0\0\1Bud1", ISSUE),
        )
    ),
    Form("cut off", PLAIN[:300], CUT.format(300), ISSUE, records=0),
    Form("cut off within its first header", PLAIN[:20], CUT.format(20), ISSUE, records=0),
    *(
        Form(f"{found}, named .zip", *other(content, found), source, records=0)
        for content, found, source in (
            (gzip.compress(PLAIN), "a gzip file", "RFC 1952"),
            (tarred(), "a tar archive", "POSIX.1-2017, pax"),
            (b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(99), "a 7z archive", "7zFormat.txt (7-Zip)"),
            (b"Rar!\x1a\x07\x00" + bytes(99), "a RAR archive", "TechNote (RARLAB)"),
            (lzma.compress(b"x"), "an xz file", "xz-file-format.txt"),
            (bz2.compress(b"x"), "a bzip2 file", "the manual of bzip2"),
            (b"\x28\xb5\x2f\xfd" + bytes(99), "a Zstandard file", "RFC 8878"),
        )
    ),
    Form("an empty file, named .zip", *other(b"", "an empty file", COPY), ISSUE, records=0),
    Form(
        "a web page, named .zip",
        *other(b"<!DOCTYPE html><p>404", "a web page", COPY),
        ISSUE,
        records=0,
    ),
    Form(
        "XML, named .zip",
        *other(
            WEEK["191206S.XML"].encode(),
            "an XML file",
            "pack it as a zip, or put it into DATE_STAMP/CCC/",
        ),
        ISSUE,
        records=0,
    ),
    *(
        Form(
            f"{found} inside the zip: {name}",
            zipped({**WEEK, name: content}),
            inner(name, found),
            ISSUE,
        )
        for name, content, found in (
            ("more.zip", PLAIN, "a zip"),
            ("191207S.XML", PLAIN, "a zip"),
            ("more.tar", tarred(), "a tar archive"),
            ("191207S.XML.gz", gzip.compress(b"<times/>"), "a gzip file"),
        )
    ),
    Form(
        "a document inside the zip: terms.docx",
        zipped({**WEEK, "terms.docx": PLAIN}),
        KEPT,
        "ECMA-376, part 2",
    ),
]

ROWS = [(form.what, form.result, form.source) for form in FORMS]
"""What the zip is, its result, and the source of the form."""
