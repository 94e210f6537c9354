"""What commands print: results to stdout, one clear line about anything else to stderr."""

from __future__ import annotations

import sys
from typing import Any

import click

from movielake.cli.escaping import printable


def show(shown: Any) -> None:
    """Print a text, or a rich renderable as wide as the terminal."""
    from rich.console import Console

    if isinstance(shown, str):
        click.echo(shown)
    else:
        # Without a terminal there is no width to fit: a table in a log is not to be cut.
        Console(width=None if sys.stdout.isatty() else 160).print(shown)


def warn(message: str) -> None:
    """Print one line to stderr, with the program's name before it."""
    click.echo(f"movielake: {printable(message)}", err=True)
