"""Digests of many small members whose rows lie one behind the other in one table.

`movielake.lake.digests.RowsDigest` looks at each column of each member. For a small member these
calls cost more than its bytes. Here each column is looked at once, and only the checksums are
computed for each member. The digests are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from movielake.feed.inflating import crc32

Bounds = npt.NDArray[np.int64]
"""Where each part begins, and where the last one ends."""


def digests_of_parts(rows: pa.Table, bounds: Sequence[int]) -> list[str]:
    """Return the digest of each part of a table.

    Parameters
    ----------
    rows : pa.Table
        Rows of n members, one member behind the other, without dictionary-coded columns.
    bounds : sequence of int, length n + 1
        The first row of each member, and the number of all rows.

    Returns
    -------
    list of str, length n
        For each member what `movielake.lake.digests.RowsDigest` gives for its rows.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.lake.digests import RowsDigest
    >>> rows = pa.table({"title": ["Parasite", None, "Up"]})
    >>> first = RowsDigest()
    >>> first.update(rows[:2])
    >>> digests_of_parts(rows, [0, 2, 3])[0] == first.hexdigest()
    True
    """
    edges = np.asarray(bounds, np.int64)
    streams = _Streams(len(edges) - 1)
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        streams.add(name, column.combine_chunks(), edges, np.flatnonzero(np.diff(edges)))
    return streams.digests()


class _Streams:
    """The checksums of the streams of each part."""

    def __init__(self, count: int) -> None:
        self._streams: list[list[tuple[str, int]]] = [[] for _ in range(count)]
        self._of_constants: dict[tuple[bytes, int], int] = {}

    def digests(self) -> list[str]:
        """Return the digest of each part."""
        return [
            hashlib.blake2b(
                "".join(f"{name} {crc:08x}\n" for name, crc in sorted(streams)).encode(),
                digest_size=16,
            ).hexdigest()
            for streams in self._streams
        ]

    def add(self, name: str, array: Any, bounds: Bounds, parts: Bounds) -> None:
        """Add the values of a column, or of what it holds, to the streams of some parts."""
        if array.null_count in (0, len(array)):
            byte = b"\0" if array.null_count else b"\1"
            for part, size in zip(parts.tolist(), np.diff(bounds)[parts].tolist(), strict=True):
                self._streams[part].append((f"{name} valid", self._constant(byte, size)))
            if array.null_count:
                return
            parts = parts[bounds[parts] < bounds[parts + 1]]
        else:
            valid = array.is_valid().cast(pa.uint8()).to_numpy()
            self._feed(f"{name} valid", valid, bounds, parts)
            array = array.drop_null()
            bounds = np.append(0, np.cumsum(valid, dtype=np.int64))[bounds]
            parts = parts[bounds[parts] < bounds[parts + 1]]
        if len(parts):
            self._add_values(name, array, bounds, parts)

    def _add_values(self, name: str, array: Any, bounds: Bounds, parts: Bounds) -> None:
        """Add values that are all valid."""
        if pa.types.is_struct(array.type):
            for field, child in zip(array.type, array.flatten(), strict=True):
                self.add(f"{name}.{field.name}", child, bounds, parts)
        elif pa.types.is_list(array.type) or pa.types.is_map(array.type):
            offsets = array.offsets.to_numpy()
            self._feed(f"{name} lengths", np.diff(offsets), bounds, parts)
            items = array.values[offsets[0] : offsets[-1]]
            self.add(f"{name}[]", items, (offsets[bounds] - offsets[0]).astype(np.int64), parts)
        elif pa.types.is_string(array.type):
            _, places, texts = array.buffers()
            offsets = np.frombuffer(places, np.int32, len(array) + 1, array.offset * 4)
            self._feed(f"{name} lengths", np.diff(offsets), bounds, parts)
            self._feed(name, memoryview(texts or b""), offsets[bounds], parts)
        else:
            if pa.types.is_boolean(array.type):
                array = array.cast(pa.uint8())
            width = array.type.bit_width // 8
            values = np.frombuffer(
                array.buffers()[1], np.uint8, len(array) * width, array.offset * width
            )
            self._feed(name, values, bounds * width, parts)

    def _feed(self, name: str, content: Any, bounds: Bounds, parts: Bounds) -> None:
        cuts = list(pairwise(bounds.tolist()))
        for part in parts.tolist():
            begin, end = cuts[part]
            self._streams[part].append((name, crc32(content[begin:end], 0)))

    def _constant(self, byte: bytes, size: int) -> int:
        key = byte, size
        if key not in self._of_constants:
            self._of_constants[key] = crc32(byte * size, 0)
        return self._of_constants[key]
