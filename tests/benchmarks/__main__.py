"""Run benchmarks and show their tables.

``python -m tests.benchmarks [NAME …] [--rounds N] [--lake LAKE] [--keep] [--check]``

All of them take about half an hour. ``--keep`` writes what was measured into ``results.json``, of
which ``python docs/pages.py`` makes the page on performance; ``--check`` only compares a short run
of the conversion with its bars, as ratios, and is part of CI.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks import archive, convert, scaling, stage, startup, views
from tests.benchmarks.results import Section, keep


def benchmarks(lake: str | None) -> dict[str, Callable[[int], Iterator[Section]]]:
    """Each takes the number of rounds, and gives tables; the last one reckons with the others."""
    return {
        "convert": convert.sections,
        "scaling": scaling.sections,
        "views": partial(views.sections, lake=lake),
        "stage": stage.sections,
        "startup": startup.sections,
        "archive": archive.sections,
    }


def main() -> int:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(benchmarks(None)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lake", help="a lake of synthetic_lake.py, so that none is written")
    parser.add_argument("--keep", action="store_true", help="write results.json")
    parser.add_argument("--check", action="store_true", help="compare with the bars, shortly")
    options = parser.parse_args()
    if options.check:
        return 1 if convert.check() else 0
    known = benchmarks(options.lake)
    for name in options.names or known:
        if name not in known:
            parser.error(f"expected one of {', '.join(known)}, found {name}")
    for name in options.names or known:
        for section in known[name](options.rounds):
            print(f"## {section.title}\n\n{section.text}\n\n{section.markdown()}", flush=True)
            if options.keep:
                keep(section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
