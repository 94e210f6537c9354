"""Terms: what people write to select date stamps and countries, and what that means."""

from __future__ import annotations

import datetime
import operator
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

Term = str | int | datetime.date
"""A code or a glob; of a date stamp also the number or the date."""

Terms = Term | Iterable[Term] | slice | None
"""What selects stamps or countries: a term, several of them, a slice of codes, or all."""

ReadTerms = tuple[str, ...] | slice | None
"""The same, read: texts alone."""

_GLOB = re.compile(r"[*?\[]")


def read_terms(terms: Terms) -> ReadTerms:
    """Read terms once, so that what they mean does not depend on what was asked before.

    Parameters
    ----------
    terms : str, int, date, iterable of these, slice or None
        Several may also stand in one text, with commas.

    Returns
    -------
    tuple of str, slice or None

    Raises
    ------
    ValueError
        If something else is given.

    Examples
    --------
    >>> from datetime import date
    >>> from movielake.names.terms import read_terms
    >>> read_terms("20191206, 2020*"), read_terms([20191206]), read_terms(date(2019, 12, 6))
    (('20191206', '2020*'), ('20191206',), ('20191206',))
    """
    if terms is None:
        return None
    if isinstance(terms, slice):
        return slice(*(None if end is None else _text(end) for end in (terms.start, terms.stop)))
    if isinstance(terms, str):
        parts = terms.split(",")
    elif isinstance(terms, Iterable):
        parts = [_text(term) for term in terms]
    else:
        parts = [_text(terms)]
    return tuple(part.strip() for part in parts if part.strip())


def _text(term: Any) -> str:
    """Write a code, a number or a date as the lake does."""
    if isinstance(term, str):
        return term
    if isinstance(term, datetime.date):
        return term.strftime("%Y%m%d")
    try:
        return str(operator.index(term))
    except TypeError:
        raise ValueError(
            "expected a code like '20191206' or 'deu', a glob, several of them, or a slice, "
            f"found {term!r}"
        ) from None


def lower_terms(terms: ReadTerms) -> ReadTerms:
    """Write codes of countries as the lake does."""
    if isinstance(terms, slice):
        return slice(*(end and end.lower() for end in (terms.start, terms.stop)))
    return terms and tuple(term.lower() for term in terms)


def check_ends(terms: ReadTerms) -> ReadTerms:
    """Refuse a slice whose ends are no stamps nor beginnings of some: it would mean anything."""
    ends = (terms.start, terms.stop) if isinstance(terms, slice) else ()
    for end in ends:
        if end and not re.fullmatch("[0-9]{1,8}", end):
            raise ValueError(
                "expected a slice of stamps or beginnings of them, like slice('20191206', '2020'), "
                f"found {end!r}"
            )
    return terms


def is_glob(term: str) -> bool:
    """Tell whether a term may stand for several codes."""
    return _GLOB.search(term) is not None


def mean(terms: Terms, code: str) -> bool:
    """Tell whether terms mean a code.

    Examples
    --------
    >>> from movielake.names.terms import mean
    >>> mean(("d*", "swe"), "deu"), mean(slice("20191206", "2020"), "20201231"), mean(None, "deu")
    (True, True, True)
    """
    if isinstance(terms, tuple) and code in terms:  # at once, where all stamps of a lake are named
        return True
    terms = read_terms(terms)
    if terms is None:
        return True
    if isinstance(terms, slice):
        start, stop = terms.start or "", terms.stop or ""
        return code >= start and (not stop or code[: len(stop)] <= stop)
    return any(fnmatchcase(code, term) for term in terms)


def show_terms(terms: Terms) -> str:
    """Write terms for people."""
    terms = read_terms(terms)
    if terms is None:
        return "all"
    if isinstance(terms, slice):
        return f"{terms.start or ''}:{terms.stop or ''}"
    return ",".join(terms)
