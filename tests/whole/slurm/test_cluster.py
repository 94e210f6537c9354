"""The test cluster itself: the behaviour that the tests of our jobs rely on."""

import subprocess
import sys
from pathlib import Path

import pytest

from . import cluster
from .cluster import NODES, SlurmCluster, wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]

# Slurm signals the script itself (B:), and bash delays a trap until the command in the foreground
# has ended. So the script runs `sleep` in the background and waits.
HEEDS = """\
#!/bin/bash
#SBATCH --nodes=2 --time=10 --signal=B:USR1@60
trap 'echo warned; exit 7' USR1
echo ready
sleep 600 &
wait
"""
OVERSTAYS = """\
#!/bin/bash
#SBATCH --nodes=2 --time=10 --signal=B:USR1@60
trap 'echo warned' USR1
trap 'echo terminated' TERM
echo ready
srun sleep 600 &
while true; do wait; done
"""


def write(folder: Path, text: str) -> Path:
    script = folder / "job.sh"
    script.write_text(text)
    return script


def await_output(slurm: SlurmCluster, job_id: int, text: str) -> None:
    wait_until(lambda: slurm.job(job_id).stdout == text, 30, f"{text!r} from job {job_id}")


def test_both_nodes_run_the_job_with_their_own_scratch(slurm: SlurmCluster, tmp_path: Path) -> None:
    says = "echo $SLURMD_NODENAME=$SLURM_TMPDIR $1"
    script = write(tmp_path, f"#!/bin/bash\nsrun sh -c '{says}' sh $1\n")
    job = slurm.sbatch(script, "word", options=["--nodes=2"])
    expected = [f"{node}={slurm.node_scratch(node, job.job_id)} word" for node in NODES]
    assert (job.state, job.exit_code, job.stderr) == ("COMPLETED", 0, "")
    assert sorted(job.stdout.splitlines()) == expected
    assert all(slurm.node_scratch(node, job.job_id).is_dir() for node in NODES)


def test_a_job_has_its_exit_code_streams_and_variables(slurm: SlurmCluster, tmp_path: Path) -> None:
    script = write(tmp_path, "#!/bin/bash\necho $WORD\necho bad >&2\nexit 3\n")
    job = slurm.sbatch(script, env={"WORD": "good"})
    assert (job.state, job.exit_code) == ("FAILED", 3)
    assert (job.stdout, job.stderr) == ("good\n", "bad\n")


