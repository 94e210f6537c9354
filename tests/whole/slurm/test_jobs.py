"""The sbatch scripts on a real Slurm cluster: their results, and the cleanup at their end."""

import contextlib
import csv
import importlib.util
import re
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from movielake import ShowingsReader, convert, join_showings
from movielake.cluster.certificates import CERTIFICATE, KEY, make_certificates
from movielake.cluster.jobs import write_job
from movielake.sample import write_sample

from .cluster import NODES, Job, SlurmCluster, wait_until

pytestmark = pytest.mark.slurm

SIZES = {"cpus": 2, "memory": "1G", "time": "10"}

# Joins and groups in several pieces, so that all workers get work, even with such a small lake.
ANALYSIS = """\
import os
import sys

import dask
import pandas as pd

from movielake import ShowingsReader, connect, join_showings


def count(rows):
    cities = rows.groupby("theater_city").size().rename("showings").reset_index()
    return cities.assign(node=os.environ["SLURMD_NODENAME"])


with connect() as client:
    pieces = []
    for country in "can", "nzl", "swe":
        for stamp in "20191206", "20191213":
            lake = os.environ["MOVIELAKE_LAKE"]
            showings = ShowingsReader(lake, countries=country, date_stamps=stamp)
            joined = join_showings(showings, theater_columns=["theater_city"])
            pieces.append(joined.map_partitions(count, meta=count(joined._meta)))
    counts = pd.concat(dask.compute(*pieces))
    counts.groupby("theater_city")["showings"].sum().to_csv(sys.argv[1], header=False)
    print("nodes", *sorted(set(counts["node"])))
    print("workers", *sorted(client.scheduler_info(n_workers=-1)["workers"]))
"""

# Prints "ready" while its workers work, and waits until it is interrupted or killed.
WAITS = """\
import os
import time

from movielake import connect

client = connect()
print(sorted(set(client.run(os.getenv, "SLURMD_NODENAME").values())))
busy = [client.submit(time.sleep, 600, pure=False) for _ in range(8)]
with open("early.txt", "w") as file:
    file.write("early")
print("ready", flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    with open("late.txt", "w") as file:
        file.write("late")
"""

FAILS = """\
from movielake import connect

connect()
with open("partial.txt", "w") as file:
    file.write("partial")
raise SystemExit(7)
"""


@dataclass
class Submitter:
    """A user who submits our scripts from one folder."""

    slurm: SlurmCluster
    folder: Path
    jobs: list[int] = field(default_factory=list)

    def submit(self, name: str, *args: object, nodes: int = 1, array: str = "", **env: str) -> int:
        """Submit a script and return the number of the job."""
        script = self.folder / f"{name}.sbatch"
        script.write_text(write_job(name, **SIZES, nodes=nodes))
        path = f"{Path(sys.executable).parent}:{self.slurm.env['PATH']}"
        options = [f"--array={array}"] if array else []
        words = [str(arg) for arg in args]
        env["PATH"] = path
        job = self.slurm.sbatch(
            script, *words, cwd=self.folder, env=env, options=options, wait=False
        )
        self.jobs.append(job.job_id)
        return job.job_id

    def run(self, name: str, *args: object, nodes: int = 1, array: str = "") -> Job:
        """Submit a script and wait for its end, like ``sbatch --wait``."""
        job_id = self.submit(name, *args, nodes=nodes, array=array)
        wait_until(lambda: self.slurm.job(job_id).ended, 120, f"the end of {name}")
        return self.slurm.job(job_id)

    def program(self, text: str) -> Path:
        path = self.folder / "program.py"
        path.write_text(text)
        return path

    def results(self, job: Job | int) -> Path:
        return self.folder / f"results-{job if isinstance(job, int) else job.job_id}"

    def await_ready(self, job_id: int) -> None:
        def is_ready() -> bool:
            job = self.slurm.job(job_id)
            assert not job.ended, job
            return "ready" in job.stdout

        wait_until(is_ready, 60, f"job {job_id} to be ready")

    def left(self) -> list[str]:
        """List the jobs' remaining processes and files, on the nodes and beside the script."""
        found = [str(path) for path in self.folder.glob(".movielake*")]
        for job_id in self.jobs:
            found += self.slurm.processes_of(job_id).values()
            for node in NODES:
                found += map(str, self.slurm.node_scratch(node, job_id).glob("**/*"))
        return found

    def assert_nothing_left(self) -> None:
        """Check that no file and no process remains, after the seconds that a sweeper can take."""
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not self.left(), 10, "the end of the cleanup")
        assert self.left() == []


