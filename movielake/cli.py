"""The command line: each command parses, calls the library, and prints."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from movielake import __version__

_EXIT_INTERRUPTED = 130


class _Group(click.Group):
    """Turns what the library raises into one clear line, and keeps the exit codes' promise."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own business
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            _fail(_one_line(error))
            ctx.exit(_exit_code(error))
        except KeyboardInterrupt:
            _fail("interrupted; run the same command again to go on")
            ctx.exit(_EXIT_INTERRUPTED)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, (ValueError, OSError)):
        return text
    return f"unexpected {type(error).__name__}: {text}; please report it with --debug's trace"


def _exit_code(error: Exception) -> int:
    from movielake.conversion import DamagedFeedError

    usage = isinstance(error, (ValueError, OSError)) and not isinstance(error, DamagedFeedError)
    return 2 if usage else 1


def _fail(message: str) -> None:
    from movielake.console import printable

    click.echo(f"movielake: {printable(message)}", err=True)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="movielake")
@click.option("--debug", is_flag=True, help="Show the trace of an error.")
def main(debug: bool) -> None:
    """Turn a feed of cinema showtimes into a data lake, and look into it.

    Exit codes: 0 all well; 1 finished, but something was damaged, refused or invalid (and it says
    what and where); 2 wrong usage.
    """


def _show(shown: Any) -> None:
    """Print a text, or a rich renderable as wide as the terminal."""
    from rich.console import Console

    if isinstance(shown, str):
        click.echo(shown)
    else:
        # Without a terminal there is no width to fit: a table in a log is not to be cut.
        Console(width=None if sys.stdout.isatty() else 160).print(shown)


def run() -> None:
    """Run the command line as a program of its own.

    The process ends without C++'s last rites: a thread of Arrow's that is still ending itself when
    these come makes a run that went well abort in its last moment, now and then.
    """
    code: object = 0
    try:
        main(prog_name="movielake")
    except SystemExit as end:
        code = end.code
    atexit._run_exitfuncs()
    with suppress(OSError):  # nobody reads any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _examples(*lines: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command's help its examples, each on a line of its own."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        shown = "\n".join(f"  {line}" for line in lines)
        command.__doc__ = f"{command.__doc__}\n\n    \b\n    Examples:\n" + _indented(shown)
        return command

    return decorate


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


_stamps = click.option(
    "--stamps", metavar="GLOB", help="Only these date stamps, e.g. 20191206 or '2019*'."
)
_countries = click.option("--countries", metavar="LIST", help="Only these countries, e.g. can,deu.")


@main.command()
@click.argument("feed")
@click.option("--weeks", default=8, show_default=True, help="Weekly stamps, from 20191206.")
@click.option("--countries", metavar="LIST", help="Countries, e.g. can,deu; eight by default.")
@click.option("--scale", default=1.0, show_default=True, help="Size; 1 is about 40 MB of XML.")
@click.option("--seed", default=0, show_default=True, help="Another seed, another feed.")
@click.option("--damage", is_flag=True, help="Add a few files that cannot be read.")
@_examples("movielake sample feed", "movielake sample feed --weeks 60 --countries deu,swe")
def sample(
    feed: str, weeks: int, countries: str | None, scale: float, seed: int, damage: bool
) -> None:
    """Write a synthetic feed with the real one's layout and quirks to FEED."""
    from movielake.console import file_progress, sample_lines
    from movielake.sample import write_sample

    chosen = [code.strip() for code in countries.split(",")] if countries else None
    with file_progress("sample") as progress:
        summary = write_sample(
            feed,
            weeks=weeks,
            countries=chosen,
            scale=scale,
            seed=seed,
            damage=damage,
            progress=progress,
        )
    for line in sample_lines(feed, summary):
        click.echo(line)


@main.command()
@click.argument("feed")
@click.argument("lake")
@_stamps
@_countries
@click.option("--workers", type=click.IntRange(min=1), help="Processes; all CPUs by default.")
@click.option("--force", is_flag=True, help="Convert also what has not changed.")
@click.option("--strict", is_flag=True, help="Stop at the first damage.")
@click.option(
    "--json/--no-json", "with_json", default=True, help="Write JSON Lines besides Parquet."
)
@click.option("--prune", is_flag=True, help="Remove what no longer has a feed zip.")
@_examples(
    "movielake convert feed lake",
    "movielake convert feed lake --stamps '2020*' --countries deu,swe --workers 4",
)
def convert(
    feed: str, lake: str, stamps: str | None, countries: str | None, **options: Any
) -> None:
    """Convert the feed zips of FEED that are new or changed into LAKE."""
    from movielake.console import conversion_lines, conversion_progress
    from movielake.conversion import convert as convert_feed

    with conversion_progress() as (on_plan, on_progress):
        result = convert_feed(
            feed,
            lake,
            date_stamps=stamps,
            countries=countries,
            on_plan=on_plan,
            on_progress=on_progress,
            **options,
        )
    for line in conversion_lines(lake, result):
        click.echo(line)
    if not result.is_clean:
        sys.exit(1)


