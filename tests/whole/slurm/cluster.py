"""A real Slurm cluster of two nodes on one machine: munged, slurmctld and two slurmd.

Needs root and Debian's ``slurmctld slurmd slurm-client munge``; no systemd, nothing configured.
Every cluster has its own ports, its own munge key and socket, and its own ``slurm.conf``, so a
munge or Slurm that already runs on the machine is neither used nor disturbed.
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
"""The shortest time left in which slurmctld surely looks once more: it does so every 30 seconds."""

COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue")
ENDED = {"CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "PREEMPTED", "TIMEOUT"}
STREAMS = ("output", "error")

# munged runs as the user munge, to whom a test's folder is closed, and wants no one else to be able
# to write there: hence a place outside for each cluster. The rest is not put there, because /run is
# often mounted noexec, and slurmd runs job scripts out of its spool.
PLACES = Path("/run")
PLACE_PREFIX = "movielake-slurm-"

# slurmstepd opens sockets named <folder>/n1/spool/n1_<job>.<step>; a socket's path has 107 bytes.
LONGEST_FOLDER = 70

# linuxproc: job processes are found through their parents, so one that detaches survives its job.
# Stricter than the cgroups of a real cluster, and it works in containers.
# config_overrides: believe CPUs and RealMemory below whatever the machine has.
# No...InAddrAny: listen on loopback only.
# EnforcePartLimits: refuse at once what can never run, instead of keeping it pending.
# KillWait: the seconds between SIGTERM and SIGKILL; 30 on most clusters.
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

# What Slurm itself does not give and sites add: a scratch folder of the job's own on each node.
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
    """What Slurm tells of a job.

    Attributes
    ----------
    job_id
        Its number; that of the array for a job array.
    state
        ``RUNNING``, ``COMPLETED``, ``TIMEOUT``...; of an array, the state that its tasks share, or
        ``MIXED``.
    exit_code
        The exit status of the batch script, 128 + the signal when one ended it; the highest of an
        array. None until the job has ended. Only `state` tells a timeout from a plain kill.
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
        """Whether nothing of the job will happen any more."""
        return self.exit_code is not None


def missing() -> str:
    """Return why no cluster can run here, or an empty string."""
    if os.geteuid() != 0:
        return "a Slurm cluster needs root"
    lacking = [name for name in COMMANDS if shutil.which(name, path=_path()) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)} (Debian: slurmctld slurmd slurm-client munge)"
    return ""


def wait_until(check: Callable[[], bool], timeout: float, what: str) -> None:
    """Poll until `check` holds.

    Raises
    ------
    TimeoutError
        When it does not within `timeout` seconds; the message says `what` was awaited.
    """
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(0.05)


class SlurmCluster:
    """Two Slurm nodes, ``n1`` and ``n2``, from ``with`` to the end of its block.

    On entering, whatever a killed test run left of earlier clusters is stopped and removed.

    Parameters
    ----------
    folder
        Absent or empty; all files go here, and it is removed at the end.
    epilog
        Remove a job's scratch folders when it ends, as many clusters do. Off by default, so that
        tests see what jobs leave behind.
    cpus, memory_mb
        Of each node; may exceed what the machine has.
    kill_wait
        Seconds between SIGTERM and SIGKILL for a cancelled or overdue job.
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
        """The environment for commands that shall talk to this cluster."""
        # A test run may itself be inside a Slurm job, whose variables would leak into ours.
        foreign = ("SLURM", "SBATCH", "SRUN", "SQUEUE", "SCANCEL", "SINFO")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
        return kept | {"SLURM_CONF": str(_conf(self.folder)), "PATH": _path()}

    def run(self, *command: str, cwd: Path | None = None, env: Mapping[str, str] = {}) -> str:
        """Run a command on this cluster and return its output.

        Raises
        ------
        RuntimeError
            When it fails, with what it said.
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
        """Submit a batch script, and wait for its end unless told not to.

        Parameters
        ----------
        script_path, *args
            The script and its arguments.
        env
            Variables added to the environment of the submission, and so of the job.
        wait
            Whether to return the ended job, or at once.
        options
            Options of sbatch. Without ``--output`` in them or in the script, stdout and stderr go
            to a file each.
        cwd
            The folder to submit from.
        timeout
            Seconds to wait; the job is cancelled after that.

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
        """Return how the job stands and what it has written so far."""
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
            When it ended in another.
        TimeoutError
            When it takes longer than `timeout` seconds.
        """
        reached: list[Job] = []

        def check() -> bool:
            reached[:] = [self.job(job_id)]
            return reached[0].ended or reached[0].state == state

        wait_until(check, timeout, f"job {job_id} to be {state}")
        if reached[0].state != state:
            raise RuntimeError(f"job {job_id} shall be {state} but ended: {reached[0]}")
        return reached[0]

    def set_time_left(self, job_id: int, seconds: int = SECONDS_TO_WARN) -> None:
        """Let a job meet its time limit in so many seconds, once it runs.

        Slurm counts limits in minutes and looks at them only every 30 seconds, which no setting
        changes. A job submitted with ``--signal=B:USR1@60`` and a limit of some minutes

        - gets its USR1 within 31 seconds, and is killed at the next look after the 35 seconds that
          are the default here, 31 to 65 seconds from now, if it is still there;
        - given 1 second, it is killed within 31 seconds, with its USR1 only milliseconds earlier.

        To test only what a trap does, ``scancel(job_id, "--batch", "--signal=USR1")`` sends the
        same signal in the same way and at once.
        """
        self.wait_for(job_id, "RUNNING")
        self.run("scontrol", "update", f"JobId={job_id}", f"EndTime=now+{seconds}")

    def node_scratch(self, node: str, job_id: int) -> Path:
        """Return the folder that is SLURM_TMPDIR of this job on this node."""
        return self.folder / node / "scratch" / str(job_id)

    def processes_of(self, job_id: int) -> dict[int, str]:
        """Return the command line of each live process of a job, of either node, by its pid."""
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
            # Two clusters on one machine shall not mistake each other's processes for their own.
            first_job=random.randrange(1_000, 1_000_000, 1_000),
        )

    def _start(self) -> None:
        self._daemon(*_munged(self._place), user="munge")
        self._daemon("slurmctld")
        for node in NODES:
            self._daemon("slurmd", "-N", node)
        wait_until(self._idle, 60, f"nodes {', '.join(NODES)} to be idle")

    def _daemon(self, *command: str, user: str | None = None) -> None:
        # A file, not a pipe: the daemon may keep it open. The log file opens later than errors.
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
            f"{folder}: slurm.conf and sockets need a folder without spaces, commas and '#', "
            f"of at most {LONGEST_FOLDER} characters"
        )
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: it is removed at the end, so it must be empty now")


