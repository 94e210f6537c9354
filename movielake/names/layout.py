"""Names and paths: the lake's layout on disk, and selections of stamps and countries."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Final

from movielake.names.folders import Folder as Folder
from movielake.names.terms import Terms as Terms
from movielake.names.terms import check_ends, lower_terms, mean, read_terms, show_terms
from movielake.schema.tables import TABLES, Table

LAKE_FILE: Final = "lake.json"
MANIFEST_TABLE: Final = "manifest.parquet"
DESCRIPTOR_FILE: Final = "datapackage.json"
MANIFEST_FOLDER: Final = "manifest"
WORK_FOLDER: Final = ".work"

ROW_GROUP: Final = 900_000
"""Rows after which a row group of a compact file ends, at the next stamp.

With two threads, a join of all showings with both other tables needs less than 500 MB.
"""


def is_date_stamp(text: str) -> bool:
    """Return whether a text is a date stamp: eight digits that form a date.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool

    Examples
    --------
    >>> from movielake.names.layout import is_date_stamp
    >>> is_date_stamp("20191206"), is_date_stamp("20191306"), is_date_stamp("2019120")
    (True, False, False)
    """
    if not re.fullmatch(r"[0-9]{8}", text):
        return False
    try:
        datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def commit_path(date_stamp: str, country: str) -> str:
    """Return the path in a lake of a feed zip's commit."""
    return f"{MANIFEST_FOLDER}/{date_stamp}/{country}.json"


def aside_path(date_stamp: str, country: str) -> str:
    """Return the path in a lake of a commit while the files of its partition are replaced."""
    return f"{MANIFEST_FOLDER}/{date_stamp}/{country}.replaced"


def json_folder(date_stamp: str, country: str) -> str:
    """Return the folder in a lake with the JSON Lines of a feed zip."""
    return f"json/{date_stamp}/{country}"


def parquet_folder(table: str, date_stamp: str, country: str) -> str:
    """Return the folder in a lake with one partition of a table."""
    return f"parquet/{table}/date_stamp={date_stamp}/country={country}"


def compact_path(kind: str, table: str, country: str, span: str, digest: str) -> str:
    """Return the path of a file of a compact lake.

    Parameters
    ----------
    kind : {"json", "parquet"}
        Kind of the file.
    table, country : str
        Its table and country.
    span : str
        Name of its span of stamps, such as ``2019``.
    digest : str
        Hexadecimal digest of its content. The path has the first eight digits.

    Returns
    -------
    str

    Examples
    --------
    >>> from movielake.names.layout import compact_path
    >>> compact_path("parquet", "movies", "deu", "2019", "1a2b3c4d5e")
    'parquet/movies/country=deu/2019-1a2b3c4d.parquet'
    """
    ending = "parquet" if kind == "parquet" else "jsonl.zst"
    return f"{kind}/{table}/country={country}/{span}-{digest[:8]}.{ending}"


def quarantine_folder(date_stamp: str, country: str) -> str:
    """Return the folder in a lake with the unreadable parts of a feed zip."""
    return f"quarantine/{date_stamp}/{country}"


def partition_folders(date_stamp: str, country: str) -> list[str]:
    """Return all folders in a lake with files of a feed zip, except for its commit."""
    folders = [json_folder(date_stamp, country), quarantine_folder(date_stamp, country)]
    return folders + [parquet_folder(name, date_stamp, country) for name in TABLES]


_KIND_SUFFIX = re.compile(r"(imovies|movies|theaters?|houses|screens|showings|times|[its])$", re.I)


def lake_stem(member: str, table: Table) -> str:
    """Return the name of a member's files in the lake: the member's name plus the table's letter.

    Older names in the feed end differently (``191206IMOVIES.XML``), but a glob such as
    ``*S.jsonl.zst`` must match showings. So the table always decides the ending. The name contains
    no folder of the archive, and no character with a meaning for a file system.

    Parameters
    ----------
    member : str
        Name of the member inside its feed zip.
    table : Table
        The table that belongs to the member's root element.

    Returns
    -------
    str

    Examples
    --------
    >>> from movielake.names.layout import lake_stem
    >>> from movielake.schema.tables import table
    >>> lake_stem("191206S.XML", table("showings")), lake_stem("191206IMOVIES.XML", table("movies"))
    ('191206S', '191206I')
    """
    name = re.split(r"[/\\]", member)[-1]
    base = _KIND_SUFFIX.sub("", name.rpartition(".")[0] or name)
    return safe_name(base).lstrip("._-") + table.letter


def letter_of(path: str) -> str | None:
    """Return the letter of a file's table from its name, for files without a root element.

    Examples
    --------
    >>> from movielake.names.layout import letter_of
    >>> letter_of("191206S.json"), letter_of("191206IMOVIES.json"), letter_of("notes.json.gz")
    ('S', 'I', 'S')
    """
    stem = path.rpartition("/")[2].partition(".")[0]
    match = _KIND_SUFFIX.search(stem)
    if match is None:
        return None
    ending = match[1].lower()
    return {"m": "I", "h": "T"}.get(ending[0], ending[0].upper())


def safe_name(text: str) -> str:
    """Replace every character with a meaning for a file system, and cut after 100 characters."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:100]


def distinct(name: str, taken: set[str]) -> str:
    """Make a name unique, also on file systems that ignore case: put ``-2`` before the last letter.

    Parameters
    ----------
    name : str
        The preferred name.
    taken : set of str
        The names in use, in lower case. The function adds its result.

    Returns
    -------
    str

    Examples
    --------
    >>> from movielake.names.layout import distinct
    >>> taken = set()
    >>> [distinct("191206S", taken) for _ in range(3)]
    ['191206S', '191206-2S', '191206-3S']
    """
    candidate, number = name, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name[:-1]}-{number}{name[-1:]}"
    taken.add(candidate.lower())
    return candidate


@dataclass(frozen=True)
class Selection:
    """A selection of date stamps and countries.

    Parameters
    ----------
    date_stamps, countries : str, iterable of str, slice or None
        A code, a glob, several of them (also as one text with commas), a slice of codes, or None
        for all. A slice includes both ends. An end can be the beginning of a stamp, such as
        ``"2020"``. A stamp can also be a number or a date.

    Examples
    --------
    >>> from movielake.names.layout import Selection
    >>> selection = Selection(date_stamps=slice("20191206", "2020"), countries="deu,s*")
    >>> [selection.matches("20191213", c) for c in ("deu", "swe", "can")]
    [True, True, False]
    >>> selection.matches("20210101", "deu")
    False
    """

    date_stamps: Terms = None
    countries: Terms = None

    def __post_init__(self) -> None:
        # Read an iterator once, here. Otherwise only the first match could use its terms.
        object.__setattr__(self, "date_stamps", check_ends(read_terms(self.date_stamps)))
        object.__setattr__(self, "countries", lower_terms(read_terms(self.countries)))

    def matches(self, date_stamp: str, country: str) -> bool:
        """Return whether the selection includes a partition."""
        return self.means_stamp(date_stamp) and self.means_country(country)

    def means_stamp(self, date_stamp: str) -> bool:
        """Return whether the selection includes a date stamp."""
        return mean(self.date_stamps, date_stamp)

    def means_country(self, country: str) -> bool:
        """Return whether the selection includes a country."""
        return mean(self.countries, country)

    def __str__(self) -> str:
        return f"date_stamps={show_terms(self.date_stamps)}, countries={show_terms(self.countries)}"
