"""Lean processes: Arrow looks for pandas as soon as it converts a list, but few processes need it.

The import takes a third of a second: more than the rest of a small command, and each worker would
pay it again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


class _NoPandas:
    """A finder of modules that lets the import of pandas fail."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        """Find nothing, so that the next finder is asked, and nobody is for pandas."""
        if name == "pandas":
            raise ImportError("this process does without pandas")


def leave_out_pandas() -> None:
    """Let Arrow look for pandas now, and find none, for the rest of this process.

    Only for programs and workers: Arrow then no longer recognises the arrays of pandas. pandas can
    still be imported, and Arrow can still make its objects.
    """
    import pyarrow as pa

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(finder)
