"""Checking: whether pieces of a member are well-formed, each read alone by libxml2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from movielake.feed.damage import Damage, is_limit, read_damage
from movielake.feed.guarding import SAFE
from movielake.feed.tags import Kind, Tags
from movielake.feed.windows import Window
from movielake.schema.tables import Table

_LONGEST_HEAD: Final = 1 << 16
_DOCTYPE: Final = re.compile(
    rb"<!DOCTYPE(?>[^\[\"'>]|\"[^\"]*\"|'[^']*')*"
    rb"(?:\[(?>[^\]\"'<]|\"[^\"]*\"|'[^']*'|<!--.*?-->|<\?.*?\?>|<)*\][ \t\r\n]*)?>",
    re.DOTALL,
)
_DECLARATION: Final = re.compile(rb"<\?xml[ \t\r\n][^<>]*\?>")
_LINE_END: Final = re.compile(rb"[\r\n]")
_OTHER_LINE: Final = re.compile(r"\bline (\d+)")


class AtLimit(Exception):
    """Raised if libxml2 stops at one of its limits."""


@dataclass(frozen=True)
class Place:
    """A place in the text of a member: line and column, both counted from 1."""

    line: int = 1
    column: int = 1

    def behind(self, content: bytes) -> Place:
        r"""Return the place behind a text that begins here.

        Examples
        --------
        >>> Place(3, 5).behind(b"one\ntw\xc3\xb6")
        Place(line=4, column=4)
        """
        first, line_end, last = content.rpartition(b"\n")
        width = len(last.decode("utf-8", "replace"))
        lines = first.count(b"\n") + len(line_end)
        return Place(self.line + lines, width + (1 if line_end else self.column))


@dataclass(frozen=True)
class Frame:
    """What surrounds the records of a member: enough of it to read a record alone.

    Parameters
    ----------
    opening : bytes
        Declaration, document type and start tag of the root, in one line.
    closing : bytes
        The root's end tag.
    encoding : str
        Description of the member's encoding.
    """

    opening: bytes
    closing: bytes
    encoding: str

    def check(self, content: bytes, begin: Place) -> Damage | None:
        """Read content of the root.

        Parameters
        ----------
        content : bytes
            The content in UTF-8.
        begin : Place
            Its place in the member.

        Returns
        -------
        Damage or None
            The reason why it is not well-formed, and the place in the member. Faults of namespaces
            are no damage, because libxml2 reads on after them.

        Raises
        ------
        AtLimit
            If the content exceeds a limit of libxml2.
        """
        parser = etree.XMLParser(encoding="utf-8", **SAFE)
        try:
            etree.fromstring(self.opening + content + self.closing, parser)
        except etree.XMLSyntaxError as error:
            if is_limit(error):
                raise AtLimit from None
            if parser.error_log.filter_from_fatals():
                damage = read_damage(error, parser.error_log, self.encoding)
                return self._located(damage, content, begin)
        return None

    def _located(self, damage: Damage, content: bytes, begin: Place) -> Damage:
        line, column = damage.line or 1, damage.column or 1
        if line == 1:
            column += begin.column - 1 - len(self.opening.decode("utf-8", "replace"))
        place = (line + begin.line - 1, column)
        end = begin.behind(content)
        reason = _OTHER_LINE.sub(
            lambda other: f"line {int(other[1]) + begin.line - 1}", damage.reason
        )
        return Damage(reason, *min(place, (end.line, end.column)))


def find_frame(window: Window, table: Table, encoding: str) -> tuple[Frame, int] | None:
    """Find the start tag of the root.

    Parameters
    ----------
    window : Window
        The member in UTF-8, held from its beginning.
    table : Table
        Its schema.
    encoding : str
        Description of its encoding.

    Returns
    -------
    tuple of (Frame, int) or None
        The frame of its records, and the position behind the root's start tag. None if the
        beginning of the member is not as expected.
    """
    markup = Tags(window, table.root, table.record)
    doctype = b""
    tag = markup.tag(0)
    if tag.kind is Kind.BROKEN and window.starts(b"<!DOCTYPE", tag.begin):
        found = _DOCTYPE.match(window.data, tag.begin)
        while found is None and window.more():
            found = _DOCTYPE.match(window.data, tag.begin)
        if found:
            doctype, tag = found[0], markup.tag(found.end())
    declaration = _DECLARATION.match(window.data)
    opening = (declaration[0] if declaration else b"") + doctype
    opening += window.piece(tag.begin, tag.end)
    if tag.kind is not Kind.START or tag.name != markup.root or len(opening) > _LONGEST_HEAD:
        return None
    return Frame(_LINE_END.sub(b" ", opening), b"</%b>" % markup.root, encoding), tag.end
