"""Put each fault into a copy of the package, alone, and run the tests that should notice.

``python -m tests.mutants [WORD…]`` does all, or those with all the words in their file or fault,
and writes down what came of it; ``--new`` does those that were not tried as they are now, or went
unnoticed, and ``--jobs N`` so many at a time. The exit code tells whether each was caught that can
be. All of them take an hour; those that are marked as quick are part of the test run.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.mutants.faults import SURVIVED, Mutant, read_mutants, read_results, write_results
from tests.mutants.trial import NotRunError, check_without_fault, try_mutant


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    chosen = [m for m in read_mutants() if all(w in f"{m.file} {m.fault}" for w in options.words)]
    if options.new:
        known = {(result.key, result.survives) for result in read_results() if result.is_well}
        chosen = [m for m in chosen if (m.result(SURVIVED).key, m.survives) not in known]
    found, wrong = [], 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, tried in zip(chosen, pool.map(_try, chosen), strict=True):
            verdict, is_well = _judge(mutant, tried)
            print(f"{mutant.file}: {mutant.fault} | {verdict}", flush=True)
            wrong += not is_well
            if isinstance(tried, str):
                found.append(mutant.result(tried))
    try:
        check_without_fault(result.by for result in found)
    except NotRunError as error:
        print(f"nothing is written down: {error}")
        return 2
    write_results(found)
    print(f"{len(chosen)} mutants, {wrong} not as they should be")
    return int(bool(wrong))


def _try(mutant: Mutant) -> str | NotRunError:
    try:
        return try_mutant(mutant)
    except NotRunError as error:
        return error


def _judge(mutant: Mutant, tried: str | NotRunError) -> tuple[str, bool]:
    """Say what came of a mutant, and whether that is as it should be."""
    if isinstance(tried, NotRunError):
        return f"NOT RUN: {tried}", False
    if tried == SURVIVED:
        return ("survives, as expected", True) if mutant.survives else ("SURVIVED", False)
    if mutant.survives:
        return f"{tried}, though it is said to survive", False
    return tried, True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
