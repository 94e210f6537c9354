"""Sizes of files, compared with the manifest before they are read."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_LOOKS: Final = 400
"""Number of files whose sizes one thread checks in one call."""

_LOOKERS: Final = 16
"""Number of threads that check sizes."""

MEND: Final = (
    "if it was converted again meanwhile, open the reader again; if not, convert its feed zip "
    "again with: movielake convert --force"
)


def check_sizes(files: Sequence[tuple[str, int]]) -> None:
    """Compare the sizes of local files with the manifest.

    Parameters
    ----------
    files : sequence of (str, int)
        Path and expected size of each file.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a size differs.
    """
    pieces = [files[start : start + _LOOKS] for start in range(0, len(files), _LOOKS)]
    # A shared file system answers slowly. Threads send many requests at the same time.
    with ThreadPoolExecutor(_LOOKERS) as pool:
        deque(pool.map(_check, pieces), maxlen=0)


def _check(files: Sequence[tuple[str, int]]) -> None:
    for path, expected in files:
        try:
            found = os.stat(path).st_size  # noqa: PTH116  (called for many thousands of files)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{path} is in the manifest but does not exist; {MEND}"
            ) from None
        if found != expected:
            compare_size(path, found, expected)


def compare_end(path: str, found: int, end: int) -> None:
    """Raise an error if a part of a file ends after the file."""
    if end > found:
        raise ValueError(f"expected {end} bytes or more in {path}, found {found}; {MEND}")


def compare_size(path: str, found: int, expected: int | None) -> None:
    """Compare the size of a file with the expected size. None means unknown.

    Raises
    ------
    ValueError
        If the sizes differ. The file is damaged, or was replaced since the manifest was read.
    """
    if expected is not None and found != expected:
        raise ValueError(f"expected {expected} bytes in {path}, found {found}; {MEND}")
