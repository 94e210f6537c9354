"""Boundaries: where the records of a damaged member begin and end.

A parser stops at the first damage. To read on, a reader must find the next record, and it must not
take a text inside the damaged record for one. This module cuts a member into units: the records,
and the gaps between them. It looks only at tags, comments, CDATA sections and processing
instructions. `movielake.feed.salvage` then lets libxml2 read each unit alone.

Each unit begins where the unit before it ends, so by induction a unit begins at a true boundary if
each unit ends at one. These rules find the end of a record. The first that applies decides:

1. *Its tags are in order.* If the tags nest perfectly from its start tag to its end tag, the record
   ends there. Comments, CDATA sections and processing instructions that end are no tags. This rule
   always applies to a well-formed record, whatever it contains. It also applies to most damaged
   records: those with a bare ``&``, a byte that is not of the encoding, or a control character.
2. *Its end tag comes before another record.* If the tags are not in order, the record ends at the
   next end tag of a record, unless a start tag of a record comes first. This covers crossed tags,
   a missing quote, and a tag that is not closed.
3. *What follows is records.* Otherwise the record has no end: its end tag is missing, or a comment
   or CDATA section does not end. Each later start tag of a record can be inside it. Such a tag is
   believed only if no end tag is left over behind it: from it on, elements are read one after the
   other, and an end tag between them without its start tag shows that all of them are inside. The
   reading ends with success at the end of the root, at a record whose tags are not in order
   (another damage), or after `EVIDENCE` bytes. Behind the beginning of a comment, CDATA section or
   instruction that does not end, no start tag is believed before an end tag without its start tag
   (the damaged record ends there), or before `EVIDENCE` bytes have passed.

Rules 1 and 2 never believe a start tag inside a comment, a CDATA section or an element that ends.
Rule 3 can be wrong only if a damaged record has no end and more than `EVIDENCE` bytes of nothing
but whole records follow inside it. No reader can tell these from the records of the member.

A comment ends at the next ``-->``, unless another comment begins before it: XML forbids ``--`` in a
comment, so the first one does not end. A CDATA section ends at the next ``]]>``, and a processing
instruction at the next ``?>``, as in XML. A gap ends at the next start tag of a record that is not
inside a stray element. If such an element does not end, rule 3 finds the end of the gap.

A record has at most `LONGEST` bytes. No rule looks further, so memory is limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

from movielake.feed.tags import Kind, Tag, Tags
from movielake.feed.windows import Window

EVIDENCE: Final = 1 << 14
"""Bytes of elements without a surplus end tag that make a start tag believed by rule 3."""

_BLANKS: Final = re.compile(rb"[ \t\r\n]*")
_CLEAN: Final = re.compile(rb"(?>[ \t\r\n]+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)


class Unit(NamedTuple):
    """A record, or a gap between two records.

    Parameters
    ----------
    begin, end : int
        Positions in the stream.
    is_record : bool
        Whether it begins with the start tag of a record.
    """

    begin: int
    end: int
    is_record: bool


@dataclass
class _Doubt:
    """The doubt whether tags stand in a comment, section or instruction without an end."""

    _begin: int | None = None
    _depth: int = 0

    def doubts(self, mark: Tag) -> bool:
        """Return whether a tag can stand in one. The tags must come in order."""
        if mark.kind is Kind.BROKEN:
            self._begin, self._depth = mark.begin, 0
        if self._begin is None:
            return False
        self._depth += (mark.kind is Kind.START) - (mark.kind is Kind.END)
        if self._depth < 0 or mark.begin > self._begin + EVIDENCE:
            self._begin = None
        return self._begin is not None


class Units:
    """The units of a member, from the end of its root's start tag to the root's end tag.

    Parameters
    ----------
    window : Window
        The member in UTF-8, held from the end of the root's start tag.
    root, record : str
        Names of the root element and of the record elements.

    Examples
    --------
    >>> from io import BytesIO
    >>> xml = b"<showtime>a & b</showtime> <showtime><a></showtime><showtime/></times>"
    >>> units = Units(Window(BytesIO(xml).read), "times", "showtime")
    >>> [xml[unit.begin : unit.end] for unit in units if unit.is_record]
    [b'<showtime>a & b</showtime>', b'<showtime><a></showtime>', b'<showtime/>']
    """

    def __init__(self, window: Window, root: str, record: str) -> None:
        self._window = window
        self._markup = Tags(window, root, record)
        self._evidence: set[int] = set()
        self._evidence_end = 0

    def __iter__(self) -> Iterator[Unit]:
        """Yield each unit while the window holds it.

        At the end, the window holds the rest of the member: the root's end tag, or all from the
        first unit on that has no believed end.
        """
        end = self._window.begin
        while True:
            begin = self._move(end)
            following = self._next_record(begin, is_sure=True)
            if following is None:
                return
            yield Unit(begin, following.begin, is_record=False)
            begin = self._move(following.begin)
            end = self._end_of_record(begin) if following.kind is not Kind.END else 0
            if not end:
                return
            yield Unit(begin, end, is_record=True)

    def _move(self, position: int) -> int:
        self._window.move(position)
        self._markup.forget(position)
        return position

    def _next_record(self, begin: int, *, is_sure: bool) -> Tag | None:
        """Return the start tag of the next record, or the end tag of the root.

        Parameters
        ----------
        begin : int
            Position to begin at.
        is_sure : bool
            Whether a record certainly ends there, so that a start tag directly behind is believed.
        """
        markup, at = self._markup, begin
        while True:
            tag = markup.tag(at)
            if tag.kind is Kind.NONE:
                return None
            if markup.ends_root(tag):
                return tag
            if markup.begins_record(tag):
                # A record whose tags are not in order will not be kept, so it needs no evidence.
                is_sure = is_sure and self._is_clean(begin, tag.begin)
                is_kept = not is_sure and markup.end_of_element(tag.begin)
                return self._believed(tag.begin) if is_kept else tag
            at = markup.end_of_element(tag.begin) if tag.kind is Kind.START else tag.end
            if tag.kind is Kind.BROKEN or not at:
                return self._believed(tag.end)

    def _is_clean(self, begin: int, end: int) -> bool:
        """Return whether all between two positions can stand between records."""
        return _CLEAN.fullmatch(self._window.piece(begin, end)) is not None

    def _end_of_record(self, begin: int) -> int:
        """Return the end of a record by the three rules, or 0 if none of them finds one."""
        if end := self._markup.end_of_element(begin):
            return end
        end = self._last_end(begin + 1)
        following = self._next_record(end, is_sure=False) if end else self._believed(begin + 1)
        if following is None or (end and self._is_clean(end, following.begin)):
            return end
        return following.begin

    def _last_end(self, at: int) -> int:
        """Return the end of the last end tag of a record before another record begins, or 0."""
        end = 0
        while (mark := self._next_mark(at)) and mark.kind is Kind.END:
            if self._markup.ends_root(mark):
                break
            end = at = mark.end
        return end

    def _next_mark(self, at: int) -> Tag | None:
        """Return the next tag of a record, or the root's last end tag, or a broken tag."""
        for mark in self._markup.marks(at):
            if not self._markup.ends_root(mark) or self._is_last(mark.end):
                return mark
        return None

    def _believed(self, at: int) -> Tag | None:
        """Return the first start tag of a record that rule 3 believes, or the end of the root."""
        inside = _Doubt()
        while mark := self._next_mark(at):
            at = mark.end
            if self._markup.ends_root(mark):
                return mark
            is_open = not inside.doubts(mark) and self._markup.begins_record(mark)
            if is_open and self._markup.end_of_element(mark.begin):
                at = self._find_other(mark.begin)
                if not at:
                    return mark
        return None

    def _find_other(self, begin: int) -> int:
        """Read records from a start tag on. Return the end of the first other thing, or 0."""
        at = begin
        if begin in self._evidence:  # so the time is linear
            at = self._evidence_end
        else:
            self._evidence.clear()
        while at <= begin + EVIDENCE:
            tag = self._markup.tag(at)
            if tag.kind is Kind.NONE:
                return 0
            if not self._is_clean(at, tag.begin):
                return tag.begin
            if self._markup.ends_root(tag):
                return 0
            if not self._markup.begins_record(tag):
                return tag.end
            at = self._markup.end_of_element(tag.begin)
            at = at or self._last_end(tag.begin + 1) or self._next_start(tag.begin + 1)
            self._evidence.add(tag.begin)
            self._evidence_end = at
        return 0

    def _next_start(self, at: int) -> int:
        """Return where the next record begins or the root ends."""
        for mark in self._markup.marks(at):
            if mark.kind is not Kind.BROKEN:
                return mark.begin
        return self._window.end

    def _is_last(self, at: int) -> bool:
        """Return whether only blanks, comments and instructions follow until the stream ends."""
        window = self._window
        while True:
            if blanks := _BLANKS.match(window.data, at - window.begin):
                at = window.begin + blanks.end()
            if at == window.end and not window.more():
                return window.is_whole
            if at < window.end:
                at = self._markup.end_of_span(at) or 0
                if not at:
                    return False

    def count_records(self, unit: Unit) -> int:
        """Return how many records of the member a unit is: the records that begin or end in it."""
        if unit.is_record:
            return 1
        inside = takewhile(lambda mark: mark.end <= unit.end, self._markup.marks(unit.begin))
        kinds = [mark.kind for mark in inside]
        return max(kinds.count(Kind.END) - kinds.count(Kind.START), 0)
