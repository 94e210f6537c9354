"""Real local workers: their ports, their TLS, and the files and processes that they leave."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import dask
import psutil
import pytest
from distributed import Client, LocalCluster, Security

from movielake.cluster.certificates import make_certificates
from movielake.cluster.scratch import scratch_folder
from movielake.cluster.slurm import VARIABLES
from movielake.cluster.workers import local_cluster, running_client, share_out
from tests.crashes import kill_each

LOOPBACK = "127.0.0.1"
SECONDS = 30
"""How long a test waits for a step that takes one or two seconds."""


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)


def listening(processes: list[psutil.Process]) -> set[tuple[str, int]]:
    connections = [each for process in processes for each in process.net_connections("inet")]
    return {tuple(each.laddr) for each in connections if not each.raddr}


def getpid(_: object) -> int:
    return os.getpid()


def kill_worker(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def listening_cluster(
    tls: bool, scratch: Path
) -> Iterator[tuple[LocalCluster, set[tuple[str, int]]]]:
    """A cluster with a dashboard, and all addresses on which its processes listen."""
    me = psutil.Process()
    before = listening([me])
    with local_cluster(2, tls=tls, dashboard_port=0, scratch=str(scratch)) as cluster:
        yield cluster, listening([me, *me.children(recursive=True)]) - before


def comm_ports(cluster: LocalCluster) -> set[int]:
    """Ports of dask's protocol, over which a client can run code."""
    nannies = list(cluster.workers.values())
    addresses = [cluster.scheduler_address, *(nanny.address for nanny in nannies)]
    addresses += [nanny.worker_address for nanny in nannies]
    return {urlsplit(address).port or 0 for address in addresses}


@pytest.mark.parametrize("tls", [False, True])
def test_all_processes_listen_on_loopback_only(tls: bool, tmp_path: Path) -> None:
    with listening_cluster(tls, tmp_path) as (cluster, found):
        ports = comm_ports(cluster)
        assert len(ports) == 5  # a scheduler, two nannies, two workers
        assert ports < {port for _, port in found}
        assert len(found) == 8  # and the HTTP servers of the scheduler and the workers
        assert {address for address, _ in found} == {LOOPBACK}


