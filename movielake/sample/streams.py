"""Random numbers that depend only on their name."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")


def fraction(*parts: object) -> float:
    """Return one number in [0, 1) that depends only on its name.

    For a single number, this function is faster than a `Stream`.

    Parameters
    ----------
    *parts
        The parts of the name, such as the seed, a country and a purpose.

    Returns
    -------
    float

    Examples
    --------
    >>> fraction(0, "can", "delay") == fraction(0, "can", "delay")
    True
    """
    name = "/".join(map(str, parts)).encode()
    # CRC is linear. Without the mixing, names that differ in one digit would give related numbers.
    mixed = crc32(name) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return (mixed >> 32) / 2**32


class Stream:
    """A named stream of random numbers, the same on every machine.

    All numbers come from ``random.Random.random``. Only for this method does Python guarantee the
    same sequence in all versions.

    Parameters
    ----------
    *parts
        The name of the stream, such as the seed, a stamp and a country.

    Examples
    --------
    >>> Stream(0, "can").integer(1, 6) == Stream(0, "can").integer(1, 6)
    True
    """

    __slots__ = ("random",)

    def __init__(self, *parts: object) -> None:
        self.random = random.Random("/".join(map(str, parts))).random

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random() < probability

    def integer(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[int(self.random() * len(choices))]

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """Return `count` different choices, or all choices if `count` is too large."""
        rest = list(choices)
        return [rest.pop(int(self.random() * len(rest))) for _ in range(min(count, len(rest)))]

    def digits(self, pattern: str) -> str:
        """Return the pattern with a random digit for each ``#``."""
        return "".join(str(self.integer(0, 9)) if c == "#" else c for c in pattern)
