"""The rules for lakes with their severities, and the options that change severities."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from movielake.rows.problems import (
    BESIDE,
    ENCODING,
    ENTITY,
    OVERNIGHT,
    REPEATED,
    UNKNOWN,
    UNORDERED,
    UNTYPED,
)
from movielake.validation.findings import ERROR, SEVERITIES, WARNING, Finding, Rule

COORDINATES: Final = (90.0, 180.0)
"""Largest latitude and longitude, in degrees."""
RUNNING_TIMES: Final = (1, 900)
"""Shortest and longest plausible running time, in minutes."""
SHOW_DATES: Final = (-31, 184)
"""Smallest and largest plausible distance of a show_date from its date_stamp, in days."""

_MINUTES: Final = " to ".join(map(str, RUNNING_TIMES))
_DAYS: Final = " to ".join(map(str, SHOW_DATES))

PROBLEM_RULES: Final = (
    Rule("untyped-value", WARNING, "every value has its column's type"),
    Rule("repeated-element", WARNING, "an element repeats only if the schema allows it"),
    Rule("unknown-element", WARNING, "every element is in the schema"),
    Rule("other-encoding", WARNING, "every member has the encoding that it declares"),
    Rule("undeclared-entity", WARNING, "every entity in the XML is declared"),
    Rule("text-beside-time", WARNING, "a time has no other text beside it"),
    Rule("unordered-times", WARNING, "a list of times rises"),
    Rule("overnight-time", WARNING, "a time after midnight is written as such: 24:15"),
)
"""The rules for problems with values, elements and encodings, in feeds and in lakes."""

RULE_OF_PROBLEM: Final = {
    UNTYPED: "untyped-value",
    REPEATED: "repeated-element",
    UNKNOWN: "unknown-element",
    ENCODING: "other-encoding",
    ENTITY: "undeclared-entity",
    BESIDE: "text-beside-time",
    UNORDERED: "unordered-times",
    OVERNIGHT: "overnight-time",
}
"""The rule for each kind of problem."""

LAKE_RULES: Final = (
    Rule(
        "lake-file", ERROR, "lake.json can be read and has exactly the format that movielake writes"
    ),
    Rule("lake-format", ERROR, "lake.json states the format that this version of movielake reads"),
    Rule("lake-schema", ERROR, "lake.json has the same tables and columns as the schemas"),
    Rule(
        "commit-file",
        ERROR,
        "every commit, and the manifest of a compact lake, can be read and has exactly the format "
        "that movielake writes",
    ),
    Rule(
        "commit-place",
        ERROR,
        "a commit lies in its own partition and names only files there, each once",
    ),
    Rule(
        "stale-manifest",
        ERROR,
        "manifest.parquet, if it exists beside commits, has the same content as the commits",
    ),
    Rule(
        "manifest-bytes",
        WARNING,
        "manifest.parquet has exactly the bytes that movielake writes today",
    ),
    Rule("data-package", WARNING, "datapackage.json, if it exists, matches the schemas"),
    Rule("missing-file", ERROR, "every file that a commit names exists"),
    Rule("wrong-size", ERROR, "every file has the size that its commit states"),
    Rule("wrong-checksum", ERROR, "every file has the SHA-256 that its commit states"),
    Rule("unreadable-file", ERROR, "every file can be read completely"),
    Rule("unaccounted-file", ERROR, "a commit names every file in the data folders"),
    Rule("stray-file", WARNING, "the lake's folder holds only files of the lake"),
    Rule("leftover", WARNING, "no workspace of a killed process is older than a day"),
    Rule(
        "wrong-schema",
        ERROR,
        "a Parquet file has the columns of its table, with their names, types and order",
    ),
    Rule(
        "row-range",
        ERROR,
        "in each file of a compact lake, the members follow each other without gap or overlap",
    ),
    Rule("row-count", ERROR, "a Parquet file has the number of rows that its commit states"),
    Rule("rows-digest", ERROR, "the rows of a member have the digest that its commit states"),
    Rule(
        "record-count", ERROR, "both formats have the commit's number of records, numbered in order"
    ),
    Rule(
        "screening-count",
        ERROR,
        "the number of rows with a time is the number that the commit states",
    ),
    Rule("date-span", ERROR, "the first and the last show_date are those that the commit states"),
    Rule("wrong-source", ERROR, "country, date_stamp and source_xml match the path of the file"),
    Rule("json-rows", ERROR, "the rows are exactly those made from the JSON records"),
    Rule("problem-count", ERROR, "the JSON records have the problems that the commit counts"),
    Rule(
        "too-many-orphans", ERROR, "no partition has a larger share of orphans than --max-orphans"
    ),
    Rule("orphans", WARNING, "the movie and the theater of every showing are in its partition"),
    Rule("missing-week", WARNING, "every country has a stamp each week from its first to its last"),
    Rule("missing-table", WARNING, "a partition with showings also has movies and theaters"),
    Rule(
        "missing-key", WARNING, "every movie and theater has its id, and every showing has both ids"
    ),
    Rule("duplicate-key", WARNING, "each movie_id and theater_id occurs once in a partition"),
    Rule("coordinates", WARNING, "latitudes are from -90 to 90, longitudes from -180 to 180"),
    Rule("outside-country", WARNING, "theaters lie inside their country (needs the extra geo)"),
    Rule(
        "swapped-coordinates",
        WARNING,
        "latitude and longitude of a theater are not swapped (needs the extra geo)",
    ),
    Rule("unknown-country", WARNING, "every country has a known code, so its places are checked"),
    Rule("running-time", WARNING, f"running times are from {_MINUTES} minutes"),
    Rule(
        "show-date",
        WARNING,
        f"show_dates are from {_DAYS} days after the date stamp",
    ),
    Rule("damaged-member", WARNING, "every member of the feed could be read completely"),
    Rule("refused-member", WARNING, "every XML member of the feed could be read"),
    Rule("left-out-member", WARNING, "every member of the feed is XML and not empty"),
    *PROBLEM_RULES,
)
"""The rules for lakes. Errors mean that the lake differs from its commits or its own format.
Warnings mean odd data."""

_SEVERITY: Final = {rule.name: rule.severity for rule in LAKE_RULES}


def found(rule: str, path: str, message: str, **more: Any) -> Finding:
    """Make a finding of a rule for lakes, with the rule's default severity."""
    return Finding(rule, _SEVERITY[rule], path, message, **more)


