"""Tags: the tags of a damaged member, read leniently.

This module knows only tags, comments, CDATA sections and processing instructions. It does not check
names, references or characters. A text that it takes for a tag can be damaged in other ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from movielake.feed.guarding import LONGEST
from movielake.feed.windows import Window

_DEEPEST: Final = 256  # the limit of libxml2
_MOST_KNOWN: Final = 100_000

_NAME: Final = rb"[A-Za-z_:\x80-\xff][-\w.:\x80-\xff]*+"
_TAG: Final = re.compile(
    rb"<(?:/(%(n)b)[ \t\r\n]*+>|"
    rb"(%(n)b)(?:[ \t\r\n]++%(n)b[ \t\r\n]*+=[ \t\r\n]*+(?:\"[^\"<]*+\"|'[^'<]*+'))*+"
    rb"[ \t\r\n]*+(/?)>)" % {b"n": _NAME}
)
_LEAVES: Final = re.compile(rb"(?:[^<]*+<(%b)>[^<]*+</\1[ \t\r\n]*+>)++" % _NAME)
_COMMENT: Final = b"<!--"
_SPANS: Final = ((_COMMENT, b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_LONGEST_MARK: Final = 512
_FAR: Final = 1 << 20
_MARK: Final = (
    rb"<(?:(!--|!\[CDATA\[|\?)|((?:[-\w.\x80-\xff]{1,64}:)?%b(?=[ \t\r\n/>]))|"
    rb"(/(?:[-\w.\x80-\xff]{1,64}:)?%b[ \t\r\n]{0,99}>)|(/%b[ \t\r\n]{0,99}>))"
)


class Kind(Enum):
    """The kind of a tag."""

    NONE = auto()
    """No tag, up to the end of the stream or of the search."""
    BROKEN = auto()
    """A ``<`` that begins no tag; or a comment, section or instruction without an end."""
    START = auto()
    EMPTY = auto()
    END = auto()


class Tag(NamedTuple):
    """A tag.

    Parameters
    ----------
    kind : Kind
        Its kind.
    begin, end : int
        Its positions in the stream. The end is 0 for `Kind.NONE`.
    name : bytes
        Its name with a prefix.
    """

    kind: Kind
    begin: int
    end: int
    name: bytes = b""


class Tags:
    """The tags of a member. Comments, CDATA sections and instructions that end are no tags.

    Parameters
    ----------
    window : Window
        The member in UTF-8.
    root, record : str
        Names of the root element and of the record elements. A record can have a prefix.

    Examples
    --------
    >>> from io import BytesIO
    >>> xml = b"<showtime><!-- <showtime> --><a>x</a></showtime>"
    >>> markup = Tags(Window(BytesIO(xml).read), "times", "showtime")
    >>> markup.end_of_element(0), [tag.begin for tag in markup.marks(0)]
    (48, [0, 37])
    """

    def __init__(self, window: Window, root: str, record: str) -> None:
        self._window = window
        self.root = root.encode()
        self.record = record.encode()
        names = (*[re.escape(self.record)] * 2, re.escape(self.root))
        self._mark = re.compile(_MARK % names)
        self._known: dict[int, int] = {}

    def begins_record(self, tag: Tag) -> bool:
        """Return whether a tag is the start tag of a record, or an empty record."""
        starts = tag.kind is Kind.START or tag.kind is Kind.EMPTY
        return starts and tag.name.rpartition(b":")[2] == self.record

    def ends_root(self, tag: Tag) -> bool:
        """Return whether a tag is the end tag of the root."""
        return tag.kind is Kind.END and tag.name == self.root

    def tag(self, at: int, *, strict: bool = False) -> Tag:
        """Return the first tag behind a position. See `end_of_span` for ``strict``."""
        window = self._window
        while (begin := window.find(b"<", at)) >= 0:
            end = self.end_of_span(begin, strict=strict)
            if end is None:
                return self._read_tag(begin)
            if not end:
                return Tag(Kind.BROKEN, begin, begin + 1)
            at = end
        return Tag(Kind.NONE, window.end, 0)

    def _read_tag(self, begin: int) -> Tag:
        window = self._window
        window.find(b"<", begin + 1)  # a tag ends before the next one, so now it is here
        match = _TAG.match(window.data, begin - window.begin, LONGEST)
        if match is None:
            mark = self._mark.match(window.data, begin - window.begin, LONGEST)
            if mark and mark[2]:  # an attribute of a record is broken
                return Tag(Kind.START, begin, begin + 1, self.record)
            return Tag(Kind.BROKEN, begin, begin + 1)
        end = window.begin + match.end()
        if match[1]:
            return Tag(Kind.END, begin, end, match[1])
        return Tag(Kind.EMPTY if match[3] else Kind.START, begin, end, match[2])

    def end_of_span(self, begin: int, *, strict: bool = False) -> int | None:
        """Return the end of a comment, section or instruction.

        If an end tag of the record and then another beginning of the same kind come before the end,
        the end was lost: what looks like it belongs to a later record.

        Parameters
        ----------
        begin : int
            Position of a ``<``.
        strict : bool, optional
            Whether to believe the end of a section or an instruction in any case, as XML does.

        Returns
        -------
        int or None
            0 if it does not end. None if it is none of the three.
        """
        window = self._window
        if not window.starts(b"<!", begin) and not window.starts(b"<?", begin):
            return None
        for opening, closing in _SPANS:
            if window.starts(opening, begin):
                inside = begin + len(opening)
                end = window.find_far(closing, inside)
                if end < 0:
                    return 0
                is_lost = self._begins_again(opening, inside, end)
                if is_lost and (opening == _COMMENT or not strict):
                    return 0
                return end + len(closing)
        return 0

    def _begins_again(self, opening: bytes, begin: int, end: int) -> bool:
        """Return whether a record ends between two positions, and then another span begins."""
        data, begin, end = self._window.data, begin - self._window.begin, end - self._window.begin
        if data.find(opening, begin, end) < 0:
            return False
        depth = 0
        for mark in self._mark.finditer(data, begin, min(end, begin + _FAR)):
            tag = _TAG.match(data, mark.start(), end)
            is_empty = tag and tag[3]
            depth += bool(mark[2] and not is_empty) - bool(mark[3])
            if depth < 0:
                return data.find(opening, mark.end(), end) >= 0
        return False

    def end_of_element(self, begin: int) -> int:
        """Return the end of an element if its tags nest perfectly up to there, otherwise 0.

        The results for records inside it are kept, so the time for a member is linear.

        Parameters
        ----------
        begin : int
            Position of its start tag.
        """
        window, at = self._window, begin
        inside: list[Tag] = []
        while True:
            if inside and (leaves := _LEAVES.match(window.data, at - window.begin, LONGEST)):
                at = window.begin + leaves.end()
            tag = self.tag(at, strict=True)
            at = tag.end
            if tag.kind is Kind.START:
                end = self._known.get(tag.begin)
                at = end or at
                if not end:
                    inside.append(tag)
                if end == 0:
                    break
                if len(inside) > _DEEPEST:
                    self._know(self._with_record_inside(inside), 0)
                    return 0
            elif tag.kind is Kind.END and inside and inside[-1].name == tag.name:
                self._know([inside.pop()], at)
            elif tag.kind is not Kind.EMPTY:
                break
            if not inside:
                return at
        if tag.kind is not Kind.NONE or window.is_whole:
            self._know(inside, 0)
        return 0

    def _with_record_inside(self, inside: list[Tag]) -> list[Tag]:
        """Return the elements that have the start tag of a record inside."""
        records = [depth for depth, tag in enumerate(inside) if self.begins_record(tag)]
        return inside[: records[-1]] if records else []

    def _know(self, tags: list[Tag], end: int) -> None:
        self._known |= {tag.begin: end for tag in tags if self.begins_record(tag)}

    def forget(self, before: int) -> None:
        """Forget what is known of the elements before a position."""
        if len(self._known) > _MOST_KNOWN:
            self._known = {at: end for at, end in self._known.items() if at >= before}

    def marks(self, at: int) -> Iterator[Tag]:
        """Yield the tags of records and the end tags of the root, wherever they stand.

        Also yield a broken tag for each comment, section and instruction without an end.

        Parameters
        ----------
        at : int
            Position to begin at.

        Yields
        ------
        Tag
        """
        window = self._window
        while True:
            match = self._mark.search(window.data, at - window.begin, LONGEST)
            if match is None:
                at = max(at, window.end - _LONGEST_MARK)
                if not window.more():
                    return
                continue
            begin, at = window.begin + match.start(), window.begin + match.end()
            if match[2]:
                yield self._read_tag(begin)._replace(end=at, name=self.record)
            elif not match[1]:
                yield Tag(Kind.END, begin, at, self.root if match[4] else self.record)
            elif end := self.end_of_span(begin):
                at = end
            else:
                yield Tag(Kind.BROKEN, begin, at)
