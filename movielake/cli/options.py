"""Options that several commands share, and the examples in the help texts."""

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

current_option = click.option(
    "--current",
    type=click.Choice(["movie", "theater", "no"]),
    default="movie",
    show_default=True,
    callback=lambda _, __, rule: rule != "no" and rule,
    help="Leave out screenings that a later snapshot supersedes: those of a film in a theater on a "
    "day (movie), of a whole day in a theater (theater), or none (no).",
)


def _size(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    from movielake.feed.limits import choose_limits

    try:
        return None if text is None else choose_limits(text, None).member_size
    except ValueError:
        message = f"expected a size such as 500MB or 64GB, found {text!r}"
        raise click.BadParameter(message) from None


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that limit the size to which a zip's member can unpack."""
    size = click.option(
        "--max-member-size",
        metavar="SIZE",
        callback=_size,
        help="Largest size to which a member of a zip can unpack. Default: 64GB.",
    )
    ratio = click.option(
        "--max-ratio",
        type=click.FloatRange(0, min_open=True),
        metavar="N",
        help="Most bytes to which each packed byte can unpack, after the first GB. Default: 300.",
    )
    return size(ratio(command))


def examples(*lines: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add examples to the help of a command, one per line."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        shown = "\n".join(f"      {line}" for line in lines)
        command.__doc__ = f"{command.__doc__}\n\n    \b\n    Examples:\n{shown}"
        return command

    return decorate
