"""Other programs that read XML into JSON or Parquet, each called as its documentation shows.

A `Peer` converts a member and reads its own output back, so that a test can count the records.
movielake and xmltodict read the feed zip, as now and before, and the others a plain file. The
parsers at the end write nothing and are a floor.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pyexpat import ParserCreate
from typing import Any

import pyarrow.parquet as pq
import xmltodict
import zstandard
from lxml import etree

from movielake.conversion.planning import Task
from movielake.conversion.zips import convert_bundle
from movielake.feed.zips import find_feed
from movielake.schema.tables import Table, table
from tests.benchmarks.members import write_zip

DATA = {".json", ".jsonl", ".parquet", ".zst"}


@dataclass(frozen=True)
class Job:
    """A member to convert: as a plain file and in a feed zip, and a folder for the output."""

    folder: Path
    table: Table

    @property
    def xml(self) -> Path:
        """The plain file."""
        return self.folder / "member.xml"

    @property
    def member(self) -> str:
        """The member's name in the zip."""
        return f"191206{self.table.letter}.XML"

    @property
    def zip(self) -> Path:
        """The feed zip."""
        return self.folder / "feed" / "20191206" / "movies_deu.zip"

    @property
    def output(self) -> Path:
        """The folder for the output."""
        return self.folder / "output"


def prepare(folder: Path, name: str, xml: bytes) -> Job:
    """Write a member of a table into a folder."""
    job = Job(folder, table(name))
    job.output.mkdir(parents=True)
    job.xml.write_bytes(xml)
    write_zip(folder / "feed", job.member, xml)
    return job


def output_files(job: Job) -> list[Path]:
    """List the files with the records that a program has written."""
    found = sorted(path for path in job.output.rglob("*") if path.suffix in DATA)
    is_about = {"manifest", "quarantine", "lake.json"}
    return [path for path in found if not is_about.intersection(path.parts)]


@dataclass(frozen=True)
class Peer:
    """A program.

    `convert` does the whole job and returns a value. `read` gets this value and returns the records
    of the output, if there is one. `warns` gets it too and returns whether the program has reported
    damage.
    """

    convert: Callable[[Job], Any]
    read: Callable[[Job, Any], list[Any]] | None
    takes: str = "file"
    package: str = ""
    warns: Callable[[Any], bool] = lambda _: False


# --- movielake


def movielake(job: Job) -> Any:
    """Convert to JSON Lines and Parquet, with checksums and a commit."""
    feed = str(job.folder / "feed")
    task = Task(feed, str(job.output / "lake"), find_feed(feed).zips[0], force=True)
    (outcome,) = convert_bundle([task])
    return outcome.commit


def read_movielake(job: Job, _: Any) -> list[Any]:
    """Read JSON Lines for showings, whose Parquet has one row per screening, else Parquet."""
    if job.table.name != "showings":
        [file] = (job.output / "lake").rglob("*.parquet")
        return pq.ParquetFile(file).read().to_pylist()
    [file] = (job.output / "lake").rglob("*.jsonl.zst")
    with zstandard.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# --- to a dict, then json.dumps


def write_document(job: Job, document: Any) -> None:
    """Write one JSON document."""
    (job.output / "document.json").write_text(json.dumps(document))


def read_document(job: Job, _: Any) -> list[Any]:
    """Read the records of one JSON document."""
    document = json.loads((job.output / "document.json").read_bytes())
    found = (document[job.table.root] or {}).get(job.table.record, [])
    return found if isinstance(found, list) else [found]


def xmltodict_json(job: Job) -> None:
    """Write one document, from the zip: the earlier method."""
    with zipfile.ZipFile(job.zip) as archive:
        write_document(job, xmltodict.parse(archive.read(job.member)))


def orxml_json(job: Job) -> None:
    """Write one document."""
    import orxml

    write_document(job, orxml.parse(job.xml.read_text("utf-8")))


# --- to JSON Lines


