"""The encodings of members that movielake reads and refuses, each with an example.

The tests read every form on both paths, and ``docs/forms.md`` shows the rows.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TITLE = "Encodings"

WHATWG: Final = "WHATWG Encoding, 4.2"
XML: Final = "XML 1.0, appendix F"
IANA: Final = "IANA character sets"


class Form(NamedTuple):
    """A member: what it declares (None: nothing), the codec of its bytes, a text, the source."""

    declared: str | None
    codec: str
    text: str
    source: str
    ahead: bytes = b""
    """Bytes before the declaration."""

    @property
    def xml(self) -> bytes:
        """A member of one showing with this text."""
        head = "" if self.declared is None else f'<?xml version="1.0" encoding="{self.declared}"?>'
        body = f"<times><showtime><movie_name>{self.text}</movie_name></showtime></times>"
        return self.ahead + (head + body).encode(self.codec)


READ = [
    Form(None, "utf-8", "Amélie – 𝄞", XML),
    Form("UTF-8", "utf-8", "Amélie", XML),
    Form("utf8", "utf-8", "Amélie", WHATWG),
    Form("utf-8", "utf-8", "Amélie", "XML 1.0, 4.3.3", b"\xef\xbb\xbf"),
    Form("utf-8", "utf-8", "Amélie", "writers that put a mark before a mark", b"\xef\xbb\xbf" * 2),
    Form("utf-8", "utf-8", "Amélie", "templates with an empty first line", b"\r\n"),
    Form("utf-8", "utf-8", "Amélie", "templates with blanks before the declaration", b" \t"),
    Form("utf-16", "utf-8", "Amélie", ".NET StringWriter, written as UTF-8"),
    Form("unicode", "utf-8", "Amélie", "MSXML, written as UTF-8"),
    Form("UTF-16", "utf-16-le", "Amélie – 𝄞", XML, b"\xff\xfe"),
    Form(None, "utf-16-be", "Amélie", XML, b"\xfe\xff"),
    Form("utf-16", "utf-16-le", "Amélie", "XML 1.0, appendix F.1: no mark"),
    Form(
        "iso-8859-1",
        "utf-16-le",
        "Amélie – Ж",
        "exports of databases",
        b"\xff\xfe",
    ),
    Form("utf-32", "utf-32-be", "𝄞", XML, b"\x00\x00\xfe\xff"),
    Form("US-ASCII", "ascii", "Amelie", IANA),
    Form("ANSI_X3.4-1968", "ascii", "Amelie", IANA),
    Form("ISO-8859-1", "latin-1", "Amélie", IANA),
    Form("latin-1", "latin-1", "Amélie", "Python's name"),
    Form("latin1", "latin-1", "Amélie", WHATWG),
    Form("l1", "latin-1", "Amélie", IANA),
    Form("iso8859_1", "latin-1", "Amélie", "Java's name"),
    Form("cp819", "latin-1", "Amélie", IANA),
    Form("ISO-8859-1", "latin-1", "caf\x92s", "ISO 8859-1 keeps the bytes 80 to 9F as they are"),
    Form("windows-1252", "cp1252", "“Amélie” – 5 €", WHATWG),
    Form("x-cp1251", "cp1251", "Фильм", WHATWG),
    Form("cp1250", "cp1250", "Žižkov", IANA),
    Form("ISO-8859-15", "iso8859-15", "5 €", WHATWG),
    Form("koi8-r", "koi8-r", "Фильм", WHATWG),
    Form("macintosh", "mac-roman", "Amélie", WHATWG),
    Form("windows-874", "cp874", "ภาพยนตร์", WHATWG),
    Form("TIS-620", "tis-620", "ภาพยนตร์", WHATWG),
    Form("GB2312", "gb18030", "冰雪奇缘 镕", WHATWG + ": read as GB 18030"),
    Form("gbk", "gb18030", "冰雪奇缘 €", WHATWG + ": read as GB 18030"),
    Form("Shift_JIS", "cp932", "① アナと雪の女王 髙", WHATWG + ": read as Windows-31J"),
    Form("x-sjis", "cp932", "ア", WHATWG),
    Form("EUC-JP", "euc_jp", "アナと雪の女王", WHATWG),
    Form("iso-2022-jp", "iso2022_jp", "アナと雪の女王", WHATWG),
    Form("euc-kr", "cp949", "똠방각하", WHATWG + ": read as Windows-949"),
    Form("ks_c_5601-1987", "cp949", "겨울왕국", WHATWG),
    Form("big5", "big5hkscs", "冰雪奇緣 㗎", WHATWG + ": read as Big5-HKSCS"),
]
"""Members that are read."""

REFUSED = {
    "undefined": "a variable that was not set (Python's codec of this name)",
    "utf-7": "no encoding of files; WHATWG Encoding leaves it out",
    "unicode_escape": "Python's escapes",
    "raw_unicode_escape": "Python's escapes",
    "string_escape": "Python's escapes",
    "punycode": "names of hosts",
    "idna": "names of hosts",
    "rot13": "Python's codec of letters",
    "base64": "Python's codec of bytes",
    "zlib": "Python's codec of bytes",
    "mbcs": "another one on each machine",
    "cp037": "EBCDIC, whose declaration is not ASCII",
    "no-such": "an unknown name",
    "": "an empty name",
}
"""Declared names that are refused, and why."""


def _row(form: Form) -> tuple[str, str, str]:
    bytes_ = {b"": "", b"\r\n": " behind an empty line", b" \t": " behind blanks"}
    ahead = bytes_.get(form.ahead, f" behind {form.ahead.hex(' ').upper()}")
    name = form.declared or "nothing"
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in form.text)
    return f"{name}, bytes of {form.codec}{ahead}: {text}", text, form.source


ROWS: list[tuple[str, str, str]] = [
    *map(_row, READ),
    *((f"{name or 'an empty name'}", "refused", why) for name, why in REFUSED.items()),
]
"""What a member declares and what its bytes are, the text that is read, and the source."""
