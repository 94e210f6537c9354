"""Damage: the reason and the place where the reading of a member ended early."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

_ADVICE: Final = re.compile(r",? (?:use|try) XML_PARSE_HUGE(?: option)?")


@dataclass(frozen=True)
class Damage:
    """The reason and the place where the reading of a member ended early.

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


def read_damage(error: etree.XMLSyntaxError, log: etree._ListErrorLog) -> Damage:
    """Read the reason and the place of damage from an error of libxml2.

    Parameters
    ----------
    error : lxml.etree.XMLSyntaxError
        The exception that lxml raised.
    log : lxml.etree._ListErrorLog
        The parser's error log, which sometimes has more details.

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
    return Damage(reason.rstrip(), line or None, column or None)


def one_line(error: BaseException) -> str:
    """Return an error's message in one line, or its type if the message is empty."""
    text = (error.msg if isinstance(error, SyntaxError) else str(error)) or type(error).__name__
    return _plain(text)


def _plain(message: str) -> str:
    """Put a message on one line, without libxml2's advice for programmers."""
    return _ADVICE.sub("", " ".join(message.split()))
