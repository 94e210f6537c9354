"""Completion with TAB in a shell: jobs, stamps and countries."""

from __future__ import annotations

from contextlib import suppress

import click
from click.shell_completion import CompletionItem

PATH = click.Path()
"""A path or URL. A shell completes it as a file name."""


def complete_jobs(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of the sbatch scripts."""
    from movielake.cluster.jobs import list_jobs

    return [
        CompletionItem(job.name, help=job.summary)
        for job in list_jobs()
        if job.name.startswith(incomplete)
    ]


def complete_stamps(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the date stamps of the lake, pack or feed on the command line."""
    return _offer(incomplete, {key[0]: "" for key in _keys(context)})


def complete_countries(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the countries of the lake, pack or feed on the command line, or those of a sample."""
    from movielake.names.countries import read_countries
    from movielake.sample.places import countries

    known = read_countries()
    there = {key[1] for key in _keys(context)} or set(countries())
    return _offer(incomplete, {code: known[code].name if code in known else "" for code in there})


def _offer(incomplete: str, words: dict[str, str]) -> list[CompletionItem]:
    """Return completions for the last word of a list with commas."""
    before, comma, begun = incomplete.rpartition(",")
    taken = before.split(",")
    return [
        CompletionItem(f"{before}{comma}{word}", help=words[word] or None)
        for word in sorted(words)
        if word.startswith(begun) and word not in taken
    ]


def _keys(context: click.Context) -> list[tuple[str, str]]:
    """Return stamps and countries of the first argument's path; no error, for the shell's sake."""
    from movielake.feed.zips import find_feed
    from movielake.lake.manifest import read_manifest
    from movielake.staging.sources import open_source

    arguments = (p.name for p in context.command.params if isinstance(p, click.Argument))
    # If an option has no value yet, click leaves the arguments in context.args.
    waiting = (word for word in context.args if not word.startswith("-"))
    place = context.params.get(next(arguments, None) or "") or next(waiting, None)
    if place:
        with suppress(Exception), open_source(place) as lake:
            keys = read_manifest(lake, ["date_stamp", "country"], needed=None)
            return list(zip(*keys.to_pydict().values(), strict=True))
        with suppress(Exception):
            return [zip_.key for zip_ in find_feed(place).zips]
    return []
