"""The members of a feed zip: their number, names and encodings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from movielake.sample.china import FLAT_COUNTRY, flat_chunks
from movielake.sample.edition import Edition, Tally
from movielake.sample.movie_quirks import movie_chunks
from movielake.sample.quirks import happens
from movielake.sample.showing_quirks import showing_chunks
from movielake.sample.theater_records import theater_chunks

ROOTS = {"I": "movies", "T": "houses", "S": "times"}
OLDER_NAMES = {"I": "IMOVIES", "T": "THEATER", "S": "SCREENS"}
# Declared encoding, codec, and byte order mark. All other countries use UTF-8 without a mark.
ENCODINGS = {
    "deu": ("UTF-8", "utf-8", b"\xef\xbb\xbf"),
    "fra": ("ISO-8859-1", "iso-8859-1", b""),
    "nzl": ("UTF-16", "utf-16-le", b"\xff\xfe"),
    "swe": ("windows-1252", "windows-1252", b""),
}
# The export of one country writes Windows line ends. Another export writes no line ends.
LINE_ENDS = {"gbr": "\r\n", "swe": ""}
README = b"Showtimes of the week. One file each for movies, theaters and showtimes.\r\n"
_BLOCK = 1 << 18
_MALFORMED = "<showtime>\n<movie_name>Salt & Pepper\n<theater_id>1</showtime>\n"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a feed zip: its name, and its bytes in blocks."""

    name: str
    blocks: Iterable[bytes]


def plan_members(edition: Edition, tally: Tally, damage: bool = False) -> Iterator[Member]:
    """List the members of an edition's zip, in the order of writing.

    Parameters
    ----------
    edition
        Country and week.
    tally
        The counter of records and screenings. It counts while the caller reads the blocks.
    damage
        Whether to damage the members listed in `quirks.DAMAGE`.

    Yields
    ------
    Member

    Examples
    --------
    >>> from movielake.sample.edition import make_edition
    >>> from movielake.sample.films import Catalogue
    >>> from movielake.sample.places import countries
    >>> edition = make_edition(Catalogue(0, 1.0), countries()["can"], 0)
    >>> [member.name for member in plan_members(edition, Tally())]
    ['191206I.XML', '191206T.XML', '191206S.XML', 'readme.txt']
    """
    code, week = edition.country.code, edition.week
    if code == FLAT_COUNTRY:
        yield _member(edition, "S", flat_chunks(edition, tally))
        return
    movies = iter(()) if happens("empty_root", code, week) else movie_chunks(edition, tally)
    yield _member(edition, "I", movies)
    if happens("one_record_member", code, week):
        yield _member(edition, "I", movie_chunks(edition, tally, limit=1), suffix="_2")
    if happens("empty_member", code, week):
        yield Member(member_name(edition, "T"), ())
    else:
        yield _member(edition, "T", theater_chunks(edition, tally))
    yield from _showings_members(edition, tally, damage)
    if happens("readme", code, week):
        yield Member("readme.txt", (README,))


def _showings_members(edition: Edition, tally: Tally, damage: bool) -> Iterator[Member]:
    code, week = edition.country.code, edition.week
    if happens("two_showings_members", code, week):
        for part, suffix in enumerate(("", "_2")):
            yield _member(edition, "S", showing_chunks(edition, tally, part, 2), suffix=suffix)
    elif happens("same_name_in_folders", code, week):
        for part, folder in enumerate(("east/", "west/")):
            yield _member(edition, "S", showing_chunks(edition, tally, part, 2), folder=folder)
    else:
        chunks = showing_chunks(edition, tally)
        if damage and happens("malformed_member", code, week):
            chunks = _malformed(chunks)
        member = _member(edition, "S", chunks)
        if damage and happens("truncated_member", code, week):
            member = Member(member.name, _truncated(member.blocks))
        yield member


def member_name(edition: Edition, kind: str, suffix: str = "", folder: str = "") -> str:
    """Return the name of a member.

    Parameters
    ----------
    edition
        Country and week.
    kind
        ``I`` for movies, ``T`` for theaters, ``S`` for showings.
    suffix
        Text that makes the name of a second member of a kind unique.
    folder
        Folder of the member inside the zip, with a slash at the end.

    Returns
    -------
    str
    """
    code, week, day = edition.country.code, edition.week, edition.day
    if kind == "S" and happens("name_a_day_off", code, week):
        day += timedelta(days=1)
    letters = OLDER_NAMES[kind] if happens("older_names", code, week) else kind
    if happens("members_in_folder", code, week):
        folder = f"{edition.stamp}/"
    name = f"{day:%y%m%d}{letters}{suffix}.XML"
    return folder + (name.lower() if happens("lower_case_names", code, week) else name)


def encode_member(code: str, root: str, chunks: Iterable[str]) -> Iterator[bytes]:
    r"""Put records into a root element and encode them in the country's encoding.

    Parameters
    ----------
    code
        Country code.
    root
        Name of the root element.
    chunks
        The markup of the records.

    Yields
    ------
    bytes
        Blocks of a few hundred kB.

    Examples
    --------
    >>> b"".join(encode_member("can", "movies", []))
    b'<?xml version="1.0" encoding="UTF-8"?>\n<movies>\n</movies>\n'
    """
    declared, codec, mark = ENCODINGS.get(code, ("UTF-8", "utf-8", b""))
    line_end = LINE_ENDS.get(code, "\n")
    first = f'<?xml version="1.0" encoding="{declared}"?>\n<{root}>\n'
    yield mark
    for text in _blocks(first, chunks, f"</{root}>\n"):
        # Characters that the encoding lacks become character references. An example is a Polish
        # name in a French file.
        yield text.replace("\n", line_end).encode(codec, "xmlcharrefreplace")


def _member(
    edition: Edition, kind: str, chunks: Iterable[str], suffix: str = "", folder: str = ""
) -> Member:
    name = member_name(edition, kind, suffix, folder)
    return Member(name, encode_member(edition.country.code, ROOTS[kind], chunks))


def _blocks(first: str, chunks: Iterable[str], last: str) -> Iterator[str]:
    parts, size = [first], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= _BLOCK:
            yield "".join(parts)
            parts, size = [], 0
    yield "".join([*parts, last])


def _malformed(chunks: Iterator[str]) -> Iterator[str]:
    for number, chunk in enumerate(chunks):
        yield chunk
        if number == 4:
            yield _MALFORMED


def _truncated(blocks: Iterable[bytes]) -> Iterator[bytes]:
    last = b""
    for block in blocks:
        yield last
        last = block
    yield last[: len(last) // 2]