def mend(pair: tuple[str, str]) -> str:
    """Return advice on how to repair the files of a partition."""
    stamp, country = pair
    how = f"--force --stamps {stamp} --countries {country}"
    return f"convert its feed zip again ({how}), or stage it again"


MEND_COPY: Final = (
    "remove the file and make the copy again (movielake compact LAKE TO), or stage it again"
)
"""Advice on how to repair the files of a compact lake."""


def reason(error: BaseException) -> str:
    """Describe an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def choose_severities(chosen: Mapping[str, str], rules: Iterable[Rule]) -> dict[str, str]:
    """Return the severity of each rule.

    Parameters
    ----------
    chosen : mapping of str to str
        Name of a rule to the severity that replaces its default.
    rules : iterable of Rule
        All rules.

    Returns
    -------
    dict
        Name of every rule to its severity.

    Raises
    ------
    ValueError
        If a rule or a severity does not exist.

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
            raise ValueError(
                f"expected the name of a rule, found {name!r}; did you mean {' or '.join(close)}?"
            )
        if severity not in SEVERITIES:
            raise ValueError(
                f"expected {', '.join(SEVERITIES)} for the rule {name}, found {severity!r}"
            )
        severities[name] = severity
    return severities


def describe_rules(rules: Iterable[Rule]) -> str:
    """Return rules as a Markdown table, for the docs."""
    rows = [f"| `{rule.name}` | {rule.severity} | {rule.meaning} |" for rule in rules]
    return "\n".join(["| rule | severity | expected state |", "| --- | --- | --- |", *rows]) + "\n"
