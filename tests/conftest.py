"""A small sample feed and its lake. Both are made once, and tests must not change them."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from movielake import convert
from movielake.sample import write_sample
from tests import faults

# fsync doubles the time of the tests, and only a power cut would show a difference.
os.fsync = lambda _: None

# A shell makes its background jobs ignore interrupts, and processes that tests start inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)


Ask = Callable[[str], list[tuple[Any, ...]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="DIR", help="Keep screenshots of the report here.")
    parser.addoption(
        "--write-docs", action="store_true", help="Write the table of faults into docs/trust.md."
    )


WAITING = ("slurm", "browser", "install")
"""The marks of tests that wait for other programs most of the time."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With pytest-xdist, start with modules that wait, then those with most tests.

    A module that waits is slow with few tests. As the last one, it would leave the other process
    without work.
    """
    if hasattr(config, "workerinput"):
        sizes = Counter(item.path for item in items)
        waits = {item.path for item in items if any(map(item.get_closest_marker, WAITING))}
        items.sort(key=lambda item: (item.path not in waits, -sizes[item.path]))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """With pytest-xdist, collect the faults that the tests of a process recorded."""
    for row in node.workeroutput["faults"]:
        faults.record(**row)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table of faults, or fail if it differs from the recorded faults."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = [vars(row) for row in faults.RECORDED.values()]
        return
    if session.config.option.write_docs:
        faults.write()
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    partly = {"deselected", "skipped", "failed", "error"} & reporter.stats.keys()
    nodes = any("::" in argument for argument in session.config.args)
    for line in faults.differences(whole=not partly and not nodes):
        reporter.write_line(f"\n{line}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def sample_feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a sample feed: three weeks of eight countries, as zips of XML."""
    feed = tmp_path_factory.mktemp("sample") / "feed"
    write_sample(str(feed), weeks=3, scale=0.05)
    return feed


@pytest.fixture(scope="session")
def sample_lake(sample_feed: Path) -> Path:
    """Return the folder of the sample's lake."""
    lake = sample_feed.with_name("lake")
    convert(str(sample_feed), str(lake), workers=1)
    return lake


@pytest.fixture(scope="session")
def duck(sample_lake: Path) -> Ask:
    """Return a function that runs SQL on the sample lake's movies, theaters and showings."""
    connection = duckdb.connect()
    connection.sql("set threads = 1")
    for table in ("movies", "theaters", "showings"):
        connection.sql(
            f"create view {table} as select * from read_parquet('{sample_lake}/parquet/{table}"
            "/*/*/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
        )

    def ask(sql: str) -> list[tuple[Any, ...]]:
        return connection.sql(sql).fetchall()

    return ask
