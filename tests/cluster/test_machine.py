"""The CPUs and the memory within the control groups of a process, read from plain files."""

import os
from pathlib import Path

import pytest

from movielake.cluster.machine import machine_cpus, machine_memory


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_the_smallest_memory_limit_of_nested_control_groups_2_counts(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/job_7/step_0\n",
        "sys/fs/cgroup/job_7/memory.max": "33554432\n",
        "sys/fs/cgroup/job_7/step_0/memory.max": "max\n",
    }
    write(tmp_path, files)
    assert machine_memory(tmp_path) == 32 * 2**20


def test_the_memory_limit_of_control_groups_1_counts(tmp_path: Path) -> None:
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


GROUP_2 = {"proc/self/cgroup": "0::/pod/container\n"}
GROUP_1 = {"proc/self/cgroup": "5:cpu,cpuacct:/docker/7\n4:memory:/docker/7\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({**GROUP_2, "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),  # the container sees its root
        ({**GROUP_2, "sys/fs/cgroup/pod/container/cpu.max": "150000 100000\n"}, 2),
        ({**GROUP_2, "sys/fs/cgroup/pod/container/cpu.max": "50000 100000\n"}, 1),
        ({**GROUP_2, "sys/fs/cgroup/pod/cpu.max": "300000 100000\n"}, 3),
        (
            {
                **GROUP_2,
                "sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/pod/container/cpu.max": "400000 100000\n",
            },
            3,
        ),
        ({**GROUP_2, "sys/fs/cgroup/pod/container/cpu.max": "max 100000\n"}, 16),
        ({**GROUP_2, "sys/fs/cgroup/cpu.max": "3200000 100000\n"}, 16),
        (
            {
                **GROUP_1,
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            3,
        ),
        (
            {
                **GROUP_1,
                "sys/fs/cgroup/cpu/docker/7/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/docker/7/cpu.cfs_period_us": "50000\n",
            },
            4,
        ),
        (
            {
                **GROUP_1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            16,
        ),
        ({}, 16),
    ],
)
def test_the_smallest_quota_of_the_control_groups_counts_as_cpus(
    files: dict[str, str], cpus: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    write(tmp_path, files)
    assert machine_cpus(tmp_path) == cpus
