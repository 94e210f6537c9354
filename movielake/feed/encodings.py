"""Encodings: the codec that reads a member, from its first bytes and from its declaration.

The bytes decide first. A byte order mark, or a ``<`` beside zero bytes, shows UTF-8, UTF-16 or
UTF-32. In all other members, each byte of the markup is one ASCII character, and the declared
encoding decides. UTF-8 is the default.

- Only the codecs of the list `CODECS` are used. Python also has codecs that are no encodings of
  text files: escapes (``unicode_escape``), names of hosts (``idna``, ``punycode``), ``utf-7``, and
  ``undefined``. A member that declares one of these, or an unknown name, is refused.
- A declared encoding that has a common superset is read as the superset, as browsers do
  (`SUPERSETS`). Files are often written with characters that only the superset has. For Big5, the
  rows C6 and C7 (numbers in circles, kana, Cyrillic) are those of browsers, not of Python's codec.
- ISO-8859-1 is read as ISO-8859-1. Browsers read it as windows-1252, but that is not a superset: it
  gives the bytes 80 to 9F another meaning. XML allows the control characters that ISO-8859-1 has
  there. They keep each byte: ``text.encode("latin-1").decode("cp1252")`` repairs such a text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

_WIDE: Final = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")

_NAMES: Final = """
ascii utf-8 utf-8-sig big5 big5hkscs cp437 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858
cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp932 cp949 cp950 cp1006 cp1125 cp1250
cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 euc_jis_2004 euc_jisx0213 euc_jp euc_kr
gb18030 gb2312 gbk hp-roman8 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3
iso2022_jp_ext iso2022_kr iso8859-1 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7
iso8859-8 iso8859-9 iso8859-10 iso8859-11 iso8859-13 iso8859-14 iso8859-15 iso8859-16 johab
koi8-r koi8-t koi8-u kz1048 mac-arabic mac-croatian mac-cyrillic mac-farsi mac-greek mac-iceland
mac-latin2 mac-roman mac-romanian mac-turkish ptcp154 shift_jis shift_jis_2004 shift_jisx0213
tis-620
"""

CODECS: Final = frozenset((*_NAMES.split(), *_WIDE))
"""Python's names of the codecs that read members. In each, ASCII markup is ASCII bytes, or wide."""

SUPERSETS: Final[Mapping[str, str]] = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""Codecs that are read as another one, which reads all of their files (WHATWG Encoding, 4.2)."""

_LABELS: Final[Mapping[str, str]] = {
    "unicode-1-1-utf-8": "utf-8",
    "x-sjis": "shift_jis",
    "x-gbk": "gbk",
    "x-x-big5": "big5",
    "cn-big5": "big5",
    "x-euc-jp": "euc_jp",
    "windows-949": "cp949",
    "ks_c_5601-1989": "euc_kr",
    "windows-874": "cp874",
    "dos-874": "cp874",
    "iso-8859-8-i": "iso8859-8",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    **{f"x-cp{number}": f"cp{number}" for number in range(1250, 1259)},
    **dict.fromkeys(("ucs-2", "iso-10646-ucs-2", "unicode", "csunicode"), "utf-16"),
    **dict.fromkeys(("ucs-4", "iso-10646-ucs-4"), "utf-32"),
}
"""Names that writers use and Python lacks: those of WHATWG Encoding and IANA."""

_LABEL: Final = re.compile(r"[\w.:+-]+", re.ASCII)
_LONGEST: Final = 60

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WITHOUT_MARK: Final = (
    (re.compile(rb"[< \t\r\n]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[< \t\r\n]"), "utf-32-be"),
    (re.compile(rb"[< \t\r\n]\0"), "utf-16-le"),
    (re.compile(rb"\0[< \t\r\n]"), "utf-16-be"),
)


class EncodingError(ValueError):
    """Raised if a member declares an encoding that is not read."""

    line = 1


class Seen(NamedTuple):
    """What the first bytes of a member show about its encoding.

    Parameters
    ----------
    codec : str or None
        Python's name of the codec. None if the declaration decides.
    mark : bytes
        The byte order mark. Empty if the member has none.
    """

    codec: str | None
    mark: bytes


def look_at(head: bytes) -> Seen:
    r"""Look at the first bytes of a member.

    Parameters
    ----------
    head : bytes
        At least four bytes, if the member has so many.

    Returns
    -------
    Seen
        The codec that the bytes show, and the byte order mark.

    Examples
    --------
    >>> look_at(b"\xef\xbb\xbf<times/>"), look_at(b"<times/>")
    (Seen(codec='utf-8', mark=b'\xef\xbb\xbf'), Seen(codec=None, mark=b''))
    """
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return Seen(codec, mark)
    for pattern, codec in _WITHOUT_MARK:
        if pattern.match(head):
            return Seen(codec, b"")
    return Seen(None, b"")


def codec_of(label: str) -> str:
    """Return the codec that reads the members that declare an encoding.

    Parameters
    ----------
    label : str
        The declared name of the encoding.

    Returns
    -------
    str
        Python's name of the codec, or of its superset.

    Raises
    ------
    EncodingError
        If the name is not that of an encoding of text files.

    Examples
    --------
    >>> codec_of("Latin-1"), codec_of("GB2312"), codec_of("windows-1252")
    ('iso8859-1', 'gb18030', 'cp1252')
    """
    name = label.strip().lower()
    known = ""
    if _LABEL.fullmatch(name):
        with suppress(LookupError):
            known = codecs.lookup(_LABELS.get(name, name)).name
    if known not in CODECS:
        raise EncodingError(
            "expected a text encoding such as UTF-8 in the XML declaration, found "
            f"{label[:_LONGEST]!r}; correct the declaration and convert again"
        )
    return SUPERSETS.get(known, known).removesuffix("-sig")


def is_wide(codec: str) -> bool:
    """Return whether a codec writes a letter of ASCII as two or four bytes."""
    return codec in _WIDE


def contradiction(label: str, seen: str) -> str:
    """Describe how the declared encoding contradicts the bytes.

    Parameters
    ----------
    label : str
        The declared name of the encoding. Empty if none is declared.
    seen : str
        The codec that the bytes show.

    Returns
    -------
    str
        Empty if the two agree.

    Examples
    --------
    >>> contradiction("utf-16", "utf-8"), contradiction("UTF-8", "utf-8")
    ('utf-16 is declared, the bytes show utf-8', '')
    """
    try:
        declared = codec_of(label) if label else seen
    except EncodingError:
        declared = ""
    same = declared == seen or (is_wide(declared) and seen.startswith(declared))
    return "" if same else f"{label[:_LONGEST]} is declared, the bytes show {seen}"
