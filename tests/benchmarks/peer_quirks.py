"""What other programs make of the feed's quirks, each tried with a small member.

Each `Quirk` is a member with one quirk of the real feed, and a question about the records that a
program makes of it. Its answer is one of a few words, so that a table can show it. Nothing here
comes from a program's documentation.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.benchmarks.peer_programs import Job, Peer, output_files, prepare

KEPT, LOST = "kept", "**lost**"


def movies(*first: str, encoding: str = "utf-8") -> bytes:
    """Write a member of four movies, the first of them with these elements."""
    records = [*first, *["<title>Plain</title>"] * (4 - len(first))]
    body = "".join(
        f"<movie>\n<movie_id>{number}</movie_id>\n{record}\n</movie>\n"
        for number, record in enumerate(records, 1)
    )
    head = f'<?xml version="1.0" encoding="{encoding.upper()}"?>\n'
    return f"{head}<movies>\n{body}</movies>\n".encode(encoding)


def leaves(value: Any) -> Iterator[Any]:
    """Yield the texts and numbers of a value in their order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    elif value is not None:
        yield value


def shown(*expected: str) -> Callable[[list[Any]], str]:
    """Return a question: whether a record has all of these texts, each as a part of a text."""

    def ask(records: list[Any]) -> str:
        found = [str(leaf) for leaf in leaves(records[0])]
        return KEPT if all(any(part in text for text in found) for part in expected) else LOST

    return ask


def in_order(*expected: str) -> Callable[[list[Any]], str]:
    """Return a question: whether a record has these texts, and in this order."""

    def ask(records: list[Any]) -> str:
        whole = " ".join(str(leaf) for leaf in leaves(records[0]))
        if not all(part in whole for part in expected):
            return LOST
        places = [whole.index(part) for part in expected]
        return KEPT if places == sorted(places) else "order lost"

    return ask


def alike(one: str, other: str) -> Callable[[list[Any]], str]:
    """Return a question: whether two texts are at the same place in their records."""

    def ask(records: list[Any]) -> str:
        places = [set(places_of(records, text)) for text in (one, other)]
        return "as a longer one" if places[0] == places[1] else "another shape"

    return ask


def places_of(value: Any, text: str, place: str = "") -> Iterator[str]:
    """Yield where a value has a text: the names on the way, and a star for the parts of a list."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from places_of(part, text, f"{place}/{name}")
    elif isinstance(value, list):
        for part in value:
            yield from places_of(part, text, f"{place}/*")
    elif value == text:
        yield place


@dataclass(frozen=True)
class Quirk:
    """A member with a quirk, and a question about its records."""

    xml: bytes
    ask: Callable[[list[Any]], str]
    table: str = "movies"


QUIRKS: dict[str, Quirk] = {
    "markup in a text": Quirk(
        movies("<synopsis>Early <P>amidst</P> late</synopsis>"), in_order("Early", "amidst", "late")
    ),
    "element that is there twice": Quirk(
        movies(
            '<release_date id="1">December 06, 2019</release_date>\n'
            '<release_date id="2">December 20, 2019</release_date>'
        ),
        shown("06", "20, 2019"),
    ),
    "attribute beside a text": Quirk(
        b"<houses>\n<theater>\n<theater_id>1</theater_id>\n"
        b'<theater_chain id="8105">Filmhaus</theater_chain>\n</theater>\n</houses>\n',
        shown("8105", "Filmhaus"),
        "theaters",
    ),
    "list of one": Quirk(
        movies(
            "<genres>\n<genre>Drama</genre>\n</genres>",
            "<genres>\n<genre>War</genre>\n<genre>Crime</genre>\n</genres>",
        ),
        alike("Drama", "War"),
    ),
    "entities": Quirk(
        movies("<title>Salt &amp; Pepper &lt; 24 &#233;t&#xE9;s</title>"),
        shown("Salt & Pepper < 24 étés"),
    ),
    "ISO-8859-1": Quirk(
        movies("<title>Montréal</title>", encoding="iso-8859-1"), shown("Montréal")
    ),
}


class UnreadableError(Exception):
    """A program's output cannot be read."""


