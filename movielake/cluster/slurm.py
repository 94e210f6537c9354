"""The Slurm job and the machine. Only this module reads environment variables."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from movielake.cluster.machine import machine_cpus, machine_memory

VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("SLURM_JOB_ID",),
    "nodes": ("SLURM_JOB_NUM_NODES", "SLURM_NNODES"),
    "node_list": ("SLURM_JOB_NODELIST", "SLURM_NODELIST"),
    "node": ("SLURMD_NODENAME",),
    "node_number": ("SLURM_NODEID",),
    "step": ("SLURM_STEP_ID",),
    "tasks": ("SLURM_TASKS_PER_NODE",),
    "cpus_per_task": ("SLURM_CPUS_PER_TASK",),
    "cpus_on_node": ("SLURM_CPUS_ON_NODE",),
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

_FIRST_SPECIAL_STEP: Final = 2**32 - 16
"""Steps from this number on are the job's own: the batch script, and the shell of salloc."""


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
        The number of CPUs for this process on this node.
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

    @property
    def is_elsewhere(self) -> bool:
        """Whether this process runs on no node of the job, like salloc's shell on a login node."""
        host = socket.gethostname()
        names = {host, host.partition(".")[0]}
        is_listed = not self.node_list or not names.isdisjoint(self.node_list)
        return self.is_slurm and self.node is None and not is_listed


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
    job = Job(
        id=_text(found, "id"),
        nodes=_count(found, "nodes") or len(names) or 1,
        node_list=names,
        node=_text(found, "node"),
        cpus=cpus or 0,
        memory=memory or 0,
        scratch=str(scratch) if scratch else _text(found, "scratch"),
        scheduler_address=_text(found, "scheduler_address"),
        scheduler_file=str(scheduler_file) if scheduler_file else _text(found, "scheduler_file"),
        certificates=_text(found, "certificates"),
        insecure=_switch(found, "insecure"),
    )
    if job.is_elsewhere:
        found = {}
    cpus = cpus or _slurm_cpus(found) or machine_cpus()
    memory = memory or _slurm_memory(found, cpus) or machine_memory()
    return replace(job, cpus=cpus, memory=memory)


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
        If the text is not a list of nodes, or if a range falls, like ``n[3-1]``.

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
        if last and int(last) < int(first):
            raise _refusal(
                "SLURM_JOB_NODELIST", "ranges that rise, like n[1-3]", f"{before}[{part}]"
            )
        for number in range(int(first), int(last or first) + 1):
            for tail in _expand_word(after):
                yield f"{before}{number:0{len(first)}}{tail}"


def _slurm_cpus(found: Mapping[str, tuple[str, str]]) -> int:
    """Return the CPUs for this process on this node, or 0 if Slurm does not state them.

    A batch script has the CPUs of all tasks on its node. In a step, each task is a process.
    """
    per_task = _count(found, "cpus_per_task")
    on_node = _count(found, "cpus_on_node") if not per_task else 0
    tasks = _tasks_on_node(found) if "tasks" in found else 1
    if "step" in found and _count(found, "step", least=0) < _FIRST_SPECIAL_STEP:
        return per_task or -(-on_node // tasks)
    return per_task * tasks or on_node


def _tasks_on_node(found: Mapping[str, tuple[str, str]]) -> int:
    """Read the number of tasks on this node from Slurm's short list for all nodes."""
    name, text = found["tasks"]
    counts = re.findall(r"(\d+)(?:\(x(\d+)\))?(?:,|$)", text)
    each = [int(count) for count, times in counts for _ in range(int(times or 1))]
    number = _count(found, "node_number", least=0)
    if number >= len(each) or not each[number]:
        raise _refusal(name, "the number of tasks on each node like 4(x2),3", text)
    return each[number]


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
    ...     os.environ["MOVIELAKE_EXAMPLE"] = "1"
    >>> "MOVIELAKE_EXAMPLE" in os.environ
    False
    """
    before = frozenset(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before:
            del os.environ[name]


def seed_hashes() -> None:
    """Let new processes compute the same hash of a text, as dask does for its own processes.

    Examples
    --------
    >>> from movielake.cluster.slurm import seed_hashes
    >>> seed_hashes()
    """
    os.environ.setdefault("PYTHONHASHSEED", "6640")  # dask's number


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
