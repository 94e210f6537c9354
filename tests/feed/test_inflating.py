"""Deflate and CRC-32 by ISA-L, where it is installed, give the same as zlib."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movielake.feed.inflating import Inflater, crc32

CONTENTS = st.builds(
    lambda pieces, times: b"".join(pieces) * times,
    st.lists(st.binary(max_size=300), max_size=20),
    st.integers(0, 40),
)
QUICK = pytest.mark.parametrize("quick", [False, True])


def deflated(content: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def inflated(packed: bytes, block: int, size: int, quick: bool) -> bytes:
    """Unpack like a member: few packed bytes at a time, few unpacked bytes at a time."""
    inflater, found = Inflater(quick), b""
    while not inflater.eof:
        needs_input = inflater.needs_input
        more = packed[:block] if needs_input else b""
        packed = packed[len(more) :]
        piece = inflater.decompress(more, size)
        assert len(piece) <= size
        found += piece
        if needs_input and not more and not piece and not inflater.eof:
            raise EOFError
    return found


@QUICK
@settings(max_examples=200, deadline=None)
@given(
    content=CONTENTS, level=st.integers(0, 9), block=st.integers(1, 999), size=st.integers(1, 5000)
)
def test_content_in_pieces_is_the_same(quick, content, level, block, size):
    assert inflated(deflated(content, level), block, size, quick) == content


@QUICK
def test_damage_is_an_error_of_zlib(quick):
    with pytest.raises(zlib.error):
        inflated(b"\xff" * 100, 100, 100, quick)


@QUICK
def test_bytes_that_end_too_early_are_seen(quick):
    with pytest.raises(EOFError):
        inflated(deflated(bytes(range(256)) * 9, 6)[:-9], 100, 100, quick)


@settings(deadline=None)
@given(first=st.binary(), more=st.binary())
def test_checksums_go_on_from_piece_to_piece(first, more):
    assert crc32(more, crc32(first)) == zlib.crc32(first + more)