def read_lines(job: Job, _: Any) -> list[Any]:
    """Read JSON Lines."""
    with (job.output / "records.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def pygixml_lines(job: Job) -> None:
    """Write JSON Lines in C++."""
    from pygixml import jsonify

    jsonify.stream_jsonl(str(job.xml), str(job.output / "records.jsonl"), job.table.record)


def lxml_lines(job: Job) -> None:
    """Write JSON Lines by hand: one element after the other, as a dict."""
    with (job.output / "records.jsonl").open("w", encoding="utf-8") as file:
        for _, element in etree.iterparse(str(job.xml), tag=job.table.record):
            file.write(json.dumps(as_dict(element)) + "\n")
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def as_dict(element: Any) -> Any:
    """Make a dict of an element as xmltodict does, or its text."""
    found: dict[str, Any] = {f"@{name}": value for name, value in element.attrib.items()}
    for child in element:
        value = as_dict(child)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    text = (element.text or "").strip() + "".join(child.tail or "" for child in element).rstrip()
    if not found:
        return text or None
    return found | {"#text": text} if text else found


# --- to Parquet


def flattener_parquet(job: Job) -> None:
    """Write one wide Parquet file."""
    import fast_xml_flattener

    fast_xml_flattener.to_parquet(job.xml, job.output / "records.parquet")


def read_parquet(job: Job, _: Any) -> list[Any]:
    """Read the records, and what other tables have beside them."""
    records: list[Any] = pq.read_table(job.output / "records.parquet").to_pylist()
    for record in records[:1]:
        others = sorted(job.output.glob("*.parquet"))
        others.remove(job.output / "records.parquet")
        record["others"] = [pq.read_table(file).to_pylist() for file in others]
    return records


def arrow_parquet(job: Job) -> None:
    """Write a Parquet file for records and for each list in them.

    The rows of a list that has no element around it need a run of their own: a table of records
    beside them would get their rows too.
    """
    from xml2arrow import XmlToArrowParser

    for number, tables in enumerate(arrow_tables(job.table)):
        config = job.output / f"{number}.yaml"
        config.write_text(arrow_config(tables))
        for name, batch in XmlToArrowParser(config).parse(job.xml).items():
            file = job.output / f"{name}.parquet"
            with pq.ParquetWriter(file, batch.schema, compression="zstd") as writer:
                writer.write_batch(batch)


Rows = tuple[str, str, list[str], Mapping[str, str]]
"""A table's name, the path of the element around its rows, its levels, and its fields' paths."""


def arrow_tables(of: Table) -> Iterator[list[Rows]]:
    """Map a table's schema, run by run: records with wrapped lists, then each direct list."""
    root, record = f"/{of.root}", f"/{of.root}/{of.record}"
    leaves: dict[str, str] = {}
    lists: list[Rows] = []
    direct: dict[str, dict[str, str]] = {}
    for column in of.columns:
        if not column.paths:
            continue
        head, _, tail = column.paths[0].partition("/")
        if column.type == "structs":
            direct[head] = {c.name: f"{record}/{head}/{c.paths[0]}" for c in column.field}
        elif not tail or (tail.startswith("@") and head in leaves):
            leaves[column.name] = f"{record}/{column.paths[0]}"
        elif column.type == "list" and column.repeatable:
            path = {column.name: f"{record}/{head}/{tail}"}
            lists.append((column.name, f"{record}/{head}", [of.record, tail], path))
        else:
            direct.setdefault(head, {})[column.name] = f"{record}/{column.paths[0]}"
    yield [("records", root, [of.record], leaves), *lists]
    for name, fields in direct.items():
        yield [("boundary", root, [of.record], {}), (name, record, [of.record, name], fields)]


def arrow_config(tables: Iterable[Rows]) -> str:
    """Write xml2arrow's configuration. Ids are integers; all else is text, since it may vary."""
    lines = ["tables:"]
    for name, path, levels, fields in tables:
        lines += [f"  - name: {name}", f"    xml_path: {path}", f"    levels: {json.dumps(levels)}"]
        lines += ["    fields:" if fields else "    fields: []"]
        for field, place in fields.items():
            kind = "Int32" if field.endswith("_id") and "@" not in place else "Utf8"
            entry = {"name": field, "xml_path": place, "data_type": kind, "nullable": True}
            lines.append(f"      - {json.dumps(entry)}")
    return "\n".join(lines) + "\n"


# --- parsers without output


def expat(job: Job) -> None:
    """Parse without handlers."""
    with job.xml.open("rb") as file:
        parser = ParserCreate()
        parser.ParseFile(file)
    if parser.CurrentByteIndex < job.xml.stat().st_size:
        raise RuntimeError("expected expat to read all bytes")


def parshred_document(job: Job) -> Any:
    """Parse into a document."""
    import parshred

    return parshred.parse_file(str(job.xml))


PEERS: dict[str, Peer] = {
    "movielake": Peer(
        movielake, read_movielake, "zip", "movielake", lambda commit: bool(commit.is_hurt)
    ),
    "xmltodict + json": Peer(xmltodict_json, read_document, "zip", "xmltodict"),
    "orxml + json": Peer(orxml_json, read_document, "text", "orxml"),
    "lxml iterparse + json": Peer(lxml_lines, read_lines, "file", "lxml"),
    "pygixml stream_jsonl": Peer(pygixml_lines, read_lines, "file", "pygixml"),
    "fast_xml_flattener to_parquet": Peer(
        flattener_parquet, read_parquet, "file", "fast-xml-flattener"
    ),
    "xml2arrow + Parquet": Peer(arrow_parquet, read_parquet, "file", "xml2arrow"),
}

PARSERS: dict[str, Peer] = {
    "expat, parse only": Peer(expat, None),
    "parshred, parse only": Peer(
        parshred_document,
        lambda job, document: list(document.xpath(f"//{job.table.record}")),
        "file",
        "parshred",
    ),
}
