"""Hypothesis strategies that several test modules share, and their records as xmltodict reads them.

This module does not use the package's own reading or flattening. It writes XML as text and reads it
back with xmltodict, which the design page names as the definition of a record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import xmltodict
from hypothesis import settings
from hypothesis import strategies as st

from movielake.schema.tables import Table

examples = partial(settings, deadline=None)  # a shared machine may pause any test

LABELS = {
    "country": "deu",
    "date_stamp": "20191206",
    "source_xml": "20191206/deu/191206S.XML",
}

# Python codec, declared encoding (None: no declaration), bytes before the declaration.
ENCODINGS = {
    "utf-8": ("utf-8", "utf-8", b""),
    "utf-8, not declared": ("utf-8", None, b""),
    "utf-8 with BOM": ("utf-8", "UTF-8", b"\xef\xbb\xbf"),
    "utf-8 with BOM only": ("utf-8", None, b"\xef\xbb\xbf"),
    "utf-16-le with BOM": ("utf-16-le", "utf-16", b"\xff\xfe"),
    "utf-16-be with BOM": ("utf-16-be", "UTF-16", b"\xfe\xff"),
    "utf-16-le with BOM only": ("utf-16-le", None, b"\xff\xfe"),
    "utf-16-le without BOM": ("utf-16-le", "utf-16", b""),
    "utf-16-be without BOM": ("utf-16-be", "utf-16", b""),
    "iso-8859-1": ("iso-8859-1", "ISO-8859-1", b""),
    "windows-1252": ("windows-1252", "windows-1252", b""),
}

NAMES = (
    "movie_id",
    "title",
    "genres",
    "genre",
    "cast",
    "show_date",
    "showtimes",
    "show_attributes",
    "theater_types",
    "type",
    "theater_chain",
    "intl",
    "intl_name",
    "synopsis",
    "P",
    "movie",
    "theater",
    "showtime",
    "country",
    "date_stamp",
    "source_xml",
    "unheard-of.1",
    "_x",
    "café",
)
ATTRIBUTES = ("date", "id", "country", "notes", "xml:lang", "x", "é")
URIS = ("urn:1", "urn:2")


def encode(text: str, encoding: str) -> bytes:
    """Encode a document in one of `ENCODINGS`. Characters outside the codec become references."""
    codec, declared, bom = ENCODINGS[encoding]
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    return bom + (declaration + text).encode(codec, "xmlcharrefreplace")


@cache
def xml_characters(codec: str = "utf-8") -> st.SearchStrategy[str]:
    """Characters that XML 1.0 allows and that the codec has, with many unusual ones."""
    odd = " \t\n\r]>-?\x85\xa0\u2028\ufeff𝄞aé0".encode(codec, "ignore").decode(codec)
    if codec.startswith("utf"):
        others = st.characters(
            min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"
        )
    else:
        others = st.sampled_from(bytes(range(32, 256)).decode(codec, "ignore"))
    return st.sampled_from(odd) | others


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quote(text: str) -> str:
    if '"' in text:
        return "'" + escape(text).replace("'", "&apos;") + "'"
    return f'"{escape(text)}"'


@cache
def _pieces(codec: str) -> st.SearchStrategy[str]:
    """Any content that can stand between the tags of an element."""
    raw = st.text(xml_characters(codec), max_size=6)
    references = ("&amp;", "&lt;", "&#x26;", "&#233;", "&#x1D11E;", "&#10;", "&#13;", "&#160;")
    return st.one_of(
        st.text(xml_characters(), max_size=6).map(escape),
        st.sampled_from(references),
        st.sampled_from(("\n    ", "\r\n\t", "2019-12-06", "Y")),
        raw.map(lambda text: f"<![CDATA[{text.replace(']]>', '')}]]>"),
        raw.map(lambda text: f"<!--{text.replace('-', '')}-->"),
        raw.map(lambda text: f"<?note {text.replace('?', '')}?>"),
    )


_VALUES = st.text(xml_characters(), max_size=5)
_ATTRIBUTES = st.lists(st.sampled_from(ATTRIBUTES), max_size=2, unique=True)
_NAMESPACES = st.dictionaries(
    st.sampled_from(("", "a", "b")), st.sampled_from((*URIS, "")), max_size=3
)
_TEXTS_ONLY = st.lists(st.just("text"), max_size=2)
_TEXTS_AND_ELEMENTS = st.lists(st.sampled_from(("text", "element")), max_size=3)
_NAMES = st.sampled_from(NAMES)


@st.composite
def _start_tag(
    draw: st.DrawFn, name: str, scope: dict[str, str], prefixed: bool
) -> tuple[str, str, dict[str, str]]:
    """Draw the content of a start tag, the name with its prefix, and the namespaces in scope."""
    wanted = {}
    if draw(st.integers(0, 7)) == 0:
        wanted = draw(_NAMESPACES)
    # Leave out repeats of the parent's. Only the default namespace can be removed again.
    declared = {p: u for p, u in wanted.items() if scope.get(p, "") != u and (u or not p)}
    scope = {**scope, **declared}
    prefixes = [p for p in scope if p]
    attributes = {}
    expanded = set()
    for local in draw(_ATTRIBUTES):
        prefix = draw(st.sampled_from(["", *prefixes])) if ":" not in local else ""
        if (scope.get(prefix) if prefix else "", local) not in expanded:
            expanded.add((scope.get(prefix) if prefix else "", local))
            qualified = f"{prefix}:{local}" if prefix else local
            attributes[qualified] = draw(_VALUES)
    inside = "".join(
        f" xmlns{':' if prefix else ''}{prefix}={quote(uri)}" for prefix, uri in declared.items()
    )
    inside += "".join(f" {key}={quote(value)}" for key, value in attributes.items())
    if prefixed and prefixes and draw(st.booleans()):
        name = f"{draw(st.sampled_from(prefixes))}:{name}"
    return name + inside, name, scope


@st.composite
def _element(
    draw: st.DrawFn, name: str, codec: str, scope: dict[str, str], depth: int, prefixed: bool = True
) -> str:
    tag, name, scope = draw(_start_tag(name, scope, prefixed))
    content = []
    for kind in draw(_TEXTS_AND_ELEMENTS if depth else _TEXTS_ONLY):
        if kind == "text":
            content.append(draw(_pieces(codec)))
        else:
            content.append(draw(_element(draw(_NAMES), codec, scope, depth - 1)))
    if not content and draw(st.booleans()):
        return f"<{tag}/>"
    return f"<{tag}>{''.join(content)}</{name}>"


@st.composite
def documents(draw: st.DrawFn, table: Table) -> bytes:
    """Members of a feed without errors, with any content in their records."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    codec = ENCODINGS[encoding][0]
    between = st.sampled_from(("", "\n", "\r\n  ", "<!-- & -->", "<?note <x>?>\n"))
    prologue = draw(st.sampled_from(("", "\n<!-- c -->", f"<!DOCTYPE {table.root}>", "<?note?>")))
    tag, name, scope = draw(_start_tag(table.root, {}, False))
    content = [draw(between)]
    for _ in range(draw(st.integers(0, 3))):
        record = draw(_element(table.record, codec, scope, depth=3, prefixed=False))
        content += [record, draw(between)]
    return encode(f"{prologue}<{tag}>{''.join(content)}</{name}>{draw(between)}", encoding)


