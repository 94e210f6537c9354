"""Conversion by movielake and by other programs, on the same members and in the same run.

Each run is a new process on one core. It converts a smaller member first, so that neither imports
nor the first growth of memory count, and then the member: CPU seconds of the work only, as the
median of the rounds, in which the programs take turns. The peak memory is that of the process. In
the first round each program's records are read back and counted. A second table shows what the
programs write, and what becomes of the feed's quirks, as tried by `peer_quirks`.

The extra ``bench`` installs the programs. The table names those that are not installed.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from movielake.schema.tables import table
from tests.benchmarks.members import SAMPLES, member, movies_member, theaters_member
from tests.benchmarks.peer_programs import PARSERS, PEERS, Job, Peer, output_files, prepare
from tests.benchmarks.peer_quirks import answers, compression_of, types_of
from tests.benchmarks.results import Section
from tests.benchmarks.rounds import cpu_seconds, peak_megabytes

OURS = "movielake"
KNOWN = PEERS | PARSERS
MEGABYTES = 37
WARMING = 8
MEMBERS: dict[str, tuple[str, Callable[[float], bytes]]] = {
    "repetitive": ("showings", lambda size: member(SAMPLES["repetitive"], size)),
    "high-entropy": ("showings", lambda size: member(SAMPLES["high-entropy"], size)),
    "movies": ("movies", lambda size: movies_member(size / 2)),
    "theaters": ("theaters", lambda size: theaters_member(size / 2)),
}
LARGE, SMALL = "large", "small"


def in_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a new process, and return its value."""
    context = multiprocessing.get_context("spawn")
    result = context.SimpleQueue()
    process = context.Process(target=answer, args=(result, work, *arguments))
    process.start()
    process.join()
    if process.exitcode:
        return {"error": f"the process ended with exit code {process.exitcode}"}
    return result.get()


def answer(result: Any, work: Callable[..., Any], *arguments: Any) -> None:
    """Put the value of a function into a queue."""
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    result.put(work(*arguments))


def run(name: str, of: str, folder: Path, is_first: bool) -> dict[str, Any]:
    """Convert a smaller member and then the large one. The first time, look at the output too."""
    peer = KNOWN[name]
    try:
        peer.convert(Job(folder / SMALL, table(of)))
        job = Job(folder / LARGE, table(of))
        made: list[Any] = []
        seconds = cpu_seconds(lambda: made.append(peer.convert(job)))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    found = {"seconds": seconds, "peak_mb": peak_megabytes()}
    return found | look(peer, job, made[0]) if is_first else found


def look(peer: Peer, job: Job, made: Any) -> dict[str, Any]:
    """Read a program's output, and return what it is."""
    records = peer.read(job, made) if peer.read else []
    return {
        "records": len(records),
        "output_mb": sum(file.stat().st_size for file in output_files(job)) / 1e6,
        "types": types_of(job, records),
        "files": compression_of(job),
    }


def clear(folder: Path) -> None:
    """Empty the folders for output."""
    for size in (SMALL, LARGE):
        shutil.rmtree(folder / size / "output")
        (folder / size / "output").mkdir()


def measure(sample: str, rounds: int) -> dict[str, Any]:
    """Let all programs take turns on a member, and return the medians of each."""
    of, make = MEMBERS[sample]
    xml = make(MEGABYTES)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in KNOWN if version_of(name)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder / LARGE, of, xml)
        prepare(folder / SMALL, of, make(WARMING))
        for number in range(rounds):
            for peer, runs in found.items():
                runs.append(in_process(run, peer, of, folder, number == 0))
                clear(folder)
    records = xml.count(f"<{table(of).record}>".encode())
    for peer, runs in found.items():
        if KNOWN[peer].read and runs[0].get("records", records) != records:
            raise RuntimeError(f"expected {records} records of {peer}, found {runs[0]['records']}")
    return {peer: summary(len(xml) / 1e6, runs) for peer, runs in found.items()}


