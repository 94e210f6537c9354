"""The command line: parse arguments, call the library, print the result.

Enters: a command with its options. Leaves: text on stdout, one clear line per error on stderr, an
exit code. This wing alone prints; it never computes what the library could.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import click

from movielake.cli.commands.convert import convert_command
from movielake.cli.commands.demo import demo_command
from movielake.cli.commands.info import info_command
from movielake.cli.commands.job import job_command
from movielake.cli.commands.pack import pack_command
from movielake.cli.commands.report import report_command
from movielake.cli.commands.sample import sample_command
from movielake.cli.commands.schema import schema_command
from movielake.cli.commands.stage import stage_command
from movielake.cli.commands.validate import validate_command
from movielake.cli.interrupts import insist, is_interrupt, settle
from movielake.cli.output import warn
from movielake.version import __version__

_EXIT_INTERRUPTED = 130
_ANEW = ("sample", "demo")  # these want an empty folder
_REMOVE = "remove the folder that was begun, or name another"
_NO_SUCH = (FileNotFoundError, NotADirectoryError, IsADirectoryError)  # a path that was mistyped


class _Group(click.Group):
    """Turns what the library raises into one clear line, and keeps the exit codes' promise."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own business
        except (Exception, KeyboardInterrupt) as error:
            if is_interrupt(error):
                settle()
                again = ctx.invoked_subcommand not in _ANEW
                warn(f"interrupted; {'run the same command again to go on' if again else _REMOVE}")
                ctx.exit(_EXIT_INTERRUPTED)
            if ctx.params.get("debug"):
                raise
            warn(_one_line(error))
            ctx.exit(_exit_code(error))


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"  # without the number
    if isinstance(error, PermissionError):
        return f"{text}; name another place, or ask its owner for the right to use it"
    if isinstance(error, (ValueError, OSError)):
        return text
    return f"unexpected {type(error).__name__}: {text}; please report it with --debug's trace"


def _exit_code(error: BaseException) -> int:
    from movielake.conversion.runs import DamagedFeedError
    from movielake.staging.packs import DamagedPackError
    from movielake.staging.sources import DifferentFileError

    if isinstance(error, (DamagedFeedError, DamagedPackError, DifferentFileError)):
        return 1
    return 2 if isinstance(error, (ValueError, *_NO_SUCH)) else 1


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="movielake")
@click.option("--debug", is_flag=True, help="Show the trace of an error.")
def main(debug: bool) -> None:
    """Turn a feed of cinema showtimes into a data lake, and look into it.

    To see all of it in a minute: movielake demo

    Exit codes: 0 all well; 1 finished, but something was damaged, refused or invalid (and it says
    what and where); 2 wrong usage.
    """


for _command in (
    sample_command,
    convert_command,
    info_command,
    validate_command,
    pack_command,
    stage_command,
    job_command,
    schema_command,
    report_command,
    demo_command,
):
    main.add_command(_command)


def _hush() -> None:
    """Say nothing more: a cluster that is closed while it starts has much to tell."""
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)


def run() -> None:
    """Run the command line as a program of its own.

    The process ends without C++'s last rites: a thread of Arrow's that is still ending itself when
    these come makes a run that went well abort in its last moment, now and then.
    """
    code: object = 0
    insist()
    try:
        main(prog_name="movielake")
    except SystemExit as end:
        code = end.code
    settle()
    if code == _EXIT_INTERRUPTED:
        _hush()
    with suppress(OSError, KeyboardInterrupt):  # nobody reads any more, or is in a hurry
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os._exit(code if isinstance(code, int) else int(code is not None))
