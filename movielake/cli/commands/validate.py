"""``movielake validate``: check a lake, or a feed before it is converted."""

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
    """Read NAME=SEVERITY. The library checks the names."""
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
@click.option("--fast", is_flag=True, help="Check only the manifest, sizes and Parquet footers.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Open only the files of N partitions, spread over the lake.",
)
@click.option(
    "--max-orphans",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Largest allowed share of showings without movie or theater. More is an error.",
)
@limit_options
@click.option(
    "--rule",
    "rules",
    multiple=True,
    callback=_severities,
    metavar="NAME=SEVERITY",
    help="Set a rule to error, warning or ignore. You can repeat this option.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "html"]),
    default="text",
    show_default=True,
    help="Format of the output: for people, for programs, annotations of a GitHub workflow, or a "
    "page for a browser.",
)
@click.option(
    "--earlier",
    multiple=True,
    metavar="FILE",
    help="Show the trend since this earlier output of --format json. You can repeat this option.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show up to 20 findings of each rule.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of processes. Default: one for each CPU."
)
@examples(
    "movielake validate lake",
    "movielake validate lake --sample 50 --max-orphans 0.02 --format github",
    "movielake validate lake --rule duplicate-key=error --rule orphans=ignore",
    "movielake validate lake --format html --earlier monday.json > validation.html",
)
def validate_command(
    path: str,
    stamps: str | None,
    countries: str | None,
    form: str,
    earlier: tuple[str, ...],
    verbose: bool,
    **options: Any,
) -> None:
    """Check PATH: a lake, or a feed before it is converted.

    The command reads every file of a lake and compares it with the manifest, the schemas and the
    JSON records. Errors mean that the lake does not match its commits. Warnings describe oddities
    of the feed. The output begins with the verdict and shows the first finding of each rule.
    docs/validation.md lists the rules. The exit code is 1 if an error was found.
    """
    from movielake.cli.output import is_quiet, progress
    from movielake.cli.verdict import open_verdict
    from movielake.validation import validate
    from movielake.validation.trends import read_earlier

    if earlier and form != "html":
        raise click.UsageError("expected --format html with --earlier")
    known = read_earlier(earlier)
    verdict = open_verdict(path, everything=form == "json", **options)
    with progress("validate") as bar:

        def on_checked(checked: Any) -> None:
            verdict.count(checked)
            bar.checked(checked)

        for finding in validate(
            path,
            date_stamps=stamps,
            countries=countries,
            on_checked=on_checked,
            on_weeks=verdict.weeks.extend,
            **options,
        ):
            verdict.add(finding)
    if form == "json":
        lines = [verdict.as_json()]
    elif form == "html":
        lines = [verdict.as_page(known)]
    elif form == "github":
        lines = verdict.annotations()
    else:
        lines = [verdict.summary()] if is_quiet() else verdict.lines(verbose=verbose)
    click.echo("\n".join(lines))
    if not verdict.is_valid:
        sys.exit(1)
