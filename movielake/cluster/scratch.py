"""The folder for workers' temporary files, which is removed at the end even of a killed process."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SWEEPER: Final = """
trap '' HUP INT TERM
read -r word
test "$word" = done || for pause in 0 1; do sleep $pause; rm -rf -- "$1"; done
"""
"""A shell script that waits until its input ends, and removes the scratch folder.

Our process writes "done" when it has removed the folder itself. If the input ends without this
word, our process was killed. The script removes the folder twice, because workers that are about to
end can still write to it.
"""


@contextmanager
def scratch_folder(parent: str | None = None) -> Iterator[Path]:
    """Make a folder that is removed when this process ends, even if it is killed.

    Parameters
    ----------
    parent : str, optional
        The folder to make it in, by default the system's folder for temporary files.

    Yields
    ------
    pathlib.Path
        The folder, which only its owner can read.

    Raises
    ------
    OSError
        If the parent is not writable.

    Examples
    --------
    >>> from movielake.cluster.scratch import scratch_folder
    >>> with scratch_folder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="movielake-", dir=parent))
    except OSError as error:
        raise OSError(
            f"expected a writable folder in SLURM_TMPDIR or scratch=, found {parent!r}; "
            f"set another one ({error})"
        ) from error
    sweeper = subprocess.Popen(  # noqa: S603  # only the folder comes from outside
        ["/bin/sh", "-c", _SWEEPER, "movielake-sweeper", folder],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that a signal to our process group does not reach it
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sweeper.communicate(b"" if folder.exists() else b"done\n")