def oracle(data: bytes, table: Table) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return the root's attributes and the records of a document, as xmltodict reads them."""

    def always_a_list(path: list[Any], name: str, _: Any) -> bool:
        return name in table.repeatable or (len(path) == 1 and name == table.record)

    (root,) = xmltodict.parse(data, force_list=always_a_list).values()
    root = root or {}
    attributes = {name: value for name, value in root.items() if name.startswith("@")}
    return attributes, [_labelled(value) for value in root.get(table.record, [])]


def _labelled(value: dict[str, Any] | str | None) -> dict[str, Any]:
    if value is None:
        value = {}
    if isinstance(value, str):
        value = {"#text": value}
    return {f"#{name}" if name in LABELS else name: v for name, v in value.items()} | LABELS


@dataclass
class Tokens:
    """A record in which every text and attribute is a different word.

    Parameters
    ----------
    record : dict
        A record, as `movielake.feed.records` returns it.
    places : dict
        Path of each word, without the record's own name.
    """

    record: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict)


@st.composite
def tokens(draw: st.DrawFn, table: Table, names: tuple[str, ...]) -> Tokens:
    """Records of any nesting with the given names, to check where each word ends up."""
    places: dict[str, str] = {}

    def word(path: str) -> str:
        places[f"w{len(places)}"] = path
        return f"w{len(places) - 1}"

    def element(name: str, path: str, depth: int) -> str:
        chosen = draw(st.lists(st.sampled_from(ATTRIBUTES), max_size=1))
        attributes = "".join(f' {name}="{word(f"{path}/@{name}")}"' for name in chosen)
        text = word(f"{path}/#text") if draw(st.booleans()) else ""
        below = draw(st.lists(st.sampled_from(names), max_size=4)) if depth else []
        children = "".join(element(n, f"{path}/{n}", depth - 1) for n in below)
        return f"<{name}{attributes}>{text}{children}</{name}>"

    xml = f"<{table.root}>{element(table.record, '', 3)}</{table.root}>"
    (record,) = oracle(xml.encode(), table)[1]
    return Tokens(record, {w: path.removeprefix("/") for w, path in places.items()})
