"""Problems of a few records among many that were flattened together.

A batch counts the problems of all its records. If these are records of several members, the count
of each member is found by counting again, but only what the batch has problems with.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from movielake.feed.records import OWN_KEYS
from movielake.rows.extras import Node, collect_extras
from movielake.rows.flattening import node_column
from movielake.rows.problems import OF_NAMES, OTHERS, Problem, ProblemCounter
from movielake.rows.screenings import HEAVIEST, count_showings, weigh
from movielake.schema.tables import Table


def count_again(
    records: Sequence[Node], table: Table, among: Collection[Problem], problems: ProblemCounter
) -> None:
    """Count the problems of some records of a batch.

    Parameters
    ----------
    records : sequence of dict
        The records of one country.
    table : Table
        Their table.
    among : collection of Problem
        The problems of the whole batch.
    problems : ProblemCounter
        Counter for the problems of these records.

    Examples
    --------
    >>> from movielake.rows.screenings import flatten_batch
    >>> from movielake.schema.tables import table
    >>> movies = [{"running_time": "long"}, {"running_time": "103"}, {"running_time": "-"}]
    >>> whole, first = ProblemCounter(), ProblemCounter()
    >>> _ = flatten_batch(movies, table("movies"), whole, 0)
    >>> count_again(movies[:2], table("movies"), whole.problems(), first)
    >>> [(problem.count, problem.example) for problem in first.problems()]
    [(1, 'long')]
    """
    values = {problem.column.partition(".")[0] for problem in among if problem.kind not in OF_NAMES}
    names = [problem.column for problem in among if problem.kind in OF_NAMES]
    columns = [column for column in table.columns if column.name in values]
    if OTHERS not in names:  # no other element of a record has a part in these problems
        paths = names + [path for column in columns for path in column.paths]
        firsts = {path.partition("/")[0] for path in paths}.union(OWN_KEYS)
        records = [_part(record, table, firsts, values) for record in records]
    if table.name == "showings":
        count_showings(records, table, columns, problems)
        return
    if names:
        collect_extras(records, table, problems)
    for column in columns:
        node_column(records, column, problems)


def _part(record: Node, table: Table, keys: Collection[str], values: Collection[str]) -> Node:
    """Return a record with some of its keys, but a whole record if its rows are too large."""
    if "show_time" in values and weigh(record, table) > HEAVIEST:
        return record
    return {key: value for key, value in record.items() if key in keys}
