"""Speed of conversion on one core, compared with the earlier method and with a bare parser.

The contenders alternate in one run. They read a repetitive and a high-entropy showings member of
the same size:

- movielake: a feed zip to JSON Lines and Parquet, all of `movielake.conversion.zips.convert_bundle`
- xmltodict: the member to one JSON document with ``json.dumps``, the earlier method
- expat: bare ``pyexpat`` without handlers, a lower bound for reading XML in Python

Times are the median of the rounds, in CPU time of this process, because the machine may be shared.
More tables show the share of each part of the work; the speed of whole zips of a sample feed; and
how much of each of the sample's tables takes the fast path.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import random
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from pyexpat import ParserCreate
from typing import Any

import pyarrow.parquet as pq
import xmltodict

from movielake.conversion.planning import Task
from movielake.conversion.runs import convert
from movielake.conversion.zips import convert_bundle
from movielake.fastpath.blocks import Blocks
from movielake.fastpath.fragments import LineMaker
from movielake.fastpath.layouts import _ShowingsBlock
from movielake.fastpath.nesting import prove_nesting
from movielake.fastpath.segments import split_block
from movielake.feed.zips import find_feed
from movielake.lake.outputs import JsonLinesWriter, RowsWriter
from movielake.sample import write_sample
from movielake.schema.tables import TABLES
from tests.benchmarks.members import SAMPLES, member, write_zip
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import Work, take_turns

MEGABYTES = 40
BARS = {"repetitive": (0.5, 7.0), "high-entropy": (0.3, 4.5)}
"""Required speed, as multiples of the speeds of bare expat and of xmltodict to JSON."""

SLACK = 0.6
"""A check accepts this fraction of `BARS`, because the machine may be busy.

Without the fast path, the speed would be lower than that.
"""


def contenders(xml: bytes, folder: Path) -> dict[str, Work]:
    """Return the contenders by name. Each does its whole job on the same bytes."""
    zip_path = write_zip(folder / "feed", "191206S.XML", xml)
    feed, lake = str(folder / "feed"), str(folder / "lake")
    task = Task(feed, lake, find_feed(feed).zips[0], force=True)

    def movielake() -> None:
        (outcome,) = convert_bundle([task])
        assert outcome.commit is not None
        assert not outcome.commit.is_hurt

    def before() -> None:
        with zipfile.ZipFile(zip_path) as archive:
            document = xmltodict.parse(archive.read("191206S.XML"))
        (folder / "before.json").write_text(json.dumps(document))

    return {
        "movielake": movielake,
        "xmltodict": before,
        "expat": lambda: ParserCreate().Parse(xml, True),
    }


def measure(megabytes: float, rounds: int) -> dict[str, dict[str, float]]:
    """Alternate the contenders, and return the MB of XML per second of each, on each sample."""
    speeds = {}
    for name, make in SAMPLES.items():
        xml = member(make, megabytes)
        with tempfile.TemporaryDirectory() as folder:
            seconds = take_turns(contenders(xml, Path(folder)), rounds)
        speeds[name] = {who: len(xml) / 1e6 / taken for who, taken in seconds.items()}
    return speeds


def speed_section(rounds: int) -> Section:
    """Show the speed of conversion."""
    speeds = measure(MEGABYTES, rounds)
    return Section(
        name="convert",
        title="Converting",
        text="A feed zip to JSON Lines and Parquet, on one core: MB of XML per second of CPU time. "
        f"{MEGABYTES} MB, median of {rounds} rounds. The rounds alternate with xmltodict → "
        "`json.dumps`, the earlier method, and with expat without handlers. Expat only checks "
        "whether the XML is well-formed.",
        columns=["sample", "movielake", "xmltodict", "expat", "× xmltodict", "× expat"],
        rows=[
            [
                name,
                *(f"{speed[who]:.0f}" for who in ("movielake", "xmltodict", "expat")),
                f"{speed['movielake'] / speed['xmltodict']:.1f}",
                f"{speed['movielake'] / speed['expat']:.2f}",
            ]
            for name, speed in speeds.items()
        ],
        figures=speeds,
    )


PARTS: dict[str, list[Callable[..., Any]]] = {
    "unzip, compare the checksum": [Blocks._read_into],
    "cut into segments, read the distinct ones": [split_block],
    "prove the nesting": [prove_nesting],
    "JSON as text": [LineMaker.lines],
    "compress and write JSON": [JsonLinesWriter.write, JsonLinesWriter.close],
    "rows": [_ShowingsBlock.rows],
    "encode, compress and write Parquet": [RowsWriter.write, RowsWriter.close],
}
"""The functions of each part of the work. None of these functions calls another one of them."""


def part_shares(make: Callable[[random.Random], str]) -> dict[str, float]:
    """Convert a member, and return each part's share of the time, with the rest last."""
    with tempfile.TemporaryDirectory() as folder:
        work = contenders(member(make, MEGABYTES), Path(folder))["movielake"]
        work()
        profile = cProfile.Profile()
        profile.runcall(work)
    stats: Any = pstats.Stats(profile)
    spent = {place: times[3] for place, times in stats.stats.items()}

    def of(function: Callable[..., Any]) -> float:
        code = function.__code__
        return float(spent[code.co_filename, code.co_firstlineno, code.co_name])

    shares = {part: sum(map(of, done)) / stats.total_tt for part, done in PARTS.items()}
    return shares | {"the rest": 1 - sum(shares.values())}


