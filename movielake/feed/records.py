"""XML to records, the reference: reads a member as a stream, with the results of xmltodict.

Every faster way is compared with this module, so it stays small and obvious.

- Text children are strings. Empty ones are None. Attributes are ``"@name"``. If an element has text
  and also attributes or children, its text is under ``"#text"``. A repeated element is a list.
- An element that the schema lists as repeatable is always a list.
- Entities, DTDs and network access are off. A member that declares entities is refused. References
  to entities of an unread document type are texts (see `movielake.feed.entities`).
- Comments and processing instructions are not data and are left out, as in xmltodict.
- Where this form loses the order of text and elements, the value also has the element's markup (see
  `movielake.feed.markup`).

Two details differ from xmltodict. An ``xmlns`` that repeats the one of a parent is dropped, because
libxml2 does not report it. Default attributes of a document type are not applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, Final, cast

from lxml import etree

from movielake.feed.archives import UNREADABLE
from movielake.feed.damage import Damage, is_limit, one_line, read_damage
from movielake.feed.decoding import RecodingError
from movielake.feed.encodings import EncodingError
from movielake.feed.entities import Escaped
from movielake.feed.guarding import SAFE, Guarded
from movielake.feed.limits import OverLimitError
from movielake.feed.markup import group_names, mark
from movielake.feed.prefixes import MOST_NAMES, attribute_name, element_name
from movielake.feed.recoding import Recoded
from movielake.schema.tables import Table

Record = dict[str, Any]
"""One XML element as JSON-like values."""

OWN_KEYS: Final = ("country", "date_stamp", "source_xml")
"""Keys that movielake adds to a record. A feed element of that name is kept under ``"#name"``."""

_HEAD: Final = 1 << 14
_BLANK: Final = b" \t\r\n"
_LAST_LINE: Final = 65535  # libxml2 also reports this line for every element after it


class Unreadable(Exception):
    """Raised if the root element cannot be read. Its ``damage`` has the reason."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(damage.reason)
        self.damage = damage


def read_root(stream: IO[bytes]) -> str | None:
    """Read a member up to its root element, which decides the table.

    Parameters
    ----------
    stream : binary file
        The member from its beginning. As little as possible is read.

    Returns
    -------
    str or None
        Name of the root element. None if the member is empty or blank.

    Raises
    ------
    Unreadable
        If the member is not blank but no root element can be read, or if it declares entities.

    Examples
    --------
    >>> import io
    >>> read_root(io.BytesIO(b"<times><showtime/></times>"))
    'times'
    """
    blank = True
    try:
        plain = Recoded(stream)
        guarded = Guarded(cast("IO[bytes]", plain))
        parser = etree.XMLPullParser(events=("start",), encoding="utf-8", **SAFE)
        while block := guarded.read(_HEAD):
            blank = blank and not block.strip(_BLANK)
            if blank:
                continue  # for libxml2 leading blanks are an error, but a blank member is valid
            root = _feed(parser, block)
            if root is not None:
                return _checked_root(root)
        if blank:
            return None
        parser.close()
    except etree.XMLSyntaxError as error:
        damage = read_damage(error, parser.feed_error_log, plain.encoding)
        raise Unreadable(damage) from None
    except (EncodingError, RecodingError) as error:
        raise Unreadable(Damage(one_line(error), error.line)) from None
    except UNREADABLE as error:
        raise Unreadable(Damage(one_line(error))) from None
    raise Unreadable(Damage("no root element"))


def _feed(parser: etree.XMLPullParser, block: bytes) -> etree._Element | None:
    """Feed a parser. Return the root if it is in this block, even if damage follows it."""
    failure: etree.XMLSyntaxError | None = None
    try:
        parser.feed(block)
    except etree.XMLSyntaxError as error:
        failure = error
    for _, root in parser.read_events():
        return root
    if failure:
        raise failure
    return None


def _checked_root(root: etree._Element) -> str:
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and next(dtd.iterentities(), None) is not None:
        raise Unreadable(Damage("declares entities, which are refused", line=1))
    return element_name(root)