def answer(port: int, context: ssl.SSLContext) -> bytes:
    """The first byte from a dask server, which it sends only to a client that it accepts."""
    with (
        socket.create_connection((LOOPBACK, port), timeout=SECONDS) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return secure.recv(1)


def context_of(security: Security) -> ssl.SSLContext:
    context: ssl.SSLContext = security.get_connection_args("client")["ssl_context"]
    return context


def test_every_port_refuses_a_client_without_a_certificate_of_the_cluster(tmp_path: Path) -> None:
    stranger = context_of(make_certificates(tmp_path / "stranger"))
    stranger.verify_mode = ssl.CERT_NONE  # this client accepts any server
    bare = ssl.create_default_context()
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    with listening_cluster(True, tmp_path) as (cluster, found):
        for port in comm_ports(cluster):
            assert answer(port, context_of(cluster.security))
            for context in (stranger, bare):
                with pytest.raises((ssl.SSLError, ConnectionResetError)):
                    answer(port, context)
        for _, port in found - {(LOOPBACK, port) for port in comm_ports(cluster)}:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health") as response:
                assert response.read() == b"ok"  # a plain HTTP page, which cannot run code


def test_the_cluster_refuses_a_client_without_its_certificate(tmp_path: Path) -> None:
    stranger = make_certificates(tmp_path / "stranger")
    with local_cluster(1, tls=True, scratch=tmp_path) as cluster:
        plain = cluster.scheduler_address.replace("tls://", "tcp://")
        with pytest.raises(OSError, match=plain):
            Client(plain, timeout="2s", set_as_default=False)
        with pytest.raises(OSError, match="certificate"):
            Client(cluster.scheduler_address, security=stranger, set_as_default=False)
        with Client(cluster, set_as_default=False) as client:
            assert client.submit(sum, [1, 2]).result() == 3


def test_a_cluster_has_single_threaded_workers_within_the_memory(tmp_path: Path) -> None:
    with local_cluster(2, "256 MiB", scratch=tmp_path) as cluster, Client(cluster) as client:
        workers = client.scheduler_info()["workers"].values()
        assert [worker["nthreads"] for worker in workers] == [1, 1]
        assert [worker["memory_limit"] for worker in workers] == [2**28, 2**28]
        assert all(Path(worker["local_directory"]).is_relative_to(tmp_path) for worker in workers)


def test_a_slurm_job_sets_the_size_the_scratch_and_tls_of_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "2", "SLURM_MEM_PER_CPU": "300"}
    for name, value in {**environ, "SLURM_TMPDIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with local_cluster() as cluster:
        limits = [worker["memory_limit"] for worker in cluster.scheduler_info["workers"].values()]
        assert limits == [300 * 2**20] * 2
        assert cluster.scheduler_address.startswith("tls://127.0.0.1:")
        assert [path.name for path in tmp_path.glob("*/tls")] == ["tls"]
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_turns_tls_off_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("MOVIELAKE_INSECURE", "1")
    with (
        pytest.warns(RuntimeWarning, match=r"^MOVIELAKE_INSECURE=1: NO TLS, every user of the"),
        local_cluster(1, scratch=tmp_path) as cluster,
    ):
        assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")


def test_the_running_client_does_the_pieces_and_is_left_running(tmp_path: Path) -> None:
    with local_cluster(1, scratch=tmp_path) as cluster, Client(cluster) as running:
        theirs = set(running.run(os.getpid).values())
        assert {pid for _, pid in share_out(getpid, range(3), 2)} == theirs
        assert running.submit(sum, [1, 2]).result() == 3
    assert running_client() is None


def test_a_task_uses_the_client_of_its_worker(tmp_path: Path) -> None:
    def nested() -> set[int | ChildProcessError]:
        return {pid for _, pid in share_out(getpid, range(9))}

    with local_cluster(2, scratch=tmp_path) as cluster, Client(cluster) as client:
        theirs = set(client.run(os.getpid).values())
        assert client.submit(nested).result() <= theirs


def test_an_error_on_a_client_is_raised_and_the_client_left_running(tmp_path: Path) -> None:
    with local_cluster(1, scratch=tmp_path) as cluster, Client(cluster) as client:
        with pytest.raises(TypeError, match="bad operand"):
            list(share_out(abs, [-1, "x", -2]))
        assert client.submit(sum, [1, 2]).result() == 3


def test_a_piece_that_kills_a_clients_workers_gives_an_error(tmp_path: Path) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        local_cluster(1, scratch=tmp_path) as cluster,
        Client(cluster),
    ):
        ((number, error),) = share_out(kill_worker, [0])
    assert number == 0
    assert isinstance(error, ChildProcessError)


def test_an_exception_leaves_no_process_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path))
    workers = []

    def fail() -> None:
        with local_cluster(1) as cluster, Client(cluster, set_as_default=False) as client:
            workers.extend(map(psutil.Process, client.run(os.getpid).values()))
            assert len(list(tmp_path.iterdir())) == 1
            client.submit(divmod, 1, 0).result()

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [worker.is_running() for worker in workers] == [False]
    assert list(tmp_path.iterdir()) == []


