"""Digests of rows that depend on the values and their order, but not on how files store them.

A checksum of a Parquet file changes with its row groups, its encodings and its compression. The
digest of rows does not. So it shows that a compact copy has exactly the rows that were converted.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from movielake.feed.inflating import crc32


class RowsDigest:
    """Digest of the rows of one member, computed batch by batch.

    Each column has a stream of its validity, and a stream of its values without nulls. Texts and
    lists also have a stream of their lengths. Each stream has a CRC-32, and the digest is the
    BLAKE2b of all of them. So the result does not depend on the sizes of the batches, or on whether
    a column is dictionary-coded. It shows that no value was lost or changed by accident. Against
    intent there are the SHA-256 checksums of the files. A cryptographic hash of each value would
    take several times as long.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from movielake.lake.digests import RowsDigest
    >>> rows = pa.table({"title": ["Parasite", None], "movie_id": [7, 8]})
    >>> whole, parts = RowsDigest(), RowsDigest()
    >>> whole.update(rows)
    >>> parts.update(rows.slice(0, 1))
    >>> parts.update(rows.slice(1))
    >>> whole.hexdigest() == parts.hexdigest()
    True
    """

    def __init__(self) -> None:
        self._streams: dict[str, int] = {}
        self._of_constants: dict[tuple[bytes, int, int], int] = {}

    def update(self, rows: pa.Table) -> None:
        """Add rows. All calls must have the same columns."""
        self._of_constants.clear()
        for name, column in zip(rows.column_names, rows.columns, strict=True):
            for chunk in filter(len, column.chunks):
                self._add(name, chunk)

    def hexdigest(self) -> str:
        """Return the digest of all rows so far: 32 hexadecimal digits."""
        whole = hashlib.blake2b(digest_size=16)
        for name in sorted(self._streams):
            whole.update(f"{name} {self._streams[name]:08x}\n".encode())
        return whole.hexdigest()

    def _feed(self, name: str, content: Any) -> None:
        self._streams[name] = crc32(content, self._streams.get(name, 0))

    def _feed_constant(self, name: str, byte: bytes, count: int) -> None:
        """Feed a byte so many times. Most columns are without nulls or all null, so they share."""
        key = (byte, count, self._streams.get(name, 0))
        if key not in self._of_constants:
            self._of_constants[key] = crc32(byte * count, key[2])
        self._streams[name] = self._of_constants[key]

    def _add(self, name: str, array: Any) -> None:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if array.null_count in (0, len(array)):
            self._feed_constant(f"{name} valid", b"\0" if array.null_count else b"\1", len(array))
        else:
            self._feed(f"{name} valid", array.is_valid().cast(pa.uint8()).to_numpy())
        if array.null_count == len(array):
            return
        if array.null_count:
            array = array.drop_null()
        if pa.types.is_struct(array.type):
            for field, child in zip(array.type, array.flatten(), strict=True):
                self._add(f"{name}.{field.name}", child)
        elif pa.types.is_list(array.type) or pa.types.is_map(array.type):
            offsets = array.offsets.to_numpy()
            self._feed(f"{name} lengths", np.diff(offsets))
            self._add(f"{name}[]", array.values[offsets[0] : offsets[-1]])
        elif pa.types.is_string(array.type):
            offsets = _offsets(array)
            self._feed(f"{name} lengths", np.diff(offsets))
            self._feed(name, memoryview(array.buffers()[2] or b"")[offsets[0] : offsets[-1]])
        else:
            self._feed(name, _values(array))


def _offsets(array: pa.StringArray) -> np.ndarray[Any, Any]:
    buffer = array.buffers()[1]
    return np.frombuffer(buffer, np.int32, len(array) + 1, array.offset * 4)


def _values(array: pa.Array) -> np.ndarray[Any, Any]:
    """Return the bytes of numbers, times or booleans."""
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    width = array.type.bit_width // 8
    buffer = array.buffers()[1]
    return np.frombuffer(buffer, np.uint8, len(array) * width, array.offset * width)
