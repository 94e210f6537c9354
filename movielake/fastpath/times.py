"""Texts of times to screenings, many texts at once.

Almost every text is a plain list (``13:20, 15:40``), and the times in it are few: such texts are
split by Arrow and looked up. Any other goes through `movielake.rows.showtimes.parse_showtimes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.fastpath.segments import Codes, Ints
from movielake.rows.showtimes import PLAIN_TIMES, UNKNOWN_TIME, Screening, parse_showtimes


@dataclass(frozen=True)
class Times:
    """The screenings of distinct texts, those of one text behind those of the other.

    Parameters
    ----------
    counts : np.ndarray of int64, shape (texts,)
        Screenings of each text; at least one, whose time may be unknown.
    milliseconds : np.ndarray of int32
        Since midnight; -1 where the time is not known.
    bargain : np.ndarray of bool
        Whether it is a bargain; False where the time is not known.
    odd : dict
        For each text with something that is no time, the pieces.
    """

    counts: Ints
    milliseconds: Codes
    bargain: Any
    odd: dict[int, list[str]] = field(default_factory=dict)


def read_times(texts: pa.Array) -> Times:
    """Read texts of times.

    Parameters
    ----------
    texts : pa.StringArray, shape (n,)
        Without nulls.

    Returns
    -------
    Times
        Of n texts.

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
    odd = np.unique(pc.list_parent_indices(pieces).to_numpy()[milliseconds < 0])
    plain = Times(counts, milliseconds, np.zeros(len(milliseconds), np.bool_))
    if not len(odd):
        return plain
    parsed = [parse_showtimes(text) for text in texts.take(pa.array(odd)).to_pylist()]
    return _combined(
        plain,
        odd,
        [screenings or [UNKNOWN_TIME] for screenings, _ in parsed],
        {int(number): pieces for number, (_, pieces) in zip(odd, parsed, strict=True) if pieces},
    )


def _combined(
    plain: Times, odd: Ints, screenings: list[list[Screening]], pieces: dict[int, list[str]]
) -> Times:
    """Put the screenings of some texts in place of what was found in them."""
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
    milliseconds[~to_fill] = [-1 if s.milliseconds is None else s.milliseconds for s in flat]
    bargain[~to_fill] = [bool(s.bargain) for s in flat]
    return Times(counts, milliseconds, bargain, pieces)
