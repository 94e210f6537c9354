"""The texts of the sbatch scripts: they are correct, with any sizes that `write_job` accepts."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from movielake.cli import main
from movielake.cluster import multinode
from movielake.cluster.certificates import certificate_folder
from movielake.cluster.jobs import OPTIONS, list_jobs, write_job
from movielake.cluster.slurm import VARIABLES, read_job
from movielake.schema.tables import shipped_folder

JOBS = shipped_folder("jobs")
NAMES = [script.name for script in list_jobs()]
SHELL = [*sorted(JOBS.glob("*.sbatch")), JOBS / "environment.sh"]
BIG = {"cpus": 48, "memory": "8G", "time": "1-12:00:00", "account": "def-prof_cpu"}

SLURM_FLAGS = {"--array", "--dependency", "--parsable", "--signal"}
"""Options of Slurm's own commands that the comments of the scripts mention."""


def header(text: str) -> dict[str, str]:
    """Read the options for sbatch, which stand before the first command."""
    lines = text.splitlines()
    end = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    found = (re.fullmatch(r"#SBATCH (--[a-z-]+)=(\S+)", line) for line in lines[:end])
    return {match[1]: match[2] for match in found if match}


def check_with(command: str, text: str, *options: str) -> None:
    done = subprocess.run(
        [command, *options, "-"], input=text, capture_output=True, text=True, cwd=JOBS.parent
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.fixture(params=[*NAMES, *(f"{name} with sizes" for name in NAMES)])
def written(request: pytest.FixtureRequest) -> str:
    """A script as `movielake job` prints it."""
    name, *sizes = request.param.split(" ", 1)
    return write_job(name, **BIG) if sizes else write_job(name)


def test_the_jobs_are_listed():
    assert NAMES == ["analysis", "multinode", "notebook", "prepare"]
    assert all(script.summary.endswith(".") for script in list_jobs())
    assert all(name in (JOBS / "README.md").read_text() for name in NAMES)


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_shipped_scripts_are_bash(path):
    check_with("bash", path.read_text(), "-n")


def test_written_scripts_are_bash(written):
    check_with("bash", written, "-n")


@pytest.fixture
def shellcheck():
    if shutil.which("shellcheck") is None:
        reason = "shellcheck is not installed"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return "shellcheck"


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_shellcheck_accepts_shipped_scripts(path, shellcheck):
    check_with(shellcheck, path.read_text(), "--external-sources", "--shell=bash")


def test_shellcheck_accepts_written_scripts(written, shellcheck):
    check_with(shellcheck, written, "--shell=bash")


def commands_of(text: str) -> list[tuple[click.Group, str, list[str]]]:
    """Find the calls of a script: the command line, the command, and its flags."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = []
    parts = "-m movielake.cluster.multinode"
    for group, called in ((main, r"\bmovielake"), (multinode.main, parts)):
        for name, rest in re.findall(rf"{called} ([a-z]+)([^\n)|;]*)", code):
            found.append((group, name, re.findall(r"--[a-z-]+", rest)))
    return found


def flags_of(group: click.Group, name: str) -> set[str]:
    options = group.commands[name].params
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_and_flags_that_scripts_use_exist(name):
    text = (JOBS / f"{name}.sbatch").read_text()
    called = commands_of(text)
    assert called
    for group, command, flags in called:
        assert command in group.commands
        assert set(flags) <= flags_of(group, command)
    known = flags_of(main, "stage") | flags_of(main, "convert") | SLURM_FLAGS
    comments = [line for line in text.splitlines() if re.match("#[^!S#]", line)]
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", "\n".join(comments))) <= known


@pytest.mark.parametrize("name", NAMES)
def test_scripts_stop_at_the_first_error(name):
    text = write_job(name)
    assert text.startswith("#!/bin/bash\n#SBATCH ")
    assert text.index("\nset -euo pipefail\n") < text.index("movielake_login=")


@pytest.mark.parametrize("name", NAMES)
def test_a_written_script_is_complete(name):
    text = write_job(name)
    assert (JOBS / "environment.sh").read_text() in text
    assert 'environment.sh"' not in text


@pytest.mark.parametrize("name", NAMES)
def test_shipped_scripts_have_the_default_sizes(name):
    found = header(write_job(name))
    cpus, nodes = ("48", "4") if name == "multinode" else ("6", "1")
    assert found["--cpus-per-task"] == cpus
    assert found["--nodes"] == nodes
    assert found["--mem-per-cpu"] == "4000M"
    assert found["--time"] == "2:59:00"
    assert "--account" not in found


@pytest.mark.parametrize("name", NAMES)
def test_written_scripts_have_the_given_sizes(name):
    text = write_job(name, **BIG)
    found = header(text)
    assert {OPTIONS[key].flag: str(value) for key, value in BIG.items()}.items() <= found.items()
    assert found.keys() == header(write_job(name)).keys() | {"--account"}
    assert len(re.findall("account=", text)) == 1


def test_options_that_are_none_leave_the_script_as_it_is():
    assert write_job("analysis", cpus=None, account=None) == write_job("analysis")


def test_an_option_that_a_script_lacks_is_added(monkeypatch, tmp_path):
    (tmp_path / "x.sbatch").write_text("#!/bin/bash\n#SBATCH --time=1\n#\n# Do.\ntrue\n")
    (tmp_path / "environment.sh").write_text("")
    monkeypatch.setattr("movielake.cluster.jobs.shipped_folder", lambda _: tmp_path)
    expected = "#!/bin/bash\n#SBATCH --time=1\n#SBATCH --account=a\n#\n# Do.\ntrue\n"
    assert write_job("x", account="a") == expected


def test_only_multinode_can_have_more_than_one_node():
    assert header(write_job("multinode", nodes=2))["--nodes"] == "2"
    assert header(write_job("analysis", nodes=1))["--nodes"] == "1"
    with pytest.raises(
        ValueError, match="expected 1, for nodes of analysis, found 2; use multinode"
    ):
        write_job("analysis", nodes=2)


def test_the_error_for_an_unknown_job_or_option_lists_the_known_ones():
    with pytest.raises(ValueError, match="analysis, multinode, notebook, prepare, found 'gpu'"):
        write_job("gpu")
    with pytest.raises(ValueError, match="cpus, nodes, memory, time, account, found 'gpus'"):
        write_job("analysis", gpus=1)


@pytest.mark.parametrize("value", ["30", "2:59", "2:59:00", "1-0", "1-12:30", "7-00:00:00"])
def test_all_forms_of_time_that_slurm_accepts_are_valid(value):
    assert header(write_job("analysis", time=value))["--time"] == value


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("cpus", value) for value in (0, -1, "1.5", "six", "")),
        *(("memory", value) for value in ("4000 M", "4GB", "0", "1.5G", "")),
        *(("time", value) for value in ("3h", "2:60:00", "1:2:3:4", "-1", "1-", "")),
        *(("account", value) for value in ("a b", "a;b", "$(id)", "a\nb", "")),
    ],
)
def test_the_error_for_a_wrong_value_shows_a_right_one(option, value):
    with pytest.raises(
        ValueError, match=f"expected .*, for {option}, found {re.escape(repr(str(value)))}"
    ):
        write_job("analysis", **{option: value})


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the job's scratch, and put this environment's movielake on the path."""
    for name in [*sum(VARIABLES.values(), ()), "VIRTUAL_ENV", "MOVIELAKE_WHEELHOUSE"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return tmp_path / "scratch"


def source(then: str) -> subprocess.CompletedProcess[str]:
    """Source the environment as a script does, and then run some code."""
    code = f"set -euo pipefail\nsource '{JOBS}/environment.sh'\n{then}\n"
    return subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=JOBS.parent)


def test_the_active_environment_is_used(scratch):
    done = source('command -v movielake; [[ -d $SLURM_TMPDIR/movielake ]] && echo "there"; exit 3')
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == f"{Path(sys.executable).parent}/movielake\nthere\n"
    assert not [*scratch.iterdir()]


def test_a_job_without_a_scratch_makes_a_private_one(monkeypatch, scratch):
    monkeypatch.delenv("SLURM_TMPDIR")
    monkeypatch.setenv("SLURM_JOB_ID", f"test{os.getpid()}")
    done = source('stat --format="%n %a" "$SLURM_TMPDIR"')
    folder, mode = done.stdout.split()
    assert mode == "700"
    assert not Path(folder).exists()


def test_the_error_without_movielake_shows_what_to_do(monkeypatch, scratch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    done = source("")
    assert done.returncode == 2
    assert "MOVIELAKE_WHEELHOUSE" in done.stderr
    assert not [*scratch.iterdir()]


def test_an_environment_is_made_offline_from_a_wheelhouse(monkeypatch, scratch, tmp_path):
    wheelhouse = tmp_path / "wheels"
    wheelhouse.mkdir()
    info = "movielake-9.9.dist-info"
    files = {
        "movielake.py": "def main():\n    print('of the wheel')\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: movielake\nVersion: 9.9\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nmovielake = movielake:main\n",
    }
    with zipfile.ZipFile(wheelhouse / "movielake-9.9-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in files))
    monkeypatch.setenv("MOVIELAKE_WHEELHOUSE", str(wheelhouse))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    done = source('movielake; echo "$VIRTUAL_ENV"; movielake_environment')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"of the wheel\n{scratch}/movielake/environment\n"
    assert not [*scratch.iterdir()]


def test_a_failed_background_command_ends_the_job(scratch):
    done = source("movielake_start false; movielake_run sleep 600")
    assert done.returncode == 3


def test_a_job_that_ends_before_its_parts_begin_ends_without_error(scratch):
    close = re.search(
        r"^movielake_close\(\).*?^}", (JOBS / "multinode.sbatch").read_text(), re.M | re.S
    )
    assert close
    done = source(f"export SLURM_JOB_ID=1\n{close[0]}\nexit 3")
    assert (done.returncode, done.stderr) == (3, "")
    assert not [*scratch.iterdir()]


def test_only_the_owner_can_open_the_folder_of_certificates(monkeypatch, scratch, tmp_path):
    monkeypatch.setenv("MOVIELAKE_SCHEDULER_FILE", str(tmp_path / "scheduler.json"))
    done = CliRunner().invoke(multinode.main, ["certificates"])
    assert done.exit_code == 0, done.output
    folder = certificate_folder(tmp_path / "scheduler.json")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_job_without_tls_warns_and_makes_no_certificates(monkeypatch, scratch, tmp_path):
    monkeypatch.setenv("MOVIELAKE_SCHEDULER_FILE", str(tmp_path / "scheduler.json"))
    monkeypatch.setenv("MOVIELAKE_INSECURE", "1")
    with pytest.warns(RuntimeWarning, match="NO TLS"):
        CliRunner().invoke(multinode.main, ["certificates"])
    assert not certificate_folder(tmp_path / "scheduler.json").exists()


def test_a_missing_name_of_the_scheduler_file_is_an_error(scratch):
    done = CliRunner().invoke(multinode.main, ["certificates"])
    assert "MOVIELAKE_SCHEDULER_FILE" in str(done.exception)


def test_the_address_of_a_node_is_on_the_network_of_the_other_nodes():
    environ = {"SLURM_JOB_ID": "1", "SLURMD_NODENAME": "n1", "SLURM_JOB_NODELIST": "n1,localhost"}
    assert multinode.node_address(read_job(environ)) == "127.0.0.1"
    unnamed = multinode.node_address(read_job(environ | {"SLURM_JOB_NODELIST": "n[1-2]"}))
    assert re.fullmatch(r"[\d.]+", unnamed)
    assert unnamed != "0.0.0.0"


def test_free_ports_differ():
    done = CliRunner().invoke(multinode.main, ["ports", "2"])
    first, second = map(int, done.output.split())
    assert first != second
