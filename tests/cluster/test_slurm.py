"""The resources and settings of a job, read from plain mappings."""

import ast
import socket
from pathlib import Path

import pytest

import movielake
from movielake.cluster.machine import machine_cpus, machine_memory
from movielake.cluster.slurm import VARIABLES, Job, expand_nodes, read_job

GIGABYTE = 2**30

SHELL = "4294967290"
"""Slurm's number for the step in which the shell of salloc runs."""


def test_outside_slurm_the_machine_gives_cpus_and_memory() -> None:
    job = read_job({})
    assert not job.is_slurm
    assert (job.nodes, job.node_list, job.node, job.scratch) == (1, (), None, None)
    assert job.cpus == machine_cpus()
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


@pytest.mark.parametrize(
    ("environ", "cpus"),
    [
        ({"SLURM_TASKS_PER_NODE": "8", "SLURM_CPUS_PER_TASK": "1"}, 8),
        ({"SLURM_TASKS_PER_NODE": "2", "SLURM_CPUS_PER_TASK": "3"}, 6),
        ({"SLURM_TASKS_PER_NODE": "4(x2),2", "SLURM_CPUS_PER_TASK": "2"}, 8),
        ({"SLURM_TASKS_PER_NODE": "4(x2),2", "SLURM_CPUS_PER_TASK": "2", "SLURM_NODEID": "2"}, 4),
        ({"SLURM_TASKS_PER_NODE": "3", "SLURM_CPUS_ON_NODE": "8"}, 8),
        ({"SLURM_TASKS_PER_NODE": "8", "SLURM_CPUS_PER_TASK": "1", "SLURM_STEP_ID": "0"}, 1),
        ({"SLURM_TASKS_PER_NODE": "2", "SLURM_CPUS_ON_NODE": "4", "SLURM_STEP_ID": "1"}, 2),
        (
            {"SLURM_TASKS_PER_NODE": "4", "SLURM_CPUS_PER_TASK": "1", "SLURM_STEP_ID": SHELL},
            4,
        ),
    ],
)
def test_a_job_has_the_cpus_of_its_tasks_on_this_node_and_a_step_those_of_one_task(
    environ: dict[str, str], cpus: int
) -> None:
    assert read_job(environ).cpus == cpus


def test_a_shell_on_another_node_than_the_jobs_has_the_cpus_and_memory_of_its_machine() -> None:
    """The shell of salloc often stays on the login node."""
    environ = {
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_TASKS_PER_NODE": "48(x2)",
        "SLURM_CPUS_PER_TASK": "2",
        "SLURM_MEM_PER_CPU": "1",
    }
    job = read_job(environ)
    assert job.is_elsewhere
    assert (job.cpus, job.memory) == (machine_cpus(), machine_memory())
    for there in ({"SLURMD_NODENAME": "n1"}, {"SLURM_JOB_NODELIST": socket.gethostname()}):
        job = read_job({**environ, **there})
        assert not job.is_elsewhere
        assert (job.cpus, job.memory) == (96, 96 * 2**20)


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
        ("SLURM_TASKS_PER_NODE", "many"),
        ("SLURM_TASKS_PER_NODE", "0"),
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


@pytest.mark.parametrize(
    "text",
    [
        *("n[1-3", "n]1[", "n[a-b]", "n[]", "n[1-]", "n[-2]", "a,", "a b"),
        *("n[3-1]", "n[1-2,010-9]", "a,r[1-2]n[6-5]"),
    ],
)
def test_an_invalid_list_of_nodes_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="SLURM_JOB_NODELIST"):
        expand_nodes(text)


def test_only_one_module_reads_the_environment() -> None:
    names = {name for names in VARIABLES.values() for name in names}
    assert "SLURM_TMPDIR" in names
    package = Path(movielake.__file__).parent
    readers = {
        path.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")
    }
    assert readers == {"slurm.py"}
