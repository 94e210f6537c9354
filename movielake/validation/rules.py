"""The rules for lakes, each with its severity, and how options change these."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from movielake.validation.findings import ERROR, SEVERITIES, WARNING, Finding, Rule

COORDINATES: Final = (90.0, 180.0)
"""Largest latitude and longitude, in degrees."""
RUNNING_TIMES: Final = (1, 900)
"""Running times that a film may have, in minutes."""
SHOW_DATES: Final = (-31, 184)
"""How far a show_date may be from its date_stamp, in days."""

_MINUTES: Final = " to ".join(map(str, RUNNING_TIMES))
_DAYS: Final = " to ".join(map(str, SHOW_DATES))

LAKE_RULES: Final = (
    Rule("lake-file", ERROR, "lake.json can be read, and is as it was written"),
    Rule("lake-format", ERROR, "lake.json names the format that this version reads"),
    Rule("lake-schema", ERROR, "lake.json has the tables and columns that the schemas have"),
    Rule("commit-file", ERROR, "every commit can be read, and is as it was written"),
    Rule("commit-place", ERROR, "a commit is of its own partition, and names files only there"),
    Rule("stale-manifest", ERROR, "manifest.parquet, if there is one, says what the commits say"),
    Rule("manifest-bytes", WARNING, "manifest.parquet is, byte for byte, what is written today"),
    Rule("data-package", WARNING, "datapackage.json, if there is one, is what the schemas make"),
    Rule("missing-file", ERROR, "every file that a commit names is there"),
    Rule("wrong-size", ERROR, "every file has the size that its commit says"),
    Rule("wrong-checksum", ERROR, "every file has the SHA-256 that its commit says"),
    Rule("unreadable-file", ERROR, "every file can be read to its end"),
    Rule("unaccounted-file", ERROR, "every file beside the data is named by a commit"),
    Rule("stray-file", WARNING, "nothing else lies in the lake's folder"),
    Rule("leftover", WARNING, "no workspace of a process that was killed is older than a day"),
    Rule("wrong-schema", ERROR, "a Parquet file has its table's columns: names, types, order"),
    Rule("row-count", ERROR, "a Parquet file has as many rows as its commit says"),
    Rule("record-count", ERROR, "both formats have as many records as the commit says, numbered"),
    Rule("screening-count", ERROR, "as many rows have a time as the commit says"),
    Rule("date-span", ERROR, "first and last show_date are those that the commit says"),
    Rule("wrong-source", ERROR, "country, date_stamp and source_xml are those of the file's place"),
    Rule("json-rows", ERROR, "the rows are exactly what the JSON's records make"),
    Rule("problem-count", ERROR, "the JSON's records have the problems that the commit counts"),
    Rule("too-many-orphans", ERROR, "no partition has more orphans than --max-orphans allows"),
    Rule("orphans", WARNING, "the movie and theater of every showing are in its partition"),
    Rule("missing-table", WARNING, "a partition with showings has movies and theaters too"),
    Rule("missing-key", WARNING, "every movie and theater has its id, and every showing both"),
    Rule("duplicate-key", WARNING, "a movie_id or theater_id is there once in a partition"),
    Rule("coordinates", WARNING, "latitudes are from -90 to 90, longitudes from -180 to 180"),
    Rule("outside-country", WARNING, "theaters are in their country (needs the extra geo)"),
    Rule("running-time", WARNING, f"running times are from {_MINUTES} minutes"),
    Rule(
        "show-date",
        WARNING,
        f"show_dates are from {_DAYS} days after the stamp",
    ),
    Rule("damaged-member", WARNING, "every member of the feed could be read to its end"),
    Rule("refused-member", WARNING, "every XML member of the feed could be read"),
    Rule("left-out-member", WARNING, "no member of the feed is empty, or no XML"),
    Rule("untyped-value", WARNING, "every value is of its column's type"),
    Rule("repeated-element", WARNING, "no element repeats that the schema has once"),
    Rule("unknown-element", WARNING, "the schema knows every element"),
)
"""What is checked of a lake: an error where it is not what it says, a warning on what it holds."""

_SEVERITY: Final = {rule.name: rule.severity for rule in LAKE_RULES}


def found(rule: str, path: str, message: str, **more: Any) -> Finding:
    """Make a finding of a lake's rule, with the severity that the rule has by itself."""
    return Finding(rule, _SEVERITY[rule], path, message, **more)


def mend(pair: tuple[str, str]) -> str:
    """Say what to do about files of a partition that are not what they should be."""
    stamp, country = pair
    how = f"--force --stamps {stamp} --countries {country}"
    return f"convert its feed zip again ({how}), or stage it again"


def reason(error: BaseException) -> str:
    """Say what an error is, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def choose_severities(chosen: Mapping[str, str], rules: Iterable[Rule]) -> dict[str, str]:
    """Tell the severity of each rule.

    Parameters
    ----------
    chosen : mapping of str to str
        Names of rules to the severities that are wanted instead of their own.
    rules : iterable of Rule
        All there are.

    Returns
    -------
    dict
        Name of every rule to its severity.

    Raises
    ------
    ValueError
        If there is no such rule, or no such severity.

    Examples
    --------
    >>> from movielake.validation.rules import LAKE_RULES, choose_severities
    >>> choose_severities({"orphans": "error"}, LAKE_RULES)["orphans"]
    'error'
    """
    severities = {rule.name: rule.severity for rule in rules}
    for name, severity in chosen.items():
        if name not in severities:
            close = difflib.get_close_matches(name, severities, 3, 0.5) or sorted(severities)
            raise ValueError(f"there is no rule {name!r}; is it {' or '.join(close)}?")
        if severity not in SEVERITIES:
            raise ValueError(
                f"expected {', '.join(SEVERITIES)} for the rule {name}, found {severity!r}"
            )
        severities[name] = severity
    return severities


def describe_rules(rules: Iterable[Rule]) -> str:
    """Describe rules as a Markdown table, for the docs."""
    rows = [f"| `{rule.name}` | {rule.severity} | {rule.meaning} |" for rule in rules]
    return (
        "\n".join(["| rule | severity | what is expected |", "| --- | --- | --- |", *rows]) + "\n"
    )
