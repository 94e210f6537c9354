"""Damage: the reason and the place where a member, or a record of it, could not be read."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

_ADVICE: Final = re.compile(r",? (?:use|try) XML_PARSE_HUGE(?: option)?")


@dataclass(frozen=True)
class Damage:
    """The reason and the place where a member, or a record of it, could not be read.

    Parameters
    ----------
    reason : str
        The reason in one line.
    line, column : int or None
        Place in the XML, counted from 1. None if it is unknown.
    """

    reason: str
    line: int | None = None
    column: int | None = None


def read_damage(
    error: etree.XMLSyntaxError, log: etree._ListErrorLog, encoding: str = ""
) -> Damage:
    """Read the reason and the place of damage from an error of libxml2.

    Parameters
    ----------
    error : lxml.etree.XMLSyntaxError
        The exception that lxml raised.
    log : lxml.etree._ListErrorLog
        The parser's error log, which sometimes has more details.
    encoding : str, optional
        Description of the member's encoding, for the reason.

    Returns
    -------
    Damage
        The reason and the place.
    """
    line, column = error.position if error.position else (None, None)
    if not line and log:
        # lxml reports an undeclared entity as "no element found". Its log has the real reason.
        for entry in log.filter_from_fatals():
            return Damage(_plain(entry.message), entry.line, entry.column)
    reason = one_line(error).removesuffix(f", line {line}, column {column}")
    if encoding and error.code == etree.ErrorTypes.ERR_INVALID_ENCODING:
        reason = odd_byte(encoding)
    return Damage(reason.rstrip(), line or None, column or None)


def odd_byte(encoding: str) -> str:
    """Return the reason for damage by a byte that is not valid in the encoding."""
    return f"a byte is not valid in the {encoding}"


def one_line(error: BaseException) -> str:
    """Return an error's message in one line, or its type if the message is empty."""
    text = (error.msg if isinstance(error, SyntaxError) else str(error)) or type(error).__name__
    return _plain(text)


def _plain(message: str) -> str:
    """Put a message on one line, without libxml2's advice for programmers."""
    return _ADVICE.sub("", " ".join(message.split()))


def describe_unexpected(error: Exception) -> str:
    """Describe in one line an exception that no code expected, and where it was raised.

    Examples
    --------
    >>> describe_unexpected(OverflowError("int too big"))
    'unexpected OverflowError: int too big; please report it'
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"unexpected {type(error).__name__}: {one_line(error)}{where}; please report it"
