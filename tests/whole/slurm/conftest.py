"""The Slurm cluster that all tests in this folder share."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cluster import SlurmCluster, missing


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Start a cluster. Without Slurm or root, skip, or fail in continuous integration."""
    reason = missing()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with SlurmCluster(tmp_path_factory.mktemp("slurm") / "cluster") as cluster:
        yield cluster


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Make a folder with a short path for sockets, because pytest's own path can be too long."""
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