@pytest.fixture
def submitter(slurm: SlurmCluster, tmp_path: Path) -> Iterator[Submitter]:
    yield from submitting(slurm, tmp_path)


def submitting(slurm: SlurmCluster, folder: Path) -> Iterator[Submitter]:
    """Yield a submitter, and check at the end that its jobs leave no file and no process."""
    submitter = Submitter(slurm, folder)
    yield submitter
    submitter.assert_nothing_left()


@pytest.fixture(scope="module")
def overdue(
    slurm: SlurmCluster, lake: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Submitter, int]]:
    """A job that reaches its time limit while other tests run.

    Slurm checks time limits every 30 seconds.
    """
    for submitter in submitting(slurm, tmp_path_factory.mktemp("overdue")):
        job_id = submitter.submit("analysis", lake, submitter.program(WAITS))
        submitter.await_ready(job_id)
        slurm.set_time_left(job_id)
        yield submitter, job_id


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feed") / "feed"
    write_sample(str(folder), weeks=2, countries=["can", "nzl", "swe"], scale=0.02)
    return folder


@pytest.fixture(scope="module")
def lake(feed: Path) -> Path:
    folder = feed.parent / "lake"
    convert(str(feed), str(folder), workers=1)
    return folder


@pytest.fixture(scope="module")
def answer(lake: Path) -> dict[str, int]:
    """The number of showings by city, counted without a cluster."""
    joined = join_showings(ShowingsReader(str(lake)), theater_columns=["theater_city"])
    counts = joined["theater_city"].value_counts().compute(scheduler="sync")
    assert len(counts) > 5
    return {city: int(count) for city, count in counts.items()}


def read_answer(file: Path) -> dict[str, int]:
    with file.open() as lines:
        return {city: int(count) for city, count in csv.reader(lines)}


def words_after(job: Job, word: str) -> list[str]:
    found = re.search(rf"^{word} (.*)$", job.stdout, re.M)
    assert found, job
    return found[1].split()


def test_a_job_runs_before_its_time_limit(overdue: tuple[Submitter, int]) -> None:
    submitter, job_id = overdue
    assert submitter.slurm.squeue()[job_id] == "RUNNING"


def test_prepare_converts_and_packs(submitter: Submitter, feed: Path, lake: Path) -> None:
    pack = submitter.folder / "lake.tar"
    job = submitter.run("prepare", feed, submitter.folder / "lake", pack)
    assert job.exit_code == 0, job
    assert ShowingsReader(str(submitter.folder / "lake")).count == ShowingsReader(str(lake)).count
    assert pack.stat().st_size > 0


def test_an_array_converts_and_a_second_job_packs(
    submitter: Submitter, feed: Path, lake: Path
) -> None:
    target, pack = submitter.folder / "lake", submitter.folder / "lake.tar"
    job = submitter.run("prepare", feed, target, array="0-2")
    assert job.exit_code == 0, job
    assert not pack.exists()
    job = submitter.run("prepare", feed, target, pack)
    assert job.exit_code == 0, job
    assert ShowingsReader(str(target)).count == ShowingsReader(str(lake)).count
    assert pack.exists()


@pytest.mark.parametrize("array", ["1-3", "0-2:2", "7"])
def test_the_tasks_of_any_array_convert_every_zip_once(
    array: str, submitter: Submitter, feed: Path, lake: Path
) -> None:
    target = submitter.folder / "lake"
    job = submitter.run("prepare", feed, target, array=array)
    assert job.exit_code == 0, job
    converted = [int(number) for number in re.findall(r"(\d+) converted", job.stdout)]
    assert sum(converted) == len(list(feed.glob("*/*.zip"))), job
    assert ShowingsReader(str(target)).count == ShowingsReader(str(lake)).count


def test_prepare_reports_damage_and_still_packs(submitter: Submitter, feed: Path) -> None:
    damaged = submitter.folder / "feed" / "20191206"
    damaged.mkdir(parents=True)
    (damaged / "movies_nzl.zip").write_bytes(b"no zip")
    (damaged / "movies_swe.zip").hardlink_to(feed / "20191206" / "movies_swe.zip")
    pack = submitter.folder / "lake.tar"
    job = submitter.run("prepare", damaged.parent, submitter.folder / "lake", pack)
    assert job.exit_code == 1, job
    assert pack.exists()


