"""A real Slurm cluster of two nodes on one machine: munged, slurmctld and two slurmd.

It needs root and Debian's ``slurmctld slurmd slurm-client munge``. It needs no systemd and no
configuration. Every cluster has its own ports, its own munge key and socket, and its own
``slurm.conf``. So it neither uses nor disturbs a munge or Slurm that already runs on the machine.
"""

import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["NODES", "SECONDS_TO_WARN", "Job", "SlurmCluster", "missing", "wait_until"]

NODES = ("n1", "n2")
"""The names of the nodes."""

SECONDS_TO_WARN = 35
"""The shortest remaining time in which slurmctld surely checks the time limit once.

It checks every 30 seconds.
"""

COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue")
ENDED = {"CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "PREEMPTED", "TIMEOUT"}
STREAMS = ("output", "error")

# munged runs as the user munge, who cannot open a test's folder. It also refuses a folder in which
# other users can write. So each cluster has a place for munged outside its folder. The other files
# are not there, because /run is often mounted noexec, and slurmd runs job scripts from its spool.
PLACES = Path("/run")
PLACE_PREFIX = "movielake-slurm-"

# slurmstepd opens sockets named <folder>/n1/spool/n1_<job>.<step>. A socket's path has at most 107
# bytes.
LONGEST_FOLDER = 70

# linuxproc: Slurm finds a job's processes through their parents, so a detached process survives its
#   job. This is stricter than the cgroups of a real cluster, and it works in containers.
# config_overrides: use CPUs and RealMemory from below, even if the machine has less.
# No...InAddrAny: listen on loopback only.
# EnforcePartLimits: refuse a job that can never run at once, instead of keeping it pending.
# KillWait: the seconds between SIGTERM and SIGKILL. Most clusters have 30.
CONF = """\
ClusterName=movielake
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={place}/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n/spool
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={folder}/task_prolog
{epilog}SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
EnforcePartLimits=ALL
FirstJobId={first_job}
MinJobAge=3600
OverTimeLimit=0
KillWait={kill_wait}
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]},{ports[2]} \
CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
"""

# Slurm itself makes no scratch folder for a job on each node. Many sites add one in this way.
TASK_PROLOG = """\
#!/bin/sh
scratch="{folder}/${{SLURMD_NODENAME:?}}/scratch/${{SLURM_JOB_ID:?}}"
mkdir -p "$scratch" && echo "export SLURM_TMPDIR=$scratch"
"""
EPILOG = """\
#!/bin/sh
rm -rf "{folder}/${{SLURMD_NODENAME:?}}/scratch/${{SLURM_JOB_ID:?}}"
"""


@dataclass(frozen=True)
class Job:
    """Slurm's report of a job.

    Attributes
    ----------
    job_id
        The number of the job or of the job array.
    state
        ``RUNNING``, ``COMPLETED``, ``TIMEOUT``... For an array, this is the state that all its
        tasks share, or ``MIXED``.
    exit_code
        The exit status of the batch script, or 128 + the number of the signal that ended it. For an
        array, this is the highest value. It is None until the job has ended. Only `state` shows
        whether a time limit or another signal killed the job.
    stdout, stderr
        The text so far. Both are the same when the job writes both to one file.
    """

    job_id: int
    state: str
    exit_code: int | None
    stdout: str
    stderr: str

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return self.exit_code is not None


def missing() -> str:
    """Return the reason why no cluster can run here, or an empty string."""
    if os.geteuid() != 0:
        return "a Slurm cluster needs root"
    lacking = [name for name in COMMANDS if shutil.which(name, path=_path()) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)} (Debian: slurmctld slurmd slurm-client munge)"
    return ""


