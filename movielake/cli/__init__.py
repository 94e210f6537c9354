"""The command line: parse arguments, call the library, print the result.

Enters: a command with its options. Leaves: text on stdout, one clear line per error on stderr, an
exit code. Only this wing prints. It never repeats work that the library does.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import click

from movielake.cli.commands.compact import compact_command
from movielake.cli.commands.convert import convert_command
from movielake.cli.commands.demo import demo_command
from movielake.cli.commands.diff import diff_command
from movielake.cli.commands.export import export_command
from movielake.cli.commands.info import info_command
from movielake.cli.commands.job import job_command
from movielake.cli.commands.notebooks import notebooks_command
from movielake.cli.commands.pack import pack_command
from movielake.cli.commands.report import report_command
from movielake.cli.commands.sample import sample_command
from movielake.cli.commands.schema import schema_command
from movielake.cli.commands.sql import sql_command
from movielake.cli.commands.stage import stage_command
from movielake.cli.commands.validate import validate_command
from movielake.cli.failures import exit_code, one_line
from movielake.cli.interrupts import insist, is_interrupt, settle
from movielake.cli.output import warn, warnings_shown
from movielake.cluster.lean import leave_out_pandas
from movielake.version import __version__

_EXIT_INTERRUPTED = 130
_ANYWHERE = ("--debug", "--quiet", "--version", "-V")
_ANEW = ("sample", "demo")  # these commands need an empty folder
_LEAN = ("sample", "convert", "info", "validate", "compact", "pack", "stage", "job", "schema")
_REMOVE = "remove the incomplete folder, or choose another folder"


class _Group(click.Group):
    """Group of commands that turns errors of the library into one clear line and an exit code.

    The options of the group can stand anywhere on the line, also behind the command.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        mine = [arg for arg in args[:end] if arg in _ANYWHERE]
        rest = [arg for arg in args[:end] if arg not in _ANYWHERE]
        return super().parse_args(ctx, [*mine, *rest, *args[end:]])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with warnings_shown() as shown:
                result = super().invoke(ctx)
            return ctx.exit(1) if shown else result
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click handles these itself
        except (Exception, KeyboardInterrupt) as error:
            if is_interrupt(error):
                settle()
                again = ctx.invoked_subcommand not in _ANEW
                warn(
                    f"interrupted; {'run the same command again to continue' if again else _REMOVE}"
                )
                ctx.exit(_EXIT_INTERRUPTED)
            if ctx.params.get("debug"):
                raise
            warn(one_line(error))
            ctx.exit(exit_code(error))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="movielake")
@click.option("--debug", is_flag=True, help="Show the full trace of an error.")
@click.option("--quiet", is_flag=True, help="Show no progress and no summary, only trouble.")
def main(debug: bool, quiet: bool) -> None:
    """Convert a feed of cinema showtimes into a data lake, and use the lake.

    To see every step in a minute: movielake demo

    The options below can stand anywhere on the line.

    Exit codes: 0 success; 1 finished, but data were damaged, refused or invalid (the output shows
    which and where), or an error occurred; 2 wrong usage; 130 interrupted.
    """


for _command in (
    sample_command,
    convert_command,
    info_command,
    validate_command,
    compact_command,
    pack_command,
    stage_command,
    job_command,
    schema_command,
    sql_command,
    export_command,
    diff_command,
    report_command,
    notebooks_command,
    demo_command,
):
    main.add_command(_command)


def _hush() -> None:
    """Discard all further output to stderr: a cluster that closes while it starts logs a lot."""
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)


def run() -> None:
    """Run the command line as a program.

    The process exits without running the destructors of C++ libraries. If a thread of Arrow is
    still stopping while they run, a successful command sometimes aborts at its very end.
    """
    code: object = 0
    insist()
    if next((arg for arg in sys.argv[1:] if arg in main.commands), "") in _LEAN:
        leave_out_pandas()
    try:
        main(prog_name="movielake")
    except SystemExit as end:
        code = end.code
    settle()
    if code == _EXIT_INTERRUPTED:
        _hush()
    with suppress(OSError, KeyboardInterrupt):  # the reader has closed the pipe, or Ctrl-C again
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os._exit(code if isinstance(code, int) else int(code is not None))
