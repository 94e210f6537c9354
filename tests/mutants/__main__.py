"""Put each fault into its own copy of the package, and run the tests that should notice it.

``python -m tests.mutants [WORD…]`` tries all faults, or only those whose file and description
contain all the words. It writes the results to ``results.json``. ``--new`` tries only faults that
are new, changed or unnoticed. ``--jobs N`` tries N faults at a time. The exit code is 0 if every
fault had the expected result. All faults take an hour. The normal test run tries the faults that
are marked as quick.
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
        print(f"no results were written: {error}")
        return 2
    write_results(found)
    print(f"{len(chosen)} mutants, {wrong} with an unexpected result")
    return int(bool(wrong))


def _try(mutant: Mutant) -> str | NotRunError:
    try:
        return try_mutant(mutant)
    except NotRunError as error:
        return error


def _judge(mutant: Mutant, tried: str | NotRunError) -> tuple[str, bool]:
    """Describe the result of a mutant and whether it is the expected one."""
    if isinstance(tried, NotRunError):
        return f"NOT RUN: {tried}", False
    if tried == SURVIVED:
        return ("survives, as expected", True) if mutant.survives else ("SURVIVED", False)
    if mutant.survives:
        return f"noticed by {tried}, but expected to survive", False
    return tried, True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
