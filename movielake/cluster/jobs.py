"""The sbatch scripts that ship with the package: listed, and written with a job's own sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from movielake.schema.tables import shipped_folder

_SOURCE: Final = re.compile(r"^# shellcheck source=.*\nsource .*/environment\.sh\"\n", re.M)
"""How a script gets `environment.sh`; a written script has its text instead."""

_HEADER: Final = re.compile(r"(?<=\n)#SBATCH .*\n")


@dataclass(frozen=True)
class JobScript:
    """One of the scripts.

    Parameters
    ----------
    name : str
        What `write_job` calls it.
    summary : str
        What it does, in a line.
    """

    name: str
    summary: str


@dataclass(frozen=True)
class _Option:
    flag: str
    pattern: str
    expected: str


OPTIONS: Final = {
    "cpus": _Option("--cpus-per-task", "[1-9][0-9]*", "a positive number of CPUs, like 6"),
    "nodes": _Option("--nodes", "[1-9][0-9]*", "a positive number of nodes, like 4"),
    "memory": _Option(
        "--mem-per-cpu", "[1-9][0-9]*[KMGT]?", "memory for each CPU in K, M, G or T, like 4000M"
    ),
    "time": _Option(
        "--time",
        r"[0-9]+(:[0-5][0-9]){0,2}|[0-9]+-[0-9]+(:[0-5][0-9]){0,2}",
        "minutes, H:MM:SS or D-HH:MM:SS, like 2:59:00",
    ),
    "account": _Option("--account", r"[A-Za-z0-9_.-]+", "the name of an account"),
}
"""What can be set in a script, and the option of sbatch that it sets."""


def list_jobs() -> tuple[JobScript, ...]:
    """List the scripts that ship with the package.

    Returns
    -------
    tuple of JobScript
        By name.

    Examples
    --------
    >>> from movielake.cluster.jobs import list_jobs
    >>> [script.name for script in list_jobs()]
    ['analysis', 'multinode', 'notebook', 'prepare']
    """
    files = sorted(shipped_folder("jobs").glob("*.sbatch"))
    return tuple(JobScript(file.stem, _summary(file)) for file in files)


def write_job(name: str, **options: int | str | None) -> str:
    """Write one of the scripts, complete in one text, with a job's own sizes.

    Parameters
    ----------
    name : str
        Which; see `list_jobs`.
    **options : int or str, optional
        ``cpus`` of each node, ``nodes``, ``memory`` for each CPU (``4000M``), ``time``
        (``2:59:00``) and ``account``; what is not given, or None, stays as in the script.

    Returns
    -------
    str
        The text to submit with ``sbatch``.

    Raises
    ------
    ValueError
        If there is no such script or option, or a value is none that Slurm knows; the message
        tells what there is. Nothing else is checked, and nothing is submitted.

    Examples
    --------
    >>> from movielake.cluster.jobs import write_job
    >>> text = write_job("analysis", cpus=48, time="30", account="cinema")
    >>> [line for line in text.splitlines() if line.startswith(("#SBATCH --cpus", "#SBATCH --acc"))]
    ['#SBATCH --cpus-per-task=48', '#SBATCH --account=cinema']
    """
    text = _read(name)
    for option, value in options.items():
        if option not in OPTIONS:
            raise ValueError(f"expected options out of {', '.join(OPTIONS)}, found {option!r}")
        if value is not None:
            text = _set(text, OPTIONS[option].flag, _checked(name, option, str(value)))
    return text


def _read(name: str) -> str:
    """Read a script, with the text of its environment in it."""
    names = [script.name for script in list_jobs()]
    if name not in names:
        raise ValueError(f"expected a job out of {', '.join(names)}, found {name!r}")
    folder = shipped_folder("jobs")
    environment = (folder / "environment.sh").read_text(encoding="utf-8")
    text = (folder / f"{name}.sbatch").read_text(encoding="utf-8")
    return _SOURCE.sub(lambda _: environment, text, count=1)


def _checked(name: str, option: str, value: str) -> str:
    kind = OPTIONS[option]
    if not re.fullmatch(kind.pattern, value):
        raise ValueError(f"expected {kind.expected}, for {option}, found {value!r}")
    if option == "nodes" and name != "multinode" and value != "1":
        raise ValueError(f"expected 1, for nodes of {name}, found {value}; multinode is for more")
    return value


def _set(text: str, flag: str, value: str) -> str:
    """Replace the line of the header that sets this, even one in comment, or add one."""
    line = f"#SBATCH {flag}={value}\n"
    text, count = re.subn(rf"(?m)^##?SBATCH {flag}=.*\n", line, text)
    if count:
        return text
    last = [*_HEADER.finditer(text)][-1].end()
    return text[:last] + line + text[last:]


def _summary(file: Path) -> str:
    """Read the first sentence of the comment below the header."""
    found = re.search(r"^#\n# (.*)$", file.read_text(encoding="utf-8"), re.M)
    return found[1] if found else ""
