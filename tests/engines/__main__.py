"""Run the engines outside CI: ``python -m tests.engines LAKE [NAME ...]``.

Each engine gets a virtual environment, or a folder of npm packages, in build/engines. The next run
uses it again. The answers
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
    installation,
    known,
    outcome,
    prepare,
    question,
    right,
)

RESULTS = HERE / "results.json"


def install(engine: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Install an engine, unless an earlier run did. Return the Python to run, and the costs."""
    folder = installation(engine)
    python, costs = folder / "bin" / "python", folder / "costs.json"
    if not costs.exists():
        if engine.get("language") == "javascript":
            folder.mkdir(parents=True, exist_ok=True)
            command = ["npm", "install", "--silent", "--prefix", folder]
        else:
            venv.create(folder, with_pip=True)
            command = [python, "-m", "pip", "install", "-q"]
        started = time.monotonic()
        subprocess.run([*command, *engine["packages"]], check=True, stderr=subprocess.DEVNULL)
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
        python, costs = install(engine)
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