def test_a_failed_srun_on_the_other_node_gives_its_exit_code(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    script = write(tmp_path, "#!/bin/bash\nsrun sh -c '[ $SLURMD_NODENAME = n1 ] || exit 5'\n")
    assert slurm.sbatch(script, options=["--nodes=2"]).exit_code == 5


def test_the_output_file_that_a_script_names_is_read(slurm: SlurmCluster, tmp_path: Path) -> None:
    script = write(tmp_path, "#!/bin/bash\n#SBATCH --output=%x-%j.txt\necho out; echo err >&2\n")
    job = slurm.sbatch(script, cwd=tmp_path)
    assert (tmp_path / f"job.sh-{job.job_id}.txt").read_text() == "out\nerr\n"
    assert job.stdout == job.stderr == "out\nerr\n"


def test_an_array_ends_with_its_highest_code(slurm: SlurmCluster, tmp_path: Path) -> None:
    script = write(tmp_path, "#!/bin/bash\necho $SLURM_ARRAY_TASK_ID; exit $SLURM_ARRAY_TASK_ID\n")
    job = slurm.sbatch(script, options=["--array=0-2"])
    assert (job.state, job.exit_code, sorted(job.stdout.split())) == ("MIXED", 2, ["0", "1", "2"])


def test_the_error_of_a_refused_job_gives_the_reason(slurm: SlurmCluster, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Node count"):
        slurm.sbatch(write(tmp_path, "#!/bin/bash\n"), options=["--nodes=3"])


def test_a_job_that_takes_too_long_is_cancelled(slurm: SlurmCluster, tmp_path: Path) -> None:
    script = write(tmp_path, "#!/bin/bash\nsleep 600\n")
    with pytest.raises(TimeoutError, match="the end of job"):
        slurm.sbatch(script, timeout=1)
    wait_until(lambda: not slurm.squeue(), 30, "an empty queue")


def test_a_cancelled_job_leaves_no_process(slurm: SlurmCluster, tmp_path: Path) -> None:
    script = write(tmp_path, "#!/bin/bash\nsrun sh -c 'echo ready; sleep 600; true'\n")
    job_id = slurm.sbatch(script, wait=False, options=["--nodes=2"]).job_id
    await_output(slurm, job_id, "ready\nready\n")
    assert slurm.squeue() == {job_id: "RUNNING"}
    assert sum("sleep" in command for command in slurm.processes_of(job_id).values()) >= 2
    slurm.scancel(job_id)
    slurm.wait_for(job_id, "CANCELLED")
    assert slurm.processes_of(job_id) == {}
    assert slurm.squeue() == {}


def test_the_signal_of_the_time_limit_can_be_sent_at_once(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    job_id = slurm.sbatch(write(tmp_path, HEEDS), wait=False).job_id
    await_output(slurm, job_id, "ready\n")
    slurm.scancel(job_id, "--batch", "--signal=USR1")
    job = slurm.wait_for(job_id, "FAILED")
    assert (job.exit_code, job.stdout) == (7, "ready\nwarned\n")


def test_the_time_limit_warns_then_kills(slurm: SlurmCluster, tmp_path: Path) -> None:
    # Both jobs run at the same time, because Slurm checks time limits only every 30 seconds.
    heeds = slurm.sbatch(write(tmp_path, HEEDS), wait=False).job_id
    overstays = slurm.sbatch(write(tmp_path, OVERSTAYS), wait=False).job_id
    for job_id in (heeds, overstays):
        await_output(slurm, job_id, "ready\n")
        slurm.set_time_left(job_id)
    job = slurm.wait_for(heeds, "FAILED")
    assert (job.exit_code, job.stdout) == (7, "ready\nwarned\n")
    job = slurm.wait_for(overstays, "TIMEOUT")
    assert job.stdout.splitlines() == ["ready", "warned", "terminated"]
    assert "DUE TO TIME LIMIT" in job.stderr
    assert slurm.processes_of(overstays) == {}


def test_the_epilog_removes_scratch(tmp_path: Path) -> None:
    script = write(tmp_path, "#!/bin/bash\ntouch $SLURM_TMPDIR/file\n")
    with SlurmCluster(tmp_path / "c", epilog=True) as other:
        job = other.sbatch(script)
        assert job.exit_code == 0
        wait_until(lambda: not other.node_scratch("n1", job.job_id).exists(), 10, "the epilog")
        assert other.node_scratch("n1", job.job_id).parent.is_dir()


def test_a_cluster_removes_all_files_and_processes_after_an_error(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    folder, jobs = tmp_path / "c", []

    def fail_during_a_job() -> None:
        with SlurmCluster(folder) as other:
            jobs.append(other.sbatch(write(tmp_path, OVERSTAYS), wait=False).job_id)
            wait_until(lambda: len(other.processes_of(jobs[0])) >= 5, 30, "the steps")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_during_a_job()
    assert not folder.exists()
    assert slurm.processes_of(jobs[0]) == {}
    assert slurm.squeue() == {}


def test_the_next_cluster_cleans_up_after_a_killed_run(slurm: SlurmCluster, tmp_path: Path) -> None:
    start = "from cluster import *; c = SlurmCluster(sys.argv[1]); c.__enter__()"
    job = "print(c.sbatch(sys.argv[2], wait=False).job_id, flush=True)"
    code = f"import os, sys; {start}; {job}; os.kill(os.getpid(), 9)"
    command = [sys.executable, "-c", code, str(tmp_path / "c"), str(write(tmp_path, OVERSTAYS))]
    killed = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    job_id = int(killed.stdout)
    wait_until(lambda: len(slurm.processes_of(job_id)) >= 5, 30, "the steps of the killed run")
    with SlurmCluster(tmp_path / "d"):
        assert slurm.processes_of(job_id) == {}
        assert not (tmp_path / "c").exists()
    assert slurm.squeue() == {}


def test_a_cluster_that_cannot_start_shows_its_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = cluster.CONF.replace("SlurmUser=root", "SlurmUser=nobody-here")
    monkeypatch.setattr(cluster, "CONF", wrong)
    with pytest.raises(subprocess.CalledProcessError) as caught, SlurmCluster(tmp_path / "c"):
        pass
    assert "nobody-here" in caught.value.__notes__[0]
    assert not (tmp_path / "c").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="expected an empty folder"), SlurmCluster(tmp_path):
        pass