def convert(
    peer: Peer, quirk: Quirk, prepared: Callable[[Job], None] = lambda job: None
) -> tuple[list[Any], bool]:
    """Convert a quirk's member, and return its records and whether the program gave a warning."""
    with tempfile.TemporaryDirectory() as folder:
        job = prepare(Path(folder, "job"), quirk.table, quirk.xml)
        prepared(job)
        made = peer.convert(job)
        try:
            records = peer.read(job, made) if peer.read and output_files(job) else []
        except Exception as error:
            raise UnreadableError from error
        return records, peer.warns(made)


def quirk_answer(peer: Peer, quirk: Quirk) -> str:
    """Try a quirk, and return what becomes of it."""
    if peer.takes == "text" and b"ISO-8859-1" in quirk.xml:
        return "left to the caller"
    try:
        records, _ = convert(peer, quirk)
    except UnreadableError:
        return "**writes what cannot be read**"
    except Exception:
        return "**refuses the member**"
    expected = quirk.xml.count(b"</movie>") + quirk.xml.count(b"</theater>")
    return quirk.ask(records) if len(records) == expected else "**records lost**"


def broken_answer(peer: Peer) -> str:
    """Try a member whose second of four records is not well-formed."""
    xml = movies("<title>First</title>").replace(b"Plain</title>", b"Salt & Pepper", 1)
    try:
        records, warned = convert(peer, Quirk(xml, shown()))
    except Exception:
        return "refuses the member"
    kept = f"keeps {len(records)} of 4 records"
    return f"{kept}, warns" if warned else f"**{kept}, no word**"


def changed_answer(peer: Peer) -> str:
    """Try a member with one letter changed after it was written, in the file and in the zip."""

    def change(job: Job) -> None:
        before = job.xml.read_bytes()
        with zipfile.ZipFile(job.zip, "w") as archive:
            archive.writestr(job.member, before)
        for path in (job.xml, job.zip):
            path.write_bytes(path.read_bytes().replace(b"Letter", b"Lettre", 1))

    try:
        _, warned = convert(peer, Quirk(movies("<title>Letter</title>"), shown()), change)
    except Exception:
        return "refuses the member"
    return "keeps it, warns" if warned else "**not noticed**"


def answers(peer: Peer) -> dict[str, str]:
    """Try all quirks."""
    return {
        **{name: quirk_answer(peer, quirk) for name, quirk in QUIRKS.items()},
        "a record that is not well-formed": broken_answer(peer),
        "a byte changed on disk": changed_answer(peer),
    }


def types_of(job: Job, records: list[Any]) -> str:
    """Describe the types of an output: those of Parquet columns, else those of JSON values."""
    files = [path for path in output_files(job) if path.suffix == ".parquet"]
    kinds = {str(kind) for file in files for kind in pq.read_schema(file).types}
    kinds = kinds or {type(text).__name__ for text in leaves(records[:1000])}
    parts = {"numbers": ("int", "float"), "dates": ("date",), "times": ("time",)}
    found = [part for part, names in parts.items() if any(n in k for n in names for k in kinds)]
    return ", ".join(found) or "none: text only"


def compression_of(job: Job) -> str:
    """Describe the files of an output, and how they are compressed."""
    found = set()
    for path in output_files(job):
        if path.suffix == ".parquet":
            group = pq.ParquetFile(path).metadata.row_group(0)
            codecs = {group.column(number).compression for number in range(group.num_columns)}
            found.add(f"Parquet ({', '.join(sorted(codecs)).lower()})")
        else:
            found.add(f"JSON ({'zstd' if path.suffix == '.zst' else 'uncompressed'})")
    return ", ".join(sorted(found))
