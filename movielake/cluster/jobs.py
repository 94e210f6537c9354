"""The list of the sbatch scripts that ship with the package, and copies with a job's own sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from movielake.schema.tables import shipped_folder

_SOURCE: Final = re.compile(r"^# shellcheck source=.*\nsource .*/environment\.sh\"\n", re.M)
"""The lines that source `environment.sh`. A written script has the text of the file instead."""

_HEADER: Final = re.compile(r"(?<=\n)#SBATCH .*\n")


@dataclass(frozen=True)
class JobScript:
    """One sbatch script.

    Parameters
    ----------
    name : str
        The name for `write_job`.
    summary : str
        One sentence on what the script does.
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
"""The options of `write_job`, and the option of sbatch that each one sets."""


def list_jobs() -> tuple[JobScript, ...]:
    """List the scripts that ship with the package.

    Returns
    -------
    tuple of JobScript
        The scripts, sorted by name.

    Examples
    --------
    >>> from movielake.cluster.jobs import list_jobs
    >>> [script.name for script in list_jobs()]
    ['analysis', 'multinode', 'notebook', 'prepare']
    """
    files = sorted(shipped_folder("jobs").glob("*.sbatch"))
    return tuple(JobScript(file.stem, _summary(file)) for file in files)


def write_job(name: str, **options: int | str | None) -> str:
    """Return the complete text of a script, with a job's own sizes.

    The script is not submitted.

    Parameters
    ----------
    name : str
        The name of the script. `list_jobs` lists the names.
    **options : int or str, optional
        ``cpus`` of each node, ``nodes``, ``memory`` for each CPU (``4000M``), ``time``
        (``2:59:00``) and ``account``. An option that is missing or None stays as in the script.

    Returns
    -------
    str
        The text to submit with ``sbatch``.

    Raises
    ------
    ValueError
        If the script or an option does not exist, or a value has a form that Slurm does not
        accept. The message lists the names or the form. The values are not checked against the
        limits of a cluster.

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
            raise ValueError(f"expected one of the options {', '.join(OPTIONS)}, found {option!r}")
        if value is not None:
            text = _set(text, OPTIONS[option].flag, _checked(name, option, str(value)))
    return text


def _read(name: str) -> str:
    """Read a script, and insert the text of `environment.sh`."""
    names = [script.name for script in list_jobs()]
    if name not in names:
        raise ValueError(f"expected one of the jobs {', '.join(names)}, found {name!r}")
    folder = shipped_folder("jobs")
    environment = (folder / "environment.sh").read_text(encoding="utf-8")
    text = (folder / f"{name}.sbatch").read_text(encoding="utf-8")
    return _SOURCE.sub(lambda _: environment, text, count=1)


def _checked(name: str, option: str, value: str) -> str:
    kind = OPTIONS[option]
    if not re.fullmatch(kind.pattern, value):
        raise ValueError(f"expected {kind.expected}, for {option}, found {value!r}")
    if option == "nodes" and name != "multinode" and value != "1":
        raise ValueError(f"expected 1, for nodes of {name}, found {value}; use multinode for more")
    return value


def _set(text: str, flag: str, value: str) -> str:
    """Replace the header line that sets this flag, even a commented one, or add a line."""
    line = f"#SBATCH {flag}={value}\n"
    text, count = re.subn(rf"(?m)^##?SBATCH {flag}=.*\n", line, text)
    if count:
        return text
    last = [*_HEADER.finditer(text)][-1].end()
    return text[:last] + line + text[last:]


def _summary(file: Path) -> str:
    """Read the first line of the comment below the header."""
    found = re.search(r"^#\n# (.*)$", file.read_text(encoding="utf-8"), re.M)
    return found[1] if found else ""
