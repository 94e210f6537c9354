"""An archive of ten years: 48 countries, 520 weeks, 1.2 billion screenings, compact.

The archive is made, packed and staged, and asked all questions of `tests.benchmarks.views`. It
takes half an hour and 12 GB of disk. With a given copy, the making is not measured.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from movielake import ShowingsReader
from tests.benchmarks.results import Section
from tests.benchmarks.synthetic_lake import write_lake
from tests.benchmarks.views import (
    QUESTIONS,
    alternate,
    count_rounds,
    table_of_questions,
)

ROWS, WEEKS, COUNTRY = 1.2e9, 520, "deu"
SMALL = ("tar xf", f"cp of {COUNTRY}")


class Taken(NamedTuple):
    """What a command took: elapsed and CPU seconds, and megabytes of memory at most.

    A small program such as tar shows the memory of this process, which it is forked from.
    """

    seconds: float
    cpu: float
    megabytes: float


def run(*command: str, cwd: str | None = None) -> Taken:
    """Run a command after a sync, because the disk is measured too."""
    os.sync()
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    taken = time.perf_counter() - began
    return Taken(taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3)


def movielake(*words: str) -> Taken:
    """Run a command of movielake."""
    return run(sys.executable, "-m", "movielake", *words)


def copies(copy: str, tar: str, folder: str, rounds: int) -> dict[str, Taken]:
    """Stage the pack, and copy the same bytes with tar and cp, in turns. Return the medians."""
    one = [str(path.relative_to(copy)) for path in Path(copy).rglob(f"country={COUNTRY}")]
    target = f"{folder}/target"
    commands = {
        SMALL[0]: lambda: run("tar", "xf", tar, "-C", target),
        "stage": lambda: movielake("stage", tar, "--to", target),
        SMALL[1]: lambda: run("cp", "-r", "--parents", *one, target, cwd=copy),
        f"stage of {COUNTRY}": lambda: movielake(
            "stage", tar, "--to", target, "--countries", COUNTRY
        ),
    }
    found: dict[str, list[Taken]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            Path(target).mkdir()
            found[name].append(command())
            shutil.rmtree(target)
    return {name: median(runs) for name, runs in found.items()}


def median(runs: Sequence[Taken]) -> Taken:
    """Return the median of each figure."""
    return Taken(*(statistics.median(values) for values in zip(*runs, strict=True)))


def sections(rounds: int, copy: str | None) -> Iterator[Section]:
    """Measure making, packing and staging, and all questions once."""
    with tempfile.TemporaryDirectory() as folder:
        steps = {}
        if copy is None:
            copy = f"{folder}/compact"
            write_lake(f"{folder}/lake", ROWS, WEEKS)
            steps["compact"] = movielake("compact", f"{folder}/lake", copy)
            shutil.rmtree(f"{folder}/lake")
        tar = f"{folder}/decade.tar"
        steps["pack"] = movielake("pack", copy, tar)
        steps |= copies(copy, tar, folder, rounds)
        size = Path(tar).stat().st_size
        Path(tar).unlink()
        yield _table(steps, size, rounds)
        rows = len(ShowingsReader(copy).dataframe)
        files = len(list(Path(copy, "parquet").rglob("*.parquet")))
        many = f"48 countries × {WEEKS} weeks, {rows / 1e9:.1f} billion screenings in {files:,}"
        figures = {question: alternate(copy, question, 1) for question in QUESTIONS}
        yield table_of_questions("decade-views", "Queries on ten years", many, figures, 1)


def _table(steps: dict[str, Taken], size: int, rounds: int) -> Section:
    return Section(
        name="decade",
        title="Ten years",
        text=f"A compact archive of 48 countries × {WEEKS} weeks and {ROWS / 1e9:.1f} billion "
        f"screenings, without JSON Lines: {size / 1e9:.2f} GB. Whole commands, with the start of "
        "Python. Staging compares the checksum of each file. Staging, tar and cp: "
        f"{count_rounds(rounds).lower()}; others once.",
        columns=["command", "elapsed", "CPU", "peak memory"],
        rows=[
            [
                name,
                f"{taken.seconds:.2g} s",
                f"{taken.cpu:.2g} s",
                "" if name in SMALL else f"{taken.megabytes:.0f} MB",
            ]
            for name, taken in steps.items()
        ],
        figures={"bytes": size, "steps": {name: taken._asdict() for name, taken in steps.items()}},
    )
