"""The job's surroundings: the only module that reads environment variables."""

from __future__ import annotations

import os


def available_cpus() -> int:
    """Count the CPUs that this process may use.

    Under Slurm ``SLURM_CPUS_PER_TASK``, else ``SLURM_CPUS_ON_NODE``; elsewhere the CPUs of the
    process's affinity mask.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If a variable is set to something that is no positive integer; the message names it.

    Examples
    --------
    >>> from movielake.slurm import available_cpus
    >>> available_cpus() >= 1
    True
    """
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        text = os.environ.get(name)
        if text:
            if not text.isdecimal() or int(text) < 1:
                raise ValueError(f"expected a positive number of CPUs in {name}, found {text!r}")
            return int(text)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def scratch() -> str | None:
    """Tell the job's folder on the node's local disk.

    Returns
    -------
    str or None
        ``SLURM_TMPDIR``; None where it is not set.
    """
    return os.environ.get("SLURM_TMPDIR") or None
