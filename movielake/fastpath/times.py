"""Screenings parsed from texts of times, many texts at once.

Almost every text is a plain list that rises (``13:20, 15:40``), and few different times occur.
Arrow splits such texts, and their times are looked up. Any other text goes through
`movielake.rows.showtimes.parse_showtimes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.fastpath.segments import Codes, Flags, Ints
from movielake.rows.problems import UNORDERED
from movielake.rows.rising import DAY, HALF, NIGHT
from movielake.rows.showtimes import (
    PLAIN_TIMES,
    UNKNOWN_TIME,
    Oddity,
    Screening,
    parse_showtimes,
)


@dataclass(frozen=True)
class OddTexts:
    """Texts with one kind of problem.

    Parameters
    ----------
    numbers : np.ndarray of int64, shape (odd,)
        Number of each text.
    counts : np.ndarray of int64, shape (odd,)
        How many odd pieces each text has.
    first : pa.StringArray, shape (odd,)
        The first odd piece of each text.
    """

    numbers: Ints
    counts: Ints
    first: pa.Array

    @classmethod
    def of(cls, pieces: Mapping[int, Sequence[str]]) -> OddTexts:
        """Collect texts from the odd pieces of each text number."""
        counts = np.array([len(of_text) for of_text in pieces.values()], np.int64)
        first = pa.array([of_text[0] for of_text in pieces.values()], pa.string())
        return cls(np.array(list(pieces), np.int64), counts, first)

    def together(self, others: OddTexts) -> OddTexts:
        """Return these texts and others."""
        return OddTexts(
            np.append(self.numbers, others.numbers),
            np.append(self.counts, others.counts),
            pa.concat_arrays([self.first, others.first]),
        )


@dataclass(frozen=True)
class Times:
    """The screenings of distinct texts, one text after the other.

    Parameters
    ----------
    counts : np.ndarray of int64, shape (texts,)
        Number of screenings of each text. It is at least 1: a text without a time has one
        screening at an unknown time.
    milliseconds : np.ndarray of int32
        Time of each screening, since midnight of its date; a day or more for a time after the
        next midnight; -1 for an unknown time.
    bargain : np.ndarray of bool
        Whether it is a bargain; False for an unknown time.
    odd : dict
        For each kind of problem, the `OddTexts` that have it.
    """

    counts: Ints
    milliseconds: Codes
    bargain: Any
    odd: dict[str, OddTexts] = field(default_factory=dict)


def read_times(texts: pa.Array) -> Times:
    """Read texts of times.

    Parameters
    ----------
    texts : pa.StringArray, shape (n,)
        Texts without nulls.

    Returns
    -------
    Times
        The screenings of the n texts.

    Examples
    --------
    >>> times = read_times(pa.array(["13:20, 15:40", "(9:05)", "TBA"]))
    >>> times.counts.tolist(), times.milliseconds.tolist()
    ([2, 1, 1], [48000000, 56400000, 32700000, -1])
    """
    pieces = pc.split_pattern(texts, ", ")
    coded = pc.list_flatten(pieces).dictionary_encode()
    known = [PLAIN_TIMES.get(piece) for piece in coded.dictionary.to_pylist()]
    numbers = np.array([s.milliseconds if s else -1 for s in known], np.int32)
    milliseconds = numbers[coded.indices.to_numpy()]
    counts = np.diff(pieces.offsets.to_numpy()).astype(np.int64)
    parents = pc.list_parent_indices(pieces).to_numpy()
    falls = (milliseconds[1:] < milliseconds[:-1]) & (parents[1:] == parents[:-1])
    falls &= milliseconds[1:] < HALF  # a time that falls in the afternoon is in no doubt
    fallen = _flags(parents[1:][falls], len(texts))
    is_odd = _flags(parents[milliseconds < 0], len(texts))
    is_odd |= fallen & _flags(parents[milliseconds < NIGHT], len(texts))
    odd = np.flatnonzero(is_odd)
    parsed = [parse_showtimes(text) for text in texts.take(pa.array(odd)).to_pylist()]
    found = _by_kind(odd, [oddities for _, oddities in parsed])
    unordered = np.flatnonzero(fallen & ~is_odd)
    if len(unordered):  # in some feeds most texts are, so no text becomes a Python object
        whole = pc.utf8_trim_whitespace(texts.take(pa.array(unordered)))
        others = OddTexts(unordered, np.ones(len(unordered), np.int64), whole)
        found[UNORDERED] = found.get(UNORDERED, OddTexts.of({})).together(others)
    plain = Times(counts, milliseconds, np.zeros(len(milliseconds), np.bool_), found)
    if not len(odd):
        return plain
    return _combined(plain, odd, [screenings or [UNKNOWN_TIME] for screenings, _ in parsed])


def _flags(numbers: Ints, count: int) -> Flags:
    """Return for each text whether its number occurs."""
    flags = np.zeros(count, np.bool_)
    flags[numbers] = True
    return flags


def _by_kind(odd: Ints, oddities: list[list[Oddity]]) -> dict[str, OddTexts]:
    """Sort the problems of texts by their kind and the number of their text."""
    found: dict[str, dict[int, list[str]]] = {}
    for number, of_text in zip(odd.tolist(), oddities, strict=True):
        for kind, piece in of_text:
            found.setdefault(kind, {}).setdefault(number, []).append(piece)
    return {kind: OddTexts.of(pieces) for kind, pieces in found.items()}


def _combined(plain: Times, odd: Ints, screenings: list[list[Screening]]) -> Times:
    """Replace the screenings of the odd texts by those of the full parser."""
    was_plain = np.ones(len(plain.counts), np.bool_)
    was_plain[odd] = False
    kept = np.repeat(was_plain, plain.counts)
    counts = plain.counts.copy()
    counts[odd] = [len(of_text) for of_text in screenings]
    to_fill = np.repeat(was_plain, counts)
    milliseconds = np.empty(len(to_fill), np.int32)
    bargain = np.zeros(len(to_fill), np.bool_)
    milliseconds[to_fill] = plain.milliseconds[kept]
    flat = list(chain.from_iterable(screenings))
    milliseconds[~to_fill] = [
        -1 if s.milliseconds is None else s.milliseconds + s.days * DAY for s in flat
    ]
    bargain[~to_fill] = [bool(s.bargain) for s in flat]
    return Times(counts, milliseconds, bargain, plain.odd)
