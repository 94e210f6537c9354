"""The resources and settings of a job, read from plain mappings and plain files."""

import os
from pathlib import Path

import pytest

import movielake
from movielake.cluster.slurm import VARIABLES, Job, expand_nodes, machine_memory, read_job

GIGABYTE = 2**30


def test_outside_slurm_the_machine_gives_cpus_and_memory() -> None:
    job = read_job({})
    assert not job.is_slurm
    assert (job.nodes, job.node_list, job.node, job.scratch) == (1, (), None, None)
    assert job.cpus == len(os.sched_getaffinity(0))
    assert job.memory == machine_memory()
    assert (job.scheduler_address, job.scheduler_file, job.certificates) == (None, None, None)
    assert not job.insecure


def test_a_job_on_two_nodes_is_read() -> None:
    environ = {
        "SLURM_JOB_ID": "4711",
        "SLURM_NNODES": "2",
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURMD_NODENAME": "n1",
        "SLURM_CPUS_PER_TASK": "6",
        "SLURM_CPUS_ON_NODE": "8",
        "SLURM_JOB_CPUS_PER_NODE": "8(x2)",
        "SLURM_MEM_PER_CPU": "4000",
        "SLURM_TMPDIR": "/local/4711",
        "DASK_SCHEDULER_ADDRESS": "tls://n1:8786",
        "MOVIELAKE_SCHEDULER_FILE": "scheduler.json",
        "MOVIELAKE_TLS": "tls",
        "MOVIELAKE_INSECURE": "1",
    }
    assert read_job(environ) == Job(
        id="4711",
        nodes=2,
        node_list=("n1", "n2"),
        node="n1",
        cpus=6,
        memory=6 * 4000 * 2**20,
        scratch="/local/4711",
        scheduler_address="tls://n1:8786",
        scheduler_file="scheduler.json",
        certificates="tls",
        insecure=True,
    )


def test_cpus_on_node_count_if_cpus_per_task_is_empty() -> None:
    assert read_job({"SLURM_CPUS_PER_TASK": "", "SLURM_CPUS_ON_NODE": "8"}).cpus == 8


def test_memory_per_node_is_not_multiplied_by_cpus() -> None:
    environ = {"SLURM_MEM_PER_NODE": "2048", "SLURM_CPUS_ON_NODE": "8"}
    assert read_job(environ).memory == 2 * GIGABYTE


def test_memory_of_zero_means_the_whole_node() -> None:
    assert read_job({"SLURM_MEM_PER_NODE": "0"}).memory == machine_memory()


def test_nodes_are_counted_in_the_list_if_their_number_is_missing() -> None:
    assert read_job({"SLURM_JOB_NODELIST": "n[1-3]"}).nodes == 3


def test_arguments_replace_variables_even_invalid_ones() -> None:
    environ = {
        "SLURM_CPUS_PER_TASK": "six",
        "SLURM_MEM_PER_NODE": "much",
        "SLURM_TMPDIR": "/local",
        "MOVIELAKE_SCHEDULER_FILE": "old.json",
    }
    job = read_job(environ, cpus=2, memory=5, scratch="/mine", scheduler_file="new.json")
    assert (job.cpus, job.memory, job.scratch, job.scheduler_file) == (2, 5, "/mine", "new.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLURM_CPUS_PER_TASK", "0"),
        ("SLURM_CPUS_PER_TASK", "2(x3)"),
        ("SLURM_CPUS_ON_NODE", "-1"),
        ("SLURM_MEM_PER_CPU", "4000M"),
        ("SLURM_MEM_PER_NODE", "1.5"),
        ("SLURM_JOB_NUM_NODES", "two"),
        ("SLURM_JOB_NODELIST", "n[1-3"),
        ("MOVIELAKE_INSECURE", "yes"),
    ],
)
def test_the_error_names_the_variable_and_its_value(name: str, value: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_job({name: value})
    assert str(caught.value).startswith("expected ")
    assert f"in {name}, found {value!r}; correct it or unset it" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("login", "login"),
        ("n[1-3,7]", "n1 n2 n3 n7"),
        ("n[08-11]", "n08 n09 n10 n11"),
        ("a,b[1,3],c-d", "a b1 b3 c-d"),
        ("r[1-2]n[5-6]", "r1n5 r1n6 r2n5 r2n6"),
        ("gpu[1-2]-ib.site", "gpu1-ib.site gpu2-ib.site"),
    ],
)
def test_lists_of_nodes_are_expanded(text: str, names: str) -> None:
    assert expand_nodes(text) == tuple(names.split())


@pytest.mark.parametrize("text", ["n[1-3", "n]1[", "n[a-b]", "n[]", "n[1-]", "n[-2]", "a,", "a b"])
def test_an_invalid_list_of_nodes_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="SLURM_JOB_NODELIST"):
        expand_nodes(text)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_the_smallest_limit_of_nested_control_groups_2_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/job_7/step_0\n",
        "sys/fs/cgroup/job_7/memory.max": "33554432\n",
        "sys/fs/cgroup/job_7/step_0/memory.max": "max\n",
    }
    write(tmp_path, files)
    assert machine_memory(tmp_path) == 32 * 2**20


def test_the_limit_of_control_groups_1_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/slurm/job_7\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes": "16777216\n",
    }
    write(tmp_path, files)
    assert machine_memory(tmp_path) == 16 * 2**20


def test_the_memory_of_the_machine_counts_without_a_limit(tmp_path: Path) -> None:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"})
    assert machine_memory(tmp_path) == machine_memory(tmp_path / "nowhere") == physical


def test_only_one_module_reads_the_environment() -> None:
    names = {name for names in VARIABLES.values() for name in names}
    assert "SLURM_TMPDIR" in names
    package = Path(movielake.__file__).parent
    readers = {
        path.name
        for path in package.rglob("*.py")
        if "os.environ" in (text := path.read_text()) or "getenv" in text
    }
    assert readers == {"slurm.py"}
