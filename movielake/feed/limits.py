"""Limits: what a member may unpack to, and what is set aside of it.

What a zip says of sizes may be a lie, so they are compared with the bytes that really come out. No
feed of real showtimes comes near the limits; what does is a zip bomb, or broken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FREE: Final = 1_000_000_000
"""Bytes that may come out of any member: harmless, however few they were packed into."""

_KEPT: Final = 64_000_000
_KEPT_RATIO: Final = 100


class OverLimitError(ValueError):
    """Raised behind the last byte that is within a limit; its text says which one."""


@dataclass(frozen=True)
class Limits:
    """How much may come out of one member of a feed zip.

    Parameters
    ----------
    member_size : int
        Bytes.
    ratio : float
        Bytes for each packed byte, beyond the first `FREE`. XML packs 20 to 60 times with deflate,
        records of one kind over and over some hundreds of times, and nothing more than 1,030.

    Examples
    --------
    >>> from movielake.feed.limits import Limits
    >>> Limits().most(1000), Limits().most(10_000_000), Limits().most(10**9)
    (1000000000, 3000000000, 64000000000)
    """

    member_size: int = 64_000_000_000
    ratio: float = 300

    def most(self, packed: int) -> int:
        """Return how many bytes may come out of so many packed ones."""
        return min(self.member_size, max(FREE, int(self.ratio * packed)))

    def excess(self, packed: int) -> OverLimitError:
        """Make the error for a member with more: the limit, what was found, what to do."""
        most = self.most(packed)
        if most == self.member_size:
            option = "--max-member-size (max_member_size=)"
            found = f"it unpacks to more than {most:,} bytes, the most that {option} allows"
        else:
            option = "--max-ratio (max_ratio=)"
            found = (
                f"its {packed:,} packed bytes unpack to more than {most:,}, where {option} allows "
                f"{self.ratio:g} for each"
            )
        return OverLimitError(f"{found}; if it is no zip bomb, allow more and convert with --force")


def choose_limits(max_member_size: int | str | None, max_ratio: float | None) -> Limits:
    """Read the options that the command line and the Python functions have.

    Parameters
    ----------
    max_member_size : int, str or None
        Bytes, or a text such as ``"64GB"``; None for the default.
    max_ratio : float or None
        Unpacked bytes for each packed one; None for the default.

    Returns
    -------
    Limits

    Raises
    ------
    ValueError
        If one is no size, or not above zero.

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
    from dask.utils import parse_bytes  # late: it takes a tenth of a second

    return int(parse_bytes(size))


def most_kept(packed: int) -> int:
    """Return how many bytes of a damaged member are set aside, unpacked: no bomb is written out."""
    return max(_KEPT, _KEPT_RATIO * packed)
