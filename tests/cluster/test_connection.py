"""Connections: a running cluster is used and left running, a new one ends with its last user."""

import contextvars
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client, LocalCluster, Security

from movielake.cluster.certificates import certificate_folder, make_certificates
from movielake.cluster.connection import connect
from movielake.cluster.slurm import VARIABLES
from movielake.cluster.workers import local_cluster, running_client


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Set the scratch and no other variable of a job. The scratch must be empty at the end."""
    for names in VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("SLURM_TMPDIR", str(folder))
    yield folder
    assert running_client() is None
    assert dask.delayed(os.getpid)().compute() == os.getpid()  # dask uses no cluster again
    assert list(folder.iterdir()) == []


@contextmanager
def found_cluster(scheduler_file: Path, security: Security | None = None) -> Iterator[LocalCluster]:
    """A cluster that another program has started."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            protocol="tls://" if security else "tcp://",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            security=security,
            local_directory=str(scheduler_file.parent),
            scheduler_kwargs={"scheduler_file": str(scheduler_file)},
        ) as cluster,
    ):
        yield cluster
        assert len(cluster.scheduler.workers) == 1  # it was left running


def test_a_local_cluster_is_started_used_and_closed(scratch: Path) -> None:
    with connect(workers=2) as client:
        assert len(client.scheduler_info()["workers"]) == 2
        assert all(
            Path(folder).is_relative_to(scratch)
            for folder in client.run(lambda dask_worker: dask_worker.local_directory).values()
        )
        assert dask.delayed(os.getpid)().compute() != os.getpid()  # dask uses the cluster
        workers = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
    assert not any(worker.is_running() for worker in workers)
    assert dask.delayed(os.getpid)().compute() == os.getpid()


def test_the_connection_passes_for_a_client() -> None:
    client = connect(workers=1)
    assert isinstance(client, Client)
    assert client.submit(sum, [1, 2]).result() == 3
    assert dask.delayed(sum)([1, 2]).compute(scheduler=client) == 3
    assert repr(client) == repr(client.client)
    assert {"submit", "close", "client"} < set(dir(client))
    client.close()
    assert client.status == "closed"
    client.close()


def test_the_dashboard_answers_on_loopback_at_the_given_port() -> None:
    with connect(workers=1) as client:
        assert client.dashboard_link.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(client.dashboard_link) as response:
            assert response.status == 200
        port = int(client.dashboard_link.split(":")[2].split("/")[0])
    with connect(workers=1, dashboard_port=port) as client:
        assert client.dashboard_link == f"http://127.0.0.1:{port}/status"


def test_a_started_cluster_is_shared_until_its_last_user_is_done() -> None:
    first, second = connect(workers=1), connect(workers=2)
    assert first.client is second.client
    assert second.gather(first.submit(sum, [1, 2])) == 3
    first.close()
    first.close()
    assert second.submit(sum, [1, 2]).result() == 3
    second.close()
    assert second.status == "closed"


def test_a_connection_can_be_closed_in_another_cell() -> None:
    connected = contextvars.copy_context().run(connect, workers=1)
    assert running_client() is connected.client
    connected.close()
    assert connected.status == "closed"


def test_a_forgotten_connection_does_not_keep_the_cluster_open() -> None:
    connect(workers=1)
    connected = connect()
    connected.close()
    assert connected.status == "closed"


def test_an_exception_leaves_no_process_and_no_file(scratch: Path) -> None:
    workers = []

    def fail() -> None:
        with connect(workers=1) as client:
            workers.extend(map(psutil.Process, client.run(os.getpid).values()))
            client.submit(divmod, 1, 0).result()

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [worker.is_running() for worker in workers] == [False]
    assert list(scratch.iterdir()) == []


def test_a_cluster_that_its_user_shut_down_is_removed_and_replaced(scratch: Path) -> None:
    first = connect(workers=1)
    first.client.shutdown()
    with connect(workers=1) as client:
        assert client is not first.client
        assert len(list(scratch.iterdir())) == 1
        assert client.submit(sum, [1, 2]).result() == 3
    first.close()


def test_a_running_client_is_used_and_left_running(scratch: Path) -> None:
    with local_cluster(1, scratch=scratch) as cluster, Client(cluster) as running:
        with connect(workers=2) as client:
            assert client is running
        connected = connect()
        connected.close()
        assert running.submit(sum, [1, 2]).result() == 3