def test_a_program_runs_on_one_node(
    submitter: Submitter, lake: Path, answer: dict[str, int]
) -> None:
    job = submitter.run("analysis", lake, submitter.program(ANALYSIS), "cities.csv")
    assert job.exit_code == 0, job
    assert read_answer(submitter.results(job) / "cities.csv") == answer
    workers = words_after(job, "workers")
    assert len(workers) == 2
    assert all(worker.startswith("tls://127.0.0.1:") for worker in workers)


def test_the_program_of_the_docs_runs(submitter: Submitter, lake: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "cluster.md").read_text()
    found = re.search(r"```python\n(.*?)```", page, re.S)
    assert found
    job = submitter.run("analysis", lake, submitter.program(found[1]))
    assert job.exit_code == 0, job
    assert len((submitter.results(job) / "chains.csv").read_text().splitlines()) > 1


def test_a_program_runs_on_both_nodes(
    submitter: Submitter, lake: Path, answer: dict[str, int]
) -> None:
    job = submitter.run("multinode", lake, submitter.program(ANALYSIS), "cities.csv", nodes=2)
    assert job.exit_code == 0, job
    assert read_answer(submitter.results(job) / "cities.csv") == answer
    assert words_after(job, "nodes") == [*NODES]
    workers = words_after(job, "workers")
    assert len(workers) == 4
    assert all(worker.startswith("tls://") for worker in workers)


@pytest.mark.parametrize(("name", "nodes"), [("analysis", 1), ("multinode", 2)])
def test_a_cancelled_job_saves_its_results_and_cleans_up(
    submitter: Submitter, lake: Path, name: str, nodes: int
) -> None:
    job_id = submitter.submit(name, lake, submitter.program(WAITS), nodes=nodes)
    submitter.await_ready(job_id)
    scratches = [submitter.slurm.node_scratch(node, job_id) for node in NODES[:nodes]]
    staged = [bool([*scratch.glob("movielake/*/lake.json")]) for scratch in scratches]
    assert sum(staged) == nodes
    submitter.slurm.scancel(job_id)
    submitter.slurm.wait_for(job_id, "CANCELLED")
    submitter.assert_nothing_left()
    assert (submitter.results(job_id) / "early.txt").read_text() == "early"


@pytest.mark.parametrize(("name", "nodes"), [("analysis", 1), ("multinode", 2)])
def test_a_failed_program_gives_its_exit_code_and_results(
    submitter: Submitter, lake: Path, name: str, nodes: int
) -> None:
    job = submitter.run(name, lake, submitter.program(FAILS), nodes=nodes)
    assert (job.state, job.exit_code) == ("FAILED", 7), job
    assert (submitter.results(job) / "partial.txt").read_text() == "partial"


def test_a_missing_lake_is_an_error(submitter: Submitter) -> None:
    missing = submitter.folder / "missing"
    job = submitter.run("multinode", missing, submitter.program(ANALYSIS), nodes=2)
    assert (job.state, job.exit_code) == ("FAILED", 2), job
    assert str(missing) in job.stdout


def test_a_job_can_turn_tls_off_and_warns(submitter: Submitter, lake: Path) -> None:
    program = submitter.program(ANALYSIS)
    job_id = submitter.submit(
        "multinode", lake, program, "cities.csv", nodes=2, MOVIELAKE_INSECURE="1"
    )
    job = submitter.slurm.wait_for(job_id, "COMPLETED")
    assert job.stdout.count("NO TLS") >= 2
    assert all(worker.startswith("tcp://") for worker in words_after(job, "workers"))


def test_only_the_jobs_own_certificates_open_its_cluster(submitter: Submitter, lake: Path) -> None:
    job_id = submitter.submit("multinode", lake, submitter.program(WAITS), nodes=2)
    submitter.await_ready(job_id)
    [shared] = submitter.folder.glob(".movielake-*")
    assert shared.stat().st_mode & 0o777 == 0o700
    listening = {each for pid in submitter.slurm.processes_of(job_id) for each in listeners(pid)}
    ports = {each for each in listening if each[0] != "127.0.0.1"}
    # A scheduler, and workers and nannies. Their web pages are on loopback.
    assert len(ports) == 1 + 2 * 4
    assert not {address for address, _ in ports} & {"0.0.0.0", "::"}
    make_certificates(submitter.folder / "others")
    for address in ports:
        assert answer_of(address, None) == b""
        assert answer_of(address, context()) == b""
        assert answer_of(address, context(submitter.folder / "others")) == b""
        assert answer_of(address, context(shared / "scheduler.json.tls")) != b""
    submitter.slurm.scancel(job_id, "--batch", "--signal=USR1")
    assert submitter.slurm.wait_for(job_id, "FAILED").exit_code == 124
    assert (submitter.results(job_id) / "late.txt").read_text() == "late"


