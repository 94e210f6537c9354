"""Output of commands: results to stdout, and one clear line for each message to stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from movielake.cli.escaping import printable
from movielake.lake.gaps import UnreadableCommitWarning

if TYPE_CHECKING:
    from movielake.cli.progress import ProgressBar


_LOG_WIDTH: Final = 160


def is_quiet() -> bool:
    """Return whether the user asked for no progress and no summary."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


def show(shown: Any) -> None:
    """Print a text, or a rich renderable in the width of the terminal."""
    from rich.console import Console

    if isinstance(shown, str):
        click.echo(shown)
    else:
        # A log has no width to fit, and tables in it must not be cut.
        Console(width=None if sys.stdout.isatty() else _LOG_WIDTH).print(shown)


def warn(message: str) -> None:
    """Print one line to stderr, after the name of the program."""
    click.echo(f"movielake: {printable(message)}", err=True)


def progress(verb: str) -> ProgressBar:
    """Return the progress bar of a command. It shows nothing if the user asked for quiet."""
    from movielake.cli.progress import ProgressBar

    return ProgressBar(verb, quiet=is_quiet())


def summarise(text: str) -> None:
    """Print a summary, unless the user asked for quiet."""
    if not is_quiet():
        click.echo(text)


@contextmanager
def warnings_shown() -> Iterator[list[str]]:
    """Print each warning of a partition that is left out as one line, once. Yield their list."""
    shown: list[str] = []
    usual = warnings.showwarning

    def show_warning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, UnreadableCommitWarning):
            usual(message, category, filename, lineno, file, line)
        elif str(message) not in shown:
            shown.append(str(message))
            warn(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", UnreadableCommitWarning)
        warnings.showwarning = show_warning
        yield shown