def wait_until(check: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll until `check` returns True.

    Raises
    ------
    TimeoutError
        When this takes longer than `timeout` seconds. The message contains `what`.
    """
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s without success for {what}")
        time.sleep(0.05)


class SlurmCluster:
    """Two Slurm nodes, ``n1`` and ``n2``, which run within a ``with`` block.

    The start also stops and removes earlier clusters whose test run was killed.

    Parameters
    ----------
    folder
        The folder for all files. It must be missing or empty. It is removed at the end.
    epilog
        Whether to remove a job's scratch folders when it ends, as many clusters do. Off by default,
        so that tests can find the files that jobs leave.
    cpus, memory_mb
        The CPUs and the memory of each node. They can be more than the machine has.
    kill_wait
        Seconds between SIGTERM and SIGKILL for a job that is cancelled or past its time limit.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        epilog: bool = False,
        cpus: int = 4,
        memory_mb: int = 10_000,
        kill_wait: int = 5,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.epilog = epilog
        self.cpus = cpus
        self.memory_mb = memory_mb
        self.kill_wait = kill_wait
        self._place = Path()
        self._lock = contextlib.ExitStack()

    def __enter__(self) -> Self:
        _remove_abandoned()
        _check_folder(self.folder)
        self._place, owner = _claim(self.folder)
        self._lock.enter_context(owner)
        try:
            self._write_files()
            self._start()
        except BaseException as error:
            error.add_note(self.logs())
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def env(self) -> dict[str, str]:
        """The environment for commands that use this cluster."""
        # The test run can itself be in a Slurm job, whose variables must not reach our jobs.
        foreign = ("SLURM", "SBATCH", "SRUN", "SQUEUE", "SCANCEL", "SINFO")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
        return kept | {"SLURM_CONF": str(_conf(self.folder)), "PATH": _path()}

    def run(self, *command: str, cwd: Path | None = None, env: Mapping[str, str] = {}) -> str:
        """Run a command on this cluster and return its output.

        Raises
        ------
        RuntimeError
            When the command fails. The message contains its error output.
        """
        done = subprocess.run(
            command, env=self.env | dict(env), cwd=cwd, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def sbatch(
        self,
        script_path: str | os.PathLike[str],
        *args: str,
        env: Mapping[str, str] | None = None,
        wait: bool = True,
        options: Sequence[str] = (),
        cwd: Path | None = None,
        timeout: float = 120,
    ) -> Job:
        """Submit a batch script, and wait for its end if `wait` is true.

        Parameters
        ----------
        script_path, *args
            The script and its arguments.
        env
            Variables to add to the environment of the submission, and so of the job.
        wait
            Whether to wait for the end of the job.
        options
            Options of sbatch. Without ``--output`` in them or in the script, stdout and stderr go
            to separate files.
        cwd
            The folder to submit from.
        timeout
            Seconds to wait. After that, the job is cancelled.

        Raises
        ------
        RuntimeError
            When sbatch refuses the job.
        TimeoutError
            When the job has not ended in time.
        """
        script = Path(script_path).absolute()
        redirected = _names_output(script, options)
        into = [] if redirected else [f"--{kind}={self.folder}/jobs/%j.{kind}" for kind in STREAMS]
        command = ["sbatch", "--parsable", *into, *options, str(script), *args]
        job_id = int(self.run(*command, cwd=cwd, env=env or {}).split(";")[0])
        return self._finish(job_id, timeout) if wait else self.job(job_id)

    def job(self, job_id: int) -> Job:
        """Return the state of the job and its output so far."""
        text = self.run("scontrol", "show", "job", str(job_id))
        records = [_record(part) for part in text.split("\n\n") if part.strip()]
        states = {record["JobState"] for record in records}
        return Job(
            job_id,
            state=states.pop() if len(states) == 1 else "MIXED",
            exit_code=max(map(_exit_code, records)) if _all_ended(records) else None,
            stdout="".join(_text(record["StdOut"]) for record in records),
            stderr="".join(_text(record["StdErr"]) for record in records),
        )

    def squeue(self) -> dict[int, str]:
        """Return the state of every job that is pending, running or completing, by its number."""
        lines = self.run("squeue", "--noheader", "--array", "--format=%A %T").splitlines()
        return {int(line.split()[0]): line.split()[1] for line in lines}

    def scancel(self, job_id: int, *options: str) -> None:
        """Cancel a job, or signal it: ``scancel(job_id, "--batch", "--signal=USR1")``."""
        self.run("scancel", *options, str(job_id))

    def wait_for(self, job_id: int, state: str, timeout: float = 120) -> Job:
        """Wait until the job is in this state.

        Raises
        ------
        RuntimeError
            When the job ended in another state.
        TimeoutError
            When this takes longer than `timeout` seconds.
        """
        reached: list[Job] = []

        def check() -> bool:
            reached[:] = [self.job(job_id)]
            return reached[0].ended or reached[0].state == state

        wait_until(check, timeout, f"job {job_id} to be {state}")
        if reached[0].state != state:
            raise RuntimeError(
                f"expected job {job_id} to be {state}, found that it ended: {reached[0]}"
            )
        return reached[0]

    def set_time_left(self, job_id: int, seconds: int = SECONDS_TO_WARN) -> None:
        """Wait until a job runs, and set its remaining time.

        Slurm counts time limits in minutes and checks them only every 30 seconds. No setting
        changes this. A job submitted with ``--signal=B:USR1@60`` and a limit of some minutes then
        ends like this:

        - With the default of 35 seconds, it gets USR1 within 31 seconds. If it still runs, it is
          killed at the first check after the 35 seconds, which is 31 to 65 seconds from now.
        - With 1 second, it is killed within 31 seconds, and gets USR1 only milliseconds earlier.

        To test only a trap, use ``scancel(job_id, "--batch", "--signal=USR1")``. It sends the same
        signal in the same way and at once.
        """
        self.wait_for(job_id, "RUNNING")
        self.run("scontrol", "update", f"JobId={job_id}", f"EndTime=now+{seconds}")

    def node_scratch(self, node: str, job_id: int) -> Path:
        """Return the SLURM_TMPDIR of this job on this node."""
        return self.folder / node / "scratch" / str(job_id)

    def processes_of(self, job_id: int) -> dict[int, str]:
        """Return the command lines of a job's live processes on both nodes, by process id."""
        own = {f"SLURM_JOB_ID={job_id}", f"SLURM_ARRAY_JOB_ID={job_id}"}
        return {pid: _command(pid) for pid in _processes_with(own)}

    def logs(self, lines: int = 20) -> str:
        """Return the end of each daemon's log."""
        files = sorted([*self.folder.glob("log/*.log"), *self._place.glob("munge/*.log")])
        tails = ["\n".join(_text(str(file)).splitlines()[-lines:]) for file in files]
        return "\n".join(f"== {f.name}\n{tail}" for f, tail in zip(files, tails, strict=True))

    def _finish(self, job_id: int, timeout: float) -> Job:
        try:
            wait_until(lambda: self.job(job_id).ended, timeout, f"the end of job {job_id}")
        except TimeoutError as error:
            error.add_note(f"{self.job(job_id)}")
            self.scancel(job_id)
            raise
        return self.job(job_id)

    def _write_files(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _conf(self.folder).write_text(self._conf_text())
        for name in ("state", "run", "log", "jobs", *(f"{node}/spool" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        for name, script in (("task_prolog", TASK_PROLOG), ("epilog", EPILOG)):
            (self.folder / name).write_text(script.format(folder=self.folder))
            (self.folder / name).chmod(0o755)

    def _conf_text(self) -> str:
        return CONF.format(
            folder=self.folder,
            place=self._place,
            host=_host(),
            ports=_free_ports(1 + len(NODES)),
            nodes=",".join(NODES),
            cpus=self.cpus,
            memory_mb=self.memory_mb,
            epilog=f"Epilog={self.folder}/epilog\n" if self.epilog else "",
            kill_wait=self.kill_wait,
            # Job numbers differ, so that two clusters on one machine do not mix up their processes.
            first_job=random.randrange(1_000, 1_000_000, 1_000),
        )

    def _start(self) -> None:
        self._daemon(*_munged(self._place), user="munge")
        self._daemon("slurmctld")
        for node in NODES:
            self._daemon("slurmd", "-N", node)
        wait_until(self._idle, 60, f"nodes {', '.join(NODES)} to be idle")

    def _daemon(self, *command: str, user: str | None = None) -> None:
        # The output goes to a file and not to a pipe, because the daemon can keep it open. Early
        # errors come before the daemon opens its log file.
        said = self.folder / "log" / f"{command[0]}-start.log"
        with said.open("ab") as out:
            subprocess.run(
                command,
                env=self.env,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=True,
                timeout=60,
            )

    def _idle(self) -> bool:
        try:
            answer = self.run("sinfo", "--noheader", "--Node", "--format=%N %T")
        except RuntimeError:  # slurmctld does not listen yet
            return False
        return sorted(answer.splitlines()) == [f"{node} idle" for node in NODES]

    def _stop(self) -> None:
        with self._lock:
            _remove(self.folder, self._place)


def _check_folder(folder: Path) -> None:
    if re.search(r"[\s,#]", str(folder)) or len(str(folder)) > LONGEST_FOLDER:
        raise ValueError(
            f"expected a folder without spaces, commas and '#', of at most {LONGEST_FOLDER} "
            f"characters, as slurm.conf and sockets need it, found {folder}; use another one"
        )
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"expected an empty folder, because it is removed at the end, found files in {folder}; "
            "use another one"
        )


def _conf(folder: Path) -> Path:
    return folder / "slurm.conf"


def _host() -> str:
    return socket.gethostname().split(".")[0]


def _path() -> str:
    # The daemons are in sbin, which is not always in root's PATH.
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    """Return free ports below the range from which the system picks ports for connections."""
    free: list[int] = []
    with contextlib.ExitStack() as held:
        while len(free) < count:
            port = random.randrange(20_000, 32_000)
            listener = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("", port))
                free.append(port)
    return free


def _munged(place: Path) -> list[str]:
    names = {"socket": "socket", "key-file": "key", "pid-file": "munged.pid"}
    names |= {"log-file": "munged.log", "seed-file": "seed"}
    return ["munged", *(f"--{option}={place}/munge/{name}" for option, name in names.items())]


# A cluster is in use while its owner holds a lock on a file that contains the path of its folder.
# The system releases the lock when the owner ends, even if it is killed. A file without a lock
# marks an abandoned cluster.


def _claim(folder: Path) -> tuple[Path, contextlib.AbstractContextManager[object]]:
    """Make the place for munged and lock it. The lock lasts until the returned file is closed."""
    place = Path(tempfile.mkdtemp(prefix=PLACE_PREFIX, dir=PLACES))
    place.chmod(0o755)
    owner = (place / "owner.new").open("w")
    fcntl.flock(owner, fcntl.LOCK_EX)
    owner.write(f"{folder}")
    owner.flush()
    # The file gets its name only now, so that another process never finds it unlocked or empty.
    (place / "owner.new").rename(place / "owner")
    (place / "munge").mkdir()
    (place / "munge" / "key").write_bytes(os.urandom(128))
    (place / "munge" / "key").chmod(0o400)
    for path in (place / "munge", place / "munge" / "key"):
        shutil.chown(path, "munge", "munge")
    return place, owner


def _remove_abandoned() -> None:
    """Stop and remove the clusters whose owner process has ended."""
    for file in PLACES.glob(f"{PLACE_PREFIX}*/owner"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError), file.open() as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(Path(owner.read()), file.parent)


def _remove(folder: Path, place: Path) -> None:
    """Stop all processes of a cluster and remove its files."""
    # Daemons, clients, steps and jobs all have this variable. slurmd does not end running jobs when
    # it stops, so `wait_until` kills them below.
    mark = {f"SLURM_CONF={_conf(folder)}"}
    _terminate(folder.glob("run/*.pid"), mark)
    _terminate(place.glob("munge/*.pid"), mark)
    wait_until(lambda: not _kill(_processes_with(mark), signal.SIGKILL), 30, "the cluster's end")
    # An abandoned folder can be gone, and another folder can have its name.
    if str(place) in _text(str(_conf(folder))):
        shutil.rmtree(folder)
    shutil.rmtree(place)


def _terminate(pid_files: Iterable[Path], mark: set[str]) -> None:
    texts = [_text(str(file)).strip() for file in pid_files]
    pids = {int(text) for text in texts if text.isdigit()}
    # A pid file can outlive its daemon, and another process can then have its number.
    _kill(pids & _processes_with(mark), signal.SIGTERM)
    with contextlib.suppress(TimeoutError):  # `_remove` kills the process later
        wait_until(lambda: not pids & _processes_with(mark), 10, "daemons")


def _kill(pids: set[int], number: int) -> set[int]:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return pids


def _processes_with(settings: set[str]) -> set[int]:
    """Return the live processes, except this one, that have one of these settings as a variable."""
    wanted = {setting.encode() for setting in settings}
    return {pid for pid, found in _environments() if pid != os.getpid() and wanted & found}


def _environments() -> Iterator[tuple[int, set[bytes]]]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            yield int(process.name), set((process / "environ").read_bytes().split(b"\0"))


def _command(pid: int) -> str:
    return _text(f"/proc/{pid}/cmdline").replace("\0", " ").strip()


def _text(path: str) -> str:
    # scontrol replaces every placeholder of a file name except %N.
    file = Path(path.replace("%N", _host()))
    with contextlib.suppress(OSError):
        return file.read_text(errors="replace")
    return ""


def _names_output(script: Path, options: Sequence[str]) -> bool:
    lines = re.findall(r"^#SBATCH(.*)", _text(str(script)), flags=re.MULTILINE)
    words = [*options, *(word for line in lines for word in line.split())]
    return any(re.match(r"--(output|error)\b|-[oe]", word) for word in words)


def _record(text: str) -> dict[str, str]:
    """Read the output of ``scontrol show job`` for one job. File names are on separate lines."""
    names = dict(re.findall(r"^\s+(StdOut|StdErr)=(.*)$", text, flags=re.MULTILINE))
    return names | dict(re.findall(r"\b(JobState|ExitCode)=(\S+)", text))


def _all_ended(records: Sequence[Mapping[str, str]]) -> bool:
    return all(record["JobState"] in ENDED for record in records)


def _exit_code(record: Mapping[str, str]) -> int:
    code, number = map(int, record["ExitCode"].split(":"))
    return 128 + number if number else code
