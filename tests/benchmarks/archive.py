"""Cost of a whole archive, estimated from measured speeds and from the sizes of a sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from movielake.conversion.runs import convert
from movielake.sample import write_sample
from tests.benchmarks.results import Section, read_results

YEARS, COUNTRIES, CPUS = 10, 48, 48
SCREENINGS = 120e6 * YEARS
"""A year has over 120 million screenings. Source: the feed's description."""
ZIPS = COUNTRIES * 52 * YEARS
FILES_OF_ZIP = 7
"""Three tables in two formats, and the commit."""


def measure_sample() -> dict[str, float]:
    """Convert a sample, and return the bytes per screening of XML, zips, JSON Lines and Parquet."""
    with tempfile.TemporaryDirectory() as name:
        feed, lake = f"{name}/feed", f"{name}/lake"
        sample = write_sample(feed)
        convert(feed, lake)
        sizes = {kind: tree_size(Path(lake, kind)) for kind in ("json", "parquet")}
    sizes |= {"XML": sample.xml_bytes, "zips": sample.zip_bytes}
    return {kind: size / sample.screenings for kind, size in sizes.items()}


def tree_size(folder: Path) -> int:
    """Return the total size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def sections(_: int) -> Iterator[Section]:
    """Estimate from the kept speed of whole feed zips: they have the same three tables."""
    (zips,) = (s.figures for s in read_results() if s.name == "zips")
    rate = zips["mb_per_s"] * 1e6
    gigabytes = {kind: size * SCREENINGS / 1e9 for kind, size in measure_sample().items()}
    seconds = gigabytes["XML"] * 1e9 / rate
    minutes = seconds / CPUS / 60
    files = ZIPS * FILES_OF_ZIP
    written = gigabytes["json"] + gigabytes["parquet"]
    figures = {
        "gigabytes": gigabytes,
        "cpu_hours": seconds / 3600,
        "minutes": minutes,
        "files": files,
        "files_per_second": files / minutes / 60,
        "read_mb_per_s": gigabytes["zips"] * 1e3 / minutes / 60,
        "written_mb_per_s": written * 1e3 / minutes / 60,
    }
    yield Section(
        name="archive",
        title="A whole archive",
        text=f"{COUNTRIES} countries × {YEARS} years on {CPUS} CPUs. This is an estimate, not a "
        f"measurement. It assumes {SCREENINGS / 1e9:.1f} billion screenings, the sample's bytes "
        "per screening, the speed of whole feed zips above, and CPUs that are always busy. For a "
        "shared file system, the number of bytes is small and the number of files is large: each "
        "file is created, synced and renamed. If the file system can do this less often per "
        "second, it is the bottleneck. Then fewer CPUs are as fast. Alternatively, write the lake "
        "to the node's own disk and pack it into one file.",
        columns=["quantity", "estimate"],
        rows=[
            ["XML", f"{gigabytes['XML']:.0f} GB"],
            ["feed zips to read", f"{gigabytes['zips']:.0f} GB in {ZIPS:,} files"],
            ["lake to write", f"{written:.0f} GB in {files:,} files"],
            ["work", f"{figures['cpu_hours']:.1f} CPU hours"],
            [f"time on {CPUS} CPUs", f"{minutes:.1f} minutes"],
            ["reading", f"{figures['read_mb_per_s']:.0f} MB per second"],
            ["writing", f"{figures['written_mb_per_s']:.0f} MB per second"],
            ["files created, synced, renamed", f"{figures['files_per_second']:.0f} per second"],
        ],
        figures=figures,
    )
