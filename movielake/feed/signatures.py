"""Signatures: the format of bytes that should be a zip or XML, from their first bytes."""

from __future__ import annotations

from typing import Final

HEAD: Final = 265
"""First bytes that decide about the format. The signature of a tar ends here."""

FINDER: Final = "a file of macOS Finder"
"""Attributes that macOS keeps beside a file, in the format AppleDouble."""

_ZIP: Final = "a zip"
_PART: Final = "a part of a split zip"
_SIGNATURES: Final = (
    (b"PK\x03\x04", _ZIP),
    (b"PK\x05\x06", _ZIP),
    (b"PK\x07\x08", _PART),
    (b"\x1f\x8b", "a gzip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"BZh", "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x04\x22\x4d\x18", "an LZ4 file"),
    (b"LZIP", "an lzip file"),
    (b"\x1f\x9d", "a file of compress (.Z)"),
    (b"MSCF", "a cabinet file"),
    (b"\x00\x05\x16\x07", FINDER),
    (b"\x00\x05\x16\x00", FINDER),
)
_TAR: Final = 257, b"ustar"
_DOCUMENTS: Final = tuple(
    f".{x}" for x in ["docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "jar", "kmz"]
)
"""Endings of other files that are zips inside."""


def packed_format(head: bytes) -> str | None:
    r"""Return the format of an archive, a packed file or a file of macOS Finder.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes.

    Returns
    -------
    str or None
        The format with its article, or None for other bytes.

    Examples
    --------
    >>> packed_format(b"7z\xbc\xaf\x27\x1c")
    'a 7z archive'
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    at, signature = _TAR
    return "a tar archive" if head[at:].startswith(signature) else None


def is_other_archive(head: bytes) -> bool:
    """Return whether a file is an archive of another format, even if it ends with a zip."""
    return packed_format(head) not in (None, _ZIP, _PART)


def describe_file(head: bytes, size: int) -> str:
    """Return what a file is that should be a zip and has no directory of a zip.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes.
    size : int
        Size of the file in bytes.

    Returns
    -------
    str
        The reason and the advice.
    """
    found = packed_format(head)
    if found == _ZIP:
        return (
            f"the zip is cut off after {size:,} bytes: its directory, which is at its end, is "
            "missing; copy the file again from its source"
        )
    again = "copy the file again from its source"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if found == _PART:
        advice = "join all its parts, for example with zip -s 0"
    elif found:
        advice = "unpack it, and pack its files as a zip"
    elif not size:
        found, advice = "an empty file", again
    elif not head.strip(b"\0"):
        found, advice = "zero bytes", again
    elif start.startswith((b"<!doctype html", b"<html")):
        found, advice = "a web page", again
    elif start.startswith(b"<"):
        found, advice = "an XML file", "pack it as a zip, or put it into DATE_STAMP/CCC/"
    else:
        found, advice = "other bytes", again
    return f"expected a zip, found {found}; {advice}"


def is_of_finder(name: str) -> bool:
    """Return whether macOS Finder adds files of this name to a folder or a zip.

    Examples
    --------
    >>> [is_of_finder(name) for name in ("__MACOSX/S.XML", "out/._191206S.XML", "191206S.XML")]
    [True, True, False]
    """
    *folders, last = name.replace("\\", "/").split("/")
    return "__MACOSX" in folders or last.startswith("._")


def is_document(name: str) -> bool:
    """Return whether a file of this name is a zip inside, but holds no feed."""
    return name.lower().endswith(_DOCUMENTS)
