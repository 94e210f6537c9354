"""Signs: digits, blanks and punctuation of all scripts in their plain form, that of ASCII.

A text can then be read by rules that know only ASCII. Letters and accents stay as they are.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_PUNCTUATION: Final = {
    "\N{RATIO}": ":",
    "\N{MODIFIER LETTER COLON}": ":",
    "\N{MINUS SIGN}": "-",
    "\N{IDEOGRAPHIC FULL STOP}": ".",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{HEBREW PUNCTUATION GERSHAYIM}": "'",
    "\N{HEBREW PUNCTUATION GERESH}": "'",
}


class _Signs(dict[int, str]):
    """The plain form of each sign: digits, blanks and punctuation of ASCII. Letters stay."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain_sign(chr(code))
        return plain


def _plain_sign(sign: str) -> str:
    """Return one sign for one sign, so that positions stay the same."""
    category = unicodedata.category(sign)
    if category[0] in "ZC":  # blanks, line ends, and marks of the direction of writing
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    compatible = unicodedata.normalize("NFKC", sign)
    if sign.isascii() or category[0] in "LM" or compatible[0].isalpha():  # ㏘ is p.m.
        return sign
    if len(compatible) == 1 and compatible.isascii() and not compatible.isdigit():
        return compatible
    return _PUNCTUATION.get(sign, "-" if category == "Pd" else "*")


_SIGNS: Final = _Signs()


def plain_signs(text: str) -> str:
    """Replace each sign that is not a letter by its plain form.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Text of the same length: digits, blanks and punctuation of ASCII, and letters. Other signs
        become an asterisk.

    Examples
    --------
    >>> plain_signs("１９：３０\N{THIN SPACE}PM"), plain_signs("٢٠:١٥ م"), plain_signs("20:15 €")
    ('19:30 PM', '20:15 م', '20:15 *')
    """
    return text.translate(_SIGNS)
