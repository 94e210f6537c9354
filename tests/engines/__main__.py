"""Run the engines outside CI: ``python -m tests.engines LAKE [NAME ...]``.

Each engine gets a virtual environment in build/engines, which the next run uses again. The answers
go into results.json, from which ``python docs/pages.py`` makes docs/engine-table.md.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from tests.engines.asking import (
    HERE,
    LAYOUTS,
    ask,
    engines,
    known,
    outcome,
    prepare,
    question,
    right,
)

VENVS = HERE.parents[1] / "build" / "engines"
RESULTS = HERE / "results.json"


def python_with(engine: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make or find the virtual environment of an engine. Return its Python and its costs."""
    folder = VENVS / engine["name"].replace(" ", "-").lower()
    python, costs = folder / "bin" / "python", folder / "costs.json"
    if not costs.exists():
        venv.create(folder, with_pip=True)
        started = time.monotonic()
        command = [python, "-m", "pip", "install", "-q", *engine["packages"]]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found = {"seconds": round(time.monotonic() - started), "megabytes": round(size / 1e6)}
        costs.write_text(json.dumps(found))
    return str(python), json.loads(costs.read_text())


def main(lake: str, *names: str) -> int:
    """Run engines. Return 1 if an answer is not as engines.toml says."""
    place = Path(lake).resolve()
    expected, asked = right(place), question(place)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    wrong = 0
    for engine in engines():
        if names and engine["name"] not in names:
            continue
        python, costs = python_with(engine)
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), place)
            found = ask(engine, asked, Path(folder), python)
        log = found.pop("log", "")
        date = datetime.date.today().isoformat()
        results[engine["name"]] = found | costs | {"date": date}
        for layout in [name for name in LAYOUTS if name in engine]:
            answer = found.get(layout, found)
            came = outcome(answer, expected[LAYOUTS[layout]])
            differs = came != known(engine, layout)
            print(
                engine["name"], layout, came, f"UNLIKE BEFORE {answer} {log}" * differs, flush=True
            )
            wrong += differs
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