def context(certificates: Path | None = None) -> ssl.SSLContext:
    """Make a TLS context that accepts any server and shows these certificates."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificates:
        context.load_cert_chain(certificates / CERTIFICATE, certificates / KEY)
    return context


def answer_of(address: tuple[str, int], context: ssl.SSLContext | None) -> bytes:
    """Send a request to a port, and return the first byte of the answer, if any."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain) if context else plain as stream,
    ):
        stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return stream.recv(1)
    return b""


def listeners(pid: int) -> list[tuple[str, int]]:
    try:
        found = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return []
    return [(c.laddr.ip, c.laddr.port) for c in found if c.status == psutil.CONN_LISTEN]


# Settings that some users have, and a setting that root needs to run the tests.
JUPYTER_SETTINGS = """\
c.ServerApp.allow_root = True
c.ServerApp.ip = "0.0.0.0"
c.IdentityProvider.token = ""
"""


@pytest.fixture
def lab(submitter: Submitter, lake: Path) -> Iterator[tuple[int, str, str]]:
    """A running lab: its job, its host and port, and its token."""
    if importlib.util.find_spec("jupyterlab") is None:
        pytest.skip("jupyterlab is not installed (pip install 'movielake[notebook]')")
    slurm, settings = submitter.slurm, submitter.folder / "settings"
    settings.mkdir()
    (settings / "jupyter_config.py").write_text(JUPYTER_SETTINGS)
    job_id = submitter.submit("notebook", lake, JUPYTER_CONFIG_DIR=str(settings))

    def address() -> tuple[str, str]:
        job = slurm.job(job_id)
        assert not job.ended, job
        found = re.search(r"http://(127\.0\.0\.1:\d+)/lab\?token=(\S+)", job.stdout)
        return (found[1], found[2]) if found else ("", "")

    wait_until(lambda: status(f"{address()[0]}/api") == 200, 60, "the lab")
    [config] = re.findall(r"--config=(\S+)", " ".join(slurm.processes_of(job_id).values()))
    assert Path(config).parent.stat().st_mode & 0o777 == 0o700
    yield job_id, *address()
    slurm.scancel(job_id)
    slurm.wait_for(job_id, "CANCELLED")
    wait_until(lambda: not Path(config).parent.exists(), 10, "the token to be gone")


def test_the_notebook_opens_only_with_the_token(
    submitter: Submitter, lab: tuple[int, str, str]
) -> None:
    job_id, host, token = lab
    assert status(f"{host}/api/contents?token={token}") == 200
    assert status(f"{host}/api/contents") == 403
    assert status(f"{host}/api/contents?token=wrong") == 403
    output = [*submitter.folder.glob("movielake-notebook-*.txt")]
    assert [file.stat().st_mode & 0o777 for file in output] == [0o600]
    processes = submitter.slurm.processes_of(job_id)
    assert not any(token in command for command in processes.values())


def test_the_tunnel_leads_to_the_notebook(submitter: Submitter, lab: tuple[int, str, str]) -> None:
    job_id, host, token = lab
    port = host.split(":")[1]
    kernel = urllib.request.Request(f"http://{host}/api/kernels?token={token}", method="POST")
    assert urllib.request.urlopen(kernel).status == 201
    listening = {c for pid in submitter.slurm.processes_of(job_id) for c in listeners(pid)}
    assert ("127.0.0.1", int(port)) in listening
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert re.search(
        rf"^ +ssh -N -J \S+@\S+ -L {port}:127\.0\.0\.1:{port} -L (\d+):127\.0\.0\.1:\1 \S+@\S+$",
        submitter.slurm.job(job_id).stdout,
        re.M,
    )


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{address}") as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_a_job_at_its_time_limit_saves_what_it_has(overdue: tuple[Submitter, int]) -> None:
    submitter, job_id = overdue
    job = submitter.slurm.wait_for(job_id, "FAILED", timeout=90)
    assert job.exit_code == 124, job
    assert (submitter.results(job_id) / "early.txt").read_text() == "early"
    assert (submitter.results(job_id) / "late.txt").read_text() == "late"
