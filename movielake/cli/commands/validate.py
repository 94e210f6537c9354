"""``movielake validate``: is a lake what it says, is a feed fit to be converted."""

from __future__ import annotations

import sys
from typing import Any

import click

from movielake.cli.options import (
    countries_option,
    examples,
    limit_options,
    stamps_option,
)


def _severities(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=SEVERITY; which names there are the library knows."""
    chosen = {}
    for text in texts:
        name, equals, severity = text.partition("=")
        if not equals:
            raise click.BadParameter(f"expected NAME=error, warning or ignore, found {text!r}")
        chosen[name.strip()] = severity.strip()
    return chosen


@click.command("validate")
@click.argument("path")
@stamps_option
@countries_option
@click.option("--fast", is_flag=True, help="Only the manifest, sizes and Parquet footers.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Open the files of N partitions only, spread over the lake.",
)
@click.option(
    "--max-orphans",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="More showings than this share without movie or theater are an error.",
)
@limit_options
@click.option(
    "--rule",
    "rules",
    multiple=True,
    callback=_severities,
    metavar="NAME=SEVERITY",
    help="Take a rule as error, warning or ignore; may be repeated.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="For people, for programs, or as annotations of a GitHub workflow.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; all CPUs by default.")
@examples(
    "movielake validate lake",
    "movielake validate lake --sample 50 --max-orphans 0.02 --format github",
    "movielake validate lake --rule duplicate-key=error --rule orphans=ignore",
)
def validate_command(
    path: str, stamps: str | None, countries: str | None, form: str, **options: Any
) -> None:
    """Check PATH: a lake, or a feed before it is converted.

    Every file of a lake is read and compared with the manifest, the schemas, and the records that
    it was made of. Errors: the lake is not what it says. Warnings: what the feed itself was like.
    docs/validation.md lists the rules. Exit code 1 if there is an error.
    """
    from movielake.cli.progress import ProgressBar
    from movielake.cli.verdict import open_verdict
    from movielake.validation import validate

    verdict = open_verdict(path, everything=form == "json", **options)
    with ProgressBar("validate") as bar:

        def on_checked(checked: Any) -> None:
            verdict.count(checked)
            bar.checked(checked)

        for finding in validate(
            path, date_stamps=stamps, countries=countries, on_checked=on_checked, **options
        ):
            verdict.add(finding)
    written = {"text": verdict.lines, "github": verdict.annotations}
    lines = written[form]() if form in written else [verdict.as_json()]
    click.echo("\n".join(lines))
    if not verdict.is_valid:
        sys.exit(1)