def _conf(folder: Path) -> Path:
    return folder / "slurm.conf"


def _host() -> str:
    return socket.gethostname().split(".")[0]


def _path() -> str:
    # The daemons are in sbin, which not every root has in PATH.
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
    """Return ports below the range from which the system itself picks ports for connections."""
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


# Who owns a cluster: a lock on a file that names its folder. The system drops the lock when the
# process dies, however it dies, and so tells the abandoned clusters from those still in use.


def _claim(folder: Path) -> tuple[Path, contextlib.AbstractContextManager[object]]:
    """Make the place for munged and mark it as in use; the lock lasts until its file is closed."""
    place = Path(tempfile.mkdtemp(prefix=PLACE_PREFIX, dir=PLACES))
    place.chmod(0o755)
    owner = (place / "owner.new").open("w")
    fcntl.flock(owner, fcntl.LOCK_EX)
    owner.write(f"{folder}")
    owner.flush()
    # Only now under its name: nobody may find it unlocked or empty.
    (place / "owner.new").rename(place / "owner")
    (place / "munge").mkdir()
    (place / "munge" / "key").write_bytes(os.urandom(128))
    (place / "munge" / "key").chmod(0o400)
    for path in (place / "munge", place / "munge" / "key"):
        shutil.chown(path, "munge", "munge")
    return place, owner


def _remove_abandoned() -> None:
    """Stop and remove the clusters whose owner is dead."""
    for file in PLACES.glob(f"{PLACE_PREFIX}*/owner"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError), file.open() as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(Path(owner.read()), file.parent)


def _remove(folder: Path, place: Path) -> None:
    """Stop all processes of a cluster and remove its files."""
    # Daemons, clients, steps and jobs all carry this. slurmd leaves running jobs alone when it
    # stops, so they fall only in the last round.
    mark = {f"SLURM_CONF={_conf(folder)}"}
    _terminate(folder.glob("run/*.pid"), mark)
    _terminate(place.glob("munge/*.pid"), mark)
    wait_until(lambda: not _kill(_processes_with(mark), signal.SIGKILL), 30, "the cluster's end")
    # An abandoned folder may have gone and its name have come to something else.
    if str(place) in _text(str(_conf(folder))):
        shutil.rmtree(folder)
    shutil.rmtree(place)


def _terminate(pid_files: Iterable[Path], mark: set[str]) -> None:
    texts = [_text(str(file)).strip() for file in pid_files]
    pids = {int(text) for text in texts if text.isdigit()}
    # A pid file can outlive its daemon, and the number then belong to anyone.
    _kill(pids & _processes_with(mark), signal.SIGTERM)
    with contextlib.suppress(TimeoutError):  # it is killed later
        wait_until(lambda: not pids & _processes_with(mark), 10, "daemons")


def _kill(pids: set[int], number: int) -> set[int]:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return pids


def _processes_with(settings: set[str]) -> set[int]:
    """Return the live processes, but for this one, with one of these in their environment."""
    wanted = {setting.encode() for setting in settings}
    return {pid for pid, found in _environments() if pid != os.getpid() and wanted & found}


def _environments() -> Iterator[tuple[int, set[bytes]]]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            yield int(process.name), set((process / "environ").read_bytes().split(b"\0"))


def _command(pid: int) -> str:
    return _text(f"/proc/{pid}/cmdline").replace("\0", " ").strip()


def _text(path: str) -> str:
    # scontrol fills in every placeholder of a file name but this one.
    file = Path(path.replace("%N", _host()))
    with contextlib.suppress(OSError):
        return file.read_text(errors="replace")
    return ""


def _names_output(script: Path, options: Sequence[str]) -> bool:
    lines = re.findall(r"^#SBATCH(.*)", _text(str(script)), flags=re.MULTILINE)
    words = [*options, *(word for line in lines for word in line.split())]
    return any(re.match(r"--(output|error)\b|-[oe]", word) for word in words)


def _record(text: str) -> dict[str, str]:
    """Read what ``scontrol show job`` says of one job; file names stand on lines of their own."""
    names = dict(re.findall(r"^\s+(StdOut|StdErr)=(.*)$", text, flags=re.MULTILINE))
    return names | dict(re.findall(r"\b(JobState|ExitCode)=(\S+)", text))


def _all_ended(records: Sequence[Mapping[str, str]]) -> bool:
    return all(record["JobState"] in ENDED for record in records)


def _exit_code(record: Mapping[str, str]) -> int:
    code, number = map(int, record["ExitCode"].split(":"))
    return 128 + number if number else code
