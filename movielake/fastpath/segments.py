"""Segments of a block: a segment is a start tag and everything up to the next start tag.

    <movie_id>7</movie_id>
    <show_sound></show_sound></show_date></showtime>

In XML, the byte ``<`` always opens markup. So a block can be cut before every ``<`` that does not
begin an end tag, and no byte is lost. A feed repeats itself: the several hundred thousand segments
of a block have only a few thousand distinct values. Arrow encodes them as a dictionary. The costly
work is done once per dictionary entry, and the rest on the codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.fastpath.shape import NO_LEAF, Kind, Shape, Tag
from movielake.fastpath.unrecognised import NotRecognised, Reason

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
Codes = np.ndarray[tuple[int], np.dtype[np.signedinteger[Any]]]  # of 32 or 64 bits
Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]

Parsed = TypeVar("Parsed")

ENDS_RECORD: Final = 1
ENDS_CONTAINER: Final = 2

_PIECE: Final = 1 << 17

_BLANK: Final = " \t\r\n"
_STRIPPED: Final = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_REFERENCE: Final = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Segments:
    """The segments of a block.

    Parameters
    ----------
    starts : np.ndarray of int64, shape (n,)
        Position in the block where each segment begins.
    codes : np.ndarray of int64, shape (n,)
        Number of each segment among the distinct segments.
    kinds, leaves : np.ndarray of uint8, shape (m,)
        The `Kind` of each distinct segment, and the position of its leaf's name.
    ends : np.ndarray of uint8, shape (m,)
        The elements that it closes besides its own leaf: `ENDS_CONTAINER`, `ENDS_RECORD` or both.
    reasons : np.ndarray of uint8, shape (m,)
        The `Reason` why a distinct segment is not regular; 0 for a regular one.
    texts : pa.StringArray, shape (m,)
        Text of each distinct segment: that of a leaf, a container's attribute, or a container's
        text. Null for a segment without a text.
    """

    starts: Ints
    codes: Ints
    kinds: Bytes
    leaves: Bytes
    ends: Bytes
    reasons: Bytes
    texts: pa.Array


def split_block(block: memoryview, shape: Shape) -> Segments:
    """Cut a block into its segments and look at each distinct one.

    Parameters
    ----------
    block : memoryview of bytes
        UTF-8 that begins with ``<`` and ends with a tag.
    shape : Shape
        The tags of a regular record.

    Returns
    -------
    Segments
        All segments of the block, and a description of each distinct one.

    Raises
    ------
    NotRecognised
        If a byte cannot occur in XML in UTF-8, or an end tag comes first.
    """
    starts, cut = cut_block(block)
    coded = cut.dictionary_encode()
    codes = coded.indices.to_numpy().astype(np.int64)  # NumPy indexes twice as fast with these
    return Segments(starts, codes, *_look_at(coded.dictionary, shape))


def cut_block(block: memoryview) -> tuple[Ints, pa.Array]:
    """Return where the segments of a block begin, and the segments, without a copy.

    Raises
    ------
    NotRecognised
        If an end tag comes first.
    """
    whole = np.frombuffer(block, np.uint8)
    starts = _find_starts(whole)
    if not len(starts) or starts[0]:
        raise NotRecognised("something between the records")
    offsets = np.append(starts, len(whole)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    return starts, pa.Array.from_buffers(pa.binary(), len(starts), buffers)


def _find_starts(block: Bytes) -> Ints:
    """Find each ``<`` that does not begin an end tag, in pieces that fit in the CPU's cache."""
    found = []
    for begin in range(0, len(block) - 1, _PIECE):
        piece = block[begin : begin + _PIECE + 1]
        is_start = piece[:-1] == ord("<")
        is_start &= piece[1:] != ord("/")
        found.append(np.flatnonzero(is_start) + begin)
    return np.concatenate(found)


def _look_at(distinct: pa.Array, shape: Shape) -> tuple[Bytes, Bytes, Bytes, Bytes, pa.Array]:
    """Return kind, leaf, ends, reason and text of each distinct segment."""
    data, offsets = checked_bytes(distinct)
    tags, behind, closing, reasons = split_segments(data, offsets)
    parsed, which = read_distinct(tags, lambda text: shape.tag(text.encode()))
    closed, of = read_distinct(closing, shape.ends)
    kinds = np.array([tag.kind for tag in parsed], np.uint8)[which]
    leaves = np.array([tag.leaf for tag in parsed], np.uint8)[which]
    texts = read_texts(behind, data, reasons)
    blank = np.diff(np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1]) == 0
    is_flat, is_leaf = kinds == Kind.FLAT, kinds == Kind.LEAF
    ends = np.array([ENDS_CONTAINER * e.container + ENDS_RECORD * e.record for e in closed])[of]
    own = np.array([e.leaf for e in closed])[of] == np.where(is_leaf, leaves, NO_LEAF)
    fits = own & np.array([e.regular for e in closed])[of] & (~is_flat | (ends >= ENDS_CONTAINER))
    reasons[~fits & (reasons == 0)] = Reason.ORDER
    reasons[~(is_leaf | is_flat) & ~blank | is_flat & blank] = Reason.TEXT
    reasons[kinds == Kind.UNKNOWN] = Reason.TAG
    kinds[reasons != 0] = Kind.UNKNOWN
    texts = _with_attributes(texts, blank, parsed, which)
    return kinds, leaves, ends.astype(np.uint8), reasons, texts


