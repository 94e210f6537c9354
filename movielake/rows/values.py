"""Texts to typed values, one column at a time.

Every function for a column takes a string array and returns an array of the same length. A text
that cannot be typed becomes null. So each new null is a problem, and `typed` counts it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from functools import partial
from html.entities import html5
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from movielake.rows.prices import parse_price
from movielake.rows.problems import UNTYPED, ProblemCounter
from movielake.schema.tables import Column


def typed(
    texts: pa.Array, column: Column, problems: ProblemCounter, name: str = "", country: str = ""
) -> pa.Array:
    """Convert texts to the type of a column and count the texts that cannot be typed.

    Parameters
    ----------
    texts : pa.StringArray, shape (n,)
        Texts of the feed, null where the feed has no text.
    column : Column
        The column. Its ``type`` decides the conversion.
    problems : ProblemCounter
        Counter for texts that cannot be typed.
    name : str, optional
        Name of the column in a problem; by default ``column.name``.
    country : str, optional
        Code of the feed zip's country, for prices.

    Returns
    -------
    pa.Array, shape (n,)
        The values, of type ``column.arrow``.

    Examples
    --------
    >>> from movielake.schema.tables import table
    >>> problems = ProblemCounter()
    >>> typed(pa.array(["103", "n/a"]), table("movies")["running_time"], problems).to_pylist()
    [103, None]
    >>> problems.problems()
    (Problem(column='running_time', kind='untyped', count=1, example='n/a'),)
    """
    # An empty attribute is an empty text, and a missing one is null. Neither is a value.
    trimmed = pc.utf8_trim_whitespace(texts)
    texts = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    if column.type == "price":
        values = per_distinct(texts, partial(parse_price, country=country), pa.float64())
    else:
        values = _CONVERTERS[column.type](texts)
    if values.null_count > texts.null_count:
        odd = texts.filter(pc.and_(pc.is_valid(texts), pc.is_null(values)))
        problems.add(name or column.name, UNTYPED, len(odd), odd[0].as_py())
    return values


def per_distinct(texts: pa.Array, parse: Callable[[str], Any], type_: pa.DataType) -> pa.Array:
    """Parse each distinct text once, in Python, and copy the results to all their places.

    Parameters
    ----------
    texts : pa.StringArray, shape (n,)
        Texts. Nulls stay null.
    parse : callable
        Function from a text to a value that Arrow can store, or to None.
    type_ : pa.DataType
        Type of the result.

    Returns
    -------
    pa.Array, shape (n,)
        The parsed values.
    """
    coded = texts.dictionary_encode()
    values = pa.array([parse(text) for text in coded.dictionary.to_pylist()], type_)
    return values.take(coded.indices)


def integers(texts: pa.Array, type_: pa.DataType) -> pa.Array:
    """Convert whole numbers; other texts and numbers that do not fit become null."""
    bits = type_.bit_width
    whole = pc.match_substring_regex(texts, r"^[+-]?[0-9]{1,18}$")
    plain = pc.utf8_ltrim(pc.if_else(whole, texts, None), "+")
    numbers = pc.cast(plain, pa.int64())
    largest = 2 ** (bits - 1) - 1
    fits = pc.and_(pc.less_equal(numbers, largest), pc.greater_equal(numbers, -largest - 1))
    return pc.cast(pc.if_else(fits, numbers, None), type_)


_DECIMAL: Final = r"^[+-]?([0-9]+([.,][0-9]+|\.)?|[.,][0-9]+)([Ee][+-]?[0-9]{1,3})?$"


def floats(texts: pa.Array) -> pa.Array:
    """Convert decimal numbers, also with an exponent; other texts become null.

    The columns of this type are coordinates. No coordinate has thousands, so a comma is a decimal
    comma: ``52,520`` is 52.52. A minus can also be the sign U+2212.
    """
    texts = pc.replace_substring(texts, "\N{MINUS SIGN}", "-")
    decimal = pc.match_substring_regex(texts, _DECIMAL)
    plain = pc.replace_substring(pc.if_else(decimal, texts, None), ",", ".")
    numbers = pc.cast(pc.utf8_ltrim(plain, "+"), pa.float64())
    return pc.if_else(pc.is_finite(numbers), numbers, None)


def booleans(texts: pa.Array) -> pa.Array:
    """Convert ``Y`` and ``N``, in upper or lower case; other texts become null."""
    upper = pc.utf8_upper(texts)
    no = pc.if_else(pc.equal(upper, "N"), pa.scalar(False), pa.scalar(None, pa.bool_()))
    return pc.if_else(pc.equal(upper, "Y"), pa.scalar(True), no)


_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_CLOCK: Final = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AP]M)?(?:Z| ?[+-]\d{2}:?\d{2})?)?"
_BLANK: Final = re.compile(r"[^\S\n]")
_YEAR_FIRST: Final = re.compile(
    r"(\d{4})(?:(\d{2})(\d{2})|([-/])(\d{1,2})\4(\d{1,2}))" + _CLOCK, re.A
)
_MONTH_FIRST: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})" + _CLOCK, re.A)
_MONTH_NAMED: Final = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})" + _CLOCK, re.A)


def parse_date(text: str) -> datetime.date | None:
    """Read a date in one of the feed's forms.

    Parameters
    ----------
    text : str
        ``20191206``, ``2019-12-06``, ``2019/12/6 0:00:00``, ``12/06/2019`` (month first) or
        ``December 06, 2019``. A time of day after the date is ignored, with its distance from UTC:
        the date is the local one. All blanks of Unicode are equal.

    Returns
    -------
    datetime.date or None
        The date; None if the text is not a date.

    Examples
    --------
    >>> [str(parse_date(t)) for t in ("2019/12/6 0:00:00", "12/06/2019", "Dec 6, 2019", "soon")]
    ['2019-12-06', '2019-12-06', '2019-12-06', 'None']
    """
    text = _BLANK.sub(" ", text)
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = match[1], match[2] or match[5], match[3] or match[6]
    elif match := _MONTH_FIRST.fullmatch(text):
        month, day, year = match.groups()
    elif match := _MONTH_NAMED.fullmatch(text):
        month, day, year = str(_month_number(match[1])), match[2], match[3]
    else:
        return None
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _month_number(name: str) -> int:
    """Return 1 to 12, or 0 for an unknown name, because month 0 is never valid."""
    known = name[:3].lower()
    return _MONTHS.index(known) + 1 if known in _MONTHS else 0


_CONVERTERS: Final[Mapping[str, Callable[[pa.Array], pa.Array]]] = {
    "string": lambda texts: texts,
    "markup": lambda texts: texts,
    "int32": lambda texts: integers(texts, pa.int32()),
    "int64": lambda texts: integers(texts, pa.int64()),
    "float64": floats,
    "boolean": booleans,
    "date": lambda texts: per_distinct(texts, parse_date, pa.date32()),
}


def split_list(texts: pa.Array, separator: str) -> pa.Array:
    """Split texts at a separator into lists of trimmed items, without empty items.

    A semicolon that ends a reference to a character, such as ``&amp;``, does not separate. Such a
    text was escaped twice. Its items keep the reference.

    Parameters
    ----------
    texts : pa.StringArray, shape (n,)
        Texts such as ``Digital, 3D``.
    separator : str
        One character.

    Returns
    -------
    pa.ListArray of string, shape (n,)
        The lists, null where a text has no item.

    Examples
    --------
    >>> split_list(pa.array(["Digital, 3D", " , ", None]), ",").to_pylist()
    [['Digital', '3D'], None, None]
    >>> split_list(pa.array(["Q&amp;A with director; No passes"]), ";").to_pylist()
    [['Q&amp;A with director', 'No passes']]
    """
    escaped = pc.match_substring(texts, "&") if separator == ";" else pa.array([], pa.bool_())
    if not pc.any(escaped, min_count=0).as_py():
        pieces = pc.split_pattern(texts, separator)
        return regroup(pc.list_flatten(pieces), pc.list_parent_indices(pieces), len(texts))
    guarded = per_distinct(texts, _guard_references, pa.string())
    pieces = pc.split_pattern(guarded, separator)
    items = pc.replace_substring(pc.list_flatten(pieces), _GUARD, separator)
    return regroup(items, pc.list_parent_indices(pieces), len(texts))


_GUARD: Final = "\0"
"""A character that no XML document has."""
_REFERENCE: Final = re.compile(r"&((?:amp;)*)(#[0-9]+;|#[xX][0-9A-Fa-f]+;|[A-Za-z][A-Za-z0-9]*;)")


def _guard_references(text: str) -> str:
    """Replace the semicolons of references. Each time ``&`` is escaped, it gains an ``amp;``."""
    return _REFERENCE.sub(_guard_reference, text)


def _guard_reference(found: re.Match[str]) -> str:
    # Only names of HTML count, which include those of XML: "R&B; Jazz" has two items.
    name = found[2]
    if name[0] == "#" or name in html5:
        name = name.replace(";", _GUARD)
    return f"&{found[1].replace(';', _GUARD)}{name}"


def regroup(items: pa.Array, parents: pa.Array, length: int) -> pa.Array:
    """Group items into one list for each parent, with trimmed texts and without empty items.

    Parameters
    ----------
    items : pa.Array, shape (m,)
        Strings or structs, in the order of their parents.
    parents : pa.Array of integers, shape (m,)
        For each item, the position of its list.
    length : int
        Number of lists, n.

    Returns
    -------
    pa.ListArray, shape (n,)
        The lists, null where no item is left.
    """
    kept = pc.is_valid(items)
    if pa.types.is_string(items.type):
        items = pc.utf8_trim_whitespace(items)
        kept = pc.fill_null(pc.greater(pc.binary_length(items), 0), False)
    counts = np.bincount(pc.cast(parents.filter(kept), pa.int64()), minlength=length)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    values = items.filter(kept)
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(counts == 0))
