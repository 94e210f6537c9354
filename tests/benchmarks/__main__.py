"""Run benchmarks and show their tables.

``python -m tests.benchmarks [NAME …] [--rounds N] [--lake LAKE] [--copy COPY] [--keep] [--check]``

All benchmarks take about half an hour. ``--keep`` writes the results to ``results.json``.
``python docs/pages.py`` makes the page on performance from that file. ``--check`` only runs a short
conversion and compares its speed, as ratios, with the required minimum. CI runs this check.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks import analyses, archive, asking, convert, scaling, stage, startup, views
from tests.benchmarks.results import Section, keep


def benchmarks(lake: str | None, copy: str | None) -> dict[str, Callable[[int], Iterator[Section]]]:
    """Return the benchmarks by name. Each takes the number of rounds and yields tables.

    The last one is an estimate from the kept results of the others.
    """
    return {
        "convert": convert.sections,
        "scaling": scaling.sections,
        "views": partial(views.sections, lake=lake),
        "analyses": partial(analyses.sections, lake=lake, copy=copy),
        "sql": partial(asking.sections, lake=lake, copy=copy),
        "stage": stage.sections,
        "startup": startup.sections,
        "archive": archive.sections,
    }


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(benchmarks(None, None)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lake", help="use this lake of synthetic_lake.py")
    parser.add_argument("--copy", help="use this compact copy of the lake, for analyses")
    parser.add_argument("--keep", action="store_true", help="write results.json")
    parser.add_argument("--check", action="store_true", help="only a short comparison")
    options = parser.parse_args()
    if options.check:
        return 1 if convert.check() else 0
    known = benchmarks(options.lake, options.copy)
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
