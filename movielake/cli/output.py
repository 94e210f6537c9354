"""Output of commands: results to stdout, and one clear line for each message to stderr."""

from __future__ import annotations

import sys
from typing import Any

import click

from movielake.cli.escaping import printable


def show(shown: Any) -> None:
    """Print a text, or a rich renderable in the width of the terminal."""
    from rich.console import Console

    if isinstance(shown, str):
        click.echo(shown)
    else:
        # A log has no width to fit, and tables in it must not be cut.
        Console(width=None if sys.stdout.isatty() else 160).print(shown)


def warn(message: str) -> None:
    """Print one line to stderr, after the name of the program."""
    click.echo(f"movielake: {printable(message)}", err=True)