def test_zero_workers_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a positive number of workers, found 0"):
        local_cluster(0, scratch=tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_scratch_is_an_error() -> None:
    with (
        pytest.raises(OSError, match="in SLURM_TMPDIR or scratch=, found '/nowhere'"),
        scratch_folder("/nowhere"),
    ):
        pass


SCRIPT = """
import os, signal, sys, time
from distributed import Client
from movielake.cluster.workers import local_cluster

def tell(word):
    os.write(1, f"{{word}}\\n".encode())  # at once, since many processes write

def hang():
    tell("hanging")
    time.sleep(600)

def spin():
    tell("spinning")
    while True:
        pass

with local_cluster(2, tls=True) as cluster, Client(cluster) as client:
    pids = sorted(client.run(os.getpid).values())
    {}
"""


PLACES = {"scratch": "SLURM_TMPDIR", "tmp": "TMPDIR", "home": "HOME", "work": ""}
"""Folders of a script, and the variable that names each one. The script runs in the last one."""


@contextmanager
def script(body: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A user's script without `if __name__ == "__main__"`, in its own process group."""
    for name in PLACES:
        (folder / name).mkdir()
    (folder / "script.py").write_text(SCRIPT.format("\n    ".join(body.splitlines())))
    environ = {name: str(folder / place) for place, name in PLACES.items() if name}
    with subprocess.Popen(
        [sys.executable, "-W", "error", folder / "script.py"],
        cwd=folder / "work",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize(
    ("kill", "sign"),
    [
        (os.kill, signal.SIGKILL),
        (os.killpg, signal.SIGKILL),  # as Jupyter kills a kernel
        (kill_each, signal.SIGTERM),  # as Slurm cancels a job
        (os.killpg, signal.SIGINT),  # Ctrl-C
    ],
)
def test_a_killed_process_leaves_no_process_and_no_file(
    kill: Callable[[int, int], None], sign: signal.Signals, tmp_path: Path
) -> None:
    body = "client.gather([client.submit(spin), client.submit(hang)])"
    with script(body, tmp_path) as process:
        assert {line(process), line(process)} == {"spinning", "hanging"}
        others = psutil.Process(process.pid).children(recursive=True)
        assert len(others) == 4  # two workers, the sweeper, Python's own tracker
        assert len(list((tmp_path / "scratch").glob("movielake-*/*/worker-*/storage"))) == 2
        assert len(list((tmp_path / "scratch").glob("movielake-*/tls/key.pem"))) == 1
        assert not any(list((tmp_path / place).iterdir()) for place in ("tmp", "home", "work"))
        kill(process.pid, sign)
        assert process.wait(SECONDS) == -sign
        _, alive = psutil.wait_procs(others, timeout=SECONDS)
        assert alive == []
    assert all(list((tmp_path / place).iterdir()) == [] for place in PLACES)


def test_workers_ignore_the_interrupt_of_a_cell(tmp_path: Path) -> None:
    with local_cluster(1, scratch=tmp_path) as cluster, Client(cluster) as client:
        assert set(client.run(signal.getsignal, signal.SIGINT).values()) == {signal.SIG_IGN}


def test_a_starting_worker_ignores_interrupts(tmp_path: Path) -> None:
    """The worker's own signal handler would come too late."""
    with local_cluster(2, scratch=tmp_path) as cluster, Client(cluster) as client:
        blocked = client.run(signal.pthread_sigmask, signal.SIG_BLOCK, [])
        assert [signal.SIGINT in mask for mask in blocked.values()] == [True, True]
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_dead_worker_restarts_without_running_the_script_again(tmp_path: Path) -> None:
    body = """tell("once")
for pid in pids:
    os.kill(pid, signal.SIGKILL)
tell(client.submit(os.getpid).result() in pids)"""
    with script(body, tmp_path) as process:
        assert (line(process), line(process), line(process)) == ("once", "False", "")
        assert process.wait(SECONDS) == 0


def test_a_cluster_leaves_no_variable_in_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask's variables for its workers would slow later processes to half the speed."""
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    before = dict(os.environ)
    with local_cluster(1, scratch=tmp_path) as cluster, Client(cluster) as client:
        assert all(client.run(os.getenv, "MALLOC_TRIM_THRESHOLD_").values())
    assert dict(os.environ) == before