def summary(megabytes: float, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the runs of a program together."""
    if "error" in runs[0]:
        return runs[0]
    medians = {key: statistics.median(run[key] for run in runs) for key in ("seconds", "peak_mb")}
    return {**runs[0], **medians, "mb_per_s": megabytes / medians["seconds"]}


def version_of(name: str) -> str:
    """Return the version of a program's package; of Python for its own parser; or nothing."""
    package = KNOWN[name].package
    try:
        return version(package) if package else platform.python_version()
    except PackageNotFoundError:
        return ""


Found = dict[str, dict[str, Any]]


def speed_cells(name: str, found: Found) -> list[str]:
    """Show the speeds of a program."""
    if not version_of(name):
        return [name, "not installed", *[""] * (len(MEMBERS) + 4)]
    speeds = [of[name].get("mb_per_s") for of in found.values()]
    entropic = found["high-entropy"][name]
    return [
        name,
        version_of(name),
        *(f"{speed:.0f}" if speed else "refuses it" for speed in speeds),
        f"{entropic['peak_mb']:.0f} MB",
        f"{entropic['output_mb']:.1f} MB" if entropic["output_mb"] else "",
        *(
            f"{found[sample][OURS]['mb_per_s'] / found[sample][name]['mb_per_s']:.2f}"
            if name != OURS
            else ""
            for sample in SAMPLES
        ),
    ]


def speed_section(found: Found, rounds: int) -> Section:
    """Show the speed of all programs."""
    refused = [
        f" {name} refuses the {sample}: *{of[name]['error']}*."
        for sample, of in found.items()
        for name in of
        if "error" in of[name]
    ]
    return Section(
        name="peers",
        title="Other programs",
        text="MB of XML per second of CPU time, on one core: a showings member of "
        f"{MEGABYTES} MB as repetitive as the feed's, one in which hardly any text occurs twice, "
        f"and {MEGABYTES / 2:.1f} MB of movies and of theaters of the sample. Median of {rounds} "
        "rounds, in which the programs take turns, each in a new process. Memory and output are "
        "those of the high-entropy member; each process also has the benchmark's own modules, see "
        "expat. The last columns show our speed divided by theirs. The "
        "next table shows what each program does in this time." + "".join(refused),
        columns=[
            *("program", "version", *MEMBERS, "peak memory", "output"),
            *(f"ours ÷ this, {sample}" for sample in SAMPLES),
        ],
        rows=[speed_cells(name, found) for name in KNOWN],
        figures={"mb": MEGABYTES, **found},
    )


READS = {"zip": "the zip", "file": "a plain file", "text": "a text"}


def work_section(found: Found) -> Section:
    """Show what each program does, and what it makes of the quirks."""
    names = [name for name in PEERS if version_of(name)]
    tried = {name: in_process(answers_of, name) for name in names}
    entropic = found["high-entropy"]
    shown = {
        name: {
            "reads": READS[KNOWN[name].takes],
            "writes": entropic[name].get("files", ""),
            "types": entropic[name].get("types", ""),
            **tried[name],
        }
        for name in names
    }
    return Section(
        name="peers-work",
        title="What other programs do",
        text="What each program reads and writes, found in its output of the high-entropy member, "
        "and what becomes of quirks of the feed, each tried with a small member. xml2arrow's "
        "columns have the types of its configuration: here only ids are numbers, since it refuses "
        "a member with one value of another type.",
        columns=["", *names],
        rows=[[what, *(of.get(what, "") for of in shown.values())] for what in shown[OURS]],
        figures=shown,
    )


def answers_of(name: str) -> dict[str, str]:
    """Try all quirks with a program."""
    return answers(KNOWN[name])


def sections(rounds: int) -> Iterator[Section]:
    """Measure everything."""
    found = {sample: measure(sample, rounds) for sample in MEMBERS}
    yield speed_section(found, rounds)
    yield work_section(found)
