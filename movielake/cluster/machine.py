"""The CPUs and the memory that this process can use on this machine, within its control groups."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def machine_cpus(root: Path = Path("/")) -> int:
    """Return how many CPUs this process can use on this machine.

    Parameters
    ----------
    root : Path, optional
        The folder that contains ``proc`` and ``sys``.

    Returns
    -------
    int
        The CPUs on which this process may run, or the smallest quota of the control groups (version
        1 or 2) of this process if that is less. Containers have such quotas. A part of a CPU counts
        as a whole one.

    Examples
    --------
    >>> from movielake.cluster.machine import machine_cpus
    >>> machine_cpus() >= 1
    True
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return min([cpus, *(math.ceil(quota) for quota in _cpu_quotas(root))])


def machine_memory(root: Path = Path("/")) -> int:
    """Return how much memory this process can use on this machine.

    Parameters
    ----------
    root : Path, optional
        The folder that contains ``proc`` and ``sys``.

    Returns
    -------
    int
        Bytes. This is the machine's memory, or the smallest limit of the control groups (version 1
        or 2) of this process if that is less.

    Examples
    --------
    >>> from movielake.cluster.machine import machine_memory
    >>> machine_memory() > 2**20
    True
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_memory_limits(root)])


def _cpu_quotas(root: Path) -> Iterator[float]:
    """Read the quotas, each as the microseconds of CPU time in a period, divided by the period."""
    for folder, version in _control_groups(root, "cpu"):
        if version == 2:
            words = _read(folder / "cpu.max").split()
        else:
            words = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        if len(words) == 2 and all(word.isdecimal() and int(word) for word in words):
            yield int(words[0]) / int(words[1])  # not "max" or -1, which mean no quota


def _memory_limits(root: Path) -> Iterator[int]:
    for folder, version in _control_groups(root, "memory"):
        text = _read(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes")).strip()
        if text.isdecimal():  # not "max"
            yield int(text)


def _control_groups(root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """List the control groups of this process and their parent groups, and their version.

    A container often sees its own group as the root, although its path names the parent groups.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folder, version = root / "sys/fs/cgroup", 2
        elif controller in controllers.split(","):
            folder, version = _mount(root / "sys/fs/cgroup", controller, controllers), 1
        else:
            continue
        for part in (".", *Path(path).parts[1:]):
            folder /= part
            yield folder, version


def _mount(mounts: Path, controller: str, controllers: str) -> Path:
    """Find where a controller of version 1 is mounted, alone or together with others."""
    names = (controller, controllers, ",".join(reversed(controllers.split(","))))
    return next((mounts / name for name in names if (mounts / name).is_dir()), mounts / controller)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the system is not Linux, or a container hides the file
        return ""
