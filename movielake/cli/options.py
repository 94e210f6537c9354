"""Options that several commands share, and the examples in their help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from movielake.cli.completion import complete_countries, complete_stamps

stamps_option = click.option(
    "--stamps",
    metavar="GLOB",
    help="Only these date stamps, e.g. 20191206 or '2019*'.",
    shell_complete=complete_stamps,
)
countries_option = click.option(
    "--countries",
    metavar="LIST",
    help="Only these countries, e.g. can,deu.",
    shell_complete=complete_countries,
)


def examples(*lines: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command's help its examples, each on a line of its own."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        shown = "\n".join(f"      {line}" for line in lines)
        command.__doc__ = f"{command.__doc__}\n\n    \b\n    Examples:\n{shown}"
        return command

    return decorate
