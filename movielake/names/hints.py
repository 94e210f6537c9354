"""Hints for a selection that matches no files: the existing choices, and a guess."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import ParamSpec

from movielake.names.countries import suggest_countries
from movielake.names.layout import Selection
from movielake.names.terms import Terms, is_glob, mean

Initial = ParamSpec("Initial")


def tell_choices(selection: Selection, stamps: Iterable[str], countries: Iterable[str]) -> str:
    """List the existing choices, and guess the intention of a selection that matches no files.

    Parameters
    ----------
    selection : Selection
        The selection.
    stamps, countries : iterable of str
        The existing stamps and countries.

    Returns
    -------
    str
        The part of a message that follows "it has".

    Examples
    --------
    >>> from movielake.names.hints import tell_choices
    >>> from movielake.names.layout import Selection
    >>> tell_choices(Selection("20191208", "Germany"), ["20191206", "20191213"], ["deu", "swe"])
    '2 stamps (20191206 to 20191213) and the countries deu, swe; did you mean 20191206, deu?'
    """
    there, known = sorted(set(stamps)), sorted(set(countries))
    span = f"{len(there)} stamps ({there[0]} to {there[-1]})" if there else "no stamps"
    meant = [
        *(guess for term in missing(selection.date_stamps, there) for guess in _stamp(term, there)),
        *_countries(selection, known),
    ]
    places = f"the countries {', '.join(known)}" if known else "no countries"
    return f"{span} and {places}{_question(meant)}"


def require_countries(selection: Selection, countries: Iterable[str], place: str) -> None:
    """Raise an error if a selection names a country that does not exist.

    Parameters
    ----------
    selection : Selection
        The selection. A glob or a slice is allowed to match no country.
    countries : iterable of str
        The existing countries.
    place : str
        The lake or feed with these countries, for the message.

    Raises
    ------
    ValueError
        If a country does not exist. The message lists the existing ones.
    """
    known = sorted({country.lower() for country in countries})
    strangers = [c for c in missing(selection.countries, known) if not is_glob(c)]
    if strangers:
        raise ValueError(
            f"no country {', '.join(strangers)} in {place}; "
            f"it has {', '.join(known) or 'no countries'}"
            f"{_question(_countries(selection, known))}"
        )


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return the end of a message, which suggests a similar name if a known name is similar.

    Examples
    --------
    >>> from movielake.names.hints import suggest_name
    >>> suggest_name("contry", ["country", "date_stamp"]), suggest_name("x", ["country"])
    ('; did you mean country?', '')
    """
    return _question(get_close_matches(str(name), list(known), 1))


def suggest_arguments(initialise: Callable[Initial, None]) -> Callable[Initial, None]:
    """Let a class name itself and a similar argument if it gets an unknown argument.

    Parameters
    ----------
    initialise : callable
        The ``__init__`` of the class.

    Returns
    -------
    callable
        The same function. For an unknown argument it raises TypeError with the class's own name.

    Examples
    --------
    >>> class Films:
    ...     @suggest_arguments
    ...     def __init__(self, *, size=None): ...
    >>> Films(sise="1")
    Traceback (most recent call last):
    TypeError: expected arguments out of size for Films, found 'sise'; did you mean size?
    """

    @wraps(initialise)
    def checked(*args: Initial.args, **kwargs: Initial.kwargs) -> None:
        known = [name for name in signature(initialise).parameters if name != "self"]
        for name in kwargs.keys() - known:
            raise TypeError(
                f"expected arguments out of {', '.join(known)} for {type(args[0]).__name__}, "
                f"found {name!r}{suggest_name(name, known)}"
            )
        initialise(*args, **kwargs)

    return checked


def missing(terms: Terms, known: list[str]) -> list[str]:
    """List the terms that match none of the known codes."""
    alone = terms if isinstance(terms, tuple) else ()
    return [str(term) for term in alone if not any(mean((term,), code) for code in known)]


def _countries(selection: Selection, known: list[str]) -> list[str]:
    strangers = [term for term in missing(selection.countries, known) if not is_glob(term)]
    return [guess for term in strangers for guess in suggest_countries(term, known)]


def _stamp(term: str, stamps: list[str]) -> list[str]:
    """Guess a stamp from another spelling of it, from its beginning, or from a later day."""
    digits = re.sub("[^0-9]", "", term)
    for written in (digits, f"20{digits}"):
        if written in stamps:
            return [written]
    if is_glob(term) or not digits:
        return []
    if any(stamp.startswith(digits) for stamp in stamps):
        return [f"{digits}*"]
    return stamps[max(bisect(stamps, digits) - 1, 0) :][:1] if len(digits) == 8 else []


def _question(meant: list[str]) -> str:
    return f"; did you mean {', '.join(dict.fromkeys(meant))}?" if meant else ""
