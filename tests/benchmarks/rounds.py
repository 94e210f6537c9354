"""Rounds: contenders take turns in one run, so that other load affects all of them equally."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Work = Callable[[], object]


def cpu_seconds(work: Work, whose: int = resource.RUSAGE_SELF) -> float:
    """Run a piece of work, and return its CPU time in this process, user and system."""
    before = resource.getrusage(whose)
    work()
    after = resource.getrusage(whose)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def child_seconds(work: Work) -> float:
    """Run a piece of work, and return the CPU time of the processes that it starts and awaits."""
    return cpu_seconds(work, resource.RUSAGE_CHILDREN)


def wall_seconds(work: Work) -> float:
    """Run a piece of work, and return the elapsed time."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_megabytes() -> float:
    """Return the peak memory of this process. Unlike ``ru_maxrss``, it excludes the parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def take_turns(
    contenders: Mapping[str, Work], rounds: int, clock: Callable[[Work], float] = cpu_seconds
) -> dict[str, float]:
    """Run all contenders in each round, and return the median seconds of each.

    An additional first round warms up and is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            taken = clock(work)
            if number:
                seconds[name].append(taken)
    return {name: statistics.median(taken) for name, taken in seconds.items()}