def test_a_cluster_at_an_address_is_joined_and_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with found_cluster(tmp_path / "scheduler.json") as cluster:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        monkeypatch.setenv("MOVIELAKE_SCHEDULER_FILE", "/nowhere")
        with connect() as client:
            assert client.scheduler.address == cluster.scheduler_address
            assert client.submit(sum, [1, 2]).result() == 3
        assert client.status == "closed"


@pytest.mark.parametrize("by_argument", [True, False])
def test_the_cluster_of_a_scheduler_file_is_joined_and_left_running(
    by_argument: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "scheduler.json")
    if by_argument:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    else:
        monkeypatch.setenv("MOVIELAKE_SCHEDULER_FILE", path)
    with (
        found_cluster(Path(path)) as cluster,
        connect(scheduler_file=path if by_argument else None) as client,
    ):
        assert client.scheduler.address == cluster.scheduler_address


def test_a_job_warns_of_a_scheduler_without_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scheduler.json"
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with (
        found_cluster(path),
        pytest.warns(RuntimeWarning, match=r"^scheduler at tcp://127.0.0.1:\d+: NO TLS"),
    ):
        connect(scheduler_file=path).close()


def test_a_given_scheduler_file_replaces_the_running_client(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    with found_cluster(path) as cluster, connect(workers=1) as other:
        with connect(scheduler_file=path) as client:
            assert client is not other
            assert client.scheduler.address == cluster.scheduler_address
            with connect(scheduler_file=path) as again:
                assert again is client
        assert other.submit(sum, [1, 2]).result() == 3


@pytest.mark.parametrize("beside", [True, False])
def test_a_tls_cluster_is_joined_with_its_certificates(
    beside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scheduler.json"
    folder = certificate_folder(path) if beside else tmp_path / "elsewhere"
    if not beside:
        monkeypatch.setenv("MOVIELAKE_TLS", str(folder))
    with (
        found_cluster(path, make_certificates(folder)) as cluster,
        connect(scheduler_file=path) as client,
    ):
        assert cluster.scheduler_address.startswith("tls://")
        assert client.submit(sum, [1, 2]).result() == 3


def test_a_tls_cluster_without_its_certificates_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    with (
        found_cluster(path, make_certificates(tmp_path / "elsewhere")),
        pytest.raises(FileNotFoundError, match="set MOVIELAKE_TLS to their folder"),
    ):
        connect(scheduler_file=path)


def test_certificates_of_another_cluster_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    make_certificates(certificate_folder(path))
    with (
        found_cluster(path, make_certificates(tmp_path / "elsewhere")),
        pytest.raises(ConnectionError, match="expected a dask scheduler at tls://"),
    ):
        connect(scheduler_file=path)


@pytest.mark.parametrize("content", [None, "", '{"id": "no address"}'])
def test_a_scheduler_file_without_an_address_is_an_error(
    content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "scheduler.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FileNotFoundError, match=r"scheduler\.json \(scheduler_file or MOVIELAKE_S"):
        connect(scheduler_file=path, timeout=0.2)


def test_the_file_of_an_earlier_scheduler_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new = tmp_path / "scheduler.json", tmp_path / "new.json"
    path.write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    reads = []

    def replace_file(_: object, address: str, __: object) -> None:
        """Let the new scheduler write its file after the earlier one was read."""
        reads.append(address)
        if new.exists():
            new.rename(path)

    monkeypatch.setattr("movielake.cluster.connection._ATTEMPT", 0.2)
    monkeypatch.setattr("movielake.cluster.connection._security", replace_file)
    with found_cluster(new) as cluster, connect(scheduler_file=path) as client:
        assert client.scheduler.address == cluster.scheduler_address
    assert reads == ["tcp://127.0.0.1:1", cluster.scheduler_address]


def test_a_scheduler_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    with pytest.raises(ConnectionError, match=r"at tcp://127\.0\.0\.1:1 \(from .*scheduler\.json"):
        connect(scheduler_file=path, timeout=0.2)
    assert dask.delayed(os.getpid)().compute() == os.getpid()


SCRIPT = """
from movielake.cluster.connection import connect
client = connect(workers=1, tls=True)
print(client.submit(sum, [1, 2]).result(), flush=True)
"""


@pytest.mark.parametrize("end", ["", "client.close()", "1 / 0"])
def test_a_script_can_end_with_or_without_closing_the_connection(end: str, scratch: Path) -> None:
    path = scratch.parent / "script.py"
    path.write_text(SCRIPT + end)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", path]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert result.stdout == "3\n"
    assert "ZeroDivisionError" in result.stderr if end == "1 / 0" else result.stderr == ""
    commands = [
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    ]
    assert not [command for command in commands if str(scratch) in command]
