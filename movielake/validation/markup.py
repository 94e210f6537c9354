"""The markup that rows keep, put back into the records of JSON Lines.

A record in JSON has lost the order of text and elements, so it alone cannot give the texts of such
elements. The rows keep the markup of these elements in ``extra``. This module puts a markup back
only into an element with the same text. So records, markup and rows must still agree.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from movielake.feed.markup import MARKUP, Marked, lines_of
from movielake.feed.records import OWN_KEYS, Record

_EXTRA: Final = "extra"
_RECORD: Final = "record"

MARKUP_COLUMNS: Final = (_EXTRA, _RECORD)
_PARSER: Final[dict[str, Any]] = {"resolve_entities": False, "no_network": True, "huge_tree": True}

Kept = dict[str, list[str]]
"""The markup of one record, by path and in the order of the document."""


def read_markup(groups: Iterable[pa.Table]) -> dict[int, Kept]:
    """Read the markup that the rows of a member keep.

    Parameters
    ----------
    groups : iterable of pa.Table
        The rows of a member, in order, with the columns of `MARKUP_COLUMNS` that its table has.

    Returns
    -------
    dict of int to dict
        Number of each record with markup in its member, and its markup.
    """
    found: dict[int, Kept] = defaultdict(lambda: defaultdict(list))
    first = 0
    for batch in (batch for rows in groups for batch in rows.to_batches(1 << 16)):
        if pc.any(pc.ends_with(_keys(batch[_EXTRA]), MARKUP)).as_py():
            for number, row in enumerate(batch.to_pylist(), first):
                for path, markups in _markup_of(row[_EXTRA]):
                    kept = found[row.get(_RECORD, number)][path]
                    kept += [markup for markup in markups if markup not in kept]
        first += batch.num_rows
    return found


def _keys(maps: pa.MapArray) -> pa.Array:
    """Return the keys of a slice. ``maps.keys`` alone has those of the whole array."""
    return maps.keys[maps.offsets[0].as_py() : maps.offsets[-1].as_py()]


def _markup_of(extra: list[tuple[str, str]] | None) -> Iterator[tuple[str, list[str]]]:
    for path, text in extra or ():
        if path.rpartition("/")[2] == MARKUP and text:
            yield path, [text] if text.startswith("<") else _items(text)


def _items(text: str) -> list[str]:
    """Return the items of a list in JSON; none if the text is another one."""
    try:
        items = json.loads(text)
    except ValueError:
        return []
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


def restore(record: Record, kept: Kept) -> Record:
    """Put the markup back into a record.

    Parameters
    ----------
    record : dict
        A record from JSON. It is changed.
    kept : dict
        Its markup.

    Returns
    -------
    dict
        The record with a `Marked` for each element whose text is that of a markup.

    Examples
    --------
    >>> from movielake.validation.markup import restore
    >>> kept = {"title/#markup": ["<title>Up <b>and</b> away</title>"]}
    >>> restore({"title": {"b": "and", "#text": "Up  away"}}, kept)["title"].lines
    ['Up and away']
    """
    for path, markups in kept.items():
        record = _put(record, path.split("/")[:-1], list(markups))
    return record


def _put(value: Any, parts: list[str], markups: list[str]) -> Any:
    """Follow a path through all items of repeated elements."""
    if isinstance(value, list):
        return [_put(item, parts, markups) for item in value]
    if isinstance(value, dict) and not parts:
        return _marked(value, markups)
    if isinstance(value, dict) and parts[0] in value:
        value[parts[0]] = _put(value[parts[0]], parts[1:], markups)
    return value


def _marked(value: dict[str, Any], markups: list[str]) -> dict[str, Any]:
    """Add the first markup that fits. It becomes the last one that is tried next time."""
    if all(key[0] in "@#" for key in value):
        return value
    letters = _letters(_texts(value))
    for markup in markups:
        with suppress(etree.XMLSyntaxError):
            lines = lines_of(etree.fromstring(markup, etree.XMLParser(**_PARSER)))
            if _letters(lines) == letters:
                markups.append(markups.pop(markups.index(markup)))
                return Marked(value, markup, lines)
    return value


def _letters(texts: Iterable[str]) -> list[str]:
    return sorted("".join("".join(texts).split()))


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a value in any order, without attributes and without our labels."""
    if isinstance(value, str):
        yield value
    for item in value if isinstance(value, list) else ():
        yield from _texts(item)
    for key, item in value.items() if isinstance(value, dict) else ():
        if key[0] != "@" and key not in OWN_KEYS:
            yield from _texts(item)
