"""Start-up time: elapsed time to start and end a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.results import Section
from tests.benchmarks.rounds import take_turns, wall_seconds

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "movielake --help": ["-m", "movielake", "--help"],
    "import movielake": ["-c", "import movielake"],
    "from movielake import ShowingsReader": ["-c", "from movielake import ShowingsReader"],
    "import pandas": ["-c", "import pandas"],
    "import dask.dataframe": ["-c", "import dask.dataframe"],
}


def sections(rounds: int) -> Iterator[Section]:
    """Start each command, in turns."""
    work = {
        name: partial(subprocess.run, [sys.executable, *command], check=True, capture_output=True)
        for name, command in COMMANDS.items()
    }
    seconds = take_turns(work, rounds, wall_seconds)
    yield Section(
        name="startup",
        title="Start-up",
        text="Elapsed time from the start of a process to its end. The commands take turns. "
        f"Median of {rounds} rounds.",
        columns=["command", "time"],
        rows=[[f"`{name}`", f"{taken * 1e3:.0f} ms"] for name, taken in seconds.items()],
        figures={"seconds": seconds},
    )
