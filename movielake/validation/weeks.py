"""Weeks: which date stamps are missing between the first and the last one of each country."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from movielake.names.layout import Selection
from movielake.staging.packs import Pair
from movielake.validation.findings import Finding
from movielake.validation.inventory import WHOLE, Inventory
from movielake.validation.rules import found

_WEEK: Final = 7
_SHOWN: Final = 10
"""Most spans of missing weeks in a message."""


@dataclass(frozen=True)
class CountryWeeks:
    """The weeks of a country. The feed has a snapshot of each country each week.

    Parameters
    ----------
    country : str
        The country.
    first, last : str
        Its first and last date stamp.
    held : int
        Number of its date stamps.
    missing : tuple of str
        The date stamps that are expected in between, but not there.

    Examples
    --------
    >>> from movielake.validation.weeks import CountryWeeks
    >>> CountryWeeks("deu", "20191206", "20191220", 2, ("20191213",)).missing
    ('20191213',)
    """

    country: str
    first: str
    last: str
    held: int
    missing: tuple[str, ...]


def find_weeks(pairs: Iterable[Pair]) -> list[CountryWeeks]:
    """Find the weeks of each country.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Date stamp and country of each partition.

    Returns
    -------
    list of CountryWeeks
        In the order of the countries. Between two neighbouring stamps, each seventh day is
        expected. A stamp can be up to three days early or late.

    Examples
    --------
    >>> from movielake.validation.weeks import find_weeks
    >>> (weeks,) = find_weeks([("20191206", "deu"), ("20191212", "deu"), ("20200103", "deu")])
    >>> weeks.missing
    ('20191219', '20191226')
    """
    stamps = defaultdict(set)
    for stamp, country in pairs:
        stamps[country].add(stamp)
    return [_of_country(country, sorted(held)) for country, held in sorted(stamps.items())]


def _of_country(country: str, held: list[str]) -> CountryWeeks:
    missing = [stamp for pair in pairwise(held) for stamp in _between(*map(_day, pair))]
    return CountryWeeks(country, held[0], held[-1], len(held), tuple(missing))


def _day(stamp: str) -> date:
    return date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:]))


def _between(one: date, other: date) -> list[str]:
    number = round((other - one).days / _WEEK) - 1
    return [f"{one + timedelta(_WEEK * (n + 1)):%Y%m%d}" for n in range(number)]


def weeks_of(inventory: Inventory) -> list[CountryWeeks]:
    """Find the weeks of each country in a lake. A commit that cannot be read is there."""
    return find_weeks({*inventory.commits, *inventory.broken} - {WHOLE})


def check_weeks(inventory: Inventory, selection: Selection) -> Iterator[Finding]:
    """Yield a finding for each country with missing weeks in the selection."""
    for weeks in weeks_of(inventory):
        missing = [stamp for stamp in weeks.missing if selection.matches(stamp, weeks.country)]
        if missing:
            yield found(
                "missing-week",
                inventory.commit_path((missing[0], weeks.country)),
                f"{weeks.country}: expected a date stamp each week from {weeks.first} to "
                f"{weeks.last}, found none for {in_spans(missing)}; if the feed has them, convert "
                "their feed zips",
                count=len(missing),
            )


def in_spans(stamps: Iterable[str]) -> str:
    """Write date stamps as text, with weeks that follow each other as one span.

    Examples
    --------
    >>> from movielake.validation.weeks import in_spans
    >>> in_spans(["20191206", "20191213", "20200103"])
    '20191206 to 20191213, 20200103'
    """
    spans: list[list[str]] = []
    for stamp in stamps:
        if spans and not _between(_day(spans[-1][-1]), _day(stamp)):
            spans[-1].append(stamp)
        else:
            spans.append([stamp])
    texts = [span[0] if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans[:_SHOWN]]
    rest = sum(map(len, spans[_SHOWN:]))
    return ", ".join(texts) + (f" and {rest:,} more" if rest else "")