def parts_section() -> Section:
    """Show the share of each part in the time."""
    figures = {name: part_shares(make) for name, make in SAMPLES.items()}
    parts = figures["repetitive"]
    return Section(
        name="parts",
        title="Where the time goes",
        text="The same members, each converted once under Python's profiler: the share of each "
        "part of the work.",
        columns=["part", *figures],
        rows=[[part, *(f"{shares[part]:.0%}" for shares in figures.values())] for part in parts],
        figures=figures,
    )


def measure_zips(rounds: int) -> dict[str, float]:
    """Convert a sample's zips, and return MB of XML per second and the bytes of each table."""
    with tempfile.TemporaryDirectory() as name:
        feed, lake = f"{name}/feed", f"{name}/lake"
        sample = write_sample(feed, weeks=1, scale=8)
        work = {"movielake": partial(convert, feed, lake, workers=1, force=True)}
        taken = take_turns(work, rounds)["movielake"]
        members = pq.read_table(f"{lake}/manifest.parquet").to_pylist()
    sizes: Counter[str] = Counter()
    for found in members:
        sizes[found["table"] or "other"] += found["xml_bytes"]
    return {"mb_per_s": sample.xml_bytes / 1e6 / taken, **sizes}


def zips_section(rounds: int) -> Section:
    """Show the speed of whole feed zips."""
    found = measure_zips(rounds)
    total = sum(found[table] for table in TABLES)
    shares = ", ".join(f"{found[table] / total:.0%} {table}" for table in TABLES)
    return Section(
        name="zips",
        title="Whole feed zips",
        text="One week of the sample's eight countries, with all its quirks, one process.",
        columns=["content of the XML", "MB of XML per CPU second"],
        rows=[[shares, f"{found['mb_per_s']:.0f}"]],
        figures=found,
    )


def path_shares() -> dict[str, dict[str, float]]:
    """Convert a sample, and return each path's share of each table's bytes, the fast one first."""
    with tempfile.TemporaryDirectory() as folder:
        feed, lake = f"{folder}/feed", f"{folder}/lake"
        write_sample(feed, scale=0.3)
        convert(feed, lake, workers=1)
        members = pq.read_table(f"{lake}/manifest.parquet").to_pylist()
    left: dict[str, Counter[str]] = {table: Counter() for table in TABLES}
    total: Counter[str] = Counter()
    for found in members:
        if found["table"]:
            total[found["table"]] += found["xml_bytes"]
            for fallback in found["fallbacks"]:
                share = fallback["records"] / max(found["records"], 1)
                left[found["table"]][fallback["reason"]] += found["xml_bytes"] * share
    reasons = [reason for reason, _ in sum(left.values(), Counter()).most_common()]
    shares = {reason: {t: left[t][reason] / total[t] for t in TABLES} for reason in reasons}
    fast = {t: 1 - left[t].total() / total[t] for t in TABLES}
    return {"by the fast path": fast, **shares}


def paths_section() -> Section:
    """Show the share of each path."""
    shares = path_shares()
    return Section(
        name="paths",
        title="Which path",
        text="Share of the XML that the fast path reads, in a sample feed with all quirks of the "
        "real one, and the reasons why the reference reads the rest. A reason concerns one "
        "record, or a member as a whole.",
        columns=["read", *TABLES],
        rows=[
            [reason, *(f"{share:.2%}" for share in of_tables.values())]
            for reason, of_tables in shares.items()
        ],
        figures=shares,
    )


def sections(rounds: int) -> Iterator[Section]:
    """Measure everything."""
    yield speed_section(rounds)
    yield parts_section()
    yield zips_section(rounds)
    yield paths_section()


def check(rounds: int = 3) -> list[str]:
    """Compare a small run with the required speeds, and return a line for each that is too low."""
    short = []
    for name, speed in measure(10, rounds).items():
        for rival, bar in zip(("expat", "xmltodict"), BARS[name], strict=True):
            found = speed["movielake"] / speed[rival]
            line = f"{name}: expected at least {SLACK} × {bar} times {rival}, found {found:.2f}"
            print(line)
            if found < SLACK * bar:
                short.append(line)
    return short