def read_distinct(texts: pa.Array, parse: Callable[[str], Parsed]) -> tuple[list[Parsed], Codes]:
    """Parse each distinct text, and return the results and for each text its result's number."""
    coded = texts.dictionary_encode()
    return [parse(text) for text in coded.dictionary.to_pylist()], coded.indices.to_numpy()


def checked_bytes(distinct: pa.Array) -> tuple[Bytes, Codes]:
    """Give the bytes of the distinct segments and where each begins, if XML may have them."""
    try:
        distinct.cast(pa.string())
    except pa.ArrowInvalid:
        raise NotRecognised("bytes that are no UTF-8") from None
    _, offsets, values = distinct.buffers()
    ends = np.frombuffer(offsets, np.int32)[: len(distinct) + 1]
    data = np.frombuffer(values, np.uint8)[: ends[-1]]
    low = data[data < 0x20]
    last = np.flatnonzero(data == 0xEF)  # of U+FFFE and U+FFFF the bytes are EF BF BE and EF BF BF
    no_character = (data[last + 1] == 0xBF) & (data[last + 2] >= 0xBE)
    if not np.isin(low, (0x09, 0x0A, 0x0D)).all() or no_character.any():
        raise NotRecognised("a character that XML does not have")
    return data, ends


def split_segments(data: Bytes, offsets: Codes) -> tuple[pa.Array, pa.Array, pa.Array, Bytes]:
    """Split each distinct segment into its start tag, the text after it, and its end tags.

    A segment is regular only if it has exactly one ``>`` before the end tags.
    """
    marks = np.flatnonzero((data | 2) == ord(">"))  # "<" differs by this one bit
    opens = np.append(data[marks] == ord("<"), (True, True))
    marks = np.append(marks, (len(data), len(data)))
    begins = np.zeros(len(data) + 1, np.bool_)
    begins[offsets[:-1]] = True
    first = np.flatnonzero(begins[marks])
    close, tail = marks[first + 1], marks[first + 2]
    plain = ~opens[first + 1] & opens[first + 2]
    for odd in np.flatnonzero(~plain):
        within = slice(first[odd] + 1, None)
        tail[odd] = marks[within][np.argmax(opens[within])]
        close[odd] = min(close[odd], tail[odd] - 1)
    cuts = np.empty(3 * len(plain) + 1, np.int32)
    cuts[:-1:3], cuts[1::3], cuts[2::3], cuts[-1] = offsets[:-1], close + 1, tail, len(data)
    buffers = [None, pa.py_buffer(cuts), pa.py_buffer(data)]
    pieces = pa.Array.from_buffers(pa.string(), len(cuts) - 1, buffers)
    reasons = np.where(plain, 0, Reason.TEXT).astype(np.uint8)
    tags, texts, ends = (pieces.take(pa.array(np.arange(n, len(pieces), 3))) for n in range(3))
    return tags, texts, ends, reasons


def read_texts(behind: pa.Array, data: Bytes, reasons: Bytes) -> pa.Array:
    """Resolve the texts after the tags as XML does, and strip the blanks around them."""
    ascii_only = not (data >= 0x80).any()
    trim = pc.ascii_trim if ascii_only else pc.utf8_trim
    texts = trim(behind, _BLANK if ascii_only else _STRIPPED)
    odd = np.zeros(len(texts), np.bool_)
    for sign in "&\r":
        if (data == ord(sign)).any():
            odd |= pc.match_substring(texts, sign).to_numpy(zero_copy_only=False)
    if not odd.any():
        return texts
    numbers = np.flatnonzero(odd)
    read = [_read_text(text) for text in texts.take(pa.array(numbers)).to_pylist()]
    reasons[numbers[[text is None for text in read]]] = Reason.TEXT
    return pc.replace_with_mask(texts, pa.array(odd), pa.array([text or "" for text in read]))


def _read_text(text: str) -> str | None:
    """Resolve line ends and references; None if a reference is not plain."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("&") != len(_REFERENCE.findall(text)):
        return None
    text = _REFERENCE.sub(_character, text)
    return None if _NO_CHARACTER.search(text) else text.strip()


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    number = int(match[2]) if match[2] else int(match[3], 16)
    return chr(number) if number <= 0x10FFFF else "\0"  # not a character of XML


def _with_attributes(texts: pa.Array, blank: Flags, parsed: list[Tag], which: Codes) -> pa.Array:
    """Replace texts by the attribute if their tag has one, and empty texts by null."""
    has_attribute = np.array([tag.attribute is not None for tag in parsed])[which]
    _, offsets, content = texts.buffers()
    has_text = pa.py_buffer(np.packbits(~blank, bitorder="little"))
    texts = pa.Array.from_buffers(pa.string(), len(texts), [has_text, offsets, content])
    if not has_attribute.any():
        return texts
    attributes = pa.array([tag.attribute for tag in parsed], pa.string())
    own = attributes.take(pa.array(which[has_attribute]))
    return pc.replace_with_mask(texts, pa.array(has_attribute), own)
