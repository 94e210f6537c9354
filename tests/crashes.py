"""The command line in a separate process that can be killed or paused at a chosen step.

A step is a call that opens, writes or moves a file. Python's profiling hook counts the steps, so
the package needs no test code. The process is forked from a process that has already imported
all modules, so its start takes a few hundredths of a second.
"""

from __future__ import annotations

import importlib
import io
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

Action = Callable[[], Any]

fork = multiprocessing.get_context("forkserver")
MODULES = [
    "movielake.conversion.runs",
    "movielake.staging.packing",
    "movielake.staging.copies",
    "movielake.reading.readers",
    "movielake.lake.overview",
    "movielake.cli.console",
    "movielake.cli",
    "fsspec.implementations.local",
    "dask.utils",
    "pandas",
    "encodings.cp437",
]
# Without this module, each process would import it and pytest again: a fifth of a second.
fork.set_forkserver_preload([*MODULES, "tests.crashes"])

MOVES = {"replace", "rename", "remove", "unlink", "rmdir"}
STEPS = MOVES | {"open", "write", "fsync", "close", "mkdir", "utime"}


@dataclass(frozen=True)
class Ending:
    """The end of a process: its exit code, its output and its number of steps."""

    code: int
    said: str
    steps: int

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_each(pid: int, sign: int) -> None:
    """Send a signal to a process, and to those of its child processes that are still alive."""
    process = psutil.Process(pid)
    started = process.children(recursive=True)
    process.send_signal(sign)
    for each in started:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(sign)


def start(
    folder: Path,
    *arguments: object,
    at: int | None = None,
    moves: bool = False,
    action: Action = die,
    before: Action | None = None,
) -> multiprocessing.process.BaseProcess:
    """Start a command. Its process calls `before` first, and `action` at step number `at`.

    Steps are counted only if `at` is given, and it can be 0. With `moves`, only steps that move or
    remove a file count.
    """
    folder.mkdir(exist_ok=True)
    texts = [str(argument) for argument in arguments]
    process = fork.Process(target=_command, args=(folder, texts, at, moves, action, before))
    process.start()
    return process


def finish(folder: Path, process: multiprocessing.process.BaseProcess) -> Ending:
    """Wait for the end of a process."""
    process.join(180)
    if process.exitcode is None:
        process.kill()
        pytest.fail(f"still running: {(folder / 'said').read_text()}")
    steps = folder / "steps"
    return Ending(process.exitcode, (folder / "said").read_text(), int(steps.read_text() or 0))


def run(folder: Path, *arguments: object, **happening: Any) -> Ending:
    """Run a command to its end."""
    return finish(folder, start(folder, *arguments, **happening))


def _command(
    folder: Path,
    arguments: list[str],
    at: int | None,
    moves: bool,
    action: Action,
    before: Action | None,
) -> None:
    for name in MODULES:
        importlib.import_module(name)
    from movielake.cli import main

    said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.stdout = sys.stderr = open(said, "w", closefd=False)  # noqa: SIM115
    steps = os.open(folder / "steps", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
    if before:
        before()
    count = itertools.count(1) if at is None else _watch(at, MOVES if moves else STEPS, action)
    code: Any = 0
    try:
        main(arguments, prog_name="movielake")
    except SystemExit as end:
        code = end.code
    sys.setprofile(None)
    os.write(steps, str(next(count) - 1).encode())
    sys.stdout.flush()
    os._exit(code)


def _watch(at: int, steps: set[str], action: Action) -> itertools.count[int]:
    count = itertools.count(1)

    def profile(_: object, event: str, called: Any) -> None:
        is_step = event == "c_call" and called.__name__ in steps and _is_of_files(called)
        if is_step and next(count) == at:
            sys.setprofile(None)
            action()
            sys.setprofile(profile)

    threading.setprofile(profile)
    sys.setprofile(profile)
    return count


def _is_of_files(called: Any) -> bool:
    return called.__module__ in ("posix", "_io", "io") or isinstance(
        getattr(called, "__self__", None), io.IOBase
    )


def pause() -> None:
    """Pause this process until it gets SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def wait_for_pause(process: multiprocessing.process.BaseProcess) -> None:
    """Wait until a process has paused."""
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        assert process.is_alive()


def spread(steps: int, points: int) -> list[int]:
    """Choose evenly spread steps, including the first and the last."""
    return [1 + round(n * (steps - 1) / (points - 1)) for n in range(points)]


def replace(new: Path, place: Path) -> Action:
    """Replace a file by another one in a single step."""
    return partial(_replace, new, place)


def _replace(new: Path, place: Path) -> None:
    aside = place.with_name("aside")
    aside.write_bytes(new.read_bytes())
    aside.replace(place)


def append(place: Path, content: bytes) -> Action:
    """Append to a file."""
    return partial(_append, place, content)


def _append(place: Path, content: bytes) -> None:
    with place.open("ab") as file:
        file.write(content)


def truncate(place: Path, size: int) -> Action:
    """Cut a file off."""
    return partial(os.truncate, place, size)
