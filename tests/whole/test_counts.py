"""The counts of the sample's XML equal those of its lake, and are made without movielake.

xml.etree counts the records, and a regular expression in this file counts the times.
"""

import io
import json
import xml.etree.ElementTree as ET
import zipfile

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
import zstandard

from movielake import convert
from movielake.lake.manifest import read_manifest
from movielake.names.layout import Folder
from movielake.sample import write_sample
from tests.feeds import TIME

RECORDS = {"movies": "movie", "houses": "theater", "times": "showtime"}
TABLES = {"movies": "movies", "houses": "theaters", "times": "showings"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("counts")
    write_sample(str(folder / "feed"), weeks=4, scale=0.05, seed=3)
    convert(str(folder / "feed"), str(folder / "lake"), workers=1)
    return folder


@pytest.fixture(scope="module")
def in_xml(sample):
    """Count records and screenings by table, country and stamp, directly in the zips."""
    records, screenings = {}, {}
    for path in sorted((sample / "feed").glob("*/movies_*.zip")):
        key = (path.parent.name, path.stem.removeprefix("movies_"))
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                content = archive.read(name)
                if not content or name.endswith(".txt"):
                    continue
                root = ET.parse(io.BytesIO(content)).getroot()
                place = (TABLES[root.tag], *key)
                records[place] = records.get(place, 0) + len(root.findall(RECORDS[root.tag]))
                times = sum(len(TIME.findall(e.text or "")) for e in root.iter("showtimes"))
                if times:
                    screenings[key] = screenings.get(key, 0) + times
    return records, screenings


def nonzero(counts):
    return {key: count for key, count in counts.items() if count}


def test_the_sample_has_records_of_all_tables(in_xml):
    assert {table for table, *_ in in_xml[0]} == set(TABLES.values())


def test_each_record_in_the_xml_is_a_json_line(sample, in_xml):
    lines = {}
    for path in (sample / "lake" / "json").glob("*/*/*.jsonl.zst"):
        with zstandard.open(path, "rt", encoding="utf-8", newline="\n") as file:
            for line in file:
                record = json.loads(line)
                letter = path.name.removesuffix(".jsonl.zst")[-1]
                table = {"I": "movies", "T": "theaters", "S": "showings"}[letter]
                place = (table, record["date_stamp"], record["country"])
                lines[place] = lines.get(place, 0) + 1
    assert lines == nonzero(in_xml[0])


def test_the_manifest_counts_the_records_in_the_xml(sample, in_xml):
    rows = read_manifest(Folder(str(sample / "lake"))).to_pylist()
    counted = {}
    for row in rows:
        if row["table"]:
            place = (row["table"], row["date_stamp"], row["country"])
            counted[place] = counted.get(place, 0) + row["records"]
    assert nonzero(counted) == nonzero(in_xml[0])


def test_each_screening_in_the_xml_is_a_row_with_a_time(sample, in_xml):
    showings = ds.dataset(str(sample / "lake" / "parquet" / "showings"), partitioning="hive")
    rows = showings.to_table(columns=["date_stamp", "country", "show_time"])
    timed = rows.filter(pc.is_valid(rows["show_time"])).group_by(["date_stamp", "country"])
    counted = timed.aggregate([([], "count_all")]).to_pylist()
    found = {(str(r["date_stamp"]), r["country"]): r["count_all"] for r in counted}
    assert found == in_xml[1]


def test_every_record_of_showings_has_a_row(sample, in_xml):
    showings = ds.dataset(str(sample / "lake" / "parquet" / "showings"), partitioning="hive")
    rows = showings.to_table(columns=["source_xml", "record"])
    distinct = rows.group_by(["source_xml", "record"]).aggregate([])
    expected = sum(n for (table, *_), n in in_xml[0].items() if table == "showings")
    assert distinct.num_rows == expected
