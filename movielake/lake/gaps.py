"""Gaps: partitions that are left out, because their commits cannot be read.

The command line imports this module at every start, so it must not import large libraries.
"""

from __future__ import annotations

import warnings


class UnreadableCommitWarning(UserWarning):
    """Warning that a partition is left out, because its commit cannot be read."""


def warn_of_gap(lake: str, reason: object) -> None:
    """Warn that a partition is left out.

    Parameters
    ----------
    lake : str
        Path or URL of the lake.
    reason : object
        The reason with the path of the commit and the advice. Usually an `UnreadableCommitError`.

    Examples
    --------
    >>> import warnings
    >>> from movielake.lake.gaps import warn_of_gap
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn_of_gap("lake", "manifest/20191206/deu.json cannot be read; remove this file")
    >>> print(caught[0].message)
    lake: manifest/20191206/deu.json cannot be read; remove this file (its partition is left out)
    """
    message = f"{lake}: {reason} (its partition is left out)"
    warnings.warn(message, UnreadableCommitWarning, stacklevel=3)
