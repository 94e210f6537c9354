"""Fuzz one target with atheris: ``python -m tests.fuzz member|zip|tar [libFuzzer options]``.

Useful options are ``-max_total_time=600`` and ``-runs=100000``. Without a limit, fuzzing runs until
an input fails. Inputs that reach new code, and inputs that fail, are kept below build/fuzz. To
repeat one input, give the path of its file instead of options.
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["movielake"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.corpus import write_corpus, write_dictionary

BUILD = Path("build/fuzz").absolute()


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0] not in TARGETS:
        sys.exit(__doc__)
    target, *options = arguments
    kept = BUILD / target
    if not any(Path(option).is_file() for option in options):
        write_corpus(target, kept)
        write_dictionary(BUILD / "dictionary")
        options.append(f"-dict={BUILD}/dictionary")
        options.append(str(kept))
    defaults = ["-timeout=20", "-rss_limit_mb=4000", "-max_len=20000"]
    defaults.append(f"-artifact_prefix={BUILD}/{target}-")
    warnings.simplefilter("ignore")
    logging.disable()
    atheris.Setup([sys.argv[0], *defaults, *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
