"""Limits: how many bytes a member can unpack to, and how many of them quarantine keeps.

A zip can state false sizes, so the limits apply to the bytes that are really unpacked. Real
showtimes stay far below the limits. Only zip bombs and broken zips reach them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FREE: Final = 1_000_000_000
"""Bytes that any member can unpack to, at any ratio. So few bytes do no harm."""

_KEPT: Final = 64_000_000
_KEPT_RATIO: Final = 100


class OverLimitError(ValueError):
    """Raised after the last byte that is within a limit. The message names the limit."""


@dataclass(frozen=True)
class Limits:
    """Limits on the unpacked size of one member of a feed zip.

    Parameters
    ----------
    member_size : int
        Most bytes.
    ratio : float
        Most bytes for each packed byte, beyond the first `FREE`. With deflate, XML unpacks to 20
        to 60 times its packed size. The same record again and again unpacks to some hundreds of
        times. The maximum of deflate is 1,030 times.

    Examples
    --------
    >>> from movielake.feed.limits import Limits
    >>> Limits().most(1000), Limits().most(10_000_000), Limits().most(10**9)
    (1000000000, 3000000000, 64000000000)
    """

    member_size: int = 64_000_000_000
    ratio: float = 300

    def most(self, packed: int) -> int:
        """Return how many bytes a member of this packed size can unpack to."""
        return min(self.member_size, max(FREE, int(self.ratio * packed)))

    def excess(self, packed: int) -> OverLimitError:
        """Return the error for a larger member. It states the limit and what to do next."""
        most = self.most(packed)
        if most == self.member_size:
            option = "--max-member-size (max_member_size=)"
            found = f"it unpacks to more than {most:,} bytes, the limit of {option}"
        else:
            option = "--max-ratio (max_ratio=)"
            found = (
                f"its {packed:,} packed bytes unpack to more than {most:,}, where {option} allows "
                f"{self.ratio:g} for each"
            )
        advice = "if it is not a zip bomb, raise the limit and convert with --force"
        return OverLimitError(f"{found}; {advice}")


def choose_limits(max_member_size: int | str | None, max_ratio: float | None) -> Limits:
    """Read the limits from the options of the command line and of the Python functions.

    Parameters
    ----------
    max_member_size : int, str or None
        Bytes, or a text such as ``"64GB"``; None for the default.
    max_ratio : float or None
        Unpacked bytes for each packed byte; None for the default.

    Returns
    -------
    Limits
        The chosen limits.

    Raises
    ------
    ValueError
        If the size cannot be read, or if a limit is not above zero.

    Examples
    --------
    >>> from movielake.feed.limits import choose_limits
    >>> choose_limits("2 GB", None)
    Limits(member_size=2000000000, ratio=300)
    """
    size = Limits.member_size if max_member_size is None else _parse_size(max_member_size)
    ratio = Limits.ratio if max_ratio is None else max_ratio
    if size < 1:
        raise ValueError(f"expected a size such as 64GB for max_member_size, found {size} bytes")
    if not ratio > 0:
        raise ValueError(f"expected a positive number for max_ratio, found {ratio}")
    return Limits(size, ratio)


def _parse_size(size: int | str) -> int:
    from dask.utils import parse_bytes  # imported late: the import takes 0.1 seconds

    return int(parse_bytes(size))


def most_kept(packed: int) -> int:
    """Return how many unpacked bytes of a damaged member quarantine keeps.

    This keeps zip bombs off the disk.
    """
    return max(_KEPT, _KEPT_RATIO * packed)
