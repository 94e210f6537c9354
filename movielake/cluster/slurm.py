"""The Slurm job and the machine. Only this module reads environment variables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("SLURM_JOB_ID",),
    "nodes": ("SLURM_JOB_NUM_NODES", "SLURM_NNODES"),
    "node_list": ("SLURM_JOB_NODELIST", "SLURM_NODELIST"),
    "node": ("SLURMD_NODENAME",),
    "cpus": ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"),
    "memory_per_node": ("SLURM_MEM_PER_NODE",),
    "memory_per_cpu": ("SLURM_MEM_PER_CPU",),
    "scratch": ("SLURM_TMPDIR",),
    "scheduler_address": ("DASK_SCHEDULER_ADDRESS",),
    "scheduler_file": ("MOVIELAKE_SCHEDULER_FILE",),
    "certificates": ("MOVIELAKE_TLS",),
    "insecure": ("MOVIELAKE_INSECURE",),
}
"""The environment variables for each setting. The first one that is set and not empty counts."""

_NODE: Final = r"(?:[^][,\s]|\[\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*\])+"
"""One word of Slurm's list of nodes: the characters of a name, and ranges in brackets."""

_MEGABYTE: Final = 2**20
"""Slurm's unit of memory, in bytes."""


@dataclass(frozen=True)
class Job:
    """The resources and settings that Slurm or the machine gives this process.

    Parameters
    ----------
    id : str or None
        Slurm's number of the job. None outside Slurm.
    nodes : int
        The number of nodes of the job.
    node_list : tuple of str
        The names of the nodes. Empty outside Slurm.
    node : str or None
        The name of this node. None outside Slurm.
    cpus : int
        The number of CPUs of this process on this node.
    memory : int
        Bytes of memory for these CPUs together.
    scratch : str or None
        The job's folder on the node's local disk. None if the job has no such folder.
    scheduler_address, scheduler_file : str or None
        The address of a running dask scheduler, and the file that contains it.
    certificates : str or None
        The folder of that scheduler's certificates.
    insecure : bool
        Whether TLS was turned off.
    """

    id: str | None
    nodes: int
    node_list: tuple[str, ...]
    node: str | None
    cpus: int
    memory: int
    scratch: str | None
    scheduler_address: str | None
    scheduler_file: str | None
    certificates: str | None
    insecure: bool

    @property
    def is_slurm(self) -> bool:
        """Whether this is a Slurm job."""
        return self.id is not None


def read_job(
    environ: Mapping[str, str] | None = None,
    *,
    cpus: int | None = None,
    memory: int | None = None,
    scratch: str | Path | None = None,
    scheduler_file: str | Path | None = None,
) -> Job:
    """Read the resources and settings of this process, from Slurm or from the machine.

    Parameters
    ----------
    environ : mapping of str to str, optional
        The environment variables, by default those of this process. `VARIABLES` lists them.
    cpus, memory, scratch, scheduler_file : optional
        Values that replace those of the environment. The variable is then not even read.

    Returns
    -------
    Job
        The resources and settings.

    Raises
    ------
    ValueError
        If a variable has an invalid value. The message names the variable.

    Examples
    --------
    >>> from movielake.cluster.slurm import read_job
    >>> job = read_job({"SLURM_CPUS_PER_TASK": "6", "SLURM_MEM_PER_CPU": "4000"})
    >>> job.cpus, job.memory // 2**20
    (6, 24000)
    """
    found = _find(os.environ if environ is None else environ)
    names = expand_nodes(found["node_list"][1]) if "node_list" in found else ()
    cpus = cpus or _count(found, "cpus") or _machine_cpus()
    return Job(
        id=_text(found, "id"),
        nodes=_count(found, "nodes") or len(names) or 1,
        node_list=names,
        node=_text(found, "node"),
        cpus=cpus,
        memory=memory or _slurm_memory(found, cpus) or machine_memory(),
        scratch=str(scratch) if scratch else _text(found, "scratch"),
        scheduler_address=_text(found, "scheduler_address"),
        scheduler_file=str(scheduler_file) if scheduler_file else _text(found, "scheduler_file"),
        certificates=_text(found, "certificates"),
        insecure=_switch(found, "insecure"),
    )