@main.command()
@click.argument("lake")
@_examples("movielake info lake")
def info(lake: str) -> None:
    """Tell what is in LAKE: tables, stamps, countries, rows, problems."""
    from movielake.console import overview_tables
    from movielake.overview import describe_lake

    for shown in overview_tables(describe_lake(lake)):
        _show(shown)


@main.command()
@click.argument("lake")
@click.argument("file")
@_examples("movielake pack lake lake.tar")
def pack(lake: str, file: str) -> None:
    """Pack LAKE into FILE, one ordinary tar, for a shared file system that dislikes small files."""
    from movielake.console import file_progress
    from movielake.packing import pack as pack_lake

    with file_progress("pack") as progress:
        packed = pack_lake(lake, file, on_progress=progress)
    click.echo(f"{file}: {packed.bytes:,} bytes")


@main.command()
@click.argument("source")
@click.option("--to", metavar="DIR", help="Where to; $SLURM_TMPDIR/movielake/NAME by default.")
@click.option("--tables", metavar="LIST", help="Only these tables, e.g. movies,showings.")
@_stamps
@_countries
@click.option("--json/--no-json", default=True, help="Stage JSON Lines too, for bags of records.")
@click.option("--workers", type=click.IntRange(min=1), help="Files read and checked at a time.")
@_examples(
    "movielake stage lake.tar",
    "movielake stage lake --to /tmp/lake --countries deu --tables showings --no-json",
)
def stage(source: str, to: str | None, stamps: str | None, **options: Any) -> None:
    """Copy SOURCE, a lake or a pack, to this node's own disk, and print where it is.

    Nothing else goes to stdout: LAKE=$(movielake stage lake.tar). Without --to and outside Slurm
    nothing is copied, and the path is SOURCE's own.
    """
    from movielake.console import file_progress
    from movielake.slurm import read_job
    from movielake.staging import stage as stage_lake

    with file_progress("stage") as progress:
        staged = stage_lake(source, to, date_stamps=stamps, on_progress=progress, **options)
    if to is None and read_job().scratch is None:
        _fail("SLURM_TMPDIR is not set and --to is not given: nothing staged, using the source")
    click.echo(staged)


@main.command()
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="Write it there instead of printing it.")
@click.option("--cpus", type=int, help="CPUs of each node.")
@click.option("--nodes", type=int, help="Nodes; more than one only for multinode.")
@click.option("--memory", metavar="SIZE", help="Memory for each CPU, e.g. 4000M.")
@click.option("--time", metavar="LIMIT", help="Time limit, e.g. 2:59:00.")
@click.option("--account", metavar="ACCOUNT", help="Whose account the job is charged to.")
@_examples("movielake job", "movielake job analysis --cpus 6 -o analysis.sbatch")
def job(name: str | None, output: str | None, **options: Any) -> None:
    """List the sbatch scripts, or print the one called NAME with a job's own sizes."""
    from pathlib import Path

    from movielake.jobs import list_jobs, write_job

    if name is None:
        for script in list_jobs():
            click.echo(f"{script.name:12} {script.summary}")
        return
    text = write_job(name, **options)
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8")


@main.command()
@click.argument("table", required=False, type=click.Choice(["movies", "theaters", "showings"]))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="How to write it.",
)
@_examples("movielake schema showings", "movielake schema --format markdown")
def schema(table: str | None, form: str) -> None:
    """Print the schema of TABLE, or of all tables: every column and where it comes from."""
    from movielake import dictionary
    from movielake.schema import TABLES
    from movielake.schema import table as read_table

    write = dictionary.text_dictionary if form == "text" else dictionary.markdown_dictionary
    names = [table] if table else TABLES
    click.echo("\n".join(write(read_table(name)) for name in names), nl=False)


@main.command()
@click.argument("folder", default="movielake-demo", metavar="[DIR]")
@_examples("movielake demo")
def demo(folder: str) -> None:
    """Go all the way in DIR, in about a minute: sample, convert, info, and two queries."""
    from movielake.demo import run_demo

    run_demo(folder, _show)
