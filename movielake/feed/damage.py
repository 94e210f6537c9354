"""Damage: the reason and the place where a member, or a record of it, could not be read."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lxml import etree

_ADVICE: Final = re.compile(r",? (?:use|try) XML_PARSE_HUGE(?: option)?")
_LIMITS: Final = (etree.ErrorTypes.ERR_NAME_TOO_LONG, etree.ErrorTypes.ERR_RESOURCE_LIMIT)


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


def is_limit(error: etree.XMLSyntaxError) -> bool:
    """Return whether libxml2 stopped at one of its limits, and not at invalid XML."""
    return error.code in _LIMITS or bool(_ADVICE.search(str(error)))


def one_line(error: BaseException) -> str:
    """Return an error's message in one line, or its type if the message is empty."""
    text = (error.msg if isinstance(error, SyntaxError) else str(error)) or type(error).__name__
    return _plain(text)


def _plain(message: str) -> str:
    """Put a message on one line, without libxml2's advice for programmers."""
    return _ADVICE.sub("", " ".join(message.split()))


def describe_damaged(count: int, first: Damage | None, rest: Damage | None) -> Damage:
    """Describe the damage of a member whose damaged records are set aside.

    Parameters
    ----------
    count : int
        Number of damaged records.
    first : Damage or None
        The first damage that is set aside.
    rest : Damage or None
        The damage at which reading had to end. None if the member was read to its end.

    Returns
    -------
    Damage
        The damage at which reading had to end, or the first one.

    Examples
    --------
    >>> describe_damaged(2, Damage("no name", 7, 30), None)
    Damage(reason='2 records damaged: no name', line=7, column=30)
    """
    damaged = f"{count:,} record{'' if count == 1 else 's'} damaged"
    if rest is None:
        rest = first or Damage("damage that is no longer found")
        return replace(rest, reason=f"{damaged}: {rest.reason}") if count else rest
    return replace(rest, reason=f"{rest.reason}; {damaged} before it") if count else rest


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