def expand_nodes(text: str) -> tuple[str, ...]:
    """Expand Slurm's short form of a list of nodes.

    Parameters
    ----------
    text : str
        The list, such as the value of ``SLURM_JOB_NODELIST``.

    Returns
    -------
    tuple of str
        The names of the nodes, in order.

    Raises
    ------
    ValueError
        If the text is not a list of nodes.

    Examples
    --------
    >>> from movielake.cluster.slurm import expand_nodes
    >>> expand_nodes("n[1-3,07],login")
    ('n1', 'n2', 'n3', 'n07', 'login')
    """
    if not re.fullmatch(rf"{_NODE}(,{_NODE})*", text):
        raise _refusal("SLURM_JOB_NODELIST", "a list of nodes like n[1-3,7]", text)
    words = re.findall(_NODE, text)
    return tuple(name for word in words for name in _expand_word(word))


def _expand_word(word: str) -> Iterator[str]:
    before, bracket, rest = word.partition("[")
    if not bracket:
        yield word
        return
    ranges, _, after = rest.partition("]")
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            for tail in _expand_word(after):
                yield f"{before}{number:0{len(first)}}{tail}"


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
    >>> from movielake.cluster.slurm import machine_memory
    >>> machine_memory() > 2**20
    True
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_control_group_limits(root)])


def _control_group_limits(root: Path) -> Iterator[int]:
    """Read the limits of the control groups of this process, and of their parent groups."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folder, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        for part in (".", *Path(path).parts[1:]):
            folder /= part
            text = _read(folder / name).strip()
            if text.isdecimal():  # not "max"
                yield int(text)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the system is not Linux, or a container hides the file
        return ""


def _machine_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _slurm_memory(found: Mapping[str, tuple[str, str]], cpus: int) -> int:
    per_node = _count(found, "memory_per_node", least=0)  # 0 means all memory of the node
    return (per_node or _count(found, "memory_per_cpu", least=0) * cpus) * _MEGABYTE


@contextmanager
def variables_kept() -> Iterator[None]:
    """Remove new environment variables at the end of the context.

    Examples
    --------
    >>> import os
    >>> from movielake.cluster.slurm import variables_kept
    >>> with variables_kept():
    ...     os.environ["MALLOC_TRIM_THRESHOLD_"] = "65536"
    >>> "MALLOC_TRIM_THRESHOLD_" in os.environ
    False
    """
    before = frozenset(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before:
            del os.environ[name]


def _find(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Find the name and the value of the variable that counts for each setting."""
    found: dict[str, tuple[str, str]] = {}
    for key, names in VARIABLES.items():
        for name in names:
            if environ.get(name):
                found.setdefault(key, (name, environ[name]))
    return found


def _text(found: Mapping[str, tuple[str, str]], key: str) -> str | None:
    return found[key][1] if key in found else None


def _count(found: Mapping[str, tuple[str, str]], key: str, least: int = 1) -> int:
    """Read a number. Return 0 if its variable is not set."""
    if key not in found:
        return 0
    name, text = found[key]
    if not text.isdecimal() or int(text) < least:
        raise _refusal(name, f"a whole number of at least {least}", text)
    return int(text)


def _switch(found: Mapping[str, tuple[str, str]], key: str) -> bool:
    name, text = found.get(key, ("", "0"))
    if text not in ("0", "1"):
        raise _refusal(name, "1 or 0", text)
    return text == "1"


def _refusal(name: str, expected: str, text: str) -> ValueError:
    return ValueError(f"expected {expected} in {name}, found {text!r}; correct it or unset it")
