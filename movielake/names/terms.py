"""Terms: the codes, globs and slices that select date stamps and countries."""

from __future__ import annotations

import datetime
import operator
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

Term = str | int | datetime.date
"""A code or a glob. A date stamp can also be a number or a date."""

Terms = Term | Iterable[Term] | slice | None
"""A selection of stamps or countries: one term, several terms, a slice of codes, or None (all)."""

ReadTerms = tuple[str, ...] | slice | None
"""Terms after `read_terms`: texts only."""

_GLOB = re.compile(r"[*?\[]")


def read_terms(terms: Terms) -> ReadTerms:
    """Read terms once, so that an iterator among them has the same meaning in every later match.

    Parameters
    ----------
    terms : str, int, date, iterable of these, slice or None
        One text can also hold several terms, separated by commas.

    Returns
    -------
    tuple of str, slice or None

    Raises
    ------
    ValueError
        If a term has another type.

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
    """Write a code, a number or a date in the form that the lake uses."""
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
    """Write codes of countries in lower case, as in the lake."""
    if isinstance(terms, slice):
        return slice(*(end and end.lower() for end in (terms.start, terms.stop)))
    return terms and tuple(term.lower() for term in terms)


def check_ends(terms: ReadTerms) -> ReadTerms:
    """Refuse a slice whose ends are not stamps or beginnings of stamps.

    Text comparison would give such a slice an arbitrary meaning.
    """
    ends = (terms.start, terms.stop) if isinstance(terms, slice) else ()
    for end in ends:
        if end and not re.fullmatch("[0-9]{1,8}", end):
            raise ValueError(
                "expected a slice of stamps or beginnings of them, like slice('20191206', '2020'), "
                f"found {end!r}"
            )
    return terms


def is_glob(term: str) -> bool:
    """Return whether a term can match several codes."""
    return _GLOB.search(term) is not None


def mean(terms: Terms, code: str) -> bool:
    """Return whether terms match a code.

    Examples
    --------
    >>> from movielake.names.terms import mean
    >>> mean(("d*", "swe"), "deu"), mean(slice("20191206", "2020"), "20201231"), mean(None, "deu")
    (True, True, True)
    """
    if isinstance(terms, tuple) and code in terms:  # fast, even if the terms are a lake's stamps
        return True
    terms = read_terms(terms)
    if terms is None:
        return True
    if isinstance(terms, slice):
        start, stop = terms.start or "", terms.stop or ""
        return code >= start and (not stop or code[: len(stop)] <= stop)
    return any(fnmatchcase(code, term) for term in terms)


def show_terms(terms: Terms) -> str:
    """Write terms as text for a message."""
    terms = read_terms(terms)
    if terms is None:
        return "all"
    if isinstance(terms, slice):
        return f"{terms.start or ''}:{terms.stop or ''}"
    return ",".join(terms)