class Records:
    """The records of one member, one at a time.

    Iteration never raises for damaged input. It ends after the last complete record, and `damage`
    has the reason. Memory does not grow with the member.

    Parameters
    ----------
    stream : binary file
        The member from its beginning.
    table : Table
        The member's schema. It names the record element and the repeatable elements.
    labels : dict
        Values to add to each record: country, date_stamp and source_xml.

    Attributes
    ----------
    damage : Damage or None
        Why reading ended early, or the first stray content beside the records. It is known only
        after iteration.
    is_local : bool
        Whether it ended early, but `movielake.feed.salvage` may find more records behind it.
    contradiction : str
        How the declared encoding contradicts the bytes. Empty if it does not.
    entities : Escaped or None
        Its ``count`` and ``first`` tell of references to entities that are not declared.
    root : dict
        Attributes of the root element, as ``"@name"``.

    Examples
    --------
    >>> import io
    >>> from movielake.schema.tables import table
    >>> xml = b'<times><showtime><show_date date="20191206"/></showtime></times>'
    >>> list(Records(io.BytesIO(xml), table("showings"), {"country": "deu"}))
    [{'show_date': [{'@date': '20191206'}], 'country': 'deu'}]
    """

    def __init__(self, stream: IO[bytes], table: Table, labels: dict[str, str]) -> None:
        self._stream = stream
        self._table = table
        self._repeatable = table.repeatable
        self._groups = group_names(table)
        self._has_markup = False
        self._labels = labels
        self._namespaces = False
        self.damage: Damage | None = None
        self.is_local = False
        self.contradiction = ""
        self.entities: Escaped | None = None
        self.root: dict[str, str] = {}

    def __iter__(self) -> Iterator[Record]:
        try:
            plain = Recoded(self._stream)
            self.contradiction = plain.contradiction
            guarded = Guarded(cast("IO[bytes]", plain))
            self.entities = Escaped(cast("IO[bytes]", guarded))
            events = etree.iterparse(
                cast("IO[bytes]", self.entities),
                events=("start-ns", "end"),
                tag=f"{{*}}{self._table.record}",
                encoding="utf-8",
                **SAFE,
            )
            yield from self._read(events, guarded)
        except etree.XMLSyntaxError as error:
            self.damage = read_damage(error, events.error_log, plain.encoding)
            is_read = not events.error_log.filter_from_fatals()  # up to the end, despite faults
            self.is_local = not is_read and not is_limit(error)
        except (EncodingError, RecodingError) as error:
            self.damage = Damage(one_line(error), error.line)
            self.is_local = isinstance(error, RecodingError)
        except UNREADABLE as error:
            self.damage = Damage(one_line(error))

    def _read(self, events: etree.iterparse, guarded: Guarded) -> Iterator[Record]:
        first = True
        for event, element in events:
            if event == "start-ns":
                self._namespaces = True
                continue
            root = element.getparent()
            if root is None or root.getparent() is not None:
                continue  # an element of the same name inside a record, or the root itself
            if first:  # also at the end, but a damaged member may have no end
                self.root, first = self._attributes(root), False
            guarded.since_record = 0
            yield self._labelled(self._marked(element, self._value(element)))
            self._release(element, root)
        if events.root is not None:
            self._finish(events.root)

    def _marked(self, element: etree._Element, value: Any) -> Any:
        """Mark elements that are neither text nor a group. Most records have none."""
        if not self._has_markup:
            return value
        self._has_markup = False
        return mark(element, value, self._table, element_name)

    def _labelled(self, value: Any) -> Record:
        record: Record = value if isinstance(value, dict) else {"#text": value} if value else {}
        if not record.keys().isdisjoint(OWN_KEYS):
            renamed = {f"#{k}" if k in OWN_KEYS else k: v for k, v in record.items()}
            record.clear()  # in place, because a marked record is more than a dict
            record.update(renamed)
        record.update(self._labels)
        return record

    def _release(self, element: etree._Element, root: etree._Element) -> None:
        """Free the earlier elements and this one's content. The parser still needs the element."""
        for earlier in reversed(tuple(element.itersiblings(preceding=True))):
            self._note_stray(earlier)
            root.remove(earlier)
        element.clear(keep_tail=True)

    def _finish(self, root: etree._Element) -> None:
        for child in root:
            self._note_stray(child)
        if (root.text or "").strip():
            self._stray("text", root)
        self.root = self._attributes(root)

    def _note_stray(self, child: etree._Element) -> None:
        if isinstance(child.tag, str) and element_name(child) != self._table.record:
            self._stray(f"<{element_name(child)}>", child)
        elif (child.tail or "").strip():
            self._stray("text", child)

    def _stray(self, found: str, element: etree._Element) -> None:
        wanted = f"<{self._table.record}>"
        reason = f"expected only {wanted} in <{self._table.root}>, found {found}"
        line = element.sourceline or _LAST_LINE
        self.damage = self.damage or Damage(reason, line=line if line < _LAST_LINE else None)

    def _value(self, element: etree._Element) -> Any:
        item: dict[str, Any] = {}
        if self._namespaces or element.keys():
            item.update(self._attributes(element))
        text = element.text or ""
        if not item and not len(element):  # most elements contain only text
            return text.strip() or None
        for child in element:
            tag = child.tag
            if isinstance(tag, str):
                name = tag if tag[0] != "{" else element_name(child)
                value = self._value(child)
                if name not in item:
                    item[name] = [value] if name in self._repeatable else value
                elif isinstance(item[name], list):
                    item[name].append(value)
                else:
                    item[name] = [item[name], value]
            elif isinstance(child, etree._Entity):
                text += child.text or ""
            if tail := child.tail:
                text += tail
        text = text.strip()
        if not item:
            return text or None
        if len(element) and (text or element.tag not in self._groups):
            self._has_markup = True
        if text:
            item["#text"] = text
        return item

    def _attributes(self, element: etree._Element) -> dict[str, str]:
        item: dict[str, str] = {}
        if self._namespaces:
            parent = element.getparent()
            known = {} if parent is None else parent.nsmap
            here = element.nsmap
            if len(here) > MOST_NAMES:  # the time for each element grows with their number
                raise OverLimitError(f"expected at most {MOST_NAMES} namespaces, found more")
            for prefix, uri in here.items():
                if known.get(prefix) != uri:
                    item[f"@xmlns:{prefix}" if prefix else "@xmlns"] = uri or ""
        for name, value in element.attrib.items():
            item[f"@{attribute_name(element, str(name))}"] = str(value)
        return item
