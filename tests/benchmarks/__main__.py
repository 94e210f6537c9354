"""Run benchmarks and show their tables.

``python -m tests.benchmarks [NAME …] [--rounds N] [--lake LAKE] [--copy COPY]
[--against REV] [--keep] [--check]``

All benchmarks take about half an hour. ``decade`` takes as long again and is only run by its name.
``--keep`` writes the results to ``results.json``.
``python docs/pages.py`` makes the page on performance from that file. ``--check`` only runs a short
conversion and compares its speed, as ratios, with the required minimum. CI runs this check.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks import (
    analyses,
    archive,
    asking,
    builds,
    convert,
    decade,
    peers,
    scaling,
    stage,
    startup,
    views,
)
from tests.benchmarks.results import Section, keep

Benchmark = Callable[[int], Iterator[Section]]


def benchmarks(lake: str | None, copy: str | None, against: str | None) -> dict[str, Benchmark]:
    """Return the benchmarks by name. Each takes the number of rounds and yields tables.

    Builds are only compared if there is another one. The last benchmark is an estimate from the
    kept results of the others.
    """
    compared = {"builds": partial(builds.sections, against=against)} if against else {}
    return {
        **compared,
        "convert": convert.sections,
        "peers": peers.sections,
        "scaling": scaling.sections,
        "views": partial(views.sections, lake=lake, copy=copy),
        "analyses": partial(analyses.sections, lake=lake, copy=copy),
        "sql": partial(asking.sections, lake=lake, copy=copy),
        "stage": stage.sections,
        "startup": startup.sections,
        "archive": archive.sections,
        "decade": partial(decade.sections, copy=copy),
    }


def main() -> int:
    """Run the command."""
    known = ", ".join(benchmarks(None, None, "REV"))
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=known)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lake", help="use this lake of synthetic_lake.py")
    parser.add_argument("--copy", help="use this compact copy of the lake")
    parser.add_argument("--against", help="compare with the build of this git revision, for builds")
    parser.add_argument("--keep", action="store_true", help="write results.json")
    parser.add_argument("--check", action="store_true", help="only a short comparison")
    options = parser.parse_args()
    if options.check:
        return 1 if convert.check() else 0
    chosen = benchmarks(options.lake, options.copy, options.against)
    for name in options.names:
        if name not in chosen:
            parser.error(f"expected one of {', '.join(chosen)}, found {name}")
    for name in options.names or [known for known in chosen if known != "decade"]:
        for section in chosen[name](options.rounds):
            print(f"## {section.title}\n\n{section.text}\n\n{section.markdown()}", flush=True)
            if options.keep:
                keep(section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
