"""Damage: why a member could not be read to its end, in one line, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

_ADVICE: Final = re.compile(r",? (?:use|try) XML_PARSE_HUGE(?: option)?")


@dataclass(frozen=True)
class Damage:
    """Why a member could not be read to its end, and where.

    Parameters
    ----------
    reason : str
        In one line.
    line, column : int or None
        Place in the XML, counted from 1; None if it is not known.
    """

    reason: str
    line: int | None = None
    column: int | None = None


def read_damage(error: etree.XMLSyntaxError, log: etree._ListErrorLog) -> Damage:
    """Read what libxml2 says of damaged XML.

    Parameters
    ----------
    error : lxml.etree.XMLSyntaxError
        What was raised.
    log : lxml.etree._ListErrorLog
        The parser's, which sometimes knows more.

    Returns
    -------
    Damage
    """
    line, column = error.position if error.position else (None, None)
    if not line and log:  # lxml calls an undeclared entity "no element found"; its log says more
        for entry in log.filter_from_fatals():
            return Damage(_plain(entry.message), entry.line, entry.column)
    reason = one_line(error).removesuffix(f", line {line}, column {column}")
    return Damage(reason.rstrip(), line or None, column or None)


def one_line(error: BaseException) -> str:
    """Give an error's message in one line; its type if it has none."""
    text = (error.msg if isinstance(error, SyntaxError) else str(error)) or type(error).__name__
    return _plain(text)


def _plain(message: str) -> str:
    """Put a message on one line, without libxml2's advice to its programmers."""
    return _ADVICE.sub("", " ".join(message.split()))
